"""The desk's questions and commands about who is who, over the store."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from dedup.keys import Key, normalise
from desk.ports import Json, Refused
from ingest.explaining.explain import suggestion as in_words
from ingest.people.importing import Importing
from ingest.people.judging import Judging
from ingest.people.merging import Merging
from ingest.people.parting import Parting
from ingest.rules.rulebook import Rulebooks
from ingest.units import Units
from kernel.clock import Clock
from kernel.ids import is_uuid
from kernel.texts import LANGUAGES, Language
from storage import circles, contact_views, decisions, key_views, lead_views, merging, paging, people_views
from storage.decisions import Decision
from storage.names import Names

_COLUMNS = {"name": "name", "owner": "owner_id"}


class StorePeople:
    """`desk.ports.People` over the store of this process."""

    def __init__(
        self,
        units: Units,
        names: Names,
        rulebooks: Rulebooks,
        merging: Merging,
        parting: Parting,
        judging: Judging,
        importing: Importing,
        clock: Clock,
        language: Language,
        on_change: Callable[[], None],
    ) -> None:
        self._units = units
        self._names = names
        self._rulebooks = rulebooks
        self._merging = merging
        self._parting = parting
        self._judging = judging
        self._importing = importing
        self._clock = clock
        self._language = language
        self._on_change = on_change

    async def contacts(self, key: str | None, q: str | None, limit: int, cursor: str | None) -> Json:
        """A page of contacts."""

        def unit(db: sa.Connection) -> Json:
            region = self._rulebooks.current(db).keys.region
            wanted = None
            if key is not None:
                kind, _, value = key.partition(":")
                wanted = normalise(kind, value, region)
                if wanted is None:
                    return {"items": [], "next": None}
            meant = key_views.known_key(db, q, region) if wanted is None and q else None
            return contact_views.contacts_found(db, wanted or meant, None if meant else q, limit, cursor).json()

        shown: Json = await self._units.read(unit)
        return shown

    async def contact(self, uid: str, language: str = "") -> Json:
        """One contact, whole; an absorbed one's id leads to the root."""
        told = self._reader(language)
        shown: Json = await self._units.read(lambda db: self._whole(db, _contact(db, uid), told))
        return shown

    def _whole(self, db: sa.Connection, root: int, language: Language) -> Json:
        """A contact with its leads and timeline, what it has absorbed, and what is to be judged about it."""
        return contact_views.contact(db, self._names, root) | {
            "merges": people_views.merges_of(db, root),
            "suggestions": [_told(one, language) for one in people_views.suggestions_of(db, root)],
        }

    async def merge(self, into: str, absorbed: str, *, preview: bool, actor: str) -> Json:
        """Make two contacts one, or show what that would do."""
        now = self._clock.now()
        for uid in (into, absorbed):
            _contact_id(uid)

        def unit(db: sa.Connection) -> Json:
            return {"merge": self._merging.merge(db, into, absorbed, actor, now)}

        def shown(db: sa.Connection) -> Json:
            done = circles.by_uid(db, unit(db)["merge"])
            assert done is not None  # noqa: S101 - it has just been made
            folds = [
                (lead_views.lead_uid(db, fold["lead"]), lead_views.lead_uid(db, fold["into"]))
                for fold in done.record["folds"]
            ]
            contact = self._whole(db, done.into, self._language)
            return {"contact": contact, "folds": [{"lead": lead, "into": to} for lead, to in folds]}

        if preview:
            return {"merge": None, "preview": await self._units.rolled_back(shown)}
        done: Json = await self._units.run(unit)
        self._on_change()
        return done

    async def undo(self, merge: str, actor: str) -> Json:
        """Take a merge back."""
        now = self._clock.now()
        if not is_uuid(merge):
            raise Refused(404, "no_such_merge", "there is no such merge")

        def unit(db: sa.Connection) -> Json:
            self._parting.undo(db, merge, actor, now)
            return people_views.merge(db, merge)

        shown: Json = await self._units.run(unit)
        self._on_change()
        return shown

    async def split(self, contact: str, keys: Sequence[Json | str], interactions: Sequence[str], actor: str) -> Json:
        """Split keys and interactions off a contact."""
        now = self._clock.now()
        _contact_id(contact)

        def unit(db: sa.Connection) -> Json:
            region = self._rulebooks.current(db).keys.region
            chosen = [_key(one, region) for one in keys]
            return self._parting.split(db, contact, chosen, interactions, actor, now)

        shown: Json = await self._units.run(unit)
        self._on_change()
        return shown

    async def suggestions(self, state: str | None, language: str, limit: int, cursor: str | None) -> Json:
        """A page of suggestions."""
        page: paging.Page = await self._units.read(lambda db: people_views.suggestion_page(db, state, limit, cursor))
        return {"items": [_told(one, self._reader(language)) for one in page.items], "next": page.next}

    async def judge(self, suggestion: str, verdict: str, language: str, actor: str) -> Json:
        """Answer a suggestion."""
        now = self._clock.now()
        if not is_uuid(suggestion):
            raise Refused(404, "no_such_suggestion", "there is no such suggestion")

        def unit(db: sa.Connection) -> Json:
            self._judging.judge(db, suggestion, verdict, actor, now)
            return _told(people_views.suggestion(db, suggestion), self._reader(language))

        shown: Json = await self._units.run(unit)
        self._on_change()
        return shown

    async def describe(self, contact: str, order: Mapping[str, Any], actor: str) -> Json:
        """Name a contact, or give it an owner."""

        def unit(db: sa.Connection) -> Json:
            number = _contact(db, contact)
            merging.describe(db, number, self._values(db, order))
            self._write_down(db, {"contact": number}, order, actor)
            return self._whole(db, number, self._language)

        shown: Json = await self._units.run(unit)
        self._on_change()
        return shown

    async def bring_in(self, rows: Sequence[Mapping[str, Any]], *, preview: bool, actor: str) -> Json:
        """Take rows of a file of contacts, or show what that would do."""
        return await self._importing.take(rows, actor, preview=preview)

    async def company(self, uid: str) -> Json:
        """One company or unnamed line."""
        shown: Json = await self._units.read(lambda db: people_views.company(db, self._names, _company(db, uid)))
        return shown

    async def describe_company(self, uid: str, order: Mapping[str, Any], actor: str) -> Json:
        """Name a company, or give it an owner."""

        def unit(db: sa.Connection) -> Json:
            number = _company(db, uid)
            if values := self._values(db, order):
                people_views.describe_company(db, number, values)
            self._write_down(db, {"company": number}, order, actor)
            return people_views.company(db, self._names, number)

        shown: Json = await self._units.run(unit)
        self._on_change()
        return shown

    def _values(self, db: sa.Connection, order: Mapping[str, Any]) -> dict[str, Any]:
        values = {_COLUMNS[name]: order[name] for name in _COLUMNS if name in order}
        owner = values.get("owner_id")
        if owner is not None:
            known = self._rulebooks.current(db).policy.managers
            if owner not in known:
                raise Refused(422, "no_such_manager", f"there is no manager {owner!r}; there are {', '.join(known)}")
            values["owner_id"] = self._names.managers.number(db, owner)
        return values

    def _write_down(self, db: sa.Connection, whom: Json, order: Mapping[str, Any], actor: str) -> None:
        record = {"code": "described", **whom, "fields": sorted(order), "manager": order.get("owner")}
        decisions.write(db, [Decision(self._units.new_id(), self._clock.now(), "people", record, actor=actor)])

    def _reader(self, language: str) -> Language:
        return language if language in LANGUAGES else self._language


def _told(suggestion: Json, language: Language) -> Json:
    """A suggestion with its reason in words instead of codes."""
    record = suggestion.pop("record")
    both = (suggestion["contact"]["name"], suggestion["other"]["name"])
    return suggestion | {"reason": in_words(suggestion["code"], record, both, language)}


def _contact_id(uid: str) -> None:
    if not is_uuid(uid):
        raise Refused(404, "no_such_contact", "there is no such contact")


def _contact(db: sa.Connection, uid: str) -> int:
    number = contact_views.contact_number(db, uid) if is_uuid(uid) else None
    if number is None:
        raise Refused(404, "no_such_contact", "there is no such contact")
    return number


def _company(db: sa.Connection, uid: str) -> int:
    number = people_views.company_number(db, uid) if is_uuid(uid) else None
    if number is None:
        raise Refused(404, "no_such_company", "there is no such company")
    return number


def _key(given: Json | str, region: str) -> Key:
    """A key as a contact shows it, or as `kind:value`."""
    if isinstance(given, str):
        kind, _, value = given.partition(":")
    else:
        kind, value = given["kind"], given["value"] + (f";ext={given['extension']}" if given.get("extension") else "")
    key = normalise(kind, value, region)
    if key is None:
        raise Refused(422, "no_such_key", f"{kind}: that is no key; write kind:value, as the contact shows it")
    return key
