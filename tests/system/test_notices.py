"""Notices: what causes them, how they travel, and what becomes of those that do not arrive."""

import datetime
import json
import re
import sqlite3
import subprocess
import time

import pytest
from company import Company
from receiver import Receiver, wait_for
from server import ROOT, Server

TARGET = "/notice/target"
DELIVERY = "/notice/delivery"
FAST = {"retrySeconds": 1, "quietMinutes": 0}


def add_hook(server, receiver, name="ops", **configuration):
    status, target = server.call("POST", TARGET, {"name": name, "kind": "webhook", "configuration": {"url": receiver.url, **FAST, **configuration}})
    assert status == 201, target
    if "secret" in target:
        receiver.secrets.append(target["secret"])
    return target


def deliveries(server, state=None):
    status, page = server.call("GET", DELIVERY + (f"?state={state}" if state else ""))
    assert status == 200, page
    return page["deliveries"]


def wait_state(server, state, count=1):
    return wait_for(lambda: (found := deliveries(server, state)) and len(found) >= count and found, f"{count} deliveries {state}")


@pytest.fixture
def hr(server):
    with Company() as company:
        connector = server.create("hr", "file", {**company.configuration, "noticeFailures": 2})
        connector["company"] = company
        yield connector


def break_source(connector):
    connector["company"].path.rename(connector["company"].path.with_suffix(".away"))


def mend_source(connector):
    connector["company"].write()


def hold(server, connector):
    """A sync that is held: half of the people are gone."""
    people = connector["company"].people
    for key in list(people)[:15]:
        del people[key]
    connector["company"].write()
    run = server.sync(connector)
    assert run["status"] == "HELD"
    return run


# --- causes ---------------------------------------------------------------------------------------

def test_a_held_run_gives_one_notice_with_the_numbers_and_the_way_on(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        run = hold(server, hr)
        receiver.wait(1)
        wait_state(server, "DELIVERED")
        assert receiver.events() == ["sync.held"]
        [body] = receiver.bodies()
    data = body["data"]
    assert data["connector"] == {"id": hr["id"], "uniqueId": hr["uniqueId"], "name": "hr"}
    assert data["run"]["id"] == run["id"] and data["run"]["status"] == "HELD"
    assert data["held"] == {k: run["held"][k] for k in ("rule", "found", "of", "limit")}
    assert data["approve"]["command"] == f"usersync approve {run['id']}"
    assert server.call(data["reject"]["method"], data["reject"]["path"].removeprefix("/rest/samlsso-admin/1.0"))[1]["status"] == "CANCELLED"
    assert data["run"]["counts"]["users"]["DISABLED"] == 15
    text = json.dumps(body)
    assert not re.search(r"user\d\d\d|example\.org|User \d", text)
    assert body["leftOut"] == []


def test_each_held_run_is_told_once_the_one_before_was_decided(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver, quietMinutes=60)
        server.sync(hr)
        first = hold(server, hr)
        again = server.sync(hr)
        assert again["status"] == "HELD"
        assert server.call("POST", f"/usersync/syncstatus/{again['id']}/reject")[0] == 200
        third = server.sync(hr)
        receiver.wait(2)
        wait_state(server, "DELIVERED", 2)
        one, two = receiver.bodies("sync.held")
    assert (one["data"]["run"]["id"], two["data"]["run"]["id"]) == (first["id"], third["id"])
    assert two["leftOut"] == [{"type": "sync.held", "connector": "hr", "count": 1}]


def test_an_approved_run_is_a_recovery(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        run = hold(server, hr)
        assert server.call("POST", f"/usersync/syncstatus/{run['id']}/approve")[0] == 202
        assert server.wait(run["id"])["status"] == "DONE"
        receiver.wait(2)
        assert receiver.events() == ["sync.held", "sync.recovered"]


def test_failures_are_told_when_there_are_enough_in_a_row_and_mended_when_it_works_again(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        break_source(hr)
        for _ in range(4):
            assert server.sync(hr)["status"] == "FAILED"
        mend_source(hr)
        last = server.sync(hr)
        server.sync(hr)
        receiver.wait(3)
        wait_state(server, "DELIVERED", 3)
        assert receiver.events() == ["sync.failed", "sync.failed", "sync.recovered"]
        bodies = receiver.bodies()
    assert [b["data"]["failures"] for b in bodies[:2]] == [2, 4]
    # Why, in the program's own words; where its files lie is not told.
    data = bodies[0]["data"]
    assert data["reason"].startswith("cannot open /…/") and data["reason"].endswith(": No such file or directory")
    assert data["text"].endswith(f"has failed 2 times in a row, last in run {data['run']['id']}: {data['reason']}")
    assert "company" not in json.dumps(bodies)
    assert bodies[2]["data"]["run"] == {"id": last["id"], "kind": "full", "status": "DONE", "counts": bodies[2]["data"]["run"]["counts"]}


def test_one_failure_that_mends_is_nobodys_concern_and_simulations_neither(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        for _ in range(3):
            break_source(hr)
            server.sync(hr)
            assert server.wait(server.call("POST", f"/usersync/connector/{hr['id']}/simulate")[1]["id"])["status"] == "FAILED"
            mend_source(hr)
            server.sync(hr)
        assert deliveries(server) == [] and receiver.requests == []


def test_a_secret_that_expires_soon_is_told_at_once_and_only_once(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=5)).date().isoformat()
        for _ in range(3):
            assert server.call("PUT", f"/usersync/connector/{hr['id']}", {**hr["configuration"], "secretExpires": day})[0] == 200
        receiver.wait(1)
        wait_state(server, "DELIVERED")
        later = (datetime.date.today() + datetime.timedelta(days=300)).isoformat()
        assert server.call("PUT", f"/usersync/connector/{hr['id']}", {**hr["configuration"], "secretExpires": later})[0] == 200
        past = "2026-01-31"
        assert server.call("PUT", f"/usersync/connector/{hr['id']}", {**hr["configuration"], "secretExpires": past})[0] == 200
        receiver.wait(2)
        wait_state(server, "DELIVERED", 2)
        assert receiver.events() == ["secret.expiring"] * 2
        first, second = receiver.bodies()
    assert (first["data"]["expires"], first["data"]["days"]) == (day, 5)
    assert second["data"]["expires"] == past and second["data"]["days"] < 0


@pytest.mark.parametrize("date", ["soon", "2026-02-30", "2026-13-01", "26-01-01", "2026/01/01", "2026-1-1"])
def test_a_day_that_the_calendar_does_not_have_is_refused(server, hr, date):
    status, answer = server.call("PUT", f"/usersync/connector/{hr['id']}", {**hr["configuration"], "secretExpires": date})
    assert status == 422 and answer["fields"][0]["field"] == "secretExpires"


def test_a_sync_that_does_not_come_is_told_after_the_hours_set(tmp_path):
    """The day before is written into the store, where the server finds it."""
    with Company() as company, Receiver() as receiver:
        with Server(data=tmp_path / "data") as server:
            add_hook(server, receiver)
            hr = server.create("hr", "file", {**company.configuration, "noticeOverdueHours": 24})
            server.sync(hr)
            server.create("new", "file", {**company.configuration, "noticeOverdueHours": 24})
        for store in (tmp_path / "data").glob("usersync.db"):
            with sqlite3.connect(store) as db:
                db.execute("UPDATE notice_state SET success_at = success_at - 90000")
                db.execute("UPDATE connector SET created = created - 90000")
        with Server(data=tmp_path / "data") as server:
            receiver.wait(2)
            wait_state(server, "DELIVERED", 2)
            server.sync(hr)
            receiver.wait(3)
            wait_state(server, "DELIVERED", 3)
        assert receiver.events() == ["sync.overdue", "sync.overdue", "sync.recovered"]
        assert [(b["data"]["connector"]["name"], b["data"]["never"]) for b in receiver.bodies("sync.overdue")] == [("hr", False), ("new", True)]


def test_a_killed_server_counts_as_a_failure_of_the_run(tmp_path):
    with Company() as company, Receiver() as receiver:
        with Server(data=tmp_path / "data") as server:
            add_hook(server, receiver)
            hr = server.create("hr", "file", {**company.configuration, "noticeFailures": 1})
            server.sync(hr)
        with sqlite3.connect(tmp_path / "data/usersync.db") as db:
            db.execute("UPDATE run SET status = 'RUNNING'")
        with Server(data=tmp_path / "data") as server:
            receiver.wait(1)
            wait_state(server, "DELIVERED")
        [body] = receiver.bodies()
        assert body["type"] == "sync.failed" and body["data"]["run"]["status"] == "INTERRUPTED"


# --- who gets what --------------------------------------------------------------------------------

def test_a_target_gets_the_events_and_connectors_that_it_asked_for(server, hr):
    with Receiver() as all_of_it, Receiver() as only_failed, Receiver() as other:
        add_hook(server, all_of_it, "all")
        add_hook(server, only_failed, "failed", events=["sync.failed"])
        add_hook(server, other, "other", connectors=["00000000-0000-4000-8000-000000000000"])
        off = add_hook(server, other, "off")
        assert server.call("PUT", f"{TARGET}/{off['id']}", {"configuration": off["configuration"], "enabled": False})[0] == 200
        server.sync(hr)
        hold(server, hr)
        break_source(hr)
        server.sync(hr)
        server.sync(hr)
        all_of_it.wait(2)
        only_failed.wait(1)
        wait_state(server, "DELIVERED", 3)
        assert (all_of_it.events(), only_failed.events(), other.events()) == (["sync.held", "sync.failed"], ["sync.failed"], [])
        assert len(deliveries(server)) == 3


def test_the_same_event_is_not_told_again_before_its_time(server, hr):
    with Receiver() as receiver:
        target = add_hook(server, receiver, quietMinutes=60)
        server.sync(hr)
        break_source(hr)
        for _ in range(8):
            server.sync(hr)
        mend_source(hr)
        server.sync(hr)
        receiver.wait(2)
        wait_state(server, "DELIVERED", 2)
        assert receiver.events() == ["sync.failed", "sync.recovered"]
        assert receiver.bodies()[1]["leftOut"] == [{"type": "sync.failed", "connector": "hr", "count": 3}]
        assert server.call("PUT", f"{TARGET}/{target['id']}", {"configuration": {**target["configuration"], "perHour": 2, "quietMinutes": 0}})[0] == 200
        hold(server, hr)
        assert len(deliveries(server)) == 2


# --- the way there --------------------------------------------------------------------------------

def test_a_failed_delivery_is_tried_again_with_the_same_id_and_bytes(server, hr):
    with Receiver((500, {}), "drop", (302, {"Location": "http://127.0.0.1:9/elsewhere"}), (404, {})) as receiver:
        add_hook(server, receiver, tries=10)
        server.sync(hr)
        hold(server, hr)
        receiver.wait(5)
        [done] = wait_state(server, "DELIVERED")
        requests = receiver.requests
    assert done["tries"] == 5 and done["error"] is None
    assert len({r[2]["webhook-id"] for r in requests}) == 1 and len({r[3] for r in requests}) == 1
    assert requests[0][2]["webhook-id"] == done["messageId"]
    stamps = [int(r[2]["webhook-timestamp"]) for r in requests]
    assert stamps == sorted(stamps) and all(abs(stamp - r[0]) < 30 for stamp, r in zip(stamps, requests))
    gaps = [b[0] - a[0] for a, b in zip(requests, requests[1:])]
    assert gaps[0] >= 0.24 and gaps[3] >= 1.9  # at least a quarter of 1, 2, 4, 8 seconds


def test_retry_after_is_kept_and_the_whole_target_waits(server, hr):
    with Receiver((429, {"Retry-After": "3"}), (503, {"Retry-After": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))})) as receiver:
        target = add_hook(server, receiver, retrySeconds=60)
        server.sync(hr)
        hold(server, hr)
        receiver.wait(2)
        assert receiver.requests[1][0] - receiver.requests[0][0] >= 2.9
        found = wait_for(lambda: (d := deliveries(server)[0])["error"] and "503" in d["error"] and d)
        wait_s = datetime.datetime.fromisoformat(found["nextTry"].replace("Z", "+00:00")).timestamp() - time.time()
        assert 3500 < wait_s < 3700
        assert server.call("POST", f"{DELIVERY}/{found['id']}/retry")[0] == 202
        wait_state(server, "DELIVERED")
        assert len(receiver.requests) == 3
    assert target["enabled"]


def test_a_receiver_that_hangs_is_left_after_its_time_and_holds_up_nobody(server, hr):
    with Receiver("hang") as slow, Receiver() as quick:
        add_hook(server, slow, "slow", timeoutSeconds=1)
        add_hook(server, quick, "quick")
        server.sync(hr)
        hold(server, hr)
        quick.wait(1)
        slow.wait(2)
        wait_state(server, "DELIVERED", 2)
    assert quick.requests[0][0] < slow.requests[1][0]


def test_after_the_last_try_it_is_dead_and_can_be_sent_again_or_discarded(server, hr):
    with Receiver(*[(500, {})] * 4) as receiver:
        add_hook(server, receiver, tries=2)
        server.sync(hr)
        hold(server, hr)
        [dead] = wait_state(server, "DEAD")
        assert (dead["tries"], len(receiver.requests), dead["nextTry"]) == (2, 2, None) and "status 500" in dead["error"]
        metrics = server.request("GET", "/metrics").body.decode()
        assert "usersync_notices_dead 1\n" in metrics and 'usersync_notice_deliveries_total{outcome="dead"} 1\n' in metrics
        listed = server.cli("notice", "delivery", "list", "--state", "dead")
        assert listed.returncode == 0 and "sync.held" in listed.stdout and "DEAD" in listed.stdout
        assert server.cli("notice", "delivery", "retry", str(dead["id"])).returncode == 0
        wait_for(lambda: len(receiver.requests) == 4)
        [dead] = wait_state(server, "DEAD")
        assert server.cli("notice", "delivery", "retry", str(dead["id"])).returncode == 0
        [done] = wait_state(server, "DELIVERED")
        assert done["messageId"] == dead["messageId"] and len({r[2]["webhook-id"] for r in receiver.requests}) == 1
        assert server.call("POST", f"{DELIVERY}/{done['id']}/retry")[0] == 409
        assert server.cli("notice", "delivery", "discard", str(done["id"])).returncode == 0
        assert deliveries(server) == []
        assert server.call("DELETE", f"{DELIVERY}/{done['id']}")[0] == 404
        assert server.call("POST", f"{DELIVERY}/{done['id']}/retry")[0] == 404


def test_a_receiver_that_is_gone_for_good_is_switched_off(server, hr):
    with Receiver((410, {})) as receiver:
        target = add_hook(server, receiver)
        server.sync(hr)
        hold(server, hr)
        [dead] = wait_state(server, "DEAD")
        assert dead["tries"] == 1
        assert server.call("GET", f"{TARGET}/{target['id']}")[1]["enabled"] is False


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_is_on_its_way_survives_the_server(tmp_path, is_killed):
    with Company() as company, Receiver("hang") as receiver:
        with Server(data=tmp_path / "data") as server:
            add_hook(server, receiver, timeoutSeconds=1 if is_killed else 60)
            hr = server.create("hr", "file", company.configuration)
            hr["company"] = company
            server.sync(hr)
            hold(server, hr)
            receiver.wait(1)
            if is_killed:
                server.kill()
        receiver.released.set()
        with Server(data=tmp_path / "data") as server:
            receiver.wait(2)
            wait_state(server, "DELIVERED")
        assert len({r[2]["webhook-id"] for r in receiver.requests}) == 1 and receiver.events() == ["sync.held"] * 2


def test_pages_of_deliveries(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        break_source(hr)
        for _ in range(6):
            server.sync(hr)
        wait_state(server, "DELIVERED", 3)
        status, first = server.call("GET", DELIVERY + "?limit=2")
        status, second = server.call("GET", f"{DELIVERY}?limit=2&cursor={first['cursor']}")
        ids = [d["id"] for d in first["deliveries"] + second["deliveries"]]
        assert ids == sorted(ids, reverse=True) and len(ids) == 3 and second["cursor"] is None
        assert server.call("GET", f"{DELIVERY}/{ids[0]}")[1] == first["deliveries"][0]
        assert server.call("GET", DELIVERY + "?state=gone")[0] == 400


# --- targets --------------------------------------------------------------------------------------

def test_a_test_says_whether_it_arrived(server):
    with Receiver() as receiver:
        target = add_hook(server, receiver, query="token=of-the-receiver")
        assert server.call("POST", f"{TARGET}/{target['id']}/test") == (200, {"ok": True, "messages": ["The target has taken a test."]})
        assert receiver.events() == ["notice.test"] and receiver.requests[0][1] == "/hook?token=of-the-receiver"
        receiver.turns.append((500, {}))
        status, answer = server.call("POST", f"{TARGET}/{target['id']}/test")
        assert (status, answer["ok"]) == (200, False) and "status 500" in answer["messages"][0] and "token" not in json.dumps(answer)
        assert server.cli("notice", "target", "test", "ops").returncode == 0
        receiver.turns.append((500, {}))
        assert server.cli("notice", "target", "test", "ops").returncode == 1
    assert server.call("POST", f"{TARGET}/{target['id']}/test")[1]["ok"] is False
    assert deliveries(server) == []
    assert server.call("POST", f"{TARGET}/77/test")[0] == 404


def test_secrets_are_sealed_hidden_and_kept(server):
    with Receiver() as receiver:
        target = add_hook(server, receiver, query="token=do-not-show")
        assert target["configuration"]["secret"] == target["configuration"]["query"] == "***"
        shown = server.request("GET", "/rest/samlsso-admin/1.0" + TARGET).body.decode()
        assert target["secret"] not in shown and "do-not-show" not in shown and "secret" not in json.loads(shown)[0]
        assert server.call("PUT", f"{TARGET}/{target['id']}", {**{k: v for k, v in target.items() if k != "secret"}, "name": "night"})[1]["name"] == "night"
        assert server.call("POST", f"{TARGET}/{target['id']}/test")[1]["ok"]
        held = [p.read_bytes() for p in server.data.iterdir() if p.is_file()]
        assert not any(b"do-not-show" in text or target["secret"].encode() in text for text in held)
        assert target["secret"] not in server.log() and "do-not-show" not in server.log()


def test_both_secrets_sign_while_they_are_changed(server):
    with Receiver() as receiver:
        target = add_hook(server, receiver)
        fresh = "whsec_" + "TmV3c2VjcmV0TmV3c2VjcmV0TmV3c2VjcmV0"
        saved = {**target["configuration"], "secret": fresh, "previousSecret": target["secret"]}
        assert server.call("PUT", f"{TARGET}/{target['id']}", {"configuration": saved})[0] == 200
        receiver.secrets.append(fresh)
        assert server.call("POST", f"{TARGET}/{target['id']}/test")[1]["ok"]
        assert len(receiver.requests[0][2]["webhook-signature"].split()) == 2


@pytest.mark.parametrize("field,configuration", [
    ("url", {}), ("url", {"url": "ftp://example.org/"}), ("url", {"url": "http://user:password@example.org/"}), ("url", {"url": "https://example.org/?token=x"}),
    ("url", {"url": "https://example.org/#x"}), ("url", {"url": "https://exämple.org/"}), ("url", {"url": "file:///etc/passwd"}),
    ("query", {"url": "https://example.org/", "query": "a b"}), ("query", {"url": "https://example.org/", "query": "a\r\nHost: x"}),
    ("secret", {"url": "https://example.org/", "secret": "password"}), ("secret", {"url": "https://example.org/", "secret": "whsec_c2hvcnQ="}),
    ("secret", {"url": "https://example.org/", "secret": "whsec_" + "A" * 200}), ("events", {"url": "https://example.org/", "events": ["sync.none"]}),
    ("connectors", {"url": "https://example.org/", "connectors": ["hr"]}), ("tries", {"url": "https://example.org/", "tries": 0}),
    ("colour", {"url": "https://example.org/", "colour": "red"}),
])
def test_settings_that_make_no_sense_are_refused_with_the_field(server, field, configuration):
    status, answer = server.call("POST", TARGET, {"name": "x", "kind": "webhook", "configuration": configuration})
    assert status == 422 and field in [f["field"] for f in answer["fields"]], answer
    assert server.call("GET", TARGET) == (200, [])


def test_a_login_in_the_url_is_refused_with_one_reason(server):
    status, answer = server.call("POST", TARGET, {"name": "x", "kind": "webhook", "configuration": {"url": "http://user:password@example.org/"}})
    assert status == 422 and len(answer["fields"]) == 1 and "user name" in answer["fields"][0]["reason"], answer


def test_names_kinds_and_roles(server):
    with Receiver() as receiver:
        target = add_hook(server, receiver)
        body = {"name": "OPS", "kind": "webhook", "configuration": {"url": receiver.url}}
        assert server.call("POST", TARGET, body)[0] == 409
        assert server.call("POST", TARGET, {**body, "name": "x", "kind": "pigeon"})[0] == 422
        assert server.call("PUT", f"{TARGET}/{target['id']}", {"kind": "mail", "configuration": target["configuration"]})[0] == 422
        assert server.call("PUT", f"{TARGET}/{target['id']}", {"configuration": {"url": receiver.url}})[0] == 422
        for role, reads in (("operator", 200), ("monitor", 403)):
            token = server.call("POST", "/token/", {"name": role, "role": role})[1]["token"]
            assert server.call("GET", TARGET, token=token)[0] == reads
            assert server.call("GET", DELIVERY, token=token)[0] == reads
            assert server.call("POST", TARGET, {**body, "name": "y"}, token=token)[0] == 403
            assert server.call("POST", f"{TARGET}/{target['id']}/test", token=token)[0] == 403
        assert server.call("DELETE", f"{TARGET}/{target['id']}")[0] == 204
        assert server.call("GET", f"{TARGET}/{target['id']}")[0] == 404


def test_the_command_line_adds_lists_shows_and_removes(server):
    with Receiver() as receiver, Company() as company:
        hr = server.create("hr", "file", company.configuration)
        done = server.cli("notice", "target", "add", "ops", "--webhook", receiver.url, "--events", "sync.held,sync.failed", "--connector", "hr")
        assert done.returncode == 0, done.stderr
        receiver.secrets.append(re.search(r"whsec_\S+", done.stdout)[0])
        assert receiver.url in server.cli("notice", "target", "list").stdout
        shown = json.loads(server.cli("notice", "target", "show", "ops").stdout)
        assert shown["configuration"]["connectors"] == [hr["uniqueId"]] and shown["configuration"]["events"] == ["sync.held", "sync.failed"]
        assert "The target has taken a test." in server.cli("notice", "target", "test", "1").stdout
        assert server.cli("notice", "target", "remove", "ops").returncode == 1
        assert server.cli("notice", "target", "remove", "ops", "--yes").returncode == 0
        assert server.call("GET", TARGET) == (200, [])
        assert server.cli("notice", "target", "add", "x").returncode == 2
        assert server.cli("notice", "target", "add", "x", "--mail", "a@example.org").returncode == 2
        assert server.cli("notice", "target", "test", "x").returncode == 1
        assert server.cli("notice", "delivery", "retry", "x").returncode == 2
        assert server.cli("notice", "pigeon").returncode == 2


def test_the_command_line_changes_a_target_and_switches_it_on_again(server, tmp_path):
    with Receiver() as receiver:
        add_hook(server, receiver, name="ops")
        assert server.cli("notice", "target", "change", "ops").returncode == 2
        assert server.cli("notice", "target", "change", "ops", "--enable", "--disable").returncode == 2
        assert server.cli("notice", "target", "change", "ops", "--disable").stdout == "changed notice target 1: ops, switched off\n"
        assert server.cli("notice", "target", "test", "ops").stdout == (
            "The target has taken a test. It is switched off: no notices go there until it is switched on.\n")
        shown = json.loads(server.cli("notice", "target", "show", "ops").stdout)
        assert shown["enabled"] is False
        shown["configuration"]["quietMinutes"] = 5
        (tmp_path / "ops.json").write_text(json.dumps(shown))
        done = server.cli("notice", "target", "change", "ops", "--enable", "--file", str(tmp_path / "ops.json"))
        assert done.stdout == "changed notice target 1: ops\n", done.stderr
        after = server.call("GET", f"{TARGET}/1")[1]
        assert (after["enabled"], after["configuration"]) == (True, shown["configuration"])
        assert server.cli("notice", "target", "test", "ops").stdout == "The target has taken a test.\n"
        (tmp_path / "ops.json").write_text('{"configuration": {"url": "http://127.0.0.1:9/", "secret": "***", "colour": 1}}')
        wrong = server.cli("notice", "target", "change", "ops", "--file", str(tmp_path / "ops.json"))
        assert (wrong.returncode, wrong.stderr) == (1, "usersync: colour is not a setting of this type\n")
        (tmp_path / "ops.json").write_text("[]")
        assert server.cli("notice", "target", "change", "ops", "--file", str(tmp_path / "ops.json")).returncode == 1
        assert server.cli("notice", "target", "change", "ops", "--file", str(tmp_path / "none")).returncode == 1
        assert server.cli("notice", "target", "change", "none", "--enable").returncode == 1
        assert server.call("GET", f"{TARGET}/1")[1] == after


def test_a_removed_connector_leaves_nothing_behind(server, hr):
    with Receiver() as receiver:
        add_hook(server, receiver)
        server.sync(hr)
        hold(server, hr)
        wait_state(server, "DELIVERED")
        assert server.call("DELETE", f"/usersync/connector/{hr['id']}")[0] == 204
        server.stop()
        with sqlite3.connect(server.data / "usersync.db") as db:
            assert db.execute("SELECT (SELECT COUNT(*) FROM notice_state) + (SELECT COUNT(*) FROM notice_quiet)").fetchone() == (0,)


def test_a_signature_is_verified_by_the_shell_as_the_page_says(server, tmp_path):
    page = (ROOT / "docs/notices.md").read_text()
    script = re.search(r"```sh verify\n(.*?)```", page, re.S)[1]
    with Receiver() as receiver:
        target = add_hook(server, receiver)
        assert server.call("POST", f"{TARGET}/{target['id']}/test")[1]["ok"]
        _, _, headers, body, _ = receiver.requests[0]
    (tmp_path / "body").write_bytes(body)
    env = {"PATH": "/usr/bin:/bin", "SECRET": target["secret"], "ID": headers["webhook-id"], "TIMESTAMP": headers["webhook-timestamp"],
           "SIGNATURE": headers["webhook-signature"]}
    assert subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=env, check=False).returncode == 0
    (tmp_path / "body").write_bytes(body + b" ")
    assert subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=env, check=False).returncode != 0
