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
    "telegram": ("telegram", "телеграм", "tg"),
    "vk": ("vk", "вк", "вконтакте"),
    "phone": ("телефон", "тел", "моб", "сотов", "номер тел", "phone", "mobile", "cell", "tel", "whatsapp"),
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
# What a heading is about wherever such a word stands in it: "Рабочий телефон" is what CRMs write.
_ANYWHERE: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"email", "mail", "почта"}),
    "phone": frozenset({"телефон", "тел", "phone"}),
    "name": frozenset({"имя", "фио", "name"}),
}
# Parts of one name, in the order in which they are put together.
_PARTS: Final = (("фамили", "last", "surname", "family"), ("имя", "first", "given"), ("отчеств", "middle", "patronym"))
_SEVERAL: Final = re.compile(r"[;,\n/|]+")
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
        places["name"] = _whole_name(places["name"], plain)
    rest = tuple(heading for place, heading in enumerate(headings) if heading and place not in taken)
    return Columns({field: tuple(places[field]) for field in FIELDS if field in places}, rest)


def _whole_name(places: Sequence[int], plain: Sequence[str]) -> list[int]:
    """The columns of the parts of a name in their order; where one column has all of it, that one."""
    parts = {place: _part(plain[place]) for place in places}
    if any(part == 0 for part in parts.values()):
        return sorted((place for place in places if parts[place] is not None), key=lambda place: parts[place] or 0)
    return list(places[:1])


def _part(heading: str) -> int | None:
    return next((order for order, words in enumerate(_PARTS) if heading.startswith(words)), None)


def _field_of(heading: str) -> str | None:
    """What a heading begins with; but a contact's phone is a phone, and no name."""
    begins = next((field for field, words in _HEADINGS.items() if heading.startswith(words)), None)
    holds = next((field for field, words in _ANYWHERE.items() if not words.isdisjoint(heading.split())), None)
    return holds if begins is None or (begins == "name" and holds is not None) else begins


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"[\W\d_]+", " ", heading.casefold().replace("ё", "е")).split())


def _parts(field: str, cell: str) -> list[str]:
    """Several numbers in one cell. A comma within a number divides it from its extension; that is left to whoever reads it."""
    if field == "phone" and re.search(r"доб|ext", cell, re.IGNORECASE):
        return re.split(r"[;\n|]+", cell)
    return _SEVERAL.split(cell)
