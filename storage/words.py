"""Words to clients, in rows: what a client said and how he is reached, what is said to him, and what became of it.

What is said is an interaction that goes out, `kind` reply: its text and address stand where personal values may. How it stands
is in its details, and the outbox has it sent: `state` is sending, sent or failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant, iso, micros
from kernel.texts import storable
from storage import activities
from storage.names import Names
from storage.rows import Prepared, dashed, pack, rows
from storage.schema import channels, contacts, interactions, journal, keys, leads

KIND: Final = "reply"
"""The kind of an interaction that is a word to a client."""
RECENT: Final = 50
"""So many of a lead's latest interactions are looked at for a way to its client."""

Details = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """What a client said, as an answer to it needs it. `details` are the interaction's, as the timeline shows them."""

    id: int
    uid: str
    lead: int
    contact: int | None
    company: int | None
    key: int | None
    channel: str
    kind: str
    ref: str | None
    at: datetime
    subject: str | None
    details: Details


@dataclass(frozen=True, slots=True)
class Said:
    """A word to a client. `to` is his address as the channel knows it, `answers` what it answers; `author` says so, or nobody.

    `automatic`: nobody has read what it answers. `ref`: what the provider calls it, where that tells us of it.
    `left_out` names files that were with it and are not sent.
    """

    id: int
    uid: str
    lead: int
    channel: str
    to: str
    text: str
    subject: str | None = None
    author: str | None = None
    answers: Received | None = None
    automatic: bool = False
    ref: str | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A word that has reached its client, and who said it. `received`: when we heard of it, where it was not said by us."""

    id: int
    who: str
    received: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead as a word about it finds it: whose it is, the contact or company that it is about, and the channel that opened it."""

    id: int
    state: str
    owner: str | None
    contact: int | None
    company: int | None
    channel: str


def lead_for_update(db: sa.Connection, names: Names, number: int) -> Standing:
    """Lock a lead and read how it stands."""
    row = db.execute(sa.select(leads).where(leads.c.id == number).with_for_update()).one()
    owner = names.managers.name_or_none(db, row.owner_id)
    channel = names.channels.name(db, row.channel_id)
    return Standing(row.id, row.state, owner, row.contact_id, row.company_id, channel)


def received(db: sa.Connection, number: int) -> list[Received]:
    """What the client said last on a lead and on those that go on in it, the latest first."""
    parts = sa.select(leads.c.id).where(sa.or_(leads.c.id == number, leads.c.merged_into == number))
    query = (
        sa.select(interactions, channels.c.name)
        .join(channels, channels.c.id == interactions.c.channel_id)
        .where(interactions.c.lead_id.in_(parts), interactions.c.direction == "in")
        .order_by(interactions.c.at.desc(), interactions.c.id.desc())
        .limit(RECENT)
    )
    return [_received(row) for row in db.execute(query)]


def _received(row: Any) -> Received:
    return Received(
        row.id,
        dashed(row.uid),
        row.lead_id,
        row.contact_id,
        row.company_id,
        row.key_id,
        row.name,
        row.kind,
        row.ref,
        instant(row.at),
        row.subject,
        orjson.loads(row.details),
    )


def held(db: sa.Connection, number: int, kind: str) -> list[str]:
    """The client's own keys of a kind, whichever contact of his circle has them; none that others share."""
    root = (
        sa.select(contacts.c.root_id)
        .join(leads, leads.c.contact_id == contacts.c.id)
        .where(leads.c.id == number)
        .scalar_subquery()
    )
    query = (
        sa.select(keys.c.value)
        .join(contacts, contacts.c.id == keys.c.holder_id)
        .where(contacts.c.root_id == root, keys.c.kind == kind, sa.not_(keys.c.shared), keys.c.line_id.is_(None))
        .order_by(keys.c.id)
    )
    return list(db.execute(query).scalars())


def unsent(to: str, author: str | None, answers: str | None, *, automatic: bool) -> dict[str, Any]:
    """What an interaction that is still to be sent keeps of that: `answers` is the id of what it answers."""
    return {
        "fields": {},
        "to": to,
        "author": author,
        "answers": answers,
        "automatic": automatic,
        "state": "sending",
        "error": None,
    }


def write(db: sa.Connection, names: Names, said: Said, lead: Standing, now: datetime) -> None:
    """Put a word on the timeline, still to be sent. Raises where there is one of this `uid` already."""
    answered = said.answers
    kept = unsent(said.to, said.author, None if answered is None else answered.uid, automatic=said.automatic)
    if said.left_out:
        kept["left_out"] = [storable(name) for name in said.left_out]
    values = {
        "id": said.id,
        "uid": said.uid,
        "contact_id": lead.contact if answered is None else answered.contact,
        "company_id": lead.company if answered is None else answered.company,
        "lead_id": said.lead,
        "key_id": None if answered is None else answered.key,
        "channel_id": names.channels.number(db, said.channel),
        "kind": KIND,
        "ref": said.ref,
        "direction": "out",
        "at": micros(now),
        "subject": None if said.subject is None else storable(said.subject),
        "text": storable(said.text),
        "details": orjson.dumps(kept).decode(),
    }
    db.execute(sa.insert(interactions).values(**values))
    # An answer is news on a lead as a message is: only where both are silent is it old.
    db.execute(
        sa.update(leads)
        .where(leads.c.id == said.lead)
        .values(
            last_at=sa.case((leads.c.last_at < micros(now), micros(now)), else_=leads.c.last_at),
            version=leads.c.version + 1,
        )
    )


def load(db: sa.Connection, numbers: Sequence[int]) -> dict[int, Said]:
    """What is to be said, with what it answers: two statements, whatever their number."""
    query = sa.select(interactions, channels.c.name).join(channels, channels.c.id == interactions.c.channel_id)
    rows = {row.id: (row, orjson.loads(row.details)) for row in db.execute(query.where(interactions.c.id.in_(numbers)))}
    uids = [details["answers"] for _, details in rows.values() if details["answers"] is not None]
    answered = {one.uid: one for one in map(_received, db.execute(query.where(interactions.c.uid.in_(uids))))}
    return {
        number: Said(
            number,
            dashed(row.uid),
            row.lead_id,
            row.name,
            details["to"],
            row.text,
            row.subject,
            details["author"],
            answered.get(details["answers"]),
            details["automatic"],
        )
        for number, (row, details) in rows.items()
    }


def text_of(db: sa.Connection, uid: str) -> tuple[int, str] | None:
    """The lead and the text of what was said under a name; None where nothing was."""
    row = db.execute(sa.select(interactions.c.lead_id, interactions.c.text).where(interactions.c.uid == uid)).first()
    return None if row is None else (row[0], row[1])


def note(db: sa.Connection, number: int, now: datetime, *, state: str, error: Mapping[str, str] | None) -> None:
    """What became of a word so far. `error`: its code and message."""
    found = sa.select(interactions.c.details).where(interactions.c.id == number).with_for_update()
    details = orjson.loads(db.execute(found).scalar_one()) | {"state": state, "error": error}
    if state == "sent":
        details["sent_at"] = iso(now)
    changed = sa.update(interactions).where(interactions.c.id == number)
    db.execute(changed.values(details=orjson.dumps(details).decode()))


_ended: Final = rows("ended", interactions.c.id, journal.c.received_at)
_word: Final = interactions.alias("word")
_later: Final = interactions.alias("later")
# By the store's own time: a client's clock, which his mails are dated by, may be wrong by hours.
_came: Final = sa.select(sa.func.min(journal.c.received_at)).where(journal.c.interaction_id == _later.c.id)
_newer: Final = sa.select(_later.c.id).where(
    _later.c.lead_id == _word.c.lead_id,
    _later.c.direction == "in",
    _came.scalar_subquery() > sa.func.coalesce(_ended.c.received_at, _word.c.at),
)
_ANSWERED: Final = Prepared(
    sa.select(_word.c.id, _word.c.lead_id)
    .join(_ended, _ended.c.id == _word.c.id)
    .where(sa.not_(_newer.exists()))
    .order_by(_word.c.id)
)
_of_leads: Final = rows("of", leads.c.id)
_NOT_DUE: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id.in_(sa.select(_of_leads.c.id)), leads.c.due_at.is_not(None))
    .values(due_at=None, version=leads.c.version + 1)
    .returning(leads.c.id)
)


def answered(db: sa.Connection, ended: Sequence[Ended], now: datetime) -> None:
    """The clients of the leads that these words are about have their answers: nothing is due, and no mail waits for one.

    Not where a client has written since. Four statements, whatever their number.
    """
    if not ended:
        return
    by = {one.id: one.who for one in ended}
    given = [(one.id, None if one.received is None else micros(one.received)) for one in ended]
    who = {lead: by[number] for number, lead in _ANSWERED(db, {"ended": pack(given)})}
    if who:
        _NOT_DUE(db, {"of": pack([(lead,) for lead in sorted(who)])})
        waiting = activities.of_leads(db, who, activities.ANSWER)
        activities.close(db, [(number, now, who[lead]) for number, lead in waiting.items()])
