"""From bytes to text, whatever the label says: Russian mail is full of missing, unknown and wrong charsets.

A label is believed where the bytes agree with it. Bytes that are UTF-8 are read as UTF-8 under any single-byte label, since
text in another charset hardly ever happens to be UTF-8. Cyrillic under a wrong label is told by how often the letters are
common ones: read in the wrong charset, it becomes capitals and signs.
"""

import codecs
import re
from itertools import pairwise
from typing import Final

_ALIASES: Final = {
    "utf8mb4": "utf-8",
    "utf-8-mac": "utf-8",
    "unicode": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "cp-1251": "cp1251",
    "cp-866": "cp866",
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "windows1251": "cp1251",
    "koi8": "koi8-r",
    "koi-8": "koi8-r",
    "koi8r": "koi8-r",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "x-cp1251": "cp1251",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb-2312-80": "gb18030",
    "ks-c-5601-1987": "cp949",
    "x-sjis": "cp932",
    "shift-jis": "cp932",
    "iso-2022-jp-ms": "iso-2022-jp",
    # What the standards call Latin-1 and ASCII, programs write for what Windows calls Western (WHATWG Encoding, 4.2).
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ansi": "cp1252",
}
# Python knows codecs that are no charsets, and some (punycode) that take for ever.
_CHARSETS: Final = re.compile(
    r"utf-?(?:7|8|16|32)(?:-?[bl]e)?|utf-8-sig|ascii|us-ascii|iso-?8859-\d+|latin-?\d+|cp\d+|windows-\d+|koi8-[rtu]|"
    r"mac-[a-z0-9]+|gb18030|hz|big5(?:hkscs)?|euc-(?:jp|kr)|iso-?2022-(?:jp(?:-\d)?|kr)|johab|tis-?620|kz1048|ptcp154"
)
_CYRILLIC: Final = ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic")
_COMMON: Final = frozenset("оеаинтсрвлкмдпуя")
_CYRILLIC_LETTER: Final = re.compile(r"[а-яё]", re.IGNORECASE)
# Charsets whose bytes may all look like ASCII or UTF-8 and mean something else.
_SHIFTING: Final = frozenset(
    {"utf-7", "hz", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"}
    | {f"iso2022_{variant}" for variant in ("jp", "jp_1", "jp_2", "jp_3", "jp_ext", "jp_2004", "kr")}
)
# Labels that are written without a thought.
_WEAK: Final = frozenset({"ascii", "utf-8", "cp1252"})
_LOOKED_AT: Final = 20_000
_FIRST_HIGH: Final = 0x80
_SURE: Final = 0.5
_MUCH_BETTER: Final = 1.5
# So great a share of the letters is not ASCII where the text is in no Latin alphabet.
_FOREIGN: Final = 0.5


def decode(data: bytes, label: str | None) -> str:
    """The text of `data`. Never raises; what is no text in any charset becomes U+FFFD."""
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :].decode("utf-8", "replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    charset = known(label)
    if charset in _SHIFTING:
        return _shifting(data, charset)
    if _is(data, "utf-8"):
        return data.decode("utf-8")
    if charset is None or charset in _WEAK:
        return _guessed(data, charset)
    return data.decode(_better(data, charset) if charset in _CYRILLIC else charset, "replace")


def _shifting(data: bytes, charset: str) -> str:
    """Japanese mail calls everything iso-2022-jp: its later editions, which have more signs, and what Windows writes."""
    ways = [(data, charset)]
    if charset.startswith("iso2022_jp"):
        ways += [(data.replace(b"\x1b$B", b"\x1b$(Q"), "iso2022_jp_2004")] if data.isascii() else [(data, "cp932")]
    written, fitting = next((way for way in ways if _is(*way)), ways[0])
    return written.decode(fitting, "replace")


def known(label: str | None) -> str | None:
    """Python's name of a charset by its label in a mail, None for a label that is none."""
    name = (label or "").strip().strip("\"'").lower().replace("_", "-")[:40]
    name = _ALIASES.get(name, name)
    if not _CHARSETS.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _is(data: bytes, charset: str) -> bool:
    try:
        data.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def _guessed(data: bytes, charset: str | None) -> str:
    """Bytes of which the label says nothing that helps."""
    sample = data[:_LOOKED_AT]
    high = sum(byte >= _FIRST_HIGH for byte in sample)
    letters = high + sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in sample)  # noqa: PLR2004 - A-Z, a-z
    if charset == "utf-8" and _mostly_utf8(sample):
        return data.decode("utf-8", "replace")
    if high >= _FOREIGN * letters:
        best = _better(data, None)
        if _score(sample.decode(best, "replace")) >= _SURE:
            return data.decode(best, "replace")
    return data.decode(charset if charset == "utf-8" else "cp1252", "replace")


def _mostly_utf8(sample: bytes) -> bool:
    """Whether there are only some damaged letters in a text that is what it says."""
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) > 2 * damaged


def _better(data: bytes, charset: str | None) -> str:
    """The charset in which the text is Russian; the given one, unless another is much better."""
    sample = data[:_LOOKED_AT]
    scores = {name: _score(sample.decode(name, "replace")) for name in _CYRILLIC}
    best = max(scores, key=lambda name: scores[name])
    if charset is not None and scores[best] < max(_SURE, _MUCH_BETTER * scores[charset]):
        return charset
    return best


def _score(text: str) -> float:
    """The share of common small letters among what is not ASCII; a capital after a small letter counts against it."""
    foreign = [letter for letter in text if letter > "\x7f"]
    if not foreign or not _CYRILLIC_LETTER.search(text):
        return 0.0
    good = sum(letter in _COMMON for letter in foreign)
    odd = sum(before.islower() and after.isupper() for before, after in pairwise(text))
    return (good - odd) / len(foreign)
