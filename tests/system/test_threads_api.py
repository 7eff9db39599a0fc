"""Everything at once, for the thread sanitizer: readers, syncs, single updates, changing accounts, and a stop in the middle."""

import threading
import time

from company import Company
from server import BASE, Server

SECONDS = 8


def test_calls_of_every_kind_at_once():
    with Company(count=200) as company, Server() as server:
        connectors = [server.create(f"hr{i}", "file", company.configuration) for i in range(3)]
        for connector in connectors:
            server.sync(connector)
        server.call("POST", "/user/", {"name": "olga", "role": "operator", "password": "password 0"})
        end = time.monotonic() + SECONDS
        surprises = []

        def repeat(method, path, wanted, **more):
            while time.monotonic() < end:
                answer = server.request(method, path, **more)
                if answer.status not in wanted:
                    surprises.append((method, path, answer.status, answer.body[:300]))

        def change_password():
            n = 0
            while time.monotonic() < end:
                n += 1
                if server.call("PUT", "/user/olga", {"password": f"password {n}"})[0] != 200:
                    surprises.append("password")
                if server.call("GET", "/directory/", user="olga", password=f"password {n}")[0] != 200:
                    surprises.append("new password")

        def save():
            n = 0
            while time.monotonic() < end:
                n += 1
                connector = connectors[2]
                if server.call("PUT", f"/usersync/connector/{connector['id']}", {**connector["configuration"], "stableSeconds": n % 2})[0] != 200:
                    surprises.append("save")

        jobs = [
            lambda: repeat("GET", BASE + "/usersync/connector/1/syncstatus", {200}),
            lambda: repeat("GET", BASE + "/usersync/connector/", {200}),
            lambda: repeat("GET", BASE + "/directory/1/user?limit=50", {200}),
            lambda: repeat("GET", BASE + "/usersync/syncstatus/1/results?format=json", {200}),
            lambda: repeat("GET", "/metrics", {200}),
            lambda: repeat("POST", BASE + "/usersync/connector/1/sync", {202}),
            lambda: repeat("POST", BASE + "/usersync/connector/2/sync", {202}),
            lambda: repeat("POST", BASE + "/usersync/connector/2/cancel", {202, 409}),
            lambda: repeat("POST", BASE + "/usersync/connector/3/syncsingle/user007", {200}),
            lambda: repeat("POST", BASE + "/usersync/connector/3/syncsingle/user008", {200}),
            lambda: repeat("POST", BASE + "/usersync/connector/3/test", {200}),
            change_password,
            save,
        ]
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not surprises, surprises[:5]


def test_a_stop_in_the_middle_of_waiting_requests():
    with Company(count=200) as company, Server() as server:
        connector = server.create("hr", "file", company.configuration)
        url = server.url
        ended = []

        def ask(i):
            try:
                ended.append(server.request("POST", f"{BASE}/usersync/connector/{connector['id']}/syncsingle/user{i:03}").status)
            except OSError:
                ended.append(0)  # came after the door was closed
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        assert server.stop() == 0, url
        for thread in threads:
            thread.join()
        assert set(ended) <= {0, 200, 202, 409, 503}, ended
