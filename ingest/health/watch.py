"""Looks at the channels: counts in which slots they speak, finds those that are silent, and tells directors, once of each."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from ingest.config.current import Current
from ingest.config.schema import Config
from ingest.health import rhythm
from ingest.health.health import Health
from ingest.health.rhythm import HISTORY, SLOT, Past, Rhythm
from ingest.health.states import Listening, Silent, State, is_alarming, is_over
from ingest.health.wording import ALARM, CLEAR
from ingest.rules.rulebook import Rulebooks
from kernel.clock import EPOCH, Clock
from routing.policy import Policy
from storage import outbox, rhythms
from storage.names import Names
from storage.outbox import Announcement
from storage.rhythms import Heard
from storage.store import Away, Conflict, Store

LOOK_EVERY: Final = timedelta(seconds=15)
_AGAIN: Final = 5.0
_HOUR: Final = timedelta(hours=1)
_ABSENT: Final = timedelta(minutes=80)
"""So long after the last hourly note that we look, we did not: nobody could be heard meanwhile."""
_UNWELL: Final = frozenset({"retrying", "misconfigured", "silent"})

log = structlog.get_logger("priyom.health")


class Watch:
    """One statement in each slot of five minutes, whatever the channels; more only once an hour and where something happened."""

    def __init__(
        self,
        store: Store,
        names: Names,
        rulebooks: Rulebooks,
        health: Health,
        current: Current,
        clock: Clock,
        on_told: Callable[[], None],
    ) -> None:
        self._store = store
        self._names = names
        self._rulebooks = rulebooks
        self._health = health
        self._current = current
        self._clock = clock
        self._on_told = on_told
        self._slot: int | None = None
        self._totals: Mapping[str, int] = {}
        self._told: dict[str, tuple[str, datetime]] | None = None
        self._heard: dict[str, Heard] = {}
        self._rhythms: dict[str, Rhythm | None] = {}
        self._learned_at: datetime | None = None
        self._otherwise: Collection[date] = ()

    async def run(self) -> None:
        """Look every few seconds, until cancelled. Of several processes one does; what it has learned goes with it."""
        self._told = None
        try:
            while True:
                try:
                    await self.look()
                except (Away, Conflict) as error:
                    log.warning("the store is away", action="store.away", error=str(error), again_in=_AGAIN)
                    await asyncio.sleep(_AGAIN)
                now = self._clock.now()
                await self._clock.sleep_until(min(now + LOOK_EVERY, _begins(_slot(now) + 1)))
        finally:
            self._health.silences.clear()

    async def look(self) -> None:
        """Once: what time has brought. Raises Away, Conflict."""
        now = self._clock.now()
        if self._told is None:
            await self._begin(now)
        slot = _slot(now)
        if slot != self._slot:
            await self._count(now)
            self._slot = slot
        await self._tell(now)

    async def _begin(self, now: datetime) -> None:
        """Go on from what the store knows: a channel that was silent is so until it speaks."""
        told, watched_at = await self._store.read(lambda db: (rhythms.told(db, self._names), rhythms.watched_at(db)))
        if watched_at is not None and now - watched_at > _ABSENT:
            hours = range(rhythm.hour_of(max(watched_at, now - HISTORY)) + 1, rhythm.hour_of(now) + 1)
            absent = self._health.names()
            await self._store.run(lambda db: rhythms.lose(db, self._names, absent, hours))
        self._totals = await self._store.read(lambda db: rhythms.totals(db, self._yesterday(now)))
        self._slot = _slot(now)
        await self._learn(now)
        self._health.silences |= {
            name: Silent(since, self._expected(name, since, now, ()))
            for name, (state, since) in told.items()
            if state == "silent"
        }
        self._told = told

    # ---- the rhythm

    async def _count(self, now: datetime) -> None:
        """Which channels spoke since the last slot; which are silent."""
        day = self._yesterday(now)
        totals = await self._store.read(lambda db: rhythms.totals(db, day))
        spoke = {name for name, total in totals.items() if total > self._totals.get(name, 0)}
        unwell = {name for name in self._health.names() if self._is_unwell(name, now)}
        # What came since the last look came in the slot before this one.
        slot = _slot(now) - 1
        hour = rhythm.hour_of(_begins(slot))

        def unit(db: sa.Connection) -> None:
            rhythms.mark(db, self._names, slot, hour, spoke)
            rhythms.lose(db, self._names, unwell, (hour,))

        if spoke or unwell:
            await self._store.run(unit)
        # Days that are over fall out of the sum; what is left is what the next one is compared with.
        self._totals = totals
        for name in spoke:
            self._heard.setdefault(name, Heard()).last_slot = slot
        for name in spoke | self._health.silences.keys() - set(self._health.names()):
            self._health.silences.pop(name, None)
        for name in unwell:
            self._heard.setdefault(name, Heard()).lost.add(hour)
        if self._learned_at is None or now - self._learned_at >= _HOUR:
            await self._learn(now)
        self._judge(now)

    def _is_unwell(self, name: str, now: datetime) -> bool:
        """Whether a channel could not speak if somebody wanted it to; one that only blinked could."""
        state = self._health.state(name)
        return state.condition in _UNWELL and now - state.since >= SLOT

    async def _learn(self, now: datetime) -> None:
        since = rhythm.hour_of(now - HISTORY)

        def unit(db: sa.Connection) -> tuple[dict[str, Heard], Policy]:
            rhythms.watched(db, now, since)
            return rhythms.heard(db, since), self._rulebooks.current(db).policy

        self._heard, policy = await self._store.run(unit)
        self._otherwise = unusual_days(policy)
        learned = {}
        for name, heard in self._heard.items():
            began = now if heard.first is None else EPOCH + heard.first * _HOUR
            past = Past(heard.busy, heard.lost, began)
            # Eight weeks of hours in plain Python: aside, so that nothing waits for it.
            learned[name] = await asyncio.to_thread(rhythm.learn, past, now, self._zone(), self._otherwise)
        self._rhythms = learned
        self._learned_at = now

    def _judge(self, now: datetime) -> None:
        """Find the silent ones among those that seem well."""
        for name in self._health.names():
            known, heard = self._rhythms.get(name), self._heard.get(name)
            if name in self._health.silences or known is None or heard is None or heard.last_slot is None:
                continue
            if not isinstance(self._health.pulse(name).state, Listening):
                continue
            spoke = _begins(heard.last_slot + 1)
            if rhythm.is_silent(known, spoke, now, self._zone(), self._otherwise, heard.lost):
                self._health.silences[name] = Silent(spoke, self._expected(name, spoke, now, heard.lost))

    def _expected(self, name: str, since: datetime, now: datetime, lost: Collection[int]) -> float:
        known = self._rhythms.get(name)
        return 0.0 if known is None else rhythm.expected(known, since, now, self._zone(), self._otherwise, lost)

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._current.config.timezone)

    def _yesterday(self, now: datetime) -> str:
        return (now.astimezone(self._zone()).date() - timedelta(days=1)).isoformat()

    # ---- whom it concerns

    async def _tell(self, now: datetime) -> None:
        """Tell directors what is new; a look at memory where nothing is."""
        told = self._told or {}
        states = {name: self._health.state(name) for name in self._health.names()}
        alarming = {
            name: state
            for name, state in states.items()
            if is_alarming(state, now) and told.get(name, ("",))[0] != state.condition
        }
        over = {
            name: since for name, (was, since) in told.items() if name not in states or is_over(was, states[name], now)
        }
        if not alarming and not over:
            return
        people = readers(self._current.config)

        def unit(db: sa.Connection) -> None:
            announced: list[Announcement] = []
            for name, state in sorted(alarming.items()):
                if rhythms.tell(db, self._names, name, state.condition, state.since, now):
                    announced += [Announcement(ALARM, person, self._alarm(name, state)) for person in people]
            for name, since in sorted(over.items()):
                if rhythms.end(db, self._names, name) and name in states:
                    record = {"channel": name, "since": self._health.shown(since)}
                    announced += [Announcement(CLEAR, person, record) for person in people]
            outbox.announce(db, self._names, announced, (self._store.ids.take() for _ in announced), now)

        await self._store.run(unit)
        self._told = {name: one for name, one in told.items() if name not in over} | {
            name: (state.condition, state.since) for name, state in alarming.items()
        }
        for name, state in alarming.items():
            log.warning("a channel is in trouble", action="channel.alarm", channel=name, state=state.condition)
        for name in over:
            log.info("a channel is well again", action="channel.clear", channel=name)
        self._on_told()

    def _alarm(self, name: str, state: State) -> dict[str, Any]:
        said = {language: self._health.remedy(state, language) for language in ("ru", "en")}
        return {"channel": name, "state": state.condition, **said}


def readers(config: Config) -> list[str]:
    """Who is told of channels: the directors, else whoever heads a team, else everybody in one."""
    heads = [team.head for team in config.teams.values() if team.head is not None]
    members = [name for team in config.teams.values() for name in team.managers]
    return list(dict.fromkeys(config.directors or heads or members))


def unusual_days(policy: Policy) -> Collection[date]:
    """The dates on which the calendars of all managers depart from their week."""
    days = [set(manager.hours.days) for manager in policy.managers.values()]
    return set[date].intersection(*days) if days else ()


def _slot(moment: datetime) -> int:
    return (moment - EPOCH) // SLOT


def _begins(slot: int) -> datetime:
    return EPOCH + slot * SLOT
