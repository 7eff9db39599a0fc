"""What the LDAP test servers have in common: a certificate authority made on the spot, free ports,
waiting for a condition, a seeded company, LDIF, and changes while a server runs.

Nothing here needs more than the standard library, openssl and ldap-utils.
"""

import argparse
import atexit
import base64
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

PASSWORD = "Passw0rd.x1"
READY_SECONDS = 90


class RigError(RuntimeError):
    """A test server that does not come up, or refuses a change."""


def free_port(host="127.0.0.1"):
    """A port of HOST that nobody listens on right now."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


def wait_until(condition, what, seconds=READY_SECONDS, process=None, log=None):
    """Polls CONDITION until it holds; RigError with the end of LOG at the deadline or if PROCESS ends."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            tail = ""
            if log and os.path.exists(log):
                with open(log, errors="replace") as stream:
                    tail = "\n" + "".join(stream.readlines()[-30:])
            why = f"ended with {process.returncode}" if ended else f"not within {seconds} s"
            raise RigError(f"{what}: {why}{tail}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def run(*argv, stdin=None, env=None, cwd=None):
    """Runs a program to its end and gives its output; RigError with what it said if it fails."""
    done = subprocess.run(
        argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=cwd, check=False
    )
    if done.returncode:
        raise RigError(f"{' '.join(argv[:6])}: exit {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")
    return done.stdout.decode(errors="replace")


def program(name):
    """The path of a program that may live in sbin."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise RigError(f"{name} is not installed")
    return found


class Ca:
    """A certificate authority in a directory of its own. `pem` is what a client has to trust."""

    def __init__(self, directory, name="Rig CA"):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.pem = os.path.join(directory, "ca.pem")
        self.key = os.path.join(directory, "ca.key")
        self._openssl(self.pem, self.key, name, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")

    def _openssl(self, pem, key, name, extensions, *more):
        config = pem + ".cnf"
        with open(config, "w") as stream:
            stream.write(f"[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\nCN={name}\n[ext]\n{extensions}")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-config", config, "-keyout", key, "-out", pem, *more)
        os.chmod(key, 0o600)

    def issue(self, name="localhost", alt=("DNS:localhost", "IP:127.0.0.1")):
        """A server certificate; gives the paths of certificate and key."""
        stem = os.path.join(self.directory, "".join(c if c.isalnum() else "_" for c in name))
        self._openssl(stem + ".pem", stem + ".key", name,
                      f"basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName={','.join(alt)}\n",
                      "-CA", self.pem, "-CAkey", self.key)
        return stem + ".pem", stem + ".key"


    def issue_expired(self, name="localhost", alt=("DNS:localhost", "IP:127.0.0.1")):
        """The same, of a certificate that was good in the year 2020 only."""
        stem, config = os.path.join(self.directory, "expired"), os.path.join(self.directory, "expired.cnf")
        with open(config, "w") as stream:
            stream.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={stem}.txt\nserial={stem}.serial\nnew_certs_dir={self.directory}\n"
                         "default_md=sha256\npolicy=p\nx509_extensions=ext\n[p]\ncommonName=supplied\n[ext]\n"
                         f"basicConstraints=CA:FALSE\nsubjectAltName={','.join(alt)}\n")
        for suffix, text in ((".txt", ""), (".serial", "01\n")):
            with open(stem + suffix, "w") as stream:
                stream.write(text)
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", stem + ".key",
            "-out", stem + ".csr")
        run("openssl", "ca", "-batch", "-notext", "-config", config, "-cert", self.pem, "-keyfile", self.key, "-in", stem + ".csr",
            "-out", stem + ".pem", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z")
        return stem + ".pem", stem + ".key"


# --- names, filters, LDIF ---------------------------------------------------------------------------------------------

def escape_rdn_value(value):
    """RFC 4514 section 2.4."""
    out = "".join("\\" + c if c in ',+"\\<>;=' else c for c in value).replace("\0", "\\00")
    if out.startswith((" ", "#")):
        out = "\\" + out
    if out.endswith(" ") and not out.endswith("\\ "):
        out = out[:-1] + "\\ "
    return out


SAFE_LDIF = re.compile(rb"[!-9;=-~]([ -~]*[!-~])?")


def ldif_line(name, value):
    raw = value if isinstance(value, bytes) else str(value).encode()
    if SAFE_LDIF.fullmatch(raw):
        return f"{name}: {raw.decode()}\n"
    return f"{name}:: {base64.b64encode(raw).decode()}\n"


def ldif_entry(dn, attributes):
    """ATTRIBUTES: pairs, or a mapping of name to a value or a list of values."""
    pairs = attributes.items() if hasattr(attributes, "items") else attributes
    lines = [ldif_line("dn", dn)]
    for name, value in pairs:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            lines.append(ldif_line(name, one))
    return "".join(lines) + "\n"


# --- the company ------------------------------------------------------------------------------------------------------

GIVEN = [("Anna", "anna"), ("Boris", "boris"), ("Chloé", "chloe"), ("Dmitri", "dmitri"), ("Elif", "elif"),
         ("Φωτεινή", "foteini"), ("Ольга", "olga"), ("美咲", "misaki"), ("عمر", "omar"), ("Jürgen", "juergen"),
         ("Zoë", "zoe"), ("Saoirse", "saoirse"), ("Nguyễn", "nguyen"), ("שרה", "sara"), ("Łukasz", "lukasz")]
FAMILY = [("Keller", "keller"), ("Åström", "astroem"), ("O'Neill", "oneill"), ("Παπάς", "papas"), ("Волкова", "volkova"),
          ("佐藤", "sato"), ("Müller", "mueller"), ("de la Cruz", "delacruz"), ("حداد", "haddad"), ("Żak", "zak"),
          ("Smith-Jones", "smithjones"), ("Đặng", "dang"), ("כהן", "cohen")]
DEPARTMENTS = ["Research", "Sales", "Legal", "Kitchen", "R&D <Lab>", "Données", "Склад"]

# common names that need care in a DN
AWKWARD = ["Last, First", "Plus + Minus", 'Quote "Q" Mark', "Back\\slash", "#hash first", " space first", "space last ",
           "Less < More >", "semi;colon", "equals=sign", "slash/and/slash", "two  spaces", "Straße ẞ", "İstanbul ıI",
           "e\u0301 decomposed", "emoji \U0001f600", "right-to-left \u05d0\u05d1", "a*b(c)d", "UPPER lower", "100% sure?"]


@dataclass
class User:
    uid: str
    given: str
    family: str
    cn: str
    mail: str
    department: str
    disabled: bool = False
    awkward: bool = False


@dataclass
class Group:
    name: str
    style: str                                      # member, uniqueMember, memberUid
    users: list = field(default_factory=list)       # indices into Company.users
    groups: list = field(default_factory=list)      # indices into Company.groups


class Company:
    """Users and groups made by a seeded generator: the same arguments give the same company.

    awkward: that many of the first users have a common name which needs care in a DN.
    styles: the membership styles, dealt out to the groups in turn.
    big: sizes of additional groups, named big-SIZE.
    nested: adds a chain outer > middle > inner, a cycle ring-a > ring-b > ring-c > ring-a, a group `own-member`
    that is a member of itself, and `empty-handed`, which has no user in it.
    """

    def __init__(self, seed=1, users=50, groups=10, memberships=None, disabled_pct=5, awkward=0, styles=("member",),
                 big=(), nested=True):
        rnd = random.Random(seed)
        self.users, self.groups = [], []
        for i in range(users):
            given, given_ascii = rnd.choice(GIVEN)
            family, family_ascii = rnd.choice(FAMILY)
            uid = f"{given_ascii}.{family_ascii}{i}"
            is_awkward = i < awkward
            cn = f"{AWKWARD[i % len(AWKWARD)]}" + ("" if i < len(AWKWARD) else f" {i}") if is_awkward else f"{given} {family} {i}"
            self.users.append(User(uid, given, family, cn, f"{uid}@example.org", rnd.choice(DEPARTMENTS),
                                   rnd.random() * 100 < disabled_pct, is_awkward))
        if memberships is None:
            memberships = groups * min(users, 8)
        for i in range(groups):
            size = min(users, memberships // groups + (1 if i < memberships % groups else 0))
            self.groups.append(Group(f"team-{i:05d}", styles[i % len(styles)], sorted(rnd.sample(range(users), size))))
        for size in big:
            if size > users:
                raise RigError(f"a group of {size} needs as many users")
            self.groups.append(Group(f"big-{size}", styles[0], list(range(size))))
        if nested and users:
            self._nest(styles[0] if styles[0] != "memberUid" else "member", users)

    def _nest(self, style, users):
        first = len(self.groups)
        self.groups += [
            Group("outer", style, [0], [first + 1]), Group("middle", style, [1 % users], [first + 2]),
            Group("inner", style, [2 % users]),
            Group("ring-a", style, [0], [first + 4]), Group("ring-b", style, [1 % users], [first + 5]),
            Group("ring-c", style, [2 % users], [first + 3]),
            Group("own-member", style, [0], [first + 6]),
            Group("empty-handed", style, [], [first + 2]),
        ]

    def memberships(self):
        return sum(len(g.users) + len(g.groups) for g in self.groups)


# --- a server ---------------------------------------------------------------------------------------------------------

class LdapServer:
    """A real LDAP server of its own, in a directory of its own. Use as `with Slapd(company) as server:`.

    Afterwards there are: url, ldaps_url, base, users_base, groups_base, ca (path of the PEM), bind_dn and bind_password
    (a reader that limits apply to), admin_dn and admin_password (for changes).
    """

    kind = ""
    host = "127.0.0.1"

    def __init__(self, company=None, directory=None, ca=None):
        self.company = company if company is not None else Company()
        self._own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix=f"usersync-{self.kind}-")
        self.log = os.path.join(self.directory, "server.log")
        self.authority = ca
        self.process = None
        self.admin_password = self.bind_password = PASSWORD
        atexit.register(self.stop)

    # what each server supplies
    def prepare(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def user_dn(self, user):
        raise NotImplementedError

    def user_attributes(self, user):
        raise NotImplementedError

    # life
    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        try:
            if not self.authority:
                self.authority = Ca(os.path.join(self.directory, "ca"))
            self.ca = self.authority.pem
            self.prepare()
            self.launch()
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self):
        """Starts the server process over the data that is there; also after halt()."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=self.environment())
        wait_until(self.is_ready, f"{self.kind} in {self.directory}", process=self.process, log=self.log)

    def environment(self):
        return None

    def is_ready(self):
        done = subprocess.run(["ldapsearch", "-x", "-LLL", "-o", "nettimeout=2", "-H", self.url, "-D", self.bind_dn, "-w",
                               self.bind_password, "-s", "base", "-b", self.base, "1.1"], capture_output=True, check=False)
        return done.returncode == 0 and b"dn:" in done.stdout

    def halt(self):
        """Stops the process and keeps the data: launch() brings it back on the same ports."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def stop(self):
        self.halt()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.stop)

    # the tree
    def group_dn(self, group):
        return f"cn={escape_rdn_value(group.name)},{self.groups_base}"

    def member_values(self, group):
        """The values of the group's membership attribute."""
        if group.style == "memberUid":
            return [self.company.users[i].uid for i in group.users]
        return ([self.user_dn(self.company.users[i]) for i in group.users]
                + [self.group_dn(self.company.groups[i]) for i in group.groups])

    # changes while it runs
    def apply_ldif(self, text, dn=None, password=None):
        raw = text.encode() if isinstance(text, str) else text
        return run("ldapmodify", "-x", "-H", self.url, "-D", dn or self.admin_dn, "-w", password or self.admin_password,
                   stdin=raw)

    def add(self, dn, attributes):
        entry = ldif_entry(dn, attributes)
        head, rest = entry.split("\n", 1)
        self.apply_ldif(f"{head}\nchangetype: add\n{rest}")

    def add_user(self, user):
        self.add(self.user_dn(user), self.user_attributes(user))
        return self.user_dn(user)

    def modify(self, dn, *changes):
        """Each change: ("add" | "replace" | "delete", attribute, values)."""
        text = ldif_line("dn", dn) + "changetype: modify\n"
        for operation, name, values in changes:
            text += f"{operation}: {name}\n" + "".join(ldif_line(name, v) for v in values) + "-\n"
        self.apply_ldif(text + "\n")

    def rename(self, dn, new_rdn, new_superior=None):
        text = ldif_line("dn", dn) + "changetype: modrdn\n" + ldif_line("newrdn", new_rdn) + "deleteoldrdn: 1\n"
        self.apply_ldif(text + (ldif_line("newsuperior", new_superior) if new_superior else "") + "\n")

    def delete(self, *dns):
        self.apply_ldif("".join(ldif_line("dn", dn) + "changetype: delete\n\n" for dn in dns))

    def search(self, base, flt="(objectClass=*)", *attributes, scope="sub"):
        """What the server itself says, as LDIF without line folding, read as administrator."""
        return run("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-H", self.url,
                   "-D", self.admin_dn, "-w", self.admin_password, "-s", scope, "-b", base, flt, *attributes)

    def env(self):
        return {"LDAP_URL": self.url, "LDAPS_URL": self.ldaps_url, "LDAP_BASE": self.base, "LDAP_CA": self.ca,
                "LDAP_USERS_BASE": self.users_base, "LDAP_GROUPS_BASE": self.groups_base,
                "LDAP_BIND_DN": self.bind_dn, "LDAP_BIND_PASSWORD": self.bind_password,
                "LDAP_ADMIN_DN": self.admin_dn, "LDAP_ADMIN_PASSWORD": self.admin_password,
                "LDAP_PID": str(self.process.pid)}


def company_arguments(parser):
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--memberships", type=int)
    parser.add_argument("--awkward", type=int, default=0, help="users whose DN needs escapes")
    parser.add_argument("--big", type=int, action="append", default=[], help="an additional group of this size")
    parser.add_argument("--disabled-pct", type=float, default=5)
    parser.add_argument("--no-nested", action="store_true")
    parser.add_argument("--styles", default="member", help="comma-separated: member,uniqueMember,memberUid")
    parser.add_argument("--run", nargs=argparse.REMAINDER, help="run this with LDAP_* in its environment, then stop")


def company_from(options):
    return Company(options.seed, options.users, options.groups, options.memberships, options.disabled_pct, options.awkward,
                   tuple(options.styles.split(",")), options.big, not options.no_nested)


def serve(server, options):
    """Runs OPTIONS.run against SERVER and gives its exit status, or prints the environment and waits for a signal."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    with server:
        if options.run:
            return subprocess.run(options.run, env={**os.environ, **server.env()}, check=False).returncode
        for name, value in server.env().items():
            print(f"{name}='{value}'")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
    return 0
