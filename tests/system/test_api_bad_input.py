"""Each bad input gets its own answer and changes nothing."""

import json
import urllib.parse

import pytest
from company import Company
from server import BASE

JSON = {"Content-Type": "application/json"}
LONG = 1 << 20


@pytest.fixture(scope="module")
def site(shared_server):
    with Company() as company:
        shared_server.company = company
        shared_server.connector = shared_server.create("hr", "file", company.configuration)
        shared_server.done = shared_server.sync(shared_server.connector)
        yield shared_server


def snapshot(server):
    return [server.call("GET", path)[1] for path in ("/usersync/connector/", "/directory/", "/directory/1/user?limit=1000", "/user/", "/token/",
                                                     "/usersync/connector/1/syncstatus")]


# method, path, body, headers, status, what the message says
ROWS = [
    ("GET", "/", None, {}, 404, "nothing is served"),
    ("GET", "/usersync", None, {}, 404, "nothing is served"),
    ("GET", "/usersync/connector/1/nonsense", None, {}, 404, "nothing is served"),
    ("GET", "/usersync//connector/1", None, {}, 404, "nothing is served"),
    ("GET", "/usersync/connector/77", None, {}, 404, 'there is no connector "77"'),
    ("GET", "/usersync/connector/nonsense", None, {}, 404, 'there is no connector "nonsense"'),
    ("GET", "/usersync/connector/-1", None, {}, 404, "there is no connector"),
    ("GET", "/usersync/connector/00000000-0000-0000-0000-000000000000/syncstatus", None, {}, 404, "there is no connector"),
    ("GET", "/usersync/connector/99999999999999999999999", None, {}, 404, "there is no connector"),
    ("GET", "/usersync/connector/1%27%20OR%201=1", None, {}, 404, "there is no connector"),
    ("GET", "/usersync/syncstatus/77", None, {}, 404, "there is no run 77"),
    ("GET", "/usersync/syncstatus/x", None, {}, 404, 'no run "x"'),
    ("GET", "/usersync/syncstatus/0", None, {}, 404, "no run"),
    ("GET", "/usersync/syncstatus/1/results?outcome=NONSENSE", None, {}, 400, "outcome must be one of"),
    ("GET", "/usersync/syncstatus/1/results?object=x", None, {}, 400, "object must be"),
    ("GET", "/usersync/syncstatus/1/results?format=xml", None, {}, 400, "format must be"),
    ("GET", "/usersync/syncstatus/1/results?limit=0", None, {}, 400, "limit must be"),
    ("GET", "/usersync/syncstatus/1/results?limit=1001", None, {}, 400, "limit must be"),
    ("GET", "/usersync/syncstatus/1/results?limit=x", None, {}, 400, "limit must be"),
    ("GET", "/usersync/syncstatus/1/results?limit=5&limit=6", None, {}, 400, 'parameter "limit" is given twice'),
    ("GET", "/usersync/syncstatus/1/results?format=csv&limit=x", None, {}, 400, "limit must be"),
    ("GET", "/usersync/syncstatus/1/results?cursor=nonsense", None, {}, 400, "cursor"),
    ("GET", "/usersync/connector/1/syncstatuses?cursor=r31", None, {}, 400, "cursor"),
    ("GET", "/usersync/connector/1/syncstatuses?cursor=s", None, {}, 400, "cursor"),
    ("GET", "/directory/1/user?cursor=u0", None, {}, 400, "cursor"),
    ("GET", "/directory/1/user?cursor=uff", None, {}, 400, "cursor"),
    ("GET", "/directory/1/user?x=%", None, {}, 400, "percent sign"),
    ("GET", "/directory/1/user/%00", None, {}, 400, "NUL"),
    ("GET", "/directory/1/user/%ff", None, {}, 400, "UTF-8"),
    ("GET", "/directory/77", None, {}, 404, "Directory 77 does not exists"),
    ("GET", "/directory/x", None, {}, 404, "no directory"),
    ("GET", "/directory/1/user/nobody", None, {}, 404, ""),
    ("GET", "/directory/1/group/nothing", None, {}, 404, ""),
    ("DELETE", "/directory/77", None, {}, 404, "Directory 77 does not exists"),
    ("POST", "/usersync/connector/1/sync?mode=nonsense", None, {}, 400, "mode must be full or delta"),
    ("POST", "/usersync/connector/1/sync?mode=delta", None, {}, 400, "connectors of type file have no change feed; use a full sync"),
    ("POST", "/usersync/connector/1/cancel", None, {}, 409, "no run of this connector"),
    ("POST", "/usersync/syncstatus/1/approve", None, {}, 409, ""),
    ("POST", "/usersync/syncstatus/1/reject", None, {}, 409, ""),
    ("POST", "/usersync/syncstatus/1/apply", None, {}, 409, ""),
    # bodies
    ("POST", "/usersync/connector/", b"{}", {}, 415, "application/json"),
    ("POST", "/usersync/connector/", b"{}", {"Content-Type": "text/plain"}, 415, "application/json"),
    ("POST", "/usersync/connector/", b"{}", {"Content-Type": "application/jsonx"}, 415, "application/json"),
    ("POST", "/usersync/connector/", b"", JSON, 400, "empty"),
    ("POST", "/usersync/connector/", b'{"name":', JSON, 400, "at byte 8"),
    ("POST", "/usersync/connector/", b'{"name":"a","name":"b"}', JSON, 400, "twice"),
    ("POST", "/usersync/connector/", b'{"name":"\xff"}', JSON, 400, "not UTF-8"),
    ("POST", "/usersync/connector/", b"[" * 100 + b"]" * 100, JSON, 413, "deeper"),
    ("POST", "/usersync/connector/", b"[" * 5000 + b"]" * 5000, JSON, 413, "deeper"),
    ("POST", "/usersync/connector/", b"[" + b"1," * 100000 + b"1]", JSON, 413, "more than 100000 values"),
    ("POST", "/usersync/connector/", b"[]", JSON, 400, "must be a JSON object, not array"),
    ("POST", "/usersync/connector/", b'"text"', JSON, 400, "must be a JSON object, not string"),
    ("POST", "/usersync/connector/", b'{"a":"' + b"x" * LONG + b'"}', JSON, 413, "too large"),
    ("POST", "/usersync/connector/", b'{"a":"' + b"x" * 9 * LONG + b'"}', JSON, 413, "too large"),
    ("PUT", "/usersync/connector/77", b"{}", JSON, 404, "there is no connector"),
    ("PUT", "/usersync/connector/1", b"not json", JSON, 400, "at byte 0"),
    ("PUT", "/user/nobody", b"{}", JSON, 404, ""),
    ("DELETE", "/user/nobody", None, {}, 404, ""),
    ("DELETE", "/token/x", None, {}, 404, "no token"),
]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_bad_requests_get_their_answer(site, row):
    method, path, body, headers, status, message = ROWS[row]
    before = snapshot(site)
    answer = site.request(method, BASE + path, body, headers)
    assert answer.status == status, answer.body[:500]
    said = answer.json()
    assert said["status"] == status and said["error"]
    assert message in said["message"]
    assert answer.headers["Content-Type"] == "application/json"
    assert snapshot(site) == before


KEYCLOAK = {"name": "x", "type": "keycloak"}
LDAP = {"name": "x", "type": "ldap"}
# body, each field with its reason
FIELDS = [
    ({}, {"name": "is required", "type": "is required", "configuration": "is required"}),
    ({"name": 1, "type": 2, "configuration": 3}, {"name": "must be a string", "type": "must be one of"}),
    ({"name": "", "type": "file", "configuration": {}}, {"name": "must not be empty", "path": "is required"}),
    ({"name": "control\x1f", "type": "file", "configuration": {"path": "/x"}}, {"name": "control character"}),
    ({"name": "x" * 256, "type": "file", "configuration": {"path": "/x"}}, {"name": "longer than 255 characters"}),
    ({"name": "x", "type": "nonsense", "configuration": {}}, {"type": "must be one of"}),
    ({"name": "x", "type": "file", "configuration": []}, {"configuration": "must be an object, not array"}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x", "nonsense": 1}}, {"nonsense": "is not a setting"}),
    ({"name": "x", "type": "file", "configuration": {"path": 5}}, {"path": "must be a string, not integer"}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x", "cleanup": "everything"}}, {"cleanup": "must be one of disable|delete|anonymize|keep|staged"}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x", "limits": {"users": {"percent": 200}}}}, {"limits.users.percent": ""}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x", "limits": 5}}, {"limits": "must be an object"}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x", "allOrNothing": "yes"}}, {"allOrNothing": "must be true or false"}),
    *[({"name": "x", "type": "file", "configuration": {"path": "/x", **rules}}, problems) for rules, problems in [
        ({"cleanup": "staged"}, {"cleanupStages": "is required when cleanup is staged"}),
        ({"cleanupStages": [{"afterDays": 1, "action": "disable"}]}, {"cleanupStages": "has no effect unless cleanup is staged"}),
        ({"cleanup": "staged", "cleanupStages": [{"afterDays": 7, "action": "strip"}, {"afterDays": 1, "action": "disable"}]},
         {"cleanupStages[1]": "comes before the stage above it"}),
        ({"cleanup": "staged", "cleanupStages": [{"afterDays": 1, "action": "delete"}, {"afterDays": 7, "action": "strip"}]},
         {"cleanupStages[1]": "comes after delete, which leaves nobody for it"}),
        ({"cleanup": "staged", "cleanupStages": [{"afterDays": 0, "action": "explode", "more": 1}]},
         {"cleanupStages[0].action": "must be one of disable, strip, anonymize, delete",
          "cleanupStages[0]": "unknown member"}),
        ({"cleanup": "staged", "cleanupStages": [5, {"action": "strip"}]},
         {"cleanupStages[0]": "must be an object", "cleanupStages[1]": "has no afterDays"}),
        ({"protectedUsers": ["ok", "/(/", ""]}, {"protectedUsers[1]": "is no regular expression", "protectedUsers[2]": "is empty"}),
        ({"groupFilter": {"a": 1}}, {"groupFilter": "must be an array of strings, not object"}),
        ({"groupFilter": ["a", 1]}, {"groupFilter[1]": "must be a string, not integer"}),
        ({"requiredGroups": ["group:"]}, {"requiredGroups[0]": "is empty"}),
        ({"assignGroups": ["a", "A", " "]}, {"assignGroups[1]": "is there twice", "assignGroups[2]": "must be a name"}),
        ({"nestedGroups": "both"}, {"nestedGroups": "must be one of keep|flatten"}),
    ]],
    ({"name": "x", "type": "file", "configuration": {"path": "/x"}, "more": 1}, {"more": "is unknown"}),
    ({"name": "x", "type": "file", "configuration": {"path": "/x"}, "enabled": "no"}, {"enabled": "must be true or false"}),
    (KEYCLOAK | {"configuration": {"url": "https://anna:pw@idp.example", "realm": "r", "clientId": "c", "clientSecret": "s"}},
     {"url": "no user name and no password"}),
    (KEYCLOAK | {"configuration": {"url": "ftp://idp.example", "realm": "r", "clientId": "c", "clientSecret": "s"}}, {"url": "must be a URL"}),
    (KEYCLOAK | {"configuration": {"url": "https://idp.example", "realm": "r", "clientId": "c", "clientSecret": "***", "proxy": "***"}},
     {"clientSecret": "none is stored", "proxy": "none is stored"}),
    (LDAP | {"configuration": {"url": ["ldap://one.example", "ldaps://anna:pw@two.example"], "baseDn": "dc=x"}}, {"url": "no user name and no password"}),
    (LDAP | {"configuration": {"url": "http://one.example", "baseDn": "dc=x"}}, {"url": "must be a URL (scheme ldap|ldaps)"}),
    (LDAP | {"configuration": {"url": [], "baseDn": "dc=x"}}, {"url": "must not be empty"}),
    (LDAP | {"configuration": {"url": ["ldap://"], "baseDn": "dc=x"}}, {"url": "has no host name"}),
]


@pytest.mark.parametrize("row", range(len(FIELDS)))
def test_wrong_settings_are_422_with_a_reason_for_each_field(site, row):
    body, reasons = FIELDS[row]
    before = snapshot(site)
    status, said = site.call("POST", "/usersync/connector/", body)
    assert status == 422
    got = {f["field"]: f["reason"] for f in said["fields"]}
    assert set(got) == set(reasons)
    for field, reason in reasons.items():
        assert reason in got[field]
    assert snapshot(site) == before


ACCOUNTS = [
    ("/user/", {}, {"name", "role", "password"}),
    ("/user/", {"name": "a:b", "role": "admin", "password": "long enough"}, {"name"}),
    ("/user/", {"name": "a\nb", "role": "admin", "password": "long enough"}, {"name"}),
    ("/user/", {"name": "ok", "role": "king", "password": "long enough"}, {"role"}),
    ("/user/", {"name": "ok", "role": "admin", "password": "short"}, {"password"}),
    ("/user/", {"name": "ok", "role": "admin", "password": "nul \0 inside"}, {"password"}),
    ("/user/", {"name": "ok", "role": "admin", "password": 12345678}, {"password"}),
    ("/user/", {"name": "ok", "role": "admin", "password": "long enough", "x": 1}, {"x"}),
    ("/token/", {"name": "ok"}, {"role"}),
    ("/token/", {"name": "ok", "role": "admin", "expiresIn": 0}, {"expiresIn"}),
    ("/token/", {"name": "ok", "role": "admin", "expiresIn": "1h"}, {"expiresIn"}),
]


@pytest.mark.parametrize("row", range(len(ACCOUNTS)))
def test_wrong_accounts_are_422_and_not_made(site, row):
    path, body, fields = ACCOUNTS[row]
    before = snapshot(site)
    status, said = site.call("POST", path, body)
    assert status == 422
    assert {f["field"] for f in said["fields"]} == fields
    assert snapshot(site) == before


def test_a_type_cannot_be_changed(site):
    status, said = site.call("PUT", "/usersync/connector/1", {**site.connector, "type": "ldap"})
    assert status == 422 and said["fields"][0]["field"] == "type"


def test_a_taken_name_is_409(site):
    status, said = site.call("POST", "/usersync/connector/", {"name": "HR", "type": "file", "configuration": {"path": "/x"}})
    assert status == 409, said


ALLOWED = [
    ("/usersync/connector", {"GET", "HEAD", "POST", "OPTIONS"}),
    ("/usersync/connector/1", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ("/usersync/connector/1/sync", {"POST", "OPTIONS"}),
    ("/usersync/connector/1/syncstatus", {"GET", "HEAD", "OPTIONS"}),
    ("/usersync/syncstatus/1", {"GET", "HEAD", "OPTIONS"}),
    ("/usersync/syncstatus/1/approve", {"POST", "OPTIONS"}),
    ("/directory/1", {"GET", "HEAD", "DELETE", "OPTIONS"}),
    ("/user/admin", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ("/token/1", {"DELETE", "OPTIONS"}),
]


@pytest.mark.parametrize("path,methods", ALLOWED)
def test_wrong_methods_are_405_with_the_right_ones(site, path, methods):
    for method in ("PATCH", "TRACE", "BREW", "GET", "POST", "PUT", "DELETE"):
        if method in methods:
            continue
        answer = site.request(method, BASE + path)
        assert answer.status == 405, (method, answer.body)
        assert set(answer.headers["Allow"].split(", ")) == methods
    answer = site.request("OPTIONS", BASE + path, user=None)
    assert answer.status == 204 and set(answer.headers["Allow"].split(", ")) == methods


def test_head_is_get_without_a_body(site):
    whole, head = site.request("GET", BASE + "/usersync/connector/1"), site.request("HEAD", BASE + "/usersync/connector/1")
    assert head.status == 200 and head.body == b""
    assert head.headers["Content-Length"] == str(len(whole.body)) == whole.headers["Content-Length"]


NAMES = ["O'Brien", 'say "hi"', "a/b", "100%", "%2F", "with space", "plus+sign", "😀😀", "שלום עולם", "مرحبا", "名前", "..", "a;b&c=d?e#f", "<b>", "back\\slash",
         "semi;colon", "ÅNGSTRÖM"]


def test_names_of_any_kind_are_updated_singly(server):
    with Company(count=3) as company:
        for i, name in enumerate(NAMES):
            company.add(f"odd{i}", name, groups="")
        connector = server.create("odd", "file", company.configuration)
        assert server.sync(connector)["addedCount"] == 3 + len(NAMES)
        for i, name in enumerate(NAMES):
            company.people[f"odd{i}"]["fullName"] = f"Changed {i}"
        company.write()
        for i, name in enumerate(NAMES):
            quoted = urllib.parse.quote(name, safe="").replace("..", "%2E%2E")
            status, done = server.call("POST", f"/usersync/connector/1/syncsingle/{quoted}")
            assert status == 200, (name, done)
            assert (done["status"], done["updatedCount"], done["username"]) == ("DONE", 1, name)
            status, shown = server.call("GET", f"/directory/{connector['directoryId']}/user/{quoted}")
            assert status == 200 and shown["user"]["fullName"] == f"Changed {i}"
            status, why = server.call("GET", f"/usersync/connector/1/explain/{quoted}")
            assert status == 200 and why["found"]
        status, said = server.call("POST", "/usersync/connector/1/syncsingle/" + urllib.parse.quote("nobody/😀", safe=""))
        assert status == 404 and said["message"].startswith("User <nobody/😀> is known neither")


def test_errors_are_json_for_refused_framing_too(site):
    import socket
    host, port = site.url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        text = b""
        while part := s.recv(65536):
            text += part
    head, body = text.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["message"] == "more than one Host header"
