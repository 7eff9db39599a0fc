"""GET …/syncstatus against a static answer of the same size from nginx: the server on one core, wrk on another."""

import base64
import os
import pathlib
import re
import subprocess

import measure
import rig

SECONDS = 4
CONNECTIONS = 32


def wrk(url, pid, header=None, script=None):
    """Requests per second, the median latency in milliseconds, and what one costs the server's processor in microseconds."""
    cpu = measure.cpu_seconds(pid)
    argv = ["taskset", "-c", str(os.cpu_count() - 1), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    argv += ["-H", header] if header else []
    argv += ["-s", str(script)] if script else []
    text = subprocess.run([*argv, url], check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in text, text
    latency = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
    factor = {"us": 1e-3, "ms": 1, "s": 1e3}[latency.group(2)]
    answers = int(re.search(r"(\d+) requests in", text).group(1))
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), float(latency.group(1)) * factor,
            (measure.cpu_seconds(pid) - cpu) / answers * 1e6)


def pin(pid):
    """All threads of a process on the first core."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {0})


def nginx(body):
    with measure.Folder() as folder:
        port = rig.free_port()
        (folder / "www").mkdir()
        (folder / "www/status.json").write_bytes(body)
        for path in [folder, folder / "www", folder / "www/status.json"]:
            path.chmod(0o755)
        (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
	access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=10; types {{ application/json json; }}
	client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
	server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
""")
        server = subprocess.Popen(["taskset", "-c", "0", rig.program("nginx"), "-e", f"{folder}/error.log", "-c", str(folder / "nginx.conf")])
        try:
            url = f"http://127.0.0.1:{port}/status.json"
            rig.wait_until(lambda: subprocess.run(["curl", "-fsS", "-o", "/dev/null", url], check=False, stderr=subprocess.DEVNULL).returncode == 0,
                           "nginx", process=server)
            worker, = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            return wrk(url, int(worker))
        finally:
            server.terminate()
            server.wait()


def run(quick=False):
    result = {}
    company = pathlib.Path(measure.ROOT / "examples/company")
    with measure.system.Server("--log-level", "warn") as server:
        connector = server.create("company", "file", {"path": str(company / "users.csv"), "groupsPath": str(company / "groups.csv"),
                                                      "membershipsPath": str(company / "memberships.csv")})
        measure.timed_sync(server, connector)
        path = f"{measure.system.BASE}/usersync/connector/{connector['uniqueId']}/syncstatus"
        body = server.request("GET", path).body
        pin(server.process.pid)
        password = "Authorization: Basic " + base64.b64encode(f"admin:{server.password}".encode()).decode()
        result["usersync"] = wrk(server.url + path, server.process.pid, password)
        result["peak"] = measure.peak_mb(server.process.pid)
    result["nginx"] = nginx(body)
    result["bytes"] = len(body)
    return result


def render(result):
    ours, theirs = result["usersync"], result["nginx"]
    ratio = ours[0] / theirs[0]
    rows = [["nginx, static file", f"{theirs[0]:,.0f}", f"{theirs[1]:.2f} ms", f"{theirs[2]:.1f} µs", "1.00", ""],
            ["usersync, with HTTP Basic", f"{ours[0]:,.0f}", f"{ours[1]:.2f} ms", f"{ours[2]:.1f} µs", f"{ratio:.2f}",
             "at least 0.5: " + ("yes" if ratio >= 0.5 else "no")]]
    return (measure.table(["server", "answers/s", "median", "processor per answer", "ratio", "aim"], rows) +
            f"\n\n{result['bytes']} bytes, {CONNECTIONS} connections with keep-alive, one core for the server. Peak memory of usersync "
            f"{result['peak']:.0f} MB.")
