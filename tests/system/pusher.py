"""Identity providers that push: requests as they send them, to the address of a connector of type scim."""

import time

from scim import URN_ENTERPRISE, URN_GROUP, URN_USER, Scim

TOKEN = "a-bearer-token-of-the-tests-0123456789"
URN_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def inbound(server, name="idp", **configuration):
    """A connector, and its identity provider's client."""
    connector = server.create(name, "scim", {"token": TOKEN, "quietSeconds": 0, **configuration})
    return connector, Scim(server, connector["uniqueId"], token=configuration.get("token", TOKEN))


def person(name, **more):
    return {"schemas": [URN_USER, URN_ENTERPRISE], "externalId": f"x-{name}", "userName": name, "active": True, "displayName": name.title(),
            "emails": [{"primary": True, "type": "work", "value": f"{name}@example.org"}],
            "name": {"formatted": name.title(), "givenName": name, "familyName": "Pushed"}, URN_ENTERPRISE: {"department": "Lab"}, **more}


def group(name, *members):
    return {"schemas": [URN_GROUP], "externalId": f"x-{name}", "displayName": name, "members": [{"value": m} for m in members]}


def patch(*operations):
    return {"schemas": [URN_PATCH], "Operations": list(operations)}


def created(answer):
    status, said = answer
    assert status == 201, said
    return said["id"]


def settle(server, connector, expect=None, seconds=60):
    """Waits until the runs for all pushes so far have ended; the last one. expect: what it must be true of."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        status, last = server.call("GET", f"/usersync/connector/{connector['uniqueId']}/syncstatus")
        if status == 200 and last["status"] not in ("SCHEDULED", "RUNNING") and (expect is None or expect(last)):
            return last
        time.sleep(0.02)
    raise AssertionError(last)
