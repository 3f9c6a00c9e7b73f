"""Contacts that somebody brings in a file: matched as approaches are, but no lead is opened and nobody is told.

Each row is taken by itself, and taking it again changes nothing, so a file may be sent again from anywhere. What would join two
known people joins nobody here, whoever vouches for it: it becomes a suggestion.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
import structlog

from dedup.keys import Evidence, Identified, Rejection, identify
from dedup.people import Arrival, Match, People, resolve
from desk.ports import Json
from ingest.rules.rulebook import Rulebook, Rulebooks
from ingest.units import Units
from kernel.clock import Clock
from kernel.texts import storable
from storage import contact_files, edition, people
from storage.contact_files import Belongs, Settled
from storage.names import Names
from storage.store import Conflict

MESSENGERS: Final = ("telegram", "vk")
_SEVERAL: Final = re.compile(r"[,;\s]+")
"""An export writes several accounts of one person, who was merged, into one cell."""
_ACCOUNT: Final[Mapping[str, re.Pattern[str]]] = {
    "telegram": re.compile(r"((?!1$)[1-9]\d{0,19})", re.ASCII),
    "vk": re.compile(r"(?:(?:(?:https?://)?(?:m\.)?vk\.(?:com|ru)/)?id)?((?!1$)[1-9]\d{0,19})", re.ASCII),
}
"""What messengers call a person by is a number. A name can be given to another, and `есть` or 1 stands in many rows."""

log = structlog.get_logger("priyom.importing")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that can be taken: its number in the file, what identifies it, and what it says beside."""

    line: int
    name: str | None
    company: str | None
    owner: str | None
    found: Identified


class Importing:
    """Takes rows of contacts. `on_change` is told once a batch of them is stored."""

    def __init__(
        self,
        units: Units,
        names: Names,
        rulebooks: Rulebooks,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self._units = units
        self._names = names
        self._rulebooks = rulebooks
        self._clock = clock
        self._on_change = on_change

    async def take(self, rows: Sequence[Mapping[str, Any]], actor: str, *, preview: bool) -> Json:
        """Take rows in; what came of each, in their order, and how many of each kind. With `preview` nothing stays.

        A row is `{"line", "name", "phones", "emails", "telegram", "vk", "company", "owner"}`; its outcome `{"line", "result",
        "why", "contact", "company", "keys", "doubts"}`, where `result` is created, known, company or refused.
        """
        now = self._clock.now()

        def unit(db: sa.Connection) -> Json:
            return self._taken(db, rows, now)

        if preview:
            return await self._units.rolled_back(unit)
        shown: Json = await self._units.run(unit)
        log.info("contacts were brought in", action="contacts.imported", actor=actor, **shown["counts"])
        self._on_change()
        return shown

    def _taken(self, db: sa.Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> Json:
        rulebook = self._rulebooks.current(db)
        read = [_read(row, rulebook) for row in rows]
        good = [row for row in read if isinstance(row, _Row)]
        groups = [[evidence.key for evidence in row.found.evidence] for row in good]
        asked = {key for group in groups for key in group}
        world = people.world(db, self._names, asked, rulebook.shared_over, groups)
        arrivals = [
            Arrival(entry, row.name, row.company, row.found.evidence, row.found.rejected)
            for entry, row in enumerate(good, 1)
        ]
        decided = resolve(arrivals, world, self._units.new_id)
        received = dict.fromkeys(range(1, len(good) + 1), now)
        people.write(db, decided, received, [self._units.new_id() for _ in decided.suggestions], journaled=False)
        shown = self._settled(db, good, decided, now)
        if world.edition is not None and world.edition != edition.current(db):
            raise Conflict("people were joined or parted meanwhile")
        told = iter(shown)
        items = [next(told) if isinstance(row, _Row) else row for row in read]
        return {"items": items, "counts": dict(Counter(item["result"] for item in items))}

    def _settled(self, db: sa.Connection, good: Sequence[_Row], decided: People, now: datetime) -> list[Json]:
        """Owners and companies for those who lack them; what came of each row."""
        named = self._companies(db, good, decided, now)
        contacts: dict[int, Belongs] = {}
        lines: dict[int, Belongs] = {}
        for row, match in zip(good, decided.matches, strict=True):
            owner = None if row.owner is None else self._names.managers.number(db, row.owner)
            works_at = match.company or named.get(row.company or "")
            if match.contact is None:
                assert match.company is not None  # noqa: S101 - a match names one of the two
                _add(lines, match.company, Belongs(owner))
            else:
                _add(contacts, match.contact, Belongs(owner, works_at))
        who = contact_files.settle_contacts(db, contacts)
        for settled in who.values():
            if settled.company is not None:
                _add(lines, settled.company, Belongs(None))
        where = contact_files.settle_companies(db, lines)
        suggested: dict[int, list[str]] = {match.entry: [] for match in decided.matches}
        for suggestion in decided.suggestions:
            suggested[suggestion.entry].append(suggestion.code)
        return [
            self._outcome(db, row, match, who, where, suggested[match.entry], named)
            for row, match in zip(good, decided.matches, strict=True)
        ]

    def _companies(self, db: sa.Connection, good: Sequence[_Row], decided: People, now: datetime) -> dict[str, int]:
        """The companies of persons who have none, by the names that rows give: those that are there, and new ones."""
        wanted: dict[int, str] = {}
        for row, match in zip(good, decided.matches, strict=True):
            if row.company and match.company is None and match.contact is not None:
                wanted.setdefault(match.contact, row.company)
        employed = contact_files.employed(db, wanted)
        asked = {name for contact, name in wanted.items() if contact not in employed}
        if not asked:
            return {}
        known = contact_files.companies_named(db, asked)
        made = {name: self._units.new_id() for name in sorted(asked - known.keys())}
        contact_files.found_companies(db, made, now)
        return known | made

    def _outcome(
        self,
        db: sa.Connection,
        row: _Row,
        match: Match,
        who: Mapping[int, Settled],
        where: Mapping[int, Settled],
        doubts: Sequence[str],
        named: Mapping[str, int],
    ) -> Json:
        if match.contact is None:
            assert match.company is not None  # noqa: S101 - a match names one of the two
            has = where[match.company]
            works: Settled | None = has
            others = []
        else:
            has = who[match.contact]
            works = None if has.company is None else where[has.company]
            said = match.company or named.get(row.company or "")
            others = ["another_company"] if row.company and said != has.company else []
        if row.owner is not None and self._names.managers.name_or_none(db, has.owner) != row.owner:
            others.append("another_owner")
        return {
            "line": row.line,
            "result": "company" if match.contact is None else "known" if match.known else "created",
            "why": None,
            "contact": None if match.contact is None else has.uid,
            "company": None if works is None else works.uid,
            "keys": [_shown(evidence) for evidence in row.found.evidence],
            "doubts": [*doubts, *others],
        }


def _add(whose: dict[int, Belongs], number: int, said: Belongs) -> None:
    """The first row of a batch that says whose it is counts."""
    before = whose.get(number, said)
    whose[number] = Belongs(
        said.owner if before.owner is None else before.owner, said.company if before.company is None else before.company
    )


def _read(row: Mapping[str, Any], rulebook: Rulebook) -> _Row | Json:
    """A row ready to be matched, or why it is refused."""
    line = row["line"]
    accounts, others = _accounts(row)
    found = identify(row.get("phones") or (), row.get("emails") or (), accounts, "", rulebook.keys)
    found = replace(found, rejected=(*found.rejected, *others))
    owner = row.get("owner")
    if owner is not None and owner not in rulebook.policy.managers:
        return _refused(line, "no_such_owner")
    clients = rulebook.staff.sift(found) if found.evidence else found
    if clients is None:
        return _refused(line, "staff")
    if not clients.evidence:
        return _refused(line, "no_key", [rejection.code for rejection in found.rejected])
    vouched_by_nobody = tuple(replace(evidence, origin="field") for evidence in clients.evidence)
    name, company = (_said(row.get(field)) for field in ("name", "company"))
    return _Row(line, name, company, owner, replace(clients, evidence=vouched_by_nobody))


def _accounts(row: Mapping[str, Any]) -> tuple[list[tuple[str, str]], tuple[Rejection, ...]]:
    """The accounts in messengers that a row names, and what stands there and is none."""
    accounts: list[tuple[str, str]] = []
    others: dict[Rejection, None] = {}
    for kind in MESSENGERS:
        for one in filter(None, _SEVERAL.split(row.get(kind) or "")):
            if number := _ACCOUNT[kind].fullmatch(one):
                accounts.append((kind, number[1]))
            else:
                others[Rejection(kind, "unreadable", "provider")] = None
    return accounts, tuple(others)


def _said(text: str | None) -> str | None:
    return storable(" ".join((text or "").split())) or None


def _refused(line: int, why: str, doubts: Sequence[str] = ()) -> Json:
    return {
        "line": line,
        "result": "refused",
        "why": why,
        "contact": None,
        "company": None,
        "keys": [],
        "doubts": list(doubts),
    }


def _shown(evidence: Evidence) -> str:
    return f"{evidence.key.kind}:{evidence.key.value}"
