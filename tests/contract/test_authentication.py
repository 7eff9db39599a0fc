"""Passwords checked at the identity provider: real slapd, 389 Directory Server, Active Directory by Samba, and a server that says what it is told."""

import contextlib
import os
import subprocess

import ds389
import fakeldap
import pytest
import rig
import sambaad
import slapd
from dump import dump
from passwords import EXPIRED, INACTIVE, RIGHT, UNKNOWN, WRONG, YES, ask

# --- LDAP, real servers -------------------------------------------------------------------------------------------------

def company():
    return rig.Company(seed=3, users=12, groups=2, awkward=20, disabled_pct=0)


MAKE = {"openldap": slapd.Slapd, "389ds": ds389.Ds389, "ad": sambaad.SambaAd}


@pytest.fixture(name="server", scope="module", params=MAKE)
def fixture_server(request):
    with MAKE[request.param](company()) as server:
        server.schema = request.param
        yield server


def configuration(server, **more):
    return {"url": server.url, "schema": server.schema, "bindDn": server.bind_dn, "bindPassword": server.bind_password, "baseDn": server.base,
            "userBaseDn": server.users_base, "groupBaseDn": server.groups_base, "timeoutSeconds": 20, **more}


def set_password(server, person, password):
    if server.schema != "ad":
        server.modify(server.user_dn(person), ("replace", "userPassword", [password]))
        return
    value = f'"{password}"'.encode("utf-16-le")
    text = rig.ldif_line("dn", server.user_dn(person)) + "changetype: modify\nreplace: unicodePwd\n" + rig.ldif_line("unicodePwd", value) + "-\n\n"
    subprocess.run(["ldapmodify", "-x", "-H", server.ldaps_url, "-D", server.admin_dn, "-w", server.admin_password], input=text.encode(), check=True,
                   capture_output=True, env={**os.environ, "LDAPTLS_CACERT": server.ca})


@pytest.fixture(name="people")
def fixture_people(server):
    """Ids by user; the first three have passwords."""
    got = dump("ldap", configuration(server))
    login = server.login if hasattr(server, "login") else lambda u: u.uid
    for person in server.company.users[:3]:
        set_password(server, person, RIGHT)
    return [(person, got.user(login(person))["id"]) for person in server.company.users]


def test_a_real_server_tells_right_from_wrong(server, people, monkeypatch):
    tell = lambda key, password, **more: ask(monkeypatch, "ldap", configuration(server, **more), key, password)  # noqa: E731
    for _, key in people[:3]:
        assert tell(key, RIGHT) == YES
        assert tell(key, RIGHT + "x") == WRONG
    assert tell(people[5][1], RIGHT) == WRONG  # has none
    assert tell("12345678-1234-1234-1234-123456789012", RIGHT) == UNKNOWN
    # an empty one is an anonymous bind, which the server takes: it is not even sent
    assert tell(people[0][1], "") == "US_INVALID"
    # over TLS, both ways
    with open(server.ca, encoding="ascii") as stream:
        pem = stream.read()
    assert tell(people[0][1], RIGHT, url=server.ldaps_url, caCertificate=pem) == YES
    assert tell(people[0][1], RIGHT, startTls=True, caCertificate=pem) == YES
    assert tell(people[0][1], RIGHT, startTls=True) == "US_TLS"
    # the first server is down: the second one is asked
    assert tell(people[0][1], RIGHT, url=[f"ldap://{server.host}:{rig.free_port()}", server.url]) == YES
    assert tell(people[0][1], RIGHT, url=[f"ldap://{server.host}:{rig.free_port()}"]) == "US_UNAVAILABLE"
    assert tell(people[0][1], RIGHT, bindPassword="not it") == "US_DENIED"


def test_a_real_server_tells_locked_and_expired_accounts(server, people, monkeypatch):
    tell = lambda key: ask(monkeypatch, "ldap", configuration(server), key, RIGHT)  # noqa: E731
    (person, key), (other, other_key) = people[0], people[1]
    dn, other_dn = server.user_dn(person), server.user_dn(other)
    if server.schema == "389ds":
        server.set_disabled(person, True)
        assert tell(key) == INACTIVE
        server.set_disabled(person, False)
    elif server.schema == "ad":
        server.modify(dn, ("replace", "userAccountControl", ["514"]))
        assert tell(key) == INACTIVE
        server.modify(dn, ("replace", "userAccountControl", ["512"]))
        server.modify(other_dn, ("replace", "accountExpires", ["1"]))
        assert tell(other_key) == EXPIRED
        server.modify(other_dn, ("replace", "accountExpires", ["0"]), ("replace", "userAccountControl", ["512"]), ("replace", "pwdLastSet", ["0"]))
        assert tell(other_key) == EXPIRED
        server.modify(other_dn, ("replace", "pwdLastSet", ["-1"]))
    else:
        policy = f"cn=strict,{server.base}"
        with contextlib.suppress(Exception):
            server.add(policy, {"objectClass": ["device", "pwdPolicy"], "cn": "strict", "pwdAttribute": "userPassword", "pwdMustChange": "TRUE",
                                "pwdLockout": "TRUE"})
        server.modify(dn, ("replace", "pwdPolicySubentry", [policy]), ("replace", "pwdReset", ["TRUE"]))
        assert tell(key) == EXPIRED
        server.modify(dn, ("replace", "pwdReset", []), ("replace", "pwdPolicySubentry", []))
    assert tell(key) == tell(other_key) == YES


# --- LDAP, what other servers say -----------------------------------------------------------------------------------------

AD = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {}, v4563"


@pytest.mark.parametrize("code, text, verdict", [
    (0, "", YES), (49, "", WRONG), (48, "", WRONG), (32, "", UNKNOWN), (19, "Exceed password retry limit. Please try later.", INACTIVE),
    (53, "Account inactivated. Contact system administrator.", INACTIVE), (53, "Operation requires a secure connection.", "US_DENIED"),
    (13, "confidentiality required", "US_DENIED"), (10, "", "US_DENIED"), (50, "", "US_DENIED"), (1, "", "US_DENIED"), (51, "busy", "US_DENIED"),
    *[(49, AD.format(data), verdict) for data, verdict in [("52e", WRONG), ("525", UNKNOWN), ("530", INACTIVE), ("531", INACTIVE), ("532", EXPIRED),
                                                           ("533", INACTIVE), ("701", EXPIRED), ("773", EXPIRED), ("775", INACTIVE), ("999", WRONG)]],
])
def test_every_answer_has_its_meaning(code, text, verdict, monkeypatch):
    with fakeldap.FakeLdap(fakeldap.company_tree(company())).start() as server:
        settings = {"url": server.url, "baseDn": server.base, "userBaseDn": server.users_base, "groupBaseDn": server.groups_base, "timeoutSeconds": 3}
        entry = next(e for e in server.tree if e.values("uid"))
        key = entry.values("entryUUID")[0].decode()
        server.bind_dn, server.bind_password = entry.dn, RIGHT
        server.faults = fakeldap.Faults(bind_result=code, bind_text=text)
        assert ask(monkeypatch, "ldap", settings, key, RIGHT) == verdict
        binds = server.counts["bind"]
        assert binds == 1
        # nothing to try, and nothing that leaves us
        assert ask(monkeypatch, "ldap", settings, key, "") == "US_INVALID"
        assert ask(monkeypatch, "ldap", settings, "no-such-id", RIGHT) == UNKNOWN
        assert server.counts["bind"] == binds


def test_a_server_that_is_silent_or_gone_is_no_wrong_password(monkeypatch):
    with fakeldap.FakeLdap(fakeldap.company_tree(company())).start() as server:
        settings = {"url": server.url, "baseDn": server.base, "userBaseDn": server.users_base, "groupBaseDn": server.groups_base, "timeoutSeconds": 1}
        key = next(e for e in server.tree if e.values("uid")).values("entryUUID")[0].decode()
        server.faults = fakeldap.Faults(silent_bind=True)
        assert ask(monkeypatch, "ldap", settings, key, RIGHT) == "US_TIMEOUT"
        server.faults = fakeldap.Faults(silent_search=True)
        assert ask(monkeypatch, "ldap", settings, key, RIGHT) == "US_TIMEOUT"
    assert ask(monkeypatch, "ldap", settings, key, RIGHT) == "US_UNAVAILABLE"
