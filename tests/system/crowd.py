"""A directory with everything that is awkward to serve, and a client of the Crowd protocol that reads XML and JSON alike."""

import json
import pathlib
import tempfile
import urllib.parse
import xml.etree.ElementTree as ET

ROOT = "/crowd/rest/usermanagement/1"

# id, name, full name, mail, active
PEOPLE = [
    ("1", "alice", "Alice Ampère", "alice@example.org", True),
    ("2", "Bob", "Bob & <Sons>", "bob@example.org", True),
    ("3", "o'neil", "Pat \"O'Neil\"", "pat@example.org", False),
    ("4", "jürgen", "Jürgen Groß", "juergen@example.org", True),
    ("5", "дмитрий", "Дмитрий", "dmitri@example.org", True),
    ("6", "سارة", "سارة", "sara@example.org", True),
    ("7", "a+b c/d%e", "Plus Space", "plus@example.org", True),
    ("8", "🦊", "Fox", "fox@example.org", True),
]
# id, name, members (of users and groups)
GROUPS = [
    ("g1", "everybody", ["g2", "g3"]),
    ("g2", "staff", ["1", "2", "g4"]),
    ("g3", "R&D <lab>", ["4", "5", "g2"]),
    ("g4", "night shift", ["3", "6"]),
    ("g5", "loop a", ["g6", "7"]),
    ("g6", "loop b", ["g5", "8"]),
    ("g7", "empty", []),
]


class Awkward:
    """The files of the company above."""

    def __init__(self, people=PEOPLE, groups=GROUPS):
        self.folder = tempfile.TemporaryDirectory(prefix="usersync-awkward-")
        self.path = pathlib.Path(self.folder.name)
        self.write(people, groups)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def write(self, people, groups):
        def cell(text):
            return '"' + str(text).replace('"', '""') + '"'

        def put(name, rows):
            fresh = self.path / (name + ".new")
            fresh.write_text("".join(",".join(map(cell, row)) + "\r\n" for row in rows), encoding="utf-8")
            fresh.replace(self.path / name)

        put("users.csv", [("id", "username", "fullName", "email", "active"), *[(*p[:4], str(p[4]).lower()) for p in people]])
        put("groups.csv", [("id", "name"), *[(g[0], g[1]) for g in groups]])
        put("members.csv", [("group", "member"), *[(g[0], m) for g in groups for m in g[2]]])

    @property
    def configuration(self):
        return {"path": str(self.path / "users.csv"), "groupsPath": str(self.path / "groups.csv"), "membershipsPath": str(self.path / "members.csv")}


class Crowd:
    """Calls as an application; each answer is (status, dict), the same from XML and JSON."""

    def __init__(self, server, name, password, json_wanted=False):
        self.server, self.name, self.password, self.json_wanted = server, name, password, json_wanted

    def call(self, method, path, body=None, **query):
        headers = {"Accept": "application/json" if self.json_wanted else "application/xml"}
        if isinstance(body, str):
            headers["Content-Type"] = "application/xml" if body.startswith("<") else "application/json"
            body = body.encode()
        query = urllib.parse.urlencode({k.replace("_", "-"): v for k, v in query.items()}, doseq=True)
        answer = self.server.request(method, f"{ROOT}/{path}" + ("?" + query if query else ""), body, headers, user=self.name, password=self.password)
        assert answer.headers["X-Embedded-Crowd-Version"], answer.headers
        if not answer.body:
            return answer.status, None
        kind = answer.headers["Content-Type"]
        if kind == "application/json":
            return answer.status, json.loads(answer.body)
        assert kind == "application/xml;charset=UTF-8", kind
        return answer.status, plain(ET.fromstring(answer.body))

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def names(self, path, **query):
        """The names in a list, in its order."""
        status, answer = self.get(path, **query)
        assert status == 200, answer
        return [item["name"] for item in answer["users" if "users" in answer else "groups"]]


def plain(element):
    """XML as the JSON of the protocol is."""
    tag = element.tag
    if tag in ("users", "groups"):
        return {"expand": element.get("expand"), tag: [plain(child) for child in element]}
    if tag == "attributes":
        return {"attributes": [{"name": a.get("name"), "values": [v.text or "" for v in a.find("values")]} for a in element.findall("attribute")],
                **{"link": plain(link) for link in element.findall("link")}}
    if tag == "link":
        return dict(element.attrib)
    if not len(element) and not element.attrib:
        text = element.text or ""
        return {"true": True, "false": False}.get(text, text) if tag in ("active", "secure") else text
    return {**element.attrib, **{child.tag: plain(child) for child in element}}


def memberships(answer):
    """/group/membership as {group: (users, groups)}."""
    return {m.get("group"): ({u.get("name") for u in m.find("users")}, {g.get("name") for g in m.find("groups")}) for m in answer}
