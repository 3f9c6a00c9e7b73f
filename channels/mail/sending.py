"""Mail to clients over SMTP (RFC 5321), from the mailbox that they wrote to: one mail, one recipient, one fresh connection.

A time-out after DATA leaves open whether the server has the mail. It is sent again with the same Message-ID, by which servers and
mail programs recognise a repeat (RFC 5322, section 3.6.4), though none of them has to.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from channels.adapter import Misconfigured, Rejected, Unavailable
from channels.mail.config import Config, Smtp
from channels.mail.connection import access_token
from channels.message import Inbound, Outgoing
from kernel.addresses import in_dns
from kernel.automatic import OWN_HEADER
from kernel.headings import ENCODED, heading
from kernel.texts import Catalogue, Language

TIMEOUT: Final = 30.0
"""Seconds for one step of the conversation."""
TAKING: Final = 90.0
"""Seconds for the server to take a mail. Many look through it first; who gives up too soon sends it twice (RFC 5321, 4.5.3.2)."""
PARTING: Final = 1.0
"""Seconds for a goodbye: by then the server has the mail, and nothing that happens may look as if it had not."""

TEXTS: Final = Catalogue({"subject": {"ru": "Ваше обращение", "en": "Your enquiry"}})

_PERMANENT: Final = 500
_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_ADDRESS: Final = re.compile(r"""[^\s@<>()\[\],;:\\"]{1,64}@[^\s@<>()\[\],;:\\"]{1,250}""")
_MOST_REFERENCES: Final = 20
_AGAIN: Final = re.compile(r"\s*(?:re|отв|ответ|aw|sv|antw)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)


def server(name: str, config: Config) -> tuple[Smtp, str]:
    """Where a mailbox sends by, and its address. Raises Rejected where it is one that is only read."""
    where = f"its account {config.account}" if config.account else f"channels.{name}"
    if config.smtp is None:
        raise Rejected(422, "no_smtp", f"the mailbox {name} has no server to send by; add smtp: {{host: …}} to {where}")
    no_address = Rejected(
        422, "no_address", f"the user of {name} is no mail address to write from; write it whole in {where}"
    )
    if config.user is None or config.user.count("@") != 1:
        raise no_address
    try:
        return config.smtp, in_dns(config.user)
    except UnicodeError as error:
        raise no_address from error


async def send(name: str, config: Config, language: Language, outgoing: Outgoing) -> None:
    """Hand a mail to the server. Raises Unavailable, Misconfigured, Rejected."""
    _, sender = server(name, config)
    mail = composed(outgoing, sender, language)
    recipient = _reachable(outgoing.to)
    async with _open(name, config) as client:
        await _hand_over(client, mail, sender, recipient, automatic=outgoing.automatic)


async def probe(name: str, config: Config) -> str:
    """Connect and log in, and send nothing; where. Raises Unavailable, Misconfigured, Rejected."""
    async with _open(name, config):
        where, sender = server(name, config)
        return f"can send by {where.host}:{where.port} as {sender}"


@asynccontextmanager
async def _open(name: str, config: Config) -> AsyncIterator[aiosmtplib.SMTP]:
    """A client that is logged in. What goes wrong with it, inside too, is said in our words."""
    where, _ = server(name, config)
    client = aiosmtplib.SMTP(
        hostname=where.host,
        port=where.port,
        use_tls=where.tls is True,
        # None would be opportunistic: somebody in between could then read along.
        start_tls=where.tls == "starttls",
        timeout=TIMEOUT,
        tls_context=None if where.tls is False else ssl.create_default_context(),
    )
    try:
        await client.connect()
        await _log_in(client, name, config)
        yield client
    except aiosmtplib.SMTPException as error:
        raise _meaning(name, error) from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"the mail server of {name} cannot be reached ({type(error).__name__})") from error
    finally:
        await _part(client)


async def _hand_over(
    client: aiosmtplib.SMTP, mail: EmailMessage, sender: str, recipient: str, *, automatic: bool
) -> None:
    """From nobody where a machine answers, so that no machine can answer that (RFC 3834, 3.3).

    Where a server lets only the mailbox's own address send, from that: its bounces are signals, which nobody answers either.
    """
    if automatic:
        try:
            await client.send_message(mail, sender="", recipients=[recipient], timeout=TAKING)
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            if not client.is_connected or _code(error) < _PERMANENT:
                raise
        else:
            return
    await client.send_message(mail, sender=sender, recipients=[recipient], timeout=TAKING)


def _code(error: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused) -> int:
    return error.recipients[0].code if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error.code


async def _log_in(client: aiosmtplib.SMTP, name: str, config: Config) -> None:
    user = config.user or ""
    if config.password is not None:
        await client.login(user, config.password.get_secret_value())
        return
    token = await asyncio.to_thread(access_token, config)
    if token is None:
        raise Misconfigured(f"the mailbox {name} has nothing to log in with; add password")
    await client.auth_xoauth2(user, token)


def composed(outgoing: Outgoing, sender: str, language: Language) -> EmailMessage:
    """The mail, in the thread of what it answers. Raises Rejected for an address that is none."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = sender
    mail["To"] = _reachable(outgoing.to)
    mail["Subject"] = _subject(outgoing, language)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{outgoing.id}@{sender.rpartition('@')[2]}>"
    before = _ids(outgoing.answers, "message_id")
    if before:
        earlier = _ids(outgoing.answers, "references") or _ids(outgoing.answers, "in_reply_to")
        thread = list(dict.fromkeys([*earlier, before[0]]))
        mail["In-Reply-To"] = before[0]
        mail["References"] = " ".join([*thread[:1], *thread[1:][-_MOST_REFERENCES:]])
    if outgoing.automatic:
        # RFC 3834: no answering machine may answer this, ours included.
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
        # For answering machines that are older than the RFC.
        mail["Precedence"] = "bulk"
        mail[OWN_HEADER] = "answer"
    mail.set_content(outgoing.text)
    return mail


def _subject(outgoing: Outgoing, language: Language) -> str:
    written = heading(outgoing.subject or "")
    if outgoing.automatic and written:
        return written
    while found := _AGAIN.match(written):
        written = written[found.end() :]
    return f"Re: {written}" if written else TEXTS.say("subject", language)


def _ids(said: Inbound | None, field: str) -> list[str]:
    """The ids of mails in one of its fields: only what is one, since it goes into a header."""
    return [] if said is None else [one for one in _ID.findall(said.fields.get(field, "")) if ENCODED not in one]


def _reachable(address: str) -> str:
    """The address with its domain as DNS has it. Raises Rejected for what is none."""
    no_address = Rejected(422, "no_address", "what the client gave is no mail address")
    if not _ADDRESS.fullmatch(address) or ENCODED in address or not address.isprintable():
        raise no_address
    try:
        return in_dns(address)
    except UnicodeError as error:
        raise no_address from error


def _meaning(name: str, error: aiosmtplib.SMTPException) -> Exception:
    """What a server's refusal means. Its words are left out: servers quote addresses."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return _refusal(error.recipients[0].code, "the mail server refuses the client's address")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Misconfigured(f"the mail server refuses the login of {name}; see user and password of its account")
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return Misconfigured(f"the mail server does not let {name} send from its address ({error.code})")
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Rejected(422, "refused", "the mail server cannot send to such an address")
    if isinstance(error, aiosmtplib.SMTPDataError):
        return _refusal(error.code, "the mail server refuses the mail")
    return Unavailable(f"the mail server of {name} cannot be used now ({type(error).__name__})")


def _refusal(code: int, what: str) -> Exception:
    """For good, or for now."""
    return Rejected(422, "refused", f"{what} ({code})") if code >= _PERMANENT else Unavailable(f"{what} now ({code})")


async def _part(client: aiosmtplib.SMTP) -> None:
    if not client.is_connected:
        return
    try:
        await client.quit(timeout=PARTING)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
