"""Every question of the desk, by its plan: none reads a table that grows whole, or sorts one, on either database.

Walking a table from its newest row is no scan where the first page ends it. What is meant to read everything is not asked here: the
ledger, a text to search for, files that nobody names; nor is the summary, once a day.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from dedup.keys import Key
from storage import board, contact_views, envelope_views, expiry, key_views, lead_views, outbox, people_views, rotation
from storage.lead_views import LeadFilter
from storage.schema import leads, metadata
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, wire

Question = Callable[[sa.Connection, Parts, dict[str, Any]], object]

GROWING: Final = (
    *(
        "journal",
        "bodies",
        "contacts",
        "keys",
        "companies",
        "together",
        "name_keys",
        "surname_keys",
        "merges",
        "suggestions",
    ),
    *("interactions", "leads", "activities", "offers", "decisions", "outbox", "messages"),
)
STEADY: Final = (
    *("settings", "counters", "revisions", "leases", "channels", "cursors", "ledger", "apart", "answered", "managers"),
    *("speaking", "teams", "turns", "rhythms", "alarms", "fetches", "links", "sessions", "processes"),
)

PHONE: Final = Key("phone", "+79123450001")

# By an index or a primary key, or a walk of what is open; in brackets what they may walk from its newest row.
LOOKED_UP: Final[dict[str, Question]] = {
    **{
        f"leads that are {state}": lambda db, _, __, state=state: lead_views.lead_page(
            db, LeadFilter(state=state), 50, None
        )  # type: ignore[misc] # a bound default
        for state in ("unprocessed", "assigned", "in_work", "lost", "merged")
    },
    "leads by a number": lambda db, _, __: lead_views.lead_page(db, LeadFilter(q="x", key=PHONE), 50, None),
    "one lead": lambda db, parts, lead: lead_views.lead(db, parts.names, lead["id"]),
    "contacts by a number": lambda db, _, __: contact_views.contacts_found(db, PHONE, None, 50, None),
    "is a text a number": lambda db, _, __: key_views.known_key(db, "8 912 345-00-01", "RU"),
    "one contact": lambda db, parts, lead: contact_views.contact(db, parts.names, lead["contact_id"]),
    "failed": lambda db, _, __: envelope_views.envelope_page(db, "failed", None, None, 50, None),
    "ignored": lambda db, _, __: envelope_views.envelope_page(db, "ignored", None, "staff", 50, None),
    "pending ones": lambda db, _, __: envelope_views.envelope_page(db, "pending", None, None, 50, None),
    "figures": lambda db, _, __: (
        lead_views.waiting_counts(db),
        envelope_views.pending(db),
        outbox.counts(db),
        outbox.next_due(db),
    ),
    "notices not delivered": lambda db, parts, _: outbox.unsent(db, parts.names),
    "who waits": lambda db, _, __: board.waiting(db, 50),
    "who has what": lambda db, _, __: (board.at_work(db, 20), board.at_work(db, 20, 1), board.unanswered(db)),
    "loads": lambda db, _, __: rotation.recount(db),
    "doubts": lambda db, _, __: people_views.suggestion_page(db, "open", 50, None),
    "doubts about one": lambda db, _, lead: people_views.suggestions_of(db, lead["contact_id"]),
    "merges of one": lambda db, _, lead: people_views.merges_of(db, lead["contact_id"]),
    "old bodies": lambda db, _, __: expiry.BODIES.window(db, 0, NOW + timedelta(days=1)),
    "old notices": lambda db, _, __: expiry.NOTICES.window(db, 0, NOW + timedelta(days=1)),
}
WALKED: Final[dict[str, Question]] = {
    "leads": lambda db, _, __: lead_views.lead_page(db, LeadFilter(), 50, None),
    "contacts": lambda db, _, __: contact_views.contacts_found(db, None, None, 50, None),
    "envelopes": lambda db, _, __: envelope_views.envelope_page(db, None, None, None, 50, None),
}


def _asked(db: sa.Connection, question: Callable[[sa.Connection], object]) -> list[tuple[str, Any]]:
    """Every statement that a question asks, with its parameters."""
    heard: list[tuple[str, Any]] = []

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        heard.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        question(db)
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    return heard


def _scans(db: sa.Connection, statement: str, parameters: Any) -> list[str]:
    """The lines of its plan that read a growing table whole."""
    if db.dialect.name == "sqlite":
        aliases = dict(re.findall(r"\b(?:FROM|JOIN) (\w+) AS (\w+)", statement))
        growing = {*GROWING, *(alias for table, alias in aliases.items() if table in GROWING)}
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        return [line for line in plan if (one := re.fullmatch(r"SCAN (\w+)", line)) is not None and one[1] in growing]
    # The tables here are small: what an index could do is seen when nothing else is allowed.
    db.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plan = [row[0] for row in db.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    return [line for line in plan if (one := re.search(r"Seq Scan on (\w+)", line)) is not None and one[1] in GROWING]


@pytest.fixture
def parts(store: Store) -> Parts:
    made = wire(store, company())
    made.take(*({"phones": [f"8 912 345-00-{number:02}"], "name": f"Имя {number}"} for number in range(60)))
    return made


def test_no_question_of_the_desk_reads_a_growing_table_whole(parts: Parts) -> None:
    lead = parts.rows(leads)[5]

    def unit(db: sa.Connection) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, question in LOOKED_UP.items():
            for statement, parameters in _asked(db, lambda db, question=question: question(db, parts, lead)):  # type: ignore[misc] # a bound default
                found.setdefault(name, []).extend(_scans(db, statement, parameters))
        return {name: scans for name, scans in found.items() if scans}

    assert parts.store.peek(unit) == {}


def test_a_list_without_a_filter_ends_with_its_page(parts: Parts) -> None:
    lead = parts.rows(leads)[5]

    def unit(db: sa.Connection) -> set[str]:
        sorts: set[str] = set()
        for name, question in WALKED.items():
            statement, parameters = _asked(db, lambda db, question=question: question(db, parts, lead))[0]  # type: ignore[misc] # a bound default
            if db.dialect.name == "sqlite":
                plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                sorts |= {name for line in plan if "TEMP B-TREE" in line}
            else:
                db.exec_driver_sql(
                    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off"
                )
                plan = [row[0] for row in db.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
                sorts |= {name for line in plan if re.search(r"\bSort\b", line)}
        return sorts

    assert parts.store.peek(unit) == set()


def test_every_table_is_known_to_grow_or_not() -> None:
    assert sorted(metadata.tables) == sorted([*GROWING, *STEADY])
