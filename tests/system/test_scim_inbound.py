"""A connector of type scim: what an identity provider pushes goes through a run like any other."""

import contextlib
import json
import sqlite3
import time

import pytest
from pusher import TOKEN, created, group, inbound, patch, person, settle
from scim import Scim
from server import Server


def usernames(server, connector):
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/user")
    assert status == 200, said
    return sorted(u["name"] for u in said["users"])


def groupnames(server, connector):
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/group")
    assert status == 200, said
    return sorted(g["name"] for g in said["groups"])


def user_of(server, connector, name):
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/user/{name}")
    assert status == 200, said
    return said["user"]


def test_pushes_become_a_run_and_the_directory(server):
    connector, idp = inbound(server, quietSeconds=1)
    anna, bert = created(idp.call("POST", "Users", person("anna"))), created(idp.call("POST", "Users", person("bert")))
    staff = created(idp.call("POST", "Groups", group("staff", anna, bert)))
    done = settle(server, connector)
    assert (done["status"], done["trigger"], done["actor"], done["addedCount"]) == ("DONE", "push", "push", 2), done
    assert usernames(server, connector) == ["anna", "bert"]
    user = user_of(server, connector, "anna")
    assert (user["email"], user["fullName"], user["firstName"], user["lastName"], user["active"]) == (
        "anna@example.org", "Anna", "anna", "Pushed", True), user
    # only what was pushed since is read by the next ones
    carl = created(idp.call("POST", "Users", person("carl")))
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": carl}]},
                                                      {"op": "remove", "path": f'members[value eq "{anna}"]'}))[0] == 204
    done = settle(server, connector, lambda r: r["id"] != done["id"])
    assert (done["kind"], done["status"], done["addedCount"], done["notModifiedCount"]) == ("delta", "DONE", 1, 0), done
    assert usernames(server, connector) == ["anna", "bert", "carl"]
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/user/carl")
    assert "staff" in str(said) and "staff" not in str(server.call("GET", f"/directory/{connector['directoryId']}/user/anna")[1]), said
    full = server.sync(connector)
    assert (full["kind"], full["status"], full["addedCount"], full["updatedCount"], full["notModifiedCount"]) == ("full", "DONE", 0, 0, 3), full
    assert full["memberships"]["addedCount"] == full["memberships"]["removedCount"] == 0, full
    # three pushes close together are one run, two more another one
    assert len(server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses")[1]["runs"]) == 3


def test_the_provider_sees_its_own_data_back(shared_server):
    server = shared_server
    _, idp = inbound(server, "back")
    anna = created(idp.call("POST", "Users", person("anna", title="Engineer", password="never kept")))
    etag = idp.headers["ETag"]
    staff = created(idp.call("POST", "Groups", group("staff", anna)))
    status, said = idp.get(f"Users/{anna}")
    assert status == 200 and said["title"] == "Engineer" and "password" not in said
    assert [g["display"] for g in said["groups"]] == ["staff"]
    assert said["meta"]["version"] == idp.headers["ETag"] == etag
    assert idp.call("GET", f"Users/{anna}", headers={"If-None-Match": etag})[0] == 304
    assert idp.names(filter='userName eq "ANNA"') == ["anna"]
    assert idp.names(filter='externalId eq "x-anna"') == ["anna"]
    assert idp.names(filter='emails[type eq "work"].value co "@example"') == ["anna"]
    assert idp.names(filter='groups.value eq "%s"' % staff) == ["anna"]
    assert idp.names("Groups", filter='displayName eq "Staff"') == ["staff"]
    assert idp.names("Groups", filter=f'members.value eq "{anna}"') == ["staff"]
    assert [m["value"] for m in idp.get(f"Groups/{staff}")[1]["members"]] == [anna]
    assert "members" not in idp.get(f"Groups/{staff}", excludedAttributes="members")[1]
    assert idp.get("Users/u999")[0] == 404 and idp.get(f"Users/{staff}")[0] == 404
    # stale versions
    assert idp.call("PATCH", f"Users/{anna}", patch({"op": "Replace", "path": "title", "value": "Lead"}), headers={"If-Match": etag})[0] == 200
    assert idp.call("PATCH", f"Users/{anna}", patch({"op": "Replace", "path": "title", "value": "x"}), headers={"If-Match": etag})[0] == 412
    # names are unique without case
    status, said = idp.call("POST", "Users", person("ANNA", externalId="other"))
    assert (status, said["scimType"]) == (409, "uniqueness")
    assert idp.call("POST", "Groups", group("more", "u999"))[0] == 400
    assert idp.names("Groups") == ["staff"], "what was refused left nothing behind"


@pytest.mark.parametrize("order", [("userName", "ascending"), ("userName", "descending"), ("meta.created", "descending"), (None, None)])
def test_lists_are_paged_by_index_and_by_cursor(shared_server, order):
    server = shared_server
    _, idp = inbound(server, f"paged-{order[0]}-{order[1]}")
    names = [f"user{n:03d}" for n in range(230)]
    for name in names:
        created(idp.call("POST", "Users", person(name)))
    want = names if order[1] != "descending" else names[::-1]
    sort = {"sortBy": order[0], "sortOrder": order[1]}
    assert idp.list(count=0)["totalResults"] == 230
    assert idp.names(startIndex=101, count=50, **sort) == want[100:150]
    assert idp.names(startIndex=101, count=50, filter='userName sw "user"', **sort) == want[100:150]
    got, cursor = [], ""
    while cursor is not None:
        page = idp.list(cursor=cursor, count=70, **sort)
        got += [r["userName"] for r in page["Resources"]]
        cursor = page.get("nextCursor")
    assert got == want


def test_who_may_push(server):
    connector, idp = inbound(server)
    stranger = Scim(server, connector["uniqueId"], token="x" * 40)
    assert stranger.call("POST", "Users", person("eve"))[0] == 401
    assert idp.call("GET", "Users", headers={"Authorization": "Basic YTpi"})[0] == 401
    # the token is good at its own connector's address alone
    other, _ = inbound(server, "other", token="b" * 40)
    assert Scim(server, other["uniqueId"], token=TOKEN).get("Users")[0] == 401
    assert Scim(server, connector["directoryId"], token=TOKEN).get("Users")[0] == 401
    # an application sees the directory there, and does not push
    status, said = server.call("POST", "/application", {"name": "wiki", "password": "wiki-password-123", "directories": [connector["directoryId"]],
                                                        "rights": ["read", "write"]})
    assert status == 201, said
    wiki = Scim(server, connector["uniqueId"], "wiki", "wiki-password-123")
    created(idp.call("POST", "Users", person("anna")))
    settle(server, connector)
    assert wiki.names() == ["anna"]
    status, said = wiki.call("POST", "Users", person("eve"))
    assert status == 403 and 'kept by the connector "idp"' in said["detail"], said
    # a connector that is disabled says so, to who knows the token
    status, _ = server.call("PUT", f"/usersync/connector/{connector['id']}", {**connector, "enabled": False})
    assert status == 200
    status, said = idp.call("POST", "Users", person("bert"))
    assert status == 403 and said["detail"] == 'the connector "idp" is disabled: nothing can be pushed into it', said
    # guesses are slowed down, and do not keep the right one out
    assert 429 in [stranger.get("Users")[0] for _ in range(30)]
    assert idp.get("Users")[0] == 403


def test_deletions_and_deactivations_fall_to_the_rules(server):
    connector, idp = inbound(server)
    ids = {name: created(idp.call("POST", "Users", person(name))) for name in ("anna", "bert", "carl")}
    settle(server, connector, lambda r: usernames(server, connector) == ["anna", "bert", "carl"])
    assert idp.call("PATCH", f"Users/{ids['bert']}", patch({"op": "Replace", "path": "active", "value": "False"}))[0] == 200
    settle(server, connector, lambda r: not user_of(server, connector, "bert")["active"])
    assert idp.call("DELETE", f"Users/{ids['carl']}")[0] == 204
    assert idp.get(f"Users/{ids['carl']}")[0] == 404
    settle(server, connector, lambda r: not user_of(server, connector, "carl")["active"])
    runs = server.call("GET", f"/usersync/connector/{connector['uniqueId']}/syncstatuses")[1]["runs"]
    assert {r["status"] for r in runs} == {"DONE"} and sum(r["deletedCount"] + r["disabledCount"] for r in runs) == 1, runs
    # who comes back with the externalId is the same person
    assert created(idp.call("POST", "Users", person("carl"))) == ids["carl"]
    settle(server, connector, lambda r: "carl" in usernames(server, connector) and
           user_of(server, connector, "carl")["active"])


def test_to_leave_active_out_lets_nobody_in_again(server):
    connector, idp = inbound(server)
    anna = created(idp.call("POST", "Users", person("anna", active=False)))
    settle(server, connector, lambda r: usernames(server, connector) == ["anna"])
    unsaid = {k: v for k, v in person("anna", displayName="Anna").items() if k not in ("active", "externalId")}
    for method, body in [("PUT", unsaid), ("PATCH", patch({"op": "remove", "path": "active"}))]:
        status, said = idp.call(method, f"Users/{anna}", body)
        assert status == 200 and said["active"] is False and said["externalId"] == person("anna")["externalId"], said
    settle(server, connector, lambda r: user_of(server, connector, "anna")["fullName"] == "Anna")
    assert user_of(server, connector, "anna")["active"] is False
    assert idp.call("PUT", f"Users/{anna}", {**unsaid, "active": True})[0] == 200
    settle(server, connector, lambda r: user_of(server, connector, "anna")["active"])
    # by its own path an externalId can be taken away
    assert "externalId" not in idp.call("PATCH", f"Users/{anna}", patch({"op": "remove", "path": "externalId"}))[1]


def test_a_mass_of_deletions_is_held_and_later_pushes_go_on(server):
    connector, idp = inbound(server, quietSeconds=1)
    ids = [created(idp.call("POST", "Users", person(f"user{n}"))) for n in range(30)]
    settle(server, connector, lambda r: len(usernames(server, connector)) == 30)
    for one in ids[:29]:
        assert idp.call("DELETE", f"Users/{one}")[0] == 204
    held = settle(server, connector, lambda r: r["status"] == "HELD")
    assert held["held"], held
    created(idp.call("POST", "Users", person("late")))
    again = settle(server, connector, lambda r: r["status"] == "HELD" and r["id"] != held["id"])
    assert server.call("POST", f"/usersync/syncstatus/{again['id']}/approve")[0] in (200, 202)
    server.wait(again["id"])
    status, said = server.call("GET", f"/directory/{connector['directoryId']}/user")
    assert sorted(u["name"] for u in said["users"] if u["active"]) == ["late", "user29"]


def test_before_the_first_push_nothing_is_known(server):
    connector, idp = inbound(server)
    done = server.sync(connector)
    assert done["status"] == "FAILED" and "has pushed nothing yet" in " ".join(done["messages"]), done
    notes = server.call("POST", f"/usersync/connector/{connector['id']}/test")[1]
    assert "Nothing has been pushed yet" in str(notes), notes
    created(idp.call("POST", "Users", person("anna")))
    settle(server, connector, lambda r: r["status"] == "DONE")
    notes = server.call("POST", f"/usersync/connector/{connector['id']}/test")[1]
    assert "1 users and 0 groups" in str(notes), notes


def test_what_was_answered_outlives_the_server(server):
    """Killed after the answer and before the run: nothing is lost, and the run comes with the next start."""
    connector, idp = inbound(server, quietSeconds=3600, latestSeconds=3600)
    anna = created(idp.call("POST", "Users", person("anna")))
    server.kill()
    server.start()
    assert idp.get(f"Users/{anna}")[1]["userName"] == "anna"
    assert server.call("GET", f"/usersync/connector/{connector['id']}/syncstatus")[0] == 404
    status, _ = server.call("PUT", f"/usersync/connector/{connector['id']}", {**connector["configuration"], "quietSeconds": 0})
    assert status == 200
    server.kill()
    server.start()
    done = settle(server, connector, lambda r: r["status"] == "DONE")
    assert (done["trigger"], usernames(server, connector)) == ("push", ["anna"])


def test_a_run_that_failed_comes_again_by_itself(server):
    """What stood in its way is mended, nothing more is pushed, and the directory has what was pushed."""
    connector, idp = inbound(server)
    created(idp.call("POST", "Users", person("anna")))
    settle(server, connector, lambda r: r["status"] == "DONE")
    assert server.call("DELETE", f"/directory/{connector['directoryId']}")[0] == 204
    created(idp.call("POST", "Users", person("bert")))
    failed = settle(server, connector, lambda r: r["status"] == "FAILED")
    # again without a push, and at the next start
    again = settle(server, connector, lambda r: r["id"] > failed["id"])
    assert (again["status"], again["trigger"]) == ("FAILED", "push"), again
    server.kill()
    server.start()
    settle(server, connector, lambda r: r["id"] > again["id"])
    status, connector = server.call("PUT", f"/usersync/connector/{connector['id']}", connector["configuration"])
    assert status == 200, connector
    done = settle(server, connector, lambda r: r["status"] == "DONE")
    assert done["trigger"] == "push" and usernames(server, connector) == ["anna", "bert"], done


def test_a_connector_that_is_enabled_gets_the_run_that_it_is_owed(server):
    connector, idp = inbound(server, quietSeconds=3600, latestSeconds=3600)
    created(idp.call("POST", "Users", person("anna")))
    configuration = {**connector["configuration"], "quietSeconds": 0}
    assert server.call("PUT", f"/usersync/connector/{connector['id']}", {**connector, "configuration": configuration, "enabled": False})[0] == 200
    server.stop()
    server.start()
    assert server.call("GET", f"/usersync/connector/{connector['id']}/syncstatus")[0] == 404
    assert server.call("PUT", f"/usersync/connector/{connector['id']}", {**connector, "configuration": configuration, "enabled": True})[0] == 200
    done = settle(server, connector)
    assert (done["status"], done["trigger"], usernames(server, connector)) == ("DONE", "push", ["anna"]), done


def test_a_mapping_is_tried_on_what_was_pushed(shared_server):
    server = shared_server
    connector, idp = inbound(server, "preview", quietSeconds=3600, latestSeconds=3600)
    anna = created(idp.call("POST", "Users", person("anna", title="Engineer")))
    configuration = {**connector["configuration"], "mapping": [{"attribute": "username", "from": "userName", "transform": ["upper"]},
                                                               {"attribute": "job", "from": "title"}, {"attribute": "outside", "from": "externalId"}]}
    status, said = server.call("POST", f"/usersync/connector/{connector['id']}/mapping/preview", {"username": "anna", "configuration": configuration})
    assert status == 200 and said["outcome"] == "WANTED" and said["user"]["name"] == "ANNA", said
    rows = {r["attribute"]: r["steps"][0]["values"] for r in said["rows"]}
    assert (rows["job"], rows["outside"]) == (["Engineer"], ["x-anna"]), rows
    assert usernames(server, connector) == [] and said["existing"] is None
    # the same person, explained
    status, said = server.call("GET", f"/usersync/connector/{connector['id']}/explain/anna")
    assert status == 200 and anna in str(said), said


def test_a_connector_moves_to_another_server_without_what_was_pushed(server):
    """The export has its settings, and the token only sealed; what was pushed is for the identity provider to say again."""
    connector, idp = inbound(server, quietSeconds=0)
    created(idp.call("POST", "Users", person("anna")))
    path = f"/usersync/connector/{connector['id']}/export"
    status, plain = server.call("GET", path)
    assert status == 200 and TOKEN not in json.dumps(plain) and "anna" not in json.dumps(plain), plain
    status, sealed = server.call("POST", path, {"passphrase": "something long to seal with"})
    assert status == 200 and TOKEN not in json.dumps(sealed), sealed
    with Server() as other:
        status, said = other.call("POST", "/usersync/connector/import", {**sealed, "passphrase": "something long to seal with"})
        assert status == 200 and said["connectors"][0]["action"] in ("create", "created"), said
        there = Scim(other, connector["uniqueId"], token=TOKEN)
        moved = other.call("GET", f"/usersync/connector/{connector['uniqueId']}")[1]
        assert there.names() == [] and moved["enabled"], moved
        created(there.call("POST", "Users", person("bert")))
        settle(other, moved, lambda r: r["status"] == "DONE" and usernames(other, moved) == ["bert"])


def test_what_cannot_be_is_refused_and_leaves_nothing(shared_server):
    _, idp = inbound(shared_server, "refused", quietSeconds=3600, latestSeconds=3600)
    anna = created(idp.call("POST", "Users", person("anna")))
    staff = created(idp.call("POST", "Groups", group("staff", anna)))
    etag = idp.get(f"Groups/{staff}")[1]["meta"]["version"]
    status, said = idp.call("PATCH", f"Groups/{staff}", patch({"op": "replace", "path": "displayName", "value": "other"},
                                                              {"op": "add", "path": "members", "value": [{"value": staff}]}))
    assert (status, said["scimType"]) == (400, "invalidValue") and said["detail"] == f'the group "{staff}" cannot be a member of itself', said
    for body, fault in ((patch({"op": "add", "path": "members", "value": [{"value": "u9999"}]}), "invalidValue"),
                        (patch({"op": "replace", "path": "id", "value": "x"}), "mutability"),
                        (patch({"op": "replace", "path": "shoeSize", "value": 44}), "invalidPath"),
                        (patch({"op": "frobnicate", "path": "displayName", "value": "x"}), "invalidSyntax"), (patch(), "invalidSyntax")):
        status, said = idp.call("PATCH", f"Groups/{staff}", body)
        assert (status, said["scimType"]) == (400, fault), (body, said)
    assert idp.call("DELETE", f"Groups/{staff}", headers={"If-Match": 'W/"0"'})[0] == 412
    status, said = idp.call("POST", "Users", {**person("eve"), "schemas": ["urn:example:none"]})
    assert (status, said["scimType"]) == (400, "invalidSyntax"), said
    for deep in ("(" * 2000 + "userName pr" + ")" * 2000, "x" * 900000):
        assert idp.call("POST", "Users/.search", {"filter": deep})[1]["scimType"] == "invalidFilter"
    assert idp.names() == ["anna"] and idp.get(f"Groups/{staff}")[1]["meta"]["version"] == etag


def test_strangers_do_not_learn_what_is_there(server):
    """Without good credentials each address answers the same; an application is told exactly that it sees nothing there."""
    connector, idp = inbound(server)
    other = server.create("directory", "ldap", {"url": "ldap://127.0.0.1:1", "baseDn": "dc=example"})
    assert server.call("POST", "/application", {"name": "wiki", "password": "wiki-password-123", "directories": [connector["directoryId"]],
                                                "rights": ["read"]})[0] == 201
    keys = [connector["uniqueId"], other["uniqueId"], "00000000-0000-4000-8000-000000000000", str(other["directoryId"]), "999", "x"]
    for login in ({}, {"token": "x" * 40}, {"user": "admin", "password": server.password}):
        answers = {(a.status, a.body.decode(), a.headers.get("WWW-Authenticate")) for a in
                   (server.request("GET", f"/scim/v2/{key}/Users", **{"user": None, "password": None, **login}) for key in keys)}
        assert len(answers) == 1 and answers.pop()[0] == 401, (login, answers)
    # the connector's own token opens its own address alone
    assert [Scim(server, key, token=TOKEN).get("Users")[0] for key in keys] == [200, 401, 401, 401, 401, 401]
    wiki = [Scim(server, key, "wiki", "wiki-password-123").get("Users") for key in keys]
    assert [status for status, _ in wiki] == [200, 404, 404, 404, 404, 404], wiki
    assert wiki[1][1]["detail"] == f'the application sees no directory "{other["uniqueId"]}"'


def test_what_is_declared_about_sorting_is_so(shared_server):
    _, idp = inbound(shared_server, "sorting", quietSeconds=3600, latestSeconds=3600)
    for name, given in (("a", "Zoe"), ("b", "Yan"), ("c", "Xia")):
        created(idp.call("POST", "Users", {**person(name), "name": {"givenName": given}}))
    config = idp.get("ServiceProviderConfig")[1]
    assert config["sort"] == {"supported": False} and config["etag"] == config["patch"] == {"supported": True}, config
    assert config["bulk"]["supported"] is True and config["changePassword"] == {"supported": False}, "passwords are dropped"
    # what is not supported is ignored, in pages too
    assert idp.names(sortBy="name.givenName", sortOrder="descending") == ["a", "b", "c"]
    first = idp.list(sortBy="emails", sortOrder="descending", cursor="", count=2)
    rest = idp.list(sortBy="emails", sortOrder="descending", cursor=first["nextCursor"], count=2)
    assert [r["userName"] for r in first["Resources"] + rest["Resources"]] == ["a", "b", "c"]


def test_each_write_of_a_group_says_its_version(shared_server):
    _, idp = inbound(shared_server, "versions", quietSeconds=3600, latestSeconds=3600)
    anna, bert = created(idp.call("POST", "Users", person("anna"))), created(idp.call("POST", "Users", person("bert")))
    staff = created(idp.call("POST", "Groups", group("staff", anna)))
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": bert}]}))[0] == 204
    patched = idp.headers["ETag"]
    assert idp.get(f"Groups/{staff}")[1]["meta"]["version"] == idp.headers["ETag"] == patched
    assert idp.call("PUT", f"Groups/{staff}", group("staff", anna), headers={"If-Match": patched})[0] == 200
    replaced = idp.headers["ETag"]
    assert replaced != patched
    status, said = idp.call("POST", "Bulk", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "PATCH", "path": f"/Groups/{staff}", "version": replaced, "data": patch({"op": "remove", "path": f'members[value eq "{anna}"]'})}]})
    assert status == 200 and said["Operations"][0]["status"] == "200", said
    assert said["Operations"][0]["version"] == idp.get(f"Groups/{staff}")[1]["meta"]["version"]
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": anna}]}),
                    headers={"If-Match": patched})[0] == 412


def test_a_group_that_is_pushed_without_its_members_loses_them_only_with_consent(server):
    """RFC 7644, 3.5.1: what a whole resource leaves out is gone. The limits of the connector stand between that and the directory."""
    connector, idp = inbound(server, quietSeconds=1)
    ids = [created(idp.call("POST", "Users", person(f"user{n}"))) for n in range(60)]
    staff = created(idp.call("POST", "Groups", group("staff", *ids)))

    def memberships():
        return server.call("GET", f"/directory/{connector['directoryId']}")[1]["memberships"]

    settle(server, connector, lambda r: r["status"] == "DONE" and memberships() == 60)
    whole = group("staff")
    del whole["members"]
    status, said = idp.call("PUT", f"Groups/{staff}", whole)
    assert status == 200 and "members" not in said, said
    held = settle(server, connector, lambda r: r["status"] == "HELD")
    assert held["held"]["rule"] in ("memberships.removed", "memberships.perGroup", "empty-listing"), held["held"]
    assert memberships() == 60
    # the provider says it again, whole: nobody has lost anything
    assert idp.call("PUT", f"Groups/{staff}", group("staff", *ids))[0] == 200
    settle(server, connector, lambda r: r["status"] == "DONE" and r["id"] > held["id"])
    assert memberships() == 60


@pytest.mark.parametrize("cleanup", ["disable", "delete"])
def test_a_deleted_user_can_be_made_again(cleanup):
    """With the same externalId; and where nothing is kept of the old one with the name alone, another externalId, and after the deletion is forgotten."""
    with Server("--keep-run-age", "1s") as server:
        connector, idp = inbound(server, cleanup=cleanup)
        old = created(idp.call("POST", "Users", person("anna")))
        created(idp.call("POST", "Users", person("bert")))
        settle(server, connector, lambda r: r["status"] == "DONE" and usernames(server, connector) == ["anna", "bert"])

        def is_there():
            status, said = server.call("GET", f"/directory/{connector['directoryId']}/user/anna")
            return status == 200 and said["user"]["active"]

        def delete(number):
            assert idp.call("DELETE", f"Users/{number}")[0] == 204
            settle(server, connector, lambda r: r["status"] == "DONE" and not is_there())

        def count(where):
            with contextlib.closing(sqlite3.connect(f"file:{server.data}/usersync.db?mode=ro", uri=True)) as store:
                return store.execute(f"SELECT count(*) FROM pushed WHERE {where}").fetchone()[0]

        delete(old)
        if cleanup == "delete":
            for more in ({"externalId": "another"}, {"externalId": None}):
                new = created(idp.call("POST", "Users", person("anna", **more)))
                assert new != old
                settle(server, connector, lambda r: is_there())
                delete(new)
        # somebody comes and goes: each change makes a run, and after runs the old is taken away
        passing = created(idp.call("POST", "Groups", group("passing")))
        settle(server, connector, lambda r: groupnames(server, connector) == ["passing"])
        assert idp.call("DELETE", f"Groups/{passing}")[0] == 204
        deadline = time.monotonic() + 60
        while count("gone = 1") != (cleanup == "disable"):
            assert time.monotonic() < deadline
            created(idp.call("POST", "Users", person(f"other{time.monotonic_ns()}")))
            time.sleep(0.05)
        again = created(idp.call("POST", "Users", person("anna")))
        assert (again == old) == (cleanup == "disable"), "whoever the directory still has is the same person"
        settle(server, connector, lambda r: is_there())
        assert server.sync(connector)["failedCount"] == 0 and is_there()


def test_nobody_gets_the_account_of_somebody_else_by_the_same_name(server):
    connector, idp = inbound(server, cleanup="disable")
    old = created(idp.call("POST", "Users", person("anna")))
    created(idp.call("POST", "Users", person("bert")))
    settle(server, connector, lambda r: r["status"] == "DONE" and usernames(server, connector) == ["anna", "bert"])

    def anna():
        return server.call("GET", f"/directory/{connector['directoryId']}/user/anna")[1]["user"]
    # who is only deactivated is there, with any externalId
    assert idp.call("PATCH", f"Users/{old}", patch({"op": "replace", "path": "active", "value": False}))[0] == 200
    settle(server, connector, lambda r: r["status"] == "DONE" and not anna()["active"])
    for other in ({}, {"externalId": "another"}):
        status, said = idp.call("POST", "Users", person("anna", **other))
        assert (status, said["scimType"]) == (409, "uniqueness"), said
    assert idp.call("DELETE", f"Users/{old}")[0] == 204
    settle(server, connector, lambda r: r["status"] == "DONE" and "missingSince" in anna())
    before = server.call("GET", f"/usersync/connector/{connector['uniqueId']}/syncstatus")[1]["id"]
    for name in ("anna", "ANNA"):
        status, said = idp.call("POST", "Users", person(name, externalId="another"))
        assert (status, said["scimType"]) == (409, "uniqueness") and "kept there, disabled" in said["detail"], said
    assert server.call("GET", f"/usersync/connector/{connector['uniqueId']}/syncstatus")[1]["id"] == before
    # another name, and the same person again, are welcome
    created(idp.call("POST", "Users", person("anna2", externalId="another")))
    assert created(idp.call("POST", "Users", person("anna"))) == old
    run = settle(server, connector, lambda r: r["status"] == "DONE" and anna()["active"])
    assert run["failedCount"] == 0


def test_one_user_can_be_explained_and_synced(server):
    connector, idp = inbound(server, quietSeconds=3600, latestSeconds=3600)
    anna = created(idp.call("POST", "Users", person("anna")))
    created(idp.call("POST", "Groups", group("staff", anna)))
    status, said = server.call("POST", f"/usersync/connector/{connector['id']}/syncsingle/anna")
    assert status == 200 and said["addedCount"] == 1, said
    assert usernames(server, connector) == ["anna"]
    status, said = server.call("GET", f"/usersync/connector/{connector['id']}/explain/anna")
    assert status == 200 and "anna@example.org" in str(said), said
    assert server.call("POST", f"/usersync/connector/{connector['id']}/syncsingle/nobody")[0] == 404


def crowd(server, path):
    return server.request("GET", f"/crowd/rest/usermanagement/1/{path}", headers={"Accept": "application/json"}, user="jira", password="jira-password-123")


def test_what_entra_sends_reaches_the_applications(server):
    """The requests of Microsoft's provisioning service in their order, and what Jira then reads by the Crowd protocol."""
    connector, entra = inbound(server, quietSeconds=1)
    status, said = server.call("POST", "/application", {"name": "jira", "password": "jira-password-123", "directories": [connector["directoryId"]],
                                                        "rights": ["read"]})
    assert status == 201, said
    # the connection test: somebody who cannot be there
    assert entra.list(filter='userName eq "7d9f8e1c-0a59-4a7b-8f9e-2c8b1f3d5e6a"')["totalResults"] == 0
    ids = {}
    for name in ("adele", "megan"):
        assert entra.list(filter=f'userName eq "{name}@contoso.com"')["totalResults"] == 0
        ids[name] = created(entra.call("POST", "Users", {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": name, "userName": f"{name}@contoso.com", "active": True, "displayName": name.title(),
            "emails": [{"primary": True, "type": "work", "value": f"{name}@contoso.com"}], "meta": {"resourceType": "User"},
            "name": {"formatted": name, "familyName": "Contoso", "givenName": name.title()}, "roles": []}))
    status, said = entra.call("PATCH", f"Users/{ids['adele']}", patch(
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "adele.vance@contoso.com"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales"},
        {"op": "Replace", "path": "name.familyName", "value": "Vance"}))
    assert status == 200, said
    assert entra.list("Groups", filter='displayName eq "Sales"', excludedAttributes="members")["totalResults"] == 0
    sales = created(entra.call("POST", "Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group",
                                                              "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                                                  "externalId": "8aa1a0c0", "displayName": "Sales", "meta": {"resourceType": "Group"}}))
    for one in ids.values():
        assert entra.call("PATCH", f"Groups/{sales}", patch({"op": "Add", "path": "members", "value": [{"value": one}]}))[0] == 204
    settle(server, connector, lambda r: crowd(server, "group/user/direct?groupname=Sales").status == 200 and
           len(crowd(server, "group/user/direct?groupname=Sales").json()["users"]) == 2)
    adele = crowd(server, "user?username=adele@contoso.com").json()
    assert (adele["email"], adele["last-name"], adele["active"]) == ("adele.vance@contoso.com", "Vance", True), adele
    # leaves the group, is blocked, and is deleted for good
    assert entra.call("PATCH", f"Groups/{sales}", patch({"op": "Remove", "path": f'members[value eq "{ids["megan"]}"]'}))[0] == 204
    assert entra.call("PATCH", f"Users/{ids['megan']}", patch({"op": "Replace", "path": "active", "value": "False"}))[0] == 200
    settle(server, connector, lambda r: not crowd(server, "user?username=megan@contoso.com").json()["active"])
    assert [u["name"] for u in crowd(server, "group/user/direct?groupname=Sales").json()["users"]] == ["adele@contoso.com"]
    assert entra.call("DELETE", f"Users/{ids['megan']}")[0] == 204
    settle(server, connector, lambda r: r["deletedCount"] + r["disabledCount"] + r["notModifiedCount"] > 0)
    assert entra.get(f"Users/{ids['megan']}")[0] == 404
    counted = server.request("GET", "/metrics").body.decode()
    assert f'usersync_pushes_total{{connector="{connector["uniqueId"]}",outcome="accepted"}} 9\n' in counted, counted


def test_a_token_that_could_be_guessed_is_no_configuration(shared_server):
    status, said = shared_server.call("POST", "/usersync/connector/", {"name": "weak", "type": "scim", "configuration": {"token": "short"}})
    assert status == 422 and "must have at least 32 bytes" in str(said), said
    connector, idp = inbound(shared_server, "strong")
    assert connector["configuration"]["token"] == "***"
    status, said = shared_server.call("PUT", f"/usersync/connector/{connector['id']}", connector["configuration"])
    assert status == 200, said
    assert idp.get("Users")[0] == 200, "the token is kept"


def test_one_member_of_a_large_group_costs_no_more_than_that_member(shared_server):
    connector, idp = inbound(shared_server, "large", quietSeconds=3600, latestSeconds=3600)
    ids = [created(idp.call("POST", "Users", person(f"member{n}"))) for n in range(60)]
    staff = created(idp.call("POST", "Groups", group("staff", *ids[:50])))
    before = idp.get(f"Groups/{staff}")[1]["meta"]["version"]
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": i} for i in ids[50:]]}))[0] == 204
    said = idp.get(f"Groups/{staff}")[1]
    assert [m["value"] for m in said["members"]] == ids and said["meta"]["version"] != before
    # what changes nothing is no change
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "add", "path": "members", "value": [{"value": ids[0]}]}))[0] == 204
    assert idp.get(f"Groups/{staff}")[1]["meta"]["version"] == said["meta"]["version"]
    # a whole group replaces its members
    status, answer = idp.call("PUT", f"Groups/{staff}", group("staff", *ids[10:20]))
    assert status == 200 and [m["value"] for m in answer["members"]] == ids[10:20], answer
    assert idp.call("PATCH", f"Groups/{staff}", patch({"op": "replace", "path": "members", "value": []}))[0] == 204
    assert "members" not in idp.get(f"Groups/{staff}")[1]
