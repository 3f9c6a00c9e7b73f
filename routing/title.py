"""What a lead is called in lists and notices: `Саратов – Николай – Цемент`."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from kernel.texts import seen
from routing.policy import Topic
from routing.words import mentions, searchable

PLACEHOLDERS: Final = ("city", "name", "company", "topic", "source", "channel")

_LENGTH: Final = 60
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_DASHES: Final = r"[-‐‑‒–—―−|/·•]"
# A dash stands between spaces or between two placeholders; the hyphen of a word is not one.
_SEPARATOR: Final = re.compile(rf"(\s+{_DASHES}\s+|(?<=\}}){_DASHES}(?=\{{))")


def check_template(template: str) -> None:
    """Raises ValueError that names a placeholder that does not exist, or a brace without its partner."""
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            raise ValueError(f"no placeholder {{{name}}}; there are {known}")
    if set("{}") & set(_PLACEHOLDER.sub("", template)):
        raise ValueError(f"a brace without its partner in {template!r}; placeholders look like {known}")


def make_title(
    template: str,
    *,
    name: str | None,
    city: str | None,
    company: str | None,
    text: str,
    subject: str | None,
    topics: Sequence[Topic],
    source: str | None,
    channel: str,
) -> str:
    """The template filled in, each value in one line of at most 60 characters; "" where all of it is empty.

    Dashes divide a template into parts. A part with placeholders that are all empty vanishes with its dash. The topic
    is the first that subject or text mention, else the text's first line, else the subject. `template` has passed
    `check_template`.
    """
    given = {"city": city, "name": name, "company": company, "source": source, "channel": channel}
    parts, named = _parts(template)
    values = {key: _one_line((_topic(topics, subject, text) if key == "topic" else given[key]) or "") for key in named}
    title = ""
    for dash, part in parts:
        filled = _filled(part, values)
        if filled:
            title += dash + filled if title else filled
    return title


@lru_cache(maxsize=16)
def _parts(template: str) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], frozenset[str]]:
    """The template's parts, each behind its dash: words and, at the odd places, names of placeholders; and all these names."""
    pieces = _SEPARATOR.split(template)
    parts = [tuple(_PLACEHOLDER.split(part)) for part in pieces[::2]]
    return tuple(zip(["", *pieces[1::2]], parts, strict=True)), frozenset(_PLACEHOLDER.findall(template))


def _filled(part: tuple[str, ...], values: dict[str, str]) -> str:
    """A part with its values put in, in one pass: no value is read as a template. "" where they are all empty."""
    named = [values[name] for name in part[1::2]]
    if named and not any(named):
        return ""
    filled = list(part)
    filled[1::2] = named
    return "".join(filled).strip()


def _topic(topics: Sequence[Topic], subject: str | None, text: str) -> str:
    searched = searchable(subject, text) if topics else ""
    for topic in topics:
        if mentions(searched, topic.words):
            return topic.name
    return next((line for line in text.splitlines() if line.strip()), subject or "")


def _one_line(value: str) -> str:
    """`value` with single spaces, cut behind a word where it is too long."""
    line = " ".join(seen(value).split())
    if len(line) <= _LENGTH:
        return line
    head, _, rest = line[:_LENGTH].rpartition(" ")
    if len(head) < _LENGTH // 2:
        head = f"{head} {rest}".strip()[: _LENGTH - 1]
    return head.rstrip(" ,.;:-–—") + "…"
