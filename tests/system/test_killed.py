"""A server that is killed in the middle of a run: at every statement that writes, in every kind of run. The next start says INTERRUPTED, the
connector is free, the directory is as before or as after, and the next run is fine.
"""

import http.client
import os

import pytest
from company import Company
from observe import snapshot
from server import Server, build_folder

PATHS = {
    "full": "/usersync/connector/{connector}/sync",
    "simulation": "/usersync/connector/{connector}/simulate",
    "single": "/usersync/connector/{connector}/syncsingle/{name}",
    "undo": "/usersync/syncstatus/{first}/undo",
}
WAITING = ("SCHEDULED", "RUNNING")


def environment(data):
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(build_folder() / "tests/system/libkillat.so"), "KILLAT": str(data / "killat"),
            "ASAN_OPTIONS": sanitizer + (":" if sanitizer else "") + "verify_asan_link_order=0"}


def attempt(server, path):
    """False: the server was killed under it."""
    try:
        status, answer = server.call("POST", path)
        assert status in (200, 202), answer
        server.wait(answer["id"])
        return True
    except (ConnectionError, http.client.HTTPException):
        return False


@pytest.mark.parametrize("kind", list(PATHS))
def test_a_server_killed_at_any_write_leaves_nothing_half_done(tmp_path, kind):
    step = 0
    with Company(count=40) as company:
        everybody = dict(company.people)
        with Server(data=tmp_path, env=environment(tmp_path)) as server:
            connector = server.create("hr", "file", {**company.configuration, "cleanup": "delete"})
            first = server.sync(connector)
            assert first["status"] == "DONE", first
        was_killed, killed = True, 0
        while was_killed:
            step += 1
            (tmp_path / "killat").unlink(missing_ok=True)
            company.people = dict(everybody)
            company.write()
            server = Server(data=tmp_path, env=environment(tmp_path))
            with server:
                again = server.sync(connector)
                assert again["status"] == "DONE", again
                before = snapshot(server, connector)
                for key in list(everybody)[:2]:
                    del company.people[key]
                company.write()
                undone = None
                if kind == "undo":
                    undone = server.sync(connector)
                    assert undone["status"] == "DONE", undone
                    before = snapshot(server, connector)
                path = PATHS[kind].format(connector=connector["uniqueId"], name=next(iter(before[0])), first=undone and undone["id"])
                (tmp_path / "killat").write_text(str(step))
                was_killed = not attempt(server, path)
            killed += was_killed
            (tmp_path / "killat").unlink()
            with Server(data=tmp_path, env=environment(tmp_path)) as server:
                _, last = server.call("GET", f"/usersync/connector/{connector['uniqueId']}/syncstatus")
                if last["status"] == "SCHEDULED":
                    last = server.wait(last["id"])
                assert last["status"] not in WAITING, last
                if last["status"] == "INTERRUPTED" or kind == "simulation":
                    assert snapshot(server, connector) == before, (step, last)
                final = server.sync(connector)
                assert final["status"] == "DONE", (step, final)
        assert killed > 3, killed
