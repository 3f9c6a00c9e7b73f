"""What the desk needs from the rest: questions and commands, as plain JSON in the contract's shape. `ingest` hands them in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Json = dict[str, Any]


class Refused(Exception):
    """A command that cannot be done: `status` and `code` for the answer, and for a 409 the present state."""

    def __init__(self, status: int, code: str, message: str, present: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.present = present


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: what he does is done in the name of `person`. A director may everything, a manager what concerns him.

    `csrf` is what his session's forms carry; None where a token proved him, which no foreign page can send.
    """

    person: str
    role: Literal["director", "manager"]
    title: str | None = None
    csrf: str | None = field(default=None, repr=False)

    @property
    def only(self) -> str | None:
        """The manager to whom what he sees is narrowed, None for whoever sees all."""
        return self.person if self.role == "manager" else None


class Entrance(Protocol):
    """Links and sessions. Raises Refused with 503 while the store is away."""

    async def invite(self, person: str | None) -> Json:
        """A one-time link: `{"url", "person", "until"}`; without a person the first director's. Raises Refused, 422."""

    async def invited(self, token: str) -> Visitor | None:
        """Whom a valid link is for, None for any other. Does not use it up."""

    async def enter(self, token: str) -> str | None:
        """Use a link up; the cookie of the new session, None where the link is not valid."""

    async def visitor(self, cookie: str) -> Visitor | None:
        """Whose session a cookie is, None where it is none."""

    async def leave(self, cookie: str) -> None:
        """End a session."""


class Board(Protocol):
    """What the pages ask beside `Office`: whole screens at once, told in a language."""

    async def board(self, only: str | None, language: str) -> Json:
        """The live page's facts as of one instant, `only` one manager's: waiting, work, teams, channels, day, now."""

    async def choices(self, language: str) -> Json:
        """What forms offer: `{"managers": {name: title}, "teams": […], "reasons": {state: […]}, "why", "replies", "zone", "now"}`.

        `people` are the titles of directors, too, for who did something. `why` says the codes of reasons in words, `replies`
        why a client was not answered.
        """


class Links(Protocol):
    """What links in notices lead to. Both raise Refused: 404 for what is no link, 410 for an old one, 503.

    Each answers `{"language", "title", "asks", "told", "choices": [{"text", "token"}]}`: `asks` is the action that sending the
    form would do, `told` what came of it.
    """

    async def linked(self, token: str) -> Json:
        """What a link would do; nothing is done, however often it is asked (mail scanners follow links)."""

    async def press(self, token: str) -> Json:
        """Do it."""


class People(Protocol):
    """What can be asked and ordered about who is who."""

    async def contacts(self, key: str | None, q: str | None, limit: int, cursor: str | None) -> Json:
        """A page of contacts by `kind:value` or a part of name or key."""

    async def contact(self, uid: str, language: str = "") -> Json:
        """One contact with keys, leads, interactions, merges; suggestions with their reason in words."""

    async def merge(self, into: str, absorbed: str, *, preview: bool, actor: str) -> Json:
        """Make two contacts one: `{"merge": id}`. With `preview` what that would do, and nothing is stored."""

    async def undo(self, merge: str, actor: str) -> Json:
        """Take a merge back, exactly; the merge afterwards."""

    async def split(self, contact: str, keys: Sequence[Json | str], interactions: Sequence[str], actor: str) -> Json:
        """Move keys with what came by them, and single interactions, to a contact of their own: `{"contact", "undone"}`."""

    async def suggestions(self, state: str | None, language: str, limit: int, cursor: str | None) -> Json:
        """A page of contacts that may be one person, with the reason in words."""

    async def judge(self, suggestion: str, verdict: str, language: str, actor: str) -> Json:
        """join, apart or dismiss a suggestion; the suggestion afterwards."""

    async def describe(self, contact: str, order: Mapping[str, Any], actor: str) -> Json:
        """Name a contact, or give it an owner; only what `order` has is changed. The contact afterwards."""

    async def bring_in(self, rows: Sequence[Mapping[str, Any]], *, preview: bool, actor: str) -> Json:
        """Take rows of a file of contacts: `{"items", "counts"}`. With `preview` what that would do, and nothing is stored."""

    async def company(self, uid: str) -> Json:
        """A company or an unnamed line, with its keys, contacts and leads."""

    async def describe_company(self, uid: str, order: Mapping[str, Any], actor: str) -> Json:
        """Name a company, or give it an owner; only what `order` has is changed. The company afterwards."""


class Leads(Protocol):
    """What can be asked and ordered about leads."""

    async def page(self, wanted: Mapping[str, str | None], limit: int, cursor: str | None) -> Json:
        """A page of leads by state, owner, team, channel, q."""

    async def lead(self, uid: str, cursor: str | None = None) -> Json:
        """One lead with interactions, activities, decision; `cursor`: the next part of a timeline longer than one answer."""

    async def explain(self, uid: str, language: str) -> Json:
        """Every decision about a lead in sentences: `{"lead", "title", "sentences": [{"at", "text"}]}`."""

    async def act(self, uid: str, action: str, order: Mapping[str, Any], actor: str) -> Json:
        """accept, decline, assign, disqualify, lose, convert or reopen a lead; the lead afterwards."""

    async def reply(self, uid: str, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """Say `text` to the client of a lead, in the name of `manager`; `interaction` is what it answers.

        Its place on the timeline, with `lead` and `duplicate`. A key that is used again with the same text says nothing again.
        """

    async def done(self, uid: str, actor: str) -> Json:
        """What was to be done is done, by the id of it; its lead afterwards. Raises Refused with 404."""

    async def lead_of_activity(self, uid: str) -> str:
        """The id of the lead that an activity is about. Raises Refused with 404."""

    async def concerns(self, uid: str, manager: str) -> bool:
        """Whether a lead is this manager's, or is offered to him."""

    async def file(self, name: str, only: str | None = None) -> Path:
        """Where a file of a message lies, by the name that its attachment has; `only`: with what concerns this manager."""


class Approaches(Protocol):
    """Approaches that no channel brought."""

    async def take_down(self, order: Mapping[str, Any], key: str | None, actor: str) -> Json:
        """An approach taken down by hand: its lead. With `preview` whom it may be from, and what would happen.

        The same `key` with the same order is the same approach.
        """

    async def attempt(self, given: Mapping[str, Any]) -> Json:
        """`priyom try`: what would happen to an approach; nothing is stored."""


class Managers(Protocol):
    """What can be asked and ordered about managers."""

    async def all(self) -> Json:
        """Every manager with availability, load, shift, turns."""

    async def set_available(self, manager: str, *, available: bool, actor: str) -> Json:
        """Switch a manager's availability; the manager afterwards."""

    async def hand_over(self, manager: str, to: str | None, actor: str) -> Json:
        """Give all open leads of a manager to `to`, or None: to whoever has the turn: `{"manager", "to", "leads"}`."""

    async def invite(self, manager: str) -> Json:
        """A link, for one use, by which a manager's Telegram account becomes the way to him: `{"manager", "link", "until"}`."""


class Journal(Protocol):
    """What can be asked about envelopes, and ordered."""

    async def ledger(self) -> Json:
        """Received and outcomes per channel and day, and whether they agree."""

    async def envelopes(
        self, outcome: str | None, channel: str | None, reason: str | None, limit: int, cursor: str | None
    ) -> Json:
        """A page of envelopes."""

    async def envelope(self, uid: str) -> Json:
        """One envelope: outcome, reason, lead, contact, the body as delivered."""

    async def replay(self, uids: Sequence[str] | None, *, as_client: bool, dry_run: bool, actor: str) -> Json:
        """Run failed or ignored envelopes through again (None: all failed): `{"items": [{"id", "replayed", …}]}`.

        `code` is `expired` for one whose body the store need not keep any more.
        """


class Configuration(Protocol):
    """The file of configuration, and what is in force of it."""

    async def plan(self) -> Json:
        """What the changed configuration would change: `{"changes", "restart", "warnings"}`. Refused 422 with its faults."""

    async def reload(self, actor: str) -> Json:
        """Put the changed configuration in force; `plan`'s answer. Refused 422 with its faults, and nothing has changed."""


class Running(Protocol):
    """How the process and its channels stand."""

    async def health(self) -> Json:
        """`{"ready": bool, "store": …, "channels": …}` for /readyz."""

    async def metrics(self) -> bytes:
        """Prometheus text."""

    async def channels(self, language: str = "") -> Json:
        """Every channel with its state."""

    async def notices(self) -> Json:
        """Notices that have not reached their manager."""


class Sweeps(Protocol):
    """What the store need not keep any more."""

    async def sweep(self, *, dry_run: bool, whole: bool) -> Json:
        """Begin to drop what the policy no longer keeps, unless that is under way, and how it stands a while later."""

    async def swept(self) -> Json:
        """How the latest such sweep stands, as soon as it is done or a while later. Raises Refused, 404, before the first."""


class Changes(Protocol):
    """What screens have to fetch again."""

    def follow(self, last: str | None) -> AsyncIterator[Sequence[Json]]:
        """What changed after the event `last`, as it happens: `{"event", "kind", "id", "version"}`, with a `reset` if need be."""


@dataclass(frozen=True, slots=True)
class Office:
    """Everything the API can ask and order, by what it is about.

    `actor` names who orders. All of it raises Refused, and with 503 while the store is away.
    """

    leads: Leads
    approaches: Approaches
    people: People
    managers: Managers
    journal: Journal
    configuration: Configuration
    running: Running
    sweeps: Sweeps
    entrance: Entrance
    changes: Changes
