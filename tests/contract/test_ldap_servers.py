"""The LDAP source against real servers: OpenLDAP, 389 Directory Server, the tree of FreeIPA, Active Directory by Samba.

One server of each kind for the whole file, started when the first test asks for it. Tests that change it put it back.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import textwrap

import ds389
import pytest
import rig
import sambaad
import slapd
from dump import dump
from sources import CHECKS, run_contract

USERS = 60
KINDS = ["openldap", "389ds", "freeipa", "ad"]
IDS = {"openldap": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "389ds": r"[0-9a-f]{8}(-[0-9a-f]{8}){3}",
       "freeipa": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ad": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}


def company(styles=("member",), **more):
    return rig.Company(seed=11, users=USERS, groups=12, awkward=20, disabled_pct=15, styles=styles, **more)


MAKE = {
    "openldap": lambda: slapd.Slapd(company(("member", "uniqueMember", "memberUid")), memberof=True),
    "389ds": lambda: ds389.Ds389(company(("member", "uniqueMember", "memberUid")), memberof=True),
    "freeipa": lambda: ds389.Ds389(company(), layout="ipa"),
    "ad": lambda: sambaad.SambaAd(company()),
}


@pytest.fixture(name="servers", scope="module")
def fixture_servers():
    with contextlib.ExitStack() as stack:
        running = {}

        def get(kind):
            if kind not in running:
                running[kind] = stack.enter_context(MAKE[kind]())
            return running[kind]
        yield get


@pytest.fixture(name="kind", params=KINDS)
def fixture_kind(request):
    return request.param


@pytest.fixture(name="server")
def fixture_server(servers, kind):
    return servers(kind)


def configuration(server, kind, **more):
    settings = {"url": server.url, "schema": kind, "bindDn": server.bind_dn, "bindPassword": server.bind_password,
                "baseDn": server.base, "timeoutSeconds": 20}
    if kind != "freeipa":
        settings |= {"userBaseDn": server.users_base, "groupBaseDn": server.groups_base}
    return {**settings, **more}


def read(server, kind, *options, **more):
    return dump("ldap", configuration(server, kind, **more), *options)


def login(server, user):
    return server.login(user) if hasattr(server, "login") else user.uid


def pem(path):
    with open(path, encoding="ascii") as stream:
        return stream.read()


def test_contract(server, kind):
    """What all sources keep to; see source_contract.c."""
    name = login(server, server.company.users[server.company.groups[0].users[0]])
    key = read(server, kind).user(name)["id"]
    done = run_contract("ldap", configuration(server, kind, pageSize=10), name, key, "nobody.at.all", "12345678-1234-1234-1234-123456789012")
    assert done == CHECKS


# --- reading ----------------------------------------------------------------------------------------------------------

def test_every_user_is_read_with_its_attributes(server, kind):
    got = read(server, kind)
    assert got.error is None and got.is_whole()
    assert {u["fields"]["username"][0] for u in got.users} == {login(server, u) for u in server.company.users}
    for wanted in server.company.users:
        user = got.user(login(server, wanted))
        assert user["fields"]["mail"] == [wanted.mail] and user["fields"]["sn"] == [wanted.family]
        assert user["fields"]["givenName"] == [wanted.given]
        assert user["active"] == ("no" if wanted.disabled else "yes"), wanted.uid
        assert re.fullmatch(IDS[kind], user["id"]), user["id"]
    assert len({u["id"] for u in got.users}) == USERS and len({u["ref"] for u in got.users}) == USERS
    assert any(u.disabled for u in server.company.users)


def test_every_membership_is_read_nested_ones_and_cycles_too(server, kind):
    got = read(server, kind)
    assert {g["fields"]["name"][0] for g in got.groups} == {g.name for g in server.company.groups}
    for group in server.company.groups:
        wanted = {login(server, server.company.users[i]) for i in group.users}
        nested = {server.company.groups[i].name for i in group.groups}
        if kind == "ad":
            nested -= {group.name}      # it refuses a group that is its own member
        assert got.members(group.name) == wanted | nested, group.name


@pytest.mark.parametrize("size", [1, USERS - 1, USERS, USERS + 1, 7])
def test_page_edges(server, kind, size):
    got = read(server, kind, pageSize=size)
    assert got.error is None and got.is_whole() and len(got.users) == USERS
    assert got.listings["users"]["signal"] == "success with an empty paging cookie"


def test_binds_and_searches_are_bounded(server, kind):
    got = read(server, kind, pageSize=10)
    pages = sum(row["pages"] for row in got.listings.values())
    assert got.counters["binds"] == 1
    # Active Directory: one search more for each primary group that occurs.
    assert got.counters["searches"] <= pages + (1 if kind == "ad" else 0)


def test_reading_twice_gives_the_same(server, kind):
    first, second = read(server, kind), read(server, kind)
    key = lambda r: (r["kind"], r["id"])  # noqa: E731
    assert sorted(first.records, key=key) == sorted(second.records, key=key)


# --- one user ---------------------------------------------------------------------------------------------------------

def test_one_user_is_as_in_the_listing(server, kind):
    whole = read(server, kind)
    for wanted in (server.company.users[0], server.company.users[2], server.company.users[-1]):
        got = read(server, kind, "--find", login(server, wanted))
        assert got.error is None
        user, listed = got.users[0], whole.user(login(server, wanted))
        assert {k: v for k, v in user.items() if k != "groups"} == {k: v for k, v in listed.items() if k != "groups"}
        groups = {g["ref"] for g in whole.groups if listed["ref"] in g["members"]} | (set(listed["groups"]) & {g["ref"] for g in whole.groups})
        assert set(user["groups"]) == groups == {g["ref"] for g in got.groups}
        assert {g["id"] for g in got.groups} == {g["id"] for g in whole.groups if g["ref"] in groups}
        assert read(server, kind, "--find-id", listed["id"]).users[0]["id"] == listed["id"]


def test_one_user_costs_a_bounded_number_of_searches(server, kind):
    got = read(server, kind, "--find", login(server, server.company.users[0]))
    assert got.counters["binds"] == 1 and got.counters["searches"] <= 4


def test_nobody_is_not_found(server, kind):
    assert read(server, kind, "--find", "nobody.at.all").error == "US_NOT_FOUND"


def test_lookups_ignore_case(server, kind):
    name = login(server, server.company.users[5])
    assert read(server, kind, "--find", name.upper()).users[0]["fields"]["username"] == [name]


# --- changes ----------------------------------------------------------------------------------------------------------

def test_a_renamed_user_keeps_its_id_and_its_memberships_are_the_servers(server, kind):
    user = rig.User("ren.amed", "Ren", "Amed", "Amed, Ren", "r@example.org", "Sales", awkward=True)
    dn = server.add_user(user)
    try:
        before = read(server, kind).user("ren.amed")
        rdn = dn.split("=")[0]
        new_dn = f"{rdn}=other name,{server.users_base}"
        server.rename(dn, f"{rdn}=other name")
        dn = new_dn
        after = [u for u in read(server, kind).users if u["id"] == before["id"]]
        assert len(after) == 1 and after[0]["ref"] == new_dn.lower() and before["ref"] != after[0]["ref"]
    finally:
        server.delete(dn)
    assert before["id"] not in {u["id"] for u in read(server, kind).users}


def test_an_account_is_switched_off_and_on(server, kind):
    user = next(u for u in server.company.users if not u.disabled)
    server.set_disabled(user, True)
    try:
        assert read(server, kind).user(login(server, user))["active"] == "no"
        assert read(server, kind, "--find", login(server, user)).users[0]["active"] == "no"
    finally:
        server.set_disabled(user, False)
    assert read(server, kind).user(login(server, user))["active"] == "yes"


def test_too_many_wrong_passwords_do_not_switch_an_account_off(servers):
    server = servers("openldap")
    user = next(u for u in server.company.users if not u.disabled)
    server.modify(server.user_dn(user), ("replace", "pwdAccountLockedTime", ["20250301101530Z"]))
    try:
        assert read(server, "openldap").user(user.uid)["active"] == "yes"
    finally:
        server.set_disabled(user, False)


# --- the line ---------------------------------------------------------------------------------------------------------

def test_ldaps_and_starttls_with_the_servers_authority(server, kind):
    for more in ({"url": server.ldaps_url}, {"startTls": True}):
        got = read(server, kind, caCertificate=pem(server.ca), **more)
        assert got.error is None and got.is_whole() and len(got.users) == USERS


def test_certificates_of_another_authority_are_refused(server, kind, tmp_path):
    other = rig.Ca(tmp_path / "other")
    for more in ({"url": server.ldaps_url}, {"startTls": True}):
        for authority in (pem(other.pem), ""):
            got = read(server, kind, caCertificate=authority, **more)
            assert got.error == "US_TLS" and "which nobody here trusts" in got.text and "caCertificate" in got.text and not got.records
            assert got.counters["binds"] == 0
        assert read(server, kind, verify=False, caCertificate=pem(other.pem), **more).is_whole()


def test_a_certificate_for_another_host_is_refused(servers, tmp_path):
    authority = rig.Ca(tmp_path / "ca")
    issue = authority.issue
    authority.issue = lambda: issue("elsewhere", ("DNS:elsewhere.example.org",))
    with slapd.Slapd(rig.Company(users=3, groups=1, nested=False), ca=authority) as server:
        got = read(server, "openldap", url=server.ldaps_url, caCertificate=pem(server.ca))
        assert got.error == "US_TLS" and "does not name 127.0.0.1, but elsewhere.example.org" in got.text
        assert got.counters["binds"] == 0


def test_a_certificate_that_expired_is_refused(tmp_path):
    authority = rig.Ca(tmp_path / "ca")
    authority.issue = authority.issue_expired
    with slapd.Slapd(rig.Company(users=3, groups=1, nested=False), ca=authority) as server:
        for more in ({"url": server.ldaps_url}, {"startTls": True}):
            got = read(server, "openldap", caCertificate=pem(server.ca), **more)
            assert got.error == "US_TLS" and "expired on 2021-01-01" in got.text and got.counters["binds"] == 0


def test_the_wrong_port_is_told(servers):
    server = servers("openldap")
    got = read(server, "openldap", url=server.url.replace("ldap:", "ldaps:"))
    assert got.error == "US_TLS" and "does the server speak TLS" in got.text
    for more in ({}, {"startTls": True}):
        got = read(server, "openldap", url=server.ldaps_url.replace("ldaps:", "ldap:"), **more)
        assert got.error in ("US_UNAVAILABLE", "US_PROTOCOL") and got.text and not got.is_whole()


def test_settings_of_one_session_do_not_touch_another(servers):
    """One process, two sources: an unverified one first."""
    server = servers("openldap")
    assert read(server, "openldap", url=server.ldaps_url, verify=False).is_whole()
    assert read(server, "openldap", url=server.ldaps_url, caCertificate=pem(server.ca)).is_whole()


def test_wrong_password_and_unknown_account(server, kind):
    for more in ({"bindPassword": "wrong"}, {"bindDn": f"cn=nobody,{server.base}"}):
        got = read(server, kind, **more)
        assert got.error == "US_DENIED" and "refused" in got.text and not got.records and not got.is_whole()
        assert got.counters["binds"] == 1
    if kind == "ad":
        assert "wrong password" in read(server, kind, bindPassword="wrong").text


def test_no_such_base(server, kind):
    for more in ({"userBaseDn": f"ou=nowhere,{server.base}"}, {"groupBaseDn": f"ou=nowhere,{server.base}"}):
        got = read(server, kind, **more)
        assert got.error == "US_CONFIG" and got.native == 32 and "ou=nowhere" in got.text and not got.is_whole()
    assert read(server, kind, "--find", "x", userBaseDn=f"ou=nowhere,{server.base}").error == "US_CONFIG"


def test_a_server_that_was_stopped_is_told_and_found_again(servers):
    server = servers("openldap")
    server.halt()
    try:
        got = read(server, "openldap")
        assert got.error == "US_UNAVAILABLE" and "connection refused" in got.text
    finally:
        server.launch()
    assert read(server, "openldap").is_whole()


def test_test_tells_what_is_there(server, kind):
    got = read(server, kind, "--test")
    assert got.status == 0 and f"users: {USERS} entries" in got.said and server.url in got.said


# --- limits -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("limits, error, text", [
    ("size=7", "US_PARTIAL", "olcLimits"), ("size.prtotal=20", "US_PARTIAL", "size limit"), ("size.prtotal=disabled", "US_CONFIG", "paged results"),
    ("size.soft=7 size.hard=9", "US_PARTIAL", "size limit"), ("size.unchecked=1", "US_PARTIAL", "limit"),
])
def test_limits_of_openldap_cut_a_listing_short(servers, limits, error, text):
    server = servers("openldap")
    server.set_limits(limits)
    try:
        got = read(server, "openldap", pageSize=5)
    finally:
        server.set_limits("size=unlimited time=unlimited")
    assert got.error == error and text in got.text and not got.is_whole() and len(got.users) < USERS


@pytest.mark.parametrize("limits, native", [({"size": 7, "paged_size": 7}, 4), ({"lookthrough": 10}, 11)])
def test_limits_of_389ds_cut_a_listing_short(servers, limits, native):
    server = servers("389ds")
    server.set_limits(**limits)
    try:
        got = read(server, "389ds")
    finally:
        server.set_limits()
    assert got.error == "US_PARTIAL" and got.native == native and not got.is_whole() and len(got.users) < USERS


def test_an_account_that_may_not_read_the_id_is_told():
    """389-ds tells nsAccountLock and nsUniqueId to nobody but those that it was told to tell."""
    with ds389.Ds389(rig.Company(users=5, groups=1, nested=False), anonymous=False) as server:
        server.modify(server.base, ("replace", "aci", ['(targetattr = "uid || cn || objectClass")(version 3.0; acl "little"; '
                                                      'allow (read, search) userdn = "ldap:///all";)']))
        got = read(server, "389ds", idAttribute="entryUUID")
        assert got.error == "US_DENIED" and "entryUUID" in got.text and not got.is_whole()


def test_anonymous_reading_and_its_refusal():
    few = rig.Company(users=3, groups=1, nested=False)
    for anonymous in (True, False):
        with slapd.Slapd(few, anonymous=anonymous) as server:
            got = read(server, "openldap", bindDn="", bindPassword="")
            assert got.counters["binds"] == 0
            if anonymous:
                assert got.is_whole() and len(got.users) == 3
            else:
                assert got.error is not None and not got.is_whole()


def test_active_directory_does_not_serve_strangers(servers):
    got = read(servers("ad"), "ad", bindDn="", bindPassword="")
    assert got.error == "US_DENIED" and "bindDn" in got.text and not got.is_whole()


# --- the documentation -------------------------------------------------------------------------------------------------

def documented(what):
    """The LDIF that docs/connectors/ldap.md tells an admin to apply, for the tree of the tests."""
    page = (pathlib.Path(__file__).parents[2] / "docs/connectors/ldap.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^   ```ldif {what}\n(.*?)^   ```$", page, re.S | re.M)
    return textwrap.dedent(block).replace("dc=example,dc=com", "dc=example,dc=org")


def test_the_documented_account_of_openldap_reads_all():
    with slapd.Slapd(rig.Company(users=600, groups=3, nested=False), anonymous=False) as server:
        settings = configuration(server, "openldap", bindDn=f"cn=usersync,{server.base}", bindPassword="secret")
        assert dump("ldap", settings).error == "US_DENIED"
        server.apply_ldif(documented("openldap tree"))
        assert not dump("ldap", settings).is_whole()
        server.apply_ldif(documented("openldap config"), server.config_dn)
        got = dump("ldap", {**settings, "attributes": ["userPassword"]})
        assert got.is_whole() and len(got.users) == 600 and len(got.groups) == 3, got.text
        assert not any("userPassword" in user["fields"] for user in got.users)


def test_the_documented_account_of_389ds_reads_all():
    with ds389.Ds389(rig.Company(seed=4, users=60, groups=3, nested=False, disabled_pct=30), anonymous=False) as server:
        settings = configuration(server, "389ds", bindDn=f"cn=usersync,{server.base}", bindPassword="secret")
        account, rule = documented("389ds").split("\n\n", 1)
        server.apply_ldif(account + "\n\n")
        server.modify(server.base, ("replace", "aci", []))
        got = dump("ldap", settings)
        assert got.error == "US_DENIED" and not got.is_whole(), got.text
        server.apply_ldif(rule)
        got = dump("ldap", settings)
        assert got.is_whole() and len(got.users) == 60 and len(got.groups) == 3, got.text
        assert {u["fields"]["username"][0] for u in got.users if u["active"] == "no"} == {u.uid for u in server.company.users if u.disabled} != set()


# --- membership styles ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["openldap", "389ds", "freeipa", "ad"])
def test_member_of_gives_the_same_memberships_as_member(servers, kind):
    server = servers(kind)
    by_group = read(server, kind, membershipAttribute="member")
    by_user = read(server, kind, membershipAttribute="memberOf")
    assert all(g["members"] == [] for g in by_user.groups)
    for group in server.company.groups:
        if group.style == "member":
            users = {login(server, server.company.users[i]) for i in group.users}
            assert {n for n in by_user.members(group.name) if n in users or n not in {g.name for g in server.company.groups}} >= users
            assert by_group.members(group.name) >= users
    found = read(server, kind, "--find", login(server, server.company.users[0]), membershipAttribute="memberOf")
    assert found.users[0]["groups"] and {g["ref"] for g in found.groups} == set(found.users[0]["groups"])


@pytest.mark.parametrize("name", ["Straße", "ÅNGSTRÖM ﬁne", "a  b"])
@pytest.mark.parametrize("kind", ["openldap", "389ds"])
def test_one_user_keeps_groups_whose_names_have_more_than_one_spelling(servers, kind, name):
    """Names are compared in a form of our own, which is not the server's: asked for by it, such a group looks as if it were gone."""
    server = servers(kind)
    member = server.user_dn(server.company.users[0])
    group = f"cn={name},{server.groups_base}"
    server.add(group, {"objectClass": "groupOfNames", "cn": name, "member": member})
    try:
        listed = read(server, kind, membershipAttribute="memberOf")
        found = read(server, kind, "--find", login(server, server.company.users[0]), membershipAttribute="memberOf")
    finally:
        server.delete(group)
    assert any(name.split()[0] in g["fields"]["name"][0] for g in found.groups)
    user = next(u for u in listed.users if u["id"] == found.users[0]["id"])
    assert sorted(found.users[0]["groups"]) == sorted(user["groups"])


def test_scope_one_sees_direct_children_only(servers):
    server = servers("openldap")
    inner = f"ou=inner,{server.users_base}"
    server.add(inner, {"objectClass": "organizationalUnit", "ou": "inner"})
    server.add(f"uid=deep,{inner}", {"objectClass": "inetOrgPerson", "uid": "deep", "cn": "Deep", "sn": "Deep"})
    try:
        assert len(read(server, "openldap").users) == USERS + 1
        assert len(read(server, "openldap", scope="one").users) == USERS
        several = read(server, "openldap", scope="one", userBaseDn=[inner, server.users_base])
        assert len(several.users) == USERS + 1 and len(several.listings) == 3
        assert read(server, "openldap", "--find", "deep", scope="one", userBaseDn=[inner, server.users_base]).error is None
        assert read(server, "openldap", "--find", "deep", scope="one").error == "US_NOT_FOUND"
    finally:
        server.delete(f"uid=deep,{inner}", inner)


def test_referral_objects_hide_rows(servers):
    server = servers("openldap")
    dn = f"ou=away,{server.users_base}"
    server.apply_ldif(f"dn: {dn}\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nou: away\n"
                      "ref: ldap://elsewhere.example.org/ou=away\n\n")
    try:
        got = read(server, "openldap")
        assert got.error == "US_PARTIAL" and "elsewhere.example.org" in got.text and not got.is_whole()
        assert read(server, "openldap", ignoreReferrals=True).is_whole()
    finally:
        text = f"dn: {dn}\nchangetype: delete\n\n"
        rig.run("ldapmodify", "-x", "-M", "-H", server.url, "-D", server.admin_dn, "-w", server.admin_password, stdin=text.encode())


# --- Active Directory -------------------------------------------------------------------------------------------------

def test_the_primary_group_is_a_membership(servers):
    server = servers("ad")
    group = next(g for g in server.company.groups if g.users)
    index = group.users[0]
    name = login(server, server.company.users[index])
    with_domain_users = {"groupBaseDn": server.base}
    got = read(server, "ad", **with_domain_users)
    assert {login(server, u) for u in server.company.users} <= got.members("Domain Users")
    server.set_primary_group(server.company.users[index], group)
    try:
        got = read(server, "ad", **with_domain_users)
        assert name in got.members(group.name) and name in got.members("Domain Users")
        found = read(server, "ad", "--find", name)
        assert group.name in {g["fields"]["name"][0] for g in found.groups}
    finally:
        server.modify(server.user_dn(server.company.users[index]), ("replace", "primaryGroupID", ["513"]))
    assert name in read(server, "ad").members(group.name)


def test_computers_are_no_users(servers):
    server = servers("ad")
    got = read(server, "ad", userBaseDn=server.base)
    names = {u["fields"]["username"][0] for u in got.users}
    assert "Administrator" in names and "DC1$" not in names


@pytest.mark.parametrize("pieces", [0, 1500, 1000, 3001])
def test_groups_of_thousands_are_read_whole(pieces, big_ad):
    got = read(big_ad, "ad", memberRangeSize=pieces, membershipAttribute="member")
    assert got.error is None and got.is_whole()
    for size in (1499, 1500, 1501, 3001):
        assert len(got.members(f"big-{size}")) == size
    assert got.counters["binds"] == 1 and got.counters["searches"] <= 20


@pytest.fixture(name="big_ad", scope="module")
def fixture_big_ad():
    with sambaad.SambaAd(rig.Company(seed=3, users=3010, groups=0, big=(1499, 1500, 1501, 3001), nested=False)) as server:
        yield server


# --- size -------------------------------------------------------------------------------------------------------------

def test_a_large_group_and_many_pages_need_little_memory():
    with slapd.Slapd(rig.Company(users=20000, groups=200, memberships=200000, big=(20000,), nested=False)) as server:
        got = read(server, "openldap", "--quiet")
        assert got.is_whole() and got.counters["records"] == 20201 and got.counters["links"] == 220000
        if "asan" not in os.environ.get("USERSYNC_BUILD", ""):
            assert got.counters["peakKilobytes"] < 60000


def test_the_company_of_the_rig_is_the_same_each_time():
    one, two = company(), company()
    assert [dataclasses.astuple(u) for u in one.users] == [dataclasses.astuple(u) for u in two.users]
