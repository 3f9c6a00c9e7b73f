"""Made-up people and how they introduce themselves: Russians and English, each in one or more approaches, from a fixed seed.

Surnames, given names and cities are as unevenly spread as in life. An approach has typing errors, diminutives, patronymics,
transliteration, orders of words; numbers and addresses are left out, mistyped, changed, or shared by a family or an office.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Generic, TypeVar

from bench.namesakes import misspelt, surnames
from dedup.given_names import ENGLISH, MEN, WOMEN

T = TypeVar("T")

SEED: Final = 11
MANY_SURNAMES: Final = 60_000
_SURNAMES_A_PERSON: Final = 3
# The rank is moved so that the commonest surname is one of eighty people's, as Иванов is.
_OFFSET: Final = 8

_COMMON: Final = """
Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев Лебедев Семёнов
Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин Захаров Зайцев Соловьёв Борисов Яковлев Григорьев
Романов Воробьёв Сергеев Кузьмин Фролов Александров Дмитриев Королёв Гусев Киселёв Ильин Максимов Поляков Сорокин Ким
Виноградов Ковалёв Белов Медведев Антонов Тарасов Жуков Баранов Филиппов Комаров Давыдов Беляев Бондаренко Шевченко
"""
_ENGLISH_COMMON: Final = """
Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White Roberts
Green Hall Wood Jackson Clarke Clark Harris Lewis Cooper King Lee Turner Martin Morris Baker Ward Hughes Edwards Hill
Moore
"""
_ENGLISH_PARTS: Final = """
Ash Barn Black Brad Brent Bur Carl Chester Cole Cran Dal East Ellis Fair Fen Gar Glen Hal Hart Haw Hol Kirk Lang Mal
Mar New Nor Oak Pem Rad Red Ring Rom Sand Shel Stan Strat Thorn Wal War Wes Wild Win Wood Wor York
"""
_ENGLISH_ENDINGS: Final = """
bury by croft dale den field ford gate ham hurst ley low man more sey shaw ton wall wick wood worth
"""
_POPULAR: Final = """
александр сергей дмитрий андрей алексей михаил владимир иван евгений николай артём максим павел илья анастасия анна
мария елена ольга наталья екатерина татьяна ирина юлия светлана дарья john james david michael mary emma sarah thomas
"""
_CITIES: Final = """
Москва Санкт-Петербург Новосибирск Екатеринбург Казань Самара Челябинск Омск Уфа Красноярск Пермь Воронеж Волгоград
Саратов Краснодар Тюмень Ижевск Барнаул Томск Пенза Тверь Курск Киров Брянск Сочи Орёл Вологда Псков
"""
_PUBLIC: Final = ("mail.ru", "yandex.ru", "gmail.com", "bk.ru", "list.ru")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_LATIN: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [*"abvgdee", "zh", *"ziyklmnoprstuf", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya"],
        strict=True,
    )
)
_OTHERWISE: Final = {"yu": "iu", "ya": "ia", "kh": "h", "shch": "sch", "ts": "c", "zh": "j"}


@dataclass(frozen=True, slots=True)
class Habits:
    """How often something happens, of 1. The first block is of people, the others of each approach."""

    english: float = 0.15
    family_phone: float = 0.02
    recycled_phone: float = 0.001
    office: float = 0.1

    new_phone: float = 0.2
    new_email: float = 0.15
    no_phone: float = 0.15
    no_email: float = 0.5
    wrong_digit: float = 0.01
    office_phone: float = 0.03
    role_email: float = 0.02

    no_name: float = 0.05
    given_only: float = 0.15
    surname_first: float = 0.2
    patronymic: float = 0.15
    initials: float = 0.05
    diminutive: float = 0.25
    latin: float = 0.07
    misspelt_surname: float = 0.06
    misspelt_given: float = 0.015
    city: float = 0.4
    elsewhere: float = 0.05


@dataclass(frozen=True, slots=True)
class Approach:
    """What somebody wrote into a form; `person` is the truth."""

    person: int
    name: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    city: str | None


@dataclass(slots=True)
class Person:
    """Who somebody is; phone and address change in time."""

    number: int
    given: Sequence[str]
    patronymic: str | None
    surname: str
    city: str
    phone: str
    email: str
    office: int | None
    russian: bool
    woman: bool
    mailbox: str = ""


class World:
    """People and their approaches, in the order in which they come."""

    def __init__(self, count: int, habits: Habits | None = None, seed: int = SEED) -> None:
        self.habits = habits or Habits()
        self._chance = random.Random(seed)
        self._surnames = _Drawn(
            [
                *_COMMON.split(),
                *map(str.capitalize, surnames(min(MANY_SURNAMES, _SURNAMES_A_PERSON * count), random.Random(seed))),
            ],
            _OFFSET,
        )
        made = dict.fromkeys(a + b for a in _ENGLISH_PARTS.split() for b in _ENGLISH_ENDINGS.split())
        self._english_surnames = _Drawn([*_ENGLISH_COMMON.split(), *made], _OFFSET)
        self._men, self._women, self._english = (_given(table) for table in (MEN, WOMEN, ENGLISH))
        self._cities = _Drawn(_CITIES.split(), 1)
        self._offices = [self._new_phone() for _ in range(max(1, count // 500))]
        self._taken: dict[str, int] = {}
        self._family: dict[int, str] = {}
        self.people: list[Person] = []
        for number in range(count):
            self.people.append(self._person(number))

    def approaches(self) -> list[Approach]:
        """All of them, shuffled but for each person's own order, from one to four of each person."""
        chance = self._chance
        turns = [p.number for p in self.people for _ in range(chance.choices((1, 2, 3, 4), (0.3, 0.4, 0.2, 0.1))[0])]
        chance.shuffle(turns)
        return [self._approach(self.people[number]) for number in turns]

    # ---- people

    def _person(self, number: int) -> Person:
        chance, habits = self._chance, self.habits
        russian, woman = chance.random() >= habits.english, chance.random() < 0.5
        given = (self._women if woman else self._men) if russian else self._english
        surname = self._surnames.draw(chance) if russian else self._english_surnames.draw(chance)
        self._family[number] = surname
        person = Person(
            number=number,
            given=given.draw(chance),
            patronymic=_patronymic(self._men.draw(chance)[0], woman=woman) if russian else None,
            surname=_feminine(surname) if russian and woman else surname,
            city=self._cities.draw(chance),
            phone=self._new_phone() if russian else f"+447{chance.randrange(400_000_000, 999_999_999)}",
            email="",
            office=chance.randrange(len(self._offices)) if chance.random() < habits.office else None,
            russian=russian,
            woman=woman,
        )
        if number and chance.random() < habits.family_phone:
            self._marry(person, self.people[chance.randrange(number)])
        elif number and chance.random() < habits.recycled_phone:
            person.phone = self.people[chance.randrange(number)].phone
        person.mailbox = self._mailbox(person)
        person.email = self._new_email(person)
        return person

    def _marry(self, person: Person, other: Person) -> None:
        person.phone, person.city = other.phone, other.city
        if person.russian == other.russian and person.woman != other.woman:
            family = self._family[other.number]
            person.surname = _feminine(family) if person.woman and person.russian else family
            self._family[person.number] = family

    def _new_phone(self) -> str:
        return f"+79{self._chance.randrange(10**9):09d}"

    def _mailbox(self, person: Person) -> str:
        chance = self._chance
        given, surname = _in_latin(person.given[0], chance), _in_latin(person.surname, chance)
        telling = f"{given[0]}.{surname}", f"{surname}{chance.randrange(60, 2010)}", f"{given}.{surname}"
        nickname = "".join(chance.choices(_LETTERS, k=8))
        return (chance.choice(telling) if chance.random() < 0.6 else nickname).lower().replace("-", "")

    def _new_email(self, person: Person) -> str:
        """At his firm, or with a public provider; nobody else ever had it."""
        domain = self._chance.choice(_PUBLIC) if person.office is None else f"firm{person.office}.ru"
        while self._taken.setdefault(f"{person.mailbox}@{domain}", person.number) != person.number:
            person.mailbox += str(self._chance.randrange(10))
        return f"{person.mailbox}@{domain}"

    # ---- approaches

    def _approach(self, person: Person) -> Approach:
        chance, habits = self._chance, self.habits
        if chance.random() < habits.new_phone:
            person.phone = self._new_phone()
        if chance.random() < habits.new_email:
            person.mailbox = person.mailbox if chance.random() < 0.4 else self._mailbox(person)
            person.email = self._new_email(person)
        phones = [] if chance.random() < habits.no_phone else [self._written(person.phone)]
        if person.office is not None and chance.random() < habits.office_phone / habits.office:
            phones = [*phones, self._offices[person.office]][-chance.randint(1, 2) :]
        emails = [] if phones and chance.random() < habits.no_email else [person.email]
        if person.office is not None and chance.random() < habits.role_email / habits.office:
            emails = [f"info@firm{person.office}.ru"]
        at = self._cities.draw(chance) if chance.random() < habits.elsewhere else person.city
        city = at if chance.random() < habits.city else None
        return Approach(person.number, self._introduced(person), tuple(phones), tuple(emails), city)

    def _written(self, phone: str) -> str:
        chance = self._chance
        if chance.random() < self.habits.wrong_digit:
            place = chance.randrange(5, len(phone))
            phone = f"{phone[:place]}{(int(phone[place]) + chance.randrange(1, 10)) % 10}{phone[place + 1 :]}"
        if phone.startswith("+7") and chance.random() < 0.5:
            return f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        return phone

    def _introduced(self, person: Person) -> str:
        """The name as this person types it this time."""
        chance, habits = self._chance, self.habits
        if chance.random() < habits.no_name:
            return ""
        given, surname = person.given[0], person.surname
        if len(person.given) > 1 and chance.random() < habits.diminutive:
            given = chance.choice(person.given[1:])
        if chance.random() < habits.misspelt_given and len(given) > 4:
            given = misspelt(given, chance)
        if chance.random() < habits.misspelt_surname:
            surname = misspelt(surname, chance)
        words = [given.capitalize(), surname]
        way = chance.random()
        if way < habits.given_only:
            words = words[:1]
        elif way < habits.given_only + habits.initials:
            father = f" {person.patronymic[0]}." if person.patronymic and chance.random() < 0.5 else ""
            words = [surname, f"{person.given[0][0].upper()}.{father}"]
        elif person.patronymic and chance.random() < habits.patronymic:
            words = [person.given[0].capitalize(), person.patronymic, surname]
        if len(words) > 1 and chance.random() < habits.surname_first:
            words = [words[-1], *words[:-1]]
        name = " ".join(words)
        return _in_latin(name, chance).title() if person.russian and chance.random() < habits.latin else name


class _Drawn(Generic[T]):
    """Things that are drawn as unevenly as ranks are: by Zipf's law with its ranks moved by `offset`."""

    def __init__(self, things: Sequence[T], offset: float) -> None:
        self._things = things
        self._weights = list(accumulate(1 / (rank + offset) for rank in range(1, len(things) + 1)))

    def draw(self, chance: random.Random) -> T:
        """One of them."""
        return chance.choices(self._things, cum_weights=self._weights)[0]


def _given(table: str) -> _Drawn[Sequence[str]]:
    """Given names with their other forms in the same alphabet, the popular ones first and some ten times as frequent as most."""
    lines = [line.split() for line in table.split("\n") if line.strip()]
    names = [[form for form in line if (form[0] < "\u0250") == (line[0][0] < "\u0250")] for line in lines]
    known = {name: rank for rank, name in enumerate(_POPULAR.split())}
    return _Drawn(sorted(names, key=lambda forms: known.get(forms[0], len(known))), 4)


def _feminine(surname: str) -> str:
    if surname.endswith(("ов", "ев", "ёв", "ин")):
        return f"{surname}а"
    return f"{surname[:-2]}ая" if surname.endswith("ский") else surname


def _patronymic(father: str, *, woman: bool) -> str | None:
    """None for the few names whose patronymic is no rule's."""
    stem = father.capitalize()
    if stem.endswith(("й", "ь")):
        return stem[:-1] + ("евна" if woman else "евич")
    return None if stem[-1] in "аяоиеуы" else stem + ("овна" if woman else "ович")


def _in_latin(text: str, chance: random.Random) -> str:
    """In one of the usual spellings, small letters."""
    otherwise = _OTHERWISE if chance.random() < 0.5 else {}
    sounds = (_LATIN.get(letter, letter) for letter in text.lower())
    return "".join(otherwise.get(sound, sound) for sound in sounds)
