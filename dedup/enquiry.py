"""Which enquiry: does an approach belong to the lead that holds the person's slot in the team, or does it open a new one."""

from datetime import datetime, timedelta
from typing import Final, Literal

from kernel.facts import fact

OPEN_STATES: Final = ("unprocessed", "assigned", "in_work")
CLOSED_STATES: Final = ("converted", "lost", "disqualified")


@fact
class Limits:
    """`matching.enquiry`: how long after its closing a lead is reopened, and how long without activity it takes messages."""

    reopen_within: timedelta
    new_after: timedelta


@fact
class Slot:
    """The lead that holds the enquiry slot of a person (or company) in a team. `owner` is the manager's name.

    `respond_within` is the lead's time to be answered, which a repeat begins anew.
    """

    lead: int
    state: str
    owner: str | None
    last_at: datetime
    closed_at: datetime | None = None
    respond_within: timedelta | None = None


VerdictCode = Literal["attach", "reopen", "open", "open_after_quiet", "open_after_closing"]


@fact
class Verdict:
    """To `attach` to `lead`, to `reopen` it, or to open a new one; then `lead`, if any, gives up the slot: the code says why."""

    code: VerdictCode
    lead: int | None

    @property
    def opens(self) -> bool:
        """Whether there is to be a new lead."""
        return self.code not in {"attach", "reopen"}


def decide(slot: Slot | None, at: datetime, limits: Limits) -> Verdict:
    """What an approach received at `at` does to the slot."""
    if slot is None:
        return Verdict("open", None)
    if slot.state in OPEN_STATES:
        quiet = at - slot.last_at > limits.new_after
        return Verdict("open_after_quiet" if quiet else "attach", slot.lead)
    closed_at = slot.closed_at or slot.last_at
    return Verdict("reopen" if at - closed_at <= limits.reopen_within else "open_after_closing", slot.lead)
