"""The applied revision of managers, teams and rules, the names that it brings, and the store's own settings."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import micros
from storage.names import Names
from storage.rows import Prepared, upsert
from storage.schema import channels, counters, managers, revisions, settings, teams


@dataclass(frozen=True, slots=True)
class Revision:
    """A configuration as it was applied: plain JSON, no secrets."""

    id: int
    document: Mapping[str, Any]


_CURRENT: Final = Prepared(sa.select(sa.func.max(revisions.c.id)))


def current_id(db: sa.Connection) -> int | None:
    """The number of the revision in force; None before the first."""
    found: int | None = _CURRENT(db)[0][0]
    return found


def load(db: sa.Connection, number: int) -> Revision:
    """A revision by its number."""
    text = db.execute(sa.select(revisions.c.document).where(revisions.c.id == number)).scalar_one()
    return Revision(number, orjson.loads(text))


def apply(
    db: sa.Connection, names: Names, document: Mapping[str, Any], kinds: Mapping[str, str], actor: str, now: datetime
) -> Revision:
    """Put a revision in force, unless it is already, and bring the tables of names up to it.

    `kinds` has the kind of each channel by name. A manager who is not in it any more is leaving: gets nothing new, keeps his leads.
    An entry with `was` that is not there yet, while what it was is, keeps all that hangs on it under its new name.
    """
    # In the order of all locks, before any manager is renamed or leaves: who distributes has the teams first, too.
    for table in (teams, managers):
        db.execute(sa.select(table.c.id).order_by(table.c.id).with_for_update())
    digest = digest_of(document)
    latest = db.execute(sa.select(revisions.c.id, revisions.c.digest).order_by(revisions.c.id.desc()).limit(1)).first()
    _rename(db, channels, document["channels"])
    _rename(db, managers, document["managers"])
    _bring(db, channels, {name: {"kind": kind} for name, kind in kinds.items()})
    _bring(db, teams, {name: {} for name in document["teams"]})
    # Directors are told things and get no leads. Who is both is a manager.
    directors = [name for name in document.get("directors", ()) if name not in document["managers"]]
    people = dict.fromkeys(document["managers"], "manager") | dict.fromkeys(directors, "director")
    _bring(db, managers, {name: {"role": role} for name, role in people.items()})
    for role in ("manager", "director"):
        own = managers.c.name.in_([name for name, his in people.items() if his == role])
        db.execute(sa.update(managers).where(own, managers.c.role != role).values(role=role))
    present = managers.c.name.in_(list(people))
    db.execute(sa.update(managers).where(present, managers.c.leaving == sa.true()).values(leaving=False))
    db.execute(sa.update(managers).where(sa.not_(present), managers.c.leaving == sa.false()).values(leaving=True))
    names.refresh(db)
    if latest is not None and latest.digest == digest:
        return Revision(latest.id, document)
    number = 1 if latest is None else latest.id + 1
    text = orjson.dumps(document).decode()
    db.execute(
        sa.insert(revisions).values(id=number, applied_at=micros(now), actor=actor, digest=digest, document=text)
    )
    return Revision(number, document)


def digest_of(document: Mapping[str, Any]) -> str:
    """By what a revision is told from another."""
    return blake2b(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def know_channels(db: sa.Connection, names: Names, kinds: Mapping[str, str]) -> None:
    """Have numbers for channels of a file that is not in force, so that what they take in can be kept.

    One that has another name by the revision in force gets none: it would be a second channel at the same mailbox.
    """
    latest = current_id(db)
    in_force = {} if latest is None else load(db, latest).document["channels"]
    renamed_since = {entry.get("was") for entry in in_force.values()}
    _bring(db, channels, {name: {"kind": kind} for name, kind in kinds.items() if name not in renamed_since})
    names.refresh(db)


def renamed(known: Collection[str], wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """New name by old one: what `was` says, where only the old name is known yet and the new file has it no more."""
    return {
        entry["was"]: name
        for name, entry in wanted.items()
        if entry.get("was") in known and name not in known and entry["was"] not in wanted
    }


def _rename(db: sa.Connection, table: sa.Table, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    known = set(db.execute(sa.select(table.c.name)).scalars())
    for old, new in renamed(known, wanted).items():
        db.execute(sa.update(table).where(table.c.name == old).values(name=new))


def _bring(db: sa.Connection, table: sa.Table, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    known = {name: number for number, name in db.execute(sa.select(table.c.id, table.c.name))}
    number = max(known.values(), default=0)
    for name, more in wanted.items():
        if name not in known:
            number += 1
            db.execute(sa.insert(table).values(id=number, name=name, **more))


def setting(db: sa.Connection, name: str) -> str | None:
    """A setting of the store's own."""
    found: str | None = db.execute(sa.select(settings.c.value).where(settings.c.name == name)).scalar()
    return found


def advance(db: sa.Connection, name: str, value: str, beyond: str | None = None) -> bool:
    """Set a setting that only grows; whether this changed it, which is true for one of several who try at once.

    With `beyond`: only where it stands before that.
    """
    made = upsert(db, settings).values(name=name, value=value)
    least = made.excluded.value if beyond is None else beyond
    done = made.on_conflict_do_update(
        index_elements=["name"], set_={"value": made.excluded.value}, where=settings.c.value < least
    )
    return db.execute(done.returning(settings.c.value)).first() is not None


def secret(db: sa.Connection, name: str) -> str:
    """A random secret of this store, 43 URL-safe characters, made when first asked for."""
    made = upsert(db, settings).values(name=name, value=secrets.token_urlsafe(32))
    db.execute(made.on_conflict_do_nothing())
    kept: str = db.execute(sa.select(settings.c.value).where(settings.c.name == name)).scalar_one()
    return kept


def prepare(db: sa.Connection) -> None:
    """What a new store needs before the first unit: the counter of ids."""
    db.execute(upsert(db, counters).values(name="ids", next=0).on_conflict_do_nothing())
