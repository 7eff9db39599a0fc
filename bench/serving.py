"""Applications: 100,000 users by the Crowd protocol and SCIM, the server on one core, wrk on another; nginx with static answers of the same sizes beside it."""

import base64
import csv
import http.client
import json
import re
import threading
import time
import urllib.parse

import measure
import status

USERS, GROUPS, MEMBERSHIPS, CHANGES = 100_000, 5_000, 2_000_000, 10_000
CROWD = "/crowd/rest/usermanagement/1"
SOME = 5_000
USER, NESTED, EVENT = CROWD + "/user?username={name}", CROWD + "/user/group/nested?username={name}", CROWD + "/event/{token}"
SCIM = "/scim/v2/{directory}/Users?filter=userName%20eq%20%22{name}%22"
# what, path with {name}, aim in answers a second, how many users are asked for in turn
CALLS = [
    ("GET /user?username=", USER, 30_000, SOME),
    ("the same, of everybody", USER, 30_000, USERS),
    ("GET /user/group/nested", NESTED, 15_000, SOME),
    ("the same, of everybody", NESTED, 15_000, USERS),
    ("GET /event/{token}, nothing new", EVENT, 40_000, SOME),
    ("SCIM GET /Users?filter=userName eq", SCIM, 25_000, SOME),
    ("the same, of everybody", SCIM, 25_000, USERS),
]
MIRROR_S, MIRROR_MB, SLOWER = 4, 30, 0.2


def script(folder, names, path, header):
    """A wrk script that asks for one name after the other."""
    out = folder / "ask.lua"
    paths = [path.replace("{name}", urllib.parse.quote(name, safe="")) for name in names]
    out.write_text("local paths = {" + ",".join(json.dumps(p) for p in paths) + "}\nlocal at = 0\n"
                   f"wrk.headers[\"Authorization\"] = {json.dumps(header)}\n"
                   "request = function() at = at % #paths + 1; return wrk.format(\"GET\", paths[at]) end\n")
    return out


def ask(connection, header, method, path, body=None):
    """One call of a mirroring client; the bytes of the answer, read in pieces and thrown away."""
    headers = {"Authorization": header, "Accept": "application/xml", "Content-Type": "application/xml"}
    connection.request(method, CROWD + path, body, headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    total = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
    return total


def mirror(server, header):
    """All users, all groups, all memberships: seconds, bytes, and the server's memory above what it had."""
    where = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=120)
    before, begin = resident_mb(server.process.pid), time.monotonic()
    reset_peak(server.process.pid)
    total = ask(connection, header, "POST", "/search?entity-type=user&start-index=0&max-results=-1&expand=user", b"<null-search-restriction/>")
    total += ask(connection, header, "POST", "/search?entity-type=group&start-index=0&max-results=-1&expand=group", b"<null-search-restriction/>")
    total += ask(connection, header, "GET", "/group/membership")
    took = time.monotonic() - begin
    connection.close()
    return took, total, measure.peak_mb(server.process.pid) - before


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        return int(re.search(r"VmRSS:\s+(\d+) kB", text.read()).group(1)) / 1024


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as out:
        out.write("5")


def run(quick=False):
    users, groups, memberships, changes = (n // 10 for n in (USERS, GROUPS, MEMBERSHIPS, CHANGES)) if quick else (USERS, GROUPS, MEMBERSHIPS, CHANGES)
    result = {"calls": []}
    with measure.Folder() as folder, measure.Folder() as data:
        measure.generate(folder, users, groups, memberships)
        with open(folder / "users.csv", newline="", encoding="utf-8") as rows:
            names = [row["username"] for row in csv.DictReader(rows)]
        configuration = {"path": str(folder / "users.csv")}
        with measure.system.Server("--log-level", "warn", data=data) as server:
            connector = server.create("bench", "file", configuration)
            measure.timed_sync(server, connector)
        # a server just started: its memory is that of serving alone
        with measure.system.Server("--log-level", "warn", data=data) as server:
            pid = server.process.pid
            password = server.call("POST", "/application/", {"name": "bench", "directories": [connector["directoryId"]]})[1]["password"]
            header = "Basic " + base64.b64encode(f"bench:{password}".encode()).decode()
            server.request("GET", CROWD + "/user?username=x", user="bench", password=password)
            status.pin(pid)
            result["mirror"] = mirror(server, header)
            token = re.search(rb'newEventToken="([^"]+)"', server.request("GET", CROWD + "/event", user="bench", password=password).body).group(1).decode()
            for what, path, aim, n in CALLS:
                asked = names[:: max(1, len(names) // n)]
                path = path.replace("{token}", token).replace("{directory}", str(connector["directoryId"]))
                body = server.request("GET", path.replace("{name}", urllib.parse.quote(asked[0])), user="bench", password=password).body
                ours = status.wrk(server.url, pid, script=script(folder, asked, path, header))
                result["calls"].append([what, aim, len(body), ours, status.nginx(body)])
            # the first call again, while a sync writes
            measure.generate(folder / "next", users, groups, memberships, changed=changes)
            (folder / "next/users.csv").replace(folder / "users.csv")
            what, path, _, n = CALLS[0]
            asked, synced = names[:: max(1, len(names) // n)], []

            def sync():
                while not stop.is_set():
                    synced.append(measure.timed_sync(server, connector).status)

            stop, thread = threading.Event(), threading.Thread(target=sync)
            thread.start()
            result["busy"] = status.wrk(server.url, pid, script=script(folder, asked, path, header))
            stop.set()
            thread.join()
            assert synced and synced[0]["updatedCount"] == changes, synced
    return result


def render(result):
    rows = []
    for what, aim, size, ours, theirs in result["calls"]:
        rows.append([what, f"{size}", f"{ours[0]:,.0f}", f"{ours[1]:.2f} ms", f"{ours[2]:.1f} µs", f"{theirs[0]:,.0f}", f"{ours[0] / theirs[0]:.2f}",
                     f"at least {aim:,}: " + ("yes" if ours[0] >= aim else f"no ({ours[0] / aim:.2f})")])
    took, total, memory = result["mirror"]
    quiet, busy = result["calls"][0][3], result["busy"]
    loss = 1 - busy[0] / quiet[0]
    return (measure.table(["call", "bytes", "answers/s", "median", "processor per answer", "nginx/s", "ratio", "aim"], rows) +
            f"\n\nFull mirror (all users, all groups, `/group/membership`): {took:.2f} s for {total / 1e6:.0f} MB (at most {MIRROR_S} s: "
            f"{measure.verdict(took, MIRROR_S)}), {memory:.0f} MB above idle (at most {MIRROR_MB} MB: {measure.verdict(memory, MIRROR_MB)}).\n\n"
            f"{result['calls'][0][0]} while syncs of {CHANGES:,} changes go on, on the same core: {busy[0]:,.0f} answers/s, {loss:.0%} fewer "
            f"(at most {SLOWER:.0%}: {measure.verdict(loss, SLOWER)}), no errors.")
