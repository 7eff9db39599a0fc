"""What /metrics says, read by the parser of Prometheus' own Python client, and held to what that parser lets pass: names, types, one head for each
family, no series twice, histograms that add up, counters that only rise.
"""

import re
import threading
import time

import fakekc
import pytest
from company import Company
from fakeserver import FakeServer, Turn
from prometheus_client.parser import text_string_to_metric_families
from server import Server

# Every character that the text format or a script around it could trip over.
HOSTILE = ['"', "\\", '\\"', 'a"} 1', "x{y=\"z\"} 7", "# TYPE usersync_runs_total gauge", "ü 漢 🦆 \u202eright", "tab\there", "%s %n", "le=\"+Inf\"",
           "line\nbreak", "nul\0", "\ufeffbom"]
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


class Figures:
    """One scrape: values by name and labels, kinds by family."""

    def __init__(self, text):
        self.kinds, self.values = {}, {}
        assert text.endswith("\n") and "\r" not in text
        heads = re.findall(r"^# (HELP|TYPE) (\S+) (.*)$", text, re.M)
        assert len(heads) == text.count("\n#") + 1
        for kind in ("HELP", "TYPE"):
            names = [name for what, name, said in heads if what == kind and said.strip()]
            assert len(names) == len(set(names)) == len(heads) / 2, f"{kind} twice, or without a text"
        for family in text_string_to_metric_families(text):
            assert family.documentation.endswith(".") and family.type in SAMPLES, family
            assert re.fullmatch("usersync_[a-z_]+", family.name) and family.name not in self.kinds, family.name
            self.kinds[family.name] = family.type
            for sample in family.samples:
                assert sample.name in [family.name + end for end in SAMPLES[family.type]], sample
                assert sample.timestamp is None
                key = (sample.name, *sorted(sample.labels.items()))
                assert key not in self.values, f"twice: {key}"
                self.values[key] = sample.value
        assert len(self.values) == sum(bool(line) and line[0] != "#" for line in text.split("\n"))
        for name, kind in self.kinds.items():
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        rows = {}
        for (sample, *labels), value in self.values.items():
            if sample == name + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                rows.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for rest, row in rows.items():
            assert row == sorted(row) and [count for _, count in row] == sorted(count for _, count in row), row
            count, total = self.values[(name + "_count", *rest)], self.values[(name + "_sum", *rest)]
            assert row[-1] == (float("inf"), count), row
            # The sum lies between what the buckets allow.
            single = [(low, high, b - a) for (low, a), (high, b) in zip([(0, 0), *row], row)]
            assert sum(low * n for low, _, n in single) <= total + 1e-5, (row, total)
            assert total <= sum(high * n for _, high, n in single if n) + 1e-5, (row, total)

    def get(self, name, **labels):
        """The value of one series; 0 if there is none."""
        return self.values.get((name, *sorted(labels.items())), 0)

    def counters(self):
        return {key: value for key, value in self.values.items() for name, kind in self.kinds.items()
                if (kind == "counter" and key[0] == name + "_total") or (kind == "histogram" and key[0] in (name + "_count", name + "_sum", name + "_bucket"))}


def scrape(server):
    answer = server.request("GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Figures(answer.body.decode())


def check_risen(before, after):
    then, now = before.counters(), after.counters()
    assert then and not {key: (value, now.get(key)) for key, value in then.items() if now.get(key, -1) < value}


def test_figures_follow_what_happens(server):
    with Company() as company:
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        company.path.unlink()
        server.sync(connector)
        figures = scrape(server)
    mine = {"connector": connector["uniqueId"]}
    assert figures.get("usersync_runs_total", **mine, kind="full", status="DONE") == 1
    assert figures.get("usersync_runs_total", **mine, kind="full", status="FAILED") == 1
    assert figures.get("usersync_last_success_objects", **mine, object="user", outcome="ADDED") == 30
    assert figures.get("usersync_last_success_timestamp_seconds", **mine) > 1.7e9
    assert figures.get("usersync_last_success_duration_seconds", **mine) >= 0
    assert figures.get("usersync_directory_objects", directory="1", object="user") == 30
    assert figures.get("usersync_http_requests_total", operation="sync", status="2xx") == 2
    assert figures.get("usersync_http_request_duration_seconds_count", operation="sync") == 2


def test_counters_only_rise_whatever_happens(tmp_path):
    """A series that falls or goes is taken for a restart by whoever counts with it."""
    gate = threading.Event()
    with Company() as company, FakeServer({"/realms/staff": Turn({"realm": "staff"}, 200, gate)}) as fake, \
            Server("--workers", "1", "--keep-runs", "2") as server:
        connector = server.create("hr", "file", {**company.configuration, "limits": {"users": {"floor": 0, "percent": 0}}})
        slow = server.create("slow", "keycloak", {"url": fake.url, "realm": "staff", "clientId": "usersync", "clientSecret": "x", "retries": 0})
        seen = [scrape(server)]

        def check():
            seen.append(scrape(server))
            check_risen(seen[-2], seen[-1])
            return seen[-1]

        for _ in range(3):
            server.sync(connector)
            check()
        # one run at work, one in the queue
        going = server.call("POST", f"/usersync/connector/{slow['id']}/sync")[1]["id"]
        deadline = time.monotonic() + 30
        while not fake.requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        queued = server.call("POST", f"/usersync/connector/{connector['id']}/sync")[1]["id"]
        now = check()
        assert (now.get("usersync_runs_running"), now.get("usersync_runs_queued")) == (1, 1)
        gate.set()
        assert (server.wait(going)["status"], server.wait(queued)["status"]) == ("FAILED", "DONE")
        now = check()
        assert (now.get("usersync_runs_running"), now.get("usersync_runs_queued")) == (0, 0)
        # what is held, and what becomes of it
        for decision in ("approve", "reject"):
            company.people.popitem()
            company.write()
            held = server.sync(connector)
            assert held["status"] == "HELD"
            assert check().get("usersync_runs_held", connector=connector["uniqueId"]) == 1
            assert server.call("POST", f"/usersync/syncstatus/{held['id']}/{decision}")[0] in (200, 202)
            server.wait(held["id"])
            assert check().get("usersync_runs_held", connector=connector["uniqueId"]) == 0
        last = check()
        mine = {"connector": connector["uniqueId"], "kind": "full"}
        assert last.get("usersync_runs_total", **mine, status="DONE") == 5
        assert last.get("usersync_runs_total", **mine, status="CANCELLED") == 1
        assert {dict(labels).get("status") for name, *labels in last.values if name == "usersync_runs_total"} == {"DONE", "CANCELLED", "FAILED"}
        for password in ("wrong", "wrong too"):
            assert server.request("GET", "/rest/samlsso-admin/1.0/directory/", password=password).status == 401
        assert check().get("usersync_login_failures_total") == last.get("usersync_login_failures_total") + 2


def test_names_of_connectors_cannot_write_figures(server):
    known = scrape(server).kinds
    with Company(count=2) as company:
        taken = []
        for name in HOSTILE:
            status, answer = server.call("POST", "/usersync/connector/", {"name": name, "type": "file", "configuration": company.configuration})
            assert status in (201, 422), (name, answer)
            if status == 201:
                taken.append(name)
                assert server.sync(answer)["status"] == "DONE"
        assert len(taken) > 6, taken
        figures = scrape(server)
    assert figures.kinds == known
    labels = [pair for _, *pairs in figures.values for pair in pairs]
    assert all(re.fullmatch(r"[A-Za-z0-9_.+-]+", value) for _, value in labels), labels
    assert len({value for label, value in labels if label == "connector"}) == len(taken)


def test_every_operation_is_counted_under_its_own_name(server):
    """However many there are. Without credentials nothing is done."""
    document = server.request("GET", "/openapi.json").json()
    wanted = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                answer = server.request(method.upper(), re.sub(r"\{[^}]*\}", "1", path), user=None)
                wanted[operation["operationId"]] = f"{answer.status // 100}xx"
    figures = scrape(server)
    missing = {name for name, status in wanted.items() if not figures.get("usersync_http_requests_total", operation=name, status=status)}
    assert len(wanted) > 60 and not missing
    assert not figures.get("usersync_http_requests_total", operation="none", status="4xx")
    # Each was timed once.
    for name in wanted:
        requests = sum(v for key, v in figures.values.items() if key[:2] == ("usersync_http_requests_total", ("operation", name)))
        assert figures.get("usersync_http_request_duration_seconds_count", operation=name) == requests, name


@pytest.mark.parametrize("status, after", [(429, "0"), (503, None), (503, "0")])
def test_retries_are_counted_when_a_source_makes_us_retry(server, status, after):
    with fakekc.FakeKeycloak(people=30, group_count=2) as source:
        settings = {"url": source.url, "realm": source.realm, "clientId": source.client, "clientSecret": source.secret}
        connector = server.create("kc", "keycloak", settings)
        assert server.sync(connector)["status"] == "DONE"
        before, asked = scrape(server), source.count("")
        assert before.get("usersync_source_requests_total") == asked > 0 == before.get("usersync_source_retries_total")
        options = {"retry_after": after} if after else {}
        faults = [source.fault("/users", status, times=2, **options), source.fault("/members", status, times=1, **options)]
        run = server.sync(connector)
        assert run["status"] == "DONE" and run["notModifiedCount"] == 30, run
        figures = scrape(server)
        check_risen(before, figures)
        assert figures.get("usersync_source_retries_total") == 3 == sum(fault.fired for fault in faults)
        assert figures.get("usersync_source_requests_total") == source.count("")
        assert (run["certificate"]["retries"], run["certificate"]["requests"]) == (3, source.count("") - asked)
