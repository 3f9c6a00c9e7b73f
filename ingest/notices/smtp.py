"""Notices by e-mail, over SMTP (RFC 5321). One fresh connection for each burst: a client kept for days goes stale.

A time-out after DATA leaves open whether the server has the message. It is sent again with the same Message-ID, by which
mail readers and servers recognise it.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib
import sqlalchemy as sa

from ingest.notices.route import Delivery, Message
from kernel.automatic import OWN_HEADER
from kernel.threads import signed_id

TIMEOUT: Final = 30.0
_PERMANENT: Final = range(500, 600)

Tls = Literal["implicit", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server as configured. `tls`: implicit, required STARTTLS, or none (loopback)."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Answers:
    """How answers to notices find back: the mailbox that reads them, and by what the ids are signed that it knows them by."""

    mailbox: str
    secret: bytes = field(repr=False)


class Email:
    """The e-mail route: who is reached where, and from which address."""

    name = "email"
    edits = False
    links = True

    def __init__(
        self,
        server: Server,
        sender: str,
        addresses: Mapping[str, str],
        timeout: float = TIMEOUT,
        answers: Answers | None = None,
    ) -> None:
        self._answers = answers
        self._server = server
        self._sender = sender
        self._addresses = addresses
        self._timeout = timeout

    def learn(self, db: sa.Connection) -> None:
        """The configuration says it all."""

    def address(self, manager: str) -> str | None:
        """The manager's mail address, None where he has none."""
        return self._addresses.get(manager)

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Send each message over one connection. A refused one costs the others nothing; a lost connection costs the rest."""
        client = self._client()
        try:
            await client.connect()
            if self._server.user is not None and self._server.password is not None:
                await client.login(self._server.user, self._server.password)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            return [Delivery(sent=False, error=_named(error)) for _ in messages]
        try:
            return [await self._deliver(client, message) for message in messages]
        finally:
            await _part(client)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            # None would be opportunistic: somebody in between could then read along.
            start_tls=server.tls == "starttls",
            timeout=self._timeout,
            tls_context=server.context,
        )

    async def _deliver(self, client: aiosmtplib.SMTP, message: Message) -> Delivery:
        if not client.is_connected:
            return Delivery(sent=False, error="the connection was lost before it was sent")
        try:
            # One recipient a message: a partial refusal, which would not raise, cannot happen.
            await client.send_message(self._composed(message), sender=self._sender, recipients=[message.address])
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code
            return Delivery(sent=False, error=f"recipient refused ({code})", again=code not in _PERMANENT)
        except aiosmtplib.SMTPSenderRefused as error:
            # What a server has against us (530: no login, no TLS) is mended in the configuration: the notice itself is sound.
            return Delivery(sent=False, error=_named(error))
        except aiosmtplib.SMTPResponseException as error:
            return Delivery(
                sent=False, error=f"{type(error).__name__} ({error.code})", again=error.code not in _PERMANENT
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            return Delivery(sent=False, error=_named(error))
        return Delivery(sent=True)

    def _composed(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = self._sender
        mail["To"] = message.address
        mail["Subject"] = " ".join(message.subject.split())
        mail["Date"] = format_datetime(datetime.now(UTC))
        domain = self._sender.rpartition("@")[2].rstrip(">")
        mail["Message-ID"] = f"<{message.id}@{domain}>"
        if self._answers is not None and message.answerable:
            del mail["Message-ID"]
            mail["Message-ID"] = signed_id(message.id, domain, self._answers.secret)
            mail["Reply-To"] = self._answers.mailbox
        # RFC 3834: no answering machine may answer this, ours included.
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail[OWN_HEADER] = "notice"
        mail.set_content(message.text)
        return mail


def _named(error: Exception) -> str:
    """The kind of failure and the server's code, never its text: servers quote addresses."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} ({code})" if isinstance(code, int) else type(error).__name__


async def _part(client: aiosmtplib.SMTP) -> None:
    if not client.is_connected:
        return
    try:
        await client.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
