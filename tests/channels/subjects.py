"""What a kind of channel brings to be climbed and fuzzed: channels as they are configured, and what providers deliver to them.

Every `tests/channels/test_<kind>.py` has a function `subjects()`; whoever wants all of them asks `every`, which goes by the
registry of kinds. So a new kind is found here as it is found by the daemon.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from channels.adapter import Adapter, kinds
from channels.message import Envelope, Request


@dataclass(frozen=True, slots=True)
class Document:
    """What a provider says in one delivery, before it proves itself. `way` is what it says beside: a path, a content type."""

    body: bytes
    way: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One configured channel and recorded payloads.

    `documents` come over HTTP as `proved` makes a request of them; `forged` makes one that nobody vouches for, where the kind
    asks for a proof. `envelopes` are fetched. `secrets` must be seen by nobody.
    """

    kind: str
    name: str
    make: Callable[[], Adapter[Any]]
    documents: Sequence[Document] = ()
    proved: Callable[[Document], Request] | None = None
    forged: Callable[[Document], Sequence[Request]] | None = None
    envelopes: Sequence[Envelope] = ()
    secrets: tuple[str, ...] = ()

    def requests(self) -> list[Request]:
        """The deliveries that come over HTTP."""
        return [] if self.proved is None else [self.proved(one) for one in self.documents]

    def recorded(self) -> list[Envelope]:
        """An envelope of every payload, whichever way it came."""
        adapter = self.make()
        return [*self.envelopes, *(one for request in self.requests() for one in adapter.receive(request))]


def of(kind: str) -> tuple[Subject, ...]:
    """What the test file of a kind brings."""
    return tuple(import_module(f"tests.channels.test_{kind}").subjects())


def tried() -> tuple[str, ...]:
    """The kinds of this installation, or those of them that the environment names: whoever writes one tries that one."""
    named = os.environ.get("PRIYOM_TEST_KINDS", "").split()
    return tuple(kind for kind in kinds() if not named or kind in named)


def every() -> list[Subject]:
    """The subjects of all kinds that are tried."""
    return [one for kind in tried() for one in of(kind)]
