"""A setting of a source that is called as a common one is the source's alone."""

import fakekc
import pytest
import rig
import slapd
from observe import groups, snapshot


@pytest.mark.parametrize("typed, wanted", [("(cn=team-*)", {"team-00000", "team-00001", "team-00002"}), ("(objectClass=groupOfNames)", None)])
def test_the_group_filter_of_ldap_is_no_list_of_names(server, typed, wanted):
    with slapd.Slapd(rig.Company(seed=9, users=12, groups=3)) as ldap:
        settings = {"url": [ldap.url], "bindDn": ldap.bind_dn, "bindPassword": ldap.bind_password, "baseDn": ldap.base}
        connector = server.create("hr", "ldap", {**settings, "groupFilter": typed})
        run = server.sync(connector)
        assert run["status"] == "DONE" and run["groups"]["filteredCount"] == 0, run
        assert set(snapshot(server, connector)[1]) == (wanted or {g.name for g in ldap.company.groups})
        # It is what is read: a change holds what would be cleaned up by it, and says so once.
        path = f"/usersync/connector/{connector['uniqueId']}"
        assert server.call("PUT", path, {**connector["configuration"], "groupFilter": "(cn=team-00000)"})[0] == 200
        run = server.sync(connector)
        assert run["status"] == "HELD" and "Changed: configuration.groupFilter" in " ".join(run["messages"]), run["messages"]
        assert " ".join(run["messages"]).count("configuration.groupFilter") == 1


@pytest.mark.parametrize("typed, staff", [
    (None, (["user00000"], [])), (False, (["user00000"], [])), ("apart", (["user00000"], [])), (True, (["user00000"], ["team"])), ("keep", (["user00000"], ["team"])),
    ("flatten", (["user00000", "user00001", "user00002"], []))])
def test_subgroups_of_keycloak_are_apart_kept_or_flattened(server, typed, staff):
    with fakekc.FakeKeycloak(people=3, group_count=0) as source:
        top = fakekc.Group("staff", None, [source.users[0]["id"]])
        fakekc.Group("team", top, [source.users[1]["id"], source.users[2]["id"]])
        source.groups.append(top)
        connector = server.create("hr", "keycloak", {"url": source.url, "realm": "company", "clientId": "usersync", "clientSecret": source.secret,
                                                     "nestedGroups": typed})
        run = server.sync(connector)
        assert run["status"] == "DONE", run
        assert groups(server, connector["directoryId"])["staff"][1:] == staff


def test_what_subgroups_of_keycloak_cannot_be_is_said_once(server):
    status, answer = server.call("POST", "/usersync/connector/", {"name": "hr", "type": "keycloak", "configuration": {
        "url": "https://login.example.com", "realm": "company", "clientId": "usersync", "clientSecret": "secret", "nestedGroups": "both"}})
    assert status == 422 and answer["fields"] == [{"field": "nestedGroups", "reason": "must be one of apart|keep|flatten"}], answer
