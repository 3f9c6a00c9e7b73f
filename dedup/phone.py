"""Telephone numbers as people write them, read into E.164 by libphonenumber's rules.

Owns the spelling of numbers. Which numbers may join people is decided in `dedup.keys`.
"""

import re
from collections.abc import Iterable
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher, PhoneNumberType

from kernel.facts import fact

# The library reads no more than this of one number.
_LONGEST: Final = 250

# What the finder looks at. A sender's own number stands near the start of what he writes or in the signature of a
# short message; what follows is quotation. Each try parses a candidate, some 20 us, and only digits cost tries: a text
# made of digits is given up in milliseconds, where the library's own limit of 65,535 tries takes seconds.
_LOOKED_AT: Final = 20_000
_TRIES: Final = 500

_SPACES: Final = "\t\n\r\v\f\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Marks that address books and word processors leave round a copied number.
_INVISIBLE: Final = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"


def _each(characters: Iterable[str], becomes: str | None) -> dict[int, str | None]:
    return dict.fromkeys(map(ord, characters), becomes)


# A line break means nothing inside a field, but divides two numbers in a text.
_FIELD: Final = _each(_SPACES, " ") | _each(_INVISIBLE, None) | _each(_DASHES, "-")
_TEXT: Final = {code: to for code, to in _FIELD.items() if chr(code) not in "\t\n\r\v\f"}
_PLAIN: Final = _each(_SPACES + _INVISIBLE + _DASHES + " -().", None)

# Russian geographic and mobile numbers of which every one is valid; the tests derive this from the library's metadata.
# 930 is left to the library: parts of it are not in use.
_AREAS: Final = (
    r"9(?:[0-24-9]\d|3[1-9])|3(?:0[12]|36|4[1-35-79]|5[1-3]|65|8[1-58]|9[0145])"
    r"|4(?:01|1[1356]|2[13467]|7[1-5]|8[1-7]|9[1-689])|8(?:1[1-8]|2[01]|3[13-6]|4[0-8]|5[15-7]|6[0-35-79]|7[1-37-9])"
)
_RUSSIAN_ABROAD: Final = re.compile(rf"\+7((?:{_AREAS})\d{{7}})", re.ASCII)
_RUSSIAN_AT_HOME: Final = re.compile(rf"(?:\+7|[78]?)((?:{_AREAS})\d{{7}})", re.ASCII)

# Russian labels of an extension beyond the library's bare `доб`; `х` is the Cyrillic letter typed for an x.
_EXTENSION: Final = re.compile(
    r"(?<=\d)[\s,;./(-]{0,4}(?:доб(?:авочный)?|внутр(?:енний)?|вн|х)(?:[\s.]?(?:номер|тел))?"
    r"[\s.:№#-]{0,4}(\d{1,9})(?!\d)\)?",
    re.IGNORECASE,
)

# An extension without a label, believed only where it makes a number of what is none with these digits.
_UNLABELLED: Final = re.compile(r"(?<=\d)\s*(?:\*\s*(\d{1,6})|\((\d{3,6})\))\s*$")

# No country has +89: it is the 8 that is dialled at home, with a plus before it.
_EIGHT_WITH_PLUS: Final = re.compile(r"\+8(?=[\s().-]{0,3}9(?:[\s().-]{0,3}\d){9}(?!\d))")

# Neighbours of the countries that share +7, whose numbers people write without the plus; none of twelve digits is any at home.
_SHARING_SEVEN: Final = frozenset({"RU", "KZ"})
_NEIGHBOUR: Final = re.compile(r"\(?(?:375|380|99[24568])(?:[\s().-]{0,3}\d){9}")

# Fewer digits than six are years, prices and house numbers long before they are a phone. Gaps are the library's.
_ENOUGH_DIGITS: Final = re.compile(r"\d(?:\D{0,4}\d){5}")

# What in a Russian text passes the library's tests and is no phone: addresses of pages (advertisements are numbered
# with ten digits) and of mailboxes, dates (30.12.2024 10:30 is a number in Ulan-Ude), the numbers of a company's
# registration (INN 7712345678 is a mobile in Kazakhstan), of its accounts and of orders.
_NO_PHONE: Final = re.compile(
    r"(?<![\w.-])(?:https?://)?(?!wa\.me/|api\.whatsapp\.com/|t\.me/\+)(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,18}[/?]\S*"
    r"|(?<![\w.+-])[\w.+-]{1,64}@"
    r"|(?<![\d.])[0-3]?\d\.[01]?\d\.(?:19|20)\d\d(?!\d)"
    r"|\b(?:ИНН|КПП|ОГРН(?:ИП)?|БИК|ОКПО|ОКВЭД|СНИЛС|INN|[ркл]/с|р/сч[её]т|лицев[а-я]{2,3} сч[её]т[а-я]{0,2})(?![а-яёa-z])"
    r"(?: организации| компании| юр\.?лица)?(?:[\s:№#(/-]|КПП){0,6}\d[\d/]*"
    r"|\b(?:заказ|договор|сч[её]т|заявк|артикул|order)[а-я]{0,3}\s?(?:№|#|N|номер)\s?\d+"
    r"|\bномера? (?:заказа|договора|сч[её]та|заявки|накладной)[\s:№#-]{0,3}\d+"
    r"|\b(?:арт(?:икул)?|id|трек(?:-?номер)?|ттн|уин|накладн[а-я]{2,3})(?![а-яёa-z])\.?[\s:№#-]{0,3}\d{6,}"
    r"|(?<!тел|доб)(?<!тел[\s.]|доб[\s.])(?<!тел\.\s|доб\.\s)(?<!\d)(?<!\d\s)[№#]\s?\d{6,10}(?!\d)",
    re.IGNORECASE,
)

_SHARED: Final = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


@fact
class Phone:
    """A number in E.164, with the digits dialled after it.

    `valid`: the numbering plan has such a number. `shared`: its kind belongs to no one person (toll-free, premium,
    shared cost, company-wide, voicemail), or it is a short number, which means something else in every country and
    behind every switchboard and is never valid.
    """

    e164: str
    extension: str | None
    valid: bool
    shared: bool


def parse_phone(text: str, region: str) -> Phone | None:
    """The one number that a field holds, read as dialled from `region` (ISO 3166); None where there is none."""
    if len(text) > _LONGEST:
        return None
    return _plain_russian(text, region) or _by_library(text, region)


def find_phones(text: str, region: str) -> list[Phone]:
    """The distinct valid numbers in free text, in their order. Looks at the first 20,000 characters."""
    if not may_hold_phone(text):
        return []
    looked_at = _EIGHT_WITH_PLUS.sub("+7", _NO_PHONE.sub("\n", _start(text).translate(_TEXT)))
    labelled = _EXTENSION.sub(r" ext \1", looked_at)
    matches = PhoneNumberMatcher(labelled, region, max_tries=_TRIES)
    return list(dict.fromkeys(_phone(match.number) for match in matches))


def may_hold_phone(text: str) -> bool:
    """Whether the start of a text has digits enough for a number: the cheap question before the search."""
    return _ENOUGH_DIGITS.search(text, 0, _LOOKED_AT) is not None


def _plain_russian(text: str, region: str) -> Phone | None:
    """Most of the numbers that arrive, twenty times faster than the library and always with its answer."""
    plain = _RUSSIAN_AT_HOME if region == "RU" else _RUSSIAN_ABROAD
    found = plain.fullmatch(text.translate(_PLAIN))
    return Phone(f"+7{found[1]}", None, valid=True, shared=False) if found else None


def _by_library(text: str, region: str) -> Phone | None:
    """What the library reads; where there can be no such number, as it was meant."""
    written = _EIGHT_WITH_PLUS.sub("+7", text.translate(_FIELD))
    found = _read(_EXTENSION.sub(r" ext \1", written), region)
    if found is None or found.valid:
        return found
    meant = _read(_UNLABELLED.sub(r" ext \1\2", written), region)
    if region in _SHARING_SEVEN and _NEIGHBOUR.fullmatch(written.strip()):
        meant = _read(f"+{written}", region)
    return meant if meant is not None and meant.valid else found


def _read(written: str, region: str) -> Phone | None:
    try:
        return _phone(phonenumbers.parse(written, region))
    except NumberParseException:
        return None


def _phone(number: PhoneNumber) -> Phone:
    valid = phonenumbers.is_valid_number(number)
    return Phone(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        extension=phonenumbers.normalize_digits_only(number.extension) if number.extension else None,
        valid=valid,
        shared=phonenumbers.number_type(number) in _SHARED if valid else phonenumbers.is_possible_short_number(number),
    )


def _start(text: str) -> str:
    """What is looked at of a text, without a number that the limit would cut in two."""
    return text if len(text) <= _LOOKED_AT else text[:_LOOKED_AT].rstrip("+-()./ \u00a00123456789")
