"""Webhooks of the Crowd protocol: registered by applications, told that something has changed."""

import contextlib
import sqlite3
import time

import pytest
from company import Company
from crowd import ROOT, Crowd
from receiver import Receiver, wait_for
from server import Server

PASSWORD = "open sesame"


@pytest.fixture
def site():
    with Company(count=3) as company, Server() as server:
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        server.sync(server.connector)
        add(server, "wiki")
        yield server


def add(server, name, **more):
    status, made = server.call("POST", "/application/", {"name": name, "directories": [server.connector["directoryId"]], "password": PASSWORD, **more})
    assert status == 201, made
    return Crowd(server, name, PASSWORD, True)


def change(server, name):
    server.company.add(name, name)
    assert server.sync(server.connector)["addedCount"] == 1


def register(crowd, receiver, path="/hook", token=None, expect=201):
    status, said = crowd.call("POST", "webhook", f'{{"endpointUrl": "{receiver.url.rsplit("/", 1)[0]}{path}", "token": "{token}"}}' if token else
                              f"<webhook><endpointUrl>{receiver.url.rsplit('/', 1)[0]}{path}</endpointUrl></webhook>")
    assert status == expect, said
    return said


def tell(server, sql, *values):
    with contextlib.closing(sqlite3.connect(server.data / "usersync.db")) as store, store:
        store.execute(sql, values)


def test_an_application_is_told_that_something_has_changed(site):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    with Receiver() as receiver:
        hook = register(wiki, receiver, token="let-me-in")
        assert hook == wiki.get(f"webhook/{hook['id']}")[1] and "token" not in hook
        cursor = wiki.get("event")[1]["newEventToken"]
        change(site, "anna")
        wait_for(lambda: len(receiver.requests) == 1)
        _, path, headers, body, _ = receiver.requests[0]
        assert (path, body, headers["Content-Length"]) == ("/hook", b"", "0")
        assert (headers["Authorization"], headers["X-Crowd-Webhook-Token"]) == ("Basic let-me-in", "let-me-in")
        assert any(e["user"]["name"] == "anna" for e in wiki.get(f"event/{cursor}")[1]["events"] if "user" in e)
        # what was told is not told again, after a restart either; what comes then is
        site.stop()
        site.start()
        change(site, "bert")
        wait_for(lambda: len(receiver.requests) == 2)
        assert wiki.call("DELETE", f"webhook/{hook['id']}")[0] == 204
        assert wiki.get(f"webhook/{hook['id']}")[0] == 404
        other = register(wiki, receiver, "/other")
        assert other["id"] != hook["id"]
        change(site, "carl")
        wait_for(lambda: len(receiver.requests) == 3)
        assert [r[1] for r in receiver.requests] == ["/hook", "/hook", "/other"]
        assert "Authorization" not in receiver.requests[2][2] and not receiver.problems
    assert "let-me-in" not in site.log()


def test_registered_twice_is_one_with_the_last_token(site):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    with Receiver() as receiver:
        first = register(wiki, receiver, token="old")
        assert register(wiki, receiver, token="new") == first
        blog = add(site, "blog")
        assert register(blog, receiver, token="blog")["id"] != first["id"]
        assert blog.get(f"webhook/{first['id']}")[0] == 404 and blog.call("DELETE", f"webhook/{first['id']}")[0] == 404
        change(site, "anna")
        wait_for(lambda: len(receiver.requests) == 2)
        assert {r[2]["X-Crowd-Webhook-Token"] for r in receiver.requests} == {"new", "blog"}
        assert site.call("DELETE", "/application/blog")[0] == 204
        change(site, "bert")
        wait_for(lambda: len(receiver.requests) == 3)
        assert receiver.requests[2][2]["X-Crowd-Webhook-Token"] == "new"


@pytest.mark.parametrize("form", ["xml", "json", "hyphens", "bare"])
def test_each_form_of_the_body_is_read(site, form):
    url = "http://127.0.0.1:9/a?b=1&c=2"
    body = {"xml": f"<webhookEntity><endpointUrl>{url.replace('&', '&amp;')}</endpointUrl><token>t</token></webhookEntity>",
            "json": f'{{"endpointUrl": "{url}", "token": null}}', "hyphens": f'{{"endpoint-url": "{url}"}}', "bare": url}[form]
    answer = site.request("POST", ROOT + "/webhook", body.encode(), {"Content-Type": "text/plain"}, user="wiki", password=PASSWORD)
    assert answer.status == 201
    assert b"<webhook><id>1</id><endpointUrl>http://127.0.0.1:9/a?b=1&amp;c=2</endpointUrl></webhook>" in answer.body
    assert answer.headers["Location"].endswith(ROOT + "/webhook/1")


@pytest.mark.parametrize("url, token, message", [
    ("http://192.0.2.1/", None, "not at an address that the application may come from"), ("http://169.254.169.254/latest", None, "not at an address that the application may come from"), ("http://[2001:db8::1]/", None, "not at an address that the application may come from"),
    ("ftp://127.0.0.1/", None, "http:// or https://"), ("file:///etc/passwd", None, "http:// or https://"), ("http://a:b@127.0.0.1/", None, "without user name"),
    ("http://127.0.0.1/#x", None, "fragment"), ("http://127.0.0.1/ x", None, "spaces"), ("http://127.0.0.1/" + "x" * 1000, None, "1 to 1000"),
    ("http://nowhere.invalid/", None, "name service"), ("http://127.0.0.1:99999/", None, "no URL"), ("http://127.0.0.1/", "a\\r\\nHost: b", "token"),
    ("http://127.0.0.1/", "x" * 256, "token"), ("", None, "endpointUrl is missing"),
])
def test_where_it_may_not_lead_is_refused(site, url, token, message):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    status, said = wiki.call("POST", "webhook", f'{{"endpointUrl": "{url}"' + (f', "token": "{token}"' if token else "") + "}")
    assert (status, said["reason"]) == (400, "ILLEGAL_ARGUMENT") and message in said["message"], said


def test_the_addresses_of_the_application_say_where_it_may_lead(site):
    wide = add(site, "wide", addresses=["127.0.0.0/8", "192.0.2.0/24"])
    assert wide.call("POST", "webhook", "http://192.0.2.1/")[0] == 201
    assert wide.call("POST", "webhook", "http://192.0.3.1/")[0] == 400
    with Receiver() as receiver:
        register(wide, receiver)
        # taken back by the admin: what was registered leads there no more
        status, said = site.call("PUT", "/application/wide", {"name": "wide", "directories": [site.connector["directoryId"]], "addresses": ["192.0.2.0/24"]})
        assert status == 200, said
        change(site, "anna")
        wait_for(lambda: site.log().count("is at an address that the application may not come from") == 1)
        assert not receiver.requests


def test_an_application_has_twenty(site):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    for i in range(20):
        assert wiki.call("POST", "webhook", f"http://127.0.0.1:9/{i}")[0] == 201
    status, said = wiki.call("POST", "webhook", "http://127.0.0.1:9/20")
    assert status == 400 and "20 webhooks already" in said["message"]
    assert wiki.call("POST", "webhook", "http://127.0.0.1:9/19")[0] == 201


@pytest.mark.parametrize("turn", [(500, {}), "drop", (302, {"Location": "http://127.0.0.1:9/"})])
def test_one_that_fails_is_tried_again(site, turn):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    with Receiver(turn) as receiver:
        register(wiki, receiver)
        change(site, "anna")
        wait_for(lambda: len(receiver.requests) == 2)
        assert site.log().count("crowd webhook not reached") == 1


def test_a_receiver_that_hangs_holds_up_nobody_else(site):
    with Receiver("hang", "hang", "hang") as slow, Receiver() as quick:
        for n in range(3):
            register(add(site, f"slow {n}"), slow, f"/slow{n}")
        change(site, "anna")
        wait_for(lambda: len(slow.requests) == 3)
        register(Crowd(site, "wiki", PASSWORD, True), quick)
        begin = time.monotonic()
        change(site, "bert")
        wait_for(lambda: len(quick.requests) == 1)
        assert time.monotonic() - begin < 5
        slow.released.set()
        wait_for(lambda: len(slow.requests) >= 6)
        assert len(quick.requests) == 1


def test_the_admin_sees_what_is_registered_and_what_fails(site):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    with Receiver((500, {})) as receiver:
        hook = register(wiki, receiver, "/hook?secret=of-the-receiver", token="let-me-in")

        def shown():
            status, application = site.call("GET", "/application/wiki")
            [listed] = [a for a in site.call("GET", "/application/")[1] if a["name"] == "wiki"]
            assert status == 200 and listed.keys() == application.keys() and len(listed["webhooks"]) == len(application["webhooks"])
            assert "of-the-receiver" not in str(application) and "let-me-in" not in str(application)
            return application["webhooks"]

        def counted():
            text = site.request("GET", "/metrics").body.decode()
            return [int(line.split()[1]) for line in text.splitlines() if line.startswith("usersync_application_webhooks")]

        assert (shown()[0]["id"], shown()[0]["url"]) == (hook["id"], receiver.url.rsplit("/", 1)[0] + "/hook")
        assert (shown()[0]["failures"], shown()[0]["failingSince"], counted()) == (0, None, [1, 0])
        change(site, "anna")
        wait_for(lambda: shown()[0]["failures"] == 1 and shown()[0]["failingSince"])
        assert counted() == [1, 1] and '"failures":1' in site.cli("application", "show", "wiki").stdout.replace(" ", "")
        # what was shown can be sent back
        assert site.call("PUT", "/application/wiki", site.call("GET", "/application/wiki")[1])[0] == 200
        wait_for(lambda: shown()[0]["failures"] == 0)
        assert wiki.call("DELETE", f"webhook/{hook['id']}")[0] == 204
        assert (shown(), counted()) == ([], [0, 0])


@pytest.mark.parametrize("failures, days, turn, stays", [(9, 4, (500, {}), False), (8, 4, (500, {}), True), (9, 2, (500, {}), True), (0, 0, (410, {}), False)])
def test_one_that_has_failed_for_long_is_removed(site, failures, days, turn, stays):
    wiki = Crowd(site, "wiki", PASSWORD, True)
    with Receiver(*[turn] * 100) as receiver:
        hook = register(wiki, receiver)
        site.stop()
        tell(site, "UPDATE hook SET failures = ?, failing_since = ?", failures, int(time.time()) - days * 86400 if days else 0)
        site.start()
        change(site, "anna")
        wait_for(lambda: site.log().count("crowd webhook"))
        wait_for(lambda: ("crowd webhook removed" in site.log()) != stays)
        wait_for(lambda: (wiki.get(f"webhook/{hook['id']}")[0] == 200) == stays)
        assert receiver.requests
