"""The command line without a server: what it says about its own use, and to servers that are not there."""

import os
import socket
import subprocess

import pytest
from server import program, run_cli

LOGIN = {"USERSYNC_USER": "admin", "USERSYNC_PASSWORD": "x"}

MISUSES = [
    ([], "usersync: no verb given"),
    (["frobnicate"], "usersync: unknown verb 'frobnicate'"),
    (["--frobnicate"], "usersync: unknown option '--frobnicate'"),
    (["-x"], "usersync: unknown option '-x'"),
    (["connector"], "usersync connector: no verb given"),
    (["connector", "frobnicate"], "usersync connector: unknown verb 'frobnicate'"),
    (["sync"], "usersync sync: missing argument; want: usersync sync CONNECTOR"),
    (["sync", "a", "b"], "usersync sync: unexpected argument 'b'"),
    (["sync", ""], "usersync sync: argument 1 is empty"),
    (["sync", "a", "--frobnicate"], "usersync sync: unknown option '--frobnicate'"),
    (["sync", "a", "--watch"], "usersync sync: unknown option '--watch'; did you mean '--wait'?"),
    (["sync", "a", "--simulation=x"], "usersync sync: unknown option '--simulation'; did you mean '--simulate'?"),
    (["sync", "a", "--wait=yes"], "usersync sync: option '--wait' takes no value"),
    (["sync", "a", "--timeout"], "usersync sync: option '--timeout' needs a value"),
    (["sync", "a", "--timeout", "soon"], "usersync sync: 'soon' is no duration; want something like 90s, 15m or 2h"),
    (["sync", "a", "--simulate", "--user", "b"], "usersync sync: --user and --simulate do not go together"),
    (["status", "--watch"], "usersync status: --watch and --history want a connector"),
    (["status", "a", "--limit", "0"], "usersync status: '0' is no number above 0"),
    (["explain", "a"], "usersync explain: missing argument; want: usersync explain CONNECTOR USER"),
    (["user", "add", "a"], "usersync user add: missing --role; want admin, operator or monitor"),
    (["user", "add", "a", "--role", "king"], "usersync user add: 'king' is no role; want admin, operator or monitor"),
    (["user", "change", "a"], "usersync user change: nothing to change; want --role, --password or both"),
    (["token", "remove", "a"], "usersync token remove: 'a' is no number of a token; see 'usersync token list'"),
    (["completion", "fish"], "usersync completion: no completion for 'fish'; there is: bash"),
]


@pytest.mark.parametrize("argv,said", MISUSES, ids=[" ".join(a) or "nothing" for a, _ in MISUSES])
def test_wrong_usage_says_what_is_wrong_and_exits_2(argv, said):
    done = run_cli(*argv, env=LOGIN)
    assert done.stderr.splitlines()[0] == said
    assert done.stderr.splitlines()[1].startswith("Try 'usersync ")
    assert (done.returncode, done.stdout) == (2, "")


def verbs():
    text = run_cli("--help").stdout
    block = text.split("Verbs:\n")[1].split("\n\n")[0]
    nouns = ("connector", "directory", "user", "token")
    for line in block.splitlines():
        words = line.split()
        yield words[:2] if words[0] in nouns else words[:1]


def test_help_of_every_verb_is_there():
    all_verbs = list(verbs())
    assert ["connector", "apply"] in all_verbs and ["check"] in all_verbs
    for verb in all_verbs:
        done = run_cli(*verb, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"Usage: usersync {' '.join(verb)}")
        assert done.stderr == ""
        assert run_cli("help", *verb).stdout == done.stdout


def test_version_is_one_line():
    done = run_cli("--version")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1 and done.stdout.startswith("usersync 0.")


def test_help_lines_fit_a_terminal():
    for verb in [["--help"], *([*v, "--help"] for v in verbs())]:
        for line in run_cli(*verb).stdout.splitlines():
            assert len(line) <= 150, line


def test_completion_is_valid_shell_and_names_every_verb(tmp_path):
    script = run_cli("completion", "bash").stdout
    file = tmp_path / "usersync.bash"
    file.write_text(script)
    subprocess.run(["bash", "-n", str(file)], check=True)
    ask = 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _usersync; printf "%s\\n" "${COMPREPLY[@]}"'

    def complete(*words):
        return subprocess.run(["bash", "-c", ask, "-", str(file), "usersync", *words], capture_output=True, text=True,
                              check=True).stdout.split()

    assert complete("conn") == ["connector"]
    assert complete("connector", "") == ["list", "show", "apply", "export", "import", "test", "preview", "pause", "resume", "delete"]
    assert complete("sync", "--si") == ["--simulate"]
    assert "--max-age" in complete("check", "hr", "--")
    for verb in verbs():
        assert verb[-1] in complete(*verb[:-1], verb[-1])


def test_no_credentials_says_where_they_would_come_from():
    done = run_cli("status")
    assert done.returncode == 1
    assert done.stderr == ("usersync: no user and no token: set USERSYNC_USER and USERSYNC_PASSWORD, or USERSYNC_TOKEN, "
                           "or write them into /nonexistent/.config/usersync/config\n")


def test_a_password_that_nobody_gives_is_an_error_not_a_question_without_a_terminal():
    done = subprocess.run([program(), "--user", "anna", "status"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, start_new_session=True)
    assert done.returncode == 1
    assert done.stderr.startswith("usersync: no password for user anna: set USERSYNC_PASSWORD")


def test_a_server_that_is_not_there_is_said_with_its_address():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        done = run_cli("--url", url, "status", env=LOGIN)
        check = run_cli("--url", url, "check", "hr", "--max-age", "2h", env=LOGIN)
    assert done.returncode == 1
    assert done.stderr.startswith(f"usersync: cannot reach {url}: ")
    assert check.returncode == 3
    assert check.stdout.startswith(f"USERSYNC UNKNOWN - cannot reach {url}: ")


def test_an_address_that_is_no_url_is_refused():
    done = run_cli("--url", "localhost:8080", "status", env=LOGIN)
    assert (done.returncode, done.stderr) == (1, 'usersync: the address "localhost:8080" does not begin with http:// or https://\n')


def write_config(tmp_path, text, mode=0o600):
    path = tmp_path / "config"
    path.write_text(text)
    path.chmod(mode)
    return {"USERSYNC_CONFIG": str(path)}


BROKEN_CONFIGS = [
    ("url\n", 'line 1: want "key = value"'),
    ("# a comment\n\nlogin = x\n", 'line 3: unknown key "login"'),
]


@pytest.mark.parametrize("text,problem", BROKEN_CONFIGS)
def test_a_broken_configuration_file_is_named_with_its_line(tmp_path, text, problem):
    env = write_config(tmp_path, text)
    done = run_cli("status", env=env)
    assert done.returncode == 1
    assert done.stderr == f"usersync: {env['USERSYNC_CONFIG']}, {problem}\n"


def test_a_configuration_file_that_others_can_read_is_refused(tmp_path):
    env = write_config(tmp_path, "token = t\n", 0o644)
    done = run_cli("status", env=env)
    assert done.returncode == 1
    assert done.stderr == f"usersync: {env['USERSYNC_CONFIG']} can be read by others (mode 0644): run chmod 600 on it\n"


def test_wrong_usage_of_the_plugin_is_unknown_not_critical():
    done = run_cli("check", env=LOGIN)
    assert done.returncode == 3
    done = run_cli("check", "hr", env=LOGIN)
    assert (done.returncode, done.stdout) == (3, "USERSYNC UNKNOWN - missing --max-age; want something like 2h\n")
    done = run_cli("check", "hr", "--max-age", "soon", env=LOGIN)
    assert (done.returncode, done.stdout) == (3, "USERSYNC UNKNOWN - 'soon' is no duration; want something like 90s, 15m or 2h\n")
