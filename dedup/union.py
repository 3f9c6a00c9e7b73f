"""Two people become one: which of their enquiries becomes part of which, and which of them takes new messages from then on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from dedup.enquiry import OPEN_STATES
from kernel.facts import fact

ACCEPTED: Final = "in_work"


@fact
class Enquiry:
    """A lead that holds its person's enquiry slot in a team, open or closed. `owner` is the manager's name."""

    lead: int
    team: str
    state: str
    owner: str | None
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to deal with it."""
        return self.state in OPEN_STATES

    @property
    def is_accepted(self) -> bool:
        """Whether a manager has said that he deals with it."""
        return self.state == ACCEPTED


@fact
class Fold:
    """`lead` goes on as a part of `into`."""

    lead: int
    into: int


@fact
class Union:
    """What becomes of the slots. `given_up`: leads that stay as they are and take no further messages.

    `beside`: pairs of leads that two managers have accepted, both of which stay; the first of each keeps the slot.
    """

    folds: tuple[Fold, ...] = ()
    given_up: tuple[int, ...] = ()
    beside: tuple[tuple[int, int], ...] = ()


def unite(first: Iterable[Enquiry], second: Iterable[Enquiry]) -> Union:
    """What becomes of the enquiries of two people, at most one of each in a team. Leads of different teams stay as they are."""
    here = {enquiry.team: enquiry for enquiry in first}
    folds: list[Fold] = []
    given_up: list[int] = []
    beside: list[tuple[int, int]] = []
    for other in second:
        if other.team not in here:
            continue
        kept, further = _ranked(here[other.team], other)
        if not further.is_open:
            given_up.append(further.lead)
        elif _of_two_managers(kept, further):
            given_up.append(further.lead)
            beside.append((kept.lead, further.lead))
        else:
            folds.append(Fold(further.lead, kept.lead))
    return Union(tuple(folds), tuple(given_up), tuple(beside))


def _ranked(one: Enquiry, other: Enquiry) -> tuple[Enquiry, Enquiry]:
    """Which keeps the slot, and the other one: open before closed, then accepted, then the oldest. Of two closed ones the later."""
    if not one.is_open and not other.is_open:
        first, second = sorted((one, other), key=lambda e: (e.closed_at or e.created_at, e.lead), reverse=True)
        return first, second
    first, second = sorted((one, other), key=lambda e: (not e.is_open, not e.is_accepted, e.created_at, e.lead))
    return first, second


def _of_two_managers(one: Enquiry, other: Enquiry) -> bool:
    return one.is_accepted and other.is_accepted and one.owner != other.owner
