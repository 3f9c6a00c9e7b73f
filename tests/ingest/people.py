"""Contacts over a store as tests see them: by their phones, with what each has, and merges between them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dedup.keys import Key
from storage.schema import contacts, interactions, keys, merges
from storage.store import Conflict
from tests.ingest.parts import NOW, Parts


def phone(who: int) -> str:
    return f"+7912345{who:04}"


class Clients:
    """People who are known by one phone each: 1, 2 and so on."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def write(self, who: int, at: datetime = NOW, **more: Any) -> int:
        """An approach of one of them; the lead that it came to."""
        (result,) = self.parts.take({"phones": [phone(who)], **more}, at=at)
        assert result.lead is not None
        return result.lead

    def number(self, who: int) -> int:
        """The contact that holds his phone."""
        return int(next(row["holder_id"] for row in self.parts.rows(keys) if row["value"] == phone(who)))

    def contact(self, who: int) -> dict[str, Any]:
        return next(row for row in self.parts.rows(contacts) if row["id"] == self.number(who))

    def merge(self, into: int, absorbed: int, at: datetime = NOW, actor: str = "irina") -> str:
        uids = self.contact(into)["uid"], self.contact(absorbed)["uid"]
        return str(self._do(lambda db: self.parts.merging.merge(db, *uids, actor, at)))

    def undo(self, merge: str, at: datetime = NOW) -> None:
        self._do(lambda db: self.parts.parting.undo(db, merge, "irina", at))

    def split(self, who: int, *phones: int, said: tuple[str, ...] = (), at: datetime = NOW) -> dict[str, Any]:
        chosen = [Key("phone", phone(one)) for one in phones]
        uid = self.contact(who)["uid"]
        return dict(self._do(lambda db: self.parts.parting.split(db, uid, chosen, said, "irina", at)))

    def _do(self, unit: Callable[[sa.Connection], Any]) -> Any:
        while True:
            try:
                return self.parts.store.transact(unit)
            except Conflict:
                continue

    def consistent(self) -> None:
        """Roots follow from the merges that stand; what is on a lead is its person's, and so is its slot."""
        into = {row["contact_id"]: row["into_id"] for row in self.standing()}
        roots = {row["id"]: row["root_id"] for row in self.parts.rows(contacts)}
        assert roots == expected(roots, into)
        leads = {lead["id"]: lead for lead in self.parts.leads()}
        said = {row["id"]: row for row in self.parts.rows(interactions)}
        for lead in leads.values():
            opening = said[lead["opened_by"]]
            assert lead["contact_id"] == roots[opening["contact_id"]]
            assert opening["title"] is not None
            assert lead["enquiry_of"] in {None, lead["contact_id"]}
            assert (lead["state"] == "merged") == (lead["merged_into"] is not None)
            if lead["merged_into"] is not None:
                goes_on = leads[lead["merged_into"]]
                assert (goes_on["merged_into"], goes_on["contact_id"]) == (None, lead["contact_id"])
                assert lead["enquiry_of"] is None
        assert all(roots[row["contact_id"]] == leads[row["lead_id"]]["contact_id"] for row in said.values())
        assert self.parts.balanced()

    def standing(self) -> list[dict[str, Any]]:
        return [row for row in self.parts.rows(merges) if row["undone_at"] is None]

    def said(self, lead: int) -> list[int]:
        """The interactions on a lead."""
        return [row["id"] for row in self.parts.rows(interactions) if row["lead_id"] == lead]

    def picture(self) -> dict[str, Any]:
        """Whose everything is, and how each lead stands; what a merge and its undoing together leave as it was."""
        fields = ("contact_id", "enquiry_of", "state", "reason", "owner", "team", "merged_into", "opened_by", "last_at")
        due = ("place_at", "due_at", "wait_until", "closed_at", "escalate_at", "away_at")
        return {
            "contacts": {
                row["id"]: (row["root_id"], row["name"], row["owner_id"]) for row in self.parts.rows(contacts)
            },
            "keys": {row["id"]: row["holder_id"] for row in self.parts.rows(keys)},
            "leads": {row["id"]: tuple(row[name] for name in (*fields, *due)) for row in self.parts.leads()},
            "interactions": {
                row["id"]: (row["contact_id"], row["lead_id"], row["key_id"]) for row in self.parts.rows(interactions)
            },
        }


def expected(people: Iterable[int], into: Mapping[int, int]) -> dict[int, int]:
    """Whom each of these contacts is a part of, by the merges that stand."""
    found = {}
    for person in people:
        root = person
        while root in into:
            root = into[root]
        found[person] = root
    return found
