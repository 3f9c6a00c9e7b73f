"""Weekly hours: how they are written, when they are open, when that changes, on the days the clock jumps too."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.hours import ALWAYS, Hours, parse_hours, quiet_until

MOSCOW: Final = ZoneInfo("Europe/Moscow")
BERLIN: Final = ZoneInfo("Europe/Berlin")
LORD_HOWE: Final = ZoneInfo("Australia/Lord_Howe")
APIA: Final = ZoneInfo("Pacific/Apia")
DAY: Final = 24 * 60
NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# Clocks in Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. Both are Sundays.
FORWARD: Final = datetime(2026, 3, 29, 1, tzinfo=UTC)
BACK: Final = datetime(2026, 10, 25, 1, tzinfo=UTC)


def open_days(hours: Hours, minute: int) -> list[int]:
    """The days, Monday being 0, on which the hours are open at that minute of the day."""
    monday = datetime(2026, 1, 5, tzinfo=MOSCOW)
    return [day for day in range(7) if hours.open_at(monday + timedelta(days=day, minutes=minute), MOSCOW)]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Mon-Fri 09:00-18:00", "Пн-Пт 9:00-18:00"),
        ("Mon-Fri 09:00-18:00", "  mon - FRI  09:00 – 18:00 ;"),
        ("Mon-Fri 09:00-18:00", "Mon-Wed 09:00-18:00; Thu,Fri 09:00-18:00"),
        ("Mon,Wed 09:00-18:00", "Пн, Ср 09:00-18:00"),
        ("Mon,Wed 09:00-18:00", "Mon Wed 09:00-18:00"),
        ("Mon-Fri 09:00-13:00 14:00-18:00", "Mon-Fri 09:00-13:00, 14:00-18:00"),
        ("Mon-Fri 09:00-13:00; Sat 10:00-15:00", "Mon-Fri 09:00-13:00, Sat 10:00-15:00"),
        ("Mon-Fri 09:00-13:00; Sat 10:00-15:00", "Сб 10:00-15:00 Пн-Пт 09:00-13:00"),
        ("09:00-18:00", "Mon-Sun 09:00-18:00"),
        ("09:00-13:00, 14:00-18:00", "Mon-Sun 09:00-13:00 14:00-18:00"),
        ("Sat-Mon 10:00-12:00", "Mon,Sat,Sun 10:00-12:00"),
        ("Fri 22:00-06:00", "Fri 22:00-24:00; Sat 00:00-06:00"),
        ("Sun 22:00-06:00", "Sun 22:00-24:00; Mon 0:00-6:00"),
        ("Fri 22:00-24:00", "Fri 22:00-00:00"),
        ("Mon 09:00-14:00 12:00-18:00", "Mon 09:00-18:00"),
        ("Mon 09:00-18:00 12:00-14:00", "Mon 09:00-18:00"),
        ("Mon 09:00-12:00 12:00-18:00", "Mon 09:00-18:00"),
        ("always", "24/7"),
        ("always", "00:00-24:00"),
        ("always", "Mon-Sun 08:00-20:00 20:00-08:00"),
    ],
)
def test_the_same_hours_can_be_written_in_several_ways(text: str, same: str) -> None:
    assert parse_hours(text) == parse_hours(same)


def test_the_days_of_a_week_are_open_at_their_times_and_closed_from_the_minute_of_closing() -> None:
    hours = parse_hours("Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00")
    assert open_days(hours, 9 * 60 - 1) == []
    assert open_days(hours, 9 * 60) == [0, 1, 2, 3, 4]
    assert open_days(hours, 13 * 60 - 1) == [0, 1, 2, 3, 4, 5]
    assert open_days(hours, 13 * 60) == [5]
    assert open_days(hours, 14 * 60) == [0, 1, 2, 3, 4, 5]
    assert open_days(hours, 18 * 60) == []


def test_a_night_shift_reaches_into_the_next_day_and_from_sunday_into_monday() -> None:
    hours = parse_hours("Fri,Sun 22:00-06:00")
    assert open_days(hours, 23 * 60) == [4, 6]
    assert open_days(hours, 5 * 60) == [0, 5]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no hours"),
        (" ; ", "no hours"),
        ("Mon-Fri", "no times for mon-fri"),
        ("Mon-Fri; Sat 10:00-12:00", "no times for mon-fri"),
        ("Mon-Fri 09:00-13:00; 14:00-18:00", "no day for 14:00-18:00"),
        ("09:00-18:00; Sat 10:00-12:00", "no day for 09:00-18:00"),
        ("Mon-Foo 09:00-18:00", "'foo' is neither a day nor a time"),
        ("Montag 09:00-18:00", "'montag' is neither"),
        ("-Fri 09:00-18:00", "'' is neither"),
        ("Mon 9-18", "'9-18' is no range of times"),
        ("Mon 09:00", "'09:00' is no range of times"),
        ("Mon 09:00-18:00-19:00", "is no range of times"),
        ("Mon 09:60-18:00", "'09:60-18:00' is not within"),
        ("Mon 09:00-10:75", "is not within"),
        ("Mon 09:00-24:01", "is not within"),
        ("Mon 24:00-06:00", "is not within"),
        ("Mon 09:00-09:00", "has no length (a whole day is 00:00-24:00)"),
    ],
)
def test_what_is_no_hours_is_refused_with_what_is_wrong_and_how_hours_look(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="Mon-Fri 09:00-13:00") as refusal:
        parse_hours(text)
    assert wrong in str(refusal.value)
    assert repr(text) in str(refusal.value)


def test_hours_are_read_by_the_wall_clock_of_their_zone() -> None:
    hours = parse_hours("Mon-Fri 10:00-19:00")
    moment = datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert hours.open_at(moment, ZoneInfo("Asia/Yekaterinburg"))
    assert not hours.open_at(moment, MOSCOW)
    assert hours.next_change(moment, MOSCOW) == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert hours.next_change(moment, ZoneInfo("Asia/Yekaterinburg")) == datetime(2026, 1, 5, 14, tzinfo=UTC)


def test_the_next_change_is_after_the_weekend_and_counts_whole_minutes_whatever_the_fraction() -> None:
    friday = datetime(2026, 1, 9, 18, 0, 0, 1, tzinfo=MOSCOW)
    hours = parse_hours("Mon-Fri 09:00-18:00")
    assert hours.next_change(friday, MOSCOW) == datetime(2026, 1, 12, 9, tzinfo=MOSCOW)
    assert hours.next_change(friday - timedelta(microseconds=2), MOSCOW) == datetime(2026, 1, 9, 18, tzinfo=MOSCOW)


def test_a_shift_over_the_end_of_the_week_does_not_change_at_midnight() -> None:
    hours = parse_hours("Sun 22:00-06:00")
    assert hours.next_change(datetime(2026, 1, 11, 23, tzinfo=MOSCOW), MOSCOW) == datetime(
        2026, 1, 12, 6, tzinfo=MOSCOW
    )


def test_always_is_open_and_never_changes() -> None:
    assert ALWAYS.open_at(FORWARD, BERLIN)
    assert ALWAYS.next_change(FORWARD, BERLIN) is None


def test_hours_without_any_are_closed_and_never_change() -> None:
    assert not Hours(()).open_at(FORWARD, BERLIN)
    assert Hours(()).next_change(FORWARD, BERLIN) is None


def test_hours_that_begin_in_the_skipped_hour_open_when_the_clock_jumps() -> None:
    hours = parse_hours("Sun 02:30-10:00")
    assert hours.next_change(FORWARD - timedelta(hours=3), BERLIN) == FORWARD
    assert hours.open_at(FORWARD, BERLIN)
    assert hours.next_change(FORWARD, BERLIN) == datetime(2026, 3, 29, 8, tzinfo=UTC)


def test_hours_that_end_in_the_skipped_hour_close_when_the_clock_jumps() -> None:
    hours = parse_hours("Sun 00:00-02:30")
    assert hours.next_change(FORWARD - timedelta(hours=1), BERLIN) == FORWARD


def test_hours_wholly_in_the_skipped_hour_are_left_out_that_day() -> None:
    hours = parse_hours("Sun 02:15-02:45")
    assert hours.next_change(FORWARD - timedelta(hours=3), BERLIN) == datetime(2026, 4, 5, 0, 15, tzinfo=UTC)


def test_a_break_wholly_in_the_skipped_hour_is_left_out_that_day() -> None:
    hours = parse_hours("Sun 00:00-02:15 02:45-12:00")
    assert hours.next_change(FORWARD - timedelta(minutes=30), BERLIN) == datetime(2026, 3, 29, 10, tzinfo=UTC)


def test_the_repeated_hour_counts_both_times() -> None:
    hours = parse_hours("Sun 02:15-02:45")
    changes = [datetime(2026, 10, 24, 12, tzinfo=UTC)]
    for _ in range(4):
        changes.append(hours.next_change(changes[-1], BERLIN) or ALWAYS_LATER)
    assert [(change - BACK) // timedelta(minutes=1) for change in changes[1:]] == [-45, -15, 15, 45]


def test_hours_over_the_whole_repeated_hour_stay_open_through_it() -> None:
    hours = parse_hours("Sat 22:00-06:00")
    assert hours.next_change(BACK - timedelta(hours=2), BERLIN) == datetime(2026, 10, 25, 5, tzinfo=UTC)


def test_a_clock_that_goes_forward_and_back_within_the_week_is_followed() -> None:
    recife = ZoneInfo("America/Recife")  # 2000-10-08 00:00 became 01:00, 2000-10-15 00:00 became 23:00 the day before
    hours = parse_hours("Sat 23:15-23:45")
    closed = datetime(2000, 10, 8, 2, 50, tzinfo=UTC)
    assert hours.next_change(closed, recife) == datetime(2000, 10, 15, 1, 15, tzinfo=UTC)


def test_a_jump_of_the_clock_that_closes_does_so_at_the_jump() -> None:
    hours = parse_hours("Sun 02:30-12:00")
    opened = BACK - timedelta(minutes=30)
    assert hours.next_change(opened - timedelta(hours=1), BERLIN) == opened
    assert hours.next_change(opened, BERLIN) == BACK
    assert hours.next_change(BACK, BERLIN) == BACK + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 1, 5, 20, 59, tzinfo=MOSCOW), None),
        (datetime(2026, 1, 5, 21, tzinfo=MOSCOW), datetime(2026, 1, 6, 8, tzinfo=MOSCOW)),
        (datetime(2026, 1, 6, 7, 59, 59, tzinfo=MOSCOW), datetime(2026, 1, 6, 8, tzinfo=MOSCOW)),
        (datetime(2026, 1, 6, 8, tzinfo=MOSCOW), None),
    ],
)
def test_a_notice_waits_for_the_end_of_the_quiet_hours(now: datetime, until: datetime | None) -> None:
    assert quiet_until(now, parse_hours("21:00-08:00"), MOSCOW) == until


def test_quiet_hours_go_by_the_clock_of_whoever_is_told() -> None:
    now = datetime(2026, 1, 5, 20, tzinfo=MOSCOW)
    assert quiet_until(now, parse_hours("21:00-08:00"), ZoneInfo("Asia/Yekaterinburg")) == now + timedelta(hours=10)


def test_quiet_hours_that_never_end_hold_nothing_back() -> None:
    assert quiet_until(FORWARD, ALWAYS, MOSCOW) is None


ALWAYS_LATER: Final = datetime(2100, 1, 1, tzinfo=UTC)
A_RANGE = st.tuples(st.sets(st.integers(0, 6), min_size=1), st.integers(0, DAY - 1), st.integers(1, DAY)).filter(
    lambda one: one[1] != one[2]
)
AROUND_A_JUMP = st.tuples(
    st.sampled_from(
        [
            (BERLIN, FORWARD),
            (BERLIN, BACK),
            (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
            (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
            (APIA, datetime(2011, 12, 30, 10, tzinfo=UTC)),
            (MOSCOW, datetime(2026, 1, 1, tzinfo=UTC)),
        ]
    ),
    st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=2)),
)

Range = tuple[set[int], int, int]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def written(ranges: list[Range]) -> Hours:
    return parse_hours(
        "; ".join(
            f"{','.join(NAMES[day] for day in sorted(days))} {clock(start)}-{clock(end)}" for days, start, end in ranges
        )
    )


def within(ranges: list[Range], local: datetime) -> bool:
    """What the words of the hours say of a local time, found the long way."""
    minute, today, yesterday = local.hour * 60 + local.minute, local.weekday(), (local.weekday() - 1) % 7
    return any(
        (today in days and start <= minute < end)
        if start < end
        else (today in days and minute >= start) or (yesterday in days and minute < end)
        for days, start, end in ranges
    )


@given(ranges=st.lists(A_RANGE, min_size=1, max_size=4), around=AROUND_A_JUMP)
@settings(max_examples=60, deadline=None)
@example(ranges=[({6}, 150, 600)], around=((BERLIN, FORWARD), timedelta(0)))
def test_hours_are_open_exactly_when_the_wall_clock_shows_a_time_within_them(
    ranges: list[Range], around: tuple[tuple[ZoneInfo, datetime], timedelta]
) -> None:
    (zone, jump), away = around
    hours = written(ranges)
    for minutes in range(0, 2 * DAY, 47):
        moment = jump + away + timedelta(minutes=minutes)
        assert hours.open_at(moment, zone) == within(ranges, moment.astimezone(zone))


@given(ranges=st.lists(A_RANGE, min_size=1, max_size=4), around=AROUND_A_JUMP)
@settings(max_examples=60, deadline=None)
def test_the_next_change_is_the_first_minute_at_which_the_answer_differs(
    ranges: list[Range], around: tuple[tuple[ZoneInfo, datetime], timedelta]
) -> None:
    (zone, jump), away = around
    hours, moment = written(ranges), jump + away
    change = hours.next_change(moment, zone)
    if change is None:
        assert hours == ALWAYS
        return
    opened = hours.open_at(moment, zone)
    assert change > moment
    assert hours.open_at(change, zone) != opened
    minute = moment
    while minute < change:
        assert hours.open_at(minute, zone) == opened
        minute += timedelta(minutes=1)
    assert hours.open_at(change - timedelta(microseconds=1), zone) == opened
