"""Where the time goes: the three most expensive functions of a first sync and of one with nothing changed (CSV, 100,000 users)."""

import measure

USERS, GROUPS, MEMBERSHIPS = 100_000, 10_000, 500_000


def run(quick=False):
    with measure.Folder() as folder:
        measure.generate(folder, USERS, GROUPS, MEMBERSHIPS)
        with measure.system.Server() as server:
            connector = server.create("bench", "file", {"path": str(folder / "users.csv")})
            first = measure.profile(server, connector)
            unchanged = measure.profile(server, connector) if first else None
    return {"first": first, "nothing changed": unchanged}


def render(result):
    if not result["first"]:
        return "perf is not there, or may not be used here."
    rows = [[step, f"{percent:.0f} %", f"`{name}`"] for step in ("first", "nothing changed") for percent, name in result[step]]
    return measure.table(["sync", "share of samples", "function"], rows)
