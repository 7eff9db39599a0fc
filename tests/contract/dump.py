"""Reads a source through source_dump, as a sync would, and gives what came as objects."""

import json
import os
import pathlib
import subprocess
import tempfile

BUILD = pathlib.Path(os.environ.get("USERSYNC_BUILD", pathlib.Path(__file__).parent.parent.parent / "build"))


class Dump:
    """records, users and groups as source_dump prints them; listings: name -> certificate row; error: its code or None."""

    def __init__(self, lines, status, said):
        self.status, self.said = status, said
        self.records = [line for line in lines if "kind" in line]
        self.users = [r for r in self.records if r["kind"] == "user"]
        self.groups = [r for r in self.records if r["kind"] == "group"]
        self.listings = {line["listing"]: line for line in lines if "listing" in line}
        errors = [line for line in lines if "error" in line]
        self.errors = [e["error"] for e in errors]
        self.error = errors[-1]["error"] if errors else None
        self.native = errors[-1]["native"] if errors else 0
        self.text = errors[-1]["text"] if errors else ""
        self.is_narrowed = any(line.get("narrowed") for line in lines)
        self.authentication = next((line["authentication"] for line in lines if "authentication" in line), None)
        counters = [line for line in lines if "searches" in line]
        self.counters = counters[-1] if counters else {}

    def is_whole(self):
        """Whether every listing ended by the word of the server."""
        return bool(self.listings) and all(row["signal"] for row in self.listings.values())

    def user(self, name):
        found = [u for u in self.users if name in u["fields"].get("username", [])]
        assert len(found) == 1, f"{len(found)} users are named {name}"
        return found[0]

    def group(self, name):
        found = [g for g in self.groups if name in g["fields"].get("name", [])]
        assert len(found) == 1, f"{len(found)} groups are named {name}"
        return found[0]

    def members(self, name):
        """Names of the direct members of a group, users and groups, from both sides: the group's list and the users' own."""
        group = self.group(name)
        names = {r["ref"]: (r["fields"].get("username") or r["fields"]["name"])[0] for r in self.users + self.groups}
        listed = {names[ref] for ref in group["members"] if ref in names}
        for more in self.records:
            if more["kind"] == "members" and more["ref"] == group["ref"]:
                listed |= {names[ref] for ref in more["members"] if ref in names}
        return listed | {names[u["ref"]] for u in self.users if group["ref"] in u["groups"]}


def dump(kind, configuration, *options, timeout=120):
    """Reads the source KIND with CONFIGURATION (a mapping); options as source_dump takes them."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
        json.dump(configuration, stream)
        stream.flush()
        done = subprocess.run([BUILD / "tests/contract/source_dump", kind, stream.name, *map(str, options)], capture_output=True,
                              timeout=timeout, check=False)
    said = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 1, 2), said
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return Dump(lines, done.returncode, said)


def start(kind, configuration, *options):
    """The same in the background; finish() takes what it gives."""
    return subprocess.Popen([BUILD / "tests/contract/source_dump", kind, "-", *map(str, options)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE), json.dumps(configuration).encode()


def finish(process, configuration, timeout=60):
    out, said = process.communicate(configuration, timeout=timeout)
    return Dump([json.loads(line) for line in out.decode().splitlines()], process.returncode, said.decode(errors="replace"))
