"""YAML text as a tree of texts with their lines, and `${…}` put into it. Knows nothing of what the keys mean.

Every scalar stays the text that was written (`NO` is not false, `0101` is not 65): the schema gives types. The tree is
built from the parser's events, since PyYAML's own composer recurses without a bound and keeps the last of equal keys.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 16
MAX_NODES: Final = 100_000
"""Values in the whole tree with every alias written out: a thousand managers need about ten thousand."""
MAX_SECRET_FILE: Final = 64 * 1024

_REFERENCE: Final = re.compile(r"\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNKEEPABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_NULLS: Final = frozenset({"", "~", "null"})
_TEXT_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:str"})

KeyPath = tuple[str | int, ...]


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
        if self._root is None or (isinstance(self._root, Scalar) and self._root.text in _NULLS):
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
        if _UNKEEPABLE.search(text):
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


class Resolver:
    """Puts the environment and files into a tree, once: what was put in is not looked at again.

    `base` is the folder that `${file:PATH}` starts from. `faults` holds (path, problem, remedy) of what could not be
    resolved; such a value counts as left out.
    """

    def __init__(self, environ: Mapping[str, str], base: Path) -> None:
        self.faults: list[tuple[KeyPath, str, str]] = []
        self._environ = environ
        self._base = base

    def resolve(self, node: Node, path: KeyPath = ()) -> Node | None:
        """The tree with its references resolved and without what is empty; None where nothing is left."""
        if isinstance(node, Scalar):
            return self._scalar(node, path)
        if isinstance(node, Listing):
            found = [(self.resolve(item, (*path, index)), node.lines[index]) for index, item in enumerate(node.items)]
            kept = [(item, line) for item, line in found if item is not None]
            return Listing(tuple(item for item, _ in kept), tuple(line for _, line in kept))
        entries = {key: self.resolve(value, (*path, key)) for key, value in node.entries.items()}
        return Table({key: value for key, value in entries.items() if value is not None}, node.lines)

    def _scalar(self, node: Scalar, path: KeyPath) -> Scalar | None:
        if node.plain and node.text in _NULLS:
            return None
        parts: list[str] = []
        outside = False
        position = 0
        for reference in _REFERENCE.finditer(node.text):
            parts.append(node.text[position : reference.start()])
            position = reference.end()
            try:
                text, foreign = self._reference(reference[1], closed=bool(reference[2]))
            except _Unresolved as problem:
                self.faults.append((path, problem.problem, problem.remedy))
                return None
            parts.append(text)
            outside = outside or foreign
        text = "".join(parts) + node.text[position:]
        return Scalar(text, node.written, literal=not outside) if text.strip() else None

    def _reference(self, inside: str, *, closed: bool) -> tuple[str, bool]:
        """The text that `${inside}` stands for, and whether it came from outside the file."""
        if not closed:
            raise _Unresolved("${ is opened and never closed", "write ${NAME}")
        if "${" in inside:
            raise _Unresolved(
                "a ${…} stands inside another", "one reference is replaced once: give the default as text"
            )
        if inside.startswith("file:"):
            return self._file(inside.removeprefix("file:").strip()), True
        name, sign, default = inside.partition(":-")
        if not _NAME.fullmatch(name):
            raise _Unresolved("a ${…} that names nothing", "write ${NAME}, ${NAME:-default} or ${file:PATH}")
        value = self._environ.get(name)
        if value is None and not sign:
            raise _Unresolved(f"the environment variable {name} is not set", f"set it, or write ${{{name}:-default}}")
        if value is None or (sign and not value):
            return default, False
        if _UNKEEPABLE.search(value):
            raise _Unresolved(f"the environment variable {name} is not UTF-8 text", "set it again")
        return value, True

    def _file(self, name: str) -> str:
        if not name:
            raise _Unresolved("${file:} names no file", "write ${file:PATH}")
        path = self._base / name
        remedy = f"put the value into {name}, readable to this user (a relative path starts at the configuration file)"
        try:
            if not path.is_file():
                raise _Unresolved(f"there is no file {name}", remedy)
            with path.open("rb") as stream:
                content = stream.read(MAX_SECRET_FILE + 1)
        except (OSError, ValueError) as error:
            raise _Unresolved(f"the file {name} cannot be read", remedy) from error
        if len(content) > MAX_SECRET_FILE:
            raise _Unresolved(f"the file {name} is larger than {MAX_SECRET_FILE // 1024} KB", "name the right file")
        try:
            text = content.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise _Unresolved(f"the file {name} is not UTF-8 text", "name the right file") from error
        if "\0" in text:
            raise _Unresolved(f"the file {name} is not text", "name the right file")
        return text


class _Unresolved(Exception):
    """One `${…}` that stands for nothing."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
