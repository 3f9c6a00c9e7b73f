"""Two contacts become one, by a person's hand or by evidence, with their leads.

Every command is one transaction: the edition of people first, then contacts, teams, managers and leads. `dedup` says which
leads fold; here it is put in order, told to whom it concerns, and written down. How they part again: ingest/people/parting.py.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from dedup.people import Joining
from dedup.union import Enquiry, unite
from desk.ports import Refused
from ingest.people.telling import Telling
from ingest.rules.rulebook import Rulebook, Rulebooks
from ingest.turns.distribution import Distributor
from storage import circles, edition, judging, leads, merging, offers, rotation
from storage.circles import Contact, Lead
from storage.decisions import SYSTEM
from storage.names import Names
from storage.offers import Offer
from storage.rotation import Notice

Json = dict[str, Any]

TAKEN_OVER: Final[Mapping[str, str]] = {"name": "name", "owner": "owner_id", "company": "company_id"}
"""What a contact has of one that it absorbs, by the column that holds it."""


class Merging:
    """Merges, in the transaction of whoever asks."""

    def __init__(self, names: Names, rulebooks: Rulebooks, distributor: Distributor, new_id: Callable[[], int]) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._distributor = distributor
        self._new_id = new_id
        self._telling = Telling(names, new_id)

    def merge(self, db: sa.Connection, into_uid: str, absorbed_uid: str, actor: str, now: datetime) -> str:
        """Absorb one contact into another; the merge's id. The same again by the same person changes nothing. Raises Refused."""
        edition.advance(db)
        into, absorbed = known_contact(db, into_uid), known_contact(db, absorbed_uid)
        if into.id == absorbed.id:
            raise Refused(409, "same_contact", "a contact cannot be merged with itself")
        for merge in circles.standing(db, [absorbed.id]):
            if merge.into == into.id and merge.actor == actor:
                return merge.uid
        if into.root == absorbed.root:
            raise Refused(409, "same_contact", "the two are one contact already")
        for contact in (into, absorbed):
            if contact.root != contact.id:
                message = (
                    f"contact {contact.uid} is merged into another already; take that one, or undo its merge first"
                )
                raise Refused(409, "already_merged", message)
        rulebook = self._rulebooks.current(db)
        uid = self._unite(db, rulebook, into, absorbed, actor, now, {})
        self._distributor.everybody(db, rulebook, now)
        return uid

    def join(self, db: sa.Connection, rulebook: Rulebook, joining: Joining, now: datetime) -> None:
        """A merge by evidence, within the transaction that settles the entry and has begun a new edition.

        What it frees is distributed by the caller.
        """
        people = circles.circle(db, joining.into) | circles.circle(db, joining.contact)
        into, absorbed = people[joining.into], people[joining.contact]
        self._unite(db, rulebook, into, absorbed, SYSTEM, now, {"entry": joining.entry, "key": joining.key})

    def _unite(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        into: Contact,
        absorbed: Contact,
        actor: str,
        now: datetime,
        because: Json,
    ) -> str:
        number = self._new_id()
        here, there = (circles.circle(db, contact.id) for contact in sorted((into, absorbed), key=lambda c: c.id))
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        both = circles.leads_of(db, self._names, (into.id, absorbed.id))
        plan = unite(_enquiries(both, into), _enquiries(both, absorbed))
        held = [*plan.given_up, *(fold.lead for fold in plan.folds)]
        leads.give_up_slots(db, held)
        waiting = offers.open_of(db, self._names, [fold.lead for fold in plan.folds])
        folds = merging.fold(db, plan.folds, both, now)
        record = {
            "folds": folds,
            "slots": held,
            "took": _take_over(db, into, absorbed),
            "at": now.isoformat(),
            **because,
        }
        uid = merging.keep(db, number, into, absorbed, actor, record, now)
        judging.forget_apart(db, list(here), list(there))
        judging.settle_suggestions(db, list(here), list(there), "join", actor, now)
        self._tell_of_union(db, both, plan.folds, plan.beside, absorbed, waiting, number, actor, now, because)
        return uid

    def _tell_of_union(
        self,
        db: sa.Connection,
        there: Mapping[int, Lead],
        folds: Iterable[Any],
        beside: Iterable[tuple[int, int]],
        absorbed: Contact,
        withdrawn: Iterable[Offer],
        merge: int,
        actor: str,
        now: datetime,
        because: Json,
    ) -> None:
        said: dict[int, Json] = {
            lead.id: {"code": "merge"} for lead in there.values() if lead.contact == absorbed.id and lead.is_open
        }
        notices: list[Notice] = []
        for fold in folds:
            lead, into = there[fold.lead], there[fold.into]
            said[lead.id] = {"code": "folded", "lead": into.id, "from": lead.state, "manager": into.manager}
            said[into.id] = {"code": "took_in", "lead": lead.id}
            if lead.manager is not None and lead.manager != into.manager and lead.is_open:
                notices.append(Notice("lead_folded", lead.id, lead.manager, record={}))
            if into.manager is not None:
                notices.append(Notice("lead_took_in", into.id, into.manager))
        for first, second in beside:
            for one, other in ((first, second), (second, first)):
                said[one] = {"code": "two_accepted", "lead": other, "manager": there[other].manager}
                notices.append(Notice("two_accepted", one, there[one].manager or ""))
        notices += [
            Notice("offer_withdrawn", one.lead, one.manager, one.id, {})
            for one in withdrawn
            if one.manager != there[one.lead].manager
        ]
        shared = {"merge": merge, **because}
        told = {lead: record | shared for lead, record in said.items()}
        self._telling.tell(db, told, notices, actor, now)


def known_contact(db: sa.Connection, uid: str) -> Contact:
    """A contact by its id outside. Raises Refused, 404."""
    contact = circles.found(db, uid)
    if contact is None:
        raise Refused(404, "no_such_contact", f"there is no contact {uid}")
    return contact


def _enquiries(there: Mapping[int, Lead], contact: Contact) -> list[Enquiry]:
    return [
        Enquiry(lead.id, lead.team, lead.state, lead.manager, lead.created_at, lead.closed_at)
        for lead in there.values()
        if lead.slot == contact.id
    ]


def _take_over(db: sa.Connection, into: Contact, absorbed: Contact) -> list[str]:
    """A contact without a name, an owner or a company has those of what it absorbs, until they part."""
    took = {
        name: getattr(absorbed, name)
        for name in TAKEN_OVER
        if getattr(into, name) is None and getattr(absorbed, name) is not None
    }
    merging.describe(db, into.id, {TAKEN_OVER[name]: value for name, value in took.items()})
    return sorted(took)
