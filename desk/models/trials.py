"""What would happen to an approach, and leads that are taken down by hand."""

from pydantic import ConfigDict, RootModel

from desk.models.leads import Person, Sentence, WholeLead
from desk.models.people import LeadOfContact
from desk.models.shapes import Answer, Line, Order, Outcome, Passage, Reason


class NoticeText(Answer):
    """A notice as its manager would read it."""

    to: str
    subject: str
    text: str


class Trial(Answer):
    """What an approach would come to. `lead`, `sentences` and `notice` are there where it would reach a lead."""

    outcome: Outcome
    reason: Reason
    lead: WholeLead | None = None
    sentences: list[Sentence] | None = None
    notice: NoticeText | None = None


class Match(Answer):
    """A contact that holds a key of an approach, with its open leads."""

    contact: Person
    leads: list[LeadOfContact]


class TrialByHand(Trial):
    """What an approach taken down by hand would come to, and whom it may be from."""

    matches: list[Match]


class TakenDown(RootModel[WholeLead | TrialByHand]):
    """The lead of an approach that was taken down; with `preview` the trial of it."""

    model_config = ConfigDict(defer_build=True)


class Approach(Order):
    """An approach to try. `at` is a time such as `2026-11-28 23:10`, in the company's zone unless it names one."""

    channel: Line
    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None
    text: Passage | None = None
    city: Line | None = None
    at: Line | None = None
