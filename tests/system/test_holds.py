"""Held plans, whole and in part: what is decided, by whom, and until when."""

import datetime
import sqlite3
import time
import urllib.parse

import pytest
from company import Company
from receiver import Receiver
from server import Server


@pytest.fixture
def site(server):
    with Company(count=40) as company:
        server.company = company
        server.hr = server.create("hr", "file", {**company.configuration, "onLimit": "cleanup"})
        assert server.sync(server.hr)["status"] == "DONE"
        yield server


def lose(server, count, come=()):
    for key in list(server.company.people)[:count]:
        del server.company.people[key]
    for name in come:
        server.company.add(name, name)
    server.company.write()


def users(server):
    page = server.call("GET", f"/directory/{server.hr['directoryId']}/user?limit=1000")[1]
    return {u["name"]: u["active"] for u in page["users"]}


def show(server, run):
    return server.call("GET", f"/usersync/syncstatus/{run}")[1]


def results(server, run, query=""):
    return server.call("GET", f"/usersync/syncstatus/{run}/results?limit=1000{query}")[1]["results"]


# --- only the cleanup -----------------------------------------------------------------------------

def test_joiners_go_on_while_the_cleanup_waits(site):
    lose(site, 20, come=["new1", "new2"])
    run = site.sync(site.hr)
    assert (run["status"], run["addedCount"], run["heldCount"], run["disabledCount"]) == ("DONE", 2, 20, 0)
    held = run["held"]
    assert (held["rule"], held["found"], held["part"], run["decidedBy"]) == ("users.removed", 20, "cleanup", None)
    assert f"that waits as run {held['run']}, approve or reject it." in run["messages"][-1]
    part = show(site, held["run"])
    assert (part["status"], part["kind"], part["planOf"], part["disabledCount"], part["addedCount"]) == ("HELD", "cleanup", run["id"], 20, 0)
    assert sum(users(site).values()) == 42
    rows = results(site, run["id"], "&outcome=HELD")
    assert len([r for r in rows if r["object"] == "user"]) == 20
    assert all(r["reason"].endswith(f"waits as run {part['id']}") for r in rows)
    assert {r["outcome"] for r in results(site, part["id"])} <= {"DISABLED", "UPDATED"}
    # The run that left it stands for it.
    status, answer = site.call("POST", f"/usersync/syncstatus/{run['id']}/approve")
    assert (status, answer["id"]) == (202, part["id"])
    done = site.wait(part["id"])
    assert (done["status"], done["disabledCount"], done["decidedBy"]) == ("DONE", 20, "admin")
    assert sum(users(site).values()) == 22
    assert "Approved by admin" in done["messages"]
    whole_run = show(site, run["id"])
    assert (whole_run["decidedBy"], whole_run["messages"][-1]) == ("admin", f"The cleanup, run {part['id']}: Approved by admin")
    assert site.call("POST", f"/usersync/syncstatus/{run['id']}/approve") == (409, {
        "status": 409, "error": "conflict", "message": f"run {part['id']} is DONE, not HELD"})
    # Nothing is left to do, and the connector's scope is that of now.
    again = site.sync(site.hr)
    assert (again["status"], again["held"], again["changes"]) == ("DONE", None, 0)


def test_a_cleanup_that_was_rejected_is_gone(site):
    lose(site, 20)
    run = site.sync(site.hr)
    status, answer = site.call("POST", f"/usersync/syncstatus/{run['id']}/reject")
    assert (status, answer["id"], answer["status"]) == (200, run["held"]["run"], "CANCELLED")
    assert sum(users(site).values()) == 40 and show(site, run["id"])["decidedBy"] == "admin"
    assert show(site, answer["id"])["messages"][-1] == "Rejected by admin: nothing of it is done"


def test_a_cleanup_whose_directory_has_changed_is_planned_again(site):
    lose(site, 20)
    first = site.sync(site.hr)
    lose(site, 0, come=["new1"])
    second = site.sync(site.hr)
    assert second["held"]["run"] != first["held"]["run"]
    status, answer = site.call("POST", f"/usersync/syncstatus/{first['held']['run']}/approve")
    assert status == 409 and "the directory has changed since run" in answer["message"], answer
    assert show(site, first["held"]["run"])["messages"][-1].startswith("Approved by admin, too late: the directory has changed since run "), answer
    again = site.wait(int(answer["message"].split("; run ")[1].split()[0]))
    assert (again["kind"], again["status"], again["heldCount"]) == ("full", "DONE", 20)
    assert sum(users(site).values()) == 41
    assert site.call("POST", f"/usersync/syncstatus/{again['id']}/approve")[0] == 202
    assert site.wait(again["held"]["run"])["disabledCount"] == 20


def test_a_change_of_scope_stays_to_be_decided(site):
    """The run that leaves its cleanup must not vouch for the settings that made it."""
    configuration = {**site.company.configuration, "onLimit": "cleanup", "groupExclude": ["even"]}
    assert site.call("PUT", f"/usersync/connector/{site.hr['id']}", configuration)[0] == 200
    runs = [site.sync(site.hr) for _ in range(2)]
    assert [r["held"]["rule"] for r in runs] == ["configuration-changed"] * 2
    assert "Changed: configuration.groupExclude" in runs[0]["messages"][-1]
    assert site.call("POST", f"/usersync/syncstatus/{runs[1]['id']}/approve")[0] == 202
    assert site.wait(runs[1]["held"]["run"])["groups"]["deletedCount"] == 1
    assert site.sync(site.hr)["held"] is None


def test_a_held_cleanup_is_told_as_a_held_run_is(site):
    with Receiver() as receiver:
        site.call("POST", "/notice/target/", {"name": "ops", "kind": "webhook", "configuration": {"url": receiver.url, "quietMinutes": 0}})
        lose(site, 20)
        run = site.sync(site.hr)
        receiver.wait(1)
        lose(site, 0, come=["new1"])
        again = site.sync(site.hr)
        receiver.wait(2)
        site.call("POST", f"/usersync/syncstatus/{again['id']}/approve")
        site.wait(again["held"]["run"])
        receiver.wait(3)
        assert receiver.events() == ["sync.held", "sync.held", "sync.recovered"]
        body = receiver.bodies("sync.held")[0]
    assert body["data"]["run"]["id"] == run["held"]["run"] and body["data"]["run"]["kind"] == "cleanup"
    assert body["data"]["approve"]["command"] == f"usersync approve {run['held']['run']}"


def test_the_command_line_says_what_waits_and_decides(site):
    lose(site, 20, come=["new1"])
    done = site.cli("sync", "hr", "--wait")
    assert done.returncode == 3 and done.stdout.startswith("run 2: full DONE"), done.stdout
    assert "1 added" in done.stdout and "20 held" in done.stdout
    assert "See what waits: usersync results 3; then usersync approve 3, or usersync reject 3." in done.stdout
    check = site.cli("check", "hr", "--max-age", "2h")
    assert check.returncode == 1 and check.stdout.startswith("USERSYNC WARNING - hr: run 3 HELD: Held by rule users.removed"), check.stdout
    assert len(site.cli("results", "2", "--outcome", "held", "--limit", "100").stdout.splitlines()) > 20
    done = site.cli("approve", "hr", "--wait")
    assert done.returncode == 0 and done.stdout.startswith("run 3: cleanup DONE"), done.stdout
    assert site.cli("check", "hr", "--max-age", "2h").returncode == 0


# --- until when -----------------------------------------------------------------------------------

@pytest.fixture
def whole(server):
    """The same with plans that are held whole."""
    with Company(count=40) as company:
        server.company = company
        server.hr = server.create("hr", "file", company.configuration)
        assert server.sync(server.hr)["status"] == "DONE"
        yield server


def save(server, **more):
    status, answer = server.call("PUT", f"/usersync/connector/{server.hr['id']}", {**server.company.configuration, **more})
    assert status == 200, answer
    return answer


def seconds(status, key):
    return datetime.datetime.fromisoformat(status[key].replace("Z", "+00:00")).timestamp()


def test_a_held_plan_says_until_when_it_can_be_approved(whole):
    lose(whole, 20)
    week = whole.sync(whole.hr)
    assert seconds(week, "expires") - seconds(week, "lastModified") in range(7 * 86400 - 2, 7 * 86400 + 3)
    save(whole, heldExpiry="12h")
    half = whole.sync(whole.hr)
    assert seconds(half, "expires") - seconds(half, "lastModified") in range(43200 - 2, 43200 + 3)
    save(whole, heldExpiry="0")
    assert whole.sync(whole.hr)["expires"] is None
    save(whole, heldExpiry="12h", onLimit="cleanup")
    run = whole.sync(whole.hr)
    assert run["expires"] is None and show(whole, run["held"]["run"])["expires"]


def test_an_expired_plan_is_cancelled_and_cannot_be_approved(whole):
    save(whole, heldExpiry="1s")
    lose(whole, 20)
    held = whole.sync(whole.hr)
    assert held["status"] == "HELD"
    deadline = time.monotonic() + 60
    while (late := show(whole, held["id"]))["status"] == "HELD":
        assert time.monotonic() < deadline, late
        time.sleep(0.05)
    assert late["status"] == "CANCELLED" and late["decidedBy"] is None
    assert late["messages"][-1] == f"Expired at {held['expires']}: nobody has decided. Nothing was changed; start a new sync"
    status, answer = whole.call("POST", f"/usersync/syncstatus/{held['id']}/approve")
    assert (status, answer["message"]) == (409, f"run {held['id']} expired at {held['expires']}: the source may give something else by now; "
                                                "start a new sync, which makes a new plan")
    assert whole.cli("approve", str(held["id"])).stderr.startswith(f"usersync: run {held['id']} expired at ")
    assert sum(users(whole).values()) == 40 and "held plans have expired" in whole.log()


def test_a_cleanup_that_expired_waits_no_more_beside_its_run(whole):
    """Who asks for the state of the connector must not be sent to decide about what nobody can decide any more."""
    save(whole, heldExpiry="1s", onLimit="cleanup")
    lose(whole, 20, come=["new1"])
    run = whole.sync(whole.hr)
    part = run["held"]["run"]
    deadline = time.monotonic() + 60
    while show(whole, part)["status"] == "HELD":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    late = show(whole, run["id"])
    assert (late["status"], late["decidedBy"], late["held"]["run"], late["held"]["expired"]) == ("DONE", None, part, True)
    assert late["messages"][-1] == (f"Its cleanup, run {part}, expired at {show(whole, part)['expires']}: nobody has decided. "
                                    "Nothing was taken away; the next sync plans it anew")
    done = whole.cli("status", str(run["id"]), "--run")
    assert done.returncode == 0 and "See what waits" not in done.stdout, done.stdout
    assert whole.cli("check", "hr", "--max-age", "2h").returncode == 0
    status, answer = whole.call("POST", f"/usersync/syncstatus/{run['id']}/approve")
    assert status == 409 and answer["message"].startswith(f"run {part} expired at "), answer
    again = whole.sync(whole.hr)
    assert again["held"]["run"] != part and sum(users(whole).values()) == 41


def held_count(server):
    lines = server.request("GET", "/metrics").body.decode().splitlines()
    return [int(line.split()[-1]) for line in lines if line.startswith("usersync_runs_held{")]


def come_back(server, gone):
    server.company.people.update(gone)
    server.company.write()


def test_a_plan_that_the_source_has_taken_back_waits_no_more(whole):
    """The listing was wrong, was mended, and a run saw that: who would approve the old plan now disables half of the company."""
    gone = dict(list(whole.company.people.items())[:20])
    lose(whole, 20)
    first, second = whole.sync(whole.hr), whole.sync(whole.hr)
    assert (first["status"], second["status"], held_count(whole)) == ("HELD", "HELD", [2])
    come_back(whole, gone)
    mended = whole.sync(whole.hr)
    assert (mended["status"], mended["changes"], held_count(whole)) == ("DONE", 0, [0])
    for held in first, second:
        late = show(whole, held["id"])
        assert (late["status"], late["decidedBy"]) == ("CANCELLED", None)
        assert late["messages"][-1] == f"Overtaken by run {mended['id']}, which has read the source since and left nothing to decide. Nothing of it is done"
    status, answer = whole.call("POST", f"/usersync/syncstatus/{first['id']}/approve")
    assert status == 409 and answer["message"].startswith(f"run {first['id']} is CANCELLED, not HELD: Overtaken by run {mended['id']}, "), answer
    assert whole.call("GET", f"/usersync/connector/{whole.hr['id']}/syncstatus")[1]["id"] == mended["id"]
    assert "Held in run" not in whole.cli("explain", "hr", "user000").stdout
    assert sum(users(whole).values()) == 40


def test_what_an_older_version_left_waiting_cannot_be_approved(tmp_path):
    with Company(count=40) as company:
        with Server(data=tmp_path / "data") as server:
            server.company, server.hr = company, server.create("hr", "file", company.configuration)
            server.sync(server.hr)
            gone = dict(list(company.people.items())[:20])
            lose(server, 20)
            held = server.sync(server.hr)
            come_back(server, gone)
            mended = server.sync(server.hr)
        with sqlite3.connect(tmp_path / "data/usersync.db") as store:
            store.execute("UPDATE run SET status = 'HELD' WHERE id = ?", (held["id"],))
        with Server(data=tmp_path / "data") as server:
            status, answer = server.call("POST", f"/usersync/syncstatus/{held['id']}/approve")
            assert status == 409 and answer["message"].startswith(
                f"run {mended['id']} has read the source since run {held['id']} was planned, and had nothing to hold; run "), answer
            assert server.wait(mended["id"] + 1)["changes"] == 0 and show(server, held["id"])["status"] == "CANCELLED"


def test_a_cleanup_that_the_source_has_taken_back_waits_no_more(whole):
    save(whole, onLimit="cleanup")
    gone = dict(list(whole.company.people.items())[:20])
    lose(whole, 20, come=["new1"])
    run = whole.sync(whole.hr)
    come_back(whole, gone)
    mended = whole.sync(whole.hr)
    part, late = show(whole, run["held"]["run"]), show(whole, run["id"])
    assert (mended["status"], mended["held"], part["status"]) == ("DONE", None, "CANCELLED")
    assert (late["status"], late["held"]["overtaken"], late["decidedBy"]) == ("DONE", True, None)
    assert late["messages"][-1] == (f"Its cleanup, run {part['id']}, was overtaken by run {mended['id']}, which has read the source since and left nothing "
                                    "to decide. Nothing was taken away")
    done = whole.cli("status", str(run["id"]), "--run")
    assert done.returncode == 0 and "See what waits" not in done.stdout, done.stdout


def test_what_was_decided_overtakes_what_waited_before_it(whole):
    lose(whole, 20)
    first, second = whole.sync(whole.hr), whole.sync(whole.hr)
    assert whole.call("POST", f"/usersync/syncstatus/{second['id']}/approve")[0] == 202
    assert whole.wait(second["id"])["status"] == "DONE"
    assert show(whole, first["id"])["status"] == "CANCELLED" and held_count(whole) == [0]


def test_what_waits_for_a_directory_that_was_replaced_waits_no_more(whole):
    lose(whole, 20)
    held = whole.sync(whole.hr)
    assert whole.call("DELETE", f"/directory/{whole.hr['directoryId']}")[0] == 204
    save(whole)
    assert whole.sync(whole.hr)["status"] == "DONE"
    assert show(whole, held["id"])["status"] == "CANCELLED" and held_count(whole) == [0]


def test_neither_a_partial_nor_a_single_nor_a_held_run_overtakes(whole):
    lose(whole, 20)
    held = whole.sync(whole.hr)
    key = list(whole.company.people)[0]
    whole.call("POST", f"/usersync/connector/{whole.hr['id']}/syncsingle/{whole.company.people[key]['username']}")
    whole.wait(whole.call("POST", f"/usersync/connector/{whole.hr['id']}/simulate")[1]["id"])
    save(whole, expectedRows=500)
    assert whole.sync(whole.hr)["status"] == "FAILED"
    save(whole)
    assert whole.sync(whole.hr)["status"] == "HELD"
    assert show(whole, held["id"])["status"] == "HELD" and held_count(whole) == [2]


def test_what_is_held_after_a_recovery_is_told(whole):
    """However soon: who was told that all is well again waits for nothing."""
    with Receiver() as receiver:
        whole.call("POST", "/notice/target/", {"name": "ops", "kind": "webhook", "configuration": {"url": receiver.url, "quietMinutes": 60}})
        gone = dict(list(whole.company.people.items())[:20])
        lose(whole, 20)
        whole.sync(whole.hr)
        come_back(whole, gone)
        whole.sync(whole.hr)
        lose(whole, 20)
        whole.sync(whole.hr)
        receiver.wait(3)
        assert receiver.events() == ["sync.held", "sync.recovered", "sync.held"]


def test_what_waits_is_seen_behind_the_updates_of_single_users(whole):
    """Each login is a run: the last one says nothing of what waits."""
    lose(whole, 20)
    held = whole.sync(whole.hr)["id"]
    for _ in range(25):
        last = whole.wait(whole.call("POST", f"/usersync/connector/{whole.hr['id']}/syncsingle/user030")[1]["id"])
    assert last["status"] == "DONE"
    shown = whole.call("GET", f"/usersync/connector/{whole.hr['id']}")[1]
    assert (shown["lastStatus"], shown["heldRun"]) == ("DONE", held)
    assert f"Held in run {held}, which would set DISABLED" in whole.cli("explain", "hr", "user000").stdout
    line = f"Run {held} waits for a decision: usersync results {held}; then usersync approve {held}, or usersync reject {held}."
    assert line in whole.cli("status", "hr").stdout and line in whole.cli("connector", "show", "hr").stdout
    head, row = whole.cli("status").stdout.splitlines()
    assert row[head.index("HELD"):].split()[0] == str(held) or row[:head.index("HELD") + 4].split()[-1] == str(held)
    done = whole.cli("approve", "hr")
    assert (done.returncode, done.stderr) == (1, f"usersync: run {last['id']} is DONE, not HELD\n{line}\n")
    assert whole.cli("reject", str(held)).returncode == 0
    assert whole.call("GET", f"/usersync/connector/{whole.hr['id']}")[1]["heldRun"] is None
    assert "waits for a decision" not in whole.cli("status", "hr").stdout


# --- what was saved meanwhile ----------------------------------------------------------------------

def test_a_plan_of_other_settings_is_made_again(whole):
    """Who protects somebody and then approves must not lose them to the plan of before."""
    lose(whole, 20)
    held = whole.sync(whole.hr)
    save(whole, protectedUsers=["user000"])
    status, answer = whole.call("POST", f"/usersync/syncstatus/{held['id']}/approve")
    assert (status, answer["message"]) == (409, f"the configuration has changed since run {held['id']} was planned; run {held['id'] + 1} makes a new plan")
    late, again = show(whole, held["id"]), whole.wait(held["id"] + 1)
    assert (late["status"], late["decidedBy"]) == ("CANCELLED", "admin")
    assert late["messages"][-1] == f"Approved by admin, too late: the configuration has changed since run {held['id']} was planned. Nothing of it is done"
    assert (again["status"], again["disabledCount"]) == ("HELD", 19)
    assert whole.call("POST", f"/usersync/syncstatus/{again['id']}/approve")[0] == 202
    assert whole.wait(again["id"])["disabledCount"] == 19 and users(whole)["user000"]


def test_a_held_cleanup_of_other_settings_is_made_again(whole):
    save(whole, onLimit="cleanup")
    lose(whole, 20)
    run = whole.sync(whole.hr)
    save(whole, onLimit="cleanup", protectedUsers=["user000"])
    status, answer = whole.call("POST", f"/usersync/syncstatus/{run['id']}/approve")
    assert status == 409 and answer["message"].startswith(f"the configuration has changed since run {run['held']['run']} was planned; run "), answer
    again = whole.wait(run["held"]["run"] + 1)
    assert (again["kind"], again["heldCount"], users(whole)["user000"]) == ("full", 19, True)


def test_a_simulation_of_other_settings_is_made_again(whole):
    lose(whole, 5)
    run = whole.wait(whole.call("POST", f"/usersync/connector/{whole.hr['id']}/simulate")[1]["id"])
    save(whole, protectedUsers=["user000"])
    status, answer = whole.call("POST", f"/usersync/syncstatus/{run['id']}/apply")
    assert status == 409 and answer["message"].startswith(f"the configuration has changed since run {run['id']} was planned; run "), answer
    again = whole.wait(run["id"] + 1)
    assert (again["kind"], again["status"], again["disabledCount"]) == ("simulation", "DONE", 4)
    assert whole.call("POST", f"/usersync/syncstatus/{again['id']}/apply")[0] == 202


@pytest.mark.parametrize("more", [{"limits": {"users": {"floor": 40}}}, {"schedule": {"every": "6h"}}, {"heldExpiry": "1d"}, {"onLimit": "cleanup"},
                                  {"noticeFailures": 1}, {"secretExpires": "2031-05-31"}, {"retention": {"runs": 7}}], ids=lambda m: next(iter(m)))
def test_settings_that_make_no_other_plan_leave_it_to_be_approved(whole, more):
    lose(whole, 20)
    held = whole.sync(whole.hr)
    save(whole, **more)
    assert whole.call("POST", f"/usersync/syncstatus/{held['id']}/approve")[0] == 202
    assert whole.wait(held["id"])["disabledCount"] == 20


def test_a_disabled_connector_writes_no_plan_and_makes_none(whole):
    lose(whole, 5)
    simulated = whole.wait(whole.call("POST", f"/usersync/connector/{whole.hr['id']}/simulate")[1]["id"])["id"]
    lose(whole, 15)
    held = whole.sync(whole.hr)["id"]
    whole_connector = {"name": "hr", "type": "file", "configuration": whole.company.configuration}
    assert whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", {**whole_connector, "enabled": False})[0] == 200
    for run, verb in (held, "approve"), (simulated, "apply"):
        status, answer = whole.call("POST", f"/usersync/syncstatus/{run}/{verb}")
        assert (status, answer["message"]) == (409, "the connector hr is disabled")
    assert show(whole, held)["status"] == "HELD" and sum(users(whole).values()) == 40
    assert whole.call("GET", f"/usersync/connector/{whole.hr['id']}/syncstatus")[1]["id"] == held
    assert whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", {**whole_connector, "enabled": True})[0] == 200
    assert whole.call("POST", f"/usersync/syncstatus/{held}/approve")[0] == 202


def test_an_undo_is_not_made_of_settings_and_goes_where_nothing_else_does(whole):
    first = whole.call("GET", f"/usersync/connector/{whole.hr['id']}/syncstatus")[1]["id"]
    undo = whole.wait(whole.call("POST", f"/usersync/syncstatus/{first}/undo")[1]["id"])
    assert undo["status"] == "HELD"
    assert whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", {"name": "hr", "type": "file", "enabled": False,
                                                                         "configuration": {**whole.company.configuration, "create": "never"}})[0] == 200
    assert whole.call("POST", f"/usersync/syncstatus/{undo['id']}/approve")[0] == 202
    assert whole.wait(undo["id"])["status"] == "DONE" and not users(whole)


@pytest.mark.parametrize("value", ["7 days", "", "-1d", "9999d", "soon"])
def test_a_wrong_expiry_is_refused_with_its_reason(whole, value):
    status, answer = whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", {**whole.company.configuration, "heldExpiry": value})
    assert status == 422 and answer["fields"] == [{"field": "heldExpiry",
                                                   "reason": "must be a time from 1s to 3653d, such as 7d, or 0 for ever"}], answer


# --- a script decides ------------------------------------------------------------------------------

@pytest.mark.parametrize("script, more, said", [
    ("return +", {}, "line 1: "),
    ("return true", {"cleanup": "keep"}, "has no effect when cleanup is keep"),
    ("-- " + "x" * 17000, {}, "longer than"),
    (7, {}, "must be a string"),
])
def test_a_script_that_cannot_decide_is_refused(whole, script, more, said):
    status, answer = whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", {**whole.company.configuration, "cleanupIf": script, **more})
    assert status == 422 and answer["fields"][0]["field"] == "cleanupIf" and said in answer["fields"][0]["reason"], answer


def test_a_script_sees_the_last_login(whole):
    save(whole, cleanup="delete", limits={"users": {"floor": 40, "percent": 100}, "shrinkPercent": 100},
         cleanupIf="if daysSinceLogin and daysSinceLogin < 10 then return false end\nreturn true")
    with sqlite3.connect(whole.data / "usersync.db") as store:
        store.execute("INSERT INTO login (id, at, via) SELECT id, ?, 'test' FROM usr WHERE name = 'user000'", (int(time.time()) - 86400,))
    lose(whole, 2)
    held = whole.sync(whole.hr)
    assert held["held"]["rule"] == "configuration-changed" and "cleanupIf" in held["messages"][-1]
    assert whole.call("POST", f"/usersync/syncstatus/{held['id']}/approve")[0] == 202
    assert whole.wait(held["id"])["deletedCount"] == 1
    assert "user000" in users(whole) and "user001" not in users(whole)


# --- one run may go further -----------------------------------------------------------------------

def override(server, rules, reason):
    query = urllib.parse.urlencode({k: v for k, v in {"override": rules, "reason": reason}.items() if v is not None})
    return server.call("POST", f"/usersync/connector/{server.hr['id']}/sync?{query}")


def test_an_override_is_for_one_run_and_says_who_and_why(whole):
    lose(whole, 20)
    status, answer = override(whole, "limits", "site closed, see ticket 4711")
    assert status == 202
    run = whole.wait(answer["id"])
    assert (run["status"], run["disabledCount"], run["held"]) == ("DONE", 20, None)
    assert run["override"] == {"limits": ["limits"], "by": "admin", "reason": "site closed, see ticket 4711"}
    assert "Overridden by admin (site closed, see ticket 4711): this plan would have been held by rule users.removed" in run["messages"][-1]
    log = whole.log()
    assert "run overrides limits" in log and "ticket 4711" in log
    lose(whole, 15)
    again = whole.sync(whole.hr)
    assert (again["status"], again["override"]) == ("HELD", None)


@pytest.mark.parametrize("rules, reason, said", [
    ("limits", None, "override needs a reason"),
    ("limits", "  ", "override needs a reason"),
    ("everything", "why", "override must be one or more of limits, empty-listing, configuration-changed"),
    ("", "why", "override must be one or more of"),
    ("limits,", "why", "override must be one or more of"),
    ("limits", "x" * 501, "reason is longer than 500 characters"),
    (None, "why", "reason goes with override"),
])
def test_a_wrong_override_starts_nothing(whole, rules, reason, said):
    status, answer = override(whole, rules, reason)
    assert status == 400 and said in answer["message"], answer
    assert whole.call("GET", f"/usersync/connector/{whole.hr['id']}/syncstatus")[1]["id"] == 1


def test_the_command_line_overrides(whole):
    lose(whole, 20)
    for words, said in [(["--override", "limits"], "--override needs a --reason"), (["--reason", "x"], "--reason goes with --override"),
                        (["--override", "limits", "--reason", "x", "--simulate"], "--override goes with neither")]:
        done = whole.cli("sync", "hr", *words)
        assert done.returncode == 2 and said in done.stderr
    done = whole.cli("sync", "hr", "--wait", "--override", "limits", "--reason", "site closed & sold")
    assert done.returncode == 0 and "Overridden by admin (site closed & sold)" in done.stdout, done.stdout + done.stderr


def test_who_may_only_watch_overrides_nothing(whole):
    whole.call("POST", "/user", {"name": "watcher", "role": "monitor", "password": "long enough for it"})
    answer = whole.request("POST", f"/rest/samlsso-admin/1.0/usersync/connector/{whole.hr['id']}/sync?override=limits&reason=x", user="watcher",
                           password="long enough for it")
    assert answer.status == 403


# --- limits of the server -------------------------------------------------------------------------

def test_the_servers_limits_are_for_connectors_without_their_own(whole):
    assert whole.call("GET", "/settings/limits") == (200, {"updated": None, "updatedBy": None})
    status, saved = whole.call("PUT", "/settings/limits", {"limits": {"users": {"floor": 1, "percent": 0}, "groups": {"floor": 3}}, "heldExpiry": "3d"})
    assert status == 200 and saved["updatedBy"] == "admin" and saved["heldExpiry"] == "3d"
    log = whole.log()
    assert "limits of the server changed" in log and '"message":"limits of the server changed","actor":"admin"' in log
    shown = whole.call("GET", f"/usersync/connector/{whole.hr['id']}")[1]
    assert shown["inherited"] == {"limits": {"users": {"floor": 1, "percent": 0}, "groups": {"floor": 3}}, "heldExpiry": "3d"}
    assert "limits" not in shown["configuration"]
    # as it is shown it can be saved
    assert whole.call("PUT", f"/usersync/connector/{whole.hr['id']}", shown)[0] == 200
    lose(whole, 2)
    held = whole.sync(whole.hr)
    assert (held["held"]["rule"], held["held"]["limit"]) == ("users.removed", 1)
    assert seconds(held, "expires") - seconds(held, "lastModified") in range(3 * 86400 - 2, 3 * 86400 + 3)
    own = save(whole, limits={"users": {"floor": 10, "percent": 20}}, heldExpiry="1h")
    assert own["inherited"] == {"limits": {"groups": {"floor": 3}}}
    assert whole.sync(whole.hr)["status"] == "DONE"
    assert whole.call("PUT", "/settings/limits", {})[1].keys() == {"updated", "updatedBy"}


def test_a_connectors_own_numbers_go_before_one_by_one(whole):
    numbers = {"users": {"floor": 1, "percent": 0}, "groups": {"percent": 3}, "perGroup": {"minSize": 5, "percent": 9}, "shrinkPercent": 30}
    assert whole.call("PUT", "/settings/limits", {"limits": numbers})[0] == 200
    own = save(whole, limits={"users": {"floor": 4}, "groups": {"percent": 5}, "perGroup": {"minSize": 7}})
    assert own["inherited"] == {"limits": {"users": {"percent": 0}, "perGroup": {"percent": 9}, "shrinkPercent": 30}}
    # With the program's own 20 percent in place of the server's 0, eight of forty could go.
    lose(whole, 5)
    held = whole.sync(whole.hr)
    assert (held["status"], held["held"]["rule"], held["held"]["limit"]) == ("HELD", "users.removed", 4)
    # A number of nobody's is the program's.
    assert whole.call("PUT", "/settings/limits", {"limits": {"users": {"percent": 0}}})[0] == 200
    assert save(whole, limits={"users": {}})["inherited"] == {"limits": {"users": {"percent": 0}}}
    assert whole.sync(whole.hr)["status"] == "DONE"


def test_on_limit_can_be_the_servers(whole):
    assert whole.call("PUT", "/settings/limits", {"onLimit": "cleanup"})[0] == 200
    lose(whole, 20, come=["new1"])
    run = whole.sync(whole.hr)
    assert (run["status"], run["addedCount"], run["heldCount"]) == ("DONE", 1, 20)
    save(whole, onLimit="hold")
    assert whole.sync(whole.hr)["status"] == "HELD"


@pytest.mark.parametrize("body, field, reason", [
    ({"limits": {"users": {"floor": -1}}}, "limits.users.floor", "must be from 0 to"),
    ({"limits": {"users": {"percent": 101}}}, "limits.users.percent", "must be from 0 to 100"),
    ({"limits": {"people": {}}}, "limits.people", "is not known"),
    ({"limits": 3}, "limits", "must be an object"),
    ({"onLimit": "never"}, "onLimit", "must be one of hold|cleanup"),
    ({"heldExpiry": "soon"}, "heldExpiry", "must be a time from"),
    ({"cleanup": "delete"}, "cleanup", "is unknown"),
])
def test_wrong_limits_of_the_server_are_refused_with_the_field(whole, body, field, reason):
    status, answer = whole.call("PUT", "/settings/limits", body)
    assert status == 422 and answer["fields"][0]["field"] == field and reason in answer["fields"][0]["reason"], answer
    assert whole.call("GET", "/settings/limits")[1]["updated"] is None


def test_limits_of_the_server_are_for_admins_and_for_the_command_line(whole, tmp_path):
    whole.call("POST", "/user", {"name": "oper", "role": "operator", "password": "long enough for it"})
    assert whole.call("PUT", "/settings/limits", {}, user="oper", password="long enough for it")[0] == 403
    path = tmp_path / "limits.json"
    path.write_text('{"limits": {"users": {"floor": 1, "percent": 0}}}')
    done = whole.cli("limits", "set", str(path))
    assert done.returncode == 0 and '"floor":1' in done.stdout.replace(" ", ""), done.stdout + done.stderr
    assert whole.cli("limits", "show").stdout == done.stdout
    path.write_text('{"limits": {"users": {"floor": -1}}}')
    done = whole.cli("limits", "set", str(path))
    assert done.returncode == 1 and "limits.users.floor must be from 0 to" in done.stderr
