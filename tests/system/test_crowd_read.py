"""The reading side of the Crowd protocol, in XML and in JSON."""

import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from crowd import GROUPS, PEOPLE, ROOT, Awkward, Crowd, memberships
from scim import Scim
from server import Server

NAMES = {row[0]: row[1] for row in PEOPLE + GROUPS}
MEMBERS = {g[1]: {NAMES[m] for m in g[2]} for g in GROUPS}
GROUP_NAMES = set(MEMBERS)


def below(group, seen=()):
    """Groups below a group, by the table of the company alone."""
    found, rest = set(), [group]
    while rest:
        for child in MEMBERS[rest.pop()] & GROUP_NAMES:
            if child not in found:
                found.add(child)
                rest.append(child)
    return found


@pytest.fixture(scope="module")
def site():
    with Awkward() as company, Server() as server:
        connector = server.create("awkward", "file", company.configuration)
        run = server.sync(connector)
        assert (run["status"], run["addedCount"]) == ("DONE", len(PEOPLE)), run
        server.directory = connector["directoryId"]
        status, made = server.call("POST", "/application/", {"name": "wiki", "directories": [server.directory], "password": "open sesame"})
        assert status == 201, made
        yield server


@pytest.fixture(params=["xml", "json"])
def crowd(site, request):
    return Crowd(site, "wiki", "open sesame", request.param == "json")


def test_every_user_is_found_by_its_name_in_any_case(site, crowd):
    for _, name, full_name, mail, active in PEOPLE:
        for spelt in {name, name.upper()}:
            status, user = crowd.get("user", username=spelt)
            assert status == 200, user
            assert (user["name"], user["display-name"], user["email"], user["active"]) == (name, full_name, mail, active)
            assert user["link"]["rel"] == "self"
        path = urllib.parse.urlsplit(user["link"]["href"])
        answer = site.request("GET", f"{path.path}?{path.query}", headers={"Accept": "application/json"}, user="wiki", password="open sesame").json()
        assert answer["name"] == name
        assert crowd.get("user", key=user["key"])[1]["name"] == name


def test_what_is_not_there_is_told_with_its_reason(crowd):
    for path, query, status, reason in [
        ("user", {"username": "nobody"}, 404, "USER_NOT_FOUND"),
        ("user", {"key": "1:77"}, 404, "USER_NOT_FOUND"),
        ("user", {"key": "77:1"}, 404, "USER_NOT_FOUND"),
        ("user", {"key": "x"}, 404, "USER_NOT_FOUND"),
        ("user", {}, 400, "ILLEGAL_ARGUMENT"),
        ("user/attribute", {"username": "nobody"}, 404, "USER_NOT_FOUND"),
        ("group", {"groupname": "nothing"}, 404, "GROUP_NOT_FOUND"),
        ("group", {}, 400, "ILLEGAL_ARGUMENT"),
        ("user/group/direct", {"username": "nobody"}, 404, "USER_NOT_FOUND"),
        ("user/group/nested", {"username": "alice", "groupname": "nothing"}, 404, "GROUP_NOT_FOUND"),
        ("user/group/direct", {"username": "alice", "groupname": "everybody"}, 404, "MEMBERSHIP_NOT_FOUND"),
        ("group/user/direct", {"groupname": "nothing"}, 404, "GROUP_NOT_FOUND"),
        ("group/user/nested", {"groupname": "staff", "username": "nobody"}, 404, "USER_NOT_FOUND"),
        ("group/user/direct", {"groupname": "everybody", "username": "alice"}, 404, "MEMBERSHIP_NOT_FOUND"),
        ("search", {}, 400, "ILLEGAL_ARGUMENT"),
        ("search", {"entity-type": "car"}, 400, "ILLEGAL_ARGUMENT"),
        ("search", {"entity-type": "user", "restriction": "name = "}, 400, "ILLEGAL_ARGUMENT"),
        ("nowhere", {}, 404, "OPERATION_FAILED"),
    ]:
        got = crowd.get(path, **query)
        assert (got[0], got[1]["reason"]) == (status, reason), (path, query, got)
        assert got[1]["message"]


def test_wrong_methods_and_rights_are_refused(site, crowd):
    assert crowd.call("DELETE", "group/membership")[0] == 405
    assert site.call("POST", "/application/", {"name": "none", "directories": [site.directory], "rights": [], "password": "open sesame"})[0] in (201, 409)
    status, answer = Crowd(site, "none", "open sesame", crowd.json_wanted).get("user", username="alice")
    assert (status, answer["reason"]) == (403, "APPLICATION_PERMISSION_DENIED")


def test_wrong_credentials_are_401_and_a_wrong_address_403(site, crowd):
    for name, password in [("wiki", "wrong"), ("nobody", "open sesame"), ("admin", site.password)]:
        assert Crowd(site, name, password).get("user", username="alice")[0] == 401
    answer = site.request("GET", ROOT + "/user?username=alice", user=None)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.headers["X-Embedded-Crowd-Version"]
    site.call("POST", "/application/", {"name": "far", "directories": [site.directory], "password": "open sesame"})
    site.call("PUT", "/application/far", {"addresses": ["192.0.2.0/24"]})
    status, answer = Crowd(site, "far", "open sesame", crowd.json_wanted).get("user", username="alice")
    assert (status, answer["reason"]) == (403, "APPLICATION_ACCESS_DENIED") and "127.0.0.1" in answer["message"]
    site.call("PUT", "/application/far", {"addresses": ["192.0.2.0/24", "127.0.0.0/8"]})
    assert Crowd(site, "far", "open sesame").get("user", username="alice")[0] == 200


def test_a_token_opens_too_until_it_is_taken_away(site):
    site.call("POST", "/application/", {"name": "robot", "directories": [site.directory]})
    token = site.call("POST", "/application/robot/token")[1]["token"]
    assert site.request("GET", ROOT + "/user?username=alice", token=token).status == 200
    assert site.call("DELETE", "/application/robot/token")[0] == 204
    assert site.request("GET", ROOT + "/user?username=alice", token=token).status == 401


def test_a_changed_password_counts_at_once(site):
    site.call("POST", "/application/", {"name": "fickle", "directories": [site.directory], "password": "first one"})
    assert Crowd(site, "fickle", "first one").get("user", username="alice")[0] == 200
    site.call("PUT", "/application/fickle", {"password": "second one"})
    assert Crowd(site, "fickle", "first one").get("user", username="alice")[0] == 401
    assert Crowd(site, "fickle", "second one").get("user", username="alice")[0] == 200
    site.call("PUT", "/application/fickle", {"directories": []})
    assert Crowd(site, "fickle", "second one").get("user", username="alice")[0] == 404
    site.call("DELETE", "/application/fickle")
    assert Crowd(site, "fickle", "second one").get("user", username="alice")[0] == 401


def test_groups_and_members_are_those_of_the_company(crowd):
    for group, members in MEMBERS.items():
        nested = below(group)
        assert crowd.get("group", groupname=group)[1]["type"] == "GROUP"
        assert set(crowd.names("group/child-group/direct", groupname=group)) == members & GROUP_NAMES
        assert set(crowd.names("group/child-group/nested", groupname=group)) == nested
        assert set(crowd.names("group/user/direct", groupname=group)) == members - GROUP_NAMES
        assert set(crowd.names("group/user/nested", groupname=group)) == set().union(members, *(MEMBERS[g] for g in nested)) - GROUP_NAMES
        assert set(crowd.names("group/parent-group/direct", groupname=group)) == {g for g in MEMBERS if group in MEMBERS[g]}
        assert set(crowd.names("group/parent-group/nested", groupname=group)) == {g for g in MEMBERS if group in below(g)}
    for _, name, *_ in PEOPLE:
        direct = {g for g in MEMBERS if name in MEMBERS[g]}
        assert set(crowd.names("user/group/direct", username=name)) == direct
        nested = direct | {g for g in MEMBERS if below(g) & direct}
        assert set(crowd.names("user/group/nested", username=name)) == nested
        for group in MEMBERS:
            status, answer = crowd.get("user/group/nested", username=name, groupname=group)
            assert status == (200 if group in nested else 404), answer
            status, answer = crowd.get("group/user/nested", username=name, groupname=group.upper())
            assert status == (200 if group in nested else 404) and (status == 404 or answer["name"] == name), answer


def test_all_memberships_are_one_document(site):
    answer = site.request("GET", ROOT + "/group/membership", user="wiki", password="open sesame")
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert memberships(ET.fromstring(answer.body)) == {g: (m - GROUP_NAMES, m & GROUP_NAMES) for g, m in MEMBERS.items()}
    assert b"/>" not in answer.body


def test_lists_are_paged_and_expanded_as_asked(crowd):
    everybody = crowd.names("group/user/nested", groupname="everybody")
    pages = [crowd.names("group/user/nested", groupname="everybody", start_index=i, max_results=1) for i in range(len(everybody) + 1)]
    assert [name for page in pages for name in page] == everybody and pages[-1] == []
    assert crowd.names("group/user/nested", groupname="everybody", max_results=-1) == everybody
    assert crowd.names("group/user/nested", groupname="everybody", start_index="soon", max_results="many") == everybody
    assert crowd.names("group/user/nested", groupname="everybody", max_results=0) == []
    user = crowd.get("group/user/direct", groupname="staff", expand="user")[1]["users"][0]
    assert user["email"] == "alice@example.org"
    assert "email" not in crowd.get("group/user/direct", groupname="staff")[1]["users"][0]
    assert crowd.get("user/group/direct", username="alice", expand="attributes,group")[1]["groups"][0]["type"] == "GROUP"


SEARCHES = [
    ("user", None, {p[1] for p in PEOPLE}),
    ("group", None, GROUP_NAMES),
    ("user", "name = alice", {"alice"}),
    ("user", "name = ALICE", {"alice"}),
    ("user", "name = nobody", set()),
    ("user", "active = false", {"o'neil"}),
    ("user", r"name = 'O\'NEIL'", {"o'neil"}),
    ("user", 'email = "*@example.org" and active = true', {p[1] for p in PEOPLE if p[4]}),
    ("user", "name = alice or (displayName = 'Jürgen*' and active = true)", {"alice", "jürgen"}),
    ("user", "name = алиса or name = ДМИТРИЙ", {"дмитрий"}),
    ("user", "createdDate > 2020-01-01", {p[1] for p in PEOPLE}),
    ("user", "createdDate < 2020-01-01", set()),
    ("group", "name = loop*", {"loop a", "loop b"}),
    ("group", "name = 'R&D <lab>'", {"R&D <lab>"}),
]


@pytest.mark.parametrize("entity, cql, expected", SEARCHES)
def test_searches_find_what_they_say(crowd, entity, cql, expected):
    query = {"entity-type": entity, "max-results": -1, **({"restriction": cql} if cql else {})}
    found = crowd.names("search", **query)
    assert len(found) == len(set(found)) and set(found) == expected
    if expected:
        expanded = crowd.get("search", expand=entity, **query)[1]
        assert {item["name"] for item in expanded[entity + "s"]} == expected and all("active" in item for item in expanded[entity + "s"])
    window = {**query, "max-results": 2}
    pages = [crowd.names("search", **{**window, "start-index": i}) for i in range(0, len(expected) + 2, 2)]
    assert [name for page in pages for name in page] == found


def test_searches_come_in_bodies_too(crowd):
    all_xml = "<null-search-restriction/>"
    one_xml = ("<property-search-restriction><property><name>name</name><type>STRING</type></property><match-mode>EXACTLY_MATCHES</match-mode>"
               "<value>alice</value></property-search-restriction>")
    both_xml = ("<boolean-search-restriction boolean-logic='or'><restrictions>" + one_xml + one_xml.replace("alice", "bob") +
                "</restrictions></boolean-search-restriction>")
    one_json = '{"property":{"name":"name","type":"STRING"},"match-mode":"EXACTLY_MATCHES","value":"alice","restriction-type":"property-search-restriction"}'
    for body, expected in [(all_xml, {p[1] for p in PEOPLE}), (one_xml, {"alice"}), (both_xml, {"alice", "Bob"}), (one_json, {"alice"}),
                           ('{"restriction-type":"null-search-restriction"}', {p[1] for p in PEOPLE})]:
        status, answer = crowd.call("POST", "search", body, entity_type="user", max_results=-1)
        assert status == 200, answer
        assert {u["name"] for u in answer["users"]} == expected


@pytest.mark.parametrize("body", [
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><null-search-restriction>&e;</null-search-restriction>",
    "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><null-search-restriction>&b;</null-search-restriction>",
    "<boolean-search-restriction boolean-logic='or'><restrictions>" * 100 + "</restrictions></boolean-search-restriction>" * 100,
    "<null-search-restriction>", "{", '{"restriction-type":"none"}', "plain", "<cat/>",
])
def test_hostile_bodies_are_refused(crowd, body):
    status, answer = crowd.call("POST", "search", body, entity_type="user")
    assert status in (400, 413) and answer["reason"] == "ILLEGAL_ARGUMENT", answer


def test_the_first_directory_wins_on_equal_names(site, crowd):
    people = [("a1", "ALICE", "Another Alice", "other@example.org", True), ("a2", "zoe", "Zoë", "zoe@example.org", True)]
    groups = [("b1", "Staff", ["a1", "a2"]), ("b2", "extra", ["a1", "a2", "b1"])]
    with Awkward(people, groups) as second:
        status, connector = site.call("POST", "/usersync/connector/", {"name": "second-" + str(crowd.json_wanted), "type": "file",
                                                                       "configuration": second.configuration})
        assert status == 201, connector
        assert site.sync(connector)["status"] == "DONE"
        for name, order in [("first", [site.directory, connector["directoryId"]]), ("last", [connector["directoryId"], site.directory])]:
            site.call("POST", "/application/", {"name": name, "password": "open sesame"})
            assert site.call("PUT", f"/application/{name}", {"directories": order})[0] == 200
        first, last = (Crowd(site, name, "open sesame", crowd.json_wanted) for name in ("first", "last"))
        assert first.get("user", username="alice")[1]["email"] == "alice@example.org"
        assert last.get("user", username="alice")[1]["email"] == "other@example.org"
        for one, alice in [(first, "alice"), (last, "ALICE")]:
            found = one.names("search", **{"entity-type": "user", "max-results": -1})
            assert sorted(found) == sorted([alice, "zoe", *[p[1] for p in PEOPLE if p[1] != "alice"]])
            assert sorted(name.lower() for name in one.names("search", **{"entity-type": "group", "max-results": -1})) == \
                sorted({g.lower() for g in GROUP_NAMES} | {"extra"})
        # the second directory's Alice is not seen: her membership is not the first one's
        assert set(first.names("group/user/direct", groupname="extra")) == {"zoe"}
        assert set(first.names("group/user/direct", groupname="staff")) == {"alice", "Bob", "zoe"}
        assert set(first.names("user/group/direct", username="alice")) == {"staff"}
        assert set(last.names("user/group/direct", username="alice")) == {"Staff", "extra"}
        answer = site.request("GET", ROOT + "/group/membership", user="first", password="open sesame")
        got = memberships(ET.fromstring(answer.body))
        assert got["extra"][0] == {"zoe"} and got["staff"][0] == {"alice", "Bob", "zoe"} and len(got) == len(MEMBERS) + 1


def test_a_group_that_was_renamed_has_its_name_in_every_list_at_once():
    long_name = "a name too long to be kept at hand, " * 3
    people, names = PEOPLE[:1], ["one", "two", long_name, "three"]
    with Awkward(people, [("g1", names[0], ["1"])]) as company, Awkward(people, [("h1", "other", ["1"])]) as second, Server() as server:
        connectors = [server.create(name, "file", c.configuration) for name, c in [("first", company), ("second", second)]]
        directories = [c["directoryId"] for c in connectors]
        for connector in connectors:
            assert server.sync(connector)["status"] == "DONE"
        for app, order in [("first", directories), ("second", directories[::-1])]:
            assert server.call("POST", "/application/", {"name": app, "directories": order, "password": "open sesame"})[0] == 201

        def said():
            crowd, other, scim = (Crowd(server, "first", "open sesame"), Crowd(server, "second", "open sesame"),
                                  Scim(server, directories[0], "first", "open sesame"))
            lists = [crowd.names("user/group/direct", username="alice"), crowd.names("user/group/nested", username="alice"),
                     [g["display"] for g in scim.list("Users", filter='userName eq "alice"')["Resources"][0]["groups"]],
                     [u["userName"] for u in scim.list("Users", filter=f'groups.display eq "{crowd.names("user/group/direct", username="alice")[0]}"')["Resources"]]]
            assert lists[-1] == ["alice"]
            # the other directory's group has the same number
            assert other.names("user/group/direct", username="alice") == ["other"]
            return lists[:-1]

        for name in names:
            company.write(people, [("g1", name, ["1"])])
            assert server.sync(connectors[0])["status"] == "DONE"
            assert said() == said() == [[name]] * 3
        # and back, by an undo
        run = server.call("GET", f"/usersync/connector/{connectors[0]['uniqueId']}/syncstatus")[1]["id"]
        status, undone = server.call("POST", f"/usersync/syncstatus/{run}/undo")
        assert status == 202 and server.wait(undone["id"])["status"] == "DONE", undone
        assert said() == [[long_name]] * 3


def test_last_use_is_written_down(site):
    site.stop()
    site.start()
    assert site.call("GET", "/application/wiki")[1]["lastUsed"]


def test_links_and_cookie_are_those_of_the_proxy_in_front(site):
    site.call("POST", "/application/", {"name": "proxied", "directories": [site.directory], "rights": ["read", "authenticate"], "password": "open sesame"})

    def ask(path, forwarded):
        headers = {"Accept": "application/json", "Host": "users.example.org", **({"X-Forwarded-Proto": forwarded} if forwarded else {})}
        return site.request("GET", path, None, headers, user="proxied", password="open sesame").json()

    for forwarded, scheme in [(None, "http"), ("http", "http"), ("https", "https"), ("HTTPS, http", "https"), ("gopher", "http"), ("", "http")]:
        assert ask(f"{ROOT}/config/cookie", forwarded)["secure"] is (scheme == "https")
        assert ask(f"{ROOT}/user?username=alice", forwarded)["link"]["href"].startswith(f"{scheme}://users.example.org/crowd/")
        [user] = ask(f"/scim/v2/{site.directory}/Users?filter=userName%20eq%20%22alice%22", forwarded)["Resources"]
        assert user["meta"]["location"].startswith(f"{scheme}://users.example.org/scim/v2/")
