"""Telegram: a bot that clients write to, by long polling or by webhook, and that managers are told by and answer with buttons.

An envelope is one update, as JSON. It is named by its number and its own time, since numbers start anew after a week of
silence; Telegram keeps what is not acknowledged for a day. A bot sees only those who wrote to it first.

The rooms: `updates` says what an update means, with `files` and `folding`, all pure; `polling` and `webhook` are the two ways
in, `courier` is the way out, with `sending` for clients; `config` is an entry of the YAML; `connection` opens the Bot API for
them, and `bot_api` alone imports aiogram.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import Port, Probe, Rejected
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Outgoing, Parsed, Request, Signal, digest
from channels.telegram import folding, sending, updates, webhook
from channels.telegram.config import Config
from channels.telegram.connection import Connection
from channels.telegram.courier import Courier
from channels.telegram.files import LOCATOR
from channels.telegram.polling import Polling
from channels.telegram.trouble import TooLarge, Undeliverable
from kernel.texts import Language

__all__ = ["Adapter", "Config"]


class Adapter(BaseAdapter[Config]):
    """One bot. Its envelopes have no `meta`; their bodies are updates as JSON."""

    kind = "telegram"
    fetches = True
    longest = sending.LONGEST

    def __init__(self, name: str, config: Config, *, secret: bytes, language: Language) -> None:
        super().__init__(name, config, secret=secret, language=language)
        proxy = None if config.proxy is None else config.proxy.get_secret_value()
        self._connection = Connection(config.token, config.api_base, proxy)
        self._polling = Polling()
        self.courier = Courier(self._connection)

    def receive(self, request: Request) -> Sequence[Envelope]:
        """One update. Raises Rejected: 404 where the bot polls, 405, 401, 400."""
        if self.config.secret is None or self.config.mode != "webhook":
            raise Rejected(404, "no_webhook", "this bot is polled; nobody calls it")
        webhook.prove(request, self.config.secret.get_secret_value())
        try:
            update = orjson.loads(request.body)
            identity = _identity(update)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise Rejected(400, "unreadable", "the body is no update of the Bot API") from error
        return (Envelope(self.name, identity, request.body, request.at, digest=digest(request.body)),)

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:  # noqa: ARG002 - a repeat is welcome too
        """200: Telegram may forget the update."""
        return Answer(200, b"{}")

    def parse(self, envelope: Envelope) -> Parsed:
        """What the update says; nobody is a client of a bot that is for managers only."""
        said = updates.read(orjson.loads(envelope.body))
        if isinstance(said, Signal) and isinstance(said.otherwise, Inbound) and not self.config.clients:
            return replace(said, otherwise=Ignored("not_for_clients", said.otherwise))
        if isinstance(said, Inbound) and not self.config.clients:
            return Ignored("not_for_clients", said)
        return said

    def fold(self, parts: Sequence[Inbound]) -> Inbound:
        """An album, or a message that was edited."""
        return folding.fold(parts)

    def listens(self) -> bool:
        """A bot polls, or looks after its webhook."""
        return True

    async def listen(self, port: Port) -> None:
        """Take updates in, or keep them coming, until cancelled."""
        async with self._connection.opened() as api:
            if self.config.mode == "webhook" and self.config.secret is not None:
                public = self.config.api_base is None
                await webhook.keep(api, port, self.config.secret.get_secret_value(), public=public)
            else:
                await self._polling.run(api, port, lambda update: self._envelope(update, port))

    async def probe(self, address: str) -> Probe:
        """Who the bot is, and how deliveries to it go."""
        webhooks = self.config.mode == "webhook"
        async with self._connection.opened() as api:
            name = await api.name()
            public = self.config.api_base is None
            said = await webhook.probe(api, address if webhooks else None, public=public)
        return Probe(f"@{name}; {said}")

    async def fetch(self, locator: str, most: int) -> bytes:
        """A file that somebody sent to the bot."""
        try:
            return await self.courier.file(locator.removeprefix(LOCATOR), most)
        except TooLarge as error:
            raise Rejected(413, "too_large", str(error)) from error
        except Undeliverable as error:
            raise Rejected(404, "gone", str(error)) from error

    def way_back(self, said: Inbound | None) -> str | None:
        """The chat in which it was said."""
        where = None if said is None else sending.place(said)
        return None if where is None else where.chat

    async def send(self, outgoing: Outgoing) -> None:
        """A message that quotes what it answers."""
        where = None if outgoing.answers is None else sending.place(outgoing.answers)
        here = where is not None and where.chat == outgoing.to
        try:
            await self.courier.say(
                outgoing.to,
                outgoing.text,
                answers=where.message if where is not None and here else None,
                business=where.business if where is not None and here else None,
            )
        except Undeliverable as error:
            raise sending.why(error) from error

    def _envelope(self, update: dict[str, Any], port: Port) -> Envelope:
        body = orjson.dumps(update)
        return Envelope(self.name, _identity(update), body, port.now(), digest=digest(body))


def _identity(update: dict[str, Any]) -> str:
    return f"{int(update['update_id'])}:{updates.stamp(update)}"
