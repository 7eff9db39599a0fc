"""Who follows the events of the Crowd protocol has what somebody has who reads everything."""

import os
import random
import xml.etree.ElementTree as ET

import pytest
from crowd import ROOT, Awkward, Crowd, memberships, plain
from server import Server

SEED = int(os.environ.get("USERSYNC_TEST_SEED", "20261126"))
STEPS = int(os.environ.get("USERSYNC_TEST_ROUNDS", "25"))
NAMES = ["ann", "Bob", "céline", "дима", "eve & co", "f<g>", "🦊", "h'i", "j k", "lou"]
GROUP_NAMES = ["red", "Blue", "grün", "a & b", "all"]


class Mirror:
    """What a client knows: users by folded name, groups, and who is in them."""

    def __init__(self, crowd):
        self.crowd = crowd
        self.users, self.groups, self.members = {}, {}, {}
        self.token = None

    def read_all(self):
        self.token = self.crowd.get("event")[1]["newEventToken"]
        for kind, into in (("user", self.users), ("group", self.groups)):
            found = self.crowd.get("search", **{"entity-type": kind, "max-results": -1, "expand": kind + ",attributes"})[1][kind + "s"]
            into.clear()
            into.update({item["name"].casefold(): strip(item) for item in found})
        answer = self.crowd.server.request("GET", ROOT + "/group/membership", user=self.crowd.name, password=self.crowd.password)
        self.members = {group.casefold(): ({u.casefold() for u in users}, {g.casefold() for g in groups})
                        for group, (users, groups) in memberships(ET.fromstring(answer.body)).items()}
        return self

    def follow(self):
        server = self.crowd.server
        answer = server.request("GET", f"{ROOT}/event/{self.token}", user=self.crowd.name, password=self.crowd.password)
        assert answer.status == 200, answer.body
        events = ET.fromstring(answer.body)
        assert events.get("incrementalSynchronisationAvailable") == "true"
        for event in events:
            getattr(self, event.tag)(event)
        self.token = events.get("newEventToken")
        return len(events)

    def userEvent(self, event):
        user = plain(event.find("user"))
        key = user["name"].casefold()
        if event.find("operation").text == "DELETED":
            self.users.pop(key, None)
            for users, _ in self.members.values():
                users.discard(key)
        else:
            self.users[key] = strip(user)

    def groupEvent(self, event):
        group = plain(event.find("group"))
        key = group["name"].casefold()
        if event.find("operation").text == "DELETED":
            self.groups.pop(key, None)
            self.members.pop(key, None)
            for _, groups in self.members.values():
                groups.discard(key)
        else:
            self.groups[key] = strip(group)
            self.members.setdefault(key, (set(), set()))

    def userMembershipEvent(self, event):
        assert event.find("operation").text == "UPDATED"
        user = event.find("childUser").get("name").casefold()
        groups = {g.get("name").casefold() for g in event.find("parentGroups")}
        for group, (users, _) in self.members.items():
            (users.add if group in groups else users.discard)(user)
        assert groups <= set(self.members)

    def groupMembershipEvent(self, event):
        assert event.find("operation").text == "UPDATED"
        group = event.find("group").get("name").casefold()
        parents = {g.get("name").casefold() for g in event.find("parentGroups")}
        for parent, (_, groups) in self.members.items():
            (groups.add if parent in parents else groups.discard)(group)
        self.members[group][1].clear()
        self.members[group][1].update(g.get("name").casefold() for g in event.find("childGroups"))

    def state(self):
        return {"users": self.users, "groups": self.groups, "members": self.members}


def strip(entity):
    """Without what differs by how it was asked for."""
    return {k: v for k, v in entity.items() if k not in ("link", "expand", "attributes", "password")}


class World:
    """A directory's files, changed at random."""

    def __init__(self, rng, server, number):
        self.rng, self.server, self.next = rng, server, 0
        self.people, self.groups = {}, {}
        for name in rng.sample(NAMES, 6):
            self.people[self.key("p")] = [name, name, True]
        for name in rng.sample(GROUP_NAMES, 3):
            self.groups[self.key("g")] = [name, set()]
        self.shuffle_members()
        self.files = Awkward([], [])
        self.write()
        self.connector = server.create(f"world{number}", "file", {**self.files.configuration, "cleanup": "delete"})
        self.runs = []

    def key(self, letter):
        self.next += 1
        return f"{letter}{self.next}"

    def write(self):
        self.files.write([(k, p[0], p[1], "", p[2]) for k, p in self.people.items()], [(k, g[0], sorted(g[1])) for k, g in self.groups.items()])

    def shuffle_members(self):
        for key, group in self.groups.items():
            everybody = list(self.people) + [g for g in self.groups if g != key]
            group[1] = set(self.rng.sample(everybody, self.rng.randint(0, len(everybody))))

    def free(self, table, names):
        taken = {row[0] for row in table.values()}
        return [name for name in names if name not in taken]

    def change(self):
        rng = self.rng
        what = rng.choice(["add", "remove", "rename", "swap", "fields", "members", "group add", "group remove", "group rename", "group swap", "nothing"])
        people, groups = list(self.people), list(self.groups)
        free, free_groups = self.free(self.people, NAMES), self.free(self.groups, GROUP_NAMES)
        if what == "add" and free:
            self.people[self.key("p")] = [rng.choice(free), "New", True]
        elif what == "remove" and len(people) > 1:
            gone = rng.choice(people)
            del self.people[gone]
        elif what == "rename" and free:
            self.people[rng.choice(people)][0] = rng.choice(free)
        elif what == "swap" and len(people) > 1:
            a, b = rng.sample(people, 2)
            self.people[a][0], self.people[b][0] = self.people[b][0], self.people[a][0]
        elif what == "fields":
            one = self.people[rng.choice(people)]
            one[1], one[2] = f"Name {rng.randint(0, 9)}", rng.random() < 0.7
        elif what == "members":
            self.shuffle_members()
        elif what == "group add" and free_groups:
            self.groups[self.key("g")] = [rng.choice(free_groups), set(rng.sample(people, 1))]
        elif what == "group remove" and len(groups) > 1:
            del self.groups[rng.choice(groups)]
        elif what == "group rename" and free_groups:
            self.groups[rng.choice(groups)][0] = rng.choice(free_groups)
        elif what == "group swap" and len(groups) > 1:
            a, b = rng.sample(groups, 2)
            self.groups[a][0], self.groups[b][0] = self.groups[b][0], self.groups[a][0]
        for group in self.groups.values():
            group[1] &= set(self.people) | set(self.groups)
        return what

    def sync(self):
        self.write()
        run = self.server.sync(self.connector)
        if run["status"] == "HELD":
            assert self.server.call("POST", f"/usersync/syncstatus/{run['id']}/approve")[0] == 202
            run = self.server.wait(run["id"])
        assert run["status"] == "DONE", run
        self.runs.append(run["id"])

    def undo(self):
        """Turns round one of the last runs; what came after it stays."""
        if self.runs:
            status, run = self.server.call("POST", f"/usersync/syncstatus/{self.rng.choice(self.runs[-3:])}/undo")
            if status == 202:
                run = self.server.wait(run["id"])
                if run["status"] == "HELD":
                    self.server.call("POST", f"/usersync/syncstatus/{run['id']}/approve")
                    self.server.wait(run["id"])


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2])
def test_who_follows_has_what_is_read_whole(seed):
    rng = random.Random(seed)
    with Server() as server:
        worlds = [World(rng, server, i) for i in range(2)]
        for world in worlds:
            world.sync()
        first, second = (world.connector["directoryId"] for world in worlds)
        followers = []
        for name, directories in [("one", [first]), ("two", [first, second]), ("turned", [second, first])]:
            server.call("POST", "/application/", {"name": name, "directories": directories, "password": "open sesame"})
            followers.append(Mirror(Crowd(server, name, "open sesame")).read_all())
        for step in range(STEPS):
            done = []
            for _ in range(rng.randint(1, 3)):
                world = rng.choice(worlds)
                if rng.random() < 0.2:
                    world.undo()
                    done.append("undo")
                else:
                    done += [world.change() for _ in range(rng.randint(1, 3))]
                    world.sync()
            if rng.random() < 0.1:
                server.stop()
                server.start()
            for follower in followers:
                if rng.random() < 0.7:
                    follower.follow()
                    whole = Mirror(follower.crowd).read_all()
                    assert follower.state() == whole.state(), f"seed {seed}, step {step}, {follower.crowd.name}: {done}"
        for follower in followers:
            follower.follow()
            assert follower.state() == Mirror(follower.crowd).read_all().state(), f"seed {seed}, {follower.crowd.name}"
            assert follower.follow() == 0


def test_a_token_that_cannot_be_followed_is_refused_with_its_reason(server):
    with Awkward() as company:
        connector = server.create("awkward", "file", company.configuration)
        server.sync(connector)
        server.call("POST", "/application/", {"name": "wiki", "directories": [connector["directoryId"]], "password": "open sesame"})
        for wants_json in (False, True):
            crowd = Crowd(server, "wiki", "open sesame", wants_json)
            token = crowd.get("event")[1]["newEventToken"]
            status, events = crowd.get(f"event/{token}")
            assert (status, events["newEventToken"]) == (200, token)
            for bad in ("x", token[:-1] + ("0" if token[-1] != "0" else "1"), token + "." + token, "none", token.upper()):
                status, answer = crowd.get(f"event/{bad}")
                assert (status, answer["reason"]) == (400, "EVENT_TOKEN_EXPIRED"), (bad, answer)
                assert answer["message"]
        # the directory is made again: the old one's token holds no more
        server.call("DELETE", f"/directory/{connector['directoryId']}")
        server.call("PUT", f"/usersync/connector/{connector['id']}", company.configuration)
        server.sync(connector)
        status, answer = crowd.get(f"event/{token}")
        assert (status, answer["reason"]) == (400, "EVENT_TOKEN_EXPIRED"), answer
        fresh = crowd.get("event")[1]["newEventToken"]
        assert crowd.get(f"event/{fresh}")[0] == 200
        server.call("PUT", "/application/wiki", {"directories": []})
        assert crowd.get(f"event/{fresh}")[1]["reason"] == "EVENT_TOKEN_EXPIRED"


def test_what_events_look_like(server):
    with Awkward([("1", "ann", "Ann", "ann@example.org", True)], [("g1", "red", ["1"])]) as company:
        connector = server.create("small", "file", company.configuration)
        server.sync(connector)
        server.call("POST", "/application/", {"name": "wiki", "directories": [connector["directoryId"]], "password": "open sesame"})
        crowd = Crowd(server, "wiki", "open sesame", True)
        token = crowd.get("event")[1]["newEventToken"]
        company.write([("1", "anna", "Ann", "ann@example.org", True), ("2", "bob", "Bob", "", True)], [("g1", "red", ["1", "g2"]), ("g2", "blue", [])])
        server.sync(connector)
        events = crowd.get(f"event/{token}")[1]["events"]
        said = [(e["type"], e["operation"], (e.get("user") or e.get("group") or e.get("childUser"))["name"],
                 [g["name"] for g in e.get("parentGroups", [])], [g["name"] for g in e.get("childGroups", [])]) for e in events]
        assert sorted(said[:1]) == [("userEvent", "DELETED", "ann", [], [])]
        assert sorted(said[1:]) == sorted([
            ("groupEvent", "CREATED", "blue", [], []),
            ("userEvent", "CREATED", "anna", [], []), ("userEvent", "CREATED", "bob", [], []),
            ("groupMembershipEvent", "UPDATED", "blue", ["red"], []), ("groupMembershipEvent", "UPDATED", "red", [], ["blue"]),
            ("userMembershipEvent", "UPDATED", "anna", ["red"], [])])
