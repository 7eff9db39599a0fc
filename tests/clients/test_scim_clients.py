"""Clients of SCIM that others wrote, and identity providers that push, with all that they write."""

import importlib.metadata

import httpx2
import node
import pushers
import pytest
from scim import Scim
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation
from scim2_tester import Status, check_server


@pytest.fixture
def directory(site):
    status, made = site.call("POST", "/directory/", {"name": "Pushed"})
    assert status == 201, made
    status, said = site.call("POST", "/application/", {"name": "pusher", "directories": [made["id"]], "rights": ["read", "write"], "password": "open sesame"})
    assert status == 201, said
    yield made["id"]
    assert site.call("DELETE", "/application/pusher")[0] == 204
    assert site.call("DELETE", f"/directory/{made['id']}")[0] == 204


@pytest.fixture
def client(site, directory):
    token = site.call("POST", "/application/pusher/token")[1]["token"]
    with httpx2.Client(base_url=f"{site.url}/scim/v2/{directory}", headers={"Authorization": f"Bearer {token}"}) as http:
        scim = SyncSCIMClient(http)
        scim.discover()
        yield scim


@pytest.mark.parametrize("name, push", [("Entra ID, as documented", pushers.entra), ("Entra ID, as documented, with aadOptscim062020", pushers.entra_flagged),
                                        ("Okta, as documented", pushers.okta)])
def test_identity_providers_push(site, row, directory, name, push):
    scim = Scim(site, directory, "pusher", "open sesame")
    calls = row(name, "SCIM 2.0")
    push(scim.call, calls)
    assert scim.names("") == []


def test_scimmy_makes_requests_and_judges_answers(site, row, directory):
    node.install()
    token = site.call("POST", "/application/pusher/token")[1]["token"]
    calls = row("SCIMMY (npm)", node.version("scimmy"))
    for line in node.run("scimmy.js", url=f"{site.url}/scim/v2/{directory}", token=token):
        calls.note(line["call"], line["problem"])


# What the tester takes for mistakes, by check and attribute, and why it is so.
READ_ONLY = "it wants back exactly what it sent, but the server adds what it says is read-only (type and primary of an address, display of a member)"
MEANT = {
    ("check_add_attribute", "emails"): READ_ONLY,
    ("check_add_attribute", "members"): READ_ONLY,
    ("check_replace_attribute", "emails"): READ_ONLY,
    ("check_replace_attribute", "members"): READ_ONLY,
    ("check_remove_attribute", "active"): "to remove `active` lets nobody in again, and each user has it",
}


def test_the_compliance_tester(row, client):
    calls = row("scim2-tester (PyPI)", importlib.metadata.version("scim2-tester"))
    seen, n = set(), 0
    for one in check_server(client):
        if one.status == Status.SKIPPED:
            continue
        n += 1
        what = (one.title, (one.data or {}).get("urn") if isinstance(one.data, dict) else None)
        if one.status in (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE):
            calls.note(one.title)
        elif what in MEANT:
            seen.add(what)
            calls.differ(one.title, MEANT[what])
        else:
            calls.note(one.title, f"{one.status}: {one.reason}")
    assert n >= 90, n
    assert seen == set(MEANT), "what is no longer so is not listed"


def test_the_python_client(row, client):
    calls = row("scim2-client (PyPI)", importlib.metadata.version("scim2-client"))
    user, group = client.get_resource_model("User"), client.get_resource_model("Group")
    with calls("create"):
        ann, staff = client.create(user(user_name="ann", title="Engineer")), client.create(group(display_name="staff"))
    with calls("query"):
        assert client.query(user, ann.id) == ann
    with calls("modify"):
        client.modify(group, staff.id, PatchOp[group](operations=[PatchOperation(op="add", path="members", value=[{"value": ann.id}])]))
        assert [m.value for m in client.query(group, staff.id).members] == [ann.id]
    with calls("replace"):
        ann = client.query(user, ann.id)
        ann.title = "Manager"
        assert client.replace(ann).title == "Manager"
    with calls("delete"):
        client.delete(group, staff.id)
        client.delete(user, ann.id)
