"""A configuration as a tree of texts with their lines. Knows nothing of what the keys mean, nor of how it was written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

KeyPath = tuple[str | int, ...]
NULLS: Final = frozenset({"", "~", "null"})
"""What counts as left out where it stands without quotes."""
UNKEEPABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
"""A NUL or half a character, which no database keeps."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text. `written` stands in the file; `literal`: nothing in `text` came from the environment or another file."""

    text: str = field(repr=False)
    written: str
    literal: bool = True
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence, each item with its line."""

    items: tuple["Node", ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping, each key with its line."""

    entries: Mapping[str, "Node"] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


Node = Scalar | Listing | Table


def find(node: Node | None, *path: str | int) -> Node | None:
    """What stands at `path`, None where there is nothing."""
    for step in path:
        if isinstance(node, Table):
            node = node.entries.get(str(step))
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def line_of(node: Node | None, path: KeyPath) -> int:
    """The line of what stands at `path`, or of the nearest thing round it."""
    line = 1
    for step in path:
        if isinstance(node, Table) and step in node.lines:
            line = node.lines[str(step)]
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            line = node.lines[step]
        else:
            break
        node = find(node, step)
    return line


def dotted(path: KeyPath) -> str:
    """`("teams", "sales", "managers", 1)` as `teams.sales.managers[1]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def plain(node: Node) -> object:
    """The tree as texts, lists and dicts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def scalars(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Scalar]]:
    """Every scalar of a tree with its path."""
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, Listing):
        for index, item in enumerate(node.items):
            yield from scalars(item, (*path, index))
    else:
        for key, value in node.entries.items():
            yield from scalars(value, (*path, key))
