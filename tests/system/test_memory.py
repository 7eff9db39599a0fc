"""Memory: a run needs little for each object of its source, and gives it back."""

import os
import re

from server import Server

GROUPS_EACH = 3
# What a sanitizer puts around and behind each allocation; its quarantine is switched off.
SANITIZER = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:verify_asan_link_order=0"


def peak_bytes(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def write(folder, count):
    with open(folder / "users.csv", "w", encoding="utf-8") as out:
        out.write("id,username,fullName,email,title,groups\n")
        for n in range(count):
            groups = ";".join(f"group {(n * 7 + k * 131) % (count // 20)}" for k in range(GROUPS_EACH))
            out.write(f"i{n:08},user{n:08},User Number {n},user{n:08}@example.org,{'x' * 200},{groups}\n")


def peak_of(folder, count):
    """Of a first run, one that changes nothing, and one that changes a tenth; each is the last straw for another kind of leak."""
    folder.mkdir()
    write(folder, count)
    given = os.environ.get("ASAN_OPTIONS", "")
    with Server(env={"ASAN_OPTIONS": (given + ":" if given else "") + SANITIZER}) as server:
        connector = server.create("hr", "file", {"path": str(folder / "users.csv")})
        assert server.sync(connector)["addedCount"] == count
        for _ in range(3):
            assert server.sync(connector)["notModifiedCount"] == count
        return peak_bytes(server)


def test_memory_for_each_object_is_bounded(tmp_path):
    few, many = 10000, 50000
    grown = peak_of(tmp_path / "many", many) - peak_of(tmp_path / "few", few)
    each = grown / (many - few)
    assert each < 400 * (2 if "asan" in os.environ.get("USERSYNC_BUILD", "") else 1), f"{each:.0f} bytes for each user and {GROUPS_EACH} memberships"
