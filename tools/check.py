#!/usr/bin/env python3
"""Runs the steps of the check and sums what they counted.

Every step counts from what the tests themselves reported: TAP lines of the C programs, JUnit of pytest. A step that
cannot run, a test program that dies, announces more than it reports, or is skipped counts as failed. The sum is the
last line: "N passed, N failed".
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".check"
CORES = os.cpu_count() or 2
PRINT = threading.Lock()

SANITIZER_ENV = {
    # Freed memory is kept for 32 MB, and the callers of an allocation for 12 frames: the programs are small and many.
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:"
                    "quarantine_size_mb=32:malloc_context_size=12",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Count:
    """What one step found."""

    def __init__(self):
        self.passed = 0
        self.failures = []  # (name, what it said)

    def ok(self, number=1):
        self.passed += number

    def fail(self, name, said=""):
        self.failures.append((name, said))


def run(argv, log, env=None, limit_s=1200):
    """Runs a program with its output in a log file; the exit code, and the log's text."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        try:
            done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  env={**os.environ, **SANITIZER_ENV, **(env or {})}, timeout=limit_s, check=False)
            code = done.returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nnot ended within {limit_s} s\n".encode())
            code = 124
    return code, log.read_text(errors="replace")


# --- builds -------------------------------------------------------------------------------------

def threaded(folder):
    """What the tests of threads need: nothing else is built for them."""
    known = json.loads(subprocess.run(["meson", "introspect", "--tests", str(folder)], capture_output=True, text=True, check=True).stdout)
    programs = {os.path.relpath(test["cmd"][0], folder) for test in known if any(suite.endswith("threads") for suite in test["suite"])}
    return ["src/cmd/usersync", *sorted(programs)]


def setup(name, options, compiler, targets=lambda folder: []):
    folder = WORK / name
    env = {"CC": compiler, "CXX": {"gcc": "g++", "clang": "clang++"}[compiler]}
    if not (folder / "build.ninja").exists():
        shutil.rmtree(folder, ignore_errors=True)
        code, text = run(["meson", "setup", str(folder), *options], WORK / f"{name}.setup.log", env)
        if code:
            return f"meson setup: {text[-3000:]}"
    code, text = run(["ninja", "-k", "0", "-C", str(folder), f"-j{CORES}", *targets(folder)], WORK / f"{name}.build.log")
    return text[-6000:] if code else None


# Compiled by clang for its warnings, which need no optimiser; by gcc with lines for the sanitizers' reports, and no more.
BUILDS = {
    "clang": (["-Dwerror=true", "-Dfuzzers=true", "-Doptimization=0", "-Ddebug=false"], "clang"),
    "asan": (["-Dwerror=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dc_args=-g1"], "gcc"),
    "tsan": (["-Dwerror=true", "-Db_sanitize=thread", "-Db_lundef=false", "-Dc_args=-g1"], "gcc", threaded),
}


def build(name, count):
    problem = setup(name, *BUILDS[name])
    if problem:
        count.fail(f"build {name}", problem)
    else:
        count.ok()


# --- counting -----------------------------------------------------------------------------------

TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.M)
TAP_LINE = re.compile(r"^(ok|not ok)\b *(\d*)(?: *- *)?(.*)$", re.M)


def count_program(count, name, result, code, out, err):
    """One test program: by its TAP lines if it wrote any, else as one test by its exit code."""
    lines = TAP_LINE.findall(out)
    plans = [int(n) for n in TAP_PLAN.findall(out)]
    if lines:
        bad = [(n or text) for verdict, n, text in lines if verdict == "not ok" or "# SKIP" in text]
        good = len(lines) - len(bad)
        count.ok(good)
        for what in bad:
            count.fail(f"{name}: {what}", out[-3000:] + err[-3000:])
        for _ in range(len(lines), sum(plans)):
            count.fail(f"{name}: announced and not run", out[-2000:] + err[-3000:])
        if (code or result != "OK") and not bad:
            count.fail(f"{name}: {result}, exit code {code}", out[-2000:] + err[-6000:])
    elif result == "OK" and code == 0:
        count.ok()
    else:
        count.fail(f"{name}: {result}, exit code {code}", out[-3000:] + err[-6000:])


def meson_tests(folder, count, options=()):
    log = WORK / folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    code, text = run(["meson", "test", "-C", str(WORK / folder), "--no-rebuild", f"--num-processes={CORES}", "--timeout-multiplier=4",
                      *options], WORK / f"{folder}.test.log",
                     # These programs do the same each time: who must know where a block was allocated runs the one that failed again.
                     {"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": SANITIZER_ENV["ASAN_OPTIONS"].replace("size=12", "size=1")})
    if not log.exists():
        count.fail(f"meson test in {folder}", text[-3000:])
        return
    seen = 0
    for line in log.read_text(errors="replace").splitlines():
        row = json.loads(line)
        seen += 1
        count_program(count, row["name"], row["result"], row["returncode"], row.get("stdout") or "", row.get("stderr") or "")
    if not seen:
        count.fail(f"meson test in {folder}", "no test was run\n" + text[-2000:])
    elif code and not count.failures:
        count.fail(f"meson test in {folder}", text[-3000:])


def pytest_tests(name, folder, paths, count, options=()):
    paths = [p for p in paths if (ROOT / p).exists()]
    if not paths:
        count.fail(name, "there are no such tests")
        return
    report = WORK / f"{name}.xml"
    report.unlink(missing_ok=True)
    code, text = run([str(WORK / "venv/bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=300", "-n", str(CORES + 1),
                      "--dist=loadfile", f"--junitxml={report}", *options, *paths], WORK / f"{name}.log",
                     {"USERSYNC_BUILD": str(WORK / folder), "PATH": f"{WORK}/venv/bin:{os.environ['PATH']}"})
    if not report.exists():
        count.fail(name, text[-4000:])
        return
    cases = ET.parse(report).getroot().iter("testcase")
    seen = 0
    for case in cases:
        seen += 1
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if bad:
            said = "\n".join((child.get("message") or "") + "\n" + (child.text or "") for child in bad)
            count.fail(f"{case.get('classname')}::{case.get('name')}", said[-5000:])
        else:
            count.ok()
    if not seen:
        count.fail(name, "no test was run\n" + text[-3000:])
    elif code and not count.failures:
        count.fail(name, text[-4000:])


# --- the steps ----------------------------------------------------------------------------------

def step_layers(count):
    code, text = run(["tools/layers"], WORK / "layers.log")
    if code:
        count.fail("layers", text)
    else:
        count.ok()


def step_asan(count):
    """The build with AddressSanitizer and UndefinedBehaviorSanitizer that the tests run on."""
    build("asan", count)


def step_unit(count):
    """Unit tests, sync cases and fuzz seeds."""
    meson_tests("asan", count)


def step_system(count):
    """The server, its REST calls, sources and documents, from outside."""
    pytest_tests("system", "asan", ["tests"], count)


def step_clang(count):
    build("clang", count)


def step_tsan(count):
    """Threads: the same programs under ThreadSanitizer, and the server under load."""
    build("tsan", count)
    if not count.failures:
        meson_tests("tsan", count, ["--suite=threads"])
    threads = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/system").glob("test_threads*.py"))
    if threads and not count.failures:
        pytest_tests("threads", "tsan", threads, count, ["-n", "0"])


def step_quickstart(count):
    """The first command of the README, from the sources to the six calls; no warning of gcc is let pass."""
    code, text = run(["./quickstart", "--smoke", "--data", str(WORK / "quickstart-data")], WORK / "quickstart.log",
                     {"CFLAGS": "-Werror", "CXXFLAGS": "-Werror"}, limit_s=400)
    if code:
        count.fail("quickstart --smoke", text[-4000:])
    else:
        count.ok()


# What runs one after the other stands in one list; the lists after the first run at the same time.
FIRST = ["layers", "asan", "unit"]
BESIDE = [["system"], ["clang", "tsan", "quickstart"]]
STEPS = {name[len("step_"):]: function for name, function in list(globals().items()) if name.startswith("step_")}


def run_step(name, counts):
    count = counts[name] = Count()
    begin = time.monotonic()
    try:
        STEPS[name](count)
    except Exception as error:  # a broken step must not end the check without a count
        count.fail(name, f"{type(error).__name__}: {error}")
    if not count.passed and not count.failures:
        count.fail(name, "counted nothing")
    with PRINT:
        print(f"{name:12} {count.passed:5} passed {len(count.failures):4} failed {time.monotonic() - begin:7.1f} s", flush=True)
        for what, said in count.failures:
            print(f"--- FAILED {what}")
            if said.strip():
                print("    " + said.strip().replace("\n", "\n    "))
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", help="only these")
    parser.add_argument("--list", action="store_true", help="name the steps")
    args = parser.parse_args()
    if args.list:
        for name in FIRST + sum(BESIDE, []):
            print(f"{name:12} {(STEPS[name].__doc__ or '').strip()}")
        return 0
    unknown = [name for name in args.steps if name not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]}; there are: {', '.join(STEPS)}")
    wanted = set(args.steps or STEPS)
    if wanted & {"unit", "system"}:
        wanted.add("asan")
    counts = {}
    for name in FIRST:
        if name in wanted:
            run_step(name, counts)
    lanes = [[name for name in lane if name in wanted] for lane in BESIDE]
    threads = [threading.Thread(target=lambda lane=lane: [run_step(name, counts) for name in lane]) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in wanted - set(counts):
        counts[name] = Count()
        counts[name].fail(name, "did not run")
    passed = sum(count.passed for count in counts.values())
    failed = sum(len(count.failures) for count in counts.values())
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
