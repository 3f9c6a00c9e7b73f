"""A real SMTP server for tests, in a thread: it keeps the mails that it takes, and refuses, hangs or hangs up when told to."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

WITHIN: Final = 20.0
DATA_HAD: Final = "250 OK"
NOBODY: Final = "<>"
"""The sender of what is not to be answered, as aiosmtpd has it."""

AfterData = Literal["answer", "hang", "drop"]


@dataclass(frozen=True, slots=True)
class Mail:
    """What was delivered: the envelope's recipients and sender, whether over TLS, the bytes and what they say."""

    recipients: tuple[str, ...]
    encrypted: bool
    content: bytes
    sender: str | None = None

    @property
    def message(self) -> EmailMessage:
        """The mail as a reader sees it."""
        return message_from_bytes(self.content, policy=default)


@dataclass
class _Handler:
    """The server's part that answers. `refuse` is asked for each recipient; the lists grow in the server's thread."""

    arrived: threading.Condition
    mails: list[Mail] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    refuse: Mapping[str, str] = field(default_factory=dict)
    after_data: AfterData = "answer"
    demand_login: bool = False

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        # aiosmtpd's own `auth_required` warns of a login in the clear, which on loopback harms nobody.
        if self.demand_login and not session.authenticated:
            return "530 5.7.0 authentication required"
        if address == NOBODY and NOBODY in self.refuse:
            return self.refuse[NOBODY]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return DATA_HAD

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.refuse.get(address) or (
            self.refuse.get(f"from {NOBODY}") if envelope.mail_from == NOBODY else None
        )
        if answer is not None:
            with self.arrived:
                self.refused.append(address)
                self.arrived.notify_all()
            return answer
        envelope.rcpt_tos.append(address)
        return DATA_HAD

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content or b""
        mail = Mail(tuple(envelope.rcpt_tos), session.ssl is not None, bytes(cast(bytes, content)), envelope.mail_from)
        with self.arrived:
            self.mails.append(mail)
            self.arrived.notify_all()
        if self.after_data == "hang":
            await asyncio.Event().wait()
        if self.after_data == "drop":
            cast(asyncio.Transport, server.transport).abort()
        return DATA_HAD


class MailServer:
    """Listens on a free port of 127.0.0.1 while its block runs.

    `tls`: from the first byte, required STARTTLS, or none. `accept`: the one user and password without which it takes nothing.
    """

    def __init__(
        self,
        *,
        tls: Literal["implicit", "starttls", "none"] = "none",
        context: ssl.SSLContext | None = None,
        accept: tuple[str, str] | None = None,
    ) -> None:
        self._handler = _Handler(threading.Condition(), demand_login=accept is not None)
        # Addresses beyond ASCII are not offered: many a company's server knows of none.
        arguments: dict[str, Any] = {"auth_require_tls": False, "enable_SMTPUTF8": False}
        if accept is not None:
            arguments["authenticator"] = _authenticator(accept)
        if tls == "starttls":
            arguments |= {"tls_context": context, "require_starttls": True}
        if tls == "implicit":
            arguments["ssl_context"] = context
        self._controller = Controller(self._handler, hostname="127.0.0.1", port=_free_port(), **arguments)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._controller.port
        return port

    @property
    def mails(self) -> list[Mail]:
        """What it took so far."""
        with self._handler.arrived:
            return list(self._handler.mails)

    @property
    def refused(self) -> list[str]:
        """The recipients that it refused so far."""
        with self._handler.arrived:
            return list(self._handler.refused)

    def refuse(self, answers: Mapping[str, str]) -> None:
        """From now on answer for these recipients with these lines, such as `550 no such person`.

        `<>` stands for a sender that is nobody, `from <>` for any recipient of his.
        """
        self._handler.refuse = dict(answers)

    def after_data(self, what: AfterData) -> None:
        """From now on answer a mail that was taken, or say nothing, or drop the connection."""
        self._handler.after_data = what

    async def wait(self, condition: Callable[[list[Mail]], bool], within: float = WITHIN) -> list[Mail]:
        """The mails when `condition` holds of them. Raises AssertionError with those that are there."""
        return await asyncio.to_thread(self._wait, condition, within)

    def _wait(self, condition: Callable[[list[Mail]], bool], within: float) -> list[Mail]:
        with self._handler.arrived:
            met = self._handler.arrived.wait_for(lambda: condition(self._handler.mails), within)
            found = list(self._handler.mails)
        assert met, [(m.recipients, m.message["Subject"]) for m in found]
        return found

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _authenticator(accept: tuple[str, str]) -> Callable[..., AuthResult]:
    """Takes this user and password only."""

    def decide(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        right = (given.login, given.password) == tuple(part.encode() for part in accept)
        # `handled` left as it is would answer a refusal with nothing, and the client would wait for ever.
        return AuthResult(success=right, handled=right)

    return decide


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-made certificate for localhost and 127.0.0.1, and both sides' settings with it."""

    file: Path
    server: ssl.SSLContext

    def trusted(self) -> ssl.SSLContext:
        """A client's settings that trust it, and nothing else."""
        return ssl.create_default_context(cafile=str(self.file))


def certificate(folder: Path) -> Certificate:
    """Made by the openssl program; the test is skipped where there is none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NO TLS WAS TESTED: the program openssl, which makes the certificate, is not installed")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subject = ["-subj", "/CN=localhost", "-addext", names, "-days", "2"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = [openssl, "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return Certificate(cert, context)
