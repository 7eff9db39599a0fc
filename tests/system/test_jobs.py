"""Runs at the same time: as many as there are workers, the others wait in order; a cancelled one ends and frees its connector."""

import os
import pathlib
import threading
import time

from fakeserver import FakeServer, Turn
from server import Server

HERE = "/usersync/connector/{}/{}"


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def status(server, run):
    return server.call("GET", f"/usersync/syncstatus/{run}")[1]["status"]


class Slow:
    """Connectors whose identity provider answers once the gate is open."""

    def __init__(self, server, count):
        self.gate = threading.Event()
        self.fake = FakeServer({"/realms/staff": Turn({"realm": "staff"}, 200, self.gate)})
        self.server, self.count = server, count

    def __enter__(self):
        self.fake.__enter__()
        settings = {"url": self.fake.url, "realm": "staff", "clientId": "usersync", "clientSecret": "x", "retries": 0}
        self.connectors = [self.server.create(f"slow {i}", "keycloak", settings)["id"] for i in range(self.count)]
        return self

    def __exit__(self, *unused):
        self.gate.set()
        self.fake.__exit__(*unused)

    def start(self, connector):
        code, run = self.server.call("POST", HERE.format(connector, "sync"))
        assert code == 202, run
        return run["id"]


def test_as_many_run_as_there_are_workers_and_the_others_wait_in_order(tmp_path):
    with Server("--workers", "3") as server, Slow(server, 5) as slow:
        runs = [slow.start(connector) for connector in slow.connectors]
        wait_until(lambda: len(slow.fake.requests) == 3)
        assert [status(server, run) for run in runs] == ["RUNNING"] * 3 + ["SCHEDULED"] * 2
        # what is asked for again is the run that is there, at work or waiting
        assert [slow.start(connector) for connector in slow.connectors] == runs
        # a waiting one that is cancelled never begins; one at work makes room for the next
        assert server.call("POST", HERE.format(slow.connectors[3], "cancel"))[0] == 202
        assert server.wait(runs[3])["status"] == "CANCELLED"
        assert server.call("POST", HERE.format(slow.connectors[0], "cancel"))[0] == 202
        assert server.wait(runs[0])["status"] == "CANCELLED"
        wait_until(lambda: len(slow.fake.requests) == 4)
        assert [status(server, run) for run in runs] == ["CANCELLED", "RUNNING", "RUNNING", "CANCELLED", "RUNNING"]
        slow.gate.set()
        assert {server.wait(run)["status"] for run in runs[1:3] + runs[4:]} == {"FAILED"}


def test_a_cancelled_run_changes_nothing_and_frees_its_connector(tmp_path):
    with Server("--workers", "1") as server, Slow(server, 2) as slow:
        first, other = slow.connectors
        for _ in range(3):
            run, behind = slow.start(first), slow.start(other)
            wait_until(lambda run=run: status(server, run) == "RUNNING")
            for connector, number in ((other, behind), (first, run)):
                code, answer = server.call("POST", HERE.format(connector, "cancel"))
                assert (code, answer["id"]) == (202, number)
                ended = server.wait(number)
                assert ended["status"] == "CANCELLED" and ended["resultCount"] == ended["changes"] == 0, ended
            assert server.call("POST", HERE.format(first, "cancel"))[0] == 409
        slow.gate.set()
        assert server.sync(str(first))["status"] == "FAILED"
        assert len(server.call("GET", HERE.format(first, "syncstatuses"))[1]["runs"]) == 4


def test_workers_step_back_and_the_threads_that_answer_do_not():
    def nice_of(pid):
        stats = [pathlib.Path(f"/proc/{pid}/task/{task}/stat").read_text() for task in os.listdir(f"/proc/{pid}/task")]
        return sorted(int(stat.rsplit(")", 1)[1].split()[16]) for stat in stats)

    with Server("--workers", "3") as server:
        own = os.getpriority(os.PRIO_PROCESS, server.process.pid)
        wait_until(lambda: nice_of(server.process.pid)[-3:] == [min(own + 8, 19)] * 3)
        assert set(nice_of(server.process.pid)[:-3]) == {own}
