"""From bytes to a document of names and values: JSON, urlencoded and multipart bodies, and their charsets.

Owns how a body is written; what its fields mean is not known here. In the document of an urlencoded or multipart body
the values are lists of texts, in that of JSON they are whatever JSON holds. No text of it has a lone surrogate; NUL may
still be in it.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

import orjson

from channels.adapter import Rejected
from channels.message import Attachment, Request, digest
from kernel.facts import fact
from kernel.texts import storable

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

MOST_FIELDS: Final = 1_000
MOST_FILES: Final = 20
LONGEST_NAME: Final = 200
LONGEST_VALUE: Final = 100_000
# Decoding a megabyte of `%d0` takes a tenth of a second, during which nobody else is heard.
_LONGEST_FORM: Final = 1_000_000
_LONGEST_CONTENT_TYPE: Final = 300
_LONGEST_PART_HEADER: Final = 4_096
_LONGEST_SPACE_BEFORE_JSON: Final = 500
_MOST_PARAMETERS: Final = 10
_MOST_DIGITS: Final = 10**15

_PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;]*))', re.DOTALL)
_CHARSETS: Final = re.compile(
    r"utf-?8|windows-125[0-8]|cp125[0-8]|cp866|ibm866|koi8-[ru]|iso-8859-(?:[1-9]|1[013-6])|"
    r"gb2312|gbk|gb18030|big5|euc-jp|euc-kr|shift_jis"
)
# Three letters in a row in windows-1251, which would be the beginnings of three signs in UTF-8.
_CYRILLIC: Final = re.compile(rb"[\xa8\xb8\xc0-\xff]{3}")
# A surrogate in a JSON string after whole escaped backslashes: a pair of them (the third group), or one alone.
_SURROGATE: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2}))"
)


@fact
class Opened:
    """A body as names and values, with its files. `parts` are what two sendings of the same form have in common."""

    document: Mapping[str, Any]
    parts: Sequence[bytes]
    files: tuple[Attachment, ...] = ()

    def digest(self) -> bytes:
        """Equal for two sendings of the same form."""
        return digest(*self.parts)

    def first(self, name: str) -> str:
        """The first value of a field as text, empty where it has none or is no plain value."""
        value = self.document.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        return "" if isinstance(value, dict | list) else as_text(value)


def opened(content_type: str, body: bytes) -> Opened:
    """A body by its content type. Raises Rejected: 400 not readable as its type, 415 another type, 422 no object."""
    media = media_type(content_type)
    if media == "application/json" or media.endswith(("/json", "+json")):
        return Opened(_object(body), (body,))
    if media in {"", URLENCODED}:
        return Opened(_urlencoded(body, parameters(content_type)), (body,))
    if media == MULTIPART:
        return _multipart(body, parameters(content_type))
    raise Rejected(415, "unsupported_media_type", f"send application/json, {URLENCODED} or {MULTIPART}")


def content_type_of(request: Request) -> str:
    """The content type as the request names it, empty where it names none."""
    return storable(request.headers.get("Content-Type", "")[:_LONGEST_CONTENT_TYPE])


@lru_cache(256)
def media_type(header: str) -> str:
    """What stands before the parameters of a header, in small letters."""
    return header.partition(";")[0].strip().lower()


def parameters(header: str) -> dict[str, str]:
    """The parameters of a header by name, in small letters."""
    if ";" not in header:
        return {}
    return {
        found[1].lower(): found[3].strip() if found[2] is None else re.sub(r'\\(["\\])', r"\1", found[2])
        for found in islice(_PARAMETER.finditer(header), _MOST_PARAMETERS)
    }


def as_text(value: object) -> str:
    """A value of a document in words: a text as it is, nothing for null, anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_DIGITS:
        return str(int(value))
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than orjson writes, though not deeper than it reads
        return "…"


def file_name(name: str) -> str:
    """The last part of a path, in one line."""
    last = storable(re.split(r"[/\\]", name)[-1][:LONGEST_NAME])
    return "".join(letter for letter in last if letter.isprintable()).strip() or "file"


# --- JSON and urlencoded ---


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _mended(body)
    if not isinstance(document, dict):
        raise Rejected(422, "not_an_object", "the JSON is not an object; send the fields by name")
    return document


def _mended(body: bytes) -> object:
    """JSON with what orjson refuses and forms do send: a byte order mark, half of an emoji that a script cut in two."""
    text = body.removeprefix(b"\xef\xbb\xbf")
    if len(text) <= _LONGEST_FORM:
        text = _SURROGATE.sub(lambda found: found[0] if found[3] else found[1] + rb"\ufffd", text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise Rejected(400, "invalid_json", f"the body is not JSON in UTF-8: {broken}") from broken


def _urlencoded(body: bytes, named: Mapping[str, str]) -> Mapping[str, Any]:
    charset = _charset(named)
    # `curl -d '{…}'` calls its JSON urlencoded; no browser starts a form with an unescaped brace.
    if body[:_LONGEST_SPACE_BEFORE_JSON].lstrip().startswith(b"{"):
        with suppress(Rejected):
            return _object(body)
    pairs = body[:_LONGEST_FORM].split(b"&", MOST_FIELDS)[:MOST_FIELDS]
    document = _pairs(pairs, charset)
    damaged = any("\ufffd" in text for name, values in document.items() for text in (name, *values))
    if damaged and "charset" not in named and _is_old_russian(b"".join(map(_unquoted, pairs))):
        return _pairs(pairs, "windows-1251")
    return document


def _pairs(pairs: Sequence[bytes], charset: str) -> dict[str, list[str]]:
    document: dict[str, list[str]] = {}
    for pair in pairs:
        if pair:
            name, _, value = pair.partition(b"=")
            document.setdefault(_plain(name, charset), []).append(_plain(value, charset))
    return document


def _plain(encoded: bytes, charset: str) -> str:
    return _unquoted(encoded).decode(charset, "replace")


def _unquoted(encoded: bytes) -> bytes:
    return unquote_to_bytes(encoded.replace(b"+", b" "))


def _is_old_russian(text: bytes) -> bool:
    """Whether this is no UTF-8 and reads as windows-1251: browsers write a form as its page is written, and do not say how."""
    if text.isascii() or not _CYRILLIC.search(text):
        return False
    read = text.decode("utf-8", "replace")
    damaged = read.count("\ufffd")
    return 2 * damaged > sum(letter > "\x7f" for letter in read)


# --- multipart ---


def _multipart(body: bytes, named: Mapping[str, str]) -> Opened:
    """Split here, not by the standard library's mail parser: that would take an uploaded mail apart and reads by line.

    What is digested are the parts, because the boundary differs on every sending.
    """
    charset = _charset(named)
    parts = _parts(body, named.get("boundary", "").encode())
    if "charset" not in named and _is_old_russian(b"".join(_text_of_part(part) for part in parts[:MOST_FIELDS])):
        charset = "windows-1251"
    document: dict[str, list[str]] = {}
    files: list[Attachment] = []
    for part in parts[:MOST_FIELDS]:
        headers, content = _part(part, charset)
        content_type = headers.get("content-type", "")
        disposition = parameters(headers.get("content-disposition", ""))
        file = _parameter(disposition, "filename")
        if file is None:
            text = content[: 4 * LONGEST_VALUE].decode(_charset(parameters(content_type), charset), "replace")
            document.setdefault(_parameter(disposition, "name") or "", []).append(text)
        elif file or content:  # a file input that nobody used sends an empty file without a name
            files.append(_attachment(file, content_type, content, dropped=len(files) >= MOST_FILES))
    return Opened(document, parts, tuple(files))


def _text_of_part(part: bytes) -> bytes:
    """What is written in a part: all of it, but for the content of a file."""
    head, between, content = part.partition(b"\r\n\r\n")
    return head if b"filename" in head.lower() else head + between + content[: 4 * LONGEST_VALUE]


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the delimiters (RFC 2046, section 5.1.1). Raises Rejected where the last one is missing."""
    if not boundary:
        raise Rejected(400, "invalid_multipart", "the content type names no boundary")
    whole = b"\r\n" + body
    delimiter = re.compile(rb"\r\n--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    found: list[re.Match[bytes]] = []
    for match in delimiter.finditer(whole):
        found.append(match)
        if match[1]:
            return [whole[before.end() : after.start()] for before, after in pairwise(found)]
    raise Rejected(400, "invalid_multipart", "the body does not end with the boundary that its content type names")


def _part(part: bytes, charset: str) -> tuple[dict[str, str], bytes]:
    head, end_of_head, content = part.partition(b"\r\n\r\n")
    if not end_of_head:
        raise Rejected(400, "invalid_multipart", "a part has no empty line after its headers")
    headers = {}
    for line in head[:_LONGEST_PART_HEADER].decode(charset, "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, content


def _parameter(disposition: Mapping[str, str], name: str) -> str | None:
    """A name as browsers write it (HTML, "Multipart form data": three characters escaped), or as RFC 8187 does."""
    extended = disposition.get(f"{name}*")
    if extended is not None:
        charset, _, rest = extended.partition("'")
        known = charset if _CHARSETS.fullmatch(charset.lower()) else "utf-8"
        return unquote(rest.partition("'")[2], known, "replace")
    plain = disposition.get(name)
    return None if plain is None else plain.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _charset(named: Mapping[str, str], default: str = "utf-8") -> str:
    """The charset that a content type names. Only known names are looked up: Python keeps each name it is asked for."""
    name = named.get("charset", default).lower()
    if name in {"", "ascii", "us-ascii"}:
        return "utf-8"
    if not _CHARSETS.fullmatch(name):
        raise Rejected(400, "unknown_charset", "the content type names a charset that is not known here; send UTF-8")
    return name


def _attachment(name: str, content_type: str, content: bytes, *, dropped: bool) -> Attachment:
    media = storable(media_type(content_type)[:LONGEST_NAME]) or "application/octet-stream"
    if dropped:
        return Attachment(file_name(name), media, len(content), dropped="too_many")
    return Attachment(file_name(name), media, len(content), content)
