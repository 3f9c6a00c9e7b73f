"""One contact becomes two: a merge is undone, exactly, or what does not belong is split off.

Every command is one transaction: the edition of people first, then contacts, teams, managers and leads. `dedup` says what goes
where; here it is put in order, told to whom it concerns, and written down.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dedup.keys import Key
from dedup.parting import Concern, Opening, Said, part, roots
from desk.ports import Refused
from ingest.people.merging import TAKEN_OVER, known_contact
from ingest.people.telling import Telling
from ingest.rules.rulebook import Rulebook, Rulebooks
from ingest.turns.distribution import Distributor
from routing.title import make_title
from storage import circles, edition, judging, leads, merging, rotation
from storage.circles import Contact, Lead, Merge, Talk
from storage.leads import DEFAULT_PLACE, NewLead
from storage.names import Names
from storage.rotation import Notice

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Circle:
    """A root with all that is merged into it, the merges that hold it together, its leads, and what was said on them."""

    people: Mapping[int, Contact]
    merges: Sequence[Merge]
    leads: Mapping[int, Lead]
    talk: Sequence[Talk]


class Parting:
    """Undoing of merges, and splits, in the transaction of whoever asks."""

    def __init__(self, names: Names, rulebooks: Rulebooks, distributor: Distributor, new_id: Callable[[], int]) -> None:
        self._names = names
        self._rulebooks = rulebooks
        self._distributor = distributor
        self._new_id = new_id
        self._telling = Telling(names, new_id)

    def undo(self, db: sa.Connection, uid: str, actor: str, now: datetime) -> None:
        """Take a merge back; the two are never joined again by themselves. Undone already, nothing changes. Raises Refused."""
        edition.advance(db)
        merge = circles.by_uid(db, uid)
        if merge is None:
            raise Refused(404, "no_such_merge", "there is no such merge")
        if merge.undone:
            return
        rulebook = self._rulebooks.current(db)
        circle = self._circle(db, rulebook, circles.root_of(db, merge.contact), now)
        self._undo(db, rulebook, circle, merge, actor, now)

    def _undo(
        self, db: sa.Connection, rulebook: Rulebook, circle: Circle, merge: Merge, actor: str, now: datetime
    ) -> None:
        stand = [one for one in circle.merges if one.id != merge.id]
        persons = roots(circle.people, {one.contact: one.into for one in stand})
        merging.undone(db, merge, now)
        judging.set_apart(db, [(merge.contact, merge.into)], actor, now)
        gone = [number for number in persons if persons[number] == merge.contact]
        judging.settle_suggestions(db, gone, [n for n in persons if n not in gone], "apart", actor, now)
        _give_names_back(db, circle, merge, stand)
        self._part(db, rulebook, replace(circle, merges=stand), persons, [merge], "undo", actor, now)

    def _circle(self, db: sa.Connection, rulebook: Rulebook, root: int, now: datetime) -> Circle:
        people = circles.circle(db, root)
        merges = circles.standing(db, people)
        rotation.lock(db, self._names, tuple(rulebook.policy.teams), now)
        there = circles.leads_of(db, self._names, [root])
        return Circle(people, merges, there, circles.talk_on(db, list(there)))

    def _part(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        circle: Circle,
        persons: Mapping[int, int],
        undone: Sequence[Merge],
        code: str,
        actor: str,
        now: datetime,
    ) -> None:
        """Give each of `persons` (contact to root) what is his; folds end that were `undone`, or that lead to another person."""
        whose = _whose(circle, persons)
        merging.root(db, persons)
        there, returned, records = self._unfold(db, circle, whose, undone, now)
        held = {number for merge in undone for number in merge.record["slots"]} | returned.keys()
        concerns = [_concern(lead, whose[lead.id], held, returned.keys()) for lead in there.values()]
        said = [Said(one.id, one.lead, persons.get(one.contact, whose[one.lead]), one.at) for one in circle.talk]
        parting = part(concerns, said)
        merging.give_to(db, circle.leads.values(), _changed(there, whose), parting.slots)
        left = [n for n in sorted(held & there.keys()) if there[n].merged_into is None and n not in parting.slots]
        _pass_on(db, circle, records, left)
        full = {(person, there[lead].team) for lead, person in parting.slots.items()}
        opened = [self._open(db, rulebook, circle, opening, full, now) for opening in parting.openings]
        leads.write_leads(db, self._names, [lead for lead, _ in opened])
        merging.move(db, [*parting.moves, *(pair for _, moves in opened for pair in moves)])
        merging.touched(db, {lead for _, lead in parting.moves} | {opening.beside for opening in parting.openings})
        self._tell_of_parting(
            db, circle, there, returned, parting.moves, [lead for lead, _ in opened], code, actor, now
        )
        self._distributor.everybody(db, rulebook, now)

    def _unfold(
        self,
        db: sa.Connection,
        circle: Circle,
        whose: Mapping[int, int],
        undone: Sequence[Merge],
        now: datetime,
    ) -> tuple[dict[int, Lead], dict[int, int], dict[int, Json]]:
        """End folds; the leads as they are then, those that came back, each with what it was folded into, and what stands."""
        there = dict(circle.leads)
        returned: dict[int, int] = {}
        into: dict[int, int] = {}
        records: dict[int, Json] = {}
        for merge in sorted((*circle.merges, *undone), key=lambda one: one.id, reverse=True):
            stays = []
            for was in merge.record["folds"]:
                if merge in undone or whose[was["lead"]] != whose[was["into"]]:
                    since = datetime.fromisoformat(merge.record["at"])
                    lead = merging.unfold(db, was, there[was["lead"]], there[was["into"]], since, now)
                    there[lead.id] = lead
                    returned[lead.id] = was["into"]
                else:
                    stays.append(was)
                    into[was["lead"]] = was["into"]
            if merge not in undone:
                records[merge.id] = merge.record | {"folds": stays}
        merging.point(db, roots(into, into))
        return there, returned, records

    def _open(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        circle: Circle,
        opening: Opening,
        full: set[tuple[int, str]],
        now: datetime,
    ) -> tuple[NewLead, list[tuple[int, int]]]:
        """An unprocessed lead for what somebody said on a lead that is another's, and its interactions with their lead.

        `full`: the slots, by person and team, that leads have already. One may be there where its own team is gone from the file.
        """
        pieces = {one.id: one for one in circle.talk}
        first, last = pieces[opening.interactions[0]], pieces[opening.interactions[-1]]
        beside = circle.leads[opening.beside]
        within = None if beside.respond_within is None else timedelta(microseconds=beside.respond_within)
        team = opening.team if opening.team in rulebook.policy.teams else next(iter(rulebook.policy.teams))
        lead = NewLead(
            id=self._new_id(),
            contact=opening.person,
            company=None,
            team=team,
            channel=beside.channel,
            source=beside.source,
            opened_by=first.id,
            created_at=first.at,
            last_at=last.at,
            place_at=first.at + (within or DEFAULT_PLACE),
            respond_within=within,
            slot=(opening.person, team) not in full,
            due_at=rulebook.due_at(team, first.at, within),
            escalate_at=rulebook.escalation_at(team, now),
        )
        full.add((opening.person, team))
        if first.title is None:
            merging.title(db, {first.id: _title(rulebook, beside, first)})
        return lead, [(number, lead.id) for number in opening.interactions]

    def _tell_of_parting(
        self,
        db: sa.Connection,
        circle: Circle,
        there: Mapping[int, Lead],
        returned: Mapping[int, int],
        moves: Iterable[tuple[int, int]],
        opened: Iterable[NewLead],
        code: str,
        actor: str,
        now: datetime,
    ) -> None:
        pieces = {one.id: one for one in circle.talk}
        said: dict[int, Json] = {lead.id: {"code": code} for lead in there.values() if lead.is_open}
        for interaction, target in moves:
            said[pieces[interaction].lead] = {"code": "given_away"}
            said.setdefault(target, {"code": "got_back"})
        said |= {lead.id: {"code": "opened_apart", "lead": pieces[lead.opened_by].lead} for lead in opened}
        for lead, was in returned.items():
            said[lead] = {"code": "returned", "lead": was, "manager": there[lead].manager, "state": there[lead].state}
        owners = ((lead, there[lead].manager) for lead in returned if there[lead].is_open)
        told = [Notice("lead_returned", lead, owner, record={}) for lead, owner in owners if owner is not None]
        self._telling.tell(db, said, told, actor, now)

    def split(
        self, db: sa.Connection, uid: str, keys: Sequence[Key], interactions: Sequence[str], actor: str, now: datetime
    ) -> Json:
        """Move keys with what came by them, and single interactions, to a contact of their own. Raises Refused.

        Where that is all that a merged contact brought, its merge is undone instead. `{"contact", "undone"}`: the contact
        that they are with now, and the merge that was undone, if any.
        """
        edition.advance(db)
        rulebook = self._rulebooks.current(db)
        contact = known_contact(db, uid)
        held = circles.keys_of(db, list(circles.circle(db, contact.root)))
        circle = self._circle(db, rulebook, contact.root, now)
        chosen: set[int] = {held[key][0] for key in _known(keys, held)}
        moved = _said_by(circle, chosen, interactions)
        if not chosen and not moved:
            raise Refused(422, "incomplete", "say which keys or interactions are to be split off")
        if len(chosen) == len(held) and len(moved) == len(circle.talk):
            raise Refused(409, "nothing_left", "that is all there is of this contact; nothing would be left")
        merge = _brought(circle, held, chosen, moved)
        if merge is not None:
            self._undo(db, rulebook, circle, merge, actor, now)
            return {"contact": circle.people[merge.contact].uid, "undone": merge.uid}
        return {"contact": self._split(db, rulebook, circle, held, chosen, moved, actor, now), "undone": None}

    def _split(
        self,
        db: sa.Connection,
        rulebook: Rulebook,
        circle: Circle,
        held: Mapping[Key, tuple[int, int]],
        chosen: set[int],
        moved: Mapping[int, Talk],
        actor: str,
        now: datetime,
    ) -> str:
        number = self._new_id()
        root = next(contact.root for contact in circle.people.values())
        uid = merging.new_contact(db, number, _called(moved.values()), now)
        merging.hold(db, chosen, number)
        merging.belong(db, list(moved), number)
        former = {holder for key, holder in held.values() if key in chosen} | {one.contact for one in moved.values()}
        judging.set_apart(db, [(other, number) for other in former | {root}], actor, now)
        judging.settle_names(db, list(moved), actor, now)
        talk = [replace(one, contact=number) if one.id in moved else one for one in circle.talk]
        there = self._keep_open(db, rulebook, replace(circle, talk=talk), moved)
        persons = roots([*circle.people, number], {one.contact: one.into for one in circle.merges})
        after = replace(circle, talk=talk, leads=there)
        self._part(db, rulebook, after, persons, [], "split", actor, now)
        return uid

    @staticmethod
    def _keep_open(db: sa.Connection, rulebook: Rulebook, circle: Circle, moved: Mapping[int, Talk]) -> dict[int, Lead]:
        """A lead that keeps something stays, and counts as opened by the first that it keeps; one that loses all goes along."""
        there = dict(circle.leads)
        titles: dict[int, str] = {}
        for lead in circle.leads.values():
            left = [one for one in circle.talk if one.lead == lead.id and one.id not in moved]
            if left and lead.opened_by in moved:
                there[lead.id] = replace(lead, opened_by=left[0].id)
                titles[left[0].id] = _title(rulebook, lead, left[0])
        merging.title(db, titles)
        merging.reopen_by(db, {n: lead.opened_by for n, lead in there.items() if lead is not circle.leads[n]})
        return there


def _give_names_back(db: sa.Connection, circle: Circle, merge: Merge, stand: Iterable[Merge]) -> None:
    """What a contact had from the absorbed one goes, unless somebody has changed it since; and from there on up."""
    for field, column in TAKEN_OVER.items():
        was = {number: getattr(contact, field) for number, contact in circle.people.items()}
        now = dict(was)
        for one in (merge, *stand):
            if field in one.record["took"] and was[one.into] == was[one.contact]:
                now[one.into] = None if one is merge else now[one.contact]
        for number, value in now.items():
            if value != was[number]:
                merging.describe(db, number, {column: value})


def _whose(circle: Circle, persons: Mapping[int, int]) -> dict[int, int]:
    """Whose each lead is: his who said what opened it."""
    said = {one.id: one.contact for one in circle.talk}
    return {lead.id: persons[said.get(lead.opened_by, lead.contact)] for lead in circle.leads.values()}


def _concern(lead: Lead, person: int, held: Iterable[int], returned: Iterable[int]) -> Concern:
    open_or_closed = lead.state != merging.MERGED
    return Concern(
        lead=lead.id,
        team=lead.team,
        state=lead.state,
        person=person,
        created_at=lead.created_at,
        closed_at=lead.closed_at,
        holds=lead.slot is not None,
        held=open_or_closed and lead.id in held,
        returned=lead.id in returned,
    )


def _pass_on(db: sa.Connection, circle: Circle, records: Mapping[int, Json], claims: Sequence[int]) -> None:
    """What a merge that stands still has to give back: also the slots that another lead has now because of it."""
    for merge in circle.merges:
        record = records[merge.id]
        record["slots"] = [*record["slots"], *(lead for lead in claims if lead not in record["slots"])]
        if record != merge.record:
            merging.rewrite(db, merge, record)


def _changed(there: Mapping[int, Lead], whose: Mapping[int, int]) -> dict[int, int]:
    return {lead.id: whose[lead.id] for lead in there.values() if lead.contact != whose[lead.id]}


def _known(keys: Sequence[Key], held: Mapping[Key, Any]) -> list[Key]:
    for key in keys:
        if key not in held:
            raise Refused(422, "no_such_key", f"this contact has no {key.kind} key like that")
    return list(keys)


def _said_by(circle: Circle, keys: Collection[int | None], uids: Sequence[str]) -> dict[int, Talk]:
    """The interactions that came by these keys, and those that are named."""
    wanted = set(uids)
    there = {one.uid for one in circle.talk}
    for uid in uids:
        if uid not in there:
            raise Refused(422, "no_such_interaction", f"this contact has no interaction {uid}")
    return {one.id: one for one in circle.talk if one.key in keys or one.uid in wanted}


def _brought(
    circle: Circle, held: Mapping[Key, tuple[int, int]], chosen: set[int], moved: Mapping[int, Talk]
) -> Merge | None:
    """The merge that brought all of what was chosen and nothing else."""
    for merge in circle.merges:
        stand = {one.contact: one.into for one in circle.merges if one.id != merge.id}
        persons = roots(circle.people, stand)
        brought = {key for key, holder in held.values() if persons[holder] == merge.contact}
        said = {one.id for one in circle.talk if persons[one.contact] == merge.contact}
        if chosen == brought and moved.keys() <= said and (brought or moved.keys() == said):
            return merge
    return None


def _called(moved: Iterable[Talk]) -> str | None:
    """The name that was given last."""
    names = [one.introduced_as or one.details.get("name") for one in moved]
    return next((str(name) for name in reversed(names) if name), None)


def _title(rulebook: Rulebook, lead: Lead, opening: Talk) -> str:
    """What a lead is called that is opened by something said before."""
    said = opening.details
    title = make_title(
        rulebook.policy.title,
        name=said.get("name"),
        city=said.get("city"),
        company=said.get("company"),
        text=opening.text,
        subject=opening.subject,
        topics=rulebook.policy.topics,
        source=lead.source,
        channel=lead.channel,
    )
    return title or next(iter((*said.get("phones", ()), *said.get("emails", ()))), lead.channel)
