"""Headers as mails really have them: encoded words (RFC 2047), parameters (RFC 2231), addresses, dates, and what breaks the rules.

The standard library's own reading of headers raises for some of what spammers and old programs write, and drops bytes that
nobody encoded; here everything is read as far as it goes.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from channels.mail.charsets import decode
from kernel.texts import storable

LONGEST: Final = 10_000
_LONGEST_NAME: Final = 200
_MOST_ADDRESSES: Final = 200

_FOLDING: Final = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_WORD: Final = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*)*)\?=")
_SPACES: Final = re.compile(r"\s+")
_PARAMETER: Final = re.compile(r';\s*([^\s=;"*]+)(\*\d{1,3})?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;]*))', re.DOTALL)
_ANGLE: Final = re.compile(r"<([^<>]*)>")
_ADDRESS: Final = re.compile(r"[^\s<>,;:()\"\[\]@]{1,64}@[^\s<>,;:()\"\[\]@]{1,255}")
# A scheme, what Exchange calls the kind of address, a route that nobody takes any more (RFC 5322, 4.4).
_BEFORE_ADDRESS: Final = re.compile(r"(?:mailto:|smtp:|@[^:]*:)+", re.IGNORECASE)
_COMMENT: Final = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody in a header. Either part is empty where the header has none."""

    name: str
    address: str


def unfolded(raw: str) -> str:
    """A header's value as it stands in the mail, in one line, of bounded length."""
    return _FOLDING.sub("", raw[:LONGEST]).strip()


def text(raw: str, charset: str | None = None) -> str:
    """A header's value in words: unfolded, decoded, in one line. `charset`: of bytes that nobody encoded, as far as known."""
    return storable(_SPACES.sub(" ", "".join(_pieces(unfolded(raw), charset)))).strip()


def _pieces(line: str, hint: str | None) -> Iterator[str]:
    """What is plain, and runs of encoded words: white space between two of them is none (RFC 2047, 6.2)."""
    end, run, charset = 0, b"", ""
    for found in _WORD.finditer(line):
        between = line[end : found.start()]
        if run and (between.strip() or found[1].lower() != charset):
            # One letter may be cut in two by its words: they are decoded together.
            yield decode(run, charset)
            run = b""
        if between.strip() or not end:
            yield _plain(between, hint)
        run += _encoded(found[2], found[3])
        charset = found[1].lower()
        end = found.end()
    if run:
        yield decode(run, charset)
    yield _plain(line[end:], hint)


def _encoded(way: str, value: str) -> bytes:
    data = value.encode("ascii", "ignore")
    if way in "qQ":
        return quopri.decodestring(data, header=True)
    return base64_bytes(data)


def base64_bytes(data: bytes) -> bytes:
    """What base64 holds, however it is padded."""
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    data = data[: len(data) - (len(data) % 4 == 1)]
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return b""


def _plain(piece: str, charset: str | None) -> str:
    """Bytes that nobody encoded were kept as lone surrogates; now they are read."""
    if piece.isascii():
        return piece
    try:
        return decode(piece.encode("ascii", "surrogateescape"), charset)
    except UnicodeEncodeError:
        return storable(piece)


def parameters(raw: str) -> dict[str, str]:
    """The parameters of a header such as Content-Type, by name in small letters; values decoded (RFC 2231, RFC 2047)."""
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for found in _PARAMETER.finditer(unfolded(raw)):
        quoted, bare = found[4], found[5]
        value = re.sub(r'\\(["\\])', r"\1", quoted) if quoted is not None else bare.strip()
        number = int(found[2][1:]) if found[2] else 0
        pieces.setdefault(found[1].lower(), []).append((number, bool(found[3]), value))
    return {name: _joined(several) for name, several in pieces.items()}


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    """The value of a parameter that is written in several, some of them percent-encoded."""
    if not any(escaped for _, escaped, _ in pieces):
        return text("".join(value for _, _, value in sorted(pieces, key=lambda piece: piece[0])))
    data, charset = b"", ""
    for number, escaped, value in sorted(pieces, key=lambda piece: piece[0]):
        rest = value
        if number == 0 and escaped and value.count("'") >= 2:  # noqa: PLR2004 - charset'language'value
            charset, _, rest = value.split("'", 2)
        written = rest.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(written) if escaped else written
    return _SPACES.sub(" ", decode(data, charset)).strip()


def mailboxes(raw: str, charset: str | None = None) -> list[Mailbox]:
    """Everybody in a header such as To or From. `charset` as for `text`."""
    boxes = (_mailbox(part, charset) for part in islice(_listed(unfolded(raw)), _MOST_ADDRESSES))
    return [box for box in boxes if box.address or box.name]


def _listed(line: str) -> Iterator[str]:
    """The parts between commas that stand in no quotes, angles, comments or encoded words."""
    start, quoted, angle, depth, escaped = 0, False, False, 0, False
    for place, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "<>":
            angle = letter == "<"
        elif letter in "()":
            depth = max(0, depth + (1 if letter == "(" else -1))
        # A comma before any address is part of a name that should have been quoted: Smith, Karoline <k@example.com>
        elif letter in ",;" and not angle and not depth and "@" in line[start:place]:
            yield line[start:place]
            start = place + 1
    yield line[start:]


def _mailbox(part: str, charset: str | None) -> Mailbox:
    angles = [found for found in _ANGLE.finditer(part) if "@" in found[1]] or list(_ANGLE.finditer(part))
    if angles:
        name = _display(part[: angles[-1].start()], charset) or _display(part[angles[-1].end() :], charset)
        return Mailbox(name, _bare(text(angles[-1][1])))
    found = _ADDRESS.search(part)
    if found is None:
        decoded = text(part, charset)
        inside = _ADDRESS.search(decoded)
        if inside is None:
            return Mailbox(_display(part, charset), "")
        return _mailbox(decoded, charset) if decoded != part else Mailbox("", inside[0])
    comment = _COMMENT.search(part)
    return Mailbox(_display(comment[1] if comment else part[: found.start()], charset), _bare(found[0]))


def _bare(address: str) -> str:
    return _BEFORE_ADDRESS.sub("", storable(address).strip().strip("'\"")).strip().rstrip(".")[:LONGEST]


def _display(raw: str, charset: str | None) -> str:
    """A display name without its quotes and comments; an address that stands in for a name is none."""
    name = text(raw, charset).strip()
    if name.startswith('"') or name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name.strip('"'))
    else:
        name = _COMMENT.sub("", name).strip() or name
    name = name.strip(" \t,;").strip("'").strip()
    return "" if _ADDRESS.fullmatch(name) else storable(name)[:_LONGEST_NAME]


def date(raw: str) -> datetime | None:
    """A moment as mails write it, None for what is no date; without a zone it is taken for UTC."""
    try:
        found = parsedate_to_datetime(unfolded(raw))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
