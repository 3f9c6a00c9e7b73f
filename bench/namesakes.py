"""Who has a name like whose: how quickly candidates are found among very many names, and how often the right one is there.

Names are made up: surnames of random syllables under a law of Zipf, given names of the tables. A query is a name of the store with
one or two typing errors in the surname, anywhere but in its first letter.
"""

import random
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bench.figure import Figure
from dedup.given_names import MEN, WOMEN
from dedup.names import candidate_keys
from ingest.people.suggesting import CANDIDATES
from storage import migrate, namesakes, revisions
from storage.rows import insert
from storage.schema import contacts
from storage.store import Store

SURNAMES: Final = 60_000
QUERIES: Final = 1_000
_STEP: Final = 100_000
_TRIES: Final = 3
_SEED: Final = 7
_LETTERS: Final = "абвгдежзиклмнопрстуфхцчшыэюя"
_CONSONANTS: Final = "бвгджзклмнпрстфхцчшщ"
_CLUSTERS: Final = ("бр", "вл", "гр", "др", "кр", "пр", "ст", "тр", *_CONSONANTS)
_VOWELS: Final = "аеиоуыяю"
_ENDINGS: Final = ("ов", "ев", "ин", "ский", "енко", "ук", "ич", "ко", "ян", "ых")

_COLUMNS: Final = ("id", "uid", "root_id", "name", "created_at", "searched_at")


def surnames(count: int, chance: random.Random) -> list[str]:
    """So many different ones."""
    made: dict[str, None] = {}
    while len(made) < count:
        syllables = (chance.choice(_CLUSTERS) + chance.choice(_VOWELS) for _ in range(chance.choice((1, 2, 2, 2, 3))))
        made["".join(syllables) + chance.choice(_CLUSTERS) + chance.choice(_ENDINGS)] = None
    return list(made)


def names(count: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """(given name, surname) of so many people: the second commonest surname has half as many bearers as the first, and so on."""
    family = surnames(min(SURNAMES, max(count // 4, 10)), chance)
    given = [line.split()[0] for line in (MEN + WOMEN).split("\n") if line.strip()]
    weights = list(accumulate(1 / rank for rank in range(1, len(family) + 1)))
    for surname in chance.choices(family, cum_weights=weights, k=count):
        yield chance.choice(given), surname


def misspelt(surname: str, chance: random.Random) -> str:
    """With a letter less, more, another, or two swapped; not the first. Never the same word."""
    while True:
        place = chance.randrange(1, len(surname))
        before, after = surname[:place], surname[place:]
        letter = chance.choice(_LETTERS)
        wrong = chance.choice(
            (
                before + after[1:],
                before + letter + after,
                before + letter + after[1:],
                before + after[1::-1] + after[2:],
            )
        )
        if wrong != surname:
            return wrong


def fill(store: Store, people: Sequence[tuple[str, str]]) -> None:
    """Let them all be contacts that have been looked at."""
    for start in range(0, len(people), _STEP):
        some = [
            (start + n, f"{given} {surname}") for n, (given, surname) in enumerate(people[start : start + _STEP], 1)
        ]

        def unit(db: sa.Connection, some: Sequence[tuple[int, str]] = some) -> None:
            insert(db, contacts, _COLUMNS, [(n, f"{n:032x}", n, name, 1, 1) for n, name in some])
            namesakes.index(db, {number: candidate_keys(name) for number, name in some})

        store.transact(unit)


def ask(store: Store, name: str) -> tuple[float, set[str]]:
    """Milliseconds that the candidates for a name took, the least of some tries, and their names."""

    def unit(db: sa.Connection) -> tuple[float, set[str]]:
        spent, names = [], set[str]()
        for _ in range(_TRIES):
            began = time.perf_counter()
            found = namesakes.bearers(db, {0: candidate_keys(name)}, CANDIDATES)[0]
            spent.append(1000 * (time.perf_counter() - began))
            names = {one.name for one in found}
        return min(spent), names

    return store.peek(unit)


def figures(folder: Path, count: int, queries: int = QUERIES) -> list[Figure]:
    """p99 of finding candidates among `count` names, and the shares of names found despite one and two typing errors."""
    chance = random.Random(_SEED)
    people = list(names(count, chance))
    path = folder / f"names-{migrate.HEAD}-{count}.db"
    path.unlink(missing_ok=True)
    store = Store(f"sqlite:///{path}")
    try:
        migrate.upgrade(store)
        store.transact_raw(revisions.prepare)
        began = time.monotonic()
        fill(store, people)
        note = f"{count:,} names indexed in {time.monotonic() - began:.0f} s, {path.stat().st_size / 1e6:.0f} MB"
        taken: list[float] = []
        shares = []
        for errors in (1, 2):
            hits = 0
            for given, surname in chance.sample(people, queries):
                wrong = surname
                for _ in range(errors):
                    wrong = misspelt(wrong, chance)
                spent, found = ask(store, f"{given} {wrong}")
                taken.append(spent)
                hits += f"{given} {surname}" in found
            shares.append(hits / queries)
    finally:
        store.close()
    slowest = sorted(taken)[int(len(taken) * 0.99)]
    return [
        Figure("namesakes_p99", "ms", [slowest], 2, 1, "lower", notes=[note]),
        Figure(
            "namesakes_recall", "of 1", [shares[0]], 0.98, 0.99, "higher", notes=["one typing error in the surname"]
        ),
        Figure(
            "namesakes_recall_two", "of 1", [shares[1]], 0, 0.9, "higher", notes=["two typing errors in the surname"]
        ),
    ]
