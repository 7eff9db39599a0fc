"""A sync with requiredGroups reads only their users from a directory server, and says so; the directory ends as if all were read."""

import pytest
import rig
import slapd
from fakekc import FakeKeycloak, Group
from observe import snapshot, took_nothing

COMPANY = {"seed": 9, "users": 40, "groups": 3, "disabled_pct": 0}


@pytest.fixture(name="ldap", scope="module")
def fixture_ldap():
    with slapd.Slapd(rig.Company(**COMPANY)) as source:
        yield source


def settings(source, **more):
    return {"url": [source.url], "bindDn": source.bind_dn, "bindPassword": source.bind_password, "baseDn": source.base, **more}


@pytest.fixture(name="pair")
def fixture_pair(server, ldap):
    """Two connectors for one source with the same rules: the second one asks the users for their groups, too, so it cannot but read all."""
    rules = {"requiredGroups": ["outer", "team-00001"], "limits": {"users": {"percent": 100}, "memberships": {"percent": 100}}}
    few = server.create("few", "ldap", settings(ldap, **rules))
    return few, server.create("all", "ldap", settings(ldap, membershipAttribute=["member", "memberOf"], **rules))


def sync_both(server, pair):
    few, every = [server.sync(connector) for connector in pair]
    assert few["status"] == every["status"] == "DONE", (few["messages"], every["messages"])
    assert snapshot(server, pair[0]) == snapshot(server, pair[1])
    assert "scope" not in every["certificate"] and every["certificate"]["whole"] and few["certificate"]["whole"]
    return few, every


def test_only_users_of_required_groups_are_read_and_the_directory_is_the_same(server, ldap, pair):
    few, every = sync_both(server, pair)
    assert few["certificate"]["scope"] == {"requiredGroups": ["outer", "team-00001"], "groups": 2} or \
        few["certificate"]["scope"] == {"requiredGroups": ["team-00001", "outer"], "groups": 2}
    assert "users of required groups" in {row["listing"] for row in few["certificate"]["listings"]}
    users = snapshot(server, pair[0])[0]
    assert 3 <= len(users) < len(ldap.company.users) and few["filteredCount"] == 0 < every["filteredCount"]

    # Whoever leaves the group falls to cleanup, and comes back with it.
    group = next(g for g in ldap.company.groups if g.name == "inner")
    leaver = ldap.company.users[group.users[0]]
    dn = ldap.user_dn(leaver)
    ldap.modify(ldap.group_dn(group), ("add", "member", [ldap.bind_dn]), ("delete", "member", [dn]))
    try:
        few, every = sync_both(server, pair)
        gone = snapshot(server, pair[0])[0][leaver.uid]
        if not any(leaver.uid == ldap.company.users[i].uid for g in ldap.company.groups if g.name in ("outer", "middle", "team-00001") for i in g.users):
            assert few["disabledCount"] == every["disabledCount"] == 1 and gone[1] is False
    finally:
        ldap.modify(ldap.group_dn(group), ("add", "member", [dn]), ("delete", "member", [ldap.bind_dn]))
    sync_both(server, pair)
    assert snapshot(server, pair[0])[0][leaver.uid][1] is True


def test_a_required_group_that_is_not_there_lets_all_be_read_and_nobody_be_cleaned_up(server, ldap, pair):
    sync_both(server, pair)
    before = snapshot(server, pair[0])
    few = pair[0]
    path = f"/usersync/connector/{few['uniqueId']}"
    configuration = server.call("GET", path)[1]["configuration"]
    assert server.call("PUT", path, {**configuration, "requiredGroups": ["outer", "renamed-away"]})[0] == 200
    run = server.sync(few)
    assert run["status"] == "DONE" and "scope" not in run["certificate"] and took_nothing(run)
    assert any("No group matches <renamed-away>" in message for message in run["messages"])
    assert snapshot(server, few) == before


@pytest.fixture(name="fake")
def fixture_fake():
    with FakeKeycloak(people=12, group_count=3) as source:
        yield source


def keycloak(server, fake, *required):
    return server.create("kc", "keycloak", {
        "url": fake.url, "realm": fake.realm, "clientId": fake.client, "clientSecret": fake.secret, "requiredGroups": list(required),
        "limits": {"users": {"percent": 100}, "groups": {"percent": 100}, "memberships": {"percent": 100}}})


def before_answering(fake, path, change):
    """Does something once, just before the server answers such a request."""
    answer, todo = fake.answer, [change]

    def changed(where, query):
        if where.endswith(path) and todo:
            todo.pop()()
        return answer(where, query)

    fake.answer = changed


def only_member(fake, at):
    mover = fake.users[0]["id"]
    for group in fake.groups:
        group.members = [m for m in group.members if m != mover]
    fake.groups[at].members.append(mover)
    return mover, fake.users[0]["username"]


def test_who_moves_into_a_group_that_becomes_a_required_one_meanwhile_is_not_cleaned_up(server, fake):
    mover, name = only_member(fake, 1)
    connector = keycloak(server, fake, "group0*")
    assert server.sync(connector)["status"] == "DONE" and snapshot(server, connector)[0][name][1]

    def move():
        fake.groups[1].members.remove(mover)
        fake.groups.append(Group("group0-new", None, [mover]))
    before_answering(fake, "/members", move)
    run = server.sync(connector)
    assert run["certificate"]["scope"]["groups"] == 3 and took_nothing(run), run
    assert snapshot(server, connector)[0][name][1]
    server.sync(connector)
    assert snapshot(server, connector)[0][name][1]


@pytest.mark.parametrize("nested", ["apart", "keep"])
def test_a_required_group_that_goes_while_its_members_are_read_takes_nobody_along(server, fake, nested):
    """It is listed, and then the server says that there is no such group: that is no group without members."""
    _, name = only_member(fake, 1)
    connector = keycloak(server, fake, fake.groups[1].name, fake.groups[2].name)
    path = f"/usersync/connector/{connector['uniqueId']}"
    assert server.call("PUT", path, {**server.call("GET", path)[1]["configuration"], "nestedGroups": nested})[0] == 200
    assert server.sync(connector)["status"] == "DONE"
    assert snapshot(server, connector)[0][name][1]
    fake.fault(fake.groups[1].id + "/members", "404")
    run = server.sync(connector)
    results = server.call("GET", f"/usersync/syncstatus/{run['id']}/results?limit=50&outcome=FAILED")[1]["results"]
    assert run["status"] == "DONE" and took_nothing(run), run
    assert [r["id"] for r in results if "was deleted while its members were read" in r["reason"]] == [fake.groups[1].id], results
    assert snapshot(server, connector)[0][name][1]
    fake.clear()
    assert server.sync(connector)["status"] == "DONE" and snapshot(server, connector)[0][name][1]
