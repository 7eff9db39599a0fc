"""Writes schema_N.sql, the store that test_migration.py brings up to date: run it with the last program that makes schema N, before the next step.

    USERSYNC_BUILD=build python tests/system/make_schema.py
"""

import sqlite3

from company import Company
from server import ROOT, Server


def dump(path):
    with sqlite3.connect(path) as store:
        version = store.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0]
        application = store.execute("PRAGMA application_id").fetchone()[0]
        lines = [line for line in store.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
    return version, "\n".join([f"PRAGMA application_id={application};", "PRAGMA foreign_keys=OFF;", "BEGIN TRANSACTION;", *lines, "COMMIT;", ""])


def main():
    with Company(count=3) as company:
        with Server() as server:
            hr = server.create("hr", "file", company.configuration)
            gone = server.create("gone", "file", company.configuration)
            assert server.call("DELETE", f"/usersync/connector/{gone['id']}")[0] == 204
            server.sync(hr)
            company.people.pop("id001")
            company.add("new", "newcomer")
            assert server.sync(hr)["status"] == "DONE"
            company.add("later", "latecomer")
            run = server.call("POST", f"/usersync/connector/{hr['id']}/simulate")[1]
            assert server.wait(run["id"])["status"] == "DONE"
            data = server.data
            server.stop()
            version, text = dump(data / "usersync.db")
        target = ROOT / f"tests/system/schema_{version}.sql"
        target.write_text(text.replace(str(company.path), "@USERS@"))
        print(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
