"""Undo of many changes: what comes back, what is left, and that the store's indexes are there again."""

import sqlite3

from company import Company

MANY, GROUPS = 6000, 10
UNLIMITED = {name: {"percent": 100} for name in ("users", "groups", "memberships")} | {"shrinkPercent": 100}
INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('usr', 'membership') ORDER BY name"


def undo(server, run):
    status, answer = server.call("POST", f"/usersync/syncstatus/{run['id']}/undo")
    assert status == 202, answer
    done = server.wait(answer["id"])
    assert done["status"] == "DONE", done
    return done


def test_a_large_first_sync_is_undone_and_done_again(server):
    with Company(count=0) as company, sqlite3.connect(server.data / "usersync.db") as store:
        indexes = store.execute(INDEXES).fetchall()
        groups = ";".join(f"group{g}" for g in range(GROUPS))
        for i in range(MANY):
            company.people[f"id{i}"] = {"username": f"user{i}", "fullName": f"User {i}", "email": "", "active": "true", "groups": groups}
        company.write()
        connector = server.create("hr", "file", {**company.configuration, "limits": UNLIMITED})
        for _ in range(2):
            first = server.sync(connector)
            assert (first["status"], first["addedCount"]) == ("DONE", MANY), first
            done = undo(server, first)
            assert (done["deletedCount"], done["failedCount"], done["memberships"]["removedCount"]) == (MANY, 0, MANY * GROUPS), done
            directory = server.call("GET", f"/directory/{connector['directoryId']}")[1]
            assert (directory["users"], directory["groups"], directory["memberships"]) == (0, 0, 0), directory
            assert store.execute(INDEXES).fetchall() == indexes
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_later_runs_changed_is_listed_with_the_run(server):
    with Company(count=10) as company:
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        for key in ("id001", "id003"):
            company.people[key]["groups"] = "crew"
        company.write()
        moved = server.sync(connector)
        company.people["id003"]["groups"] = "crew;staff"
        company.write()
        later = server.sync(connector)
        done = undo(server, moved)
        assert any("are left as they are" in message for message in done["messages"]), done
        rows = server.call("GET", f"/usersync/syncstatus/{done['id']}/results?outcome=FAILED")[1]["results"]
        assert {(r["object"], r["name"], r["reason"]) for r in rows} == {("members", "staff", f"was changed since by run {later['id']}")}, rows
        assert rows[0]["members"]["addedUsers"] == ["user003"]
        out = server.cli("results", str(done["id"]), "--outcome", "failed").stdout
        assert f"+ user003: was changed since by run {later['id']}" in out, out
        found = server.call("GET", f"/directory/{connector['directoryId']}/user/user001")[1]["groups"]
        assert found == ["staff"], found


def test_results_name_members_who_are_gone(server):
    with Company(count=10) as company:
        connector = server.create("hr", "file", {**company.configuration, "cleanup": "delete"})
        server.sync(connector)
        del company.people["id003"]
        company.write()
        run = server.sync(connector)
        assert run["deletedCount"] == 1, run
        rows = server.call("GET", f"/usersync/syncstatus/{run['id']}/results?object=members")[1]["results"]
        assert [r["members"]["removedUsers"] for r in rows] == [["user003"]] * len(rows) and rows, rows
        assert "- user003" in server.cli("results", str(run["id"])).stdout
