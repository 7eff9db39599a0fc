"""Receivers of notices: a webhook's, which checks every signature by an implementation that is not ours, and a mail server."""

import http.server
import json
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from standardwebhooks.webhooks import Webhook

WAIT_SECONDS = 60


def wait_for(condition, what="the condition"):
    """The first true value of condition()."""
    deadline = time.monotonic() + WAIT_SECONDS
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


class Receiver:
    """turns: answers to the first requests, each (status, headers) or "hang" (no answer before the end) or "drop"; 200 afterwards."""

    def __init__(self, *turns, secrets=()):
        self.turns = list(turns)
        self.secrets = list(secrets)  # each request must verify under each of them
        self.requests = []            # (time, path, headers, body, status)
        self.problems = []
        self.released = threading.Event()

    def __enter__(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                turn = receiver.turns.pop(0) if receiver.turns else (200, {})
                receiver.check(self.headers, body)
                receiver.requests.append((time.time(), self.path, dict(self.headers), body, turn))
                if turn == "hang":
                    receiver.released.wait(WAIT_SECONDS)
                if turn in ("hang", "drop"):
                    self.close_connection = True
                    return
                status, headers = turn
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}/hook"
        return self

    def __exit__(self, kind, *_):
        self.released.set()
        self.httpd.shutdown()
        self.httpd.server_close()
        if kind is None:
            assert not self.problems, self.problems

    def check(self, headers, body):
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, {k.lower(): v for k, v in headers.items()})
            except Exception as error:  # told by the test, not by this thread
                self.problems.append((repr(error), body))

    def events(self):
        return [json.loads(body)["type"] for _, _, _, body, _ in self.requests]

    def bodies(self, event=None):
        every = [json.loads(body) for _, _, _, body, _ in self.requests]
        return [body for body in every if event in (None, body["type"])]

    def wait(self, count):
        wait_for(lambda: len(self.requests) >= count, f"request {count}")
        return self.requests


def make_certificate(folder, name="localhost", address="127.0.0.1"):
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name},IP:{address}", "-keyout", key, "-out", cert], capture_output=True, check=True)
    return cert, key


class MailServer:
    """certificate: (cert, key) for STARTTLS; login: (user, password) that it wants; refuses: recipients that it does not take."""

    def __init__(self, certificate=None, login=None, refuses=(), implicit=False):
        self.certificate, self.login, self.refuses, self.implicit = certificate, login, set(refuses), implicit
        self.mails = []    # (envelope, whether it came over TLS, who had logged in)
        self.logins = []   # (whether over TLS, user)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, session.ssl is not None or self.implicit, session.auth_data))
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        user, password = data.login.decode(), data.password.decode()
        self.logins.append((session.ssl is not None or self.implicit, user))
        return AuthResult(success=(user, password) == self.login, handled=False, auth_data=user)

    def __enter__(self):
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        mail_server = self

        class Port(Controller):
            def factory(self):
                return SMTP(mail_server, hostname="mail.example.org", tls_context=None if mail_server.implicit else context,
                            authenticator=mail_server.authenticate if mail_server.login else None,
                            auth_required=bool(mail_server.login), auth_require_tls=False)

            def _trigger_server(self):
                """It makes a first connection, to the port that it was given: that was 0."""
                self.port = self.server.sockets[0].getsockname()[1]
                super()._trigger_server()

        self.controller = Port(self, hostname="127.0.0.1", port=0, ssl_context=context if self.implicit else None)
        self.controller.start()
        self.port = self.controller.port
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def wait(self, count=1):
        wait_for(lambda: len(self.mails) >= count, f"mail {count}")
        return self.mails
