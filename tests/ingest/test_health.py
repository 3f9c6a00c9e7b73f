"""A channel's health, pure: one state of several truths, its remedy in both languages, rows of refusals, and silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.rhythms import KINDS, Kind, judge
from channels.adapter import Expiry
from ingest.health import rhythm
from ingest.health.refusals import Refusals
from ingest.health.rhythm import Past
from ingest.health.states import (
    CALM,
    CONDITIONS,
    LASTING,
    OTHER_REFUSALS,
    REFUSALS,
    Expiring,
    Listening,
    Misconfigured,
    Polled,
    Pulse,
    Refusing,
    Retrying,
    Silent,
    Starting,
    State,
    Stopped,
    is_alarming,
    is_over,
    overall,
)
from ingest.health.wording import ALARM, CLEAR, remedy, told
from kernel.texts import LANGUAGES

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Moscow")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TOKEN = Expiry("token", "info@example.com", NOW + 2 * DAY, 7 * DAY)
EVERY: Sequence[State] = (
    Starting(NOW),
    Listening(NOW),
    Retrying(NOW, "unavailable", "the server is away", NOW + MINUTE),
    Misconfigured(NOW, "take the present token", "возьмите нынешний токен"),
    Refusing(NOW, NOW, 7, "not_proved"),
    Silent(NOW, 14.2),
    Expiring(NOW, TOKEN),
    Stopped(NOW),
)


def at(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


def silent(since: datetime = NOW) -> Silent:
    return Silent(since, 20)


def run(count: int, code: str = "not_proved", length: timedelta = timedelta(0)) -> Refusing:
    return Refusing(NOW - length, NOW, count, code)


# --- states ---


def test_every_state_is_listed_and_all_but_good_ones_say_what_to_do_in_both_languages() -> None:
    assert {type(state) for state in EVERY} == set(get_args(State)) | set(get_args(Polled))
    assert {state.condition for state in EVERY} == set(CONDITIONS)
    for state in EVERY:
        said = [remedy(state, language, at) for language in LANGUAGES]
        good = isinstance(state, (Starting, Listening))
        assert good == (said == [None, None])
        assert good or said[0] != said[1]


@pytest.mark.parametrize("code", ["unavailable", "hung", "ended", "defect"])
def test_every_kind_of_trouble_has_words(code: str) -> None:
    state = Retrying(NOW, code, "why", NOW + MINUTE)  # type: ignore[arg-type] # one of the four
    assert all("why" in str(remedy(state, language, at)) for language in LANGUAGES)


def test_what_is_said_of_silence_and_refusals_has_the_figures() -> None:
    assert "about 14" in str(remedy(EVERY[5], "en", at))
    assert "7" in str(remedy(EVERY[4], "ru", at))
    assert "config.yaml" in str(remedy(EVERY[4], "ru", at))
    assert "unreadable" in str(remedy(run(30, "unreadable"), "en", at))


@pytest.mark.parametrize("state", [s for s in EVERY if is_alarming(s, NOW + DAY)], ids=lambda s: s.condition)
def test_directors_read_of_trouble_and_of_its_end_in_their_language(state: State) -> None:
    record = {"channel": "info", "state": state.condition}
    record |= {language: str(remedy(state, language, at)) for language in LANGUAGES}
    for language in LANGUAGES:
        subject, text = told(ALARM, record, language, "https://example.com/")
        assert "info" in subject
        assert text.endswith("https://example.com/")
        assert "alarm" not in subject
    assert "снова работает" in told(CLEAR, {"channel": "info", "since": "вчера"}, "ru", "")[0]


def test_of_several_truths_the_one_that_a_person_must_mend_is_told() -> None:
    away = Retrying(NOW, "unavailable", "away", NOW)
    well = Listening(NOW)
    assert overall(away, run(9), silent(), [TOKEN], NOW) is away
    assert overall(well, run(9), silent(), [TOKEN], NOW) == run(9)
    assert overall(well, run(REFUSALS - 1), silent(), [TOKEN], NOW) == silent()
    assert overall(well, None, None, [replace(TOKEN, at=NOW + 30 * DAY), TOKEN], NOW) == Expiring(NOW - 5 * DAY, TOKEN)
    assert overall(well, None, None, [replace(TOKEN, at=NOW + 30 * DAY)], NOW) is well


def test_refusals_for_another_reason_than_proof_take_longer_to_say_something() -> None:
    well = Listening(NOW)
    assert overall(well, run(OTHER_REFUSALS - 1, "unreadable"), None, (), NOW) is well
    assert overall(well, run(OTHER_REFUSALS, "unreadable"), None, (), NOW).condition == "misconfigured"


def test_trouble_that_goes_on_goes_on_since_it_began_and_ends_with_a_sign_of_life() -> None:
    pulse = Pulse(Starting(NOW)).became(Retrying(NOW + MINUTE, "unavailable", "away", NOW + 2 * MINUTE))
    later = pulse.hanging().became(Retrying(NOW + HOUR, "hung", "hung", NOW + HOUR + MINUTE))
    assert (later.state.since, later.detail, later.hung) == (NOW + MINUTE, "hung", 1)
    heard = later.heard(NOW + 2 * HOUR)
    assert (heard.state, heard.heard_at, heard.hung) == (Listening(NOW + 2 * HOUR), NOW + 2 * HOUR, 1)
    assert heard.heard(NOW + 3 * HOUR).state.since == NOW + 2 * HOUR


def test_a_channel_that_is_let_in_and_fails_each_time_is_in_trouble_since_the_first_time() -> None:
    pulse = Pulse(Starting(NOW))
    for minute in range(15):
        at = NOW + minute * MINUTE
        pulse = pulse.heard(at).became(Retrying(at + MINUTE / 2, "unavailable", "gone", at + MINUTE))
    assert pulse.state.since == NOW + MINUTE / 2
    assert is_alarming(pulse.state, NOW + 15 * MINUTE)
    well = pulse.heard(NOW + 20 * MINUTE).heard(NOW + 25 * MINUTE)
    later = NOW + 25 * MINUTE
    assert well.became(Retrying(later, "unavailable", "gone", later)).state.since == later


def test_directors_hear_of_a_lost_connection_and_of_strangers_only_once_it_lasts() -> None:
    away = Retrying(NOW, "unavailable", "away", NOW)
    assert not is_alarming(away, NOW + LASTING - MINUTE)
    assert is_alarming(away, NOW + LASTING)
    assert not is_alarming(run(50), NOW)
    assert is_alarming(run(50, length=LASTING), NOW)


def test_a_channel_that_only_blinks_is_not_well_yet() -> None:
    well = Listening(NOW)
    assert not is_over("misconfigured", well, NOW + CALM - MINUTE)
    assert is_over("misconfigured", well, NOW + CALM)
    assert is_over("silent", well, NOW)
    assert not is_over("silent", Starting(NOW - DAY), NOW)


# --- refusals ---


def test_refusals_are_counted_in_a_row_and_end_with_the_first_that_is_taken() -> None:
    refusals = Refusals()
    for number in range(REFUSALS):
        refusals.refused("pbx", 401, "not_proved", NOW + number * MINUTE)
    refusals.refused("vk", 401, "not_proved", NOW)
    assert refusals.run("pbx") == Refusing(NOW, NOW + (REFUSALS - 1) * MINUTE, REFUSALS, "not_proved")
    refusals.taken(["pbx", "site"], NOW)
    assert refusals.run("pbx") is None
    assert refusals.run("vk") is not None
    refusals.forget()
    assert refusals.run("vk") is None


@pytest.mark.parametrize("status", [404, 405, 408, 413, 429, 500, 503])
def test_what_is_refused_for_the_moment_or_by_nobody_s_fault_is_not_counted(status: int) -> None:
    refusals = Refusals()
    refusals.refused("pbx", status, "whatever", NOW)
    assert refusals.run("pbx") is None


# --- silence (the rhythm of a channel is learned; figures of many simulated ones: python -m bench.rhythms) ---


def office(slots: int, weeks: int = 8) -> dict[int, int]:
    """So many busy slots in each hour from nine to six in Moscow, on working days of the weeks before NOW."""
    found: dict[int, int] = {}
    for number in range(rhythm.hour_of(NOW - weeks * 7 * DAY), rhythm.hour_of(NOW)):
        local = datetime.fromtimestamp(number * 3600, ZONE)
        if local.weekday() < 5 and 9 <= local.hour < 18:
            found[number] = slots
    return found


def learned(slots: int, weeks: int = 8, **more: int) -> rhythm.Rhythm | None:
    return rhythm.learn(Past(office(slots, weeks), (), NOW - weeks * 7 * DAY), NOW, ZONE)


def noticed(known: rhythm.Rhythm, since: datetime) -> timedelta:
    """How long after its last word a channel is found to be silent."""
    now = since
    while not rhythm.is_silent(known, since, now, ZONE):
        now += rhythm.SLOT
    return now - since


def test_a_busy_channel_that_dies_is_noticed_within_the_hour_but_not_at_night() -> None:
    known = learned(9)
    assert known is not None
    assert timedelta(minutes=15) <= noticed(known, NOW) <= HOUR
    evening = datetime(2026, 9, 1, 18, 0, tzinfo=ZONE)
    assert noticed(known, evening) >= 14 * HOUR
    friday = datetime(2026, 9, 4, 18, 0, tzinfo=ZONE)
    assert noticed(known, friday) >= 62 * HOUR


def test_a_slow_channel_is_given_its_time() -> None:
    known = learned(1)
    assert known is not None
    assert noticed(known, NOW) > DAY


def test_a_new_channel_has_no_rhythm_yet() -> None:
    assert learned(9, weeks=1) is None
    few = dict.fromkeys(list(office(1))[: rhythm.FEWEST - 1], 1)
    assert rhythm.learn(Past(few, (), NOW - 56 * DAY), NOW, ZONE) is None


def test_holidays_of_the_calendar_and_hours_without_a_connection_are_no_silence() -> None:
    known = learned(9)
    assert known is not None
    today = NOW.astimezone(ZONE).date()
    later = NOW + 3 * HOUR
    assert rhythm.is_silent(known, NOW, later, ZONE)
    assert not rhythm.is_silent(known, NOW, later, ZONE, {today})
    assert not rhythm.is_silent(known, NOW, later, ZONE, (), {rhythm.hour_of(NOW) + n for n in range(4)})


def test_what_could_not_be_heard_teaches_nothing() -> None:
    """Ten days without a connection, known as such, leave the rhythm as it was; unknown, they soften it."""
    whole = office(9)
    out = {hour for hour in whole if hour >= rhythm.hour_of(NOW - 10 * DAY)}
    rest = {hour: busy for hour, busy in whole.items() if hour not in out}
    began = NOW - 56 * DAY
    known = rhythm.learn(Past(rest, out, began), NOW, ZONE)
    unknown = rhythm.learn(Past(rest, (), began), NOW, ZONE)
    assert known is not None
    assert unknown is not None
    assert noticed(known, NOW) <= HOUR
    assert noticed(unknown, NOW) >= noticed(known, NOW)


@settings(max_examples=10, deadline=None)
@given(
    st.dictionaries(st.integers(0, 28 * 24 - 1), st.integers(1, 12), min_size=30, max_size=120),
    st.integers(0, 40 * 24),
)
def test_expectation_grows_with_time_and_every_bound_is_reached_at_last(busy: dict[int, int], hours: int) -> None:
    began = NOW - 28 * DAY
    past = Past({rhythm.hour_of(began) + hour: count for hour, count in busy.items()}, (), began)
    known = rhythm.learn(past, NOW, ZONE)
    if known is None:
        return
    until = NOW + hours * HOUR
    here = rhythm.expected(known, NOW, until, ZONE)
    assert 0 <= here <= rhythm.expected(known, NOW, until + HOUR, ZONE) + 1e-9
    assert all(weight >= 0 for weight in known.weights)
    assert known.bound > 1
    assert rhythm.is_silent(known, NOW, NOW + 3650 * DAY, ZONE)


@pytest.mark.parametrize(
    ("name", "longest"), [("30 a day", 8), ("75 conversations of 4 messages a day", 4)], ids=["30", "conversations"]
)
def test_healthy_channels_are_left_alone_and_dead_ones_are_noticed(name: str, longest: float) -> None:
    kind: Kind = next(one for one in KINDS if one.name == name)
    judged = judge(kind, 1, timedelta(days=28), deaths=3)
    assert judged.false_alarms == 0
    assert max(judged.noticed) < longest
