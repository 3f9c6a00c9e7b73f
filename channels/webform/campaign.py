"""Campaign marks: where `utm_*` and click ids stand, and which of them count."""

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote

from channels.webform.names import is_campaign, slot_of
from channels.webform.opening import LONGEST_NAME
from kernel.texts import storable

_MOST_MARKS: Final = 50
_LONGEST_MARK: Final = 500


def marks(sources: Iterable[Iterable[tuple[str, str]]]) -> dict[str, str]:
    """The marks among names and values, whose most explicit source comes first.

    `utm_*` are those of the first source that has any, since they belong together; of each click id the first counts.
    """
    found: dict[str, str] = {}
    for source in filter(None, sources):
        tagged = any(mark.startswith("utm_") for mark in found)
        for name, value in source:
            mark = slot_of(name[:LONGEST_NAME])
            if not is_campaign(mark) or (tagged and mark.startswith("utm_")) or len(found) >= _MOST_MARKS:
                continue
            if text := storable(value[:_LONGEST_MARK]).strip():
                found.setdefault(storable(mark), text)
    return found


def in_query(query: str) -> list[tuple[str, str]]:
    """The parameters of a query, without its question mark."""
    return parse_qsl(query, errors="replace") if query else []


def in_address(address: str | None) -> list[tuple[str, str]]:
    """The parameters of an address that may be anything at all."""
    return in_query(address.partition("?")[2].partition("#")[0]) if address and "?" in address else []


def in_tilda_cookies(cookies: str) -> Iterator[tuple[str, str]]:
    """The visitor's cookies as Tilda sends them on demand; TILDAUTM holds `name=value` parts split by three bars."""
    for cookie in cookies.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name != "TILDAUTM":
            yield name, unquote(value)
            continue
        for part in unquote(value).split("|||"):
            mark, _, marked = part.partition("=")
            yield mark, marked
