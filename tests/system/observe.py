"""What a directory holds, so that a test can say "nothing changed" or "this changed and nothing else"."""

import urllib.parse


def pages(server, path, key):
    cursor = ""
    while cursor is not None:
        status, page = server.call("GET", f"{path}?limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200, page
        yield from page[key]
        cursor = page["cursor"]


def users(server, directory):
    """name → (id, active, full name, mail)"""
    return {u["name"]: (u["id"], u["active"], u.get("fullName"), u.get("email"))
            for u in pages(server, f"/directory/{directory}/user", "users")}


def members(server, directory, group):
    """(sorted users, sorted groups) that are direct members"""
    path = f"/directory/{directory}/group/{urllib.parse.quote(group, safe='')}"
    first = server.call("GET", path)[1]
    found = list(pages(server, path, "users"))
    assert first["userCount"] == len(found)
    return sorted(found), sorted(first["groups"])


def groups(server, directory):
    """name → (id, users, groups)"""
    return {g["name"]: (g["id"], *members(server, directory, g["name"])) for g in pages(server, f"/directory/{directory}/group", "groups")}


def snapshot(server, connector):
    """All that the directory of a connector holds, and its counters, which must agree."""
    directory = connector["directoryId"]
    status, head = server.call("GET", f"/directory/{directory}")
    assert status == 200, head
    all_users, all_groups = users(server, directory), groups(server, directory)
    counted = (len(all_users), sum(u[1] for u in all_users.values()), len(all_groups), sum(len(g[1]) + len(g[2]) for g in all_groups.values()))
    assert (head["users"], head["activeUsers"], head["groups"], head["memberships"]) == counted
    return all_users, all_groups


def took_nothing(run):
    """Whether the run took nothing away from anybody."""
    return not (run["deletedCount"] or run["disabledCount"] or run["anonymizedCount"] or run["groups"]["deletedCount"]
                or run["memberships"]["removedCount"])
