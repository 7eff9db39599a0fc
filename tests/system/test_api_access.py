"""Who may do what: credentials, roles, throttling, and that a change counts at once."""

import base64
import os
import pathlib
import re
import time

import pytest
from company import Company
from server import BASE

ROLES = ["monitor", "operator", "admin"]
# method, path, the least role, the status that this role gets
CALLS = [
    ("GET", "/usersync/connector/", "monitor", 200),
    ("POST", "/usersync/connector/", "admin", 415),
    ("GET", "/usersync/connector/1", "monitor", 200),
    ("PUT", "/usersync/connector/1", "admin", 415),
    ("DELETE", "/usersync/connector/77", "admin", 404),
    ("POST", "/usersync/connector/1/test", "operator", 200),
    ("GET", "/usersync/connector/export", "operator", 200),
    ("POST", "/usersync/connector/export", "admin", 415),
    ("GET", "/usersync/connector/1/export", "operator", 200),
    ("POST", "/usersync/connector/1/export", "admin", 415),
    ("POST", "/usersync/connector/import", "admin", 415),
    ("POST", "/usersync/connector/77/sync", "operator", 404),
    ("POST", "/usersync/connector/77/pause", "operator", 404),
    ("POST", "/usersync/connector/77/resume", "operator", 404),
    ("POST", "/usersync/connector/77/simulate", "operator", 404),
    ("POST", "/usersync/connector/77/mapping/preview", "operator", 404),
    ("POST", "/usersync/connector/77/cancel", "operator", 404),
    ("POST", "/usersync/connector/77/syncsingle/x", "operator", 404),
    ("GET", "/usersync/connector/1/syncstatus", "monitor", 200),
    ("GET", "/usersync/connector/1/syncstatuses", "monitor", 200),
    ("GET", "/usersync/connector/1/explain/user001", "operator", 200),
    ("POST", "/usersync/connector/77/explain/user001", "admin", 404),
    ("GET", "/usersync/syncstatus/1", "monitor", 200),
    ("GET", "/usersync/syncstatus/1/results", "operator", 200),
    ("POST", "/usersync/syncstatus/1/approve", "operator", 409),
    ("POST", "/usersync/syncstatus/1/reject", "operator", 409),
    ("POST", "/usersync/syncstatus/1/apply", "operator", 409),
    ("POST", "/usersync/syncstatus/77/undo", "operator", 404),
    ("GET", "/directory/", "operator", 200),
    ("GET", "/directory/1", "operator", 200),
    ("DELETE", "/directory/77", "admin", 404),
    ("GET", "/directory/1/user", "operator", 200),
    ("GET", "/directory/1/user/user001", "operator", 200),
    ("GET", "/directory/1/group", "operator", 200),
    ("GET", "/directory/1/group/staff", "operator", 200),
    ("GET", "/application/", "operator", 200),
    ("POST", "/application/", "admin", 415),
    ("GET", "/application/nobody", "operator", 404),
    ("PUT", "/application/nobody", "admin", 404),
    ("DELETE", "/application/nobody", "admin", 404),
    ("POST", "/application/nobody/token", "admin", 404),
    ("DELETE", "/application/nobody/token", "admin", 404),
    ("POST", "/directory", "admin", 415),
    ("GET", "/directory/1/edits", "operator", 200),
    ("POST", "/directory/77/user", "admin", 415),
    ("PUT", "/directory/77/user/user001", "admin", 415),
    ("DELETE", "/directory/77/user/user001", "admin", 404),
    ("PUT", "/directory/77/user/user001/password", "admin", 415),
    ("DELETE", "/directory/77/user/user001/password", "admin", 404),
    ("POST", "/directory/77/group", "admin", 415),
    ("GET", "/directory/1/login", "operator", 200),
    ("POST", "/directory/77/login", "operator", 415),
    ("PUT", "/directory/77/group/staff", "admin", 415),
    ("DELETE", "/directory/77/group/staff", "admin", 404),
    ("PUT", "/directory/77/group/staff/user/user001", "admin", 404),
    ("DELETE", "/directory/77/group/staff/user/user001", "admin", 404),
    ("PUT", "/directory/77/group/staff/group/staff", "admin", 404),
    ("DELETE", "/directory/77/group/staff/group/staff", "admin", 404),
    ("GET", "/directory/1/changes", "operator", 200),
    ("GET", "/settings/limits", "operator", 200),
    ("PUT", "/settings/limits", "admin", 415),
    ("GET", "/support", "admin", 200),
    ("GET", "/user/", "admin", 200),
    ("POST", "/user/", "admin", 415),
    ("GET", "/user/admin", "admin", 200),
    ("PUT", "/user/admin", "admin", 415),
    ("DELETE", "/user/nobody", "admin", 404),
    ("GET", "/token/", "admin", 200),
    ("POST", "/token/", "admin", 415),
    ("DELETE", "/token/77", "admin", 404),
    ("GET", "/notice/target/", "operator", 200),
    ("POST", "/notice/target/", "admin", 415),
    ("GET", "/notice/target/77", "operator", 404),
    ("PUT", "/notice/target/77", "admin", 404),
    ("DELETE", "/notice/target/77", "admin", 404),
    ("POST", "/notice/target/77/test", "admin", 404),
    ("GET", "/notice/delivery/", "operator", 200),
    ("GET", "/notice/delivery/77", "operator", 404),
    ("POST", "/notice/delivery/77/retry", "operator", 404),
    ("DELETE", "/notice/delivery/77", "operator", 404),
    ("GET", "/subscription/", "operator", 200),
    ("POST", "/subscription/", "admin", 415),
    ("GET", "/subscription/77", "operator", 404),
    ("PUT", "/subscription/77", "admin", 415),
    ("DELETE", "/subscription/77", "admin", 404),
    ("POST", "/subscription/77/resume", "operator", 415),
]


@pytest.fixture(scope="module")
def site(shared_server):
    with Company() as company:
        connector = shared_server.create("hr", "file", company.configuration)
        shared_server.sync(connector)
        shared_server.tokens = {}
        for role in ROLES:
            status, made = shared_server.call("POST", "/token/", {"name": role, "role": role})
            assert status == 201, made
            shared_server.tokens[role] = made["token"]
        yield shared_server


@pytest.mark.parametrize("method,path,least,status", CALLS)
def test_each_call_is_for_its_role_and_those_above(site, method, path, least, status):
    for role in ROLES:
        answer = site.request(method, BASE + path, token=site.tokens[role])
        if ROLES.index(role) >= ROLES.index(least):
            assert answer.status == status, (role, answer.body)
        else:
            assert answer.status == 403, (role, answer.body)
            assert least in answer.json()["message"]
    refused = site.request(method, BASE + path, user=None)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")


def test_every_row_of_the_document_is_in_the_table_above(site):
    document = site.request("GET", "/openapi.json", user=None).json()
    described = {(method.upper(), re.sub(r"\{[^}]*\}", "{}", path[len(BASE):])) for path, item in document["paths"].items()
                 for method in item if path.startswith(BASE)}
    def plain(path):
        path = re.sub(r"/(1|77)(?=/|$)", "/{}", path.rstrip("/"))
        return re.sub(r"(?<=/)(user001|staff|x|admin|nobody)(?=/|$)", "{}", path)
    assert described == {(method, plain(path)) for method, path, _, _ in CALLS}


def test_a_monitor_sees_no_settings(site):
    shown = site.request("GET", BASE + "/usersync/connector/", token=site.tokens["monitor"]).json()
    assert shown and all("configuration" not in c for c in shown)
    shown = site.request("GET", BASE + "/usersync/connector/1", token=site.tokens["monitor"]).json()
    assert "configuration" not in shown and shown["uniqueId"]


def test_probes_need_no_credentials_and_figures_do(site):
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert site.request("GET", path, user=None).status == 200
    assert site.request("GET", "/metrics", user=None).status == 401
    assert site.request("GET", "/metrics", token=site.tokens["monitor"]).status == 200


BROKEN = ["Basic", "Basic ", "Basic !!!!", "Basic YWRtaW4=", "Basic " + base64.b64encode(b"admin:\xff\xfe").decode(), "Basic YWRtaW46eA==garbage",
          "Bearer", "Bearer ", "Bearer x", "Digest username=admin", "admin:secret", "Basic " + base64.b64encode(b"admin:a\0b").decode()]


@pytest.mark.parametrize("header", BROKEN)
def test_broken_credentials_are_401(site, header):
    answer = site.request("GET", BASE + "/usersync/connector/", headers={"Authorization": header}, user=None)
    assert answer.status == 401
    assert answer.json()["status"] == 401


def test_names_and_passwords_of_any_script_work(server):
    for name, password in (("Zoë 😀", "pässwörd: mit : Doppelpunkt"), ("שלום", "  spaces around  "), ("a/b%c", "x" * 256)):
        status, made = server.call("POST", "/user/", {"name": name, "role": "monitor", "password": password})
        assert status == 201, made
        assert server.call("GET", "/usersync/connector/", user=name, password=password)[0] == 200
        assert server.call("GET", "/usersync/connector/", user=name, password=password + "x")[0] == 401
    # One name, however it is written.
    assert server.call("POST", "/user/", {"name": "ZOË 😀", "role": "monitor", "password": "long enough"})[0] == 409


def test_a_new_password_counts_at_once_and_the_old_one_no_more(server):
    server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "first password"})
    assert server.call("GET", "/directory/", user="olga", password="first password")[0] == 200
    assert server.call("PUT", "/user/olga", {"password": "second password"})[0] == 200
    assert server.call("GET", "/directory/", user="olga", password="first password")[0] == 401
    assert server.call("GET", "/directory/", user="olga", password="second password")[0] == 200


def test_a_new_role_counts_at_once(server):
    server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "her password"})
    assert server.call("GET", "/directory/", user="olga", password="her password")[0] == 200
    assert server.call("PUT", "/user/olga", {"role": "monitor"})[0] == 200
    assert server.call("GET", "/directory/", user="olga", password="her password")[0] == 403
    assert server.call("DELETE", "/user/olga")[0] == 204
    assert server.call("GET", "/usersync/connector/", user="olga", password="her password")[0] == 401


def test_a_token_ends_when_it_is_removed_or_has_expired(server):
    _, made = server.call("POST", "/token/", {"name": "ci", "role": "operator"})
    assert made["expires"] is None
    assert server.call("GET", "/directory/", token=made["token"])[0] == 200
    listed = server.call("GET", "/token/")[1]
    assert [t["name"] for t in listed] == ["ci"] and made["token"] not in str(listed)
    assert server.call("DELETE", f"/token/{made['id']}")[0] == 204
    assert server.call("GET", "/directory/", token=made["token"])[0] == 401
    _, brief = server.call("POST", "/token/", {"name": "brief", "role": "operator", "expiresIn": 1})
    deadline = time.monotonic() + 10
    while server.call("GET", "/directory/", token=brief["token"])[0] == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.call("GET", "/directory/", token=brief["token"])[0] == 401


def test_the_last_admin_stays(server):
    assert server.call("PUT", "/user/admin", {"role": "monitor"})[0] == 409
    assert server.call("DELETE", "/user/admin")[0] == 409
    assert server.call("POST", "/user/", {"name": "second", "role": "admin", "password": "her password"})[0] == 201
    assert server.call("DELETE", "/user/admin")[0] == 204
    assert server.call("GET", "/user/", user="second", password="her password")[0] == 200


def test_failed_logins_wait_longer_and_longer_and_nobody_else_does(server):
    server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "her password"})
    server.call("POST", "/user/", {"name": "otto", "role": "operator", "password": "his password"})
    assert server.call("GET", "/directory/", user="olga", password="her password")[0] == 200
    answers = [server.request("GET", BASE + "/directory/", user="olga", password=f"wrong {i}") for i in range(12)]
    assert [a.status for a in answers[:10]] == [401] * 10
    assert answers[-1].status == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 300
    # Whoever is known already goes on; so does everybody else.
    assert server.call("GET", "/directory/", user="olga", password="her password")[0] == 200
    assert server.call("GET", "/directory/", user="otto", password="his password")[0] == 200
    assert server.call("GET", "/directory/")[0] == 200


def test_an_address_that_tries_many_names_must_wait_too(server):
    server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "her password"})
    assert server.call("GET", "/directory/")[0] == 200
    tried = [server.call("GET", "/directory/", user=f"name{i}", password="guess")[0] for i in range(105)]
    assert set(tried[:95]) == {401} and 429 in tried[95:]
    assert server.call("GET", "/directory/")[0] == 200
    assert "login refused" in server.log()


def test_who_changed_something_is_in_the_log(server):
    server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "her password"})
    server.call("POST", "/usersync/connector/77/sync", user="olga", password="her password")
    server.call("GET", "/directory/", user="olga", password="her password")
    lines = [line for line in server.log().splitlines() if "admin call" in line]
    assert len(lines) == 2
    assert '"operation":"addAccount","actor":"admin","role":"admin"' in lines[0] and '"result":"ok"' in lines[0]
    assert '"operation":"sync","actor":"olga","role":"operator"' in lines[1] and '"result":"not found"' in lines[1]
    assert "her password" not in server.log()


def test_an_unknown_name_costs_as_much_as_a_wrong_password(server):
    def spent_s():
        # user and system time of the server: how long an answer takes depends on what else the machine does
        ticks = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def cost(users):
        begin = spent_s()
        for user in users:
            assert server.call("GET", "/directory/", user=user, password="wrong")[0] == 401
        return spent_s() - begin
    known = cost(["admin"] * 5)
    unknown = cost(f"nobody{i}" for i in range(5))
    assert known > 0.02, "no password is hashed"
    assert 0.3 < known / unknown < 3


def test_other_sites_cannot_use_a_browsers_credentials(site):
    host = site.url.split("//")[1]
    path = BASE + "/usersync/connector/77/sync"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert site.request("POST", path, headers=headers).status == 403
    for headers in ({"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}, {}):
        assert site.request("POST", path, headers=headers).status == 404
