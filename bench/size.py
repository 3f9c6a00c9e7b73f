"""How quickly the desk's questions are answered in a store of very many contacts: `python -m bench.size --contacts 1000000`.

Each contact has a number, an address, and a closed lead that was delivered, decided and told; one in five thousand has an open one.
Of each question p50 and p99 in milliseconds over `--times` different ones, and the process's own time. With `--url` an empty
PostgreSQL database is filled; else a SQLite file, which `--folder` keeps for the next time.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import sqlalchemy as sa

from bench import payload
from dedup.keys import Key
from kernel.clock import micros
from kernel.ids import uuid7
from storage import board, contact_views, envelope_views, expiry, lead_views, migrate, outbox, revisions, schema
from storage.lead_views import LeadFilter
from storage.names import Names
from storage.rows import hexed, insert
from storage.store import Store

STEP: Final = 500
OPEN_EVERY: Final = 5_000
MANAGERS: Final = 40
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
SEED: Final = 7
_BODY: Final = '{"name": "Николай", "phone": "%s", "message": "%s"}'
_SAID: Final = "Цемент М500, двадцать тонн, с доставкой. " * 4
_NAMED: Final = (
    "INSERT INTO deliveries SELECT identity || channel_id, id FROM journal ORDER BY 1",
    "INSERT INTO counters SELECT 'deliveries', max(id) FROM journal",
)

Question = Callable[[sa.Connection, random.Random], object]


def fill(store: Store, count: int) -> None:
    """So many contacts with all that they leave behind."""
    store.transact_raw(revisions.prepare)

    def company(db: sa.Connection) -> None:
        insert(db, schema.channels, ("id", "name", "kind"), [(1, "site", "webform")])
        insert(db, schema.teams, ("id", "name"), [(1, "sales")])
        insert(db, schema.managers, ("id", "name"), [(n, f"m{n:02}") for n in range(1, MANAGERS + 1)])

    store.transact(company)
    for start in range(0, count, STEP):
        people = range(start, min(start + STEP, count))
        store.transact(lambda db, people=people: _add(db, store, people))  # type: ignore[misc] # a bound default
    if store.embedded:
        # As after years: the names of nearly all that was delivered have long gone into their table.
        store.transact(lambda db: [db.exec_driver_sql(one) for one in _NAMED])
    else:
        # As after a night: the planner of PostgreSQL knows what there is.
        store.transact(lambda db: db.exec_driver_sql("ANALYZE"))


def _add(db: sa.Connection, store: Store, people: range) -> None:
    take = store.ids.take
    contacts, keys, leads, said, entries, bodies, made, told = ([] for _ in range(8))
    for person in people:
        number, lead, interaction, entry = take(), take(), take(), take()
        at = micros(AT + timedelta(seconds=20 * person))
        owner = person % MANAGERS + 1
        state = "in_work" if person % OPEN_EVERY == 0 else ("converted", "lost", "disqualified")[person % 3]
        contacts.append((number, hexed(uuid7()), number, f"Николай {payload.email(person).partition('@')[0]}", at))
        for kind, value in (("phone", payload.phone(person)), ("email", payload.email(person))):
            keys.append((take(), kind, value, number, False, "field", at))
        leads.append((lead, hexed(uuid7()), number, 1, 1, interaction, state, owner, at, at, at))
        said.append((interaction, hexed(uuid7()), number, lead, 1, "form", "in", at, _SAID, "Саратов – Цемент", "{}"))
        uid = hexed(uuid7())
        entries.append((entry, uid, 1, uid, "provider", "", 1, at, "2026-01-01", "created", interaction, number, lead))
        bodies.append((entry, 0, "{}", _BODY % (payload.phone(person), _SAID)))
        made += [(take(), at, stage, "system", entry, lead, "{}") for stage in ("match", "assignment")]
        told.append((take(), hexed(uuid7()), "lead_assigned", lead, owner, "sent", at, at))
    for table, names, rows in (
        (schema.contacts, "id uid root_id name created_at", contacts),
        (schema.keys, "id kind value holder_id shared origin created_at", keys),
        (
            schema.leads,
            "id uid contact_id team_id channel_id opened_by state owner_id created_at last_at place_at",
            leads,
        ),
        (schema.interactions, "id uid contact_id lead_id channel_id kind direction at text title details", said),
        (
            schema.journal,
            "id uid channel_id identity naming digest format received_at day outcome interaction_id contact_id lead_id",
            entries,
        ),
        (schema.bodies, "journal_id codec meta body", bodies),
        (schema.decisions, "id at stage actor journal_id lead_id record", made),
        (schema.outbox, "id uid code lead_id manager_id state created_at due_at", told),
    ):
        insert(db, table, tuple(names.split()), rows)


def questions(store: Store, count: int, names: Names) -> dict[str, Question]:
    """What the desk, the API and the metrics ask."""
    lead_ids, contact_ids = store.peek(
        lambda db: tuple(
            db.execute(sa.select(column).order_by(sa.func.random()).limit(500)).scalars().all()
            for column in (schema.leads.c.id, schema.contacts.c.id)
        )
    )

    def phone(chance: random.Random) -> str:
        return payload.phone(chance.randrange(count))

    return {
        "leads, newest": lambda db, _: lead_views.lead_page(db, LeadFilter(), 50, None),
        "leads in work": lambda db, _: lead_views.lead_page(db, LeadFilter(state="in_work"), 50, None),
        "leads lost": lambda db, _: lead_views.lead_page(db, LeadFilter(state="lost"), 50, None),
        "leads of a manager": lambda db, chance: lead_views.lead_page(
            db, LeadFilter(owner=f"m{chance.randint(1, MANAGERS):02}"), 50, None
        ),
        "one lead": lambda db, chance: lead_views.lead(db, names, chance.choice(lead_ids)),
        "one contact": lambda db, chance: contact_views.contact(db, names, chance.choice(contact_ids)),
        "a contact by a whole number": lambda db, chance: contact_views.contacts_found(
            db, Key("phone", phone(chance)), None, 50, None
        ),
        "leads by a whole number": lambda db, chance: lead_views.lead_page(
            db, LeadFilter(key=Key("phone", phone(chance))), 50, None
        ),
        "envelopes, newest": lambda db, _: envelope_views.envelope_page(db, None, None, None, 50, None),
        "envelopes that failed": lambda db, _: envelope_views.envelope_page(db, "failed", None, None, 50, None),
        "the live page": lambda db, _: (board.waiting(db, 50), board.at_work(db, 20), board.day(db, "2026-01-01")),
        "metrics": lambda db, _: (envelope_views.pending(db), lead_views.waiting_counts(db), outbox.counts(db)),
        "a window of old bodies": lambda db, chance: expiry.BODIES.window(
            db, chance.randrange(count), AT + timedelta(days=1)
        ),
    }


def slow_questions(names: Names) -> dict[str, Question]:
    """What reads everything, by its nature or for now."""
    _ = names
    return {
        "contacts by a part of a number": lambda db, chance: contact_views.contacts_found(
            db, None, f"{chance.randrange(10**6):06}", 50, None
        ),
        "leads by a part of a name": lambda db, chance: lead_views.lead_page(
            db, LeadFilter(q=f"нет такого {chance.random()}"), 50, None
        ),
    }


def measured(store: Store, asked: dict[str, Question], times: int) -> Iterator[tuple[str, float, float, float]]:
    """(question, p50, p99, mean of this process's own time) in milliseconds."""
    chance = random.Random(SEED)
    for name, question in asked.items():
        took, own = [], process_time()
        for _ in range(times):
            began = perf_counter()
            store.peek(lambda db, question=question: question(db, chance))  # type: ignore[misc] # a bound default
            took.append(1_000 * (perf_counter() - began))
        own = 1_000 * (process_time() - own) / times
        took.sort()
        yield name, took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)], own


@contextmanager
def opened(url: str | None, folder: Path | None, count: int) -> Iterator[Store]:
    """A store with so many contacts, made where it is not there yet."""
    with tempfile.TemporaryDirectory() as temporary:
        place = (folder or Path(temporary)) / f"size-{migrate.HEAD}-{count}.db"
        store = Store(url or f"sqlite:///{place}")
        try:
            if not migrate.is_current(store):
                migrate.create(store)
                began = perf_counter()
                fill(store, count)
                print(f"filled in {perf_counter() - began:.0f} s")
            yield store
        finally:
            store.close()
        if place.exists():
            print(f"the file has {place.stat().st_size / 2**20:,.0f} MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--url", help="an empty PostgreSQL database")
    parser.add_argument("--folder", type=Path, help="where the file is kept")
    given = parser.parse_args(arguments)
    with opened(given.url, given.folder, given.contacts) as store:
        names = Names()
        store.peek(names.refresh)
        rows: list[tuple[Any, ...]] = [*measured(store, questions(store, given.contacts, names), given.times)]
        rows += measured(store, slow_questions(names), 3)
        print(f"{'ms':32}{'p50':>10}{'p99':>10}{'own':>10}")
        for name, p50, p99, own in rows:
            print(f"{name:32}{p50:10.2f}{p99:10.2f}{own:10.2f}")


if __name__ == "__main__":
    main()
