"""What a notice is and what a route for it must offer; the `console` route, which is there without configuration."""

import sys
from collections.abc import Sequence
from typing import Protocol, TextIO

import sqlalchemy as sa

from kernel.facts import fact


@fact
class Button:
    """Something that the reader can do at once. `data` says what, in at most 64 bytes: `ingest.notices.choices` writes it."""

    text: str
    data: str


@fact
class Message:
    """A rendered notice for one person. `id` stays the same over repeated attempts.

    `answerable`: what its reader answers to it is for the client of its lead.

    `edit`: the reference of a message of this route that is to say this now, without alerting anybody again. `replaces`: the
    reference of one that this new message comes in place of. A route that cannot edit is never given either.
    """

    id: str
    to: str
    address: str
    subject: str
    text: str
    buttons: tuple[Button, ...] = ()
    edit: str | None = None
    replaces: str | None = None
    answerable: bool = False


@fact
class Delivery:
    """What became of one message: sent, or why not, and whether another attempt can help, at the earliest `again_in` seconds.

    `ref`: by which the route finds the message again, to edit it; None where it cannot.
    """

    sent: bool
    error: str | None = None
    again: bool = True
    ref: str | None = None
    again_in: float | None = None


class Route(Protocol):
    """A way to a person. `send` never raises: each message has its own delivery."""

    name: str
    edits: bool
    """Whether a message that was sent can be found again and edited."""
    links: bool
    """Whether what its reader can do is written as links, since the route has no buttons."""

    def learn(self, db: sa.Connection) -> None:
        """Read what the store knows of who is reached where; called before each burst."""

    def address(self, manager: str) -> str | None:
        """Where this manager is reached by this route; None where he is not."""

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Deliver messages, in order; one result each."""


class Console:
    """Prints notices on standard output: the route of whoever has configured none."""

    name = "console"
    edits = False
    links = False

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def learn(self, db: sa.Connection) -> None:
        """There is nothing to know."""

    def address(self, manager: str) -> str | None:
        """Everybody is reached."""
        return manager

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Print each message under the name of whom it is for."""
        out = self._out or sys.stdout
        print("\n".join(map(_printed, messages)), file=out, flush=True)
        return [Delivery(sent=True) for _ in messages]


def _printed(message: Message) -> str:
    lines = (f"    {_plain(line)}".rstrip() for line in message.text.splitlines())
    return "\n".join((f"--> {message.to}: {_plain(message.subject)}", *lines))


def _plain(text: str) -> str:
    """`text` on one line, without what a terminal would obey: most of it is a stranger's."""
    if text.isprintable():  # nearly always, and letter by letter costs a tenth of all that a lead does
        return text
    spaced = (" " if letter.isspace() else letter for letter in text)
    return "".join(letter for letter in spaced if letter.isprintable())
