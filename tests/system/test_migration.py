"""A store of each older schema, as that version left it, is brought up to date and goes on working."""

import sqlite3

import pytest
from company import Company
from server import ROOT, Server

OLD = sorted((ROOT / "tests/system").glob("schema_*.sql"), key=lambda p: int(p.stem.removeprefix("schema_")))


def tables(path):
    with sqlite3.connect(path) as store:
        return dict(store.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


@pytest.mark.parametrize("old", OLD, ids=lambda p: p.stem)
def test_an_older_store_goes_on(old, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with Company(count=3) as company:
        text = old.read_text().replace("@USERS@", str(company.path))
        with sqlite3.connect(data / "usersync.db") as store:
            store.executescript(text)
        with Server(data=data) as server:
            connectors = server.call("GET", "/usersync/connector/")[1]
            assert [c["name"] for c in connectors] == ["hr"] and connectors[0]["nextRuns"] == [] and not connectors[0]["paused"]
            runs = server.call("GET", "/usersync/connector/1/syncstatuses")[1]["runs"]
            assert [(r["id"], r["kind"], r["status"], r["resultsPruned"]) for r in runs] == [
                (3, "simulation", "DONE", False), (2, "full", "DONE", False), (1, "full", "DONE", False)]
            # schema 1 did not know
            assert {r["trigger"] for r in runs} == {None if old.stem == "schema_1" else "api"}
            # its plans can still be turned round, and it can be synced and scheduled
            undone = server.wait(server.call("POST", "/usersync/syncstatus/2/undo")[1]["id"])
            assert undone["status"] == "DONE", undone
            done = server.sync(connectors[0])
            assert (done["status"], done["trigger"]) == ("DONE", "api"), done
            status, saved = server.call("PUT", "/usersync/connector/1", {**company.configuration, "schedule": {"every": "6h"}})
            assert status == 200 and len(saved["nextRuns"]) == 5
    with Server(data=tmp_path / "fresh") as fresh:
        assert fresh.call("GET", "/usersync/connector/")[1] == []
    assert tables(data / "usersync.db") == tables(tmp_path / "fresh/usersync.db")


def test_there_is_a_store_of_every_older_schema(server):
    with sqlite3.connect(server.data / "usersync.db") as store:
        version = store.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0]
    assert [p.stem for p in OLD] == [f"schema_{n}" for n in range(1, version)]
