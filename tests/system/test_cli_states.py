"""The command line's exit codes and lines for every state that a run can be in."""

import datetime
import os
import pty
import re
import subprocess

import pytest
from fakeserver import FakeServer, Turn
from server import clean_environment, program, run_cli

UUID = "7df9fd3f-793f-4595-b415-b839b76b0018"
CONNECTOR = {"uniqueId": UUID, "id": 1, "name": "hr", "type": "file", "directoryId": 3, "enabled": True, "configuration": {}}
HISTORY = f"/usersync/connector/{UUID}/syncstatuses"


def run(status, age_s=60, kind="full", number=7, **more):
    when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
    text = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"status": status, "addedCount": 1, "resultCount": 10, "notModifiedCount": 9, "failedCount": 0, "updatedCount": 0, "deletedCount": 0,
            "filteredCount": 0, "messages": ["Scheduled with jobid x", "the reason"], "clusterNode": "NOT_CLUSTERED", "connectorUID": UUID,
            "lastModified": text, "created": text, "duration": 2, "id": number, "kind": kind, **more}


def cli(fake, *argv):
    return run_cli(*argv, env={"USERSYNC_URL": fake.url, "USERSYNC_TOKEN": "t"})


def checks():
    """The table, with ages that count from now: collecting may lie minutes before the test."""
    return [
        # runs, newest first; exit code; what the line says
        ([run("DONE")], 0, "USERSYNC OK - hr: synced 1 min ago, 10 users, 1 added, 0 updated, 0 failed"),
        ([run("DONE", 6000)], 1, "USERSYNC WARNING - hr: synced 1 h ago"),
        ([run("DONE", 10000)], 2, "USERSYNC CRITICAL - hr: synced 2 h ago, 10 users, 1 added, 0 updated, 0 failed (limit 2 h, last good run 2 h ago)"),
        ([run("DONE", failedCount=2)], 1, "USERSYNC WARNING - hr: synced 1 min ago, 10 users, 1 added, 0 updated, 2 failed"),
        ([run("RUNNING", 0), run("DONE")], 0, "USERSYNC OK"),
        ([run("SCHEDULED", 0), run("DONE", 10000)], 2, "USERSYNC CRITICAL"),
        ([run("HELD", 0), run("DONE")], 1, "USERSYNC WARNING - hr: run 7 HELD: the reason"),
        ([run("INTERRUPTED", 0), run("DONE")], 1, "USERSYNC WARNING - hr: run 7 INTERRUPTED: the reason"),
        ([run("CANCELLED", 0), run("DONE")], 1, "USERSYNC WARNING - hr: run 7 CANCELLED: the reason"),
        ([run("FAILED", 0), run("DONE")], 2, "USERSYNC CRITICAL - hr: run 7 FAILED: the reason"),
        ([run("HELD", 0), run("DONE", 10000)], 2, "USERSYNC CRITICAL - hr: run 7 HELD: the reason (limit 2 h, last good run 2 h ago)"),
        ([run("FAILED", 0)], 2, "USERSYNC CRITICAL - hr: run 7 FAILED: the reason (no good run at all)"),
        ([run("FAILED", 0, "single"), run("FAILED", 0, "simulation"), run("DONE")], 0, "USERSYNC OK"),
        ([run("DONE", 0, "single")], 2, "USERSYNC CRITICAL - hr was never synced"),
        ([], 2, "USERSYNC CRITICAL - hr was never synced"),
        ([run("FAILED", 0, messages=["a | b"])], 2, "USERSYNC CRITICAL - hr: run 7 FAILED: a / b (no good run at all)"),
    ]


@pytest.mark.parametrize("row", range(len(checks())))
def test_check_gives_the_state_of_a_monitoring_plugin(row):
    runs, code, said = checks()[row]
    with FakeServer({"/usersync/connector/": [CONNECTOR], HISTORY: {"runs": runs}}) as fake:
        done = cli(fake, "check", "hr", "--max-age", "2h", "--warn-age", "90m")
    assert done.stderr == ""
    assert done.stdout.startswith(said)
    assert done.returncode == code
    assert done.stdout.count("\n") == 1
    if any(r["status"] == "DONE" and r["kind"] == "full" for r in runs):
        perfdata = done.stdout.split(" | ")[1]
        assert re.fullmatch(r"age=\d+s;5400;7200;0 duration=2s;;;0 users=10;;;0 added=1;;;0 updated=0;;;0 failed=\d+;0;;0\n", perfdata)


def test_check_looks_for_the_last_good_run_on_later_pages():
    pages = [Turn({"runs": [run("CANCELLED", 5)] * 3, "cursor": "c1"}), Turn({"runs": [run("DONE", 60)]})]
    with FakeServer({"/usersync/connector/": [CONNECTOR], HISTORY: pages}) as fake:
        done = cli(fake, "check", "hr", "--max-age", "2h")
    assert done.returncode == 1
    assert "age=60s" in done.stdout or "age=61s" in done.stdout
    assert any("cursor=c1" in path for _, path, _ in fake.requests)


def test_check_of_a_disabled_connector_warns():
    with FakeServer({"/usersync/connector/": [{**CONNECTOR, "enabled": False}], HISTORY: {"runs": [run("DONE")]}}) as fake:
        done = cli(fake, "check", "hr", "--max-age", "2h")
    assert done.returncode == 1 and "(connector is disabled)" in done.stdout


def test_check_of_an_unknown_connector_and_of_refused_credentials_is_unknown():
    with FakeServer({"/usersync/connector/": [CONNECTOR]}) as fake:
        done = cli(fake, "check", "it", "--max-age", "2h")
    assert (done.returncode, done.stdout) == (3, 'USERSYNC UNKNOWN - no connector "it"\n')
    with FakeServer({"/usersync/connector/": [Turn({"status": 401, "error": "x", "message": "wrong user or password"}, 401)]}) as fake:
        done = cli(fake, "check", "hr", "--max-age", "2h")
    assert (done.returncode, done.stdout) == (3, "USERSYNC UNKNOWN - wrong user or password\n")


EXITS = [("DONE", 0), ("FAILED", 1), ("CANCELLED", 1), ("INTERRUPTED", 1), ("HELD", 3)]


def syncing(last):
    running = {"phase": "read", "users": 400, "totalUsers": 1000, "groups": 0, "memberships": 0, "changes": 0, "applied": 0}
    return {
        "/usersync/connector/": [CONNECTOR],
        f"/usersync/connector/{UUID}/sync": run("SCHEDULED"),
        "/usersync/syncstatus/7": [Turn(run("SCHEDULED")), Turn(run("RUNNING", progress=running)),
                                   Turn(run("RUNNING", progress={**running, "phase": "apply", "changes": 20, "applied": 5})), Turn(last)],
    }


@pytest.mark.parametrize("status,code", EXITS)
def test_sync_that_waits_exits_as_the_run_ended(status, code):
    with FakeServer(syncing(run(status))) as fake:
        done = cli(fake, "sync", "hr", "--wait")
    assert done.returncode == code
    assert done.stdout.startswith(f"run 7: full {status}, ")
    assert "  the reason\n" in done.stdout
    assert done.stderr == "run 7: scheduled\nrun 7: read\nrun 7: apply\n"
    assert ("usersync approve 7" in done.stdout) == (status == "HELD")


@pytest.mark.parametrize("key", ["hr", "1", UUID, UUID.upper()])
def test_a_connector_is_named_by_name_number_or_uuid(key):
    with FakeServer(syncing(run("DONE"))) as fake:
        assert cli(fake, "sync", key).returncode == 0
        assert ("POST", f"/rest/samlsso-admin/1.0/usersync/connector/{UUID}/sync", b"") in fake.requests


def test_a_number_wins_over_a_name_that_looks_like_one():
    other = {**CONNECTOR, "id": 2, "uniqueId": "0" * 8 + UUID[8:], "name": "1"}
    with FakeServer({**syncing(run("DONE")), "/usersync/connector/": [other, CONNECTOR]}) as fake:
        assert cli(fake, "sync", "1").returncode == 0


def test_an_unknown_connector_is_said_with_those_that_are_there():
    with FakeServer(syncing(run("DONE"))) as fake:
        done = cli(fake, "sync", "it")
    assert (done.returncode, done.stderr) == (1, 'usersync: no connector "it"; there are: "hr"\n')


def test_json_prints_the_answer_as_it_came():
    raw = b'{"status":"DONE","id":7, "more":[1,\t2]}'
    with FakeServer({**syncing(None), "/usersync/syncstatus/7": [Turn(raw)]}) as fake:
        done = cli(fake, "--json", "sync", "hr", "--wait")
    assert (done.returncode, done.stdout, done.stderr) == (0, raw.decode() + "\n", "")


def test_waiting_ends_at_its_time_limit():
    with FakeServer({**syncing(None), "/usersync/syncstatus/7": run("RUNNING")}) as fake:
        done = cli(fake, "sync", "hr", "--wait", "--timeout", "1s")
    assert done.returncode == 1
    assert done.stderr.endswith("usersync: run 7 is still RUNNING after 1 s\n")


def test_a_terminal_gets_a_bar_and_names_cannot_move_its_cursor():
    ours, theirs = pty.openpty()
    with FakeServer(syncing(run("DONE", messages=["evil \x1b[2J name \u202e"]))) as fake:
        process = subprocess.Popen([program(), "--url", fake.url, "--token", "t", "sync", "hr", "--wait"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=theirs, env=clean_environment())
        os.close(theirs)
        out = process.stdout.read().decode()
        assert process.wait(60) == 0
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # the terminal is gone with its last writer
            pass
        os.close(ours)
    assert re.search(rb"read +\[#+\.+\] 400 of about 1000", seen)
    assert "evil \ufffd[2J name \ufffd" in out
    assert "\x1b" not in out


def test_an_answer_that_is_no_usersync_server_is_said_so():
    with FakeServer({"/usersync/connector/": [Turn(b"<html>hello</html>", 502)]}) as fake:
        done = cli(fake, "status")
    assert done.returncode == 1
    assert done.stderr == f"usersync: {fake.url} answered with status 502 and no message: is this a usersync server?\n"


def test_columns_line_up_in_any_script():
    names = ["hr", "Ümläute", "日本語の部署", "مجموعة"]
    connectors = [{**CONNECTOR, "id": i, "name": name} for i, name in enumerate(names, 1)]
    with FakeServer({"/usersync/connector/": connectors}) as fake:
        lines = cli(fake, "connector", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "TYPE", "DIRECTORY", "ENABLED", "LAST", "UUID"]
    assert lines[1] == f" 1  hr            file          3  yes      -     {UUID}"
    assert lines[2] == f" 2  Ümläute       file          3  yes      -     {UUID}"
    assert lines[3] == f" 3  日本語の部署  file          3  yes      -     {UUID}"
