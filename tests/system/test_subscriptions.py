"""Subscriptions: webhooks that are sent the changes of a directory, in order and at least once."""

import json
import signal
import sqlite3
import time

import pytest
from receiver import Receiver, wait_for
from server import Server

FAST = {"retrySeconds": 1, "timeoutSeconds": 1}
SUBSCRIPTION = "/subscription"


@pytest.fixture
def local(server):
    return make_directory(server)


def make_directory(server, name="Local"):
    status, made = server.call("POST", "/directory/", {"name": name})
    assert status == 201, made
    return made["id"]


def add_users(server, directory, *names):
    for name in names:
        assert server.call("POST", f"/directory/{directory}/user", {"name": name})[0] == 201


def subscribe(server, receiver, directory, since=None, **configuration):
    body = {"directoryId": directory, "configuration": {"url": receiver.url, **FAST, **configuration}}
    status, made = server.call("POST", SUBSCRIPTION, {**body, "since": since} if since else body)
    assert status == 201, made
    receiver.secrets.append(made["secret"])
    return made


def show(server, subscription):
    status, shown = server.call("GET", f"{SUBSCRIPTION}/{subscription['id']}")
    assert status == 200, shown
    return shown


def wait_even(server, subscription):
    """Everything has arrived."""
    return wait_for(lambda: (s := show(server, subscription)) and s["behind"] == 0 and not s["tries"] and s, "nothing behind")


def feed(server, directory, since="start"):
    """All changes, as the API has them."""
    changes, more = [], True
    while more:
        status, page = server.call("GET", f"/directory/{directory}/changes?since={since}&limit=1000")
        assert status == 200, page
        changes, since, more = changes + page["changes"], page["next"], page["more"]
    return changes


def messages(receiver, accepted=False):
    """(id, body) of each request, in order."""
    return [({k.lower(): v for k, v in headers.items()}["webhook-id"], json.loads(body)) for _, _, headers, body, turn in receiver.requests
            if not accepted or turn == (200, {})]


def check_stream(receiver, changes, since):
    """What was accepted is the feed, page behind page; what came again was the same."""
    pages = {}
    for name, body in messages(receiver):
        known = pages.setdefault(name, body)
        assert (known["since"], known["data"]["changes"], known["data"]["next"]) == (body["since"], body["data"]["changes"], body["data"]["next"])
    rows, at, seen = [], since, set()
    for name, body in messages(receiver, accepted=True):
        if name in seen:
            continue  # the answer was lost: said again, and known by its id
        seen.add(name)
        assert body["type"] == "directory.changes" and body["since"] == at
        rows, at = rows + body["data"]["changes"], body["data"]["next"]
    assert rows == changes


def set_column(server, column, value):
    server.stop()
    with sqlite3.connect(server.data / "usersync.db") as store:
        store.execute(f"UPDATE subscription SET {column} = ?", (value,))
    server.start()


def test_changes_arrive_signed_and_as_the_feed_has_them(server, local):
    add_users(server, local, "before")
    with Receiver() as receiver:
        made = subscribe(server, receiver, local)
        assert made["state"] == "ACTIVE" and made["behind"] == 0 and made["configuration"]["secret"] == "***"
        add_users(server, local, "ann", "bob")
        server.call("POST", f"/directory/{local}/group", {"name": "staff", "attributes": {"owner": "ops"}})
        server.call("PUT", f"/directory/{local}/group/staff/user/ann")
        server.call("DELETE", f"/directory/{local}/user/ann")
        shown = wait_even(server, made)
        assert "secret" not in shown and shown["lastDelivered"] and shown["error"] is None
        changes = feed(server, local, made["since"])
        assert [c["name"] for c in changes if c["object"] == "user"] == ["ann", "bob", "ann"]
        check_stream(receiver, changes, made["since"])
        [first, *_] = messages(receiver)
        assert (first[1]["subscription"], first[1]["directory"]) == (made["id"], local)
        assert len({name for name, _ in messages(receiver)}) == len(messages(receiver))


def test_every_change_arrives_in_order_though_receiver_and_server_die(server, local):
    add_users(server, local, *(f"early{i}" for i in range(7)))
    turns = [(500, {}), "drop", (503, {"Retry-After": "1"}), (200, {}), "hang", (200, {}), (302, {"Location": "http://127.0.0.1:9/"}), "drop"]
    with Receiver(*turns) as receiver:
        made = subscribe(server, receiver, local, since="start", pageChanges=3)
        receiver.wait(3)
        add_users(server, local, *(f"late{i}" for i in range(7)))
        receiver.wait(5)  # it hangs in this one
        server.kill()
        server.start()
        add_users(server, local, "last")
        receiver.wait(8)
        server.stop(signal.SIGTERM)
        server.start()
        wait_even(server, made)
        changes = feed(server, local)
        assert len(changes) == 15
        check_stream(receiver, changes, made["since"])


def test_a_slow_receiver_holds_up_nobody_else(server, local):
    other = make_directory(server, "Other")
    with Receiver(*["hang"] * 3) as slow, Receiver() as quick:
        late = subscribe(server, slow, local, timeoutSeconds=60)
        subscribe(server, quick, other)
        add_users(server, local, "ann")
        slow.wait(1)
        add_users(server, other, "bob")
        assert quick.wait(1) and len(slow.requests) == 1
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 10  # what is being sent is broken off
        slow.turns.clear()
        server.start()
        wait_even(server, late)
        check_stream(slow, feed(server, local), late["since"])


def test_one_that_fails_for_too_long_is_stopped_and_resumed_from_where_it_was(server, local):
    with Receiver(*[(500, {})] * 100) as receiver:
        made = subscribe(server, receiver, local, stopAfterHours=1)
        add_users(server, local, "ann")
        wait_for(lambda: show(server, made)["failingSince"], "a failure")
        failing = show(server, made)
        assert failing["state"] == "ACTIVE" and "status 500" in failing["error"] and failing["tries"] >= 1 and failing["behind"] == 1
        set_column(server, "failing_since", int(time.time()) - 3601)
        stopped = wait_for(lambda: (s := show(server, made))["state"] == "STOPPED" and s, "it is stopped")
        assert stopped["since"] == made["since"] and stopped["stopped"] and "subscription stopped" in server.log()
        assert "usersync_subscriptions_stopped 1\n" in server.request("GET", "/metrics").body.decode()
        count = len(receiver.requests)
        add_users(server, local, "bob")
        receiver.turns.clear()
        status, resumed = server.call("POST", f"{SUBSCRIPTION}/{made['id']}/resume", {})
        assert status == 200 and resumed["state"] == "ACTIVE" and resumed["failingSince"] is None
        wait_even(server, made)
        assert len(receiver.requests) > count
        check_stream(receiver, feed(server, local), made["since"])


def test_it_is_resumed_from_a_token_too(server, local):
    add_users(server, local, "ann")
    with Receiver((410, {})) as receiver:
        made = subscribe(server, receiver, local)
        add_users(server, local, "bob")
        stopped = wait_for(lambda: (s := show(server, made))["state"] == "STOPPED" and s, "it is stopped")
        assert "status 410" in stopped["error"]
        status, refused = server.call("POST", f"{SUBSCRIPTION}/{made['id']}/resume", {"since": "nonsense"})
        assert status == 400 and show(server, made)["state"] == "STOPPED", refused
        receiver.requests.clear()
        assert server.call("POST", f"{SUBSCRIPTION}/{made['id']}/resume", {"since": "start"})[1]["behind"] == 2
        wait_even(server, made)
        assert [c["name"] for _, body in messages(receiver) for c in body["data"]["changes"]] == ["ann", "bob"]


def test_a_token_that_expired_is_told_once_and_it_goes_on(server, local):
    with Receiver((500, {})) as receiver:
        made = subscribe(server, receiver, local)
        # a backup was put back: the place is of a plan that is not there
        server.stop()
        with sqlite3.connect(server.data / "usersync.db") as store:
            store.execute("INSERT INTO applied (directory, position, mark, run, plan, steps, applied_at) VALUES (?, 0, 77, 0, 0, 0, 0)", (local,))
        server.start()
        add_users(server, local, "ann")
        receiver.wait(2)
        wait_even(server, made)
        add_users(server, local, "bob")
        receiver.wait(3)
        wait_even(server, made)
        (first, expired), (again, _), (_, changes) = messages(receiver)
        assert first == again and expired["type"] == "directory.expired"
        assert expired["data"]["status"] == 410 and "read the directory again" in expired["data"]["message"]
        assert changes["type"] == "directory.changes" and changes["since"] == expired["data"]["next"]
        assert [c["name"] for c in changes["data"]["changes"]] == ["bob"]


def test_pruning_keeps_what_is_still_needed():
    with Server("--keep-results", "1", "--keep-undo", "0", "--keep-runs", "100") as pruning, Receiver(*[(500, {})] * 100) as receiver:
        local, other = make_directory(pruning), make_directory(pruning, "Other")
        made = subscribe(pruning, receiver, local, retrySeconds=900)
        add_users(pruning, local, *(f"user{i}" for i in range(6)))
        add_users(pruning, other, *(f"user{i}" for i in range(3)))
        receiver.wait(1)

        def pruned(directory):
            return sum(r["resultsPruned"] for r in pruning.call("GET", f"/directory/{directory}/edits?limit=100")[1]["runs"])

        wait_for(lambda: pruned(other) == 2, "what is newer and not needed is taken away")
        assert pruned(local) == 0
        receiver.turns.clear()
        assert pruning.call("POST", f"{SUBSCRIPTION}/{made['id']}/resume", {})[0] == 200
        wait_even(pruning, made)
        check_stream(receiver, feed(pruning, local), made["since"])
        pruning.stop()
        pruning.start()  # a pass begins with the server
        wait_for(lambda: pruned(local) > 0, "what nobody needs any more goes")


def test_one_of_a_directory_that_is_gone_is_stopped(server, local):
    with Receiver() as receiver:
        made = subscribe(server, receiver, local)
        assert server.call("DELETE", f"/directory/{local}")[0] == 204
        stopped = wait_for(lambda: (s := show(server, made))["state"] == "STOPPED" and s, "it is stopped")
        assert stopped["error"] == f"Directory {local} does not exists" and not receiver.requests


@pytest.mark.parametrize("body, status, reason", [
    ({}, 422, "directoryId"),
    ({"directoryId": 1}, 422, "configuration"),
    ({"directoryId": 0, "configuration": {"url": "http://127.0.0.1:9/"}}, 422, "must be the number of a directory"),
    ({"directoryId": 77, "configuration": {"url": "http://127.0.0.1:9/"}}, 404, "Directory 77 does not exists"),
    ({"directoryId": 1, "configuration": {}}, 422, "is required"),
    ({"directoryId": 1, "configuration": {"url": "ftp://127.0.0.1/"}}, 422, "url"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/?a=b"}}, 422, "what follows a ? goes into query"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/", "pageChanges": 1001}}, 422, "pageChanges"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/", "stopAfterHours": 0}}, 422, "stopAfterHours"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/", "secret": "whsec_short"}}, 422, "24 to 64 bytes"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/"}, "since": "nonsense"}, 400, "the token is not one that was given out"),
    ({"directoryId": 1, "configuration": {"url": "http://127.0.0.1:9/"}, "colour": "red"}, 422, "is unknown"),
])
def test_bad_ones_are_refused_with_the_reason(server, local, body, status, reason):
    got, refused = server.call("POST", SUBSCRIPTION, body)
    assert got == status and reason in str(refused), refused
    assert server.call("GET", SUBSCRIPTION)[1] == []


def test_settings_are_saved_and_secrets_kept(server, local):
    with Receiver() as one, Receiver() as two:
        made = subscribe(server, one, local)
        two.secrets += one.secrets
        assert server.call("PUT", f"{SUBSCRIPTION}/{made['id']}", {"configuration": {"url": two.url}})[0] == 422
        made["configuration"]["url"] = two.url
        del made["secret"]
        status, saved = server.call("PUT", f"{SUBSCRIPTION}/{made['id']}", made)
        assert status == 200 and saved["configuration"]["url"] == two.url
        add_users(server, local, "ann")
        two.wait(1)
        assert not one.requests
        for file in server.data.glob("usersync.db*"):
            assert one.secrets[0].encode() not in file.read_bytes()


def test_the_command_line_manages_them(server, local):
    with Receiver() as receiver:
        added = server.cli("subscription", "add", "local", "--url", receiver.url, "--since", "start")
        assert added.returncode == 0, added.stderr
        assert added.stdout.startswith(f"added subscription 1 of directory {local}\n")
        receiver.secrets.append(added.stdout.split()[-1])
        add_users(server, local, "ann")
        receiver.wait(1)
        wait_even(server, {"id": 1})
        listed = server.cli("subscription", "list").stdout
        assert "ACTIVE" in listed and receiver.url in listed
        assert server.cli("subscription", "resume", "1", "--since", "start").stdout == "subscription 1 goes on\n"
        receiver.wait(2)
        assert json.loads(server.cli("subscription", "show", "1").stdout)["directoryId"] == local
        assert server.cli("subscription", "remove", "1").returncode == 1
        assert server.cli("subscription", "remove", "1", "--yes").stdout == "removed subscription 1\n"
        assert server.cli("subscription", "show", "1").returncode == 1
        assert server.cli("subscription", "add", "local").returncode == 2
