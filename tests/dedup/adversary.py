"""People, families, companies and the noise that they make, with the truth beside it: who sent what.

Everybody has phones, addresses and a messenger of his own and gives some of them, in any spelling. What does not tell one person
from another is thrown in wherever it may: switchboards, info@, toll-free and short numbers, what people type to get past a
field, machine-made addresses, the company's own keys, names of relatives and namesakes, texts full of numbers, typing errors.

In `careless` houses people also give what is another's, or what the rules do not know to be shared: what comes of that no rule
promises, and it is only measured.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dedup.keys import KeyRules, identify
from dedup.people import Arrival, People, World, resolve
from dedup.staff import StaffRules
from tests.dedup.worlds import EMPTY, after

SWITCHBOARDS: Final = ("+74951234500", "+78121112233")
RULES: Final = KeyRules("RU", ("info@*", "office@*"), SWITCHBOARDS)
STAFF: Final = StaffRules(
    region="RU", domains=("seller.example",), phones=("+74957654321",), identities=(("telegram", "1"),)
)
PLACEHOLDERS: Final = (
    "000",
    "+7 (999) 999-99-99",
    "8 000 000 00 00",
    "1234567890",
    "нет",
    "-",
    "+7",
    "112",
    "8 800 555-35-35",
)
MACHINES: Final = ("noreply@site.ru", "no-reply@mail.ru", "mailer-daemon@googlemail.com", "qwerty", "@", "a@b")
OWN: Final = ("8 495 765-43-21", "anna@seller.example")
SURNAMES: Final = ("Иванов", "Петров", "Ким", "Щербаков", "Вышеславцев")
GIVEN: Final = ("Александр", "Саша", "Анна", "Женя", "Пётр", "Olga")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person as he really is."""

    number: int
    name: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    chat: str


@dataclass(frozen=True, slots=True)
class Approach:
    """What somebody sends, and who it truly was; None where it was one of the staff."""

    truth: int | None
    name: str | None = None
    company: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    vouched: tuple[str, ...] = ()
    text: str = ""


@dataclass(slots=True)
class Score:
    """Pairs of approaches: joined rightly, joined wrongly, and how many are truly one person's; suggestions of either kind."""

    right: int = 0
    wrong: int = 0
    true: int = 0
    suggested: list[bool] = field(default_factory=list)
    merges: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    def __str__(self) -> str:
        likely = f"{sum(self.suggested)} of {len(self.suggested)} suggestions right"
        return f"precision {self.precision:.4f}, recall {self.recall:.3f}, {self.merges} merges by evidence, {likely}"


class Adversary:
    """A town of people, and what they send; the same for the same seed."""

    def __init__(self, seed: int, people: int = 60, *, careless: bool = False) -> None:
        self._chance = random.Random(seed)
        self._numbers = iter(self._chance.sample(range(10**7), 10**5))
        self._careless = careless
        self.people = [self._somebody(number) for number in range(people)]
        self._offices = [f"+7495{next(self._numbers):07}" for _ in range(3)]

    def approaches(self, count: int) -> Iterator[Approach]:
        """What comes in, in its order."""
        for _ in range(count):
            if self._chance.random() < 0.03:
                yield self._staff()
            else:
                yield self._spoilt(self._approach(self._chance.choice(self.people)))

    def _somebody(self, number: int) -> Somebody:
        some = self._chance
        phones = tuple(f"+7912{next(self._numbers):07}" for _ in range(some.randint(1, 2)))
        emails = tuple(
            f"{some.choice(('petrov', 'anna', 'mail'))}{number}.{place}@{some.choice(('mail.ru', 'firm.ru', 'yandex.ru'))}"
            for place in range(some.randint(0, 2))
        )
        return Somebody(number, f"{some.choice(SURNAMES)} {some.choice(GIVEN)}", phones, emails, str(1000 + number))

    def _approach(self, one: Somebody) -> Approach:
        """Some of one's keys, at least one: by a form, from a messenger, or in a text."""
        some = self._chance
        said = Approach(one.number, self._name(one))
        way = some.random()
        if way < 0.3:
            shared = (self._spelt(some.choice(one.phones)),) if some.random() < 0.4 else ()
            return replace(said, identities=(("telegram", one.chat),), vouched=shared)
        if way < 0.4:
            return replace(said, text=f"Здравствуйте, перезвоните: {self._spelt(one.phones[0])}, спасибо")
        emails = tuple(email.upper() for email in one.emails if some.random() < 0.6)
        phones = tuple(self._spelt(phone) for phone in one.phones if some.random() < 0.6)
        return replace(said, phones=phones or (one.phones[0],), emails=emails)

    def _name(self, one: Somebody) -> str | None:
        """His own name, a relative's, a namesake's, or none."""
        return self._chance.choice(
            [one.name, one.name, one.name.lower(), self._chance.choice(self.people).name, "", None]
        )

    def _spelt(self, phone: str) -> str:
        ten = phone[2:]
        return self._chance.choice(
            [
                phone,
                f"8{ten}",
                f"8 ({ten[:3]}) {ten[3:6]}-{ten[6:8]}-{ten[8:]}",
                f"+7 {ten[:3]} {ten[3:6]} {ten[6:]}",
                f"\u202a+7\u00a0{ten[:3]}\u2011{ten[3:6]}\u2011{ten[6:]}\u202c",
            ]
        )

    def _spoilt(self, said: Approach) -> Approach:
        """With what tells nobody from another, in any field."""
        some = self._chance
        phones, emails, text = list(said.phones), list(said.emails), said.text
        if some.random() < 0.3:
            phones.append(some.choice((*SWITCHBOARDS, *PLACEHOLDERS, *OWN[:1])))
        if some.random() < 0.3:
            emails.append(some.choice((*MACHINES, "info@firm.ru", "Office@Other.ru", *OWN[1:])))
        if some.random() < 0.2 and not text:
            text = "Звонили: " + ", ".join(self._spelt(one.phones[0]) for one in some.sample(self.people, 3))
        if some.random() < 0.1 and phones:
            # A typing error makes a number that nobody has, and he gives his address too.
            phones.append(f"+7913{next(self._numbers):07}")
        if self._careless:
            self._give_anothers(phones)
        some.shuffle(phones)
        return replace(
            said, phones=tuple(phones), emails=tuple(emails), text=text, company=some.choice((None, "Ромашка"))
        )

    def _give_anothers(self, phones: list[str]) -> None:
        """A number that an office shares and no list names, or a friend's."""
        if self._chance.random() < 0.25:
            phones.append(self._chance.choice(self._offices))
        if self._chance.random() < 0.03:
            phones.append(self._chance.choice(self.people).phones[0])

    def _staff(self) -> Approach:
        some = self._chance
        text = f"клиент просил перезвонить: {self._spelt(some.choice(self.people).phones[0])}"
        kinds = (
            Approach(None, phones=(OWN[0],), text=text),
            Approach(None, emails=(OWN[1],), text=text),
            Approach(None, identities=(("telegram", "1"),)),
        )
        return some.choice(kinds)


def judged(approaches: Sequence[Approach], seed: int, over: int | None = None) -> Score:
    """Let matching decide over them, in batches of any size, and compare with the truth."""
    chance, ids = random.Random(seed), itertools.count(1)
    world, score = replace(EMPTY, over=over), Score()
    contacts: list[tuple[int, int | None]] = []
    roots: dict[int, int] = {}
    owners: dict[int, int] = {}
    start = 0
    while start < len(approaches):
        batch = approaches[start : start + chance.randint(1, 12)]
        decided = _decide(batch, start, world, ids)
        world = after(world, decided)
        roots |= {joining.contact: joining.into for joining in decided.merges}
        score.merges += len(decided.merges)
        for match in decided.matches:
            truth = approaches[match.entry].truth
            assert truth is not None, "one of the staff became a client"
            contacts.append((truth, match.contact))
            if match.contact is not None:
                owners.setdefault(match.contact, truth)
        score.suggested += [
            owners[s.contact] == owners[s.other] for s in decided.suggestions if s.code == "keys_of_two"
        ]
        start += len(batch)
    _count(score, [(truth, None if c is None else _root(roots, c)) for truth, c in contacts])
    return score


def _decide(batch: Sequence[Approach], start: int, world: World, ids: Iterator[int]) -> People:
    arrivals = []
    for entry, said in enumerate(batch, start):
        found = STAFF.sift(identify(said.phones, said.emails, said.identities, said.text, RULES, said.vouched))
        if found is not None:
            arrivals.append(Arrival(entry, said.name, said.company, found.evidence, found.rejected))
    return resolve(arrivals, world, lambda: next(ids))


def _root(roots: Mapping[int, int], contact: int) -> int:
    while contact in roots:
        contact = roots[contact]
    return contact


def _count(score: Score, contacts: Sequence[tuple[int, int | None]]) -> None:
    """Pairs within persons and within contacts; approaches that belong to a line join nobody."""
    for (truth, contact), (other_truth, other) in itertools.combinations(contacts, 2):
        joined = contact is not None and contact == other
        score.true += truth == other_truth
        score.right += joined and truth == other_truth
        score.wrong += joined and truth != other_truth
