"""The writing side of the Crowd protocol: local directories, passwords, sessions."""

import json
import sqlite3

import pytest
from crowd import PEOPLE, Awkward, Crowd
from server import Server

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def site():
    with Awkward() as company, Server() as server:
        synced = server.create("awkward", "file", company.configuration)
        server.sync(synced)
        server.synced = synced["directoryId"]
        # a connector that goes leaves its directory, as a local one
        other = server.create("other", "file", company.configuration)
        assert server.call("DELETE", f"/usersync/connector/{other['id']}")[0] == 204
        server.local = other["directoryId"]
        yield server


@pytest.fixture(params=["xml", "json"])
def crowd(site, request):
    """An application that sees the local directory alone, emptied, and may do everything."""
    name = "local-" + request.param
    site.call("POST", "/application/", {"name": name, "directories": [site.local], "rights": ["read", "write", "authenticate"], "password": "open sesame"})
    one = Crowd(site, name, "open sesame", request.param == "json")
    for kind, key in [("user", "username"), ("group", "groupname")]:
        for item in one.names("search", **{"entity-type": kind, "max-results": -1}):
            assert one.call("DELETE", kind, **{key: item})[0] == 204
    return one


def user(crowd, name, **more):
    fields = {"first-name": "F", "last-name": "L", "display-name": "F & L", "email": "f@example.org", "active": True, **more}
    if crowd.json_wanted:
        if "password" in fields:
            fields["password"] = {"value": fields["password"]}
        return json.dumps({"name": name, **fields})
    if "password" in fields:
        fields["password"] = f"<value>{fields['password']}</value>"
    fields["active"] = str(fields["active"]).lower()
    fields["display-name"] = fields["display-name"].replace("&", "&amp;")
    return f'<user name="{name}">' + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + "</user>"


def password(crowd, text):
    return f'{{"value": "{text}"}}' if crowd.json_wanted else f"<password><value>{text}</value></password>"


def named(crowd, kind, name):
    return f'{{"name": "{name}"}}' if crowd.json_wanted else f'<{kind} name="{name}"/>'


def test_a_user_is_made_changed_renamed_and_removed(crowd):
    status, made = crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    assert status == 201, made
    assert (made["name"], made["display-name"], made["active"]) == ("ann", "F & L", True)
    assert PASSWORD not in str(made)
    status, answer = crowd.call("POST", "user", user(crowd, "ANN"))
    assert (status, answer["reason"]) == (400, "INVALID_USER")
    assert crowd.call("PUT", "user", user(crowd, "ann", email="new@example.org", active=False), username="ann")[0] == 204
    shown = crowd.get("user", username="ann")[1]
    assert (shown["email"], shown["active"], shown["key"]) == ("new@example.org", False, made["key"])
    body = '{"new-name": "anna"}' if crowd.json_wanted else "<new-name>anna</new-name>"
    status, renamed = crowd.call("POST", "user/rename", body, username="ann")
    assert (status, renamed["name"], renamed["key"]) == (200, "anna", made["key"])
    assert crowd.call("DELETE", "user", username="anna")[0] == 204
    assert crowd.get("user", username="anna")[0] == 404


@pytest.mark.parametrize("kind, parameter", [("user", "username"), ("group", "groupname")])
def test_attributes_are_set_and_removed(crowd, kind, parameter):
    crowd.call("POST", kind, user(crowd, "ann") if kind == "user" else named(crowd, "group", "ann"))
    crowd.call("POST", kind, user(crowd, "bob") if kind == "user" else named(crowd, "group", "bob"))
    ann = {parameter: "ann"}
    body = ('{"attributes": [{"name": "team", "values": ["red", "blue"]}, {"name": "desk", "values": ["7"]}]}' if crowd.json_wanted else
            '<attributes><attribute name="team"><values><value>red</value><value>blue</value></values></attribute>'
            '<attribute name="desk"><values><value>7</value></values></attribute></attributes>')
    before = crowd.get("event")[1]["newEventToken"]
    assert crowd.call("POST", f"{kind}/attribute", body, **ann)[0] == 204
    got = {a["name"]: a["values"] for a in crowd.get(f"{kind}/attribute", **ann)[1]["attributes"]}
    assert got == {"team": ["red", "blue"], "desk": ["7"]}
    assert {a["name"] for a in crowd.get(kind, expand="attributes", **ann)[1]["attributes"]["attributes"]} == {"team", "desk"}
    def search(value, **query):
        body = ('{"property": {"name": "Team", "type": "STRING"}, "match-mode": "EXACTLY_MATCHES", "value": "%s"}' if crowd.json_wanted else
                "<property-search-restriction><property><name>Team</name><type>STRING</type></property><match-mode>EXACTLY_MATCHES</match-mode>"
                "<value>%s</value></property-search-restriction>") % value
        status, answer = crowd.call("POST", "search", body, **{"entity-type": kind}, **query)
        assert status == 200, answer
        return answer[f"{kind}s"]

    [listed] = search("BLUE", expand=f"{kind},attributes")
    assert listed["name"] == "ann" and {a["name"] for a in listed["attributes"]["attributes"]} == {"team", "desk"}
    assert search("green") == []
    assert "blue" in str(crowd.get(f"event/{before}"))
    assert crowd.call("DELETE", f"{kind}/attribute", attributename="team", **ann)[0] == 204
    assert [a["name"] for a in crowd.get(f"{kind}/attribute", **ann)[1]["attributes"]] == ["desk"]
    status, answer = crowd.call("DELETE", f"{kind}/attribute", **ann)
    assert (status, answer["reason"]) == (400, "ILLEGAL_ARGUMENT")
    assert crowd.call("POST", f"{kind}/attribute", body, **{parameter: "nobody"})[0] == 404


@pytest.mark.parametrize("values, said", [
    (list(range(1001)), "more than 1000 values"), ([{"a": 1}], "no text"), ([["x"]], "no text"), ([None], "no text"), (None, "no text"), (["a", 1.5], "no text"),
])
def test_attribute_values_that_would_be_lost_are_refused(crowd, values, said):
    if not crowd.json_wanted and said == "no text":
        return  # each value is one
    crowd.call("POST", "user", user(crowd, "ann"))
    body = json.dumps({"attributes": [{"name": "team", "values": values}]}) if crowd.json_wanted else \
        '<attributes><attribute name="team"><values>' + "<value>x</value>" * len(values) + "</values></attribute></attributes>"
    status, answer = crowd.call("POST", "user/attribute", body, username="ann")
    assert (status, answer["reason"]) == (400, "ILLEGAL_ARGUMENT") and said in answer["message"], answer
    assert crowd.get("user/attribute", username="ann")[1]["attributes"] == []


def test_fields_that_are_no_texts_are_refused(crowd):
    if not crowd.json_wanted:
        return  # all are
    for field in ("first-name", "last-name", "display-name", "email", "active", "password"):
        for value in ({"a": 1}, ["x"], 1.5) if field != "password" else ({"value": {"a": 1}}, {"value": ["x"]}, ["x"]):
            status, answer = crowd.call("POST", "user", json.dumps({"name": "ann", field: value}))
            assert status == 400 and answer["reason"] in ("ILLEGAL_ARGUMENT", "INVALID_CREDENTIAL"), (field, value, answer)
    assert crowd.call("POST", "group", json.dumps({"name": "red", "description": ["x"]}))[0] == 400
    assert crowd.names("search", **{"entity-type": "user"}) == crowd.names("search", **{"entity-type": "group"}) == []
    # what was shown can be sent back, and a bare password is one
    assert crowd.call("POST", "user", json.dumps({"name": "ann", "password": PASSWORD, "email": None}))[0] == 201
    assert crowd.call("POST", "authentication", password(crowd, PASSWORD), username="ann")[0] == 200
    shown = crowd.get("user", username="ann")[1]
    assert crowd.call("PUT", "user", json.dumps(shown), username="ann")[0] == 204
    assert crowd.call("POST", "user", json.dumps({**shown, "name": "bob"}))[0] == 201


def test_groups_and_memberships_are_changed(crowd):
    for name in ("red", "blue"):
        status, made = crowd.call("POST", "group", named(crowd, "group", name))
        assert (status, made["name"]) == (201, name)
    crowd.call("POST", "user", user(crowd, "ann"))
    crowd.call("POST", "user", user(crowd, "bob"))
    assert crowd.call("POST", "group/user/direct", named(crowd, "user", "ann"), groupname="red")[0] == 201
    assert crowd.call("POST", "user/group/direct", named(crowd, "group", "red"), username="bob")[0] == 201
    status, answer = crowd.call("POST", "group/user/direct", named(crowd, "user", "ann"), groupname="red")
    assert (status, answer["reason"], answer["message"]) == (409, "MEMBERSHIP_ALREADY_EXISTS", 'the user "ann" is already in the group "red"')
    assert crowd.names("group/user/direct", groupname="red") == ["ann", "bob"]
    assert crowd.call("POST", "group/child-group/direct", named(crowd, "group", "red"), groupname="blue")[0] == 201
    assert crowd.names("user/group/nested", username="ann") == ["red", "blue"]
    status, answer = crowd.call("POST", "group/child-group/direct", named(crowd, "group", "blue"), groupname="red")
    assert (status, answer["reason"]) == (400, "INVALID_GROUP")
    assert crowd.call("DELETE", "group/user/direct", groupname="red", username="ann")[0] == 204
    status, answer = crowd.call("DELETE", "group/user/direct", groupname="red", username="ann")
    assert (status, answer["reason"]) == (404, "MEMBERSHIP_NOT_FOUND")
    assert crowd.call("DELETE", "group/child-group/direct", **{"groupname": "blue", "child-groupname": "red"})[0] == 204
    assert crowd.call("DELETE", "group", groupname="red")[0] == 204
    assert crowd.names("user/group/direct", username="bob") == []


def test_what_the_body_says_of_another_object_is_refused(crowd):
    crowd.call("POST", "user", user(crowd, "ann"))
    crowd.call("POST", "group", named(crowd, "group", "red"))
    for path, query, body in [("user", {"username": "ann"}, user(crowd, "bob", email="bob@example.org")), ("group", {"groupname": "red"}, named(crowd, "group", "blue"))]:
        status, answer = crowd.call("PUT", path, body, **query)
        assert (status, answer["reason"]) == (400, "ILLEGAL_ARGUMENT"), answer
    assert crowd.get("user", username="ann")[1]["email"] == "f@example.org"
    assert crowd.call("PUT", "user", user(crowd, "ANN", email="ann@example.org"), username="ann")[0] == 204


def test_a_group_is_not_kept_active_in_silence(crowd):
    inactive = '{"name": "red", "active": false}' if crowd.json_wanted else '<group name="red"><active>false</active></group>'
    status, answer = crowd.call("POST", "group", inactive)
    assert (status, answer["reason"]) == (400, "UNSUPPORTED_OPERATION"), answer
    assert crowd.call("POST", "group", inactive.replace("false", "true"))[0] == 201
    status, answer = crowd.call("PUT", "group", inactive, groupname="red")
    assert (status, answer["reason"]) == (400, "UNSUPPORTED_OPERATION"), answer


@pytest.mark.parametrize("order", ["synced first", "local first"])
def test_a_rename_takes_no_name_of_another_directory(site, crowd, order):
    both = [site.synced, site.local] if order == "synced first" else [site.local, site.synced]
    crowd.call("POST", "user", user(crowd, "ann"))
    name = order.replace(" ", "-") + str(crowd.json_wanted)
    site.call("POST", "/application/", {"name": name, "directories": both, "rights": ["read", "write"], "password": "open sesame"})
    wide = Crowd(site, name, "open sesame", crowd.json_wanted)
    before = wide.get("user", username="alice")[1]
    body = '{"new-name": "ALICE"}' if crowd.json_wanted else "<new-name>ALICE</new-name>"
    status, answer = wide.call("POST", "user/rename", body, username="ann")
    assert (status, answer["reason"]) == (400, "INVALID_USER"), answer
    assert wide.get("user", username="alice")[1] == before and wide.get("user", username="ann")[0] == 200
    assert wide.call("POST", "user/rename", body.replace("ALICE", "Ann"), username="ann")[1]["name"] == "Ann"


def test_what_is_not_there_cannot_be_changed(crowd):
    crowd.call("POST", "group", named(crowd, "group", "red"))
    for method, path, query, body, reason in [
        ("PUT", "user", {"username": "nobody"}, user(crowd, "nobody"), "USER_NOT_FOUND"),
        ("DELETE", "user", {"username": "nobody"}, None, "USER_NOT_FOUND"),
        ("PUT", "user/password", {"username": "nobody"}, password(crowd, PASSWORD), "USER_NOT_FOUND"),
        ("DELETE", "group", {"groupname": "nothing"}, None, "GROUP_NOT_FOUND"),
        ("POST", "group/user/direct", {"groupname": "red"}, named(crowd, "user", "nobody"), "USER_NOT_FOUND"),
        ("POST", "group/user/direct", {"groupname": "nothing"}, named(crowd, "user", "nobody"), "GROUP_NOT_FOUND"),
        ("POST", "user", {}, "{}" if crowd.json_wanted else "<user/>", "ILLEGAL_ARGUMENT"),
        ("POST", "user", {}, "", "ILLEGAL_ARGUMENT"),
        ("POST", "user", {}, user(crowd, "ann", active="perhaps"), "ILLEGAL_ARGUMENT"),
        ("POST", "user", {}, user(crowd, "ann", password="short"), "INVALID_CREDENTIAL"),
    ]:
        status, answer = crowd.call(method, path, body, **query)
        assert status in (400, 404) and answer["reason"] == reason, (method, path, answer)
    assert crowd.names("search", **{"entity-type": "user"}) == []


def test_a_password_is_checked_and_never_shown(site, crowd):
    crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    status, answer = crowd.call("POST", "authentication", password(crowd, PASSWORD), username="ANN")
    assert (status, answer["name"]) == (200, "ann")
    for name, text, reason in [("ann", "wrong", "INVALID_USER_AUTHENTICATION"), ("ann", "", "INVALID_USER_AUTHENTICATION"), ("nobody", "x", "USER_NOT_FOUND")]:
        status, answer = crowd.call("POST", "authentication", password(crowd, text), username=name)
        assert (status, answer["reason"]) == (400 if name == "ann" else 404, reason), answer
    assert crowd.call("PUT", "user/password", password(crowd, "another " + PASSWORD), username="ann")[0] == 204
    assert crowd.call("POST", "authentication", password(crowd, PASSWORD), username="ann")[0] == 400
    assert crowd.call("POST", "authentication", password(crowd, "another " + PASSWORD), username="ann")[0] == 200
    crowd.call("PUT", "user", user(crowd, "ann", active=False), username="ann")
    status, answer = crowd.call("POST", "authentication", password(crowd, "another " + PASSWORD), username="ann")
    assert (status, answer["reason"]) == (400, "INACTIVE_ACCOUNT")
    assert PASSWORD not in site.log()


def test_blanks_are_a_part_of_a_password(crowd):
    spaced = f"  {PASSWORD} "
    crowd.call("POST", "user", user(crowd, "ann", password=spaced))

    def knows(text):
        session = crowd.call("POST", "session", context(crowd, "ann", text))[0]
        return crowd.call("POST", "authentication", password(crowd, text), username="ann")[0], session

    assert (knows(spaced), knows(PASSWORD)) == ((200, 201), (400, 400))
    assert crowd.call("PUT", "user/password", password(crowd, PASSWORD + "\\t" if crowd.json_wanted else PASSWORD + "\t"), username="ann")[0] == 204
    assert knows(PASSWORD) == (400, 400)


def test_logins_are_written_down(site, crowd):
    for name in ("ann", "bob", "cy"):
        crowd.call("POST", "user", user(crowd, name, password=PASSWORD))
    crowd.call("POST", "authentication", password(crowd, PASSWORD), username="ann")
    crowd.call("POST", "authentication", password(crowd, "wrong"), username="bob")
    assert crowd.call("POST", "authentication/notify", username="cy")[0] == 204
    assert crowd.call("POST", "authentication/notify", username="nobody")[0] == 404
    site.stop()
    with sqlite3.connect(site.data / "usersync.db") as store:
        seen = store.execute("SELECT u.name, l.via FROM login l JOIN usr u ON u.id = l.id").fetchall()
    site.start()
    assert sorted(row for row in seen if row[1] == crowd.name) == [("ann", crowd.name), ("cy", crowd.name)]


def test_guessing_a_password_is_throttled(crowd):
    crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    for _ in range(12):
        status, answer = crowd.call("POST", "authentication", password(crowd, "guess"), username="ann")
        assert (status, answer["reason"]) == (400, "INVALID_USER_AUTHENTICATION")
    assert "wait" in answer["message"]
    # the right one has to wait too, and others need not
    assert crowd.call("POST", "authentication", password(crowd, PASSWORD), username="ann")[0] == 400
    crowd.call("POST", "user", user(crowd, "bob", password=PASSWORD))
    assert crowd.call("POST", "authentication", password(crowd, PASSWORD), username="bob")[0] == 200


def context(crowd, name, text=None, **factors):
    if crowd.json_wanted:
        return json.dumps({"username": name, **({"password": text} if text else {}),
                           "validation-factors": {"validationFactors": [{"name": k, "value": v} for k, v in factors.items()]}})
    inner = "".join(f"<validation-factor><name>{k}</name><value>{v}</value></validation-factor>" for k, v in factors.items())
    return ("<authentication-context><username>" + name + "</username>" + (f"<password>{text}</password>" if text else "") +
            f"<validation-factors>{inner}</validation-factors></authentication-context>")


def factors(crowd, **items):
    if crowd.json_wanted:
        return json.dumps({"validationFactors": [{"name": k, "value": v} for k, v in items.items()]})
    return "<validation-factors>" + "".join(f"<validation-factor><name>{k}</name><value>{v}</value></validation-factor>" for k, v in items.items()) + \
        "</validation-factors>"


def test_a_session_is_opened_validated_and_ended(crowd):
    crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    status, session = crowd.call("POST", "session", context(crowd, "ann", PASSWORD, remote_address="10.0.0.7"), expand="user")
    assert status == 201, session
    assert session["user"]["email"] == "f@example.org" and session["expiry-date"] > session["created-date"]
    token = session["token"]
    assert crowd.get(f"session/{token}")[1]["user"]["name"] == "ann"
    assert crowd.call("POST", f"session/{token}", factors(crowd, remote_address="10.0.0.7"))[0] == 200
    for bad in (factors(crowd, remote_address="10.0.0.8"), factors(crowd)):
        status, answer = crowd.call("POST", f"session/{token}", bad)
        assert (status, answer["reason"]) == (404, "INVALID_SSO_TOKEN")
    status, answer = crowd.call("POST", "session", context(crowd, "ann", "wrong"))
    assert (status, answer["reason"]) == (400, "INVALID_USER_AUTHENTICATION")
    status, trusted = crowd.call("POST", "session", context(crowd, "ann"), **{"validate-password": "false"})
    assert status == 201
    assert crowd.call("DELETE", "session", username="ann", exclude=trusted["token"])[0] == 204
    assert crowd.get(f"session/{token}")[0] == 404
    assert crowd.get(f"session/{trusted['token']}")[0] == 200
    assert crowd.call("DELETE", f"session/{trusted['token']}")[0] == 204
    assert crowd.get(f"session/{trusted['token']}")[0] == 404
    assert crowd.call("DELETE", "session/none")[0] == 204


def test_a_session_ends_with_its_user(crowd):
    crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    token = crowd.call("POST", "session", context(crowd, "ann", PASSWORD))[1]["token"]
    crowd.call("PUT", "user", user(crowd, "ann", active=False), username="ann")
    assert crowd.get(f"session/{token}")[1]["reason"] == "INVALID_SSO_TOKEN"
    status, answer = crowd.call("POST", "session", context(crowd, "ann"), **{"validate-password": "false"})
    assert (status, answer["reason"]) == (400, "INACTIVE_ACCOUNT")
    crowd.call("DELETE", "user", username="ann")
    assert crowd.get(f"session/{token}")[1]["reason"] == "INVALID_SSO_TOKEN"


def test_a_session_ends_with_the_password_that_an_admin_replaces(site, crowd):
    crowd.call("POST", "user", user(crowd, "ann", password=PASSWORD))
    crowd.call("POST", "user", user(crowd, "bob", password=PASSWORD))

    def login(name, text=PASSWORD):
        status, session = crowd.call("POST", "session", context(crowd, name, text))
        assert status == 201, session
        return session["token"]

    ann, bob = login("ann"), login("bob")
    # the application ends those that it wants to end: the one in which the user has changed it goes on
    assert crowd.call("PUT", "user/password", password(crowd, "another " + PASSWORD), username="ann")[0] == 204
    other = login("ann", "another " + PASSWORD)
    assert crowd.get(f"session/{ann}")[0] == crowd.get(f"session/{other}")[0] == 200
    assert crowd.call("DELETE", "session", username="ann", exclude=ann)[0] == 204
    assert (crowd.get(f"session/{ann}")[0], crowd.get(f"session/{other}")[0]) == (200, 404)
    for method, body in [("PUT", {"password": "the third " + PASSWORD}), ("DELETE", None)]:
        assert site.call(method, f"/directory/{site.local}/user/ann/password", body)[0] < 300
        status, answer = crowd.get(f"session/{ann}")
        assert (status, answer["reason"]) == (404, "INVALID_SSO_TOKEN"), answer
        assert crowd.call("POST", f"session/{ann}", factors(crowd))[0] == 404
        if method == "PUT":
            ann = login("ann", "the third " + PASSWORD)
    assert crowd.get(f"session/{bob}")[0] == 200


@pytest.mark.parametrize("method, path, query, body", [
    ("PUT", "user", {"username": "alice"}, "user"), ("DELETE", "user", {"username": "alice"}, None),
    ("PUT", "user/password", {"username": "alice"}, "password"), ("POST", "user/rename", {"username": "alice"}, "rename"),
    ("DELETE", "group", {"groupname": "staff"}, None), ("POST", "user/group/direct", {"username": "alice"}, "group"),
    ("DELETE", "user/group/direct", {"username": "alice", "groupname": "staff"}, None), ("POST", "user", {}, "user"),
])
def test_a_synced_directory_is_not_written_to(site, method, path, query, body):
    site.call("POST", "/application/", {"name": "writer", "directories": [site.synced], "rights": ["read", "write"], "password": "open sesame"})
    crowd = Crowd(site, "writer", "open sesame")
    before = site.call("GET", f"/directory/{site.synced}")[1]
    texts = {"user": user(crowd, query.get("username", "zed")), "password": password(crowd, PASSWORD), "rename": "<new-name>zed</new-name>", "group": named(crowd, "group", "R&amp;D <lab>".replace(" <lab>", "")),
             None: None}
    if body == "group":
        texts["group"] = named(crowd, "group", "night shift")
    status, answer = crowd.call(method, path, texts[body], **query)
    assert (status, answer["reason"]) == (403, "APPLICATION_PERMISSION_DENIED"), answer
    assert site.call("GET", f"/directory/{site.synced}")[1] == before and len(PEOPLE) == before["users"]


def test_who_may_only_read_cannot_write_or_check_passwords(site):
    site.call("POST", "/application/", {"name": "reader", "directories": [site.local], "rights": ["read"], "password": "open sesame"})
    crowd = Crowd(site, "reader", "open sesame")
    for path, body, query in [("user", user(crowd, "ann"), {}), ("authentication", password(crowd, "x"), {"username": "ann"}), ("session", context(crowd, "ann"), {})]:
        status, answer = crowd.call("POST", path, body, **query)
        assert (status, answer["reason"]) == (403, "APPLICATION_PERMISSION_DENIED")
