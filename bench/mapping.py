"""What mapping costs: a user's rows alone, and a sync in which nothing has changed."""

import statistics
import subprocess

import measure

USERS, GROUPS, MEMBERSHIPS, ROUNDS = 100_000, 10_000, 500_000, 11
MORE_US, SCRIPT_US, SYNC_RATIO = 2, 3, 1.5

PLAIN = [{"attribute": attribute, "from": column} for attribute, column in (
    ("username", "username"), ("fullName", "fullName"), ("firstName", "firstName"), ("lastName", "lastName"), ("email", "email"),
    ("department", "department"), ("phone", "phone"), ("title", "title"), ("city", "site"), ("employee", "employeeNumber"))]
# The same rows with work to do: two regular expressions, a template, a table, changes of case.
TEN = [
    {"attribute": "username", "from": "email", "transform": ["lower", {"regex": {"find": "@(new\\.)?example\\.org$", "replace": ""}}]},
    {"attribute": "fullName", "template": "{lastName}, {firstName}"},
    {"attribute": "firstName", "from": "firstName", "transform": "trim"},
    {"attribute": "lastName", "from": "lastName"},
    {"attribute": "email", "from": "email", "transform": "lower"},
    {"attribute": "department", "from": "department", "transform": {"table": {"Logistics": "LOG", "Sales": "SAL"}}},
    {"attribute": "phone", "from": "phone", "transform": {"regex": {"find": "^\\+99 ?(\\d+)[ -](\\d+)$", "replace": "0$1/$2"}}},
    {"attribute": "title", "from": "title"},
    {"attribute": "city", "from": "site"},
    {"attribute": "employee", "from": "employeeNumber"},
]


def alone():
    subprocess.run(["ninja", "-C", str(measure.build()), "bench/mapping"], check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run([measure.build() / "bench/mapping"], check=True, capture_output=True, text=True).stdout
    return [(name, float(us)) for name, us in (line.split("\t") for line in text.splitlines())]


def syncs(folder, scale):
    """Processor and wall seconds of the best sync of each mapping, and the median of the rounds' ratios to the first one. They take turns, so that
    a busy machine is busy for all."""
    measure.generate(folder, USERS // scale, GROUPS // scale, MEMBERSHIPS // scale)
    with measure.system.Server() as server:
        connectors = {name: server.create(name, "file", {"path": str(folder / "users.csv")} | ({"mapping": rows} if rows else {}))
                      for name, rows in (("no mapping set", None), ("ten plain rows", PLAIN), ("ten rows, two regular expressions", TEN))}
        for connector in connectors.values():
            first = measure.timed_sync(server, connector)
            assert first.status["addedCount"] == USERS // scale, first.status
        taken = {name: [] for name in connectors}
        for _ in range(ROUNDS):
            for name, connector in connectors.items():
                step = measure.timed_sync(server, connector)
                assert step.status["notModifiedCount"] == USERS // scale, step.status
                taken[name].append([step.cpu_s, step.wall_s])
    without = taken["no mapping set"]
    return {name: [*min(steps), statistics.median(one[0] / other[0] for one, other in zip(steps, without))] for name, steps in taken.items()}


def run(quick=False):
    with measure.Folder() as folder:
        return {"alone": alone(), "syncs": syncs(folder, 10 if quick else 1)}


def render(result):
    rows, before = [], None
    for name, us in result["alone"]:
        limit = None if before is None else SCRIPT_US if "script" in name else MORE_US
        rows.append([name, f"{us:.2f} µs", "" if before is None else f"{us - before:.2f} µs",
                     f"at most {limit} µs more: {measure.verdict(us - before, limit)}" if limit else ""])
        before = us
    out = [measure.table(["mapping of a user", "processor", "more than above", "aim"], rows)]
    rows = [[name, f"{cpu:.2f} s", f"{wall:.2f} s", f"{ratio:.2f}",
             f"at most {SYNC_RATIO}: {measure.verdict(ratio, SYNC_RATIO)}" if "regular" in name else ""]
            for name, (cpu, wall, ratio) in result["syncs"].items()]
    out.append(measure.table(["sync, nothing changed", "processor", "time", "ratio", "aim"], rows))
    return "\n\n".join(out)
