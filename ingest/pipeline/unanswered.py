"""Mail waits for an answer: one thing to do for a lead, however often its client writes, until somebody has done it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from channels.message import Inbound
from ingest.rules.rulebook import Rulebook
from storage import activities
from storage.activities import ANSWER, Activity

ANSWER_WITHIN: Final = timedelta(hours=4)
"""Of the team's working time, where neither the rules nor the team say how soon a client is to be answered."""
_MAIL: Final = "mail"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The first mail of a batch on a lead: when it came, and how soon the lead's team is to answer. `opened`: the lead is new."""

    interaction: int
    team: str
    at: datetime
    within: timedelta | None
    opened: bool


def wants_answer(said: Inbound) -> bool:
    """Whether a client has written a mail; what a person took down, he has read."""
    return said.kind == _MAIL and said.direction == "in" and said.taken_down is None


def write(db: sa.Connection, rulebook: Rulebook, mails: Mapping[int, Unanswered], new_id: Callable[[], int]) -> None:
    """Note down, by lead, that these are to be answered: once for a lead that waits for an answer already."""
    if not mails:
        return
    waiting = activities.waiting(db, [lead for lead, mail in mails.items() if not mail.opened], ANSWER)
    new = [
        Activity(new_id(), lead, mail.interaction, ANSWER, mail.at, _due_at(rulebook, mail))
        for lead, mail in sorted(mails.items())
        if lead not in waiting
    ]
    activities.write(db, new)


def _due_at(rulebook: Rulebook, mail: Unanswered) -> datetime | None:
    within = mail.within or rulebook.policy.teams[mail.team].respond_within or ANSWER_WITHIN
    return rulebook.due_at(mail.team, mail.at, within)
