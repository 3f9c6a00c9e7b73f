"""`priyom contacts import`: the rows of a file go to the API some at a time, and what came of each is told."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from ingest.client import Client
from ingest.contact_files.columns import Columns, columns
from ingest.contact_files.reading import BadFile, rows
from ingest.contact_files.writing import guarded

AT_ONCE: Final = 500
_LONGEST: Final = 500
_MOST_IN_A_CELL: Final = 20
_FIRST: Final = 2
"""The line below the headings."""

Json = dict[str, Any]

WHY: Final = {
    "no_key": "no phone or address in it can be read",
    "no_such_owner": "its owner is no manager; say who it is: --owner TEXT=MANAGER",
    "staff": "the phone or address is the company's own",
    "too_long": f"a cell has more than {_LONGEST} characters, or {_MOST_IN_A_CELL} numbers",
    "unreadable": "it is no number",
    "impossible": "there can be no such number or address",
    "machine_made": "it was made up by a program or to get past a required field",
    "short_number": "it is too short to be somebody's",
    "too_many": "it is a list of numbers",
    "spoilt": "the table has rounded the number: format the column as text and save again",
}


@dataclass(slots=True)
class Brought:
    """What came of a file so far. `last` is the last line that was taken; `repeats` are rows with a key of an earlier one."""

    counts: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    last: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A file that has been opened: its headings, what they say, and the rows to come."""

    headings: Sequence[str]
    columns: Columns
    lines: Iterator[tuple[int, list[str]]]


def opened(path: Path, said: Mapping[str, str], sheet: str | None, encoding: str | None) -> Table:
    """A file whose first line has the headings. Raises BadFile and BadColumn."""
    lines = rows(path, sheet, encoding)
    _, headings = next(lines, (0, []))
    if not headings:
        raise BadFile(f"{path.name} is empty")
    return Table(headings, columns(headings, said), lines)


class Bringing:
    """Sends a table on. `refused` is where rows that were not taken are written, for somebody to mend them and send that file."""

    def __init__(self, api: Client, owners: Mapping[str, str], *, preview: bool) -> None:
        self._api = api
        self._preview = preview
        self._owners = _managers(api) | {_plain(text): name for text, name in owners.items()}
        self._seen: set[str] = set()

    def bring(
        self, table: Table, since: int, refused: Path, on_progress: Callable[[Brought], None]
    ) -> Iterator[Brought]:
        """Send the rows from line `since` on; what came of them so far, after each part. Raises Refusal and Unreachable."""
        brought = Brought()
        report = _Report(refused, table.headings, goes_on=since > _FIRST)
        with report:
            wanted = ((line, cells) for line, cells in table.lines if line >= since)
            while part := list(islice(wanted, AT_ONCE)):
                self._send(table.columns, part, brought, report)
                brought.last = part[-1][0]
                on_progress(brought)
                yield brought

    def _send(self, known: Columns, part: Sequence[tuple[int, list[str]]], brought: Brought, report: "_Report") -> None:
        cells_of = dict(part)
        said = [known.row(line, cells) for line, cells in part]
        good = [self._with_owner(row) for row in said if not _is_too_long(row)]
        outcomes = [_too_long(row) for row in said if _is_too_long(row)]
        if good:
            outcomes += self._api.post("contacts", "import", order={"rows": good, "preview": self._preview})["items"]
        for outcome in sorted(outcomes, key=lambda one: int(one["line"])):
            repeats = not self._seen.isdisjoint(outcome["keys"])
            # Of a part that was taken back, the next one knows nothing.
            forgotten = self._preview and repeats and outcome["result"] == "created"
            brought.counts["known" if forgotten else outcome["result"]] += 1
            if outcome["result"] == "refused":
                brought.refused += 1
                report.write(outcome["line"], cells_of[outcome["line"]], _why(outcome, cells_of[outcome["line"]]))
                continue
            brought.doubts.update(outcome["doubts"])
            brought.repeats += repeats
            self._seen.update(outcome["keys"])

    def _with_owner(self, row: Json) -> Json:
        owner = row.get("owner")
        return row if owner is None else row | {"owner": self._owners.get(_plain(owner), owner)}


class _Report:
    """Rows that were refused, as a table with why; made with the first of them, or gone on with."""

    def __init__(self, path: Path, headings: Sequence[str], *, goes_on: bool) -> None:
        self._path = path
        self._headings = headings
        self._mode = "a" if goes_on else "w"
        self._file: Any = None
        self._rows: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: int, cells: Sequence[str], why: str) -> None:
        if self._file is None:
            self._file = self._path.open(self._mode, encoding="utf-8-sig", newline="")
            self._rows = csv.writer(self._file, delimiter=";")
            if not self._file.tell():
                self._rows.writerow([*map(guarded, self._headings), "line", "why"])
        missing = [""] * (len(self._headings) - len(cells))
        self._rows.writerow([*map(guarded, cells[: len(self._headings)]), *missing, line, why])


def _managers(api: Client) -> dict[str, str]:
    """Managers by what a table may call them: the name in the configuration, or the title."""
    shown = api.listed("managers", None)["items"]
    titles = {_plain(one["title"]): one["name"] for one in shown if one["title"]}
    return titles | {_plain(one["name"]): one["name"] for one in shown}


def _why(outcome: Json, cells: Sequence[str]) -> str:
    codes = [outcome["why"], *outcome["doubts"]]
    if outcome["why"] == "no_key" and any("e+" in cell.lower() for cell in cells):
        codes = ["no_key", "spoilt"]
    return "; ".join(dict.fromkeys(WHY.get(code, code) for code in codes))


def _is_too_long(row: Json) -> bool:
    several = [*row.get("phones", ()), *row.get("emails", ())]
    single = [value for value in row.values() if isinstance(value, str)]
    many = max(len(row.get("phones", ())), len(row.get("emails", ()))) > _MOST_IN_A_CELL
    return many or any(len(value) > _LONGEST for value in (*several, *single))


def _too_long(row: Json) -> Json:
    return {"line": row["line"], "result": "refused", "why": "too_long", "doubts": [], "keys": []}


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())
