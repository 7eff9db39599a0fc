"""Clients of SCIM that were written elsewhere."""

import httpx2
import pytest
from crowd import GROUPS, PEOPLE, Awkward
from scim import MAPPING
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import SearchRequest
from scim2_tester import Status, check_server
from server import Server


@pytest.fixture(scope="module")
def client():
    with Awkward() as company, Server() as server:
        connector = server.create("awkward", "file", {**company.configuration, "mapping": MAPPING})
        server.sync(connector)
        assert server.call("POST", "/application/", {"name": "wiki", "directories": [connector["directoryId"]], "password": "open sesame"})[0] == 201
        token = server.call("POST", "/application/wiki/token")[1]["token"]
        with httpx2.Client(base_url=f"{server.url}/scim/v2/{connector['directoryId']}", headers={"Authorization": f"Bearer {token}"}) as http:
            scim = SyncSCIMClient(http)
            scim.discover()
            yield scim


def test_the_compliance_tester_finds_nothing_to_read_that_is_wrong(client):
    results = [r for r in check_server(client, include_tags={"discovery", "service-provider-config", "resource-types", "schemas", "misc"})
               if r.status != Status.SKIPPED]
    assert len(results) >= 20
    assert [(r.title, r.reason) for r in results if r.status != Status.SUCCESS] == []


def test_a_client_that_checks_each_answer_against_the_schemas_reads_all(client):
    user, group = client.get_resource_model("User"), client.get_resource_model("Group")
    users, groups = client.query(user), client.query(group)
    assert {u.user_name for u in users.resources} == {p[1] for p in PEOPLE} and users.total_results == len(PEOPLE)
    assert {g.display_name: len(g.members or []) for g in groups.resources} == {g[1]: len(g[2]) for g in GROUPS}
    for one in users.resources:
        assert client.query(user, one.id) == one
    found = client.query(user, query_parameters=SearchRequest(filter='userName eq "bob"', attributes=["userName", "emails.value"]))
    assert [u.emails[0].value for u in found.resources] == ["bob@example.org"] and found.resources[0].groups is None
    assert client.search(SearchRequest(count=100)).total_results == len(PEOPLE) + len(GROUPS)
    page = client.query(user, query_parameters=SearchRequest(start_index=3, count=2, sort_by="userName"))
    assert (page.start_index, page.items_per_page) == (3, 2)
