"""YAML text as a tree of texts with their lines. Knows nothing of what the keys mean.

Every scalar stays the text that was written (`NO` is not false, `0101` is not 65): the schema gives types. The tree is
built from the parser's events, since PyYAML's own composer recurses without a bound and keeps the last of equal keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from yaml import BaseLoader
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from ingest.config.tree import NULLS, UNKEEPABLE, Listing, Node, Scalar, Table, dotted

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 16
MAX_NODES: Final = 100_000
"""Values in the whole tree with every alias written out: a thousand managers need about ten thousand."""
_TEXT_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:str"})


class Unreadable(Exception):
    """The text is no YAML mapping that this program reads; `line` and `key` say where."""

    def __init__(self, line: int, problem: str, remedy: str, key: str = "") -> None:
        super().__init__(problem)
        self.line = line
        self.key = key
        self.problem = problem
        self.remedy = remedy


def parse(content: bytes) -> tuple[Table, Sequence[Unreadable]]:
    """The tree of a file's content, and faults that leave the rest readable, such as a key that is there twice.

    Raises Unreadable for what leaves nothing to go on with.
    """
    text = _decode(content)
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except YAMLError as error:
        raise _syntax(error, text) from error
    return builder.result(), builder.faults


def _events(text: str) -> Iterator[Event]:
    loader = BaseLoader(text)
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]  # the stubs leave it open
    except (ValueError, OverflowError) as error:  # PyYAML lets chr() fail on "\UFFFFFFFF" and int() on a long %YAML
        raise Unreadable(loader.line + 1, "an escape or a number here has no meaning", "correct it") from error
    finally:
        loader.dispose()


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise Unreadable(1, f"the file is larger than {MAX_BYTES // 1024} KB", "this is probably not the file you mean")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "the file is not UTF-8", "save it as UTF-8") from error


_SYNTAX: Final = (
    ("found character '\\t'", "a tab is used where YAML wants spaces", "indent with spaces"),
    ("mapping values are not allowed", "a second colon on this line", "put the value in quotes, or start a new line"),
    ("found unexpected end of stream", "a quote is opened and never closed", "close it"),
    ("expected ',' or ']'", "a list that starts with [ is not closed, or lacks a comma", "write [one, two]"),
    ("expected ',' or '}'", "a mapping that starts with { is not closed, or lacks a comma", "write {one: 1, two: 2}"),
    ("expected <block end>", "this line does not fit the lines above", "check how far it is indented, and the quotes"),
    ("could not find expected ':'", "a key without a colon", "write `key: value`"),
    ("expected alphabetic or numeric", "* and & want a name behind them", "put the value in quotes"),
    ("that cannot start any token", "a value may not start with this character", "put the value in quotes"),
    ("found unknown escape", "an unknown escape in double quotes", "use single quotes, or double the backslash"),
)

_BEGUN_ABOVE: Final = frozenset(problem for _, problem, _ in _SYNTAX if "closed" in problem or "without" in problem)


def _syntax(error: YAMLError, text: str) -> Unreadable:
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Unreadable(line, f"the character U+{ord(_character(error)):04X} is not allowed in YAML", "remove it")
    if not isinstance(error, MarkedYAMLError):
        return Unreadable(1, "this is not YAML", "compare it with the shipped config.yaml")
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    if mark and text[max(mark.index - 1, 0) : mark.index + 1] == "${":
        return Unreadable(line, "a ${…} inside { } or [ ] stands without quotes", 'write "${NAME}", with the quotes')
    for sign, problem, remedy in _SYNTAX:
        if sign in (error.problem or ""):
            begun = error.context_mark.line + 1 if error.context_mark else line
            return Unreadable(begun if problem in _BEGUN_ABOVE else line, problem, remedy)
    return Unreadable(line, "this line is not YAML", "check its indentation, quotes and brackets")


def _character(error: ReaderError) -> str:
    found = error.character
    return chr(found) if isinstance(found, int) else str(found)[:1]


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


@dataclass(slots=True)
class _Open:
    """A mapping or a sequence whose end has not come yet."""

    mapping: bool
    line: int
    anchor: str | None
    entries: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    key_lines: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    key_line: int = 0
    size: int = 1
    height: int = 1

    def close(self) -> Node:
        if self.mapping:
            return Table(self.entries, self.key_lines)
        return Listing(tuple(self.items), tuple(self.lines))


class _Builder:
    """Makes the tree of the events; no recursion, every growth bounded."""

    def __init__(self) -> None:
        self.faults: list[Unreadable] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._root: Node | None = None
        self._documents = 0

    def result(self) -> Table:
        if self._root is None or (isinstance(self._root, Scalar) and self._root.text in NULLS):
            raise Unreadable(1, "the file is empty", "start from the shipped config.yaml")
        if not isinstance(self._root, Table):
            raise Unreadable(1, "the file is not a mapping of keys to values", "start from the shipped config.yaml")
        return self._root

    def take(self, event: Event) -> None:
        line = _line(event)
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(line, "a second document starts here", "remove the line with ---")
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._start(event, line)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            done = self._open.pop()
            self._place(done.close(), done.line, (done.size, done.height), done.anchor)
        elif isinstance(event, ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, AliasEvent):
            self._alias(event, line)

    def _start(self, event: MappingStartEvent | SequenceStartEvent, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._deep(line)
        if self._open and self._open[-1].mapping and self._open[-1].key is None:
            raise Unreadable(
                line, "a key that is itself a list or a mapping", "write the key as text, or add the quotes"
            )
        self._tag(event.tag, line)
        self._open.append(_Open(isinstance(event, MappingStartEvent), line, event.anchor))

    def _deep(self, line: int) -> Unreadable:
        return Unreadable(line, f"more than {MAX_DEPTH} levels inside each other", "no key here needs that many")

    def _tag(self, tag: str | None, line: int) -> None:
        if tag not in _TEXT_TAGS:
            key = self._here()
            name = tag.replace("tag:yaml.org,2002:", "!!") if tag else "!"
            fault = Unreadable(
                line, f"YAML tags such as {name} are not used here", "remove it; for secrets: ${NAME}", key
            )
            self.faults.append(fault)

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        top = self._open[-1] if self._open else None
        text = event.value
        if UNKEEPABLE.search(text):
            raise Unreadable(
                line, "a NUL or half a character that no database keeps", "remove the escape", self._here()
            )
        if top and top.mapping and top.key is None:
            self._key(top, text, line)
        else:
            self._tag(event.tag, line)
            self._place(Scalar(text, text, plain=event.style is None), line, (1, 0), event.anchor)

    def _key(self, top: _Open, text: str, line: int) -> None:
        if text == "<<":
            raise Unreadable(line, "merge keys (<<) are not read", "write the keys out", self._here())
        top.key, top.key_line = text, line

    def _alias(self, event: AliasEvent, line: int) -> None:
        if self._open and self._open[-1].mapping and self._open[-1].key is None:
            raise Unreadable(line, "an alias (*name) stands where a key belongs", "write the key out")
        if event.anchor not in self._anchors:
            raise Unreadable(line, f"nothing above is named &{event.anchor}", "add the anchor, or put * in quotes")
        node, size, height = self._anchors[event.anchor]
        self._place(node, line, (size, height), None)

    def _place(self, node: Node, line: int, extent: tuple[int, int], anchor: str | None) -> None:
        """Hang a finished node into what is open; `extent` is how many values it has and how many levels."""
        size, height = extent
        if anchor is not None:
            self._anchors[anchor] = node, size, height
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        top.size += size
        top.height = max(top.height, height + 1)
        if len(self._open) + height > MAX_DEPTH:
            raise self._deep(line)
        if top.size > MAX_NODES:
            raise Unreadable(line, f"more than {MAX_NODES} values", "aliases inside aliases grow fast: write them out")
        if not top.mapping:
            top.items.append(node)
            top.lines.append(line)
            return
        key, top.key = top.key or "", None
        if key in top.entries:
            self._twice(key, top)
        top.entries[key] = node
        top.key_lines[key] = top.key_line

    def _twice(self, key: str, top: _Open) -> None:
        first = top.key_lines[key]
        problem = f"this key is there twice, first in line {first}"
        self.faults.append(Unreadable(top.key_line, problem, "keep one of the two", self._here(key)))

    def _here(self, last: str | None = None) -> str:
        path = [(level.key or "") if level.mapping else len(level.items) for level in self._open]
        if last is not None:
            path[-1] = last
        return dotted(tuple(step for step in path if step != ""))
