"""A server with a company that others' clients talk to, and the table of what they can do."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent / "idp")]

from compatibility import Row  # noqa: E402
from crowd import Awkward  # noqa: E402
from server import Server  # noqa: E402

os.environ.setdefault("NODE_NO_WARNINGS", "1")


@pytest.fixture(scope="session")
def site():
    """A synced directory, and a local one without anybody; an application that sees both and may do everything."""
    with Awkward() as company, Server() as server:
        other = server.create("gone", "file", {**company.configuration, "cleanup": "delete"})
        assert server.call("DELETE", f"/usersync/connector/{other['id']}")[0] == 204
        server.local = other["directoryId"]
        server.synced = server.create("company", "file", company.configuration)
        assert server.sync(server.synced)["status"] == "DONE"
        status, made = server.call("POST", "/application/", {"name": "client", "directories": [server.synced["directoryId"], server.local],
                                                             "rights": ["read", "write", "authenticate"], "password": "open sesame"})
        assert status == 201, made
        yield server


@pytest.fixture
def row():
    """Call it with a client and its version; then row(call) around each call."""
    rows = []

    def begin(client, version):
        rows.append(Row(client, version))
        return rows[-1]

    yield begin
    for one in rows:
        one.check()
