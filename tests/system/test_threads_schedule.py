"""Schedules and pruning beside everything else; the thread sanitizer watches (see tools/check.py)."""

import threading
import time

from company import Company
from server import Server


def test_schedules_change_while_they_run_and_old_runs_go(tmp_path):
    with Company(count=5) as company, Server("--keep-runs", "3", "--keep-undo", "0", data=tmp_path / "data") as server:
        settings = {**company.configuration, "schedule": {"every": "1s", "jitter": "0s", "blackouts": []}}
        numbers = [server.create(f"c{i}", "file", settings)["id"] for i in range(3)]
        # started again, so that what is due and what is old meets a server that is still coming up
        for _ in range(2):
            server.stop()
            server.start()
            is_over, wrong = threading.Event(), []

            def repeat(*calls):
                while not is_over.is_set():
                    for method, path, body in calls:
                        status, answer = server.call(method, path, body)
                        if status >= 400 and status != 409:
                            wrong.append((path, status, answer))

            work = [[("GET", "/usersync/connector/", None)],
                    [("POST", f"/usersync/connector/{numbers[0]}/pause", None), ("POST", f"/usersync/connector/{numbers[0]}/resume", None)],
                    [("PUT", f"/usersync/connector/{numbers[1]}", settings), ("POST", f"/usersync/connector/{numbers[1]}/sync", None)]]
            threads = [threading.Thread(target=repeat, args=calls) for calls in work]
            for t in threads:
                t.start()

            def newest():
                return server.call("GET", f"/usersync/connector/{numbers[2]}/syncstatus")[1].get("id", 0)
            deadline, first = time.monotonic() + 60, newest()
            while newest() < first + 6:
                assert time.monotonic() < deadline
                assert server.request("GET", "/metrics").status == 200
            is_over.set()
            for t in threads:
                t.join()
            assert not wrong, wrong[:3]
