"""The Keycloak source against real servers: the newest that runs on Java 17, and the first of the present design, with /auth.

One server of each version for the whole file. Tests that change something do so in a realm of their own.
"""

import contextlib
import re
import shutil
import threading
import time

import keycloak
import pytest
from dump import dump, finish, start
from keycloak import ODD_PEOPLE, Keycloak, KeycloakError, company, group, prepare, stable_id, user
from passwords import EXPIRED, INACTIVE, RIGHT, UNKNOWN, WRONG, YES, ask
from rig import free_port
from sources import CHECKS, run_contract

PEOPLE = 60


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
    """The realm that nobody changes."""
    return servers(version)[1]


@pytest.fixture(name="own")
def fixture_own(servers, version):
    """A small realm of the test's own."""
    realm = servers(version)[0].create_realm({
        "realm": "own", "client": "usersync", "secret": "own", "groups": [group("a", group("b")), group("c")],
        "users": [user(f"u{number:03d}", "First", "Last", groups=[("a",)] if number % 2 else [("a", "b")]) for number in range(30)]})
    yield realm
    realm.delete()


def configuration(realm, /, **more):
    return {"url": realm.server.url, "realm": realm.name, "clientId": realm.client_id, "clientSecret": realm.secret,
            "pageSize": 25, "retries": 1, **more}


def read(realm, /, *options, **more):
    return dump("keycloak", {**configuration(realm), **more}, *options)


def names(got):
    return {one["fields"]["username"][0] for one in got.users}


def members_of(got):
    """Path of a group -> names of its direct members."""
    named = {r["id"]: (r["fields"].get("username") or r["fields"].get("pathName"))[0] for r in got.users + got.groups}
    found = {}
    for r in got.records:
        if r["kind"] == "members":
            found.setdefault(named[r["ref"]], []).extend(named[member] for member in r["members"])
    assert all(len(set(list_)) == len(list_) for list_ in found.values())
    return {path: set(list_) for path, list_ in found.items()}


def all_groups(groups, above=()):
    for one in groups:
        yield (*above, one["name"]), one
        yield from all_groups(one["children"], (*above, one["name"]))


MAVENS = {
    "none": (None, "mvn is not installed: run tools/install test"),
    "fails": ("#!/bin/sh\necho 'Could not transfer artifact: Connection refused'\nexit 1\n", "Could not transfer artifact: Connection refused"),
    "cut": ("#!/bin/sh\nfor o; do case $o in -DoutputDirectory=*) d=${o#*=};; esac; done\nhead -c 100 /dev/zero >$d/keycloak-quarkus-dist-1.2.3.zip\n",
            "keycloak-quarkus-dist-1.2.3.zip as Maven gave it cannot be unpacked"),
}


@pytest.mark.parametrize("maven", MAVENS)
def test_a_server_that_cannot_be_fetched_is_a_failure_that_says_why(maven, tmp_path, monkeypatch):
    script, says = MAVENS[maven]
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "head"):
        (folder / name).symlink_to(shutil.which(name))
    if script:
        (folder / "mvn").write_text(script)
        (folder / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(keycloak, "FAILED", {})
    for _ in range(2):
        with pytest.raises(KeycloakError, match=re.escape(says)):
            prepare("1.2.3")
        if script:
            (folder / "mvn").unlink(missing_ok=True)    # tried once, told each time
    assert not (tmp_path / "cache/usersync-tests/keycloak-1.2.3").exists()


def test_contract(own):
    """What all sources keep to; see source_contract.c. It reads the realm dozens of times, so that is a small one."""
    done = run_contract("keycloak", {**configuration(own), "pageSize": 10}, "u001", own.user_id("u001"), "nobody.at.all",
                        "00000000-0000-0000-0000-000000000000")
    assert done == CHECKS


def test_a_whole_company_is_read(realm):
    want = company(people=PEOPLE)
    got = read(realm)
    assert got.error is None and got.is_whole(), got.text
    assert {one["id"]: (one["fields"]["username"][0], one["active"], one["fields"].get("firstName"), one["fields"].get("lastName"),
                        one["fields"]["email"][0], one["fields"].get("attributes.employeeNumber"), one["fields"].get("attributes.phone"))
            for one in got.users} == \
        {one["id"]: (one["username"], "yes" if one["enabled"] else "no", [one["firstName"]], [one["lastName"]], one["email"],
                     one["attributes"].get("employeeNumber"), one["attributes"].get("phone")) for one in want["users"]}
    wanted_groups = dict(all_groups(want["groups"]))
    assert {one["id"]: one["fields"]["pathName"][0] for one in got.groups} == \
        {stable_id("group", "\n".join(path)): "/".join(path) for path in wanted_groups}
    by_path = {one["fields"]["pathName"][0]: one["fields"] for one in got.groups}
    assert by_path["eng"]["attributes.room"] == ["A1", "A2"] and by_path["eng/platform/sre/on-call"]["attributes.pager"] == ["42"]
    wanted_members = {}
    for person in want["users"]:
        for path in person["in"]:
            wanted_members.setdefault("/".join(path), set()).add(person["username"])
    assert members_of(got) == wanted_members
    rows = got.listings
    assert (rows["users"]["rows"], rows["users"]["announced"]) == (PEOPLE, PEOPLE)
    assert (rows["groups"]["rows"], rows["groups"]["announced"]) == (len(wanted_groups), len(wanted_groups))


def test_page_edges_lose_nobody(realm):
    for size in (2, 7, PEOPLE // 2, PEOPLE - 1, PEOPLE, PEOPLE + 1, 1000):
        got = read(realm, pageSize=size)
        assert got.is_whole(), got.text
        assert len(names(got)) == len(got.users) == PEOPLE
        assert len(got.groups) == 41
        assert len(members_of(got)["eng"]) == len(members_of(read(realm))["eng"])


def test_brief_leaves_out_attributes_and_nothing_else(realm):
    brief, full = read(realm, representation="brief"), read(realm)
    assert brief.is_whole() and names(brief) == names(full) and members_of(brief) == members_of(full)
    assert [one["active"] for one in brief.users] == [one["active"] for one in full.users]
    assert not any(key.startswith("attributes.") for one in brief.records for key in one["fields"])


def test_nested_groups_are_members_of_their_parents_if_asked_for(realm):
    got = members_of(read(realm, nestedGroups=True))
    assert {"eng/platform", "eng/apps"} <= got["eng"]
    assert got["eng/platform/sre"] & {"eng/platform/sre/on-call"}
    assert len(got["sites"]) == 25
    plain = members_of(read(realm))
    assert "sites" not in plain and "eng/platform" not in plain["eng"]


def test_everybody_is_found_by_name_whatever_it_looks_like(realm):
    groups_of = {person["username"]: {stable_id("group", "\n".join(path)) for path in person["in"]}
                 for person in company(people=PEOPLE)["users"]}
    for name, first, last in ODD_PEOPLE:
        got = read(realm, "--find", name)
        assert got.error is None, (name, got.text)
        assert got.users[0]["fields"]["username"] == [name] and got.users[0]["fields"]["lastName"] == [last]
        assert set(got.users[0]["groups"]) == groups_of[name] == {one["id"] for one in got.groups}
    assert read(realm, "--find", "MÜLLER").users[0]["fields"]["username"] == ["müller"]
    assert read(realm, "--find-id", stable_id("user", "slash/user")).users[0]["fields"]["username"] == ["slash/user"]


@pytest.mark.parametrize("name", ["nobody", "person", "person0000", "*", "%", "", "o'brie", "../users", "a b", "service-account-usersync"])
def test_nobody_is_found_who_is_not_there(realm, name):
    got = read(realm, "--find", name)
    assert got.error == "US_NOT_FOUND" and not got.users, got.text


@pytest.mark.parametrize("key", ["00000000-0000-0000-0000-000000000000", "no such id", "..", "count", "profile"])
def test_no_id_finds_somebody_else(realm, key):
    got = read(realm, "--find-id", key)
    assert got.error in ("US_NOT_FOUND", "US_PROTOCOL", "US_DENIED") and not got.users, got.text


def test_a_person_may_be_named_like_a_service_account(own):
    own.add_users([user("service-account-of-the-court")])
    assert read(own, "--find", "service-account-of-the-court").error is None
    got = read(own, "--find", "service-account-usersync")
    assert got.error == "US_NOT_FOUND" and "service account" in got.text


def test_the_prefix_is_found_out(realm):
    root = realm.server.url.removesuffix("/auth")
    for url in (root, root + "/", root + "/auth", root + "/auth/"):
        assert read(realm, url=url).is_whole()


@pytest.mark.parametrize("change, error, says", [
    ({"clientSecret": "wrong"}, "US_DENIED", "Token request failed: the client id or client secret is wrong"),
    ({"clientId": "unknown"}, "US_DENIED", "Token request failed: the client id or client secret is wrong"),
    ({"clientId": "admin-cli"}, "US_DENIED", "Token request failed: "),
    ({"realm": "nowhere"}, "US_CONFIG", 'no realm "nowhere"'),
    ({"realm": "a/../b?c"}, "US_CONFIG", "no"),
])
def test_wrong_settings_have_each_their_message(realm, change, error, says):
    got = read(realm, **change)
    assert (got.error, got.is_whole(), got.users) == (error, False, []), got.text
    assert says in got.text and "s3cret" not in got.text


@pytest.mark.parametrize("roles", [(), ("query-users",), ("query-groups",), ("query-users", "query-groups")], ids="+".join)
def test_rights_that_hide_users_are_refused_before_anything_is_listed(own, roles):
    own.set_roles(*roles)
    got = read(own)
    assert got.error == "US_DENIED" and not got.users and not got.is_whole()
    assert "view-users" in got.text and "realm-management" in got.text
    assert read(own, "--find", "u001").error == "US_DENIED"
    own.set_roles("view-users")
    assert read(own).is_whole()


def test_each_missing_right_has_its_line_in_a_test(own):
    fine = read(own, "--test")
    assert fine.error is None
    for line in ("30 users", "3 groups", "members of groups: can be read"):
        assert line in fine.said
    own.set_roles()
    got = read(own, "--test")
    assert got.error == "US_DENIED"
    assert "users: the service account" in got.said and "view-users" in got.said
    assert "groups: the service account" in got.said and "query-groups" in got.said


def test_tokens_that_live_two_seconds_do_not_cut_a_listing(own):
    own.set_token_lifespan(2)
    got = read(own, pageSize=2, requestsPerSecond=10)
    assert got.is_whole() and len(got.users) == 30, got.text


def test_a_new_secret_is_wanted_at_once(own):
    own.set_secret("another")
    assert read(own).is_whole()
    assert read(own, clientSecret="own").error == "US_DENIED"


def test_changes_at_the_server_are_seen_under_the_same_ids(own):
    before = {one["id"]: one["fields"]["username"][0] for one in read(own).users}
    own.rename_user("u001", "zz-renamed")
    own.rename_user("u002", "u001")
    own.enable_user("u003", False)
    own.delete_user("u004")
    own.leave("u005", "a")
    own.join("u005", "c")
    own.rename_group(("a", "b"), "bb")
    own.delete_group("c")
    new = own.add_group("a", "later")
    own.add_users([user("late", "L", "Ate", groups=[("a",)])])
    own.join("u006", "a", "later")
    got = read(own)
    assert got.is_whole(), got.text
    after = {one["id"]: one["fields"]["username"][0] for one in got.users}
    gone = own.user_id("u004")
    assert {key: (before[key], after[key]) for key in before if key != gone and before[key] != after[key]} == \
        {own.user_id("u001"): ("u001", "zz-renamed"), own.user_id("u002"): ("u002", "u001")}
    assert set(after) - set(before) == {own.user_id("late")} and gone not in after
    assert [one["active"] for one in got.users if one["id"] == own.user_id("u003")] == ["no"]
    assert {one["fields"]["pathName"][0]: one["id"] for one in got.groups} == \
        {"a": own.group_id("a"), "a/bb": own.group_id("a", "b"), "a/later": new}
    members = members_of(got)
    assert members["a/later"] == {"u006"} and "u005" not in members["a"] and "late" in members["a"]


def test_nobody_who_stays_is_skipped_while_others_are_deleted(own):
    """The first in the order go away while the list is read, so that the rest moves up under the reader."""
    process, text = start("keycloak", configuration(own, pageSize=2, requestsPerSecond=15))
    stayed = {own.user_id(f"u{number:03d}") for number in range(8, 30)}
    done = []

    def delete():
        for number in range(8):
            own.delete_user(f"u{number:03d}")
            time.sleep(0.1)  # the pace of the changes, not a wait for anything
            done.append(number)

    changer = threading.Thread(target=delete)
    changer.start()
    got = finish(process, text)
    changer.join()
    assert len(done) == 8
    assert got.error in (None, "US_PARTIAL"), got.text
    if got.is_whole():
        assert stayed <= {one["id"] for one in got.users}


def test_requests_are_bounded_by_groups_and_pages(realm):
    got = read(realm)
    # per group two for its members and two for its children, and a few for the rest
    assert got.counters["requests"] <= 4 * 41 + 25
    assert got.counters["retries"] == 0


# --- passwords ---------------------------------------------------------------------------------------------------------------

@pytest.fixture(name="logins")
def fixture_logins(servers, version):
    realm = servers(version)[0].create_realm({
        "realm": "logins", "client": "usersync", "secret": "s+e=c&r t", "groups": [group("a")],
        "users": [user(name, "First", "Last", email=f"{n}@example.org") for n, name in enumerate(["anna", "bob", "ünï", "eve"])]})
    for name in ("anna", "bob", "ünï"):
        realm.call("PUT", f"/users/{realm.user_id(name)}/reset-password", {"type": "password", "value": RIGHT, "temporary": False})
    allow(realm, True)
    yield realm
    realm.delete()


def allow(realm, allowed):
    client, = [c for c in realm.call("GET", "/clients", clientId=realm.client_id)]
    realm.call("PUT", f"/clients/{client['id']}", {**client, "directAccessGrantsEnabled": allowed})


def test_right_is_told_from_wrong_and_why(logins, monkeypatch):
    realm = logins
    settings = {"url": realm.server.url, "realm": realm.name, "clientId": realm.client_id, "clientSecret": realm.secret}
    tell = lambda name, password=RIGHT, **more: ask(monkeypatch, "keycloak", {**settings, **more}, realm.user_id(name), password)  # noqa: E731
    assert tell("anna") == tell("ünï") == YES
    assert tell("anna", RIGHT + "x") == tell("eve") == WRONG
    assert ask(monkeypatch, "keycloak", settings, "00000000-0000-0000-0000-000000000000", RIGHT) == UNKNOWN
    # no session is left behind
    assert realm.call("GET", f"/users/{realm.user_id('anna')}/sessions") == []
    realm.update_user("bob", requiredActions=["UPDATE_PASSWORD"])
    assert tell("bob") == EXPIRED
    realm.update_user("bob", requiredActions=[], enabled=False)
    assert tell("bob") == INACTIVE
    realm.update_user("bob", enabled=True)
    assert tell("bob") == YES
    allow(realm, False)
    assert tell("anna") == "US_CONFIG"
    allow(realm, True)
    assert tell("anna", clientSecret="not it") == "US_DENIED"
    assert tell("anna", url=f"http://127.0.0.1:{free_port()}") == "US_UNAVAILABLE"


# --- the end -----------------------------------------------------------------------------------------------------------------

def test_a_server_that_goes_away_is_told_and_nothing_is_whole(servers, version):
    """The last of the file: there is no server of this version afterwards."""
    server = servers(version)[0]
    realm = server.create_realm({"realm": "short", "client": "usersync", "secret": "x", "groups": [], "users": [user("one")]})
    assert read(realm).is_whole()
    url = server.url
    server.halt()
    server.url = url
    got = read(realm)
    server.url = None
    assert got.error == "US_UNAVAILABLE" and "refused the connection" in got.text and not got.is_whole()
