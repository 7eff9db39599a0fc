"""A server that is killed in the middle of a run: at every statement that writes, in every kind of run. The next start says INTERRUPTED, the
connector is free, the directory is as before or as after, a plan that was held or simulated can be written still, and the next run is fine.
"""

import http.client
import os

import pytest
from company import Company
from observe import snapshot
from server import Server, build_folder

# Two leavers are one more than may go unseen.
LIMITS = {"users": {"floor": 1, "percent": 0}}
KINDS = {"full": {}, "simulation": {}, "single": {}, "undo": {}, "approve": {"limits": LIMITS}, "apply": {}}
WAITING = ("SCHEDULED", "RUNNING")
HERE, RUN = "/usersync/connector/{connector}", "/usersync/syncstatus/{run}"


def environment(data):
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(build_folder() / "tests/system/libkillat.so"), "KILLAT": str(data / "killat"),
            "ASAN_OPTIONS": sanitizer + (":" if sanitizer else "") + "verify_asan_link_order=0"}


def last_run(server, connector):
    status, last = server.call("GET", HERE.format(connector=connector["uniqueId"]) + "/syncstatus")
    assert status == 200, last
    return server.wait(last["id"]) if last["status"] in WAITING else last


def prepare(server, connector, kind, somebody):
    """Two people have left and somebody's mail has changed. Does what comes before the call that is killed; the call."""
    here = HERE.format(connector=connector["uniqueId"])
    if kind == "full":
        return here + "/sync"
    if kind == "simulation":
        return here + "/simulate"
    if kind == "single":
        return f"{here}/syncsingle/{somebody}"
    if kind == "apply":
        planned = server.wait(server.call("POST", here + "/simulate")[1]["id"])
    else:
        planned = server.sync(connector)
    assert planned["status"] == ("HELD" if kind == "approve" else "DONE"), planned
    return f"{RUN.format(run=planned['id'])}/{kind}"


def attempt(server, path):
    """The run at its end; None: the server was killed under it."""
    try:
        status, answer = server.call("POST", path)
        assert status in (200, 202), answer
        return server.wait(answer["id"])
    except (ConnectionError, http.client.HTTPException):
        return None


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_server_killed_at_any_write_leaves_nothing_half_done(tmp_path, kind):
    step, seen, done = 0, [], None
    with Company(count=40) as company:
        everybody = dict(company.people)
        with Server(data=tmp_path, env=environment(tmp_path)) as server:
            connector = server.create("hr", "file", {**company.configuration, "cleanup": "delete", **KINDS[kind]})
            first = server.sync(connector)
            assert first["status"] == "DONE", first
        while not done:
            step += 1
            (tmp_path / "killat").unlink(missing_ok=True)
            company.people = dict(everybody)
            company.write()
            server = Server(data=tmp_path, env=environment(tmp_path))
            with server:
                again = server.sync(connector)
                assert again["status"] == "DONE", again
                gone, other, somebody = list(everybody)[:3]
                del company.people[gone], company.people[other]
                company.people[somebody] = {**everybody[somebody], "email": "changed@example.org"}
                company.write()
                path = prepare(server, connector, kind, everybody[somebody]["username"])
                before, was = snapshot(server, connector), last_run(server, connector)
                (tmp_path / "killat").write_text(str(step))
                done = attempt(server, path)
            (tmp_path / "killat").unlink()
            with Server(data=tmp_path, env=environment(tmp_path)) as server:
                last = last_run(server, connector)
                assert last["status"] in ("DONE", "HELD" if kind == "approve" else "INTERRUPTED"), (step, last)
                is_written = last["status"] == "DONE" and (last["id"], last["status"]) != (was["id"], was["status"])
                if is_written:
                    seen.append(snapshot(server, connector))
                else:
                    assert snapshot(server, connector) == before, (step, last)
                    if kind == "approve":
                        assert last["status"] == "HELD" and last["id"] == was["id"] and last["held"] == was["held"], (step, last)
                        assert last["messages"][:len(was["messages"])] == was["messages"], (step, last)
                    if kind in ("approve", "apply"):
                        repeated = attempt(server, path)
                        assert repeated["status"] == "DONE" and repeated["deletedCount"] == 2, (step, repeated)
                        seen.append(snapshot(server, connector))
                final = server.sync(connector)
                assert final["status"] == "DONE", (step, final)
    assert done["status"] == "DONE" and step > 4, (step, done)
    # Whenever it was written, and at whichever attempt, the same came of it.
    assert all(one == seen[-1] for one in seen)
    assert (seen[-1] == before) == (kind == "simulation")
