"""Mails for the tests, put together as programs send them."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from channels.mail import Adapter, Config
from channels.message import Envelope, Ignored, Inbound, Parsed, Signal, digest

RECEIVED: Final = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
BOX: Final = "info@stroyka.example"


def adapter(user: str = BOX) -> Adapter:
    """The channel of a mailbox that nobody connects to."""
    given = {"kind": "mail", "user": user, "password": "p", "imap": {"host": "localhost"}}
    return Adapter("info", Config.model_validate(given), secret=b"k" * 32, language="ru")


def raw(body: str | bytes = "Нужен цемент", charset: str = "utf-8", /, **headers: str | None) -> bytes:
    """A mail with one part; an underscore in a header's name is a hyphen, None leaves a header out."""
    lines: dict[str, str | None] = {
        "From": "Ivan <ivan@client.example>",
        "To": BOX,
        "Subject": "Question",
        "Date": "Tue, 1 Sep 2026 11:58:00 +0300",
        "Message-ID": "<1@client.example>",
        "MIME-Version": "1.0",
        "Content-Type": f'text/plain; charset="{charset}"',
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return (
        head.encode("utf-8", "surrogateescape") + b"\r\n" + (body if isinstance(body, bytes) else body.encode(charset))
    )


def html(page: str, **headers: str | None) -> bytes:
    """A page without a text beside it."""
    return raw(page, Content_Type="text/html; charset=utf-8", **headers)


def part(body: str | bytes, **headers: str) -> bytes:
    """A part of a multipart; bytes are written in base64."""
    more: Mapping[str, str] = {"Content-Transfer-Encoding": "base64"} if isinstance(body, bytes) else {}
    lines = {
        "Content-Type": "text/plain; charset=utf-8",
        **{n.replace("_", "-"): v for n, v in headers.items()},
        **more,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("utf-8", "surrogateescape")
    return head + b"\r\n" + (base64.encodebytes(body) if isinstance(body, bytes) else body.encode())


def several(*parts: bytes, kind: str = "multipart/mixed", **headers: str | None) -> bytes:
    """A multipart of these."""
    body = b"".join(b"--=b\r\n" + one + b"\r\n" for one in parts) + b"--=b--\r\n"
    return raw(body, Content_Type=f'{kind}; boundary="=b"', **headers)


def parsed(mail: bytes, user: str = BOX, **meta: str) -> Parsed:
    """What the channel says of a mail."""
    return adapter(user).parse(Envelope("info", "x", mail, RECEIVED, meta, digest(mail)))


def client(mail: bytes, user: str = BOX) -> Inbound:
    """The approach that a mail must be."""
    said = parsed(mail, user)
    assert isinstance(said, Inbound), said
    return said


def verdict(mail: bytes, user: str = BOX) -> str:
    """Why a mail is ignored, or the kind of signal that it is; `client` where it is an approach."""
    said = parsed(mail, user)
    match said:
        case Inbound():
            return "client"
        case Signal():
            return said.kind
        case Ignored():
            assert said.inbound is not None
            return said.reason
