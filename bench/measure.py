"""What all benchmarks need: a server under measurement, its memory, timed syncs, machine facts, tables."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/idp")]

import server as system  # noqa: E402


def build():
    """The folder of the build, with the benchmarks' own programs."""
    folder = system.build_folder()
    subprocess.run(["ninja", "-C", str(folder), "src/cmd/usersync", "bench/generate", "bench/read"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def generate(out, users, groups, memberships, shape="column", changed=0):
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(build() / "bench/generate"), "--users", str(users), "--groups", str(groups), "--memberships", str(memberships),
                    "--shape", shape, "--changed", str(changed), "--out", str(out)], check=True)


def read_alone(kind, configuration):
    """What reading the source and throwing the records away takes."""
    done = subprocess.run([str(build() / "bench/read"), kind, json.dumps(configuration)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


class Folder:
    """A folder for data, gone at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="usersync-bench-", dir=os.environ.get("BENCH_TMPDIR")))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def peak_mb(pid):
    """Highest resident memory so far (VmHWM)."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) / 1024


def cpu_seconds(pid):
    """By the process's own clock (clock_getcpuclockid, which Python lacks): /proc counts in hundredths, and ratios are taken of a fifth of a second."""
    return time.clock_gettime(~pid << 3 | 2)


class Step:
    """One timed sync: wall and processor seconds, peak memory of the server, and its status object."""

    def __init__(self, wall_s, cpu_s, peak, status):
        self.wall_s, self.cpu_s, self.peak, self.status = wall_s, cpu_s, peak, status


def timed_sync(server, connector, seconds=600):
    """From the POST to the end of the run, as somebody sees it who asks every few milliseconds."""
    pid = server.process.pid
    cpu, begin = cpu_seconds(pid), time.monotonic()
    status, answer = server.call("POST", f"/usersync/connector/{connector['uniqueId']}/sync")
    assert status == 202, answer
    done = wait(server, answer["id"], begin + seconds)
    step = Step(time.monotonic() - begin, cpu_seconds(pid) - cpu, peak_mb(pid), done)
    assert done["status"] == "DONE", done
    return step


def wait(server, run, deadline):
    pause = 0.002
    while True:
        status, answer = server.call("GET", f"/usersync/syncstatus/{run}")
        assert status == 200, answer
        if answer["status"] not in ("SCHEDULED", "RUNNING"):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(pause)
        pause = min(pause * 1.3, 0.05)


def first_unchanged_changed(kind, configuration, change, firsts=3, runs=3):
    """Steps of first syncs and of syncs with nothing changed (the median ones), and after change(). Each on a server just started, so that
    memory is that of the step alone."""
    begun = []
    for _ in range(firsts - 1):
        with Folder() as data, system.Server(data=data) as server:
            begun.append(timed_sync(server, server.create("bench", kind, configuration)))
    with Folder() as data:
        with system.Server(data=data) as server:
            connector = server.create("bench", kind, configuration)
            begun.append(timed_sync(server, connector))
            first = median(begun)
            first.peak = max(step.peak for step in begun)
        with system.Server(data=data) as server:
            steps = [timed_sync(server, connector) for _ in range(runs)]
            unchanged = median(steps)
            unchanged.peak = steps[0].peak
            assert unchanged.status["addedCount"] == unchanged.status["updatedCount"] == 0, unchanged.status
        change()
        with system.Server(data=data) as server:
            changed = timed_sync(server, connector)
        size = sum(f.stat().st_size for f in data.rglob("*") if f.is_file()) / 1e6
    return first, unchanged, changed, size


def median(steps):
    return sorted(steps, key=lambda step: step.wall_s)[len(steps) // 2]


class Peer:
    """What another program took: wall and processor seconds, peak memory in MB."""

    def __init__(self, wall_s=0.0, cpu_s=0.0, peak=0.0):
        self.wall_s, self.cpu_s, self.peak = wall_s, cpu_s, peak

    def __add__(self, after):
        return Peer(self.wall_s + after.wall_s, self.cpu_s + after.cpu_s, max(self.peak, after.peak))


def timed(argv, seconds=600):
    """Runs a program to its end; None if it takes longer than that. Its output is thrown away, what it complains of is in the exception."""
    with tempfile.TemporaryFile() as complaints:
        begin = time.monotonic()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=complaints)
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall, is_late = time.monotonic() - begin, not timer.is_alive()
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if is_late:
            return None
        if process.returncode:
            complaints.seek(0)
            raise RuntimeError(f"{argv[0]}: {complaints.read(500).decode(errors='replace')}")
    return Peer(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


# --- the profile --------------------------------------------------------------------------------------------------------

def profile(server, connector, top=3):
    """The functions of the server that one sync spends most of its time in, as (percent, name); None without perf."""
    if not shutil.which("perf"):
        return None
    with Folder() as folder:
        out = str(folder / "perf.data")
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "499", "-g", "-p", str(server.process.pid), "-o", out],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)  # perf has no sign that it has begun
        if perf.poll() is not None:
            return None
        timed_sync(server, connector)
        perf.send_signal(2)
        perf.wait()
        text = subprocess.run(["perf", "report", "-i", out, "--stdio", "--no-children", "-g", "none", "--sort", "symbol"],
                              capture_output=True, text=True, check=False).stdout
    rows = re.findall(r"^\s+([\d.]+)%\s+\[(.)\]\s+(\S+)", text, re.MULTILINE)
    return [(float(percent), name + (" (kernel)" if side == "k" else "")) for percent, side, name in rows[:top]]


# --- the machine, and tables ---------------------------------------------------------------------------------------------

def machine():
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) // 1024 // 1024
    release = re.search(r'PRETTY_NAME="([^"]+)"', pathlib.Path("/etc/os-release").read_text()).group(1)
    return (f"{cpu.group(1).strip() if cpu else platform.machine()}, {os.cpu_count()} cores, {memory} GiB, {release}, "
            f"kernel {platform.release().split('-')[0]}")


def table(header, rows):
    """Markdown with columns in line."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"  # noqa: E731
    return "\n".join([line(header), "| " + " | ".join("-" * width for width in widths) + " |", *map(line, rows)])


def verdict(value, limit):
    return "yes" if value <= limit else f"no ({value / limit:.1f} times)"
