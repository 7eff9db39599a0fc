"""The command line against a real server and a real file source."""

import json
import os
import re
import stat

import pytest
from server import Server, run_cli

PEOPLE = [("1", "anna.berg", "Anna Berg", "staff;it"), ("2", "jón", "Jón Karlsson", "staff"), ("3", "mei.lin", "林美", "")]


def write_people(path, people):
    rows = "".join(f"{i},{name},{full},{name}@example.com,true,{groups}\n" for i, name, full, groups in people)
    path.write_text("id,username,fullName,email,active,groups\n" + rows, encoding="utf-8")


@pytest.fixture
def staff(server, tmp_path):
    """A server with the connector "staff" over a file of three people; gives the file's path."""
    path = tmp_path / "users.csv"
    write_people(path, PEOPLE)
    apply(server, tmp_path, "staff", {"path": str(path)})
    return path


def apply(server, tmp_path, name, configuration):
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps({"name": name, "type": "file", "configuration": configuration}))
    done = server.cli("connector", "apply", str(file))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_apply_creates_once_and_then_changes_nothing(server, tmp_path):
    path = tmp_path / "users.csv"
    write_people(path, PEOPLE)
    first = apply(server, tmp_path, "staff", {"path": str(path)})
    second = apply(server, tmp_path, "staff", {"path": str(path)})
    created = next(line for line in first.splitlines() if line.startswith("created staff: connector 1, "))
    assert second == created.replace("created", "unchanged") + "\nnothing differs, nothing was changed\n"
    assert len(server.call("GET", "/usersync/connector/")[1]) == 1


def test_an_export_applies_again_and_changes_nothing(server, staff, tmp_path):
    before = server.cli("connector", "export").stdout
    file = tmp_path / "export.json"
    file.write_text(before)
    assert server.cli("connector", "apply", str(file)).returncode == 0
    assert server.cli("connector", "export").stdout == before


BAD_FILES = [
    ("{", "is no JSON: "),
    ('"x"', "holds a JSON string; want an export, a connector object, or an array of them"),
    ("{}", 'format must be "usersync-connectors"'),
    ("[{}]", "connectors[0].name is required"),
    ('{"name":"x","configuration":{}}', "connectors[0].type is required: one of "),
    ('{"name":"x","type":"file","configuration":{}}', "path"),
    ('{"name":"x","type":"file","configuration":{"path":"u.csv","colour":"red"}}', "colour"),
    ('{"name":"x","type":"teapot","configuration":{}}', "type must be one of "),
]


@pytest.mark.parametrize("text,said", BAD_FILES)
def test_a_bad_connector_file_is_refused_with_the_reason(shared_server, tmp_path, text, said):
    file = tmp_path / "bad.json"
    file.write_text(text)
    done = shared_server.cli("connector", "apply", str(file))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("usersync: ") and said in done.stderr
    assert shared_server.call("GET", "/usersync/connector/") == (200, [])


def test_another_type_under_the_same_name_is_refused(server, staff, tmp_path):
    file = tmp_path / "other.json"
    file.write_text('{"name":"staff","type":"ldap","configuration":{"url":"ldap://127.0.0.1","baseDn":"dc=x"}}')
    done = server.cli("connector", "apply", str(file))
    assert done.returncode == 1
    assert done.stderr == "usersync: connectors[0].type cannot be changed: it is file here\nusersync: nothing was changed\n"


def test_a_file_that_is_not_there_is_said_by_name(shared_server):
    done = shared_server.cli("connector", "apply", "/nonexistent/x.json")
    assert (done.returncode, done.stderr) == (1, "usersync: cannot read /nonexistent/x.json: No such file or directory\n")


def test_list_and_show(server, staff):
    lines = server.cli("connector", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "TYPE", "DIRECTORY", "ENABLED", "LAST", "UUID"]
    assert lines[1].split()[:5] == ["1", "staff", "file", "1", "yes"]
    shown = server.cli("connector", "show", "staff").stdout
    assert "last run: none yet" in shown and str(staff) in shown


def test_test_connects_and_changes_nothing(server, staff):
    done = server.cli("connector", "test", "staff")
    assert done.returncode == 0
    assert done.stdout.endswith("connection and permissions are fine\n")
    assert server.call("GET", "/usersync/connector/1/syncstatus")[0] == 404
    staff.unlink()
    done = server.cli("connector", "test", "staff")
    assert done.returncode == 1
    assert str(staff) in done.stdout + done.stderr


def test_sync_waits_and_tells_what_it_did(server, staff):
    done = server.cli("sync", "staff", "--wait")
    assert done.returncode == 0
    assert re.match(r"run 1: full DONE, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+ s\n  users       3 in all, 3 added\n"
                    r"  groups      2 added\n  memberships 3 added\n  Scheduled with jobid [0-9a-f-]{36}\n$", done.stdout)
    again = server.cli("sync", "staff", "--wait")
    assert "3 in all, 3 not modified" in again.stdout


def test_sync_without_wait_gives_the_run_at_once(server, staff):
    done = server.cli("sync", "staff")
    assert done.returncode == 0
    assert done.stdout.startswith("run 1: ")
    assert server.cli("status", "staff", "--watch").returncode == 0


def test_sync_of_one_user(server, staff):
    done = server.cli("sync", "staff", "--user", "jón")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("run 1: single DONE") and "1 in all, 1 added" in done.stdout
    assert [u["name"] for u in server.call("GET", "/directory/1/user")[1]["users"]] == ["jón"]


def test_sync_of_nobody_is_an_error(server, staff):
    done = server.cli("sync", "staff", "--user", "nobody")
    assert done.returncode == 1
    assert "nobody" in done.stderr


@pytest.mark.parametrize("name", ["a/b", "100%", "it's", '"q"', "a b", "🙂", "ענת", "..", "a?b#c", "-x"])
def test_names_of_any_kind_reach_the_server_as_they_are(server, tmp_path, name):
    path = tmp_path / "users.csv"
    path.write_text('id,username\n1,"' + name.replace('"', '""') + '"\n', encoding="utf-8")
    apply(server, tmp_path, "odd", {"path": str(path)})
    done = server.cli("sync", "odd", "--user=" + name)
    assert done.returncode == 0, done.stderr
    assert "1 in all, 1 added" in done.stdout
    done = server.cli("explain", "--", "odd", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name} is in the directory.\n")


def test_simulate_then_apply_exactly_that(server, staff):
    done = server.cli("sync", "staff", "--simulate", "--wait")
    assert done.returncode == 0 and done.stdout.startswith("run 1: simulation DONE")
    assert server.call("GET", "/directory/1")[1]["users"] == 0
    done = server.cli("apply", "1", "--wait")
    assert done.returncode == 0 and done.stdout.startswith("run 2: apply DONE"), done.stdout + done.stderr
    assert server.call("GET", "/directory/1")[1]["users"] == 3


@pytest.fixture
def held(server, tmp_path):
    """A connector whose next plan would disable too many."""
    path = tmp_path / "many.csv"
    many = [(str(i), f"user{i:02}", f"User {i}", "all") for i in range(40)]
    write_people(path, many)
    apply(server, tmp_path, "many", {"path": str(path)})
    assert server.cli("sync", "many", "--wait").returncode == 0
    write_people(path, many[:25])
    return path


def test_a_held_run_exits_3_and_approve_applies_it(server, held):
    done = server.cli("sync", "many", "--wait")
    assert done.returncode == 3
    assert done.stdout.startswith("run 2: full HELD")
    assert "Held by rule users.removed: the plan would disable or delete users: 15 of 40, limit 10." in done.stdout
    assert server.call("GET", "/directory/1")[1]["activeUsers"] == 40
    assert server.cli("status", "many").returncode == 3
    done = server.cli("approve", "many", "--wait")
    assert done.returncode == 0, done.stderr
    assert server.call("GET", "/directory/1")[1]["activeUsers"] == 25
    done = server.cli("undo", "many", "--wait")
    assert done.returncode in (0, 3), done.stderr
    if done.returncode == 3:  # turning it round is a plan as well, and may be as large
        assert server.cli("approve", "many", "--wait").returncode == 0
    assert server.call("GET", "/directory/1")[1]["activeUsers"] == 40


def test_a_held_run_can_be_rejected_once(server, held):
    assert server.cli("sync", "many", "--wait").returncode == 3
    done = server.cli("reject", "2")
    assert (done.returncode, done.stdout) == (0, "run 2: CANCELLED\n")
    assert server.call("GET", "/directory/1")[1]["activeUsers"] == 40
    done = server.cli("reject", "2")
    assert done.returncode == 1 and done.stderr.startswith("usersync: ")


def test_results_tell_the_difference(server, staff):
    server.cli("sync", "staff", "--wait")
    write_people(staff, [("1", "anna.lang", "Anna Lang", "staff"), *PEOPLE[1:]])
    server.cli("sync", "staff", "--wait")
    out = server.cli("results", "staff").stdout
    assert re.search(r'RENAMED +user +anna\.lang +name: "anna\.berg" → "anna\.lang"; fullName: "Anna Berg" → "Anna Lang"; email: ', out), out
    assert re.search(r"UPDATED +members +it +- anna\.", out), out
    one = server.cli("results", "2", "--outcome", "renamed").stdout.splitlines()
    assert len(one) == 2
    assert len(server.cli("results", "1", "--search", "mei").stdout.splitlines()) == 2
    few = server.cli("results", "1", "--limit", "2")
    assert len(few.stdout.splitlines()) == 3
    assert few.stderr == "usersync: the first 2 rows; more with --limit\n"
    write_people(staff, PEOPLE[1:])
    server.cli("sync", "staff", "--wait")
    gone = server.cli("results", "staff", "--outcome", "disabled").stdout
    assert re.search(r"missingSince: none → 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", gone), gone
    assert "active: true → false" in gone and "hash" not in gone, gone


def test_status_and_history(server, staff):
    done = server.cli("status", "staff")
    assert done.returncode == 1 and done.stderr != ""
    assert server.cli("status").stdout.splitlines()[1].split()[:2] == ["staff", "-"]
    for _ in range(3):
        server.cli("sync", "staff", "--wait")
    history = server.cli("status", "staff", "--history", "--limit", "2").stdout.splitlines()
    assert [line.split()[0] for line in history] == ["RUN", "3", "2"]
    assert server.cli("status", "--run", "1").stdout.startswith("run 1: full DONE")
    assert server.cli("status").stdout.splitlines()[1].split()[:4] == ["staff", "3", "full", "DONE"]


def test_explain_says_why(server, staff):
    server.cli("sync", "staff", "--wait")
    out = server.cli("explain", "staff", "anna.berg").stdout
    assert 'anna.berg is in the directory.\n  The user was made by connector "staff" from the object with id 1.' in out
    assert "it " in out[out.index("Groups that the user is in:"):]


def test_directories_are_listed_shown_and_deleted(server, staff):
    server.cli("sync", "staff", "--wait")
    assert server.cli("directory", "list").stdout.splitlines()[1].split()[:6] == ["1", "staff", "3", "3", "2", "3"]
    users = server.cli("directory", "users", "staff").stdout.splitlines()
    assert users[1].split() == ["anna.berg", "Anna", "Berg", "anna.berg@example.com", "yes"]
    assert json.loads(server.cli("directory", "users", "1", "jón").stdout)["user"]["name"] == "jón"
    assert [line.split()[0] for line in server.cli("directory", "groups", "1").stdout.splitlines()] == ["NAME", "it", "staff"]
    done = server.cli("directory", "delete", "1")
    assert (done.returncode, done.stderr) == (1, "usersync: directory 1 was not deleted; without a terminal, say --yes\n")
    assert server.cli("directory", "delete", "1", "--yes").returncode == 0
    done = server.cli("sync", "staff", "--wait")
    assert done.returncode == 1 and "Directory 1 does not exists" in done.stdout
    assert "directory 2" in server.cli("connector", "apply", "-", stdin=server.cli("connector", "export", "staff").stdout).stdout
    assert server.cli("sync", "staff", "--wait").returncode == 0


def test_delete_of_a_connector_leaves_its_directory(server, staff):
    server.cli("sync", "staff", "--wait")
    assert server.cli("connector", "delete", "staff").returncode == 1
    assert server.cli("connector", "delete", "staff", "--yes").returncode == 0
    assert server.call("GET", "/usersync/connector/") == (200, [])
    assert server.call("GET", "/directory/1")[1]["users"] == 3


def test_accounts_come_change_and_go(server):
    add = server.cli("user", "add", "olga", "--role", "operator", stdin="first-password\n")
    assert (add.returncode, add.stdout) == (0, "added user olga\n")
    assert server.call("GET", "/usersync/connector/", user="olga", password="first-password")[0] == 200
    assert server.call("GET", "/user/", user="olga", password="first-password")[0] == 403
    change = server.cli("user", "change", "olga", "--password", "--role", "admin", env={"USERSYNC_NEW_PASSWORD": "second-password"})
    assert (change.returncode, change.stdout) == (0, "changed user olga\n")
    assert server.call("GET", "/user/", user="olga", password="first-password")[0] == 401
    assert server.call("GET", "/user/", user="olga", password="second-password")[0] == 200
    assert [line.split()[:2] for line in server.cli("user", "list").stdout.splitlines()] == [["NAME", "ROLE"], ["admin", "admin"], ["olga", "admin"]]
    assert server.cli("user", "remove", "olga").returncode == 0
    last = server.cli("user", "remove", "admin")
    assert last.returncode == 1 and "last" in last.stderr


def test_tokens_come_and_go(server, staff):
    server.cli("sync", "staff", "--wait")
    token = server.cli("token", "add", "monitoring", "--expires", "90d").stdout.strip()
    env = {"USERSYNC_URL": server.url, "USERSYNC_TOKEN": token}
    check = run_cli("check", "staff", "--max-age", "2h", env=env)
    assert check.returncode == 0, check.stdout
    assert check.stdout.startswith("USERSYNC OK - staff: synced ")
    refused = run_cli("sync", "staff", env=env)
    assert refused.returncode == 1
    assert server.cli("token", "list").stdout.splitlines()[1].split()[:3] == ["1", "monitoring", "monitor"]
    assert server.cli("token", "remove", "1").returncode == 0
    check = run_cli("check", "staff", "--max-age", "2h", env=env)
    assert check.returncode == 3 and check.stdout.startswith("USERSYNC UNKNOWN - ")


def test_wrong_credentials_fail_and_say_so(server):
    done = server.cli("status", env={"USERSYNC_PASSWORD": "wrong"})
    assert done.returncode == 1 and done.stderr.startswith("usersync: ")


def test_login_from_a_file(server, staff, tmp_path):
    config = tmp_path / "config"
    config.write_text(f"# for this test\nurl = {server.url}\nuser = admin\npassword = {server.password}\n")
    os.chmod(config, stat.S_IRUSR | stat.S_IWUSR)
    done = run_cli("connector", "list", env={"USERSYNC_CONFIG": str(config)})
    assert done.returncode == 0, done.stderr
    done = run_cli("--user", "nobody", "connector", "list", env={"USERSYNC_CONFIG": str(config), "USERSYNC_PASSWORD": "x"})
    assert done.returncode == 1


def test_json_is_the_answer_of_the_server(server, staff):
    done = server.cli("--json", "sync", "staff", "--wait")
    status = json.loads(done.stdout)
    assert (status["status"], status["id"], done.stderr) == ("DONE", 1, "")
    assert json.loads(server.cli("connector", "list", "--json").stdout) == server.call("GET", "/usersync/connector/")[1]


def test_cancel_without_a_run_says_so(server, staff):
    done = server.cli("cancel", "staff")
    assert done.returncode == 1 and done.stderr.startswith("usersync: ")


def test_tls_with_an_authority_that_is_given(tmp_path):
    import subprocess
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out",
                    str(cert), "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"], check=True, capture_output=True)
    with Server("--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.cli("--cacert", str(cert), "connector", "list").returncode == 0
        done = server.cli("connector", "list")
        assert done.returncode == 1 and "certificate" in done.stderr.lower()
