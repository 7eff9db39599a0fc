#!/usr/bin/env python3
"""A private Active Directory domain controller (Samba): the LDAP service alone, in one process.

Samba has no setting for its LDAP ports, so each controller gets an address of its own in 127.0.0.0/8 and listens there on
389, 636 and 3268; it has to be started by root. From the command line: sambaad.py --users 200 --run COMMAND ...
"""

import argparse
import os
import random
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

REALM = "EXAMPLE.TEST"
NORMAL, DISABLED, NO_PASSWORD = 0x200, 0x2, 0x20


def free_address():
    """An address in 127.0.0.0/8 whose LDAP ports are free."""
    for _ in range(1000):
        address = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(2, 254)}"
        try:
            for port in (389, 636, 3268, 3269):
                with socket.socket() as sock:
                    sock.bind((address, port))
            return address
        except PermissionError as error:
            raise rig.RigError("a domain controller needs ports below 1024: run as root") from error
        except OSError:
            continue
    raise rig.RigError("no free address in 127.0.0.0/8")


class SambaAd(rig.LdapServer):
    """Members are written to `member`, whatever the style of the company's groups says. The reader is an ordinary account."""

    kind = "sambaad"

    def __init__(self, company=None, directory=None, ca=None):
        super().__init__(company, directory, ca)
        self.base = ",".join("DC=" + part.lower() for part in REALM.split("."))
        self.users_base, self.groups_base = f"OU=People,{self.base}", f"OU=Groups,{self.base}"
        self.bind_dn = f"CN=reader,CN=Users,{self.base}"
        self.admin_dn = f"CN=Administrator,CN=Users,{self.base}"
        self.host = None

    # the tree
    def user_dn(self, user):
        return f"CN={rig.escape_rdn_value(user.cn if user.awkward else user.uid)},{self.users_base}"

    def group_dn(self, group):
        return f"CN={rig.escape_rdn_value(group.name)},{self.groups_base}"

    @staticmethod
    def login(user):
        """sAMAccountName: at most 20 characters, and the number at the end tells them apart."""
        return user.uid[-20:]

    def user_attributes(self, user, number=None):
        del number
        return {"objectClass": ["top", "person", "organizationalPerson", "user"], "sAMAccountName": self.login(user),
                "userPrincipalName": f"{user.uid}@{REALM.lower()}", "sn": user.family, "givenName": user.given,
                "displayName": f"{user.given} {user.family}", "mail": user.mail, "department": user.department,
                "userAccountControl": NORMAL | NO_PASSWORD | (DISABLED if user.disabled else 0)}

    def member_values(self, group):
        return ([self.user_dn(self.company.users[i]) for i in group.users]
                + [self.group_dn(self.company.groups[i]) for i in group.groups if self.company.groups[i] is not group])

    def entries(self):
        for dn in (self.users_base, self.groups_base):
            yield rig.ldif_entry(dn, {"objectClass": ["top", "organizationalUnit"]})
        yield rig.ldif_entry(self.bind_dn, {"objectClass": ["top", "person", "organizationalPerson", "user"],
                                            "sAMAccountName": "reader", "userAccountControl": NORMAL | NO_PASSWORD,
                                            "unicodePwd": f'"{self.bind_password}"'.encode("utf-16-le")})
        for user in self.company.users:
            yield rig.ldif_entry(self.user_dn(user), self.user_attributes(user))
        for group in self.company.groups:
            yield rig.ldif_entry(self.group_dn(group), {"objectClass": ["top", "group"], "sAMAccountName": group.name,
                                                        "groupType": -2147483646})
        for group in self.company.groups:
            values = self.member_values(group)
            if values:
                yield (rig.ldif_line("dn", self.group_dn(group)) + "changetype: modify\nadd: member\n"
                       + "".join(rig.ldif_line("member", v) for v in values) + "-\n\n")

    # life
    def path(self, *names):
        return os.path.join(self.directory, *names)

    def prepare(self):
        self.host = free_address()
        self.url, self.ldaps_url = f"ldap://{self.host}", f"ldaps://{self.host}"
        self.global_catalog_url = f"ldap://{self.host}:3268"
        certificate, key = self.authority.issue("dc1.example.test", ("DNS:dc1.example.test", f"IP:{self.host}"))
        rig.run(rig.program("samba-tool"), "domain", "provision", f"--realm={REALM}", "--domain=EXAMPLE", "--server-role=dc",
                "--dns-backend=NONE", f"--adminpass={self.admin_password}", f"--targetdir={self.path('dc')}",
                "--host-name=dc1", f"--host-ip={self.host}", env={**os.environ, "TMPDIR": self.directory})
        conf = self.path("dc", "etc", "smb.conf")
        with open(conf) as stream:
            text = stream.read()
        text = re.sub(r"(?m)^\s*(server services|log file|logging|panic action|pid directory) = .*\n", "", text)
        for name in ("run", "ncalrpc", "ntp", "winbind"):
            os.makedirs(self.path("dc", name), exist_ok=True)
        os.chmod(self.path("dc", "ntp"), 0o750)
        settings = {
            "server services": "ldap", "dcerpc endpoint servers": "", "interfaces": f"{self.host}/8",
            "bind interfaces only": "yes", "ldap server require strong auth": "no", "log file": self.path("samba.log"),
            "pid directory": self.path("dc", "run"), "ncalrpc dir": self.path("dc", "ncalrpc"),
            "ntp signd socket directory": self.path("dc", "ntp"), "winbindd socket directory": self.path("dc", "winbind"),
            "ldb:nosync": "yes", "tls enabled": "yes", "tls certfile": certificate, "tls keyfile": key, "tls cafile": self.ca,
        }
        lines = "".join(f"\t{name} = {value}\n" for name, value in settings.items())
        with open(conf, "w") as stream:
            stream.write(text.replace("[global]\n", "[global]\n" + lines, 1))

    def start(self):
        reader, self.bind_dn = self.bind_dn, self.admin_dn      # the reader comes with the entries
        super().start()
        self.bind_dn = reader
        try:
            self._load()
        except BaseException:
            self.stop()
            raise
        return self

    def _load(self):
        """Over LDAPS, as the controller takes passwords on an encrypted line only; several entries at a time."""
        text = "".join(e if "\nchangetype: " in e else e.replace("\n", "\nchangetype: add\n", 1) for e in self.entries())
        rig.run("ldapmodify", "-x", "-H", self.ldaps_url, "-D", self.admin_dn, "-w", self.admin_password,
                stdin=text.encode(), env={**os.environ, "LDAPTLS_CACERT": self.ca})

    def command(self):
        return [rig.program("samba"), "-F", "-s", self.path("dc", "etc", "smb.conf"), "--no-process-group", "-M", "single"]

    # changes while it runs
    def set_disabled(self, user, disabled):
        value = NORMAL | NO_PASSWORD | (DISABLED if disabled else 0)
        self.modify(self.user_dn(user), ("replace", "userAccountControl", [str(value)]))

    def set_primary_group(self, user, group):
        """Makes GROUP, which has USER as a member already, the user's primary group: the user leaves `member`."""
        said = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", self.url, "-D", self.admin_dn, "-w", self.admin_password,
                               "-s", "base", "-b", self.group_dn(group), "primaryGroupToken"], capture_output=True, check=True)
        token = re.search(r"primaryGroupToken: (\d+)", said.stdout.decode()).group(1)
        self.modify(self.user_dn(user), ("replace", "primaryGroupID", [token]))


def main():
    parser = argparse.ArgumentParser(description="run a command against a private Active Directory domain controller")
    rig.company_arguments(parser)
    options = parser.parse_args()
    return rig.serve(SambaAd(rig.company_from(options)), options)


if __name__ == "__main__":
    sys.exit(main())
