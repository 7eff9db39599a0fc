"""CSV: 100,000 and 1,000,000 users. Does the cost of an object stay the same?"""

import measure

SIZES = [("100k", 100_000, 10_000, 500_000), ("1M", 1_000_000, 100_000, 5_000_000)]
LIMITS = {"1M": (60, 10, 200)}


def run(quick=False):
    result = {"sizes": []}
    for name, users, groups, memberships in SIZES[:1] if quick else SIZES:
        with measure.Folder() as folder:
            measure.generate(folder, users, groups, memberships)
            configuration = {"path": str(folder / "users.csv")}
            alone = measure.read_alone("file", configuration)
            shell = measure.timed(["sqlite3", str(folder / "peer.db"), f".import --csv {folder / 'users.csv'} users"])
            (folder / "peer.db").unlink()

            def change():
                measure.generate(folder / "next", users, groups, memberships, changed=100)
                (folder / "next/users.csv").replace(folder / "users.csv")

            first, unchanged, changed, size = measure.first_unchanged_changed("file", configuration, change, firsts=3 if users < 500_000 else 1)
            assert first.status["addedCount"] == users and changed.status["updatedCount"] == 100, (first.status, changed.status)
            steps = {"first": first, "nothing changed": unchanged, "100 changed": changed}
            result["sizes"].append({
                "name": name, "objects": users + groups + alone["memberships"], "megabytes": alone["bytes"] / 1e6, "store": size,
                "read": [alone["seconds"], alone["peakKB"] / 1024], "shell": vars(shell),
                "steps": {step: [s.wall_s, s.cpu_s, s.peak] for step, s in steps.items()},
            })
    return result


def render(result):
    rows, sizes = [], {size["name"]: size for size in result["sizes"]}
    for size in result["sizes"]:
        name, objects, base, shell = size["name"], size["objects"], size["read"][0], size["shell"]
        limits = dict(zip(("first", "nothing changed"), LIMITS.get(name, ())))
        most = LIMITS.get(name, (0, 0, 0))[2]
        rows.append([name, f"reading alone, {size['megabytes']:.0f} MB", f"{base:.2f} s", "", f"{size['read'][1]:.0f} MB", "", "1.0", ""])
        rows.append([name, "sqlite3 .import, users alone", f"{shell['wall_s']:.2f} s", f"{shell['cpu_s']:.2f} s", f"{shell['peak']:.0f} MB", "",
                     f"{shell['wall_s'] / base:.1f}", ""])
        for step, (wall, cpu, peak) in size["steps"].items():
            limit = limits.get(step)
            aims = [f"at most {limit} s: {measure.verdict(wall, limit)}"] if limit else []
            aims += [f"{most} MB: {measure.verdict(peak, most)}"] if most else []
            rows.append([name, f"usersync, {step}", f"{wall:.2f} s", f"{cpu:.2f} s", f"{peak:.0f} MB", f"{cpu / objects * 1e6:.2f} µs",
                         f"{wall / base:.1f}", ", ".join(aims)])
    out = [measure.table(["users", "what", "time", "processor", "peak memory", "processor per object", "ratio", "aim"], rows)]
    if "1M" in sizes and "100k" in sizes:
        ratios = []
        for step in sizes["1M"]["steps"]:
            large, small = ([part / sizes[name]["objects"] for part in sizes[name]["steps"][step][:2]] for name in ("1M", "100k"))
            ratios.append([step, *(f"{many / few:.2f}" for many, few in zip(large, small)),
                           f"at most 1.3: {measure.verdict(large[1] / small[1], 1.3)}" if step != "100 changed" else ""])
        out.append("Cost of an object, a user, group or membership, with 1,000,000 users against 100,000. The aim is for the processor's.")
        out.append(measure.table(["step", "time", "processor", "aim"], ratios))
    return "\n\n".join(out)
