"""Working time agrees with a count of minutes, whatever the hours, the zones and the jumps of the clock."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.hours import ALWAYS, Hours, parse_hours
from routing.policy import Manager, offer_margin
from routing.working_time import WorkingTime, working_time

MOSCOW: Final = ZoneInfo("Europe/Moscow")
OMSK: Final = ZoneInfo("Asia/Omsk")
BERLIN: Final = ZoneInfo("Europe/Berlin")
OFFICE: Final = parse_hours("Mon-Fri 09:00-13:00 14:00-18:00")
MINUTE: Final = timedelta(minutes=1)


def moscow(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2026, whose fifth is a Monday."""
    return datetime(2026, 1, day, hour, minute, tzinfo=MOSCOW)


def office() -> WorkingTime:
    return WorkingTime([(OFFICE, MOSCOW)])


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        (moscow(5, 10), 30, moscow(5, 10, 30)),
        (moscow(5, 12, 50), 30, moscow(5, 14, 20)),
        (moscow(5, 17, 50), 30, moscow(6, 9, 20)),
        (moscow(9, 17, 50), 30, moscow(12, 9, 20)),
        (moscow(10, 12), 5, moscow(12, 9, 5)),
        (moscow(5, 9), 480, moscow(5, 18)),
        (moscow(5, 9), 481, moscow(6, 9, 1)),
        (moscow(5, 9), 5 * 480 * 4, moscow(30, 18)),
        (moscow(5, 3), 0, moscow(5, 3)),
    ],
)
def test_a_deadline_counts_the_hours_that_are_worked_and_no_others(
    start: datetime, minutes: int, end: datetime
) -> None:
    assert office().deadline(start, minutes * MINUTE) == end
    assert office().between(start, end) == minutes * MINUTE


def test_a_team_works_while_any_of_its_members_does_each_in_his_own_zone() -> None:
    both = WorkingTime([(parse_hours("09:00-12:00"), MOSCOW), (parse_hours("09:00-12:00"), OMSK)])
    assert both.deadline(moscow(5, 6), timedelta(hours=4)) == moscow(5, 10)
    assert both.between(moscow(5, 0), moscow(6, 0)) == timedelta(hours=6)
    assert both.open_at(moscow(5, 6))
    assert not both.open_at(moscow(5, 12))


def test_the_next_opening_is_now_while_anybody_works_and_otherwise_when_the_first_begins() -> None:
    assert office().next_open(moscow(5, 9)) == moscow(5, 9)
    assert office().next_open(moscow(5, 18)) == moscow(6, 9)
    assert office().next_open(moscow(9, 18)) == moscow(12, 9)


def test_hours_that_open_at_a_midnight_of_utc_after_an_idle_day_are_found() -> None:
    tuesdays = WorkingTime([(parse_hours("Tue 00:00-24:00"), ZoneInfo("UTC"))])
    assert tuesdays.next_open(moscow(5, 12)) == datetime(2026, 1, 6, tzinfo=UTC)


def test_who_always_works_has_deadlines_by_the_calendar() -> None:
    always = WorkingTime([(ALWAYS, MOSCOW), (OFFICE, MOSCOW)])
    assert always.deadline(moscow(5, 3), timedelta(days=9, seconds=1)) == moscow(14, 3) + timedelta(seconds=1)


@pytest.mark.parametrize("idle", [WorkingTime(()), WorkingTime([(Hours(()), MOSCOW)])])
def test_where_nobody_ever_works_there_is_no_deadline_and_no_endless_search(idle: WorkingTime) -> None:
    assert idle.deadline(moscow(5, 9), MINUTE) is None
    assert idle.next_open(moscow(5, 9)) is None
    assert idle.between(moscow(5, 9), moscow(5, 9) + timedelta(days=10**6)) == timedelta(0)
    assert not idle.open_at(moscow(5, 9))


def test_a_deadline_more_than_ten_years_away_is_none() -> None:
    rare = WorkingTime([(parse_hours("Mon 09:00-10:00"), MOSCOW)])
    assert rare.deadline(moscow(5, 9), timedelta(hours=500)) is not None
    assert rare.deadline(moscow(5, 9), timedelta(hours=600)) is None


def test_there_is_no_working_time_from_a_moment_to_an_earlier_one() -> None:
    assert office().between(moscow(5, 12), moscow(5, 10)) == timedelta(0)


def test_managers_of_equal_hours_share_their_working_time() -> None:
    anna, boris = (Manager(name, name, None, OFFICE, MOSCOW) for name in ("anna", "boris"))
    assert working_time([anna, boris]) is working_time([boris])
    assert working_time([anna]).next_open(moscow(5, 3)) == moscow(5, 9)


HOURS = st.sampled_from(
    [
        parse_hours(text)
        for text in (
            "Mon-Fri 09:00-13:00 14:00-18:00",
            "22:00-06:00",
            "Sun 01:30-02:30",
            "Sat 10:00-15:20; Wed 0:00-24:00",
        )
    ]
)
SHIFTS = st.lists(st.tuples(HOURS, st.sampled_from([MOSCOW, OMSK, BERLIN])), min_size=1, max_size=3)
STARTS = st.builds(
    lambda day, minute: datetime.combine(day, datetime.min.time(), UTC) + minute * MINUTE,
    st.sampled_from([date(2026, 3, 27), date(2026, 10, 23), date(2026, 1, 1)]),
    st.integers(0, 3 * 1440),
)


def counted(shifts: list[tuple[Hours, ZoneInfo]], start: datetime, minutes: int) -> list[bool]:
    """Of each minute whether anybody works in it."""
    return [any(hours.open_at(start + minute * MINUTE, zone) for hours, zone in shifts) for minute in range(minutes)]


@given(shifts=SHIFTS, start=STARTS, length=st.integers(0, 4 * 1440))
@settings(max_examples=25, deadline=None)
def test_working_time_between_two_moments_is_the_number_of_minutes_worked(
    shifts: list[tuple[Hours, ZoneInfo]], start: datetime, length: int
) -> None:
    worked = sum(counted(shifts, start, length))
    assert WorkingTime(shifts).between(start, start + length * MINUTE) == worked * MINUTE


@given(shifts=SHIFTS, start=STARTS, minutes=st.integers(1, 500))
@settings(max_examples=25, deadline=None)
def test_a_deadline_is_the_first_moment_by_which_so_many_minutes_were_worked(
    shifts: list[tuple[Hours, ZoneInfo]], start: datetime, minutes: int
) -> None:
    end = WorkingTime(shifts).deadline(start, minutes * MINUTE)
    assert end is not None
    worked = counted(shifts, start, (end - start) // MINUTE)
    assert sum(worked) == minutes
    assert worked[-1]


@given(shifts=SHIFTS, start=STARTS, seconds=st.integers(1, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_deadline_and_the_time_up_to_it_are_each_other_s_inverse(
    shifts: list[tuple[Hours, ZoneInfo]], start: datetime, seconds: int
) -> None:
    team, span = WorkingTime(shifts), timedelta(seconds=seconds)
    end = team.deadline(start, span)
    assert end is not None
    assert team.between(start, end) == span
    assert team.between(start, end - timedelta(seconds=1)) == span - timedelta(seconds=1)


def test_less_than_the_margin_before_a_break_or_the_end_of_a_shift_is_its_end() -> None:
    anna = Manager("anna", "Анна", None, OFFICE, MOSCOW)
    assert anna.shift_left(moscow(5, 12, 58)) == timedelta(minutes=2)
    assert anna.shift_left(moscow(5, 8)) == timedelta(0)
    assert anna.ends_within(moscow(5, 12, 58), timedelta(minutes=3))
    assert not anna.ends_within(moscow(5, 12, 57), timedelta(minutes=3))
    assert anna.ends_within(moscow(5, 8), timedelta(minutes=3))


def test_a_lead_is_offered_while_there_is_time_to_accept_it_or_a_quarter_of_an_hour() -> None:
    assert offer_margin(timedelta(minutes=3)) == timedelta(minutes=3)
    assert offer_margin(timedelta(hours=2)) == timedelta(minutes=15)
    assert offer_margin(None) == timedelta(0)
    anna = Manager("anna", "Анна", None, OFFICE, MOSCOW)
    assert not anna.ends_within(moscow(5, 12, 59), offer_margin(None))


def test_a_shift_that_never_ends_is_not_about_to() -> None:
    anna = Manager("anna", "Анна", None, ALWAYS, MOSCOW)
    assert anna.shift_left(moscow(5, 12)) is None
    assert not anna.ends_within(moscow(5, 12), timedelta(days=365))
