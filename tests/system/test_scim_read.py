"""The reading side of SCIM."""

import itertools
import json

import pytest
from crowd import GROUPS, PEOPLE, Awkward
from scim import MAPPING, URN_ENTERPRISE, URN_GROUP, URN_LIST, URN_USER, Scim
from server import Server

NAMES = {row[0]: row[1] for row in PEOPLE + GROUPS}
# In the order of folded names.
USERS = sorted((p[1] for p in PEOPLE), key=str.casefold)
GROUP_NAMES = sorted((g[1] for g in GROUPS), key=str.casefold)


@pytest.fixture(scope="module")
def site():
    with Awkward() as company, Server() as server:
        connector = server.create("awkward", "file", {**company.configuration, "mapping": MAPPING})
        run = server.sync(connector)
        assert (run["status"], run["addedCount"]) == ("DONE", len(PEOPLE)), run
        server.connector = connector
        server.directory = connector["directoryId"]
        status, made = server.call("POST", "/application/", {"name": "wiki", "directories": [server.directory], "password": "open sesame"})
        assert status == 201, made
        yield server


@pytest.fixture
def scim(site):
    return Scim(site, site.directory, "wiki", "open sesame")


def test_a_user_has_what_the_directory_knows(site, scim):
    found = scim.list(filter='userName eq "ALICE"')
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (1, 1, 1)
    user = found["Resources"][0]
    groups = {g["display"]: g for g in user.pop("groups")}
    meta = user.pop("meta")
    base = f"{site.url}/scim/v2/{site.directory}"
    assert user == {
        "schemas": [URN_USER, URN_ENTERPRISE], "id": user["id"], "externalId": "1", "userName": "alice", "displayName": "Alice Ampère",
        "name": {"formatted": "Alice Ampère", "givenName": "alice", "familyName": "1"}, "active": True,
        "emails": [{"value": "alice@example.org", "type": "work", "primary": True}], "title": "Title of Alice Ampère",
        "phoneNumbers": [{"value": "1"}], URN_ENTERPRISE: {"department": "Lab \"A\""}}
    assert set(groups) == {"staff"}
    assert groups["staff"]["type"] == "direct" and groups["staff"]["$ref"] == f"{base}/Groups/{groups['staff']['value']}"
    assert meta["resourceType"] == "User" and meta["location"] == f"{base}/Users/{user['id']}"
    assert meta["created"] <= meta["lastModified"] and meta["created"].endswith("Z") and meta["version"].startswith('W/"')
    status, again = scim.get(f"Users/{user['id']}")
    assert status == 200 and again == {**user, "groups": list(groups.values()), "meta": meta}
    assert scim.headers["ETag"] == meta["version"]


def test_every_object_is_found_by_name_id_and_external_id(scim):
    for path, key, rows in [("Users", "userName", PEOPLE), ("Groups", "displayName", GROUPS)]:
        for row in rows:
            said = json.dumps(row[1])
            one = scim.list(path, filter=f"{key} eq {said}")["Resources"]
            assert [o[key] for o in one] == [row[1]]
            assert one == scim.list(path, filter=f'id eq "{one[0]["id"]}"')["Resources"]
            assert one == scim.list(path, filter=f'externalId eq "{row[0]}" and {key} pr')["Resources"]
            assert one == [scim.get(f"{path}/{one[0]['id']}")[1]]


def test_groups_have_the_members_of_the_company(scim):
    ids = {u["id"]: u["userName"] for u in scim.list()["Resources"]}
    groups = scim.list("Groups")["Resources"]
    ids.update({g["id"]: g["displayName"] for g in groups})
    assert len(ids) == len(PEOPLE) + len(GROUPS)
    for row, group in zip(sorted(GROUPS, key=lambda g: g[1].casefold()), groups):
        members = group.get("members", [])
        assert group["schemas"] == [URN_GROUP] and group["displayName"] == row[1]
        assert {ids[m["value"]] for m in members} == {NAMES[m] for m in row[2]} == {m["display"] for m in members}
        assert all(m["type"] == ("Group" if m["display"] in GROUP_NAMES else "User") for m in members)
        assert all(m["$ref"].endswith(f"/{m['type']}s/{m['value']}") for m in members)


def test_a_membership_can_be_asked_for_without_reading_the_members(scim):
    staff = scim.list("Groups", filter='displayName eq "staff"')["Resources"][0]
    alice = scim.list(filter='userName eq "alice"')["Resources"][0]
    sara = scim.list(filter='externalId eq "6"')["Resources"][0]
    night = scim.list("Groups", filter='displayName eq "night shift"')["Resources"][0]
    for member, there in [(alice["id"], 1), (night["id"], 1), (sara["id"], 0), ("u999", 0), ("nobody", 0)]:
        found = scim.list("Groups", filter=f'id eq "{staff["id"]}" and members eq "{member}"', excludedAttributes="members")
        assert found["totalResults"] == there
        assert not there or "members" not in found["Resources"][0]
    assert set(scim.names("Groups", filter=f'members.value eq "{alice["id"]}"')) == {"staff"}
    assert set(scim.names("Groups", filter='members[type eq "Group"]')) == {"everybody", "staff", "R&D <lab>", "loop a", "loop b"}
    assert scim.names("Groups", filter="not (members pr)") == scim.names("Groups", filter="members eq null") == ["empty"]
    assert scim.names("Users", filter=f'groups eq "{staff["id"]}"') == ["alice", "Bob"]
    # all that is shown of a member can be asked for
    for one in staff["members"]:
        for part in ("display", "$ref"):
            for form in (f'members.{part} eq "{one[part]}"', f'members[{part} eq "{one[part]}" and value eq "{one["value"]}"]'):
                assert "staff" in scim.names("Groups", filter=form), form
    assert scim.names("Groups", filter='members.display sw "ali"') == ["staff"]
    assert scim.names("Groups", filter='members[type eq "User" and display eq "staff"]') == []


@pytest.mark.parametrize("filter, who", [
    ('active eq false', ["o'neil"]),
    ('active eq "False"', ["o'neil"]),
    ('not (active eq true)', ["o'neil"]),
    ('userName sw "a"', ["a+b c/d%e", "alice"]),
    ('userName sw "A" and emails co "plus@"', ["a+b c/d%e"]),
    ('emails[type eq "work" and value ew "@EXAMPLE.org"] and userName eq "Bob"', ["Bob"]),
    ('name.familyName eq "4" or name.givenName eq "ДМИТРИЙ"', ["jürgen", "дмитрий"]),
    (f'{URN_ENTERPRISE}:department eq "lab \\"a\\"" and userName gt "😀"', ["🦊"]),
    ('title eq "title of fox"', ["🦊"]),
    ('phoneNumbers.value eq 4', ["jürgen"]),
    ('meta.created lt "2020-01-01T00:00:00Z"', []),
    ('userName eq "nobody"', []),
    ('id eq "u0"', []),
    ('id eq "g1"', []),
    ('id eq "u1" and userName eq "nobody"', []),
    ('displayName eq null', []),
])
def test_filters_find_who_fits(scim, filter, who):
    assert scim.names(filter=filter) == who
    assert scim.list(filter=filter, count=0)["totalResults"] == len(who)


def test_pages_by_index_hold_everybody_once(scim):
    for size, query in itertools.product([1, 2, 3, 8, 20], [{}, {"filter": "userName pr"}, {"sortBy": "emails.value"}, {"sortBy": "id", "filter": "active pr"}]):
        seen, start = [], 1
        while start <= len(USERS):
            page = scim.list(startIndex=start, count=size, **query)
            assert page["totalResults"] == len(USERS) and page["startIndex"] == start
            seen += [u["userName"] for u in page["Resources"]]
            start += size
        assert seen == scim.names(**query) and sorted(seen) == sorted(USERS)
    for start, expect in [(-3, USERS), (0, USERS), (9, []), (1000, []), (8, USERS[-1:])]:
        assert scim.names(startIndex=start) == expect
    assert scim.list(count=0)["totalResults"] == len(USERS) and scim.list(count=-5)["Resources"] == []
    assert len(scim.list(count=10**9)["Resources"]) == len(USERS)


def test_pages_by_cursor_hold_everybody_once(scim):
    for size, query in itertools.product([1, 2, 3, 8, 20], [{}, {"filter": "active eq true"}, {"sortBy": "meta.created"}, {"sortBy": "name.familyName", "sortOrder": "descending"}, {"sortBy": "userName", "sortOrder": "descending"}]):
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            page = scim.list(cursor=cursor, count=size, **query)
            assert "startIndex" not in page
            seen += [u["userName"] for u in page["Resources"]]
            cursor = page.get("nextCursor")
            pages += 1
        assert seen == scim.names(**query), (size, query)
        assert pages == max(1, -(-len(seen) // size)), "no page is empty"


def test_a_cursor_of_another_search_is_refused(scim):
    cursor = scim.list(cursor="", count=1)["nextCursor"]
    assert scim.names(cursor=cursor, count=1) == USERS[1:2]
    for query in [{"filter": "userName pr"}, {"sortBy": "id"}, {"sortOrder": "descending", "sortBy": "userName"}]:
        assert scim.refused("Users", cursor=cursor, **query) == (400, "invalidCursor")
    assert scim.refused("Groups", cursor=cursor) == (400, "invalidCursor")
    for bad in ["x", "00", cursor[:-1], cursor[:20], "z" + cursor[1:], cursor[:16] + "07" + cursor[18:], cursor + "ff"]:
        assert scim.refused("Users", cursor=bad) == (400, "invalidCursor"), bad
    assert scim.refused("Users", cursor="", count="many") == (400, "invalidCount")


@pytest.mark.parametrize("by, key", [
    ("userName", lambda p: p[1].casefold()), ("displayName", lambda p: p[2].lower()), ("emails", lambda p: p[3]), ("emails.value", lambda p: p[3]),
    ("externalId", lambda p: p[0]), ("name.familyName", lambda p: p[0]), (URN_USER + ":userName", lambda p: p[1].casefold()),
])
def test_lists_are_sorted_both_ways(scim, by, key):
    expect = [p[1] for p in sorted(PEOPLE, key=key)]
    assert scim.names(sortBy=by) == scim.names(sortBy=by.upper() if ":" not in by else by, sortOrder="Ascending") == expect
    assert scim.names(sortBy=by, sortOrder="descending") == expect[::-1]
    assert scim.names("Groups", sortBy="displayName", sortOrder="descending") == GROUP_NAMES[::-1]


def test_attributes_are_shown_as_asked(scim):
    for user in scim.list(attributes="userName,name.givenName,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department,nothing")["Resources"]:
        assert set(user) == {"schemas", "id", "userName", "name", URN_ENTERPRISE} and set(user["name"]) == {"givenName"}
    for user in scim.list(excludedAttributes="groups,meta,emails.type,id")["Resources"]:
        assert "groups" not in user and "meta" not in user and "id" in user and set(user["emails"][0]) == {"value", "primary"}
    group = scim.list("Groups", filter='displayName eq "staff"')["Resources"][0]
    for query, keys in [({"excludedAttributes": "members"}, {"schemas", "id", "externalId", "displayName", "meta"}),
                        ({"attributes": "members.value"}, {"schemas", "id", "members"})]:
        status, said = scim.get(f"Groups/{group['id']}", **query)
        assert status == 200 and set(said) == keys
        assert set(said.get("members", [{"value": 0}])[0]) == {"value"}


def test_a_search_by_post_is_the_same(scim):
    for body in [{"filter": 'userName sw "a"', "sortBy": "userName", "sortOrder": "descending", "startIndex": 1, "count": 1, "attributes": ["userName"]},
                 {"filter": "active eq true", "count": "2", "excludedAttributes": ["groups", "meta"]}, {}, {"cursor": "", "count": 3}]:
        status, said = scim.call("POST", "Users/.search", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], **body})
        assert status == 200
        assert said == scim.list(**{k: ",".join(v) if isinstance(v, list) else v for k, v in body.items()})
    for body, kind in [(b"{", "invalidSyntax"), (b"[]", "invalidSyntax"), (b"", "invalidSyntax"), (b'{"filter":"x"}', "invalidFilter"),
                       (b'{"count":[]}', "invalidValue"), (b'{"startIndex":"x"}', "invalidValue"), (b'{"cursor":"x"}', "invalidCursor")]:
        status, said = scim.call("POST", "Users/.search", body)
        assert (status, said["scimType"]) == (400, kind), said


def test_users_and_groups_are_searched_together_at_the_root(scim):
    everything = USERS + GROUP_NAMES
    assert scim.names("") == everything
    for start, count in itertools.product([1, 7, 8, 9, 10, 15, 16], [1, 3, 20]):
        page = scim.list("", startIndex=start, count=count)
        assert page["totalResults"] == len(everything)
        assert [r.get("userName", r.get("displayName")) for r in page["Resources"]] == everything[start - 1:start - 1 + count]
    seen, cursor = [], ""
    while cursor is not None:
        page = scim.list("", cursor=cursor, count=4)
        seen += [r.get("userName", r.get("displayName")) for r in page["Resources"]]
        cursor = page.get("nextCursor")
    assert seen == everything
    status, said = scim.call("POST", ".search", {"filter": 'userName eq "alice" or displayName eq "Staff"'})
    assert status == 200 and said["schemas"] == [URN_LIST]
    assert [r.get("userName", r.get("displayName")) for r in said["Resources"]] == ["alice", "staff"]
    assert scim.refused("", sortBy="id") == (400, "invalidValue")


def test_an_unchanged_resource_is_not_sent_again(scim):
    user = scim.list(filter='userName eq "alice"')["Resources"][0]
    path, version = f"Users/{user['id']}", user["meta"]["version"]
    for header in [version, version[2:], f'"other", {version}', "*"]:
        status, said = scim.call("GET", path, headers={"If-None-Match": header})
        assert (status, said) == (304, None) and scim.headers["ETag"] == version
    assert scim.call("GET", path, headers={"If-None-Match": 'W/"other"'})[0] == 200


@pytest.mark.parametrize("path, query, expect", [
    ("Users", {"filter": "userName"}, (400, "invalidFilter")),
    ("Users", {"filter": "shoeSize eq 44"}, (400, "invalidFilter")),
    ("Users", {"filter": "(" * 40 + "active pr" + ")" * 40}, (400, "invalidFilter")),
    ("Groups", {"filter": 'userName eq "x"'}, (400, "invalidFilter")),
    ("Users", {"sortBy": "title"}, (400, "invalidValue")),
    ("Users", {"sortBy": "nothing"}, (400, "invalidValue")),
    ("Groups", {"sortBy": "members"}, (400, "invalidValue")),
    ("Users", {"sortBy": "userName", "sortOrder": "up"}, (400, "invalidValue")),
    ("Users", {"count": "x"}, (400, "invalidValue")),
    ("Users", {"startIndex": "1.5"}, (400, "invalidValue")),
    ("Users/u999", {}, (404, None)),
    ("Users/g1", {}, (404, None)),
    ("Groups/u1", {}, (404, None)),
    ("Users/17", {}, (404, None)),
    ("Users/u99999999999999999999", {}, (404, None)),
    ("Users/u1/x", {}, (404, None)),
    ("Persons", {}, (404, None)),
    ("Me", {}, (501, None)),
    ("Schemas/urn:x", {}, (404, None)),
    ("ResourceTypes/Car", {}, (404, None)),
    ("Schemas", {"filter": "name eq 1"}, (403, None)),
    ("ResourceTypes", {"filter": "name eq 1"}, (403, None)),
])
def test_what_cannot_be_answered_is_an_error_of_scim(scim, path, query, expect):
    assert scim.refused(path, **query) == expect


def test_a_filter_that_is_too_long_is_refused(scim):
    status, said = scim.call("POST", "Users/.search", {"filter": 'userName eq "' + "x" * 200000 + '"'})
    assert (status, said["scimType"]) == (400, "invalidFilter")


def test_only_what_is_there_can_be_called(scim):
    for method, path, allow in [("POST", "Users/u1", "GET, PUT, PATCH, DELETE"), ("DELETE", "Groups", "GET, POST"), ("GET", ".search", "POST"),
                                ("POST", "Schemas", "GET"), ("GET", "Bulk", "POST")]:
        assert scim.call(method, path, {} if method != "GET" else None)[0] == 405
        assert scim.headers["Allow"] == allow
    assert scim.call("PATCH", "Me", {})[0] == 501
    assert scim.call("HEAD", "Users")[0] == 200


def test_the_server_describes_itself(site, scim):
    status, config = scim.get("ServiceProviderConfig")
    assert status == 200
    assert config["filter"] == {"supported": True, "maxResults": 10000} and config["sort"]["supported"] and config["etag"]["supported"]
    assert config["pagination"]["cursor"] and not config["patch"]["supported"] and not config["bulk"]["supported"]
    types = scim.list("ResourceTypes")["Resources"]
    assert [(t["name"], t["endpoint"], t["schema"]) for t in types] == [("User", "/Users", URN_USER), ("Group", "/Groups", URN_GROUP)]
    schemas = {s["id"]: s for s in scim.list("Schemas")["Resources"]}
    assert set(schemas) == {URN_USER, URN_GROUP, URN_ENTERPRISE}
    for what in types + list(schemas.values()):
        assert scim.get(what["meta"]["location"].removeprefix(f"{site.url}{scim.root}/")) == (200, what)
    names = {a["name"]: a for a in schemas[URN_USER]["attributes"]}
    assert names["userName"]["uniqueness"] == "server" and names["groups"]["mutability"] == "readOnly" and names["password"]["returned"] == "never"
    assert "addresses" not in names, "a directory's own users have none"
    for schema in schemas.values():
        for a in schema["attributes"]:
            assert a["type"] != "complex" or a["subAttributes"]


def test_an_application_sees_its_own_directories_alone(site, scim):
    status, other = site.call("POST", "/application/", {"name": "other", "directories": [], "password": "open sesame"})
    assert status == 201, other
    assert Scim(site, site.directory, "other", "open sesame").refused("Users") == (404, None)
    assert Scim(site, 999, "wiki", "open sesame").refused("Users") == (404, None)
    assert Scim(site, "x", "wiki", "open sesame").refused("Users") == (404, None)
    assert Scim(site, site.connector["uniqueId"], "wiki", "open sesame").names() == USERS
    for name, password in [("wiki", "wrong"), ("admin", site.password), (None, None)]:
        who = Scim(site, site.directory, name, password)
        assert who.refused("Users") == (401, None)
        assert "Bearer" in str(who.headers.get_all("WWW-Authenticate"))
    assert site.call("POST", "/application/", {"name": "mute", "directories": [site.directory], "rights": [], "password": "open sesame"})[0] == 201
    assert Scim(site, site.directory, "mute", "open sesame").refused("Users") == (403, None)
    token = site.call("POST", "/application/wiki/token")[1]["token"]
    assert Scim(site, site.directory, token=token).names() == USERS


def test_json_is_called_json_for_who_asks_for_it(site, scim):
    for accept, kind in [("application/json", "application/json"), ("*/*", "application/scim+json"), ("application/json, application/scim+json", "application/scim+json")]:
        answer = site.request("GET", scim.root + "/Users", headers={"Accept": accept}, user="wiki", password="open sesame")
        assert answer.headers["Content-Type"] == kind


def test_versions_follow_changes_and_only_them():
    with Awkward() as company, Server() as server:
        connector = server.create("awkward", "file", company.configuration)
        server.sync(connector)
        assert server.call("POST", "/application/", {"name": "wiki", "directories": [connector["directoryId"]], "password": "open sesame"})[0] == 201
        scim = Scim(server, connector["directoryId"], "wiki", "open sesame")

        def versions():
            return {r.get("userName", r.get("displayName")): r["meta"]["version"] for r in scim.list("")["Resources"]}

        before = versions()
        server.sync(connector)
        assert versions() == before
        people = [(*p[:2], "New Name", *p[3:]) if p[1] == "alice" else p for p in PEOPLE]
        groups = [(g[0], g[1], [*g[2], "8"]) if g[1] == "staff" else g for g in GROUPS]
        company.write(people, groups)
        assert server.sync(connector)["status"] == "DONE"
        after = versions()
        assert {name for name in after if after[name] != before[name]} == {"alice", "staff", "🦊"}
        for path in ("Users", "Groups"):
            for resource in scim.list(path)["Resources"]:
                assert scim.get(f"{path}/{resource['id']}")[1] == resource
