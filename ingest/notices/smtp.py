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
from email.utils import format_datetime, parseaddr
from typing import Final, Literal

import aiosmtplib
import sqlalchemy as sa

from channels.adapter import Misconfigured, Probe, Unavailable
from ingest.config.notices import MailRoute
from ingest.notices.route import Delivery, Message
from kernel.addresses import in_dns
from kernel.automatic import OWN_HEADER
from kernel.headings import heading
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
        bare = parseaddr(sender)[1]
        self._answers = answers
        self._server = server
        self._from = _reachable(bare)
        self._sender = sender.replace(bare, self._from)
        self._addresses = addresses
        self._timeout = timeout

    def learn(self, db: sa.Connection) -> None:
        """The configuration says it all."""

    def address(self, manager: str) -> str | None:
        """The manager's mail address, None where he has none."""
        return self._addresses.get(manager)

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Send each message over one connection. A refused one costs the others nothing; a lost connection costs the rest."""
        client = client_of(self._server, self._timeout)
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

    async def _deliver(self, client: aiosmtplib.SMTP, message: Message) -> Delivery:
        if not client.is_connected:
            return Delivery(sent=False, error="the connection was lost before it was sent")
        try:
            # One recipient a message: a partial refusal, which would not raise, cannot happen. The envelope has the bare address:
            # a name beyond ASCII there would ask for SMTPUTF8, which many servers do not know.
            recipient = _reachable(message.address)
            await client.send_message(self._composed(message), sender=self._from, recipients=[recipient])
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
        mail["To"] = _reachable(message.address)
        mail["Subject"] = heading(message.subject)
        mail["Date"] = format_datetime(datetime.now(UTC))
        domain = self._from.rpartition("@")[2]
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


def _reachable(address: str) -> str:
    """The address with its domain as DNS has it; what can be none, as it is: the server says so."""
    try:
        return in_dns(address)
    except UnicodeError:
        return address


def client_of(server: Server, timeout: float) -> aiosmtplib.SMTP:
    """A client of a server, not connected yet."""
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "implicit",
        # None would be opportunistic: somebody in between could then read along.
        start_tls=server.tls == "starttls",
        timeout=timeout,
        tls_context=server.context,
    )


def server_of(mail: MailRoute) -> Server:
    """A configured server, as it is spoken to."""
    tls: Mapping[object, Tls] = {True: "implicit", "starttls": "starttls", False: "none"}
    kind = tls[mail.smtp.tls]
    password = None if mail.password is None else mail.password.get_secret_value()
    context = None if kind == "none" else ssl.create_default_context()
    return Server(mail.smtp.host, mail.smtp.port, kind, mail.user, password, context)


async def probe(server: Server) -> Probe:
    """Connect and log in, and send nothing. Raises Unavailable, Misconfigured."""
    client = client_of(server, TIMEOUT)
    place = f"{server.host}:{server.port}"
    try:
        await client.connect()
        if server.user is not None and server.password is not None:
            await client.login(server.user, server.password)
    except aiosmtplib.SMTPAuthenticationError as error:
        raise Misconfigured(
            f"{place} refuses the login ({error.code}); check user and password, and use one made for applications where the "
            "provider asks for that"
        ) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _explained(place, server.tls, error) from error
    finally:
        await _part(client)
    login = "" if server.password is None else f", logged in as {server.user}"
    return Probe(f"{place} answers{'' if server.tls == 'none' else ' over TLS'}{login}; nothing was sent")


def _explained(place: str, tls: Tls, error: BaseException) -> Misconfigured | Unavailable:
    """What a person can mend of a connection that failed; a server's text is never repeated."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    refused = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return Misconfigured(
            f"the certificate of {place} is not valid ({refused.verify_message}); write the host that it is made for, or add its "
            "authority to this machine's trusted ones"
        )
    if any(isinstance(one, ssl.SSLError) for one in causes) or "STARTTLS" in str(error):
        wanted = "STARTTLS" if tls == "starttls" else "TLS from the first byte"
        return Misconfigured(f"{place} does not speak {wanted}; check port and tls")
    return Unavailable(f"{place} cannot be reached ({_named(error)})")


def _named(error: BaseException) -> str:
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
