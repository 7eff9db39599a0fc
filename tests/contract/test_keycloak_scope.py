"""Reading only the users of required groups of a Keycloak: the same users, byte for byte, as reading all and choosing, with fewer requests where the groups are small."""

import contextlib
import random

import pytest
from dump import dump
from fakekc import FakeKeycloak, Group, make_user
from keycloak import Keycloak, company, group, user

PEOPLE = 60
SCOPE = "users of required groups"


def read(url, realm, client, secret, *required, **more):
    options = [word for name in required for word in ("--required", name)]
    return dump("keycloak", {"url": url, "realm": realm, "clientId": client, "clientSecret": secret, "pageSize": 10, "retries": 1, **more}, *options)


def read_realm(realm, *required, **more):
    return read(realm.server.url, realm.name, realm.client_id, realm.secret, *required, **more)


def read_fake(fake, *required, **more):
    return read(fake.url, fake.realm, fake.client, fake.secret, *required, **more)


def memberships(got):
    """Id of a group -> ids of its members."""
    found = {}
    for r in got.records:
        if r["kind"] == "members":
            found.setdefault(r["ref"], set()).update(r["members"])
    return found


def below(whole, names):
    """Ids of the users who are in these groups, directly or through others, by a whole read."""
    members, users = memberships(whole), {u["id"] for u in whole.users}
    todo = [g["id"] for g in whole.groups if g["fields"]["name"][0] in names]
    assert len(todo) >= len(names)
    met, found = set(todo), set()
    while todo:
        inside = members.get(todo.pop(), set())
        found |= inside & users
        new = inside - users - met
        met |= new
        todo += new
    return found


def by_id(records):
    found = {r["id"]: r for r in records}
    assert len(found) == len(records)
    return found


def assert_same_as_whole_and_filter(got, whole, names):
    wanted = below(whole, names)
    assert got.error is None and got.is_narrowed and got.is_whole() and SCOPE in got.listings, (names, got.text)
    assert by_id(got.users) == {key: u for key, u in by_id(whole.users).items() if key in wanted}, names
    assert by_id(got.groups) == by_id(whole.groups)
    assert memberships(got) == memberships(whole)


# --- real servers -----------------------------------------------------------------------------------------------------------

@pytest.fixture(name="servers", scope="module")
def fixture_servers():
    with contextlib.ExitStack() as stack:
        running = {}

        def get(version):
            if version not in running:
                server = stack.enter_context(Keycloak(version))
                running[version] = server, server.create_realm(company(people=PEOPLE))
            return running[version]
        yield get


@pytest.fixture(name="version", params=["newest", "oldest"])
def fixture_version(request):
    return request.param


@pytest.fixture(name="realm")
def fixture_realm(servers, version):
    return servers(version)[1]


@pytest.fixture(name="own")
def fixture_own(servers, version):
    realm = servers(version)[0].create_realm({
        "realm": "own", "client": "usersync", "secret": "own", "groups": [group("a", group("b")), group("c"), group("d")],
        "users": [user(f"u{number:03d}", "First", "Last", groups=[("a",)] if number < 3 else [("a", "b")] if number < 5 else [("c",)])
                  for number in range(40)]})
    yield realm
    realm.delete()


@pytest.mark.parametrize("nested", ["apart", "keep", "flatten"])
def test_exactly_the_users_of_required_groups_are_read(realm, nested):
    whole = read_realm(realm, nestedGroups=nested)
    assert whole.is_whole() and not whole.is_narrowed
    every = sorted({g["fields"]["name"][0] for g in whole.groups})
    draw = random.Random(7)
    for names in ["eng"], ["platform"], ["on-call"], ["empty"], ["営業"], ["c/d"], ["sites"], *(draw.sample(every, 3) for _ in range(4)):
        assert_same_as_whole_and_filter(read_realm(realm, *names, nestedGroups=nested), whole, names)
    assert 0 < len(below(whole, ["platform"])) < PEOPLE


@pytest.mark.parametrize("representation", ["full", "brief"])
@pytest.mark.parametrize("policy", [None, "ADMIN_VIEW"])
def test_attributes_are_those_that_the_list_of_all_users_shows(own, policy, representation):
    own.show_attributes("ENABLED")
    for number in range(3):
        own.update_user(f"u{number:03d}", attributes={"department": ["x", "y"], "room": [str(number)]})
    own.show_attributes(policy)
    whole = read_realm(own, representation=representation)
    assert_same_as_whole_and_filter(read_realm(own, "a", representation=representation), whole, ["a"])


def test_the_account_of_a_client_is_nobody(own):
    client, = own.call("GET", "/clients", clientId=own.client_id)
    account = own.call("GET", f"/clients/{client['id']}/service-account-user")["id"]
    own.call("PUT", f"/users/{account}/groups/{own.group_id('a')}", {})
    own.add_users([user("service-account-of-the-court", groups=[("a",)])])
    assert any(one["id"] == account for one in own.call("GET", f"/groups/{own.group_id('a')}/members")), "the list has it"
    whole = read_realm(own)
    got = read_realm(own, "a")
    assert_same_as_whole_and_filter(got, whole, ["a"])
    assert {u["fields"]["username"][0] for u in got.users} == {"u000", "u001", "u002", "service-account-of-the-court"}


def test_each_reading_asks_anew_who_is_in_the_groups(own):
    assert len(read_realm(own, "d").users) == 0
    own.join("u030", "d")
    got = read_realm(own, "d", "d", "--again")
    assert [u["fields"]["username"] for u in got.users] == [["u030"]]


def test_small_groups_of_a_large_realm_cost_few_requests(servers, version):
    realm = servers(version)[0].create_realm({
        "realm": "large", "client": "usersync", "secret": "large", "groups": [group("few"), group("some"), group("none")],
        "users": [user(f"u{number:04d}", groups=[("few",)] if number % 100 == 0 else [("some",)] if number % 20 == 0 else [])
                  for number in range(600)]})
    try:
        whole = read_realm(realm)
        got = read_realm(realm, "few")
        assert_same_as_whole_and_filter(got, whole, ["few"])
        assert len(got.users) == 6
        print(version, whole.counters, got.counters)
        assert whole.counters["requests"] > 70 and got.counters["requests"] < 30, (whole.counters, got.counters)
        assert got.counters["bytes"] < whole.counters["bytes"] / 5
    finally:
        realm.delete()


# --- a server whose groups change, or that misbehaves --------------------------------------------------------------------------

@pytest.fixture(name="fake")
def fixture_fake():
    with FakeKeycloak(people=25, group_count=4) as server:
        yield server


def test_random_groups_give_what_reading_all_and_choosing_gives():
    draw = random.Random(20)
    for style in ("new", "old") * 10:
        with FakeKeycloak(people=draw.randrange(40), group_count=0, style=style) as fake:
            ids = [person["id"] for person in fake.users]
            for number in range(draw.randrange(1, 12)):
                above = draw.choice([None, *fake.all_groups()])
                one = Group(f"g{number}", above, draw.sample(ids, draw.randrange(len(ids) + 1)))
                if not above:
                    fake.groups.append(one)
            nested, size = draw.choice(["apart", "keep", "flatten"]), draw.choice([2, 3, 10])
            whole = read_fake(fake, nestedGroups=nested, pageSize=size)
            assert whole.is_whole(), whole.text
            names = [one.name for one in fake.all_groups()]
            for _ in range(3):
                required = draw.sample(names, draw.randrange(1, len(names) + 1))
                assert_same_as_whole_and_filter(read_fake(fake, *required, nestedGroups=nested, pageSize=size), whole, required)


def late(fake, path, change, after=0):
    """Does something just before the server answers such a request."""
    answer, seen = fake.answer, [0]

    def changed(where, query):
        if where.endswith(path):
            seen[0] += 1
            if seen[0] == after + 1:
                change()
        return answer(where, query)

    fake.answer = changed


def test_who_comes_into_a_required_group_while_it_is_read_is_not_gone(fake):
    one = fake.groups[1]
    newcomer = next(p["id"] for p in fake.users if p["id"] not in one.members)
    # The groups are listed for their names, and then as groups: in between, the members of the required one were read.
    late(fake, "/groups", lambda: one.members.append(newcomer), after=2)
    got = read_fake(fake, one.name)
    assert got.is_narrowed and got.error == "US_PARTIAL" and "came into a required group" in got.text and not got.is_whole()
    assert one.members[-1] == newcomer
    again = read_fake(fake, one.name)
    assert again.is_whole() and newcomer in {u["id"] for u in again.users}


def test_a_group_that_comes_below_a_required_one_is_not_left_out(fake):
    top = fake.groups[0]
    inner = []
    late(fake, "/groups", lambda: inner.append(Group("late", top, [fake.users[-1]["id"]])), after=2)
    got = read_fake(fake, top.name, nestedGroups="keep")
    assert inner and got.is_narrowed and got.error == "US_PARTIAL" and "came into a required group" in got.text and not got.is_whole()
    again = read_fake(fake, top.name, nestedGroups="keep")
    assert again.is_whole() and fake.users[-1]["id"] in {u["id"] for u in again.users}


def test_a_required_group_that_goes_away_meanwhile_is_not_listed(fake):
    """Then its entry names no group, and the plan cleans up nobody."""
    late(fake, "/members", lambda: fake.groups.pop(1))
    got = read_fake(fake, "group001", "group003")
    assert got.is_narrowed and got.is_whole(), got.text
    assert "group001" not in {g["fields"]["name"][0] for g in got.groups}
    assert {u["id"] for u in got.users} >= set(fake.groups[-1].members)


@pytest.mark.parametrize("kind", ["403", "500", "drop", "truncate", "html", "refuse"])
@pytest.mark.parametrize("path", ["/groups", "/members", "/children"])
def test_a_fault_that_stays_never_looks_like_an_end(fake, kind, path):
    read_fake(fake, "group000", nestedGroups="keep")
    total = fake.count(path)
    for after in range(total):
        fake.clear()
        fake.fault(path, kind, after=after)
        got = read_fake(fake, "group000", nestedGroups="keep", retries=0, parallelRequests=1)
        assert got.error and not got.is_whole(), (after, got.text)


def test_names_of_groups_that_are_hidden_stop_the_read(fake):
    fake.fault("/groups", "hide", value=2)
    got = read_fake(fake, "group001")
    assert got.error == "US_PARTIAL" and not got.is_narrowed and not got.users and not got.is_whole()


def test_where_it_cannot_be_done_all_are_read():
    with FakeKeycloak(people=5, group_count=0) as fake:
        top = Group("top")
        fake.groups.append(top)
        got = read_fake(fake, "nobody knows it")
        assert not got.is_narrowed and got.is_whole() and len(got.users) == 5 and SCOPE not in got.listings
        for number in range(1000):
            Group(f"g{number}", top)
        got = read_fake(fake, "top", nestedGroups="keep", pageSize=1000)
        assert not got.is_narrowed and got.is_whole() and len(got.users) == 5, got.text
        assert read_fake(fake, "top", pageSize=1000).is_narrowed, "sub-groups stand apart"


def test_a_user_of_several_required_groups_is_listed_once(fake):
    fake.users.append(make_user("zoe"))
    for one in fake.groups:
        one.members.append(fake.users[-1]["id"])
    got = read_fake(fake, "group000", "group001", "group002", pageSize=2)
    assert got.is_whole() and len([u for u in got.users if u["fields"]["username"] == ["zoe"]]) == 1
