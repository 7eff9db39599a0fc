"""A server that is killed at any statement that writes, from the first of a push to the last of the run that follows: what was answered is there, what
was not can be sent again, and the directory becomes what was pushed, once.
"""

import http.client
import shutil

import pytest
from observe import snapshot
from pusher import TOKEN, created, group, inbound, patch, person, settle
from scim import Scim
from server import Server
from test_killed import environment


def push_all(idp, anna, staff):
    """New somebody, into the group, somebody else out and gone; the statuses. None at the end: the server was killed under it."""
    statuses = []
    try:
        statuses.append(idp.call("POST", "Users", person("carl"))[0])
        carl = idp.list(filter='userName eq "carl"')["Resources"][0]["id"]
        statuses.append(idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": carl}]},
                                                                   {"op": "remove", "path": "members", "value": [{"value": anna}]}))[0])
        statuses.append(idp.call("DELETE", f"Users/{anna}")[0])
    except (ConnectionError, http.client.HTTPException):
        statuses.append(None)
    return statuses


def added(server, connector, name):
    """How often runs that are over say that they have made the user."""
    times = 0
    for run in server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses")[1]["runs"]:
        if run["status"] == "DONE":
            rows = server.call("GET", f"/usersync/syncstatus/{run['id']}/results?search={name}")[1]["results"]
            times += sum(r["outcome"] == "ADDED" and r.get("name") == name and r["object"] == "user" for r in rows)
    return times


@pytest.fixture(name="before", scope="module")
def fixture_before(tmp_path_factory):
    """A data folder whose connector has what was pushed so far; the connector, anna's id, the group's."""
    data = tmp_path_factory.mktemp("before") / "data"
    with Server(data=data) as server:
        connector, idp = inbound(server, cleanup="delete")
        anna, bert = created(idp.call("POST", "Users", person("anna"))), created(idp.call("POST", "Users", person("bert")))
        staff = created(idp.call("POST", "Groups", group("staff", anna, bert)))
        settle(server, connector, lambda r: r["status"] == "DONE" and snapshot_is_whole(server, connector, ["anna", "bert"]))
    return data, connector, anna, staff


def snapshot_is_whole(server, connector, members):
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/group/staff")
    return status == 200 and sorted(u if isinstance(u, str) else u["name"] for u in said["users"]) == members


def test_pushes_outlive_a_server_that_is_killed_at_any_write(before, tmp_path):
    origin, connector, anna, staff = before
    ends, step, was_killed = [], 0, True
    while was_killed:
        step += 1
        data = tmp_path / str(step)
        shutil.copytree(origin, data)
        server = Server(data=data, env=environment(data))
        with server:
            idp = Scim(server, connector["uniqueId"], token=TOKEN)
            idp.get("ServiceProviderConfig")
            (data / "killat").write_text(str(step))
            statuses = push_all(idp, anna, staff)
            was_killed = None in statuses
            if not was_killed:
                try:
                    settle(server, connector, lambda r: snapshot_is_whole(server, connector, ["bert", "carl"]))
                except (ConnectionError, http.client.HTTPException):
                    was_killed = True
        (data / "killat").unlink()
        with Server(data=data, env=environment(data)) as server:
            idp = Scim(server, connector["uniqueId"], token=TOKEN)
            # what was answered is there
            assert not statuses[0] or idp.names(filter='userName eq "carl"') == ["carl"], (step, statuses)
            assert statuses[2:3] != [204] or idp.get(f"Users/{anna}")[0] == 404, (step, statuses)
            if None in statuses:
                # the provider says all of it again: what had been stored is no second one
                again = push_all(idp, anna, staff)
                assert again[0] in (201, 409) and again[1] == 204 and again[2] in (204, 404), (step, again)
            settle(server, connector, lambda r: r["status"] == "DONE" and snapshot_is_whole(server, connector, ["bert", "carl"]) and
                   server.call("GET", f"/directory/{connector['directoryId']}/user/anna")[0] == 404)
            assert added(server, connector, "carl") == 1, step
            ends.append(snapshot(server, connector))
            full = server.sync(connector)
            assert (full["status"], full["addedCount"], full["updatedCount"], full["deletedCount"], full["changes"]) == ("DONE", 0, 0, 0, 0), (step, full)
        shutil.rmtree(data)
    assert step > 20, "the run is part of it"
    assert all(end == ends[0] for end in ends) and list(ends[0][0]) == ["bert", "carl"], ends[0]
