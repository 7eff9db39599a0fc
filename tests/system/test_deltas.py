"""Delta syncs through the whole server: by schedule with a full one now and then, what makes a full one of them, and a server that is killed in one.

The source is an identity provider that pushes; runs for its pushes alone would begin in an hour.
"""

import time

import pytest
from observe import snapshot
from pusher import created, group, inbound, patch, person, settle
from server import Server
from test_killed import attempt, environment, last_run

LATE = {"quietSeconds": 3600, "latestSeconds": 86400}
INSTEAD = "A full sync instead of a delta: "


def delta(server, connector):
    status, answer = server.call("POST", f"/usersync/connector/{connector['id']}/sync?mode=delta")
    assert status == 202, answer
    return server.wait(answer["id"])


def save(server, connector, **settings):
    """Adds to the settings; None takes one away."""
    status, shown = server.call("GET", f"/usersync/connector/{connector['id']}")
    assert status == 200, shown
    configuration = {name: value for name, value in {**shown["configuration"], **settings}.items() if value is not None}
    status, answer = server.call("PUT", f"/usersync/connector/{connector['id']}", configuration)
    assert status == 200, answer


def instead(run):
    """Why it is a full one."""
    found = [m[len(INSTEAD):] for m in run["messages"] if m.startswith(INSTEAD)]
    assert (run["kind"] == "full") == bool(found), run
    return found[0] if found else None


def set_mail(idp, user, mail):
    assert idp.call("PATCH", f"Users/{user}", patch({"op": "replace", "path": 'emails[type eq "work"].value', "value": mail}))[0] in (200, 204)


@pytest.fixture
def site(server):
    server.connector, server.idp = inbound(server, cleanup="delete", **LATE)
    server.anna = created(server.idp.call("POST", "Users", person("anna")))
    created(server.idp.call("POST", "Groups", group("staff", server.anna)))
    first = delta(server, server.connector)
    assert first["status"] == "DONE" and "no full sync that could be followed" in instead(first), first
    assert instead(delta(server, server.connector)) is None
    yield server


def test_a_schedule_runs_deltas_and_a_full_sync_when_it_is_due(server):
    connector, idp = inbound(server, cleanup="delete", schedule={"every": "1s", "mode": "delta", "fullEvery": "5s"}, **LATE)
    created(idp.call("POST", "Users", person("anna")))
    first = settle(server, connector, lambda r: r["status"] == "DONE")
    assert (first["trigger"], first["kind"], first["actor"]) == ("schedule", "full", "schedule"), first
    second = settle(server, connector, lambda r: r["kind"] == "delta")
    assert second["trigger"] == "schedule" and second["status"] == "DONE" and second["id"] > first["id"], second
    created(idp.call("POST", "Users", person("bert")))
    settle(server, connector, lambda r: r["id"] > second["id"])
    full = settle(server, connector, lambda r: r["kind"] == "full" and r["id"] > second["id"])
    assert instead(full) == "the last full sync is older than fullEvery of the schedule." and full["status"] == "DONE", full
    settle(server, connector, lambda r: r["kind"] == "delta" and r["id"] > full["id"])
    status, page = server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses?limit=1000")
    assert sum(r["addedCount"] for r in page["runs"]) == 2 and {r["status"] for r in page["runs"]} <= {"DONE", "RUNNING", "SCHEDULED"}, page


def undo_last(site):
    set_mail(site.idp, site.anna, "new@example.org")
    changed = delta(site, site.connector)
    assert (changed["kind"], changed["updatedCount"]) == ("delta", 1), changed
    undone = site.wait(site.call("POST", f"/usersync/syncstatus/{changed['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE", undone


def replace_directory(site):
    assert site.call("DELETE", f"/directory/{site.connector['directoryId']}")[0] == 204
    save(site, site.connector)


@pytest.mark.parametrize("change, why", [
    (lambda s: save(s, s.connector, mapping=[{"attribute": "fullName", "value": "Somebody"}]), "the configuration has changed since the last sync."),
    (undo_last, "no full sync that could be followed by one has been applied yet, or an undo, or a login of somebody deleted as inactive, came after it."),
    (replace_directory, "the directory is a new one."),
], ids=["configuration", "undo", "directory"])
def test_what_makes_a_full_sync_of_one_delta(site, change, why):
    change(site)
    run = delta(site, site.connector)
    assert instead(run) == why and run["status"] == "DONE", run
    # and then they go on
    set_mail(site.idp, site.anna, "again@example.org")
    run = delta(site, site.connector)
    assert (run["kind"], run["status"], run["updatedCount"], instead(run)) == ("delta", "DONE", 1, None), run


def clean_up_inactive(site, **settings):
    """anna, of whom the last login was long ago."""
    directory = site.connector["directoryId"]
    note_login(site, directory, 200)
    stale = site.create("stale", "inactive", {"directory": site.connector["uniqueId"], "days": 90, **settings})
    run = site.sync(stale)
    assert run["deletedCount"] + run["disabledCount"] == 1, run
    return run


def note_login(site, directory, days_ago):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days_ago * 86400))
    status, answer = site.call("POST", f"/directory/{directory}/login", [{"username": "anna", "at": at}])
    assert status == 200 and answer["unknown"] == 0, answer


def state_of(site, name):
    page = site.call("GET", f"/directory/{site.connector['directoryId']}/user?limit=1000")[1]
    return next((u["active"] for u in page["users"] if u["name"] == name), None)


@pytest.mark.parametrize("cleanup", ["delete", "disable"])
def test_whoever_logs_in_again_comes_back_with_the_next_delta(site, cleanup):
    clean_up_inactive(site, cleanup=cleanup)
    assert instead(delta(site, site.connector)) is None and not state_of(site, "anna")
    note_login(site, site.connector["directoryId"], -20 / 86400)
    run = delta(site, site.connector)
    assert run["status"] == "DONE" and state_of(site, "anna"), run


def test_what_happened_to_the_deleted_is_told_after_an_undo(site):
    """The feed has named them while they were away, and will not again."""
    cleaned = clean_up_inactive(site, cleanup="delete")
    assert site.idp.call("PATCH", f"Users/{site.anna}", patch({"op": "replace", "path": "active", "value": False}))[0] in (200, 204)
    assert delta(site, site.connector)["filteredCount"] == 1
    undone = site.wait(site.call("POST", f"/usersync/syncstatus/{cleaned['id']}/undo")[1]["id"])
    assert undone["status"] == "DONE" and state_of(site, "anna")
    run = delta(site, site.connector)
    assert run["status"] == "DONE" and state_of(site, "anna") is False, run


@pytest.mark.parametrize("settings, why", [
    ({"requiredGroups": ["staff"]}, "requiredGroups is set"),
    ({"nestedGroups": "flatten"}, "nested groups are flattened"),
    ({"emptyGroups": "drop"}, "groups without members are dropped"),
    ({"cleanup": "keep"}, "cleanup is keep"),
    ({"groupCleanup": "keep"}, "groupCleanup is keep"),
    ({"mapping": [{"attribute": "groups", "from": "title"}]}, "groups are made from an attribute of users"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_settings_with_which_each_run_is_a_full_one(site, settings, why):
    save(site, site.connector, **settings)
    site.sync(site.connector)
    for _ in range(2):
        assert why in (instead(delta(site, site.connector)) or "")


def test_settings_that_leave_a_delta_one(site):
    save(site, site.connector, limits={"users": {"percent": 50}}, schedule={"every": "6h"}, quietSeconds=1800)
    save(site, site.connector, quietSeconds=3600)
    run = delta(site, site.connector)
    assert (run["kind"], run["status"]) == ("delta", "DONE") and instead(run) is None, run


def push_everything(idp, step, known):
    """Somebody new, somebody changed, somebody gone, in a group that changes. known: who was new the last time."""
    set_mail(idp, known["anna"], f"anna{step}@example.org")
    new = created(idp.call("POST", "Users", person(f"new{step}")))
    changes = [{"op": "add", "path": "members", "value": [{"value": new}]}]
    assert idp.call("PATCH", f"Groups/{known['staff']}", patch(*changes))[0] in (200, 204)
    if known.get("new"):
        assert idp.call("DELETE", f"Users/{known['new']}")[0] == 204
    known["new"] = new


def test_a_server_killed_in_a_delta_goes_on_where_the_feed_was(tmp_path):
    step, done, known, here = 0, None, {}, "/usersync/connector/1"
    with Server(data=tmp_path, env=environment(tmp_path)) as server:
        connector, idp = inbound(server, cleanup="delete", limits={"users": {"percent": 100}, "memberships": {"percent": 100}}, **LATE)
        known["anna"] = created(idp.call("POST", "Users", person("anna")))
        known["staff"] = created(idp.call("POST", "Groups", group("staff", known["anna"])))
        push_everything(idp, step, known)
        assert server.sync(connector)["status"] == "DONE"
    while not done:
        step += 1
        (tmp_path / "killat").unlink(missing_ok=True)
        with Server(data=tmp_path, env=environment(tmp_path)) as server:
            idp.server = server
            push_everything(idp, step, known)
            before, was = snapshot(server, connector), last_run(server, connector)
            (tmp_path / "killat").write_text(str(step))
            done = attempt(server, here + "/sync?mode=delta")
            if done:
                (tmp_path / "killat").unlink()
        (tmp_path / "killat").unlink(missing_ok=True)
        with Server(data=tmp_path, env=environment(tmp_path)) as server:
            last = last_run(server, connector)
            is_begun = last["id"] != was["id"]
            assert not is_begun or last["kind"] == "delta" and last["status"] in ("DONE", "INTERRUPTED"), (step, last)
            if not is_begun or last["status"] == "INTERRUPTED":
                assert snapshot(server, connector) == before, (step, last)
                resumed = delta(server, connector)
                assert (resumed["kind"], resumed["status"]) == ("delta", "DONE"), (step, resumed)
                assert (resumed["addedCount"], resumed["updatedCount"], resumed["deletedCount"]) == (1, 1, 1), (step, resumed)
            again = server.sync(connector)
            assert (again["status"], again["addedCount"], again["updatedCount"], again["deletedCount"], again["notModifiedCount"]) == (
                "DONE", 0, 0, 0, 2), (step, again)
            assert again["memberships"]["addedCount"] == again["memberships"]["removedCount"] == 0, (step, again)
    assert done["status"] == "DONE" and step > 4, (step, done)
