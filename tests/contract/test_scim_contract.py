"""The contract of a source, over what an identity provider has pushed: more than one page of users, groups in groups, and some who were deleted."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "system"))

from pusher import TOKEN, created, group, inbound, person  # noqa: E402
from server import Server  # noqa: E402
from sources import CHECKS, run_contract  # noqa: E402

USERS = 520


@pytest.fixture(name="pushed", scope="module")
def fixture_pushed(tmp_path_factory):
    """The store that a server leaves behind, and the name and id of somebody."""
    data = tmp_path_factory.mktemp("pushed") / "data"
    with Server(data=data) as server:
        connector, idp = inbound(server, quietSeconds=3600, latestSeconds=3600)
        assert connector["id"] == 1
        ids = [created(idp.call("POST", "Users", person(f"user{n}"))) for n in range(USERS)]
        inner = created(idp.call("POST", "Groups", group("inner", *ids[:200])))
        created(idp.call("POST", "Groups", group("outer", inner, ids[7])))
        for one in ids[100:110]:
            assert idp.call("DELETE", f"Users/{one}")[0] == 204
    return f"sqlite:{data}/usersync.db", "user7", ids[7]


@pytest.mark.parametrize("check", CHECKS)
def test_contract(pushed, check):
    store, name, key = pushed
    assert run_contract("scim", {"token": TOKEN}, name, key, "nobody.at.all", "u99999", check, env={"USERSYNC_STORE": store}) == [check]
