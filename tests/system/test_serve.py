"""The server's start and stop: first account, data folder, settings, signals."""

import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
from fakeserver import FakeServer, Turn
from server import Server, clean_environment, program, run_cli


def serve(*argv, env=None):
    """A start that is expected to fail."""
    return run_cli("serve", *argv, env=env)


def test_first_start_makes_admin_with_the_given_password_and_keeps_it(tmp_path):
    with Server(data=tmp_path / "data", password="given-password") as server:
        assert server.call("GET", "/usersync/connector/")[0] == 200
        assert not any("Password" in line for line in server.said)
    with Server(data=tmp_path / "data", password="other-password") as server:
        assert server.call("GET", "/usersync/connector/")[0] == 401
        assert server.call("GET", "/usersync/connector/", password="given-password")[0] == 200


def test_first_start_prints_a_random_password_once(tmp_path):
    with Server(data=tmp_path / "data", password="") as server:
        found = re.fullmatch(r"First start\. User: admin  Password: ([\w-]{20})  \(shown this once\)", server.said[0])
        assert found, server.said
        assert server.call("GET", "/usersync/connector/", password=found[1])[0] == 200
        assert found[1] not in server.log()
    with Server(data=tmp_path / "data", password="") as server:
        assert not any("Password" in line for line in server.said)
        assert server.call("GET", "/usersync/connector/", password=found[1])[0] == 200


def test_the_data_folder_is_for_its_owner_only(tmp_path):
    with Server(data=tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        for name in os.listdir(tmp_path / "data"):
            assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) & 0o077 == 0, name


def test_two_servers_on_one_folder_are_refused(tmp_path):
    with Server(data=tmp_path / "data") as server:
        done = serve("--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0")
        assert done.returncode == 1
        assert done.stderr == (f"usersync: cannot start: another server (process {server.process.pid}) uses the data folder "
                               f"{tmp_path}/data: stop it, or give this one its own with --data\n")
        assert server.call("GET", "/usersync/connector/")[0] == 200


def test_a_killed_server_leaves_no_lock_behind(tmp_path):
    with Server(data=tmp_path / "data") as server:
        server.kill()
        server.start()
        assert server.call("GET", "/usersync/connector/")[0] == 200


def test_a_port_in_use_is_said(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        done = serve("--data", str(tmp_path / "data"), "--listen", address)
    assert done.returncode == 1
    assert done.stderr.startswith("usersync: cannot start: ")
    assert address in done.stderr and "in use" in done.stderr


MISUSES = [
    (["--workers", "0"], "workers '0' is no number from 1 to 64"),
    (["--workers", "many"], "workers 'many' is no number from 1 to 64"),
    (["--log-level", "loud"], "'loud' is no log level; want debug, info, warn or error"),
    (["--log-format", "xml"], "'xml' is no log format; want text or json"),
    (["--tls-cert", "x.pem"], "--tls-cert and --tls-key go together"),
    (["--data", ""], "the data folder's name is empty"),
    (["now"], "unexpected argument 'now'"),
    (["--port", "1"], "unknown option '--port'"),
]


@pytest.mark.parametrize("argv,said", MISUSES)
def test_wrong_settings_are_refused_before_anything_is_made(tmp_path, argv, said):
    done = subprocess.run([program(), "serve", *argv], cwd=tmp_path, capture_output=True, text=True, env=clean_environment(), check=False)
    assert (done.returncode, done.stderr) == (2, f"usersync serve: {said}\nTry 'usersync serve --help'.\n")
    assert os.listdir(tmp_path) == []


def start_errors(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "open.key").write_text("00" * 32)
    return [
        (["--data", "/nonexistent/data"], "cannot make the data folder /nonexistent/data: No such file or directory"),
        (["--data", str(tmp_path / "file")], "Not a directory"),
        (["--listen", "nonsense"], "nonsense"),
        (["--store", "mysql://x"], "mysql"),
        (["--store", "sqlite:/nonexistent/x.db"], "/nonexistent/x.db"),
        (["--tls-cert", "/nonexistent/c", "--tls-key", "/nonexistent/k"],
         "cannot read the certificate /nonexistent/c: No such file or directory"),
        (["--tls-cert", str(tmp_path / "file"), "--tls-key", str(tmp_path / "file")], "is no PEM file"),
        (["--config", "/nonexistent/c"], "cannot read /nonexistent/c: No such file or directory"),
    ]


@pytest.mark.parametrize("row", range(8))
def test_a_start_that_fails_says_why_in_one_line(tmp_path, row):
    argv, said = start_errors(tmp_path)[row]
    if "--data" not in argv:
        argv = ["--data", str(tmp_path / "data"), *argv]
    if "--listen" not in argv:
        argv = [*argv, "--listen", "127.0.0.1:0"]
    done = serve(*argv)
    assert done.returncode == 1
    assert done.stderr.startswith("usersync: ") and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_master_key_that_others_can_read_is_refused(tmp_path):
    with Server(data=tmp_path / "data"):
        pass
    (tmp_path / "data/master.key").chmod(0o644)
    done = serve("--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "master.key" in done.stderr


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    import sqlite3
    with Server(data=tmp_path / "data"):
        pass
    base = sqlite3.connect(tmp_path / "data/usersync.db")
    base.execute("update meta set value = 9999 where name = 'schema'")
    assert base.total_changes == 1
    base.commit()
    base.close()
    before = (tmp_path / "data/usersync.db").read_bytes()
    done = serve("--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "newer" in done.stderr
    assert (tmp_path / "data/usersync.db").read_bytes() == before


def test_settings_come_from_a_file_and_the_command_line_wins(tmp_path):
    config = tmp_path / "usersync.conf"
    config.write_text(f"# settings\ndata = {tmp_path}/from-file\nlog-level = debug\nlisten = 127.0.0.1:1\n")
    with Server("--config", str(config), data=tmp_path / "data") as server:
        assert server.call("GET", "/usersync/connector/")[0] == 200
        assert not (tmp_path / "from-file").exists()
    config.write_text("colour = red\n")
    done = serve("--config", str(config))
    assert done.stderr == f'usersync: {config}, line 1: unknown key "colour"\n'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_its_store_closed(tmp_path, number):
    with Server(data=tmp_path / "data") as server:
        assert server.stop(number) == 0
        assert not (tmp_path / "data/usersync.db-wal").exists()
        assert '"server stopped"' in server.log()


def test_a_file_connector_reads_nothing_outside_of_its_folder(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    for folder in (inside, outside):
        (folder / "users.csv").write_text("id,username\n1,anna\n")
    (inside / "link.csv").symlink_to(outside / "users.csv")
    with Server("--files", str(inside)) as server:
        assert server.sync(server.create("fine", "file", {"path": "users.csv"}))["status"] == "DONE"
        for name, path in [("up", "../out/users.csv"), ("absolute", str(outside / "users.csv")), ("link", "link.csv")]:
            status = server.sync(server.create(name, "file", {"path": path}))
            assert status["status"] == "FAILED"
            assert any("only folder that this server reads files from" in m for m in status["messages"]), status["messages"]


def test_log_lines_are_json_and_hold_no_names_and_no_secrets(tmp_path):
    import json
    path = tmp_path / "users.csv"
    path.write_text("id,username\n1,anna.berg\n")
    with Server("--log-format", "json", data=tmp_path / "data", password="the-secret-word") as server:
        server.sync(server.create("staff", "file", {"path": str(path)}))
        server.call("GET", "/usersync/connector/", password="a-wrong-word")
        server.stop()
        lines = server.log().splitlines()
    messages = [json.loads(line)["message"] for line in lines]
    assert {"server started", "run started", "run finished", "server stopped"} <= set(messages)
    assert "anna" not in "".join(lines) and "word" not in "".join(lines)


def test_a_source_that_hangs_does_not_hold_up_the_stop(tmp_path):
    """A run, an update of one user behind it, and a connection test: all three wait for the same silent server."""
    gate = threading.Event()
    answers = {}
    with FakeServer({"/realms/staff": Turn({"realm": "staff"}, 200, gate)}) as fake, Server(data=tmp_path / "data") as server:
        connector = server.create("slow", "keycloak", {"url": fake.url, "realm": "staff", "clientId": "usersync", "clientSecret": "x",
                                                       "timeoutSeconds": 3600})
        run = server.call("POST", f"/usersync/connector/{connector['id']}/sync")[1]["id"]

        def ask(what):
            answers[what] = server.call("POST", f"/usersync/connector/{connector['id']}/{what}")
        threads = [threading.Thread(target=ask, args=(what,)) for what in ("syncsingle/anna", "test")]
        for t in threads:
            t.start()
        deadline = time.monotonic() + 30
        while len(fake.requests) < 2 or server.log().count('"admin call"') < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 20
        for t in threads:
            t.join()
        assert {what: status for what, (status, _) in answers.items()} == {"syncsingle/anna": 503, "test": 503}
        server.start()
        assert server.call("GET", f"/usersync/syncstatus/{run}")[1]["status"] == "CANCELLED"
        assert len(server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses")[1]["runs"]) == 1
        gate.set()
