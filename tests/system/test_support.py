"""The support bundle helps and tells nothing about anybody."""

import json

from company import Company
from server import BASE

PEOPLE = ["Zebulonia", "Quixworth", "zebulonia.quixworth", "Örkenblóm"]
GROUPS = ["quixgroup", "Xylophonists of Quix"]
HOSTS = ["quixhost", "quixdomain"]
SECRETS = ["swordfish-of-secrets", "opensesame-of-secrets"]
WORDS = ["quix", "zebulon", "rkenbl", "xyloph", "swordfish", "opensesame"]


def tells(text):
    found = text.lower()
    return [w for w in WORDS if w in found]


def plant(server, company):
    """Names in every place that takes one, and runs of every kind that speak of them."""
    company.add("z1", PEOPLE[2], fullName=f"{PEOPLE[0]} {PEOPLE[1]}", email=f"{PEOPLE[2]}@{HOSTS[1]}.example", groups=";".join(GROUPS))
    company.add("z2", PEOPLE[3], fullName=PEOPLE[3], groups=GROUPS[0])
    hr = server.create("Quixworth GmbH", "file", {
        **company.configuration, "limits": {"users": {"floor": 1, "percent": 1}},
        "mapping": [{"attribute": "quixattribute", "from": ["fullName", "zebulonia"]},
                    {"attribute": "department", "from": "fullName", "noMatch": "clear",
                     "transform": {"table": {"Zebulonia Quixworth": "Xylophonists"}}}]})
    assert server.sync(hr)["status"] == "DONE"
    key = hr["uniqueId"]
    server.call("POST", f"/usersync/connector/{key}/syncsingle/{PEOPLE[2]}")
    server.call("POST", f"/usersync/connector/{key}/syncsingle/Zebulon%20the%20unknown")
    for one in ("z1", "z2", "id000", "id001", "id002"):
        del company.people[one]
    company.add("z3", "Quixnew", fullName="")
    assert server.sync(hr)["status"] == "HELD"
    status, waiting = server.call("POST", f"/usersync/connector/{key}/simulate")
    assert status == 202
    server.wait(waiting["id"])
    company.path.rename(company.path.with_name("zebulonia.csv"))
    assert server.sync(hr)["status"] == "FAILED"
    lost = server.create("ad of zebulonia", "ldap", {"url": f"ldap://{HOSTS[0]}.invalid:9", "baseDn": f"dc={HOSTS[1]}", "bindDn": f"cn={PEOPLE[1]}",
                                                     "bindPassword": SECRETS[0], "userFilter": "(cn=zebulonia)"})
    assert server.sync(lost)["status"] == "FAILED"
    server.create("Quix login", "keycloak", {"url": f"http://{HOSTS[0]}.invalid", "realm": "quixrealm", "clientId": "quixclient",
                                             "clientSecret": SECRETS[1], "proxy": f"http://zebulonia:{SECRETS[0]}@quixproxy.invalid:3128"})
    for name, role in (("zebulonia", "operator"), ("quixworth", "admin")):
        assert server.call("POST", "/user/", {"name": name, "role": role, "password": SECRETS[0]})[0] == 201
    assert server.call("POST", "/token/", {"name": "token of Quixworth", "role": "monitor"})[0] == 201
    assert server.call("POST", f"/usersync/connector/{key}/sync", user="quixworth", password=SECRETS[0])[0] == 202
    return hr


def test_neither_the_bundle_nor_an_export_tells_secrets_or_names(server):
    with Company() as company:
        hr = plant(server, company)
        # The names are there for who may see them: else their absence below would say nothing.
        shown = json.dumps([server.call("GET", path)[1] for path in (
            "/usersync/connector/", f"/usersync/connector/{hr['id']}/syncstatuses", f"/directory/{hr['directoryId']}/user?limit=1000",
            f"/directory/{hr['directoryId']}/group", "/user/", "/token/")], ensure_ascii=False)
        assert set(tells(shown)) == set(WORDS) - {"swordfish", "opensesame"}
        bundle = server.request("GET", BASE + "/support")
        assert bundle.status == 200
        text = bundle.body.decode()
        assert tells(text) == []
        assert str(company.path.parent) not in text and '"admin"' not in text
        # An export holds the settings, and so what an admin wrote into them; nothing of the directories, and no secret.
        export = server.request("GET", BASE + "/usersync/connector/export").body.decode()
        assert not any(s in export for s in SECRETS)
        assert PEOPLE[2] not in export and PEOPLE[3] not in export and not any(g in export for g in GROUPS)


def test_the_bundle_helps(server):
    with Company() as company:
        hr = plant(server, company)
        bundle = server.request("GET", BASE + "/support").json()
        assert (bundle["format"], bundle["formatVersion"]) == ("usersync-support", 1)
        assert bundle["uptimeSeconds"] >= 0 and bundle["version"] and bundle["build"]["compiler"] and bundle["system"]["machine"]
        assert {"sqlite", "libcurl", "libsodium", "ldap", "libmicrohttpd"} <= set(bundle["libraries"]) and all(bundle["libraries"].values())
        store = bundle["store"]
        assert (store["connectors"], store["directories"], store["users"], store["accounts"], store["tokens"]) == (3, 3, 32, 3, 1)
        assert store["schema"] > 0 and store["bytes"] > 4096 and store["runs"] >= 6
        assert [c["type"] for c in bundle["connectors"]] == ["file", "ldap", "keycloak"]
        first = bundle["connectors"][0]
        assert (first["uniqueId"], first["id"]) == (hr["uniqueId"], hr["id"])
        assert first["configuration"]["limits"] == {"users": {"floor": 1, "percent": 1}}
        assert first["configuration"]["path"] == f"<{len(str(company.path))} characters>"
        assert bundle["connectors"][2]["configuration"]["clientSecret"] == "***"
        runs = {r["status"]: r for r in reversed(first["runs"])}
        assert runs["DONE"]["users"] and runs["HELD"]["held"]["found"] == 5
        assert all(m.startswith("Scheduled with jobid ") for m in (r["messages"][0] for r in first["runs"]))
        assert "usersync_runs_total" in bundle["metrics"]


def test_the_bundle_by_the_command_line(server, tmp_path):
    file = tmp_path / "bundle.json"
    done = server.cli("support", "-o", str(file))
    assert done.returncode == 0 and done.stdout == f"wrote {file.stat().st_size - 1} bytes to {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["connectors"] == []
    assert json.loads(server.cli("support").stdout)["format"] == "usersync-support"
    assert server.cli("support", "-o", "/nonexistent/x").returncode == 1
