"""Holidays, days worked instead and exceptions, against what their words say of each minute."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.calendars import PublicDays, calendar_hours, exceptional_days
from routing.hours import ALWAYS, Hours, parse_hours, parse_week

MOSCOW: Final = ZoneInfo("Europe/Moscow")
BERLIN: Final = ZoneInfo("Europe/Berlin")
OFFICE: Final = "Mon-Fri 09:00-13:00 14:00-18:00"
NONE: Final = PublicDays()
DAY: Final = 1440
LATER: Final = datetime(2100, 1, 1, tzinfo=UTC)


def moscow(month: int, day: int, hour: int, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=MOSCOW)


def changes(hours: Hours, start: datetime, end: datetime, zone: ZoneInfo = MOSCOW) -> list[str]:
    """When these hours open and close between two moments, on the wall."""
    found = []
    while (start := hours.next_change(start, zone) or LATER) < end:
        found.append(f"{start.astimezone(zone):%d %H:%M}")
    return found


def test_a_holiday_is_closed_and_the_shift_goes_on_the_day_after() -> None:
    hours = calendar_hours(OFFICE, PublicDays(frozenset({date(2026, 11, 4)})), ())
    assert not hours.open_at(moscow(11, 4, 10), MOSCOW)
    assert hours.next_change(moscow(11, 3, 18), MOSCOW) == moscow(11, 5, 9)


def test_an_exception_replaces_the_whole_day_with_its_own_ranges() -> None:
    hours = calendar_hours(OFFICE, NONE, ["2026-12-30 09:00-12:00, 12:30-15:00"])
    assert changes(hours, moscow(12, 29, 18), moscow(12, 31, 9)) == ["30 09:00", "30 12:00", "30 12:30", "30 15:00"]


@pytest.mark.parametrize("word", ["closed", "Closed", "выходной"])
def test_an_exception_may_close_the_day(word: str) -> None:
    hours = calendar_hours(OFFICE, NONE, [f" 2026-12-31  {word} "])
    assert hours.next_change(moscow(12, 30, 18), MOSCOW) == moscow(1, 1, 9, year=2027)


def test_an_exception_for_a_span_of_dates_holds_on_each_of_them() -> None:
    hours = calendar_hours(OFFICE, NONE, ["2026-08-03..2026-08-14 10:00-11:00"])
    assert changes(hours, moscow(8, 13, 9), moscow(8, 17, 13)) == [
        "13 10:00", "13 11:00", "14 10:00", "14 11:00", "17 09:00",
    ]  # fmt: skip


def test_an_exception_goes_before_a_holiday_and_before_a_day_worked_instead() -> None:
    saturday = date(2027, 2, 20)
    public = PublicDays(frozenset({date(2027, 2, 22)}), {saturday: 4})
    hours = calendar_hours(OFFICE, public, ["2027-02-20 closed", "2027-02-22 10:00-12:00"])
    assert changes(hours, moscow(2, 19, 18, year=2027), moscow(2, 23, 0, year=2027)) == ["22 10:00", "22 12:00"]


def test_a_weekend_day_worked_instead_has_the_hours_of_the_day_that_it_stands_for() -> None:
    hours = calendar_hours("Mon-Thu 09:00-18:00; Fri 09:00-17:00", PublicDays(worked={date(2027, 2, 20): 4}), ())
    assert changes(hours, moscow(2, 20, 0, year=2027), moscow(2, 22, 0, year=2027)) == ["20 09:00", "20 17:00"]


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    hours = calendar_hours("22:00-06:00", NONE, ["2026-12-31 closed"])
    assert changes(hours, moscow(12, 30, 12), moscow(1, 2, 0, year=2027)) == [
        "30 22:00", "31 06:00", "01 22:00",
    ]  # fmt: skip


def test_an_exception_may_reach_into_the_next_day() -> None:
    hours = calendar_hours("09:00-18:00", NONE, ["2026-12-31 20:00-04:00"])
    assert changes(hours, moscow(12, 30, 18), moscow(1, 1, 18, year=2027)) == ["31 20:00", "01 04:00", "01 09:00"]


def test_who_always_works_has_holidays_too_and_no_change_but_them_however_far_they_are() -> None:
    hours = calendar_hours("always", PublicDays(frozenset({date(2036, 1, 1)})), ())
    assert hours.next_change(moscow(1, 5, 12), MOSCOW) == moscow(1, 1, 0, year=2036)
    assert hours.next_change(moscow(1, 1, 0, year=2036), MOSCOW) == moscow(1, 2, 0, year=2036)
    assert hours.next_change(moscow(1, 2, 0, year=2036), MOSCOW) is None


def test_hours_closed_except_on_single_dates_never_change_after_the_last() -> None:
    hours = Hours((), {date(2026, 12, 30): (540, 900)})
    assert changes(hours, moscow(1, 1, 0), LATER - timedelta(days=1)) == ["30 09:00", "30 15:00"]
    assert hours.next_change(moscow(12, 30, 15), MOSCOW) is None


def test_a_range_that_begins_in_the_skipped_hour_of_its_date_opens_at_the_jump() -> None:
    hours = calendar_hours("09:00-18:00", NONE, ["2026-03-29 02:30-10:00"])
    start, end = datetime(2026, 3, 28, 18, tzinfo=BERLIN), datetime(2026, 3, 29, 18, tzinfo=BERLIN)
    assert changes(hours, start, end, BERLIN) == ["29 03:00", "29 10:00"]


def test_a_range_in_the_repeated_hour_of_its_date_counts_both_times() -> None:
    hours = calendar_hours("09:00-18:00", NONE, ["2026-10-25 02:15-02:45"])
    start, end = datetime(2026, 10, 24, 18, tzinfo=BERLIN), datetime(2026, 10, 25, 18, tzinfo=BERLIN)
    assert changes(hours, start, end, BERLIN) == ["25 02:15", "25 02:45", "25 02:15", "25 02:45"]


def test_a_date_that_comes_out_as_usual_is_not_kept() -> None:
    assert calendar_hours("Mon-Fri 09:00-18:00", PublicDays(frozenset({date(2026, 11, 7)})), ()) == parse_hours(
        "Mon-Fri 09:00-18:00"
    )
    assert calendar_hours("24/7", NONE, ()) == ALWAYS


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "'' is no date"),
        ("2026-12-31", "no times, and not closed either"),
        ("31.12.2026 closed", "'31.12.2026' is no date"),
        ("Dec closed", "'Dec' is no date"),
        ("2026-02-30 closed", "'2026-02-30' is not in any calendar"),
        ("2026-12-31..2026-12-30 closed", "is not up to a year, from the earlier date to the later"),
        ("2026-01-01..2027-01-02 closed", "is not up to a year, from the earlier date to the later"),
        ("1026-01-01 closed", "'1026-01-01' is no date"),
        ("2026-12-31 closed 09:00-10:00", "'closed' is no range of times"),
        ("2026-12-31 9-10", "'9-10' is no range of times"),
    ],
)
def test_what_is_no_exception_is_refused_with_what_is_wrong_and_how_one_looks(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match='"2026-12-30 09:00-15:00"') as refusal:
        exceptional_days([text])
    assert wrong in str(refusal.value)
    assert repr(text) in str(refusal.value)


def test_a_date_with_two_exceptions_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-12-31 has two exceptions; write one"):
        exceptional_days(["2026-12-31 closed", "2026-12-30..2026-12-31 09:00-12:00"])


FIRST: Final = date(2026, 3, 25)
RANGE = st.tuples(st.integers(0, DAY - 1), st.integers(1, DAY)).filter(lambda one: one[0] != one[1])
DATES = st.integers(0, 5).map(lambda number: FIRST + timedelta(days=number))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def expected(weekly: list[tuple[int, int]], single: dict[date, list[tuple[int, int]]], local: datetime) -> bool:
    """What the words say of a local time, found the long way. `weekly` is the same every day."""
    minute, today = local.hour * 60 + local.minute, local.date()
    yesterday = today - timedelta(days=1)
    began_today = any(start <= minute < (end if start < end else DAY) for start, end in single.get(today, weekly))
    return began_today or any(start > end and minute < end for start, end in single.get(yesterday, weekly))


@given(
    weekly=st.lists(RANGE, min_size=1, max_size=2),
    single=st.dictionaries(DATES, st.lists(RANGE, max_size=2), max_size=4),
    zone=st.sampled_from([MOSCOW, BERLIN]),
)
@settings(max_examples=30, deadline=None)
@example(weekly=[(1320, 360)], single={FIRST: []}, zone=BERLIN)
def test_hours_with_exceptions_are_open_exactly_when_their_words_say_so_and_change_exactly_there(
    weekly: list[tuple[int, int]], single: dict[date, list[tuple[int, int]]], zone: ZoneInfo
) -> None:
    def said(ranges: list[tuple[int, int]]) -> str:
        return " ".join(f"{clock(start)}-{clock(end)}" for start, end in ranges) or "closed"

    hours = calendar_hours(said(weekly), NONE, [f"{day} {said(ranges)}" for day, ranges in single.items()])
    begin = datetime(2026, 3, 24, tzinfo=UTC)
    states = [
        expected(weekly, single, (begin + timedelta(minutes=minute)).astimezone(zone)) for minute in range(8 * DAY)
    ]
    turned = [minute for minute in range(1, 8 * DAY) if states[minute] != states[minute - 1]]
    assert [hours.open_at(begin + timedelta(minutes=minute), zone) for minute in range(0, 8 * DAY, 31)] == states[::31]
    at, found = begin, []
    while (at := hours.next_change(at, zone) or LATER) < begin + timedelta(days=8):
        found.append((at - begin) // timedelta(minutes=1))
    assert found == turned


def test_a_week_keeps_each_range_with_the_day_on_which_it_begins() -> None:
    assert parse_week("Sun 22:00-06:00; Mon 09:00-10:00") == (((540, 600),), (), (), (), (), (), ((1320, 1800),))
