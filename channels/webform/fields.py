"""From a document to an inbound: which field is the phone, which the message, what was agreed to, what is left over.

Nothing here trusts a sender: whatever is too long, too deep or too many is kept cut, since content is never a reason to
refuse.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from channels.message import Attachment, Consent, Envelope, Inbound
from channels.webform import campaign
from channels.webform.names import labelled, slot_of
from channels.webform.opening import LONGEST_NAME, LONGEST_VALUE, MOST_FIELDS, as_text

LONGEST_ADDRESS: Final = 2_000
_LONGEST_LINE: Final = 500
_MOST_LEVELS: Final = 8
_MOST_KEYS: Final = 20

# What builders call the name and the value of a field in a list of fields; the last ones are Google's and Marquiz'.
_NAMING: Final = ("name", "label", "title", "key", "question", "column_id", "q")
_VALUED: Final = ("value", "values", "answer", "string_value", "a")

_Placed = Mapping[str, Sequence[str]]

_SEVERAL: Final = frozenset({"phone", "email"})
_BETWEEN_PHONES: Final = re.compile(r"[,;/\n]")
_BETWEEN_EMAILS: Final = re.compile(r"[,;\s]+")
_DIGITS_OF_A_PHONE: Final = 7
_PHONE: Final = re.compile(r"\s*\+?[\d\s().\u2011-]{7,40}")
_EMAIL: Final = re.compile(r"\s*[^\s@,;]{1,64}@[^\s@,;]{1,190}\.[^\s@,;]{2,60}\s*")
_REFUSALS: Final = frozenset({"", "0", "false", "no", "off", "нет", "none", "null"})


def values_of(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Every plain value by its name; `{"car": {"year": 2020}}` is `car.year`, a list gives its name several."""
    pairs: list[tuple[str, str]] = []
    _gather(pairs, "", document, 0)
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def inbound(values: Mapping[str, list[str]], envelope: Envelope, files: tuple[Attachment, ...]) -> Inbound:
    """What the values by name say. `envelope`: for what its `meta` tells beside them."""
    meta = envelope.meta
    placed, fields = _place(values)
    page = _line(placed, "page", LONGEST_ADDRESS) or meta.get("referer")
    referrer = _line(placed, "referrer", LONGEST_ADDRESS)
    sources = (
        [(slot, several[0]) for slot, several in placed.items()],
        campaign.in_tilda_cookies(";".join(placed["cookies"])) if "cookies" in placed else (),
        campaign.in_query(meta.get("query", "")),
        campaign.in_address(page),
        campaign.in_address(referrer),
    )
    return Inbound(
        kind="form",
        text="\n".join(placed.get("message", ()))[:LONGEST_VALUE],
        subject=_line(placed, "subject"),
        name=_name(placed),
        phones=_several(placed.get("phone", ()), _BETWEEN_PHONES, _is_phone),
        emails=_several(placed.get("email", ()), _BETWEEN_EMAILS, _is_email),
        company=_line(placed, "company"),
        city=_line(placed, "city"),
        page=page,
        referrer=referrer,
        campaign=campaign.marks(sources),
        fields=fields,
        attachments=(*files, *_cut(meta["cut"])) if "cut" in meta else files,
        consent=_consent(envelope, placed.get("consent")),
    )


def agreed(value: str) -> bool:
    """Whether the value of a box or of a yes-or-no field is a yes."""
    return value.strip().casefold() not in _REFUSALS


def _gather(pairs: list[tuple[str, str]], path: str, value: object, level: int) -> None:
    if isinstance(value, dict) and level < _MOST_LEVELS:
        for key, inner in value.items():
            if len(pairs) >= MOST_FIELDS:
                return
            # PHP writes a list with gaps as an object of numbers.
            told = _told(inner) if key.isdecimal() else None
            if told is not None:
                _gather(pairs, told[0][:LONGEST_NAME].replace("\0", ""), told[1], level + 1)
                continue
            name = f"{path}.{key}" if path else key
            _gather(pairs, name[:LONGEST_NAME].replace("\0", ""), inner, level + 1)
    elif isinstance(value, list) and level < _MOST_LEVELS:
        for index, inner in enumerate(value):
            if len(pairs) >= MOST_FIELDS:
                return
            told = _told(inner)
            if told is not None:
                _gather(pairs, told[0][:LONGEST_NAME].replace("\0", ""), told[1], level + 1)
                continue
            _gather(pairs, f"{path}.{index}" if isinstance(inner, dict | list) else path, inner, level + 1)
    else:
        pairs.append((path, as_text(value)[:LONGEST_VALUE].replace("\0", "")))


def _told(item: object) -> tuple[str, object] | None:
    """The name and the value of a field that is written as an object of both, as in `{"name": "phone", "value": "…"}`."""
    if not isinstance(item, dict):
        return None
    names = [name for key in _NAMING if isinstance(name := item.get(key), str) and name.strip()]
    values = [item[key] for key in _VALUED if key in item]
    if not names or not values:
        return None
    return next((name for name in names if slot_of(name[:LONGEST_NAME])), names[0]), values[0]


def _place(values: Mapping[str, list[str]]) -> tuple[_Placed, dict[str, str]]:
    """Values by slot, and everything else by name.

    Of several names for one slot the contract's own wins, else the first that has a value; the others stay fields.
    """
    if "][value]" in "".join(values):
        values = labelled(values)
    names: dict[str, list[str]] = {}
    for name in values:
        names.setdefault(_slot(name, values[name]), []).append(name)
    others = names.pop("", [])
    placed: dict[str, Sequence[str]] = {}
    for slot, rivals in names.items():
        if len(rivals) == 1:
            placed[slot] = values[rivals[0]]
        elif slot in _SEVERAL:
            placed[slot] = [value for name in rivals for value in values[name]]
        else:
            filled = [name for name in rivals if any(map(str.strip, values[name]))] or rivals[:1]
            chosen = next((name for name in filled if name.casefold() == slot), filled[0])
            placed[slot] = values[chosen]
            others += [name for name in filled if name != chosen]
    return placed, {name: ", ".join(values[name])[:LONGEST_VALUE] for name in others}


def _slot(name: str, values: Sequence[str]) -> str:
    """Where values belong. A field for a phone or an address is the one or the other by what is in it, or a name of somebody."""
    slot = slot_of(name)
    if slot != "contact":
        return slot
    filled = [value for value in values if value.strip()]
    if all(_PHONE.fullmatch(value) and _is_phone(value) for value in filled):
        return "phone"
    return "email" if all(map(_EMAIL.fullmatch, filled)) else ""


def _line(placed: _Placed, slot: str, limit: int = _LONGEST_LINE) -> str | None:
    if slot not in placed:
        return None
    return ", ".join([text for value in placed[slot] if (text := value.strip())])[:limit] or None


def _name(placed: _Placed) -> str | None:
    """The whole name. `Имя` and `name` may be the first one only, beside a field for the last."""
    name, first = _line(placed, "name"), _line(placed, "first_name")
    parts = [part for slot in ("middle_name", "last_name") if (part := _line(placed, slot))]
    if not parts or (name and first):
        return name or first
    whole = f" {name or ''} "
    others = [part for part in parts if f" {part} " not in whole]
    return " ".join([part for part in (name or first, *others) if part])[:_LONGEST_LINE]


def _is_phone(text: str) -> bool:
    return sum(letter.isdigit() for letter in text) >= _DIGITS_OF_A_PHONE


def _is_email(text: str) -> bool:
    return "@" in text


def _several(values: Iterable[str], between: re.Pattern[str], whole: Callable[[str], bool]) -> tuple[str, ...]:
    """Distinct values as written. One that lists several is split where each part could stand alone."""
    found: dict[str, None] = {}
    for value in islice(values, _MOST_KEYS):
        text = value.strip()[:_LONGEST_LINE]
        parts = between.split(text)
        listed = len(parts) > 1 and all(map(whole, parts))
        found |= {part: None for part in (map(str.strip, parts) if listed else (text,)) if part}
    return tuple(islice(found, _MOST_KEYS))


def _consent(envelope: Envelope, values: Sequence[str] | None) -> Consent | None:
    """What the sender agreed to, None where nobody asked. Of a hidden "0" before a ticked box, the tick counts."""
    meta = envelope.meta
    asked = "form" in meta and "consent_version" in meta
    if values is None and not asked:
        return None
    return Consent(
        given=any(map(agreed, values or ())),
        version=meta.get("consent_version") or None,
        url=meta.get("consent_url"),
        at=envelope.received_at,
        remote=meta.get("remote"),
    )


def _cut(names: str) -> list[Attachment]:
    """The files that were dropped because the body was over the limit."""
    return [Attachment(name, "application/octet-stream", None, dropped="too_large") for name in names.split("\n")]
