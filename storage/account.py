"""The account of all envelopes: counters beside rows and effects, in one snapshot."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from storage import schema
from storage.schema import OUTCOMES, journal, ledger


def account(db: sa.Connection) -> list[Mapping[str, Any]]:
    """The ledger by channel and day, counters beside rows and effects, in one snapshot.

    Each item has the contract's figures from the counters, `pending` from the rows, and `agrees`: counters equal rows, and every
    created or attached entry has its interaction and lead.
    """
    names = ("received", "duplicates", *OUTCOMES)
    counted = {
        (row.channel_id, row.day): row._asdict()
        for row in db.execute(
            sa.select(ledger.c.channel_id, ledger.c.day, *(sa.func.sum(ledger.c[n]).label(n) for n in names)).group_by(
                ledger.c.channel_id, ledger.c.day
            )
        )
    }
    present: dict[tuple[int, str], Counter[str]] = {}
    for channel, day, outcome, number in db.execute(
        sa.select(journal.c.channel_id, journal.c.day, journal.c.outcome, sa.func.count()).group_by(
            journal.c.channel_id, journal.c.day, journal.c.outcome
        )
    ):
        present.setdefault((channel, day), Counter())[outcome] = number
    lost = _without_effect(db)
    name_of = {i: n for i, n in db.execute(sa.select(schema.channels.c.id, schema.channels.c.name))}
    items: list[Mapping[str, Any]] = []
    for place in sorted(counted.keys() | present.keys(), key=lambda p: (p[1], name_of.get(p[0], ""))):
        figures = {n: int(counted.get(place, {}).get(n) or 0) for n in names}
        rows_here = present.get(place, Counter())
        pending = figures["received"] - sum(figures[o] for o in OUTCOMES)
        agrees = (
            figures["received"] == rows_here.total()
            and pending == rows_here["pending"]
            and all(figures[o] == rows_here[o] for o in OUTCOMES)
            and place not in lost
        )
        items.append(
            {"channel": name_of.get(place[0], "?"), "day": place[1], **figures, "pending": pending, "agrees": agrees}
        )
    return items


def _without_effect(db: sa.Connection) -> set[tuple[int, str]]:
    entry = journal
    taken = entry.c.outcome.in_(("created", "attached"))
    effect = (
        sa.select(sa.literal(1))
        .select_from(schema.interactions.join(schema.leads, schema.leads.c.id == schema.interactions.c.lead_id))
        .where(schema.interactions.c.id == entry.c.interaction_id)
        .exists()
    )
    return {
        (c, d)
        for c, d in db.execute(sa.select(entry.c.channel_id, entry.c.day).where(taken, sa.not_(effect)).distinct())
    }
