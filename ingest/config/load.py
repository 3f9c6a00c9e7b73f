"""From a file to a configuration, or to everything that is wrong with it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ingest.config.document import MAX_BYTES, Unreadable, parse
from ingest.config.faults import Fault, Finding, literal_secrets, placed, translate
from ingest.config.references import check
from ingest.config.resolving import Resolver
from ingest.config.schema import Config
from ingest.config.tree import KeyPath, Listing, Table, plain

_NAMED: Final = ("accounts", "calendars", "channels", "directors", "managers", "teams")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The outcome: `config` is None where one of the faults is an error. `root` is what was read, with its lines."""

    config: Config | None
    faults: tuple[Fault, ...]
    root: Table = field(default_factory=Table, repr=False)


def load(path: Path, environ: Mapping[str, str], only: Collection[str] | None = None) -> Loaded:
    """Read the file at `path` and find every fault at once. Raises nothing for what the file may hold.

    With `only`, the other top-level sections are neither resolved nor checked, and have their defaults.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            written, unreadable = parse(stream.read(MAX_BYTES + 1))
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        return Loaded(None, (Fault(file, 1, "", f"cannot be read: {reason}", "name another file with --config"),))
    except Unreadable as error:
        return Loaded(None, (_unreadable(file, error),))
    if only is not None:
        written = Table({key: node for key, node in written.entries.items() if key in only}, written.lines)
        unreadable = [error for error in unreadable if error.key.partition(".")[0] in only]
    base = path.absolute().parent
    resolver = Resolver(environ, base)
    root = _with_empty_entries(written, resolver.resolve(written))
    unresolved = [Finding(*fault) for fault in resolver.faults]
    config, invalid = _validated(root, {"base": base, "file": file, "test_lines": _lines(root, "routing_tests")})
    findings = _without_echoes(unresolved, [*invalid, *check(root, only)])
    faults = {_unreadable(file, error) for error in unreadable}
    faults |= {placed(finding, file, written) for finding in unresolved}
    faults |= {placed(finding, file, root) for finding in [*findings, *literal_secrets(root)]}
    broken = any(fault.level == "error" for fault in faults)
    return Loaded(
        None if broken else config, tuple(sorted(faults, key=lambda one: (one.line, one.key, one.problem))), root
    )


def _unreadable(file: str, error: Unreadable) -> Fault:
    return Fault(file, error.line, error.key, error.problem, error.remedy)


def _with_empty_entries(written: Table, resolved: object) -> Table:
    """The resolved tree, in which `anna:` with nothing behind it is an entry without keys and not one left out."""
    root = resolved if isinstance(resolved, Table) else Table()
    entries = dict(root.entries)
    for section in _NAMED:
        before, after = written.entries.get(section), entries.get(section)
        if isinstance(before, Table) and isinstance(after, Table):
            kept = {name: after.entries.get(name, Table()) for name in before.entries}
            entries[section] = Table(kept, after.lines)
    return Table(entries, root.lines)


def _lines(root: Table, section: str) -> tuple[int, ...]:
    """The line of each item of a list."""
    found = root.entries.get(section)
    return found.lines if isinstance(found, Listing) else ()


def _validated(root: Table, context: Mapping[str, object]) -> tuple[Config | None, list[Finding]]:
    values = {key: plain(node) for key, node in root.entries.items()}
    try:
        return Config.model_validate({"storage": {}, **values}, context=context), []
    except ValidationError as error:
        return None, list(translate(root, error.errors(include_url=False)))


def _without_echoes(unresolved: Iterable[Finding], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what is only said because a value could not be resolved: `is missing` there or round it."""
    open_paths: set[KeyPath] = {
        finding.path[:length] for finding in unresolved for length in range(len(finding.path) + 1)
    }
    return (finding for finding in findings if finding.path not in open_paths)
