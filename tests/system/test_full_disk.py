"""A disk that is full: nothing is changed, everybody is told, and all goes on by itself once there is room again.

The disk is a limit on the size of the server's files, set and lifted while it runs: any user may do that, on any file system.
"""

import contextlib
import resource
import threading
import time

import pytest
from company import Company
from fakeserver import FakeServer, Turn

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
MANY = 20000


@contextlib.contextmanager
def full_disk(server, room):
    """No file of the server can grow beyond so many bytes."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)


@pytest.fixture
def site(server):
    with Company(count=20) as company:
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        assert server.sync(server.connector)["addedCount"] == 20
        yield server


def grow(server):
    person = server.company.people["id000"]
    server.company.people.update({f"n{i}": {**person, "username": f"new{i:05}"} for i in range(MANY)})
    server.company.write()


def results(server, run):
    return server.call("GET", f"/usersync/syncstatus/{run}/results?limit=5")[1]["results"]


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_failed(server, run):
    """FAILED with the reason; no counter, no row and no user says otherwise."""
    status = server.wait(run)
    assert status["status"] == "FAILED"
    assert len(status["messages"]) == 2 and "cannot" in status["messages"][1], status["messages"]
    assert (status["resultCount"], status["changes"]) == (0, 0)
    assert results(server, run) == []
    assert server.call("GET", f"/directory/{server.connector['directoryId']}")[1]["users"] == 20


def test_a_plan_that_does_not_fit_fails_with_the_reason_and_leaves_no_rows(site):
    grow(site)
    with full_disk(site, 3 << 20):
        run = site.call("POST", f"/usersync/connector/{site.connector['id']}/sync")[1]["id"]
        assert site.wait(run)["status"] == "FAILED"
    wait_until(lambda: not results(site, run))
    check_failed(site, run)
    done = site.sync(site.connector)
    assert (done["status"], done["addedCount"]) == ("DONE", MANY)


def test_a_run_whose_end_cannot_be_written_frees_its_connector_once_it_can(site):
    """Not even the word FAILED fits: the run must not block its connector until a restart."""
    gate = threading.Event()
    with FakeServer({"/realms/staff": Turn({"realm": "staff"}, 200, gate)}) as fake:
        slow = site.create("slow", "keycloak", {"url": fake.url, "realm": "staff", "clientId": "usersync", "clientSecret": "x"})
        run = site.call("POST", f"/usersync/connector/{slow['id']}/sync")[1]["id"]
        wait_until(lambda: fake.requests)
        with full_disk(site, 1):
            gate.set()
            wait_until(lambda: site.request("GET", "/readyz", user=None).status == 503)
            assert site.call("GET", f"/usersync/syncstatus/{run}")[1]["status"] == "RUNNING"
            assert site.request("GET", "/healthz", user=None).status == 200
        wait_until(lambda: site.request("GET", "/readyz", user=None).status == 200)
        check_failed(site, run)
        failed = site.sync(slow)
    assert failed["id"] != run and "Token request failed" in failed["messages"][1]


CALLS = [
    ("POST", "/usersync/connector/", {"name": "other", "type": "file", "configuration": {"path": "/x"}}),
    ("PUT", "/usersync/connector/1", {"path": "/other"}),
    ("DELETE", "/usersync/connector/1", None),
    ("POST", "/usersync/connector/1/sync", None),
    ("POST", "/usersync/connector/1/syncsingle/user001", None),
    ("DELETE", "/directory/1", None),
    ("POST", "/user/", {"name": "olga", "role": "monitor", "password": "long enough"}),
    ("POST", "/token/", {"name": "ci", "role": "monitor"}),
]


def test_calls_that_would_write_are_503_and_change_nothing(site):
    def snapshot():
        paths = ("/usersync/connector/", "/directory/", "/directory/1/user?limit=1000", "/user/", "/token/", "/usersync/connector/1/syncstatus")
        return [site.call("GET", path)[1] for path in paths]
    before = snapshot()
    with full_disk(site, 1):
        for method, path, body in CALLS:
            status, said = site.call(method, path, body)
            assert (status, said["status"]) == (503, 503), (method, path, said)
            assert "cannot" in said["message"], said
            assert snapshot() == before, (method, path)
    assert snapshot() == before
    assert site.sync(site.connector)["status"] == "DONE"
