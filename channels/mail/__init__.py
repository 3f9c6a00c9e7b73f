"""Mail: a mailbox that is read over IMAP, by IDLE where the server has it.

An envelope is one mail, byte for byte, named by the digest of these bytes: a mail that is moved between folders or gets a new
number is the same mail, and the same Message-ID in two mailboxes is two. Nothing is marked as read, moved or deleted.

The rooms: `connection` speaks to the server and `folder` reads one folder of it, with `folders` for the spelling of its name.
What a mail means is pure: `letter` opens it with `headers`, `charsets` and `markup`; `reading` says what it says, with
`parties` (who is who), `quotes` (what is new in it), `forms` and `forwards` (the client behind a robot or a colleague),
`filters` (automatic mail) and `answering` (whom a machine may answer); `answers` are what colleagues answer to notices.
`sending` is the way out, over SMTP. `config` is an entry of the YAML.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final

from channels.adapter import Adapter as BaseAdapter
from channels.adapter import Expiry, Misconfigured, Port, Probe, Rejected
from channels.mail import answers, expiry, letter, parties, reading, sending
from channels.mail.config import Config
from channels.mail.connection import Timing, access_token, connected
from channels.mail.folder import Reader
from channels.message import Accepted, Answer, Envelope, Inbound, Outgoing, Parsed, Request
from kernel.texts import Language

__all__ = ["Adapter", "Config"]

GRACE: Final = 60.0
"""Seconds in which the other folders are read to their end once one of them cannot be read."""


class Unreadable(Exception):
    """There was a mail, and the server could not give it."""


class Adapter(BaseAdapter[Config]):
    """One mailbox, any number of its folders.

    `meta` of its envelopes: `folder`, `uid`; `received`, the server's date; `cut`, the size of a mail of which only the beginning
    was taken; `missing`, the size of one that the server could not give.
    """

    kind = "mail"
    writes_to = "email"
    quiet_after: ClassVar[float] = 420.0  # longer than a server may rightly be silent: `Timing.idle` and two answers

    def __init__(
        self, name: str, config: Config, *, secret: bytes, language: Language, timing: Timing | None = None
    ) -> None:
        super().__init__(name, config, secret=secret, language=language)
        self._timing = timing or Timing()
        self._us = parties.ours(config.user)
        self._certified_until: datetime | None = None
        self._aliases = frozenset(address.lower() for address in config.numbers)
        self._readers = [Reader(name, folder, config.start, config.max_size) for folder in config.folders]

    @property
    def mailbox(self) -> str | None:
        """The user, where that is an address."""
        return self._us.address or None

    def receive(self, request: Request) -> Sequence[Envelope]:  # noqa: ARG002 - there is nothing to look at
        """Nobody sends mail over HTTP. Raises Rejected: 404."""
        raise Rejected(404, "no_webhook", "this mailbox is read over IMAP; nobody calls it")

    def answer(self, request: Request, accepted: Sequence[Accepted]) -> Answer:  # noqa: ARG002 - as above
        """Never asked. Raises Rejected: 404."""
        raise Rejected(404, "no_webhook", "this mailbox is read over IMAP; nobody calls it")

    def parse(self, envelope: Envelope) -> Parsed:
        """What the mail says. Raises Unreadable where the server could not give it."""
        if "missing" in envelope.meta:
            raise Unreadable("the mail server could not give this mail; look at it in the mailbox")
        received = envelope.meta.get("received")
        moment = datetime.fromisoformat(received) if received else envelope.received_at
        mail = letter.opened(envelope.body, cut="cut" in envelope.meta)
        return answers.read(mail, self._us, reading.read(mail, self._us, moment, self._aliases), self.secret)

    def fold(self, parts: Sequence[Inbound]) -> Inbound:
        """Copies of one mail: the latest, whose files are at hand."""
        return parts[-1]

    def way_back(self, said: Inbound | None) -> str | None:
        """Whoever wrote it, or filled in the form that is in it. Raises Rejected where the mailbox has no `smtp`."""
        sending.server(self.name, self.config)
        addresses = () if said is None else said.emails
        return next((one for one in addresses if not parties.is_deaf(one)), None)

    async def send(self, outgoing: Outgoing) -> None:
        """A mail in the thread of what it answers."""
        await sending.send(self.name, self.config, self.language, outgoing)

    def listens(self) -> bool:
        """A mailbox is read."""
        return True

    async def listen(self, port: Port) -> None:
        """Read every folder over a connection of its own, until cancelled. Raises Unavailable, Misconfigured."""
        tasks = {asyncio.create_task(self._read(reader, port)): reader for reader in self._readers}
        try:
            done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failed = done.pop()
            if isinstance(failed.exception(), Misconfigured):
                # A folder that was renamed must not keep the mail in the others waiting.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE):
                        await asyncio.gather(*(tasks[task].caught_up.wait() for task in others))
            failed.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def probe(self, address: str) -> Probe:  # noqa: ARG002 - nobody calls a mailbox
        """Whether the server lets us in and has the folders, and whether the other one would send our answers."""
        async with connected(self.config, _nobody, self._timing) as connection:
            for folder in self.config.folders:
                await connection.open_folder(folder)
        said = f"logged in as {self.config.user}, and there is {', '.join(self.config.folders)}"
        if self.config.smtp is None:
            return Probe(f"{said}; it has no smtp, so clients cannot be answered from here")
        try:
            return Probe(f"{said}; {await sending.probe(self.name, self.config)}")
        except Rejected as error:
            raise Misconfigured(str(error)) from error

    def expiries(self) -> Sequence[Expiry]:
        """The server's certificate, and a token that says when it ends."""
        server = self.config.imap
        place = "" if server is None else f"{server.host}:{server.port}"
        # Not the token of the last login: whoever renews it may have written a newer one since.
        with contextlib.suppress(Misconfigured):
            return [
                *expiry.of_certificate(place, self._certified_until),
                *expiry.of_token(self.config.user or self.name, access_token(self.config)),
            ]
        return expiry.of_certificate(place, self._certified_until)

    async def _read(self, reader: Reader, port: Port) -> None:
        async with connected(self.config, port.alive, self._timing) as connection:
            self._certified_until = connection.certified_until
            await reader.run(connection, port)


def _nobody() -> None:
    """Nobody waits for signs of life of a probe: each of its steps has an end."""
