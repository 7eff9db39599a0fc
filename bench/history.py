"""Questions about what was: explain at 1,000,000 users, and the undo of 100,000 changes."""

import random
import statistics
import time

import measure

SIZES = {"100k": (100_000, 10_000, 500_000), "1M": (1_000_000, 100_000, 5_000_000)}
CHANGES = 100_000
EXPLAIN_MS, UNDO_RATIO = 50, 2
UNLIMITED = {name: {"percent": 100} for name in ("users", "groups", "memberships")} | {"shrinkPercent": 100}


def timed_run(server, path):
    """Wall and processor seconds of a run, from the POST to its end."""
    cpu, begin = measure.cpu_seconds(server.process.pid), time.monotonic()
    status, answer = server.call("POST", path)
    assert status == 202, answer
    done = measure.wait(server, answer["id"], begin + 600)
    assert done["status"] == "DONE", done
    return measure.Step(time.monotonic() - begin, measure.cpu_seconds(server.process.pid) - cpu, measure.peak_mb(server.process.pid), done)


ROUNDS = 3


def undo(folder, kind):
    """The apply of a plan of 100,000 changes alone, as the apply of a simulation, and the whole undo of it; the best of some rounds of both."""
    users, groups, memberships = SIZES["100k"]
    measure.generate(folder, users, groups, memberships)
    configuration = {"path": str(folder / "users.csv"), "limits": UNLIMITED}
    with measure.system.Server() as server:
        connector = server.create("bench", "file", configuration)
        if kind == "updated":
            measure.timed_sync(server, connector)
            measure.generate(folder / "next", users, groups, memberships, changed=CHANGES)
            (folder / "next/users.csv").replace(folder / "users.csv")
        applies, undos = [], []
        for _ in range(ROUNDS):
            simulated = timed_run(server, f"/usersync/connector/{connector['id']}/simulate")
            applied = timed_run(server, f"/usersync/syncstatus/{simulated.status['id']}/apply")
            undone = timed_run(server, f"/usersync/syncstatus/{applied.status['id']}/undo")
            counted = undone.status["updatedCount" if kind == "updated" else "deletedCount"]
            assert counted == CHANGES and undone.status["failedCount"] == 0, undone.status
            applies.append([applied.wall_s, applied.cpu_s])
            undos.append([undone.wall_s, undone.cpu_s])
    best = lambda steps: min(steps, key=lambda step: step[1])  # noqa: E731
    return {"apply": best(applies), "undo": best(undos)}


def ask(server, connector, names, query):
    """Milliseconds of each answer, and of the processor for one."""
    took, cpu = [], measure.cpu_seconds(server.process.pid)
    for name in names:
        begin = time.monotonic()
        status, answer = server.call("GET", f"/usersync/connector/{connector['id']}/explain/{name}{query}")
        took.append((time.monotonic() - begin) * 1000)
        assert status == 200 and answer["reasons"], answer
    return {"median": statistics.median(took), "worst": max(took),
            "cpu": (measure.cpu_seconds(server.process.pid) - cpu) / len(names) * 1000}


def explain(folder, users, groups, memberships):
    measure.generate(folder, users, groups, memberships)
    with measure.system.Server() as server:
        connector = server.create("bench", "file", {"path": str(folder / "users.csv"), "limits": UNLIMITED, "cleanup": "delete"})
        measure.timed_sync(server, connector)
        lines = (folder / "users.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        column = lines[0].strip().split(",").index("username")
        name = lambda line: line.split(",")[column]  # noqa: E731
        gone = [name(line) for line in lines[1:1001]]
        (folder / "users.csv").write_text("".join(lines[:1] + lines[1001:]), encoding="utf-8")
        measure.timed_sync(server, connector)
        chosen = random.Random(7)
        there = [name(line) for line in chosen.sample(lines[1001:], 200)]
        return {"there": ask(server, connector, there, "?source=0"), "was there": ask(server, connector, chosen.sample(gone, 100), "?source=0"),
                "never came": ask(server, connector, [f"nobody{i}" for i in range(100)], "?source=0"), "source": ask(server, connector, there[:3], "")}


def run(quick=False):
    result = {"size": "100k" if quick else "1M"}
    for kind in ("updated", "added"):
        with measure.Folder() as folder:
            result[kind] = undo(folder, kind)
    with measure.Folder() as folder:
        result["explain"] = explain(folder, *SIZES[result["size"]])
    return result


def render(result):
    rows = []
    for what in ("there", "was there", "never came", "source"):
        one = result["explain"][what]
        label = "a user who is there, the source asked: all of the file is read" if what == "source" else f"a user who {'is ' if what == 'there' else ''}{what}, from the store"
        rows.append([label, f"{one['median']:.1f} ms", f"{one['worst']:.1f} ms", f"{one['cpu']:.1f} ms",
                     "" if what == "source" else f"at most {EXPLAIN_MS} ms: {measure.verdict(one['worst'], EXPLAIN_MS)}"])
    out = [f"Explain, {result['size']} users. Aims are for the worst answer.", measure.table(["explain", "median", "worst", "processor", "aim"], rows)]
    rows = []
    for kind in ("updated", "added"):
        (apply_s, apply_cpu), (undo_s, undo_cpu) = result[kind]["apply"], result[kind]["undo"]
        rows.append([f"100k {kind}", f"{apply_s:.2f} s", f"{apply_cpu:.2f} s", f"{undo_s:.2f} s", f"{undo_cpu:.2f} s", f"{undo_cpu / apply_cpu:.2f}",
                     f"at most {UNDO_RATIO}: {measure.verdict(undo_cpu / apply_cpu, UNDO_RATIO)}"])
    out.append("Undo: planning, writing down and applying it, against the apply alone of the plan that it turns round. The ratio is the processor's.")
    out.append(measure.table(["run", "its apply", "processor", "its undo", "processor", "ratio", "aim"], rows))
    return "\n\n".join(out)
