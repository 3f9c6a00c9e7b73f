"""Whose turn it is, in rows: the lock under which a distribution decides, what it reads, and what it writes.

Locks are taken late in a transaction and in one order: teams by number, managers by number, then leads that were there before.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from kernel.clock import instant, micros
from kernel.facts import fact
from kernel.ids import uuid7_hex
from routing.distribute import LASTING, Distribution, Standing, Waiting
from storage import offers
from storage.calls import RINGING
from storage.names import Names
from storage.outbox import slot_of
from storage.rows import Prepared, Upsert, pack, rows, update
from storage.schema import (
    companies,
    contacts,
    leads,
    managers,
    one_of,
    outbox,
    revisions,
    teams,
    turns,
)

WAITING_LIMIT: Final = 500


@fact
class Locked:
    """What is true of some teams and all managers until the transaction ends. `revision`: in force; None without managers."""

    standings: Mapping[str, Standing]
    turns: Mapping[str, Mapping[str, int]]
    revision: int | None


@fact
class Notice:
    """Something to tell somebody about a lead, by code; rendered when it is sent.

    `record` has the codes and ids that it is rendered from. What is `critical` no quiet hours hold back.
    """

    code: str
    lead: int
    manager: str
    offer: int | None = None
    record: Mapping[str, Any] | None = None
    critical: bool = False


_asked_teams: Final = rows("asked", teams.c.id)
_some_teams: Final = sa.select(_asked_teams.c.id)
_LOCK_TEAMS: Final = Prepared(
    sa.select(teams.c.id).where(teams.c.id.in_(_some_teams)).order_by(teams.c.id).with_for_update(of=teams)
)
_TURNS: Final = Prepared(
    sa.select(turns.c.team_id, turns.c.manager_id, turns.c.turn).where(turns.c.team_id.in_(_some_teams))
)
_standings: Final = (
    sa.select(managers.c.name, managers.c.available, managers.c.open, managers.c.on_call_until, managers.c.leaving)
    .where(managers.c.role == "manager")
    .order_by(managers.c.id)
)
_MANAGERS: Final = Prepared(_standings)
# A revision is put in force under the same locks, so whoever waited for that is told here.
_in_force: Final = sa.select(sa.func.max(revisions.c.id)).scalar_subquery()
_LOCK_MANAGERS: Final = Prepared(_standings.add_columns(_in_force).with_for_update(of=managers))


def lock(
    db: sa.Connection, names: Names, team_names: Collection[str], now: datetime, *, with_offers: bool = False
) -> Locked:
    """Lock these teams and their managers' places, and read how everybody stands; `with_offers`, those open too."""
    asked = {"asked": pack([(number,) for number in sorted(names.teams.number(db, team) for team in team_names)])}
    if db.dialect.name != "sqlite":  # its one writer has everything locked
        _LOCK_TEAMS.send(db, asked)
    current = _TURNS.asked(db, asked)
    stood = _LOCK_MANAGERS(db)
    found = _standing(db, names, stood, now, with_offers=with_offers)
    latest: dict[str, dict[str, int]] = {team: {} for team in team_names}
    for team, manager, turn in current():
        latest[names.teams.name(db, team)][names.managers.name(db, manager)] = turn
    return Locked(found, latest, stood[0][-1] if stood else None)


def turns_of(db: sa.Connection, names: Names, team: str) -> dict[str, int]:
    """The latest turn of each manager in a team, as it is now: nothing is locked."""
    asked = {"asked": pack([(names.teams.number(db, team),)])}
    return {names.managers.name(db, manager): turn for _, manager, turn in _TURNS(db, asked)}


def standings(db: sa.Connection, names: Names, now: datetime, *, with_offers: bool = False) -> dict[str, Standing]:
    """How every manager stands, by name; nothing is locked."""
    return _standing(db, names, _MANAGERS(db), now, with_offers=with_offers)


def _standing(
    db: sa.Connection, names: Names, read: Iterable[Any], now: datetime, *, with_offers: bool
) -> dict[str, Standing]:
    at = micros(now)
    found = {
        name: Standing(name, bool(available), count, (on_call_until or 0) > at, bool(leaving))
        for name, available, count, on_call_until, leaving, *_ in read
    }
    if with_offers:
        counts = offers.open_counts(db, names)
        # Who has become a director while he was asked has a name here, and no place among those who get leads.
        for name in found.keys() & counts:
            offered, asked = counts[name]
            found[name] = replace(found[name], offered=offered, asked=asked)
    return found


_itself: Final = contacts.alias("itself")
_root: Final = contacts.alias("root")
_earlier: Final = leads.alias("earlier")
_had_owner: Final = sa.func.coalesce(_earlier.c.owner_id, _earlier.c.had_owner_id)
_OWNER: Final = sa.func.coalesce(
    sa.select(_root.c.owner_id)
    .where(_itself.c.id == leads.c.contact_id, _root.c.id == _itself.c.root_id)
    .scalar_subquery(),
    sa.select(_had_owner)
    .where(_earlier.c.contact_id == leads.c.contact_id, _had_owner.is_not(None))
    .order_by(_earlier.c.merged_into.is_not(None), _earlier.c.created_at.desc(), _earlier.c.id.desc())
    .limit(1)
    .scalar_subquery(),
    sa.select(companies.c.owner_id)
    .where(companies.c.id == leads.c.company_id, leads.c.contact_id.is_(None))
    .scalar_subquery(),
)


_page: Final = (
    sa.select(leads.c.id, leads.c.place_at, leads.c.wait_until, leads.c.reason, leads.c.refusals, _OWNER.label("owner"))
    .where(leads.c.team_id == sa.bindparam("team", type_=sa.BigInteger()), leads.c.state == "unprocessed")
    .order_by(leads.c.place_at, leads.c.id)
    .limit(WAITING_LIMIT)
    .with_for_update(of=leads)
)
_PAGE: Final = Prepared(_page)
_NEXT_PAGE: Final = Prepared(
    _page.where(
        sa.tuple_(leads.c.place_at, leads.c.id)
        > sa.tuple_(sa.bindparam("place", type_=sa.BigInteger()), sa.bindparam("lead", type_=sa.BigInteger()))
    )
)


def waiting(
    db: sa.Connection, names: Names, team: str, after: tuple[datetime, int] | None = None
) -> tuple[list[Waiting], dict[int, str | None]]:
    """A page of the unprocessed leads of a team by their place, `after` one of them; and why each has waited so far.

    Who has refused them is one statement more, for those that anybody has.
    """
    given = {"team": names.teams.number(db, team), "place": 0, "lead": 0}
    if after is not None:
        given |= {"place": micros(after[0]), "lead": after[1]}
    owner = names.managers.name_or_none
    stand: list[Waiting] = []
    reasons: dict[int, str | None] = {}
    refused: set[int] = set()
    for lead, place, wait, reason, refusals, manager in (_PAGE if after is None else _NEXT_PAGE)(db, given):
        wait_until = None if wait is None else instant(wait)
        stand.append(Waiting(lead, instant(place), owner(db, manager), wait_until, reason))
        reasons[lead] = reason
        if refusals:
            refused.add(lead)
    return _with_refusals(db, names, stand, refused) if refused else stand, reasons


def _with_refusals(
    db: sa.Connection, names: Names, stand: Iterable[Waiting], refused: Collection[int]
) -> list[Waiting]:
    known = offers.refusals(db, names, refused)
    return [
        replace(one, refused=known[one.lead][0], shown=known[one.lead][1]) if one.lead in known else one
        for one in stand
    ]


_settled: Final = rows("new", leads.c.id, leads.c.owner_id, leads.c.state, leads.c.reason, leads.c.wait_until)
_SETTLE: Final = Prepared(
    sa.update(leads)
    .where(leads.c.id == _settled.c.id)
    .values({name: _settled.c[name] for name in ("owner_id", "state", "reason", "wait_until")})
    .values(
        version=leads.c.version
        + sa.case(
            (sa.or_(leads.c.state != _settled.c.state, leads.c.reason.is_distinct_from(_settled.c.reason)), 1), else_=0
        )
    )
)


def settle(db: sa.Connection, names: Names, distribution: Distribution, *, except_for: Collection[int] = ()) -> None:
    """Write what became of leads that were waiting already; `except_for` are those that are inserted afterwards."""
    changed: dict[int, tuple[object, ...]] = {
        given.lead: (names.managers.number(db, given.manager), "assigned", None, None) for given in distribution.given
    }
    for shown in distribution.shown:
        offered = shown.by == "first"
        changed[shown.lead] = (
            (None, "assigned", None, None) if offered else (None, "unprocessed", "refused_by_all", None)
        )
    for left in distribution.left:
        wait_until = None if left.wait_until is None else micros(left.wait_until)
        changed[left.lead] = (None, "unprocessed", left.reason, wait_until)
    values = [(lead, *changed[lead]) for lead in sorted(changed) if lead not in except_for]
    if values:
        _SETTLE(db, {"new": pack(values)})


def restate(db: sa.Connection, names: Names, team: str, reason: str, now: datetime) -> None:
    """Every waiting lead of a team that waits for nobody in particular, or did so for long enough, waits for this reason now."""
    waited = sa.and_(leads.c.reason == "waiting_for_owner", leads.c.wait_until <= micros(now))
    open_to_all = leads.c.reason.not_in(("waiting_for_owner", RINGING, *LASTING, reason))
    db.execute(
        sa.update(leads)
        .where(
            leads.c.team_id == names.teams.number(db, team),
            leads.c.state == "unprocessed",
            sa.or_(leads.c.reason.is_(None), open_to_all, waited),
        )
        .values(reason=reason, version=leads.c.version + 1)
    )


def write_turns(
    db: sa.Connection, names: Names, team: str, before: Mapping[str, int], after: Mapping[str, int]
) -> None:
    """Keep the turns that a distribution gave."""
    number = names.teams.number(db, team)
    changed = [
        (number, names.managers.number(db, m), turn) for m, turn in sorted(after.items()) if before.get(m, 0) != turn
    ]
    if changed:
        _TURN(db, changed)


_TURN: Final = Upsert(
    turns,
    ("team_id", "manager_id", "turn"),
    lambda insert: insert.on_conflict_do_update(
        index_elements=["team_id", "manager_id"], set_={"turn": insert.excluded.turn}
    ),
)


def write_loads(db: sa.Connection, names: Names, loads: Mapping[str, int]) -> None:
    """Keep how many open leads each of these managers has now."""
    update(db, managers, ("id", "open"), sorted((names.managers.number(db, m), count) for m, count in loads.items()))


_NOTICE: Final = ("id", "uid", "code", "lead_id", "manager_id", "slot", "created_at", "due_at")
_ABOUT_OFFERS: Final = (*_NOTICE, "offer_id", "record", "critical")
# What says of a lead that it is nothing to somebody any more: whatever comes after it takes its place.
_OVER: Final = ("offer_expired", "offer_withdrawn", "taken_by", "owner_away", "lead_folded")
# Of notices about the lead itself, those whose place each takes: the message shows what the other would have said.
_SAYS_MORE: Final[Mapping[str, Collection[str]]] = {
    "lead_assigned": ("wrote_again", "missed_call", "lead_offered", "lead_returned"),
    "missed_call": ("wrote_again",),
}


def _takes_place(new: Any, earlier: Any) -> sa.ColumnElement[bool]:
    more = (sa.and_(new == code, sa.or_(*(earlier == one for one in less))) for code, less in _SAYS_MORE.items())
    return sa.or_(*(earlier == code for code in _OVER), *more)


_TELL: Final = Upsert(
    outbox,
    _NOTICE,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["slot"],
        set_={"code": insert.excluded.code, "offer_id": sa.null(), "record": sa.null()},
        where=_takes_place(insert.excluded.code, outbox.c.code),
    ),
)
_TELL_OF_OFFERS: Final = Upsert(
    outbox,
    _ABOUT_OFFERS,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["slot"],
        set_={name: insert.excluded[name] for name in ("code", "offer_id", "record", "critical")},
    ),
)


def tell(db: sa.Connection, names: Names, notices: Iterable[Notice], ids: Iterable[int], now: datetime) -> None:
    """Put notices into the outbox, of each lead and manager one, as far as its message says what the others would have said.

    One that is still to be sent about the same lead to the same manager takes a further one in, or gives way to one that says
    more; what is about an offer takes its place, since it says how that lead and he stand now.
    """
    at = micros(now)
    plain: dict[str, tuple[object, ...]] = {}
    of_offers: dict[str, tuple[object, ...]] = {}
    for new_id, notice in zip(ids, notices, strict=False):
        manager = names.managers.number(db, notice.manager)
        slot = slot_of(notice.code, notice.lead, manager, critical=notice.critical)
        common = (new_id, uuid7_hex(), notice.code, notice.lead, manager, slot, at, at)
        if notice.offer is None and notice.record is None and not notice.critical:
            if slot not in plain or plain[slot][2] in _SAYS_MORE.get(notice.code, ()):
                plain[slot] = common
        else:
            record = None if notice.record is None else orjson.dumps(notice.record).decode()
            of_offers[slot] = (*common, notice.offer, record, notice.critical)
    if plain:
        _TELL(db, [plain[slot] for slot in sorted(plain)])
    if of_offers:
        _TELL_OF_OFFERS(db, [of_offers[slot] for slot in sorted(of_offers)])


def recount(db: sa.Connection) -> dict[str, tuple[int, int]]:
    """Managers whose counted load differs from their open leads: (counted, real). Empty unless something is broken."""
    real: dict[Any, int] = {
        owner: number
        for owner, number in db.execute(
            sa.select(leads.c.owner_id, sa.func.count())
            .where(one_of(leads.c.state, "assigned", "in_work"))
            .group_by(leads.c.owner_id)
        )
    }
    counted = db.execute(sa.select(managers.c.id, managers.c.name, managers.c.open)).all()
    return {row.name: (row.open, real.get(row.id, 0)) for row in counted if row.open != real.get(row.id, 0)}
