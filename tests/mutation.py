"""Payloads that are broken by chance: as bytes, as the JSON or the form that they are, and grown until they are bombs."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

PIECES: Final = (
    *(b"\r\n", b"\r\n\r\n", b"\n\n", b"\0", b"\xff\xfe", b"=?utf-8?B?", b"?=", b"=?x?Q?=", b"--=b\r\n", b"--=b--"),
    *(b'"', b"<", b">", b"(", b"=", b";", b":", b",", b"@", b"&", b"{", b"}", b"[", b"]", b"\\", b"%D0", b"%", b"\xd0"),
    b"Content-Type: multipart/mixed; boundary==b\r\n\r\n",
    *(b"Content-Transfer-Encoding: base64\r\n", b"charset=utf-16", b"charset=utf-7", b"*0*=", b"filename*=utf-8'"),
    *(b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type: text/html\r\n", b"begin 644 a\r\n", b"\x1b$B"),
    *(b"<div>", b"<!--", b"&#x110000;", b"<table><td>", b" wrote:\r\n", b"> ", "Телефон: ".encode()),
    *(b"\\ud800", b"1e999", b"-0", b"null", b"NaN", b"123456789012345678901234567890", b'{"a":', b"PK\x03\x04"),
)
ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64, -(2**70), 10**40, 0.5, 1e308, -1e-300),
    *("", " ", "\0", "\ud800", "0", "-1", "1e999", "null", "\r\nX: y", "٣٤٥", "9" * 5_000, "я" * 3_000, "x" * 20_000),
    *([], {}, [[]], [None], [{}], {"": ""}, [[[[[[1]]]]]], {"id": {"id": {"id": 1}}}, ["a"] * 300),
)


def as_bytes(chance: random.Random, payloads: Sequence[bytes]) -> bytes:
    """One of the payloads, some of it cut out, doubled, moved, flipped, or replaced by what parsers stumble over."""
    said = bytearray(chance.choice(payloads))
    for _ in range(chance.randrange(1, 12)):
        start = chance.randrange(len(said) + 1)
        end = min(len(said), start + chance.randrange(60))
        match chance.randrange(6):
            case 0:
                del said[start:end]
            case 1:
                said[start:start] = said[start:end] * chance.randrange(1, 30)
            case 2:
                said[start:start] = chance.choice(PIECES) * chance.choice((1, 1, 2, 50))
            case 3:
                said[start:end] = chance.randbytes(end - start)
            case 4:
                other = chance.choice(payloads)
                said[start:end] = other[: chance.randrange(len(other) + 1)]
            case _:
                said[start:start] = chance.choice(PIECES)
    return bytes(said)


def as_document(chance: random.Random, payloads: Sequence[bytes]) -> bytes:
    """One of the payloads with other values in it, where it is JSON or a form; else as bytes."""
    said = chance.choice(payloads)
    if said.lstrip()[:1] in {b"{", b"["}:
        try:
            document = json.loads(said)
        except ValueError:
            return as_bytes(chance, payloads)
        for _ in range(chance.randrange(1, 5)):
            document = _changed(chance, document)
        return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if b"=" in said and b"\n" not in said:
        pairs: list[tuple[Any, Any]] = [*parse_qsl(said.decode("latin-1"), keep_blank_values=True)]
        for _ in range(chance.randrange(1, 5)):
            _change_pairs(chance, pairs)
        return urlencode(pairs).encode()
    return as_bytes(chance, payloads)


def _changed(chance: random.Random, value: Any) -> Any:  # noqa: PLR0911 - each is one way to change it
    """The same tree with one of its places changed."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        match chance.randrange(8):
            case 0:
                return {name: one for name, one in value.items() if name != key}
            case 1:
                return value | {chance.choice(["", "id", "text", "\0", "x" * 500, key + "s"]): chance.choice(ODD)}
            case _:
                return value | {key: _changed(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], _changed(chance, value[place]), *value[place + chance.randrange(2) :]]
    match chance.randrange(6):
        case 0:
            return [value] * (chance.choice((1, 2, 200)) if len(repr(value)) < 200 else 2)
        case 1:
            return {chance.choice(["id", "text", "type"]): value}
        case 2:
            return str(value)
        case _:
            return chance.choice(ODD)


def _change_pairs(chance: random.Random, pairs: list[tuple[Any, Any]]) -> None:
    place = chance.randrange(len(pairs) + 1)
    match chance.randrange(5):
        case 0:
            del pairs[place : place + 1]
        case 1 if place < len(pairs):
            pairs[place:place] = [pairs[place]] * chance.choice((1, 2, 300))
        case 2:
            pairs.insert(place, (chance.choice(["", "event", "\0", "x" * 500]), _word(chance)))
        case _ if place < len(pairs):
            pairs[place] = (pairs[place][0], _word(chance))
        case _:
            pairs.append((_word(chance), _word(chance)))


def _word(chance: random.Random) -> bytes:
    return str(chance.choice(ODD)).encode("utf-8", "surrogatepass") if chance.random() < 0.7 else chance.choice(PIECES)


def any_way(chance: random.Random, payloads: Sequence[bytes]) -> bytes:
    """As a document twice in three times, else as bytes."""
    return (as_document if chance.random() < 2 / 3 else as_bytes)(chance, payloads)


def _deep(opened: bytes, inner: bytes, closed: bytes, depth: int) -> bytes:
    return opened * depth + inner + closed * depth


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "lists within lists": lambda: _deep(b"[", b"1", b"]", 50_000),
    "lists that never end": lambda: b'{"a":' * 50_000,
    "objects within objects": lambda: _deep(b'{"message":', b"1", b"}", 50_000),
    "an object as deep as parsers go": lambda: _deep(b'{"object":', b"{}", b"}", 900),
    "an object of many names": lambda: json.dumps({f"n{n}": n for n in range(50_000)}).encode(),
    "a list of many": lambda: b'{"attachments":[' + b"{}," * 100_000 + b"{}]}",
    "a number of many digits": lambda: b'{"update_id":' + b"9" * 200_000 + b"}",
    "one long word": lambda: b'{"text":"' + b"x" * 1_000_000 + b'"}',
    "one long escaped word": lambda: b'{"text":"' + b"\\u0000" * 100_000 + b'"}',
    "a form of many fields": lambda: b"a=1&" * 200_000,
    "a form of one long field": lambda: b"name=" + b"%D0%90" * 100_000,
    "a form within brackets": lambda: b"a" + b"[a]" * 50_000 + b"=1",
    "brackets of many forms": lambda: b"&".join(b"fields[%d][value]=%d" % (n, n) for n in range(20_000)),
    "many parts": lambda: b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 20_000 + b"--b--",
    "one part of many headers": lambda: b"--b\r\n" + b"X: y\r\n" * 50_000 + b"\r\n1\r\n--b--",
    "nothing but zeros": lambda: b"\0" * 1_000_000,
    "an archive in name only": lambda: b"PK\x03\x04" + b"\0" * 1_000_000,
}
"""What is made to cost much, by its name; made anew at each call."""
