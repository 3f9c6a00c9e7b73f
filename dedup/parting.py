"""One person becomes two again: whose each lead is then, where what was said since belongs, and who holds which enquiry slot.

A merge is a pointer, so nothing has to be guessed: every interaction has kept the contact that it first belonged to. What a
contact is a part of follows from the merges that still stand.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dedup.enquiry import OPEN_STATES
from dedup.union import ACCEPTED
from kernel.facts import fact


@fact
class Concern:
    """A lead, and whose it is once they have parted. A lead that is folded into another has the state `merged`.

    `holds`: it has an enquiry slot now. `held`: it had one before the merge that is taken back. `returned`: it was folded
    until now.
    """

    lead: int
    team: str
    state: str
    person: int
    created_at: datetime
    closed_at: datetime | None = None
    holds: bool = False
    held: bool = False
    returned: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it can take what was said."""
        return self.state in OPEN_STATES


@fact
class Said:
    """An interaction on a lead, and whose it is once they have parted."""

    interaction: int
    lead: int
    person: int
    at: datetime


@fact
class Opening:
    """A lead to be opened for what `person` said on a lead that is another's now; oldest first."""

    person: int
    team: str
    interactions: tuple[int, ...]
    beside: int


@fact
class Parting:
    """`moves`: interactions with the lead that they go to. `slots`: the leads that hold one afterwards, with whose it is."""

    moves: tuple[tuple[int, int], ...]
    openings: tuple[Opening, ...]
    slots: Mapping[int, int]


def roots(people: Iterable[int], merges: Mapping[int, int]) -> dict[int, int]:
    """Whom each of `people` is a part of. `merges` are those that stand, each absorbed contact with what absorbed it."""
    return {person: _root(person, merges) for person in people}


def _root(person: int, merges: Mapping[int, int]) -> int:
    while person in merges:
        person = merges[person]
    return person


def part(leads: Sequence[Concern], said: Iterable[Said]) -> Parting:
    """Give each person what is his: on every lead, what another said goes to an open lead of his own in that team.

    Where he has none, one is opened. Among several, it is the one that comes back now, then the one that takes messages.
    """
    by_number = {lead.lead: lead for lead in leads}
    moves: list[tuple[int, int]] = []
    opened: dict[tuple[int, str], list[Said]] = {}
    for piece in sorted(said, key=lambda piece: (piece.at, piece.interaction)):
        lead = by_number[piece.lead]
        if piece.person == lead.person:
            continue
        target = _open_lead(leads, piece.person, lead.team)
        if target is None:
            opened.setdefault((piece.person, lead.team), []).append(piece)
        else:
            moves.append((piece.interaction, target.lead))
    openings = tuple(
        Opening(person, team, tuple(piece.interaction for piece in pieces), pieces[0].lead)
        for (person, team), pieces in opened.items()
    )
    return Parting(tuple(moves), openings, _slots(leads, opened.keys()))


def _open_lead(leads: Iterable[Concern], person: int, team: str) -> Concern | None:
    there = [lead for lead in leads if lead.is_open and lead.person == person and lead.team == team]
    return min(there, key=lambda lead: (not lead.returned, not lead.holds, -lead.lead), default=None)


def _slots(leads: Iterable[Concern], taken: Iterable[tuple[int, str]]) -> dict[int, int]:
    """One lead for each person and team, of those that have or had a slot; none where a lead is being opened."""
    full = set(taken)
    chosen: dict[int, int] = {}
    for lead in sorted((lead for lead in leads if lead.holds or lead.held), key=_precedence):
        place = (lead.person, lead.team)
        if place not in full:
            full.add(place)
            chosen[lead.lead] = lead.person
    return chosen


def _precedence(lead: Concern) -> tuple[bool, bool, bool, float, int]:
    """Open before closed, who has it before who had it, accepted, then the oldest; of closed ones the last closed."""
    since = lead.created_at.timestamp() if lead.is_open else -(lead.closed_at or lead.created_at).timestamp()
    return not lead.is_open, not lead.holds, lead.state != ACCEPTED, since, lead.lead
