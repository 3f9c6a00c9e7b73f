"""What a person decided who took an approach down by hand, put before what the rules say while its envelope is settled."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from channels.message import Inbound
from ingest.rules.approach import source_from
from ingest.rules.rulebook import Rulebook
from ingest.turns.answers import Answers
from routing.rules import Chosen
from storage import circles, decisions, handling, leads, merging, messages, rotation
from storage.decisions import Decision
from storage.journal import Claimed
from storage.leads import NewLead
from storage.names import Names
from storage.rotation import Notice


@dataclass(frozen=True, slots=True)
class Assigned:
    """A lead that goes to `manager` because `actor` says so, without a turn: new, or by its number where it was there."""

    lead: NewLead | int
    manager: str
    actor: str
    rule: int | None


def contacts_named(db: sa.Connection, fresh: Sequence[tuple[Claimed, Inbound]]) -> dict[int, int]:
    """The roots of the contacts that people named, by entry; nothing is asked where nobody named any."""
    named: dict[int, int] = {}
    for claimed, said in fresh:
        uid = None if said.taken_down is None else said.taken_down.contact
        contact = None if uid is None else circles.found(db, uid)
        if contact is not None:
            named[claimed.entry] = contact.root
    return named


def origin(rulebook: Rulebook, channel: str, said: Inbound) -> tuple[str, str]:
    """The channel and the source of a lead that an approach opens."""
    taken_down = said.taken_down
    if taken_down is None:
        return channel, source_from(rulebook, channel, said)
    if taken_down.channel is not None and taken_down.channel in rulebook.origins:
        channel = taken_down.channel
    return channel, taken_down.source or source_from(rulebook, channel, said)


def chosen(rulebook: Rulebook, by_rules: Chosen, said: Inbound) -> Chosen:
    """The team that a person named, or for a manager whom he named one that he is in; else what the rules chose."""
    teams = rulebook.policy.teams
    if said.taken_down is None:
        return by_rules
    wanted = said.taken_down.team
    own = [team.name for team in teams.values() if said.taken_down.manager in team.members]
    if wanted is None or wanted not in teams:
        wanted = by_rules.team if not own or by_rules.team in own else own[0]
    if wanted == by_rules.team:
        return by_rules
    return Chosen(wanted, teams[wanted].respond_within, None)


def manager_of(rulebook: Rulebook, said: Inbound) -> str | None:
    """The manager whom a person named, as long as there is one of that name."""
    manager = None if said.taken_down is None else said.taken_down.manager
    return manager if manager in rulebook.policy.managers else None


def parted(assigned: Sequence[Assigned], newcomers: Collection[int]) -> tuple[Sequence[Assigned], Sequence[Assigned]]:
    """Those about leads that were there before their batch, which go out before anybody's turn comes; and those it opened."""
    new = {*newcomers, *(one.lead.id for one in assigned if isinstance(one.lead, NewLead))}
    known = [one for one in assigned if not isinstance(one.lead, NewLead) and one.lead not in new]
    return known, [one for one in assigned if one not in known]


def assign(
    db: sa.Connection,
    names: Names,
    rulebook: Rulebook,
    assigned: Sequence[Assigned],
    new_id: Callable[[], int],
    now: datetime,
) -> bool:
    """Write these leads under the locks of their teams; whether anybody is to be told."""
    if not assigned:
        return False
    made: list[Decision] = []
    notices: list[Notice] = []
    for one in assigned:
        if isinstance(one.lead, NewLead):
            lead = one.lead.id
            leads.write_leads(db, names, [replace(one.lead, state="assigned", owner=one.manager)])
            merging.burden(db, {names.managers.number(db, one.manager): 1})
            record = {"code": "by_hand", "team": one.lead.team, "rule": one.rule, "manager": one.manager}
            made.append(Decision(new_id(), now, "assignment", record, lead, actor=one.actor))
        else:
            lead = one.lead
            before = handling.lead_for_update(db, names, lead)
            if before.owner == one.manager:
                continue
            after = replace(before, state="assigned", reason=None, owner=one.manager)
            handling.write(db, names, before, after, now)
            Answers(names, new_id).over(db, before, after, rulebook, one.actor, now)
            messages.tell_changed(db, [lead], new_id, now)
            told = {"code": "assign", "manager": one.manager, "team": before.team, "from": before.state}
            made.append(Decision(new_id(), now, "action", told, lead, actor=one.actor))
        notices.append(Notice("lead_assigned", lead, one.manager))
    decisions.write(db, made)
    rotation.tell(db, names, notices, (new_id() for _ in notices), now)
    return bool(notices)


def arriving(said: Inbound, entry: int, named: Mapping[int, int]) -> tuple[int | None, bool]:
    """For matching: the contact that a person named as the sender, and whether he says that it is somebody new."""
    contact = named.get(entry)
    return contact, contact is None and said.taken_down is not None and said.taken_down.new
