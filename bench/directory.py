"""LDAP from a slapd of its own: 10,000 and 100,000 users, beside ldapsearch, slapd's own replication and pg-ldap-sync."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import time

import measure
import rig
import slapd

SIZES = [("10k", 10_000, 1_000, 200_000), ("100k", 100_000, 5_000, 2_000_000)]
LIMITS = {"10k": (1.5, 0.4, 0.5, 50), "100k": (15, 4, None, 100)}
USER_ATTRIBUTES = "entryUUID uid cn displayName givenName sn mail pwdAccountLockedTime".split()
GROUP_ATTRIBUTES = "entryUUID cn description member".split()
PG_SECONDS = 300


class Directory(slapd.Slapd):
    """slapd with the generated company."""

    def __init__(self, ldif):
        super().__init__(rig.Company(users=0, groups=0, nested=False))
        self.ldif = ldif

    def entries(self):
        yield from super().entries()
        with open(self.ldif, encoding="utf-8") as stream:
            yield from stream

    def provide(self):
        """Lets consumers follow."""
        self.apply_ldif("dn: olcOverlay=syncprov,olcDatabase={1}mdb,cn=config\nchangetype: add\nobjectClass: olcOverlayConfig\n"
                        "objectClass: olcSyncProvConfig\nolcOverlay: syncprov\n\n", self.config_dn, self.admin_password)


def configuration(server):
    return {"url": [server.url], "baseDn": server.base, "bindDn": server.bind_dn, "bindPassword": server.bind_password,
            "userBaseDn": server.users_base, "groupBaseDn": server.groups_base}


def ldapsearch(server):
    """Reading the same entries, page by page, and throwing them away."""
    took = measure.Peer()
    for base, flt, attributes in ((server.users_base, "(objectClass=inetOrgPerson)", USER_ATTRIBUTES),
                                  (server.groups_base, "(objectClass=groupOfNames)", GROUP_ATTRIBUTES)):
        took += measure.timed(["ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-x", "-H", server.url, "-D", server.bind_dn, "-w", server.bind_password,
                        "-E", "pr=1000/noprompt", "-b", base, flt, *attributes])
    return took


# --- slapd's own replication ------------------------------------------------------------------------------------------

def csn(url, base):
    done = subprocess.run(["ldapsearch", "-LLL", "-x", "-H", url, "-s", "base", "-b", base, "contextCSN"], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("contextCSN")]
    return sorted(lines) if done.returncode == 0 else []


def replicate(provider):
    """What a second slapd takes that fills itself from the first; None if it gives up."""
    provider.provide()
    with measure.Folder() as folder:
        (folder / "data").mkdir()
        url = f"ldap://127.0.0.1:{rig.free_port()}"
        (folder / "slapd.conf").write_text(f"""
moduleload {slapd.MODULES}/back_mdb
moduleload {slapd.MODULES}/ppolicy
{"".join(f"include {slapd.SCHEMA}/{name}.schema{chr(10)}" for name in ("core", "cosine", "nis", "inetorgperson"))}
pidfile {folder}/slapd.pid
loglevel none
threads 4
database mdb
suffix "{provider.base}"
rootdn "cn=consumer,{provider.base}"
directory {folder}/data
maxsize 8589934592
dbnosync
index objectClass,entryUUID,entryCSN,uid,cn,member eq
overlay ppolicy
syncrepl rid=001 provider={provider.url} type=refreshOnly interval=01:00:00:00 searchbase="{provider.base}" scope=sub
 bindmethod=simple binddn="{provider.admin_dn}" credentials={provider.admin_password} schemachecking=off
access to * by * read
""")
        want = csn(provider.url, provider.base)
        begin = time.monotonic()
        consumer = subprocess.Popen([rig.program("slapd"), "-d", "0", "-f", str(folder / "slapd.conf"), "-h", url], stderr=subprocess.DEVNULL)
        try:
            # The consumer's CSN comes last, when all entries are there.
            while csn(url, provider.base) != want or not want:
                if consumer.poll() is not None or time.monotonic() > begin + 600:
                    return None
                time.sleep(0.05)
            return measure.Peer(time.monotonic() - begin, measure.cpu_seconds(consumer.pid), measure.peak_mb(consumer.pid))
        finally:
            consumer.terminate()
            consumer.wait()


# --- pg-ldap-sync --------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def postgres():
    """A PostgreSQL server of its own; gives its socket folder and user. It does not run as root."""
    binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        yield None
        return
    with measure.Folder() as folder:
        user, prefix = pwd.getpwuid(os.getuid()).pw_name, []
        if os.getuid() == 0:
            user, prefix = "postgres", ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        subprocess.run([*prefix, str(binaries[-1] / "initdb"), "-A", "trust", "-U", "bench", "-D", str(folder / "db")], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL)
        server = subprocess.Popen([*prefix, str(binaries[-1] / "postgres"), "-D", str(folder / "db"), "-k", str(folder), "-c", "listen_addresses=",
                                   "-c", "fsync=off"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            ready = [str(binaries[-1] / "pg_isready"), "-h", str(folder), "-q"]
            rig.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL", process=server)
            yield folder
        finally:
            server.send_signal(2)
            server.wait()


def pg_ldap_sync(server):
    """What its first run takes and one with nothing changed, None for one that takes too long; None where it does not run."""
    if not shutil.which("pg_ldap_sync"):
        return None
    host, port = server.url.split("//")[1].split(":")
    # It cannot name a way to bind in its configuration on Debian 12's Ruby, so it reads without, and that without a limit.
    server.apply_ldif("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcSizeLimit\nolcSizeLimit: unlimited\n\n",
                      server.config_dn, server.admin_password)
    with postgres() as folder:
        if folder is None:
            return None
        conf = folder / "sync.yaml"
        conf.write_text(f"""
ldap_connection: {{host: {host}, port: {port}}}
ldap_users: {{base: "{server.users_base}", filter: (objectClass=inetOrgPerson), name_attribute: uid}}
ldap_groups: {{base: "{server.groups_base}", filter: (objectClass=groupOfNames), name_attribute: cn, member_attribute: member}}
pg_connection: {{host: {folder}, dbname: postgres, user: bench}}
pg_users: {{filter: rolcanlogin AND NOT rolsuper, create_options: LOGIN}}
pg_groups: {{filter: NOT rolcanlogin AND NOT rolsuper AND rolname NOT LIKE 'pg_%', create_options: NOLOGIN, grant_options: ''}}
""")
        times = []
        for _ in range(2):
            times.append(measure.timed(["pg_ldap_sync", "-c", str(conf)], PG_SECONDS))
            if not times[-1]:
                return times
        done = subprocess.run(["psql", "-h", str(folder), "-U", "bench", "-d", "postgres", "-Atc",
                               "SELECT count(*) FROM pg_auth_members WHERE roleid >= 16384"], check=True, capture_output=True, text=True)
        print("pg_ldap_sync made", done.stdout.strip(), "memberships")
        return times


# --- all of it --------------------------------------------------------------------------------------------------------------

def change_mail(server, ldif):
    """100 users, spread evenly, get another mail address."""
    dns = [line[4:].rstrip("\n") for line in open(ldif, encoding="utf-8") if line.startswith("dn: uid=")]
    chosen = dns[:: len(dns) // 100][:100]
    server.apply_ldif("".join(f"dn: {dn}\nchangetype: modify\nreplace: mail\nmail: new{i}@example.org\n\n" for i, dn in enumerate(chosen)))


def run(quick=False):
    result = {"sizes": []}
    for name, users, groups, memberships in SIZES[:1] if quick else SIZES:
        with measure.Folder() as folder:
            measure.generate(folder, users, groups, memberships, shape="ldif")
            with Directory(folder / "company.ldif") as server:
                conf = configuration(server)
                ldapsearch(server)  # slapd's caches are warm for everybody
                limit = measure.median([ldapsearch(server) for _ in range(3)])
                alone = measure.read_alone("ldap", conf)
                first, unchanged, changed, _ = measure.first_unchanged_changed(
                    "ldap", conf, lambda: change_mail(server, folder / "company.ldif"), firsts=3 if users < 50_000 else 1)
                assert first.status["addedCount"] == users and changed.status["updatedCount"] == 100, (first.status, changed.status)
                steps = {"first": first, "nothing changed": unchanged, "100 changed": changed}
                size = {"name": name, "ldapsearch": vars(limit), "read": [alone["seconds"], alone["peakKB"] / 1024],
                        "steps": {step: [s.wall_s, s.cpu_s, s.peak] for step, s in steps.items()}}
                if users < 50_000:
                    size["pg"] = [peer and vars(peer) for peer in pg_ldap_sync(server) or ()]
                follower = replicate(server)
                size["syncrepl"] = follower and vars(follower)
                result["sizes"].append(size)
    return result


def render(result):
    rows = []
    for size in result["sizes"]:
        name, base = size["name"], size["ldapsearch"]
        *limits, most = LIMITS[name]

        def row(what, peer, aim=""):
            rows.append([name, what, f"{peer['wall_s']:.2f} s", f"{peer['cpu_s']:.2f} s", f"{peer['peak']:.0f} MB",
                         f"{peer['wall_s'] / base['wall_s']:.1f}", aim])

        row("ldapsearch, read and thrown away", base)
        rows.append([name, "usersync, reading alone", f"{size['read'][0]:.2f} s", "", f"{size['read'][1]:.0f} MB",
                     f"{size['read'][0] / base['wall_s']:.1f}", ""])
        for (step, (wall, cpu, peak)), limit in zip(size["steps"].items(), limits):
            aims = [f"at most {limit} s: {measure.verdict(wall, limit)}"] if limit else []
            aims.append(f"{most} MB: {measure.verdict(peak, most)}")
            row(f"usersync, {step}", {"wall_s": wall, "cpu_s": cpu, "peak": peak}, ", ".join(aims))
        if size["syncrepl"]:
            row("slapd's syncrepl consumer, first", size["syncrepl"])
        for step, peer in zip(("first", "nothing changed"), size.get("pg") or ()):
            if peer:
                row(f"pg-ldap-sync, {step}", peer)
            else:
                rows.append([name, f"pg-ldap-sync, {step}", f"over {PG_SECONDS} s", "", "", "", ""])
    return measure.table(["users", "what", "time", "processor", "peak memory", "ratio", "aim"], rows)
