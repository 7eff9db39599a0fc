"""Cron expressions against two others who read them: a slow one of our own over Python's zone data, and croniter."""

import calendar
import datetime
import pathlib
import subprocess
import threading
import zoneinfo

import pytest
from croniter import croniter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from dump import BUILD

UTC = datetime.timezone.utc
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia",
         "Europe/Dublin", "UTC"]
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()
FIRST, LAST = 1230768000, 2082758400  # 2009 to 2036
TRIES = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


class Dump:
    def __init__(self):
        self.process = subprocess.Popen([str(pathlib.Path(BUILD) / "tests/contract/cron_dump")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()

    def __call__(self, zone, expression, after, count):
        with self.lock:
            self.process.stdin.write(f"{zone}\t{expression}\t{after}\t{count}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline().strip()
        assert not line.startswith("error"), f"{expression}: {line}"
        return [int(word) for word in line.split()]


@pytest.fixture(scope="module")
def dump():
    one = Dump()
    yield one
    one.process.stdin.close()
    assert one.process.wait(30) == 0


# --- the slow one: every second of the field sets, every day one by one ----------------------------

def moment(zone, local):
    """The UTC second of a local time: the first of two; behind the gap if it does not exist."""
    aware = local.replace(tzinfo=zone, fold=0)
    utc = aware.astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) == local:
        return int(utc.timestamp())
    # In a gap fold=0 takes the offset before it: the change lies between the two readings.
    low, high = (int(local.replace(tzinfo=UTC).timestamp()) + sign * 100000 for sign in (-1, 1))

    def local_of(second):
        return datetime.datetime.fromtimestamp(second, UTC).astimezone(zone).replace(tzinfo=None)
    while high - low > 1:  # local_of(low) < local < local_of(high)
        middle = (low + high) // 2
        if local_of(middle) < local:
            low = middle
        else:
            high = middle
    return high


def matches_day(spec, day):
    kind, value = spec
    last = calendar.monthrange(day.year, day.month)[1]
    weekday = (day.weekday() + 1) % 7
    if kind == "any":
        return True
    if kind == "days":
        return day.day in value
    if kind == "week":
        return weekday in value
    if kind == "last":
        return day.day == last - value
    if kind == "weekday#":
        return weekday == value[0] and (day.day - 1) // 7 + 1 == value[1]
    if kind == "weekdayL":
        return weekday == value and day.day + 7 > last
    assert kind == "nearest"
    target = last if value == "L" else value
    if target > last:
        return False
    options = [d for d in range(1, last + 1) if day.replace(day=d).weekday() < 5]
    return day.day == min(options, key=lambda d: (abs(d - target), d < target))


def slow_next(zone_name, fields, after, count):
    seconds, minutes, hours, day_spec, months = fields
    zone = zoneinfo.ZoneInfo(zone_name)
    day = datetime.datetime.fromtimestamp(after, UTC).astimezone(zone).date() - datetime.timedelta(days=2)
    found = set()
    for _ in range(366 * 9):
        if day.month in months and matches_day(day_spec, day):
            for h in hours:
                for m in minutes:
                    for s in seconds:
                        at = moment(zone, datetime.datetime(day.year, day.month, day.day, h, m, s))
                        if at > after:
                            found.add(at)
            # One more day, as the first moment of the next may be the same or, over a change, an earlier one.
            if len(found) > count:
                break
        day += datetime.timedelta(days=1)
    return sorted(found)[:count]


def some(low, high, most=3):
    return st.lists(st.integers(low, high), min_size=1, max_size=most, unique=True).map(sorted)


def text_of(values):
    return ",".join(str(v) for v in values)


@st.composite
def ranges(draw, low, high):
    """Text and values of a list, a range that may wrap, or a step."""
    kind = draw(st.sampled_from(["list", "range", "step", "all"]))
    if kind == "list":
        values = draw(some(low, high))
        return text_of(values), values
    if kind == "all":
        return "*", list(range(low, high + 1))
    first, step, size = draw(st.integers(low, high)), draw(st.integers(1, min(20, high - low + 1))), high - low + 1
    if kind == "step":
        return f"{first}/{step}", list(range(first, high + 1, step))
    length = draw(st.integers(0, size - 1))
    last = low + (first - low + length) % size
    return f"{first}-{last}/{step}", sorted(low + (first - low + i) % size for i in range(0, length + 1, step))


@st.composite
def day_fields(draw):
    kind = draw(st.sampled_from(["any", "days", "week", "last", "weekday#", "weekdayL", "nearest"]))
    if kind == "any":
        return "*", "?", ("any", None)
    if kind == "days":
        text, values = draw(ranges(1, 31))
        return (text, "?", ("days", values)) if text != "*" else ("*", "?", ("any", None))
    if kind == "week":
        values = draw(some(0, 6))
        return "?", draw(st.sampled_from([text_of(v + 1 for v in values), ",".join(DAYS[v] for v in values)])), ("week", values)
    if kind == "last":
        before = draw(st.integers(0, 30))
        return f"L-{before}" if before else "L", "?", ("last", before)
    if kind == "weekday#":
        day, nth = draw(st.integers(0, 6)), draw(st.integers(1, 5))
        return "?", f"{DAYS[day]}#{nth}", ("weekday#", (day, nth))
    if kind == "weekdayL":
        day = draw(st.integers(0, 6))
        return "?", f"{day + 1}L", ("weekdayL", day)
    day = draw(st.one_of(st.just("L"), st.integers(1, 31)))
    return f"{day}W", "?", ("nearest", day)


# Hours near the changes, so that they are met.
HOURS = st.one_of(some(0, 3), ranges(0, 23).map(lambda pair: pair[1]))


@given(zone=st.sampled_from(ZONES), after=st.integers(FIRST, LAST), seconds=some(0, 59, 2), minutes=ranges(0, 59), hours=HOURS, days=day_fields(),
       months=ranges(1, 12))
@TRIES
def test_times_are_those_of_the_slow_reading(dump, zone, after, seconds, minutes, hours, days, months):
    expression = f"{text_of(seconds)} {minutes[0]} {text_of(hours)} {days[0]} {months[0]} {days[1]}"
    want = slow_next(zone, (seconds, minutes[1], hours, days[2], months[1]), after, 4)
    got = dump(zone, expression, after, len(want))
    assert got == want, expression


def changes(zone_name, year):
    """The moments of a year at which the clocks of a zone change."""
    zone, hour = zoneinfo.ZoneInfo(zone_name), 3600
    begin = int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp())

    def offset(second):
        return datetime.datetime.fromtimestamp(second, zone).utcoffset()
    return [second for second in range(begin, begin + 366 * 24 * hour, hour) if offset(second) != offset(second - hour)]


@pytest.mark.parametrize("zone", [z for z in ZONES if z not in ("UTC", "Asia/Kathmandu")])
def test_each_quarter_of_an_hour_around_every_change(dump, zone):
    seen = 0
    for year in (2010, 2011, 2019, 2026, 2030, 2036):
        for change in changes(zone, year):
            seen += 1
            fields = ([0], [0, 15, 30, 45], list(range(24)), ("any", None), list(range(1, 13)))
            want = slow_next(zone, fields, change - 6 * 3600, 40)
            assert dump(zone, "0 0/15 * * * ?", change - 6 * 3600, 40) == want, change
    assert seen >= 5


@given(after=st.integers(FIRST, LAST), second=st.integers(0, 59), minute=ranges(0, 59), hour=some(0, 23), month=some(1, 12, 4),
       days=st.one_of(some(1, 28).map(lambda d: (text_of(d), "?", text_of(d), "*")),
                      st.just(("L", "?", "L", "*")),
                      some(0, 6).map(lambda d: ("?", ",".join(DAYS[v] for v in d), "*", ",".join(DAYS[v] for v in d))),
                      st.tuples(st.integers(0, 6), st.integers(1, 5)).map(lambda p: ("?", f"{DAYS[p[0]]}#{p[1]}", "*", f"{p[0]}#{p[1]}"))))
@TRIES
def test_times_are_those_of_croniter(dump, after, second, minute, hour, month, days):
    if "-" in minute[0]:
        minute = (text_of(minute[1]), minute[1])
    got = dump("UTC", f"{second} {minute[0]} {text_of(hour)} {days[0]} {','.join(MONTHS[m - 1] for m in month)} {days[1]}", after, 3)
    # It takes minutes first and seconds last.
    other = croniter(f"{text_of(minute[1])} {text_of(hour)} {days[2]} {text_of(month)} {days[3]} {second}",
                     datetime.datetime.fromtimestamp(after, UTC), max_years_between_matches=60)
    assert got == [int(other.get_next(datetime.datetime).timestamp()) for _ in got]
    assert len(got) == 3
