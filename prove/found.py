"""What the store holds after a trial, read past the product: the rows, and the played providers' own records."""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from prove.truth import TOKEN
from storage import schema


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal. `contact` is the root; times are microseconds since 1970."""

    token: str | None
    uid: str
    channel: str
    outcome: str
    reason: str | None
    naming: str
    received_at: int
    interaction: int | None
    contact: int | None
    lead: int | None
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead. `enquirer` is the root contact, or the company."""

    id: int
    uid: str
    enquirer: int | None
    team: str
    state: str
    owner: str | None
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """A lead given by rotation, in the order of turns: who was eligible, and who got it."""

    team: str
    number: int
    manager: str
    eligible: tuple[str, ...]
    lead: int


@dataclass(frozen=True, slots=True)
class Manager:
    """How a manager stands at the end."""

    name: str
    available: bool
    leaving: bool
    open: int
    real: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was to be told."""

    uid: str
    code: str
    lead: int | None
    manager: str
    attempts: int
    state: str


@dataclass(frozen=True, slots=True)
class Move:
    """A cursor as it was and as it became."""

    name: str
    epochs: tuple[int, int]
    eras: tuple[str, str]
    positions: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that arrived at the played server: its Message-ID's local part, the reader, and the leads that it names."""

    uid: str
    reader: str
    leads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """All of it."""

    entries: Sequence[Entry] = ()
    leads: Sequence[Lead] = ()
    interactions: Mapping[int, int] = field(default_factory=dict)
    turns: Sequence[Turn] = ()
    managers: Sequence[Manager] = ()
    notices: Sequence[Notice] = ()
    moves: Sequence[Move] = ()
    mails: Sequence[Mailed] = ()


def read(db: sa.Connection, mails: Sequence[Mailed]) -> Found:
    """Everything in one snapshot."""
    roots = dict(_pairs(db, schema.contacts.c.id, schema.contacts.c.root_id))
    return Found(
        _entries(db, roots),
        _leads(db, roots),
        dict(_pairs(db, schema.interactions.c.id, schema.interactions.c.lead_id)),
        _turns(db),
        _managers(db),
        _notices(db),
        moves(db),
        mails,
    )


def _pairs(db: sa.Connection, key: sa.Column[Any], value: sa.Column[Any]) -> list[tuple[Any, Any]]:
    return [(one, other) for one, other in db.execute(sa.select(key, value))]


def _entries(db: sa.Connection, roots: Mapping[int, int]) -> list[Entry]:
    journal, bodies = schema.journal, schema.bodies
    names = dict(_pairs(db, schema.channels.c.id, schema.channels.c.name))
    explained = set(
        db.execute(sa.select(schema.decisions.c.journal_id).where(schema.decisions.c.stage == "match")).scalars()
    )
    found = db.execute(
        sa.select(journal, bodies.c.codec, bodies.c.body)
        .outerjoin(bodies, bodies.c.journal_id == journal.c.id)
        .order_by(journal.c.id)
    )
    return [
        Entry(
            _token(row.codec, row.body),
            row.uid,
            names.get(row.channel_id, "?"),
            row.outcome,
            row.reason,
            row.naming,
            row.received_at,
            row.interaction_id,
            roots.get(row.contact_id),
            row.lead_id,
            row.id in explained,
        )
        for row in found
    ]


def _token(codec: int | None, body: str | None) -> str | None:
    text = "" if body is None else body if codec == 0 else base64.b64decode(body).decode("utf-8", "replace")
    tokens = TOKEN.findall(text)
    # Of a call, the entry's name has one too: the delivery's own stands last.
    return f"token-{tokens[-1]}-" if tokens else None


def _leads(db: sa.Connection, roots: Mapping[int, int]) -> list[Lead]:
    leads = schema.leads
    explained = set(
        db.execute(sa.select(schema.decisions.c.lead_id).where(schema.decisions.c.stage == "assignment")).scalars()
    )
    found = db.execute(
        sa.select(leads, schema.teams.c.name.label("team"), schema.managers.c.name.label("owner"))
        .outerjoin(schema.teams, schema.teams.c.id == leads.c.team_id)
        .outerjoin(schema.managers, schema.managers.c.id == leads.c.owner_id)
    )
    return [
        Lead(
            row.id,
            row.uid,
            roots.get(row.contact_id, row.company_id),
            row.team or "?",
            row.state,
            row.owner,
            row.id in explained,
        )
        for row in found
    ]


def _turns(db: sa.Connection) -> list[Turn]:
    made = db.execute(
        sa.select(schema.decisions.c.lead_id, schema.decisions.c.record)
        .where(schema.decisions.c.stage == "assignment")
        .order_by(schema.decisions.c.id)
    )
    records = [(lead, json.loads(record)) for lead, record in made]
    given = [
        Turn(said["team"], said["turn"], said["manager"], tuple(said["eligible"]), lead)
        for lead, said in records
        if said.get("code") == "turn"
    ]
    return sorted(given, key=lambda turn: (turn.team, turn.number))


def loads(db: sa.Connection) -> dict[str, int]:
    """How many open leads each manager owns, by the leads themselves."""
    real = db.execute(
        sa.select(schema.managers.c.name, sa.func.count())
        .join(schema.leads, schema.leads.c.owner_id == schema.managers.c.id)
        .where(schema.leads.c.state.in_(("assigned", "in_work")))
        .group_by(schema.managers.c.name)
    )
    return {name: number for name, number in real}  # noqa: C416 - rows are no pairs to mypy


def _managers(db: sa.Connection) -> list[Manager]:
    real = loads(db)
    return [
        Manager(row.name, bool(row.available), bool(row.leaving), row.open, real.get(row.name, 0))
        for row in db.execute(sa.select(schema.managers).where(schema.managers.c.role == "manager"))
    ]


def _notices(db: sa.Connection) -> list[Notice]:
    outbox = schema.outbox
    found = db.execute(
        sa.select(outbox, schema.managers.c.name).join(schema.managers, schema.managers.c.id == outbox.c.manager_id)
    )
    return [Notice(row.uid, row.code, row.lead_id, row.name, row.attempts, row.state) for row in found]


def watch_cursors(db: sa.Connection) -> None:
    """Have the database itself keep every move of a cursor from now on, whoever makes it."""
    columns = "name, epoch, era, position"
    db.execute(
        sa.text(
            "CREATE TABLE IF NOT EXISTS prove_moves (name TEXT, was_epoch BIGINT, epoch BIGINT, was_era TEXT, era TEXT, "
            "was_position BIGINT, position BIGINT)"
        )
    )
    insert = (
        "INSERT INTO prove_moves (name, was_epoch, epoch, was_era, era, was_position, position) "
        "VALUES (NEW.channel_id || ' ' || NEW.name, OLD.epoch, NEW.epoch, OLD.era, NEW.era, OLD.position, NEW.position);"
    )
    if db.dialect.name == "sqlite":
        db.execute(sa.text(f"CREATE TRIGGER prove_moves_kept AFTER UPDATE ON cursors BEGIN {insert} END"))
        return
    db.execute(
        sa.text(
            f"CREATE FUNCTION prove_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert} RETURN NEW; END $$"
        )
    )
    db.execute(
        sa.text(
            f"CREATE TRIGGER prove_moves_kept AFTER UPDATE OF {columns} ON cursors FOR EACH ROW EXECUTE FUNCTION prove_keep()"
        )
    )


def moves(db: sa.Connection) -> list[Move]:
    """What `watch_cursors` had kept."""
    found = db.execute(sa.text("SELECT name, was_epoch, epoch, was_era, era, was_position, position FROM prove_moves"))
    return [Move(row[0], (row[1], row[2]), (row[3], row[4]), (row[5], row[6])) for row in found]


def times_mailed(mails: Sequence[Mailed]) -> Counter[tuple[str, str]]:
    """How often each message was delivered to each reader."""
    return Counter((mail.uid, mail.reader) for mail in mails)


def waiting(db: sa.Connection) -> Found:
    """Leads that wait, and how managers stand."""
    leads = schema.leads
    rows = db.execute(
        sa.select(leads.c.id, leads.c.uid, schema.teams.c.name)
        .join(schema.teams, schema.teams.c.id == leads.c.team_id)
        .where(leads.c.state == "unprocessed")
    )
    return Found(
        leads=[Lead(number, uid, None, team, "unprocessed", None) for number, uid, team in rows],
        managers=_managers(db),
    )


def tokens(db: sa.Connection) -> set[str]:
    """The tokens of all that is in the journal."""
    found = db.execute(sa.select(schema.bodies.c.codec, schema.bodies.c.body))
    return {token for codec, body in found if (token := _token(codec, body)) is not None}


def ahead(db: sa.Connection, updates: Mapping[int, str], name: str) -> set[str]:
    """Of these updates, by number, the tokens of those that the cursor of this channel has passed and the journal does not have."""
    reached = db.execute(
        sa.select(sa.func.max(schema.cursors.c.position))
        .join(schema.channels, schema.channels.c.id == schema.cursors.c.channel_id)
        .where(schema.channels.c.name == name)
    ).scalar()
    passed = {token for number, token in updates.items() if number <= (reached or 0)}
    if not passed:
        return set()
    latest = db.execute(
        sa.select(schema.bodies.c.codec, schema.bodies.c.body)
        .join(schema.journal, schema.journal.c.id == schema.bodies.c.journal_id)
        .join(schema.channels, schema.channels.c.id == schema.journal.c.channel_id)
        .where(schema.channels.c.name == name)
        .order_by(schema.journal.c.id.desc())
        .limit(20 * len(updates))
    )
    return passed - {_token(codec, body) for codec, body in latest}
