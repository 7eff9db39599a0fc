"""Applications: kept by the admin API and the command line."""

import pytest
from company import Company


@pytest.fixture
def hr(server):
    with Company(count=3) as company:
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        yield connector


def test_an_application_is_added_shown_changed_and_removed(server, hr):
    status, made = server.call("POST", "/application/", {"name": "Jira", "directories": [hr["directoryId"]], "addresses": ["10.0.0.0/8", "::1"]})
    assert status == 201 and len(made["password"]) >= 32
    assert made["rights"] == ["read", "authenticate"] and made["lastUsed"] is None and made["hasPassword"] and not made["hasToken"]
    shown = server.call("GET", "/application/jira")[1]
    assert shown == {k: v for k, v in made.items() if k != "password"}
    assert server.call("GET", "/application/")[1] == [shown]
    # what was shown can be sent back
    status, saved = server.call("PUT", "/application/Jira", shown)
    assert status == 200 and {**saved, "updated": ""} == {**shown, "updated": ""}
    status, saved = server.call("PUT", "/application/jira", {"name": "jira software", "rights": ["write", "read"], "addresses": []})
    assert status == 200 and (saved["name"], saved["rights"], saved["addresses"]) == ("jira software", ["read", "write"], [])
    assert saved["directories"] == [hr["directoryId"]]
    assert server.call("GET", "/application/jira")[0] == 404
    assert server.call("DELETE", "/application/jira%20software")[0] == 204
    assert server.call("GET", "/application/")[1] == []


def test_secrets_are_kept_as_hashes_only(server, hr):
    made = server.call("POST", "/application/", {"name": "jira", "password": "correct horse"})[1]
    assert "password" not in made
    status, token = server.call("POST", "/application/jira/token")
    assert status == 201 and token["token"].startswith("usa_") and token["hasToken"]
    again = server.call("POST", "/application/jira/token")[1]
    assert again["token"] != token["token"]
    server.stop()
    for file in server.data.glob("usersync.db*"):
        content = file.read_bytes()
        assert b"correct horse" not in content and token["token"].encode() not in content and again["token"].encode() not in content
    assert "correct horse" not in server.log() and token["token"] not in server.log()


@pytest.mark.parametrize("body, field, reason", [
    ({}, "name", "is required"),
    ({"name": ""}, "name", "must not be empty"),
    ({"name": "a:b"}, "name", "must not hold a colon"),
    ({"name": "a\nb"}, "name", "holds a control character"),
    ({"name": "x" * 201}, "name", "is longer than 200 characters"),
    ({"name": "a", "password": "short"}, "password", "is shorter than 8 characters"),
    ({"name": "a", "directories": [77]}, "directories", "there is no directory 77"),
    ({"name": "a", "directories": ["1"]}, "directories", "entry 1 must be the number of a directory"),
    ({"name": "a", "directories": [0]}, "directories", "entry 1 must be the number of a directory"),
    ({"name": "a", "directories": [1, 1]}, "directories", "names directory 1 twice"),
    ({"name": "a", "directories": 1}, "directories", "must be an array, not integer"),
    ({"name": "a", "addresses": ["10.0.0.0/33"]}, "addresses", "entry 1 has no prefix length from 0 to 32"),
    ({"name": "a", "addresses": ["::1", "localhost"]}, "addresses", "entry 2 is no IP address"),
    ({"name": "a", "addresses": ["10.1.2.3/8"]}, "addresses", "entry 1 has address bits behind its prefix length"),
    ({"name": "a", "rights": ["all"]}, "rights", "entry 1 must be one of read, write, authenticate"),
    ({"name": "a", "rights": ["read"] * 4}, "rights", "has more than 3 entries"),
    ({"name": "a", "colour": "red"}, "colour", "is unknown"),
])
def test_a_wrong_setting_is_refused_and_nothing_is_kept(server, hr, body, field, reason):
    status, answer = server.call("POST", "/application/", body)
    assert status == 422 and {"field": field, "reason": reason} in answer["fields"], answer
    assert server.call("GET", "/application/")[1] == []


def test_a_name_is_taken_without_regard_to_case(server, hr):
    assert server.call("POST", "/application/", {"name": "Jira"})[0] == 201
    assert server.call("POST", "/application/", {"name": "wiki"})[0] == 201
    status, answer = server.call("POST", "/application/", {"name": "JIRA"})
    assert (status, answer["message"]) == (409, 'there is an application "JIRA" already')
    status, answer = server.call("PUT", "/application/wiki", {"name": "jira"})
    assert (status, answer["message"]) == (409, 'there is an application "jira" already')
    assert server.call("PUT", "/application/jira", {"name": "JIRA"})[1]["name"] == "JIRA"


def test_a_directory_that_is_made_again_stays_in_sight(server, hr):
    old = hr["directoryId"]
    server.call("POST", "/application/", {"name": "jira", "directories": [old]})
    assert server.call("DELETE", f"/directory/{old}")[0] == 204
    assert server.call("GET", "/application/jira")[1]["directories"] == [old]
    new = server.call("PUT", f"/usersync/connector/{hr['id']}", hr["configuration"])[1]["directoryId"]
    assert new != old
    assert server.call("GET", "/application/jira")[1]["directories"] == [new]
    # the connector goes, its directory stays and is still seen
    assert server.call("DELETE", f"/usersync/connector/{hr['id']}")[0] == 204
    shown = server.call("GET", "/application/jira")[1]
    assert shown["directories"] == [new] and server.call("PUT", "/application/jira", shown)[0] == 200


def test_the_command_line_does_the_same(server, hr):
    added = server.cli("application", "add", "jira", "--directories", "hr", "--addresses", "10.0.0.0/8, ::1")
    assert added.returncode == 0 and "added application jira" in added.stdout and "password: " in added.stdout
    listed = server.cli("application", "list").stdout
    assert listed.splitlines()[1].split() == ["jira", str(hr["directoryId"]), "read,authenticate", "10.0.0.0/8,::1", "-"]
    changed = server.cli("application", "change", "jira", "--password", "--rights", "read", env={"USERSYNC_NEW_PASSWORD": "another one"})
    assert changed.returncode == 0, changed.stderr
    assert server.call("GET", "/application/jira")[1]["rights"] == ["read"]
    assert server.cli("application", "token", "jira").stdout.startswith("usa_")
    assert server.cli("application", "token", "jira", "--remove").returncode == 0
    assert not server.call("GET", "/application/jira")[1]["hasToken"]
    nothing = server.cli("application", "change", "jira")
    assert nothing.returncode == 2 and "nothing to change" in nothing.stderr
    unknown = server.cli("application", "add", "wiki", "--directories", "nowhere")
    assert unknown.returncode == 1 and "nowhere" in unknown.stderr
    assert server.cli("application", "remove", "jira").returncode == 1
    assert server.cli("application", "remove", "jira", "--yes").returncode == 0
    assert server.cli("application", "show", "jira").returncode == 1
