"""Applications at once with everything else, for the thread sanitizer: readers, mirrors, followers, logins, writes, syncs, changed credentials, a client that leaves."""

import socket
import threading
import time
import urllib.parse

from company import Company
from crowd import ROOT, Crowd
from server import Server

SECONDS = 6


def test_applications_of_every_kind_at_once():
    with Company(count=300) as company, Server() as server:
        local = server.create("local", "file", company.configuration)
        assert server.call("DELETE", f"/usersync/connector/{local['id']}")[0] == 204
        hr = server.create("hr", "file", company.configuration)
        server.sync(hr)
        for name in ("wiki", "fickle"):
            server.call("POST", "/application/", {"name": name, "directories": [hr["directoryId"], local["directoryId"]], "password": "open sesame",
                                                  "rights": ["read", "write", "authenticate"]})
        crowd = Crowd(server, "wiki", "open sesame")
        crowd.call("POST", "user", '{"name": "ann", "password": {"value": "correct horse"}}')
        end = time.monotonic() + SECONDS
        surprises = []

        def repeat(method, path, wanted, body=None, **query):
            while time.monotonic() < end:
                status, answer = crowd.call(method, path, body, **query)
                if status not in wanted:
                    surprises.append((method, path, status, answer))

        def follow():
            token = crowd.get("event")[1]["newEventToken"]
            while time.monotonic() < end:
                status, answer = crowd.get(f"event/{token}")
                if status != 200:
                    surprises.append(("event", status, answer))
                token = answer["newEventToken"]

        def sync():
            n = 0
            while time.monotonic() < end:
                n += 1
                company.people["id001"]["fullName"] = f"Name {n}"
                company.write()
                if server.sync(hr)["status"] != "DONE":
                    surprises.append("sync")

        def change():
            n = 0
            while time.monotonic() < end:
                n += 1
                server.call("PUT", "/application/fickle", {"password": f"password {n}"})
                if Crowd(server, "fickle", f"password {n}").get("user", username="user001")[0] != 200:
                    surprises.append("new password")

        def session():
            context = '{"username": "ann"}'
            while time.monotonic() < end:
                token = crowd.call("POST", "session", context, **{"validate-password": "false"})[1]["token"]
                if crowd.get(f"session/{token}")[0] != 200 or crowd.call("DELETE", f"session/{token}")[0] != 204:
                    surprises.append("session")

        def leave():
            """Asks for everything, reads a little, and goes."""
            where = urllib.parse.urlsplit(server.url)
            while time.monotonic() < end:
                with socket.create_connection((where.hostname, where.port)) as s:
                    s.sendall(f"GET {ROOT}/group/membership HTTP/1.1\r\nHost: x\r\nAuthorization: Basic d2lraTpvcGVuIHNlc2FtZQ==\r\n\r\n".encode())
                    s.recv(100)

        jobs = [
            lambda: repeat("GET", "user", {200}, username="user002"),
            lambda: repeat("GET", "user/group/nested", {200}, username="user002"),
            lambda: repeat("GET", "group/membership", {200}),
            lambda: repeat("POST", "search", {200}, "<null-search-restriction/>", entity_type="user", max_results=-1, expand="user"),
            lambda: repeat("POST", "authentication", {200}, '{"value": "correct horse"}', username="ann"),
            lambda: repeat("POST", "user/attribute", {204}, '{"attributes": [{"name": "n", "values": ["1"]}]}', username="ann"),
            follow, sync, change, session, leave,
        ]
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not surprises, surprises[:5]


def test_a_stop_in_the_middle_of_logins():
    with Company(count=3) as company, Server() as server:
        local = server.create("local", "file", company.configuration)
        assert server.call("DELETE", f"/usersync/connector/{local['id']}")[0] == 204
        server.call("POST", "/application/", {"name": "wiki", "directories": [local["directoryId"]], "password": "open sesame",
                                              "rights": ["read", "write", "authenticate"]})
        crowd = Crowd(server, "wiki", "open sesame")
        crowd.call("POST", "user", '{"name": "ann", "password": {"value": "correct horse"}}')
        ended = []

        def ask():
            try:
                ended.append(crowd.call("POST", "authentication", '{"value": "correct horse"}', username="ann")[0])
            except OSError:
                ended.append(0)  # came after the door was closed
        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        server.stop()
        for thread in threads:
            thread.join()
        assert len(ended) == 40 and set(ended) <= {0, 200, 503}
