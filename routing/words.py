"""Words as rules and topics name them, and whether a text has them: `цемент`, `достав*`, `*бетон`, `не отвечает`."""

import unicodedata
from collections.abc import Iterable

from kernel.facts import fact


@fact
class Word:
    """A folded word or phrase. `begins` and `ends`: whether a word of the text must begin and end with it."""

    text: str
    begins: bool
    ends: bool


def fold(text: str) -> str:
    """A text as comparison sees it: one case, `ё` as `е`, one Unicode form, single spaces."""
    one_form = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return " ".join(one_form.split())


def parse_word(text: str) -> Word:
    """Read a word, a phrase, or either with a `*` before or after it. Raises ValueError for any other `*`."""
    folded = fold(text)
    stem = folded.removeprefix("*").removesuffix("*").strip()
    if not stem or "*" in stem:
        raise ValueError(f"{text!r} is not a word to look for; write цемент, достав* or *бетон")
    return Word(stem, begins=not folded.startswith("*"), ends=not folded.endswith("*"))


def searchable(subject: str | None, text: str) -> str:
    """Subject and text as `mentions` reads them; no phrase reaches from one into the other."""
    return f"{fold(subject or '')}\n{fold(text)}"


def mentions(folded: str, words: Iterable[Word]) -> bool:
    """Whether a text from `searchable` has one of the words."""
    return any(_occurs(folded, word) for word in words)


def _occurs(folded: str, word: Word) -> bool:
    at = folded.find(word.text)
    while at >= 0:
        end = at + len(word.text)
        inside = (word.begins and _in_word(folded[at - 1 : at])) or (word.ends and _in_word(folded[end : end + 1]))
        if not inside:
            return True
        at = folded.find(word.text, at + 1)
    return False


def _in_word(character: str) -> bool:
    """Whether a character (or none) continues a word: letters, digits, marks on them, and the underscore."""
    return character == "_" or (character != "" and unicodedata.category(character)[0] in "LNM")
