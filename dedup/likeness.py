"""How probable it is that two contacts are one person: names, and what else they have in common, weighed against chance.

Fellegi and Sunter's weights as odds: each agreement is worth how much more often it is seen in two records of one person than
in those of two. A surname is worth what its rarity says: not a table of frequencies but the namesakes found beside the pair,
since a name that several others here have as well tells nothing. A given name is worth what `dedup.frequency` says of it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final, Literal, get_args

from rapidfuzz.distance import OSA

from dedup.address import is_public
from dedup.frequency import share
from dedup.keys import Key
from dedup.names import Agreement, NameVerdict, Reason, compare, read_name
from dedup.skeleton import skeleton
from kernel.facts import fact

# What supports a likeness beside the names.
Support = Literal["same_city", "same_company", "same_domain", "near_phone", "same_mailbox"]
SUPPORTS: Final[tuple[Support, ...]] = get_args(Support)

# Of a hundred new contacts, so many are somebody whom no key gives away.
_UNRECOGNISED: Final = 0.2
# In two records of one person a surname is the same, or misspelt, or left out of one, this often.
_SURNAME: Final[Mapping[Agreement, float]] = {"same": 0.9, "misspelt": 0.1}
# How often one person's records agree in the given name like this. By chance namesakes do as often as the name is frequent among
# those that begin like it, but never less than so often.
_GIVEN: Final[Mapping[Agreement, float]] = {"same": 0.95, "form": 0.95, "misspelt": 0.5}
_LEAST_SHARE: Final = 0.05
# Where one of the names has no given name, or only its initial.
_SHORT_OF_GIVEN: Final[Mapping[Agreement, float]] = {"initial": 1.0, "missing": 0.3}
_PATRONYMIC: Final[Mapping[Agreement, float]] = {"same": 20.0, "initial": 4.0, "missing": 1.0, "other": 0.005}
_SUPPORT: Final[Mapping[Support, float]] = {
    "same_city": 3.0,
    "same_company": 15.0,
    "same_domain": 30.0,
    "near_phone": 300.0,
    "same_mailbox": 30.0,
}
_OTHER_CITY: Final = 0.3

# How many others have such a name by chance where none is seen: half of each letter more than four.
_CHANCE_LENGTH: Final = 4
_MORE_OF_ONE: Final = 2
# Surnames of which every town has several: another bearer is to be expected wherever none has been seen.
_COMMON_SURNAMES: Final = """
иванов смирнов кузнецов попов васильев петров соколов михайлов новиков федоров морозов волков алексеев лебедев семенов егоров
павлов козлов степанов николаев орлов андреев макаров никитин захаров зайцев соловьев борисов яковлев григорьев романов
воробьев сергеев кузьмин фролов александров дмитриев королев гусев киселев ильин максимов поляков сорокин виноградов ковалев
белов медведев антонов тарасов жуков баранов филиппов комаров давыдов беляев герасимов богданов осипов сидоров матвеев титов
марков миронов крылов куликов карпов власов мельников денисов гаврилов тихонов казаков афанасьев данилов савельев тимофеев
фомин чернов абрамов мартынов ефимов федотов щербаков назаров калинин исаев чернышев быков маслов родионов коновалов лазарев
воронин климов филатов пономарев голубев кудрявцев прохоров наумов потапов журавлев овчинников трофимов леонов соболев ермаков
колесников гончаров емельянов никифоров грачев котов гришин ефремов архипов громов кириллов малышев панов моисеев румянцев
акимов кондратьев бирюков горбунов анисимов еремин тихомиров галкин лукьянов михеев скворцов юдин белоусов нестеров симонов
прокофьев харитонов князев цветков левин митрофанов воронов аксенов софронов мальцев логинов горшков савин краснов майоров
демидов елисеев рыбаков сафонов плотников демин хохлов фадеев молчанов игнатов литвинов ершов ушаков дементьев рябов мухин
калашников леонтьев лобанов кузин корнеев евдокимов бородин платонов некрасов балашов бобров жданов блинов игнатьев коротков
ким ли пак цой шевченко бондаренко коваленко ткаченко кравченко ковальчук бойко мельник шевчук ахмедов алиев магомедов гасанов
smith johnson williams brown jones miller davis wilson anderson taylor thomas moore martin lee white harris clark
"""

# Names of mailboxes so short are many people's: info, anna.
_TELLING: Final = 5
_TOWN: Final = re.compile(r"^\s*(?:г\.|г |город )\s*")


@fact
class Facts:
    """What is known of a contact: its name, its keys, the cities it named and the companies or lines it wrote from."""

    name: str
    keys: Collection[Key] = ()
    cities: Collection[str] = ()
    companies: Collection[int] = ()


@fact
class Likeness:
    """The probability that two contacts are one person, 0 to 1, and what it rests on. `worth_asking`: a person should judge."""

    probability: float
    reasons: tuple[Reason | Support, ...]

    @property
    def worth_asking(self) -> bool:
        """Whether it is rather so than not."""
        return self.probability >= 0.5  # noqa: PLR2004 - more probable than not


@fact
class Named:
    """A contact by its name; `root` is the contact that it has been merged into, or itself."""

    id: int
    root: int
    name: str


@fact
class Namesake:
    """Somebody whose name may be the same person's. `others`: how many more have it, beside the two."""

    contact: Named
    verdict: NameVerdict
    others: int


def namesakes(one: Named, found: Iterable[Named]) -> list[Namesake]:
    """Whose names agree with one's, of those whom the same keys brought; each person once.

    One or two more of the very same name may be this person again, so they do not make the name a common one.
    """
    compared = {other.root: (other, compare(one.name, other.name)) for other in found if other.root != one.root}
    bearers = [verdict for _other, verdict in compared.values() if verdict.surname == "same"]
    different = sum(verdict.given == "other" for verdict in bearers)
    alike = len(bearers) - different
    return [
        Namesake(other, verdict, different + max(0, alike - (verdict.surname == "same") - _MORE_OF_ONE))
        for other, verdict in compared.values()
        if verdict.surname in _SURNAME and verdict.given != "other"
    ]


def weigh(verdict: NameVerdict, one: Facts, other: Facts, namesakes: int) -> Likeness:
    """Weigh what two contacts have in common. `namesakes`: how many further contacts have the same surname and initial."""
    surname = _SURNAME.get(verdict.surname)
    if surname is None or verdict.given == "other":
        return Likeness(0.0, verdict.reasons)
    by_chance = max(namesakes, chance(one.name), chance(other.name))
    odds = _UNRECOGNISED * surname / by_chance
    odds *= _given(verdict.given, one.name, other.name) * _PATRONYMIC[verdict.patronymic]
    supports = tuple(supported(one, other))
    for support in supports:
        odds *= _SUPPORT[support]
    if one.cities and other.cities and "same_city" not in supports:
        odds *= _OTHER_CITY
    return Likeness(round(odds / (1 + odds), 3), (*verdict.reasons, *supports))


def _given(how: Agreement, one: str, other: str) -> float:
    """How much more often a given name agrees like this in two records of one person than in those of two with the same initial."""
    if how in _SHORT_OF_GIVEN:
        return _SHORT_OF_GIVEN[how]
    shares = (share(name) for name in _full(one) & _full(other))
    return _GIVEN[how] / max(_LEAST_SHARE, *shares, 0.0)


def _full(name: str) -> frozenset[str]:
    """The full given names that a name may mean."""
    return frozenset[str]().union(*(word.names for word in read_name(name).given))


def chance(name: str) -> float:
    """How many others are to be expected to have such a surname and initial, where none has been seen."""
    family = read_name(name).family
    surname = max((word.skeleton for word in family), key=len, default="")
    if surname in _common() or surname.removesuffix("A") in _common():
        return 1.0
    return 2.0 ** min(0, _CHANCE_LENGTH - len(surname))


@cache
def _common() -> frozenset[str]:
    return frozenset(map(skeleton, _COMMON_SURNAMES.replace("ё", "е").split()))


def supported(one: Facts, other: Facts) -> list[Support]:
    """What two contacts have in common beside their names."""
    mine, theirs = _mailboxes(one), _mailboxes(other)
    found: list[tuple[Support, bool]] = [
        ("same_city", not _cities(one).isdisjoint(_cities(other))),
        ("same_company", not set(one.companies).isdisjoint(other.companies)),
        ("same_domain", any(not is_public(domain) for domain in mine.domains & theirs.domains)),
        ("near_phone", any(_is_near(a, b) for a in _phones(one) for b in _phones(other))),
        ("same_mailbox", any(len(name) >= _TELLING for name in mine.names & theirs.names)),
    ]
    return [support for support, holds in found if holds]


@fact
class _Mailboxes:
    names: frozenset[str]
    domains: frozenset[str]


def _mailboxes(facts: Facts) -> _Mailboxes:
    addresses = [key.value.rpartition("@") for key in facts.keys if key.kind == "email"]
    return _Mailboxes(frozenset(a[0] for a in addresses), frozenset(a[2] for a in addresses))


def _phones(facts: Facts) -> list[str]:
    return [key.value for key in facts.keys if key.kind == "phone" and key.extension is None]


def _is_near(one: str, other: str) -> bool:
    """Whether one digit is another, or two neighbours are swapped."""
    return len(one) == len(other) and OSA.distance(one, other, score_cutoff=1) == 1


def _cities(facts: Facts) -> frozenset[str]:
    return frozenset(skeleton(_TOWN.sub("", city.casefold().replace("ё", "е"))) for city in facts.cities)
