"""Directories without a connector: changed by hand through the admin API and the command line."""

import contextlib
import sqlite3
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from company import Company
from server import BASE

HOSTILE = ["a/b", "a%2Fb", "..", "a b", "ünï", "林美", "a'b\"c", "<script>", "; DROP TABLE usr; --", "a\\b", "?x=1#y", "%", "🦆", "x" * 255]


def quote(name):
    return urllib.parse.quote(name, safe="")


@pytest.fixture
def local(server):
    status, made = server.call("POST", "/directory/", {"name": "Local"})
    assert status == 201 and made["connectorUID"] is None and made["users"] == 0
    return f"/directory/{made['id']}"


def names(server, directory):
    return [u["name"] for u in server.call("GET", f"{directory}/user?limit=1000")[1]["users"]]


def test_a_directory_has_a_name_of_its_own(server):
    made = server.request("POST", BASE + "/directory/", {"name": "Local"})
    assert made.status == 201 and made.headers["Location"] == f"{BASE}/directory/{made.json()['id']}"
    assert server.call("POST", "/directory/", {"name": "LOCAL"})[0] == 409
    for body in [{}, {"name": ""}, {"name": 1}, {"name": "a\n"}, {"name": "a", "connector": "x"}]:
        assert server.call("POST", "/directory/", body)[0] == 422, body
    assert server.call("DELETE", f"/directory/{made.json()['id']}")[0] == 204
    assert server.call("POST", "/directory/", {"name": "Local"})[0] == 201


def test_users_are_made_changed_renamed_and_deleted(server, local):
    status, made = server.call("POST", f"{local}/user", {"name": "svc-backup", "fullName": "Backup", "email": "ops@example.com",
                                                         "attributes": {"owner": "ops", "hosts": ["a", "b"]}})
    assert status == 201 and made["groups"] == []
    user = made["user"]
    assert {k: user[k] for k in ("name", "fullName", "email", "active", "attributes", "owned")} == {
        "name": "svc-backup", "fullName": "Backup", "email": "ops@example.com", "active": True,
        "attributes": {"owner": ["ops"], "hosts": ["a", "b"]}, "owned": False}
    # what was shown can be sent back, with what it shall be
    status, saved = server.call("PUT", f"{local}/user/SVC-backup", {**user, "email": None, "active": False, "attributes": {"hosts": [], "owner": "dev"}})
    assert status == 200
    assert "email" not in saved["user"] and not saved["user"]["active"] and saved["user"]["attributes"] == {"owner": ["dev"]}
    # a revision that is no longer there is refused
    status, refused = server.call("PUT", f"{local}/user/svc-backup", {**user, "fullName": "x"})
    assert status == 409 and "has changed meanwhile" in refused["message"]
    status, renamed = server.call("PUT", f"{local}/user/svc-backup", {"name": "svc-restore"})
    assert status == 200 and renamed["user"]["name"] == "svc-restore" and renamed["user"]["fullName"] == "Backup"
    assert server.call("POST", f"{local}/user", {"name": "SVC-Restore"})[0] == 409
    assert server.call("GET", f"{local}/user/svc-backup")[0] == 404
    assert server.call("DELETE", f"{local}/user/svc-restore")[0] == 204
    assert server.call("DELETE", f"{local}/user/svc-restore")[0] == 404
    directory = server.call("GET", local)[1]
    assert (directory["users"], directory["activeUsers"], directory["revision"]) == (0, 0, 4)


def test_groups_have_members_and_groups(server, local):
    for user in ("ann", "bob"):
        assert server.call("POST", f"{local}/user", {"name": user})[0] == 201
    for group in ("admins", "ops"):
        assert server.call("POST", f"{local}/group", {"name": group, "description": group.upper()})[0] == 201
    for _ in range(2):  # twice is as good as once
        assert server.call("PUT", f"{local}/group/admins/user/ann")[0] == 204
        assert server.call("PUT", f"{local}/group/admins/group/ops")[0] == 204
    status, refused = server.call("PUT", f"{local}/group/ops/group/admins")
    assert status == 409 and "would be a member of itself" in refused["message"]
    assert server.call("PUT", f"{local}/group/ops/user/eve")[0] == 404
    assert server.call("PUT", f"{local}/group/none/user/ann")[0] == 404
    status, made = server.call("PUT", f"{local}/group/admins", {"attributes": {"email": ["a@example.com", "b@example.com"], "level": "1"}})
    assert status == 200 and made["group"]["attributes"] == {"email": ["a@example.com", "b@example.com"], "level": ["1"]}
    status, made = server.call("PUT", f"{local}/group/admins", {**made["group"], "attributes": {"email": None}})
    assert status == 200 and made["group"]["attributes"] == {"level": ["1"]}
    assert server.call("PUT", f"{local}/group/admins", {"attributes": {"Name": "x"}})[0] == 400
    shown = server.call("GET", f"{local}/group/admins")[1]
    assert (shown["users"], shown["groups"], shown["group"]["description"]) == (["ann"], ["ops"], "ADMINS")
    assert server.call("PUT", f"{local}/group/admins", {"name": "Admins", "description": None})[1]["group"].get("description") is None
    assert server.call("DELETE", f"{local}/group/admins/user/bob")[0] == 404
    assert server.call("DELETE", f"{local}/group/admins/user/ann")[0] == 204
    assert server.call("DELETE", f"{local}/group/admins/group/ops")[0] == 204
    assert server.call("DELETE", f"{local}/group/admins")[0] == 204
    assert server.call("GET", local)[1]["memberships"] == 0


def test_each_change_is_a_run_that_can_be_turned_round(server, local):
    server.call("POST", f"{local}/user", {"name": "ann", "password": "correct horse"})
    server.call("POST", f"{local}/group", {"name": "admins"})
    server.call("PUT", f"{local}/group/admins/user/ann")
    server.call("DELETE", f"{local}/user/ann")
    page = server.call("GET", f"{local}/edits?limit=2")[1]
    assert [(r["kind"], r["status"], r["actor"], r["connectorUID"], r["changes"]) for r in page["runs"]] == [
        ("edit", "DONE", "admin", None, 2), ("edit", "DONE", "admin", None, 1)]
    rest = server.call("GET", f"{local}/edits?cursor={page['cursor']}")[1]
    assert len(rest["runs"]) == 2 and rest["cursor"] is None
    run = page["runs"][0]["id"]
    results = server.call("GET", f"/usersync/syncstatus/{run}/results")[1]["results"]
    assert [(r["object"], r["outcome"], r["name"], r["reason"]) for r in results] == [
        ("user", "DELETED", "ann", "was deleted"), ("members", "UPDATED", "admins", "members were edited")]
    status, undone = server.call("POST", f"/usersync/syncstatus/{run}/undo")
    assert (status, undone["status"], undone["kind"], undone["planOf"]) == (202, "DONE", "undo", run)
    assert server.call("GET", f"{local}/group/admins")[1]["users"] == ["ann"]
    # nothing that concerns passwords is in any of it
    assert "argon" not in str([server.call("GET", f"/usersync/syncstatus/{r['id']}/results")[1] for r in page["runs"] + rest["runs"]])


def test_passwords_are_set_and_kept_as_hashes_only(server, local):
    assert server.call("POST", f"{local}/user", {"name": "ann", "password": "correct horse"})[0] == 201
    assert server.call("PUT", f"{local}/user/ann/password", {"password": "battery staple"})[0] == 204
    assert "assword" not in str(server.call("GET", f"{local}/user/ann")[1])
    for body in [{}, {"password": "short"}, {"password": None}, {"password": "x" * 257}, {"password": "correct horse", "more": 1}]:
        assert server.call("PUT", f"{local}/user/ann/password", body)[0] == 422, body
    assert server.call("PUT", f"{local}/user/eve/password", {"password": "battery staple"})[0] == 404
    assert server.call("DELETE", f"{local}/user/ann/password")[0] == 204
    assert len(server.call("GET", f"{local}/edits")[1]["runs"]) == 1  # a password is no change of the directory
    server.stop()
    for file in server.data.glob("usersync.db*"):
        content = file.read_bytes()
        assert b"correct horse" not in content and b"battery staple" not in content
    assert "correct horse" not in server.log() and "battery staple" not in server.log()


def test_what_a_connector_keeps_is_never_changed_by_hand(server):
    with Company(count=3) as company:
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        directory = f"/directory/{connector['directoryId']}"
        before = server.call("GET", directory)[1], names(server, directory)
        user, group = before[1][0], server.call("GET", f"{directory}/group")[1]["groups"][0]["name"]
        for method, path, body in [
                ("POST", "/user", {"name": "eve"}), ("PUT", f"/user/{user}", {"email": "x"}), ("DELETE", f"/user/{user}", None),
                ("PUT", f"/user/{user}/password", {"password": "correct horse"}), ("DELETE", f"/user/{user}/password", None),
                ("POST", "/group", {"name": "g"}), ("PUT", f"/group/{group}", {"name": "h"}), ("DELETE", f"/group/{group}", None),
                ("PUT", f"/group/{group}/user/{user}", None), ("DELETE", f"/group/{group}/user/{user}", None),
                ("PUT", f"/group/{group}/group/{group}", None), ("DELETE", f"/group/{group}/group/{group}", None)]:
            status, refused = server.call(method, directory + path, body)
            assert status == 403 and "is kept by a connector" in refused["message"], (method, path, refused)
        assert (server.call("GET", directory)[1], names(server, directory)) == before
        # without its connector it is a local one
        assert server.call("DELETE", f"/usersync/connector/{connector['uniqueId']}")[0] == 204
        assert server.call("PUT", f"{directory}/user/{user}", {"email": "x@example.com"})[0] == 200
        assert server.call("DELETE", f"{directory}/user/{user}")[0] == 204
        assert server.call("GET", directory)[1]["memberships"] < before[0]["memberships"]
    server.stop()
    with sqlite3.connect(server.data / "usersync.db") as store:
        assert store.execute("SELECT count(*) FROM credential").fetchone() == (0,)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_names(server, local, name):
    path = quote(name)
    made = server.request("POST", f"{BASE}{local}/user", {"name": name})
    assert made.status == 201 and made.json()["user"]["name"] == name
    assert server.request("GET", made.headers["Location"]).json()["user"]["name"] == name
    assert server.call("POST", f"{local}/group", {"name": name})[0] == 201
    assert server.call("PUT", f"{local}/group/{path}/user/{path}")[0] == 204
    assert server.call("GET", f"{local}/group/{path}")[1]["users"] == [name]
    assert server.call("PUT", f"{local}/user/{path}", {"email": name})[1]["user"]["email"] == name
    assert server.call("PUT", f"{local}/user/{path}/password", {"password": "correct horse"})[0] == 204
    assert server.call("DELETE", f"{local}/user/{path}")[0] == 204
    assert server.call("GET", local)[1]["users"] == 0


@pytest.mark.parametrize("body, reason", [
    ({"name": "x" * 256}, "is longer than 255 characters"),
    ({"name": "ü" * 200}, "is longer than 255 bytes"),
    ({"name": " x"}, "must not begin or end with a space"),
    ({"name": "a\u0000b"}, "holds a control character"),
    ({"name": "\u200b"}, "has no visible character"),
    ({"name": "x", "email": 1}, "must be a string or null, not integer"),
    ({"name": "x", "active": "yes"}, "must be true or false"),
    ({"name": "x", "attributes": []}, "must be an object, not array"),
    ({"name": "x", "attributes": {"a": [1]}}, 'must be a string, an array of strings, or null'),
    ({"name": "x", "attributes": {"email": "a"}}, "is a field of its own"),
    ({"name": "x", "attributes": {"": "a"}}, "must not be empty"),
    ({"name": "x", "password": "short"}, "is shorter than 8 characters"),
    ({"name": "x", "colour": "red"}, "is unknown"),
    ({"email": "x"}, "is required"),
])
def test_bad_users_are_refused_with_the_reason(server, local, body, reason):
    status, refused = server.call("POST", f"{local}/user", body)
    assert status in (400, 422) and reason in refused["message"], refused
    assert names(server, local) == []


def test_only_admins_change_directories(server, local):
    server.call("POST", "/user/", {"name": "op", "role": "operator", "password": "operator of it"})
    for method, path, body in [("POST", "/directory/", {"name": "x"}), ("POST", f"{local}/user", {"name": "x"}), ("DELETE", f"{local}/user/x", None),
                               ("PUT", f"{local}/group/x/user/y", None), ("PUT", f"{local}/user/x/password", {"password": "correct horse"})]:
        assert server.request(method, BASE + path, body, user="op", password="operator of it").status == 403


def test_the_command_line_changes_directories(server):
    def run(*argv, **more):
        done = server.cli(*argv, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("directory", "create", "Service accounts").startswith("created directory 1: Service accounts")
    # by name, by number
    assert run("directory", "user", "add", "service ACCOUNTS", "svc-ci", "--email", "ci@example.com", "--attributes", "owner=dev,room=1") == "added user svc-ci\n"
    run("directory", "user", "add", "1", "root/../x", "--password", env={"USERSYNC_NEW_PASSWORD": "correct horse"})
    run("directory", "group", "add", "1", "bots", "--description", "no people")
    assert run("directory", "member", "add", "1", "bots", "svc-ci") == "svc-ci is in bots\n"
    run("directory", "group", "add", "1", "all")
    run("directory", "member", "add", "1", "all", "bots", "--group")
    run("directory", "user", "set", "1", "svc-ci", "--name", "svc-build", "--email", "", "--inactive", "--attributes", "room=")
    user = server.call("GET", "/directory/1/user/svc-build")[1]
    assert user["groups"] == ["bots"] and "email" not in user["user"] and not user["user"]["active"] and user["user"]["attributes"] == {"owner": ["dev"]}
    assert run("directory", "user", "password", "1", "svc-build", env={"USERSYNC_NEW_PASSWORD": "correct horse"}) == "svc-build has a new password\n"
    run("directory", "user", "password", "1", "svc-build", "--remove")
    run("directory", "member", "remove", "1", "bots", "svc-build")
    run("directory", "group", "set", "1", "bots", "--name", "robots", "--attributes", "owner=ops")
    assert server.call("GET", "/directory/1/group/robots")[1]["group"]["attributes"] == {"owner": ["ops"]}
    run("directory", "group", "remove", "1", "robots")
    assert run("directory", "user", "remove", "1", "root/../x") == "removed user root/../x\n"
    edits = run("directory", "edits", "1").splitlines()
    assert len(edits) == 12 and "admin" in edits[1] and "edit" in edits[1]
    newest = edits[1].split()[0]
    assert "was deleted" in run("results", newest)
    run("undo", newest, "--wait")
    assert "root/../x" in run("directory", "users", "1")
    done = server.cli("directory", "user", "set", "1", "svc-build")
    assert done.returncode == 2 and "nothing to change" in done.stderr
    done = server.cli("directory", "user", "remove", "1", "nobody")
    assert done.returncode == 1 and 'no user "nobody"' in done.stderr


def test_who_reads_does_not_wait_for_who_writes(server, local):
    for i in range(12):
        assert server.call("POST", f"{local}/user", {"name": f"u{i}"})[0] == 201
    with contextlib.closing(sqlite3.connect(server.data / "usersync.db", isolation_level=None, timeout=30)) as store, ThreadPoolExecutor(12) as pool:
        store.execute("BEGIN IMMEDIATE")  # as a large sync that is applied
        writes = [pool.submit(server.call, "PUT", f"{local}/user/u{i}", {"email": f"u{i}@example.org"}) for i in range(12)]
        server.wait_until_taken(12)
        begin = time.monotonic()
        for _ in range(20):
            assert server.call("GET", f"{local}/user/u1")[0] == server.request("GET", "/healthz").status == 200
        assert time.monotonic() - begin < 3
        assert not any(w.done() for w in writes)
        store.execute("ROLLBACK")
        assert {w.result()[0] for w in writes} == {200}
    assert "saveDirectoryUser" in server.request("GET", "/metrics").body.decode()
