"""From the bytes of a mail to its headers, its text and its attachments.

The standard library takes the structure apart (with its old policy, which never raises), `headers` and `charsets` read what
is in it. Bounds keep a mail that nests or repeats beyond reason from costing more than a long one.
"""

import mimetypes
import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from itertools import islice
from typing import Final

from channels.mail import headers
from channels.mail.charsets import decode
from channels.mail.headers import Mailbox
from channels.mail.markup import LONGEST_TEXT, text_of
from channels.message import Attachment
from kernel.texts import storable

_MOST_HEADERS: Final = 2_000
_MOST_PARTS: Final = 300
_MOST_ATTACHMENTS: Final = 100
_DEEPEST: Final = 30
_LONGEST_NAME: Final = 200
_MOST_LINES: Final = 1_000_000
# Every line is compared with every boundary that is open.
_MOST_COMPARISONS: Final = 20_000_000

_LONGEST_HEAD: Final = 256 * 1024
_HEADER: Final = re.compile(rb"[ \t]|[!-9;-~]+[ \t]*:|\r?$")
_EXPECTED: Final = re.compile(rb"(?:from|to|subject|date|message-id|mime-version|content-type)\s*:", re.IGNORECASE)
_BLANK: Final = re.compile(rb"\n\r?\n")
_BOUNDARY: Final = re.compile(rb"boundary\s*=", re.IGNORECASE)
_PATH: Final = re.compile(r"[/\\]")
_WORD: Final = re.compile(r"[^\s;]*")
_CONTENT_ID: Final = re.compile(r"\s*<?([\w .-]{1,80}\.[A-Za-z0-9]{2,4})@[^\s<>]+>?")
_KINDS: Final = {
    "message": "message",
    "text/calendar": "invitation",
    "text": "document",
    "image": "image",
    "video": "video",
    "audio": "audio",
}
# Where the system's own table may know several, or an odd one.
_SUFFIXES: Final = {
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "message/rfc822": ".eml",
    "text/plain": ".txt",
    "video/quicktime": ".mov",
}
# Lotus Notes and others put the reports of mail servers into parts that nobody wants to read as files.
_REPORTS: Final = frozenset({"message/delivery-status", "message/disposition-notification", "message/feedback-report"})
_CALENDAR: Final = "text/calendar"
_METHOD: Final = re.compile(rb"^METHOD:([A-Za-z]{1,20})\r?$", re.MULTILINE)
_ENCODING: Final = "content-transfer-encoding"
_SIGNATURES: Final = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, opened. `text` is what it says, `attachments` hold their contents.

    `files` names those of them that somebody attached: neither pictures of its page nor signatures.
    `media_type` and `parameters` are of the whole; `report` holds the fields of a mail server's report, `calendar` the method of
    an invitation; `enclosed` are the mails within it; `charset` is what
    its text is labelled with; `cut`: it was not taken whole.
    """

    headers: Sequence[tuple[str, str]]
    media_type: str
    parameters: dict[str, str]
    text: str
    attachments: tuple[Attachment, ...] = ()
    report: dict[str, str] = field(default_factory=dict)
    calendar: str | None = None
    enclosed: tuple["Letter", ...] = ()
    charset: str | None = None
    cut: bool = False
    files: tuple[str, ...] = ()

    def raw(self, *names: str) -> str:
        """The first header of any of these names, as it stands there; empty where there is none."""
        return next((value for wanted in names for name, value in self.headers if name == wanted), "")

    def get(self, *names: str) -> str:
        """The first header of any of these names in words, in one line; empty where there is none."""
        return headers.text(self.raw(*names), self.charset)

    def has(self, *names: str) -> bool:
        """Whether there is a header of any of these names."""
        return any(name in names for name, _ in self.headers)

    def boxes(self, *names: str) -> list[Mailbox]:
        """Everybody in the headers of these names, in their order."""
        return [
            box
            for wanted in names
            for name, value in self.headers
            if name == wanted
            for box in headers.mailboxes(value, self.charset)
        ]


def opened(raw: bytes, *, cut: bool = False) -> Letter:
    """A mail from its bytes; `cut` where these are only its beginning."""
    raw = raw.lstrip(b"\r\n")  # a blank line above the headers would make them text
    bounded = _bounded(_mended(raw))
    parser = BytesParser(policy=compat32)
    try:
        message = parser.parsebytes(bounded)
    except RecursionError:  # parts within parts within parts: what it says is then the rest as it stands there
        message = parser.parsebytes(bounded, headersonly=True)
    return _letter(message, 0, cut=cut or len(bounded) < len(raw))


def _mended(raw: bytes) -> bytes:
    """With lines among the headers that are none made part of the one above: else all headers behind them would be text."""
    blank = _BLANK.search(raw, 0, _LONGEST_HEAD)
    if blank is None:
        return raw
    head, rest = raw[: blank.start()], raw[blank.start() :]
    lines = head.split(b"\n")
    broken = [place for place, line in enumerate(lines) if place and not _HEADER.match(line)]
    if not broken or not any(_EXPECTED.match(line) for line in lines[broken[0] :]):
        return raw
    places = set(broken)
    mended = [b" " + line if place in places else line for place, line in enumerate(lines)]
    return b"\n".join(mended) + rest


def _bounded(raw: bytes) -> bytes:
    most = min(_MOST_LINES, _MOST_COMPARISONS // (1 + len(_BOUNDARY.findall(raw))))
    if raw.count(b"\n") <= most:
        return raw
    end = 0
    for _ in range(most):
        end = raw.index(b"\n", end) + 1
    return raw[:end]


def _letter(message: Message, depth: int, *, cut: bool) -> Letter:
    reader = _Reader(depth)
    text = reader.read(message, depth)
    attachments = reader.attachments
    if cut and attachments:
        last = attachments[-1]
        attachments[-1] = Attachment(last.name, last.media_type, None, dropped="too_large")
    return Letter(
        headers=_headers_of(message),
        media_type=_media_type(message),
        parameters=headers.parameters(_raw(message, "content-type")),
        text=storable(text).strip()[:LONGEST_TEXT],
        attachments=tuple(attachments[:_MOST_ATTACHMENTS]),
        report=reader.report,
        calendar=reader.calendar,
        enclosed=tuple(reader.enclosed),
        charset=reader.charset,
        cut=cut,
        files=tuple(reader.files[:_MOST_ATTACHMENTS]),
    )


class _Reader:
    """Goes through the parts of one mail once: texts are returned, everything else is gathered."""

    def __init__(self, depth: int) -> None:
        self.attachments: list[Attachment] = []
        self.files: list[str] = []
        self.report: dict[str, str] = {}
        self.calendar: str | None = None
        self.enclosed: list[Letter] = []
        self.charset: str | None = None
        self._parts = 0
        self._within = depth

    def read(self, part: Message, depth: int, *, shown: bool = True) -> str:
        """The text of a part and of what is in it; of one that is not `shown` by itself, nothing."""
        self._parts += 1
        if depth > _DEEPEST or self._parts > _MOST_PARTS:
            return ""
        kind = _media_type(part)
        if kind in _REPORTS:
            self.report |= _report(part)
            self._keep_report(part)
            return ""
        if kind == "message/rfc822" or (kind == "text/rfc822-headers" and not part.is_multipart()):
            self._enclose(part, kind, depth)
            return ""
        if part.is_multipart():
            return self._several(part, kind, depth)
        if kind == _CALENDAR:
            self.calendar = self.calendar or _method(part)
        return self._leaf(part, kind, shown=shown)

    def _several(self, part: Message, kind: str, depth: int) -> str:
        children = [child for child in _children(part) if isinstance(child, Message)]
        if kind == "multipart/alternative":
            return self._alternative(children, depth)
        if kind == "multipart/related":
            # One page and what it shows; a further page among that is a file.
            first, *others = children or [part]
            text = self.read(first, depth + 1) if children else ""
            return "\n\n".join(filter(None, [text, *(self.read(other, depth + 1, shown=False) for other in others)]))
        texts = [self.read(child, depth + 1) for child in children]
        return "\n\n".join(filter(None, texts))

    def _alternative(self, children: Sequence[Message], depth: int) -> str:
        """The plain one where it says anything, else the last that does: they are in the order of what the sender prefers."""
        texts = [(_media_type(child), self.read(child, depth + 1).strip()) for child in children]
        plain = next((text for kind, text in texts if kind == "text/plain" and text), None)
        return plain or next((text for _, text in reversed(texts) if text), "")

    def _leaf(self, part: Message, kind: str, *, shown: bool) -> str:
        name = _file_name(part)
        disposition = _raw(part, "content-disposition").partition(";")[0].strip().lower()
        is_text = kind in {"text/plain", "text/html", "text/enriched", "text/richtext"} or kind == "text"
        is_all = self._parts == 1  # the only part is what was written, whatever it is called
        if is_text and shown and disposition != "attachment" and (is_all or not name):
            self.charset = self.charset or headers.parameters(_raw(part, "content-type")).get("charset")
            return _text(part, kind)
        content = _content(part)
        name = name or self._unnamed(part, kind)
        self.attachments.append(Attachment(name, kind, len(content), content))
        if (shown or disposition == "attachment") and kind not in _SIGNATURES:
            self.files.append(name)
        return ""

    def _keep_report(self, part: Message) -> None:
        """A report that has a name is a file too, of its fields as they came."""
        described = _one_line(headers.text(_raw(part, "content-description")))
        name = _file_name(part) or (f"{described}.txt" if described else "")
        if name:
            blocks = [_as_bytes(block) for block in _children(part) if isinstance(block, Message)]
            content = b"\n".join(blocks) or _content(part)
            self.attachments.append(Attachment(name, "text/plain", len(content), content))

    def _enclose(self, part: Message, kind: str, depth: int) -> None:
        """A mail within this one: a file, and its headers for whoever asks whom it was from."""
        children = list(_children(part))
        inner = children[0] if children and isinstance(children[0], Message) else None
        if inner is None:
            self.enclosed.append(_headers_only(part))
            return
        if self._within <= 1:
            self.enclosed.append(_letter(inner, depth + 1, cut=False))
        subject = headers.text(_raw(inner, "subject"))[: _LONGEST_NAME - 4]
        name = _file_name(part) or (f"{_one_line(subject)}.eml" if subject else self._unnamed(part, kind))
        content = _as_bytes(inner)
        self.attachments.append(Attachment(name, "message/rfc822", len(content), content))
        self.files.append(name)

    def _unnamed(self, part: Message, kind: str) -> str:
        """A name for a file without one: the start of its Content-ID where that is one, else by its kind."""
        named = _CONTENT_ID.match(_raw(part, "content-id"))
        if named:
            return _one_line(named[1])
        described = _one_line(headers.text(_raw(part, "content-description")))
        what = described or _KINDS.get(kind) or _KINDS.get(kind.partition("/")[0], "file")
        suffix = _SUFFIXES.get(kind) or mimetypes.guess_extension(kind) or ""
        taken = {attachment.name for attachment in self.attachments}
        names = (f"{what}{number or ''}{suffix}" for number in range(_MOST_PARTS + 1))
        return next((name for name in names if name not in taken), what)


def _method(part: Message) -> str | None:
    """What an invitation is for: as its type says, else as it says itself (RFC 5546, 1.4)."""
    said = headers.parameters(_raw(part, "content-type")).get("method")
    is_file = _first_word(part, "content-disposition") == "attachment"
    written = None if said or is_file else _METHOD.search(_content(part))
    return (said or (written[1].decode() if written else "")).upper() or None


def _children(part: Message) -> Sequence[object]:
    payload = part.get_payload()
    return payload if isinstance(payload, list) else ()


def _headers_of(message: Message) -> list[tuple[str, str]]:
    # `items` would put U+FFFD in place of bytes that nobody encoded.
    return [(name.lower(), value) for name, value in islice(message.raw_items(), _MOST_HEADERS)]


def _raw(message: Message, wanted: str) -> str:
    return next((value for name, value in message.raw_items() if name.lower() == wanted and isinstance(value, str)), "")


def _media_type(part: Message) -> str:
    """In small letters; text/plain where there is none or nonsense (RFC 2045, 5.2), unless the parser found parts in it."""
    kind = _first_word(part, "content-type")
    if kind.count("/") != 1 or not all(kind.split("/")) or (kind.startswith("multipart/") and not part.is_multipart()):
        return part.get_default_type() if kind != "text" else "text/plain"
    return storable(kind)[:_LONGEST_NAME]


def _first_word(part: Message, name: str) -> str:
    """What a header says before its parameters, in small letters; some programs forget the semicolon."""
    found = _WORD.match(headers.unfolded(_raw(part, name)))
    return found[0].lower() if found else ""


def _content(part: Message) -> bytes:
    """What a part holds, its transfer encoding undone as far as it can be."""
    encoding = _first_word(part, _ENCODING)
    if encoding != _raw(part, _ENCODING).lower():
        # The standard library knows an encoding only where nothing stands beside it, not even a space.
        part = copy(part)
        del part[_ENCODING]
        part[_ENCODING] = encoding
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message, kind: str) -> str:
    content = _content(part)
    label = headers.parameters(_raw(part, "content-type")).get("charset")
    if kind == "text/html":
        label = label or _declared(content)
        return text_of(decode(content, label))
    words = decode(content[: 4 * LONGEST_TEXT], label).replace("\r\n", "\n").replace("\r", "\n")
    if kind == "text/plain" and _looks_like_html(words):
        return text_of(words)
    return words.strip("\n")[:LONGEST_TEXT]


_META: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_HTML: Final = re.compile(r"\s*(?:<!doctype html|<html[\s>]|<body[\s>])", re.IGNORECASE)


def _declared(page: bytes) -> str | None:
    """The charset that a page names itself."""
    found = _META.search(page[:4096])
    return found[1].decode("ascii", "replace") if found else None


def _looks_like_html(words: str) -> bool:
    """Whether something called plain text is a page: scripts of sites send such."""
    return _HTML.match(words) is not None


def _file_name(part: Message) -> str:
    """The name that a part has as a file, decoded, without its folder; empty where it has none."""
    disposition = headers.parameters(_raw(part, "content-disposition"))
    kind = headers.parameters(_raw(part, "content-type"))
    name = disposition.get("filename") or kind.get("name") or disposition.get("name") or ""
    return _one_line(name)


def _one_line(name: str) -> str:
    last = _PATH.split(storable(name))[-1]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:_LONGEST_NAME]


def _as_bytes(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return b""  # what cannot be written out again is in the envelope all the same


def _headers_only(part: Message) -> Letter:
    """The headers that a report encloses instead of the whole mail."""
    inner = BytesParser(policy=compat32).parsebytes(_content(part), headersonly=True)
    return Letter(_headers_of(inner), _media_type(inner), {}, "")


def _report(part: Message) -> dict[str, str]:
    """The fields of a report, by name in small letters: of the message, then of the first recipient that it speaks of."""
    return {name: headers.text(value) for name, value in _fields(part)}


def _fields(part: Message) -> Iterator[tuple[str, str]]:
    blocks = [block for block in _children(part) if isinstance(block, Message)]
    found: dict[str, str] = {}
    for block in blocks or [BytesParser(policy=compat32).parsebytes(_content(part), headersonly=True)]:
        for name, value in _headers_of(block):
            found.setdefault(name, value)
    return iter(found.items())
