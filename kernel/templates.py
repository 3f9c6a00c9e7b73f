"""Texts with places for what is known when they are sent: `Здравствуйте, {name}!`. What is not known leaves no gap.

Only names in braces, no formats and no attributes: the text is the user's own, and so is what stands in it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_BEFORE: Final = re.compile(r"[ \t]*,?[ \t]*\Z")
_AFTER: Final = re.compile(r"[ \t]*,?[ \t]*")


def check(template: str, names: Collection[str]) -> None:
    """Raise ValueError, in the words `problem; write …`, for a place that is none of `names` and for a brace by itself."""
    for place in _PLACE.finditer(template):
        if place[1] not in names:
            known = ", ".join(f"{{{name}}}" for name in sorted(names))
            raise ValueError(f"{place[0]} is unknown; write {known}")
    if re.search(r"[{}]", _PLACE.sub("", template)):
        raise ValueError("a brace stands by itself; write {name} for a place, and no other braces")


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its places filled. One without a value goes with the comma and the spaces that join it to the rest."""
    text, end = "", 0
    for place in _PLACE.finditer(template):
        literal, value = template[end : place.start()], values.get(place[1], "")
        end = place.end()
        text += literal
        if value:
            text += value
            continue
        text = _BEFORE.sub("", text)
        if not text or text.endswith("\n"):
            after = _AFTER.match(template, end)
            end = after.end() if after else end
    return text + template[end:]
