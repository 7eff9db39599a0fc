"""The contract of a source, over all kinds of them: LDAP, Keycloak, CSV and LDIF. One table of rigs, the same tests for each."""

import pytest
from dump import dump
from sources import CHECKS, KINDS, run_contract


@pytest.fixture(name="kind", params=sorted(KINDS), scope="module")
def fixture_kind(request):
    return request.param


@pytest.fixture(name="shared", scope="module")
def fixture_shared(kind):
    with KINDS[kind]() as rig:
        yield rig


@pytest.fixture(name="rig")
def fixture_rig(shared):
    shared.mend()
    yield shared
    shared.mend()


@pytest.fixture(name="own")
def fixture_own(kind):
    """A source of the test's own, which it may take away."""
    with KINDS[kind]() as rig:
        yield rig


def ids_of(got):
    return sorted(user["id"] for user in got.users)


@pytest.mark.parametrize("check", CHECKS)
def test_contract(rig, check):
    assert run_contract(rig.kind, rig.configuration(), *rig.somebody(), rig.absent, rig.absent_id, check) == [check]


def test_a_source_in_order_is_read_whole(rig):
    got = dump(rig.kind, rig.configuration())
    assert got.error is None and got.is_whole() and len(ids_of(got)) == rig.SIZE == len(set(ids_of(got)))
    assert all(row["signal"] and row["rows"] >= 0 for row in got.listings.values())


@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize("edge", [-1, 0, 1])
def test_page_edges_lose_nobody(own, pages, edge):
    size = own.PAGE * pages + edge
    own.resize(size)
    got = dump(own.kind, own.configuration())
    assert got.error is None and got.is_whole(), got.text
    assert len(set(ids_of(got))) == len(got.users) == size
    assert next(iter(got.listings.values()))["rows"] >= size


def test_one_user_is_a_whole_listing(own):
    own.resize(1)
    got = dump(own.kind, own.configuration())
    assert got.error is None and got.is_whole() and len(got.users) == 1


def test_a_listing_that_is_cut_anywhere_has_no_end(rig):
    """Every page, every way: the rows before the cut may be given out, the certificate is never whole, and the mended source is."""
    whole = dump(rig.kind, rig.configuration())
    seen = 0
    for label, cut in rig.cuts():
        rig.mend()
        cut()
        got = dump(rig.kind, rig.configuration())
        assert got.status == 1 and got.error and got.error not in ("US_END", "US_NOT_FOUND"), label
        assert got.text and not got.is_whole(), label
        assert set(ids_of(got)) <= set(ids_of(whole)) | {""}, label
        seen += 1
    assert seen > 10
    rig.mend()
    assert ids_of(dump(rig.kind, rig.configuration())) == ids_of(whole)


def test_after_a_cut_the_same_source_reads_the_whole(rig):
    label, cut = next(iter(rig.cuts()))
    cut()
    got = dump(rig.kind, rig.configuration(), "--again")
    assert len(got.errors) == 2 and not got.is_whole(), label


def test_a_source_that_is_down_knows_nobody_and_misses_nobody(own):
    name, key = own.somebody()
    settings = own.configuration()
    own.break_down()
    got = dump(own.kind, settings)
    assert got.error == "US_UNAVAILABLE" and got.text and not got.records and not got.is_whole()
    for question in (("--find", name), ("--find", own.absent), ("--find-id", key), ("--find-id", own.absent_id), ("--test",)):
        got = dump(own.kind, settings, *question)
        assert got.error == "US_UNAVAILABLE" and got.text, question


def test_a_source_that_refuses_us_knows_nobody_and_misses_nobody(own):
    name, key = own.somebody()
    for question in ((), ("--find", name), ("--find", own.absent), ("--find-id", key), ("--find-id", own.absent_id), ("--test",)):
        got = dump(own.kind, own.lock_out(), *question)
        assert got.error in ("US_DENIED", "US_CONFIG") and got.text and not got.records and not got.is_whole(), question


def test_a_search_never_takes_trouble_for_absence(rig):
    """Whatever cuts a listing may cut a search: then it is an error, or the right answer, never a wrong one."""
    name, key = rig.somebody()
    right = dump(rig.kind, rig.configuration(), "--find", name)
    for label, cut in rig.cuts():
        rig.mend()
        cut()
        for question in (("--find", name), ("--find-id", key)):
            got = dump(rig.kind, rig.configuration(), *question)
            if question[0] == "--find" and label.startswith(tuple(rig.OWN_WORD)) and got.error == "US_NOT_FOUND":
                continue
            assert got.error != "US_NOT_FOUND", (label, question)
            if got.error is None:
                assert got.users == right.users, (label, question)
