"""Where a telephone number is from: its country, and for a landline the region that its code belongs to.

A mobile number tells its country alone: it moves with its owner, and may be taken to another operator.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import SUPPORTED_REGIONS, NumberParseException, PhoneNumber

from kernel.facts import fact
from routing.words import fold

_LANGUAGES: Final = ("ru", "en")
# The library's data has the city for the region and the other way round.
_MENDED: Final = {
    "+7495": ("Москва", "Moscow"),
    "+7496": ("Московская область", "Moscow Region"),
    "+7498": ("Московская область", "Moscow Region"),
}
_SHORT: Final = re.compile(r"\bобл\b\.?")


@fact
class Place:
    """`country` in ISO 3166, None where a number belongs to none; `names` of country and region in both languages."""

    country: str | None
    names: tuple[str, ...]


def place_name(text: str) -> str:
    """A name of a region as comparison sees it."""
    return _SHORT.sub("область", fold(text)).removeprefix("г. ")


@lru_cache(maxsize=4096)
def place_of(e164: str) -> Place:
    """What the numbering plan tells of a number in E.164."""
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return Place(None, ())
    names = dict.fromkeys(place_name(name) for name in _named(number, e164[:5]) if name)
    country = phonenumbers.region_code_for_number(number)
    return Place(country if country in SUPPORTED_REGIONS else None, tuple(names))


def load_places() -> None:
    """Have the library's names at hand, which takes it half a second the first time."""
    place_of("+74991234567")


def _named(number: PhoneNumber, code: str) -> Iterator[str]:
    from phonenumbers import geocoder  # noqa: PLC0415 - half a second, which only those pay who have such a rule

    for language, mended in zip(_LANGUAGES, _MENDED.get(code, (None, None)), strict=True):
        yield mended or geocoder.description_for_number(number, language)
        yield geocoder.country_name_for_number(number, language)
