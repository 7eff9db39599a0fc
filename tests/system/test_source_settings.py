"""A setting of a source that is called as a common one is the source's alone."""

import pytest
import rig
import slapd
from observe import snapshot


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
