"""CSV: 100,000 and 1,000,000 users. Does the cost of an object stay the same?"""

import measure

SIZES = [("100k", 100_000, 10_000, 500_000), ("1M", 1_000_000, 100_000, 5_000_000)]
LIMITS = {"1M": (60, 10, 200)}


def run(quick=False):
    result = {"load": measure.load(), "sizes": []}
    for name, users, groups, memberships in SIZES[:1] if quick else SIZES:
        with measure.Folder() as folder:
            measure.generate(folder, users, groups, memberships)
            configuration = {"path": str(folder / "users.csv")}
            alone = measure.read_alone("file", configuration)

            def change():
                measure.generate(folder / "next", users, groups, memberships, changed=100)
                (folder / "next/users.csv").replace(folder / "users.csv")

            first, unchanged, changed, size = measure.first_unchanged_changed("file", configuration, change, runs=3 if users < 500_000 else 1)
            assert first.status["addedCount"] == users and changed.status["updatedCount"] == 100, (first.status, changed.status)
            steps = {"first": first, "nothing changed": unchanged, "100 changed": changed}
            result["sizes"].append({
                "name": name, "objects": users + groups + alone["memberships"], "megabytes": alone["bytes"] / 1e6, "store": size,
                "read": [alone["seconds"], alone["peakKB"] / 1024],
                "steps": {step: [s.wall_s, s.cpu_s, s.peak] for step, s in steps.items()},
            })
    return result


def render(result):
    rows, sizes = [], {size["name"]: size for size in result["sizes"]}
    for size in result["sizes"]:
        name, objects = size["name"], size["objects"]
        limits = dict(zip(("first", "nothing changed"), LIMITS.get(name, ())))
        most = LIMITS.get(name, (0, 0, 0))[2]
        rows.append([name, f"reading alone, {size['megabytes']:.0f} MB", f"{size['read'][0]:.2f} s", "", f"{size['read'][1]:.0f} MB",
                     f"{size['read'][0] / objects * 1e6:.2f} µs", ""])
        for step, (wall, cpu, peak) in size["steps"].items():
            limit = limits.get(step)
            aims = [f"at most {limit} s: {measure.verdict(wall, limit)}"] if limit else []
            aims += [f"{most} MB: {measure.verdict(peak, most)}"] if most else []
            rows.append([name, step, f"{wall:.2f} s", f"{cpu:.2f} s", f"{peak:.0f} MB", f"{wall / objects * 1e6:.2f} µs", ", ".join(aims)])
    out = [measure.table(["users", "what", "time", "processor", "peak memory", "per object", "aim"], rows)]
    if "1M" in sizes and "100k" in sizes:
        ratios = []
        for step in sizes["1M"]["steps"]:
            ratio = (sizes["1M"]["steps"][step][0] / sizes["1M"]["objects"]) / (sizes["100k"]["steps"][step][0] / sizes["100k"]["objects"])
            ratios.append(f"{step} {ratio:.2f}")
        out.append("Cost per object, 1,000,000 against 100,000 users (aim: at most 1.3): " + ", ".join(ratios) + ".")
    return "\n\n".join(out)
