"""An edit by hand in a local directory: one membership of a large group, with its run, its plan and its commit; and the same by SCIM, over HTTP."""

import base64
import http.client
import json
import subprocess
import time
import urllib.parse

import measure

USERS, MEMBERS = 100_000, 50_000


def scim(times):
    """PATCHes of a group with MEMBERS: [what, median, 99 of 100] in microseconds, of those that add and those that remove."""
    with measure.Folder() as folder, measure.system.Server("--log-level", "warn") as server:
        measure.generate(folder, USERS, 1, 1)
        connector = server.create("bench", "file", {"path": str(folder / "users.csv")})
        measure.timed_sync(server, connector)
        # without its connector the directory is a local one
        assert server.call("DELETE", f"/usersync/connector/{connector['id']}")[0] == 204
        password = server.call("POST", "/application/", {"name": "bench", "directories": [connector["directoryId"]], "rights": ["read", "write"]})[1]["password"]
        where = urllib.parse.urlsplit(server.url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        headers = {"Authorization": "Basic " + base64.b64encode(f"bench:{password}".encode()).decode(), "Content-Type": "application/scim+json"}

        def call(method, path, body, status):
            connection.request(method, f"/scim/v2/{connector['directoryId']}/{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == status, text
            return json.loads(text) if text else None

        def patch(op, members):
            call("PATCH", f"Groups/{group['id']}", {"Operations": [{"op": op, "path": "members", "value": [{"value": m} for m in members]}]}, 204)

        group = call("POST", "Groups", {"displayName": "large"}, 201)
        for first in range(1, MEMBERS + 1, 10_000):
            patch("add", [f"u{i}" for i in range(first, first + 10_000)])
        took = {"add": [], "remove": []}
        for i in range(times):
            for op, list_ in took.items():
                begin = time.perf_counter()
                patch(op, [f"u{MEMBERS + 1 + i}"])
                list_.append(1e6 * (time.perf_counter() - begin))
        connection.close()
    return [[f"SCIM: PATCH that {what}", *(sorted(took[op])[int(times * part)] for part in (0.5, 0.99))]
            for op, what in [("add", "adds one member"), ("remove", "removes one member")]]


def run(quick=False):
    text = subprocess.run([measure.build() / "bench/edit", str(USERS), str(MEMBERS), "200" if quick else "2000"], check=True, capture_output=True,
                          text=True).stdout
    return [line.split("\t") for line in text.splitlines()] + scim(100 if quick else 1000)


def render(result):
    rows = [[name, f"{int(median) / 1000:.2f} ms", f"{int(slowest) / 1000:.2f} ms", "at most 5 ms: " + ("yes" if int(median) <= 5000 else "no")]
            for name, median, slowest in result]
    return measure.table(["what", "median", "99 of 100", "aim for the median"], rows)
