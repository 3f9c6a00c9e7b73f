"""Texts that people read, in Russian and English: a catalogue maps a stable code to one template per language."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

Language = Literal["ru", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")


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
