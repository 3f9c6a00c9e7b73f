"""The journal: what was delivered, verbatim and once; who has claimed it; what it came to; and the account of all of it."""

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

import orjson
import sqlalchemy as sa

from channels.message import Accepted, Envelope
from kernel.clock import instant, micros
from kernel.facts import fact
from kernel.ids import uuid7
from kernel.texts import storable
from storage import cursors, deliveries
from storage.cursors import Cursor
from storage.dialects import StoreClock
from storage.edition import EDITION
from storage.names import Names
from storage.rows import Prepared, Upsert, among, dashed, found, hexed, insert, look_up, pack, rows
from storage.schema import OUTCOMES, bodies, journal, ledger
from storage.store import LANES, Conflict

Outcome = Literal["pending", "created", "attached", "handled", "ignored", "failed"]

ATTEMPTS: Final = 3
REPEAT_WINDOW: Final = timedelta(minutes=10)
_WINDOW: Final = REPEAT_WINDOW // timedelta(microseconds=1)

# The unique key, then the id: rows in their natural order are in the order of that key, and no two of them are equal so far.
_APPENDED: Final = (
    "channel_id", "identity", "id", "uid", "naming", "digest", "format", "received_at", "occurred_at", "day", "attempts",
    "claim", "claimed_until",
)  # fmt: skip
_ID: Final = _APPENDED.index("id")
_DIGEST: Final = _APPENDED.index("digest")
_BODY: Final = ("journal_id", "codec", "meta", "body")
_CLAIMED: Final = {"claimed_until": lambda span: StoreClock() + span}
_APPEND: Final = Upsert(
    journal,
    _APPENDED,
    lambda insert: insert.on_conflict_do_nothing(index_elements=["channel_id", "identity"]),
    _CLAIMED,
)
_APPEND_NEW: Final = Upsert(journal, _APPENDED, lambda insert: insert, _CLAIMED)
_COUNTED: Final = ("channel_id", "day", "lane")
_FIGURES: Final = ("received", "duplicates", *OUTCOMES)
_COUNT: Final = Upsert(
    ledger,
    (*_COUNTED, *_FIGURES),
    lambda insert: insert.on_conflict_do_update(
        index_elements=_COUNTED, set_={name: ledger.c[name] + insert.excluded[name] for name in _FIGURES}
    ),
)
_BEFORE: Final = look_up((journal.c.id,), (journal.c.id, journal.c.uid, journal.c.digest))
_KNOWN: Final = look_up((journal.c.channel_id, journal.c.identity), (journal.c.id, journal.c.uid, journal.c.digest))
# No condition of the index over pending entries, which may hold many: these are looked for by their ids.
_STILL_PENDING: Final = sa.func.coalesce(journal.c.outcome, "") == "pending"
_HELD: Final = look_up((journal.c.id, journal.c.claim), (journal.c.id,), where=(_STILL_PENDING,))
_BODY_OF: Final = look_up((bodies.c.journal_id,), (bodies.c.codec,))
_BODIES: Final = look_up((bodies.c.journal_id,), (bodies.c.codec, bodies.c.meta, bodies.c.body))


@fact
class Claimed:
    """An envelope that this worker has for now, with the number of times it has been tried, this one included."""

    entry: int
    uid: str
    envelope: Envelope
    attempts: int
    as_client: bool


@fact
class Result:
    """What one entry came to."""

    entry: int
    outcome: Outcome
    reason: str | None = None
    interaction: int | None = None
    contact: int | None = None
    lead: int | None = None


@fact
class Claim:
    """Under which token, and for how many microseconds, new entries are claimed as they are stored."""

    token: str
    span: int


class Journal:
    """The journal of one store. `secret` keys the hash that stands for a provider's id; `lane` is our place in the ledger."""

    def __init__(self, names: Names, new_id: Callable[[], int], secret: bytes, lane: int) -> None:
        self._names = names
        self._new_id = new_id
        self._hasher = blake2b(digest_size=16, key=secret)
        self._lane = lane

    def _identity(self, envelope: Envelope, uid: str) -> str:
        # Unique with the channel's number beside it, so that a channel keeps what it has taken in under a new name.
        text = uid if envelope.identity is None else envelope.identity
        hasher = self._hasher.copy()
        hasher.update(text.encode("utf-8", "surrogatepass"))
        return _text(hasher.digest())

    def _row(self, db: sa.Connection, uid: str, envelope: Envelope, day: str, claim: Claim | None) -> tuple[Any, ...]:
        """A row on its way in, in the order of `_APPENDED`."""
        received = micros(envelope.received_at)
        occurred = None if envelope.occurred_at is None else micros(envelope.occurred_at)
        held = (0, None, None) if claim is None else (1, claim.token, claim.span)
        return (
            self._names.channels.number(db, envelope.channel), self._identity(envelope, uid), self._new_id(), hexed(uid),
            envelope.naming, _text(envelope.digest), envelope.format, received, occurred, day, *held,
        )  # fmt: skip

    def append(
        self, db: sa.Connection, envelopes: Sequence[tuple[Envelope, str]], cursor: Cursor | None = None
    ) -> list[Accepted]:
        """Store envelopes (each with its company day) that are not there yet, and move the cursor, in one transaction.

        Sorted by their unique key, so that two groups with common envelopes wait for each other in one order. Raises Stale.
        """
        return self.append_claimed(db, envelopes, None, cursor)[0]

    def append_claimed(
        self,
        db: sa.Connection,
        envelopes: Sequence[tuple[Envelope, str]],
        claim: Claim | None,
        cursor: Cursor | None = None,
    ) -> tuple[list[Accepted], list[Claimed]]:
        """`append`, and with a `claim` the new entries as a worker of this very process has them, the attempt counted.

        The lease is by the store's clock, as every other.
        """
        uids = [uuid7() for _ in envelopes]
        appended = [self._row(db, uid, *dated, claim) for uid, dated in zip(uids, envelopes, strict=True)]
        repeated = self._store(db, sorted(appended))
        stored: list[tuple[Any, ...]] = []
        accepted: list[Accepted] = []
        claimed: list[Claimed] = []
        counted: Counter[tuple[int, str, str]] = Counter()
        for row, uid, (envelope, day) in zip(appended, uids, envelopes, strict=True):
            result = repeated.get(row[_ID])
            if result is None:
                result = Accepted(uid, duplicate=False)
                stored.append((row[_ID], *_encode(envelope)))
                if claim is not None:
                    claimed.append(Claimed(row[_ID], uid, envelope, 1, as_client=False))
            accepted.append(result)
            counted[row[0], day, _FIGURES[result.duplicate]] += 1
        insert(db, bodies, _BODY, stored)
        self._count(db, counted)
        if cursor is not None:
            cursors.move(db, self._names.channels.number(db, cursor.channel), cursor)
        return accepted, claimed

    @staticmethod
    def _store(db: sa.Connection, appended: Sequence[tuple[Any, ...]]) -> dict[int, Accepted]:
        """Store the rows of a group whose identity is new; of the others, by id, the row that had it before."""
        if db.dialect.name == "sqlite":
            others = deliveries.take(db, [row[: _ID + 1] for row in appended])
            if len(others) < len(appended):
                _APPEND_NEW(db, [row for row in appended if row[_ID] not in others] if others else appended)
            repeated = [row for row in appended if row[_ID] in others]
            records = found(db, _BEFORE, [(others[row[_ID]],) for row in repeated])
        elif _APPEND.count(db, appended) == len(appended):
            return {}
        else:
            repeated = list(appended)
            records = found(db, _KNOWN, [row[:_ID] for row in appended])
        return {
            row[_ID]: Accepted(dashed(uid), duplicate=True, conflict=digest != row[_DIGEST])
            for row, (entry, uid, digest) in zip(repeated, records, strict=True)
            if entry != row[_ID]
        }

    def _count(self, db: sa.Connection, changes: Counter[tuple[int, str, str]]) -> None:
        sums: dict[tuple[int, str], Counter[str]] = {}
        for (channel, day, figure), number in changes.items():
            sums.setdefault((channel, day), Counter())[figure] += number
        if sums:
            # What is accepted and what is decided are counted in rows of their own: neither waits for the other's commit.
            lane = self._lane + (0 if next(iter(changes))[2] in _FIGURES[:2] else LANES)
            _COUNT(db, [(*place, lane, *(sums[place][name] for name in _FIGURES)) for place in sorted(sums)])

    def open_era(self, db: sa.Connection, cursor: Cursor) -> None:
        """Begin a new era of a cursor (a new UIDVALIDITY, a new VK key). Raises Stale for a holder that lost its lease."""
        cursors.open_era(db, self._names.channels.number(db, cursor.channel), cursor)

    def cursor(self, db: sa.Connection, channel: str, name: str) -> Cursor | None:
        """Where a channel's reading stands."""
        return cursors.find(db, self._names.channels.number(db, channel), channel, name)

    def claim(self, db: sa.Connection, limit: int, token: str, lease: timedelta) -> list[Claimed]:
        """Take the oldest entries that nobody has, and count the attempt: what kills the process is counted all the same.

        An entry that was tried before comes alone, so that what killed its batch cannot cost its neighbours an attempt.
        """
        oldest = _OLDEST(db)
        if not oldest:
            return []
        given = {"token": token, "span": lease // timedelta(microseconds=1)}
        fresh = oldest[0][0] == 0
        taken = _CLAIM_FRESH(db, given | {"most": limit}) if fresh else _CLAIM_TRIED(db, given)
        entries = sorted((_Entry(*row) for row in taken), key=lambda entry: (entry.received_at, entry.id))
        bodies_of = found(db, _BODIES, [(entry.id,) for entry in entries])
        return [self._claimed(db, entry, body) for entry, body in zip(entries, bodies_of, strict=True)]

    def _claimed(self, db: sa.Connection, row: Any, body: Any) -> Claimed:
        return Claimed(row.id, dashed(row.uid), self._envelope(db, row, body), row.attempts, bool(row.as_client))

    def _envelope(self, db: sa.Connection, row: Any, body: Any) -> Envelope:
        codec, meta, text = body if body is not None else (0, "{}", "")
        return Envelope(
            channel=self._names.channels.name(db, row.channel_id),
            identity=None if row.naming == "derived" else "",
            body=_decode(codec, text),
            received_at=instant(row.received_at),
            meta=orjson.loads(meta),
            digest=base64.b64decode(row.digest),
            occurred_at=None if row.occurred_at is None else instant(row.occurred_at),
            format=row.format,
        )

    @staticmethod
    def held(db: sa.Connection, token: str, entries: Sequence[int]) -> set[int]:
        """Which of `entries` are still pending and still ours. `decide` makes sure of it once more."""
        records = found(db, _HELD, [(entry, token) for entry in entries])
        return {entry for entry, record in zip(entries, records, strict=True) if record is not None}

    @staticmethod
    def release(db: sa.Connection, token: str | None, *, uncount: bool = False) -> None:
        """Give claims back: those of `token`, or all where this process is the only one (a start on SQLite)."""
        mine = journal.c.claim == token if token is not None else journal.c.claim.is_not(None)
        values: dict[str, Any] = {"claim": None, "claimed_until": None}
        if uncount:
            values["attempts"] = journal.c.attempts - 1
        db.execute(sa.update(journal).where(journal.c.outcome == "pending", mine).values(values))

    def repeats(self, db: sa.Connection, claimed: Sequence[Claimed]) -> dict[int, str]:
        """Derived deliveries that say what one within the ten minutes before said and that was not itself a repeat: its uid."""
        derived = [c for c in claimed if c.envelope.naming == "derived" and not c.as_client]
        asked = [
            (
                c.entry,
                self._names.channels.number(db, c.envelope.channel),
                _text(c.envelope.digest),
                micros(c.envelope.received_at),
            )
            for c in derived
        ]
        # Of the batch itself nothing is decided yet, so it is folded here: a repeat is no measure for the next one.
        taken: dict[tuple[int, str], tuple[int, str]] = {}
        repeated: dict[int, str] = {}
        for one, (entry, channel, digest, at), record in zip(derived, asked, found(db, _REPEATED, asked), strict=True):
            before, uid = taken.get((channel, digest), (at - _WINDOW - 1, ""))
            if record is not None:
                repeated[entry] = dashed(record[0])
            elif at - before <= _WINDOW:
                repeated[entry] = uid
            else:
                taken[channel, digest] = (at, one.uid)
        return repeated

    def decide(
        self,
        db: sa.Connection,
        outcomes: Iterable[Result],
        now: datetime,
        token: str | None,
        edition: int | None = None,
    ) -> None:
        """Write what entries came to and count it under their own channel and day.

        The fence: with a claim's `token`, every entry must still be pending and ours, and people of the `edition` under which
        they were known, if one is given; else Conflict is raised and nothing is kept.
        """
        at = micros(now)
        values = [
            (o.entry, o.outcome, o.reason, o.interaction, o.contact, o.lead, at)
            for o in sorted(outcomes, key=lambda o: o.entry)
        ]
        if not values:
            return
        statement = _DECIDE if token is None else _DECIDE_FENCED
        decided = statement(db, {"new": pack(values), "token": token, "edition": edition})
        if token is not None and len(decided) != len(values):
            raise Conflict("another worker has taken some of these entries, or people were joined or parted meanwhile")
        counted: Counter[tuple[int, str, str]] = Counter()
        for channel, day, outcome in decided:
            counted[channel, day, outcome] += 1
        self._count(db, counted)

    def reopen(self, db: sa.Connection, uids: Sequence[str], *, as_client: bool) -> list[str]:
        """Make failed or ignored entries pending again; the ones that were.

        What has an effect already is not run again, and what has no body any more cannot be.
        """
        shown = journal.c.outcome.in_(("failed", "ignored"))
        before = db.execute(
            sa.select(journal.c.id, journal.c.uid, journal.c.channel_id, journal.c.day, journal.c.outcome)
            .where(journal.c.uid.in_(uids), shown)
            .order_by(journal.c.id)
            .with_for_update()
        ).all()
        # Asked for once the rows are ours: from then on nobody drops a body.
        kept = found(db, _BODY_OF, [(row.id,) for row in before])
        before = [row for row, body in zip(before, kept, strict=True) if body is not None]
        changes: Counter[tuple[int, str, str]] = Counter()
        for row in before:
            changes[row.channel_id, row.day, row.outcome] -= 1
        db.execute(
            sa.update(journal)
            .where(journal.c.id.in_([row.id for row in before]))
            .values(
                outcome="pending",
                reason=None,
                attempts=0,
                as_client=as_client,
                claim=None,
                claimed_until=None,
                decided_at=None,
            )
        )
        self._count(db, changes)
        return [row.uid for row in before]

    def stored(self, db: sa.Connection, uids: Sequence[str]) -> list[Claimed]:
        """Entries as a claim would give them, without claiming: for a dry run."""
        taken = db.execute(sa.select(journal).where(journal.c.uid.in_(uids)).order_by(journal.c.id)).all()
        return [
            self._claimed(db, row, body)
            for row, body in zip(taken, found(db, _BODIES, [(row.id,) for row in taken]), strict=True)
        ]

    def of_interactions(self, db: sa.Connection, numbers: Collection[int]) -> dict[int, list[Claimed]]:
        """The entries that made these interactions, in journal order: what another part of the same thing is folded with."""
        if not numbers:
            return {}
        taken = db.execute(_OF_INTERACTIONS, {"asked": pack([(number,) for number in sorted(numbers)])}).all()
        found_bodies = found(db, _BODIES, [(row.id,) for row in taken])
        made: dict[int, list[Claimed]] = {number: [] for number in numbers}
        for row, body in zip(taken, found_bodies, strict=True):
            made[row.interaction_id].append(self._claimed(db, row, body))
        return made


_asked_interactions: Final = rows("asked", journal.c.interaction_id)
_OF_INTERACTIONS: Final = (
    sa.select(journal)
    .where(journal.c.interaction_id.in_(sa.select(_asked_interactions.c.interaction_id)))
    .order_by(journal.c.received_at, journal.c.id)
)
_UNCLAIMED: Final = sa.or_(journal.c.claimed_until.is_(None), journal.c.claimed_until < StoreClock())
_FREE: Final = sa.and_(journal.c.outcome == "pending", _UNCLAIMED)
_OLDEST: Final = Prepared(
    sa.select(journal.c.attempts).where(_FREE).order_by(journal.c.received_at, journal.c.id).limit(1)
)


class _Entry(NamedTuple):
    """A journal row as a claim returns it."""

    id: int
    uid: object
    channel_id: int
    format: int
    naming: str
    digest: str
    received_at: int
    occurred_at: int | None
    attempts: int
    as_client: bool


def _claiming(chosen: sa.Select[Any]) -> Prepared:
    # Materialized: within a join PostgreSQL may run the sub-select again, and each time SKIP LOCKED finds others.
    locked = chosen.where(_FREE).order_by(journal.c.received_at, journal.c.id).with_for_update(skip_locked=True)
    first = locked.cte("first").prefix_with("MATERIALIZED", dialect="postgresql")
    return Prepared(
        lambda db: (
            sa.update(journal)
            .where(among(db, journal.c.id, sa.select(first.c.id)), _STILL_PENDING, _UNCLAIMED)
            .values(
                attempts=journal.c.attempts + 1,
                claim=sa.bindparam("token"),
                claimed_until=StoreClock() + sa.bindparam("span", type_=sa.BigInteger()),
            )
            .returning(*(journal.c[name] for name in _Entry._fields))
        )
    )


_CLAIM_FRESH: Final = _claiming(
    sa.select(journal.c.id).where(journal.c.attempts == 0).limit(sa.bindparam("most", type_=sa.Integer()))
)
_CLAIM_TRIED: Final = _claiming(sa.select(journal.c.id).limit(1))
_asked_repeats: Final = rows("asked", journal.c.id, journal.c.channel_id, journal.c.digest, journal.c.received_at)
_earlier: Final = journal.alias("earlier")
_REPEATED: Final = Prepared(
    sa.select(
        _asked_repeats.c.id,
        sa.select(sa.func.json_record(_earlier.c.uid))
        .where(
            _earlier.c.channel_id == _asked_repeats.c.channel_id,
            _earlier.c.digest == _asked_repeats.c.digest,
            _earlier.c.naming == "derived",
            _earlier.c.received_at >= _asked_repeats.c.received_at - _WINDOW,
            sa.or_(
                _earlier.c.received_at < _asked_repeats.c.received_at,
                sa.and_(_earlier.c.received_at == _asked_repeats.c.received_at, _earlier.c.id < _asked_repeats.c.id),
            ),
            sa.or_(_earlier.c.reason.is_(None), _earlier.c.reason != "repeat"),
            _earlier.c.id.not_in(sa.select(rows("asked", journal.c.id).c.id)),
        )
        .order_by(_earlier.c.received_at, _earlier.c.id)
        .limit(1)
        .scalar_subquery(),
    )
)
_decided: Final = rows(
    "new",
    *(journal.c[n] for n in ("id", "outcome", "reason", "interaction_id", "contact_id", "lead_id", "decided_at")),
)
_deciding: Final = (
    sa.update(journal)
    .where(journal.c.id == _decided.c.id)
    .values(
        {
            name: _decided.c[name]
            for name in ("outcome", "reason", "interaction_id", "contact_id", "lead_id", "decided_at")
        }
    )
    .values(claim=None, claimed_until=None)
    .returning(journal.c.channel_id, journal.c.day, journal.c.outcome)
)
_DECIDE: Final = Prepared(_deciding)
_DECIDE_FENCED: Final = Prepared(
    _deciding.where(
        journal.c.claim == sa.bindparam("token"),
        _STILL_PENDING,
        sa.func.coalesce(sa.bindparam("edition", type_=sa.BigInteger()), EDITION) == EDITION,
    )
)


def _encode(envelope: Envelope) -> tuple[int, str, str]:
    """(codec, meta, body): bytes that a database would refuse as text travel in base64."""
    meta = _packed(envelope.meta)
    if b"\0" not in envelope.body:
        try:
            return 0, meta, envelope.body.decode()
        except UnicodeDecodeError:
            pass
    return 1, meta, _text(envelope.body)


def _packed(meta: Mapping[str, str]) -> str:
    """As JSON; what a database refuses in a text goes, should an adapter have left it there."""
    try:
        packed = orjson.dumps(meta)
    except orjson.JSONEncodeError:  # a lone surrogate
        packed = b"\\u0000"
    if b"\\u0000" in packed:
        packed = orjson.dumps({storable(k): storable(v) for k, v in meta.items()})
    return packed.decode()


def _decode(codec: int, text: str) -> bytes:
    return text.encode() if codec == 0 else base64.b64decode(text)


def _text(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode("ascii")
