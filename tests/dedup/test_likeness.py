"""What two contacts have in common, weighed against chance: what is worth asking a person about, and what is not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.keys import Key
from dedup.likeness import SUPPORTS, Facts, Named, chance, namesakes, supported, weigh
from dedup.names import compare

PHONE, NEAR, FAR = Key("phone", "+79123456789"), Key("phone", "+79123456798"), Key("phone", "+79123450000")


def weighed(one: str, other: str, others: int = 0, **facts: Any) -> float:
    mine = Facts(one, facts.get("keys", ()), facts.get("cities", ()), facts.get("companies", ()))
    theirs = Facts(other, facts.get("keys2", ()), facts.get("cities2", ()), facts.get("companies2", ()))
    return weigh(compare(one, other), mine, theirs, others).probability


def test_a_common_surname_with_a_common_first_name_is_no_suggestion() -> None:
    assert weighed("Иванов Александр", "Иванов Саша") < 0.5
    assert weighed("Иванова Анна", "Аня Иванова") < 0.5
    assert weighed("Петрунин Иван", "Петрунин Иван", 30) < 0.1


def test_a_rare_surname_is_one_though_misspelt_or_transliterated() -> None:
    assert weighed("Петрунин Иван", "Ваня Петрунин") > 0.8
    assert weighed("Вышеславцев Александр", "Alexander Vysheslavcev") > 0.9
    assert weighed("Вышеславцев Александр", "Саша Вышиславцев") > 0.5
    assert weighed("Юдин Александр", "Юдин Александр") < weighed("Вышеславцев Александр", "Вышеславцев Александр")


def test_other_names_of_another_kind_are_never_one() -> None:
    many: dict[str, Any] = {"keys": [PHONE], "keys2": [NEAR], "cities": ["Саратов"], "cities2": ["Саратов"]}
    assert weighed("Марина Вышеславцева", "Карина Вышеславцева", **many) == 0.0
    assert weighed("Саша Вышеславцев", "Саша Вышеславцева", **many) == 0.0
    assert weighed("Анна", "Анна Вышеславцева", **many) == 0.0


def test_the_same_city_makes_a_suggestion_of_what_was_none_and_another_unmakes_it() -> None:
    assert weighed("Саша Петров", "Александр Петров") < 0.5
    assert weighed("Саша Петров", "Александр Петров", cities=["Саратов"], cities2=["г. саратов"]) > 0.5
    assert weighed("Саша Петров", "Александр Петров", cities=["Saratov"], cities2=["город Саратов", "Пенза"]) > 0.5
    near = weighed("Петрунин Иван", "Петрунин Иван")
    assert weighed("Петрунин Иван", "Петрунин Иван", cities=["Омск"], cities2=["Пенза"]) < near
    assert weighed("Петрунин Иван", "Петрунин Иван", cities=["Омск"]) == near


def test_a_patronymic_weighs_much_either_way() -> None:
    assert weighed("Петров Иван Ильич", "Иван Ильич Петров") > 0.8
    assert weighed("Вышеславцев Иван Ильич", "Иван Павлович Вышеславцев") < 0.5


def test_a_first_name_that_no_table_has_weighs_more() -> None:
    assert weighed("Гульчачак Ахметова", "Ахметова Гульчачак") > weighed("Анна Ахметова", "Ахметова Анна")


def test_a_rare_given_name_weighs_more_than_a_popular_one() -> None:
    assert weighed("Игнат Петров", "Петров Игнат") > weighed("Иван Петров", "Петров Иван")
    assert weighed("Игнатий Юдин", "Игнат Юдин") > 0.5


def test_an_initial_weighs_less_than_a_given_name_and_none_weighs_least() -> None:
    whole = weighed("Вышеславцев Александр", "Вышеславцев Александр")
    assert weighed("Вышеславцев", "Вышеславцев Александр") < weighed("Вышеславцев А.", "Вышеславцев Александр") < whole


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Facts("", [PHONE]), Facts("", [NEAR]), ["near_phone"]),
        (Facts("", [PHONE]), Facts("", [FAR]), []),
        (Facts("", [Key("phone", "+79123456789;ext=1")]), Facts("", [Key("phone", "+79123456789;ext=2")]), []),
        (Facts("", companies=[7, 8]), Facts("", companies=[8]), ["same_company"]),
        (Facts("", [Key("email", "a@firm.ru")]), Facts("", [Key("email", "b@firm.ru")]), ["same_domain"]),
        (Facts("", [Key("email", "a@mail.ru")]), Facts("", [Key("email", "b@mail.ru")]), []),
        (
            Facts("", [Key("email", "vysh-77@mail.ru")]),
            Facts("", [Key("email", "vysh-77@gmail.com")]),
            ["same_mailbox"],
        ),
        (Facts("", [Key("email", "anna@mail.ru")]), Facts("", [Key("email", "anna@gmail.com")]), []),
        (Facts(""), Facts(""), []),
    ],
)
def test_what_supports_a_likeness(one: Facts, other: Facts, expected: list[str]) -> None:
    assert supported(one, other) == supported(other, one) == expected


def test_reasons_are_those_of_the_names_and_of_what_supports_them() -> None:
    one, other = Facts("Саша Петров", [PHONE], ["Омск"]), Facts("Александр Петров", [NEAR], ["Омск"])
    likeness = weigh(compare(one.name, other.name), one, other, 20)
    assert likeness.reasons == ("diminutive", "same_city", "near_phone")
    assert likeness.worth_asking


def test_a_short_or_common_surname_is_expected_to_have_bearers() -> None:
    assert chance("Иванова Анна") == chance("Anna Ivanova") == chance("Ким Анна") == 1.0
    assert chance("Вышеславцев") < chance("Юдинцев") < 1.0
    assert chance("Анна") == 1.0


# --- namesakes among those whom the keys brought ---


def found(*names: str) -> list[Named]:
    return [Named(number, number, name) for number, name in enumerate(names, 10)]


def test_those_whose_names_agree_are_looked_at_and_the_others_are_counted() -> None:
    one = Named(1, 1, "Петрунин Иван")
    others = found(
        "Ваня Петрунин", "Илья Петрунин", "Игорь Петрунин", "Иван Петрунина", "Иван Петрурин", "Иван Сидоров"
    )
    near = {n.contact.name: n.others for n in namesakes(one, others)}
    assert near == {"Ваня Петрунин": 2, "Иван Петрунина": 3 - 1, "Иван Петрурин": 2}


def test_two_more_of_the_very_same_name_may_be_the_same_person_again() -> None:
    one = Named(1, 1, "Петрунин Иван")
    assert [n.others for n in namesakes(one, found(*["Иван Петрунин"] * 3))] == [0, 0, 0]
    assert [n.others for n in namesakes(one, found(*["Иван Петрунин"] * 9))] == [6] * 9


def test_who_is_one_person_already_is_no_namesake_and_counts_once() -> None:
    one = Named(1, 5, "Петрунин Иван")
    others = [Named(5, 5, "Иван Петрунин"), Named(6, 7, "Ваня Петрунин"), Named(7, 7, "Иван Петрунин")]
    assert [n.contact.root for n in namesakes(one, others)] == [7]


_names = st.sampled_from(
    ["Иван Петров", "Ваня Петрунин", "Петрунин И.", "Anna", "", "Анна Ким", "Вышеславцева Анна Ильинична"]
)
_keys = st.sets(st.sampled_from([PHONE, NEAR, FAR, Key("email", "vysh-77@firm.ru"), Key("email", "vysh-77@ya.ru")]))
_facts = st.builds(
    Facts, _names, _keys, st.sets(st.sampled_from(["Омск", "Omsk", "Пенза"])), st.sets(st.integers(1, 2))
)


@given(_facts, _facts, st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_a_likeness_is_symmetric_and_falls_with_every_further_namesake(one: Facts, other: Facts, others: int) -> None:
    likeness = weigh(compare(one.name, other.name), one, other, others)
    assert likeness == weigh(compare(other.name, one.name), other, one, others)
    assert 0.0 <= likeness.probability <= 1.0
    assert weigh(compare(one.name, other.name), one, other, others + 1).probability <= likeness.probability
    assert set(supported(one, other)) <= set(SUPPORTS)
