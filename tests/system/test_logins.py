"""Last logins: reported by the API and the command line, imported from files, listed."""

import json

import pytest
from company import Company


@pytest.fixture
def hr(server):
    with Company(count=3) as company:
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        connector["path"] = f"/directory/{connector['directoryId']}"
        yield connector


def logins(server, hr, query=""):
    status, page = server.call("GET", hr["path"] + "/login" + query)
    assert status == 200, page
    return {row["username"]: row["lastLogin"] for row in page["logins"]}


def test_one_or_many_are_noted_and_only_a_later_one_counts(server, hr):
    before = server.call("GET", hr["path"])[1]["revision"]
    status, noted = server.call("POST", hr["path"] + "/login", {"username": "USER000", "at": "2026-01-31T08:00:00Z"})
    assert status == 200 and noted == {"received": 1, "noted": 1, "notLater": 0, "returning": 0, "unknown": 0, "unknownUsers": []}
    status, noted = server.call("POST", hr["path"] + "/login/", [
        {"username": "user000", "at": "2026-01-30T08:00:00Z"}, {"username": "user001", "at": "2026-02-01T10:00:00+02:00"},
        {"username": "nobody", "at": "2026-02-01T08:00:00Z"}, {"username": "user000", "at": "2026-01-31T08:00:01Z"}])
    assert status == 200 and noted == {"received": 4, "noted": 2, "notLater": 1, "returning": 0, "unknown": 1, "unknownUsers": ["nobody"]}
    assert logins(server, hr) == {"user000": "2026-01-31T08:00:01Z", "user001": "2026-02-01T08:00:00Z", "user002": None}
    assert logins(server, hr, "?never=true") == {"user002": None}
    assert server.call("GET", hr["path"])[1]["revision"] == before
    user = server.call("GET", hr["path"] + "/user/user000")[1]
    assert (user["lastLogin"], user["lastLoginVia"]) == ("2026-01-31T08:00:01Z", "admin")
    assert server.call("GET", hr["path"] + "/user/user002")[1]["lastLogin"] is None
    # without a time it is now
    assert server.call("POST", hr["path"] + "/login", {"username": "user002"})[1]["noted"] == 1
    assert logins(server, hr, "?never=true") == {}


def test_the_list_comes_in_pages(server, hr):
    names, cursor = [], ""
    for _ in range(3):
        page = server.call("GET", f"{hr['path']}/login?limit=1{cursor}")[1]
        names += [row["username"] for row in page["logins"]]
        cursor = f"&cursor={page['cursor']}"
    assert names == ["user000", "user001", "user002"] and page["cursor"] is None


@pytest.mark.parametrize("row, field, reason", [
    (7, "[1]", "must be an object, not integer"),
    ({}, "[1].username", "is required"),
    ({"username": 3}, "[1].username", "must be a string, not integer"),
    ({"username": ""}, "[1].username", "must not be empty"),
    ({"username": "x" * 1001}, "[1].username", "is longer than 1000 characters"),
    ({"username": "user001", "at": "yesterday"}, "[1].at", "must be a time such as 2026-01-31T08:00:00Z"),
    ({"username": "user001", "at": 1769846400}, "[1].at", "must be a time such as 2026-01-31T08:00:00Z"),
    ({"username": "user001", "at": "2099-01-01T00:00:00Z"}, "[1].at", "is in the future"),
    ({"username": "user001", "at": "1969-12-31T23:59:59Z"}, "[1].at", "is before 1970"),
    ({"username": "user001", "when": "2026-01-31T08:00:00Z"}, "[1].when", "is unknown"),
])
def test_one_malformed_login_and_none_is_noted(server, hr, row, field, reason):
    status, answer = server.call("POST", hr["path"] + "/login", [{"username": "user000", "at": "2026-01-31T08:00:00Z"}, row])
    assert status == 422 and answer["fields"] == [{"field": field, "reason": reason}], answer
    assert logins(server, hr, "?never=true").keys() == {"user000", "user001", "user002"}


def test_what_cannot_be_answered_says_why(server, hr):
    assert server.call("POST", "/directory/77/login", {"username": "a"})[1]["message"] == "Directory 77 does not exists"
    assert server.call("GET", "/directory/77/login")[0] == 404
    assert server.call("GET", hr["path"] + "/login?never=maybe")[1]["message"] == "never must be true or false"
    assert server.call("POST", hr["path"] + "/login", "user000")[0] == 400
    assert server.call("POST", hr["path"] + "/login", [{"username": "a"}] * 5001)[0] == 413
    assert server.call("POST", hr["path"] + "/login", {"username": "a", "at": "x"})[1]["fields"][0]["field"] == "at"


@pytest.mark.parametrize("name, text", [
    ("a.csv", "username,at\nuser000,2026-01-31T08:00:00Z\n\n\"user001\",2026-02-01T08:00:00Z\nnobody,2026-02-01T08:00:00Z\n"),
    ("b.csv", "\ufeffid;AT;UserName\r\n1;2026-01-31T08:00:00Z;user000\r\n2;2026-02-01T09:00:00+01:00;user001\r\n3;2026-02-01T08:00:00Z;nobody\r\n"),
    ("c.json", json.dumps([{"username": "user000", "at": "2026-01-31T08:00:00Z"}, {"username": "user001", "at": "2026-02-01T08:00:00Z"},
                           {"username": "nobody", "at": "2026-02-01T08:00:00Z"}])),
])
def test_a_file_is_imported(server, hr, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    done = server.cli("directory", "login", "import", "hr", str(tmp_path / name))
    assert (done.returncode, done.stdout) == (0, "unknown: nobody\n3 logins: 2 noted, 0 not later than what is known, 1 of unknown users\n"), done.stderr
    assert logins(server, hr) == {"user000": "2026-01-31T08:00:00Z", "user001": "2026-02-01T08:00:00Z", "user002": None}
    again = server.cli("directory", "login", "import", "hr", "-", stdin=text)
    assert again.returncode == 0 and "0 noted, 2 not later" in again.stdout


@pytest.mark.parametrize("text, said", [
    ("", "is empty; want a line with the columns username and at"),
    ("user000,2026-01-31T08:00:00Z\n", "the first line must name the columns username and at"),
    ("username,at\nuser000,2026-01-31T08:00:00Z\nuser001,last week\n,2026-01-31T08:00:00Z\n",
     'line 3: at is "last week"; want a time such as 2026-01-31T08:00:00Z\nusersync: {file}: line 4: has no username\nusersync: {file}: 2 wrong rows; '
     "nothing was noted"),
    ("username,at\nuser000,2099-01-31T08:00:00Z\n", 'line 2: at is "2099-01-31T08:00:00Z", which is in the future'),
    ("username,at\nuser000\n", "line 2: has 1 cells, not 2"),
    ("username,at\n\"user000,2026\n", "line 2: a quoted cell is not closed"),
    ("username,at\n\"user\"000,2026-01-31T08:00:00Z\n", "line 2: holds a quote or a carriage return where none may be"),
    ('{"username":"user000"}', 'holds a JSON object; want an array of {"username", "at"}'),
    ('[{"username":"user000","at":"2026-01-31T08:00:00Z"},3]', "entry 2: is no object"),
    ("[", "is no JSON"),
])
def test_a_wrong_file_changes_nothing(server, hr, tmp_path, text, said):
    file = tmp_path / "logins"
    file.write_text(text)
    done = server.cli("directory", "login", "import", "hr", str(file))
    assert done.returncode == 1 and said.replace("{file}", str(file)) in done.stderr, done.stderr
    assert logins(server, hr, "?never=true").keys() == {"user000", "user001", "user002"}


def test_more_than_the_server_takes_at_once_is_imported(server, hr):
    rows = "".join(f"user{i % 3:03},2026-01-{1 + i % 28:02}T00:00:00Z\n" for i in range(12345))
    done = server.cli("directory", "login", "import", "hr", "-", stdin="username,at\n" + rows)
    assert done.returncode == 0 and done.stdout.startswith("12345 logins: "), done.stderr
    assert set(logins(server, hr).values()) == {"2026-01-28T00:00:00Z"}


def test_the_command_line_notes_and_lists(server, hr):
    assert server.cli("directory", "login", "note", "hr", "user000", "--at", "2026-01-31T08:00:00Z").stdout == "noted\n"
    assert server.cli("directory", "login", "note", "hr", "user000", "--at", "2026-01-31T08:00:00Z").stdout == \
        "a login at that time or later is known already\n"
    missing = server.cli("directory", "login", "note", "hr", "nobody")
    assert missing.returncode == 1 and f"directory {hr['directoryId']} has no user nobody" in missing.stderr
    assert server.cli("directory", "login", "note", "hr", "user000", "--at", "now").returncode == 2
    listed = server.cli("directory", "login", "list", "hr").stdout.splitlines()
    assert listed[1].split() == ["user000", "yes", "2026-01-31T08:00:00Z", "admin"] and "never" in listed[2]
    assert len(server.cli("directory", "login", "list", "hr", "--never").stdout.splitlines()) == 3
