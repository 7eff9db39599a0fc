"""Held plans, whole and in part: what is decided, by whom, and until when."""

import pytest
from company import Company
from receiver import Receiver


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
    assert show(site, run["id"])["decidedBy"] == "admin"
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


def test_a_cleanup_whose_directory_has_changed_is_planned_again(site):
    lose(site, 20)
    first = site.sync(site.hr)
    lose(site, 0, come=["new1"])
    second = site.sync(site.hr)
    assert second["held"]["run"] != first["held"]["run"]
    status, answer = site.call("POST", f"/usersync/syncstatus/{first['held']['run']}/approve")
    assert status == 409 and "the directory has changed since run" in answer["message"], answer
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
