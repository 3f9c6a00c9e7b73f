"""`priyom contacts export`: all contacts as a table that `import` reads again."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import openpyxl

from ingest.client import PAGE, Client

HEADINGS: Final = ("id", "name", "phone", "email", "telegram", "vk", "company", "owner", "known since")
_KINDS: Final = ("phone", "email", "telegram", "vk")
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "@", "-", "\t", "\r")

Json = dict[str, Any]


def contacts(api: Client) -> Iterator[Json]:
    """Every contact, newest first, a page at a time."""
    cursor: str | None = None
    while True:
        page = api.get("contacts", limit=PAGE, cursor=cursor)
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def row(contact: Json) -> list[str]:
    """The cells of a contact."""
    keys = [", ".join(_key(key) for key in contact["keys"] if key["kind"] == kind) for kind in _KINDS]
    company = contact["company"] or {}
    cells = [contact["id"], contact["name"], *keys, company.get("name"), contact["owner"], contact["created_at"]]
    return [_guarded(cell or "") for cell in cells]


def as_csv(api: Client, file: TextIO) -> int:
    """Write a table with semicolons, as the country's spreadsheets read it; how many contacts there are."""
    written = csv.writer(file, delimiter=";", lineterminator="\r\n")
    written.writerow(HEADINGS)
    count = 0
    for contact in contacts(api):
        written.writerow(row(contact))
        count += 1
    return count


def as_workbook(api: Client, path: Path) -> int:
    """Write a workbook of Excel; how many contacts there are."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("contacts")
    sheet.append(HEADINGS)
    count = 0
    for contact in contacts(api):
        sheet.append(row(contact))
        count += 1
    book.save(path)
    return count


def _key(key: Json) -> str:
    extension = key.get("extension")
    value: str = key["value"]
    return f"{value} доб. {extension}" if extension else value


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
