"""What an admin reads when a source cannot be used: each trouble has a message of its own that says what to change, is a FAILED run that takes
nothing from anybody, and is over when it is mended. Real servers where one can be had.
"""

import pathlib

import fakekc
import pytest
import rig
import slapd
from observe import snapshot, took_nothing


@pytest.fixture(name="ldap", scope="module")
def fixture_ldap():
    with slapd.Slapd(rig.Company(seed=9, users=12, groups=3, disabled_pct=0)) as source:
        yield source


@pytest.fixture(name="stranger", scope="module")
def fixture_stranger(tmp_path_factory):
    """Authorities that did not sign, and servers whose certificates are no good."""
    folder = tmp_path_factory.mktemp("strangers")
    expired, elsewhere = rig.Ca(folder / "expired"), rig.Ca(folder / "elsewhere")
    issue = elsewhere.issue
    expired.issue, elsewhere.issue = expired.issue_expired, lambda: issue("elsewhere", ("DNS:elsewhere.example.org",))
    few = rig.Company(users=2, groups=1, nested=False)
    with slapd.Slapd(few, ca=expired) as one, slapd.Slapd(few, ca=elsewhere) as two:
        yield {"authority": rig.Ca(folder / "authority").pem, "expired": one, "elsewhere": two}


def read_text(path):
    return pathlib.Path(path).read_text(encoding="ascii")


def ldap_settings(source):
    return {"url": [source.url], "bindDn": source.bind_dn, "bindPassword": source.bind_password, "baseDn": source.base, "timeoutSeconds": 3}


LDAP = {
    "server down": (lambda s, x: {"url": [f"ldap://127.0.0.1:{rig.free_port()}"]}, "connection refused"),
    "unknown host": (lambda s, x: {"url": ["ldap://no-such-host.invalid"]}, "no-such-host.invalid"),
    "wrong password": (lambda s, x: {"bindPassword": "wrong"}, "check bindDn and bindPassword"),
    "unknown account": (lambda s, x: {"bindDn": f"cn=nobody,{s.base}"}, "cn=nobody"),
    "no password": (lambda s, x: {"bindPassword": ""}, "bindPassword: is missing"),
    "untrusted certificate": (lambda s, x: {"url": [s.ldaps_url], "caCertificate": read_text(x["authority"])}, "nobody here trusts"),
    "untrusted certificate, StartTLS": (lambda s, x: {"startTls": True, "caCertificate": read_text(x["authority"])}, "nobody here trusts"),
    "expired certificate": (lambda s, x: {"url": [x["expired"].ldaps_url], "caCertificate": read_text(x["expired"].ca)}, "expired on 2021-01-01"),
    "certificate of another": (lambda s, x: {"url": [x["elsewhere"].ldaps_url], "caCertificate": read_text(x["elsewhere"].ca)},
                               "does not name 127.0.0.1, but elsewhere.example.org"),
    "no TLS there": (lambda s, x: {"url": [s.url.replace("ldap:", "ldaps:")]}, "does the server speak TLS"),
    "no such base": (lambda s, x: {"baseDn": f"ou=nowhere,{s.base}"}, "check the base DN"),
    "no such base of groups": (lambda s, x: {"groupBaseDn": [f"ou=nowhere,{s.base}"]}, "check the base DN"),
    "no such attribute": (lambda s, x: {"idAttribute": "employeeNumber"}, "is schema or idAttribute right?"),
    "broken filter": (lambda s, x: {"userFilter": "(uid=*"}, "userFilter"),
}


def check_trouble(server, connector, settings, change, says):
    """One bad save and its run: refused when it is saved, or a FAILED run; never anything else. Gives what was said."""
    path = f"/usersync/connector/{connector['uniqueId']}"
    before = snapshot(server, connector)
    status, answer = server.call("PUT", path, {**settings, **change})
    if status == 422:
        said = str(answer)
    else:
        assert status == 200, answer
        run = server.sync(connector)
        assert run["status"] == "FAILED" and took_nothing(run) and not (run["certificate"] or {}).get("whole"), run
        said = "\n".join(run["messages"][1:])
        test = server.cli("connector", "test", connector["name"])
        assert test.returncode == 1 and says in test.stdout + test.stderr, test
    assert says in said, said
    assert snapshot(server, connector) == before
    assert server.call("PUT", path, settings)[0] == 200
    run = server.sync(connector)
    assert run["status"] == "DONE" and run["changes"] == 0, run
    return said


@pytest.fixture(name="ldap_connector", scope="module")
def fixture_ldap_connector(shared_server, ldap):
    connector = shared_server.create("trouble ldap", "ldap", {**ldap_settings(ldap), "cleanup": "delete"})
    assert shared_server.sync(connector)["status"] == "DONE"
    return connector


@pytest.mark.parametrize("trouble", LDAP)
def test_ldap(shared_server, ldap, ldap_connector, stranger, trouble):
    change, says = LDAP[trouble]
    said = check_trouble(shared_server, ldap_connector, {**ldap_settings(ldap), "cleanup": "delete"}, change(ldap, stranger), says)
    assert "Passw0rd" not in said
    # OpenLDAP itself does not tell a wrong password from an unknown account, and says so with one code.
    same = {"wrong password", "unknown account"}
    assert not any(text in said for name, (_, text) in LDAP.items() if text != says and not {name, trouble} <= same), said


def test_ldap_single_user_is_not_taken_for_gone(shared_server, ldap, ldap_connector):
    """A user is asked for while the server refuses us: nothing happens to the user."""
    path = f"/usersync/connector/{ldap_connector['uniqueId']}"
    settings = {**ldap_settings(ldap), "cleanup": "delete"}
    uid = ldap.company.users[0].uid
    before = snapshot(shared_server, ldap_connector)
    for change in ({"bindPassword": "wrong"}, {"baseDn": f"ou=nowhere,{ldap.base}"}, {"url": [f"ldap://127.0.0.1:{rig.free_port()}"]}):
        assert shared_server.call("PUT", path, {**settings, **change})[0] == 200
        status, run = shared_server.call("POST", f"{path}/syncsingle/{uid}")
        assert status == 200 and run["status"] == "FAILED" and took_nothing(run), run
        assert snapshot(shared_server, ldap_connector) == before
    assert shared_server.call("PUT", path, settings)[0] == 200


KEYCLOAK = {
    "server down": (lambda s: {"url": f"http://127.0.0.1:{rig.free_port()}"}, "refused the connection"),
    "wrong secret": (lambda s: {"clientSecret": "wrong"}, "Token request failed: the client id or client secret is wrong"),
    "no such realm": (lambda s: {"realm": "nowhere"}, 'no realm "nowhere"'),
    "no TLS there": (lambda s: {"url": s.url.replace("http:", "https:")}, "TLS"),
}


@pytest.mark.parametrize("trouble", KEYCLOAK)
def test_keycloak(shared_server, trouble):
    change, says = KEYCLOAK[trouble]
    with fakekc.FakeKeycloak(people=8, group_count=2) as source:
        settings = {"url": source.url, "realm": source.realm, "clientId": source.client, "clientSecret": source.secret, "retries": 0,
                    "cleanup": "delete"}
        connector = shared_server.create(f"trouble keycloak {trouble}", "keycloak", settings)
        assert shared_server.sync(connector)["status"] == "DONE"
        said = check_trouble(shared_server, connector, settings, change(source), says)
        assert source.secret not in said


def rows(text):
    return "id,username,groups\n" + text


WHOLE = rows("1,ann,a;b\n2,bob,b\n3,carl,c\n")
FILES = {
    "gone": (None, "No such file"),
    "empty": ("", "is empty"),
    "cut inside of a row": (WHOLE[:-4], "cut inside of"),
    "cut in front of the line end": (WHOLE[:-1], "has no line end"),
    "a row of one cell": (rows("1,ann,a;b\n2\n"), "line 3: 1 cells, but the header has 3"),
    "an open quote": (rows('1,ann,a;b\n2,"bob,b\n3,carl,c\n'), "never closed"),
    "text behind a quote": (rows('1,ann,a;b\n2,"bob"x,b\n'), "text follows the closing quote"),
    "one id twice": (rows("1,ann,a\n1,bob,b\n"), 'the id "1" is on line 2 and again on line 3'),
    "a row without an id": (rows("1,ann,a\n,bob,b\n"), 'column "id" is empty'),
    "no column of ids": ("number,username\n1,ann\n", 'has no column "id"; set idColumn'),
    "an id that is no text": (rows("1,ann,a\n\udcff,bob,b\n"), "is not UTF-8"),
    "an id with a NUL": (rows("1,ann,a\n\0,bob,b\n"), "NUL"),
    "groups that are no text": (rows("1,ann,a\n2,bob,\udcff\n"), 'column "groups" is not UTF-8'),
    "UTF-16": ("\udcff\udcfei\0d\0", "UTF-16"),
    "another delimiter": (WHOLE.replace(",", "\t"), "is another delimiter in use?"),
    "a row of 17 MB": (rows("1,ann,a\n2," + "x" * (17 << 20) + ",b\n"), "a row of more than 16 MB"),
}


@pytest.mark.parametrize("trouble", FILES)
def test_file(shared_server, tmp_path, trouble):
    text, says = FILES[trouble]
    path = tmp_path / "users.csv"
    path.write_text(WHOLE)
    connector = shared_server.create(f"trouble file {trouble}", "file", {"path": str(path), "cleanup": "delete", "limits": {
        what: {"floor": 1000000, "percent": 100} for what in ("users", "groups", "memberships")}})
    assert shared_server.sync(connector)["status"] == "DONE"
    before = snapshot(shared_server, connector)
    assert set(before[0]) == {"ann", "bob", "carl"} and set(before[1]) == {"a", "b", "c"}
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text.encode(errors="surrogateescape"))
    run = shared_server.sync(connector)
    assert run["status"] == "FAILED" and took_nothing(run) and not run["certificate"]["whole"], run
    assert any(says in message for message in run["messages"]), run["messages"]
    after = snapshot(shared_server, connector)
    assert set(after[0]) >= set(before[0]) and all(user[1] for user in after[0].values()) and set(after[1]) >= set(before[1])
    path.write_text(WHOLE)
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and snapshot(shared_server, connector) == before, run


@pytest.mark.parametrize("flaw", ["2,bob,b,may\udcffbe\n", '2,bob,b,5" disk\n', "2,bob,b,a\0b\n", "2,,b,\n"])
def test_a_user_that_fails_alone_takes_no_group_along(shared_server, tmp_path, flaw):
    """Whoever stands in the row and the group that is named nowhere else stay as they are, although the listing is whole and others may go."""
    path = tmp_path / "users.csv"
    head = "id,username,groups,note\n1,ann,a,\n"
    path.write_text(head + "2,bob,b,\n3,carl,c,\n")
    connector = shared_server.create(f"flaw {flaw!a}", "file", {"path": str(path), "cleanup": "delete"})
    assert shared_server.sync(connector)["status"] == "DONE"
    before = snapshot(shared_server, connector)
    path.write_bytes((head + flaw).encode(errors="surrogateescape"))
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["failedCount"] == 1 and run["deletedCount"] == 1, run
    after = snapshot(shared_server, connector)
    assert set(after[0]) == {"ann", "bob"} and after[0]["bob"] == before[0]["bob"] and after[1]["b"] == before[1]["b"]
    assert set(after[1]) <= {"a", "b", "c"}


def test_a_field_of_10_megabytes_fails_alone(shared_server, tmp_path):
    path = tmp_path / "users.csv"
    path.write_text(WHOLE)
    connector = shared_server.create("large field", "file", {"path": str(path), "cleanup": "delete"})
    assert shared_server.sync(connector)["status"] == "DONE"
    path.write_text("id,username,groups,fullName\n1,ann,a;b,\n2,bob,b," + "x" * (10 << 20) + "\n3,carl,c,Carl\n")
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["failedCount"] == 1 and took_nothing(run), run
    assert snapshot(shared_server, connector)[0]["carl"][2] == "Carl"
