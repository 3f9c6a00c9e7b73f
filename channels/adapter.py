"""What a channel kind must offer, the three ways in which it says what went wrong, and how a kind is found by its name."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

import channels
from channels.message import Accepted, Answer, Envelope, Parsed, Request
from kernel.texts import Language

_PLUMBING = frozenset({"adapter", "message"})


class Unavailable(Exception):
    """Try later: the provider, the network or the store is away."""


class Misconfigured(Exception):
    """A person must act: the message says what to do."""


class Rejected(Exception):
    """Never this delivery: `status` and `code` are the HTTP answer's, the message says what was wrong with it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ChannelConfig(BaseModel):
    """What every entry under `channels:` has. A kind's own `Config` adds its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    source: str | None = None
    team: str | None = None


ConfigT = TypeVar("ConfigT", bound=ChannelConfig)


class Adapter(ABC, Generic[ConfigT]):
    """One configured channel. `receive`, `answer`, `page` and `parse` do no input or output of their own.

    `name` is the key in the YAML, `secret` a key of the store for marks that the adapter signs for itself.
    """

    kind: ClassVar[str]

    def __init__(self, name: str, config: ConfigT, *, secret: bytes, language: Language) -> None:
        self.name = name
        self.config = config
        self.secret = secret
        self.language = language

    @abstractmethod
    def receive(self, request: Request) -> Sequence[Envelope]:
        """Prove the sender, name the deliveries, split what carries several. Raises Rejected."""

    @abstractmethod
    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:
        """What the vendor wants to hear once the envelopes of `request` are committed. Raises Rejected."""

    @abstractmethod
    def parse(self, envelope: Envelope) -> Parsed:
        """What the envelope says. Pure: the same envelope always gives the same result; an exception makes it `failed`."""

    def preflight(self, request: Request) -> Answer | None:
        """The answer to an OPTIONS request, None where the kind has no browsers for clients."""
        return None

    def refused(self, request: Request, refusal: Rejected) -> Answer | None:
        """A refusal in the sender's own form (a page for a browser); None for the common JSON error."""
        return None

    def page(self, request: Request) -> Answer | None:
        """The hosted page of this channel at `GET /form/{channel}`; None where the kind has none."""
        return None


def kinds() -> tuple[str, ...]:
    """The kinds that this installation can run: the modules of `channels`."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(channels.__path__) if m.name not in _PLUMBING))


def load(kind: str) -> Any:
    """The module of a kind, with its `Config` and `Adapter`. Raises KeyError for a kind that has no module."""
    if kind not in kinds():
        raise KeyError(kind)
    return importlib.import_module(f"channels.{kind}")
