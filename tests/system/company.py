"""A small company in a CSV file, for tests that need a source which they can change."""

import csv
import pathlib
import tempfile


class Company:
    def __init__(self, count=30):
        self.folder = tempfile.TemporaryDirectory(prefix="usersync-company-")
        self.path = pathlib.Path(self.folder.name) / "users.csv"
        self.people = {}
        for i in range(count):
            self.people[f"id{i:03}"] = {"username": f"user{i:03}", "fullName": f"User {i}", "email": f"user{i:03}@example.org", "active": "true",
                                        "groups": "staff" if i % 2 else "staff;even"}
        self.write()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def add(self, key, name, **more):
        self.people[key] = {"username": name, "fullName": name, "email": "", "active": "true", "groups": "staff", **more}
        self.write()

    def write(self):
        fresh = self.path.with_suffix(".new")
        with open(fresh, "w", newline="", encoding="utf-8") as out:
            rows = csv.DictWriter(out, ["id", "username", "fullName", "email", "active", "groups"])
            rows.writeheader()
            for key, person in self.people.items():
                rows.writerow({"id": key, **person})
        fresh.replace(self.path)

    @property
    def configuration(self):
        return {"path": str(self.path)}
