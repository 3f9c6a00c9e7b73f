"""The rows of a CSV or XLSX file, one after another, so that a file of a million lines needs no more memory than one of ten."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import openpyxl

_SAMPLE: Final = 65_536
_DELIMITERS: Final = ";,\t|"
# A line above the headings by which a table says its delimiter to Excel: `sep=;`.
_MARK: Final = "sep="
# Programs of Windows write the country's code page where nothing says otherwise.
_CODE_PAGE: Final = "windows-1251"
_LONGEST_CELL: Final = 100_000
# What a spreadsheet shows where a formula came to nothing: nobody is called so.
_FAILURES: Final = "#N/A #REF! #VALUE! #NAME? #DIV/0! #NULL! #NUM! #Н/Д #ССЫЛКА! #ЗНАЧ! #ИМЯ? #ДЕЛ/0! #ПУСТО! #ЧИСЛО!"
_NOTHING: Final = frozenset(_FAILURES.split())


class BadFile(Exception):
    """What is wrong with a file, and what to do about it."""


def rows(path: Path, sheet: str | None = None, encoding: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that is not empty, from 1, and its cells. Raises BadFile.

    `sheet`: of a workbook, by name; else its first. `encoding`: of a text file; else told by its beginning.
    """
    try:
        if path.suffix.lower() in {".xlsx", ".xlsm"}:
            yield from _workbook(path, sheet)
        elif path.suffix.lower() == ".xls":
            raise BadFile(f"{path.name} is of the old Excel; save it as .xlsx or .csv")
        else:
            yield from _text(path, encoding)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from error


def _text(path: Path, encoding: str | None) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    encoding = encoding or _encoding(sample)
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding=encoding, newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=_delimiter(file))
            before = 0
            for cells in reader:
                if reader.line_num > before + 1 and lines.is_open:
                    raise BadFile(f"{path.name}: a quotation mark on line {before + 1} is never closed; mend it there")
                before = reader.line_num
                lines.marks = 0
                if any(cell.strip() for cell in cells) and cells[0] != _MARK:
                    yield reader.line_num, [_unguarded(cell.replace("\0", "").strip()) for cell in cells]
    except LookupError as error:
        raise BadFile(f"there is no encoding {encoding!r}") from error
    except UnicodeError as error:
        raise BadFile(f"{path.name} is not written in {encoding}; say which it is: --encoding windows-1251") from error
    except csv.Error as error:
        raise BadFile(f"{path.name} is no table: {error}") from error


class _Lines:
    """The lines of a text, and how many quotation marks there were in them since somebody set `marks` to nought.

    A row of several lines has an even number of them: each opens a cell or closes one, or is written twice. Else one that was
    meant for a word has swallowed all rows up to the next mark, or to the end.
    """

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self.marks = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.marks += line.count('"')
            yield line

    @property
    def is_open(self) -> bool:
        """Whether a cell was begun and not ended."""
        return self.marks % 2 == 1


def _encoding(sample: bytes) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for end in range(4):
        # A letter may be cut in two by the end of the sample.
        try:
            sample[: len(sample) - end].decode()
        except UnicodeDecodeError:
            continue
        return "utf-8-sig"
    return _CODE_PAGE


def _delimiter(file: io.TextIOWrapper) -> str:
    """The one that the first line says; else the one of the usual marks that it has most of."""
    first = next((line for line in file if line.strip()), "")
    file.seek(0)
    said = first.removeprefix(_MARK)[:1] if first.startswith(_MARK) else ""
    if said and said in _DELIMITERS:
        return said
    return max(_DELIMITERS, key=first.count)


def _workbook(path: Path, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from _sheet(path, sheet)
    except (BadFile, OSError):
        raise
    except Exception as error:  # a spoilt one fails in as many ways as there are parts in it
        raise BadFile(f"{path.name} is no workbook of Excel, or is spoilt; save it as .xlsx or .csv") from error


def _sheet(path: Path, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise BadFile(f"there is no sheet {sheet!r}; there are {', '.join(book.sheetnames)}")
        table = book[sheet or book.sheetnames[0]]
        # Programs that write a workbook as a stream say A1 of a table of any size, and no more would be read.
        table.reset_dimensions()
        for line, cells in enumerate(table.iter_rows(values_only=True), 1):
            said = [_unguarded(_written(cell)) for cell in cells]
            if any(said):
                yield line, said
    finally:
        book.close()


def _written(cell: Any) -> str:
    """A cell as a person reads it: a number that is whole has no point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()


def _unguarded(cell: str) -> str:
    """Without the apostrophe by which an exported cell is kept from being a formula; nothing, where a formula failed."""
    if cell in _NOTHING:
        return ""
    return cell[1:] if cell.startswith("'") and cell[1:2] in {"=", "+", "-", "@"} else cell
