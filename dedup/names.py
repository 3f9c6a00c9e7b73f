"""Names of people as they introduce themselves: read into their parts, compared, and brought to keys that misspellings share.

A name alone never joins people; what is found here becomes a suggestion at most (`dedup.likeness`). Surnames that differ by a
feminine ending are two people's, unless the given name says that the ending is a slip.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Final, Literal, NamedTuple, get_args

from rapidfuzz.distance import OSA

from dedup.given_names import ENGLISH, MEN, WOMEN
from dedup.skeleton import skeleton, spelling
from kernel.facts import fact

# How a part of two names agrees. `form`: a diminutive or nickname of the same name; `missing`: a name does not have it.
Agreement = Literal["same", "form", "misspelt", "initial", "missing", "other"]
# What a verdict rests on, for people. `gender_form`: the surnames differ by their gender only.
Reason = Literal[
    "same_name",
    "diminutive",
    "misspelt",
    "initial",
    "transliterated",
    "word_order",
    "same_patronymic",
    "other_patronymic",
    "other_given",
    "other_surname",
    "gender_form",
    "no_name",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

# A name is a few words; what is longer is something else, and is cut.
_LONGEST: Final = 120
_MOST_WORDS: Final = 5
_MOST_KEYS: Final = 20
_CACHED: Final = 20_000

# What agreement is worth, what a part weighs, and what is left of the score where one side lacks a part, contradicts, or has
# a word over.
_WORTH: Final[Mapping[Agreement, float]] = {"same": 1.0, "form": 0.95, "misspelt": 0.85, "initial": 0.75, "other": 0.0}
_WEIGHTS: Final = (0.5, 0.4, 0.1)
_LACKING: Final = (0.6, 0.7, 0.98)
_CONTRADICTED: Final = 0.4
_OVER: Final = 0.95

# A short word has too many neighbours for a slip to mean anything; a long one may have two slips.
_SHORT: Final = 4
_LONG: Final = 9

_LAST_LATIN: Final = "\u024f"
_MARKS: Final = re.compile("['\u2018\u2019\u02b9\u02ba\u02bc\u2032\u2033\u201d\u0300-\u036f`\"]")
_MISTER: Final = re.compile(r"\bг-(?:н|жа)\b")
_WORD: Final = re.compile(r"[^\W\d_]+\.?")
_TITLES: Final = frozenset(
    {"господин", "госпожа", "ип", "оглы", "оглу", "кызы", "улы", "mr", "mrs", "ms", "dr", "prof", "jr", "ogly", "oglu"}
)
# Endings of affectionate forms, as skeletons: -енька, -онька, -очка, -ечка, -ушка, -уля, -уша, -уня, -уся, -яша, -утка and so on,
# and what a short form may have in their place: Даш(а), Матве(й), Иван.
_AFFECTION: Final = (
    *("ENKA", "ONKA", "OQKA", "EQKA", "UWKA", "UTKA", "USIK", "ULIK", "ULA", "UWA", "UNA", "USA", "AWA", "UHA"),
    *("QIK", "IK", "EK", "KA"),
)
_PLAIN: Final = ("A", "I", "")
_STEM: Final = 2
_PATRONYMIC: Final = re.compile(r"(?P<stem>.{2,}?)(?:OVIQ|EVIQ|EIQ|IQ|(?P<hers>OVNA|EVNA|INIQNA|IQNA))")
# Masculine and feminine endings of one surname, as skeletons: -ов, -ев, -ин, -ский, -цкий, -ный.
_GENDERED: Final = (("OV", "OVA"), ("EV", "EVA"), ("IN", "INA"), ("SKI", "SKA"), ("CKI", "CKA"), ("NI", "NA"))


@fact
class Word:
    """A word of a name. `names`: the full given names that it is or stands for, as skeletons, and whose they are.

    `affection`: it is in no table, and is taken for a name because of its ending.
    `father`: what a patronymic says, that is the stem and whether it is a woman's; None for any other word.
    """

    text: str
    skeleton: str
    spelling: str
    names: frozenset[str]
    genders: frozenset[str]
    father: tuple[str, bool] | None
    initial: bool
    affection: bool

    @property
    def letters(self) -> frozenset[str]:
        """The initials under which it may appear: of the full names, else its own."""
        return frozenset(name[:1].upper() for name in self.names or (self.skeleton,))

    @property
    def is_latin(self) -> bool:
        """Whether it is written in Latin letters."""
        return self.text[:1] <= _LAST_LATIN


@fact
class Name:
    """The words of a name by what they seem to be. `family`: surnames, and given names that are not known as such."""

    words: tuple[Word, ...]
    given: tuple[Word, ...]
    patronymic: Word | None
    family: tuple[Word, ...]
    initials: tuple[Word, ...]


@fact
class NameVerdict:
    """How alike two names are, 0 to 1, with the reasons as codes, and how each part agrees.

    The score says how well the names agree, not how probable it is that they are one person's: that depends on how many
    others have such a name.
    """

    score: float
    reasons: tuple[Reason, ...]
    surname: Agreement = "missing"
    given: Agreement = "missing"
    patronymic: Agreement = "missing"


def compare(a: str, b: str) -> NameVerdict:
    """Compare two names in any order of words, alphabet, scheme and case. Symmetric; a name agrees with itself wholly."""
    first, second = sorted((a, b))
    return _Comparison(read_name(first), read_name(second)).verdict()


class CandidateKey(NamedTuple):
    """Under what a name is to be found: a surname's skeleton, with an initial of the given name or with the whole of it.

    `slips`: the surname, and what it has in common with those that are a slip away.
    """

    surname: str
    given: str
    slips: tuple[str, ...]

    @property
    def is_initial(self) -> bool:
        """Whether it is an initial only, under which there is everybody whose given name begins so."""
        return len(self.given) == 1


def candidate_keys(name: str) -> tuple[CandidateKey, ...]:
    """Under what a name is to be found: its surnames with its initials, and with the full given names that it may stand for.

    A name without a surname, or without any word for a given name, has none. Whose surname is a slip away has a surname of
    which `slips` shares a member.
    """
    found = dict.fromkeys(_surnames_with_given(read_name(name)))
    return tuple(sorted(found, key=lambda key: not key.is_initial))[:_MOST_KEYS]


def slips(surname: str, spelt: str = "") -> tuple[str, ...]:
    """A skeleton and how the word is `spelt`, and what both are less a letter; a long skeleton also less two.

    Two words a typing error apart (a letter over, lacking, another, two swapped) have one of these in common: the idea of
    SymSpell. So neighbours are found by looking up equals. A slip may change a skeleton more than a spelling (чифов, чиов),
    and an alphabet changes a spelling more than a skeleton.
    """
    less_one = dict.fromkeys(_less_one(surname)) if len(surname) >= _SHORT else {}
    less_two = dict.fromkeys(less for one in less_one for less in _less_one(one)) if len(surname) >= _LONG else {}
    less_one_spelt = _less_one(spelt) if len(spelt) >= _SHORT else ()
    return tuple(dict.fromkeys((surname, *less_one, *less_two, *((spelt,) if spelt else ()), *less_one_spelt)))


@lru_cache(maxsize=_CACHED)
def read_name(name: str) -> Name:
    """Tell the words of a name apart. Never raises, whatever the text is."""
    text = _MARKS.sub("", _MISTER.sub("", name[:_LONGEST].casefold().replace("ё", "е")))
    found = (read_word(written) for written in _WORD.findall(text) if written.rstrip(".") not in _TITLES)
    words = tuple(word for word in found if word.skeleton)[:_MOST_WORDS]
    full = [word for word in words if not word.initial]
    patronymic = _patronymic_among(full)
    given = tuple(word for word in full if word.names and word is not patronymic)
    family = tuple(word for word in full if not word.names and word is not patronymic)
    if not family and len(given) > 1:
        given, family = _surname_among(given, full, patronymic)
    return Name(words, given, patronymic, family, tuple(word for word in words if word.initial))


@lru_cache(maxsize=_CACHED)
def read_word(written: str) -> Word:
    """One word in lower case; a letter, or two with a full stop (Ю., Yu.), is an initial."""
    text = written.rstrip(".")
    sounds = skeleton(text)
    initial = len(text) == 1 or (len(text) == 2 and text != written)  # noqa: PLR2004 - Yu., Ya.
    if initial:
        return Word(text, sounds, sounds, frozenset(), frozenset(), None, initial=True, affection=False)
    listed = _listed(text, sounds)
    names = listed or _names_of_affection(sounds) or _known().russian.get(sounds, frozenset())
    found = None if names else _PATRONYMIC.fullmatch(sounds)
    father = None if found is None else (found["stem"], found["hers"] is not None)
    genders = frozenset(_known().genders.get(sounds) or "".join(_known().genders.get(name, "") for name in names))
    affection = not listed and bool(names)
    return Word(text, sounds, spelling(text), names, genders, father, initial=False, affection=affection)


def _patronymic_among(words: Sequence[Word]) -> Word | None:
    """A patronymic follows a given name: Абрамович Роман Аркадьевич has one."""
    pairs = itertools.pairwise(words)
    return next((word for before, word in pairs if before.names and word.father is not None), None)


def _surname_among(
    given: tuple[Word, ...], full: Sequence[Word], patronymic: Word | None
) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """Of several given names one is the surname: the one that no patronymic follows, or is no common name; else the last."""
    if patronymic is not None:
        first = full[full.index(patronymic) - 1]
        return (first,), tuple(word for word in given if word is not first)
    surname = next((word for word in given if word.affection), given[-1])
    return tuple(word for word in given if word is not surname), (surname,)


def _surnames_with_given(name: Name) -> Iterator[CandidateKey]:
    surnames = name.family or tuple(filter(None, (name.patronymic,)))
    for surname in surnames:
        found = slips(surname.skeleton, surname.spelling)
        others = (*name.given, *name.initials[:1]) or tuple(word for word in surnames if word is not surname)
        letters = frozenset[str]().union(*(word.letters for word in others))
        full = frozenset[str]().union(*(word.names for word in others))
        for given in (*sorted(letters), *sorted(full)):
            yield CandidateKey(surname.skeleton, given, found)


def _less_one(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


# --- given names ---


@fact
class _Known:
    """The tables of given names: the full names of each form, as skeletons, English ones in small letters; and whose they are.

    `written` has the forms as they are written, the others by their skeletons: Лёня and Лена have one.
    """

    written: Mapping[str, frozenset[str]]
    russian: Mapping[str, frozenset[str]]
    english: Mapping[str, frozenset[str]]
    genders: Mapping[str, str]


@cache
def _known() -> _Known:
    genders = dict.fromkeys(_full_names(MEN), "m")
    for name in _full_names(WOMEN):
        genders[name] = genders.get(name, "") + "f"
    english = {form: frozenset(map(str.lower, names)) for form, names in _table(ENGLISH, skeleton).items()}
    return _Known(_table(MEN + WOMEN, str), _table(MEN + WOMEN, skeleton), english, genders)


def _lines(table: str) -> list[list[str]]:
    return [line.casefold().replace("ё", "е").split() for line in table.split("\n") if line]


def _table(lines: str, spelt: Callable[[str], str]) -> dict[str, frozenset[str]]:
    """The full names of each form."""
    names: dict[str, set[str]] = {}
    for forms in _lines(lines):
        for form in forms:
            names.setdefault(spelt(form), set()).add(skeleton(forms[0]))
    return {form: frozenset(full) for form, full in names.items()}


def _full_names(table: str) -> list[str]:
    return [skeleton(forms[0]) for forms in _lines(table)]


def _listed(text: str, sounds: str) -> frozenset[str]:
    """The full names of a form in the tables: by its letters where they are Russian, since Ян is no Ann, else by its sounds."""
    known = _known()
    if text[0] > _LAST_LATIN:
        return known.written.get(text, frozenset())
    return known.russian.get(sounds, frozenset()) | known.english.get(sounds, frozenset())


def _names_of_affection(sounds: str, deeper: int = 1) -> frozenset[str]:
    """By the longest ending that leaves the form of a name: Даш-енька, Миш-ул-ечка."""
    russian = _known().russian
    for ending in _AFFECTION:
        stem = sounds.removesuffix(ending)
        if _STEM <= len(stem) < len(sounds):
            names = frozenset[str]().union(*(russian.get(stem + plain, frozenset()) for plain in _PLAIN))
            names = names or (_names_of_affection(stem + "A", deeper - 1) if deeper else names)
            if names:
                return names
    return frozenset()


# --- comparison ---


@fact
class _Pair:
    """Two words that agree, one of each name."""

    how: Agreement
    mine: Word
    theirs: Word


class _Comparison:
    """Two names, part by part. `left` are words of either that nothing has explained; `reasons` gather on the way."""

    def __init__(self, a: Name, b: Name) -> None:
        self.a, self.b = _surname_for_patronymic(a, b), _surname_for_patronymic(b, a)
        self.left = (list(self.a.family), list(self.b.family))
        self.family: _Pair | None = None
        self.first: _Pair | None = None
        self.reasons: dict[Reason, None] = {}

    def verdict(self) -> NameVerdict:
        """Compare from the surname to the patronymic."""
        if not self.a.words or not self.b.words:
            return NameVerdict(0.0, ("no_name",))
        surname = self._surname()
        given = self._given()
        if surname == "form":
            surname = self._one_gender()
        elif self._contradict():
            surname = self._because("other_surname", "other")
        parts = (surname, given, self._patronymic())
        self._say_how()
        if [word.skeleton for word in self.a.words] == [word.skeleton for word in self.b.words]:
            return NameVerdict(1.0, ("same_name", *self.reasons), *parts)
        return NameVerdict(self._score(parts), tuple(self.reasons), *parts)

    def _surname(self) -> Agreement:
        """How the surnames agree; `form`: they differ by their gender only."""
        if not all(self.left):
            return "missing"
        self.family = _best(*self.left, _related_surnames)
        if self.family is None:
            self.left = ([], [])
            return self._because("other_surname", "other")
        return self._explained(self.family)

    def _given(self) -> Agreement:
        mine, theirs = self.a.given or self.left[0], self.b.given or self.left[1]
        if mine and theirs:
            self.first = _best(mine, theirs, _related_given)
            return self._because("other_given", "other") if self.first is None else self._explained(self.first)
        letters = (_letters(mine, self.a), _letters(theirs, self.b))
        if not all(letters):
            return "missing"
        if letters[0].isdisjoint(letters[1]):
            return self._because("other_given", "other")
        self.left = ([], [])
        return self._because("initial", "initial")

    def _one_gender(self) -> Agreement:
        """Two genders of a surname are two people's, unless both have given names of one and the same gender."""
        if self.first is not None:
            genders = self.first.mine.genders
            if len(genders) == 1 and genders == self.first.theirs.genders:
                return self._because("misspelt", "misspelt")
        return self._because("gender_form", "other")

    def _patronymic(self) -> Agreement:
        mine, theirs = self.a.patronymic, self.b.patronymic
        if mine is not None and theirs is not None:
            alike = mine.father == theirs.father or _slips(mine, theirs)
            return self._because("same_patronymic", "same") if alike else self._because("other_patronymic", "other")
        letters = (
            _second(self.a) if mine is None else mine.letters,
            _second(self.b) if theirs is None else theirs.letters,
        )
        if not all(letters):
            return "missing"
        return self._because("other_patronymic", "other") if letters[0].isdisjoint(letters[1]) else "initial"

    def _contradict(self) -> bool:
        """Whether each has words left that the other does not have."""
        mine, theirs = ({word.skeleton for word in left} for left in self.left)
        return bool(mine - theirs and theirs - mine)

    def _explained(self, pair: _Pair) -> Agreement:
        for left, word in zip(self.left, (pair.mine, pair.theirs), strict=True):
            if word in left:
                left.remove(word)
        if pair.how == "misspelt":
            self.reasons["misspelt"] = None
        return pair.how

    def _because(self, reason: Reason, how: Agreement) -> Agreement:
        self.reasons[reason] = None
        return how

    def _say_how(self) -> None:
        """What is remarkable about words that agree: forms, alphabets, order."""
        family, first = self.family, self.first
        if first is not None and first.how == "form":
            self.reasons["diminutive"] = None
        if any(pair is not None and pair.mine.is_latin != pair.theirs.is_latin for pair in (family, first)):
            self.reasons["transliterated"] = None
        if family is not None and first is not None:
            mine = self.a.words.index(family.mine) < self.a.words.index(first.mine)
            theirs = self.b.words.index(family.theirs) < self.b.words.index(first.theirs)
            if mine != theirs:
                self.reasons["word_order"] = None

    def _score(self, parts: tuple[Agreement, ...]) -> float:
        mine, theirs = _has(self.a), _has(self.b)
        worth = weight = 0.0
        kept = 1.0
        for place, how in enumerate(parts):
            if how != "missing":
                weight += _WEIGHTS[place]
                worth += _WEIGHTS[place] * _WORTH[how]
            elif mine[place] != theirs[place]:
                kept *= _LACKING[place]
            if how == "other":
                kept *= _CONTRADICTED
        if self.family is not None and any(self.left):
            kept *= _OVER
        return round(kept * worth / weight, 3) if weight else 0.0


def _has(name: Name) -> tuple[bool, bool, bool]:
    """Whether there is a surname, something for a given name, a patronymic."""
    given = bool(name.given or name.initials) or len(name.family) > 1
    return bool(name.family), given, name.patronymic is not None


def _surname_for_patronymic(name: Name, other: Name) -> Name:
    """Роман Абрамович has a surname where the other name says so."""
    word = name.patronymic
    if name.family or word is None or all(word.skeleton != theirs.skeleton for theirs in other.family):
        return name
    return replace(name, family=(word,), patronymic=None)


def _best(
    mine: Sequence[Word], theirs: Sequence[Word], relate: Callable[[Word, Word], Agreement | None]
) -> _Pair | None:
    """The pair that agrees best, the first of several."""
    best: _Pair | None = None
    for one in mine:
        for other in theirs:
            how = relate(one, other)
            if how is not None and (best is None or _WORTH[how] > _WORTH[best.how]):
                best = _Pair(how, one, other)
    return best


def _related_surnames(one: Word, other: Word) -> Agreement | None:
    if one.skeleton == other.skeleton:
        return "same"
    if _differ_by_gender(one.skeleton, other.skeleton):
        return "form"
    return "misspelt" if _slips(one, other) else None


def _related_given(one: Word, other: Word) -> Agreement | None:
    if one.skeleton == other.skeleton:
        return "same"
    if one.names and other.names:
        # Марина and Карина are a letter apart and two names.
        return None if one.names.isdisjoint(other.names) else "form"
    return "misspelt" if _slips(one, other) else None


def _slips(one: Word, other: Word) -> bool:
    """Whether two words are as near as typing errors bring them: by their sounds, or letter by letter."""
    return _within(one.skeleton, other.skeleton, 2) or _within(one.spelling, other.spelling, 1)


def _within(one: str, other: str, most: int) -> bool:
    shorter = min(len(one), len(other))
    limit = 0 if shorter < _SHORT else 1 if shorter < _LONG else most
    return limit > 0 and OSA.distance(one, other, score_cutoff=limit) <= limit


def _differ_by_gender(one: str, other: str) -> bool:
    his, hers = sorted((one, other), key=lambda word: word.endswith("A"))
    return any(
        hers.endswith(feminine) and his == hers.removesuffix(feminine) + masculine for masculine, feminine in _GENDERED
    )


def _letters(words: Sequence[Word], name: Name) -> frozenset[str]:
    """The initials that a given name may be shortened to, or that stand for one."""
    return frozenset[str]().union(*(word.letters for word in words or name.initials[:1]))


def _second(name: Name) -> frozenset[str]:
    """The initial of a patronymic: the second of two, or the one beside a given name."""
    initials = name.initials[:1] if name.given else name.initials[1:2]
    return frozenset(word.skeleton[:1] for word in initials)
