"""How well people are recognised, one approach after another: `python -m bench.matching [--people N]`.

Made-up people come and come again (`bench.people`). Joins are the daemon's own decisions over keys; suggestions are what its
search in the background comes to, over a SQLite store of this version. Pairs of approaches, and of contacts, are held against the
truth: precision is how many of the found pairs are one person's, recall how many of the true pairs are found.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, count
from pathlib import Path
from typing import Final

import orjson
import sqlalchemy as sa

from bench.figure import Figure
from bench.people import Approach, Habits, World
from dedup.keys import Key, KeyRules, identify
from dedup.names import candidate_keys
from dedup.people import Arrival, Company, Held, Person, Suggestion, resolve
from dedup.people import World as Known
from ingest import log as logs
from ingest.people.suggesting import Suggester
from kernel.clock import Clock
from storage import migrate, revisions
from storage.rows import insert
from storage.schema import contacts, interactions, keys, suggestions
from storage.store import Store

PEOPLE: Final = 20_000
OVER: Final = 8
OWN: Final = Habits(family_phone=0, recycled_phone=0, office_phone=0)
RULES: Final = KeyRules("RU", ("info@*", "office@*"))
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """How many pairs were found, how many of these are right, and how many there are."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """1 where nothing was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """1 where there is nothing to find."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def told(self, what: str) -> str:
        """In a line."""
        return (
            f"{what}: P {self.precision:.4f} R {self.recall:.4f} F1 {self.f1:.4f} "
            f"({self.found:,} pairs found, {self.right:,} right, of {self.true:,})"
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """What the search goes by: names of contacts, keys with their holders, and of each approach its contact, city and company."""

    names: Mapping[int, str | None]
    keys: Mapping[Key, Held]
    said: Sequence[tuple[int, str | None, int | None]]


@dataclass(slots=True)
class Memory:
    """What a store would know: who holds which key. One arrival at a time is folded over it."""

    number: Iterator[int] = field(default_factory=lambda: count(1))
    keys: dict[Key, Held] = field(default_factory=dict)
    names: dict[int, str | None] = field(default_factory=dict)
    companies: dict[int, Company] = field(default_factory=dict)
    of_key: dict[int, Key] = field(default_factory=dict)
    whose: dict[int, list[Approach]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    questioned: set[int] = field(default_factory=set)
    suggested: set[Pair] = field(default_factory=set)

    def take(self, place: int, approach: Approach) -> int | None:
        """The contact of an approach, by the daemon's own rules; None where it came by a company's line only."""
        found = identify(approach.phones, approach.emails, (), "", RULES)
        asked = {evidence.key for evidence in found.evidence}
        held = {key: self.keys[key] for key in asked if key in self.keys}
        roots = {
            one.holder: Person(one.holder, self.names[one.holder]) for one in held.values() if one.holder in self.names
        }
        owners = {owner for one in held.values() for owner in (one.holder, one.line) if owner is not None}
        companies = {number: self.companies[number] for number in owners if number in self.companies}
        arrival = Arrival(place, approach.name or None, None, found.evidence, found.rejected)
        decided = resolve([arrival], Known(held, roots, companies, over=OVER), lambda: next(self.number))
        for person in decided.contacts:
            self.names[person.id] = person.name
        self.names.update(decided.named)
        self.companies.update((company.id, company) for company in decided.companies)
        for new in decided.keys:
            self.keys[new.key] = Held(new.id, new.holder, new.shared)
            self.of_key[new.id] = new.key
        for key, holder in decided.reheld:
            self._change(key, holder=holder, shared=True)
        for key, line in decided.lined:
            self._change(key, line=line)
        for key, other in decided.together:
            self._change(key, others=self.keys[self.of_key[key]].others | {other})
        match = decided.matches[0]
        if match.contact is not None:
            self.whose[match.contact].append(approach)
            if match.company is not None:
                self.lines[match.contact].add(match.company)
        self._doubt(decided.suggestions)
        return match.contact

    def stored(self) -> Stored:
        """What the search has to go by."""
        said = [
            (contact, approach.city, next(iter(self.lines[contact]), None))
            for contact, approaches in self.whose.items()
            for approach in approaches
        ]
        return Stored(self.names, self.keys, said)

    def _change(self, key: int, **changes: object) -> None:
        self.keys[self.of_key[key]] = replace(self.keys[self.of_key[key]], **changes)  # type: ignore[arg-type] # its fields

    def _doubt(self, made: Iterable[Suggestion]) -> None:
        for suggestion in made:
            if suggestion.code == "another_name":
                self.questioned.add(suggestion.entry)
            else:
                self.suggested.add(_pair(suggestion.contact, suggestion.other))


@dataclass(frozen=True, slots=True)
class Quality:
    """What came of all approaches. `quiet`: joins over which nobody is asked whether two people share a key.

    `named`: suggestions among contacts that have a surname and a given name, the only ones that can be found by name.
    """

    joins: Found
    quiet: Found
    suggested: Found
    named: Found
    approaches: int
    contacts: int
    seconds: tuple[float, float]


def measure(people: int) -> Quality:
    """Let them all come, look for namesakes, and count."""
    approaches = World(people).approaches()
    began = time.monotonic()
    memory, taken = _taken(approaches)
    joined = time.monotonic()
    found = memory.suggested | similar(memory.stored())
    searched = time.monotonic()
    return Quality(
        _joins(approaches, taken, range(len(approaches))),
        _joins(approaches, taken, [n for n in range(len(approaches)) if n not in memory.questioned]),
        _suggestions(memory, found, memory.names),
        _suggestions(memory, found, {n for n, name in memory.names.items() if name and candidate_keys(name)}),
        len(approaches),
        len(memory.names),
        (joined - began, searched - joined),
    )


def joins_of_own_keys(people: int) -> Found:
    """The joins of people of whom none shares a number with another: not a family, not an office, and no number is passed on."""
    approaches = World(people, OWN).approaches()
    _, taken = _taken(approaches)
    return _joins(approaches, taken, range(len(approaches)))


def _taken(approaches: Sequence[Approach]) -> tuple[Memory, list[int | None]]:
    """The contacts of all approaches, one after another, and what is known then."""
    memory = Memory()
    return memory, [memory.take(place, approach) for place, approach in enumerate(approaches)]


def _joins(approaches: Sequence[Approach], taken: Sequence[int | None], places: Iterable[int]) -> Found:
    """Pairs of approaches that ended with one contact, and of those that one person made."""
    together: dict[int, Counter[int]] = defaultdict(Counter)
    apart: Counter[int] = Counter()
    for place in places:
        contact, person = taken[place], approaches[place].person
        apart[person] += 1
        if contact is not None:
            together[contact][person] += 1
    return Found(
        sum(_pairs(sum(whose.values())) for whose in together.values()),
        sum(_pairs(number) for whose in together.values() for number in whose.values()),
        sum(_pairs(number) for number in apart.values()),
    )


def _pairs(number: int) -> int:
    return number * (number - 1) // 2


def _pair(one: int, other: int) -> Pair:
    return min(one, other), max(one, other)


def _suggestions(memory: Memory, found: Iterable[Pair], among: Iterable[int]) -> Found:
    """Pairs of contacts; a contact is his who first made it."""
    chosen = set(among)
    of: dict[int, list[int]] = defaultdict(list)
    for contact in chosen:
        of[memory.whose[contact][0].person].append(contact)
    true = {_pair(*pair) for held in of.values() for pair in combinations(held, 2)}
    asked = {pair for pair in found if chosen.issuperset(pair)}
    return Found(len(asked), len(asked & true), len(true))


def similar(stored: Stored) -> set[Pair]:
    """What the daemon's own search suggests, batch by batch in the order in which the contacts came."""
    with tempfile.TemporaryDirectory(prefix="matching") as folder:
        store = Store(f"sqlite:///{Path(folder) / 'people.db'}")
        try:
            migrate.upgrade(store)
            store.transact_raw(revisions.prepare)
            store.transact(lambda db: _fill(db, stored))
            asyncio.run(_searched(store))
            chosen = sa.select(suggestions.c.contact_id, suggestions.c.other_id)
            return store.peek(lambda db: {_pair(row[0], row[1]) for row in db.execute(chosen)})
        finally:
            store.close()


async def _searched(store: Store) -> None:
    logs.configure(())
    logging.getLogger().setLevel(logging.WARNING)
    suggester = Suggester(store, Clock())
    while await suggester.batch():
        pass


_CONTACT: Final = ("id", "uid", "root_id", "name", "created_at")
_KEY: Final = ("id", "kind", "value", "holder_id", "shared", "origin", "created_at")
_SAID: Final = (
    "id", "uid", "contact_id", "company_id", "lead_id", "channel_id", "kind", "direction", "at", "text", "details",
)  # fmt: skip


def _fill(db: sa.Connection, stored: Stored) -> None:
    insert(
        db, contacts, _CONTACT, [(number, f"{number:032x}", number, name, 1) for number, name in stored.names.items()]
    )
    held = [(h.id, key.kind, key.value, h.holder, h.shared, "field", 1) for key, h in stored.keys.items()]
    insert(db, keys, _KEY, held)
    said = [
        (
            number,
            f"{number:032x}",
            contact,
            company,
            1,
            1,
            "form",
            "in",
            1,
            "",
            orjson.dumps({"city": city or ""}).decode(),
        )
        for number, (contact, city, company) in enumerate(stored.said, 1)
    ]
    insert(db, interactions, _SAID, said)


def figures(people: int) -> list[Figure]:
    """Precision, recall and F1 of joins and of suggestions."""
    own = joins_of_own_keys(people)
    found = measure(people)
    notes = [
        f"{found.approaches:,} approaches of {people:,} people became {found.contacts:,} contacts",
        f"joins decided in {found.seconds[0]:.0f} s, namesakes searched for in {found.seconds[1]:.0f} s",
        found.joins.told("all joins"),
        found.quiet.told("approaches that raised no question of another name"),
    ]
    more = [found.suggested.told("all contacts"), found.named.told("those with a surname and a given name")]
    return [
        Figure(
            "join_precision", "of 1", [own.precision], 0, 0.9998, "higher", notes=[own.told("nobody shares a number")]
        ),
        Figure("join_recall", "of 1", [own.recall], 0, 0, "higher"),
        Figure("join_precision_shared", "of 1", [found.joins.precision], 0, 0, "higher", notes=notes),
        Figure("join_precision_unquestioned", "of 1", [found.quiet.precision], 0, 0, "higher"),
        Figure("suggestion_precision", "of 1", [found.suggested.precision], 0, 0, "higher", notes=more),
        Figure("suggestion_recall", "of 1", [found.suggested.recall], 0, 0, "higher"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.matching", description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"how many people come ({PEOPLE:,})")
    for figure in figures(parser.parse_args().people):
        print(f"{figure.name:<30}{figure.value:.4f}")
        print(*(f"  {note}" for note in figure.notes), sep="\n", end="\n" if figure.notes else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
