"""What calls do to leads and managers: who rings waits, who answers has the lead, who missed one calls back.

In the transaction that settles the calls' events, under the locks of teams and managers. It goes by how each call stood
before and stands now, as its adapter folds it, so it is the same whatever order the events came in. What is written is a fixed
number of statements; a batch without calls costs none.
"""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from channels.message import Call, Inbound
from dedup.enquiry import OPEN_STATES, Slot, Verdict
from dedup.keys import Identified
from dedup.people import World
from ingest.rules.rulebook import Rulebook
from ingest.turns.distribution import Newcomer
from ingest.turns.overdue import is_away
from kernel.clock import iso
from storage import activities, calls, decisions, offers, overdue, rotation
from storage.activities import CALL_BACK, Activity
from storage.calls import RINGING, Stand
from storage.decisions import SYSTEM, Decision
from storage.journal import Claimed, Result
from storage.leads import NewLead
from storage.names import Names
from storage.offers import Offer
from storage.rotation import Notice

SILENCE: Final = timedelta(seconds=60)
"""A telephone that rings gives a sign of it so often; then the lead waits no longer for an answer."""
SIGN_OF_LIFE: Final = timedelta(minutes=15)
LONGEST_CALL: Final = timedelta(hours=2)
CALL_BACK_WITHIN: Final = timedelta(minutes=30)
STRANGER: Final = "outgoing"

Approaches = Sequence[tuple[Claimed, Inbound]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a batch has of one call: `said`, its state now, and `before`, as it was known. `began`: its lead was opened by it.

    `since` and `at` are the receipts of its first and its latest event.
    """

    lead: int
    interaction: int
    said: Inbound
    before: Inbound | None
    since: datetime
    at: datetime
    began: bool = False

    @property
    def call(self) -> Call:
        """How the call stands."""
        assert self.said.call is not None  # noqa: S101 - only calls are heard
        return self.said.call

    @property
    def was(self) -> Call | None:
        """How it stood."""
        return None if self.before is None else self.before.call


@dataclass(frozen=True, slots=True)
class Outcome:
    """New leads that are somebody's already, to be written as they are; whether notices may be in the outbox.

    `quiet`: leads that waited for an answer wait for something else now, or for nothing.
    """

    taken: tuple[NewLead, ...]
    told: bool
    quiet: bool


@dataclass(slots=True)
class _Changes:
    """What the calls of a batch come to, before it is written."""

    stands: dict[int, Stand]
    newcomers: MutableMapping[int, Newcomer]
    taken: dict[int, str] = field(default_factory=dict)
    rings: dict[int, datetime] = field(default_factory=dict)
    quiet: set[int] = field(default_factory=set)
    missed: dict[int, Heard] = field(default_factory=dict)
    answered: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    heard: dict[int, datetime] = field(default_factory=dict)
    on_call: dict[int, tuple[str, datetime] | None] = field(default_factory=dict)
    loads: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    records: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    written: list[NewLead] = field(default_factory=list)


def attached(said: Inbound, slot: Slot | None, verdict: Verdict) -> Verdict:
    """What the company itself does reopens nothing: a call to a client whose lead is closed is noted there."""
    if said.direction == "out" and verdict.code == "reopen" and slot is not None:
        return Verdict("attach", slot.lead)
    return verdict


def without_strangers(
    rulebook: Rulebook, world: World, fresh: Approaches, identified: Sequence[Identified]
) -> tuple[list[tuple[Claimed, Inbound]], list[Identified], list[Result]]:
    """All but outgoing calls that concern no lead: to a number that nobody has, from a line that is no manager's.

    They come back as ignored. One that a person has called a client's stays.
    """
    kept: list[tuple[Claimed, Inbound]] = []
    sifted: list[Identified] = []
    ignored: list[Result] = []
    for (claimed, said), found in zip(fresh, identified, strict=True):
        outgoing = said.call is not None and said.direction == "out" and not claimed.as_client
        if outgoing and not _concerns_a_lead(rulebook, world, said, found):
            ignored.append(Result(claimed.entry, "ignored", STRANGER))
        else:
            kept.append((claimed, said))
            sifted.append(found)
    return kept, sifted, ignored


def _concerns_a_lead(rulebook: Rulebook, world: World, said: Inbound, found: Identified) -> bool:
    if any(evidence.key in world.keys for evidence in found.evidence):
        return True
    extension = None if said.call is None else said.call.extension
    return bool(found.evidence) and rulebook.manager_at(extension) is not None


class Calls:
    """Applies calls. Holds no state of its own."""

    def __init__(self, names: Names, new_id: Callable[[], int]) -> None:
        self._names = names
        self._new_id = new_id

    def settle(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        heard: Sequence[Heard],
        newcomers: MutableMapping[int, Newcomer],
        now: datetime,
    ) -> Outcome:
        """Apply what was heard. Of `newcomers`, those that somebody has by it are taken out, those that ring are marked."""
        known = {one.lead for one in heard} - newcomers.keys()
        stands = calls.standing(db, self._names, known)
        # Two people became one while the telephone rang: the call is about the lead that goes on.
        merged = {lead: one.merged_into for lead, one in stands.items() if one.merged_into is not None}
        stands |= calls.standing(db, self._names, set(merged.values()) - stands.keys())
        heard = [replace(one, lead=merged.get(one.lead, one.lead)) for one in heard]
        changes = _Changes(stands, newcomers)
        changes.stands |= {lead: _new_stand(one.lead) for lead, one in newcomers.items()}
        for one in heard:
            if one.lead in changes.stands:
                _Hearing(rulebook, changes, one, now).go()
        self._write(db, rulebook, changes, now)
        return Outcome(tuple(changes.written), bool(changes.notices), bool(changes.quiet))

    def fall_silent(self, db: sa.Connection, rulebook: Rulebook, now: datetime) -> None:
        """Leads whose telephone rang, and then nothing more was heard: as missed, since nobody says otherwise."""
        if not calls.silent(db, self._names, now):
            return
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        stands = calls.silent(db, self._names, now)
        changes = _Changes(stands, {}, quiet=set(stands))
        self._call_back(db, rulebook, changes, {lead: stand.opened_by for lead, stand in stands.items()}, now)
        self._write(db, rulebook, changes, now)

    def _write(self, db: sa.Connection, rulebook: Rulebook, changes: _Changes, now: datetime) -> None:
        for lead in changes.written:
            changes.taken.pop(lead.id, None)
        self._close_activities(db, changes, now)
        self._call_back(db, rulebook, changes, {lead: one.interaction for lead, one in changes.missed.items()}, now)
        calls.quiet(db, changes.quiet)
        calls.ring(db, changes.rings)
        calls.heard(db, changes.heard)
        calls.take(db, self._names, changes.taken, now)
        self._end_offers(db, changes, now)
        offers.change_loads(db, self._names, changes.loads)
        calls.on_call(db, self._names, changes.on_call, now)
        made = [Decision(self._new_id(), now, stage, record, lead) for stage, lead, record in changes.records]
        decisions.write(db, made)
        rotation.tell(db, self._names, changes.notices, (self._new_id() for _ in changes.notices), now)

    def _close_activities(self, db: sa.Connection, changes: _Changes, now: datetime) -> None:
        """Whoever has spoken with a client, either way, has called him back."""
        done = activities.of_people(db, changes.answered.keys(), CALL_BACK)
        activities.close(db, [(number, now, changes.answered[lead][1]) for number, lead in done.items()])
        for lead in changes.answered.keys() & changes.missed.keys():
            # In one batch the call that was answered came later: see `_Hearing`.
            del changes.missed[lead]

    def _call_back(
        self, db: sa.Connection, rulebook: Rulebook, changes: _Changes, missed: Mapping[int, int], now: datetime
    ) -> None:
        """One thing to do for a client, however often he tried; its owner hears of it once."""
        waiting = activities.waiting(db, missed, CALL_BACK)
        new: list[Activity] = []
        for lead, interaction in sorted(missed.items()):
            stand = changes.stands[lead]
            if lead in waiting or stand.state not in OPEN_STATES:
                continue
            due_at = _due_at(rulebook, stand, now)
            new.append(Activity(self._new_id(), lead, interaction, CALL_BACK, now, due_at))
            changes.records.append(("call", lead, {"code": "missed_call", "due_at": iso(due_at)}))
            if stand.owner is not None:
                changes.notices.append(Notice("missed_call", lead, stand.owner))
        activities.write(db, new)
        self._watch(db, rulebook, [changes.stands[one.lead] for one in new], now)

    def _watch(self, db: sa.Connection, rulebook: Rulebook, missed: Sequence[Stand], now: datetime) -> None:
        """A client who called somebody who is not there is not to wait for him for long, where the team says so."""
        teams = rulebook.policy.teams
        watched = [one for one in missed if one.owner and one.team in teams and teams[one.team].owner_away is not None]
        if not watched:
            return
        standings = rotation.standings(db, self._names, now)
        until: dict[int, datetime] = {}
        for one in watched:
            end = rulebook.deadline(one.team, now, teams[one.team].owner_away)
            if end is not None and one.owner is not None and is_away(one.owner, rulebook, standings, now):
                until[one.lead] = end
        overdue.written_again(db, until)

    def _end_offers(self, db: sa.Connection, changes: _Changes, now: datetime) -> None:
        """Whoever answered has accepted his own offer of the lead, and nobody else is asked any more."""
        if not changes.taken:
            return
        were = offers.withdraw(db, self._names, changes.taken.keys(), now)
        mine = [one for one in were if one.manager == changes.taken[one.lead]]
        offers.answer(db, [(one.id, "accepted", None) for one in mine], now)
        for name in sorted({one.manager for one in mine}):
            offers.has_answered(db, self._names, name)
        offers.forget(db, changes.taken.keys())
        told = {(one.lead, one.manager): one for one in were if one not in mine}
        changes.notices += [_taken(one.lead, one.manager, changes.taken[one.lead], one) for one in told.values()]


class _Hearing:
    """One call of a batch, after those before it."""

    def __init__(self, rulebook: Rulebook, changes: _Changes, heard: Heard, now: datetime) -> None:
        self._rulebook = rulebook
        self._changes = changes
        self._heard = heard
        self._now = now
        self._stand = changes.stands[heard.lead]
        self._manager = rulebook.manager_at(heard.call.extension)

    def go(self) -> None:
        heard, call, was = self._heard, self._heard.call, self._heard.was
        self._count_speakers()
        if heard.said.direction == "out":
            self._changes.heard[heard.lead] = heard.at
        answered = call.phase == "answered" and (
            was is None or was.phase != "answered" or was.extension != call.extension
        )
        silent = call.phase == "ringing" and heard.at + SILENCE <= self._now
        missed = (call.phase == "missed" or silent) and (was is None or was.phase != "missed")
        if answered:
            self._changes.answered[heard.lead] = (heard.at, self._manager or SYSTEM)
        if self._stand.state not in OPEN_STATES:
            return
        if heard.said.direction == "out":
            self._called(answered=answered)
        elif answered:
            self._answered()
        elif missed:
            self._missed()
        elif call.phase == "ringing":
            self._ringing()

    def _count_speakers(self) -> None:
        """Who speaks gets no leads; who has hung up, or has handed the call on, does."""
        call, was = self._heard.call, self._heard.was
        if self._manager is not None and call.phase == "answered" and not call.over:
            until = min(self._heard.at + SIGN_OF_LIFE, self._heard.since + LONGEST_CALL)
            self._changes.on_call[self._heard.interaction] = (self._manager, until)
        elif was is not None and was.phase == "answered" and not was.over:
            self._changes.on_call[self._heard.interaction] = None

    def _ringing(self) -> None:
        """Nobody is told and nobody gets the lead, unless it waited before the call."""
        heard = self._heard
        if not heard.began and self._stand.reason != RINGING:
            return
        until = heard.at + SILENCE
        newcomer = self._changes.newcomers.get(heard.lead)
        if newcomer is None:
            self._changes.rings[heard.lead] = until
        else:
            lead = replace(newcomer.lead, reason=RINGING, wait_until=until)
            self._changes.newcomers[heard.lead] = replace(newcomer, lead=lead)
        self._changes.stands[heard.lead] = replace(self._stand, reason=RINGING)

    def _no_ringing(self) -> None:
        lead = self._heard.lead
        self._changes.rings.pop(lead, None)
        newcomer = self._changes.newcomers.get(lead)
        if newcomer is not None:
            still = replace(newcomer.lead, reason=None, wait_until=None)
            self._changes.newcomers[lead] = replace(newcomer, lead=still)
        elif self._stand.reason == RINGING:
            self._changes.quiet.add(lead)
        if self._stand.reason == RINGING:
            self._stand = self._changes.stands[lead] = replace(self._stand, reason=None)

    def _missed(self) -> None:
        self._no_ringing()
        self._changes.missed[self._heard.lead] = self._heard
        self._changes.answered.pop(self._heard.lead, None)

    def _answered(self) -> None:
        """The lead is his who answered. One that is in work stays, and its owner hears of the call."""
        self._no_ringing()
        stand, manager = self._stand, self._manager
        if stand.state == "in_work" and stand.owner is not None and not self._was_handed_on(stand.owner):
            if stand.owner != manager:
                self._note("call", {"code": "client_called", "manager": manager, "owner": stand.owner})
                self._changes.notices.append(Notice("client_called", stand.lead, stand.owner))
        elif manager is not None and (stand.state != "in_work" or stand.owner != manager):
            self._take(manager, "answered_call")

    def _was_handed_on(self, owner: str) -> bool:
        """Whether the owner has the lead by having answered this very call, which another has now."""
        was = self._heard.was
        by_this_call = self._stand.opened_by == self._heard.interaction
        return by_this_call and was is not None and self._rulebook.manager_at(was.extension) == owner != self._manager

    def _called(self, *, answered: bool) -> None:
        """A lead that a manager's own call opened is his, and so is one that nobody had when he reached its client."""
        stand, manager = self._stand, self._manager
        if manager is None:
            return
        opened = self._heard.began and stand.state == "unprocessed"
        reached = answered and (stand.state == "unprocessed" or (stand.state == "assigned" and stand.owner == manager))
        if opened or reached:
            self._no_ringing()
            self._take(manager, "called_out")

    def _take(self, manager: str, code: str) -> None:
        stand, changes = self._stand, self._changes
        if stand.owner is not None and stand.owner != manager:
            changes.loads[stand.owner] -= 1
            changes.notices.append(_taken(stand.lead, stand.owner, manager))
        if stand.owner != manager:
            changes.loads[manager] += 1
            if code == "answered_call":
                changes.notices.append(Notice("lead_assigned", stand.lead, manager))
        newcomer = changes.newcomers.pop(stand.lead, None)
        written = next((lead for lead in changes.written if lead.id == stand.lead), None)
        self._note("assignment", {**({} if newcomer is None else newcomer.chosen), "code": code, "manager": manager})
        if newcomer is not None or written is not None:
            lead = newcomer.lead if newcomer is not None else written
            assert lead is not None  # noqa: S101 - one of the two
            changes.written = [one for one in changes.written if one.id != lead.id]
            changes.written.append(
                replace(lead, state="in_work", owner=manager, reason=None, wait_until=None, escalate_at=None)
            )
        else:
            changes.taken[stand.lead] = manager
        changes.stands[stand.lead] = replace(stand, state="in_work", owner=manager, reason=None)

    def _note(self, stage: str, record: dict[str, Any]) -> None:
        self._changes.records.append((stage, self._stand.lead, {**record, "team": self._stand.team}))


def _new_stand(lead: NewLead) -> Stand:
    return Stand(lead.id, lead.state, lead.reason, lead.owner, lead.team, lead.opened_by, lead.respond_within)


def _due_at(rulebook: Rulebook, stand: Stand, now: datetime) -> datetime:
    """When the client is to be called back, in the working time of the lead's team, should there still be that team."""
    team = rulebook.policy.teams.get(stand.team)
    within = stand.respond_within or (team and team.respond_within) or CALL_BACK_WITHIN
    due_at = None if team is None else rulebook.due_at(stand.team, now, within)
    return due_at or now + within


def _taken(lead: int, told: str, by: str, offer: Offer | None = None) -> Notice:
    return Notice("taken_by", lead, told, None if offer is None else offer.id, {"manager": by})
