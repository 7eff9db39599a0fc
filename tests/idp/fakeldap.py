#!/usr/bin/env python3
"""An LDAP server that misbehaves on demand: it serves a canned tree by paged results, and cuts a listing short, lies
about it or breaks it off in the ways that `Faults` lists. No index, no schema, no writing.

    with FakeLdap(company_tree(company)) as server:
        server.faults.page_results[3] = 4           # the third page of each listing ends with sizeLimitExceeded
        ... read server.url ...
        server.counts["search"], server.counts["bind"], server.counts["connection"]

From the command line: fakeldap.py --users 50 --fault page_results=3:4 --fault drop_after_page=2 --run COMMAND ...
"""

import argparse
import collections
import os
import re
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ber  # noqa: E402
import rig  # noqa: E402

PAGED = "1.2.840.113556.1.4.319"
STARTTLS = "1.3.6.1.4.1.1466.20037"
BIND, UNBIND, SEARCH, ABANDON, EXTENDED = 0x60, 0x42, 0x63, 0x50, 0x77
RESULT_TEXT = {3: "timeLimitExceeded", 4: "sizeLimitExceeded", 10: "referral", 11: "adminLimitExceeded", 12: "unavailable control",
               32: "noSuchObject", 49: "invalidCredentials", 50: "insufficientAccessRights", 51: "busy", 52: "unavailable",
               53: "unwillingToPerform"}


@dataclass
class Faults:
    """What to do wrong. Pages count from 1 within each listing; faults of pages hit only searches below `only_base`."""

    bind_result: int = 0                            # result code of each bind
    bind_text: str = ""                             # its diagnostic message
    starttls_result: int = 2                        # StartTLS is refused with this
    starttls_inject: bool = False                   # ... or granted, with bytes in the clear behind the answer
    page_results: dict = field(default_factory=dict)    # page -> result code, with the page's entries
    result_without_entries: bool = False            # ... and without them
    page_sizes: list = field(default_factory=list)  # sizes of the first pages, whatever the client asked for; 0 is an empty page
    drop_before_page: int = 0                       # close the connection instead of answering this page
    drop_inside_page: int = 0                       # close it after half of the entries of this page
    drop_after_page: int = 0                        # close it right after this page
    same_cookie_from_page: int = 0                  # the cookie stays the same from here on, and the page is served again
    end_at_page: int = 0                            # success and an empty cookie, although more would follow
    empty: bool = False                             # success without any entry
    no_cookie_control: bool = False                 # the answer lacks the control of paged results
    refuse_paging: bool = False                     # the control is unknown: result 12
    refuse_after_given_up: bool = False             # ... on a connection whose listing was given up, as 389-ds does when it loses count
    truncate_at_page: int = 0                       # the answer's bytes stop in the middle, and the line stays open
    garbage_at_page: int = 0                        # bytes that are no BER
    duplicate_page: int = 0                         # this page is served twice, with good cookies
    references: list = field(default_factory=list)  # continuation references sent with each page
    referral: str = "ldap://elsewhere.example.org/dc=example,dc=org"     # goes with result 10
    silent_search: bool = False                     # never answers a search
    silent_bind: bool = False
    range_size: int = 0                             # MaxValRange of Active Directory: longer attributes come in ranges
    range_stuck: bool = False                       # the second range comes back as the first one
    range_error: int = 0                            # result code of the second range
    range_missing: bool = False                     # the second range has no range attribute at all
    before_ranges: list = field(default_factory=list)   # called one after the other, each before another range behind the first is answered
    only_base: str = ""
    before_users: object = None                     # called once, before the first search for users is answered


class Entry:
    def __init__(self, dn, attributes):
        self.dn, self.key = dn, normal(dn)
        self.attributes = {}
        for name, value in attributes.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            self.attributes[name.lower()] = (name, [v if isinstance(v, bytes) else str(v).encode() for v in values])

    def values(self, name):
        return self.attributes.get(name.lower(), (name, []))[1]


def normal(dn):
    """Good enough for a canned tree: case and spaces round the separators; a hex pair is what it stands for."""
    dn = re.sub(r"\\([0-9A-Fa-f]{2})", lambda m: "\\" + chr(int(m.group(1), 16)), dn)
    return ",".join(part.strip() for part in re.split(r"(?<!\\),", dn)).lower()


def matches(flt, entry):
    """Whether ENTRY matches the filter, a (tag, content) pair. Values compare without regard to case."""
    tag, content = flt
    if tag in (0xA0, 0xA1):
        found = [matches(f, entry) for f in ber.items(content)]
        return all(found) if tag == 0xA0 else any(found)
    if tag == 0xA2:
        return not matches(ber.items(content)[0], entry)
    if tag == 0x87:
        name = content.decode()
        return name.lower() == "objectclass" or bool(entry.values(name))
    parts = ber.items(content)
    if tag == 0xA9:
        fields = {t: v for t, v in parts}
        mask = int(fields[0x83])
        rule = fields.get(0x81, b"").decode()
        values = [int(v) for v in entry.values(fields[0x82].decode())]
        return any(v & mask == mask if rule.endswith(".803") else v & mask for v in values)
    name, values = parts[0][1].decode(), entry.values(parts[0][1].decode())
    if tag == 0xA4:
        pattern = ""
        for kind, text in ber.items(parts[1][1]):
            escaped = re.escape(text.lower().decode("latin-1"))
            pattern += escaped if kind == 0x80 else ".*" + escaped + ("$" if kind == 0x82 else "")
        return any(re.match(pattern, v.lower().decode("latin-1"), re.S) for v in values)
    wanted = parts[1][1]
    if tag == 0xA5:
        return any(v >= wanted for v in values)
    if tag == 0xA6:
        return any(v <= wanted for v in values)
    if "member" in name.lower() and name.lower() != "memberuid":
        return any(normal(v.decode()) == normal(wanted.decode()) for v in values)
    return any(v.lower() == wanted.lower() for v in values)


class Session(socketserver.BaseRequestHandler):
    """One connection."""

    def setup(self):
        self.owner = self.server.owner
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)   # an entry at a time must not wait for the one before
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.owner.count("connection")
        self.page, self.is_amid_listing = 0, False
        self.buffer = b""

    def handle(self):
        try:
            while True:
                message = self.read_message()
                if message is None:
                    return
                parts = ber.items(message)
                message_id, (operation, content) = ber.number(parts[0][1]), parts[1]
                controls = parts[2][1] if len(parts) > 2 and parts[2][0] == 0xA0 else b""
                if operation == UNBIND:
                    self.owner.count("unbind")
                    return
                if operation == BIND:
                    self.bind(message_id, content)
                elif operation == SEARCH:
                    if not self.search(message_id, content, controls):
                        return
                elif operation == ABANDON:
                    self.owner.count("abandon")
                elif operation == EXTENDED:
                    self.extended(message_id)
                else:
                    return
        except (OSError, ber.BerError):
            return

    def read_message(self):
        while True:
            head = ber.header(self.buffer)
            if head and len(self.buffer) >= head[2]:
                message, self.buffer = self.buffer[head[1]:head[2]], self.buffer[head[2]:]
                return message
            got = self.request.recv(65536)
            if not got:
                return None
            self.buffer += got

    def message(self, message_id, operation, content, controls=b""):
        return ber.sequence(ber.integer(message_id), ber.tlv(operation, content), controls)

    def send(self, *message):
        self.request.sendall(self.message(*message))

    def result(self, code, text="", referral=None):
        more = ber.sequence(ber.string(referral), tag=0xA3) if referral else b""
        return ber.integer(code, 0x0A) + ber.string("") + ber.string(text or RESULT_TEXT.get(code, "")) + more

    def wait_for_client(self):
        while self.request.recv(4096):
            pass

    def extended(self, message_id):
        faults = self.owner.faults
        if not faults.starttls_inject:
            return self.send(message_id, 0x78, self.result(faults.starttls_result, "no StartTLS here"))
        granted = self.message(message_id, 0x78, self.result(0))
        return self.request.sendall(granted + self.message(message_id + 1, 0x61, self.result(0)))

    def bind(self, message_id, content):
        faults = self.owner.faults
        self.owner.count("bind")
        if faults.silent_bind:
            self.wait_for_client()
        _, dn, credentials = ber.items(content)
        name, password = dn[1].decode(), credentials[1].decode(errors="replace")
        code = faults.bind_result
        if not code and name and (normal(name), password) != (normal(self.owner.bind_dn), self.owner.bind_password):
            code = 49
        self.send(message_id, 0x61, self.result(code, faults.bind_text))

    def search(self, message_id, content, controls):
        """False if the connection is to be closed."""
        owner, faults = self.owner, self.owner.faults
        owner.count("search")
        base, scope, _, _, _, _, flt, wanted = ber.items(content)
        base, scope = base[1].decode(), ber.number(scope[1])
        wanted = [v.decode() for _, v in ber.items(wanted[1])]
        owner.requests.append((base, scope, wanted))
        if base == "" and scope == 0:
            root = Entry("", {"objectClass": "top", "namingContexts": [owner.base], "supportedControl": [PAGED],
                              "supportedExtension": [STARTTLS], "vendorName": "fake"})
            return self.answer(message_id, [root], wanted, 0, None)
        if faults.silent_search:
            self.wait_for_client()
            return False
        key = normal(base)
        if faults.before_users and scope == 2 and key == normal(owner.users_base):
            change, faults.before_users = faults.before_users, None
            change()
        found = [e for e in owner.tree if e.key == key] if scope == 0 else \
            [e for e in owner.tree if (e.key.endswith("," + key) and (scope == 2 or e.key.count(",") == key.count(",") + 1))
             or (scope == 2 and e.key == key)]
        if not any(e.key == key for e in owner.tree):
            return self.answer(message_id, [], wanted, 32, None)
        found = [e for e in found if matches((flt[0], flt[1]), e)]
        paging = None
        for _, control in ber.items(controls):
            fields = ber.items(control)
            if fields[0][1].decode() == PAGED:
                size, cookie = ber.items(ber.items(fields[-1][1])[0][1])
                paging = (ber.number(size[1]), cookie[1])
        if paging is None or (faults.only_base and not key.endswith(normal(faults.only_base))):
            faults = Faults(range_size=faults.range_size, range_stuck=faults.range_stuck, range_error=faults.range_error,
                            range_missing=faults.range_missing)
        if paging is None:
            return self.answer(message_id, found, wanted, 0, None)
        return self.serve_page(message_id, found, wanted, paging, faults)

    def serve_page(self, message_id, found, wanted, paging, faults):
        size, cookie = paging
        self.page = 1 if not cookie else self.page + 1
        page = self.page
        self.owner.count("page")
        if faults.refuse_paging or (faults.refuse_after_given_up and self.is_amid_listing and not cookie):
            return self.answer(message_id, [], wanted, 12, None)
        if faults.empty:
            return self.answer(message_id, [], wanted, 0, b"")
        if page == faults.drop_before_page:
            return False
        start = struct.unpack(">QQ", cookie)[1] if cookie else 0
        if page <= len(faults.page_sizes):
            size = faults.page_sizes[page - 1]
        chunk = found[start:start + size]
        following = start + (0 if page == faults.duplicate_page else len(chunk))
        last = start + len(chunk) >= len(found) and page > len(faults.page_sizes) - 1 and page != faults.duplicate_page
        next_cookie = b"" if last or page == faults.end_at_page else struct.pack(">QQ", page, following)
        if faults.same_cookie_from_page and page >= faults.same_cookie_from_page:
            next_cookie = cookie or struct.pack(">QQ", 0, 0)
        if faults.no_cookie_control:
            next_cookie = None
        code = faults.page_results.get(page, 0)
        if code:
            next_cookie = b""
        self.is_amid_listing = bool(next_cookie)
        if code and faults.result_without_entries:
            chunk = []
        if page == faults.drop_inside_page:
            for entry in chunk[:len(chunk) // 2]:
                self.send_entry(message_id, entry, wanted)
            return False
        if page == faults.garbage_at_page:
            self.request.sendall(b"\x30\x84\xff\xff\xff\xff\x02\x01" + b"garbage" * 100)
            return False
        if page == faults.truncate_at_page:
            self.request.sendall(self.message(message_id, 0x65, self.result(0))[:-3])
            self.wait_for_client()
            return False
        return self.answer(message_id, chunk, wanted, code, next_cookie) and page != faults.drop_after_page

    def answer(self, message_id, entries, wanted, code, cookie):
        faults = self.owner.faults
        if len(entries) == 1 and any(";range=" in name.lower() and not name.lower().endswith("range=0-*")
                                     and not name.lower().split("range=")[1].startswith("0-") for name in wanted):
            code = code or faults.range_error
            if self.owner.faults.before_ranges:
                self.owner.faults.before_ranges.pop(0)()
        for entry in entries:
            self.send_entry(message_id, entry, wanted)
        for reference in faults.references if cookie is not None else ():
            self.send(message_id, 0x73, ber.string(reference))
        controls = b""
        if cookie is not None:
            value = ber.sequence(ber.integer(0), ber.string(cookie))
            controls = ber.sequence(ber.sequence(ber.string(PAGED), ber.string(value)), tag=0xA0)
        self.send(message_id, 0x65, self.result(code, referral=faults.referral if code == 10 else None), controls)
        return True

    def send_entry(self, message_id, entry, wanted):
        listed = []
        everything = not wanted or "*" in wanted
        plain = {w.split(";")[0].lower(): w for w in wanted}
        for key, (name, values) in entry.attributes.items():
            if everything or key in plain:
                listed += self.ranged(name, values, plain.get(key, name))
        body = b"".join(ber.sequence(ber.string(n), ber.sequence(*map(ber.string, v), tag=0x31)) for n, v in listed)
        self.send(message_id, 0x64, ber.string(entry.dn) + ber.sequence(body))

    def ranged(self, name, values, asked):
        """The attribute as Active Directory gives it: whole, or empty and with its first range besides."""
        faults = self.owner.faults
        option = re.search(r";range=(\d+)-(\d+|\*)$", asked, re.I)
        if not option and (not faults.range_size or len(values) <= faults.range_size):
            return [(name, values)]
        first = int(option.group(1)) if option else 0
        upto = len(values) if not option or option.group(2) == "*" else min(len(values), int(option.group(2)) + 1)
        if faults.range_size:
            upto = min(upto, first + faults.range_size)
        if first and faults.range_missing:
            return []
        if first and faults.range_stuck:
            first, upto = 0, upto - first
        if first >= len(values) and values:
            return []
        end = "*" if upto >= len(values) else str(upto - 1)
        if first == 0 and end == "*" and not option:
            return [(name, values)]
        head = [(name, [])] if not option else []
        return head + [(f"{name};Range={first}-{end}", values[first:upto])]


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class FakeLdap:
    """TREE: Entry objects, the base first. `faults` may be changed at any time; `counts` and `requests` tell what came in."""

    def __init__(self, tree, base="dc=example,dc=org", certificate=None):
        self.tree, self.base = list(tree), base
        self.users_base, self.groups_base = f"ou=people,{base}", f"ou=groups,{base}"
        self.bind_dn, self.bind_password = f"cn=reader,{base}", rig.PASSWORD
        self.faults = Faults()
        self.counts = collections.Counter()
        self.requests = []
        self._lock = threading.Lock()
        self._certificate = certificate
        self._listener = None

    def count(self, what):
        with self._lock:
            self.counts[what] += 1

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self, port=0):
        self._listener = Listener(("127.0.0.1", port), Session)
        self._listener.owner, self._listener.tls = self, None
        if self._certificate:
            self._listener.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._listener.tls.load_cert_chain(*self._certificate)
        self.port = self._listener.server_address[1]
        self.url = f"{'ldaps' if self._certificate else 'ldap'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        if self._listener:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None

    def env(self):
        return {"LDAP_URL": self.url, "LDAP_BASE": self.base, "LDAP_USERS_BASE": self.users_base,
                "LDAP_GROUPS_BASE": self.groups_base, "LDAP_BIND_DN": self.bind_dn, "LDAP_BIND_PASSWORD": self.bind_password}


def company_tree(company, base="dc=example,dc=org", flavour="openldap"):
    """The company as entries of OpenLDAP (entryUUID) or of Active Directory (objectGUID, sAMAccountName)."""
    users_base, groups_base = f"ou=people,{base}", f"ou=groups,{base}"
    tree = [Entry(base, {"objectClass": ["top", "domain"], "dc": "example"})]
    tree += [Entry(dn, {"objectClass": ["top", "organizationalUnit"]}) for dn in (users_base, groups_base)]
    active_directory = flavour == "ad"

    def identity(kind, name):
        value = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {name}")
        return {"objectGUID": value.bytes_le} if active_directory else {"entryUUID": str(value)}

    def user_dn(user):
        return f"cn={rig.escape_rdn_value(user.cn)},{users_base}" if user.awkward else f"uid={user.uid},{users_base}"

    for user in company.users:
        attributes = {"cn": user.cn, "sn": user.family, "givenName": user.given, "mail": user.mail,
                      "displayName": f"{user.given} {user.family}", **identity("user", user.uid)}
        if active_directory:
            attributes |= {"objectClass": ["top", "person", "user"], "objectCategory": "person", "sAMAccountName": user.uid,
                           "sAMAccountType": "805306368", "userAccountControl": 514 if user.disabled else 512}
        else:
            attributes |= {"objectClass": ["inetOrgPerson"], "uid": user.uid}
            if user.disabled:
                attributes["pwdAccountLockedTime"] = "000001010000Z"
        tree.append(Entry(user_dn(user), attributes))
    for group in company.groups:
        values = [user_dn(company.users[i]) for i in group.users]
        values += [f"cn={company.groups[i].name},{groups_base}" for i in group.groups]
        attributes = {"cn": group.name, "member": values, **identity("group", group.name)}
        attributes |= {"objectClass": ["top", "group"], "objectCategory": "group", "sAMAccountName": group.name} \
            if active_directory else {"objectClass": ["groupOfNames"]}
        tree.append(Entry(f"cn={group.name},{groups_base}", attributes))
    return tree


def set_fault(faults, text):
    """NAME, NAME=VALUE, or page_results=PAGE:CODE."""
    name, _, value = text.partition("=")
    current = getattr(faults, name)
    if isinstance(current, bool):
        setattr(faults, name, value in ("", "1", "true"))
    elif isinstance(current, int):
        setattr(faults, name, int(value))
    elif isinstance(current, dict):
        page, code = value.split(":")
        current[int(page)] = int(code)
    elif isinstance(current, list):
        current.extend(int(v) if v.isdigit() else v for v in value.split(","))
    else:
        setattr(faults, name, value)


def main():
    parser = argparse.ArgumentParser(description="run a command against a misbehaving LDAP server")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=VALUE]")
    parser.add_argument("--flavour", choices=["openldap", "ad"], default="openldap")
    rig.company_arguments(parser)
    options = parser.parse_args()
    server = FakeLdap(company_tree(rig.company_from(options), flavour=options.flavour))
    for fault in options.fault:
        set_fault(server.faults, fault)
    with server:
        for name, value in server.env().items():
            print(f"{name}='{value}'", flush=True)
        if not options.run:
            threading.Event().wait()
        return subprocess.run(options.run, env={**os.environ, **server.env()}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
