"""An edit by hand in a local directory: one membership of a large group, with its run, its plan and its commit."""

import subprocess

import measure

USERS, MEMBERS = 100_000, 50_000


def run(quick=False):
    text = subprocess.run([measure.build() / "bench/edit", str(USERS), str(MEMBERS), "200" if quick else "2000"], check=True, capture_output=True,
                          text=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def render(result):
    rows = [[name, f"{int(median) / 1000:.2f} ms", f"{int(slowest) / 1000:.2f} ms", "at most 5 ms: " + ("yes" if int(median) <= 5000 else "no")]
            for name, median, slowest in result]
    return measure.table(["what", "median", "99 of 100", "aim for the median"], rows)
