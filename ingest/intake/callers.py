"""Who is calling: what an exchange is told while the telephone has yet to ring, in the time that it waits for that."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa
import structlog

from channels.message import Caller, Inbound, Question
from dedup.keys import identify
from dedup.people import Person
from ingest.rules.approach import enquiry_from
from ingest.rules.rulebook import Rulebook, Rulebooks
from kernel.clock import Clock
from routing.distribute import Waiting, distribute
from routing.rules import choose
from storage import people, rotation
from storage.names import Names
from storage.store import Away, Conflict, Store

WITHIN: Final = 0.25
"""Seconds: exchanges wait a little longer than this, and ring somebody of their own choice then."""

log = structlog.get_logger("priyom.callers")


class Callers:
    """Answers `Question`s from what the store says; changes nothing there."""

    def __init__(self, store: Store, names: Names, rulebooks: Rulebooks, clock: Clock, within: float = WITHIN) -> None:
        self._store = store
        self._names = names
        self._rulebooks = rulebooks
        self._clock = clock
        self._within = within

    async def find(self, channel: str, question: Question) -> Caller:
        """The client's name and the line that is to ring; nothing where that cannot be told in time. Never raises."""
        now = self._clock.now()
        try:
            async with asyncio.timeout(self._within):
                return await self._store.read(lambda db: self._find(db, channel, question, now))
        except (TimeoutError, Away, Conflict, LookupError) as error:
            log.warning(
                "a caller was not looked up", action="caller.unknown", channel=channel, error=type(error).__name__
            )
            return Caller()

    def _find(self, db: sa.Connection, channel: str, question: Question, now: datetime) -> Caller:
        rulebook = self._rulebooks.current(db)
        phones = () if question.phone is None else (question.phone,)
        found = rulebook.staff.sift(identify(phones, (), (), "", rulebook.keys), phones)
        if found is None:
            return Caller()
        world = people.world(db, self._names, {one.key for one in found.evidence}, rulebook.shared_over)
        person = next((world.roots[held.holder] for held in world.keys.values() if held.holder in world.roots), None)
        said = Inbound("call", phones=phones, to=question.to)
        enquiry = enquiry_from(rulebook, channel, said, found, known=person is not None, at=now)
        manager = self._whose(db, rulebook, choose(rulebook.policy, enquiry).team, person, now)
        lines = () if manager is None else rulebook.lines.get(manager, ())
        return Caller(None if person is None else person.name, next(iter(lines), None))

    def _whose(
        self, db: sa.Connection, rulebook: Rulebook, name: str, person: Person | None, now: datetime
    ) -> str | None:
        """Who would get a lead of this client's now: his own manager, else whose turn it is. It takes no turn."""
        team = replace(rulebook.policy.teams[name], accept_within=None, strategy="round_robin")
        standings = rotation.standings(db, self._names, now)
        turns = rotation.turns_of(db, self._names, name)
        owner = None if person is None else person.owner
        # Its wait is over before it began: a telephone rings now, and somebody else's where the owner is not free.
        lead = Waiting(0, now, owner, wait_until=now)
        given = distribute(team, rulebook.policy.managers, [lead], standings, turns, now).given
        return given[0].manager if given else None
