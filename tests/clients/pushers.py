"""Identity providers as they push by SCIM: the requests that Microsoft and Okta document, in their order and their form.

Each push is given `call(method, path, body=None, headers=None, **query)`, which gives (status, dict or None), and `step(name)`, a context around each
request; it checks what the identity provider looks at in the answers, and leaves nothing behind.
Spec: learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups and
application-provisioning-config-problem-scim-compatibility; developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20
"""

import uuid

USER, GROUP = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def operations(*list_):
    return {"schemas": [PATCH], "Operations": list(list_)}


def expect(answer, *statuses):
    assert answer[0] in statuses, answer
    return answer[1]


def entra(call, step):
    """Without the feature flag: names of operations begin with a capital, booleans are texts, members go by their values."""
    name = f"Test_User_{uuid.uuid4()}"
    with step("probe: a userName that nobody has"):
        found = expect(call("GET", "Users", filter=f'userName eq "{uuid.uuid4()}"'), 200)
        assert found["totalResults"] == 0 and not found.get("Resources")
    with step("create user"):
        user = expect(call("POST", "Users", {
            "schemas": [USER, ENTERPRISE], "externalId": str(uuid.uuid4()), "userName": name, "active": True,
            "emails": [{"primary": True, "type": "work", "value": f"{name}@example.com"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"}, "roles": []}), 201)
    path = f"Users/{user['id']}"
    with step("get user"):
        assert expect(call("GET", path), 200)["userName"] == name
    with step("find user by userName"):
        assert expect(call("GET", "Users", filter=f'userName eq "{name.upper()}"'), 200)["Resources"][0]["id"] == user["id"]
    with step("find user by externalId"):
        assert expect(call("GET", "Users", filter=f'externalId eq "{user["externalId"]}"'), 200)["totalResults"] == 1
    with step("create user again"):
        said = expect(call("POST", "Users", {"schemas": [USER], "userName": name.upper()}), 409)
        assert said["scimType"] == "uniqueness"
    with step("update e-mail address and name"):
        said = expect(call("PATCH", path, operations(
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@example.com"},
            {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"})), 200)
        assert [e["value"] for e in said["emails"]] == ["updated@example.com"] and said["name"]["familyName"] == "updatedFamilyName"
    with step("add attributes of the extension"):
        said = expect(call("PATCH", path, operations(
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"}, {"op": "Add", "path": "title", "value": "Manager"},
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": user["id"]})), 200)
        assert said[ENTERPRISE]["department"] == "Sales" and said["title"] == "Manager"
    with step("update telephone numbers by their type"):
        for number in ("1", "2"):
            said = expect(call("PATCH", path, operations(
                {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": number},
                {"op": "Replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "0" + number})), 200)
            assert {(p.get("type"), p["value"]) for p in said["phoneNumbers"]} == {("work", number), ("mobile", "0" + number)}
    with step("rename user"):
        said = expect(call("PATCH", path, operations({"op": "Replace", "path": "userName", "value": name + "-2"})), 200)
        assert said["userName"] == name + "-2" and said["id"] == user["id"]
    with step("disable user"):
        assert expect(call("PATCH", path, operations({"op": "Replace", "path": "active", "value": "False"})), 200)["active"] is False
        assert expect(call("GET", "Users", filter=f'userName eq "{name}-2"'), 200)["Resources"][0]["active"] is False
    with step("enable user"):
        assert expect(call("PATCH", path, operations({"op": "Add", "path": "active", "value": "True"})), 200)["active"] is True
    with step("create group"):
        title = f"Group {uuid.uuid4()}"
        group = expect(call("POST", "Groups", {"schemas": [GROUP, ADSCIM], "externalId": str(uuid.uuid4()), "displayName": title,
                                               "meta": {"resourceType": "Group"}}), 201)
    there = f"Groups/{group['id']}"
    with step("find group without its members"):
        found = expect(call("GET", "Groups", excludedAttributes="members", filter=f'displayName eq "{title}"'), 200)
        assert [g["id"] for g in found["Resources"]] == [group["id"]] and "members" not in found["Resources"][0]
    with step("get group without its members"):
        assert "members" not in expect(call("GET", there, excludedAttributes="members"), 200)
    with step("rename group"):
        expect(call("PATCH", there, operations({"op": "Replace", "path": "displayName", "value": title + "!"})), 204)
    question = f'id eq "{group["id"]}" and members eq "{user["id"]}"'
    with step("add member"):
        for _ in range(2):
            expect(call("PATCH", there, operations({"op": "Add", "path": "members", "value": [{"$ref": None, "value": user["id"]}]})), 204)
    with step("ask for member"):
        assert expect(call("GET", "Groups", excludedAttributes="members", filter=question), 200)["totalResults"] == 1
    with step("remove member"):
        for _ in range(2):
            expect(call("PATCH", there, operations({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": user["id"]}]})), 204)
        assert expect(call("GET", "Groups", excludedAttributes="members", filter=question), 200)["totalResults"] == 0
    with step("delete group"):
        expect(call("DELETE", there), 204)
    with step("delete user"):
        expect(call("DELETE", path), 204)
        assert expect(call("GET", path), 404)["status"] == "404"


def entra_flagged(call, step):
    """With aadOptscim062020 in the address: as the RFC has it, with dotted keys in objects without a path."""
    with step("create user"):
        user = expect(call("POST", "Users", {"schemas": [USER, ENTERPRISE], "userName": f"u-{uuid.uuid4()}", "active": True, "displayName": "lennay",
                                             "externalId": str(uuid.uuid4()), "emails": [{"type": "work", "value": "a@example.com", "primary": True}]}), 201)
    path = f"Users/{user['id']}"
    with step("replace attributes without a path"):
        said = expect(call("PATCH", path, operations(
            {"op": "replace", "value": {"displayName": "Bjfe", "name.givenName": "Kylee", "name.familyName": "Nobody", "active": False,
                                        f"{ENTERPRISE}:department": "NA", f"{ENTERPRISE}:employeeNumber": "17"}})), 200)
        assert (said["displayName"], said["name"]["givenName"], said["active"], said[ENTERPRISE]) == (
            "Bjfe", "Kylee", False, {"employeeNumber": "17", "department": "NA"})
    with step("remove attribute"):
        said = expect(call("PATCH", path, operations({"op": "remove", "path": f"{ENTERPRISE}:department"}, {"op": "remove", "path": "name.familyName"})), 200)
        assert "department" not in said[ENTERPRISE] and "familyName" not in said["name"]
    with step("create group"):
        group = expect(call("POST", "Groups", {"schemas": [GROUP], "displayName": f"g-{uuid.uuid4()}", "externalId": str(uuid.uuid4())}), 201)
    there = f"Groups/{group['id']}"
    with step("add members"):
        expect(call("PATCH", there, operations({"op": "add", "path": "members", "value": [{"value": user["id"]}]})), 204)
    with step("remove member by a filter"):
        expect(call("PATCH", there, operations({"op": "remove", "path": f'members[value eq "{user["id"]}"]'})), 204)
        said = expect(call("PATCH", there, operations({"op": "remove", "path": f'members[value eq "{user["id"]}"]'})), 400)
        assert said["scimType"] == "noTarget"
    with step("delete group"):
        expect(call("DELETE", there), 204)
    with step("delete user"):
        expect(call("DELETE", path), 204)


def okta(call, step):
    """Users by PUT, groups by PATCH; who is unassigned is deactivated, not deleted."""
    name = f"{uuid.uuid4()}@example.com"
    body = {"schemas": [USER], "userName": name, "name": {"givenName": "Test", "familyName": "User"}, "displayName": "Test User", "locale": "en-US",
            "emails": [{"primary": True, "value": name, "type": "work"}], "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq-1mz050nq",
            "active": True}
    with step("find user by userName"):
        found = expect(call("GET", "Users", filter=f'userName eq "{name}"', startIndex=1, count=100), 200)
        assert (found["totalResults"], found["startIndex"], found["itemsPerPage"], found["Resources"]) == (0, 1, 0, [])
    with step("create user"):
        user = expect(call("POST", "Users", body), 201)
        assert user["userName"] == name and "password" not in user
    path = f"Users/{user['id']}"
    with step("get user"):
        shown = expect(call("GET", path), 200)
    with step("replace user"):
        said = expect(call("PUT", path, {**shown, "name": {"givenName": "Another", "familyName": "User"}, "displayName": "Another User"}), 200)
        assert (said["name"]["givenName"], said["displayName"], said["locale"]) == ("Another", "Another User", "en-US")
    with step("deactivate user"):
        assert expect(call("PATCH", path, operations({"op": "replace", "value": {"active": False}})), 200)["active"] is False
    with step("replace inactive user"):
        assert expect(call("PUT", path, {**shown, "active": False}), 200)["active"] is False
    with step("reactivate user"):
        assert expect(call("PATCH", path, operations({"op": "replace", "value": {"active": True}})), 200)["active"] is True
    with step("list users"):
        assert expect(call("GET", "Users", startIndex=1, count=100), 200)["totalResults"] >= 1
    with step("create group"):
        group = expect(call("POST", "Groups", {"schemas": [GROUP], "displayName": f"Test SCIMv2 {uuid.uuid4()}", "members": []}), 201)
    there = f"Groups/{group['id']}"
    with step("rename group without a path"):
        title = f"Renamed {uuid.uuid4()}"
        expect(call("PATCH", there, operations({"op": "replace", "value": {"id": group["id"], "displayName": title}})), 200, 204)
        assert expect(call("GET", there), 200)["displayName"] == title
    with step("add members"):
        expect(call("PATCH", there, operations({"op": "add", "path": "members", "value": [{"value": user["id"], "display": name}]})), 200, 204)
    with step("replace members"):
        expect(call("PATCH", there, operations({"op": "replace", "path": "members", "value": [{"value": user["id"], "display": name}]})), 200, 204)
        assert [m["value"] for m in expect(call("GET", there), 200)["members"]] == [user["id"]]
    with step("remove and add in one request"):
        expect(call("PATCH", there, operations({"op": "remove", "path": f'members[value eq "{user["id"]}"]'},
                                               {"op": "add", "path": "members", "value": [{"value": user["id"], "display": name}]})), 200, 204)
        assert [m["value"] for m in expect(call("GET", there), 200)["members"]] == [user["id"]]
    with step("replace members by none"):
        expect(call("PATCH", there, operations({"op": "replace", "path": "members", "value": []})), 200, 204)
        assert not expect(call("GET", there), 200).get("members")
    with step("replace group"):
        assert expect(call("PUT", there, {"schemas": [GROUP], "id": group["id"], "displayName": title, "members": [{"value": user["id"]}]}), 200)["members"]
    with step("list groups"):
        assert expect(call("GET", "Groups", startIndex=1, count=100), 200)["totalResults"] >= 1
    with step("delete group"):
        expect(call("DELETE", there), 204)
    with step("delete user"):
        expect(call("DELETE", path), 204)
