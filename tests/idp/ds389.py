#!/usr/bin/env python3
"""A private 389 Directory Server, also with the tree and the attributes of FreeIPA (layout="ipa"; no Kerberos, no plugins of IPA).

The instance is laid out by hand from the package's own template, so that nothing is written outside its directory.
From the command line: ds389.py --users 1000 --run COMMAND ...
"""

import argparse
import getpass
import os
import re
import shutil
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

DATA = "/usr/share/dirsrv/data"

IPA_SCHEMA = """dn: cn=schema
attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' DESC 'Unique identifier' EQUALITY caseIgnoreMatch
 SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE X-ORIGIN 'IPA v2' )
objectClasses: ( 2.16.840.1.113730.3.8.4.6 NAME 'ipaObject' DESC 'IPA objectclass' AUXILIARY MUST ( ipaUniqueId )
 X-ORIGIN 'IPA v2' )
objectClasses: ( 2.16.840.1.113730.3.8.4.3 NAME 'nestedGroup' DESC 'Group that supports nesting' SUP groupOfNames STRUCTURAL
 MAY memberOf X-ORIGIN 'IPA v2' )
objectClasses: ( 2.16.840.1.113730.3.8.4.4 NAME 'ipaUserGroup' DESC 'IPA user group object class' SUP nestedGroup STRUCTURAL
 X-ORIGIN 'IPA v2' )
objectClasses: ( 2.16.840.1.113730.3.8.4.26 NAME 'ipaUser' AUXILIARY MUST ( uid ) X-ORIGIN 'IPA v3' )
"""


def fold(schema):
    """LDIF continuation: the blank that starts a continued line is not part of the value, so it takes two."""
    return schema.replace("\n ", "\n  ")


class Ds389(rig.LdapServer):
    """layout: "plain" or "ipa"; memberof: the plug-in, filled from the start; anonymous as for Slapd."""

    kind = "ds389"

    def __init__(self, company=None, layout="plain", memberof=False, anonymous=True, base="dc=example,dc=org",
                 directory=None, ca=None):
        super().__init__(company, directory, ca)
        self.layout, self.memberof, self.anonymous, self.base = layout, memberof, anonymous, base
        if layout == "ipa":
            self.users_base, self.groups_base = f"cn=users,cn=accounts,{base}", f"cn=groups,cn=accounts,{base}"
        else:
            self.users_base, self.groups_base = f"ou=people,{base}", f"ou=groups,{base}"
        self.bind_dn, self.admin_dn = f"cn=reader,{base}", "cn=Directory Manager"

    # the tree
    def user_dn(self, user):
        rdn = f"cn={rig.escape_rdn_value(user.cn)}" if user.awkward and self.layout == "plain" else f"uid={user.uid}"
        return f"{rdn},{self.users_base}"

    def user_attributes(self, user, number=None):
        number = number if number is not None else 900000
        classes = ["top", "person", "organizationalPerson", "inetOrgPerson", "inetUser", "posixAccount"]
        attributes = {
            "objectClass": classes + (["ipaObject", "ipaUser"] if self.layout == "ipa" else []),
            "uid": user.uid, "cn": user.cn, "sn": user.family, "givenName": user.given,
            "displayName": f"{user.given} {user.family}", "mail": user.mail, "departmentNumber": user.department,
            "uidNumber": 10000 + number, "gidNumber": 100, "homeDirectory": f"/home/{user.uid}",
        }
        if self.layout == "ipa":
            attributes["ipaUniqueID"] = str(uuid.uuid5(uuid.NAMESPACE_OID, "user " + user.uid))
        if user.disabled:
            attributes["nsAccountLock"] = "TRUE" if number % 2 else "true"
        return attributes

    def group_attributes(self, group, number):
        values = self.member_values(group)
        if group.style == "memberUid":
            return {"objectClass": ["top", "groupOfNames", "posixGroup"], "cn": group.name, "gidNumber": 20000 + number,
                    "memberUid": values}
        if self.layout == "ipa":
            return {"objectClass": ["top", "groupOfNames", "nestedGroup", "ipaUserGroup", "ipaObject"], "cn": group.name,
                    "ipaUniqueID": str(uuid.uuid5(uuid.NAMESPACE_OID, "group " + group.name)), "member": values}
        name = "groupOfUniqueNames" if group.style == "uniqueMember" else "groupOfNames"
        return {"objectClass": ["top", name], "cn": group.name, group.style: values}

    def entries(self):
        top = self.base.split(",")[0].split("=")[1]
        who = "all" if not self.anonymous else "anyone"
        aci = [f'(targetattr != "userPassword || aci")(version 3.0; acl "read"; allow (read, search, compare) '
               f'userdn = "ldap:///{who}";)']
        if self.anonymous:      # operational attributes that are told to nobody unless somebody says so
            aci.append('(targetattr = "nsAccountLock || nsUniqueId || memberOf")(version 3.0; acl "operational"; '
                       'allow (read, search, compare) userdn = "ldap:///anyone";)')
        yield rig.ldif_entry(self.base, {"objectClass": ["top", "domain"], "dc": top, "aci": aci})
        yield rig.ldif_entry(self.bind_dn, {"objectClass": ["top", "organizationalRole", "simpleSecurityObject"],
                                            "cn": "reader", "userPassword": self.bind_password})
        if self.layout == "ipa":
            yield rig.ldif_entry(f"cn=accounts,{self.base}", {"objectClass": ["top", "nsContainer"], "cn": "accounts"})
            yield rig.ldif_entry(self.users_base, {"objectClass": ["top", "nsContainer"], "cn": "users"})
            yield rig.ldif_entry(self.groups_base, {"objectClass": ["top", "nsContainer"], "cn": "groups"})
        else:
            for dn in (self.users_base, self.groups_base):
                yield rig.ldif_entry(dn, {"objectClass": ["top", "organizationalUnit"], "ou": dn.split(",")[0].split("=")[1]})
        member_of = {}
        if self.memberof or self.layout == "ipa":
            for group in self.company.groups:
                for i in group.users if group.style != "memberUid" else ():
                    member_of.setdefault(i, []).append(self.group_dn(group))
        for i, user in enumerate(self.company.users):
            attributes = self.user_attributes(user, i)
            if i in member_of:
                attributes["memberOf"] = member_of[i]
            yield rig.ldif_entry(self.user_dn(user), attributes)
        for i, group in enumerate(self.company.groups):
            yield rig.ldif_entry(self.group_dn(group), self.group_attributes(group, i))

    # life
    def path(self, *names):
        return os.path.join(self.directory, *names)

    def prepare(self):
        for name in ("config", "config/schema", "lock", "tmp", "cert", "ldif", "bak", "run", "inst", "logs", "db", "dbhome"):
            os.makedirs(self.path(name), exist_ok=True)
        port, ldaps_port = rig.free_port(), rig.free_port()
        self.url, self.ldaps_url = f"ldap://{self.host}:{port}", f"ldaps://{self.host}:{ldaps_port}"
        self._make_certificates()
        with open(self.path("config", "schema", "99user.ldif"), "w") as stream:
            stream.write("dn: cn=schema\nobjectClass: top\nobjectClass: ldapSubentry\nobjectClass: subschema\ncn: schema\n")
        with open(self.path("config", "schema", "98rig.ldif"), "w") as stream:
            stream.write(fold(IPA_SCHEMA))
        hashed = subprocess.run([rig.program("pwdhash"), "-s", "SSHA512", self.admin_password], capture_output=True,
                                check=True).stdout.decode().strip()
        values = {
            "schema_dir": self.path("config", "schema"), "lock_dir": self.path("lock"), "tmp_dir": self.path("tmp"),
            "cert_dir": self.path("cert"), "ldif_dir": self.path("ldif"), "bak_dir": self.path("bak"),
            "run_dir": self.path("run"), "inst_dir": self.path("inst"), "log_dir": self.path("logs"),
            "db_dir": self.path("db"), "db_home_dir": self.path("dbhome"), "db_lib": "bdb",
            "config_dir": self.path("config"), "fqdn": "localhost", "ds_port": str(port), "ds_user": getpass.getuser(),
            "ds_passwd": hashed, "rootdn": self.admin_dn, "ldapi": self.path("run", "ldapi"), "ldapi_enabled": "off",
            "ldapi_autobind": "off", "ds_suffix": self.base, "ds_bename": "userRoot",
        }
        text = ""
        for name in ("template-dse.ldif", "template-suffix-db.ldif"):
            with open(os.path.join(DATA, name)) as stream:
                text += "".join(line for line in stream if not line.startswith("#")) + "\n"
        text = re.sub(r"\n{3,}", "\n\n", text)           # an empty entry would be refused
        for name, value in values.items():
            text = text.replace(f"%{name}%", value)
        text = text.replace("cn: config\n", "cn: config\nnsslapd-security: on\n"
                            f"nsslapd-listenhost: {self.host}\nnsslapd-securelistenhost: {self.host}\n"
                            f"nsslapd-securePort: {ldaps_port}\nnsslapd-errorlog-logbuffering: off\n"
                            "nsslapd-sizelimit: -1\nnsslapd-accesslog-logging-enabled: off\n", 1)
        text = self._edit(text, "cn=config,cn=ldbm database,cn=plugins,cn=config",
                          "nsslapd-lookthroughlimit: -1\nnsslapd-idlistscanlimit: 100000\nnsslapd-db-durable-transaction: off\n"
                          "nsslapd-cache-autosize: 0\nnsslapd-dbcachesize: 33554432\n")
        if self.memberof or self.layout == "ipa":
            text = self._edit(text, "cn=MemberOf Plugin,cn=plugins,cn=config", "memberofgroupattr: uniqueMember\n", True)
        with open(self.path("config", "dse.ldif"), "w") as stream:
            stream.write(text)
        for name in ("slapd-collations.conf", "certmap.conf"):
            shutil.copy(os.path.join("/etc/dirsrv/config", name), self.path("config", name))
        seed = self.path("ldif", "seed.ldif")
        with open(seed, "w") as stream:
            stream.writelines(self.entries())
        said = rig.run(rig.program("ns-slapd"), "ldif2db", "-D", self.path("config"), "-n", "userRoot", "-i", seed)
        if "skipping" in said.lower():
            raise rig.RigError(f"entries were refused: {said}")
        os.unlink(seed)

    @staticmethod
    def _edit(text, dn, lines, enable=False):
        """Adds LINES to the entry DN of the configuration, and switches a plug-in on."""
        start = text.index(f"dn: {dn}\n")
        end = text.index("\n\n", start) + 1
        entry = text[start:end]
        if enable:
            entry = entry.replace("nsslapd-pluginenabled: off", "nsslapd-pluginenabled: on")
        return text[:start] + entry + lines + text[end:]

    def _make_certificates(self):
        certificate, key = self.authority.issue()
        database, bundle = "sql:" + self.path("cert"), self.path("cert", "server.p12")
        with open(self.path("cert", "empty"), "w"):
            pass
        rig.run("openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-name", "Server-Cert", "-out", bundle,
                "-passout", "pass:")
        rig.run(rig.program("certutil"), "-N", "-d", database, "--empty-password")
        rig.run(rig.program("certutil"), "-A", "-d", database, "-n", "Rig CA", "-t", "CT,,", "-i", self.ca)
        rig.run(rig.program("pk12util"), "-i", bundle, "-d", database, "-W", "", "-k", self.path("cert", "empty"))

    def command(self):
        return [rig.program("ns-slapd"), "-D", self.path("config"), "-i", self.path("run", "pid"), "-d", "0"]

    # changes while it runs
    def set_disabled(self, user, disabled):
        self.modify(self.user_dn(user), ("replace", "nsAccountLock", ["TRUE"] if disabled else []))

    def set_limits(self, size=-1, lookthrough=None, time=-1, paged_size=None):
        """Replaces the reader's limits: entries, entries looked through (the latter ends in result 11), seconds."""
        changes = [("replace", "nsSizeLimit", [str(size)]), ("replace", "nsTimeLimit", [str(time)]),
                   ("replace", "nsLookThroughLimit", [str(lookthrough)] if lookthrough is not None else []),
                   ("replace", "nsPagedLookThroughLimit", [str(lookthrough)] if lookthrough is not None else []),
                   ("replace", "nsPagedSizeLimit", [str(paged_size)] if paged_size is not None else [])]
        self.modify(self.bind_dn, *changes)


def main():
    parser = argparse.ArgumentParser(description="run a command against a private 389 Directory Server")
    parser.add_argument("--layout", choices=["plain", "ipa"], default="plain")
    parser.add_argument("--memberof", action="store_true")
    rig.company_arguments(parser)
    options = parser.parse_args()
    return rig.serve(Ds389(rig.company_from(options), options.layout, options.memberof), options)


if __name__ == "__main__":
    sys.exit(main())
