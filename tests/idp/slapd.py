#!/usr/bin/env python3
"""A private slapd: mdb, TLS, ppolicy, memberof if asked for; loaded by slapadd, so 100,000 entries come up in seconds.

From the command line: slapd.py --users 10000 --groups 1000 --memberships 200000 --run COMMAND ...
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

SCHEMA = "/etc/ldap/schema"
MODULES = "/usr/lib/ldap"


class Slapd(rig.LdapServer):
    """limits: the value of the reader's `limits` clause, for example "size=500" or "size.prtotal=disabled";
    anonymous: whether a search without a bind sees anything; memberof: the overlay, filled from the start.
    """

    kind = "slapd"

    def __init__(self, company=None, limits="size=unlimited time=unlimited", anonymous=True, memberof=False,
                 base="dc=example,dc=org", directory=None, ca=None):
        super().__init__(company, directory, ca)
        self.limits, self.anonymous, self.memberof = limits, anonymous, memberof
        self.base = base
        self.users_base, self.groups_base = f"ou=people,{base}", f"ou=groups,{base}"
        self.bind_dn, self.admin_dn = f"cn=reader,{base}", f"cn=admin,{base}"
        self.config_dn = "cn=config"

    # the tree
    def user_dn(self, user):
        rdn = f"cn={rig.escape_rdn_value(user.cn)}" if user.awkward else f"uid={user.uid}"
        return f"{rdn},{self.users_base}"

    def user_attributes(self, user, number=None):
        number = number if number is not None else 900000
        attributes = {
            "objectClass": ["inetOrgPerson", "posixAccount"], "uid": user.uid, "cn": user.cn, "sn": user.family,
            "givenName": user.given, "displayName": f"{user.given} {user.family}", "mail": user.mail,
            "departmentNumber": user.department, "uidNumber": 10000 + number, "gidNumber": 100,
            "homeDirectory": f"/home/{user.uid}",
        }
        if user.disabled:
            attributes["pwdAccountLockedTime"] = "000001010000Z"
        return attributes

    def group_attributes(self, group, number):
        values = self.member_values(group)
        if group.style == "memberUid":
            return {"objectClass": "posixGroup", "cn": group.name, "gidNumber": 20000 + number, "memberUid": values}
        name = "groupOfUniqueNames" if group.style == "uniqueMember" else "groupOfNames"
        return {"objectClass": name, "cn": group.name, group.style: values or [self.bind_dn]}

    def entries(self):
        """The whole tree in LDIF, parents first."""
        top = self.base.split(",")[0].split("=")[1]
        yield rig.ldif_entry(self.base, {"objectClass": ["dcObject", "organization"], "dc": top, "o": "Example"})
        yield rig.ldif_entry(self.bind_dn, {"objectClass": ["organizationalRole", "simpleSecurityObject"], "cn": "reader",
                                            "userPassword": self.bind_password})
        for dn in (self.users_base, self.groups_base):
            yield rig.ldif_entry(dn, {"objectClass": "organizationalUnit", "ou": dn.split(",")[0].split("=")[1]})
        member_of = {}
        if self.memberof:
            for group in self.company.groups:
                for i in group.users if group.style == "member" else ():
                    member_of.setdefault(i, []).append(self.group_dn(group))
        for i, user in enumerate(self.company.users):
            attributes = self.user_attributes(user, i)
            if i in member_of:
                attributes["memberOf"] = member_of[i]
            yield rig.ldif_entry(self.user_dn(user), attributes)
        for i, group in enumerate(self.company.groups):
            yield rig.ldif_entry(self.group_dn(group), self.group_attributes(group, i))

    # life
    def prepare(self):
        path = lambda name: os.path.join(self.directory, name)  # noqa: E731
        os.makedirs(path("data"))
        certificate, key = self.authority.issue()
        port, ldaps_port = rig.free_port(), rig.free_port()
        self.url, self.ldaps_url = f"ldap://{self.host}:{port}", f"ldaps://{self.host}:{ldaps_port}"
        overlays = "overlay ppolicy\n" + ("overlay memberof\n" if self.memberof else "")
        reading = "by * read" if self.anonymous else f'by dn.exact="{self.bind_dn}" read by anonymous auth by * none'
        with open(path("slapd.conf"), "w") as conf:
            conf.write(f"""
moduleload {MODULES}/back_mdb
moduleload {MODULES}/ppolicy
moduleload {MODULES}/memberof
moduleload {MODULES}/syncprov
{"".join(f"include {SCHEMA}/{name}.schema{chr(10)}" for name in ("core", "cosine", "nis", "inetorgperson"))}
pidfile {path("slapd.pid")}
argsfile {path("slapd.args")}
loglevel none
threads 4
TLSCACertificateFile {self.ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database config
rootdn cn=config
rootpw {self.admin_password}
database mdb
suffix "{self.base}"
rootdn "{self.admin_dn}"
rootpw {self.admin_password}
directory {path("data")}
maxsize 8589934592
dbnosync
index objectClass,entryUUID,uid,cn,member,uniqueMember,memberUid eq
limits dn.exact="{self.bind_dn}" {self.limits}
access to attrs=userPassword by anonymous auth by * none
access to * {reading}
{overlays}""")
        seed = path("seed.ldif")
        with open(seed, "w") as stream:
            stream.writelines(self.entries())
        rig.run(rig.program("slapadd"), "-q", "-f", path("slapd.conf"), "-b", self.base, "-l", seed)
        os.unlink(seed)

    def command(self):
        return [rig.program("slapd"), "-d", "0", "-f", os.path.join(self.directory, "slapd.conf"),
                "-h", f"{self.url} {self.ldaps_url}"]

    # changes while it runs
    def add_user(self, user):
        self.add(self.user_dn(user), {k: v for k, v in self.user_attributes(user).items() if k != "pwdAccountLockedTime"})
        if user.disabled:
            self.set_disabled(user, True)
        return self.user_dn(user)

    def set_disabled(self, user, disabled):
        change = ("replace", "pwdAccountLockedTime", ["000001010000Z"] if disabled else [])
        self.modify(self.user_dn(user), change)

    def set_limits(self, limits):
        """Replaces the reader's limits in the running server, for example "size=100" or "time=1"."""
        self.apply_ldif(f"dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nreplace: olcLimits\n"
                        f'olcLimits: dn.exact="{self.bind_dn}" {limits}\n-\n\n', self.config_dn, self.admin_password)


def main():
    parser = argparse.ArgumentParser(description="run a command against a private slapd")
    parser.add_argument("--limits", default="size=unlimited time=unlimited")
    parser.add_argument("--memberof", action="store_true")
    rig.company_arguments(parser)
    options = parser.parse_args()
    return rig.serve(Slapd(rig.company_from(options), options.limits, memberof=options.memberof), options)


if __name__ == "__main__":
    sys.exit(main())
