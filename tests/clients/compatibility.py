"""The table in docs/compatibility.md: which client, which version, how many of its calls were made and passed.

Each test writes its row with USERSYNC_WRITE_DOCS=1, and else fails if the row there is not what it has seen.
"""

import contextlib
import os
import pathlib

DOC = pathlib.Path(__file__).resolve().parents[2] / "docs/compatibility.md"


class Row:
    def __init__(self, client, version):
        self.client, self.version = client, version
        self.passed, self.failed, self.others = [], [], {}

    @contextlib.contextmanager
    def __call__(self, call):
        """Around one call of the client; what it raises is noted, and the others go on."""
        try:
            yield
        except Exception as problem:  # noqa: BLE001
            self.note(call, f"{type(problem).__name__}: {problem}")
        else:
            self.note(call)

    def note(self, call, problem=None):
        (self.failed.append((call, problem)) if problem else self.passed.append(call))

    def differ(self, call, why):
        """The client takes it for a mistake, and it is meant so: the row says why."""
        self.others[call] = why

    def check(self):
        assert not self.failed, "\n".join(f"{call}: {problem}" for call, problem in self.failed)
        calls = sorted(set(self.passed) - set(self.others))
        said = ", ".join(f"`{c}`" for c in calls) + "".join(f"; not `{c}`: {why}" for c, why in sorted(self.others.items()))
        line = f"| {self.client} | {self.version} | {len(calls) + len(self.others)} | {len(calls)} | {said} |"
        lines = DOC.read_text(encoding="utf-8").splitlines()
        if os.environ.get("USERSYNC_WRITE_DOCS"):
            begin = next(i for i, text in enumerate(lines) if text.startswith("| ---"))
            end = next((i for i in range(begin, len(lines)) if not lines[i].startswith("|")), len(lines))
            rows = sorted({text.split(" | ")[0]: text for text in [*lines[begin + 1:end], line]}.values(), key=str.casefold)
            DOC.write_text("\n".join([*lines[:begin + 1], *rows, *lines[end:]]) + "\n", encoding="utf-8")
        assert line in DOC.read_text(encoding="utf-8").splitlines(), f"docs/compatibility.md has no such row: {line}"
