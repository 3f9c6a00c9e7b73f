"""What a notice is and what a route for it must offer; the `console` route, which is there without configuration."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notice for one person. `id` stays the same over repeated attempts."""

    id: str
    to: str
    address: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message: sent, or why not, and whether another attempt can help."""

    sent: bool
    error: str | None = None
    again: bool = True


class Route(Protocol):
    """A way to a person. `send` never raises: each message has its own delivery."""

    name: str

    def address(self, manager: str) -> str | None:
        """Where this manager is reached by this route; None where he is not."""

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Deliver messages, in order; one result each."""


class Console:
    """Prints notices on standard output: the route of whoever has configured none."""

    name = "console"

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def address(self, manager: str) -> str | None:
        """Everybody is reached."""
        return manager

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Print each message under the name of whom it is for."""
        out = self._out or sys.stdout
        lines = [f"--> {m.to}: {m.subject}\n    " + m.text.replace("\n", "\n    ") for m in messages]
        print("\n".join(lines), file=out, flush=True)
        return [Delivery(sent=True) for _ in messages]
