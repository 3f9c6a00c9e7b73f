"""What really happened: who approached the company, by which deliveries, and which of them the company has said yes to.

Knows nothing of the product's words for it, nor of its store: deliveries are found again by a token in their bodies.
"""

import itertools
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["form", "call", "vk", "telegram", "mail"]
Nature = Literal["phone", "mail", "firm", "junk", "vk", "telegram", "everywhere", "service", "poison"]
Poison = Literal["", "raises", "kills"]

EVERYBODY: Final[Mapping[Nature, int]] = {
    "phone": 26,
    "mail": 12,
    "firm": 10,
    "junk": 8,
    "vk": 10,
    "telegram": 10,
    "everywhere": 14,
    "service": 10,
}
"""Of a hundred newcomers."""
TOKEN: Final = re.compile(r"token-(\d+)-")
JUNK: Final = ("+7 999 999-99-99", "1234567890", "0000000000", "112")
NAMES: Final = ("Анна Петрова", "Иван Смирнов", "Ольга", "Пётр Ким", "Мария Орлова", "Николай", "Ivan Smirnov")
SPELLINGS: Final = (
    "+7 (9{0:02d}) {1:03d}-{2:02d}-{3:02d}",
    "89{0:02d}{1:03d}{2:02d}{3:02d}",
    "79{0:02d}{1:03d}{2:02d}{3:02d}",
    "8 9{0:02d} {1:03d} {2:02d} {3:02d}",
)
FIRMS: Final = 5
LINE: Final = "74951234567"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the truth. What he is by nature says by which ways, and under which keys, he approaches."""

    number: int
    nature: Nature
    name: str

    def phone(self, spelling: int = 2) -> str:
        """His own number, in one of the spellings."""
        # Scattered, so that neighbours in time are none in the index; one to one, since the factor is odd and no multiple of 5.
        rest, last = divmod((self.number * 79_191 + 12_345_678) % 10**8, 100)
        rest, middle = divmod(rest, 100)
        high, low = divmod(rest, 1000)
        return SPELLINGS[spelling].format(10 + high, low, middle, last)

    @property
    def mail(self) -> str:
        """His own address."""
        return f"client{self.number}@clients{self.number % 7}.example"

    @property
    def account(self) -> int:
        """His number at every messenger."""
        return 1_000_000 + self.number


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing a provider delivers. `thing`: several deliveries of one call are one interaction.

    `named`: whether the provider names it, so that a repeat is no new row.
    """

    token: str
    kind: Kind
    channel: str
    person: int
    thing: str
    named: bool = True
    poison: Poison = ""
    body: str = ""
    key: str = ""
    """The Idempotency-Key of a form; what an exchange tells by, of a call."""


@dataclass
class Truth:
    """What the kit knows. A delivery is `sent` once it has left, `accepted` once the company has said yes to it."""

    people: dict[int, Person] = field(default_factory=dict)
    sent: dict[str, Delivery] = field(default_factory=dict)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    def accept(self, delivery: Delivery, envelope: str = "") -> None:
        """The company has said yes; `envelope` is the id that it named."""
        named = self.accepted.setdefault(delivery.token, set())
        if envelope:
            named.add(envelope)


class Generator:
    """People and their deliveries, by chance from one seed."""

    def __init__(self, chance: random.Random, truth: Truth, crowd: Mapping[Nature, int]) -> None:
        """`crowd`: who comes, by nature with a weight."""
        self.chance = chance
        self._natures, self._weights = tuple(crowd), tuple(crowd.values())
        self.truth = truth
        self._numbers: Iterator[int] = itertools.count(1)
        self._tokens: Iterator[int] = itertools.count(1)

    def newcomer(self, nature: Nature | None = None) -> Person:
        """Somebody who was never here. Several people have one name."""
        chosen = nature or self.chance.choices(self._natures, self._weights)[0]
        person = Person(next(self._numbers), chosen, self.chance.choice(NAMES))
        self.truth.people[person.number] = person
        return person

    def token(self) -> str:
        """What a delivery is found by."""
        return f"token-{next(self._tokens)}-"

    def known(self, person: Person) -> Delivery:
        """The approach that tells all his keys at once; after it any of them is his."""
        form = {"phone": person.phone(self.chance.randrange(len(SPELLINGS))), "email": person.mail}
        return self._form(person, form, named=True)

    def approaches(self, person: Person) -> list[Delivery]:
        """What he does at one time: mostly one delivery, of a call several, in an order of chance."""
        match person.nature:
            case "phone":
                return self._by_phone(person)
            case "mail":
                return [
                    self._mail(person) if self.chance.random() < 0.3 else self._form(person, {"email": person.mail})
                ]
            case "firm":
                firm = f"info@firm{person.number % FIRMS}.example"
                return [self._form(person, {"phone": self._spelt(person), "email": firm})]
            case "junk":
                return [self._form(person, {"phone": self.chance.choice(JUNK), "email": person.mail})]
            case "vk":
                return [self._said(person, "vk", "vk")]
            case "telegram":
                return [self._said(person, "telegram", "bot")]
            case "service":
                return [self._form(person, {"phone": self._spelt(person)}, channel="service")]
            case "everywhere":
                return self._everywhere(person)
            case "poison":
                return [self.poison(person, "raises")]

    def poison(self, person: Person, poison: Poison) -> Delivery:
        """A form that the daemon's reader cannot bear."""
        return self._form(person, {"phone": self._spelt(person)}, named=True, poison=poison)

    def _by_phone(self, person: Person) -> list[Delivery]:
        drawn = self.chance.random()
        if drawn < 0.2:
            return self._call(person)
        form = {"phone": self._spelt(person)} | ({"email": person.mail} if drawn > 0.8 else {})
        return [self._form(person, form)]

    def _everywhere(self, person: Person) -> list[Delivery]:
        match self.chance.randrange(5):
            case 0:
                return [self._mail(person)]
            case 1:
                return self._call(person)
            case 2:
                return [self._said(person, "telegram", "bot", shares=True), self._said(person, "telegram", "bot")]
            case 3:
                return [self._form(person, {"email": person.mail.upper()})]
            case _:
                return [self._form(person, {"phone": self._spelt(person)})]

    def _spelt(self, person: Person) -> str:
        return person.phone(self.chance.randrange(len(SPELLINGS)))

    def _form(
        self,
        person: Person,
        form: dict[str, str],
        *,
        channel: str = "site",
        named: bool | None = None,
        poison: Poison = "",
    ) -> Delivery:
        token = self.token()
        is_named = self.chance.random() < 0.8 if named is None else named
        said = {"name": person.name, "message": f"{token}{poison and f' poison-{poison}'} цемент", **form}
        by_header = is_named and self.chance.random() < 0.6
        if is_named and not by_header:
            said["submission_id"] = f"s-{token}"
        key = f"k-{token}" if by_header else ""
        return Delivery(token, "form", channel, person.number, token, is_named, poison, _json(said), key)

    def _call(self, person: Person) -> list[Delivery]:
        """A call that nobody answers: its events and their summary come in any order."""
        entry = f"entry-{self.token()}"
        states = ["Appeared", "Disconnected", "summary"]
        self.chance.shuffle(states)
        return [self._event(person, entry, state) for state in states]

    def _event(self, person: Person, entry: str, state: str) -> Delivery:
        token = self.token()
        said = _summary(person, entry) if state == "summary" else _event(person, entry, state)
        path = "summary" if state == "summary" else "call"
        return Delivery(token, "call", "pbx", person.number, entry, body=_json(said | {"proof": token}), key=path)

    def _said(self, person: Person, kind: Kind, channel: str, *, shares: bool = False) -> Delivery:
        token = self.token()
        return Delivery(token, kind, channel, person.number, token, body=_json({"text": token, "shares": shares}))

    def _mail(self, person: Person) -> Delivery:
        token = self.token()
        return Delivery(token, "mail", "info", person.number, token, body=token)


def _event(person: Person, entry: str, state: str) -> dict[str, object]:
    return {
        "entry_id": entry,
        "call_id": f"leg-{entry}",
        "seq": 1 if state == "Appeared" else 2,
        "call_state": state,
        "location": "ivr",
        "from": {"number": person.phone(2)},
        "to": {"number": LINE, "line_number": LINE},
    }


def _summary(person: Person, entry: str) -> dict[str, object]:
    return {
        "entry_id": entry,
        "call_direction": 1,
        "from": {"number": person.phone(2)},
        "to": {"number": LINE},
        "line_number": LINE,
        "talk_time": 0,
        "entry_result": 0,
    }


def _json(said: dict[str, object] | dict[str, str]) -> str:
    return json.dumps(said, ensure_ascii=False)
