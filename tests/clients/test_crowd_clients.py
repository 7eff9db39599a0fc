"""Clients of the Crowd protocol that others wrote."""

import importlib.metadata

import crowd as protocol
import node
import pytest
from python_crowd import CrowdServer


@pytest.mark.parametrize("package, script", [("atlassian-crowd-client", "atlassian_crowd_client.js"), ("crowd-ts", "crowd_ts.js")])
def test_clients_for_node(site, row, package, script):
    node.install()
    calls = row(f"{package} (npm)", node.version(package))
    for line in node.run(script, url=site.url, name="client", password="open sesame"):
        calls.note(line["call"], line["problem"])


def test_the_python_client(site, row):
    calls = row("Crowd (PyPI)", importlib.metadata.version("Crowd"))
    server = CrowdServer(site.url + "/crowd", "client", "open sesame")
    with calls("auth_ping"):
        assert server.auth_ping() is True
        assert CrowdServer(site.url + "/crowd", "client", "wrong").auth_ping() is False
    with calls("get_user"):
        assert server.get_user("alice")["email"] == "alice@example.org" and server.get_user("nobody") is None
    with calls("user_exists"):
        assert server.user_exists("дмитрий") and not server.user_exists("nobody")
    with calls("get_groups"):
        assert server.get_groups("alice") == ["staff"]
    with calls("get_nested_groups"):
        assert sorted(server.get_nested_groups("alice")) == ["R&D <lab>", "everybody", "staff"]
    with calls("get_nested_group_users"):
        assert sorted(server.get_nested_group_users("staff")) == ["Bob", "alice", "o'neil", "سارة"]
    with calls("get_memberships"):
        everything = server.get_memberships()
        assert {g: set(m["users"]) for g, m in everything.items()} == {
            g[1]: {p[1] for p in protocol.PEOPLE if p[0] in g[2]} for g in protocol.GROUPS}
    with calls("search"):
        assert [u["name"] for u in server.search("user", "email", "fox@example.org")["users"]] == ["🦊"]
    with calls("get_cookie_conf"):
        assert server.get_cookie_conf()["name"] == "crowd.token_key"
    with calls("add_user"):
        assert server.add_user("lea", first_name="Lea", last_name="L", email="lea@example.org", password="correct horse") is True
    with calls("auth_user"):
        assert server.auth_user("lea", "correct horse")["name"] == "lea" and server.auth_user("lea", "wrong") is None
    with calls("change_password"):
        assert server.change_password("lea", "another horse") is True
    with calls("set_user_attribute"):
        assert server.set_user_attribute("lea", "team", "red") is True
    with calls("set_active"):
        assert server.set_active("lea", False) is True and server.set_active("lea", True) is True
    with calls("create_group"):
        assert server.create_group("sailors") is None and server.create_group("crew") is None
    with calls("update_group"):
        assert server.update_group("sailors", {"description": "of ships"}) is None
    with calls("add_child_group"):
        assert server.add_child_group("sailors", "crew") is None
    with calls("remove_child_group"):
        assert server.remove_child_group("sailors", "crew") is None
    with calls("add_user_to_group"):
        assert server.add_user_to_group("lea", "sailors") is True
    with calls("remove_user_from_group"):
        assert server.remove_user_from_group("lea", "sailors") is True
    with calls("get_session"):
        session = server.get_session("lea", "another horse")
        assert session["user"]["name"] == "lea" and server.get_session("lea", "wrong") is None
    with calls("validate_session"):
        assert server.validate_session(session["token"])["user"]["name"] == "lea"
        assert server.validate_session(session["token"], remote="192.0.2.1") is None
    with calls("terminate_session"):
        assert server.terminate_session(session["token"]) is True and server.validate_session(session["token"]) is None
    with calls("remove_group"):
        assert server.remove_group("sailors") is None and server.remove_group("crew") is None
    assert site.call("DELETE", f"/directory/{site.local}/user/lea")[0] in (200, 204)
