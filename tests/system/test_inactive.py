"""Connectors of type inactive: who does not log in is cleaned up, in a directory that another connector keeps or nobody does."""

import sqlite3
import time

import pytest
from company import Company
from server import Server

DAY = 86400
SOON = -0.001  # clocks may differ by minutes: surely after what has just been done
ADMIN = "Skipping admin or sysadmin <{}>"
NEVER = ("User <{}> has no lastAuthenticated timestamp and cleanup users without timestamp is disabled. "
         "Therefore the user will not be cleaned up.")


def iso(days_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days_ago * DAY))


def note(server, directory, **days):
    status, noted = server.call("POST", f"/directory/{directory}/login", [{"username": u, "at": iso(d)} for u, d in days.items()])
    assert status == 200, noted
    return noted


def users(server, directory):
    page = server.call("GET", f"/directory/{directory}/user?limit=1000")[1]
    return {u["name"]: u["active"] for u in page["users"]}


def groups_of(server, directory, name):
    return sorted(server.call("GET", f"/directory/{directory}/user/{name}")[1]["groups"])


def outcomes(server, run):
    rows = server.call("GET", f"/usersync/syncstatus/{run['id']}/results?limit=1000")[1]["results"]
    return {(r["object"], r["outcome"], r["name"]) for r in rows}


def age(server, sql, *values):
    """Changes what only time changes."""
    data = server.data
    server.stop()
    with sqlite3.connect(data / "usersync.db") as store:
        store.execute(sql, values)
    server.start()


@pytest.fixture
def company():
    with Company(count=6) as c:
        yield c


@pytest.fixture
def hr(server, company):
    connector = server.create("hr", "file", {**company.configuration, "cleanup": "delete"})
    server.sync(connector)
    return connector


def stale(server, **settings):
    return server.create("stale", "inactive", {"directory": "hr", "days": 90, **settings})


def test_who_has_not_logged_in_is_disabled_and_stays_so_until_the_next_login(server, company, hr):
    directory = hr["directoryId"]
    note(server, directory, user000=200, user001=89, user002=90)
    connector = stale(server)
    assert connector["directoryId"] == directory
    assert len(server.call("GET", "/directory/")[1]) == 1
    run = server.sync(connector)
    assert run["status"] == "DONE", run
    assert (run["disabledCount"], run["notModifiedCount"], run["resultCount"]) == (2, 4, 6)
    assert run["messages"][1:] == [NEVER.format(f"user00{i}") for i in (3, 4, 5)]
    assert users(server, directory) == {"user000": False, "user001": True, "user002": False, "user003": True, "user004": True, "user005": True}
    reasons = {r["reason"] for r in server.call("GET", f"/usersync/syncstatus/{run['id']}/results")[1]["results"]}
    assert reasons == {"has not logged in for 200 days", "has not logged in for 90 days"}
    # once more, and the owner's next run, change nothing
    assert outcomes(server, server.sync(connector)) == set()
    again = server.sync(hr)
    assert (again["status"], again["notModifiedCount"], again["updatedCount"]) == ("DONE", 6, 0) and outcomes(server, again) == set()
    # what the source says of them goes on, but for the active state
    company.people["id000"]["email"] = "other@example.org"
    company.write()
    assert outcomes(server, server.sync(hr)) == {("user", "UPDATED", "user000")}
    assert users(server, directory)["user000"] is False
    # a login, and the owner's next run wakes the user up; the other stays
    note(server, directory, user000=SOON)
    woken = server.sync(hr)
    assert outcomes(server, woken) == {("user", "UPDATED", "user000")}
    assert users(server, directory)["user000"] is True and users(server, directory)["user002"] is False
    assert outcomes(server, server.sync(connector)) == set()
    # so does a single update, which is asked for at a login, and counts as one
    assert server.call("POST", f"/usersync/connector/{hr['id']}/syncsingle/user002")[1]["status"] == "DONE"
    assert users(server, directory)["user002"] is True
    assert server.call("GET", f"/directory/{directory}/user/user002")[1]["lastLoginVia"] == "single update"
    assert outcomes(server, server.sync(connector)) == set()


def test_who_never_logged_in_counts_from_the_day_they_were_made(server, hr):
    connector = stale(server, neverLoggedIn=True)
    directory = hr["directoryId"]
    run = server.sync(connector)
    assert run["status"] == "DONE" and outcomes(server, run) == set() and len(run["messages"]) == 1
    age(server, "UPDATE usr SET created = created - ? WHERE name IN ('user001', 'user002')", 90 * DAY)
    note(server, directory, user001=3)
    run = server.sync(connector)
    assert outcomes(server, run) == {("user", "DISABLED", "user002")}
    rows = server.call("GET", f"/usersync/syncstatus/{run['id']}/results")[1]["results"]
    assert rows[0]["reason"] == "has never logged in since it was made 90 days ago"


def test_admins_are_skipped_and_groups_decide_who_is_looked_at(server, company, hr):
    directory = hr["directoryId"]
    note(server, directory, **{f"user00{i}": 200 for i in range(6)})
    connector = stale(server, adminGroups=["EVEN"])
    run = server.sync(connector)
    assert run["messages"][1:] == [ADMIN.format(f"user00{i}") for i in (0, 2, 4)]
    assert {n for _, _, n in outcomes(server, run)} == {"user001", "user003", "user005"}
    undone = server.wait(server.call("POST", f"/usersync/syncstatus/{run['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE" and all(users(server, directory).values())
    for settings, hit in [
            ({"onlyMembersOf": ["ev*"]}, {"user000", "user002", "user004"}),
            ({"notMembersOf": ["/^even$/"]}, {"user001", "user003", "user005"}),
            ({"onlyMembersOf": ["nobody"]}, set()),
            ({"onlyMembersOf": ["staff"], "notMembersOf": ["even"], "protectedUsers": ["user003"]}, {"user001", "user005"})]:
        status, saved = server.call("PUT", f"/usersync/connector/{connector['id']}", {"directory": "hr", "days": 90, **settings})
        assert status == 200, saved
        run = server.wait(server.call("POST", f"/usersync/connector/{connector['id']}/simulate")[1]["id"])
        assert {n for _, _, n in outcomes(server, run)} == hit, settings
    # changed settings hold the next plan that would clean up anybody
    held = server.sync(connector)
    assert held["status"] == "HELD" and held["held"]["rule"] == "configuration-changed"
    assert all(users(server, directory).values())
    assert server.call("POST", f"/usersync/syncstatus/{held['id']}/approve")[0] == 202
    assert server.wait(held["id"])["status"] == "DONE"
    assert [n for n, active in users(server, directory).items() if not active] == ["user001", "user005"]


def test_stages_end_where_daily_runs_would(server, company, hr):
    directory = hr["directoryId"]
    note(server, directory, user000=200)
    stages = [{"afterDays": 0, "action": "disable"}, {"afterDays": 7, "action": "strip"}, {"afterDays": 30, "action": "anonymize"},
              {"afterDays": 365, "action": "delete"}]
    connector = stale(server, cleanup="staged", cleanupStages=stages, stripExceptions=["even"])
    assert outcomes(server, server.sync(connector)) == {("user", "DISABLED", "user000")}
    assert groups_of(server, directory, "user000") == ["even", "staff"]

    def pass_days(n):
        age(server, "UPDATE usr SET retired_since = retired_since - ? WHERE retired_since > 0", n * DAY)
        age(server, "UPDATE login SET at = at - ?", n * DAY)

    pass_days(7)
    assert outcomes(server, server.sync(connector)) == {("user", "UPDATED", "user000"), ("members", "UPDATED", "staff")}
    assert groups_of(server, directory, "user000") == ["even"]
    # the source still has the user in both
    assert outcomes(server, server.sync(hr)) == set() and groups_of(server, directory, "user000") == ["even"]
    pass_days(23)
    run = server.sync(connector)
    assert outcomes(server, run) == {("user", "ANONYMIZED", "user000")}
    assert "user000" not in users(server, directory) and users(server, directory)["user-1"] is False
    assert outcomes(server, server.sync(hr)) == set()
    pass_days(335)
    assert outcomes(server, server.sync(connector)) == {("user", "DELETED", "user-1"), ("members", "UPDATED", "even")}
    # the owner does not make the user again
    assert outcomes(server, server.sync(hr)) == {("user", "FILTERED", "user000")}
    assert len(users(server, directory)) == 5
    # a single update does
    assert server.call("POST", f"/usersync/connector/{hr['id']}/syncsingle/user000")[1]["status"] == "DONE"
    assert groups_of(server, directory, "user000") == ["even", "staff"]
    assert outcomes(server, server.sync(hr)) == set()


def test_who_was_deleted_comes_back_with_a_login_or_an_undo(server, company, hr):
    directory = hr["directoryId"]
    note(server, directory, user000=200, user001=200)
    connector = stale(server, cleanup="delete")
    run = server.sync(connector)
    assert run["deletedCount"] == 2 and len(users(server, directory)) == 4
    assert server.sync(hr)["filteredCount"] == 2
    # an old one, and that of somebody else, are no return
    assert note(server, directory, user000=3, nobody=0)["unknown"] == 2
    noted = note(server, directory, User001=SOON)
    assert (noted["returning"], noted["unknown"]) == (1, 0)
    assert outcomes(server, server.sync(hr)) >= {("user", "ADDED", "user001"), ("user", "FILTERED", "user000")}
    undone = server.wait(server.call("POST", f"/usersync/syncstatus/{run['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE"
    assert {n for _, o, n in outcomes(server, undone) if o == "ADDED"} == {"user000"}
    assert groups_of(server, directory, "user000") == ["even", "staff"]
    # nothing is left that would keep the user out later
    person = company.people.pop("id000")
    company.write()
    assert ("user", "DELETED", "user000") in outcomes(server, server.sync(hr))
    company.people["id000"] = person
    company.write()
    assert ("user", "ADDED", "user000") in outcomes(server, server.sync(hr))


def test_no_name_of_a_deleted_user_is_kept_for_that(server, hr):
    note(server, hr["directoryId"], user000=200)
    server.sync(stale(server, cleanup="delete"))
    server.stop()
    with sqlite3.connect(server.data / "usersync.db") as store:
        rows = store.execute("SELECT * FROM retired").fetchall()
    assert len(rows) == 1 and b"user000" not in b"".join(v for v in rows[0] if isinstance(v, bytes)) and "id000" not in rows[0]


def test_limits_hold_a_plan_and_a_simulation_writes_nothing(server, hr):
    directory = hr["directoryId"]
    note(server, directory, **{f"user00{i}": 200 for i in range(6)})
    connector = stale(server, limits={"users": {"floor": 2, "percent": 10}})
    simulated = server.wait(server.call("POST", f"/usersync/connector/{connector['id']}/simulate")[1]["id"])
    assert simulated["status"] == "DONE" and simulated["disabledCount"] == 6 and all(users(server, directory).values())
    held = server.sync(connector)
    assert held["status"] == "HELD" and held["held"]["rule"] == "users.removed" and all(users(server, directory).values())
    assert server.call("POST", f"/usersync/syncstatus/{held['id']}/approve")[0] == 202
    assert server.wait(held["id"])["status"] == "DONE" and not any(users(server, directory).values())


def test_a_directory_that_is_made_again_is_found_by_its_connector(server, hr):
    connector = stale(server)
    assert server.call("DELETE", f"/directory/{hr['directoryId']}")[0] == 204
    failed = server.sync(connector)
    assert failed["status"] == "FAILED" and failed["messages"][1] == f"Directory {hr['directoryId']} does not exists"
    new = server.call("PUT", f"/usersync/connector/{hr['id']}", hr["configuration"])[1]["directoryId"]
    server.sync(hr)
    note(server, new, user003=200)
    assert outcomes(server, server.sync(connector)) == {("user", "DISABLED", "user003")}


@pytest.mark.parametrize("settings, said", [
    ({"directory": "nowhere", "days": 90}, 'directory: there is no directory and no connector with a directory of its own "nowhere"'),
    ({"directory": "77", "days": 90}, "directory: Directory 77 does not exists"),
    ({"directory": "stale", "days": 90}, 'directory: there is no directory and no connector with a directory of its own "stale"'),
    ({"days": 90}, "directory is required"),
    ({"directory": "hr"}, "days is required"),
    ({"directory": "hr", "days": 0}, "days"),
    ({"directory": 1, "days": 90}, "directory"),
    ({"directory": "hr", "days": 90, "neverLoggedIn": "yes"}, "neverLoggedIn"),
    ({"directory": "hr", "days": 90, "adminGroups": ["/(/"]}, "adminGroups"),
])
def test_wrong_settings_are_refused(server, hr, settings, said):
    stale(server)
    status, answer = server.call("POST", "/usersync/connector/", {"name": "other", "type": "inactive", "configuration": settings})
    assert status == 422 and said in answer["message"], answer
    assert len(server.call("GET", "/usersync/connector/")[1]) == 2


@pytest.mark.parametrize("name, value", [
    ("mapping", [{"attribute": "username", "from": "username"}]), ("groupMapping", [{"attribute": "name", "from": "name"}]), ("create", "always"),
    ("setActive", False), ("requiredGroups", ["staff"]), ("groupFilter", ["staff"]), ("groupExclude", ["staff"]), ("nestedGroups", "flatten"),
    ("emptyGroups", "drop"), ("assignGroups", ["all"]), ("groupCleanup", "keep"), ("allOrNothing", True), ("delegateAuthentication", True),
    ("authenticationCacheSeconds", 5)])
def test_settings_about_a_source_are_refused(server, hr, name, value):
    connector = stale(server)
    status, answer = server.call("PUT", f"/usersync/connector/{connector['id']}", {"directory": "hr", "days": 90, name: value})
    assert status == 422 and answer["fields"] == [
        {"field": name, "reason": "has no meaning for a connector of type inactive, which reads no source: leave it out"}], answer
    # what is null is not set
    assert server.call("PUT", f"/usersync/connector/{connector['id']}", {"directory": "hr", "days": 90, name: None})[0] == 200


def test_settings_that_it_has_are_those_that_are_shown(server, hr):
    shown = server.request("GET", "/openapi.json").json()["components"]["schemas"]["Configuration_inactive"]["properties"]
    assert {"limits", "schedule", "cleanup", "adminGroups"} <= shown.keys() and not {"mapping", "create", "requiredGroups"} & shown.keys()
    listed = server.cli("types", "inactive").stdout
    assert "  limits (" in listed and "  adminGroups (" in listed and listed.count("  adminGroups (") == 1 and "  mapping (" not in listed


def test_it_has_no_single_updates_and_nothing_to_connect_to(server, hr):
    connector = stale(server)
    status, answer = server.call("POST", f"/usersync/connector/{connector['id']}/syncsingle/user000")
    assert answer["status"] == "FAILED" and "has no single updates" in answer["messages"][1], (status, answer)
    assert "no source to connect to" in server.cli("connector", "test", "stale").stdout
    # its end leaves the directory, and what it did, as they are
    assert server.call("DELETE", f"/usersync/connector/{connector['id']}")[0] == 204
    assert server.call("GET", f"/directory/{hr['directoryId']}")[1]["connectorUID"] == hr["uniqueId"]


def test_a_thousand_users():
    with Company(count=0) as company, Server() as server:
        for i in range(1000):
            company.people[f"id{i:04}"] = {"username": f"user{i:04}", "fullName": "", "email": "", "active": "true", "groups": "staff"}
        company.write()
        hr = server.create("hr", "file", company.configuration)
        assert server.sync(hr)["addedCount"] == 1000
        directory = hr["directoryId"]
        note(server, directory, **{f"user{i:04}": i % 100 for i in range(900)})
        connector = server.create("stale", "inactive", {"directory": str(directory), "days": 90, "stripMemberships": True})
        run = server.sync(connector)
        assert run["status"] == "DONE", run
        assert (run["disabledCount"], run["resultCount"], run["memberships"]["removedCount"]) == (90, 1000, 90)
        assert len(run["messages"]) == 82 and run["messages"][-1] == "20 more users have no lastAuthenticated timestamp and will not be cleaned up."
        again = server.sync(hr)
        assert again["notModifiedCount"] == 1000 and outcomes(server, again) == set()
        assert outcomes(server, server.sync(connector)) == set()
        note(server, directory, **{f"user{i:04}": SOON for i in range(900)})
        woken = server.sync(hr)
        assert (woken["updatedCount"], woken["memberships"]["addedCount"]) == (90, 90)
        assert all(users(server, directory).values())


def test_a_directory_without_a_connector_is_all_within_reach(server):
    status, made = server.call("POST", "/directory", {"name": "by hand"})
    assert status == 201, made
    directory = made["id"]
    for name in ("anna", "bert", "carl"):
        assert server.call("POST", f"/directory/{directory}/user", {"name": name})[0] == 201
    assert server.call("POST", f"/directory/{directory}/group", {"name": "staff"})[0] == 201
    for name in ("anna", "bert"):
        assert server.cli("directory", "member", "add", str(directory), "staff", name).returncode == 0
    note(server, directory, anna=200, bert=1)
    connector = server.create("stale", "inactive", {"directory": str(directory), "days": 90, "stripMemberships": True})
    run = server.sync(connector)
    assert run["status"] == "DONE" and outcomes(server, run) == {("user", "DISABLED", "anna"), ("members", "UPDATED", "staff")}, run
    assert users(server, directory) == {"anna": False, "bert": True, "carl": True} and groups_of(server, directory, "anna") == []
    assert outcomes(server, server.sync(connector)) == set()
    undone = server.wait(server.call("POST", f"/usersync/syncstatus/{run['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE", undone
    assert all(users(server, directory).values()) and groups_of(server, directory, "anna") == ["staff"]
    # deleted, and brought back
    status, saved = server.call("PUT", f"/usersync/connector/{connector['id']}", {"directory": str(directory), "days": 90, "cleanup": "delete"})
    assert status == 200, saved
    held = server.sync(connector)
    assert held["status"] == "HELD"
    server.call("POST", f"/usersync/syncstatus/{held['id']}/approve")
    assert server.wait(held["id"])["status"] == "DONE" and users(server, directory) == {"bert": True, "carl": True}
    undone = server.wait(server.call("POST", f"/usersync/syncstatus/{held['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE" and groups_of(server, directory, "anna") == ["staff"], undone


def test_a_script_decides_whom_cleanup_takes(server, hr):
    directory = hr["directoryId"]
    note(server, directory, user000=200, user001=300)
    connector = stale(server, cleanupIf="return daysSinceLogin > 250")
    run = server.sync(connector)
    assert run["status"] == "DONE" and outcomes(server, run) == {("user", "DISABLED", "user001")}, run
    assert outcomes(server, server.sync(connector)) == set()
