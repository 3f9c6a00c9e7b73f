"""`priyom contacts export`: all contacts as a table that `import` reads again."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ingest.client import PAGE, Client

HEADINGS: Final = ("id", "name", "phone", "email", "telegram", "vk", "company", "owner", "known since")
_KINDS: Final = ("phone", "email", "telegram", "vk")
# What a spreadsheet would take for a formula; a phone's plus is none.
_FORMULA: Final = ("=", "+", "@", "-", "\t", "\r")
_PHONES: Final = re.compile(r"(\+\d[\d ()-]*( доб\. \d+)?([,;] ?|$))+")

Json = dict[str, Any]


def guarded(cell: str) -> str:
    """As a text for every spreadsheet; letters that its files cannot hold go."""
    cell = ILLEGAL_CHARACTERS_RE.sub("", cell)
    return f"'{cell}" if cell.startswith(_FORMULA) and not _PHONES.fullmatch(cell) else cell


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
    return [guarded(cell or "") for cell in cells]


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
    # Opened before there is a workbook: one that cannot be saved complains once more when it is let go.
    with path.open("wb") as file:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("contacts")
        sheet.append(HEADINGS)
        count = 0
        for contact in contacts(api):
            sheet.append(row(contact))
            count += 1
        book.save(file)
    return count


def _key(key: Json) -> str:
    extension = key.get("extension")
    value: str = key["value"]
    return f"{value} доб. {extension}" if extension else value
