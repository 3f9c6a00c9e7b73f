"""Watching the channels over a store: what is counted, who is told, and that it is told once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import sqlalchemy as sa

from channels.adapter import Expiry
from ingest.config.current import Current
from ingest.config.schema import Config
from ingest.health import rhythm
from ingest.health.health import Health
from ingest.health.metrics import Metrics
from ingest.health.refusals import Refusals
from ingest.health.states import CALM, LASTING, Listening, Misconfigured, Pulse, Retrying
from ingest.health.watch import Watch, readers
from kernel.clock import Clock
from storage import rhythms as kept
from storage.schema import alarms, outbox, rhythms
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, Parts, Plain, at_clock, company, envelope, wire

SLOT, MINUTE, HOUR, DAY = rhythm.SLOT, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONE = ZoneInfo("Europe/Moscow")
FILE = """\
channels: {site: {kind: webform}, bot: {kind: webform}}
directors: {irina: {name: Ирина}, oleg: {name: Олег}}
managers: {anna: {name: Анна}}
teams: {sales: {managers: [anna]}}
"""


class Watched:
    """A store with two channels, of which `bot` fetches, and a watch over them whose clock is stepped."""

    def __init__(self, parts: Parts, config: Config, clock: Clock) -> None:
        self.parts, self.clock = parts, clock
        self.pulses = {"bot": Pulse(Listening(NOW - DAY))}
        self.refusals = Refusals()
        self.ends: list[Expiry] = []
        adapters = {"site": Plain("site"), "bot": Plain("bot")}
        adapters["bot"].expiries = lambda: self.ends  # type: ignore[method-assign] # as a kind overrides it
        self.health = Health(adapters, self.pulses, self.refusals, clock, ZONE, "ru")
        self.woken = 0
        self.watch = Watch(parts.store, parts.names, parts.rulebooks, self.health, Current(config), clock, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def pass_(self, by: timedelta) -> None:
        """Time goes by, and the watch looks in each of its slots."""
        until = self.clock.now() + by
        while self.clock.now() < until:
            self.clock.advance(min(SLOT, until - self.clock.now()))
            await self.watch.look()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Code and condition of what each person was told, without the persons."""
        rows = [row for row in self.parts.rows(outbox) if row["lead_id"] is None]
        people = {row["manager_id"] for row in rows}
        mine = [row for row in rows if row["manager_id"] == min(people)]
        assert len(rows) == len(mine) * len(people)
        records = [(row["code"], orjson.loads(row["record"])) for row in mine]
        return [(code, record.get("state", "")) for code, record in records]


Make = Callable[[], Watched]


@pytest.fixture
def make(store: Store, tmp_path: Path) -> Make:
    document = company()
    document["channels"]["bot"] = {"kind": "webform", "source": None, "team": None}
    document["directors"] = {"irina": {"name": "Ирина"}, "oleg": {"name": "Олег"}}
    parts = wire(store, document)
    config = configured(tmp_path, FILE)

    def made() -> Watched:
        return Watched(parts, config, at_clock(NOW))

    return made


def busy(parts: Parts, channel: str, weeks: int = 4) -> None:
    """The channel has spoken nine slots an hour from nine to six on working days, until NOW."""
    last = rhythm.hour_of(NOW)
    moments = [(hour, datetime.fromtimestamp(hour * 3600, ZONE)) for hour in range(last - weeks * 168, last)]
    hours = [hour for hour, local in moments if local.weekday() < 5 and 9 <= local.hour < 18]

    def unit(db: sa.Connection) -> None:
        number = parts.names.channels.number(db, channel)
        rows = [{"channel_id": number, "hour": hour, "busy": 9, "last_slot": hour * 12 + 11} for hour in hours]
        db.execute(sa.insert(rhythms), rows)

    parts.store.transact(unit)


def speak(watched: Watched, channel: str = "site") -> None:
    """One contact comes in now."""
    watched.parts.append(envelope({"text": "Нужен цемент"}, watched.clock.now(), channel=channel))


async def test_a_busy_channel_that_falls_silent_is_told_once_and_so_is_its_end(make: Make) -> None:
    watched = make()
    busy(watched.parts, "site")
    await watched.pass_(HOUR)
    state = watched.health.state("site")
    assert state.condition == "silent"
    assert state.since == NOW
    assert watched.told == [("channel_alarm", "silent")]
    assert watched.woken == 1
    speak(watched)
    await watched.pass_(2 * SLOT)
    assert watched.health.state("site").condition == "listening"
    assert watched.told == [("channel_alarm", "silent"), ("channel_clear", "")]
    assert watched.parts.count(alarms) == 0


async def test_a_restart_neither_forgets_silence_nor_tells_it_again(make: Make) -> None:
    first = make()
    busy(first.parts, "site")
    await first.pass_(HOUR)
    later = make()
    later.clock.advance(HOUR + MINUTE)
    await later.pass_(SLOT)
    assert later.health.state("site").condition == "silent"
    assert later.told == [("channel_alarm", "silent")]


async def test_of_several_processes_that_look_one_tells(make: Make) -> None:
    one, other = make(), make()
    for watched in (one, other):
        await watched.watch.look()
    for watched in (one, other):
        watched.pulses["bot"] = Pulse(Misconfigured(NOW, "log in", "войдите"))
        await watched.pass_(MINUTE)
    assert one.told == [("channel_alarm", "misconfigured")]


async def test_what_comes_in_is_counted_by_slots_whoever_counts(make: Make) -> None:
    one, other = make(), make()
    for watched in (one, other):
        await watched.watch.look()
    for _ in range(3):
        speak(one)
    for watched in (one, other):
        await watched.pass_(SLOT)
    speak(one)
    await one.pass_(SLOT)
    (row,) = one.parts.rows(rhythms)
    assert (row["hour"], row["busy"]) == (rhythm.hour_of(NOW), 2)


async def test_time_in_which_nobody_watched_or_the_channel_was_away_is_no_silence(make: Make) -> None:
    watched = make()
    busy(watched.parts, "site")
    busy(watched.parts, "bot")
    away = Retrying(NOW - HOUR, "unavailable", "away", NOW)
    watched.pulses["bot"] = Pulse(away)
    await watched.pass_(HOUR - 2 * SLOT)
    assert watched.health.state("bot").condition == "retrying"
    watched.pulses["bot"] = Pulse(Listening(watched.clock.now()))
    await watched.pass_(2 * SLOT)
    assert {name: watched.health.state(name).condition for name in ("site", "bot")} == {
        "site": "silent",
        "bot": "listening",
    }
    absent = make()
    absent.clock.advance(8 * HOUR)
    await absent.pass_(SLOT)
    assert absent.parts.store.transact(kept.watched_at) is not None
    lost = {row["hour"] for row in absent.parts.rows(rhythms) if row["lost"]}
    assert len(lost) >= 6


async def test_a_person_hears_at_once_of_what_he_must_mend_and_of_its_end_once_it_lasts(make: Make) -> None:
    watched = make()
    wrong = Misconfigured(NOW, "take the present token", "возьмите нынешний токен")
    watched.pulses["bot"] = Pulse(wrong)
    await watched.watch.look()
    assert watched.told == [("channel_alarm", "misconfigured")]
    watched.pulses["bot"] = Pulse(Listening(watched.clock.now()))
    await watched.pass_(MINUTE)
    watched.pulses["bot"] = Pulse(wrong)
    await watched.pass_(MINUTE)
    assert len(watched.told) == 1
    watched.pulses["bot"] = Pulse(Listening(watched.clock.now()))
    await watched.pass_(CALM)
    assert watched.told[1:] == [("channel_clear", "")]


async def test_a_lost_connection_is_told_once_it_lasts_and_what_it_turns_into_is_told_too(make: Make) -> None:
    watched = make()
    watched.pulses["bot"] = Pulse(Retrying(NOW, "unavailable", "away", NOW))
    await watched.pass_(LASTING - MINUTE)
    assert watched.parts.count(outbox) == 0
    await watched.pass_(MINUTE)
    watched.pulses["bot"] = Pulse(Misconfigured(watched.clock.now(), "log in", "войдите"))
    await watched.pass_(MINUTE)
    assert watched.told == [("channel_alarm", "retrying"), ("channel_alarm", "misconfigured")]


async def test_a_token_that_ends_soon_and_refusals_that_last_are_told(make: Make) -> None:
    watched = make()
    watched.ends.append(Expiry("token", "info@example.com", NOW + DAY, 7 * DAY))
    for number in range(12):
        watched.refusals.refused("site", 401, "not_proved", NOW - (12 - number) * MINUTE)
    await watched.watch.look()
    assert {condition for _, condition in watched.told} == {"expiring", "misconfigured"}
    shown = watched.health.described("site", "en")
    assert (shown["state"], shown["refusals"]) == ("misconfigured", 12)
    assert "refused in a row: 12" in shown["remedy"]
    assert "info@example.com" in watched.health.troubles("ru")["bot"]


async def test_metrics_show_each_channel_s_one_state_and_its_heartbeat(make: Make) -> None:
    watched = make()
    watched.pulses["bot"] = Pulse(Listening(NOW), NOW - 30 * timedelta(seconds=1), hung=2)
    metrics = Metrics()
    metrics.channels(watched.health.figures())
    told = metrics.text(None).decode()
    assert 'priyom_channel_state{channel="bot",state="listening"} 1.0' in told
    assert 'priyom_channel_state{channel="bot",state="silent"} 0.0' in told
    assert 'priyom_channel_restarts{channel="bot"} 2.0' in told
    assert 'priyom_channel_heartbeat_deadline_seconds{channel="bot"} 120.0' in told
    assert 'priyom_channel_refusals_in_a_row{channel="site"} 0.0' in told
    assert 'heartbeat_age_seconds{channel="site"}' not in told


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ({"directors": {"irina": {"name": "И"}}, "head": "boris"}, ["irina"]),
        ({"head": "boris"}, ["boris"]),
        ({}, ["anna", "boris"]),
    ],
)
def test_directors_are_told_else_heads_else_everybody(given: dict[str, Any], who: list[str]) -> None:
    team = {"managers": ["anna", "boris"], **{key: given[key] for key in ("head",) if key in given}}
    written = {"managers": {"anna": {"name": "А"}, "boris": {"name": "Б"}}, "teams": {"sales": team}}
    directors = {key: given[key] for key in ("directors",) if key in given}
    assert readers(Config.model_validate({"storage": {}, **written, **directors})) == who
