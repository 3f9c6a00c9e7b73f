"""What a channel kind must offer, the three ways in which it says what went wrong, and how a kind is found by its name."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

import channels
from channels.message import Accepted, Answer, Caller, Envelope, Inbound, Outgoing, Parsed, Position, Question, Request
from kernel.texts import Language

_PLUMBING = frozenset({"adapter", "message"})


class Unavailable(Exception):
    """Try later: the provider, the network or the store is away. `again_in`: after so many seconds, where the provider says."""

    def __init__(self, message: str, again_in: float | None = None) -> None:
        super().__init__(message)
        self.again_in = again_in


class Misconfigured(Exception):
    """A person must act: the message says what to do, and `russian` the same in Russian."""

    def __init__(self, message: str, russian: str | None = None) -> None:
        super().__init__(message)
        self.russian = russian or message


class Rejected(Exception):
    """Never this delivery: `status` and `code` are the HTTP answer's, the message says what was wrong with it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a credential ends: the token or the certificate of `place`. Its end is near once less than `ahead` is left."""

    what: Literal["token", "certificate"]
    place: str
    at: datetime
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class Probe:
    """What trying a channel came to, in a sentence. `tried` false: nothing was, and the sentence says how a person can."""

    said: str
    tried: bool = True


class ChannelConfig(BaseModel):
    """What every entry under `channels:` has. A kind's own `Config` adds its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    source: str | None = None
    team: str | None = None
    was: str | None = None
    """The channel's name before: what came under it stays this channel's."""


ConfigT = TypeVar("ConfigT", bound=ChannelConfig)


class Port(Protocol):
    """What a channel that fetches is given to bring in what it fetched. Raises Unavailable while the store is away.

    A holder that has lost the channel to another process is cancelled, and its positions are refused.
    """

    async def accept(self, envelopes: Sequence[Envelope], position: Position | None = None) -> list[Accepted]:
        """Commit envelopes and the position that covers them in one transaction; only then tell the provider."""

    async def position(self, name: str) -> Position | None:
        """How far this source was read; None before its first position."""

    async def open_era(self, position: Position) -> None:
        """Begin a new era of a source, where its numbers start again."""

    def alive(self) -> None:
        """A sign of life: the provider answered. Whoever is silent for longer than `Adapter.quiet_after` is started again."""

    def now(self) -> datetime:
        """The present moment by the daemon's clock."""

    @property
    def address(self) -> str:
        """Where the outside reaches this channel over HTTP, as far as `http.public_url` says."""


class Adapter(ABC, Generic[ConfigT]):
    """One configured channel. `receive`, `answer`, `page` and `parse` do no input or output of their own.

    `name` is the key in the YAML, `secret` a key of the store for marks that the adapter signs for itself.
    """

    kind: ClassVar[str]
    quiet_after: ClassVar[float] = 120.0
    """Seconds without `Port.alive` after which a listening channel is taken for hung."""

    fetches: ClassVar[bool] = False
    """Whether files of its messages, or names of who sent them, stay at the provider until `fetch` or `profile` brings them."""

    writes_to: ClassVar[str | None] = None
    """The kind of key to which this channel can write first, without being written to."""

    longest: ClassVar[int] = 50_000
    """UTF-16 units of a text that `send` takes."""

    def __init__(self, name: str, config: ConfigT, *, secret: bytes, language: Language) -> None:
        self.name = name
        self.config = config
        self.secret = secret
        self.language = language

    @property
    def mailbox(self) -> str | None:
        """The address whose mail this channel reads, None where it reads no mail."""
        return None

    @abstractmethod
    def receive(self, request: Request) -> Sequence[Envelope]:
        """Prove the sender, name the deliveries, split what carries several. Raises Rejected."""

    @abstractmethod
    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        """What the vendor wants to hear once the envelopes of `request` are committed. Raises Rejected."""

    @abstractmethod
    def parse(self, envelope: Envelope) -> Parsed:
        """What the envelope says. Pure: the same envelope always gives the same result; an exception makes it `failed`."""

    def fold(self, parts: Sequence[Inbound]) -> Inbound:
        """One interaction from all inbounds of one `ref`, in journal order, whatever order they came in. Pure.

        Unless a kind says otherwise, the latest by its own time says what it is, and every attachment of any part stays.
        """
        latest = max(parts, key=lambda part: part.at.timestamp() if part.at else 0.0)
        attachments = {(a.name, a.locator, a.size): a for part in parts for a in part.attachments}
        return replace(latest, attachments=tuple(attachments.values()))

    def listens(self) -> bool:
        """Whether this channel fetches by itself: `listen` is then kept running in exactly one process."""
        return False

    async def listen(self, port: Port) -> None:
        """Fetch until cancelled, calling `port.alive` at each sign of life. Raises Unavailable, Misconfigured."""
        raise NotImplementedError

    async def probe(self, address: str) -> Probe:
        """Try whether the provider would serve this channel, changing nothing there. Raises Unavailable, Misconfigured.

        `address`: where the outside reaches the channel over HTTP. A listening daemon beside it is not disturbed.
        """
        return Probe(f"it only receives: let the provider, or yourself, send something to {address}", tried=False)

    def expiries(self) -> Sequence[Expiry]:
        """Credentials in use whose end is known."""
        return ()

    async def fetch(self, locator: str, most: int) -> bytes:
        """A file by the locator of its attachment, of up to `most` bytes. Raises Unavailable, Misconfigured; Rejected: never."""
        raise NotImplementedError

    def question(self, request: Request) -> Question | None:
        """What the provider asks by this request, where it delivers nothing and waits for an answer. Raises Rejected."""
        return None

    def reply_to(self, question: Question, caller: Caller) -> Answer:
        """The answer to what `question` gave, in the vendor's own words. `caller` is empty where nothing was found in time."""
        raise NotImplementedError

    async def profile(self, locator: str) -> str | None:
        """What somebody calls himself, by `Inbound.profile`; None where nobody says. Raises as `fetch` does."""
        raise NotImplementedError

    def way_back(self, said: Inbound | None) -> str | None:
        """Where an answer to this goes, None where nobody can be reached by it. Pure. Raises Rejected: why it can send nothing.

        Without `said`, whether it can send at all: what it gives is not looked at.
        """
        raise Rejected(422, "channel_sends_nothing", f"{self.name} is a {self.kind} channel, which sends nothing")

    def comes_back_as(self, word: str, to: str) -> str | None:
        """What `Inbound.echo` says of the word with this id to this address, where the provider tells us of what we send. Pure."""
        return None

    async def send(self, outgoing: Outgoing) -> None:
        """Say something to a client. Raises as `fetch` does; Rejected: never this, and its code and message say why."""
        raise NotImplementedError

    def preflight(self, request: Request) -> Answer | None:
        """The answer to an OPTIONS request, None where the kind has no browsers for clients."""
        return None

    def refused(self, request: Request, refusal: Rejected) -> Answer | None:
        """A refusal in the sender's own form (a page for a browser); None for the common JSON error."""
        return None

    def page(self, request: Request) -> Answer | None:
        """The hosted page of this channel at `GET /form/{channel}`; None where the kind has none."""
        return None

    def script(self, request: Request) -> Answer | None:
        """That page as a script for others' pages, at `GET /form/{channel}.js`; None where the kind has none."""
        return None


def kinds() -> tuple[str, ...]:
    """The kinds that this installation can run: the modules of `channels`."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(channels.__path__) if m.name not in _PLUMBING))


def load(kind: str) -> Any:
    """The module of a kind, with its `Config` and `Adapter`. Raises KeyError for a kind that has no module."""
    if kind not in kinds():
        raise KeyError(kind)
    return importlib.import_module(f"channels.{kind}")
