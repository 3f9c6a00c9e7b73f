"""Channels that send, over the parts of a store: what they are told to say is kept, and they fail when they are told to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from channels.adapter import Adapter, Rejected, Unavailable
from channels.message import Inbound, Outgoing
from ingest.outgoing.sending import Sending
from ingest.outgoing.writing import Wanted, Writing
from ingest.turns.hand import Hand
from storage import words
from storage.schema import interactions, outbox
from storage.store import Store
from storage.words import Received
from tests.ingest.parts import NOW, Parts, Plain, at_clock, company, envelope, manager, wire


class Speaker(Plain):
    """A channel whose messages are answered at their `ref`. `troubles` are raised, one an attempt; `untaken` texts do not pass.

    Nothing leaves while `goes_on` is not set.
    """

    longest = 40

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.said: list[Outgoing] = []
        self.troubles: list[Exception] = []
        self.untaken: set[str] = set()
        self.asked, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()

    def way_back(self, said: Inbound | None) -> str | None:
        return None if said is None or said.ref is None else f"at {said.ref}"

    def comes_back_as(self, word: str, to: str) -> str:
        return f"sent:{to}:{word}"

    async def send(self, outgoing: Outgoing) -> None:
        self.asked.set()
        await self.goes_on.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        if outgoing.text in self.untaken:
            raise Unavailable("not now")
        self.said.append(outgoing)


class Mailbox(Speaker):
    """One that writes to whoever has an address, unless it has no server to send by."""

    writes_to = "email"

    def __init__(self, name: str, *, sends: bool = True) -> None:
        super().__init__(name)
        self.sends = sends

    def way_back(self, said: Inbound | None) -> str | None:
        if not self.sends:
            raise Rejected(422, "no_smtp", f"{self.name} has no smtp")
        return next(iter(said.emails), None) if said is not None else None


@dataclass
class Desk:
    """Writing and sending over one store, a day's clock that stands still."""

    parts: Parts
    adapters: dict[str, Adapter[Any]]
    writing: Writing
    sending: Sending
    changes: list[None] = field(default_factory=list)

    def lead(self, channel: str = "bot", **said: Any) -> dict[str, Any]:
        """A lead, of Anna's where nobody else is there."""
        self.parts.append(envelope({"phones": ["8 912 345-67-89"], "name": "Вера", **said}, channel=channel))
        (result,) = self.parts.drain(NOW)
        return self.parts.lead(result.lead)

    def write(self, lead: dict[str, Any], text: str = "Да, есть.", **more: Any) -> tuple[str, bool]:
        """Say something."""
        wanted = Wanted(lead["id"], text, more.pop("actor", "api"), **more)
        return self.parts.store.transact(lambda db: self.writing.write(db, wanted, NOW))

    async def send_all(self) -> None:
        """Send whatever is due."""
        while await self.sending.step():
            pass

    def received(self, lead: dict[str, Any]) -> Sequence[Received]:
        return self.parts.store.peek(lambda db: words.received(db, lead["id"]))

    def said(self, lead: dict[str, Any]) -> list[dict[str, Any]]:
        """Details of what was said on a lead, in order, with the text."""

        def unit(db: sa.Connection) -> list[dict[str, Any]]:
            query = sa.select(interactions).where(
                interactions.c.lead_id == lead["id"], interactions.c.direction == "out"
            )
            return [
                {"text": row.text, **orjson.loads(row.details)} for row in db.execute(query.order_by(interactions.c.id))
            ]

        return self.parts.store.peek(unit)

    def notices(self) -> list[tuple[str, str]]:
        """(code, state) of all that is in the outbox."""
        return [(row["code"], row["state"]) for row in self.parts.rows(outbox)]


def desk(
    store: Store,
    *,
    people: Sequence[str] = ("anna", "boris"),
    mailboxes: Sequence[str] = ("mail",),
    **document: Any,
) -> Desk:
    """The parts with a bot, mailboxes and a form that sends nothing."""
    kinds = {"bot": "plain", **dict.fromkeys(mailboxes, "plain"), "site": "webform"}
    listed = {name: {"kind": kind, "source": None, "team": None} for name, kind in kinds.items()}
    parts = wire(store, company(channels=listed, managers={name: manager() for name in people}, **document))
    adapters: dict[str, Adapter[Any]] = {"bot": Speaker("bot"), "site": Plain("site")}
    adapters |= {name: Mailbox(name) for name in mailboxes}
    hand = Hand(parts.names, parts.rulebooks, parts.distributor, dict, store.ids.take)
    changes: list[None] = []
    writing = Writing(parts.names, parts.rulebooks, hand, adapters, store.ids.take)
    sending = Sending(store, parts.names, adapters, at_clock(NOW), lambda: changes.append(None))
    return Desk(parts, adapters, writing, sending, changes)
