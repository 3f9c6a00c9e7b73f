"""The language of an approach, told by its letters: Russian, English, or what the channel says."""

import re
import unicodedata
from typing import Final

_RUSSIAN: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
_ENGLISH: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_ENOUGH: Final = 3
_LOOKED_AT: Final = 2_000
# Addresses are in Latin letters whatever the language is.
_ADDRESS: Final = re.compile(r"\S*(?:@|://|www\.)\S*")
_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.DOTALL)


def language_of(text: str, said: str | None) -> str | None:
    """`ru` or `en` where the letters of the text allow of it, else what the channel says, else None.

    Russian is what has no Cyrillic letter but its own, and at least a third Cyrillic: names of goods stay in Latin.
    English is what has no letter but a to z, which plain German and transliterated Russian are taken for, too. A text
    of less than three letters says nothing. `said` is a tag such as `de` or `pt-BR`, of which the first part counts.
    """
    letters = [letter for letter in _ADDRESS.sub(" ", text[:_LOOKED_AT]).casefold() if letter.isalpha()]
    russian = sum(letter in _RUSSIAN for letter in letters)
    english = sum(letter in _ENGLISH for letter in letters)
    others = {unicodedata.name(letter, "").partition(" ")[0] for letter in {*letters} - _RUSSIAN - _ENGLISH}
    if len(letters) >= _ENOUGH:
        if russian and 3 * russian >= len(letters) and "CYRILLIC" not in others:
            return "ru"
        if english == len(letters):
            return "en"
    return language_tag(said or "")


def language_tag(text: str) -> str | None:
    """The language of a tag: `pt` of `pt-BR`; None where it is no tag."""
    found = _TAG.fullmatch(text.strip().lower())
    return found[1] if found else None
