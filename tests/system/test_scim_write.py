"""The writing side of SCIM: local directories."""

import contextlib
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from crowd import Awkward, Crowd
from scim import URN_ENTERPRISE, URN_GROUP, URN_USER, Scim
from server import Server

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def site():
    with Awkward() as company, Server() as server:
        synced = server.create("awkward", "file", company.configuration)
        server.sync(synced)
        server.synced = synced["directoryId"]
        server.count = 0
        yield server


@pytest.fixture
def scim(site):
    """An application that may do everything, and an empty local directory."""
    site.count += 1
    status, made = site.call("POST", "/directory/", {"name": f"Local {site.count}"})
    assert status == 201
    name = f"writer {site.count}"
    assert site.call("POST", "/application/", {"name": name, "directories": [made["id"], site.synced], "rights": ["read", "write", "authenticate"],
                                               "password": "open sesame"})[0] == 201
    one = Scim(site, made["id"], name, "open sesame")
    one.application, one.directory = name, made["id"]
    return one


def make(scim, path, **body):
    status, made = scim.call("POST", path, body)
    assert status == 201, made
    assert scim.headers["Location"] == made["meta"]["location"] and made["meta"]["location"].endswith(f"/{path}/{made['id']}")
    assert scim.headers["ETag"] == made["meta"]["version"]
    return made


def patch(scim, path, *operations, **headers):
    return scim.call("PATCH", path, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)},
                     headers={k.replace("_", "-"): v for k, v in headers.items()} or None)


def refused(answer):
    status, said = answer
    assert status >= 400, said
    return status, said.get("scimType")


def members(scim, group):
    return {m["value"] for m in scim.get(f"Groups/{group['id']}")[1].get("members", [])}


WHOLE = {
    "schemas": [URN_USER, URN_ENTERPRISE], "externalId": "ext-1", "userName": "Anna", "displayName": "Anna Ampère",
    "name": {"formatted": "Ampère, Anna", "givenName": "Anna", "familyName": "Ampère"}, "active": True, "title": "Engineer", "nickName": "An",
    "emails": [{"value": "home@example.org", "type": "home"}, {"value": "anna@example.org", "type": "work", "primary": True}],
    "phoneNumbers": [{"value": "1"}, {"value": "2"}], "roles": [{"value": "admin"}],
    URN_ENTERPRISE: {"department": "Lab", "employeeNumber": "17"}}


def test_a_user_is_made_replaced_and_deleted(scim):
    made = make(scim, "Users", **WHOLE, password=PASSWORD, shoeSize=44, meta={"created": "x"}, id="u99", groups=[{"value": "g1"}])
    shown = {**WHOLE, "name": {**WHOLE["name"], "formatted": "Anna Ampère"}, "emails": [{"value": "anna@example.org", "type": "work", "primary": True}]}
    assert {k: v for k, v in made.items() if k not in ("id", "meta")} == shown
    assert scim.get(f"Users/{made['id']}") == (200, made)
    assert scim.names(filter='externalId eq "ext-1"') == ["Anna"]
    status, said = scim.call("PUT", f"Users/{made['id']}", {"userName": "anna", "name": {"formatted": "A"}, "phoneNumbers": "3", "active": "False"})
    assert status == 200 and said == scim.get(f"Users/{made['id']}")[1]
    assert {k: v for k, v in said.items() if k not in ("id", "meta")} == {
        "schemas": [URN_USER], "externalId": "ext-1", "userName": "anna", "displayName": "A", "name": {"formatted": "A"}, "active": False,
        "phoneNumbers": [{"value": "3"}]}
    # whoever does not mention it lets nobody in again
    assert scim.call("PUT", f"Users/{made['id']}", {"userName": "anna"})[1]["active"] is False
    assert scim.call("DELETE", f"Users/{made['id']}") == (204, None)
    for method, body in [("GET", None), ("PUT", {"userName": "anna"}), ("DELETE", None)]:
        assert refused(scim.call(method, f"Users/{made['id']}", body)) == (404, None)
    again = make(scim, "Users", userName="anna")
    assert again["id"] != made["id"] and again["active"] is True


def test_each_write_is_a_run_that_can_be_turned_round(site, scim):
    anna, bob = make(scim, "Users", **WHOLE), make(scim, "Users", userName="bob")
    group = make(scim, "Groups", displayName="staff", externalId="s", members=[{"value": anna["id"]}, {"value": bob["id"]}])
    before = scim.get(f"Groups/{group['id']}")[1]
    assert scim.call("DELETE", f"Users/{anna['id']}")[0] == 204
    runs = site.call("GET", f"/directory/{scim.directory}/edits")[1]["runs"]
    assert runs[0]["kind"] == "edit" and runs[0]["actor"] == f"application {scim.application}", runs[0]
    assert site.call("POST", f"/usersync/syncstatus/{runs[0]['id']}/undo")[0] == 202
    assert {k: v for k, v in scim.get(f"Users/{anna['id']}")[1].items() if k not in ("meta", "groups")} == {k: v for k, v in anna.items() if k != "meta"}
    after = scim.get(f"Groups/{group['id']}")[1]
    assert after["members"] == before["members"] and after["meta"]["version"] == before["meta"]["version"]


def test_groups_are_made_replaced_and_deleted(scim):
    users = [make(scim, "Users", userName=f"user{i}") for i in range(4)]
    inner = make(scim, "Groups", displayName="inner")
    group = make(scim, "Groups", displayName="Staff", externalId="s-1", members=[{"value": users[0]["id"]}, {"value": inner["id"]}, {"value": users[0]["id"]}])
    assert group["schemas"] == [URN_GROUP] and {m["value"] for m in group["members"]} == {users[0]["id"], inner["id"]}
    status, said = scim.call("PUT", f"Groups/{group['id']}", {"displayName": "staff", "members": [{"value": u["id"]} for u in users[1:]]})
    assert status == 200 and (said["displayName"], said["externalId"]) == ("staff", "s-1")
    assert members(scim, group) == {u["id"] for u in users[1:]}
    # what is not mentioned is not asked for; nobody is said by an empty list
    assert scim.call("PUT", f"Groups/{group['id']}?excludedAttributes=members", {"displayName": "staff"})[1].get("members") is None
    assert members(scim, group) == {u["id"] for u in users[1:]}
    assert scim.call("PUT", f"Groups/{group['id']}", {"displayName": "staff", "Members": []})[0] == 200
    assert members(scim, group) == set()
    assert scim.call("DELETE", f"Groups/{group['id']}") == (204, None)
    assert refused(scim.get(f"Groups/{group['id']}")) == (404, None)
    assert scim.names("Groups") == ["inner"]


def test_a_write_shows_what_is_asked_for(scim):
    status, said = scim.call("POST", "Users", {"userName": "ann", "title": "T"}, attributes="userName")
    assert status == 201 and set(said) == {"schemas", "id", "userName"}
    status, said = scim.call("PUT", f"Users/{said['id']}", {"userName": "ann", "title": "T"}, excludedAttributes="meta,title")
    assert status == 200 and "title" not in said and "meta" not in said


def test_a_resource_that_has_changed_is_not_overwritten(scim):
    ann = make(scim, "Users", userName="ann")
    path, version = f"Users/{ann['id']}", ann["meta"]["version"]
    for method, body in [("PUT", {"userName": "ann", "title": "x"}), ("DELETE", None),
                         ("PATCH", {"Operations": [{"op": "add", "path": "title", "value": "x"}]})]:
        assert refused(scim.call(method, path, body, headers={"If-Match": 'W/"0000"'})) == (412, None)
        assert refused(scim.call(method, path, body, headers={"If-None-Match": "*"})) == (412, None)
        assert refused(scim.call(method, path, body, headers={"If-None-Match": version})) == (412, None)
        assert refused(scim.call(method, "Users/u99", body, headers={"If-Match": "*"})) == (404, None)
    status, said = scim.call("PUT", path, {"userName": "ann", "title": "x"}, headers={"If-Match": f'"a", {version}'})
    assert status == 200 and said["meta"]["version"] == scim.headers["ETag"] != version
    assert refused(scim.call("PUT", path, {"userName": "ann"}, headers={"If-Match": version})) == (412, None)
    group = make(scim, "Groups", displayName="g")
    assert patch(scim, f"Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": ann["id"]}]}, If_Match=group["meta"]["version"])[0] == 204
    # the group has a member more, the user a group more
    assert refused(patch(scim, f"Groups/{group['id']}", {"op": "remove", "path": "members"}, If_Match=group["meta"]["version"])) == (412, None)
    assert refused(scim.call("DELETE", path, headers={"If-Match": said["meta"]["version"]})) == (412, None)
    assert scim.call("DELETE", path, headers={"If-Match": "*"})[0] == 204


@pytest.mark.parametrize("path, body, expect", [
    ("Users", {"userName": "TAKEN"}, (409, "uniqueness")),
    ("Users", {"userName": "ＴＡＫＥＮ"}, (409, "uniqueness")),
    ("Users", {"userName": "new", "externalId": "e"}, (409, "uniqueness")),
    ("Groups", {"displayName": "Held"}, (409, "uniqueness")),
    ("Users", {}, (400, "invalidValue")),
    ("Users", {"userName": ""}, (400, "invalidValue")),
    ("Users", {"userName": " a"}, (400, "invalidValue")),
    ("Users", {"userName": "a" * 300}, (400, "invalidValue")),
    ("Users", {"userName": {"a": 1}}, (400, "invalidValue")),
    ("Users", {"userName": "a", "active": "perhaps"}, (400, "invalidValue")),
    ("Users", {"userName": "a", "emails": [{"value": "x", "primary": True}, {"value": "y", "primary": True}]}, (400, "invalidValue")),
    ("Users", {"userName": "a", "USERNAME": "b"}, (400, "invalidSyntax")),
    ("Users", {"userName": "a", "schemas": ["urn:x"]}, (400, "invalidSyntax")),
    ("Users", {"userName": "a", "schemas": "urn:x"}, (400, "invalidSyntax")),
    ("Users", {"userName": "a", "password": "short"}, (400, "invalidValue")),
    ("Users", {"userName": "a", "title": "x" * 200000}, (400, "invalidValue")),
    ("Users", [], (400, "invalidSyntax")),
    ("Users", b"{", (400, "invalidSyntax")),
    ("Users", b"", (400, "invalidSyntax")),
    ("Users", b"\xff", (400, "invalidSyntax")),
    ("Users", b"[" * 100, (400, "invalidSyntax")),
    ("Groups", {"displayName": "g", "members": [{"value": "u999"}]}, (400, "invalidValue")),
    ("Groups", {"displayName": "g", "members": [{"value": "nobody"}]}, (400, "invalidValue")),
    ("Groups", {"displayName": "g", "members": [{"type": "User"}]}, (400, "invalidValue")),
    ("Groups", {"displayName": "g", "members": "u1' OR 1=1"}, (400, "invalidValue")),
])
def test_what_cannot_be_kept_is_refused_and_changes_nothing(scim, path, body, expect):
    taken = make(scim, "Users", userName="taken", externalId="e")
    held = make(scim, "Groups", displayName="held")
    other = {"Users": make(scim, "Users", userName="other"), "Groups": make(scim, "Groups", displayName="other")}[path]
    before = scim.list("")
    assert refused(scim.call("POST", path, body)) == expect
    assert refused(scim.call("PUT", f"{path}/{other['id']}", body)) == expect
    assert scim.list("") == before
    assert scim.get(f"Users/{taken['id']}")[1]["userName"] == "taken" and scim.get(f"Groups/{held['id']}")[0] == 200


def test_only_who_may_write_does(site, scim):
    connector = Scim(site, site.synced, scim.application, "open sesame")
    user = connector.list()["Resources"][0]
    before = connector.list("")
    for method, path, body in [("POST", "Users", {"userName": "x"}), ("PUT", f"Users/{user['id']}", {"userName": "x"}),
                               ("PATCH", f"Users/{user['id']}", {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
                               ("DELETE", f"Users/{user['id']}", None), ("POST", "Groups", {"displayName": "x"})]:
        status, said = connector.call(method, path, body)
        assert (status, said["detail"]) == (403, 'the directory is kept by the connector "awkward": change it at its identity provider')
    assert connector.list("") == before
    assert site.call("POST", "/application/", {"name": f"reader {site.count}", "directories": [scim.directory], "password": "open sesame"})[0] == 201
    reader = Scim(site, scim.directory, f"reader {site.count}", "open sesame")
    status, said = reader.call("POST", "Users", {"userName": "x"})
    assert status == 403 and "has no right to write" in said["detail"]
    for one, can in [(scim, True), (reader, False), (connector, False)]:
        config = one.get("ServiceProviderConfig")[1]
        assert config["patch"]["supported"] is can and config["changePassword"]["supported"] is can
    assert scim.names("") == []


def test_a_body_of_another_kind_is_refused(scim):
    assert scim.call("POST", "Users", b"<user/>", headers={"Content-Type": "application/xml"})[0] == 415
    assert scim.call("POST", "Users", {"userName": "x"}, headers={"Content-Type": "application/json; charset=utf-8"})[0] == 201


# ---- PATCH ----

@pytest.mark.parametrize("operations, expect", [
    ([{"op": "add", "path": "title", "value": "Boss"}], {"title": "Boss"}),
    ([{"op": "REPLACE", "path": f"{URN_USER}:title", "value": "Boss"}], {"title": "Boss"}),
    ([{"op": "Replace", "value": {"title": "Boss", "name.givenName": "Ann", f"{URN_ENTERPRISE}:department": "HR", "id": "u99", "shoeSize": 1}}],
     {"title": "Boss", "name": {"formatted": "Anna Ampère", "givenName": "Ann", "familyName": "Ampère"},
      URN_ENTERPRISE: {"department": "HR", "employeeNumber": "17"}}),
    ([{"op": "replace", "path": "active", "value": "False"}], {"active": False}),
    ([{"op": "replace", "path": "userName", "value": "ANNA"}], {"userName": "ANNA"}),
    ([{"op": "replace", "path": "displayName", "value": "A"}], {"displayName": "A", "name": {**WHOLE["name"], "formatted": "A"}}),
    ([{"op": "replace", "path": "name.formatted", "value": "A"}], {"displayName": "A", "name": {**WHOLE["name"], "formatted": "A"}}),
    ([{"op": "remove", "path": "title"}], {"title": None}),
    ([{"op": "remove", "path": "emails"}], {"emails": None}),
    ([{"op": "replace", "path": "roles", "value": []}], {"roles": None}),
    ([{"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@x"}], {"emails": [{"value": "b@x", "type": "work", "primary": True}]}),
    ([{"op": "remove", "path": 'phoneNumbers[value eq "1"]'}], {"phoneNumbers": [{"value": "2"}]}),
    ([{"op": "remove", "path": "phoneNumbers", "value": [{"value": "2"}, {"value": "9"}]}], {"phoneNumbers": [{"value": "1"}]}),
    ([{"op": "add", "path": "phoneNumbers", "value": {"value": "3"}}], {"phoneNumbers": [{"value": "1"}, {"value": "2"}, {"value": "3"}]}),
    ([{"op": "remove", "path": URN_ENTERPRISE}], {URN_ENTERPRISE: None, "schemas": [URN_USER]}),
    ([{"op": "replace", "path": "externalId", "value": "ext-2"}], {"externalId": "ext-2"}),
    ([{"op": "add", "path": "title", "value": "x"}, {"op": "replace", "path": "title", "value": "Engineer"}], {}),
    ([{"op": "replace", "path": "password", "value": PASSWORD}], {}),
])
def test_a_patch_changes_what_it_names(scim, operations, expect):
    path = f"Users/{make(scim, 'Users', **WHOLE)['id']}"
    before = scim.get(path)[1]
    status, said = patch(scim, path, *operations)
    assert status == 200 and said == scim.get(path)[1] and scim.headers["ETag"] == said["meta"]["version"]
    wanted = {k: v for k, v in {**before, **expect}.items() if v is not None}
    assert {k: v for k, v in said.items() if k != "meta"} == {k: v for k, v in wanted.items() if k != "meta"}
    assert (said["meta"]["version"] == before["meta"]["version"]) is (expect == {})


@pytest.mark.parametrize("kind, operations, expect", [
    ("Users", [{"op": "replace", "path": "id", "value": "u5"}], (400, "mutability")),
    ("Users", [{"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}], (400, "mutability")),
    ("Users", [{"op": "add", "path": "groups", "value": [{"value": "g1"}]}], (400, "mutability")),
    ("Users", [{"op": "remove", "path": "userName"}], (400, "mutability")),
    ("Users", [{"op": "replace", "path": "shoeSize", "value": 1}], (400, "invalidPath")),
    ("Users", [{"op": "replace", "path": "emails[", "value": 1}], (400, "invalidPath")),
    ("Users", [{"op": "replace", "path": "urn:x:title", "value": 1}], (400, "invalidPath")),
    ("Users", [{"op": "replace", "path": "title", "value": {"a": 1}}], (400, "invalidValue")),
    ("Users", [{"op": "replace", "path": "active", "value": "perhaps"}], (400, "invalidValue")),
    ("Users", [{"op": "replace", "path": "userName", "value": "TAKEN"}], (409, "uniqueness")),
    ("Users", [{"op": "replace", "path": "externalId", "value": "e"}], (409, "uniqueness")),
    ("Users", [{"op": "remove", "path": 'emails[type eq "pager"]'}], (400, "noTarget")),
    ("Users", [{"op": "remove"}], (400, "noTarget")),
    ("Users", [{"op": "move", "path": "title"}], (400, "invalidSyntax")),
    ("Users", [{"op": "add", "path": "title", "value": "x"}] * 1001, (400, "tooMany")),
    ("Users", [{"op": "add", "path": "roles", "value": [{"value": str(i)} for i in range(1001)]}], (400, "tooMany")),
    ("Users", [], (400, "invalidSyntax")),
    ("Groups", [{"op": "add", "path": "members", "value": [{"value": "u999"}]}], (400, "invalidValue")),
    ("Groups", [{"op": "add", "path": "members", "value": [{"value": "x"}]}], (400, "invalidValue")),
    ("Groups", [{"op": "replace", "path": 'members[value eq "x"].value', "value": "u1"}], (400, "mutability")),
    ("Groups", [{"op": "remove", "path": 'members[value eq "u999"]'}], (400, "noTarget")),
    ("Groups", [{"op": "add", "path": "displayName", "value": "x"}, {"op": "remove", "path": 'members[value eq "u999"]'}], (400, "noTarget")),
    ("Groups", [{"op": "replace", "path": "displayName", "value": "HELD"}], (409, "uniqueness")),
    # a list of somebody is not one of nobody
    ("Groups", [{"op": "replace", "path": "members", "value": [{"display": "taken"}]}], (400, "invalidValue")),
    ("Groups", [{"op": "replace", "path": "members", "value": [{}]}], (400, "invalidValue")),
    ("Groups", [{"op": "replace", "value": {"members": [None]}}], (400, "invalidValue")),
    ("Groups", [{"op": "add", "path": "members", "value": [{"value": "u1"}, {"display": "taken"}]}], (400, "invalidValue")),
    ("Groups", [{"op": "remove", "path": "members", "value": [{"display": "taken"}]}], (400, "invalidValue")),
    ("Users", [{"op": "remove", "path": "password"}], (400, "mutability")),
    ("Users", [{"op": "replace", "path": "password", "value": None}], (400, "mutability")),
    ("Users", [{"op": "replace", "path": "password", "value": ""}], (400, "invalidValue")),
    ("Users", [{"op": "replace", "value": {"password": ""}}], (400, "invalidValue")),
])
def test_a_patch_that_cannot_be_done_changes_nothing(scim, kind, operations, expect):
    make(scim, "Users", userName="taken", externalId="e")
    make(scim, "Groups", displayName="held")
    one = make(scim, kind, **{"Users": WHOLE, "Groups": {"displayName": "staff", "members": [{"value": "u1"}]}}[kind])
    before = scim.list("")
    assert refused(patch(scim, f"{kind}/{one['id']}", *operations)) == expect
    assert scim.list("") == before


def test_members_come_and_go_by_every_form(scim):
    ids = [make(scim, "Users", userName=f"user{i}")["id"] for i in range(5)]
    inner = make(scim, "Groups", displayName="inner")
    group = make(scim, "Groups", displayName="staff")
    path = f"Groups/{group['id']}"

    def values(*which):
        return [{"value": ids[i]} for i in which]

    for operations, expect in [
        ([{"op": "Add", "path": "members", "value": values(0, 1, 1)}], {0, 1}),
        ([{"op": "add", "value": {"members": values(2)}}], {0, 1, 2}),
        ([{"op": "add", "path": "members", "value": values(2)}], {0, 1, 2}),
        ([{"op": "remove", "path": "members", "value": values(0, 4)}], {1, 2}),
        ([{"op": "remove", "path": f'members[value eq "{ids[1]}"]'}], {2}),
        ([{"op": "replace", "path": "members", "value": values(3, 4)}], {3, 4}),
        ([{"op": "remove", "path": f'members[value eq "{ids[3]}" or value eq "{ids[0]}"]'}], {4}),
        ([{"op": "add", "path": "members", "value": values(0)}, {"op": "remove", "path": f'members[value eq "{ids[0]}"]'}], {4}),
        ([{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": values(1)}], {1}),
        ([{"op": "replace", "path": "members", "value": []}], set()),
        ([{"op": "add", "path": "members", "value": [*values(0, 1), {"value": inner["id"], "type": "Group"}]}], {0, 1, 5}),
        ([{"op": "remove", "path": 'members[type eq "User"]'}], {5}),
        ([{"op": "remove", "path": "members", "value": [{"value": inner["id"], "type": "User"}]}], {5}),
        ([{"op": "remove", "path": "members"}], set()),
        ([{"op": "remove", "path": "members"}], set()),
    ]:
        assert patch(scim, path, *operations) == (204, None), operations
        assert members(scim, group) == {[*ids, inner["id"]][i] for i in expect}, operations
    status, said = scim.call("PATCH", path, {"Operations": [{"op": "add", "path": "members", "value": values(0)}]}, attributes="displayName,members.value")
    assert status == 200 and said["members"] == [{"value": ids[0]}]
    assert patch(scim, f"Groups/{inner['id']}", {"op": "add", "path": "members", "value": [{"value": group["id"]}]})[0] == 204
    assert refused(patch(scim, path, {"op": "add", "path": "members", "value": [{"value": inner["id"]}]})) == (400, "invalidValue"), "a circle"


def test_writers_at_the_same_time_lose_nothing(site, scim):
    one = make(scim, "Users", userName="one")
    group = make(scim, "Groups", displayName="staff")
    ids = [make(scim, "Users", userName=f"user{i}")["id"] for i in range(12)]
    attributes = ["title", "nickName", "userType", "locale", "timezone", "preferredLanguage"]

    def work(n):
        mine = Scim(site, scim.directory, scim.application, "open sesame")
        for value in range(10):
            assert patch(mine, f"Users/{one['id']}", {"op": "replace", "path": attributes[n], "value": str(value)})[0] == 200
        for i in (n, n + 6):
            assert patch(mine, f"Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": ids[i]}]})[0] == 204

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert {a: scim.get(f"Users/{one['id']}")[1][a] for a in attributes} == dict.fromkeys(attributes, "9")
    assert members(scim, group) == set(ids)


def test_readers_and_logins_do_not_wait_for_writers(site, scim):
    user = make(scim, "Users", userName="ann", password=PASSWORD)
    crowd = Crowd(site, scim.application, "open sesame", True)

    def write(n):
        mine = Scim(site, scim.directory, scim.application, "open sesame")
        return patch(mine, f"Users/{user['id']}", {"op": "replace", "path": "title", "value": str(n)})[0]

    with contextlib.closing(sqlite3.connect(site.data / "usersync.db", isolation_level=None, timeout=30)) as store, ThreadPoolExecutor(12) as pool:
        store.execute("BEGIN IMMEDIATE")  # as a large sync that is applied
        writes = [pool.submit(write, n) for n in range(12)]
        site.wait_until_taken(12)
        begin = time.monotonic()
        for _ in range(20):
            assert scim.get(f"Users/{user['id']}")[0] == crowd.get("user", username="ann")[0] == 200
        assert crowd.call("POST", "authentication", json.dumps({"value": PASSWORD}), username="ann")[0] == 200
        assert time.monotonic() - begin < 3
        assert not any(w.done() for w in writes)
        store.execute("ROLLBACK")
        assert {w.result() for w in writes} == {200}


def test_a_password_is_taken_and_never_shown(site, scim):
    user = make(scim, "Users", userName="ann", password=PASSWORD)
    crowd = Crowd(site, scim.application, "open sesame", True)

    def logs_in(password):
        return crowd.call("POST", "authentication", f'{{"value": "{password}"}}', username="ann")[0]

    assert logs_in(PASSWORD) == 200
    for status, said in [patch(scim, f"Users/{user['id']}", {"op": "replace", "path": "password", "value": "another battery"}),
                         scim.get(f"Users/{user['id']}", attributes="password,userName")]:
        assert status == 200 and "password" not in said
    assert (logs_in(PASSWORD), logs_in("another battery")) == (400, 200)
    # who does not mention it keeps it
    assert scim.call("PUT", f"Users/{user['id']}", {"userName": "ann"})[0] == 200
    assert logs_in("another battery") == 200


# ---- Bulk ----

def bulk(scim, *operations, **more):
    status, said = scim.call("POST", "Bulk", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": list(operations), **more})
    assert status == 200 and said["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], said
    for one in said["Operations"]:
        assert ("response" in one) is (one["status"] >= "400")
        assert one["status"] < "400" or (one["response"]["status"] == one["status"] and one["response"]["detail"])
    return said["Operations"]


def outcome(one):
    return (int(one["status"]), one.get("response", {}).get("scimType"))


def test_a_bulk_makes_what_refers_to_each_other(scim):
    done = bulk(scim, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "staff", "members": [{"value": "bulkId:u"}, {"value": "bulkId:v"}]}},
                {"method": "post", "path": "/Users", "bulkId": "u", "data": {"userName": "ann"}},
                {"method": "POST", "path": "/Users", "bulkId": "v", "data": {"userName": "bob"}},
                {"method": "PATCH", "path": "/Users/bulkId:v", "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}]}},
                {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [{"op": "remove", "path": "members", "value": [{"value": "bulkId:u"}]}]}})
    assert [(o["method"], o.get("bulkId"), o["status"]) for o in done] == [
        ("POST", "g", "201"), ("POST", "u", "201"), ("POST", "v", "201"), ("PATCH", None, "200"), ("PATCH", None, "200")]
    group = scim.list("Groups")["Resources"][0]
    users = {u["userName"]: u for u in scim.list()["Resources"]}
    assert done[0]["location"] == group["meta"]["location"] and done[1]["location"] == users["ann"]["meta"]["location"] == done[1]["location"]
    assert [m["value"] for m in group["members"]] == [users["bob"]["id"]] and users["bob"]["title"] == "x"
    ann = users["ann"]
    assert [outcome(o) for o in bulk(
        scim, {"method": "PUT", "path": f"/Users/{ann['id']}", "version": ann["meta"]["version"], "data": {"userName": "ann", "title": "y"}},
        {"method": "PUT", "path": f"/Users/{ann['id']}", "version": ann["meta"]["version"], "data": {"userName": "ann", "title": "z"}},
        {"method": "DELETE", "path": f"/Users/{ann['id']}"}, {"method": "DELETE", "path": f"/Users/{ann['id']}"})] == [
            (200, None), (412, None), (204, None), (404, None)]
    assert scim.names() == ["bob"]


def test_a_bulk_does_what_can_be_done(scim):
    user = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "ann"}}
    done = bulk(scim, user, user, {**user, "bulkId": "b"}, {**user, "bulkId": None, "data": {"userName": "x"}}, {**user, "bulkId": "c", "data": []},
                {"method": "GET", "path": "/Users/u1"}, {"method": "DELETE", "path": "/Cars/1"}, {"method": "DELETE", "path": "/Users"}, {},
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "g", "members": [{"value": "bulkId:b"}]}},
                {"method": "POST", "path": "/Groups", "bulkId": "h", "data": {"displayName": "h", "members": [{"value": "bulkId:nobody"}]}},
                {"method": "POST", "path": "/Groups", "bulkId": "i", "data": {"displayName": "i", "members": [{"value": "bulkId:j"}]}},
                {"method": "POST", "path": "/Groups", "bulkId": "j", "data": {"displayName": "j", "members": [{"value": "bulkId:i"}]}},
                {"method": "POST", "path": "/Users", "bulkId": "z", "data": {"userName": "zoe"}})
    assert [outcome(o) for o in done] == [
        (201, None), (400, "invalidSyntax"), (409, "uniqueness"), (400, "invalidSyntax"), (400, "invalidSyntax"), (400, "invalidSyntax"),
        (400, "invalidSyntax"), (400, "invalidSyntax"), (400, "invalidSyntax"), (400, "invalidValue"), (400, "invalidSyntax"), (409, None), (409, None),
        (201, None)]
    assert scim.names("") == ["ann", "zoe"]


def test_a_bulk_ends_after_so_many_errors(scim):
    operations = [{"method": "POST", "path": "/Users", "bulkId": str(i), "data": {"userName": "" if i in (1, 3, 4) else f"u{i}"}} for i in range(6)]
    assert [o["bulkId"] for o in bulk(scim, *operations, failOnErrors=2)] == ["0", "1", "2", "3"]
    assert scim.names() == ["u0", "u2"]
    assert len(bulk(scim, *operations, failOnErrors=0)) == 6


def test_a_bulk_keeps_to_what_the_configuration_says(site, scim):
    limits = scim.get("ServiceProviderConfig")[1]["bulk"]
    assert limits == {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576}
    operation = {"method": "DELETE", "path": "/Users/u999"}
    assert len(bulk(scim, *[operation] * 1000)) == 1000
    assert scim.call("POST", "Bulk", {"Operations": [operation] * 1001})[0] == 413
    login = {"user": scim.application, "password": "open sesame"}
    assert site.request("POST", scim.root + "/Bulk", b" " * (limits["maxPayloadSize"] + 1), {"Content-Type": "application/scim+json"}, **login).status == 413
    for body in [{}, {"Operations": {}}, {"Operations": [], "failOnErrors": -1}, {"Operations": [], "failOnErrors": "x"}, {"Operations": [], "schemas": ["urn:x"]}, []]:
        assert refused(scim.call("POST", "Bulk", body)) == (400, "invalidSyntax"), body
    connector = Scim(site, site.synced, scim.application, "open sesame")
    assert connector.call("POST", "Bulk", {"Operations": [operation]})[0] == 403
    assert connector.get("ServiceProviderConfig")[1]["bulk"]["supported"] is False
