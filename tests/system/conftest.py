"""Fixtures of the system tests; what they do is in server.py."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "idp")]

from server import Server  # noqa: E402


@pytest.fixture
def server():
    """A server of the test's own, empty."""
    with Server() as one:
        yield one


@pytest.fixture(scope="module")
def shared_server():
    """A server for all tests of a file, for those that leave nothing behind that others would trip over."""
    with Server() as one:
        yield one
