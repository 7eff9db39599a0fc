"""Old runs and results go by themselves; what is still needed stays."""

import sqlite3
import time

import pytest
from company import Company
from server import Server, run_cli


@pytest.fixture
def company():
    with Company(count=12) as one:
        yield one


def history(server, connector):
    return server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses?limit=1000")[1]["runs"]


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def change_and_sync(server, company, connector, number):
    company.add(f"new{number}", f"new{number}")
    done = server.sync(connector)
    assert (done["status"], done["addedCount"]) == ("DONE", 1)
    return done["id"]


def test_runs_and_results_are_kept_by_number(company):
    with Server("--keep-runs", "4", "--keep-results", "2", "--keep-undo", "1") as server:
        connector = server.create("hr", "file", company.configuration)
        numbers = [server.sync(connector)["id"]] + [change_and_sync(server, company, connector, i) for i in range(7)]
        wait_for(lambda: [r["id"] for r in history(server, connector)] == numbers[:-5:-1])
        wait_for(lambda: [r["resultsPruned"] for r in history(server, connector)] == [False, False, True, True])
        assert [r["addedCount"] for r in history(server, connector)] == [1] * 4
        # gone: said so, everywhere
        assert server.call("GET", f"/usersync/syncstatus/{numbers[0]}")[0] == 404
        for path in ("results", "results?format=csv"):
            answer = server.request("GET", f"/rest/samlsso-admin/1.0/usersync/syncstatus/{numbers[-3]}/{path}")
            assert answer.status == 404 and "no longer kept" in answer.json()["message"]
        status, answer = server.call("POST", f"/usersync/syncstatus/{numbers[-3]}/undo")
        assert status == 409 and "no longer kept" in answer["message"]
        done = server.cli("results", str(numbers[-3]))
        assert done.returncode == 1 and "no longer kept" in done.stderr
        # the counters of all runs do not fall, and what went is counted
        metrics = server.request("GET", "/metrics").body.decode()
        assert f'usersync_runs_total{{connector="{connector["uniqueId"]}",kind="full",status="DONE"}} 8\n' in metrics
        assert "usersync_pruned_runs_total 4\n" in metrics
        # the newest can still be undone
        undone = server.wait(server.call("POST", f"/usersync/syncstatus/{numbers[-1]}/undo")[1]["id"])
        assert undone["status"] == "DONE" and undone["kind"] == "undo"


def test_what_waits_for_a_decision_stays(company):
    with Server("--keep-runs", "1", "--keep-results", "0", "--keep-undo", "0") as server:
        connector = server.create("hr", "file", {**company.configuration, "limits": {"users": {"floor": 0, "percent": 1}}})
        first = server.sync(connector)["id"]
        gone = {key: company.people.pop(key) for key in list(company.people)[:6]}
        company.write()
        held = server.sync(connector)
        assert held["status"] == "HELD"
        company.people.update(gone)
        company.add("more", "more")
        simulated = server.wait(server.call("POST", f"/usersync/connector/{connector['id']}/simulate")[1]["id"])
        assert simulated["status"] == "DONE" and simulated["changes"]
        failing = {"path": str(company.path) + ".gone"}
        assert server.call("PUT", f"/usersync/connector/{connector['id']}", failing)[0] == 200
        last = [server.sync(connector)["id"] for _ in range(4)][-1]
        # last good one, held, simulated, last
        wait_for(lambda: [r["id"] for r in history(server, connector)] == [last, simulated["id"], held["id"], first])
        assert server.call("GET", f"/usersync/syncstatus/{held['id']}/results?limit=1")[1]["results"]
        assert server.call("PUT", f"/usersync/connector/{connector['id']}", company.configuration)[0] == 200
        done = server.wait(server.call("POST", f"/usersync/syncstatus/{held['id']}/approve")[1]["id"])
        assert (done["status"], done["disabledCount"]) == ("DONE", 6)


def test_ages_count_and_a_connector_may_have_its_own(company, tmp_path):
    with Server("--keep-result-age", "30d", "--keep-undo", "0", data=tmp_path / "data") as server:
        strict = server.create("strict", "file", {**company.configuration, "retention": {"runAge": "10d", "results": 1}})
        plain = server.create("plain", "file", company.configuration)
        for connector in (strict, plain):
            for number in range(3):
                company.add(f"new{connector['id']}x{number}", f"new{connector['id']}x{number}")
                assert server.sync(connector)["changes"]
        server.stop()
        with sqlite3.connect(server.data / "usersync.db") as store:
            for connector, days in ((strict, 11), (plain, 31)):
                store.execute("UPDATE run SET created = created - ? WHERE connector = ? AND id < (SELECT MAX(id) FROM run WHERE connector = ?)",
                              (days * 86400, connector["id"], connector["id"]))
        server.start()
        wait_for(lambda: len(history(server, strict)) == 1)
        wait_for(lambda: [r["resultsPruned"] for r in history(server, plain)] == [False, True, True])


def test_the_runs_of_a_deleted_connector_go_too(company, tmp_path):
    with Server("--keep-runs", "2", "--keep-undo", "0", data=tmp_path / "data") as server:
        connector = server.create("hr", "file", {**company.configuration, "retention": {"runs": 100}})
        numbers = [server.sync(connector)["id"] for _ in range(5)]
        assert server.call("DELETE", f"/usersync/connector/{connector['id']}")[0] == 204
        server.stop()
        server.start()
        wait_for(lambda: server.call("GET", f"/usersync/syncstatus/{numbers[2]}")[0] == 404)
        assert server.call("GET", f"/usersync/syncstatus/{numbers[3]}")[0] == 200


def test_runs_go_on_while_ten_thousand_rows_are_taken_away(company, tmp_path):
    with Company(count=12000) as large, Server("--keep-results", "1", "--keep-undo", "0", data=tmp_path / "data") as server:
        connector, other = server.create("large", "file", large.configuration), server.create("small", "file", company.configuration)
        first = server.sync(connector)["id"]
        large.add("one", "one")
        server.sync(connector)
        while not next(r for r in history(server, connector) if r["id"] == first)["resultsPruned"]:
            assert server.sync(other)["status"] == "DONE"
        assert server.call("GET", f"/usersync/syncstatus/{first}/results")[0] == 404
        with sqlite3.connect(f"file:{server.data}/usersync.db?mode=ro", uri=True) as store:
            wait_for(lambda: store.execute("SELECT COUNT(*) FROM change WHERE id >> 32 = ?", (first,)).fetchone() == (0,))


@pytest.mark.parametrize("retention, field, reason", [
    ({"runs": 0}, "retention.runs", "must be from 1 to 1000000"),
    ({"runs": "all"}, "retention.runs", "must be a whole number"),
    ({"results": -1}, "retention.results", "must be from 0 to 1000000"),
    ({"runAge": "1y"}, "retention.runAge", "must be a time from 1s to 3653d"),
    ({"resultAge": 90}, "retention.resultAge", "must be a string"),
    ({"age": "90d"}, "retention.age", "is not known (known: runs, runAge, results, resultAge, undo)"),
])
def test_settings_that_are_wrong_are_refused(shared_server, retention, field, reason):
    status, answer = shared_server.call("POST", "/usersync/connector/", {"name": "x", "type": "file",
                                                                         "configuration": {"path": "x.csv", "retention": retention}})
    assert status == 422 and [f["field"] for f in answer["fields"]] == [field] and reason in answer["fields"][0]["reason"], answer


@pytest.mark.parametrize("option, value", [("--keep-runs", "0"), ("--keep-run-age", "long"), ("--keep-undo", "-1"), ("--keep-result-age", "0s")])
def test_options_that_are_wrong_are_refused(tmp_path, option, value):
    done = run_cli("serve", "--data", str(tmp_path / "data"), option, value)
    assert done.returncode == 2 and option[2:] in done.stderr and "must be" in done.stderr


def test_the_file_of_the_server_has_the_same_names(company, tmp_path):
    conf = tmp_path / "serve.conf"
    conf.write_text("keep-runs = 2\nkeep-undo = 0\n")
    with Server("--config", str(conf)) as server:
        connector = server.create("hr", "file", company.configuration)
        numbers = [server.sync(connector)["id"] for _ in range(5)]
        wait_for(lambda: [r["id"] for r in history(server, connector)] == numbers[:-3:-1])
