"""The shapes of the API: what it answers and what it is asked. OpenAPI is generated from them, bodies are checked by them.

Answers are written by the office as plain JSON and are not checked again when they leave; the tests hold both together.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, SerializerFunctionWrapHandler, model_serializer

State = Literal["unprocessed", "assigned", "in_work", "converted", "lost", "disqualified", "merged"]
Outcome = Literal["pending", "created", "attached", "handled", "ignored", "failed"]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]
Reason = Annotated[str | None, Field(description="A stable code, or one of the configured reasons")]
# A database refuses NUL in a text, so no answer of the office could be kept with it.
Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Passage = Annotated[str, Field(max_length=100_000, pattern=r"^[^\x00]*$")]
MOST_REPLAYED = 1_000
MOST_ROWS = 1_000


class Answer(BaseModel):
    """What the API says. More fields may come; none changes its meaning."""

    model_config = ConfigDict(defer_build=True)


class Order(BaseModel):
    """What the API is told. A field that it does not know is refused, so that a misspelt one is never passed over."""

    model_config = ConfigDict(defer_build=True, extra="forbid")


class Page(Answer):
    """A page of a list; `next` is the cursor of the page after it, null on the last."""

    next: str | None


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


class Contact(Answer):
    """A known person, with the keys of every contact merged into this one; whose client he is, and where he works."""

    id: str
    version: int
    name: str | None
    keys: list[Key]
    owner: str | None
    company: Organisation | None
    created_at: Moment


class LeadOfContact(Answer):
    """A lead as the contact's page lists it."""

    id: str
    state: State
    title: str
    owner: str | None
    team: str


class Absorbed(Answer):
    """A contact that is, or was, a part of another."""

    id: str
    name: str | None


class Merge(Answer):
    """That the contact `absorbed` became a part of `into`, and since when it is not any more."""

    id: str
    into: str
    absorbed: Absorbed
    at: Moment
    actor: str
    undone_at: Moment | None


class Suggestion(Answer):
    """Two contacts that may be one person, with the reason in words; where both are the same, one that may be two."""

    id: str
    code: str
    contact: Person
    other: Person
    reason: str
    at: Moment
    state: Literal["open", "answered"]
    verdict: Literal["join", "apart", "dismiss"] | None


class Suggestions(Page):
    """A page of suggestions, newest first."""

    items: list[Suggestion]


class WholeContact(Contact):
    """A contact with its leads, newest first, and its timeline, oldest first; what it absorbed, and what is to be judged."""

    leads: list[LeadOfContact]
    interactions: list[Interaction]
    merges: list[Merge]
    suggestions: list[Suggestion]


class Company(Answer):
    """A company, or a line that several people use: the shared keys that it owns, who works there, its leads, newest first."""

    id: str
    name: str | None
    owner: str | None
    keys: list[Key]
    created_at: Moment
    contacts: list[Person]
    leads: list[LeadOfContact]


class FoldedLead(Answer):
    """A lead that goes on as a part of another."""

    lead: str
    into: str


class MergePreview(Answer):
    """What a merge would come to: the contact as it would be, and the leads that would fold."""

    contact: WholeContact
    folds: list[FoldedLead]


class Merged(Answer):
    """The merge that was made, by which it can be undone; or what it would do, where only that was asked."""

    merge: str | None
    preview: MergePreview | None = None


class Split(Answer):
    """The contact that has the keys and interactions now, and the merge that was undone, where that was all it brought."""

    contact: str
    undone: str | None


class Contacts(Page):
    """A page of contacts, newest first."""

    items: list[Contact]


class Manager(Answer):
    """A manager as he stands now. `why_not` is the code of what keeps leads from him, `turns` his latest turn by team.

    `offered` of his `open` leads wait for his answer, of at most `offers` at once; `silences` offers in a row had none.
    """

    name: str
    title: str | None
    teams: list[str]
    available: bool
    on_shift: bool
    eligible: bool
    why_not: str | None
    open: int
    capacity: int | None
    offered: int = 0
    offers: int | None = None
    silences: int = 0
    leaving: bool
    turns: dict[str, int]
    version: int


class Invitation(Answer):
    """A link that the manager opens in his Telegram, once."""

    manager: str
    link: str
    until: Moment


class Managers(Page):
    """The managers, in the order of the configuration's first mention."""

    items: list[Manager]


class HandOver(Order):
    """Where the open leads of a manager go: to another, or left out, to whoever has the turn."""

    to: str | None = None


class HandedOver(Answer):
    """How many leads changed hands."""

    manager: str
    to: str | None
    leads: int


class Change(Answer):
    """One difference between the configuration in force and the file. Which of the keys are there depends on the code."""

    code: str
    name: str | None
    was: str | None = None
    keys: list[str] = []
    open_leads: int | None = None
    waiting_leads: int | None = None


class Plan(Answer):
    """What a changed configuration changes. `restart`: sections whose changes wait for the next start."""

    changes: list[Change]
    restart: list[str]
    warnings: list[str]


class Channel(Answer):
    """A configured channel and how it is: `state` since when, and where it is not well, the `remedy` in words.

    `next_at`: the next attempt of one that has no connection. Of one that fetches: when its provider was last heard, and how
    often it was started anew for being hung. `refusals`: deliveries refused since one was taken in. `told_at`: where another
    process listens to it, when that one last said how it is.
    """

    name: str
    kind: str
    state: Literal["starting", "listening", "retrying", "misconfigured", "silent", "expiring", "stopped"]
    since: Moment
    detail: str | None
    remedy: str | None
    next_at: Moment | None
    heard_at: Moment | None
    restarts: int
    refusals: int
    told_at: Moment | None = None


class Channels(Page):
    """The channels."""

    items: list[Channel]


class LedgerDay(Answer):
    """The account of one channel on one day of the company's zone. `received` is without `duplicates`."""

    channel: str
    day: str
    received: int
    created: int
    attached: int
    handled: int
    ignored: int
    failed: int
    pending: int
    duplicates: int


class Ledger(Answer):
    """The account of every envelope, whole; `balanced` where counters, rows and their effects agree."""

    items: list[LedgerDay]
    balanced: bool


class Envelope(Answer):
    """One thing that a provider delivered, and what it came to."""

    id: str
    channel: str
    received_at: Moment
    naming: Literal["provider", "derived"]
    outcome: Outcome
    reason: Reason
    attempts: int
    lead: str | None
    contact: str | None
    expired: bool


class Body(Answer):
    """What was delivered, verbatim; `content` is base64 where it is no UTF-8."""

    encoding: Literal["utf-8", "base64"]
    content: str
    content_type: str | None


class WholeEnvelope(Envelope):
    """An envelope with its body, while that is kept."""

    body: Body | None = None


class Envelopes(Page):
    """A page of envelopes, newest first."""

    items: list[Envelope]


class Gone(Answer):
    """How many of a kind went, or would go in a dry run, and their bytes as far as they are known."""

    count: int
    bytes: int


class Swept(Answer):
    """A sweep of the store so far. `freed`: bytes that the store's file is shorter by, null where the server does not tell.

    `fixed`: the file was made before it could become shorter in small steps; a sweep that is `whole` changes that.
    """

    dry_run: bool
    started_at: Moment
    done: bool
    bodies: Gone
    notices: Gone
    links: Gone
    files: Gone
    freed: int | None
    fixed: bool
    error: str | None


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


class Replayed(Answer):
    """One envelope that was to be replayed; `code` says why it cannot be. `outcome` and what follows are there in a dry run."""

    id: str
    replayed: bool
    code: Literal["expired"] | None = None
    outcome: Outcome | None = None
    reason: Reason = None
    lead: WholeLead | None = None
    sentences: list[Sentence] | None = None
    notice: NoticeText | None = None


class Replays(Answer):
    """The envelopes that were to be replayed."""

    items: list[Replayed]


class Notice(Answer):
    """A notice that has not reached its manager: `due` is tried again at `due_at`, `dead` is not. A reply is for no manager."""

    id: str
    code: str
    lead: str | None
    manager: str | None
    state: Literal["due", "dead"]
    attempts: int
    error: str | None
    created_at: Moment
    due_at: Moment


class Notices(Page):
    """Notices that have not reached their manager, the dead first."""

    items: list[Notice]


class LoginLink(Answer):
    """A link to the desk that works once, until then."""

    url: str
    person: str
    until: Moment


class Health(Answer):
    """The process is alive."""

    status: Literal["ok"]


class ChannelState(Answer):
    """A configured channel and its state, for whoever has no token."""

    name: str
    kind: str
    state: str
    since: Moment


class Readiness(Answer):
    """Whether the process can do its work. A channel's trouble stands here and never changes the status.

    `roles`: what it does. `configuration`: whether its file makes the revision that is in force (`applied`), or another (`other`).
    `wakes`: whether Redis carries wake-ups between processes, `off` where none is configured; work goes on in any case.
    `failing`: tasks of the process that die again and again, so that it is not ready.
    """

    ready: bool
    store: str
    channels: list[ChannelState]
    roles: list[str]
    configuration: Literal["applied", "other"]
    wakes: Literal["off", "up", "away"]
    failing: list[str]


class Document(Answer):
    """An OpenAPI document: the API in the words of OpenAPI 3.1."""

    model_config = ConfigDict(defer_build=True, extra="allow")

    openapi: str


class Trouble(Answer):
    """What is wrong: a stable code, and a sentence."""

    code: str
    message: str


class Refusal(Answer):
    """Every answer that is no success."""

    error: Trouble


class Conflict(Refusal):
    """The lead is not, or no longer, as the order takes it to be."""

    lead: WholeLead | None = None


class TakenDown(RootModel[WholeLead | TrialByHand]):
    """The lead of an approach that was taken down; with `preview` the trial of it."""

    model_config = ConfigDict(defer_build=True)


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
    phones: Annotated[list[Line], Field(max_length=10)] = []
    email: Line | None = None
    emails: Annotated[list[Line], Field(max_length=10)] = []
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


class MergeOrder(Order):
    """`absorb` becomes a part of this contact. `preview`: show what would happen, change nothing."""

    absorb: Line
    preview: bool = False


class KeyOrder(Order):
    """A key as a contact shows it."""

    kind: Line
    value: Line
    extension: Line | None = None


class SplitOrder(Order):
    """Keys, as a contact shows them or as `kind:value`, with all that came by them; and single interactions by their ids."""

    keys: Annotated[list[KeyOrder | Line], Field(max_length=100)] = []
    interactions: Annotated[list[Line], Field(max_length=1_000)] = []


class Description(Order):
    """What a contact or company is called, and which manager's it is; null is nobody's. What is left out stays as it is."""

    name: Line | None = None
    owner: Line | None = None

    @model_serializer(mode="wrap")
    def only_what_was_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that null and nothing are told apart."""
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


class ContactRow(Order):
    """One row of a file of contacts; `line` is its number there. A manager's name as `owner`, whose client it is."""

    line: int = Field(ge=0)
    name: Line | None = None
    phones: list[Line] = Field(default=[], max_length=20)
    emails: list[Line] = Field(default=[], max_length=20)
    telegram: Line | None = None
    vk: Line | None = None
    company: Line | None = None
    owner: Line | None = None


class ContactRows(Order):
    """Rows of a file of contacts. A row that was taken before changes nothing."""

    rows: list[ContactRow] = Field(max_length=MOST_ROWS)
    preview: bool = False


class RowTaken(Answer):
    """What came of a row: it made a contact, or one is known by its keys, or a company has them, or it is refused and `why`.

    `doubts`: keys_of_two and another_name are suggestions to be judged, another_owner and another_company keep what there
    was; of a refused row, what was wrong with its numbers and addresses.
    """

    line: int
    result: Literal["created", "known", "company", "refused"]
    why: Literal["no_key", "no_such_owner", "staff"] | None
    contact: str | None
    company: str | None
    keys: list[str]
    doubts: list[str]


class BroughtIn(Answer):
    """What came of some rows, in their order; `counts` by result."""

    items: list[RowTaken]
    counts: dict[str, int]


class Availability(Order):
    """A manager's switch. It stays as it is over restarts and changes of the configuration."""

    available: bool


class Replay(Order):
    """`as_client`: also what was ignored is taken as a client's approach. `dry_run`: show what would happen, change nothing."""

    as_client: bool = False
    dry_run: bool = False


class Sweep(Order):
    """`dry_run`: count what would go, change nothing. `whole`: write SQLite's file anew; nothing is taken in meanwhile."""

    dry_run: bool = False
    whole: bool = False


class ReplayMany(Replay):
    """`ids` must be given: null means all that failed."""

    ids: Annotated[list[Line], Field(max_length=MOST_REPLAYED)] | None


class LoginLinkOrder(Order):
    """Whom the link signs in: a director or manager of the configuration; left out, the first director."""

    person: Line | None = None


class Approach(Order):
    """An approach to try. `at` is a time such as `2026-11-28 23:10`, in the company's zone unless it names one."""

    channel: Line
    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None
    text: Passage | None = None
    city: Line | None = None
    at: Line | None = None
