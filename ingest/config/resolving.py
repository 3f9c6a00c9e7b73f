"""`${…}` put into the tree of a configuration: what the environment and other files say."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingest.config.tree import NULLS, UNKEEPABLE, KeyPath, Listing, Node, Scalar, Table

MAX_SECRET_FILE: Final = 64 * 1024
_REFERENCE: Final = re.compile(r"\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
        if node.plain and node.text in NULLS:
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
        if UNKEEPABLE.search(value):
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
