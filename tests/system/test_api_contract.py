"""The calls of the model product, by curl, as existing scripts make them."""

import json
import re
import subprocess
import uuid

import pytest
from company import Company
from fakeserver import FakeServer, Turn
from server import BASE, Server

STATUS_ORDER = ["status", "addedCount", "resultCount", "notModifiedCount", "failedCount", "updatedCount", "deletedCount", "filteredCount",
                "messages", "clusterNode", "connectorUID", "lastModified", "created", "duration", "id"]
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
COUNTS = ["addedCount", "notModifiedCount", "failedCount", "updatedCount", "deletedCount", "filteredCount", "renamedCount", "disabledCount",
          "anonymizedCount"]


@pytest.fixture(scope="module")
def site(shared_server):
    with Company() as company:
        shared_server.company = company
        shared_server.connector = shared_server.create("hr", "file", company.configuration)
        yield shared_server


def curl(server, method, path, *more):
    done = subprocess.run(["curl", "-s", "-u", f"admin:{server.password}", "-X", method, *more, server.url + BASE + path],
                          capture_output=True, timeout=60, check=True)
    return done.stdout.decode()


def check_status(text):
    status = json.loads(text)
    assert list(status)[:len(STATUS_ORDER)] == STATUS_ORDER
    assert re.search(r'"id":\d+', text)
    assert TIME.match(status["created"]) and TIME.match(status["lastModified"])
    assert isinstance(status["duration"], int)
    assert status["clusterNode"] == "NOT_CLUSTERED"
    assert status["resultCount"] == sum(status[name] for name in COUNTS)
    return status


def test_connectors_are_listed_with_unique_ids(site):
    for path in ("/usersync/connector/", "/usersync/connector"):
        connectors = json.loads(curl(site, "GET", path))
        mine = [c for c in connectors if c["name"] == "hr"]
        assert str(uuid.UUID(mine[0]["uniqueId"])) == mine[0]["uniqueId"]
        assert mine[0]["configuration"]["path"] == str(site.company.path)


def test_a_connector_is_found_by_uuid_and_by_number(site):
    by_uuid = json.loads(curl(site, "GET", f"/usersync/connector/{site.connector['uniqueId']}"))
    by_number = json.loads(curl(site, "GET", f"/usersync/connector/{site.connector['id']}/"))
    assert by_uuid["configuration"] == by_number["configuration"]
    assert by_uuid["uniqueId"] == by_number["uniqueId"] == site.connector["uniqueId"]
    upper = json.loads(curl(site, "GET", f"/usersync/connector/{site.connector['uniqueId'].upper()}"))
    assert upper["id"] == site.connector["id"]


@pytest.mark.parametrize("key", ["uniqueId", "id"])
def test_a_sync_is_started_and_followed_as_scripts_do(site, key):
    text = curl(site, "POST", f"/usersync/connector/{site.connector[key]}/sync")
    number = re.search(r'"id":(\d+)', text).group(1)
    job = re.search(r"Scheduled with jobid ([0-9a-f-]{36})", text).group(1)
    assert str(uuid.UUID(job)) == job
    check_status(text)
    site.wait(int(number))
    done = check_status(curl(site, "GET", f"/usersync/syncstatus/{number}"))
    assert done["status"] == "DONE" and done["messages"][0] == f"Scheduled with jobid {job}"
    assert done["resultCount"] == len(site.company.people)
    last = check_status(curl(site, "GET", f"/usersync/connector/{site.connector[key]}/syncstatus"))
    assert last == done


def test_the_last_status_is_never_an_old_one(site):
    """Asked between all the others, it is given from memory: each run must show at once."""
    path = f"/usersync/connector/{site.connector['id']}/syncstatus"
    site.sync(site.connector)
    for i in range(20):
        before = site.call("GET", path)[1]
        assert site.call("GET", path)[1] == before
        done = site.sync(site.connector)
        assert done["id"] == before["id"] + 1
        assert site.call("GET", path)[1] == done


def test_a_single_user_is_updated_by_name(site):
    site.sync(site.connector)
    site.company.people["id003"]["fullName"] = "Third, Renamed"
    site.company.write()
    done = check_status(curl(site, "POST", f"/usersync/connector/{site.connector['id']}/syncsingle/user003"))
    assert (done["status"], done["kind"], done["updatedCount"], done["resultCount"]) == ("DONE", "single", 1, 1)


def test_settings_are_replaced_by_the_configuration_alone(site):
    shown = json.loads(curl(site, "GET", f"/usersync/connector/{site.connector['uniqueId']}"))
    changed = {**shown["configuration"], "cleanup": "keep"}
    saved = json.loads(curl(site, "PUT", f"/usersync/connector/{site.connector['uniqueId']}", "-H", "Content-Type: application/json",
                            "-d", json.dumps(changed)))
    assert saved["configuration"] == changed
    back = json.loads(curl(site, "PUT", f"/usersync/connector/{site.connector['uniqueId']}", "-H", "Content-Type: application/json",
                           "-d", json.dumps(shown["configuration"])))
    assert back["configuration"] == shown["configuration"]
    assert back["directoryId"] == shown["directoryId"]


def test_a_deleted_directory_comes_back_when_the_connector_is_saved(server):
    with Company() as company:
        connector = server.create("hr", "file", company.configuration)
        assert server.sync(connector)["addedCount"] == 30
        directory = connector["directoryId"]
        gone = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", f"admin:{server.password}", "-X", "DELETE",
                               f"{server.url}{BASE}/directory/{directory}"], capture_output=True, text=True, timeout=60, check=True)
        assert gone.stdout == "204"
        failed = server.sync(connector)
        assert failed["status"] == "FAILED"
        assert re.match(r"^Scheduled with jobid [0-9a-f-]{36}$", failed["messages"][0])
        assert failed["messages"][1] == f"Directory {directory} does not exists"
        status, saved = server.call("PUT", f"/usersync/connector/{connector['id']}", connector["configuration"])
        assert status == 200 and saved["directoryId"] not in (directory, 0)
        assert server.call("GET", f"/directory/{saved['directoryId']}")[1]["users"] == 0
        done = server.sync(connector)
        assert (done["status"], done["addedCount"]) == ("DONE", 30)
        assert server.call("GET", f"/directory/{saved['directoryId']}")[1]["users"] == 30


def test_the_whole_connector_may_be_saved_as_it_was_shown(site):
    shown = site.call("GET", f"/usersync/connector/{site.connector['id']}")[1]
    status, saved = site.call("PUT", f"/usersync/connector/{site.connector['id']}", {**shown, "name": "people"})
    assert (status, saved["name"]) == (200, "people")
    status, saved = site.call("PUT", f"/usersync/connector/{site.connector['id']}", shown)
    assert (status, saved["name"]) == (200, "hr")


def test_a_secret_is_never_given_out_and_kept_when_it_comes_back_hidden(server):
    configuration = {"servers": ["ldap://127.0.0.1:9"], "bindDn": "cn=admin", "bindPassword": "do-not-show", "baseDn": "dc=example"}
    types = json.loads(server.cli("types", "--json").stdout)["types"]
    ldap = {o["name"]: o for t in types if t["name"] == "ldap" for o in t["options"]}
    secret = next(name for name, o in ldap.items() if o["secret"])
    configuration = {name: value for name, value in configuration.items() if name in ldap and name != secret}
    for name, o in ldap.items():
        if o["required"] and name not in configuration:
            configuration[name] = "ldap://127.0.0.1:9" if "url" in (o["type"] + name).lower() else "dc=example"
    configuration[secret] = "do-not-show"
    status, made = server.call("POST", "/usersync/connector/", {"name": "ad", "type": "ldap", "configuration": configuration})
    assert status == 201, made
    assert made["configuration"][secret] == "***"
    text = server.request("GET", BASE + "/usersync/connector/").body + server.request("GET", BASE + f"/usersync/connector/{made['id']}").body
    assert b"do-not-show" not in text
    status, saved = server.call("PUT", f"/usersync/connector/{made['id']}", made["configuration"])
    assert (status, saved["configuration"]) == (200, made["configuration"])
    assert not any(b"do-not-show" in p.read_bytes() for p in server.data.iterdir() if p.is_file())


def test_a_hidden_secret_that_comes_back_is_still_the_stored_one(server):
    """Seen by the identity provider: it gets the secret, after each kind of save, until there is another."""
    with FakeServer({"/realms/staff": {"realm": "staff"}, "/realms/staff/protocol/openid-connect/token": Turn({"error": "x"}, 401)}) as fake:
        kept = {"url": fake.url, "realm": "staff", "clientId": "usersync", "clientSecret": "first-secret"}
        made = server.create("kc", "keycloak", kept)

        def seen():
            fake.requests.clear()
            server.call("POST", f"/usersync/connector/{made['id']}/test")
            return b" ".join(body for method, _, body in fake.requests if method == "POST")
        assert b"first-secret" in seen()
        for body in (made["configuration"], made, {**made["configuration"], "proxy": None}):
            status, saved = server.call("PUT", f"/usersync/connector/{made['id']}", body)
            assert status == 200 and saved["configuration"]["clientSecret"] == "***", saved
            assert b"first-secret" in seen()
        assert server.call("PUT", f"/usersync/connector/{made['id']}", {**kept, "clientSecret": "second-secret"})[0] == 200
        assert b"second-secret" in seen()


def test_every_secret_may_come_back_hidden(server):
    configuration = {"url": "https://idp.example", "realm": "r", "clientId": "c", "clientSecret": "s", "proxy": "http://anna:pw@proxy.example:3128"}
    made = server.create("kc", "keycloak", configuration)
    assert made["configuration"]["proxy"] == made["configuration"]["clientSecret"] == "***"
    status, saved = server.call("PUT", f"/usersync/connector/{made['id']}", made["configuration"])
    assert (status, saved["configuration"]) == (200, made["configuration"])
    # Taken away, it is no longer there to stand for.
    del made["configuration"]["proxy"]
    assert server.call("PUT", f"/usersync/connector/{made['id']}", made["configuration"])[0] == 200
    status, said = server.call("PUT", f"/usersync/connector/{made['id']}", {**made["configuration"], "proxy": "***"})
    assert status == 422 and [f["field"] for f in said["fields"]] == ["proxy"]


def test_https_is_served_with_the_given_certificate(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], capture_output=True, check=True)
    with Server("--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://")
        done = subprocess.run(["curl", "-s", "--cacert", cert, "-u", f"admin:{server.password}", server.url + BASE + "/usersync/connector/"],
                              capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "[]"
        assert subprocess.run(["curl", "-s", server.url + "/healthz"], capture_output=True, timeout=60, check=False).returncode == 60
        done = server.cli("connector", "list", env={"USERSYNC_CACERT": str(cert)})
        assert done.returncode == 0, done.stderr
