"""The Keycloak source against a server that misbehaves in every way that real ones and their proxies do.

The invariant of all of them: a listing that was cut short in any way is never called complete. What passes is waited out.
"""

import time

import pytest
from dump import dump, finish, start
from fakekc import FakeKeycloak, Group, make_user

LISTS = ("/users", "/groups", "/members", "/children", "/users/count", "/groups/count", "/token")


@pytest.fixture
def fake():
    with FakeKeycloak(people=25, group_count=4) as server:
        yield server


def configuration(server, **more):
    return {"url": server.url, "realm": server.realm, "clientId": server.client, "clientSecret": server.secret,
            "pageSize": 10, "retries": 1, "timeoutSeconds": 20, **more}


def read(server, *options, **more):
    return dump("keycloak", configuration(server, **more), *options)


def assert_whole(got, people=25, groups=8):
    assert got.error is None, got.text
    assert got.is_whole()
    assert len({user["id"] for user in got.users}) == len(got.users) == people
    assert len({group["id"] for group in got.groups}) == len(got.groups) == groups


def assert_cut(got, error):
    assert got.error == error, got.text
    assert not got.is_whole()
    assert got.text


def members_of(got, path_name):
    """Names of the direct members of the group with that path."""
    group = next(g["id"] for g in got.groups if g["fields"]["pathName"] == [path_name])
    names = {r["id"]: (r["fields"].get("username") or r["fields"].get("pathName"))[0] for r in got.users + got.groups}
    return {names[member] for r in got.records if r["kind"] == "members" and r["ref"] == group for member in r["members"]}


# --- what passes ----------------------------------------------------------------------------------

PASSING = [
    ("429", {}), ("429", {"retry_after": 1}), ("503", {}), ("503", {"retry_after": 0}), ("500", {}), ("drop", {}), ("refuse", {}),
    ("html", {}), ("empty", {}), ("repeat", {}), ("truncate", {}), ("expire", {}), ("401", {}),
]


@pytest.mark.parametrize("kind, options", PASSING, ids=lambda value: str(value) if isinstance(value, str) else "-".join(map(str, value)))
def test_a_fault_that_passes_is_waited_out_in_every_listing(fake, kind, options):
    for path in ("/users", "/groups", "/members"):
        for after in (0, 1):
            if kind == "empty" and path == "/members":
                continue  # nobody can tell an empty group from one that is said to be empty
            fake.clear()
            fault = fake.fault(path, kind, after=after, times=1, **options)
            got = read(fake)
            assert fault.fired == 1
            assert_whole(got)
            assert sum(len(r["members"]) for r in got.records if r["kind"] == "members") == 33


def test_retry_after_is_honoured_in_both_forms(fake):
    for form in (lambda: "2", lambda: time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3))):
        fake.clear()
        fake.fault("/users", "429", after=1, times=1, retry_after=form())
        begun = time.monotonic()
        assert_whole(read(fake))
        assert 1.5 < time.monotonic() - begun < 15


def test_a_wait_that_nobody_would_wait_for_is_an_error_that_names_it(fake):
    fake.fault("/users", "429", after=1, retry_after=3600)
    got = read(fake)
    assert_cut(got, "US_THROTTLED")
    assert fake.count("/users") == 2


def test_a_token_that_expires_in_the_middle_is_renewed_once(fake):
    fake.fault("/users", "expire", after=2, times=1)
    assert_whole(read(fake))
    assert fake.count("/token") == 2


def test_short_lived_tokens_are_renewed_before_they_expire():
    with FakeKeycloak(people=40, group_count=6, token_life_s=1) as server:
        got = read(server, requestsPerSecond=20)
        assert_whole(got, 40, 12)
        assert server.count("/token") > 1
        assert got.counters["retries"] <= server.count("/token")


def test_pages_shorter_than_asked_for_lose_nobody():
    for cap in (2, 3, 7, 10):
        with FakeKeycloak(people=25, group_count=4, page_cap=cap) as server:
            assert_whole(read(server))


# --- what does not pass ---------------------------------------------------------------------------

LASTING = [
    ("429", {}, "US_THROTTLED", "fewer requests"),
    ("503", {}, "US_UNAVAILABLE", "status 503"),
    ("500", {}, "US_UNAVAILABLE", "unknown_error"),
    ("drop", {}, "US_UNAVAILABLE", "broke the connection off"),
    ("refuse", {}, "US_UNAVAILABLE", "broke the connection off"),
    ("401", {}, "US_DENIED", "refuses it"),
    ("403", {}, "US_DENIED", "role"),
    ("400", {}, "US_PROTOCOL", "status 400"),
    ("truncate", {}, "US_PROTOCOL", "cut short"),
    ("html", {}, "US_UNAVAILABLE", "502 Bad Gateway"),
    ("html", {"value": 403}, "US_DENIED", "proxy or firewall"),
    ("html200", {}, "US_PROTOCOL", "Sign in to the proxy"),
    ("type", {}, "US_PROTOCOL", "text/plain instead of JSON"),
    ("garbage", {}, "US_PROTOCOL", "does not speak HTTP"),
    ("redirect", {"value": "https://evil.example:444/x?secret"}, "US_PROTOCOL", "redirects to https://evil.example:444,"),
]


@pytest.mark.parametrize("kind, options, error, says", LASTING, ids=[f"{row[0]}-{row[2]}-{n}" for n, row in enumerate(LASTING)])
def test_a_fault_that_stays_ends_every_listing_as_incomplete(fake, kind, options, error, says):
    for path, after in (("/users", 0), ("/users", 1), ("/users", 2), ("/groups", 1), ("/members", 0), ("/members", 3)):
        fake.clear()
        fake.fault(path, kind, after=after, **options)
        got = read(fake, retries=0)
        assert_cut(got, error)
        assert says in got.text, got.text
        assert fake.secret not in got.text and "first=" not in got.text


@pytest.mark.parametrize("path", ["/users", "/groups", "/members", "/children"])
def test_a_connection_that_drops_after_page_k_never_ends_a_listing_for_any_k(fake, path):
    fake.clear()
    read(fake)
    total = fake.count(path)
    for after in range(total):
        fake.clear()
        fake.fault(path, "drop", after=after)
        assert_cut(read(fake, retries=0), "US_UNAVAILABLE")


def test_fewer_users_than_counted_are_partial(fake):
    fake.fault("/users/count", "count", value=26)
    got = read(fake)
    assert_cut(got, "US_PARTIAL")
    assert "counts 26 users and lists 25" in got.text


def test_hidden_rows_are_partial(fake):
    for path in ("/users", "/groups"):
        fake.clear()
        fake.fault(path, "hide", value=4)
        assert_cut(read(fake), "US_PARTIAL")


def test_fewer_groups_than_counted_are_partial(fake):
    fake.fault("/groups/count", "count", value=9)
    got = read(fake)
    assert_cut(got, "US_PARTIAL")
    assert "counts 9 groups and lists 8" in got.text


def test_an_empty_list_where_people_are_counted_is_partial(fake):
    for path in ("/users", "/groups"):
        for after in (0, 1):
            fake.clear()
            fake.fault(path, "empty", after=after)
            assert_cut(read(fake), "US_PARTIAL")


def test_the_same_page_for_ever_is_partial_and_ends_soon(fake):
    for path in ("/users", "/groups", "/members"):
        fake.clear()
        fake.fault(path, "repeat", after=1)
        assert_cut(read(fake), "US_PARTIAL")
        assert len(fake.requests) < 400


def test_a_realm_that_is_really_empty_is_read_to_its_end():
    with FakeKeycloak(people=0, group_count=0) as server:
        assert_whole(read(server), 0, 0)


def test_an_answer_without_an_end_is_given_up_at_the_bound(fake):
    fake.fault("/users", "huge")
    got = read(fake, retries=0)
    assert_cut(got, "US_PROTOCOL")
    assert "larger than 64 MiB" in got.text
    assert got.counters["peakKilobytes"] < 600_000


def test_slow_and_trickling_answers_time_out(fake):
    for kind, options in (("slow", {"delay": 60}), ("trickle", {"delay": 0.05})):
        fake.clear()
        fake.fault("/users", kind, after=1, **options)
        begun = time.monotonic()
        got = read(fake, retries=0, timeoutSeconds=1)
        assert_cut(got, "US_TIMEOUT")
        assert "within 1 s" in got.text
        assert time.monotonic() - begun < 10


def test_a_wrong_token_answer_is_told_with_its_reason(fake):
    for kind, options, error, says in (("500", {}, "US_UNAVAILABLE", "unknown_error"), ("html200", {}, "US_PROTOCOL", "Sign in to the proxy"),
                                       ("truncate", {}, "US_PROTOCOL", "no JSON"), ("empty", {}, "US_PROTOCOL", "no access_token")):
        fake.clear()
        fake.fault("/token", kind, **options)
        got = read(fake, retries=0)
        assert_cut(got, error)
        assert got.text.startswith("Token request failed: ")
        assert says in got.text


def test_every_question_of_a_run_may_fail_and_none_makes_it_whole(fake):
    fake.clear()
    read(fake)
    paths = {path for _, path, _ in fake.requests}
    for path in sorted(paths):
        fake.clear()
        fake.fault(path, "403")
        got = read(fake, retries=0)
        if path.endswith("/realms/company"):
            assert got.is_whole()  # the public page may be forbidden
        else:
            assert got.error and not got.is_whole(), path


# --- lists that change while they are read --------------------------------------------------------

def test_nobody_is_skipped_when_users_read_before_are_deleted():
    for after in (1, 2, 3, 4):
        with FakeKeycloak(people=45, group_count=2) as server:
            server.fault("/users", "delete", after=after, times=3, value=0)
            got = read(server)
            assert got.error is None, got.text
            assert {user["id"] for user in server.users} <= {user["id"] for user in got.users}


def test_a_user_renamed_over_our_place_is_found():
    for after in (1, 2, 3):
        with FakeKeycloak(people=45, group_count=2) as server:
            server.fault("/users", "rename", after=after, times=1, value=44, name="aaa")
            assert_whole(read(server), 45, 4)


def test_a_list_that_never_comes_to_rest_is_partial():
    with FakeKeycloak(people=45, group_count=2) as server:
        number = iter(range(46, 10**6))
        server.fault("/users/count", "count", value=0).options = CountUp(number)
        assert_cut(read(server), "US_PARTIAL")


class CountUp(dict):
    """A count that is another one each time."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = numbers

    def __getitem__(self, key):
        return next(self.numbers)


def test_a_group_that_is_gone_before_its_members_are_read_is_not_one_without_members(fake):
    fake.fault(fake.groups[1].id + "/members", "404")
    got = read(fake)
    assert got.is_whole() and got.error is None
    broken = [r for r in got.records if r.get("problem")]
    assert [(r["kind"], r["id"]) for r in broken] == [("group", fake.groups[1].id)] and "was deleted while" in broken[0]["problem"]


# --- groups ---------------------------------------------------------------------------------------

def test_old_servers_give_whole_trees_and_are_not_asked_for_children_again_and_again():
    with FakeKeycloak(people=10, group_count=6, style="old") as server:
        got = read(server)
        assert_whole(got, 10, 12)
        assert server.count("/children") <= 1


@pytest.mark.parametrize("style", ["old", "new"])
def test_a_chain_of_groups_of_any_depth_is_read(style):
    with FakeKeycloak(people=3, group_count=0, style=style) as server:
        top = Group("g000", None, [])
        server.groups.append(top)
        for number in range(1, 28):
            top = Group(f"g{number:03d}", top, [server.users[0]["id"]] if number == 27 else [])
        got = read(server)
        assert_whole(got, 3, 28)
        paths = ["/".join(f"g{level:03d}" for level in range(depth + 1)) for depth in range(28)]
        assert members_of(got, paths[27]) == {"user00000"}
        nested = read(server, nestedGroups=True)
        for parent, child in zip(paths, paths[1:]):
            assert members_of(nested, parent) == {child}


def test_trees_too_deep_to_be_read_are_an_error_and_no_end():
    with FakeKeycloak(people=3, group_count=0, style="old") as server:
        top = Group("g", None, [])
        server.groups.append(top)
        for number in range(60):
            top = Group(f"g{number}", top, [])
        got = read(server)
        assert got.error == "US_PROTOCOL" and not got.is_whole()
        assert "nested deeper" in got.text


def test_members_are_asked_for_at_most_so_many_at_a_time_over_few_connections():
    with FakeKeycloak(people=60, group_count=40) as server:
        got = read(server, parallelRequests=4)
        assert_whole(got, 60, 80)
        assert server.connections <= 5
        assert server.count("/members") <= 2 * 80


def test_the_rate_limit_is_kept():
    with FakeKeycloak(people=5, group_count=2) as server:
        begun = time.monotonic()
        got = read(server, requestsPerSecond=10)
        assert_whole(got, 5, 4)
        assert time.monotonic() - begun > (got.counters["requests"] - 2) / 10


# --- rights, TLS, cancelling ----------------------------------------------------------------------

@pytest.mark.parametrize("roles, says", [
    (set(), "view-users"),
    ({"query-users"}, "view-users"),
    ({"query-groups"}, "view-users"),
    ({"query-users", "query-groups"}, "view-users"),
])
def test_rights_that_hide_users_are_refused_before_anything_is_listed(fake, roles, says):
    fake.roles = roles
    got = read(fake)
    assert_cut(got, "US_DENIED")
    assert says in got.text
    assert not got.users


def test_the_certificate_of_the_server_must_be_trusted():
    with FakeKeycloak(people=5, group_count=2, tls=True) as server:
        got = read(server)
        assert got.error == "US_TLS" and "caCertificate" in got.text
        assert not server.requests
        with open(server.ca_file, encoding="ascii") as pem:
            trusted = pem.read()
        assert_whole(read(server, caCertificate=trusted), 5, 4)
        got = read(server, caCertificate=trusted, url=server.url.replace("127.0.0.1", "localhost"))
        assert got.error == "US_TLS" and "another name" in got.text
        got = read(server, caCertificate="no certificate")
        assert got.error == "US_CONFIG" and "caCertificate" in got.text
        plain = read(server, url=server.url.replace("https", "http"))
        assert plain.error in ("US_PROTOCOL", "US_UNAVAILABLE")


def test_tls_towards_a_server_without_it_is_told(fake):
    got = read(fake, url=fake.url.replace("http", "https"), retries=0)
    assert got.error == "US_TLS"


def test_a_server_that_is_not_there_is_told_apart_from_one_that_has_no_name(fake):
    fake.stop()
    got = read(fake)
    assert got.error == "US_UNAVAILABLE" and "refused the connection" in got.text
    got = read(fake, url="http://no-such-host.invalid/")
    assert got.error == "US_UNAVAILABLE" and "not known to the name service" in got.text


def test_a_proxy_is_used_and_blamed_for_what_it_does(fake):
    got = read(fake, proxy=fake.url, url="http://login.invalid")  # the fake answers as a proxy would
    assert_whole(got)
    got = read(fake, proxy=fake.url, url="https://login.invalid", retries=0)
    assert got.error == "US_UNAVAILABLE" and "the proxy" in got.text and "login.invalid" in got.text, got.text
    fake.stop()
    got = read(fake, proxy=fake.url, url="http://login.invalid")
    assert got.error == "US_UNAVAILABLE" and fake.url in got.text and "refused" in got.text, got.text
    got = read(fake, proxy="http://no-such-proxy.invalid:3128", url="http://login.invalid")
    assert got.error == "US_UNAVAILABLE" and 'the proxy "http://no-such-proxy.invalid:3128" is not known' in got.text, got.text


def test_a_proxy_password_is_in_no_message(fake):
    fake.stop()
    address = fake.url.removeprefix("http://")
    got = read(fake, proxy=f"http://someone:pr0xy-pw@{address}", url="http://login.invalid")
    assert got.error == "US_UNAVAILABLE" and address in got.text and "pr0xy-pw" not in got.text, got.text


def test_the_prefix_auth_is_found_out():
    for prefix in ("", "/auth"):
        with FakeKeycloak(people=3, group_count=0, prefix=prefix) as server:
            root = server.url.removesuffix(prefix)
            for given in (root, root + "/", root + "/auth", root + "/auth/"):
                assert_whole(read(server, url=given), 3, 0)
            got = read(server, realm="other")
            assert got.error == "US_CONFIG" and 'no realm "other"' in got.text


def test_cancelling_takes_effect_within_a_request(fake):
    fake.fault("/users", "slow", after=1, delay=60)
    begun = time.monotonic()
    got = finish(*start("keycloak", configuration(fake, timeoutSeconds=60), "--cancel-after-ms", 300))
    assert got.error == "US_CANCELLED" and not got.is_whole()
    assert time.monotonic() - begun < 5


def test_cancelling_takes_effect_within_a_wait(fake):
    fake.fault("/users", "429", after=1, retry_after=60)
    begun = time.monotonic()
    got = finish(*start("keycloak", configuration(fake), "--cancel-after-ms", 300))
    assert got.error == "US_CANCELLED"
    assert time.monotonic() - begun < 5


def test_after_an_error_the_same_source_reads_the_whole(fake):
    for path, after in (("/users", 1), ("/groups", 1), ("/members", 2)):
        fake.clear()
        fake.fault(path, "500", after=after, times=1)
        got = read(fake, "--again", retries=0)
        assert got.errors[:1] == ["US_UNAVAILABLE"]
        assert len(got.errors) == 1, got.text


def test_one_user_is_found_by_name_and_by_id_or_not_at_all(fake):
    fake.users.append(make_user("sub"))
    fake.users.append(make_user("sub-string"))
    got = read(fake, "--find", "SUB")
    assert [user["fields"]["username"] for user in got.users] == [["sub"]]
    got = read(fake, "--find-id", fake.users[3]["id"])
    assert got.users[0]["id"] == fake.users[3]["id"] and got.users[0]["groups"]
    assert read(fake, "--find", "sub-").error == "US_NOT_FOUND"
    assert read(fake, "--find-id", "no-such-id").error == "US_NOT_FOUND"
    for kind in ("500", "drop", "403", "html200", "truncate", "type"):
        for path in ("/users", "/groups"):
            fake.clear()
            fake.fault(path, kind)
            got = read(fake, "--find", "sub", retries=0)
            assert got.error and got.error != "US_NOT_FOUND", (kind, path)


def test_a_single_404_page_of_a_proxy_does_not_mean_that_the_user_is_gone(fake):
    fake.fault(fake.users[0]["id"], "html", value=404)
    got = read(fake, "--find-id", fake.users[0]["id"])
    assert got.error and got.error != "US_NOT_FOUND"
