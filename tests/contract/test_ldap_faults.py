"""The LDAP source against a server that misbehaves: whatever goes wrong, an incomplete listing is never taken for a complete one."""

import socket
import threading
import time

import fakeldap
import pytest
import rig
from dump import dump
from sources import run_contract

USERS, PAGE = 23, 5
PAGES = 5       # of users


@pytest.fixture(name="company", scope="module")
def fixture_company():
    return rig.Company(seed=7, users=USERS, groups=6, awkward=3)


@pytest.fixture(name="server")
def fixture_server(company):
    with fakeldap.FakeLdap(fakeldap.company_tree(company)) as server:
        yield server


@pytest.fixture(name="ad")
def fixture_ad():
    company = rig.Company(seed=8, users=40, groups=2, big=(15, 16, 31), nested=False)
    with fakeldap.FakeLdap(fakeldap.company_tree(company, flavour="ad")) as server:
        yield server


def configuration(server, **more):
    return {"url": server.url, "bindDn": server.bind_dn, "bindPassword": server.bind_password, "baseDn": server.base,
            "userBaseDn": server.users_base, "groupBaseDn": server.groups_base, "pageSize": PAGE, "timeoutSeconds": 5, **more}


def read(server, *options, **more):
    return dump("ldap", configuration(server, **more), *options)


def test_a_server_in_order_is_read_whole(server, company):
    got = read(server)
    assert got.error is None and got.is_whole()
    assert len(got.users) == USERS and len(got.groups) == len(company.groups)
    assert got.listings["users"]["pages"] == PAGES
    assert server.counts["bind"] == 1 and server.counts["connection"] == 1


@pytest.mark.parametrize("page", range(1, PAGES + 1))
@pytest.mark.parametrize("code", [3, 4, 11, 51, 52, 10, 53, 80, 50, 1, 32, 71])
@pytest.mark.parametrize("with_entries", [True, False])
def test_a_result_code_at_any_page_is_no_end(server, page, code, with_entries):
    server.faults.page_results[page] = code
    server.faults.result_without_entries = not with_entries
    got = read(server)
    assert got.status == 1 and not got.is_whole() and not got.listings["users"]["signal"]
    assert got.native == code and f"result {code}" in got.text
    if code in (3, 4, 11, 10) or page > 1:
        assert got.error == "US_PARTIAL"
    else:
        assert got.error in ("US_UNAVAILABLE", "US_CONFIG", "US_DENIED", "US_PROTOCOL")
    # What came before the cut is there: it may be updated, nobody may be cleaned up.
    assert len(got.users) >= (page - 1) * PAGE
    if code in (3, 4, 11) and with_entries:
        assert len(got.users) == min(page * PAGE, USERS)


@pytest.mark.parametrize("page", range(1, PAGES + 1))
@pytest.mark.parametrize("fault", ["drop_before_page", "drop_inside_page", "truncate_at_page", "garbage_at_page"])
def test_a_broken_line_at_any_page_is_no_end(server, page, fault):
    setattr(server.faults, fault, page)
    got = read(server, timeoutSeconds=1)
    assert got.status == 1 and not got.is_whole() and not got.listings["users"]["signal"]
    assert got.error == "US_PARTIAL" if page > 1 else got.error in ("US_UNAVAILABLE", "US_TIMEOUT", "US_PROTOCOL")
    assert len(got.users) == (page - 1) * PAGE


@pytest.mark.parametrize("page", range(1, PAGES))
def test_a_line_that_breaks_between_pages_is_not_taken_up_on_another_connection(server, page):
    server.faults.drop_after_page = page
    got = read(server, url=[server.url, server.url])
    assert got.error == "US_PARTIAL" and "stopped after" in got.text and not got.is_whole()


@pytest.mark.parametrize("page", range(2, PAGES + 1))
def test_a_cookie_that_stays_the_same_ends_in_an_error(server, page):
    server.faults.same_cookie_from_page = page
    got = read(server)
    assert got.error == "US_PARTIAL" and not got.is_whole()
    assert server.counts["page"] < 3 * PAGES


@pytest.mark.parametrize("page", range(1, PAGES))
def test_a_page_that_comes_twice_is_noticed(server, page):
    server.faults.duplicate_page = page
    got = read(server)
    assert got.error == "US_PARTIAL" and "begins as an earlier one" in got.text


@pytest.mark.parametrize("sizes", [[3, 5, 1], [5, 0, 5], [0, 0, 5], [1, 1, 1, 0, 1], [0]])
def test_short_and_empty_pages_are_gone_over(server, sizes):
    server.faults.page_sizes = sizes
    got = read(server)
    assert got.error is None and got.is_whole() and len(got.users) == USERS


def test_pages_larger_than_asked_for_are_refused(server):
    server.faults.page_sizes = [PAGE + 1]
    got = read(server)
    assert got.error == "US_PARTIAL" and "does not page" in got.text


def test_endless_empty_pages_end_in_an_error(server):
    server.faults.page_sizes = [0] * 3000
    got = read(server)
    assert got.error == "US_PARTIAL" and "empty pages" in got.text


def test_an_answer_without_the_control_of_paged_results_is_no_end(server):
    server.faults.no_cookie_control = True
    got = read(server)
    assert got.error == "US_PARTIAL" and not got.is_whole()


def test_a_server_that_refuses_paging_is_told(server):
    server.faults.refuse_paging = True
    got = read(server)
    assert got.error == "US_CONFIG" and got.native == 12 and "paged results" in got.text


def test_a_listing_that_is_given_up_takes_its_connection_along(server, company):
    server.faults.refuse_after_given_up = True
    somebody = company.users[0]
    run_contract("ldap", configuration(server), somebody.uid, read(server).user(somebody.uid)["id"], "nobody.at.all",
                 "12345678-1234-1234-1234-123456789012")


def test_a_listing_that_we_stop_takes_its_connection_along_too(server):
    server.faults.refuse_after_given_up = True
    server.faults.references = ["ldap://elsewhere.example.org/ou=x"]
    got = read(server, "--again")
    assert got.errors == ["US_PARTIAL", "US_PARTIAL"] and "elsewhere" in got.text


def test_an_empty_answer_is_an_end_with_no_rows(server):
    """The server's own word; what it means is for the guard to judge."""
    server.faults.empty = True
    got = read(server)
    assert got.error is None and got.is_whole() and got.listings["users"]["rows"] == 0


def test_references_to_other_servers_hide_rows(server):
    server.faults.references = ["ldap://elsewhere.example.org/ou=x"]
    got = read(server)
    assert got.error == "US_PARTIAL" and "ldap://elsewhere.example.org/ou=x" in got.text
    got = read(server, ignoreReferrals=True)
    assert got.error is None and got.is_whole() and len(got.users) == USERS


def test_a_referral_names_the_other_server(server):
    server.faults.page_results[1] = 10
    server.faults.result_without_entries = True
    got = read(server)
    assert got.error == "US_PARTIAL" and "ldap://elsewhere.example.org" in got.text and "url" in got.text


@pytest.mark.parametrize("code, error", [(49, "US_DENIED"), (53, "US_DENIED"), (19, "US_DENIED"), (8, "US_CONFIG"), (13, "US_CONFIG"),
                                         (51, "US_UNAVAILABLE"), (52, "US_UNAVAILABLE"), (2, "US_PROTOCOL")])
def test_a_refused_bind_is_never_an_empty_listing(server, code, error):
    server.faults.bind_result = code
    got = read(server)
    assert got.status == 1 and got.error == error and got.native == code and not got.records and not got.is_whole()


@pytest.mark.parametrize("data, text", [("52e", "wrong password"), ("525", "no such account"), ("532", "expired"), ("533", "disabled"),
                                        ("775", "locked"), ("773", "must change")])
def test_active_directory_says_why_it_refuses(server, data, text):
    server.faults.bind_result = 49
    server.faults.bind_text = f"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
    got = read(server)
    assert got.error == "US_DENIED" and text in got.text


def test_wrong_credentials_are_not_tried_on_the_next_server(server):
    got = read(server, url=[server.url, server.url], bindPassword="wrong")
    assert got.error == "US_DENIED" and got.native == 49
    assert server.counts["bind"] == 1


def test_a_password_never_shows(server):
    server.faults.bind_result = 49
    got = read(server, bindPassword="Secret-4711")
    assert "Secret-4711" not in got.text + got.said


def test_a_refused_starttls_sends_no_password(server):
    got = read(server, startTls=True)
    assert got.error == "US_TLS" and "refused StartTLS" in got.text and "ldaps://" in got.text
    assert server.counts["bind"] == 0


def test_bytes_in_the_clear_behind_starttls_are_refused(server):
    server.faults.starttls_inject = True
    got = read(server, startTls=True)
    assert got.error == "US_TLS" and "unprotected bytes" in got.text and server.counts["bind"] == 0


@pytest.mark.parametrize("fault", ["silent_bind", "silent_search"])
def test_a_silent_server_times_out(server, fault):
    setattr(server.faults, fault, True)
    got = read(server, timeoutSeconds=1)
    assert got.error == "US_TIMEOUT" and "timeoutSeconds" in got.text and not got.is_whole()


@pytest.mark.parametrize("fault", ["silent_bind", "silent_search"])
def test_cancelling_ends_a_wait(server, fault):
    setattr(server.faults, fault, True)
    begin = time.monotonic()
    got = read(server, "--cancel-after-ms", 300, timeoutSeconds=60)
    assert got.error == "US_CANCELLED" and time.monotonic() - begin < 20


def test_a_server_that_takes_no_connection_is_told(server):
    port = rig.free_port()
    got = read(server, url=f"ldap://127.0.0.1:{port}")
    assert got.error == "US_UNAVAILABLE" and "connection refused" in got.text and str(port) in got.text


def test_an_unknown_host_is_told(server):
    got = read(server, url="ldap://no-such-host.invalid")
    assert got.error == "US_UNAVAILABLE" and "no-such-host.invalid" in got.text


def test_a_server_that_closes_at_once_is_told(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def close_all():
            try:
                while True:
                    listener.accept()[0].close()
            except OSError:
                pass
        threading.Thread(target=close_all, daemon=True).start()
        got = read(server, url=f"ldap://127.0.0.1:{listener.getsockname()[1]}")
        assert got.error == "US_UNAVAILABLE"
        listener.shutdown(socket.SHUT_RDWR)


def test_fail_over_goes_to_the_next_server(server):
    got = read(server, url=[f"ldap://127.0.0.1:{rig.free_port()}", server.url])
    assert got.error is None and got.is_whole() and len(got.users) == USERS


@pytest.mark.parametrize("code", [51, 52])
def test_fail_over_goes_on_when_a_server_is_busy(server, company, code):
    with fakeldap.FakeLdap(fakeldap.company_tree(company)) as busy:
        busy.faults.bind_result = code
        got = read(server, url=[busy.url, server.url])
    assert got.error is None and got.is_whole() and len(got.users) == USERS


def test_all_servers_down_names_the_first_and_the_last(server):
    ports = [rig.free_port() for _ in range(3)]
    got = read(server, url=[f"ldap://127.0.0.1:{port}" for port in ports])
    assert got.error == "US_UNAVAILABLE" and "none of 3 servers" in got.text
    assert str(ports[0]) in got.text and str(ports[2]) in got.text


def test_two_servers_never_mix_inside_one_listing(server, company):
    """The first server goes away after a page; the second would answer the cookie with other rows."""
    with fakeldap.FakeLdap(fakeldap.company_tree(company)) as first:
        first.faults.drop_after_page = 2
        got = read(server, url=[first.url, server.url])
        assert got.error == "US_PARTIAL" and server.counts["search"] == 0


def test_after_an_error_the_source_reads_again(server):
    server.faults.page_results[2] = 51
    got = read(server, "--again")
    assert got.errors == ["US_PARTIAL", "US_PARTIAL"]


def test_binds_and_searches_are_bounded(server, company):
    got = read(server)
    pages = sum(row["pages"] for row in got.listings.values())
    assert got.counters["binds"] == server.counts["bind"] == 1
    assert got.counters["searches"] == server.counts["search"] == pages
    assert pages == PAGES + (len(company.groups) + PAGE - 1) // PAGE


@pytest.mark.parametrize("size", [USERS - 1, USERS, USERS + 1, 1])
def test_page_edges(server, size):
    got = read(server, pageSize=size)
    assert got.is_whole() and len(got.users) == USERS


# --- ranges of Active Directory ---------------------------------------------------------------------------------------

def test_long_member_lists_are_read_in_ranges(ad):
    ad.faults.range_size = 15
    got = read(ad, schema="ad")
    assert got.error is None and got.is_whole()
    for size in (15, 16, 31):
        assert len(got.members(f"big-{size}")) == size
    assert ad.counts["bind"] == 1


@pytest.mark.parametrize("fault, value", [("range_stuck", True), ("range_missing", True), ("range_error", 52), ("range_error", 50),
                                          ("range_error", 32)])
def test_a_range_that_fails_is_never_a_short_group(ad, fault, value):
    ad.faults.range_size = 15
    setattr(ad.faults, fault, value)
    got = read(ad, schema="ad")
    assert got.error == "US_PARTIAL" and not got.is_whole()
    assert not any(g["fields"]["name"] == ["big-31"] for g in got.groups)


def changing(ad, at):
    """The group of 31 loses its first member before the requests AT for later ranges: all others move up, and one of them into a range that was read."""
    ad.faults.range_size = 5
    group = next(e for e in ad.tree if e.dn.startswith("cn=big-31"))
    ad.tree = [e for e in ad.tree if e == group or not e.dn.endswith("," + ad.groups_base)]
    group.attributes["usnchanged"] = ("uSNChanged", [b"100"])

    def change():
        group.attributes["member"][1].pop(0)
        group.attributes["usnchanged"] = ("uSNChanged", [b"%d" % (int(group.values("uSNChanged")[0]) + 1)])
    ad.faults.before_ranges = [change if n in at else lambda: None for n in range(1, 40)]
    return group


@pytest.mark.parametrize("at", [[1], [6], [1, 2], [1, 4], [3, 7], [6, 11]])
def test_a_group_that_changes_while_its_ranges_are_read_is_read_again(ad, at):
    group = changing(ad, at)
    got = read(ad, schema="ad")
    assert got.error is None and got.is_whole(), got.text
    assert len(group.values("member")) == 31 - len(at)
    assert sorted(got.group("big-31")["members"]) == sorted(fakeldap.normal(m.decode()) for m in group.values("member"))


@pytest.mark.parametrize("at", [[], [1], [4]])
def test_two_long_attributes_of_a_group_that_changes_are_no_short_group(ad, at):
    group = changing(ad, at)
    group.attributes["uniquemember"] = ("uniqueMember", group.values("member")[15:])
    group.attributes["member"] = ("member", group.values("member")[:15])
    wanted = sorted(fakeldap.normal(m.decode()) for m in group.values("member")[len(at):] + group.values("uniqueMember"))
    got = read(ad, schema="ad", membershipAttribute=["member", "uniqueMember"])
    if at:
        assert got.error == "US_PARTIAL" and "big-31" in got.text and not got.is_whole()
    else:
        assert got.is_whole() and sorted(got.group("big-31")["members"]) == wanted


@pytest.mark.parametrize("at", [[1, 2, 3], [5, 10, 15], range(1, 40)])
def test_a_group_that_changes_each_time_is_no_short_group(ad, at):
    changing(ad, at)
    got = read(ad, schema="ad")
    assert got.error == "US_PARTIAL" and "big-31" in got.text and not got.is_whole()


def test_disabled_accounts_of_active_directory(ad):
    got = read(ad, schema="ad")
    flags = {e.values("sAMAccountName")[0].decode(): int(e.values("userAccountControl")[0]) for e in ad.tree if e.values("userAccountControl")}
    assert flags and {u["fields"]["username"][0]: u["active"] for u in got.users} == \
        {name: "no" if flag & 2 else "yes" for name, flag in flags.items()}


def test_accounts_that_do_not_show_whether_they_are_disabled_are_told_by_the_test(ad):
    assert "userAccountControl" not in read(ad, "--test", schema="ad").said
    for entry in ad.tree:
        entry.attributes.pop("useraccountcontrol", None)
    got = read(ad, schema="ad")
    assert got.is_whole() and {u["active"] for u in got.users} == {"unknown"}
    got = read(ad, "--test", schema="ad", pageSize=1000)
    assert f"users: {len([u for u in ad.tree if u.values('sAMAccountType')])} of them do not show userAccountControl" in got.said


# --- one user ---------------------------------------------------------------------------------------------------------

def test_find_reads_one_user_with_groups(server, company):
    user = company.users[4]
    got = read(server, "--find", user.uid)
    assert got.error is None and len(got.users) == 1
    wanted = {g.name for g in company.groups if 4 in g.users}
    assert {g["fields"]["name"][0] for g in got.groups} == wanted
    assert set(got.users[0]["groups"]) == {g["ref"] for g in got.groups}
    assert all(g["members"] == [] for g in got.groups)
    again = read(server, "--find-id", got.users[0]["id"])
    assert again.users == got.users


def test_find_of_nobody_is_not_found_only_by_the_servers_word(server):
    assert read(server, "--find", "nobody").error == "US_NOT_FOUND"
    assert read(server, "--find", "*").error == "US_NOT_FOUND"
    assert read(server, "--find-id", "no-such-id").error == "US_NOT_FOUND"
    server.faults.silent_search = True
    assert read(server, "--find", "nobody", timeoutSeconds=1).error == "US_TIMEOUT"


@pytest.mark.parametrize("name", ["*)(uid=*", "a\\b", "(x)", "o'neill", "100%", "slash/name", "\U0001f600", "\u05d0\u05d1", " ", "a\x01b"])
def test_names_cannot_leave_the_filter(server, name):
    assert read(server, "--find", name).error == "US_NOT_FOUND"


def test_the_find_of_a_guid_takes_its_text(ad):
    got = read(ad, schema="ad")
    user = got.users[3]
    again = read(ad, "--find-id", user["id"].upper(), schema="ad")
    assert again.error is None and again.users[0]["id"] == user["id"]
    assert read(ad, "--find-id", "6f9619ff-8b86-d011-b42d-00c04fc964ff", schema="ad").error == "US_NOT_FOUND"
    assert read(ad, "--find-id", "not a guid", schema="ad").error == "US_NOT_FOUND"


# --- configuration ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("more, text", [
    ({"url": "http://x"}, "url"), ({"url": "ldap://"}, "url"), ({"url": []}, "url"), ({"url": "ldap:///dc=x"}, "url"),
    ({"bindPassword": ""}, "bindPassword"), ({"bindDn": ""}, "bindDn"),
    ({"baseDn": "nonsense", "userBaseDn": [], "groupBaseDn": []}, "baseDn"), ({"userBaseDn": ["ou=a,dc=x", "OU=b, ou=A,dc=x"]}, "overlap"),
    ({"userFilter": "(uid=a"}, "userFilter"), ({"groupFilter": "(&)"}, "groupFilter"), ({"idAttribute": "a b"}, "idAttribute"),
    ({"caCertificate": "nonsense"}, "caCertificate"), ({"membershipAttribute": ["a", "b", "c", "d"]}, "membershipAttribute"),
    ({"pageSize": 0}, "pageSize"), ({"schema": "x"}, "schema"), ({"nonsense": 1}, "nonsense"), ({"url": 5}, "url"),
])
def test_bad_settings_are_named(server, more, text):
    got = read(server, **more)
    assert got.status in (1, 2) and not got.records
    assert text in got.text + got.said
    assert got.error in (None, "US_CONFIG") and server.counts["connection"] == 0


def test_a_filter_may_come_without_brackets(server, company):
    got = read(server, userFilter=f"uid={company.users[1].uid}")
    assert [u["fields"]["username"] for u in got.users] == [[company.users[1].uid]]


def test_an_id_attribute_that_nobody_shows_is_an_error(server):
    got = read(server, idAttribute="employeeNumber")
    assert got.error == "US_DENIED" and "employeeNumber" in got.text and not got.is_whole()


def test_one_entry_without_id_fails_alone(server):
    entry = next(e for e in server.tree if e.values("uid"))
    attributes = dict(entry.attributes)
    del entry.attributes["entryuuid"]
    got = read(server)
    entry.attributes = attributes
    assert got.is_whole() and len(got.users) == USERS
    assert [u["problem"] for u in got.users if "problem" in u] == ["has no entryUUID"]


def test_an_id_of_several_values_is_none(server):
    """Their order is the server's: tomorrow, the first one may be another."""
    entry = next(e for e in server.tree if e.values("uid"))
    mail = entry.values("mail")[0]
    for values in ([mail, b"second@example.org"], [b"second@example.org", mail]):
        entry.attributes["mail"] = ("mail", values)
        got = read(server, idAttribute="mail", groupFilter="(mail=*)")
        assert [(u["id"], u["problem"]) for u in got.users if "problem" in u] == [("", "has 2 values of mail: it cannot be the id")]
    entry.attributes["mail"] = ("mail", [mail])


def test_a_user_name_that_two_have_says_not_who_is_meant(server):
    first, second = [e for e in server.tree if e.values("uid")][:2]
    uid = second.attributes["uid"]
    group = next(e for e in server.tree if e.values("cn") == [b"team-00000"])
    group.attributes["memberuid"] = ("memberUid", first.values("uid"))
    more = {"usernameAttribute": "mail", "membershipAttribute": ["member", "memberUid"]}
    try:
        assert not any("problem" in g for g in read(server, **more).groups)
        second.attributes["uid"] = ("uid", [first.values("uid")[0].upper()])
        got = read(server, **more)
        assert {g["fields"]["name"][0]: g["problem"] for g in got.groups if "problem" in g} == {
            "team-00000": f"more than one user has the uid {first.values('uid')[0].decode()}, which memberUid names"}
        got = read(server, "--find", second.values("mail")[0].decode(), **more)
        assert got.error == "US_CONFIG" and "more than one user has the uid" in got.text
    finally:
        second.attributes["uid"] = uid
        del group.attributes["memberuid"]


def test_members_are_found_whatever_the_spelling_of_their_names(server):
    group = next(e for e in server.tree if e.values("cn") == [b"outer"])
    name, values = group.attributes["member"]
    before = read(server).members("outer")
    group.attributes["member"] = (name, [v.decode().upper().replace(",OU=", " ,  OU = ").encode() for v in values])
    after = read(server).members("outer")
    group.attributes["member"] = (name, values)
    assert before and after == before


def test_test_says_what_it_found(server):
    got = read(server, "--test")
    assert got.status == 0 and "connected to" in got.said and "users: 5 entries on the first page" in got.said
    server.faults.page_results[1] = 4
    assert read(server, "--test").error == "US_PARTIAL"


def test_mapped_attributes_are_asked_for(server):
    read(server, attributes=["employeeType"])
    assert any("employeeType" in wanted for _, _, wanted in server.requests)
