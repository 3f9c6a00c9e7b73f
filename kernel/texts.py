"""Texts that people read, in Russian and English: a catalogue maps a stable code to one template per language."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

Language = Literal["ru", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")

# What shows nothing by itself, and what turns the text behind it or commands a terminal. A joiner (U+200D) stays, since it makes
# one picture of several.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u115f\u1160\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069"
    "\u2800\u3164\ufeff\uffa0]+"
)


# Of these, those that `str.isprintable` takes for something to be seen. It looks at a text ten times faster than the expression.
_BLANK: Final = "\u115f\u1160\u2800\u3164\uffa0"


class Catalogue:
    """Templates by code and language, filled with `str.format` parameters.

    A code without a text is a defect that `tests` find by listing the codes; at run time it is shown as itself, since a
    manager is better served by `all_at_limit` than by an error.
    """

    def __init__(self, texts: Mapping[str, Mapping[Language, str]]) -> None:
        self._texts = texts

    def __contains__(self, code: str) -> bool:
        return code in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def say(self, code: str, language: Language, **values: object) -> str:
        """The text of `code` in `language` with `values` put in."""
        found = self._texts.get(code)
        return found[language].format(**values) if found else code


def storable(text: str) -> str:
    """A text without what a database refuses: NUL goes, a lone surrogate becomes U+FFFD."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def seen(text: str) -> str:
    """What can be seen of a text, as it is and not turned: some call themselves `ㅤ`, which nobody can read or click."""
    if text.isprintable():
        for blank in _BLANK:
            if blank in text:
                break
        else:
            return text
    return _UNSEEN.sub("", text)
