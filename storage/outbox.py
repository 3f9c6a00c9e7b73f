"""Notices and words to clients that are still to be sent: claimed, sent or tried again, at last given up and shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa

from kernel.clock import instant, iso, micros
from kernel.facts import fact
from kernel.ids import uuid7
from storage.dialects import StoreClock
from storage.names import Names
from storage.rows import Prepared, among, dashed, hexed, insert, pack, rows
from storage.schema import interactions, leads, one_of, outbox

_SHOWN: Final = 200
REPLY: Final = "reply"
"""The code of a word to a client."""
COURTESY: Final = "automatic_reply"
"""The code of one that no person has written."""
# What a message about the lead as it stands does not show anyway, so that no other notice can say it; and what alerts nobody.
_BY_ITSELF: Final = frozenset({"client_called", "lead_took_in", "two_accepted", "lead_changed"})


@fact
class Due:
    """A notice that this process sends now. `uid` names the message itself: a repeated attempt sends the same one.

    `lead`: None where it is about none or several. `record`: codes and ids that it is rendered from. `exhausted`: routes that
    could not deliver it.
    """

    id: int
    uid: str
    code: str
    lead: int | None
    manager: str
    attempts: int
    created_at: datetime
    offer: int | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    critical: bool = False
    exhausted: tuple[str, ...] = ()

    @property
    def leads(self) -> Sequence[int]:
        """Every lead that it is about."""
        return self.record.get("leads", ()) if self.lead is None else (self.lead,)


@fact
class Announcement:
    """Something to tell a person that is about no lead, or about several: its code, and what it is rendered from."""

    code: str
    manager: str
    record: Mapping[str, Any]
    critical: bool = False


@fact
class Word:
    """A word to a client that this process sends now: what is said is the interaction. `uid` names it towards providers."""

    id: int
    uid: str
    lead: int
    interaction: int
    attempts: int


class _Taken(NamedTuple):
    """An outbox row as a claim of notices returns it."""

    id: int
    uid: object
    code: str
    lead_id: int | None
    manager_id: int
    attempts: int
    created_at: int
    due_at: int
    offer_id: int | None
    record: str | None
    critical: bool
    route: str | None


def slot_of(code: str, lead: int | None, manager: int, *, critical: bool = False) -> str:
    """By what a notice that is still to be sent is found: a further one of the same slot is told with it, or in its place."""
    if lead is None:
        return f"{code}:{manager}"
    return f"{lead}:{manager}:{code}" if critical or code in _BY_ITSELF else f"{lead}:{manager}"


def _claiming(which: sa.ColumnElement[bool], *returned: str) -> Prepared:
    """Takes the first rows of these that are due and that nobody has."""
    unclaimed = sa.or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < StoreClock())
    is_due = outbox.c.due_at <= sa.bindparam("now", type_=sa.BigInteger())
    first = (
        sa.select(outbox.c.id)
        .where(outbox.c.state == "due", is_due, unclaimed, which)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
        .cte("first")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return Prepared(
        lambda db: (
            sa.update(outbox)
            .where(
                among(db, outbox.c.id, sa.select(first.c.id)), sa.func.coalesce(outbox.c.state, "") == "due", unclaimed
            )
            .values(
                attempts=outbox.c.attempts + 1,
                slot=None,
                claim=sa.bindparam("token"),
                claimed_until=StoreClock() + sa.bindparam("span", type_=sa.BigInteger()),
            )
            .returning(*(outbox.c[name] for name in returned))
        )
    )


_CLAIM: Final = _claiming(outbox.c.interaction_id.is_(None), *_Taken._fields)
_earlier: Final = outbox.alias("earlier")
_said: Final = interactions.alias("said")
_said_earlier: Final = interactions.alias("said_earlier")
# What people say to one client by one channel leaves in the order in which they said it; a machine's answer is in nobody's way.
_overtakes: Final = (
    sa.select(_earlier.c.id)
    .join(_said_earlier, _said_earlier.c.id == _earlier.c.interaction_id)
    .join(_said, _said.c.id == outbox.c.interaction_id)
    .where(
        _earlier.c.lead_id == outbox.c.lead_id,
        # Numbers of several processes are not in the order of time.
        sa.tuple_(_earlier.c.created_at, _earlier.c.id) < sa.tuple_(outbox.c.created_at, outbox.c.id),
        _earlier.c.state == "due",
        _earlier.c.code == REPLY,
        outbox.c.code == REPLY,
        _said_earlier.c.channel_id == _said.c.channel_id,
    )
    .correlate(outbox)
    .exists()
)
_CLAIM_WORDS: Final = _claiming(
    sa.and_(outbox.c.interaction_id.is_not(None), sa.not_(_overtakes)),
    *("id", "uid", "lead_id", "interaction_id", "attempts"),
)
_sent: Final = rows("new", outbox.c.id)
_FINISH: Final = Prepared(
    lambda db: (
        sa.update(outbox)
        .where(among(db, outbox.c.id, sa.select(_sent.c.id)), outbox.c.claim == sa.bindparam("token"))
        .values(
            state="sent",
            sent_at=sa.bindparam("sent_at"),
            route=sa.bindparam("route"),
            claim=None,
            claimed_until=None,
            error=None,
        )
    )
)


def claim(db: sa.Connection, names: Names, limit: int, token: str, lease: timedelta, now: datetime) -> list[Due]:
    """Take due notices that nobody has, and count the attempt. From here on a further notice of the lead is one of its own."""
    taken = [_Taken(*row) for row in _CLAIM(db, _given(limit, token, lease, now))]
    ordered = sorted(taken, key=lambda row: (row.due_at, row.id))
    return [
        Due(
            r.id,
            dashed(r.uid),
            r.code,
            r.lead_id,
            names.managers.name(db, r.manager_id),
            r.attempts,
            instant(r.created_at),
            r.offer_id,
            {} if r.record is None else orjson.loads(r.record),
            bool(r.critical),
            tuple((r.route or "").split()),
        )
        for r in ordered
    ]


def claim_words(db: sa.Connection, limit: int, token: str, lease: timedelta, now: datetime) -> list[Word]:
    """Take due words to clients that nobody has, in the order in which they were said, and count the attempt.

    Of a lead's words by one channel only the first: the others are taken once that has left, or is given up.
    """
    taken = sorted(_CLAIM_WORDS(db, _given(limit, token, lease, now)))
    return [Word(number, dashed(uid), lead, said, attempts) for number, uid, lead, said, attempts in taken]


def _given(limit: int, token: str, lease: timedelta, now: datetime) -> dict[str, Any]:
    return {"token": token, "span": lease // timedelta(microseconds=1), "most": limit, "now": micros(now)}


def say(db: sa.Connection, number: int, uid: str, code: str, lead: int, interaction: int, now: datetime) -> None:
    """Have an interaction said to its client, under the name of `uid`: once, since nothing else may have that name."""
    at = micros(now)
    named = {"id": number, "uid": uid, "code": code, "lead_id": lead, "interaction_id": interaction}
    db.execute(sa.insert(outbox).values(**named, created_at=at, due_at=at))


_SAID: Final = ("id", "uid", "code", "lead_id", "interaction_id", "created_at", "due_at")


def say_many(db: sa.Connection, said: Sequence[tuple[int, int, int]], now: datetime) -> None:
    """Have a machine's words said to clients: (id of the row, lead, interaction), each under a name of its own."""
    at = micros(now)
    insert(db, outbox, _SAID, [(number, hexed(uuid7()), COURTESY, lead, what, at, at) for number, lead, what in said])


_ANNOUNCED: Final = ("id", "uid", "code", "manager_id", "record", "critical", "created_at", "due_at")


def announce(
    db: sa.Connection, names: Names, announced: Sequence[Announcement], ids: Iterable[int], now: datetime
) -> None:
    """Put announcements into the outbox, each a message of its own."""
    at = micros(now)
    values = [
        (
            number,
            hexed(uuid7()),
            one.code,
            names.managers.number(db, one.manager),
            orjson.dumps(one.record).decode(),
            one.critical,
            at,
            at,
        )
        for number, one in zip(ids, announced, strict=True)
    ]
    insert(db, outbox, _ANNOUNCED, values)


def addressee(db: sa.Connection, names: Names, uid: str) -> tuple[int, str] | None:
    """The lead that a notice was about and the name of whom it was for; None where there is no such notice of one lead."""
    row = db.execute(sa.select(outbox.c.lead_id, outbox.c.manager_id).where(outbox.c.uid == uid)).first()
    if row is None or row.lead_id is None or row.manager_id is None:
        return None
    return row.lead_id, names.managers.name(db, row.manager_id)


def release_all(db: sa.Connection) -> None:
    """Give back what a process that is gone had claimed: at the start of the only one there is."""
    db.execute(
        sa.update(outbox)
        .where(outbox.c.state == "due", outbox.c.claim.is_not(None))
        .values(claim=None, claimed_until=None)
    )


def finish(db: sa.Connection, token: str, ids: Collection[int], now: datetime, route: str) -> None:
    """Mark these as sent."""
    given = {"new": pack([(number,) for number in sorted(ids)]), "token": token, "sent_at": micros(now), "route": route}
    _FINISH(db, given)


def hold(db: sa.Connection, token: str, lease: timedelta) -> None:
    """Those that are still being sent stay claimed for another lease."""
    mine = sa.and_(outbox.c.state == "due", outbox.c.claim == token)
    until = StoreClock() + lease // timedelta(microseconds=1)
    db.execute(sa.update(outbox).where(mine).values(claimed_until=until))


def release(db: sa.Connection, token: str) -> None:
    """Give back what is claimed and neither sent nor put back: a stop is no failure, and its attempt does not count."""
    mine = sa.and_(outbox.c.state == "due", outbox.c.claim == token)
    values = {"claim": None, "claimed_until": None, "attempts": outbox.c.attempts - 1}
    db.execute(sa.update(outbox).where(mine).values(values))


def hold_back(db: sa.Connection, token: str, ids: Collection[int], until: datetime) -> None:
    """Not to be sent before a time; that they were looked at counts as no attempt."""
    mine = sa.and_(outbox.c.id.in_(ids), outbox.c.claim == token)
    values = {"claim": None, "claimed_until": None, "due_at": micros(until), "attempts": outbox.c.attempts - 1}
    db.execute(sa.update(outbox).where(mine).values(values))


_held: Final = rows("new", outbox.c.id, outbox.c.slot)
_HOLD_OPEN: Final = Prepared(
    sa.update(outbox)
    .where(outbox.c.id == _held.c.id, outbox.c.claim == sa.bindparam("token"))
    .values(slot=_held.c.slot)
)


def hold_open(db: sa.Connection, names: Names, token: str, held: Iterable[Due]) -> None:
    """Notices of leads that are to be held back take further ones in again: the last of each slot that nobody else has.

    What a route has tried already may have been read, and stays as it is.
    """
    untold = [one for one in held if one.leads and one.attempts == 1 and not one.exhausted]
    wanted = {
        slot_of(one.code, one.lead, names.managers.number(db, one.manager), critical=one.critical): one.id
        for one in untold
    }
    taken = set(db.execute(sa.select(outbox.c.slot).where(outbox.c.slot.in_(list(wanted)))).scalars())
    free = [(wanted[slot], slot) for slot in sorted(wanted.keys() - taken)]
    if free:
        _HOLD_OPEN(db, {"new": pack(free), "token": token})


def put_back(
    db: sa.Connection, token: str, notice: int, again_at: datetime | None, error: str, exhausted: Sequence[str] = ()
) -> None:
    """Not sent: try again at a time, or never (None), which is a dead end that is shown.

    With `exhausted`, the routes that could not deliver it, the attempts of the next route are counted from the beginning.
    """
    values: dict[str, Any] = {"claim": None, "claimed_until": None, "error": error}
    values |= {"state": "dead"} if again_at is None else {"due_at": micros(again_at)}
    if exhausted:
        values |= {"route": " ".join(exhausted), "attempts": 0}
    db.execute(sa.update(outbox).where(outbox.c.id == notice, outbox.c.claim == token).values(values))


def next_due(db: sa.Connection) -> datetime | None:
    """When the next notice wants to be sent."""
    at = db.execute(sa.select(sa.func.min(outbox.c.due_at)).where(outbox.c.state == "due")).scalar()
    return None if at is None else instant(at)


def unsent(db: sa.Connection, names: Names, states: Sequence[str] = ("dead", "due")) -> list[Mapping[str, Any]]:
    """Notices that have not reached their manager, and words that have not reached a client, the dead first."""
    # State by state: of each there is an index, of both there is none.
    found: list[Any] = []
    for state in sorted(states):
        found += db.execute(
            sa.select(outbox, leads.c.uid.label("lead_uid"))
            .outerjoin(leads, leads.c.id == outbox.c.lead_id)
            .where(one_of(outbox.c.state, state))
            .order_by(outbox.c.due_at if state == "due" else outbox.c.id, outbox.c.id)
            .limit(_SHOWN - len(found))
        ).all()
    return [
        {
            "id": row.uid,
            "code": row.code,
            "lead": row.lead_uid,
            "manager": names.managers.name_or_none(db, row.manager_id),
            "state": row.state,
            "attempts": row.attempts,
            "error": row.error,
            "created_at": iso(instant(row.created_at)),
            "due_at": iso(instant(row.due_at)),
        }
        for row in found
    ]


def counts(db: sa.Connection) -> Mapping[str, int]:
    """How many notices are due and dead."""
    found = {
        state: db.execute(sa.select(sa.func.count()).where(one_of(outbox.c.state, state))).scalar_one()
        for state in ("due", "dead")
    }
    return {state: number for state, number in found.items() if number}
