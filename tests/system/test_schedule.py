"""Schedules through the whole server: runs that start by themselves, and those that must not.

Where something must not happen, a second connector that runs each second is the clock: when it has run a few times, the first one had its chances.
"""

import datetime
import re
import sqlite3
import time

import fakekc
import pytest
from company import Company
from server import Server

SECOND = {"every": "1s"}


@pytest.fixture
def company():
    with Company(count=60) as one:
        yield one


@pytest.fixture
def site(server, company):
    server.company = company
    yield server


def make(server, name, schedule, **more):
    return server.create(name, "file", {**server.company.configuration, "schedule": schedule, **more})


def show(server, connector):
    status, shown = server.call("GET", f"/usersync/connector/{connector['id']}")
    assert status == 200
    return shown


def save(server, connector, body):
    return server.call("PUT", f"/usersync/connector/{connector['id']}", body)


def runs(server, connector):
    """Oldest first."""
    status, page = server.call("GET", f"/usersync/connector/{connector['id']}/syncstatuses?limit=1000")
    assert status == 200
    return page["runs"][::-1]


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def wait_for_runs(server, connector, count, after=0):
    """The runs with a number above `after` that have ended, at least `count` of them."""
    def ended():
        found = [r for r in runs(server, connector) if r["id"] > after and r["status"] not in ("SCHEDULED", "RUNNING")]
        return found if len(found) >= count else None
    return wait_for(ended)


def let_time_pass(server, clock, count=3):
    last = max([r["id"] for r in runs(server, clock)], default=0)
    wait_for_runs(server, clock, count, last)


def seconds_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def test_runs_start_by_themselves_and_say_why(site):
    connector = make(site, "hr", SECOND)
    assert len(connector["nextRuns"]) == 5 and connector["missedRuns"] == 0 and not connector["paused"]
    found = wait_for_runs(site, connector, 3)
    for run in found:
        assert (run["status"], run["kind"], run["trigger"], run["actor"]) == ("DONE", "full", "schedule", "schedule"), run
        assert seconds_of(run["due"]) <= seconds_of(run["created"]) <= seconds_of(run["due"]) + 60
    dues = [run["due"] for run in found]
    assert len(set(dues)) == len(dues) and dues == sorted(dues)
    assert found[0]["addedCount"] == 60


def test_cron_runs_too(site):
    connector = make(site, "hr", {"cron": "* * * * * ?", "timeZone": "Australia/Lord_Howe", "missed": "skip"})
    found = wait_for_runs(site, connector, 2)
    assert {run["trigger"] for run in found} == {"schedule"}


def test_next_runs_are_those_of_the_expression(site):
    connector = make(site, "hr", {"cron": "0 30 3 24 12 ?", "timeZone": "Europe/Berlin"})
    assert [re.sub(r"^\d{4}", "", text) for text in connector["nextRuns"]] == ["-12-24T02:30:00Z"] * 5
    text = site.cli("connector", "show", "hr").stdout
    assert "next runs: " + " ".join(connector["nextRuns"]) in text
    assert connector["nextRuns"][0] in site.cli("status").stdout


def test_a_run_tells_who_asked_for_it(site):
    connector = make(site, "hr", {"every": "1d"})
    site.sync(connector)
    assert site.cli("sync", "hr", "--wait").returncode == 0
    status, single = site.call("POST", f"/usersync/connector/{connector['id']}/syncsingle/user001")
    assert status == 200
    assert [(r["trigger"], r["actor"]) for r in runs(site, connector)] == [("api", "admin"), ("cli", "admin"), ("api", "admin")]
    assert all("due" not in r for r in runs(site, connector)) and single["trigger"] == "api"
    # what follows from a run is asked for anew
    run = site.call("POST", f"/usersync/syncstatus/{runs(site, connector)[0]['id']}/undo")[1]
    assert site.wait(run["id"])["trigger"] == "api"


def test_a_paused_connector_waits_and_can_still_be_asked(site):
    connector = make(site, "hr", SECOND)
    clock = make(site, "clock", SECOND)
    wait_for_runs(site, connector, 1)
    status, paused = site.call("POST", f"/usersync/connector/{connector['id']}/pause")
    assert (status, paused["paused"], paused["pausedBy"], paused["nextRuns"]) == (200, True, "admin", [])
    since = paused["pausedSince"]
    before = runs(site, connector)[-1]["id"]
    site.wait(before)
    let_time_pass(site, clock)
    assert runs(site, connector)[-1]["id"] == before
    assert site.sync(connector)["status"] == "DONE"
    # again says the same; saving does not wake it
    assert site.call("POST", f"/usersync/connector/{connector['uniqueId']}/pause")[1]["pausedSince"] == since
    assert save(site, connector, {**site.company.configuration, "schedule": SECOND})[1]["paused"]
    assert "paused since" in site.cli("connector", "show", "hr").stdout and "paused" in site.cli("status").stdout
    let_time_pass(site, clock)
    last = runs(site, connector)[-1]["id"]
    status, resumed = site.call("POST", f"/usersync/connector/{connector['id']}/resume")
    assert (status, resumed["paused"], resumed["pausedSince"], resumed["pausedBy"]) == (200, False, None, None) and resumed["nextRuns"]
    assert resumed["missedRuns"] == 0
    assert {r["trigger"] for r in wait_for_runs(site, connector, 2, last)} == {"schedule"}


def test_pausing_outlives_the_server(company, tmp_path):
    with Server(data=tmp_path / "data") as server:
        server.company = company
        connector, clock = make(server, "hr", SECOND), make(server, "clock", SECOND)
        assert server.cli("connector", "pause", "hr").stdout == "connector hr is paused\n"
        last = max([r["id"] for r in runs(server, connector)], default=0)
        if last:
            server.wait(last)
        server.stop()
        server.start()
        let_time_pass(server, clock)
        assert max([r["id"] for r in runs(server, connector)], default=0) == last and show(server, connector)["paused"]
        assert server.cli("connector", "resume", "hr").stdout.startswith("connector hr is no longer paused\nnext runs: ")
        wait_for_runs(server, connector, 1, last)


def test_disabled_deleted_and_unscheduled_connectors_do_not_run(site):
    clock = make(site, "clock", SECOND)
    connector = make(site, "hr", SECOND)
    wait_for_runs(site, connector, 1)
    status, saved = save(site, connector, {"configuration": connector["configuration"], "enabled": False})
    assert status == 200 and saved["nextRuns"] == []
    last = runs(site, connector)[-1]["id"]
    site.wait(last)
    let_time_pass(site, clock)
    assert runs(site, connector)[-1]["id"] == last
    status, saved = save(site, connector, {"configuration": connector["configuration"], "enabled": True})
    assert saved["nextRuns"]
    wait_for_runs(site, connector, 1, last)
    for schedule in (None, {}):
        status, saved = save(site, connector, {**site.company.configuration, "schedule": schedule})
        assert (status, saved["nextRuns"]) == (200, [])
        last = runs(site, connector)[-1]["id"]
        site.wait(last)
        let_time_pass(site, clock)
        assert runs(site, connector)[-1]["id"] == last
    save(site, connector, {**site.company.configuration, "schedule": SECOND})
    site.call("POST", f"/usersync/connector/{connector['id']}/pause")
    wait_for(lambda: runs(site, connector)[-1]["status"] not in ("SCHEDULED", "RUNNING"))
    assert site.call("DELETE", f"/usersync/connector/{connector['id']}")[0] == 204
    let_time_pass(site, clock)
    assert site.call("GET", f"/usersync/connector/{connector['id']}")[0] == 404
    assert "schedule" not in [line for line in site.log().splitlines() if " error " in line]


def test_a_run_that_still_goes_on_is_the_run(site):
    with fakekc.FakeKeycloak(people=5, group_count=1) as source:
        source.fault("/users", "slow", delay=60)
        clock = make(site, "clock", SECOND)
        slow = site.create("slow", "keycloak", {"url": source.url, "realm": source.realm, "clientId": source.client,
                                                "clientSecret": source.secret, "schedule": SECOND})
        first = wait_for(lambda: [r for r in runs(site, slow) if r["status"] == "RUNNING"])[0]
        let_time_pass(site, clock, 4)
        assert [(r["id"], r["status"]) for r in runs(site, slow)] == [(first["id"], "RUNNING")]
        assert show(site, slow)["missedRuns"] == 0
        source.clear()
        site.call("POST", f"/usersync/connector/{slow['id']}/pause")
        site.call("POST", f"/usersync/connector/{slow['id']}/cancel")


def set_due(data, ago_s, saved_ago_s):
    with sqlite3.connect(data / "usersync.db") as store:
        now = int(time.time())
        assert store.execute("UPDATE schedule SET due = ?, saved = ?", (now - ago_s, now - saved_ago_s)).rowcount == 1
    return now - ago_s


@pytest.mark.parametrize("missed", ["run", "skip"])
def test_times_without_a_server_are_made_up_for_once_or_skipped(company, tmp_path, missed):
    with Server(data=tmp_path / "data") as server:
        server.company = company
        connector = make(server, "hr", {"every": "1h", "missed": missed})
        server.stop()
        due = set_due(server.data, 3 * 3600 + 1000, 4 * 3600 + 1000)
        clock_schedule = {"every": "1s"}
        server.start()
        if missed == "run":
            run = wait_for_runs(server, connector, 1)[0]
            assert (run["trigger"], run["actor"], seconds_of(run["due"])) == ("missed", "schedule", due)
            assert "by schedule, for missed runs" in server.cli("status", "hr").stdout
        clock = make(server, "clock", clock_schedule)
        let_time_pass(server, clock)
        assert len(runs(server, connector)) == (1 if missed == "run" else 0)
        shown = show(server, connector)
        assert shown["missedRuns"] == 4
        # the rhythm is kept
        assert [seconds_of(t) for t in shown["nextRuns"]] == [due + 3600 * k for k in range(4, 9)]
        assert "missed runs: 4" in server.cli("connector", "show", "hr").stdout
        # and it is made up for once: the next start finds nothing to do
        server.stop()
        server.start()
        let_time_pass(server, clock)
        assert len(runs(server, connector)) == (1 if missed == "run" else 0) and show(server, connector)["missedRuns"] == 4


def test_no_scheduled_run_starts_in_a_blackout_window(site):
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = ((now + datetime.timedelta(hours=h)).replace(minute=0, second=0, microsecond=0) for h in (-2, 3))
    window = f"{begin:%H:%M}-{end:%H:%M}"
    connector = make(site, "hr", {"every": "1s", "blackouts": [window]})
    daily = make(site, "daily", {"cron": f"0 30 {(now + datetime.timedelta(hours=1)).hour} * * ?", "blackouts": [window]})
    clock = make(site, "clock", SECOND)
    let_time_pass(site, clock)
    assert runs(site, connector) == []
    # the next start is the window's end, for what fell into it
    for one in (connector, daily):
        assert seconds_of(show(site, one)["nextRuns"][0]) == int(end.timestamp()), show(site, one)["nextRuns"]
    # a run that is asked for starts all the same
    assert site.sync(connector)["trigger"] == "api"
    save(site, connector, {**site.company.configuration, "schedule": SECOND})
    wait_for_runs(site, connector, 2)


def test_jitter_is_the_same_for_the_same_time_and_other_for_others(company, tmp_path):
    with Server(data=tmp_path / "data") as server:
        server.company = company
        schedule = {"cron": "0 0 3 * * ?", "jitter": "10m"}
        first, second = make(server, "hr", schedule), make(server, "it", schedule)
        late = [[seconds_of(t) % 86400 - 3 * 3600 for t in c["nextRuns"]] for c in (first, second)]
        assert all(0 <= s <= 600 for times in late for s in times) and len(set(late[0] + late[1])) > 2, late
        server.stop()
        server.start()
        assert [show(server, c)["nextRuns"] for c in (first, second)] == [first["nextRuns"], second["nextRuns"]]


def test_an_interval_goes_on_over_a_restart_and_a_save(company, tmp_path):
    with Server(data=tmp_path / "data") as server:
        server.company = company
        connector = make(server, "hr", {"every": "6h"})
        times = connector["nextRuns"]
        server.stop()
        server.start()
        assert show(server, connector)["nextRuns"] == times
        assert save(server, connector, {**company.configuration, "schedule": {"every": "6h"}, "cleanup": "keep"})[1]["nextRuns"] == times
        # another schedule begins afresh
        other = save(server, connector, {**company.configuration, "schedule": {"every": "7h"}})[1]["nextRuns"]
        assert seconds_of(other[0]) >= seconds_of(times[0]) + 3600


def test_a_clock_that_was_ahead_causes_no_long_silence(company, tmp_path):
    with Server(data=tmp_path / "data") as server:
        server.company = company
        connector = make(server, "hr", SECOND)
        wait_for_runs(server, connector, 1)
        server.stop()
        set_due(server.data, -400 * 86400, -400 * 86400)
        server.start()
        last = max(r["id"] for r in runs(server, connector))
        assert wait_for_runs(server, connector, 2, last)


def test_another_schedule_is_no_other_scope(site):
    connector = make(site, "hr", {"every": "1d"})
    assert site.sync(connector)["status"] == "DONE"
    status, _ = save(site, connector, {**site.company.configuration, "schedule": {"cron": "0 0 3 * * ?", "jitter": "10m"}})
    assert status == 200
    del site.company.people["id007"]
    site.company.write()
    run = site.sync(connector)
    assert (run["status"], run["disabledCount"], run["held"]) == ("DONE", 1, None)


@pytest.mark.parametrize("schedule, field, reason", [
    ({"cron": "0 0 0 30 2 ?"}, "schedule.cron", "never comes"),
    ({"cron": "0 0 0 1 1 ? 2020"}, "schedule.cron", "never comes"),
    ({"cron": "0 0 25 * * ?"}, "schedule.cron", "at character 5: hour 25 is not from 0 to 23"),
    ({"cron": "0 3 * * *"}, "schedule.cron", "there are 5 fields"),
    ({"cron": 7}, "schedule.cron", "must be a string"),
    ({"every": 3600}, "schedule.every", "must be a string"),
    ({"every": "0s"}, "schedule.every", "must be a time from 1s"),
    ({"every": "6h", "cron": "0 0 3 * * ?"}, "schedule", "both cron and every"),
    ({"timeZone": "UTC"}, "schedule", "needs cron or every"),
    ({"every": "6h", "timeZone": "../../../etc/passwd"}, "schedule.timeZone", "no name of a time zone"),
    ({"every": "6h", "timeZone": "Europe/Atlantis"}, "schedule.timeZone", "there is no time zone"),
    ({"every": "6h", "jitter": "6h"}, "schedule.jitter", "shorter than the interval"),
    ({"every": "6h", "blackouts": ["always"]}, "schedule.blackouts", "want days and times"),
    ({"every": "6h", "blackouts": ["00:00-24:00"]}, "schedule.blackouts", "no time to run"),
    ({"every": "6h", "missed": "maybe"}, "schedule.missed", "must be one of run|skip"),
    ({"every": "6h", "zone": "UTC"}, "schedule.zone", "is not known (known: cron, every, timeZone, jitter, blackouts, missed, mode, fullEvery)"),
    ({"every": "6h", "fullEvery": "1d"}, "schedule.fullEvery", "goes with mode delta"),
    ({"every": "6h", "mode": "delta"}, "schedule.mode", "a source of type file has no change feed"),
    ({"every": "6h", "mode": "some"}, "schedule.mode", "must be one of full|delta"),
    ("every 6h", "schedule", "must be an object"),
])
def test_a_schedule_that_is_wrong_is_refused(shared_server, schedule, field, reason):
    status, answer = shared_server.call("POST", "/usersync/connector/", {"name": "x", "type": "file",
                                                                         "configuration": {"path": "x.csv", "schedule": schedule}})
    assert status == 422, answer
    assert [(f["field"], True) for f in answer["fields"]] == [(field, reason in f["reason"]) for f in answer["fields"]] and len(answer["fields"]) == 1, answer


def test_pausing_wants_an_operator_and_a_connector(site):
    connector = make(site, "hr", {"every": "1d"})
    assert site.call("POST", "/user", {"name": "eve", "role": "monitor", "password": "long enough"})[0] == 201
    for verb in ("pause", "resume"):
        assert site.call("POST", f"/usersync/connector/{connector['id']}/{verb}", user="eve", password="long enough")[0] == 403
        assert site.call("POST", f"/usersync/connector/99/{verb}")[0] == 404
        assert site.request("GET", f"/rest/samlsso-admin/1.0/usersync/connector/1/{verb}").status == 405
    shown = site.call("GET", f"/usersync/connector/{connector['id']}", user="eve", password="long enough")[1]
    assert len(shown["nextRuns"]) == 5


def test_monitoring_sees_the_next_run_and_the_missed_ones(site):
    connector = make(site, "hr", {"every": "1d"})
    make(site, "by hand", None)
    text = site.request("GET", "/metrics").body.decode()
    uuid = connector["uniqueId"]
    assert f'usersync_schedule_next_timestamp_seconds{{connector="{uuid}"}} {seconds_of(connector["nextRuns"][0])}\n' in text
    assert text.count("usersync_schedule_next_timestamp_seconds{") == 1
    assert f'usersync_schedule_missed_total{{connector="{uuid}"}} 0\n' in text
    assert text.count("usersync_schedule_paused{") == 2
    site.call("POST", f"/usersync/connector/{uuid}/pause")
    text = site.request("GET", "/metrics").body.decode()
    assert f'usersync_schedule_paused{{connector="{uuid}"}} 1\n' in text and "usersync_schedule_next_timestamp_seconds{" not in text
    assert site.request("GET", "/readyz", user=None).status == 200


def test_an_export_can_be_applied_again(site, tmp_path):
    make(site, "hr", {"every": "1d"})
    exported = tmp_path / "hr.json"
    exported.write_text(site.cli("connector", "export").stdout)
    done = site.cli("connector", "apply", str(exported))
    assert done.returncode == 0, done.stderr


def test_a_zone_that_is_gone_is_said_and_holds_up_no_other(company, tmp_path):
    zones = tmp_path / "zones"
    zones.mkdir()
    with open("/usr/share/zoneinfo/Europe/Berlin", "rb") as data:
        (zones / "Berlin").write_bytes(data.read())
    with Server(data=tmp_path / "data", env={"TZDIR": str(zones)}) as server:
        server.company = company
        lost, clock = make(server, "lost", {"cron": "* * * * * ?", "timeZone": "Berlin"}), make(server, "clock", SECOND)
        wait_for_runs(server, lost, 1)
        server.stop()
        (zones / "Berlin").unlink()
        server.start()
        let_time_pass(server, clock)
        shown = show(server, lost)
        assert shown["nextRuns"] == [] and "there is no time zone \"Berlin\"" in shown["scheduleProblem"]
        assert "cannot be kept" in server.cli("connector", "show", "lost").stdout
