"""The promises of the design, held against the truth: pure functions over what was sent and what is found."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Final

from prove.company import CAPACITY, SALES, SERVICE, SWITCHED, VISITING
from prove.found import Entry, Found, Lead, times_mailed
from prove.truth import Delivery, Truth

WINDOW: Final = 10 * 60 * 1_000_000
"""Microseconds within which a repeat of what no provider names is known for one."""
OPEN: Final = ("unprocessed", "assigned", "in_work")
SENTENCES: Final[Mapping[int, str]] = {
    1: "Accepted means durable: what got a yes is in the journal, and no cursor is ahead or went back",
    2: "Once: no delivery, interaction, notice or reply is doubled",
    3: "One person is one contact, with one open lead",
    4: "Nobody is joined by accident",
    5: "Fair: turns of any two who were eligible differ by at most one",
    6: "Nothing waits while someone is free, and nobody is over his limit",
    7: "Every envelope has one outcome, and the ledger agrees",
    8: "Poison costs only itself",
    9: "Every decision explains itself",
    10: "Silence is noticed: a channel that is away says so, and listens again",
}


@dataclass
class Verdict:
    """One promise: how often it was tried, and what was found broken."""

    number: int
    tried: int = 0
    broken: list[str] = field(default_factory=list)

    def hold(self, holds: bool, otherwise: Callable[[], str] | str) -> None:  # noqa: FBT001 - the fact itself
        """Try it once more."""
        self.tried += 1
        if not holds:
            self.broken.append(otherwise if isinstance(otherwise, str) else otherwise())


class Verdicts(dict[int, Verdict]):
    """All promises, by number."""

    def __init__(self) -> None:
        super().__init__({number: Verdict(number) for number in SENTENCES})

    @property
    def broken(self) -> int:
        """How much is broken."""
        return sum(len(verdict.broken) for verdict in self.values())


@dataclass(frozen=True, slots=True)
class World:
    """Truth and findings side by side. `by_token`: all rows of a delivery, oldest first."""

    truth: Truth
    found: Found
    by_token: Mapping[str, Sequence[Entry]]

    @classmethod
    def of(cls, truth: Truth, found: Found) -> "World":
        """Put side by side."""
        by_token: dict[str, list[Entry]] = defaultdict(list)
        for entry in found.entries:
            by_token[entry.token or ""].append(entry)
        return cls(truth, found, by_token)

    def effective(self, delivery: Delivery) -> list[Entry]:
        """Its rows that are no repeats."""
        return [
            one for one in self.by_token.get(delivery.token, ()) if (one.outcome, one.reason) != ("ignored", "repeat")
        ]


def judge(truth: Truth, found: Found, verdicts: Verdicts) -> None:
    """Hold all that is found at the end against the truth."""
    world = World.of(truth, found)
    _durable(world, verdicts[1])
    _once(world, verdicts[2])
    _notices(world, verdicts[2])
    _persons(world, verdicts[3], verdicts[4])
    _one_open_lead(world, verdicts[3])
    _fair(world, verdicts[5])
    nobody_waits(found, verdicts[6])
    _outcomes(world, verdicts[7], verdicts[8])
    _explained(world, verdicts[9])


def _durable(world: World, verdict: Verdict) -> None:
    for strange in world.truth.strange:
        verdict.hold(holds=False, otherwise=strange)
    for token, named in world.truth.accepted.items():
        rows = world.by_token.get(token, ())
        verdict.hold(bool(rows), f"{_told(world, token)} was accepted and is not in the journal")
        stored = {row.uid for row in rows}
        verdict.hold(
            named <= stored, f"{_told(world, token)} was accepted as {sorted(named - stored)}, which is not there"
        )
    for move in world.found.moves:
        fenced = move.epochs[0] <= move.epochs[1]
        forward = move.eras[0] != move.eras[1] or move.positions[0] <= move.positions[1]
        verdict.hold(fenced and forward, f"the cursor {move.name} went back: {move}")


def _told(world: World, token: str) -> str:
    delivery = world.truth.sent[token]
    return f"{token} ({delivery.kind} of {delivery.person} by {delivery.channel})"


def _once(world: World, verdict: Verdict) -> None:
    things: dict[str, set[int | None]] = defaultdict(set)
    for token in world.truth.accepted:
        delivery = world.truth.sent[token]
        rows = world.by_token.get(token, ())
        effective = world.effective(delivery)
        if delivery.named:
            verdict.hold(len(rows) <= 1, f"{_told(world, token)} is {len(rows)} rows: {[row.uid for row in rows]}")
        else:
            verdict.hold(_apart(effective), f"{_told(world, token)} has several effects: {[r.uid for r in effective]}")
        if delivery.named and effective and effective[0].interaction is not None:
            things[delivery.thing].add(effective[0].interaction)
    for thing, interactions in things.items():
        verdict.hold(len(interactions) == 1, f"{thing} is {len(interactions)} interactions: {interactions}")
    for entry in world.found.entries:
        known = entry.token is not None and entry.token in world.truth.sent
        verdict.hold(known, f"the journal has {entry.uid} of {entry.channel}, which nobody sent")


def _apart(rows: Sequence[Entry]) -> bool:
    """Whether each comes so long after the one before it, or so long before by a clock that went back, that it is no repeat."""
    times = [row.received_at for row in rows]
    return all(not 0 <= later - earlier <= WINDOW for earlier, later in pairwise(times))


def _notices(world: World, verdict: Verdict) -> None:
    uids = {lead.uid: lead for lead in world.found.leads}
    sent = {notice.uid: notice for notice in world.found.notices}
    for mail in world.found.mails:
        unknown = mail.leads - uids.keys()
        verdict.hold(not unknown, f"{mail.reader} was told of {sorted(unknown)}, and there is no such lead")
    for (uid, reader), times in times_mailed(world.found.mails).items():
        attempts = sent[uid].attempts if uid in sent else 0
        verdict.hold(times <= max(attempts, 1), f"notice {uid} reached {reader} {times} times in {attempts} attempts")
    # A lead of the service may have been closed, come back, and so gone to the same manager again.
    sales = {lead.id for lead in world.found.leads if lead.team == "sales"}
    given = Counter((n.lead, n.manager) for n in world.found.notices if n.code == "lead_assigned" and n.lead in sales)
    for (number, manager), times in given.items():
        verdict.hold(times == 1, f"lead {number} was given to {manager} {times} times")
    told = {(mail.reader, uid) for mail in world.found.mails for uid in mail.leads}
    for lead in world.found.leads:
        # Whoever leaves the configuration keeps his leads, and has no address to be told at.
        if lead.owner not in {None, VISITING} and lead.state == "assigned":
            reader = f"{lead.owner}@example.com"
            verdict.hold((reader, lead.uid) in told, f"{lead.owner} was never told of his lead {lead.uid}")


def _persons(world: World, one: Verdict, nobody: Verdict) -> None:
    contacts_of: dict[int, set[int]] = defaultdict(set)
    people_of: dict[int, set[int]] = defaultdict(set)
    for token in world.truth.accepted:
        delivery = world.truth.sent[token]
        for row in world.effective(delivery):
            if row.contact is not None:
                contacts_of[delivery.person].add(row.contact)
                people_of[row.contact].add(delivery.person)
    for person, contacts in contacts_of.items():
        nature = world.truth.people[person].nature
        one.hold(len(contacts) == 1, f"person {person} ({nature}) is {len(contacts)} contacts: {sorted(contacts)}")
    for contact, people in people_of.items():
        nobody.hold(len(people) == 1, f"contact {contact} is {len(people)} people: {sorted(people)[:6]}")


def _one_open_lead(world: World, verdict: Verdict) -> None:
    opened: dict[tuple[int | None, str], list[Lead]] = defaultdict(list)
    for lead in world.found.leads:
        if lead.state in OPEN and lead.enquirer is not None:
            opened[lead.enquirer, lead.team].append(lead)
    for (enquirer, team), leads in opened.items():
        uids = [lead.uid for lead in leads]
        verdict.hold(len(leads) == 1, f"contact {enquirer} has {len(leads)} open leads in {team}: {uids}")


def _fair(world: World, verdict: Verdict) -> None:
    for team, constant in (("sales", SALES), ("service", ())):
        turns = [turn for turn in world.found.turns if turn.team == team]
        for number, times in Counter(turn.number for turn in turns).items():
            verdict.hold(times == 1, f"turn {number} of {team} was given {times} times")
        for turn in turns:
            missing = {name for name in constant if name not in SWITCHED} - set(turn.eligible)
            verdict.hold(not missing, f"{sorted(missing)} were there and not eligible for lead {turn.lead}")
        for pair in combinations(sorted({name for turn in turns for name in turn.eligible}), 2):
            for window in _windows([(turn.manager, turn.eligible) for turn in turns], pair):
                width = _widest(window, pair)
                verdict.hold(width <= 1, f"{pair} of {team}: turns differ by {width} in a window of {len(window)}")


def _windows(turns: Sequence[tuple[str, Sequence[str]]], pair: tuple[str, str]) -> Iterator[list[str]]:
    """Who had the turns, in each stretch during which both were eligible."""
    window: list[str] = []
    for manager, eligible in turns:
        if all(name in eligible for name in pair):
            window.append(manager)
        elif window:
            yield window
            window = []
    if window:
        yield window


def _widest(window: Sequence[str], pair: tuple[str, str]) -> int:
    """The largest difference of turns over any part of a window."""
    level = low = high = 0
    for manager in window:
        level += (manager == pair[0]) - (manager == pair[1])
        low, high = min(low, level), max(high, level)
    return high - low


def nobody_waits(found: Found, verdict: Verdict) -> None:
    """Leads wait only where all who could have them are full; and nobody is over."""
    full = {m.name for m in found.managers if m.name in SERVICE and m.real >= CAPACITY}
    for lead in found.leads:
        if lead.state == "unprocessed":
            is_full = lead.team == "service" and full == set(SERVICE)
            verdict.hold(is_full, f"lead {lead.uid} of {lead.team} waits though somebody is free")
        else:
            verdict.tried += 1
    for manager in found.managers:
        verdict.hold(manager.open == manager.real, f"{manager.name} counts {manager.open} leads and has {manager.real}")
    over(verdict, {manager.name: manager.real for manager in found.managers})


def over(verdict: Verdict, loads: Mapping[str, int]) -> None:
    """Nobody has more than he may: at any instant."""
    for name in SERVICE:
        has = loads.get(name, 0)
        verdict.hold(has <= CAPACITY, f"{name} has {has} open leads and may have {CAPACITY}")


def _outcomes(world: World, verdict: Verdict, poison: Verdict) -> None:
    for entry in world.found.entries:
        verdict.hold(entry.outcome != "pending", f"{entry.uid} of {entry.channel} is pending")
        if entry.outcome in {"created", "attached"}:
            lead = world.found.interactions.get(entry.interaction or -1)
            verdict.hold(lead is not None, f"{entry.uid} is {entry.outcome}, and its interaction is not there")
    for token in world.truth.accepted:
        delivery = world.truth.sent[token]
        rows = world.effective(delivery)
        good = all(row.outcome in {"created", "attached"} for row in rows)
        ended = f"{[(row.outcome, row.reason) for row in rows]}"
        where = poison if delivery.poison else verdict
        where.hold(good, lambda token=token, ended=ended: f"{_told(world, token)} ended as {ended}")  # type: ignore[misc] # bound defaults


def poisoned(truth: Truth, found: Found, verdict: Verdict) -> None:
    """Before the bugs are mended: what is poison has failed, and nothing else has but for deaths that it met."""
    for entry in found.entries:
        delivery = truth.sent.get(entry.token or "")
        if delivery is not None and delivery.poison:
            wanted = {"raises": ("unreadable", "died"), "kills": ("died",)}[delivery.poison]
            failed = entry.outcome == "failed" and entry.reason in wanted
            repeated = (entry.outcome, entry.reason) == ("ignored", "repeat")
            verdict.hold(failed or repeated, f"poison {entry.uid} ended as {entry.outcome} {entry.reason}")
        else:
            bad = entry.outcome == "failed" and entry.reason != "died"
            verdict.hold(not bad, f"{entry.uid} of {entry.channel}, no poison, failed: {entry.reason}")


def _explained(world: World, verdict: Verdict) -> None:
    for entry in world.found.entries:
        if entry.outcome in {"created", "attached"} and entry.channel != "pbx":
            verdict.hold(entry.explained, f"nothing says how {entry.uid} of {entry.channel} was matched")
    for lead in world.found.leads:
        verdict.hold(lead.explained, f"nothing says whose turn lead {lead.uid} was")
