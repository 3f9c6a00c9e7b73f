"""The journal of one store, copied into an empty one and run in other batches, comes to the same people, leads and outcomes."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
import sqlalchemy as sa
from multidict import CIMultiDict

from channels.message import Envelope, Request
from channels.webform import Adapter, Config
from ingest.pipeline.settle import Reading
from storage import revisions
from storage.schema import contacts, counters, journal, leads, metadata
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, envelope, team, wire
from tests.ingest.workers import two

FORM = Adapter("site", Config(kind="webform"), secret=b"k" * 32, language="ru")
COUNT = 170


@dataclass(frozen=True)
class Someone:
    """A person as he fills in forms: several spellings of his number, a mailbox, a name."""

    number: int

    def form(self, dice: random.Random) -> dict[str, str]:
        tail = f"{self.number:02}"
        phones = [f"+7 912 345-67-{tail}", f"8 (912) 345 67 {tail}", f"791234567{tail}", f"8912345 67{tail} "]
        form = {"name": dice.choice([f"Имя {self.number}", f"имя  {self.number}", "Другой", ""])}
        if dice.random() < 0.8:
            form["phone"] = dice.choice(phones)
        if dice.random() < 0.5:
            form["email"] = dice.choice([f"p{self.number}@example.com", f"P{self.number}@Example.COM"])
        if dice.random() < 0.15:
            form["email"] = f"info@{self.number % 3}.example.com"
        if dice.random() < 0.1:
            # The keys of another person too: evidence that joins nothing.
            form["phone"] = f"+7912345670{self.number % 10}"
        form["message"] = dice.choice(["Цемент", "Доставка", f"Позвоните на 8 912 345 67 {tail}", ""])
        form["city"] = dice.choice(["Саратов", "", ""])
        return form


def posted(dice: random.Random, form: dict[str, str], at: datetime) -> Request:
    headers = {}
    if dice.random() < 0.3:
        headers["Idempotency-Key"] = f"key-{dice.randrange(60)}"
    if dice.random() < 0.5:
        return Request(
            "POST", "", {}, CIMultiDict({**headers, "Content-Type": "application/json"}), orjson.dumps(form), at
        )
    kind = "application/x-www-form-urlencoded"
    return Request("POST", "", {}, CIMultiDict({**headers, "Content-Type": kind}), urlencode(form).encode(), at)


def history(seed: int) -> list[Envelope]:
    """Months of forms: bursts, double clicks, repeats at the edge of ten minutes, long silences."""
    dice = random.Random(seed)
    people = [Someone(n) for n in range(14)]
    at = NOW
    sent: list[Request] = []
    while len(sent) < COUNT:
        at += dice.choice(
            [timedelta(0), timedelta(seconds=3), timedelta(minutes=6), timedelta(hours=9), timedelta(days=4)]
        )
        if sent and dice.random() < 0.25:
            request = dice.choice(sent[-4:])
            sent.append(Request("POST", "", {}, request.headers, request.body, at))
        else:
            sent.append(posted(dice, dice.choice(people).form(dice), at))
    return [envelope for request in sent for envelope in FORM.receive(request)]


def run(parts: Parts, envelopes: Sequence[Envelope], sizes: Sequence[int], closings: Sequence[int]) -> None:
    """Into the journal and through the pipeline in groups of these sizes; after so many envelopes some leads are closed."""
    dice = random.Random(1)
    begun = 0
    for stop in (*closings, len(envelopes)):
        part, begun = envelopes[begun:stop], stop
        for place in range(0, len(part), 9):
            parts.append(*part[place : place + 9])
        while claimed := parts.claim(dice.choice(sizes)):
            readings = [Reading(one, FORM.parse(one.envelope)) for one in claimed]
            parts.write(readings, claimed[-1].envelope.received_at)
        close(parts, envelopes[stop - 1].received_at)


def close(parts: Parts, now: datetime) -> None:
    """A person's hand that is the same in both stores: leads are closed by the place at which they were opened."""
    opened = sorted(parts.leads(), key=lambda lead: (lead["created_at"], lead["opened_by"]))
    for place, lead in enumerate(opened):
        if place % 3 == 0 and lead["state"] == "assigned":
            parts.order(lead["id"], now, state="lost")


def copied(parts: Parts) -> list[Envelope]:
    """The journal as the store keeps it, in its order, with the identities hashed and received_at as it was."""
    asked = sa.select(journal.c.uid, journal.c.identity, journal.c.naming).order_by(journal.c.received_at, journal.c.id)
    rows = parts.store.peek(lambda db: db.execute(asked).all())
    by_uid = {
        c.uid: c.envelope for c in parts.store.peek(lambda db: parts.journal.stored(db, [row.uid for row in rows]))
    }
    return [
        Envelope(
            e.channel, None if row.naming == "derived" else row.identity, e.body, e.received_at, e.meta, e.digest,
            e.occurred_at, e.format,
        )
        for row in rows
        for e in [by_uid[row.uid]]
    ]  # fmt: skip


def document() -> dict[str, Any]:
    rules = [
        {"when": {"city": ["саратов"]}, "team": "south", "respond_within": "5m"},
        {"when": {"known": ["true"]}, "team": "again", "respond_within": None},
        {"when": {}, "team": "sales", "respond_within": None},
    ]
    both = {"sales": team("anna", "boris"), "south": team("boris"), "again": team("anna")}
    return company(teams=both, routing=rules)


def emptied(store: Store, founded: dict[str, Any] | None = None) -> Parts:
    # The counter of ids runs on: what is appended later has the higher one.
    emptying = [table for table in metadata.sorted_tables if table is not counters]
    store.transact_raw(lambda db: [db.execute(sa.delete(table)) for table in emptying])
    store.transact_raw(revisions.prepare)
    return wire(store, founded or document())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replay_of_the_journal_on_an_empty_store_comes_to_the_same(store: Store, seed: int) -> None:
    envelopes = history(seed)
    closings = [50, 90, 130]
    parts = emptied(store)
    run(parts, envelopes, [1], closings)
    first = parts.sets()
    accepted = copied(parts)
    # The places of the closings, counted in what the journal kept.
    kept = [sum(e.received_at <= envelopes[stop - 1].received_at for e in accepted) for stop in closings]
    outcomes = {outcome for outcome, _ in first["outcomes"]}
    assert outcomes == {"created", "attached", "ignored"}
    assert len(first["contacts"]) > 14
    assert parts.count(leads) > len(first["contacts"])
    assert parts.balanced()
    for sizes in ([100], [2, 3, 7]):
        again = emptied(store)
        run(again, accepted, sizes, kept)
        second = again.sets()
        assert second["outcomes"] == first["outcomes"]
        assert second == first
        assert again.balanced()


ROUNDS = 16
EACH = 4
"""So many of a round each of two workers takes."""


def rounds(seed: int) -> list[list[Envelope]]:
    """Months in which the same few people write several at a time, so that two workers have the same person in hand at once."""
    dice = random.Random(seed)
    at = NOW
    told = []
    for _ in range(ROUNDS):
        at += dice.choice([timedelta(seconds=3), timedelta(minutes=6), timedelta(hours=9), timedelta(days=40)])
        people = [Someone(dice.randrange(7)) for _ in range(2 * EACH)]
        told.append([envelope(said(dice, one), at) for one in people])
    return told


def said(dice: random.Random, one: Someone) -> dict[str, Any]:
    """The same phone each time, mostly one more key, and now and then one that joins nobody."""
    tail = f"{one.number:02}"
    emails = [[], [f"p{tail}@example.com"], [f"P{tail}@Example.com"], ["info@example.com"]]
    phones = [f"+7 912 345-67-{tail}", f"8 (912) 345 67 {tail}"]
    return {
        "phones": [dice.choice(phones)],
        "emails": dice.choice(emails),
        "name": f"Имя {tail}",
        "text": dice.choice(["Цемент", "Доставка"]),
    }


def told_apart(parts: Parts) -> dict[str, Any]:
    """What a store came to, whichever of two that came at one moment was the first."""
    outcomes: dict[Any, Counter[Any]] = {}
    for row in parts.rows(journal):
        outcomes.setdefault((row["lead_id"], row["received_at"]), Counter())[row["outcome"], row["reason"]] += 1
    return parts.sets() | {"outcomes": sorted((at, sorted(count.items())) for (_, at), count in outcomes.items())}


@pytest.mark.parametrize("database", ["postgresql"])
def test_two_processes_that_replay_a_journal_come_to_what_one_came_to(store: Store) -> None:
    parts = emptied(store, company())
    for at_once in rounds(5):
        for one in at_once:
            parts.append(one)
        parts.drain()
    first, moments = told_apart(parts), sorted({row["received_at"] for row in parts.rows(journal)})
    accepted = copied(parts)
    assert len(moments) == ROUNDS
    assert parts.count(contacts) == 7
    assert {outcome for outcome, _ in parts.outcomes()} == {"created", "attached"}
    assert parts.count(leads) > parts.count(contacts)

    again = emptied(store, company())
    with two(store, EACH) as workers:
        for start in range(0, len(accepted), 2 * EACH):
            for one in accepted[start : start + 2 * EACH]:
                again.append(one)
            assert workers.work("once") == [EACH, EACH]
    assert told_apart(again) == first
    assert again.balanced()
