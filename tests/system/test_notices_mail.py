"""Notices by mail, against an SMTP server that is not ours."""

import email
import email.policy
import re

import pytest
from company import Company
from receiver import MailServer, make_certificate, wait_for

TARGET = "/notice/target"
# The server here would take a login in the clear, so that a client that offers one is seen.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


def add_mail(server, mail, certificate=None, name="admins", **configuration):
    whole = {"server": "127.0.0.1", "port": mail.port, "from": "usersync@example.org", "to": ["anna@example.org", "bob@example.org"], "retrySeconds": 1,
             "quietMinutes": 0, **configuration}
    if certificate:
        whole["caCertificate"] = certificate[0].read_text()
    status, target = server.call("POST", TARGET, {"name": name, "kind": "mail", "configuration": whole})
    assert status == 201, target
    return target


def try_out(server, target):
    status, answer = server.call("POST", f"{TARGET}/{target['id']}/test")
    assert status == 200
    return answer


def parse(envelope):
    assert all(line.endswith(b"\r\n") and len(line) < 1000 for line in envelope.content.splitlines(keepends=True))
    return email.message_from_bytes(envelope.content, policy=email.policy.default)


def test_a_held_run_comes_by_mail_over_starttls(server, certificate):
    with MailServer(certificate, login=("mailer", "pässword")) as mail, Company() as company:
        add_mail(server, mail, certificate, user="mailer", password="pässword")
        hr = server.create("hr – Zürich 人事 " + "x" * 60, "file", company.configuration)
        server.sync(hr)
        for key in list(company.people)[:15]:
            del company.people[key]
        company.write()
        run = server.sync(hr)
        [(envelope, is_tls, user)] = mail.wait()
        assert is_tls and user == "mailer" and mail.logins == [(True, "mailer")]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("usersync@example.org", ["anna@example.org", "bob@example.org"])
    message = parse(envelope)
    assert not message.defects
    assert message["Subject"] == f"[usersync] {hr['name']}: sync held, please decide"
    assert [a.addr_spec for a in message["From"].addresses] == ["usersync@example.org"]
    assert [a.addr_spec for a in message["To"].addresses] == envelope.rcpt_tos
    assert re.fullmatch(r"<msg_[0-9a-f-]{36}@example\.org>", message["Message-ID"]) and message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.utcoffset().total_seconds() == 0
    text = message.get_content()
    assert f"usersync approve {run['id']}" in text and f"{run['held']['found']} of {run['held']['of']}, limit {run['held']['limit']}" in text
    assert hr["name"] in text and "Users: " in text and not re.search(r"user\d\d\d", text)
    raw_headers = envelope.content.split(b"\r\n\r\n")[0]
    assert all(byte < 0x80 for byte in raw_headers) and max(map(len, raw_headers.split(b"\r\n"))) <= 80


def test_a_server_without_starttls_gets_nothing(server):
    with MailServer() as mail:
        answer = try_out(server, add_mail(server, mail))
        assert not answer["ok"] and "does not offer STARTTLS" in answer["messages"][0] and mail.mails == []
        assert try_out(server, add_mail(server, mail, name="relay", security="none"))["ok"]
        [(_, is_tls, _)] = mail.mails
        assert not is_tls
    with MailServer(login=("mailer", "password")) as mail:
        assert not try_out(server, add_mail(server, mail, name="login", user="mailer", password="password"))["ok"]
        assert mail.logins == [] and mail.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_stops_the_mail(server, certificate, security):
    with MailServer(certificate, login=("mailer", "password"), implicit=security == "tls") as mail:
        answer = try_out(server, add_mail(server, mail, security=security, user="mailer", password="password"))
        assert not answer["ok"] and "is not trusted" in answer["messages"][0]
        assert mail.mails == [] and mail.logins == []
        assert try_out(server, add_mail(server, mail, certificate, name="trusted", security=security, user="mailer", password="password"))["ok"]
        assert mail.mails[0][1] and mail.logins == [(True, "mailer")]


def test_a_certificate_for_another_name_stops_the_mail(server, tmp_path):
    other = make_certificate(tmp_path, "elsewhere.example.org", "127.0.0.2")
    with MailServer(other) as mail:
        answer = try_out(server, add_mail(server, mail, other))
        assert not answer["ok"] and mail.mails == []


def test_a_wrong_password_is_said_and_not_shown(server, certificate):
    with MailServer(certificate, login=("mailer", "right one")) as mail:
        answer = try_out(server, add_mail(server, mail, certificate, user="mailer", password="wrong-one"))
        assert not answer["ok"] and "refused user or password" in answer["messages"][0]
        assert "wrong-one" not in server.log() + str(answer) + str(server.call("GET", TARGET)[1])


def test_a_server_that_takes_nothing_without_a_login_is_told_apart(server, certificate):
    with MailServer(certificate, login=("mailer", "right one")) as mail:
        answer = try_out(server, add_mail(server, mail, certificate))
        assert not answer["ok"] and "wants a login" in answer["messages"][0] and "user and password" in answer["messages"][0], answer
        assert mail.mails == [] and mail.logins == []


def test_the_others_get_it_when_one_mailbox_is_refused(server, certificate):
    with MailServer(certificate, refuses=["anna@example.org"]) as mail:
        assert try_out(server, add_mail(server, mail, certificate))["ok"]
        assert mail.mails[0][0].rcpt_tos == ["bob@example.org"]
        assert not try_out(server, add_mail(server, mail, certificate, name="anna", to="anna@example.org"))["ok"]


def test_mail_is_tried_again_until_the_server_is_there(server, certificate):
    with MailServer(certificate) as mail:
        target = add_mail(server, mail, certificate)
    with Company() as company:
        hr = server.create("hr", "file", {**company.configuration, "noticeFailures": 1})
        company.path.unlink()
        server.sync(hr)
        waiting = wait_for(lambda: [d for d in server.call("GET", "/notice/delivery")[1]["deliveries"] if d["error"]])
        assert waiting[0]["state"] == "WAITING" and "cannot connect" in waiting[0]["error"]
        with MailServer(certificate) as mail:
            whole = {**target["configuration"], "port": mail.port}
            assert server.call("PUT", f"{TARGET}/{target['id']}", {"configuration": whole})[0] == 200
            [(envelope, _, _)] = mail.wait()
        assert "sync failed" in parse(envelope)["Subject"]
        wait_for(lambda: server.call("GET", "/notice/delivery?state=DELIVERED")[1]["deliveries"])


@pytest.mark.parametrize("field,change", [
    ("from", {"from": "a@example.org\r\nBcc: b@example.org"}), ("from", {"from": "Anna <a@example.org>"}), ("from", {"from": "a@b@example.org"}),
    ("from", {"from": "änne@example.org"}), ("from", {"from": "example.org"}), ("to", {"to": []}), ("to", {"to": ["a@example.org", "b@example.org>\nRCPT TO:<c"]}),
    ("to", {"to": ["a@example.org,b@example.org"]}), ("to", {"to": [f"a{i}@example.org" for i in range(51)]}), ("server", {"server": "mail.example.org/path"}),
    ("server", {"server": "user@mail.example.org"}), ("server", {"server": "mail example.org"}), ("port", {"port": 0}), ("security", {"security": "maybe"}),
    ("security", {"security": "none", "user": "u", "password": "p"}), ("user", {"password": "p"}),
])
def test_settings_that_could_add_a_header_or_leak_a_password_are_refused(server, field, change):
    whole = {"server": "mail.example.org", "from": "usersync@example.org", "to": ["anna@example.org"], **change}
    status, answer = server.call("POST", TARGET, {"name": "x", "kind": "mail", "configuration": whole})
    assert status == 422 and field in [f["field"] for f in answer["fields"]], answer


def test_the_command_line_adds_a_mail_target(server, certificate):
    with MailServer(certificate, login=("mailer", "from the environment")) as mail:
        done = server.cli("notice", "target", "add", "admins", "--mail", "anna@example.org, bob@example.org", "--server", "127.0.0.1", "--port",
                          str(mail.port), "--from", "usersync@example.org", "--login", "mailer", "--ca", str(certificate[0]),
                          env={"USERSYNC_NEW_PASSWORD": "from the environment"})
        assert done.returncode == 0, done.stderr
        done = server.cli("notice", "target", "test", "admins")
        assert done.returncode == 0, done.stderr
        assert mail.mails[0][0].rcpt_tos == ["anna@example.org", "bob@example.org"]
        assert "anna@example.org, bob@example.org" in server.cli("notice", "target", "list").stdout
