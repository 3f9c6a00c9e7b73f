"""VK: a community that clients write to, by long polling or by the Callback API.

An envelope is one event, as JSON, without the callback's secret. It is named by its `event_id`, whichever way it came; a message
that was read from its conversation after a gap is named by its place there.

The rooms: `events` says what an event means, with `forms`, `files` and `folding`, all pure; `polling` (with `catching_up`) and
`callback` are the two ways in, `sending` says what goes out; `config` is an entry of the YAML; `connection` opens the API for
them, each call `aside`, and `api` alone imports vk_api.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import Port, Probe, Rejected
from channels.message import Accepted, Answer, Envelope, Inbound, Outgoing, Parsed, Request, digest
from channels.vk import callback, events, folding, sending, wire
from channels.vk.config import Config
from channels.vk.connection import Connection, Speaking
from channels.vk.files import LOCATOR
from channels.vk.polling import Polling
from channels.vk.trouble import MESSAGES, Denied, Gone, poll_is_off
from kernel.texts import Language

__all__ = ["Adapter", "Config"]


class Adapter(BaseAdapter[Config]):
    """One community. Bodies are events as JSON; `meta` says where a message was `caught_up` after a gap."""

    kind = "vk"
    fetches = True
    longest = sending.LONGEST

    def __init__(self, name: str, config: Config, *, secret: bytes, language: Language) -> None:
        super().__init__(name, config, secret=secret, language=language)
        self._connection = Connection(config.group_id, config.token, config.api_base, config.api_version)

    def receive(self, request: Request) -> Sequence[Envelope]:
        """One event, or none where VK only confirms the address. Raises Rejected: 404 where we poll, 405, 400, 401."""
        event = self._event(request)
        if event["type"] == callback.CONFIRMATION:
            return ()
        try:
            return (self._envelope(event, at=lambda: request.at),)
        except ValueError as error:
            raise Rejected(400, "unreadable", "the body is no event of VK") from error

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:  # noqa: ARG002 - a repeat is welcome too
        """`ok`: VK may forget the event; or the code that it confirms the address by."""
        if accepted:
            return callback.TAKEN
        return Answer(200, (self.config.confirmation or "").encode(), "text/plain")

    def parse(self, envelope: Envelope) -> Parsed:
        """What the event says."""
        return events.read(wire.read(envelope.body), caught_up=events.CAUGHT_UP in envelope.meta)

    def fold(self, parts: Sequence[Inbound]) -> Inbound:
        """A message and its edits."""
        return folding.fold(parts)

    def listens(self) -> bool:
        """By long polling only: the Callback API calls us."""
        return self.config.mode == "longpoll"

    async def listen(self, port: Port) -> None:
        """Poll until cancelled."""
        async with self._connection.opened() as speaking:
            envelop = partial(self._envelope, at=port.now)
            await Polling(speaking, port, envelop, self.name).run()

    async def probe(self, address: str) -> Probe:
        """Which community it is, and whether it would tell us of messages."""
        if self.config.token is None:
            return Probe(f"without a token nobody can ask VK: press Confirm there for {address}", tried=False)
        async with self._connection.opened() as speaking:
            name = await speaking.community() + await self._lacking(speaking)
            if self.config.mode == "longpoll":
                await speaking.session()
                if not await speaking.polls():
                    raise poll_is_off()
                return Probe(f"{name}; the long poll is on")
            try:
                servers = await speaking.callbacks()
            except Denied:
                return Probe(f"{name}; the key may not ask how the Callback API is")
        secret = None if self.config.secret is None else self.config.secret.get_secret_value()
        return Probe(f"{name}; {callback.described(servers, address, secret)}")

    async def _lacking(self, speaking: Speaking) -> str:
        """That the key may not write, in words; nothing where it may, or VK does not say."""
        try:
            may = MESSAGES in await speaking.rights()
        except Denied:
            return ""
        return "" if may else "; the key has no right to messages: clients cannot be answered, nor a gap be read"

    async def fetch(self, locator: str, most: int) -> bytes:
        """A file that somebody sent to the community."""
        try:
            async with self._connection.opened() as speaking:
                return await speaking.file(locator.removeprefix(LOCATOR), most)
        except Gone as error:
            raise Rejected(404, error.code, str(error)) from error

    async def profile(self, locator: str) -> str | None:
        """What somebody calls himself in VK; without an access key nobody can be asked."""
        if self.config.token is None:
            return None
        try:
            async with self._connection.opened() as speaking:
                return await speaking.name(locator.removeprefix(LOCATOR))
        except Denied:
            return None

    def way_back(self, said: Inbound | None) -> str | None:
        """The conversation in which it was said. A form is no conversation. Raises Rejected without an access key."""
        if self.config.token is None:
            raise Rejected(422, "no_token", f"{self.name} has no access key to write with; set token")
        where = None if said is None else sending.place(said)
        return None if where is None else where[0]

    def comes_back_as(self, word: str, to: str) -> str:
        """VK tells of what we send as well, under the number that we gave it."""
        return sending.echo(to, sending.random_id(word))

    async def send(self, outgoing: Outgoing) -> None:
        """A message that quotes what it answers, unless that was deleted."""
        where = None if outgoing.answers is None else sending.place(outgoing.answers)
        quoted = where[1] if where is not None and where[0] == outgoing.to else None
        number = sending.random_id(outgoing.id)
        try:
            async with self._connection.opened() as speaking:
                try:
                    await speaking.say(outgoing.to, outgoing.text, number, quoted)
                except Denied as error:
                    if quoted is None or error.code != sending.NO_MESSAGE:
                        raise
                    await speaking.say(outgoing.to, outgoing.text, number, None)
        except Denied as error:
            raise sending.why(self.name, error) from error

    def _event(self, request: Request) -> dict[str, Any]:
        if self.config.mode != "callback":
            raise Rejected(404, "no_callback", "this community is polled; nobody calls it")
        secret = self.config.secret
        return callback.event(request, None if secret is None else secret.get_secret_value())

    def _envelope(self, event: Mapping[str, Any], *, at: Callable[[], datetime], caught_up: bool = False) -> Envelope:
        body = wire.write(event)
        named = events.identity_by_place(event) if caught_up else events.identity(event)
        meta = {events.CAUGHT_UP: "true"} if caught_up else {}
        return Envelope(self.name, named, body, at(), meta, digest(body))
