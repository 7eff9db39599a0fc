"""The mapping as admins use it: refused with reasons, tried before it is saved, and what it does in a run."""

import json

import pytest
from company import Company
from server import Server


@pytest.fixture(scope="module")
def site():
    with Server() as server, Company(count=30) as company:
        server.company = company
        server.connector = server.create("hr", "file", company.configuration)
        server.sync(server.connector)
        yield server


def preview(site, body, **more):
    return site.call("POST", f"/usersync/connector/{site.connector['uniqueId']}/mapping/preview", body, **more)


def with_rows(site, *rows):
    return {**site.company.configuration, "mapping": list(rows)}


def row_of(answer, attribute):
    return next(r for r in answer["rows"] if r["attribute"] == attribute)


LOGIN = {"attribute": "username", "from": "username"}


def test_each_step_of_each_row_is_shown(site):
    rows = [{"attribute": "username", "from": "email", "transform": ["upper", {"regex": {"find": "@.*", "replace": ""}}]},
            {"attribute": "kind", "script": "return existing and 'old' or 'new'"}]
    status, answer = preview(site, {"username": "user003", "configuration": with_rows(site, *rows)})
    assert status == 200 and answer["outcome"] == "WANTED" and answer["reason"] is None
    steps = row_of(answer, "username")["steps"]
    assert [s["step"] for s in steps] == ["source", "upper", "regex"]
    assert steps[1]["values"] == [steps[0]["values"][0].upper()] and steps[2]["matched"] == 1
    assert answer["user"]["name"] == steps[2]["values"][0] == "USER003"
    assert row_of(answer, "kind")["steps"][0]["values"] == ["old"]
    assert answer["existing"]["name"] == "user003" and answer["record"]["username"] == "user003"
    assert answer["sampled"] == 30 and answer["warnings"] == []


def test_the_stored_configuration_is_tried_and_nothing_is_written(site):
    before = site.call("GET", f"/directory/{site.connector['directoryId']}")[1]
    status, answer = preview(site, {"username": "user004"})
    assert status == 200 and answer["user"]["name"] == "user004"
    assert site.call("GET", f"/directory/{site.connector['directoryId']}")[1] == before


def test_what_looks_wrong_is_said_with_names(site):
    rows = [{"attribute": "username", "from": ["nothing", "username"], "transform": [{"regex": [{"find": "^user00[12]$", "replace": "same"}, {"find": "zzz"}]}]}]
    status, answer = preview(site, {"username": "user005", "configuration": with_rows(site, *rows)})
    assert status == 200
    said = [w["reason"] for w in answer["warnings"]]
    assert any("no record of 30 has nothing" in s for s in said)
    assert any("zzz of step 1 matched no value of 30 records" in s for s in said)
    assert any('makes two users equal: "same"' in s for s in said)


def test_a_pasted_record_needs_no_source(site):
    record = {"id": "x1", "emails": [{"type": "work", "value": "Anna@Example.com"}, {"type": "home", "value": "a@home.example"}]}
    rows = [{"attribute": "username", "from": 'emails[type eq "work"].value', "transform": "lower"}, {"attribute": "groups", "from": "emails.type"}]
    status, answer = preview(site, {"record": record, "configuration": with_rows(site, *rows)})
    assert status == 200 and answer["user"]["name"] == "anna@example.com" and answer["sampled"] == 0 and answer["existing"] is None
    assert answer["groups"] == ["work", "home"]
    status, answer = preview(site, {"record": record, "sample": True, "configuration": with_rows(site, LOGIN)})
    assert status == 200 and answer["outcome"] == "FAILED" and "no username" in answer["reason"] and answer["sampled"] == 30


def test_a_user_who_is_filtered_or_fails_says_by_which_row(site):
    rows = [LOGIN, {"attribute": "kind", "script": "if user.username == 'user001' then return drop end\nreturn nothing.at.all"}]
    for user, outcome, reason in [("user001", "FILTERED", "row kind"), ("user002", "FAILED", "kind: line 2: attempt to index a nil value")]:
        status, answer = preview(site, {"username": user, "configuration": with_rows(site, *rows)})
        assert status == 200 and answer["outcome"] == outcome and reason in answer["reason"] and answer["user"] is None


@pytest.mark.parametrize("body, status, field", [
    ({}, 422, "username"),
    ({"username": ""}, 422, "username"),
    ({"username": 7}, 422, "username"),
    ({"username": "a", "record": {}}, 422, "username"),
    ({"record": []}, 422, "record"),
    ({"record": {}, "more": 1}, 422, "more"),
    ({"record": {}, "sample": 1}, 422, "sample"),
    ({"record": {}, "configuration": 1}, 422, "configuration"),
    ({"record": {}, "configuration": {"mapping": [{"attribute": "username", "from": ""}]}}, 422, "mapping[0].from"),
    ({"username": "nobody-of-that-name"}, 404, None),
])
def test_a_wrong_request_is_refused(site, body, status, field):
    got, answer = preview(site, body)
    assert got == status
    if field:
        assert field in [f["field"] for f in answer["fields"]]


def test_only_admins_try_a_configuration_of_their_own(site):
    for role in ("operator", "monitor"):
        site.call("POST", "/user", {"name": f"one-{role}", "role": role, "password": "correct horse battery"})
    as_operator = {"user": "one-operator", "password": "correct horse battery"}
    assert preview(site, {"username": "user001"}, **as_operator)[0] == 200
    assert preview(site, {"username": "user001", "configuration": with_rows(site, LOGIN)}, **as_operator)[0] == 403
    assert preview(site, {"username": "user001"}, user="one-monitor", password="correct horse battery")[0] == 403


@pytest.mark.parametrize("row, field, reason", [
    ({"attribute": "username", "value": None}, "mapping[0].value", "nobody would have a name"),
    ({"attribute": "a", "from": "x", "transform": [{"regex": {"find": "("}}]}, "mapping[0].transform[0].regex.find", "at byte"),
    ({"attribute": "a", "script": "return (\n"}, "mapping[0].script", "line 2"),
    ({"attribute": "userName", "from": "x"}, "mapping[0].attribute", "differs from username in upper and lower case only: write username"),
])
def test_a_mapping_that_cannot_be_used_is_not_saved(site, row, field, reason):
    status, answer = site.call("PUT", f"/usersync/connector/{site.connector['uniqueId']}", with_rows(site, row))
    assert status == 422
    assert any(f["field"] == field and reason in f["reason"] for f in answer["fields"])


def test_two_rows_of_one_attribute_are_refused_in_any_letters(site):
    for second in ("dept", "DEPT"):
        status, answer = site.call("PUT", f"/usersync/connector/{site.connector['uniqueId']}",
                                   with_rows(site, {"attribute": "dept", "from": "a"}, LOGIN, {"attribute": second, "from": "b"}))
        assert status == 422
        assert [(f["field"], f["reason"].split(",")[0]) for f in answer["fields"]] == [("mapping[2]", "is a second row for the attribute dept")]


def test_a_run_counts_and_names_the_filtered(server):
    with Company(count=12) as company:
        rows = [LOGIN, {"attribute": "mark", "from": "username", "transform": {"regex": {"find": "00[0-3]$"}}, "noMatch": "filter"}]
        connector = server.create("hr", "file", {**company.configuration, "mapping": rows})
        run = server.sync(connector)
        assert run["status"] == "DONE" and run["addedCount"] == 4 and run["filteredCount"] == 8
        assert run["resultCount"] == 12
        page = server.call("GET", f"/usersync/syncstatus/{run['id']}/results?outcome=FILTERED&limit=100")[1]
        assert len(page["results"]) == 8 and all("row mark" in r["reason"] for r in page["results"])


def test_the_command_line_shows_the_steps(site, tmp_path):
    unsaved = tmp_path / "hr.json"
    unsaved.write_text(json.dumps({"name": "hr", "configuration": with_rows(site, {**LOGIN, "transform": ["upper"]}, {"attribute": "a", "from": "nothing"})}))
    done = site.cli("connector", "preview", "hr", "--user", "user007", "--file", str(unsaved))
    assert done.returncode == 0
    assert "USER007" in done.stdout and "outcome: WANTED" in done.stdout and "warning: mapping.a: no record of 30 has nothing" in done.stdout
    record = tmp_path / "record.json"
    record.write_text('{"sn": "\\u001b[31mred"}')
    done = site.cli("connector", "preview", "hr", "--record", str(record))
    assert done.returncode == 1 and "outcome: FAILED: the user has no username" in done.stdout and "\x1b" not in done.stdout
    assert site.cli("connector", "preview", "hr").returncode == 2


def test_what_is_in_a_row_is_described(site):
    shown = site.request("GET", "/openapi.json").json()["components"]["schemas"]["Configuration_file"]["properties"]
    row = shown["mapping"]["items"]
    assert row["required"] == ["attribute"] and set(row["properties"]) == {"attribute", "from", "template", "script", "value", "transform", "noMatch"}
    assert row["properties"]["noMatch"]["enum"][:4] == ["untransformed", "ignore", "clear", "filter"] and shown["groupMapping"]["items"] == row
    assert shown["cleanupStages"]["items"]["required"] == ["afterDays", "action"]
    said = site.cli("types", "file").stdout
    assert "mapping[].noMatch (untransformed|ignore|clear|filter" in said and "cleanupStages[].afterDays (number, required)" in said


def test_an_item_that_is_no_text_is_named(site):
    path = f"/usersync/connector/{site.connector['uniqueId']}"
    status, answer = site.call("PUT", path, {**site.company.configuration, "requiredGroups": ["a", 5, ""]})
    assert status == 422 and {f["field"]: f["reason"] for f in answer["fields"]} == {
        "requiredGroups[1]": "must be a string, not integer", "requiredGroups[2]": "is empty"}
