"""The journal: envelopes, their account, replays, and what is no longer kept."""

from typing import Annotated, Literal

from pydantic import Field

from desk.models.leads import Sentence, WholeLead
from desk.models.shapes import Answer, Line, Moment, Order, Outcome, Page, Reason
from desk.models.trials import NoticeText

MOST_REPLAYED = 1_000


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


class Replayed(Answer):
    """One envelope that was to be replayed; `code` says why it is not. `outcome` and what follows are there in a dry run.

    `decided`: it has an effect already. `pending`: it is still to be run the first time.
    """

    id: str
    replayed: bool
    code: Literal["expired", "decided", "pending", "no_such_envelope"] | None = None
    outcome: Outcome | None = None
    reason: Reason = None
    lead: WholeLead | None = None
    sentences: list[Sentence] | None = None
    notice: NoticeText | None = None


class Replays(Answer):
    """The envelopes that were to be replayed."""

    items: list[Replayed]


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
