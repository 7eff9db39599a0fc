#!/usr/bin/env python3
"""A real Keycloak server for the tests, on 127.0.0.1 with a free port and a private data folder.

The server distribution is fetched once by Maven's ordinary client, built once, and kept with a
database in which the master realm is already there, so that a start costs a few seconds.

As a fixture:

    with Keycloak("newest") as server:
        realm = server.create_realm(company())
        realm.rename_user("mira.keller", "mira.lang")

From the command line (environment of CMD: KEYCLOAK_URL, KEYCLOAK_REALM, KEYCLOAK_CLIENT_ID,
KEYCLOAK_CLIENT_SECRET and the administrator's KEYCLOAK_ADMIN_USER, KEYCLOAK_ADMIN_PASSWORD):

    python3 tests/idp/keycloak.py --run CMD...          run CMD against a fresh server
    python3 tests/idp/keycloak.py --serve               print the environment, wait for SIGTERM
    python3 tests/idp/keycloak.py --prepare             only fetch and build
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zipfile

ARTIFACT = "org.keycloak:keycloak-quarkus-dist"

# The two ends of what the connector supports: the newest that runs on Java 17, and the first one of
# the present server design. The old one is built with the /auth prefix, which was the rule then, and
# gives the whole tree of groups at once; the new one gives the groups level by level.
VERSIONS = {"newest": "26.7.3", "oldest": "17.0.0"}
PREFIXES = {"17.0.0": "/auth"}

ADMIN = "admin"
ADMIN_PASSWORD = "admin-of-the-tests"
NAMESPACE = uuid.UUID("8a4f2c5e-8a1b-4a55-9d2c-52b7b8a6f001")
ROLES = ("view-users", "query-users", "query-groups")

JAVA_OPTIONS = [
    "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "-Dfile.encoding=UTF-8", "-Djava.net.preferIPv4Stack=true",
    "-Duser.language=en", "-Duser.country=US",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
]


class KeycloakError(Exception):
    pass


def stable_id(kind, name):
    """The id that an object of the test realm gets: the same in every run and on every version."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{name}"))


# --- the distribution ---------------------------------------------------------------------------

def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "usersync-tests")


def resolve_version(version):
    return VERSIONS.get(version, version)


def major(version):
    return int(version.split(".", 1)[0])


FAILED = {}     # version -> why it cannot be prepared: tried once in a process, told each time


def prepare(version):
    """The folder of the built distribution; fetches and builds it on first use, safe to race."""
    folder = os.path.join(cache_folder(), f"keycloak-{version}")
    if os.path.exists(os.path.join(folder, "prepared")):
        return folder
    if version in FAILED:
        raise KeycloakError(FAILED[version])
    try:
        return prepare_once(version, folder)
    except KeycloakError as failed:
        FAILED[version] = str(failed)
        raise


def prepare_once(version, folder):
    os.makedirs(cache_folder(), exist_ok=True)
    with open(os.path.join(cache_folder(), f"keycloak-{version}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(os.path.join(folder, "prepared")):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as work:
            built = fetch_and_build(version, work)
            make_template_database(version, built)
            with open(os.path.join(built, "prepared"), "w") as mark:
                mark.write(version + "\n")
            os.rename(built, folder)
    return folder


def fetch_and_build(version, work):
    try:
        # -C: an archive whose checksum is wrong is refused, and fetched again the next time.
        run(["mvn", "-q", "-B", "-C", "dependency:copy", f"-Dartifact={ARTIFACT}:{version}:zip",
             f"-DoutputDirectory={work}"], cwd=work)
    except KeycloakError as failed:
        raise KeycloakError(f"Keycloak {version} could not be fetched by Maven; without it nothing is "
                            f"known of this version. {failed}") from None
    archive = os.path.join(work, f"keycloak-quarkus-dist-{version}.zip")
    try:
        with zipfile.ZipFile(archive) as distribution:
            distribution.extractall(work)
    except (OSError, zipfile.BadZipFile) as broken:
        raise KeycloakError(f"{os.path.basename(archive)} as Maven gave it cannot be unpacked: {broken}; "
                            f"remove it from Maven's repository (~/.m2) and try again") from None
    os.unlink(archive)
    folder = os.path.join(work, f"keycloak-{version}")
    script = os.path.join(folder, "bin", "kc.sh")
    os.chmod(script, 0o755)
    options = ["--db=dev-file"]
    if version in PREFIXES:
        options.append(f"--http-relative-path={PREFIXES[version]}")
    if major(version) < 24:
        options.append("--cache=local")
    # The options of the JVM go in whole: kc.sh's own would reserve much more memory.
    environment = dict(os.environ, JAVA_OPTS=" ".join(JAVA_OPTIONS[:4]))
    run([script, "build", *options], cwd=folder, env=environment)
    return folder


def make_template_database(version, folder):
    """Starts the server once, so that later starts find the master realm in place."""
    with tempfile.TemporaryDirectory() as data:
        server = Keycloak(version, folder=folder, home=os.path.join(data, "home"))
        server.start()
        server.stop()
        database = os.path.join(data, "home", "data", "h2")
        shutil.copytree(database, os.path.join(folder, "template-h2"))


def run(command, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, **options)
    except FileNotFoundError:
        raise KeycloakError(f"{command[0]} is not installed: run tools/install test") from None
    if done.returncode != 0:
        raise KeycloakError(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout[-4000:]}")


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


# --- the server ---------------------------------------------------------------------------------

class Keycloak:
    """One server process. Owns its data folder; stop() ends the one and removes the other."""

    def __init__(self, version="newest", folder=None, home=None):
        self.version = resolve_version(version)
        self.folder = folder
        self.home = home
        self.owns_home = home is None
        self.process = None
        self.log = []
        self.url = None
        self.token = None
        self.token_until = 0.0

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self, deadline_s=180):
        if not shutil.which("java"):
            raise KeycloakError("java is not installed: run tools/install test")
        self.folder = self.folder or prepare(self.version)
        self.lay_out_home()
        options = ["start", "--http-enabled=true", "--hostname-strict=false",
                   "--http-host=127.0.0.1", "--http-port=0"]
        if major(self.version) >= 18:
            options.append("--optimized")
        if major(self.version) < 24:
            options.append("--hostname-strict-https=false")
        else:
            options.append("--cache=local")
        command = ["java", *JAVA_OPTIONS,
                   f"-Dkc.home.dir={self.home}",
                   f"-Djboss.server.config.dir={self.home}/conf",
                   "-cp", f"{self.home}/lib/quarkus-run.jar",
                   "io.quarkus.bootstrap.runner.QuarkusEntryPoint", *options]
        environment = dict(os.environ,
                           KEYCLOAK_ADMIN=ADMIN, KEYCLOAK_ADMIN_PASSWORD=ADMIN_PASSWORD,
                           KC_BOOTSTRAP_ADMIN_USERNAME=ADMIN,
                           KC_BOOTSTRAP_ADMIN_PASSWORD=ADMIN_PASSWORD)
        self.process = subprocess.Popen(command, cwd=self.home, env=environment, text=True,
                                        errors="replace", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        preexec_fn=die_with_parent)
        self.listening = threading.Event()
        threading.Thread(target=self.follow_log, daemon=True).start()
        try:
            self.wait_until_ready(time.monotonic() + deadline_s)
        except BaseException:
            self.stop()
            raise
        return self

    def lay_out_home(self):
        """The program is shared with other instances by links, the data is this instance's own."""
        if self.home is None:
            self.home = tempfile.mkdtemp(prefix="keycloak-")
        if os.path.exists(os.path.join(self.home, "lib")):
            return
        os.makedirs(os.path.join(self.home, "data"), exist_ok=True)
        for name in ("lib", "conf", "providers", "themes"):
            os.symlink(os.path.join(self.folder, name), os.path.join(self.home, name))
        template = os.path.join(self.folder, "template-h2")
        if os.path.isdir(template):
            shutil.copytree(template, os.path.join(self.home, "data", "h2"))

    def follow_log(self):
        for line in self.process.stdout:
            self.log.append(line.rstrip("\n"))
            found = re.search(r"Keycloak .*Listening on: http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.url = f"http://127.0.0.1:{found[1]}{PREFIXES.get(self.version, '')}"
                self.listening.set()
        self.listening.set()

    def wait_until_ready(self, deadline):
        if not self.listening.wait(max(0.0, deadline - time.monotonic())) or self.url is None:
            raise KeycloakError("the server did not come up:\n" + "\n".join(self.log[-40:]))
        while True:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(self.url + "/realms/master", timeout=30) as answer:
                    if answer.status == 200:
                        return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise KeycloakError("the server is not ready:\n" + "\n".join(self.log[-40:]))
            time.sleep(0.05)

    def stop(self):
        """Ends the server and removes its data."""
        self.halt()
        if self.owns_home and self.home:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home = None

    def halt(self):
        """Ends the server and keeps its data: start() brings it up again, on another port."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.token = None
        self.url = None

    # The admin API, as the server's administrator.

    def admin_token(self):
        if self.token is None or time.monotonic() > self.token_until:
            form = {"grant_type": "password", "client_id": "admin-cli",
                    "username": ADMIN, "password": ADMIN_PASSWORD}
            with urllib.request.urlopen(
                    self.url + "/realms/master/protocol/openid-connect/token",
                    data=urllib.parse.urlencode(form).encode(), timeout=60) as answer:
                grant = json.load(answer)
            self.token = grant["access_token"]
            self.token_until = time.monotonic() + grant["expires_in"] / 2
        return self.token

    def call(self, method, path, body=None, **query):
        """One call below /admin; gives the decoded answer, the id of what it made, or None."""
        url = self.url + "/admin" + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(url, method=method, headers={
            "Authorization": "Bearer " + self.admin_token(), "Content-Type": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                text = answer.read()
                location = answer.headers.get("Location")
        except urllib.error.HTTPError as refused:
            raise KeycloakError(f"{method} {path}: {refused.code} "
                                f"{refused.read().decode(errors='replace')[:500]}") from None
        if text:
            return json.loads(text)
        return location.rsplit("/", 1)[1] if location else None

    def create_realm(self, content):
        """Makes the realm that company() describes; an earlier one of that name is removed."""
        with contextlib.suppress(KeycloakError):
            self.call("DELETE", "/realms/" + quote(content["realm"]))
        return Realm(self, content)


def quote(text):
    return urllib.parse.quote(text, safe="")


# --- the content of a realm ---------------------------------------------------------------------

def user(username, first="", last="", email=None, enabled=True, groups=(), **attributes):
    return {"id": stable_id("user", username), "username": username, "firstName": first,
            "lastName": last, "email": email or f"{re.sub('[^a-z0-9.]', '-', username)}@example.com",
            "emailVerified": True, "enabled": enabled, "in": list(groups),
            "attributes": {key: value if isinstance(value, list) else [value]
                           for key, value in attributes.items()}}


def group(name, *children, **attributes):
    return {"name": name, "children": list(children),
            "attributes": {key: value if isinstance(value, list) else [value]
                           for key, value in attributes.items()}}


ODD_PEOPLE = [
    # username, first name, last name
    ("o'brien", "Síle", "O'Brien"),
    ("müller", "Jürgen", "Müller-Lüdenscheidt"),
    ("željko", "Željko", "Đurić"),
    ("山田太郎", "太郎", "山田"),
    ("мария", "Мария", "Иванова"),
    ("نور", "نور", "الهدى"),
    ("50%off", "Percent", "Fifty"),
    ("a+b&c=d", "Amper", "Sand"),
    ("back\\slash", "Back", "Slash"),
    ("dotted.i", "İsmail", "Işık"),
    ("emoji-😀", "Grin 😀", "Face"),
    ("slash/user", "Slash", "User"),
    ("with space", "Two", "Words"),
    ("quote\"mark", "\"Quoted\"", "Name"),
]


def company(realm="company", people=60, client="usersync", secret="s3cret/of+the=tests"):
    """A small company: groups at four depths, odd names in several scripts, disabled people."""
    groups = [
        group("eng",
              group("platform", group("sre", group("on-call", pager="42")), group("build")),
              group("apps", group("mobile")),
              cost_centre="1000", room=["A1", "A2"]),
        group("sales", group("emea"), group("apac")),
        group("empty"),
        group("Führung & Ärger"),
        group("営業"),
        group("a/b", group("c/d")),
    ]
    # A group with more children than the server gives by default (ten).
    groups.append(group("sites", *[group(f"site-{number:02d}") for number in range(25)]))
    paths = [("eng",), ("eng", "platform"), ("eng", "platform", "sre"),
             ("eng", "platform", "sre", "on-call"), ("eng", "apps", "mobile"),
             ("sales",), ("sales", "emea"), ("Führung & Ärger",), ("営業",), ("a/b", "c/d"),
             ("sites", "site-24")]
    users = [user(name, first, last, groups=[paths[number % len(paths)], ("営業",)],
                  department="Odd names")
             for number, (name, first, last) in enumerate(ODD_PEOPLE)]
    for number in range(people - len(users)):
        path = paths[number % len(paths)]
        users.append(user(f"person{number:05d}", f"First{number}", f"Last{number}",
                          enabled=number % 10 != 7, groups=[("eng",), path],
                          employeeNumber=f"E{number:05d}", phone=["+49 1", "+49 2"]))
    return {"realm": realm, "client": client, "secret": secret, "groups": groups, "users": users}


def imported(person):
    """The user as the import takes it."""
    members = {key: value for key, value in person.items() if key != "in"}
    paths = ["/" + "/".join(path) for path in person["in"] if "/" not in "".join(path)]
    return {**members, "groups": list(dict.fromkeys(paths))}


def group_representation(content, parents=()):
    path = (*parents, content["name"])
    # Depth is that of the literals above, not of outside data.
    return {"id": stable_id("group", "\n".join(path)), "name": content["name"],
            "attributes": content["attributes"],
            "subGroups": [group_representation(child, path) for child in content["children"]]}


class Realm:
    """A realm of a running server, and the changes that a test can make to it."""

    def __init__(self, server, content):
        self.server = server
        self.name = content["realm"]
        self.client_id = content["client"]
        self.secret = content["secret"]
        self.made_groups = {}
        self.made_users = {}
        service = {"username": f"service-account-{self.client_id}", "enabled": True,
                   "serviceAccountClientId": self.client_id,
                   "clientRoles": {"realm-management": list(ROLES)}}
        users = [imported(person) for person in content["users"]]
        server.call("POST", "/realms", {
            "realm": self.name, "enabled": True, "editUsernameAllowed": True,
            "duplicateEmailsAllowed": True, "loginWithEmailAllowed": False,
            "accessTokenLifespan": content.get("token_lifespan_s", 300),
            "clients": [{"clientId": self.client_id, "secret": self.secret, "enabled": True,
                         "serviceAccountsEnabled": True, "standardFlowEnabled": False,
                         "publicClient": False}],
            "groups": [group_representation(top) for top in content["groups"]],
            "users": [*users, service]})
        self.show_attributes()
        self.join_by_id(content["users"])

    def join_by_id(self, users):
        """The import names groups by path, in which a slash within a name cannot be told apart."""
        for person in users:
            for path in person["in"]:
                if "/" in "".join(path):
                    self.join(person["username"], *path)

    def show_attributes(self, policy="ENABLED"):
        """From 24 on the server hides attributes that the user profile does not know of."""
        if major(self.server.version) >= 24:
            profile = self.call("GET", "/users/profile")
            profile["unmanagedAttributePolicy"] = policy
            if policy is None:
                del profile["unmanagedAttributePolicy"]
            self.call("PUT", "/users/profile", profile)

    def call(self, method, path, body=None, **query):
        return self.server.call(method, f"/realms/{quote(self.name)}{path}", body, **query)

    def environment(self):
        return {"KEYCLOAK_URL": self.server.url, "KEYCLOAK_REALM": self.name,
                "KEYCLOAK_CLIENT_ID": self.client_id, "KEYCLOAK_CLIENT_SECRET": self.secret,
                "KEYCLOAK_ADMIN_USER": ADMIN, "KEYCLOAK_ADMIN_PASSWORD": ADMIN_PASSWORD,
                "KEYCLOAK_VERSION": self.server.version}

    # users

    def user_id(self, username):
        """Ids of users made by this file follow from the first name that they had."""
        return self.made_users.get(username) or stable_id("user", username)

    def update_user(self, username, /, **members):
        path = "/users/" + self.user_id(username)
        self.call("PUT", path, {**self.call("GET", path), **members})

    def rename_user(self, username, new_name):
        self.update_user(username, username=new_name)

    def enable_user(self, username, enabled):
        self.update_user(username, enabled=enabled)

    def delete_user(self, username):
        self.call("DELETE", "/users/" + self.user_id(username))

    def add_users(self, users):
        """Adds users with their groups; old servers choose the ids of users that come later."""
        self.call("POST", "/partialImport",
                  {"ifResourceExists": "FAIL", "users": [imported(person) for person in users]})
        if major(self.server.version) < 24:
            for person in users:
                found = self.call("GET", "/users", username=person["username"], exact="true")
                self.made_users[person["username"]] = found[0]["id"]
        self.join_by_id(users)

    # groups; a group is named by its path, one argument for each level

    def group_id(self, *path):
        return self.made_groups.get(path) or stable_id("group", "\n".join(path))

    def join(self, username, *path):
        self.call("PUT", f"/users/{self.user_id(username)}/groups/{self.group_id(*path)}", {})

    def leave(self, username, *path):
        self.call("DELETE", f"/users/{self.user_id(username)}/groups/{self.group_id(*path)}")

    def rename_group(self, path, new_name):
        where = "/groups/" + self.group_id(*path)
        self.call("PUT", where, {**self.call("GET", where), "name": new_name})

    def delete_group(self, *path):
        self.call("DELETE", "/groups/" + self.group_id(*path))

    def add_group(self, *path):
        """Makes a group below the ones that path names; the server chooses its id."""
        where = f"/groups/{self.group_id(*path[:-1])}/children" if path[1:] else "/groups"
        made = self.call("POST", where, {"name": path[-1]})
        self.made_groups[path] = made["id"] if isinstance(made, dict) else made
        return self.made_groups[path]

    # rights and tokens

    def set_roles(self, *roles):
        """Gives the service account exactly these roles of realm-management."""
        client = self.call("GET", "/clients", clientId="realm-management")[0]["id"]
        own = self.call("GET", "/clients", clientId=self.client_id)[0]["id"]
        service = self.call("GET", f"/clients/{own}/service-account-user")["id"]
        mapping = f"/users/{service}/role-mappings/clients/{client}"
        have = self.call("GET", mapping)
        if have:
            self.call("DELETE", mapping, have)
        want = [self.call("GET", f"/clients/{client}/roles/{role}") for role in roles]
        if want:
            self.call("POST", mapping, want)

    def set_token_lifespan(self, seconds):
        self.call("PUT", "", {"realm": self.name, "accessTokenLifespan": seconds})

    def set_secret(self, secret):
        own = self.call("GET", "/clients", clientId=self.client_id)[0]
        self.call("PUT", "/clients/" + own["id"], {**own, "secret": secret})
        self.secret = secret

    def delete(self):
        self.call("DELETE", "")


# --- the command line ---------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description="A real Keycloak for the tests.")
    parser.add_argument("--version", default="newest", help="newest, oldest, or a version number")
    parser.add_argument("--people", type=int, default=60, help="how many users the realm has")
    parser.add_argument("--prepare", action="store_true", help="only fetch and build")
    parser.add_argument("--serve", action="store_true", help="print the environment and wait")
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="CMD")
    chosen = parser.parse_args()
    version = resolve_version(chosen.version)
    if chosen.prepare:
        print(prepare(version))
        return 0
    if not chosen.serve and not chosen.run:
        parser.error("one of --prepare, --serve and --run is needed")
    prepare(version)
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(0))
    with Keycloak(version) as server:
        realm = server.create_realm(company(people=chosen.people))
        if chosen.run:
            return subprocess.run(chosen.run, env={**os.environ, **realm.environment()}).returncode
        for name, value in realm.environment().items():
            print(f"{name}={value}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
