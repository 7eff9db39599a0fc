"""Runs over the API: one at a time, held, decided, applied, undone, shown."""

import csv
import io
import threading
import urllib.parse

import pytest
from company import Company
from server import BASE


@pytest.fixture
def site(server):
    with Company(count=60) as company:
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        server.first = server.sync(server.connector)
        yield server


def post(server, path):
    return server.call("POST", path)


def users(server):
    directory = server.connector["directoryId"]
    found, cursor = [], ""
    while cursor is not None:
        status, page = server.call("GET", f"/directory/{directory}/user?limit=7" + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200 and len(page["users"]) <= 7
        found += page["users"]
        cursor = page["cursor"]
    return {u["name"]: u for u in found}


def lose(server, count):
    for key in list(server.company.people)[:count]:
        del server.company.people[key]
    server.company.write()


def test_pages_hold_everybody_once_and_in_order(site):
    found = users(site)
    assert sorted(found) == [f"user{i:03}" for i in range(60)]
    assert list(found) == sorted(found)
    page = site.call("GET", f"/directory/{site.connector['directoryId']}/user?search=user00&limit=1000")[1]
    assert [u["name"] for u in page["users"]] == [f"user{i:03}" for i in range(10)]
    groups = site.call("GET", f"/directory/{site.connector['directoryId']}/group")[1]
    assert [g["name"] for g in groups["groups"]] == ["even", "staff"] and groups["cursor"] is None


def test_a_groups_members_come_by_page(site):
    found, cursor = [], ""
    while cursor is not None:
        page = site.call("GET", f"/directory/{site.connector['directoryId']}/group/staff?limit=25" + (f"&cursor={cursor}" if cursor else ""))[1]
        assert page["userCount"] == 60
        found += page["users"]
        cursor = page["cursor"]
    assert sorted(found) == [f"user{i:03}" for i in range(60)]
    shown = site.call("GET", f"/directory/{site.connector['directoryId']}/user/user002")[1]
    assert shown["groups"] == ["even", "staff"] or sorted(shown["groups"]) == ["even", "staff"]


def test_a_second_sync_gives_the_run_that_is_there(site):
    answers = []
    gate = threading.Barrier(8)

    def start():
        gate.wait()
        answers.append(post(site, f"/usersync/connector/{site.connector['id']}/sync"))
    threads = [threading.Thread(target=start) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {status for status, _ in answers} == {202}
    for _, run in answers:
        assert site.wait(run["id"])["status"] == "DONE"
    history = site.call("GET", f"/usersync/connector/{site.connector['id']}/syncstatuses")[1]["runs"]
    assert {run["id"] for _, run in answers} <= {run["id"] for run in history}
    assert len({run["id"] for run in history}) == len(history)


def test_a_plan_that_goes_too_far_is_held_and_rejected(site):
    before = users(site)
    lose(site, 40)
    held = site.sync(site.connector)
    assert held["status"] == "HELD" and held["held"]
    assert users(site) == before
    rows = site.call("GET", f"/usersync/syncstatus/{held['id']}/results?outcome=DISABLED")[1]["results"]
    assert len(rows) == 40
    status, rejected = post(site, f"/usersync/syncstatus/{held['id']}/reject")
    assert (status, rejected["status"], rejected["decidedBy"]) == (200, "CANCELLED", "admin")
    assert users(site) == before
    assert post(site, f"/usersync/syncstatus/{held['id']}/approve")[0] == 409


def test_a_held_plan_is_applied_when_it_is_approved(site):
    lose(site, 40)
    held = site.sync(site.connector)
    assert held["status"] == "HELD"
    assert site.call("GET", f"/usersync/connector/{site.connector['id']}")[1]["lastStatus"] == "HELD"
    status, answer = post(site, f"/usersync/syncstatus/{held['id']}/approve")
    assert status == 202 and answer["id"] == held["id"]
    done = site.wait(held["id"])
    assert (done["status"], done["disabledCount"], done["decidedBy"]) == ("DONE", 40, "admin")
    assert sum(not u["active"] for u in users(site).values()) == 40


def test_a_simulation_changes_nothing_until_it_is_applied_and_can_be_undone(site):
    before = users(site)
    site.company.people["id005"]["username"] = "renamed"
    site.company.add("new", "newcomer")
    status, run = post(site, f"/usersync/connector/{site.connector['id']}/simulate")
    assert status == 202
    simulated = site.wait(run["id"])
    assert (simulated["status"], simulated["kind"], simulated["addedCount"], simulated["renamedCount"]) == ("DONE", "simulation", 1, 1)
    assert users(site) == before
    status, run = post(site, f"/usersync/syncstatus/{simulated['id']}/apply")
    assert status == 202
    applied = site.wait(run["id"])
    assert (applied["status"], applied["kind"], applied["planOf"]) == ("DONE", "apply", simulated["id"])
    assert "newcomer" in users(site) and "renamed" in users(site)
    status, run = post(site, f"/usersync/syncstatus/{applied['id']}/undo")
    assert status == 202
    assert site.wait(run["id"])["status"] == "DONE"
    strip = [{k: v for k, v in u.items() if k not in ("revision", "hash")} for u in users(site).values()]
    assert strip == [{k: v for k, v in u.items() if k not in ("revision", "hash")} for u in before.values()]


def test_history_comes_newest_first_by_page(site):
    for _ in range(6):
        site.sync(site.connector)
    found, cursor = [], ""
    while cursor is not None:
        page = site.call("GET", f"/usersync/connector/{site.connector['uniqueId']}/syncstatuses?limit=3" + (f"&cursor={cursor}" if cursor else ""))[1]
        found += [run["id"] for run in page["runs"]]
        cursor = page["cursor"]
    assert found == sorted(found, reverse=True) and len(set(found)) == len(found) == 7


def test_results_come_by_page_filtered_and_whole(site):
    path = f"/usersync/syncstatus/{site.first['id']}/results"
    found, cursor = [], ""
    while cursor is not None:
        page = site.call("GET", f"{path}?limit=13" + (f"&cursor={cursor}" if cursor else ""))[1]
        found += page["results"]
        cursor = page["cursor"]
    assert [row["ord"] for row in found] == list(range(len(found)))
    added = [row for row in found if row["object"] == "user"]
    assert len(added) == 60 and all(row["outcome"] == "ADDED" and row["before"] is None and row["after"]["name"] == row["name"] for row in added)
    assert len(site.call("GET", f"{path}?object=user&limit=1000")[1]["results"]) == 60
    assert [row["name"] for row in site.call("GET", f"{path}?object=user&search=USER017")[1]["results"]] == ["user017"]
    whole = site.request("GET", BASE + path + "?format=json")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="run-{site.first["id"]}.json"'
    assert whole.json() == found
    table = list(csv.DictReader(io.StringIO(site.request("GET", BASE + path + "?format=csv&object=user").body.decode())))
    assert [row["name"] for row in table] == [row["name"] for row in added]
    assert site.request("GET", BASE + path + "?format=json&outcome=FAILED").json() == []


def test_a_long_download_is_whole(server):
    with Company(count=3000) as company:
        connector = server.create("many", "file", company.configuration)
        done = server.sync(connector)
        rows = server.request("GET", BASE + f"/usersync/syncstatus/{done['id']}/results?format=json").json()
        assert [row["ord"] for row in rows] == list(range(done["changes"]))
        assert len([row for row in rows if row["object"] == "user"]) == 3000


def test_a_download_gives_no_formulas(site):
    site.company.add("evil", "=HYPERLINK(1)")
    done = site.sync(site.connector)
    text = site.request("GET", BASE + f"/usersync/syncstatus/{done['id']}/results?format=csv&object=user").body.decode()
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["'=HYPERLINK(1)"]


def test_single_updates_at_the_same_time_all_end(site):
    for key in list(site.company.people)[:12]:
        site.company.people[key]["fullName"] = "Changed"
    site.company.write()
    answers = {}

    def update(name):
        answers[name] = post(site, f"/usersync/connector/{site.connector['id']}/syncsingle/{urllib.parse.quote(name)}")
    threads = [threading.Thread(target=update, args=(f"user{i:03}",)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for name, (status, run) in answers.items():
        assert (status, run["status"], run["username"], run["updatedCount"]) == (200, "DONE", name, 1), run


def test_a_missing_user_is_explained(site):
    site.company.add("bad", "user001")
    site.sync(site.connector)
    status, why = site.call("GET", f"/usersync/connector/{site.connector['id']}/explain/nobody")
    assert status == 200 and not why["found"] and any("met nobody of that name" in reason for reason in why["reasons"])
    status, why = site.call("GET", f"/usersync/connector/{site.connector['id']}/explain/USER004")
    assert why["found"] and why["user"]["name"] == "user004" and why["history"][0]["change"]["outcome"] == "ADDED"
    assert {g["name"] for g in why["groups"]} == {"staff", "even"}


def test_a_source_that_fails_says_so(site):
    status, said = post(site, f"/usersync/connector/{site.connector['id']}/test")
    assert status == 200 and said["ok"] and said["messages"]
    site.company.path.unlink()
    status, said = post(site, f"/usersync/connector/{site.connector['id']}/test")
    assert status == 200 and not said["ok"] and said["messages"][0] and said["error"]
    failed = site.sync(site.connector)
    assert failed["status"] == "FAILED" and failed["resultCount"] == 0 and len(failed["messages"]) > 1
    assert len(users(site)) == 60


def test_a_disabled_connector_does_not_start(site):
    shown = site.call("GET", f"/usersync/connector/{site.connector['id']}")[1]
    assert site.call("PUT", f"/usersync/connector/{site.connector['id']}", {**shown, "enabled": False})[0] == 200
    assert post(site, f"/usersync/connector/{site.connector['id']}/sync")[0] == 409
    assert post(site, f"/usersync/connector/{site.connector['id']}/syncsingle/user001")[0] == 409


def test_a_deleted_connector_leaves_its_directory_and_runs(site):
    assert site.call("DELETE", f"/usersync/connector/{site.connector['id']}")[0] == 204
    assert site.call("GET", f"/usersync/connector/{site.connector['id']}")[0] == 404
    assert len(users(site)) == 60
    assert site.call("GET", f"/usersync/syncstatus/{site.first['id']}")[1]["status"] == "DONE"
