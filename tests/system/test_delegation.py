"""Users of a synced directory log in with the password of their identity provider: asked there, kept nowhere."""

import contextlib
import http.client
import json
import threading
import time

import fakeldap
import pytest
import rig
from crowd import Crowd

RIGHT = "the right horse, b&ttery"


class Site:
    """An LDAP server with a company, its connector, and an application that sees the directory."""

    def __init__(self, server, ldap, name="people"):
        self.server, self.ldap = server, ldap
        self.entry = next(e for e in ldap.tree if e.values("uid"))
        self.name = self.entry.values("uid")[0].decode()
        self.settings = {"url": ldap.url, "baseDn": ldap.base, "userBaseDn": ldap.users_base, "groupBaseDn": ldap.groups_base, "timeoutSeconds": 2}
        self.connector = server.create(name, "ldap", self.settings)
        assert server.sync(self.connector)["status"] == "DONE"
        server.call("POST", "/application/", {"name": "jira", "password": "open sesame", "directories": [self.connector["directoryId"]],
                                              "rights": ["read", "authenticate"]})
        self.crowd = Crowd(server, "jira", "open sesame", json_wanted=True)
        # whose password the server knows
        ldap.bind_dn, ldap.bind_password = self.entry.dn, RIGHT

    def save(self, **more):
        status, saved = self.server.call("PUT", f"/usersync/connector/{self.connector['uniqueId']}", {**self.settings, **more})
        assert status == 200, saved

    def login(self, password, name=None):
        status, answer = self.crowd.call("POST", "authentication", json.dumps({"value": password}), username=name or self.name)
        return "OK" if status == 200 else answer["reason"]

    def binds(self):
        return self.ldap.counts["bind"]


@pytest.fixture
def site(server):
    with fakeldap.FakeLdap(fakeldap.company_tree(rig.Company(seed=5, users=12, groups=2, disabled_pct=0))).start() as ldap:
        yield Site(server, ldap)


def test_a_password_is_asked_for_only_where_the_admin_allows_it(site):
    assert site.login(RIGHT) == "INVALID_USER_AUTHENTICATION" and site.binds() == 0
    site.save(delegateAuthentication=True)
    assert site.login(RIGHT) == "OK" and site.binds() == 1
    assert site.login(RIGHT) == "OK" and site.binds() == 2  # nothing is remembered
    assert site.login("wrong horse") == "INVALID_USER_AUTHENTICATION"
    assert site.login("") == "INVALID_USER_AUTHENTICATION" and site.binds() == 3  # nothing is sent
    site.ldap.faults = fakeldap.Faults(bind_result=49, bind_text="80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 532, v1")
    assert site.login(RIGHT) == "EXPIRED_CREDENTIAL"
    site.ldap.faults = fakeldap.Faults(bind_result=53, bind_text="Account inactivated. Contact system administrator.")
    assert site.login(RIGHT) == "INACTIVE_ACCOUNT"


def test_a_provider_that_is_down_is_no_wrong_password(site):
    site.save(delegateAuthentication=True)
    site.ldap.stop()
    status, answer = site.crowd.call("POST", "authentication", json.dumps({"value": RIGHT}), username=site.name)
    assert status >= 400 and answer["reason"] not in ("INVALID_USER_AUTHENTICATION", "INACTIVE_ACCOUNT", "EXPIRED_CREDENTIAL", "USER_NOT_FOUND"), answer


def test_a_provider_that_hangs_holds_up_its_own_logins_alone(server):
    """The day on which the break-glass user is needed."""
    with fakeldap.FakeLdap(fakeldap.company_tree(rig.Company(seed=5, users=40, groups=2, disabled_pct=0))).start() as ldap, \
            fakeldap.FakeLdap(fakeldap.company_tree(rig.Company(seed=6, users=2, groups=2, disabled_pct=0))).start() as other:
        site, second = Site(server, ldap, "people"), Site(server, other, "partners")
        site.settings["timeoutSeconds"] = 60
        site.save(delegateAuthentication=True)
        second.save(delegateAuthentication=True)
        glass = server.call("POST", "/directory/", {"name": "glass"})[1]["id"]
        assert server.call("POST", f"/directory/{glass}/user", {"name": "glass"})[0] == 201
        assert server.call("PUT", f"/directory/{glass}/user/glass/password", {"password": RIGHT})[0] < 300
        directories = [d["id"] for d in server.call("GET", "/directory/")[1]]
        server.call("PUT", "/application/jira", {"directories": directories, "rights": ["read", "authenticate", "write"]})

        def hang(name):
            with contextlib.suppress(OSError, http.client.HTTPException):
                site.login(RIGHT, name)

        ldap.faults = fakeldap.Faults(silent_bind=True)
        before = site.binds()
        for entry in [e for e in ldap.tree if e.values("uid")]:
            threading.Thread(target=hang, args=(entry.values("uid")[0].decode(),), daemon=True).start()
        deadline = time.monotonic() + 20
        while site.binds() < before + 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        begin = time.monotonic()
        assert site.login(RIGHT, "glass") == "OK"
        assert second.login(RIGHT) == "OK"
        assert site.crowd.call("POST", "user", json.dumps({"name": "somebody"}))[0] == 201
        assert time.monotonic() - begin < 10
        # nor does a server that stops wait for it, longer than for any request
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 25


def test_a_right_password_can_be_remembered_for_a_while(site):
    site.save(delegateAuthentication=True, authenticationCacheSeconds=60)
    for _ in range(3):
        assert site.login(RIGHT) == "OK"
    assert site.binds() == 1
    assert site.login("wrong horse") == "INVALID_USER_AUTHENTICATION"


def test_no_synced_users_password_is_kept_anywhere(site):
    site.save(delegateAuthentication=True, authenticationCacheSeconds=60)
    assert site.login(RIGHT) == "OK" and site.login("some other horse") != "OK"
    # not by writing it either
    directory = site.connector["directoryId"]
    assert site.server.call("PUT", f"/directory/{directory}/user/{site.name}/password", {"password": RIGHT})[0] == 403
    site.server.stop()
    files = [f for f in site.server.data.rglob("*") if f.is_file()]
    assert any(f.name == "usersync.db" for f in files)
    for secret in (RIGHT, "some other horse"):
        assert not [f.name for f in files if secret.encode() in f.read_bytes()]
        assert secret not in site.server.log()
    assert site.name not in site.server.log()


def test_a_source_that_cannot_check_passwords_says_so(server, tmp_path):
    (tmp_path / "users.csv").write_text("id,username\n1,ann\n")
    status, refused = server.call("POST", "/usersync/connector/", {"name": "csv", "type": "file", "configuration": {
        "path": str(tmp_path / "users.csv"), "delegateAuthentication": True}})
    assert status == 422 and refused["fields"] == [{"field": "delegateAuthentication",
                                                    "reason": "is not possible: a source of type file cannot check passwords"}]


@pytest.mark.parametrize("seconds, reason", [(-1, "0"), (601, "600"), ("10", "number")])
def test_the_time_has_bounds(server, seconds, reason):
    status, refused = server.call("POST", "/usersync/connector/", {"name": "l", "type": "ldap", "configuration": {
        "url": "ldap://x", "baseDn": "dc=x", "authenticationCacheSeconds": seconds}})
    assert status == 422 and refused["fields"][0]["field"] == "authenticationCacheSeconds" and reason in refused["fields"][0]["reason"]
