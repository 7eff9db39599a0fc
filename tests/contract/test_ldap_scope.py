"""Reading only the users of required groups, from real servers: the same users as reading all and choosing, with far fewer searches."""

import contextlib

import ds389
import fakeldap
import pytest
import rig
import sambaad
import slapd
from dump import dump
from test_ldap_servers import MAKE, configuration, login

KINDS = ["openldap", "389ds", "freeipa", "ad"]


@pytest.fixture(name="servers", scope="module")
def fixture_servers():
    with contextlib.ExitStack() as stack:
        running = {}

        def get(kind):
            if kind not in running:
                running[kind] = stack.enter_context(MAKE[kind]())
            return running[kind]
        yield get


def read(server, kind, *required, **more):
    options = [word for name in required for word in ("--required", name)]
    return dump("ldap", configuration(server, kind, **more), *options)


def below(whole, names):
    """Refs of the users who are in these groups, directly or through others, by a whole read."""
    groups = {g["ref"]: g for g in whole.groups}
    todo, users = [whole.group(name)["ref"] for name in names], set()
    met = set(todo)
    while todo:
        ref = todo.pop()
        members = set(groups[ref]["members"]) | {u["ref"] for u in whole.users if ref in u["groups"]}
        users |= members & {u["ref"] for u in whole.users}
        todo += [m for m in members & groups.keys() if m not in met]
        met |= members
    return users


def among(groups, users):
    """Groups with those of their members who are groups or among these users."""
    refs = users | {g["ref"] for g in groups}
    return sorted(({**g, "members": sorted(set(g["members"]) & refs)} for g in groups), key=lambda g: g["id"])


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_users_of_required_groups_are_read(servers, kind):
    server = servers(kind)
    whole = read(server, kind)
    assert whole.is_whole() and not whole.is_narrowed
    every = [g.name for g in server.company.groups]
    for names in ["outer"], ["ring-a"], ["own-member"], ["empty-handed"], ["outer", "team-00003"], *([n] for n in every[:6]), every:
        got = read(server, kind, *names[:16], pageSize=7)
        wanted = below(whole, names[:16])
        assert got.error is None and got.is_narrowed and got.is_whole(), (names, got.text)
        assert {u["ref"] for u in got.users} == wanted, names     # once more, perhaps, of who is named by memberUid, too
        assert among(got.groups, wanted) == among(whole.groups, wanted), names
        assert all(u in whole.users for u in got.users)
        assert "users of required groups" in got.listings
    assert below(whole, ["outer"]) and below(whole, ["outer"]) != {u["ref"] for u in whole.users}


@pytest.mark.parametrize("kind", KINDS)
def test_members_that_are_gone_or_no_users_are_not_read(servers, kind):
    server = servers(kind)
    whole = read(server, kind)
    # The users' base is elsewhere: nobody in the groups is a user.
    base = server.groups_base if kind != "freeipa" else f"cn=groups,cn=accounts,{server.base}"
    got = read(server, kind, "outer", userBaseDn=base)
    assert got.is_narrowed and not got.users and got.is_whole(), got.text
    # A filter takes away some of those who are in a group.
    first = whole.user(login(server, server.company.users[0]))
    attribute = "sAMAccountName" if kind == "ad" else "uid"
    got = read(server, kind, "outer", userFilter=f"(!({attribute}={first['fields']['username'][0]}))")
    assert got.is_whole() and {u["ref"] for u in got.users} == below(whole, ["outer"]) - {first["ref"]}


def test_a_primary_group_is_required(servers):
    server = servers("ad")
    group = next(g for g in server.company.groups if g.users)
    user = server.company.users[group.users[0]]
    server.set_primary_group(user, group)
    try:
        whole = read(server, "ad")
        got = read(server, "ad", group.name, pageSize=3)
        assert got.is_narrowed and got.is_whole() and login(server, user) in {u["fields"]["username"][0] for u in got.users}
        assert {u["ref"] for u in got.users} == below(whole, [group.name])
        # Everybody's primary group, and nobody is in its list.
        got = read(server, "ad", "Domain Users", groupBaseDn=server.base, pageSize=7)
        assert got.is_narrowed and got.is_whole() and {login(server, u) for u in server.company.users} <= {u["fields"]["username"][0] for u in got.users}
    finally:
        server.modify(server.user_dn(user), ("replace", "primaryGroupID", ["513"]))


@pytest.mark.parametrize("more", [{"membershipAttribute": "memberOf"}, {"scope": "one"}])
def test_where_it_cannot_be_done_all_are_read(servers, more):
    server = servers("openldap")
    got = read(server, "openldap", "outer", **more)
    assert not got.is_narrowed and got.is_whole() and len(got.users) == len(server.company.users)
    assert "users of required groups" not in got.listings


@pytest.mark.parametrize("make, kind", [(slapd.Slapd, "openldap"), (ds389.Ds389, "389ds"), (sambaad.SambaAd, "ad")])
def test_small_groups_of_a_large_directory_cost_few_searches(make, kind):
    with make(rig.Company(seed=5, users=2000, groups=5, memberships=100)) as server:
        whole = read(server, kind, pageSize=20)
        got = read(server, kind, "outer", pageSize=20)
        assert whole.is_whole() and whole.counters["searches"] > 100
        assert got.is_narrowed and got.is_whole() and {u["ref"] for u in got.users} == below(whole, ["outer"])
        assert got.counters["searches"] < 25 and got.counters["binds"] == 1, got.counters
        assert got.counters["bytes"] < whole.counters["bytes"] / 5


# --- servers that do not do as they should ------------------------------------------------------------------------------

@pytest.fixture(name="fake")
def fixture_fake():
    with fakeldap.FakeLdap(fakeldap.company_tree(rig.Company(seed=7, users=23, groups=6, awkward=3))) as server:
        yield server


def test_a_server_that_does_not_find_entries_by_their_names_hides_nobody(fake):
    """It has no entryDN, so the search for many gives nothing, and says success."""
    whole = read(fake, "openldap")
    for name in ("outer", "ring-b", "team-00000"):
        fake.requests.clear()
        got = read(fake, "openldap", name)
        assert got.is_narrowed and got.is_whole(), got.text
        assert {u["ref"] for u in got.users} == below(whole, [name]) != set()
        assert sum(base == fake.users_base for base, _, _ in fake.requests) == 1, "the search is used once"


@pytest.mark.parametrize("code", [3, 4, 11, 51, 52, 53])
def test_names_of_groups_that_are_cut_short_stop_the_read(fake, code):
    fake.faults.page_results[2] = code
    got = read(fake, "openldap", "outer", pageSize=2)
    assert got.error and not got.is_narrowed and not got.users and not got.is_whole()


def test_names_of_groups_without_a_word_of_their_end_stop_the_read(fake):
    fake.faults.no_cookie_control = True
    got = read(fake, "openldap", "outer")
    assert got.error == "US_PARTIAL" and not got.is_narrowed and not got.users and not got.is_whole()


@pytest.mark.parametrize("is_renamed", [False, True])
def test_who_comes_into_a_group_while_it_is_read_is_not_gone(fake, is_renamed):
    """A newcomer, or a member under a new name: the group names somebody whom nobody asked for."""
    whole = read(fake, "openldap")
    group = next(e for e in fake.tree if e.dn.lower().startswith("cn=team-00000,"))
    inside = below(whole, ["team-00000"])
    outsider = next(e for e in fake.tree if e.dn.lower().startswith("uid=") and fakeldap.normal(e.dn) not in {fakeldap.normal(r) for r in inside})

    def change():
        members = group.attributes["member"][1]
        if is_renamed:
            members[0] = outsider.dn.encode()
        else:
            members.append(outsider.dn.encode())

    fake.faults.before_users = change
    got = read(fake, "openldap", "team-00000")
    assert got.is_narrowed and got.error == "US_PARTIAL" and "came into a required group" in got.text and not got.is_whole()
    again = read(fake, "openldap", "team-00000")
    assert again.is_narrowed and again.is_whole(), again.text


def test_user_names_that_groups_name_are_known_when_primary_groups_are_read():
    """Active Directory with the attributes of RFC 2307: some are found by name, then those whose primary group it is, then memberUid is looked up."""
    company = rig.Company(seed=7, users=12, groups=2, nested=False)
    with fakeldap.FakeLdap(fakeldap.company_tree(company, flavour="ad")) as server:
        users = [e for e in server.tree if e.values("userAccountControl")]
        for user in users:
            user.attributes["uid"] = ("uid", user.values("sAMAccountName"))
        group = next(e for e in server.tree if e.values("sAMAccountName") == [b"team-00000"])
        group.attributes["member"] = ("member", [users[0].dn.encode()])
        group.attributes["memberuid"] = ("memberUid", users[1].values("uid"))
        group.attributes["objectsid"] = ("objectSid", [bytes([1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 77, 0, 0, 0])])
        users[2].attributes["primarygroupid"] = ("primaryGroupID", [b"77"])
        more = {"membershipAttribute": ["member", "memberUid"]}
        whole, got = read(server, "ad", **more), read(server, "ad", "team-00000", **more)
        assert got.is_narrowed and got.is_whole(), got.text
        assert {u["ref"] for u in got.users} == {fakeldap.normal(u.dn) for u in users[:3]}
        assert sorted(got.group("team-00000")["members"]) == sorted(whole.group("team-00000")["members"])
