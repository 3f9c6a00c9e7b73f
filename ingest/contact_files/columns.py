"""Which column of a table says what: by its heading in Russian or English, or as somebody has said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FIELDS: Final = ("name", "phone", "email", "telegram", "vk", "company", "owner")

# The beginnings of headings, with letters only: "Тел. (моб.)" is тел моб.
_HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "owner": ("ответственн", "менеджер", "куратор", "owner", "manager", "assigned", "responsible"),
    "company": ("компан", "организац", "фирма", "контрагент", "юрлицо", "company", "organi", "account"),
    "email": ("email", "e mail", "mail", "почт", "эл почт", "электронн"),
    "telegram": ("telegram", "телеграм"),
    "vk": ("vkontakte", "вконтакте"),
    "phone": (
        *("телефон", "тел", "моб", "сотов", "номер тел", "номер моб", "номер сотов", "контактный номер"),
        *("phone", "mobile", "cell", "tel", "whatsapp"),
    ),
    "name": (
        "имя",
        "фио",
        "ф и о",
        "клиент",
        "контакт",
        "фамили",
        "отчеств",
        "name",
        "first",
        "last",
        "surname",
        "contact",
    ),
}
_SHORT: Final[Mapping[str, str]] = {"tg": "telegram", "тг": "telegram", "vk": "vk", "вк": "vk"}
# What a heading is about wherever such a word stands in it: "Рабочий телефон" is what CRMs write.
_ANYWHERE: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"email", "mail", "почта", "почты"}),
    "phone": frozenset({"телефон", "тел", "phone"}),
    "name": frozenset({"имя", "фио", "name"}),
}
# What only looks like one: the date of the last call, the kind of a number, an address for parcels, how a name sounds.
_NOTHING: Final = re.compile(
    r"(?:first|last) (?!name)|почтов\w* (?:адрес|индекс)|phonetic|(?:phone|mail|mobile) (?:\d+ )?(?:type|label|opt)\b"
)
# Whose number it is, if not the client's: one of his company would make all of its people one.
_ANOTHERS: Final = re.compile(
    r"\b(?:компан|организац|фирм|менеджер|ответственн|куратор|секретар|ассистент"
    r"|company|account|organi[sz]ation|manager|owner|assistant)"
)
_COMPANY_S_NAME: Final = re.compile(r"(?:имя|name) (?:of )?(?:the )?(?:компан|организац|фирм|company|organi)")
_OWNER_S_NAME: Final = re.compile(r" (?:менеджер|ответственн|куратор|owner\b|manager\b)")
# Parts of one name, in the order in which they are put together.
_PARTS: Final = (("фамили", "last", "surname", "family"), ("имя", "first", "given"), ("отчеств", "middle", "patronym"))
_SEVERAL: Final = re.compile(r"[;,\n/|]+")
_SEVERAL_NUMBERS: Final = re.compile(r"[;\n/|]+|,(?!\s*(?:вн\w*[.:\s]*|#)?\d{1,6}\s*(?:[,;\n/|]|$))")
_MANY: Final = frozenset({"phone", "email"})


class BadColumn(Exception):
    """A column that somebody named and that is not there, or a table that says of no column that it identifies people."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of columns by what they say: those of one field in the order in which they are read."""

    places: Mapping[str, tuple[int, ...]]
    passed_over: tuple[str, ...]
    """Headings of which nothing is taken."""

    def row(self, line: int, cells: Sequence[str]) -> dict[str, object]:
        """What a row says, as the API takes it; what is empty is left out."""
        said: dict[str, object] = {"line": line}
        for field, places in self.places.items():
            given = [cells[place] for place in places if place < len(cells) and cells[place]]
            if field in _MANY:
                said[f"{field}s"] = [part.strip() for cell in given for part in _parts(field, cell) if part.strip()]
            elif given:
                said[field] = " ".join(given) if field == "name" else given[0]
        return said


def columns(headings: Sequence[str], said: Mapping[str, str]) -> Columns:
    """The columns of a table by its headings; `said` gives the headings of fields by hand. Raises BadColumn."""
    plain = [_plain(heading) for heading in headings]
    places: dict[str, list[int]] = {}
    for field, heading in said.items():
        if field not in FIELDS:
            raise BadColumn(f"there is no field {field!r}; there are {', '.join(FIELDS)}")
        matching = [place for place, known in enumerate(plain) if known == _plain(heading)]
        if not matching:
            raise BadColumn(f"there is no column {heading!r}; there are {', '.join(filter(None, headings))}")
        places[field] = matching
    taken = {place for given in places.values() for place in given}
    for place, heading in enumerate(plain):
        field_of = None if place in taken else _field_of(heading)
        if field_of is not None and field_of not in said:
            places.setdefault(field_of, []).append(place)
            taken.add(place)
    if not places.keys() & {"phone", "email", "telegram", "vk"}:
        raise BadColumn(
            "no column is a phone's or an address's; say which one is: --column phone=HEADING or --column email=HEADING"
        )
    if "name" in places and "name" not in said:
        taken -= set(places["name"])
        places["name"] = _whole_name(places["name"], plain)
        taken |= set(places["name"])
    rest = tuple(heading for place, heading in enumerate(headings) if heading and place not in taken)
    return Columns({field: tuple(places[field]) for field in FIELDS if field in places}, rest)


def _whole_name(places: Sequence[int], plain: Sequence[str]) -> list[int]:
    """The columns of the parts of a name in their order; where one column has all of it, that one."""
    parts = {place: _part(plain[place]) for place in places}
    if any(part == 0 for part in parts.values()):
        return sorted((place for place in places if parts[place] is not None), key=lambda place: parts[place] or 0)
    return [next((place for place in places if _ANYWHERE["name"] & set(plain[place].split())), places[0])]


def _part(heading: str) -> int | None:
    return next((order for order, words in enumerate(_PARTS) if heading.startswith(words)), None)


def _field_of(heading: str) -> str | None:
    """What a heading is about; None for what is of no use, or about somebody else."""
    field = None if _NOTHING.search(heading) else _told_by(heading)
    if field == "name":
        return "company" if _COMPANY_S_NAME.match(heading) else "owner" if _OWNER_S_NAME.search(heading) else field
    return None if field in _MANY and _ANOTHERS.search(heading) else field


def _told_by(heading: str) -> str | None:
    """What a heading begins with; but a contact's phone is a phone, and no name, and a company's is not its name."""
    # A whole word, where it is so short that others begin with it: ВК, and no вклад.
    short = heading.partition(" ")[0]
    begins = _SHORT.get(short) or next((f for f, words in _HEADINGS.items() if heading.startswith(words)), None)
    holds = next((field for field, words in _ANYWHERE.items() if not words.isdisjoint(heading.split())), None)
    return holds if begins is None or (begins in {"name", "company"} and holds in _MANY) else begins


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"[\W\d_]+", " ", heading.casefold().replace("ё", "е")).split())


def _parts(field: str, cell: str) -> list[str]:
    """Several numbers in one cell. A comma within a number divides it from its extension; that is left to whoever reads it."""
    if field == "phone" and re.search(r"доб|ext", cell, re.IGNORECASE):
        return re.split(r"[;\n|]+", cell)
    return (_SEVERAL_NUMBERS if field == "phone" else _SEVERAL).split(cell)
