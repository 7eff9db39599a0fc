"""Following a directory: its changes by pages, and asking when there is nothing new."""

import subprocess

import measure

ROWS = 100_000


def run(quick=False):
    text = subprocess.run([measure.build() / "bench/feed", str(ROWS // 10 if quick else ROWS), "20000" if quick else "200000"], check=True,
                          capture_output=True, text=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def render(result):
    aims = {"nothing new": 40000}
    rows = [[name, f"{int(rate):,}", f"at least {aims[name]:,}: " + ("yes" if int(rate) >= aims[name] else "no") if name in aims else ""]
            for name, rate in result]
    return measure.table(["what", "a second", "aim"], rows)
