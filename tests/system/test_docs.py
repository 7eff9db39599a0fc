"""The documents: their commands run, their links lead somewhere, and what they take from the program is up to date."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from server import ROOT, Server, build_folder, clean_environment, program, run_cli

PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("bench/**/*.md")])
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.S | re.M)
RUNNABLE = [p for p in PAGES if BLOCK.search(p.read_text())]


def name(path):
    return str(path.relative_to(ROOT))


@pytest.fixture
def place(tmp_path):
    """A working folder as the documents suppose it: usersync in the path, a data folder, a connector "hr" with a run behind it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/usersync").symlink_to(program())
    (tmp_path / "files").mkdir()
    (tmp_path / "files/hr.csv").write_text("id,username,groups\n1,anna,staff\n2,bob,staff\n")
    with Server("--files", str(tmp_path / "files"), data=tmp_path / "usersync-data") as server:
        hr = server.create("hr", "file", {"path": "hr.csv"})
        assert server.sync(hr)["status"] == "DONE"
        with open(tmp_path / "files/hr.csv", "a") as more:
            more.write("3,mei,staff\n")
        yield tmp_path, server


@pytest.mark.parametrize("page", RUNNABLE, ids=name)
def test_commands_of_the_page_run(page, place):
    folder, server = place
    script = "".join(BLOCK.findall(page.read_text()))
    env = clean_environment(USERSYNC_URL=server.url, USERSYNC_USER="admin", USERSYNC_PASSWORD=server.password,
                            PATH=f"{folder}/bin:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-euo", "pipefail", "-x", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


def test_there_are_pages_with_commands():
    assert len(RUNNABLE) >= 5


# What a page shows and does not run must at least parse: each line that begins with usersync, with its words as the program takes them.
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.S | re.M)
COMMAND = re.compile(r"^(?:`|\$ |sudo )?usersync ([^#|`\n]+)", re.M)


def commands(page):
    return COMMAND.findall("\n".join(CODE.findall(page.read_text())))


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=name)
def test_commands_that_a_page_shows_exist(page):
    wrong = []
    for command in commands(page):
        words = command.split()
        if words[0].startswith("-"):
            continue
        flags = [w.split("=")[0] for w in words if w.startswith("--")]
        done = run_cli("help", *[w for w in words if not w.startswith("-")][:3])
        help_text = done.stdout if done.returncode == 0 and done.stdout.startswith("Usage: usersync " + words[0]) else ""
        if not help_text:
            wrong.append(command)
        wrong += [f"{command}: {flag}" for flag in flags if not re.search(re.escape(flag) + r"\b", help_text)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
                        for h in re.findall(r"^#+ (.*)$", found.read_text(), re.M)}
            assert anchor in headings, target


def test_tables_man_page_and_rest_page_are_up_to_date():
    done = subprocess.run([sys.executable, str(ROOT / "tools/docs"), "--check"], capture_output=True, text=True, check=False,
                          env={**os.environ, "USERSYNC_BUILD": str(build_folder())})
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_man_page_has_no_errors():
    done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", str(ROOT / "docs/usersync.1")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_file_is_the_one_that_the_page_shows():
    page = (ROOT / "docs/operating.md").read_text()
    assert re.search(r"```ini\n(.*?)```", page, re.S)[1] == (ROOT / "docs/usersync.service").read_text()


def test_metrics_that_the_page_names_exist(server):
    text = server.request("GET", "/metrics").body.decode()
    for metric in set(re.findall(r"\busersync_\w+", (ROOT / "docs/monitoring.md").read_text())):
        if metric != "usersync_":
            assert metric in text, metric


def test_roles_and_options_of_serve_are_all_in_the_page():
    page = (ROOT / "docs/operating.md").read_text()
    for option in re.findall(r"^ +(--[\w-]+)", run_cli("serve", "--help").stdout, re.M):
        if option != "--help":
            assert option in page, option


def test_installing_puts_program_man_page_and_completion_in_place(tmp_path):
    done = subprocess.run(["meson", "install", "-C", str(build_folder()), "--no-rebuild", "--destdir", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {str(pathlib.Path(folder, file).relative_to(tmp_path)) for folder, _, files in os.walk(tmp_path) for file in files}
    assert {"usr/local/bin/usersync", "usr/local/share/man/man1/usersync.1",
            "usr/local/share/bash-completion/completions/usersync.bash"} <= found
