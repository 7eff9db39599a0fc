#!/usr/bin/env python3
"""A small server that speaks the part of Keycloak's admin API that a connector reads, from canned
data, and misbehaves on demand. For what a real server cannot be made to do: see keycloak.py.

As a fixture:

    with FakeKeycloak(people=250, group_count=20) as fake:
        fake.fault("/users", "drop", after=2)       the third page of users breaks off
        ... run the connector against fake.url ...
        assert fake.count("/users") == 3

A fault is matched by the end of the path below the realm ("/users", "/users/count", "/groups",
"/members", "/children", "/token"); it starts after `after` matching requests and lasts for `times`
of them (0: for ever). Kinds:

    429 503 500 401 403 404 400   that status; retry_after= gives the header ("2", an HTTP date)
    drop        the connection is closed within the body
    refuse      the connection is closed before any answer
    slow        the answer comes after `delay` seconds
    trickle     one byte each `delay` seconds
    count       the count endpoint says `value`
    empty       an empty list
    repeat      the page before, once more
    truncate    a well-formed HTTP answer whose JSON ends in the middle
    html        a proxy's error page with status `value` (default 502)
    html200     a proxy's login page with status 200
    huge        a body of `value` bytes without an end in sight
    redirect    302 to `value`
    type        the right body, named text/plain
    garbage     bytes that are not HTTP
    hide        every `value`-th row is left out of the list, silently
    expire      the tokens given so far are no longer valid (once), then as usual
    delete      before answering, the user at index `value` is deleted
    rename      before answering, the user at index `value` gets the name `name`

From the command line: python3 tests/idp/fakekc.py --run CMD...  (environment as in keycloak.py),
with faults as --fault 'PATH KIND [key=value]...'.
"""

import argparse
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

NAMESPACE = uuid.UUID("8a4f2c5e-8a1b-4a55-9d2c-52b7b8a6f002")

PROXY_PAGE = ("<html><head><title>502 Bad Gateway</title></head>"
              "<body><h1>Bad Gateway</h1>The upstream server is unreachable.</body></html>")


def fake_id(kind, name):
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{name}"))


def make_user(username, enabled=True, **members):
    return {"id": fake_id("user", username), "createdTimestamp": 1707897672000,
            "username": username, "enabled": enabled, "totp": False, "emailVerified": True,
            "firstName": "First " + username, "lastName": "Last",
            "email": username + "@example.com", "attributes": {"department": ["Platform"]},
            "disableableCredentialTypes": [], "requiredActions": [], "notBefore": 0,
            "access": {"view": True, "manage": False}, **members}


class Group:
    def __init__(self, name, parent=None, members=(), attributes=None):
        self.name = name
        self.parent = parent
        self.path = (parent.path if parent else "") + "/" + name
        self.id = fake_id("group", self.path)
        self.members = list(members)
        self.attributes = attributes or {}
        self.children = []
        if parent:
            parent.children.append(self)


class Fault:
    def __init__(self, path, kind, after=0, times=0, **options):
        self.path = path
        self.kind = str(kind)
        self.after = after
        self.times = times
        self.options = options
        self.seen = 0
        self.fired = 0

    def fires(self, path):
        if not path.endswith(self.path):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times and self.fired >= self.times):
            return False
        self.fired += 1
        return True


class FakeKeycloak:
    def __init__(self, people=25, group_count=4, tls=False, prefix="", realm="company",
                 client="usersync", secret="s3cret/of+the=tests", style="new", token_life_s=300,
                 page_cap=0):
        self.realm = realm
        self.client = client
        self.secret = secret
        self.prefix = prefix
        self.style = style              # "old": embedded subGroups, no /children
        self.token_life_s = token_life_s
        self.page_cap = page_cap        # pages are never longer than this, whatever was asked for
        self.roles = {"view-users", "query-users", "query-groups"}
        self.tls = tls
        self.tokens = {}
        self.token_number = 0
        self.requests = []
        self.connections = 0
        self.faults = []
        self.pages = {}
        self.lock = threading.Lock()
        self.users = [make_user(f"user{number:05d}", enabled=number % 7 != 3)
                      for number in range(people)]
        self.groups = []
        for number in range(group_count):
            members = [person["id"] for person in self.users[number::max(1, group_count)]]
            top = Group(f"group{number:03d}", None, members, {"cost": ["1"]})
            self.groups.append(top)
            if number % 2 == 0:
                inner = Group("inner", top, members[:3])
                Group("deep", inner, members[:1])

    # life

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        fake = self

        class Handler(FakeHandler):
            server_state = fake

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.state = self
        self.folder = tempfile.mkdtemp(prefix="fakekc-")
        self.ca_file = None
        if self.tls:
            self.ca_file, key = self.make_certificate()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca_file, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}{self.prefix}"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.server.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_certificate(self):
        certificate = os.path.join(self.folder, "server.pem")
        key = os.path.join(self.folder, "server.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=fake identity provider", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return certificate, key

    # what a test says and asks

    def fault(self, path, kind, after=0, times=0, **options):
        with self.lock:
            self.faults.append(Fault(path, kind, after, times, **options))
        return self.faults[-1]

    def clear(self):
        with self.lock:
            self.faults.clear()
            self.requests.clear()

    def count(self, path, method=None):
        """How many requests there were for paths that end so."""
        with self.lock:
            return sum(1 for verb, where, _ in self.requests
                       if where.endswith(path) and (method is None or verb == method))

    def environment(self):
        found = {"KEYCLOAK_URL": self.url, "KEYCLOAK_REALM": self.realm,
                 "KEYCLOAK_CLIENT_ID": self.client, "KEYCLOAK_CLIENT_SECRET": self.secret}
        if self.ca_file:
            found["KEYCLOAK_CA"] = self.ca_file
        return found

    def all_groups(self):
        found, queue = [], list(self.groups)
        while queue:
            one = queue.pop(0)
            found.append(one)
            queue.extend(one.children)
        return found

    # what the API answers; each gives (status, value)

    def issue_token(self, form, authorization):
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type",
                         "error_description": "Unsupported grant_type"}
        if (form.get("client_id"), form.get("client_secret")) != (self.client, self.secret):
            return 401, {"error": "unauthorized_client",
                         "error_description": "Invalid client or Invalid client credentials"}
        with self.lock:
            self.token_number += 1
            claims = {"sub": fake_id("user", "service-account"), "azp": self.client,
                      "jti": str(self.token_number),
                      "resource_access": {"realm-management": {"roles": sorted(self.roles)}}}
            token = ".".join([b64({"alg": "none"}), b64(claims), "c2lnbmF0dXJl"])
            self.tokens[token] = time.monotonic() + self.token_life_s
        return 200, {"access_token": token, "expires_in": self.token_life_s,
                     "refresh_expires_in": 0, "token_type": "Bearer", "not-before-policy": 0,
                     "scope": "email profile"}

    def answer(self, path, query):
        first = int(query.get("first", 0))
        most = int(query.get("max", 10 if path.endswith("/children") else 100))
        if self.page_cap:
            most = min(most, self.page_cap)
        view, query_users = "view-users" in self.roles, "query-users" in self.roles
        query_groups = view or "query-groups" in self.roles
        forbidden = 403, {"error": "HTTP 403 Forbidden"}
        users = sorted((person for person in self.users if matches(person, query)),
                       key=lambda person: person["username"])
        if path == "/users/count":
            return (200, len(users)) if view or query_users else forbidden
        if path == "/users":
            if not (view or query_users):
                return forbidden
            return 200, [brief_user(person, query) for person in users[first:first + most]
                         if view]
        if path == "/groups/count":
            if not query_groups:
                return forbidden
            top = query.get("top") == "true"
            return 200, {"count": len(self.groups if top else self.all_groups())}
        if path == "/groups":
            if not query_groups:
                return forbidden
            return 200, [self.group(one, query) for one in self.groups[first:first + most]]
        found = re.fullmatch(r"/users/([^/]+)(/groups)?", path)
        if found:
            if not (view or query_users):
                return forbidden
            person = next((one for one in self.users if one["id"] == found[1]), None)
            if found[1] == fake_id("user", "service-account"):
                person = make_user("service-account-" + self.client, id=found[1])
            if person is None:
                return 404, {"error": "User not found"}
            if not view:
                return forbidden
            if not found[2]:
                return 200, person
            mine = [one for one in self.all_groups() if person["id"] in one.members]
            return 200, [self.group(one, query, flat=True) for one in mine[first:first + most]]
        found = re.fullmatch(r"/groups/([^/]+)(/children|/members)?", path)
        if found:
            if not query_groups:
                return forbidden
            one = next((one for one in self.all_groups() if one.id == found[1]), None)
            if one is None:
                return 404, {"error": "Could not find group by id"}
            if found[2] == "/members":
                if not view:
                    return forbidden
                there = {person["id"]: person for person in users}
                rows = [brief_user(there[member], query)
                        for member in one.members if member in there]
                return 200, rows[first:first + most]
            if found[2] == "/children":
                if self.style == "old":
                    return 405, {"error": "RESTEASY003650: No resource method found for GET, "
                                          "return 405 with Allow header"}
                return 200, [self.group(child, query)
                             for child in one.children[first:first + most]]
            return 200, self.group(one, query)
        return 404, {"error": "HTTP 404 Not Found"}

    def group(self, one, query, flat=False):
        shown = {"id": one.id, "name": one.name, "path": one.path, "subGroups": []}
        if query.get("briefRepresentation") == "false":
            shown.update(attributes=one.attributes, realmRoles=[], clientRoles={})
        if self.style == "old":
            if not flat:
                shown["subGroups"] = [self.group(child, query) for child in one.children]
            return shown
        if one.parent:
            shown["parentId"] = one.parent.id
        if not flat:
            shown["subGroupCount"] = len(one.children)
        return shown


def b64(value):
    import base64
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def matches(person, query):
    if query.get("search", "").lower() not in person["username"].lower():
        return False
    exact = query.get("exact") == "true"
    for key in ("username", "email"):
        if key in query:
            want, have = query[key].lower(), person[key].lower()
            if want != have if exact else want not in have:
                return False
    return True


def brief_user(person, query):
    if query.get("briefRepresentation") != "true":
        return person
    return {key: value for key, value in person.items()
            if key not in ("attributes", "requiredActions", "disableableCredentialTypes")}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments):
        self.stopping = threading.Event()
        super().__init__(*arguments)

    def process_request(self, request, address):
        with self.state.lock:
            self.state.connections += 1
        super().process_request(request, address)

    def handle_error(self, request, address):
        pass  # a client that goes away is what many of the tests are about


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state = None
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, *unused):
        pass

    def do_GET(self):
        self.handle_request("GET")

    def do_POST(self):
        self.handle_request("POST")

    def handle_request(self, method):
        fake = self.server_state
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(split.path)
        with fake.lock:
            fake.requests.append((method, path, split.query))
            fault = next((one for one in fake.faults if one.fires(path)), None)
        if fault and self.fault_instead(fault):
            return
        status, value = self.route(method, path, split.query, body)
        text = json.dumps(value, ensure_ascii=False).encode()
        if fault:
            text = self.fault_within(fault, text, value)
            if text is None:
                return
        fake.pages[path] = text
        kind = "text/plain" if fault and fault.kind == "type" else "application/json"
        self.send_whole(status, text, kind)

    def route(self, method, path, query_text, body):
        fake = self.server_state
        base = f"{fake.prefix}/realms/{fake.realm}"
        if path == f"{base}/protocol/openid-connect/token" and method == "POST":
            form = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
            return fake.issue_token(form, self.headers.get("Authorization"))
        if path == base:
            return 200, {"realm": fake.realm, "token-service": f"{fake.url}/realms/{fake.realm}"}
        if path.startswith(f"{fake.prefix}/realms/"):
            return 404, {"error": "Realm does not exist"}
        admin = f"{fake.prefix}/admin/realms/{fake.realm}"
        if not path.startswith(admin + "/"):
            known = path.startswith(f"{fake.prefix}/admin/realms/")
            return 404, {"error": "Realm not found." if known else "HTTP 404 Not Found"}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if fake.tokens.get(token, 0) < time.monotonic():
            return 401, {"error": "HTTP 401 Unauthorized"}
        if method != "GET":
            return 405, {"error": "HTTP 405 Method Not Allowed"}
        query = dict(urllib.parse.parse_qsl(query_text))
        with fake.lock:
            return fake.answer(path[len(admin):], query)

    def send_whole(self, status, text, kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def fault_instead(self, fault):
        """Faults that give their own answer; True if that was it."""
        fake, kind, options = self.server_state, fault.kind, fault.options
        if kind.isdigit():
            headers = []
            if "retry_after" in options:
                headers.append(("Retry-After", str(options["retry_after"])))
            error = {"401": "HTTP 401 Unauthorized", "403": "HTTP 403 Forbidden",
                     "404": "HTTP 404 Not Found"}.get(kind, "unknown_error")
            self.send_whole(int(kind), json.dumps({"error": error}).encode(), headers=headers)
        elif kind == "refuse":
            self.close_connection = True
        elif kind == "html":
            self.send_whole(int(options.get("value", 502)), PROXY_PAGE.encode(), "text/html")
        elif kind == "html200":
            page = "<html><head><title>Sign in to the proxy</title></head></html>"
            self.send_whole(200, page.encode(), "text/html; charset=utf-8")
        elif kind == "redirect":
            self.send_whole(302, b"", headers=[("Location", str(options["value"]))])
        elif kind == "garbage":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            self.close_connection = True
        elif kind == "huge":
            self.send_huge(int(options.get("value", 1 << 30)))
        elif kind == "empty":
            self.send_whole(200, b"[]")
        elif kind == "repeat" and urllib.parse.unquote(self.path.split("?")[0]) in fake.pages:
            self.send_whole(200, fake.pages[urllib.parse.unquote(self.path.split("?")[0])])
        elif kind == "slow":
            self.server.stopping.wait(float(options.get("delay", 30)))
            return False
        else:
            self.fault_state(fault)
            return False
        return True

    def fault_state(self, fault):
        """Faults that change what the server knows, before it answers as usual."""
        fake, options = self.server_state, fault.options
        with fake.lock:
            if fault.kind == "expire":
                fake.tokens.clear()
            elif fault.kind == "delete":
                gone = fake.users.pop(int(options["value"]))
                for one in fake.all_groups():
                    one.members = [member for member in one.members if member != gone["id"]]
            elif fault.kind == "rename":
                fake.users[int(options["value"])]["username"] = options["name"]

    def fault_within(self, fault, text, value):
        """Faults that spoil the right answer; None if the answer has been sent already."""
        if fault.kind == "count":
            number = int(fault.options["value"])
            return json.dumps({"count": number} if isinstance(value, dict) else number).encode()
        if fault.kind == "truncate":
            return text[:len(text) * 2 // 3]
        if fault.kind == "hide" and isinstance(value, list):
            step = int(fault.options.get("value", 2))
            return json.dumps([row for number, row in enumerate(value) if number % step]).encode()
        if fault.kind in ("drop", "trickle"):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.close_connection = True
            if fault.kind == "drop":
                self.wfile.write(text[:len(text) // 2])
                return None
            for byte in text:
                if self.server.stopping.wait(float(fault.options.get("delay", 0.2))):
                    return None
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            return None
        return text

    def send_huge(self, size):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size + 1))
        self.end_headers()
        self.wfile.write(b"[")
        block = b" " * 65536
        while size > 0 and not self.server.stopping.is_set():
            self.wfile.write(block[:size])
            size -= len(block)
        self.close_connection = True


def main():
    parser = argparse.ArgumentParser(description="A fake Keycloak that misbehaves on demand.")
    parser.add_argument("--people", type=int, default=25)
    parser.add_argument("--groups", type=int, default=4)
    parser.add_argument("--style", choices=("new", "old"), default="new")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--fault", action="append", default=[], metavar="PATH KIND [key=value]...")
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="CMD")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(0))
    with FakeKeycloak(chosen.people, chosen.groups, chosen.tls, chosen.prefix,
                      style=chosen.style) as fake:
        for text in chosen.fault:
            path, kind, *rest = text.split()
            options = dict(part.split("=", 1) for part in rest)
            numbers = {key: int(options.pop(key)) for key in ("after", "times") if key in options}
            fake.fault(path, kind, **numbers, **options)
        if chosen.run:
            return subprocess.run(chosen.run, env={**os.environ, **fake.environment()}).returncode
        for name, value in fake.environment().items():
            print(f"{name}={value}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
