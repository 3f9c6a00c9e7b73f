"""What exchanges write, in one spelling: fields of forms and JSON, numbers, moments. Knows no vendor."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import orjson

from channels.adapter import Rejected
from kernel.texts import storable

LONGEST: Final = 1_000
LONGEST_TEXT: Final = 20_000
_MOST_FIELDS: Final = 200
_LONGEST_REF: Final = 200

# A call from so few digits is one from inside: extensions have up to five, and no client's number is so short.
_LONGEST_INSIDE: Final = 5
_LONGEST_NUMBER: Final = 15  # ITU-T E.164, section 6.2
_WITH_COUNTRY: Final = 11
_ANGLE: Final = re.compile(r"<([^<>]*)>")
_SCHEME: Final = re.compile(r"(?:sips?|tel|callto):", re.IGNORECASE)
_BESIDE_DIGITS: Final = re.compile(r"[\s().\-\u00a0\u2011]+")
_NUMBER: Final = re.compile(r"\+?[0-9]+")
_DECIMAL: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
_THOUSANDTHS: Final = re.compile(r"[0-9]{12,14}")
_COMPACT: Final = "%Y%m%dT%H%M%SZ"
_AHEAD: Final = timedelta(days=1)


def form_of(body: bytes) -> dict[str, str]:
    """The fields of an urlencoded form, each once; bytes that are no UTF-8 come back by `surrogateescape`. Raises Rejected."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Rejected(400, "invalid_form", "the body is no form of a sensible size") from error
    form: dict[str, str] = {}
    for name, value in pairs:
        form.setdefault(name, value)
    return form


def object_of(body: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises Rejected."""
    try:
        document = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Rejected(400, "invalid_json", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise Rejected(422, "not_an_object", "the JSON is not an object")
    return document


def fields_of(body: bytes) -> Mapping[str, Any]:
    """The fields of a body that is a JSON object or else a form: vendors' content types are often wrong. Raises Rejected."""
    return object_of(body) if body.lstrip()[:1] == b"{" else form_of(body)


def text_of(value: object) -> str:
    """A value of a form or a JSON document as one short text; of a list the first, of a mapping nothing."""
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return storable(str(value)[:LONGEST_TEXT]).strip()


def field(document: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that says something."""
    return next((said for name in names if (said := text_of(document.get(name))[:LONGEST])), "")


def inside(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The mapping under a name, empty where there is none."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def reference(*parts: str) -> str | None:
    """What names a call, in a text that every store takes; None where nothing does."""
    named = " ".join(part for part in parts if part)
    return named[:_LONGEST_REF] or None


def number(written: str) -> str | None:
    """A telephone number with its plus, which exchanges leave out; None for a hidden one and for what is none.

    `8` and ten digits is Russia's own spelling; after `810` and `00` the number of another country begins.
    """
    in_angles = _ANGLE.search(written)  # "Иван" <sip:79161234567@exchange> (RFC 3261, 20.20)
    user = _SCHEME.sub("", in_angles[1] if in_angles else written).partition("@")[0].partition(";")[0]
    plain = _BESIDE_DIGITS.sub("", user)
    if not _NUMBER.fullmatch(plain) or not plain.strip("+0"):
        return None
    if plain.startswith("+"):
        return plain
    for abroad in ("810", "00"):
        if plain.startswith(abroad) and len(plain) - len(abroad) >= _WITH_COUNTRY - 1:
            return f"+{plain.removeprefix(abroad)}"
    is_national = plain.startswith("0") or (plain.startswith("8") and len(plain) == _WITH_COUNTRY)
    if is_national or not _WITH_COUNTRY <= len(plain) <= _LONGEST_NUMBER:
        return plain
    return f"+{plain}"


def is_inside(called: str | None) -> bool:
    """Whether this is a line of the exchange itself and no client's number."""
    return called is not None and len(called.lstrip("+")) <= _LONGEST_INSIDE


def count(written: str) -> int | None:
    """A number of seconds; None where nothing sensible is written."""
    return int(float(written)) if _DECIMAL.fullmatch(written) else None


def moment(written: str, received_at: datetime, zone: ZoneInfo | None) -> datetime:
    """When an event was: seconds or thousandths since 1970, ISO 8601 or 20260131T090000Z; `zone` is of times without one.

    `received_at` where nothing is written, where the zone is unknown, and where it says to come from the future.
    """
    said = _moment(written, zone)
    return received_at if said is None or said > received_at + _AHEAD else said


def _moment(written: str, zone: ZoneInfo | None) -> datetime | None:
    if _DECIMAL.fullmatch(written):
        return datetime.fromtimestamp(float(written), UTC) if float(written) else None
    if _THOUSANDTHS.fullmatch(written):
        return datetime.fromtimestamp(int(written) / 1000, UTC)
    try:
        return datetime.strptime(written, _COMPACT).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(written)
        local = read if read.tzinfo is not None or zone is None else read.replace(tzinfo=zone)
        return None if local.tzinfo is None else local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
