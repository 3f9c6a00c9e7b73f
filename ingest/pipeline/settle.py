"""One batch of envelopes, from what they say to what is written: the unit of work of the pipeline.

Load, decide, write, in one transaction of a fixed number of statements. All that does not depend on whose turn it is comes
first; the teams are locked last. Pure decisions are made in `dedup` and `routing`; here they are put in order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from channels.message import Ignored, Inbound, Parsed, Signal
from dedup.enquiry import Slot, Verdict, decide
from dedup.keys import Identified, identify
from dedup.people import Arrival, Match, People, resolve
from ingest.people.merging import Merging
from ingest.pipeline import by_hand, elsewhere, unanswered
from ingest.pipeline.automatic_answers import Asked, AutomaticAnswers, courtesy_of
from ingest.pipeline.by_hand import Assigned
from ingest.pipeline.colleagues import without_managers
from ingest.pipeline.elsewhere import Answer
from ingest.pipeline.folding import Folding
from ingest.pipeline.records import interaction_of, match_record, remote_files, title_of
from ingest.pipeline.sifting import TEST, without_staff
from ingest.pipeline.signals import Signals
from ingest.pipeline.unanswered import Unanswered, wants_answer
from ingest.rules.approach import enquiry_from
from ingest.rules.rulebook import Rulebook, Rulebooks
from ingest.turns.calls import Calls, Heard, attached, without_strangers
from ingest.turns.distribution import Distributor, Newcomer, teams_of
from ingest.turns.overdue import is_away
from kernel.facts import fact
from kernel.seams import crashpoint
from routing.rules import Chosen, choose
from storage import calls, decisions, edition, fetches, leads, overdue, people, rotation
from storage.decisions import Decision
from storage.journal import Claimed, Journal, Result
from storage.leads import DEFAULT_PLACE, NewInteraction, NewLead, Repeat
from storage.names import Names
from storage.rotation import Notice
from storage.store import Conflict


@fact
class Reading:
    """A claimed envelope and what its adapter read in it; `fault` where it could not be read."""

    claimed: Claimed
    parsed: Parsed | None
    fault: str | None = None


@fact
class Settled:
    """What a batch came to. `told`, `said`: notices, words to clients may be due; `more`: waiting leads could go out at once."""

    results: tuple[Result, ...]
    told: bool
    said: bool
    more: bool


@dataclass(slots=True)
class _Batch:
    """What the fold over leads gathers before it is written. `origins`: channel and source of each approach, by entry."""

    origins: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    interactions: list[NewInteraction] = field(default_factory=list)
    newcomers: dict[int, Newcomer] = field(default_factory=dict)
    tests: list[NewLead] = field(default_factory=list)
    touched: dict[int, Repeat] = field(default_factory=dict)
    reopened: dict[int, Repeat] = field(default_factory=dict)
    reopened_teams: set[str] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    decisions: list[Decision] = field(default_factory=list)
    again: dict[int, str] = field(default_factory=dict)
    watched: dict[int, str] = field(default_factory=dict)
    later: list[tuple[int, int]] = field(default_factory=list)
    refolded: dict[int, NewInteraction] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    signalled: bool = False
    edition: int | None = None
    joined: bool = False
    assigned: list[Assigned] = field(default_factory=list)
    unanswered: dict[int, Unanswered] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    came: dict[int, datetime] = field(default_factory=dict)

    def leave_out(self, ignored: Sequence[Result]) -> None:
        """These come to nothing further, and so do those that were to follow them."""
        by_entry = {result.entry: result for result in ignored}
        self.results += ignored
        self.results += [replace(by_entry[first], entry=entry) for entry, first in self.later if first in by_entry]
        self.later = [(entry, first) for entry, first in self.later if first not in by_entry]


class Joins(Exception):
    """An approach of a batch makes two people one. It is settled by itself, after those before it: so locks keep their order."""

    def __init__(self, entry: int) -> None:
        super().__init__(f"entry {entry} joins two people")
        self.entry = entry


class Settler:
    """Writes batches. `now` and ids are given; all else is in the store."""

    def __init__(
        self,
        names: Names,
        journal: Journal,
        rulebooks: Rulebooks,
        distributor: Distributor,
        folding: Folding,
        signals: Signals,
        merging: Merging,
        new_id: Callable[[], int],
    ) -> None:
        self._names = names
        self._journal = journal
        self._rulebooks = rulebooks
        self._distributor = distributor
        self._folding = folding
        self._signals = signals
        self._merging = merging
        self._calls = Calls(names, new_id)
        self._automatic = AutomaticAnswers(names, new_id)
        self._new_id = new_id

    def settle(
        self, db: sa.Connection, token: str, readings: Sequence[Reading], now: datetime, *, again: bool = True
    ) -> Settled:
        """Settle readings that are claimed under `token`. Raises IntegrityError or Conflict where somebody was faster.

        Run `again`, it leaves out those that are no longer ours, and nobody joins or parts people meanwhile; the first time, the
        fence of `Journal.decide` is enough.
        """
        if again:
            edition.hold(db)
            held = self._journal.held(db, token, [r.claimed.entry for r in readings])
            readings = [r for r in readings if r.claimed.entry in held]
        return self.write(db, readings, now, token)

    def write(self, db: sa.Connection, readings: Sequence[Reading], now: datetime, token: str | None = None) -> Settled:
        """`settle` where no token fences: also what a dry run does before it takes everything back."""
        rulebook = self._rulebooks.current(db)
        repeats = self._journal.repeats(db, [r.claimed for r in readings])
        batch = _Batch()
        inbound: list[tuple[Claimed, Inbound]] = []
        for read in readings:
            meant = self._signals.meant(db, read.claimed, read.parsed)
            reading = read if meant is read.parsed else replace(read, parsed=meant)
            said = _said(reading, repeats)
            if isinstance(reading.parsed, Signal):
                batch.signalled |= self._signals.handle(db, reading.claimed, reading.parsed, now)
            if isinstance(said, Result):
                batch.results.append(said)
            else:
                inbound.append((reading.claimed, said))
        inbound, own = without_managers(db, rulebook, inbound)
        batch.results += own
        inbound, ours = elsewhere.without_echoes(db, self._names, inbound)
        batch.results += ours
        fresh = self._beside_known(db, batch, inbound)
        fresh, batch.later, batch.answers = elsewhere.parted(fresh, batch.later)
        identified = [_identify(said, rulebook) for _, said in fresh]
        fresh, identified, ignored = without_staff(rulebook.staff, fresh, identified)
        batch.leave_out(ignored)
        named = by_hand.contacts_named(db, fresh)
        groups = [[e.key for e in found.evidence] for found in identified]
        asked = {key for group in groups for key in group}
        world = people.world(db, self._names, asked, rulebook.shared_over, groups, set(named.values()))
        batch.edition = world.edition
        fresh, identified, ignored = without_strangers(rulebook, world, fresh, identified)
        batch.leave_out(ignored)
        arrivals = [
            _arrival(claimed, said, found, named) for (claimed, said), found in zip(fresh, identified, strict=True)
        ]
        crashpoint("settle.before_write")
        decided = resolve(arrivals, world, self._new_id)
        self._write_people(db, batch, rulebook, decided, fresh, now)
        self._enquire(db, batch, rulebook, fresh, identified, decided)
        self._write_early(db, batch, now)
        return self._distribute(db, batch, rulebook, now, token)

    def _write_people(
        self,
        db: sa.Connection,
        batch: _Batch,
        rulebook: Rulebook,
        decided: People,
        fresh: Sequence[tuple[Claimed, Inbound]],
        now: datetime,
    ) -> None:
        """Contacts and keys; and where evidence has made two people one, their leads, before it is asked which takes what came."""
        if decided.merges and len(fresh) > 1:
            raise Joins(decided.merges[0].entry)
        received = {claimed.entry: claimed.envelope.received_at for claimed, _ in fresh}
        people.write(db, decided, received, [self._new_id() for _ in decided.suggestions])
        for joining in decided.merges:
            before, batch.edition = batch.edition, edition.advance(db)
            if before is not None and batch.edition != before + 1:
                raise Conflict("people were joined or parted meanwhile")
            self._merging.join(db, rulebook, joining, now)
            batch.joined = True

    def _beside_known(
        self, db: sa.Connection, batch: _Batch, inbound: Sequence[tuple[Claimed, Inbound]]
    ) -> list[tuple[Claimed, Inbound]]:
        """Attach what belongs to an interaction that is there already, by the provider's id of the thing; the rest comes back.

        Several about one new thing come back as one, folded, and the others are kept for `later`.
        """
        refs = {(c.envelope.channel, said.ref) for c, said in inbound if said.ref is not None}
        known = leads.known_refs(db, self._names, refs)
        parts: dict[tuple[str, str], list[tuple[Claimed, Inbound]]] = {}
        fresh: dict[tuple[str, str | int], tuple[Claimed, Inbound]] = {}
        for claimed, said in inbound:
            if said.ref is None:
                fresh[claimed.envelope.channel, claimed.entry] = (claimed, said)
            else:
                parts.setdefault((claimed.envelope.channel, said.ref), []).append((claimed, said))
        for place, came in parts.items():
            first = came[0][0]
            if place not in known:
                fresh[place] = (first, self._folding.fold(place[0], [said for _, said in came]))
                batch.later += [(claimed.entry, first.entry) for claimed, _ in came[1:]]
                continue
            interaction, lead, contact = known[place]
            batch.results += [Result(c.entry, "attached", None, interaction, contact, lead) for c, _ in came]
        self._refold(db, batch, parts, {known[place][:2]: place for place in parts if place in known})
        order = {claimed.entry: place for place, (claimed, _) in enumerate(inbound)}
        return sorted(fresh.values(), key=lambda one: order[one[0].entry])

    def _refold(
        self,
        db: sa.Connection,
        batch: _Batch,
        parts: Mapping[tuple[str, str], Sequence[tuple[Claimed, Inbound]]],
        places: Mapping[tuple[int, int], tuple[str, str]],
    ) -> None:
        """Read again what made these interactions (each with its lead) before, and fold it with what came now."""
        made = self._journal.of_interactions(db, {interaction for interaction, _ in places})
        for (interaction, lead), (channel, ref) in places.items():
            came = parts[channel, ref]
            claimed = came[0][0]
            earlier = list(self._folding.read(made[interaction], ref))
            folded = self._folding.fold(channel, [*earlier, *(said for _, said in came)])
            batch.refolded[interaction] = interaction_of(
                claimed, folded, None, interaction_id=interaction, lead=0, title=None
            )
            if folded.call is not None:
                before = self._folding.fold(channel, earlier) if earlier else None
                receipts = [one.envelope.received_at for one in (*made[interaction], *(one for one, _ in came))]
                batch.heard.append(Heard(lead, interaction, folded, before, min(receipts), max(receipts)))

    def _enquire(
        self,
        db: sa.Connection,
        batch: _Batch,
        rulebook: Rulebook,
        fresh: Sequence[tuple[Claimed, Inbound]],
        identified: Sequence[Identified],
        decided: People,
    ) -> None:
        batch.origins = {
            claimed.entry: by_hand.origin(rulebook, claimed.envelope.channel, said) for claimed, said in fresh
        }
        chosen = [
            _choose(rulebook, claimed, said, found, match, batch.origins[claimed.entry])
            for (claimed, said), found, match in zip(fresh, identified, decided.matches, strict=True)
        ]
        asked = {(_party(m), c.team) for m, c in zip(decided.matches, chosen, strict=True) if m.known}
        slots = leads.slots(db, self._names, asked)
        taken: dict[int, Result] = {}
        for (claimed, said), found, match, choice in zip(fresh, identified, decided.matches, chosen, strict=True):
            taken[claimed.entry] = self._take(batch, rulebook, claimed, said, found, match, choice, slots)
        batch.results += taken.values()
        batch.results += [replace(taken[first], entry=entry, outcome="attached") for entry, first in batch.later]

    def _take(
        self,
        batch: _Batch,
        rulebook: Rulebook,
        claimed: Claimed,
        said: Inbound,
        found: Identified,
        match: Match,
        choice: Chosen,
        slots: dict[tuple[int, str], Slot],
    ) -> Result:
        """One approach: to the lead that holds the slot, or a new one; its interaction, its decision, its outcome."""
        at = claimed.envelope.received_at
        place = (_party(match), choice.team)
        test = rulebook.staff.is_test(found.evidence)
        slot = None if test else slots.get(place)
        verdict = attached(said, slot, decide(slot, at, rulebook.limits))
        interaction_id = self._new_id()
        title = None
        if verdict.opens:
            lead = self._open(batch, rulebook, claimed, said, match, choice, interaction_id, verdict, test=test)
            title = title_of(rulebook, said, batch.origins[claimed.entry])
            if not test:
                slots[place] = Slot(lead, "unprocessed", None, at, respond_within=choice.respond_within)
        else:
            assert slot is not None and verdict.lead is not None  # noqa: S101, PT018 - decide() attaches to a slot only
            lead = verdict.lead
            if said.direction == "in":
                self._repeat(batch, rulebook, choice.team, verdict, slot, at, told=said.call is None)
            manager = by_hand.manager_of(rulebook, said)
            if manager is not None and said.taken_down is not None:
                batch.assigned.append(Assigned(lead, manager, said.taken_down.actor, choice.rule))
                batch.reopened_teams.add(choice.team)
            slots[place] = replace(
                slot, last_at=max(at, slot.last_at), state="unprocessed" if verdict.code == "reopen" else slot.state
            )
        written = interaction_of(claimed, said, match, interaction_id=interaction_id, lead=lead, title=title)
        batch.interactions.append(written)
        if said.direction == "in":
            batch.came[lead] = max(at, batch.came.get(lead, at))
        if said.answerable is not None and courtesy_of(rulebook, claimed.envelope.channel) is not None:
            batch.asked.append(Asked(claimed, said, written, choice.team, test))
        if wants_answer(said) and not test:
            within = choice.respond_within or (None if slot is None else slot.respond_within)
            mail = Unanswered(interaction_id, choice.team, at, within, verdict.opens)
            batch.unanswered.setdefault(lead, mail)
        if said.call is not None:
            began = verdict.opens or verdict.code == "reopen"
            batch.heard.append(Heard(lead, interaction_id, said, None, at, at, began))
        record = match_record(match, found, verdict)
        batch.decisions.append(Decision(self._new_id(), at, "match", record, lead, claimed.entry))
        outcome = "created" if verdict.opens else "attached"
        return Result(claimed.entry, outcome, None, interaction_id, match.origin, lead)  # type: ignore[arg-type] # two literals

    def _open(
        self,
        batch: _Batch,
        rulebook: Rulebook,
        claimed: Claimed,
        said: Inbound,
        match: Match,
        choice: Chosen,
        interaction: int,
        verdict: Verdict,
        *,
        test: bool,
    ) -> int:
        envelope = claimed.envelope
        channel, source = batch.origins[claimed.entry]
        if verdict.lead in batch.newcomers:
            earlier = batch.newcomers[verdict.lead]
            batch.newcomers[verdict.lead] = replace(earlier, lead=replace(earlier.lead, slot=False))
        elif verdict.lead is not None:
            batch.given_up.add(verdict.lead)
        lead = NewLead(
            id=self._new_id(),
            contact=match.contact,
            company=match.company,
            team=choice.team,
            channel=channel,
            source=source,
            opened_by=interaction,
            created_at=envelope.received_at,
            last_at=envelope.received_at,
            place_at=envelope.received_at + (choice.respond_within or DEFAULT_PLACE),
            respond_within=choice.respond_within,
            due_at=rulebook.due_at(choice.team, envelope.received_at, choice.respond_within),
            escalate_at=rulebook.escalation_at(choice.team, envelope.received_at),
            marks=("no_way_back",) if match.code == "no_way_back" else (),
        )
        manager = by_hand.manager_of(rulebook, said)
        if test:
            self._close_at_once(batch, lead, choice)
        elif manager is not None and said.taken_down is not None:
            batch.assigned.append(Assigned(lead, manager, said.taken_down.actor, choice.rule))
        else:
            batch.newcomers[lead.id] = Newcomer(lead, match.owner, {"rule": choice.rule})
        return lead.id

    def _close_at_once(self, batch: _Batch, lead: NewLead, choice: Chosen) -> None:
        """The lead of a trial: marked, closed from the start, without a slot, and so without an effect on any other."""
        marks = (*lead.marks, TEST)
        batch.tests.append(replace(lead, marks=marks, slot=False, state="disqualified", reason=TEST))
        record = {"code": TEST, "team": choice.team, "rule": choice.rule}
        batch.decisions.append(Decision(self._new_id(), lead.created_at, "assignment", record, lead.id))

    @staticmethod
    def _repeat(
        batch: _Batch, rulebook: Rulebook, team: str, verdict: Verdict, slot: Slot, at: datetime, *, told: bool
    ) -> None:
        lead = slot.lead
        if lead in batch.newcomers:
            newcomer = batch.newcomers[lead]
            batch.newcomers[lead] = replace(
                newcomer, lead=replace(newcomer.lead, last_at=max(at, newcomer.lead.last_at))
            )
        elif verdict.code == "reopen" or lead in batch.reopened:
            latest = max(at, slot.last_at, batch.reopened[lead].at if lead in batch.reopened else at)
            due_at = rulebook.due_at(team, latest, slot.respond_within)
            batch.reopened[lead] = Repeat(latest, due_at, rulebook.escalation_at(team, latest))
            batch.reopened_teams.add(team)
        else:
            latest = max(at, slot.last_at, batch.touched[lead].at if lead in batch.touched else at)
            batch.touched[lead] = Repeat(latest, rulebook.due_at(team, latest, slot.respond_within))
            if told and slot.owner is not None:
                batch.again[lead] = slot.owner
                batch.watched[lead] = team

    def _write_early(self, db: sa.Connection, batch: _Batch, now: datetime) -> None:
        """What else does not depend on whose turn it is."""
        leads.write_interactions(db, self._names, batch.interactions)
        leads.refold(db, batch.refolded)
        fetches.want(db, [*remote_files(batch.interactions), *remote_files(list(batch.refolded.values()))], now)
        decisions.write(db, batch.decisions)

    def _write_known(self, db: sa.Connection, batch: _Batch, rulebook: Rulebook, now: datetime) -> None:
        """Leads that were there before: written under the locks of the teams, since a distribution locks in that order too."""
        leads.give_up_slots(db, batch.given_up)
        leads.touch(db, batch.touched)
        leads.reopen(db, batch.reopened)
        self._watch(db, batch, rulebook, now)
        rotation.tell(
            db,
            self._names,
            [Notice("wrote_again", lead, owner) for lead, owner in sorted(batch.again.items())],
            (self._new_id() for _ in batch.again),
            now,
        )

    def _watch(self, db: sa.Connection, batch: _Batch, rulebook: Rulebook, now: datetime) -> None:
        """A client who wrote again to somebody who is not there is not to wait for him for long, where the team says so."""
        teams = rulebook.policy.teams
        watched = {lead: team for lead, team in batch.watched.items() if teams[team].owner_away is not None}
        if not watched:
            return
        standings = rotation.standings(db, self._names, now)
        until: dict[int, datetime] = {}
        for lead, team in watched.items():
            if is_away(batch.again[lead], rulebook, standings, now):
                end = rulebook.deadline(team, now, teams[team].owner_away)
                until |= {} if end is None else {lead: end}
        overdue.written_again(db, until)

    def _distribute(
        self, db: sa.Connection, batch: _Batch, rulebook: Rulebook, now: datetime, token: str | None
    ) -> Settled:
        crashpoint("settle.before_distribute")
        given, more = 0, False
        known, opened = by_hand.parted(batch.assigned, batch.newcomers)
        is_written = bool(batch.heard or known or batch.answers)
        if is_written:
            # A lead that somebody answered, or that a person gave to somebody, is nobody's turn.
            rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
            self._write_known(db, batch, rulebook, now)
        told = by_hand.assign(db, self._names, rulebook, known, self._new_id, now)
        called = self._calls.settle(db, rulebook, batch.heard, batch.newcomers, now) if batch.heard else None
        newcomers = list(batch.newcomers.values())
        opened_by_hand = {one.lead.team for one in batch.assigned if isinstance(one.lead, NewLead)}
        teams = teams_of(newcomers) | batch.reopened_teams | opened_by_hand
        if called is not None:
            teams = set(rulebook.policy.teams)
        if not teams:
            self._write_known(db, batch, rulebook, now)
        else:
            spread = self._distributor.run(
                db,
                rulebook,
                teams,
                now,
                newcomers,
                restate=bool(batch.reopened or (called is not None and called.quiet)),
                once_locked=lambda: None if is_written else self._write_known(db, batch, rulebook, now),
            )
            leads.write_leads(db, self._names, spread.newcomers)
            given, more = spread.given, spread.more
        unanswered.write(db, rulebook, batch.unanswered, self._new_id)
        leads.write_leads(db, self._names, batch.tests)
        leads.close(db, [(lead.id, lead.created_at) for lead in batch.tests])
        if called is not None:
            leads.write_leads(db, self._names, called.taken)
            calls.accepted(db, [lead.id for lead in called.taken], now)
        told |= by_hand.assign(db, self._names, rulebook, opened, self._new_id, now)
        answered = bool(batch.asked) and self._automatic.write(db, rulebook, batch.asked, now)
        if batch.answers:
            told |= self._answer(db, batch, now)
        self._journal.decide(db, batch.results, now, token, batch.edition)
        crashpoint("settle.before_commit")
        told = bool(
            told or given or batch.again or batch.signalled or batch.joined or (called is not None and called.told)
        )
        return Settled(tuple(batch.results), told, answered or batch.signalled, more or batch.joined)

    def _answer(self, db: sa.Connection, batch: _Batch, now: datetime) -> bool:
        """What clients were answered beside us, once all their leads are written; whether notices may be in the outbox."""
        written = [
            interaction_of(one.claimed, one.said, None, interaction_id=self._new_id(), lead=0, title=None)
            for one in batch.answers
        ]
        answers = list(zip(batch.answers, written, strict=True))
        results, told = elsewhere.write(db, self._names, answers, batch.came, self._new_id, now)
        batch.results += results
        return told


def _said(reading: Reading, repeats: dict[int, str]) -> Inbound | Result:
    """The inbound to be settled, or the outcome where there is none."""
    claimed, parsed = reading.claimed, reading.parsed
    if parsed is None:
        return Result(claimed.entry, "failed", reading.fault)
    if isinstance(parsed, Signal):
        return Result(claimed.entry, "handled", parsed.kind)
    if isinstance(parsed, Ignored):
        if claimed.as_client and parsed.inbound is not None:
            return parsed.inbound
        return Result(claimed.entry, "ignored", parsed.reason)
    if claimed.entry in repeats:
        return Result(claimed.entry, "ignored", "repeat")
    return parsed


def _identify(said: Inbound, rulebook: Rulebook) -> Identified:
    return identify(said.phones, said.emails, said.identities, said.text, rulebook.keys, said.vouched)


def _arrival(claimed: Claimed, said: Inbound, found: Identified, named: Mapping[int, int]) -> Arrival:
    contact, fresh = by_hand.arriving(said, claimed.entry, named)
    return Arrival(claimed.entry, said.name, said.company, found.evidence, found.rejected, contact, fresh)


def _party(match: Match) -> int:
    """Who holds the enquiry slot: the person, or the company where no person is known."""
    party = match.contact if match.contact is not None else match.company
    assert party is not None  # noqa: S101 - a match always has one of them
    return party


def _choose(
    rulebook: Rulebook, claimed: Claimed, said: Inbound, found: Identified, match: Match, origin: tuple[str, str]
) -> Chosen:
    at = claimed.envelope.received_at
    channel, source = origin
    enquiry = enquiry_from(rulebook, channel, said, found, known=match.known, at=at, source=source)
    return by_hand.chosen(rulebook, choose(rulebook.policy, enquiry), said)
