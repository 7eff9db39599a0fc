"""Explain: a user that is there, was there or never came; the source's record, each step, each group's rule, each reason, and what if."""

import json
import time
import urllib.parse

import pytest
from company import Company


@pytest.fixture
def site(server):
    with Company(count=30) as company:
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        assert server.sync(server.connector)["status"] == "DONE"
        yield server


def explain(site, name, query="", **more):
    path = f"/usersync/connector/{site.connector['uniqueId']}/explain/{urllib.parse.quote(name)}{query}"
    status, answer = site.call("GET", path, **more)
    assert status == 200, answer
    assert answer["why"] == answer["reasons"][0]
    return answer


def what_if(site, name, **settings):
    path = f"/usersync/connector/{site.connector['uniqueId']}/explain/{name}"
    return site.call("POST", path, {"configuration": {**site.company.configuration, **settings}})


def save(site, **settings):
    status, answer = site.call("PUT", f"/usersync/connector/{site.connector['uniqueId']}", {**site.company.configuration, **settings})
    assert status == 200, answer


def rules(answer):
    return {r["name"]: (r["outcome"], r["why"]) for r in answer["groupRules"]}


def said(answer, text):
    return any(text in reason for reason in answer["reasons"])


def approve(site, run):
    if run["status"] == "HELD":
        assert site.call("POST", f"/usersync/syncstatus/{run['id']}/approve")[0] == 202
        run = site.wait(run["id"])
    assert run["status"] == "DONE", run
    return run


# --- there -------------------------------------------------------------------------------------------

def test_a_user_who_is_there(site):
    answer = explain(site, "USER004")
    assert answer["found"] and answer["user"]["name"] == "user004" and said(answer, "object with id id004")
    source = answer["source"]
    assert source["reached"] and source["found"] and source["record"]["email"] == "user004@example.org" and source["outcome"] == "WANTED"
    assert source["wanted"]["name"] == "user004"
    assert {g["name"] for g in answer["groups"]} == {"staff", "even"}
    assert rules(answer) == {name: ("GIVEN", "the identity provider lists the user as a member") for name in ("staff", "even")}
    assert [h["change"]["outcome"] for h in answer["history"]] == ["ADDED"]


def test_each_step_shows_its_before_and_after(site):
    save(site, mapping=[{"attribute": "fullName", "from": "fullName", "transform": ["upper", {"regex": {"find": "^USER ", "replace": "U-"}}]}])
    row = next(r for r in explain(site, "user007")["source"]["rows"] if r["attribute"] == "fullName")
    assert [(s["step"], s.get("before"), s["values"]) for s in row["steps"]] == [
        ("source", None, ["User 7"]), ("upper", ["User 7"], ["USER 7"]), ("regex", ["USER 7"], ["U-7"])]


def test_every_run_that_changed_the_user_is_listed(site):
    site.company.people["id003"]["email"] = "new@example.org"
    site.company.write()
    second = site.sync(site.connector)
    history = explain(site, "user003")["history"]
    assert [(h["run"], h["change"]["outcome"]) for h in history] == [(second["id"], "UPDATED"), (second["id"] - 1, "ADDED")]
    assert history[0]["change"]["before"]["email"] == "user003@example.org" and history[0]["finished"]


# --- groups --------------------------------------------------------------------------------------------

def test_each_group_names_its_rule(site):
    site.company.add("id900", "many", groups="app-one;app-two;board;old-x;guests")
    site.company.write()
    save(site, groupFilter=["app-*", "board", "guests"], groupExclude=["/two$/"], unmanagedGroups=["board"], assignGroups=["everybody"],
         requiredGroups=["guests"])
    found = rules(explain(site, "many"))
    assert found["app-one"] == ("GIVEN", 'the identity provider lists the user as a member; groupFilter has "app-*"')
    assert found["app-two"] == ("DROPPED", 'groupExclude has "/two$/"')
    assert found["old-x"] == ("DROPPED", "no entry of groupFilter matches")
    assert found["board"] == ("LEFT", 'unmanagedGroups has "board": its members are left as they are')
    assert found["everybody"] == ("GIVEN", "assignGroups gives it to every user")
    assert 'requiredGroups has "guests"' in found["guests"][1]


def test_a_renamed_group_has_both_names(site):
    save(site, groupMapping=[{"attribute": "name", "from": "name", "transform": ["upper"]}])
    rule = next(r for r in explain(site, "user001")["groupRules"])
    assert (rule["name"], rule["sourceName"]) == ("STAFF", "staff") and 'groupMapping calls it "STAFF"' in rule["why"]


def test_nested_groups_say_through_which(site, tmp_path):
    groups, members = site.company.path.parent / "groups.csv", site.company.path.parent / "members.csv"
    groups.write_text("id,name\nout,outer\nmid,middle\nin,inner\n")
    members.write_text("group,member,type\nin,id001,user\nmid,in,group\nout,mid,group\n")
    save(site, groupsPath=str(groups), membershipsPath=str(members))
    approve(site, site.sync(site.connector))
    found = {g["name"]: g.get("through") for g in explain(site, "user001")["groups"]}
    assert found == {"inner": None, "middle": "inner", "outer": "middle"}
    save(site, groupsPath=str(groups), membershipsPath=str(members), requiredGroups=["outer"])
    assert not said(explain(site, "user001"), "required groups") and said(explain(site, "user002"), "in none of the required groups")


# --- missing -------------------------------------------------------------------------------------------

def test_nobody_has_that_name(site):
    answer = explain(site, "nobody")
    assert not answer["found"] and answer["source"] == {"reached": True, "found": False}
    assert "returns nobody of that name" in answer["why"] and said(answer, "met nobody of that name")
    assert answer["history"] == [] and answer["groups"] == []


def test_who_is_not_in_a_required_group(site):
    save(site, requiredGroups=["even"])
    site.company.add("new", "odd", groups="staff")
    approve(site, site.sync(site.connector))
    assert said(explain(site, "odd"), "in none of the required groups")
    assert said(explain(site, "odd", "?source=0"), "FILTERED: is in none of the required groups")


def test_who_is_filtered_by_a_row(site):
    save(site, mapping=[{"attribute": "username", "from": "username", "transform": [{"regex": {"find": "^user"}}], "noMatch": "filter"}])
    site.company.add("new", "guest1")
    approve(site, site.sync(site.connector))
    for query in ("", "?source=0"):
        answer = explain(site, "guest1", query)
        assert not answer["found"] and "username" in answer["why"], answer["reasons"]


def test_who_collides(site):
    site.company.add("twin", "user001")
    site.sync(site.connector)
    site.company.people.pop("id001")
    site.company.write()
    answer = explain(site, "user001")
    assert answer["found"] and said(answer, 'is taken by the user "user001"') and said(answer, "id id001")


def test_what_stood_against_a_user_is_not_forgotten(site):
    site.company.add("one", "twin")
    site.company.add("two", "TWIN")
    run = site.sync(site.connector)
    answer = explain(site, "twin")
    assert said(answer, "is wanted by two users") and said(answer, f"what stood against it in run {run['id']} may still"), answer
    assert not said(answer, "a sync would add"), answer


def test_who_was_cleaned_up_and_is_wanted_again(site):
    person = site.company.people.pop("id005")
    site.company.write()
    approve(site, site.sync(site.connector))
    assert not said(explain(site, "user005"), "bring the user back")
    site.company.people["id005"] = person
    site.company.write()
    assert said(explain(site, "user005"), "a sync would bring the user back")


def test_who_is_held(site):
    save(site, limits={"users": {"floor": 0, "percent": 0}})
    approve(site, site.sync(site.connector))
    site.company.people.pop("id002")
    site.company.add("new", "newcomer")
    held = site.sync(site.connector)
    assert held["status"] == "HELD", held
    assert said(explain(site, "newcomer"), f"Held in run {held['id']}")
    assert said(explain(site, "newcomer", "?source=0"), f"Held in run {held['id']}")
    # and somebody who is there, and would go
    for query in ("", "?source=0"):
        assert said(explain(site, "user002", query), f"Held in run {held['id']}, which would set DISABLED: "), explain(site, "user002", query)
    assert not said(explain(site, "user003"), "Held in run")


@pytest.mark.parametrize("create, text", [("never", "create is never"), ("single", "create is single")])
def test_who_is_not_created(site, create, text):
    save(site, create=create)
    site.company.add("new", "newcomer")
    site.sync(site.connector)
    assert said(explain(site, "newcomer"), text)


def test_a_newcomer_comes_with_the_next_sync(site):
    site.company.add("new", "newcomer")
    answer = explain(site, "newcomer")
    assert not answer["found"] and answer["source"]["outcome"] == "WANTED" and said(answer, "a sync would add the user")


def test_who_is_protected(site):
    site.company.people.pop("id005")
    site.company.people["id007"]["username"] = "renamed"
    site.company.write()
    save(site, protectedUsers=["user005", "group:EVEN"])
    run = site.sync(site.connector)
    assert said(explain(site, "user005"), 'protectedUsers has "user005": a sync leaves the user as it is')
    assert said(explain(site, "user004"), "protectedUsers names a group that the user is in")
    assert not said(explain(site, "renamed"), "protectedUsers") and run["renamedCount"] == 1, run


def test_who_would_get_another_name(site):
    site.company.people["id009"]["username"] = "anna"
    site.company.write()
    answer = explain(site, "anna")
    assert said(answer, 'The directory has the user as "user009".') and said(answer, "a sync would give the user this name"), answer
    assert not said(answer, "add the user")


def test_who_is_there_and_could_not_be_changed(site):
    site.company.people["id009"]["username"] = "twin"
    site.company.add("other", "Twin")
    run = site.sync(site.connector)
    for query in ("", "?source=0"):
        assert said(explain(site, "user009", query), f'Run {run["id"]}: FAILED: the name "twin" is wanted by two users'), query
    assert not said(explain(site, "user008"), "FAILED")


# --- was there -----------------------------------------------------------------------------------------

def test_who_was_deleted(site):
    save(site, cleanup="delete")
    approve(site, site.sync(site.connector))
    site.company.people.pop("id005")
    site.company.write()
    gone = approve(site, site.sync(site.connector))
    answer = explain(site, "User005", "?source=0")
    assert not answer["found"] and answer["why"] == f"The user was deleted by run {gone['id']}: is no longer at the source."
    assert [h["change"]["outcome"] for h in answer["history"]] == ["DELETED", "ADDED"]


def test_who_was_deleted_as_inactive(site):
    assert site.call("POST", f"/directory/{site.connector['directoryId']}/login", [{"username": "user005", "at": "2020-01-01T00:00:00Z"}])[0] == 200
    stale = site.create("stale", "inactive", {"directory": "hr", "days": 90, "cleanup": "delete"})
    approve(site, site.sync(stale))
    answer = explain(site, "user005")
    assert said(answer, "The user was deleted as inactive: a login that is reported") and not said(answer, "a sync would"), answer
    site.call("POST", f"/directory/{site.connector['directoryId']}/login", [{"username": "user005", "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}])
    assert said(explain(site, "user005"), "a sync would add the user")


def test_who_was_renamed(site):
    site.company.people["id006"]["username"] = "anna"
    site.company.write()
    run = site.sync(site.connector)
    answer = explain(site, "user006", "?source=0")
    assert answer["why"] == f'The user was renamed to "anna" by run {run["id"]}.'
    assert [h["change"]["outcome"] for h in answer["history"]] == ["RENAMED", "ADDED"]


def test_who_was_cleaned_up(site):
    site.company.people.pop("id007")
    site.company.write()
    site.sync(site.connector)
    answer = explain(site, "user007")
    assert answer["found"] and "cleaned up" in answer["why"] and said(answer, "returns nobody of that name")


# --- the source --------------------------------------------------------------------------------------

def test_a_source_that_cannot_be_reached_is_part_of_the_answer(site):
    site.company.path.unlink()
    answer = explain(site, "user001")
    assert answer["found"] and answer["source"]["reached"] is False and answer["source"]["error"]
    assert said(answer, "The source could not be asked") and {g["name"] for g in answer["groups"]} == {"staff"}
    answer = explain(site, "user001", "?source=0")
    assert answer["found"] and answer["source"] is None and answer["groupRules"] == [] and not said(answer, "could not be asked")


def test_what_is_asked_must_make_sense(site):
    path = f"/usersync/connector/{site.connector['uniqueId']}/explain/user001"
    assert site.call("GET", path + "?source=2")[0] == 400
    assert site.call("GET", "/usersync/connector/99/explain/user001")[0] == 404
    assert site.call("POST", "/usersync/connector/99/explain/user001", {"configuration": {}})[0] == 404


# --- what if -----------------------------------------------------------------------------------------

def test_what_if_explains_an_unsaved_configuration(site):
    status, answer = what_if(site, "user001", requiredGroups=["even"], mapping=[{"attribute": "fullName", "value": "Somebody"}])
    assert status == 200 and said(answer, "in none of the required groups")
    assert answer["source"]["wanted"]["fullName"] == "Somebody" and answer["user"]["fullName"] == "User 1"
    assert not said(explain(site, "user001"), "required")


def test_what_if_is_checked_like_a_save(site):
    status, answer = what_if(site, "user001", cleanup="perhaps", noSuch=1)
    assert status == 422 and {p["field"] for p in answer["fields"]} == {"cleanup", "noSuch"}, answer
    path = f"/usersync/connector/{site.connector['uniqueId']}/explain/user001"
    for body in ({}, {"configuration": 1}, {"configuration": site.company.configuration, "more": 1}):
        assert site.call("POST", path, body)[0] == 422


# --- the command line ------------------------------------------------------------------------------------

def test_the_command_line_reads_like_an_explanation(site, tmp_path):
    out = site.cli("explain", "hr", "user002").stdout
    assert out.startswith("user002 is in the directory.\n  The user was made by connector")
    for title in ("What the directory has:", "What the source has:", "What the mapping makes of it", "Groups that the user is in:",
                  "Groups that the source gives", "Runs that changed the user"):
        assert title in out
    assert "What the source has:" not in site.cli("explain", "hr", "user002", "--stored").stdout
    assert json.loads(site.cli("explain", "hr", "user002", "--json").stdout)["found"] is True
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"pth": "hr.csv"}')
    refused = site.cli("explain", "hr", "user002", "--with", str(wrong))
    assert refused.returncode == 1 and "path is required; pth is not a setting" in refused.stderr, refused.stderr
    unsaved = tmp_path / "hr-new.json"
    unsaved.write_text(json.dumps({"configuration": {**site.company.configuration, "requiredGroups": ["nothing"]}}))
    assert "in none of the required groups" in site.cli("explain", "hr", "user002", "--with", str(unsaved)).stdout
    assert site.cli("explain", "hr", "user002", "--with", str(unsaved), "--stored").returncode == 2
    assert site.cli("explain", "hr", "user002", "--with", str(tmp_path / "none")).returncode == 1
