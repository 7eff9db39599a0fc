"""Connectors move from one server to another as a file: all of it or nothing, secrets only under a passphrase."""

import copy
import json

import pytest
from company import Company
from server import BASE, Server

EXPORT, IMPORT = "/usersync/connector/export", "/usersync/connector/import"
SECRET = "hunter2-is-no-secret"
PASSPHRASE = "vier Wörter für Überall"
KEYCLOAK = {"url": "https://login.example.com", "realm": "staff", "clientId": "sync", "clientSecret": SECRET,
            "limits": {"users": {"floor": 5, "percent": 10}}, "mapping": [{"attribute": "username", "from": ["email", "username"]}]}
LDAP = {"url": "ldap://127.0.0.1:9", "baseDn": "dc=example", "bindDn": "cn=reader", "bindPassword": SECRET + "2"}


@pytest.fixture
def other():
    with Server() as one:
        yield one


@pytest.fixture
def staging(server):
    server.create("login", "keycloak", KEYCLOAK)
    server.create("ad", "ldap", LDAP)
    server.create("hr", "file", {"path": "/srv/hr.csv"})
    return server


def export(server, passphrase=None, key=None):
    path = f"/usersync/connector/{key}/export" if key else EXPORT
    answer = server.request("POST" if passphrase else "GET", BASE + path, {"passphrase": passphrase} if passphrase else None)
    assert answer.status == 200, answer.body
    return answer.body


def take_over(server, file, query="", passphrase=None):
    doc = json.loads(file) if isinstance(file, bytes) else file
    if passphrase:
        doc = {**doc, "passphrase": passphrase}
    return server.call("POST", IMPORT + query, doc)


def everything(server):
    return server.call("GET", "/usersync/connector/")[1], server.call("GET", "/directory/")[1]


def actions(answer):
    return {c["name"]: c["action"] for c in answer["connectors"]}


def changes(answer, name):
    return {c["field"]: (c["old"], c["new"]) for item in answer["connectors"] if item["name"] == name for c in item["changes"]}


def problems(answer):
    return {f["field"]: f["reason"] for f in answer["fields"]}


def disabled_and_why(server, answer, name):
    item = next(c for c in answer["connectors"] if c["name"] == name)
    return not server.call("GET", f"/usersync/connector/{item['id']}")[1]["enabled"], item["messages"]


# ---- the file ----

def test_an_export_holds_what_another_server_needs_and_no_secret(staging):
    text = export(staging)
    file = json.loads(text)
    assert (file["format"], file["formatVersion"]) == ("usersync-connectors", 1)
    assert "secrets" not in file and SECRET.encode() not in text
    listed = staging.call("GET", "/usersync/connector/")[1]
    assert [c["uniqueId"] for c in file["connectors"]] == sorted(c["uniqueId"] for c in listed)
    assert all(list(c) == ["uniqueId", "name", "type", "enabled", "configuration"] for c in file["connectors"])
    assert {c["name"]: c["configuration"] for c in file["connectors"]} == {c["name"]: c["configuration"] for c in listed}
    one = json.loads(export(staging, key=listed[1]["id"]))
    assert [c["name"] for c in one["connectors"]] == [listed[1]["name"]]
    assert staging.call("GET", "/usersync/connector/99/export")[0] == 404


def test_sealed_connectors_move_whole_and_the_exports_are_the_same_bytes(staging, other):
    before, sealed = export(staging), export(staging, PASSPHRASE)
    assert SECRET.encode() not in sealed and PASSPHRASE.encode() not in sealed
    status, answer = take_over(other, sealed, passphrase=PASSPHRASE)
    assert (status, answer["created"], answer["dryRun"]) == (200, 3, False)
    assert export(other) == before
    # The secrets are those of the other server: they seal to the same again.
    status, answer = take_over(staging, export(other, "another passphrase"), passphrase="another passphrase")
    assert (status, answer["unchanged"]) == (200, 3)
    assert export(staging) == before
    for server in (staging, other):
        assert not any(SECRET.encode() in p.read_bytes() for p in server.data.iterdir() if p.is_file())
        assert SECRET not in server.log() and PASSPHRASE not in server.log()


def test_importing_twice_changes_nothing(staging, other):
    file = export(staging)
    assert take_over(other, file)[1]["created"] == 3
    before = everything(other)
    status, answer = take_over(other, file)
    assert (status, answer["unchanged"]) == (200, 3)
    assert actions(answer) == {"login": "unchanged", "ad": "unchanged", "hr": "unchanged"}
    assert all(c["changes"] == [] for c in answer["connectors"])
    assert everything(other) == before


def test_a_new_connector_gets_a_new_directory_whatever_the_file_says(other):
    with Company() as company:
        first = other.create("first", "file", company.configuration)
        other.sync(first)
        entry = {"uniqueId": "11111111-2222-3333-4444-55555555AbCd", "name": "second", "type": "file", "directoryId": first["directoryId"], "id": 1,
                 "configuration": company.configuration}
        status, answer = take_over(other, [entry])
        assert status == 200
        made = answer["connectors"][0]
        assert (made["action"], made["uniqueId"]) == ("created", "11111111-2222-3333-4444-55555555abcd")
        assert made["directoryId"] not in (first["directoryId"], 0) and made["id"] != 1
        assert other.call("GET", f"/directory/{made['directoryId']}")[1]["users"] == 0
        assert other.sync(made["uniqueId"])["addedCount"] == 30
        entry["directoryId"] = 1
        assert take_over(other, [entry])[1]["unchanged"] == 1


@pytest.mark.parametrize("by", ["name", "uniqueId"])
def test_a_connector_without_a_directory_of_its_own_finds_the_one_that_comes_with_it(server, other, by):
    """Whatever the order of the file, which is that of their unique ids or names."""
    hr = server.create("HR", "file", {"path": "/srv/hr.csv"})
    server.create("idle", "inactive", {"directory": hr[by], "days": 30})
    file = json.loads(export(server))
    for order in 1, -1:
        status, answer = take_over(other, {**file, "connectors": sorted(file["connectors"], key=lambda c: c["name"])[::order]}, "?dryRun=true")
        assert (status, actions(answer)) == (200, {"HR": "created", "idle": "created"}), answer
    status, answer = take_over(other, {**file, "connectors": sorted(file["connectors"], key=lambda c: c["name"], reverse=True)})
    assert (status, actions(answer)) == (200, {"HR": "created", "idle": "created"}), answer
    shown = {c["name"]: c for c in other.call("GET", "/usersync/connector/")[1]}
    assert shown["idle"]["directoryId"] == shown["HR"]["directoryId"] and shown["idle"]["enabled"]
    assert actions(take_over(other, file)[1]) == {"HR": "unchanged", "idle": "unchanged"}


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
def test_a_connector_whose_directory_is_neither_here_nor_in_the_file_is_refused(server, other, query):
    server.create("HR", "file", {"path": "/srv/hr.csv"})
    idle = server.create("idle", "inactive", {"directory": "HR", "days": 30})
    file = json.loads(export(server, key=idle["uniqueId"]))
    status, answer = take_over(other, file, query)
    assert (status, problems(answer)) == (422, {
        "connectors[0].configuration.directory": "names no directory and no connector with a directory of its own, neither here nor in the file"}), answer
    assert everything(other) == ([], [])


def test_the_number_of_a_directory_is_looked_at_before_it_is_used(server, other):
    """Number 1 of production is other people than number 1 of staging."""
    hr = server.create("HR", "file", {"path": "/srv/hr.csv"})
    idle = server.create("idle", "inactive", {"directory": str(hr["directoryId"]), "days": 30})
    other.create("board", "file", {"path": "/srv/board.csv"})
    file = json.loads(export(server, key=idle["uniqueId"]))
    for action in "created", "unchanged":
        status, answer = take_over(other, file)
        assert (status, actions(answer)) == (200, {"idle": action}), answer
        is_disabled, messages = disabled_and_why(other, answer, "idle")
        assert is_disabled and messages == ["directory is a number, which may be another directory's where the file comes from: see that 1 is the one "
                                            "that is meant, then enable the connector"]
    shown = next(c for c in other.call("GET", "/usersync/connector/")[1] if c["name"] == "idle")
    whole = {"name": "idle", "type": "inactive", "enabled": True, "configuration": shown["configuration"]}
    assert other.call("PUT", f"/usersync/connector/{shown['id']}", whole)[0] == 200
    status, answer = take_over(other, file)
    assert (actions(answer), disabled_and_why(other, answer, "idle")) == ({"idle": "unchanged"}, (False, []))
    whole["configuration"]["directory"] = "board"
    assert other.call("PUT", f"/usersync/connector/{shown['id']}", whole)[0] == 200
    status, answer = take_over(other, file)
    assert actions(answer) == {"idle": "updated"} and disabled_and_why(other, answer, "idle")[0]


def test_a_dry_run_says_the_same_and_changes_nothing(staging, other):
    file = export(staging)
    before = everything(other)
    status, dry = take_over(other, file, "?dryRun=true")
    assert (status, dry["dryRun"], dry["created"]) == (200, True, 3)
    assert [c["id"] for c in dry["connectors"]] == [None] * 3
    assert everything(other) == before
    _, done = take_over(other, file, "?dryRun=false")
    assert [c["changes"] for c in done["connectors"]] == [c["changes"] for c in dry["connectors"]]
    assert take_over(other, file, "?dryRun=maybe")[0] == 400
    assert take_over(other, file, "?match=age")[0] == 400


def test_a_difference_is_told_field_by_field(staging):
    file = json.loads(export(staging))
    by_name = {c["name"]: c for c in file["connectors"]}
    by_name["login"]["configuration"]["limits"] = {"users": {"floor": 5, "percent": 25}, "shrinkPercent": 30}
    by_name["login"]["configuration"]["clientSecret"] = "another-secret-of-it"
    by_name["ad"]["name"] = "active directory"
    by_name["ad"]["configuration"]["bindPassword"] = LDAP["bindPassword"]
    by_name["hr"]["enabled"] = False
    by_name["hr"]["configuration"] = {"path": "/srv/hr.csv", "delimiter": ";"}
    status, answer = take_over(staging, file)
    assert status == 200
    assert changes(answer, "login") == {"configuration.limits.users.percent": (10, 25), "configuration.limits.shrinkPercent": (None, 30),
                                        "configuration.clientSecret": ("***", "***")}
    assert changes(answer, "active directory") == {"name": ("ad", "active directory")}
    assert changes(answer, "hr") == {"enabled": (True, False), "configuration.delimiter": (None, ";")}
    assert "another-secret" not in json.dumps(answer)
    del by_name["hr"]["configuration"]["delimiter"]
    assert changes(take_over(staging, file)[1], "hr") == {"configuration.delimiter": (";", None)}


# ---- secrets ----

def test_a_secret_that_the_file_leaves_out_stays(staging):
    file = json.loads(export(staging))
    for c in file["connectors"]:
        c["configuration"].pop("bindPassword", None)
        c["configuration"].pop("clientSecret", None)
    assert take_over(staging, file)[1]["unchanged"] == 3
    for c in file["connectors"]:
        c["configuration"]["limits"] = {"shrinkPercent": 7}
    assert take_over(staging, file)[1]["updated"] == 3
    sealed = export(staging, PASSPHRASE)
    original = {"login": KEYCLOAK["clientSecret"], "ad": LDAP["bindPassword"]}
    for c in json.loads(export(staging))["connectors"]:
        for name in ("clientSecret", "bindPassword"):
            if name in c["configuration"]:
                c["configuration"][name] = original[c["name"]]
        assert take_over(staging, [c])[1]["unchanged"] == 1
    assert take_over(staging, sealed, passphrase=PASSPHRASE)[1]["unchanged"] == 3


def test_an_optional_secret_goes_when_the_file_says_null(staging):
    file = json.loads(export(staging))
    entry = next(c for c in file["connectors"] if c["name"] == "ad")
    entry["configuration"]["bindPassword"] = None
    assert changes(take_over(staging, [entry])[1], "ad") == {"configuration.bindPassword": ("***", None)}


def test_a_new_connector_without_its_secret_is_created_disabled_and_says_so(staging, other):
    file = export(staging)
    answer = take_over(other, file)[1]
    assert disabled_and_why(other, answer, "login") == (
        True, ["clientSecret is a secret that the file does not hold: set it, then enable the connector"])
    assert disabled_and_why(other, answer, "ad")[0]
    assert disabled_and_why(other, answer, "hr") == (False, [])
    login = next(c for c in other.call("GET", "/usersync/connector/")[1] if c["name"] == "login")
    assert "clientSecret" not in login["configuration"]
    assert other.call("POST", f"/usersync/connector/{login['id']}/sync")[0] == 409
    status, tried = other.call("POST", f"/usersync/connector/{login['id']}/test")
    assert (status, tried["ok"]) == (200, False)
    # As before, importing again does not enable it, and a secret that somebody enters stays.
    assert take_over(other, file)[1]["unchanged"] == 3
    saved = {**login, "enabled": True, "configuration": {**login["configuration"], "clientSecret": "entered"}}
    assert other.call("PUT", f"/usersync/connector/{login['id']}", saved)[0] == 200
    assert take_over(other, file)[1]["unchanged"] == 3
    assert other.call("GET", f"/usersync/connector/{login['id']}")[1]["enabled"]


def test_a_wrong_passphrase_changes_nothing(staging, other):
    sealed = export(staging, PASSPHRASE)
    before = everything(other)
    for passphrase, reason in [("wrong passphrase", "is wrong, or the sealed secrets were changed"),
                               (PASSPHRASE + " ", "is wrong, or the sealed secrets were changed"),
                               ("x" * 2000, "is too long"),
                               (None, 'is required: the file holds sealed secrets; take out "secrets" to import without them')]:
        status, answer = take_over(other, sealed, passphrase=passphrase)
        assert (status, problems(answer)) == (422, {"passphrase": reason})
    assert take_over(other, export(staging), passphrase=PASSPHRASE)[0] == 422
    assert everything(other) == before


def test_a_sealed_secret_goes_nowhere_but_where_it_was_sent(staging, other):
    """Whoever changes the file on its way must not get the secret sent to a server of theirs."""
    file = json.loads(export(staging, PASSPHRASE))
    entry = next(c for c in file["connectors"] if c["name"] == "login")
    entry["configuration"]["url"] = "https://login.example.net"
    status, answer = take_over(other, file, passphrase=PASSPHRASE)
    assert (status, list(problems(answer))) == (422, ["connectors"])
    assert other.call("GET", "/usersync/connector/")[1] == []
    del file["secrets"]
    assert take_over(other, file)[1]["created"] == 3
    # Another indentation is no change.
    assert take_over(other, json.loads(json.dumps(json.loads(export(staging, PASSPHRASE)), indent=4)), passphrase=PASSPHRASE)[0] == 200


HOSTILE = [("memoryBytes", 64 << 30, "memoryBytes must be from 8388608 to 268435456"), ("passes", 1 << 40, "passes must be from 1 to 10"),
           ("version", 2, "version 1"), ("kdf", "md5", "kdf must be argon2id"), ("salt", "AA", "salt or nonce"), ("data", "", "data is missing"),
           ("data", "AAAA", "cut or damaged"), ("nonce", None, "salt or nonce")]


@pytest.mark.parametrize("member,value,reason", HOSTILE)
def test_an_envelope_that_asks_for_too_much_is_refused_at_once(shared_server, member, value, reason):
    envelope = {"version": 1, "kdf": "argon2id", "passes": 1, "memoryBytes": 8 << 20, "salt": "A" * 22, "cipher": "xsalsa20poly1305",
                "nonce": "A" * 32, "data": "A" * 64, member: value}
    file = {"format": "usersync-connectors", "formatVersion": 1, "connectors": [], "secrets": envelope, "passphrase": PASSPHRASE}
    status, answer = shared_server.call("POST", IMPORT, file)
    assert status == 422
    assert reason in answer["fields"][0]["reason"]


@pytest.mark.parametrize("body,status", [({}, 422), ({"passphrase": "short"}, 422), ({"passphrase": "1234567\0"}, 422), ({"passphrase": "1234üü7"}, 422), ({"passphrase": 12345678}, 422), ({"passphrase": "x" * 257}, 422),
                                         ({"passphrase": PASSPHRASE, "more": 1}, 422), ([], 400)])
def test_a_bad_passphrase_seals_nothing(shared_server, body, status):
    assert shared_server.call("POST", EXPORT, body)[0] == status


def test_a_passphrase_in_an_address_is_refused(shared_server):
    assert shared_server.call("GET", EXPORT + "?passphrase=abcdefgh")[0] == 400
    assert shared_server.call("POST", IMPORT + "?passphrase=abcdefgh", [])[0] == 400


# ---- all or nothing ----

def test_one_bad_connector_refuses_the_file_and_every_problem_is_listed(staging):
    good = {"name": "fine", "type": "file", "configuration": {"path": "x.csv"}}
    known = {c["name"]: c for c in json.loads(export(staging))["connectors"]}
    before = everything(staging)
    file = [good, {"name": "bad", "type": "file", "configuration": {"colour": "red", "limits": {"users": {"percent": 101}}}},
            {"name": "x\n", "type": "teapot", "configuration": []}, {**known["hr"], "type": "ldap"}, {"type": "file", "configuration": {}},
            {**good, "name": " "}, {**good, "uniqueId": "no"}, 7, {**known["ad"], "enabled": "yes"}, {**good, "name": "new", "extra": 1},
            {**known["login"], "configuration": {**known["login"]["configuration"], "realm": "other"}}]
    status, answer = take_over(staging, file)
    assert status == 422
    found = problems(answer)
    for field, reason in {
            "connectors[1].configuration.path": "is required", "connectors[1].configuration.colour": "is not a setting of this type",
            "connectors[1].configuration.limits.users.percent": "must be from 0 to 100", "connectors[2].name": "holds a control character",
            "connectors[2].configuration": "must be an object, not array", "connectors[3].type": "cannot be changed: it is file here",
            "connectors[4].name": "is required", "connectors[5].name": "must not be empty", "connectors[6].uniqueId": "must be a UUID", "connectors[7]": "must be an object, not integer",
            "connectors[8].enabled": "must be true or false, not string", "connectors[9].extra": "is unknown"}.items():
        assert found.get(field) == reason, (field, found)
    assert found["connectors[2].type"].startswith("must be one of ")
    assert found["connectors[6].name"] == "is that of connectors[0], too"
    assert [c["action"] for c in answer["connectors"]] == ["created"] + ["refused"] * 9 + ["updated"]
    assert answer["connectors"][10]["changes"] == [{"field": "configuration.realm", "old": "staff", "new": "other"}]
    assert everything(staging) == before


def test_a_name_that_another_connector_has_is_refused(staging):
    entry = {"name": "HR", "type": "file", "configuration": {"path": "x.csv"}}
    hr = next(c for c in staging.call("GET", "/usersync/connector/")[1] if c["name"] == "hr")
    status, answer = take_over(staging, [entry])
    assert (status, problems(answer)) == (422, {"connectors[0].name": f"is that of connector {hr['id']}, {hr['uniqueId']}, here"})
    # By name, it is that connector.
    status, answer = take_over(staging, [entry], "?match=name")
    assert (status, answer["updated"], answer["connectors"][0]["id"]) == (200, 1, hr["id"])


def test_two_connectors_exchange_their_names(staging):
    file = json.loads(export(staging))
    first, second = file["connectors"][0], file["connectors"][1]
    first["name"], second["name"] = second["name"], first["name"]
    status, answer = take_over(staging, file)
    assert (status, answer["updated"]) == (200, 2)
    assert {c["uniqueId"]: c["name"] for c in staging.call("GET", "/usersync/connector/")[1]}[first["uniqueId"]] == first["name"]
    assert export(staging) == json.dumps(file, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_same_connector_twice_is_refused(staging):
    entry = json.loads(export(staging))["connectors"][0]
    status, answer = take_over(staging, [entry, {**entry, "name": "another"}])
    assert (status, problems(answer)) == (422, {"connectors[1].uniqueId": "is that of connectors[0], too"})


FILES = [({}, {"format", "formatVersion", "connectors"}), ({"format": "x", "formatVersion": 1, "connectors": []}, {"format"}),
         ({"format": "usersync-connectors", "formatVersion": 2, "connectors": []}, {"formatVersion"}),
         ({"format": "usersync-connectors", "formatVersion": 1, "connectors": {}}, {"connectors"}),
         ({"format": "usersync-connectors", "formatVersion": 1, "connectors": [], "comment": "x"}, {"comment"}),
         ({"format": "usersync-connectors", "formatVersion": 1, "connectors": [], "passphrase": 1}, {"passphrase"}),
         ([{"name": f"n{i}", "configuration": {}} for i in range(1001)], {"connectors"})]


@pytest.mark.parametrize("file,fields", FILES)
def test_a_file_that_is_none_is_refused(shared_server, file, fields):
    status, answer = shared_server.call("POST", IMPORT, file)
    assert (status, set(problems(answer))) == (422, fields)
    assert shared_server.call("GET", "/usersync/connector/")[1] == []


@pytest.mark.parametrize("body,status", [(b"{", 400), (b'"x"', 400), (b"null", 400), (b"[" * 100, 400), (b"[1]" * 500000, 413)])
def test_a_body_that_is_no_file_is_refused(shared_server, body, status):
    answer = shared_server.request("POST", BASE + IMPORT, body, headers={"Content-Type": "application/json"})
    assert answer.status == status


def test_a_deleted_directory_is_made_again_by_an_import(staging):
    file = export(staging)
    hr = next(c for c in staging.call("GET", "/usersync/connector/")[1] if c["name"] == "hr")
    staging.call("DELETE", f"/directory/{hr['directoryId']}")
    answer = take_over(staging, file)[1]
    item = next(c for c in answer["connectors"] if c["name"] == "hr")
    assert (item["action"], item["changes"]) == ("updated", [])
    assert item["messages"] == [f"directory {hr['directoryId']} was deleted; a new one is made"]
    assert item["directoryId"] != hr["directoryId"]
    assert take_over(staging, file)[1]["unchanged"] == 3


# ---- addresses and roles ----

def test_export_and_import_are_never_the_id_of_a_connector(staging):
    for method, path in [("PUT", EXPORT), ("DELETE", EXPORT), ("GET", IMPORT), ("PUT", IMPORT), ("DELETE", IMPORT)]:
        answer = staging.request(method, BASE + path, {} if method == "PUT" else None)
        assert answer.status == 405
        assert answer.headers["Allow"] == ("GET, HEAD, POST, OPTIONS" if path == EXPORT else "POST, OPTIONS")
    for path in ("/usersync/connector/export/sync", "/usersync/connector/import/sync"):
        assert staging.call("POST", path)[0] == 404
    assert staging.call("GET", EXPORT + "/")[0] == 200


def test_who_may_export_and_import(staging):
    for role in ("monitor", "operator"):
        assert staging.call("POST", "/user/", {"name": role, "role": role, "password": "password-of-it"})[0] == 201
    who = {"user": "monitor", "password": "password-of-it"}
    assert staging.call("GET", EXPORT, **who)[0] == 403
    who["user"] = "operator"
    assert staging.call("GET", EXPORT, **who)[0] == 200
    assert staging.call("POST", EXPORT, {"passphrase": PASSPHRASE}, **who)[0] == 403
    assert staging.call("POST", IMPORT + "?dryRun=true", [], **who)[0] == 403


def test_a_secret_of_any_form_may_come_back_hidden(server):
    made = server.create("login", "keycloak", {**KEYCLOAK, "proxy": "http://user:word@proxy.example.com:3128"})
    assert made["configuration"]["proxy"] == "***"
    status, saved = server.call("PUT", f"/usersync/connector/{made['id']}", made["configuration"])
    assert (status, saved["configuration"]) == (200, made["configuration"])


# ---- the command line ----

def test_staging_to_production_by_the_command_line(staging, other, tmp_path):
    file, env = tmp_path / "connectors.json", {"USERSYNC_PASSPHRASE": PASSPHRASE}
    done = staging.cli("connector", "export", "--with-secrets", "-o", str(file), env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wrote 3 connectors to {file}\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["connectors.json"]
    dry = other.cli("connector", "import", str(file), "--dry-run", env=env)
    assert dry.returncode == 0 and dry.stdout.endswith("nothing was changed: this was a dry run\n")
    assert "would be created login\n" in dry.stdout and "  configuration.clientSecret: (not set) -> \"***\"\n" in dry.stdout
    assert other.call("GET", "/usersync/connector/")[1] == []
    done = other.cli("connector", "import", str(file), env=env)
    assert done.returncode == 0 and done.stdout.endswith("applied: 3 created, 0 updated, 0 unchanged\n")
    assert staging.cli("connector", "export").stdout == other.cli("connector", "export").stdout
    again = other.cli("connector", "import", str(file), env=env)
    assert again.returncode == 0 and again.stdout.endswith("nothing differs, nothing was changed\n")
    word = tmp_path / "passphrase"
    word.write_text(PASSPHRASE + "\nmore\n")
    assert other.cli("connector", "import", str(file), "--passphrase-file", str(word)).returncode == 0
    assert SECRET not in dry.stdout + done.stdout + again.stdout


def test_a_wrong_passphrase_on_the_command_line(staging, other, tmp_path):
    file = tmp_path / "connectors.json"
    staging.cli("connector", "export", "--with-secrets", "-o", str(file), env={"USERSYNC_PASSPHRASE": PASSPHRASE})
    done = other.cli("connector", "import", str(file), env={"USERSYNC_PASSPHRASE": "something else"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "usersync: passphrase is wrong, or the sealed secrets were changed\nusersync: nothing was changed\n"
    assert other.call("GET", "/usersync/connector/")[1] == []
    empty = tmp_path / "empty"
    empty.write_text("\n")
    done = other.cli("connector", "import", str(file), "--passphrase-file", str(empty))
    assert (done.returncode, done.stderr) == (1, f"usersync: {empty} holds no passphrase in its first line\n")


def test_apply_shows_the_difference_first_and_is_idempotent(staging, tmp_path):
    file = tmp_path / "hr.json"
    file.write_text(json.dumps({"name": "hr", "type": "file", "configuration": {"path": "/srv/hr.csv", "cleanup": "keep"}}))
    dry = staging.cli("connector", "apply", str(file), "--dry-run")
    assert dry.returncode == 0
    assert dry.stdout.startswith('hr differs:\n  configuration.cleanup: (not set) -> "keep"\nwould be updated hr: connector 3, ')
    assert dry.stdout.endswith("nothing was changed: this was a dry run\n")
    done = staging.cli("connector", "apply", str(file))
    assert done.returncode == 0
    assert done.stdout.startswith('hr differs:\n  configuration.cleanup: (not set) -> "keep"\nupdated hr: connector 3, ')
    assert done.stdout.endswith("applied: 0 created, 1 updated, 0 unchanged\n")
    for more in ((), ("--dry-run",)):
        again = staging.cli("connector", "apply", str(file), *more)
        assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "nothing differs, nothing was changed")
    as_json = json.loads(staging.cli("connector", "apply", str(file), "--json").stdout)
    assert as_json["unchanged"] == 1


def test_apply_takes_what_a_listing_prints(staging, tmp_path):
    """The form of exports before there was a file format."""
    file = tmp_path / "all.json"
    listed = staging.call("GET", "/usersync/connector/")[1]
    file.write_text(json.dumps(listed))
    assert "nothing differs" in staging.cli("connector", "apply", str(file)).stdout
    changed = copy.deepcopy(listed)
    changed[0]["uniqueId"] = "00000000-0000-4000-8000-000000000000"
    changed[0]["configuration"]["realm"] = "other"
    file.write_text(json.dumps(changed))
    assert "applied: 0 created, 1 updated, 2 unchanged" in staging.cli("connector", "apply", str(file)).stdout
    assert staging.call("GET", "/usersync/connector/1")[1]["uniqueId"] == listed[0]["uniqueId"]


def test_a_file_that_cannot_be_written_is_said(staging):
    done = staging.cli("connector", "export", "-o", "/nonexistent/x.json")
    assert (done.returncode, done.stderr) == (1, "usersync: cannot write /nonexistent/x.json: No such file or directory\n")
