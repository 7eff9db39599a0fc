"""What went wrong for other systems of this kind must not happen here: whole syncs through the server, from sources that lie, break off, shrink,
rename and come back. Each test fails on a program that takes an incomplete read for a complete one, a name for an identity, or the
objects of others for its own.
"""

import copy

import fakekc
import fakeldap
import pytest
import rig
from observe import members, snapshot, took_nothing, users

USERS, GROUPS, PAGE = 23, 4, 5
PAGES = 5           # of users
GROUP_PAGES = 3     # with the nested groups of the rig, 12


@pytest.fixture(name="company", scope="module")
def fixture_company():
    return rig.Company(seed=3, users=USERS, groups=GROUPS, disabled_pct=0)


@pytest.fixture(name="ldap")
def fixture_ldap(company):
    with fakeldap.FakeLdap(fakeldap.company_tree(company)) as source:
        yield source


@pytest.fixture(name="kc")
def fixture_kc():
    with fakekc.FakeKeycloak(people=25, group_count=12) as source:
        yield source


def ldap_settings(source, **more):
    return {"url": [source.url], "bindDn": source.bind_dn, "bindPassword": source.bind_password, "baseDn": source.base,
            "userBaseDn": [source.users_base], "groupBaseDn": [source.groups_base], "pageSize": PAGE, "timeoutSeconds": 3, **more}


def kc_settings(source, **more):
    return {"url": source.url, "realm": source.realm, "clientId": source.client, "clientSecret": source.secret, **more}


def connect(server, source, **more):
    """A connector of the test's own, named after nobody, that was synced once."""
    kind, settings = ("ldap", ldap_settings) if isinstance(source, fakeldap.FakeLdap) else ("keycloak", kc_settings)
    number = len(server.call("GET", "/usersync/connector/")[1])
    connector = server.create(f"incident {number}", kind, settings(source, cleanup="delete", **more))
    first = server.sync(connector)
    assert first["status"] == "DONE" and first["certificate"]["whole"], first
    return connector


def entry_of(source, uid):
    return next(e for e in source.tree if e.values("uid") == [uid.encode()])


def set_value(entry, name, *values):
    entry.attributes[name.lower()] = (name, [v.encode() for v in values])


def drop(source, count):
    """Takes the first users out of the listing, memberships and all, so that a cleanup would have somebody to take."""
    gone = [e for e in source.tree if e.values("uid")][:count]
    source.tree = [e for e in source.tree if e not in gone]
    return [e.values("uid")[0].decode() for e in gone]


# --- a source that works and lists nobody, or few -----------------------------------------------

@pytest.mark.parametrize("cleanup", ["delete", "disable"])
def test_an_empty_listing_is_held_and_the_command_line_says_3(shared_server, ldap, cleanup):
    connector = connect(shared_server, ldap)
    shared_server.call("PUT", f"/usersync/connector/{connector['uniqueId']}", ldap_settings(ldap, cleanup=cleanup))
    before = snapshot(shared_server, connector)
    ldap.faults.empty = True
    run = shared_server.sync(connector)
    assert run["status"] == "HELD" and run["held"]["rule"], run
    assert snapshot(shared_server, connector) == before
    done = shared_server.cli("sync", connector["name"], "--wait")
    assert done.returncode == 3, done
    assert snapshot(shared_server, connector) == before


def test_an_empty_listing_is_held_with_every_limit_switched_off(shared_server, ldap):
    off = {"floor": 1000000, "percent": 100}
    connector = connect(shared_server, ldap, limits={"users": off, "groups": off, "memberships": off, "shrinkPercent": 100})
    before = snapshot(shared_server, connector)
    ldap.faults.empty = True
    run = shared_server.sync(connector)
    assert run["status"] == "HELD", run
    assert snapshot(shared_server, connector) == before


@pytest.mark.parametrize("base", ["users_base", "groups_base"])
def test_one_empty_listing_of_two_is_held(shared_server, ldap, base):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    ldap.faults.empty = True
    ldap.faults.only_base = getattr(ldap, base)
    run = shared_server.sync(connector)
    assert run["status"] == "HELD", run
    assert snapshot(shared_server, connector) == before


def test_sixty_percent_less_is_held_additions_included(shared_server, ldap, company):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    drop(ldap, USERS * 6 // 10)
    newcomer = copy.deepcopy(company)
    newcomer.users = [rig.User("new.comer", "New", "Comer", "New Comer", "new@example.org", "Sales")]
    newcomer.groups = []
    ldap.tree += [e for e in fakeldap.company_tree(newcomer) if e.values("uid")]
    run = shared_server.sync(connector)
    assert run["status"] == "HELD" and run["held"]["rule"], run
    assert snapshot(shared_server, connector) == before


def test_flapping_lists_never_take_anybody_away(shared_server, ldap):
    """Half a list, a whole one, nothing, a whole one."""
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    whole = ldap.tree
    for tree in (whole[:3] + whole[15:], whole, whole[:3], whole):
        ldap.tree = tree
        run = shared_server.sync(connector)
        assert run["status"] == ("DONE" if tree is whole else "HELD"), run
        assert snapshot(shared_server, connector) == before


def test_a_changed_filter_is_held_if_it_would_clean_up_anybody(shared_server, ldap, company):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    narrow = ldap_settings(ldap, cleanup="delete", userFilter=f"(&(objectClass=inetOrgPerson)(!(uid={company.users[5].uid})))")
    path = f"/usersync/connector/{connector['uniqueId']}"
    assert shared_server.call("PUT", path, narrow)[0] == 200
    run = shared_server.sync(connector)
    assert run["status"] == "HELD", run
    assert snapshot(shared_server, connector) == before
    status, _ = shared_server.call("POST", f"/usersync/syncstatus/{run['id']}/approve")
    assert status in (200, 202)
    assert shared_server.wait(run["id"])["status"] == "DONE"
    assert set(before[0]) - set(users(shared_server, connector["directoryId"])) == {company.users[5].uid}


# --- listings that end too early ----------------------------------------------------------------

@pytest.mark.parametrize("code", [3, 4, 11, 51, 52])
@pytest.mark.parametrize("base", ["users_base", "groups_base"])
def test_an_ldap_result_at_any_page_cleans_nobody_up(shared_server, ldap, code, base):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    gone = drop(ldap, 2)
    ldap.faults.only_base = getattr(ldap, base)
    for page in range(1, (PAGES if base == "users_base" else GROUP_PAGES) + 1):
        for bare in (False, True):
            ldap.faults.page_results = {page: code}
            ldap.faults.result_without_entries = bare
            run = shared_server.sync(connector)
            assert run["status"] == "FAILED" and took_nothing(run), (page, bare, run)
            assert run["certificate"] is None or not run["certificate"]["whole"]
            assert any(f"result {code}" in m for m in run["messages"]), run["messages"]
    assert snapshot(shared_server, connector) == before
    # and what is really gone goes as soon as the listing is whole
    ldap.faults.page_results = {}
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["deletedCount"] == 2, run
    assert set(before[0]) - set(users(shared_server, connector["directoryId"])) == set(gone)


@pytest.mark.parametrize("fault", ["drop_before_page", "drop_inside_page", "drop_after_page", "garbage_at_page", "same_cookie_from_page"])
@pytest.mark.parametrize("base", ["users_base", "groups_base"])
def test_an_ldap_connection_lost_at_any_page_cleans_nobody_up(shared_server, ldap, fault, base):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    drop(ldap, 2)
    ldap.faults.only_base = getattr(ldap, base)
    # behind the last page nothing is lost any more
    last = (PAGES if base == "users_base" else GROUP_PAGES) - (fault == "drop_after_page")
    for page in range(1, last + 1):
        setattr(ldap.faults, fault, page)
        run = shared_server.sync(connector)
        assert run["status"] == "FAILED" and took_nothing(run), (page, run)
    assert snapshot(shared_server, connector) == before


def test_an_ldap_server_that_hides_its_cookie_or_refers_elsewhere_cleans_nobody_up(shared_server, ldap):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    drop(ldap, 2)
    for fault, value in (("no_cookie_control", True), ("refuse_paging", True), ("references", ["ldap://elsewhere.example.org/ou=more"])):
        good, ldap.faults = ldap.faults, fakeldap.Faults(**{fault: value})
        run = shared_server.sync(connector)
        assert run["status"] == "FAILED" and took_nothing(run), (fault, run)
        ldap.faults = good
    assert snapshot(shared_server, connector) == before


def test_short_and_empty_pages_in_the_middle_are_no_end(shared_server, ldap):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    ldap.faults.page_sizes = [2, 0, 1, 0, 4]
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["notModifiedCount"] == USERS, run
    assert snapshot(shared_server, connector) == before


BREAKING = ["drop", "truncate", "refuse", "400", "403", "410", "429", "503", "html", "html200", "garbage"]
LYING = ["empty", "hide", "repeat"]     # well-formed, and fewer or other rows than there are; noticed where Keycloak counts


@pytest.mark.parametrize("listing, kinds", [("/users", BREAKING + LYING), ("/groups", BREAKING + LYING), ("/members", BREAKING)])
def test_a_keycloak_answer_that_fails_or_lies_cleans_nobody_up(shared_server, kc, listing, kinds):
    connector = connect(shared_server, kc, pageSize=10, retries=0, parallelRequests=1)
    before = snapshot(shared_server, connector)
    asked = kc.count(listing)
    assert asked > 1
    gone = [kc.users.pop(5)["id"], kc.users.pop(6)["id"]]
    for one in kc.all_groups():
        one.members = [m for m in one.members if m not in gone]
    for kind in kinds:
        for k in range(kind == "repeat", min(asked, 3)):
            kc.clear()
            kc.fault(listing, kind, after=k)
            run = shared_server.sync(connector)
            assert run["status"] == "FAILED" and took_nothing(run), (kind, k, run)
            assert snapshot(shared_server, connector) == before, (kind, k)
    kc.clear()
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["deletedCount"] == 2, run


def expect_refused_test(server, connector, word):
    """The test of a connector says no in every way that somebody may look at it."""
    _, answer = server.call("POST", f"/usersync/connector/{connector['uniqueId']}/test")
    assert answer["ok"] is False and word in " ".join(answer["messages"]), answer
    done = server.cli("connector", "test", connector["name"])
    assert done.returncode == 1 and word in done.stdout + done.stderr, done


def test_a_keycloak_account_without_a_role_is_a_failed_run(shared_server, kc):
    """Such an account is answered with 200 and an empty list."""
    connector = connect(shared_server, kc, retries=0)
    before = snapshot(shared_server, connector)
    for roles in ({"query-users", "query-groups"}, {"query-groups"}, set()):
        kc.roles, kc.tokens = roles, {}
        run = shared_server.sync(connector)
        assert run["status"] == "FAILED" and took_nothing(run), run
        assert "role" in " ".join(run["messages"]), run["messages"]
        expect_refused_test(shared_server, connector, "role")
    assert snapshot(shared_server, connector) == before


def test_a_wrong_client_secret_is_a_failed_run_and_a_new_one_changes_nothing(shared_server, kc):
    connector = connect(shared_server, kc, retries=0)
    before = snapshot(shared_server, connector)
    kc.secret, kc.tokens = "another-secret", {}
    run = shared_server.sync(connector)
    assert run["status"] == "FAILED" and took_nothing(run) and run["resultCount"] == 0, run
    assert "another-secret" not in str(run)
    path = f"/usersync/connector/{connector['uniqueId']}"
    assert shared_server.call("PUT", path, kc_settings(kc, cleanup="delete", retries=0))[0] == 200
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["notModifiedCount"] == len(before[0]), run
    assert snapshot(shared_server, connector) == before


def test_a_wrong_bind_password_is_a_failed_run_and_a_new_one_changes_nothing(shared_server, ldap):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    ldap.bind_password = "changed-by-somebody"
    run = shared_server.sync(connector)
    assert run["status"] == "FAILED" and took_nothing(run) and run["resultCount"] == 0, run
    assert "password" in " ".join(run["messages"]), run["messages"]
    path = f"/usersync/connector/{connector['uniqueId']}"
    expect_refused_test(shared_server, connector, "password")
    assert snapshot(shared_server, connector) == before
    assert shared_server.call("PUT", path, ldap_settings(ldap, cleanup="delete"))[0] == 200
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["notModifiedCount"] == USERS, run
    assert snapshot(shared_server, connector) == before


# --- page edges ---------------------------------------------------------------------------------

def entry_settings(kind, count, tmp_path):
    """A source of `count` users for its driver, and the settings to read it in pages of 500 or so."""
    if kind == "ldap":
        company = rig.Company(seed=9, users=count, groups=1, memberships=count, nested=False, disabled_pct=0)
        source = fakeldap.FakeLdap(fakeldap.company_tree(company))
        return source, lambda: ldap_settings(source, pageSize=500)
    if kind == "keycloak":
        source = fakekc.FakeKeycloak(people=count, group_count=1)
        return source, lambda: kc_settings(source, pageSize=100)
    path = tmp_path / "users.csv"
    path.write_text("id,username,groups\n" + "".join(f"i{n},u{n},all\n" for n in range(count)))
    return None, lambda: {"path": str(path)}


@pytest.mark.parametrize("kind, page", [("ldap", 500), ("keycloak", 100), ("file", 4096)])
@pytest.mark.parametrize("edge", [-1, 0, 1])
def test_page_edges_lose_nobody(shared_server, tmp_path, kind, page, edge):
    count = 2 * page + edge
    source, settings = entry_settings(kind, count, tmp_path)
    try:
        if source:
            source.start()
        connector = shared_server.create(f"edge {kind} {edge}", kind, {**settings(), "cleanup": "delete"})
        run = shared_server.sync(connector)
        assert run["status"] == "DONE" and run["addedCount"] == count, run
        assert len(users(shared_server, connector["directoryId"])) == count
        assert run["memberships"]["addedCount"] >= count
        run = shared_server.sync(connector)
        assert run["status"] == "DONE" and run["notModifiedCount"] == count and run["changes"] == 0, run
    finally:
        if source:
            source.stop()


def test_eight_thousand_group_renames_are_one_plan(shared_server, tmp_path):
    """Renamed one by one they took longer than the time-out; and a rename must keep the members."""
    count = 8000
    (tmp_path / "users.csv").write_text("id,username\nu1,anna\nu2,ben\n")
    (tmp_path / "members.csv").write_text("group,member\n" + "".join(f"g{n},u{1 + n % 2}\n" for n in range(count)))

    def write(name):
        (tmp_path / "groups.csv").write_text("id,name\n" + "".join(f"g{n},{name}-{n}\n" for n in range(count)))

    write("old")
    limits = {"groups": {"floor": count, "percent": 100}}
    connector = shared_server.create("group renames", "file", {
        "path": str(tmp_path / "users.csv"), "groupsPath": str(tmp_path / "groups.csv"), "membershipsPath": str(tmp_path / "members.csv"),
        "limits": limits})
    first = shared_server.sync(connector)
    assert first["status"] == "DONE" and first["groups"]["addedCount"] == count, first
    # Half of them take the name that another one had.
    (tmp_path / "groups.csv").write_text("id,name\n" + "".join(
        f"g{n},{'old' if n < count // 2 else 'new'}-{(n + 1) % (count // 2) if n < count // 2 else n}\n" for n in range(count)))
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["groups"]["renamedCount"] == count, run
    assert run["memberships"]["addedCount"] == run["memberships"]["removedCount"] == 0, run
    again = shared_server.sync(connector)
    assert again["status"] == "DONE" and again["changes"] == 0, again


# --- what belongs to others ---------------------------------------------------------------------

def test_users_and_members_of_another_connector_are_never_touched(shared_server, ldap):
    """Two connectors read the same server: same ids, same names."""
    mine, theirs = connect(shared_server, ldap), connect(shared_server, ldap)
    before = snapshot(shared_server, theirs)
    ldap.faults.empty = True
    run = shared_server.sync(mine)
    assert run["status"] == "HELD"
    assert shared_server.call("POST", f"/usersync/syncstatus/{run['id']}/approve")[0] in (200, 202)
    assert shared_server.wait(run["id"])["status"] == "DONE"
    assert snapshot(shared_server, mine) == ({}, {})
    assert snapshot(shared_server, theirs) == before
    assert shared_server.call("DELETE", f"/directory/{mine['directoryId']}")[0] == 204
    assert snapshot(shared_server, theirs) == before
    ldap.faults.empty = False
    assert shared_server.sync(theirs)["changes"] == 0


def test_a_tombstone_with_the_mail_of_a_live_user_touches_nobody_else(shared_server, ldap, company):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    live = company.users[4]
    ghost = copy.deepcopy(company)
    ghost.users = [rig.User("deleted.one", live.given, live.family, live.cn + " DEL", live.mail, "Sales", disabled=True)]
    ghost.groups = []
    ldap.tree += [e for e in fakeldap.company_tree(ghost) if e.values("uid")]
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["addedCount"] == 1 and took_nothing(run), run
    after = snapshot(shared_server, connector)
    assert {k: v for k, v in after[0].items() if k in before[0]} == before[0] and after[1] == before[1]
    assert after[0]["deleted.one"][1] is False and after[0][live.uid][1] is True
    # and when the tombstone goes, only it goes
    ldap.tree.pop()
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["deletedCount"] == 1, run
    assert snapshot(shared_server, connector) == before


def test_a_returning_user_is_enabled_again_under_the_same_id(shared_server, ldap, company):
    connector = connect(shared_server, ldap)
    path = f"/usersync/connector/{connector['uniqueId']}"
    assert shared_server.call("PUT", path, ldap_settings(ldap, cleanup="disable"))[0] == 200
    assert shared_server.sync(connector)["status"] == "DONE"
    before = snapshot(shared_server, connector)
    whole = list(ldap.tree)
    gone, = drop(ldap, 1)
    assert gone == company.users[0].uid
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["disabledCount"] == 1, run
    assert users(shared_server, connector["directoryId"])[gone][1] is False
    ldap.tree = whole
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["updatedCount"] == 1, run
    assert snapshot(shared_server, connector) == before


# --- identity -----------------------------------------------------------------------------------

def history(server, connector, name):
    status, found = server.call("GET", f"/usersync/connector/{connector['uniqueId']}/explain/{name}")
    assert status == 200, found
    return found


def rename(entry, uid):
    """Login, mail, DN and organisational unit change; entryUUID stays."""
    set_value(entry, "uid", uid)
    set_value(entry, "mail", f"{uid}@example.org")
    entry.dn = f"uid={uid},ou=moved,ou=people,dc=example,dc=org"
    entry.key = fakeldap.normal(entry.dn)


def relink(source, old, new):
    for entry in source.tree:
        for name in ("member",):
            if entry.values(name):
                set_value(entry, name, *[v.decode().replace(f"uid={old},ou=people,", f"uid={new},ou=moved,ou=people,") for v in entry.values(name)])


@pytest.mark.parametrize("turn", [
    {0: "brand.new"},
    {0: 1, 1: 0},
    {0: 1, 1: 2, 2: 0},
    {0: "UPPER"},
    {0: 1, 1: "was.one"},
], ids=["one user", "two swap", "three rotate", "case only", "into a name that moves away"])
def test_a_rename_keeps_the_user_its_memberships_and_its_history(shared_server, ldap, company, turn):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    names = {i: company.users[i].uid for i in range(5)}
    wanted = {i: names[i].upper() if to == "UPPER" else names[to] if isinstance(to, int) else to for i, to in turn.items()}
    entries = {i: entry_of(ldap, names[i]) for i in turn}
    for i, to in wanted.items():
        relink(ldap, names[i], f"parked-{i}")
        rename(entries[i], to)
    for i, to in wanted.items():
        for entry in ldap.tree:
            if entry.values("member"):
                set_value(entry, "member", *[v.decode().replace(f"uid=parked-{i},", f"uid={to},") for v in entry.values("member")])
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["renamedCount"] == len(turn) and took_nothing(run), run
    assert run["addedCount"] == 0 and run["memberships"]["addedCount"] == 0, run
    after = snapshot(shared_server, connector)
    by_id = {u[0]: name for name, u in before[0].items()}
    assert {u[0]: name for name, u in after[0].items()} == {**by_id, **{before[0][names[i]][0]: to for i, to in wanted.items()}}
    new_name = {names[i]: to for i, to in wanted.items()}
    for group, (group_id, people, inner) in before[1].items():
        assert after[1][group] == (group_id, sorted(new_name.get(p, p) for p in people), inner)
    for i, to in wanted.items():
        rows = str(history(shared_server, connector, to.replace("/", "%2F")))
        assert "ADDED" in rows and "RENAMED" in rows, rows
    assert shared_server.sync(connector)["changes"] == 0


def test_a_mail_that_moves_from_one_user_to_another_moves(shared_server, ldap, company):
    connector = connect(shared_server, ldap)
    one, two = company.users[1], company.users[2]
    set_value(entry_of(ldap, one.uid), "mail", "fresh@example.org")
    set_value(entry_of(ldap, two.uid), "mail", one.mail)
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["updatedCount"] == 2 and run["failedCount"] == 0, run
    found = users(shared_server, connector["directoryId"])
    assert (found[one.uid][3], found[two.uid][3]) == ("fresh@example.org", one.mail)


def test_members_are_found_whatever_case_and_spaces_their_dn_has(shared_server, ldap):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    for entry in ldap.tree:
        if entry.values("member"):
            set_value(entry, "member", *[v.decode().upper().replace(",", " , ") for v in entry.values("member")])
    run = shared_server.sync(connector)
    assert run["status"] == "DONE" and run["changes"] == 0, run
    assert snapshot(shared_server, connector) == before


def test_a_page_that_comes_twice_neither_adds_nor_takes(shared_server, ldap):
    connector = connect(shared_server, ldap)
    before = snapshot(shared_server, connector)
    drop(ldap, 2)
    for page in range(1, PAGES + 1):
        ldap.faults.duplicate_page = page
        run = shared_server.sync(connector)
        assert run["status"] in ("DONE", "FAILED"), run
        if run["status"] == "FAILED":
            assert took_nothing(run), run
        else:
            assert run["failedCount"] == 0, run
    ldap.faults.duplicate_page = 0
    assert shared_server.sync(connector)["status"] == "DONE"
    assert len(users(shared_server, connector["directoryId"])) == len(before[0]) - 2


# --- large groups -------------------------------------------------------------------------------

def ranged(*sizes):
    company = rig.Company(seed=5, users=max(sizes), groups=1, memberships=3, nested=False, disabled_pct=0, big=sizes)
    source = fakeldap.FakeLdap(fakeldap.company_tree(company, flavour="ad"))
    source.faults.range_size = 1500
    return source


def expect_sizes(server, directory, sizes):
    for size in sizes:
        assert server.call("GET", f"/directory/{directory}/group/big-{size}?limit=1")[1]["userCount"] == size


@pytest.mark.parametrize("sizes", [(1499, 1500, 1501, 3001), (10001,)])
def test_groups_beyond_the_range_of_active_directory_keep_every_member(shared_server, sizes):
    with ranged(*sizes) as source:
        settings = ldap_settings(source, schema="ad", pageSize=1000, cleanup="delete", timeoutSeconds=30)
        connector = shared_server.create(f"ranged {sizes}", "ldap", settings)
        run = shared_server.sync(connector)
        assert run["status"] == "DONE" and run["memberships"]["addedCount"] == sum(sizes) + 3, run
        expect_sizes(shared_server, connector["directoryId"], sizes)
        assert len(members(shared_server, connector["directoryId"], f"big-{max(sizes)}")[0]) == max(sizes)
        run = shared_server.sync(connector)
        assert run["status"] == "DONE" and run["changes"] == 0, run


def test_a_range_of_active_directory_that_fails_takes_no_member_away(shared_server):
    sizes = (1500, 1501, 3001)
    with ranged(*sizes) as source:
        settings = ldap_settings(source, schema="ad", pageSize=1000, cleanup="delete", timeoutSeconds=30)
        connector = shared_server.create("ranges that fail", "ldap", settings)
        assert shared_server.sync(connector)["status"] == "DONE"
        for fault, value in (("range_error", 51), ("range_stuck", True), ("range_missing", True)):
            good, source.faults = source.faults, fakeldap.Faults(range_size=1500, **{fault: value})
            run = shared_server.sync(connector)
            assert run["status"] == "FAILED" and took_nothing(run), (fault, run)
            expect_sizes(shared_server, connector["directoryId"], sizes)
            source.faults = good
        run = shared_server.sync(connector)
        assert run["status"] == "DONE" and run["changes"] == 0, run
