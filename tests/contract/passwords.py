"""Asks a source whether a password is right, and what it may answer."""

from dump import dump

RIGHT = "Corr3ct h0rse, b&ttery+staple=%"
YES, WRONG, UNKNOWN = "right", "wrong password", "no such user"
INACTIVE, EXPIRED = "the user is not active", "the password or the account has expired or must be renewed"


def ask(monkeypatch, kind, settings, key, password):
    monkeypatch.setenv("SOURCE_PASSWORD", password)
    got = dump(kind, settings, "--authenticate", key)
    assert password == "" or password not in got.text + got.said
    assert (got.error is None) == (got.authentication is not None), got.text
    return got.authentication or got.error
