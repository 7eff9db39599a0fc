"""One source of each kind over the same company, for the tests that all of them must pass.

A rig starts the other side, gives the configuration, grows it to a number of users, and cuts its listings: each cut is a name and a function
that makes the next read end before its end. PAGE is how many users come in one page. Cuts whose name starts as one of OWN_WORD are to a search
the server's own word that there is nobody.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import fakekc
import fakeldap
import rig
from dump import BUILD

GROUPS = 3


class Ldap:
    PAGE, SIZE = 5, 23
    OWN_WORD = ()
    kind, absent, absent_id = "ldap", "nobody.at.all", "no-such-id"

    def __enter__(self):
        self.server = fakeldap.FakeLdap(self.tree(self.SIZE)).start()
        return self

    def __exit__(self, *unused):
        self.server.stop()

    def tree(self, users):
        self.company = rig.Company(seed=7, users=users, groups=GROUPS, nested=users > 3)
        return fakeldap.company_tree(self.company)

    def resize(self, users):
        self.server.tree = self.tree(users)

    def mend(self):
        self.server.faults = fakeldap.Faults()

    def configuration(self, **more):
        server = self.server
        return {"url": server.url, "bindDn": server.bind_dn, "bindPassword": server.bind_password, "baseDn": server.base,
                "userBaseDn": server.users_base, "groupBaseDn": server.groups_base, "pageSize": self.PAGE, "timeoutSeconds": 3, **more}

    def somebody(self):
        entry = next(e for e in self.server.tree if e.values("uid") == [self.company.users[self.company.groups[0].users[0]].uid.encode()])
        return entry.values("uid")[0].decode(), entry.values("entryUUID")[0].decode()

    def cuts(self):
        """Before, inside and behind each page of each listing: the line breaks, the server gives up, or leaves the cookie out."""
        entries = {self.server.users_base: self.SIZE, self.server.groups_base: len(self.company.groups)}
        for base, count in entries.items():
            for page in range(1, -(-count // self.PAGE) + 1):
                for fault in ("drop_before_page", "drop_inside_page", "garbage_at_page", "same_cookie_from_page"):
                    if fault != "same_cookie_from_page" or page > 1:
                        yield f"{fault}-{base[3:6]}-{page}", self.set(base, **{fault: page})
                for code in (3, 4, 11, 51, 52):
                    yield f"result-{code}-{base[3:6]}-{page}", self.set(base, page_results={page: code})

    def set(self, base, **faults):
        return lambda: setattr(self.server, "faults", fakeldap.Faults(only_base=base, **faults))

    def break_down(self):
        self.server.stop()

    def lock_out(self):
        return self.configuration(bindPassword="wrong")


class Keycloak:
    PAGE, SIZE = 10, 25
    OWN_WORD = ("empty/users",)
    kind, absent, absent_id = "keycloak", "nobody.at.all", "00000000-0000-0000-0000-000000000000"

    def __enter__(self):
        self.server = fakekc.FakeKeycloak(people=self.SIZE, group_count=GROUPS).start()
        return self

    def __exit__(self, *unused):
        self.server.stop()

    def resize(self, users):
        self.server.users = [fakekc.make_user(f"user{number:05d}") for number in range(users)]
        for group in self.server.groups:
            group.members = [person["id"] for person in self.server.users[:2]]

    def mend(self):
        self.server.clear()

    def configuration(self, **more):
        server = self.server
        return {"url": server.url, "realm": server.realm, "clientId": server.client, "clientSecret": server.secret, "pageSize": self.PAGE,
                "retries": 0, "timeoutSeconds": 3, **more}

    def somebody(self):
        return self.server.users[0]["username"], self.server.users[0]["id"]

    def cuts(self):
        for path, questions in (("/users", 3), ("/groups", 1), ("/members", 2), ("/children", 1)):
            for after in range(questions):
                for fault in ("drop", "refuse", "truncate", "429", "503", "500", "403", "garbage"):
                    yield f"{fault}{path}-{after}", lambda p=path, f=fault, a=after: self.server.fault(p, f, after=a)
        for fault in ("empty", "repeat"):
            for after in (0, 1, 2):
                if (fault, after) != ("repeat", 0):
                    yield f"{fault}/users-{after}", lambda f=fault, a=after: self.server.fault("/users", f, after=a)

    def break_down(self):
        self.server.stop()

    def lock_out(self):
        return self.configuration(clientSecret="wrong")


class Files:
    """What the two formats have in common: a folder, a text for each file, and a proof that goes with them."""

    OWN_WORD = ()
    kind, absent, absent_id = "file", "nobody.at.all", "no-such-id"

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="usersync-contract-"))
        self.proof = {}
        self.resize(self.SIZE)
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def resize(self, users):
        self.texts = self.files(users)
        self.mend()

    def mend(self):
        self.proof = {}
        for name, text in self.texts.items():
            (self.folder / name).write_bytes(text)

    def write(self, name, text, **proof):
        def put():
            self.proof = proof
            (self.folder / name).write_bytes(text)
        return put

    def seal(self, **proof):
        """The proof is of the files as they are when they are whole."""
        sums = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in self.texts.items())
        (self.folder / "SHA256SUMS").write_text(sums)
        return {"checksumPath": str(self.folder / "SHA256SUMS"), **proof}

    def cuts(self):
        """Inside of a row of each page; and at the very end of one, where only a proof can tell."""
        for name, text in self.texts.items():
            for place in range(1, len(text) // self.STEP + 2):
                at = min(place * self.STEP, len(text) - 1)
                end = text.rindex(self.ROW_END, 0, at) + len(self.ROW_END)
                inside = end + 4 if end + 4 < len(text) else end - 2
                yield f"inside-{name}-{place}", self.write(name, text[:inside])
                yield f"marker-{name}-{place}", self.write(name, text[:end], endMarker="# end")
                yield f"checksum-{name}-{place}", lambda n=name, t=text[:end]: self.write(n, t, **self.seal())()
        main = next(iter(self.texts))
        whole = self.texts[main]
        yield "expected-rows", self.write(main, whole, expectedRows=10**6)
        yield "empty", self.write(main, b"", **self.seal())
        yield "gone", (self.folder / main).unlink
        yield "trailing", self.write(main, whole + self.BROKEN)

    def break_down(self):
        for name in self.texts:
            (self.folder / name).unlink()

    def lock_out(self):
        """Nothing to log in to: a folder is what cannot be read by anybody."""
        return {**self.configuration(), "path": str(self.folder)}


class Csv(Files):
    PAGE, SIZE, STEP, ROW_END, BROKEN = 2048, 5000, 40000, b"\n", b"only one cell\n"

    def files(self, users):
        people = "".join(f"{number},user{number:05d},User {number},user{number}@example.org,{'no' if number % 7 == 3 else 'yes'}\n" for number in range(users))
        links = "".join(f"g{number % GROUPS},{number}\n" for number in range(users))
        return {"users.csv": ("id,username,fullName,email,active\n" + people).encode(),
                "groups.csv": ("id,name\n" + "".join(f"g{number},Group {number}\n" for number in range(GROUPS))).encode(),
                "members.csv": ("group,member\n" + links).encode()}

    def configuration(self, **more):
        return {"path": str(self.folder / "users.csv"), "groupsPath": str(self.folder / "groups.csv"),
                "membershipsPath": str(self.folder / "members.csv"), **self.proof, **more}

    def somebody(self):
        return "user00000", "0"


class Ldif(Files):
    PAGE, SIZE, STEP, ROW_END, BROKEN = 4096, 9000, 300000, b"\n\n", b"objectClass: person\n\n"

    def files(self, users):
        people = "".join(f"dn: uid=user{number:05d},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: user{number:05d}\n"
                         f"cn: User {number}\nentryUUID: id-{number}\n\n" for number in range(users))
        groups = "".join(f"dn: cn=g{number},dc=example,dc=org\nobjectClass: groupOfNames\ncn: g{number}\nentryUUID: g-{number}\n"
                         "member: uid=user00000,ou=people,dc=example,dc=org\n\n" for number in range(GROUPS))
        return {"export.ldif": (people + groups).encode()}

    def configuration(self, **more):
        return {"path": str(self.folder / "export.ldif"), **self.proof, **more}

    def somebody(self):
        return "user00000", "id-0"


KINDS = {"ldap": Ldap, "keycloak": Keycloak, "csv": Csv, "ldif": Ldif}


CHECKS = re.findall(r"\bCHECK\((\w+)\),", (pathlib.Path(__file__).parent / "source_contract.c").read_text())


def run_contract(kind, settings, *questions, env=None):
    """All checks of source_contract; QUESTIONS: name and id of somebody, then of nobody. An error is one that says which check failed."""
    with configured(settings) as path:
        done = subprocess.run([BUILD / "tests/contract/source_contract", kind, path, *questions], capture_output=True, text=True, timeout=240,
                              check=False, env={**os.environ, **(env or {})})
    passed = re.findall(r"^ok \d+ - (\w+)$", done.stdout, re.M)
    assert done.returncode == 0 and passed and set(passed) <= set(CHECKS), done.stdout + done.stderr
    return passed


@contextlib.contextmanager
def configured(settings):
    """The configuration in a file of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
        json.dump(settings, stream)
        stream.flush()
        yield os.fspath(stream.name)
