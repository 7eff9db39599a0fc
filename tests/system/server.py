"""A usersync server of its own for a test: a temporary data folder, a free port, stopped and checked at the end.

    with Server() as server:
        status, answer = server.call("GET", "/usersync/connector/")
        done = server.cli("sync", "hr", "--wait")
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = "/rest/samlsso-admin/1.0"
ADMIN_PASSWORD = "admin-of-the-tests"
READY_SECONDS = 60
# What a sanitizer prints when it finds something; the server's own log never holds these.
COMPLAINTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def build_folder():
    return pathlib.Path(os.environ.get("USERSYNC_BUILD") or ROOT / "build")


def program():
    path = build_folder() / "src/cmd/usersync"
    assert path.exists(), f"{path} is not built: run ninja -C {build_folder()}"
    return str(path)


def clean_environment(**more):
    """The environment without anything that leads the command line to another server."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("USERSYNC_")}
    env["HOME"] = "/nonexistent"
    env.pop("XDG_CONFIG_HOME", None)
    env.update(more)
    return env


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


class Server:
    """A running `usersync serve`. data: an existing data folder to start on again, kept at the end."""

    def __init__(self, *options, data=None, password=ADMIN_PASSWORD, env=None, tls=False):
        self.options = list(options)
        self.is_own_data = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="usersync-test-"))
        self.password = password
        self.env = env or {}
        self.tls = tls
        self.process = None
        self.url = None
        self.said = []  # lines of standard output
        self.log_path = self.data.parent / (self.data.name + ".log")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        code = self.stop()
        log = self.log()
        if self.is_own_data:
            shutil.rmtree(self.data, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                self.log_path.unlink()
        if kind is None:
            assert not any(c in log for c in COMPLAINTS), log[-6000:]
            assert code in (0, None, -signal.SIGKILL), f"the server ended with {code}\n{log[-4000:]}"

    def start(self):
        env = clean_environment(USERSYNC_ADMIN_PASSWORD=self.password, **self.env)
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program(), "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--files", "/",
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=env)
        log.close()
        deadline = time.monotonic() + READY_SECONDS
        for line in self.process.stdout:
            line = line.decode()
            self.said.append(line.rstrip("\n"))
            found = re.search(r"listens on (https?://\S+)", line)
            if found:
                self.url = found.group(1)
                break
            assert time.monotonic() < deadline, self.log()[-4000:]
        if not self.url:
            code = self.process.wait()
            raise AssertionError(f"the server ended with {code}\n{self.log()[-4000:]}")
        # Nobody reads on: keep the pipe from filling.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self, number=signal.SIGTERM):
        """The exit code; None if it was not running."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop\n{self.log()[-4000:]}") from None
        self.process = None
        self.url = None
        return code

    def kill(self):
        self.stop(signal.SIGKILL)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def request(self, method, path, body=None, headers=None, user="admin", password=None, token=None):
        """One request, path from the root. body: bytes, or anything else as JSON."""
        where = urllib.parse.urlsplit(self.url)
        headers = dict(headers or {})
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        elif user:
            pair = f"{user}:{self.password if password is None else password}".encode()
            headers.setdefault("Authorization", "Basic " + base64.b64encode(pair).decode())
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def call(self, method, path, body=None, **more):
        """One call of the admin API, path below its base: (status, JSON or None)."""
        answer = self.request(method, BASE + path, body, **more)
        return answer.status, json.loads(answer.body) if answer.body else None

    def create(self, name, kind, configuration):
        status, connector = self.call("POST", "/usersync/connector/", {"name": name, "type": kind, "configuration": configuration})
        assert status == 201, connector
        return connector

    def wait(self, run, seconds=60):
        """The status object of a run once it has ended."""
        deadline = time.monotonic() + seconds
        pause = 0.005
        while True:
            status, answer = self.call("GET", f"/usersync/syncstatus/{run}")
            assert status == 200, answer
            if answer["status"] not in ("SCHEDULED", "RUNNING"):
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def wait_until_taken(self, n, seconds=20):
        """Until the server has read n requests that it has not answered yet: so many connections are open, and nothing unread is in them."""
        port, deadline = urllib.parse.urlsplit(self.url).port, time.monotonic() + seconds
        while True:
            rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
            queues = [row[4] for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01"]
            if len(queues) >= n and all(queue.endswith(":00000000") for queue in queues):
                return
            assert time.monotonic() < deadline, queues
            time.sleep(0.01)

    def sync(self, connector):
        """A full sync to its end."""
        key = connector["uniqueId"] if isinstance(connector, dict) else connector
        status, answer = self.call("POST", f"/usersync/connector/{key}/sync")
        assert status == 202, answer
        return self.wait(answer["id"])

    def cli(self, *argv, stdin="", env=None):
        """Runs the command line against this server: the finished process, with text in stdout and stderr."""
        login = {"USERSYNC_URL": self.url, "USERSYNC_USER": "admin", "USERSYNC_PASSWORD": self.password}
        return run_cli(*argv, stdin=stdin, env={**login, **(env or {})})


def run_cli(*argv, stdin="", env=None):
    done = subprocess.run([program(), *argv], input=stdin, capture_output=True, text=True, timeout=120, check=False,
                          env=clean_environment(**(env or {})))
    assert not any(c in done.stderr for c in COMPLAINTS), done.stderr
    return done
