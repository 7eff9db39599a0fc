"""Who follows a directory: pages, long polls, server-sent events, and what happens when they are slow, go away or the server stops."""

import base64
import contextlib
import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
from company import Company
from server import ADMIN_PASSWORD, BASE, Server, clean_environment, program


@pytest.fixture
def company():
    with Company(count=4) as c:
        yield c


@pytest.fixture
def hr(server, company):
    return server.create("hr", "file", company.configuration)


def page(server, directory, **query):
    status, answer = server.call("GET", f"/directory/{directory}/changes?{urllib.parse.urlencode(query)}")
    assert status == 200, answer
    return answer


def brief(changes):
    return [(c["object"], c["operation"], c["name"]) for c in changes]


class Mirror:
    """A directory by the numbers of what is in it, kept up to date by changes alone."""

    def __init__(self):
        self.users, self.groups, self.members = {}, {}, set()

    def take(self, change):
        number, after = change["number"], change.get("after")
        if change["object"] == "members":
            for m in change["members"]:
                key = (number, m["object"], m["number"])
                assert (key in self.members) == (change["operation"] == "REMOVED"), change
                (self.members.add if change["operation"] == "ADDED" else self.members.remove)(key)
            return
        side = self.users if change["object"] == "user" else self.groups
        assert bool(change["before"]) == (number in side), change
        if after:
            side[number] = after
        else:
            del side[number]
            self.members = {m for m in self.members if m[1:] != (change["object"], number)
                            and not (change["object"] == "group" and m[0] == number)}

    def expect(self, server, directory):
        users = page_all(server, f"/directory/{directory}/user", "users")
        groups = page_all(server, f"/directory/{directory}/group", "groups")
        assert sorted(u["name"] for u in users) == sorted(u["name"] for u in self.users.values())
        assert sorted(g["name"] for g in groups) == sorted(g["name"] for g in self.groups.values())
        named = {}
        for group, kind, number in self.members:
            assert kind == "user"
            named.setdefault(self.groups[group]["name"], set()).add(self.users[number]["name"])
        for group in groups:
            users = page_all(server, f"/directory/{directory}/group/{group['name']}", "users")
            assert sorted(users) == sorted(named.get(group["name"], ()))


def page_all(server, path, key):
    found, cursor = [], None
    while True:
        status, answer = server.call("GET", path + "?limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200, answer
        found += answer[key]
        cursor = answer["cursor"]
        if not cursor:
            return found


def all_changes(server, directory):
    answer = {"next": "start", "more": True}
    while answer["more"]:
        answer = page(server, directory, since=answer["next"], limit=1000)
        yield from answer["changes"]


def test_pages_give_all_changes_in_order(server, company, hr):
    directory = hr["directoryId"]
    begin = page(server, directory)
    assert begin == {"changes": [], "next": begin["next"], "more": False}
    assert server.sync(hr)["status"] == "DONE"
    company.people["id000"]["username"], company.people["id001"]["username"] = "user001", "user000"  # a swap
    company.people["id002"]["groups"] = ""
    company.add("new", "newcomer")
    company.people.pop("id003")
    company.write()
    assert server.sync(hr)["status"] == "DONE"
    seen, token, more = [], begin["next"], True
    while more:
        answer = page(server, directory, since=token, limit=1)
        assert len(answer["changes"]) == 1
        seen += answer["changes"]
        token, more = answer["next"], answer["more"]
    assert page(server, directory, since=begin["next"], limit=1000)["changes"] == seen
    assert page(server, directory, since="start", limit=1000)["changes"] == seen
    assert page(server, directory, since=token) == {"changes": [], "next": token, "more": False}
    assert page(server, directory)["next"] == token
    assert ("user", "RENAMED", "user000") in brief(seen) and ("user", "ADDED", "newcomer") in brief(seen)
    renamed = next(c for c in seen if c["operation"] == "RENAMED" and c["name"] == "user001")
    assert (renamed["before"]["name"], renamed["after"]["name"]) == ("user000", "user001")
    left = next(c for c in seen if c["operation"] == "REMOVED")
    assert "user002" in [m["name"] for m in left["members"]]
    mirror = Mirror()
    for change in seen:
        mirror.take(change)
    mirror.expect(server, directory)


def test_a_simulation_is_told_when_it_is_applied(server, company, hr):
    directory = hr["directoryId"]
    server.sync(hr)
    token = page(server, directory)["next"]
    company.add("new", "newcomer")
    run = server.wait(server.call("POST", f"/usersync/connector/{hr['id']}/simulate")[1]["id"])
    assert page(server, directory, since=token)["changes"] == []
    applied = server.wait(server.call("POST", f"/usersync/syncstatus/{run['id']}/apply")[1]["id"])
    changes = page(server, directory, since=token)["changes"]
    assert ("user", "ADDED", "newcomer") in brief(changes) and {c["run"] for c in changes} == {applied["id"]}


def test_bad_questions_are_refused_with_their_reason(server, hr, company):
    directory = hr["directoryId"]
    other = server.create("other", "file", company.configuration)["directoryId"]
    path = f"/directory/{directory}/changes"
    token, foreign = page(server, directory)["next"], page(server, other)["next"]
    again = ": read the directory again, and go on from its newest token"
    for query, status, message in (
            ("since=", 400, "the token is not one that was given out"),
            ("since=x", 400, "the token is not one that was given out"),
            (f"since={token[:-1]}", 400, "the token is not one that was given out"),
            (f"since={token}&limit=0", 400, "limit must be a number from 1 to 1000"),
            (f"since={token}&wait=61", 400, "wait must be a number of seconds from 0 to 60"),
            (f"since={token}&wait=-1", 400, "wait must be a number of seconds from 0 to 60"),
            (f"since={foreign}", 410, f"the token is of directory {other}, not of directory {directory}" + again)):
        got, answer = server.call("GET", f"{path}?{query}")
        assert (got, answer["message"]) == (status, message), query
    assert server.call("GET", "/directory/77/changes")[1]["message"] == "Directory 77 does not exists"
    status, answer = server.call("POST", path)
    assert status == 405
    server.call("DELETE", f"/directory/{directory}")
    assert server.call("GET", f"{path}?since={token}")[0] == 404


def test_a_token_survives_a_restart_and_expires_with_a_backup(tmp_path, company):
    with Server(data=tmp_path / "data") as server:
        hr = server.create("hr", "file", company.configuration)
        server.sync(hr)
        token = page(server, hr["directoryId"])["next"]
    backup = (tmp_path / "data/usersync.db").read_bytes()
    with Server(data=tmp_path / "data") as server:
        company.add("new", "newcomer")
        server.sync(hr)
        assert ("user", "ADDED", "newcomer") in brief(page(server, hr["directoryId"], since=token)["changes"])
        later = page(server, hr["directoryId"])["next"]
    (tmp_path / "data/usersync.db").write_bytes(backup)
    with Server(data=tmp_path / "data") as server:
        for name in ("first", "second"):
            status, answer = server.call("GET", f"/directory/{hr['directoryId']}/changes?since={later}")
            assert status == 410 and "a backup was put back" in answer["message"], answer
            assert page(server, hr["directoryId"], since=token)["changes"] == [] or name == "second"
            company.add(name, name)
            server.sync(hr)


# --- long polls ---------------------------------------------------------------------------------

def poll(server, directory, token, wait, answers):
    begun = time.monotonic()
    answers.append((page(server, directory, since=token, wait=wait), time.monotonic() - begun))


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def test_a_poll_ends_with_the_first_change(server, company, hr):
    directory, answers = hr["directoryId"], []
    token = page(server, directory)["next"]
    threads = [threading.Thread(target=poll, args=(server, directory, token, 60, answers)) for _ in range(20)]
    for t in threads:
        t.start()
    # More wait than the listener has threads, and still it answers.
    assert server.call("GET", f"/directory/{directory}")[0] == 200
    assert not answers
    server.sync(hr)
    for t in threads:
        t.join(30)
    assert len(answers) == 20 and all(a["changes"] and took < 30 for a, took in answers)


def test_a_poll_without_a_change_ends_in_time(server, hr):
    directory, answers = hr["directoryId"], []
    token = page(server, directory)["next"]
    poll(server, directory, token, 1, answers)
    answer, took = answers[0]
    assert answer == {"changes": [], "next": token, "more": False} and 0.9 < took < 20


def test_a_poll_hears_of_the_directory_s_end(server, hr):
    directory = hr["directoryId"]
    token, got = page(server, directory)["next"], []
    thread = threading.Thread(target=lambda: got.append(server.call("GET", f"/directory/{directory}/changes?since={token}&wait=60")))
    thread.start()
    server.call("DELETE", f"/directory/{directory}")
    thread.join(30)
    assert got[0][0] == 404


# --- server-sent events -------------------------------------------------------------------------

class Events:
    """A client of server-sent events over a bare socket. take() gives the next event as (id, event, data); id alone has event None."""

    def __init__(self, server, directory, query="", last=None, buffer=None):
        where = urllib.parse.urlsplit(server.url)
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(60)
        self.socket.connect((where.hostname, where.port))
        login = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
        more = f"Last-Event-ID: {last}\r\n" if last else ""
        self.socket.sendall(f"GET {BASE}/directory/{directory}/changes{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
                            f"Accept: text/event-stream\r\n{more}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self.text, self.is_over = b"", False

    def more(self):
        size = int(self.file.readline(), 16)
        self.text += self.file.read(size)
        self.file.readline()
        self.is_over = size == 0

    def take(self):
        while b"\n\n" not in self.text:
            if self.is_over:
                return None
            self.more()
        block, _, self.text = self.text.partition(b"\n\n")
        found = {"id": None, "event": None, "data": None}
        for line in block.decode().splitlines():
            name, _, value = line.partition(": ")
            if name in found:
                found[name] = value
        return found["id"], found["event"], json.loads(found["data"]) if found["data"] else None

    def close(self):
        self.file.close()
        self.socket.close()


def test_events_come_as_they_happen_and_go_on_from_the_last(server, company, hr):
    directory = hr["directoryId"]
    with contextlib.closing(Events(server, directory)) as events:
        assert events.status == 200 and events.headers["content-type"] == "text/event-stream"
        first, event, _ = events.take()
        assert first == page(server, directory)["next"] and event is None
        server.sync(hr)
        want = page(server, directory, since=first, limit=1000)["changes"]
        got = [events.take() for _ in want]
        assert [data for _, _, data in got] == want and {event for _, event, _ in got} == {"change"}
    with contextlib.closing(Events(server, directory, query="?since=start", last=got[2][0])) as events:
        events.take()
        assert [events.take()[2] for _ in want[3:]] == want[3:]
        company.add("new", "newcomer")
        server.sync(hr)
        assert events.take()[2]["name"] == "newcomer"
    status = Events(server, directory, query="?since=abc")
    assert status.status == 400
    status.close()


def test_a_stream_ends_with_its_directory(server, hr):
    directory = hr["directoryId"]
    with contextlib.closing(Events(server, directory)) as events:
        events.take()
        server.call("DELETE", f"/directory/{directory}")
        _, event, data = events.take()
        assert event == "error" and data["status"] == 404
        assert events.take() is None


def test_a_silent_stream_is_kept_alive(server, hr):
    with contextlib.closing(Events(server, hr["directoryId"])) as events:
        events.take()
        events.more()
        assert events.text == b":\n\n"


def test_clients_that_go_away_leave_their_place(server, company, hr):
    directory = hr["directoryId"]
    server.sync(hr)
    for i in range(250):  # more than may follow at a time
        events = Events(server, directory, query="?since=start")
        assert events.status == 200, i
        if i % 2:
            events.take()
        events.close()
        if i % 50 == 49:  # those that rest notice with the next event
            company.add(f"new{i}", f"newcomer{i}")
            server.sync(hr)
    with contextlib.closing(Events(server, directory)) as events:
        assert events.status == 200


def test_too_many_are_told_so(server, hr):
    everybody = [Events(server, hr["directoryId"]) for _ in range(201)]
    assert [e.status for e in everybody] == [200] * 200 + [503]
    for e in everybody:
        e.close()


def test_a_reader_slower_than_the_writer_loses_nothing(company):
    for i in range(3000):
        company.people[f"many{i}"] = {"username": f"many{i:05}", "fullName": "x" * 300, "email": "", "active": "true", "groups": "staff"}
    company.write()
    with Server() as server:
        hr = server.create("hr", "file", company.configuration)
        directory = hr["directoryId"]
        with contextlib.closing(Events(server, directory, query="?since=start", buffer=4096)) as events:
            events.take()
            for round_ in range(3):
                for i in range(3000):
                    company.people[f"many{i}"]["fullName"] = str(round_) * 300
                company.write()
                assert server.sync(hr)["status"] == "DONE"
            mirror = Mirror()
            total = sum(1 for _ in all_changes(server, directory))
            for _ in range(total):
                _, event, data = events.take()
                assert event == "change", data
                mirror.take(data)
        mirror.expect(server, directory)


def test_the_server_stops_at_once_with_readers(company):
    server = Server()
    with server:
        hr = server.create("hr", "file", company.configuration)
        directory = hr["directoryId"]
        where, token = urllib.parse.urlsplit(server.url), page(server, directory)["next"]
        waits = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        login = {"Authorization": "Basic " + base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()}
        for wait in (0, 60):
            waits.request("GET", f"{BASE}/directory/{directory}/changes?since={token}&wait={wait}", headers=login)
            if not wait:
                waits.getresponse().read()
        events = [Events(server, directory) for _ in range(5)]
        for e in events:
            e.take()
        wait_for(lambda: b"\nusersync_change_readers 6\n" in server.request("GET", "/metrics").body)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 5
        assert json.loads(waits.getresponse().read()) == {"changes": [], "next": token, "more": False}
        waits.close()
        assert [e.take() for e in events] == [None] * 5  # ended, not cut


# --- the command line ---------------------------------------------------------------------------

def test_the_command_line_shows_and_follows(server, company, hr):
    begin = server.cli("directory", "changes", "hr")
    assert begin.returncode == 0 and begin.stdout.startswith("next: ")
    server.sync(hr)
    shown = server.cli("directory", "changes", "hr", "--since", begin.stdout.split()[1])
    assert "user ADDED user000" in shown.stdout and "members ADDED staff: user000, user001, user002, user003" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("next: ")
    bad = server.cli("directory", "changes", "hr", "--since", "nonsense")
    assert bad.returncode == 1 and "the token is not one that was given out" in bad.stderr
    env = clean_environment(USERSYNC_URL=server.url, USERSYNC_USER="admin", USERSYNC_PASSWORD=server.password)
    follower = subprocess.Popen([program(), "directory", "changes", "hr", "--since", shown.stdout.split()[-1], "--follow"], env=env,
                                stdout=subprocess.PIPE, text=True)
    company.people["id000"]["username"] = "renamed"
    company.add("new", "newcomer")
    server.sync(hr)
    line = follower.stdout.readline()
    assert "user RENAMED user000 -> renamed" in line
    follower.kill()
    follower.wait()
    follower.stdout.close()
