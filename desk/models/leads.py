"""Leads: whose, in what state, with all that was said; what can be done with one."""

from typing import Any, Literal

from pydantic import Field

from desk.models.shapes import Answer, Line, Moment, Order, Page, Passage, Reason, Refusal, State


class Key(Answer):
    """What identifies a contact: a phone in E.164, an address, a provider's user id as text."""

    kind: str
    value: str
    extension: str | None = None


class Person(Answer):
    """The contact of a lead. A sender without a phone or address has no keys."""

    id: str
    name: str | None
    keys: list[Key]


class Organisation(Answer):
    """The company or shared line that a lead belongs to."""

    id: str
    name: str | None


class Attachment(Answer):
    """A file that came with an approach. `file` names it at `/api/files/{name}`; `dropped` says why it was not kept."""

    name: str
    media_type: str
    size: int | None
    file: str | None = None
    dropped: str | None = None


class Consent(Answer):
    """The client's consent to the processing of personal data, as it was given."""

    given: bool
    version: str | None
    url: str | None
    at: Moment
    remote: str | None


class Call(Answer):
    """How a telephone call stands. `extension` rings or answered; `seconds` of talk and `recording` where the exchange tells."""

    phase: Literal["ringing", "answered", "missed"]
    over: bool
    extension: str | None
    seconds: int | None
    recording: str | None


class ReplyError(Answer):
    """Why a reply has not reached the client, as a stable code and in words."""

    code: str
    message: str


class Interaction(Answer):
    """One approach or reply on the timeline, with what its sender filled in.

    A reply (`kind` reply, `direction` out) has an `author`, `answers` the id of what it answers, and a `state`; while it is
    `sending`, an `error` is that of the last attempt. `left_out` names files that were with it and are not sent.
    """

    id: str
    envelopes: list[str]
    channel: str
    kind: str
    at: Moment
    direction: Literal["in", "out"]
    subject: str | None
    text: str | None
    introduced_as: str | None
    fields: dict[str, Any]
    name: str | None = None
    phones: list[str] | None = None
    emails: list[str] | None = None
    company: str | None = None
    city: str | None = None
    page: str | None = None
    referrer: str | None = None
    to: str | None = None
    campaign: dict[str, str] | None = None
    attachments: list[Attachment] | None = None
    consent: Consent | None = None
    call: Call | None = None
    author: str | None = None
    answers: str | None = None
    automatic: bool | None = None
    state: Literal["sending", "sent", "failed"] | None = None
    error: ReplyError | None = None
    sent_at: Moment | None = None
    left_out: list[str] | None = None


class Reply(Interaction):
    """A reply as it stands on the timeline of its `lead`. `duplicate`: this key was used for it before."""

    lead: str
    duplicate: bool


class Decision(Answer):
    """The records behind a lead, as codes: why it is this contact's, and why it is this manager's."""

    match: dict[str, Any]
    assignment: dict[str, Any]


class Offer(Answer):
    """A lead before somebody who has not answered yet. `by`: turn, own_client, first or everyone.

    `manager` has it until `answer_by`; null where the first of `managers` to accept has it.
    """

    manager: str | None
    managers: list[str]
    by: str
    offered_at: Moment
    answer_by: Moment | None


class Lead(Answer):
    """An enquiry. `reason` says why it is unprocessed or how it was closed, `owner` is a manager's name in the configuration."""

    id: str
    version: int
    title: str
    state: State
    reason: Reason
    owner: str | None
    team: str
    channel: str
    source: str | None
    created_at: Moment
    due_at: Moment | None
    merged_into: str | None
    marks: list[str]
    contact: Person | None
    company: Organisation | None
    offer: Offer | None = None


class Activity(Answer):
    """Something to do about a lead. `kind`: call_back or answer.

    `done_by`: who spoke with the client or answered him, who said that it is done, or who closed the lead.
    """

    id: str
    kind: str
    created_at: Moment
    due_at: Moment | None
    done_at: Moment | None
    done_by: str | None


class WholeLead(Lead):
    """A lead with its timeline, oldest first, and its decisions."""

    interactions: list[Interaction]
    interactions_next: str | None
    activities: list[Activity]
    decision: Decision


class Leads(Page):
    """A page of leads, newest first."""

    items: list[Lead]


class Sentence(Answer):
    """One step of an explanation."""

    at: Moment
    text: str


class Explanation(Answer):
    """Every decision about a lead, in sentences and in order."""

    lead: str
    title: str
    state: State
    reason: Reason
    sentences: list[Sentence]


class Conflict(Refusal):
    """The lead is not, or no longer, as the order takes it to be."""

    lead: WholeLead | None = None


class LeadOrder(Order):
    """What to do with a lead. With `version`, only if the lead has not changed since that version was read."""

    manager: Line | None = None
    team: Line | None = None
    reason: Line | None = None
    version: int | None = None


class ReplyOrder(Order):
    """What is to be said to the client, in the name of `manager`. `interaction`: the id of what it answers, else the latest.

    `key`, as the header Idempotency-Key: the same again says nothing again.
    """

    text: Passage
    manager: Line | None = None
    interaction: Line | None = None
    key: Line | None = None


class LeadDown(Order):
    """An approach that a person takes down. `contact`: whose it is, whatever the keys say; `new`: somebody not known yet.

    `team`, `manager` and `source` go before the rules; `channel` is the configured one that it came by. `preview`: show whom
    it may be from and what would happen, store nothing.
    """

    name: Line | None = None
    phone: Line | None = None
    phones: list[Line] = Field(default=[], max_length=10)
    email: Line | None = None
    emails: list[Line] = Field(default=[], max_length=10)
    text: Passage | None = None
    subject: Line | None = None
    company: Line | None = None
    city: Line | None = None
    team: Line | None = None
    manager: Line | None = None
    source: Line | None = None
    channel: Line | None = None
    contact: Line | None = None
    new: bool = False
    preview: bool = False
