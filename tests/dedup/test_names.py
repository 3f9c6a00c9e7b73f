"""Names as people introduce themselves: compared in any order, alphabet and form, and brought to keys that slips share."""

import csv
import random
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.given_names import ENGLISH, MEN, WOMEN
from dedup.names import REASONS, Reason, candidate_keys, compare, read_name, read_word, slips

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "entity" / "names"

# Two names of one person, and what is remarkable about them.
ALIKE: list[tuple[str, str, set[Reason]]] = [
    ("Саша Петров", "Александр Петров", {"diminutive"}),
    ("Шура Петрова", "Петрова Александра", {"diminutive", "word_order"}),
    ("Дашуля Орлова", "Дарья Орлова", {"diminutive"}),
    ("Мишулечка Орлов", "Михаил Орлов", {"diminutive"}),
    ("Bob Hargreaves", "Robert Hargreaves", {"diminutive"}),
    ("Боб Смит", "Robert Smith", {"diminutive", "transliterated"}),
    ("Иван Иванович Петров", "Петров Иван", {"word_order"}),
    ("Петров Иван Иванович", "Иван Иваныч Петров", {"word_order", "same_patronymic"}),
    ("Петров Иван Иванович", "Иван Ивановеч Петров", {"word_order"}),
    ("Алексей Щербаков", "Scherbakov Alexey", {"transliterated", "word_order"}),
    ("Юлия Юрьева", "Yuliya Yuryeva", {"same_name", "transliterated"}),
    ("Семён Зуев", "СЕМЕН ЗУЕВ", {"same_name"}),
    ("И. Петров", "Иван Петров", {"initial"}),
    ("Петров И.П.", "Иван Павлович Петров", {"initial"}),
    ("Ю. П. Петрова", "Petrova Yu.", {"initial"}),
    ("С. Петров", "С. Петров", {"same_name", "initial"}),
    ("Алексндр Петров", "Александр Петров", {"misspelt"}),
    ("Александр Вышеславцев", "Александр Вышыславцив", {"misspelt"}),
    ("Анна Петрова", "Анна Петров", {"misspelt"}),
    ("Роман Абрамович", "Абрамович Роман Аркадьевич", {"word_order"}),
    ("Анна Петрова-Водкина", "Анна Водкина", set()),
    ("Гульчачак Ахметова", "Ахметова Г.", {"initial"}),
    ("Гульчачак Ахметова", "Ахметова Гульчачак", {"word_order"}),
    ("Павел Роман", "Павел Сергеевич Роман", set()),
    ("Роман Павел Сергеевич", "Павел Сергеевич Роман", {"word_order", "same_patronymic"}),
    ("Анна Романчик", "Романчик Анна", {"word_order"}),
    ("г-н Петров Иван", "Иван Петров", {"word_order"}),
    ("О'Нил Джон", "O’Нил Джон", {"same_name"}),
]
OTHERS: list[tuple[str, str, set[Reason]]] = [
    ("Саша Петров", "Саша Петрова", {"gender_form"}),
    ("Петров И.", "Петрова И.", {"gender_form", "initial"}),
    ("Саша Ковальский", "Саша Ковальская", {"gender_form"}),
    ("Марина Ким", "Карина Ким", {"other_given"}),
    ("Иван Петров", "П. Петров", {"other_given"}),
    ("Иван Петров", "Иван Сидоров", {"other_surname"}),
    ("Иван Ли", "Иван Ле", {"other_surname"}),
    ("Иван Сергеевич Петров", "Иван Павлович Петров", {"other_patronymic"}),
    ("Иван Сергеевич Петров", "И. П. Петров", {"initial", "other_patronymic"}),
    ("Ян Ким", "Анна Ким", {"other_given"}),
    ("Tran Van Lan", "Tran Van Binh", {"other_surname"}),
    ("Анна Иванова-Петрова", "Анна Иванова-Сидорова", {"other_surname"}),
]


@pytest.mark.parametrize(("one", "other", "reasons"), ALIKE)
def test_names_of_one_person_agree(one: str, other: str, reasons: set[Reason]) -> None:
    verdict = compare(one, other)
    assert verdict.score >= 0.85
    assert reasons <= set(verdict.reasons)
    assert "other" not in {verdict.surname, verdict.given, verdict.patronymic}


@pytest.mark.parametrize(("one", "other", "reasons"), OTHERS)
def test_names_that_contradict_each_other_do_not(one: str, other: str, reasons: set[Reason]) -> None:
    verdict = compare(one, other)
    assert verdict.score <= 0.4
    assert set(verdict.reasons) == reasons


def test_a_part_that_one_of_them_lacks_makes_less_of_it() -> None:
    assert compare("Анна", "Анна Петрова").score == 0.6
    assert compare("Петрова", "Анна Петрова").score == 0.7
    assert compare("Анна Петрова", "Анна Ивановна Петрова").score == 0.98
    assert compare("Анна", "Петрова").score == 0.0


@pytest.mark.parametrize("nothing", ["", "  ", "12345", "!!!", "\u200b", "😀"])
def test_what_is_no_name_agrees_with_nothing(nothing: str) -> None:
    assert compare(nothing, "Анна Петрова").reasons == ("no_name",)
    assert compare(nothing, nothing).score == 0.0
    assert candidate_keys(nothing) == ()


def test_a_word_is_read_for_what_it_is() -> None:
    name = read_name("Абрамович Роман Аркадьевич")
    assert [word.text for word in name.family] == ["абрамович"]
    assert name.patronymic is not None
    assert name.patronymic.text == "аркадьевич"
    assert {"ALEKSANDR", "ALEKSANDRA"} <= read_word("саша").names
    assert read_word("саша").genders == {"m", "f"}
    assert read_word("анна").genders == {"f"}
    assert read_word("ю.").initial
    assert not read_word("ли").initial


def test_names_far_too_long_are_cut() -> None:
    assert len(read_name("Анна " * 10_000).words) == 5
    assert len(candidate_keys(" ".join(f"{a}{b}довский" for a in "бвгд" for b in "ае"))) <= 20


# --- keys ---


def neighbours(one: str, another: str) -> bool:
    """Whether a look-up by the one would find the other."""
    return any(
        key.given == other.given and not set(key.slips).isdisjoint(other.slips)
        for key in candidate_keys(one)
        for other in candidate_keys(another)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Саша Щербаков", "Александр Щербоков"),
        ("Щербаков А.", "Alexey Scherbakov"),
        ("Петров Иван", "Иван Петрв"),
        ("Гульчачак Ахметова", "Ахметова Г."),
        ("Роман Абрамович", "Абрамович Роман Аркадьевич"),
        ("Александр Вышеславцев", "Саша Вышиславцов"),
    ],
)
def test_names_that_agree_are_neighbours(one: str, other: str) -> None:
    assert neighbours(one, other)


@pytest.mark.parametrize("name", ["Анна", "Петрова", "А."])
def test_half_a_name_has_no_keys(name: str) -> None:
    assert candidate_keys(name) == ()


def test_a_name_has_a_key_for_each_surname_and_each_initial_that_it_may_have() -> None:
    assert [(key.surname, key.given) for key in candidate_keys("Анна Ким")] == [("KIM", "A"), ("KIM", "ANA")]
    unknown = {(key.surname, key.given) for key in candidate_keys("Гульчачак Ахметова")}
    assert unknown == {("GULQAQAK", "A"), ("AHMETOVA", "G")}
    assert {key.given for key in candidate_keys("Лена Ким")} >= {"A", "E", "ELENA"}


def test_slips_of_a_short_word_are_none_and_of_a_long_one_two_letters_deep() -> None:
    assert slips("KIM") == ("KIM",)
    assert slips("UDIN") == ("UDIN", "DIN", "UIN", "UDN", "UDI")
    assert len(slips("ABCDEFGH")) == 1 + 8
    assert len(slips("ABCDEFGHI")) == 1 + 9 + 36
    assert slips("ZIH", "ZZIH") == ("ZIH", "ZZIH", "ZZH", "ZZI")


@pytest.mark.parametrize(("written", "wrong"), [("Чифовых", "Чиовых"), ("Гричиков", "Гричиокв"), ("Зузых", "Ззых")])
def test_a_slip_that_changes_more_sounds_than_letters_is_a_slip_all_the_same(written: str, wrong: str) -> None:
    assert compare(f"Анна {written}", f"Анна {wrong}").surname == "misspelt"
    assert neighbours(f"Анна {written}", f"Анна {wrong}")


@given(st.text("абвгдежзиклмнопрстуфхцчшщыэюя", min_size=5, max_size=11), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_one_wrong_letter_in_a_surname_always_leaves_a_key_in_common(surname: str, seed: int) -> None:
    chance = random.Random(seed)
    place = chance.randrange(1, len(surname))
    before, after, letter = surname[:place], surname[place:], chance.choice("абвежилношэ")
    for wrong in (
        before + after[1:],
        before + letter + after,
        before + letter + after[1:],
        before + after[1::-1] + after[2:],
    ):
        one, other = read_word(surname), read_word(wrong)
        if all(candidate_keys(f"Zz {word.text}") and not (word.names or word.father) for word in (one, other)):
            assert neighbours(f"Zz {surname}", f"Zz {wrong}")


# --- properties ---

_given = st.sampled_from([line.split()[0] for table in (MEN, WOMEN) for line in table.split("\n") if line])
_surnames = st.text("абвгдежзиклмнопрстуфхцчшщыьэюя", min_size=4, max_size=12).map(str.capitalize)
_anything = st.text(max_size=40)


@given(st.one_of(_anything, _surnames), _anything)
@settings(max_examples=200, deadline=None)
def test_comparing_is_symmetric_bounded_and_deterministic(one: str, other: str) -> None:
    verdict = compare(one, other)
    assert verdict == compare(other, one) == compare(one, other)
    assert 0.0 <= verdict.score <= 1.0
    assert set(verdict.reasons) <= set(REASONS)
    assert len(verdict.reasons) == len(set(verdict.reasons))
    read_name.cache_clear()
    read_word.cache_clear()
    assert compare(one, other) == verdict


@given(_anything)
@settings(max_examples=200, deadline=None)
def test_a_name_agrees_with_itself(name: str) -> None:
    verdict = compare(name, name)
    assert verdict.score == (1.0 if read_name(name).words else 0.0)
    assert "other" not in {verdict.surname, verdict.given, verdict.patronymic}


@given(_given, _surnames)
@settings(max_examples=200, deadline=None)
def test_the_order_of_given_name_and_surname_does_not_matter(first: str, last: str) -> None:
    one, other = f"{first} {last}", f"{last} {first}"
    if [word.text for word in read_name(one).family] != [last.lower()]:
        return
    assert compare(one, other).score == 1.0
    assert compare(one, other).surname == compare(one, other).given == "same"
    assert set(candidate_keys(one)) == set(candidate_keys(other))


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_a_slip_in_a_surname_keeps_a_key_in_common(seed: int) -> None:
    chance = random.Random(seed)
    letters = "ABDEGIKLMNOPRSTUVZ"
    surname = "".join(chance.choice(letters) for _ in range(chance.randint(5, 11))).capitalize()
    place = chance.randrange(len(surname))
    slips = [
        surname[:place] + surname[place + 1 :],
        surname[:place] + chance.choice(letters).lower() + surname[place:],
        surname[:place] + chance.choice(letters).lower() + surname[place + 1 :],
        surname[:place] + surname[place : place + 2][::-1] + surname[place + 2 :],
    ]
    for slip in slips:
        one, other = read_word(surname.lower()), read_word(slip.lower())
        if one.names or other.names or len(one.skeleton) < 4 or abs(len(one.skeleton) - len(other.skeleton)) > 1:
            continue
        assert neighbours(f"Zz {surname}", f"Zz {slip}") or compare(f"Zz {surname}", f"Zz {slip}").surname != "misspelt"


# --- samples ---


def agreement(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Of how many pairs the given names agree, and how many there are."""
    verdicts = [compare(one, other).given for one, other in pairs]
    return sum(verdict in {"same", "form"} for verdict in verdicts), len(verdicts)


def rows(name: str, delimiter: str = ",") -> list[list[str]]:
    with (SAMPLES / name).open(encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples")
@pytest.mark.no_cover
def test_forms_of_names_agree_with_collections_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    russian = agreement((r[0], r[1]) for r in rows("ru_diminutives_train-gender.tsv", "\t")[1:] if len(r) > 1)
    english = agreement((r[0], r[2]) for r in rows("nicknames_en.csv")[1:])
    male = agreement((r[0], form) for r in rows("diminutives_en_male.csv") for form in r[1:])
    with capsys.disabled():
        print(f"\nforms of names: Russian {russian}, English {english}, English men {male}")
    assert russian[0] / russian[1] > 0.6
    assert english[0] / english[1] > 0.2
    assert male[0] / male[1] > 0.4


@pytest.mark.no_cover
def test_comparing_is_quick() -> None:
    names = [" ".join(pair) for pair in zip(MEN.split(), reversed(ENGLISH.split()), strict=False)][:300]
    for name in names:
        read_name(name)
    began = time.process_time()
    for name in names:
        compare(names[0], name)
    # Some 12 us; the bound is for a machine with other things to do.
    assert (time.process_time() - began) / len(names) < 200e-6
