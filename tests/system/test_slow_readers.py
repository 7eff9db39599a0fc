"""Readers slower than the writer: they cost little, hold nobody up, and get one moment of the directory."""

import contextlib
import os
import re
import socket
import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from company import Company
from crowd import ROOT, Crowd
from receiver import wait_for
from server import Server

USERS, GROUPS = 20000, 12
STREAMS = 8
AUTHORIZATION = "Authorization: Basic d2lraTpvcGVuIHNlc2FtZQ=="
SEARCH = "/search?entity-type=user&max-results=-1&expand=user"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def site():
    # a sanitizer would keep what is freed: that is not what is measured
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    with Company(count=USERS) as company, Server(env={"ASAN_OPTIONS": options}) as server:
        for person in company.people.values():
            person["groups"] = ";".join(f"group {n}" for n in range(GROUPS))
        company.write()
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        assert server.sync(server.connector)["addedCount"] == USERS
        status, made = server.call("POST", "/application/", {"name": "wiki", "directories": [server.connector["directoryId"]], "password": "open sesame"})
        assert status == 201, made
        # the store's log begins anew
        server.stop()
        server.start()
        yield server


class SlowReader:
    """Asks for everything and takes it one byte at a time: take(n), or the rest of it at once."""

    def __init__(self, server, path):
        where = urllib.parse.urlsplit(server.url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect((where.hostname, where.port))
        self.socket.sendall(f"GET {ROOT}{path} HTTP/1.0\r\nHost: {where.netloc}\r\n{AUTHORIZATION}\r\n\r\n".encode())
        self.said = b""

    def take(self, count):
        for _ in range(count):
            self.said += self.socket.recv(1)

    def rest(self):
        pieces = [self.said]
        while piece := self.socket.recv(1 << 16):
            pieces.append(piece)
        head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
        return head, body


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def log_bytes(server):
    return (server.data / "usersync.db-wal").stat().st_size


def rename_some(server, mark):
    for n in range(0, USERS, 100):
        server.company.people[f"id{n:03}"]["fullName"] = mark
    server.company.write()
    assert server.sync(server.connector)["updatedCount"] == USERS // 100


def log_stays_as_it_is(server, mark):
    """Whether the file of the log has room for a sync that writes: it is used from its beginning."""
    before = log_bytes(server)
    rename_some(server, f"later {mark}")
    return log_bytes(server) == before


def read_full_names(body):
    return {u.find("display-name").text for u in ET.fromstring(body).findall("user")}


@pytest.mark.parametrize("path", [SEARCH, "/group/membership"])
def test_slow_readers_cost_little_and_hold_nobody_up(site, path):
    crowd = Crowd(site, "wiki", "open sesame")
    rename_some(site, "before")
    whole = len(site.request("GET", ROOT + path, user="wiki", password="open sesame").body)
    before, readers = resident_bytes(site), []
    with contextlib.ExitStack() as stack:
        for _ in range(STREAMS):
            readers.append(SlowReader(site, path))
            stack.enter_context(readers[-1].socket)
            readers[-1].take(200)
            assert readers[-1].said.startswith(b"HTTP/1.1 200") or readers[-1].said.startswith(b"HTTP/1.0 200"), readers[-1].said
        # one more is told so, and everybody else is served; a sync writes what it has to
        status, said = crowd.get(path[1:].partition("?")[0], entity_type="user", max_results=-1, expand="user")
        assert (status, said["reason"]) == (503, "OPERATION_FAILED") and "8 long answers" in said["message"], said
        for turn in range(3):
            rename_some(site, f"turn {turn}")
            for reader in readers:
                reader.take(50)
            assert crowd.get("user", username="user000")[1]["display-name"] == f"turn {turn}"
        assert resident_bytes(site) - before < STREAMS * whole * 3 / 4, (resident_bytes(site) - before, whole)
        # whoever reads on gets the moment that it began in
        for reader in readers[:2]:
            head, body = reader.rest()
            assert len(body) == whole, head
            if path == SEARCH:
                assert "before" in read_full_names(body) and not any("turn" in name for name in read_full_names(body))
    # and then the store's log is used again from its beginning, at the latest when it has become as long as it may
    wait_for(lambda: crowd.get("search", entity_type="user", max_results=-1, expand="user")[0] == 200)
    assert any(log_stays_as_it_is(site, turn) for turn in range(20)), log_bytes(site)
    assert log_bytes(site) < 48 * MEGABYTE
