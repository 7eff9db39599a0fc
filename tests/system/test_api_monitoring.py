"""Probes, and the document, proved by a tool that makes requests from it."""

import os
import shutil
import subprocess
import sys

import pytest
from company import Company
from server import BASE, clean_environment


def test_probes_say_ok(server):
    for path in ("/healthz", "/readyz"):
        answer = server.request("GET", path, user=None)
        assert answer.status == 200 and answer.json() == {"status": "ok"}


def schemathesis():
    beside = os.path.join(os.path.dirname(sys.executable), "st")
    found = beside if os.path.exists(beside) else shutil.which("st")
    assert found, "schemathesis is not installed: pip install -r tests/requirements.txt"
    return found


@pytest.mark.timeout(600)
def test_the_document_is_true_to_the_server(server, tmp_path):
    with Company() as company:
        company.add("a", "alice")
        company.add("s", "staff")  # names as in the document's examples
        connector = server.create("hr", "file", company.configuration)
        server.sync(connector)
        status, token = server.call("POST", "/token/", {"name": "checker", "role": "admin"})
        assert status == 201
        done = subprocess.run(
            [schemathesis(), "run", server.url + "/openapi.json", "-H", f"Authorization: Bearer {token['token']}", "--seed", "1",
             "--max-examples", "15", "--phases", "examples,coverage,fuzzing", "--workers", "1", "--request-timeout", "30",
             "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
             "response_schema_conformance,unsupported_method,negative_data_rejection",
             # The checker would take its own rights or what it looks at away; other tests have these.
             "--exclude-operation-id", "removeToken", "--exclude-operation-id", "removeAccount", "--exclude-operation-id", "changeAccount",
             "--exclude-operation-id", "deleteConnector", "--exclude-operation-id", "deleteDirectory"],
            cwd=tmp_path, capture_output=True, text=True, timeout=580, check=False, env=clean_environment(NO_COLOR="1"))
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert server.request("GET", BASE + "/usersync/connector/1").status in (200, 404)
