"""Contacts that may be one person, found after their leads have gone out; over both databases."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from dedup.names import candidate_keys
from ingest.people.judging import Judging
from ingest.people.suggesting import BATCH, Suggester
from kernel.clock import micros
from storage import namesakes
from storage.schema import apart, contacts, name_keys, suggestions
from storage.store import Store
from tests.ingest.parts import NOW, Parts, at_clock, company, wire


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


@pytest.fixture
def suggester(parts: Parts) -> Suggester:
    return Suggester(parts.store, at_clock(NOW), company=0.0, rest=0.0)


def person(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"phones": [f"+7912{number:07}"], "name": name, **more}


async def searched(suggester: Suggester) -> None:
    while await suggester.batch():
        pass


def found(parts: Parts) -> list[tuple[str, str, list[str]]]:
    """The names of each pair that is suggested, and why."""
    names = {row["id"]: row["name"] for row in parts.rows(contacts)}
    return [
        (names[row["contact_id"]], names[row["other_id"]], orjson.loads(row["record"])["reasons"])
        for row in parts.rows(suggestions)
        if row["code"] == "similar_name"
    ]


async def test_a_name_in_another_form_and_alphabet_is_suggested_once(parts: Parts, suggester: Suggester) -> None:
    first, second = parts.take(person(11, "Александр Вышеславцев"), person(5000, "Vysheslavtsev Sasha"))
    await searched(suggester)
    assert found(parts) == [
        ("Александр Вышеславцев", "Vysheslavtsev Sasha", ["diminutive", "transliterated", "word_order"])
    ]
    (row,) = parts.rows(suggestions)
    assert (row["contact_id"], row["other_id"]) == (first.contact, second.contact)
    assert 0.5 < orjson.loads(row["record"])["score"] < 1.0
    assert micros(NOW) <= row["at"] < micros(NOW + timedelta(minutes=5))
    parts.take(person(7000, "Александр Вышеславцев"))
    await searched(suggester)
    assert len(found(parts)) == 3


async def test_strangers_and_common_names_are_left_alone(parts: Parts, suggester: Suggester) -> None:
    parts.take(
        person(11, "Иванов Александр"),
        person(5000, "Иванов Саша"),
        person(7000, "Анна"),
        person(9000, "Анна"),
        person(11000, "Вышеславцева Анна"),
        person(13000, "Вышеславцев Павел"),
        {"phones": ["+79120000077"]},
    )
    await searched(suggester)
    assert found(parts) == []
    assert [row["searched_at"] is None for row in parts.rows(contacts)] == [False] * 6 + [True]


async def test_city_company_and_a_phone_a_digit_away_are_evidence(parts: Parts, suggester: Suggester) -> None:
    parts.take(
        person(11, "Саша Петров", city="Саратов"),
        person(5000, "Александр Петров", city="г. Саратов"),
        person(7001, "Иванов Павел"),
        person(7002, "Паша Иванов"),
        person(9000, "Юдин Олег", emails=["oleg@firm.ru"]),
        person(15000, "Юдин Олег", emails=["yudin@firm.ru"]),
    )
    await searched(suggester)
    assert {(one, other): set(why) for one, other, why in found(parts)} == {
        ("Саша Петров", "Александр Петров"): {"diminutive", "same_city"},
        ("Иванов Павел", "Паша Иванов"): {"diminutive", "word_order", "near_phone"},
        ("Юдин Олег", "Юдин Олег"): {"same_name", "same_domain"},
    }


async def test_a_line_that_both_wrote_from_is_evidence(parts: Parts, suggester: Suggester) -> None:
    line = {"emails": ["info@firm.ru"]}
    parts.take(person(9000, "Юдин Олег", **line), person(15000, "Олег Юдин", **line))
    await searched(suggester)
    assert found(parts) == [("Юдин Олег", "Олег Юдин", ["word_order", "same_company"])]


async def test_who_is_named_later_is_searched_for_then(parts: Parts, suggester: Suggester) -> None:
    parts.take(person(11, "Павел Вышеславцев"), {"phones": ["+79120005000"]})
    await searched(suggester)
    assert found(parts) == []
    parts.take(person(5000, "Паша Вышеславцев"))
    await searched(suggester)
    assert len(found(parts)) == 1


async def test_a_new_name_takes_the_place_of_the_old_one(parts: Parts, suggester: Suggester) -> None:
    parts.take(person(11, "Павел Вышеславцев"))
    await searched(suggester)
    renamed = sa.update(contacts).values(name="Павел Зуев", searched_at=None)
    parts.store.transact(lambda db: db.execute(renamed))
    await searched(suggester)
    assert parts.count(name_keys) == len(candidate_keys("Павел Зуев"))


async def test_a_contact_that_is_renamed_while_it_is_searched_for_is_searched_for_again(parts: Parts) -> None:
    parts.take(person(11, "Павел Вышеславцев"))
    read = parts.store.transact(lambda db: namesakes.unsearched(db, 10))
    parts.store.transact(lambda db: db.execute(sa.update(contacts).values(name="Павел Зуев")))
    parts.store.transact(lambda db: namesakes.write(db, read, [], parts.store.ids.take, NOW))
    assert [one.name for one in parts.store.transact(lambda db: namesakes.unsearched(db, 10))] == ["Павел Зуев"]


async def pair(parts: Parts) -> tuple[int, int]:
    first, second = parts.take(person(11, "Павел Вышеславцев"), person(5000, "Паша Вышеславцев"))
    assert first.contact is not None
    assert second.contact is not None
    return first.contact, second.contact


async def test_who_was_parted_is_not_suggested(parts: Parts, suggester: Suggester) -> None:
    low, high = await pair(parts)
    parted = sa.insert(apart).values(low_id=low, high_id=high, actor="irina", at=micros(NOW))
    parts.store.transact(lambda db: db.execute(parted))
    await searched(suggester)
    assert found(parts) == []


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("settled_at", [None, micros(NOW)])
async def test_what_was_suggested_for_another_reason_or_judged_is_not_suggested_again(
    parts: Parts, suggester: Suggester, turned: bool, settled_at: int | None
) -> None:
    one, other = sorted(await pair(parts), reverse=turned)
    row = {"id": 1, "uid": "0" * 31 + "1", "contact_id": one, "other_id": other, "code": "keys_of_two"}
    made = sa.insert(suggestions).values(**row, at=micros(NOW), settled_at=settled_at)
    parts.store.transact(lambda db: db.execute(made))
    await searched(suggester)
    assert [row["code"] for row in parts.rows(suggestions)] == ["keys_of_two"]


async def test_a_merged_contact_is_suggested_as_its_root_and_never_with_itself(
    parts: Parts, suggester: Suggester
) -> None:
    low, high = await pair(parts)
    merged = sa.update(contacts).where(contacts.c.id == high).values(root_id=low)
    parts.store.transact(lambda db: db.execute(merged))
    await searched(suggester)
    assert found(parts) == []
    (third,) = parts.take(person(9000, "Павел Вышыславцев"))
    await searched(suggester)
    assert [(row["contact_id"], row["other_id"]) for row in parts.rows(suggestions)] == [(low, third.contact)]


async def test_what_died_between_indexing_and_searching_is_done_again_with_the_same_end(
    parts: Parts, suggester: Suggester
) -> None:
    await pair(parts)
    fresh = parts.store.transact(lambda db: namesakes.unsearched(db, 10))
    parts.store.transact(lambda db: namesakes.index(db, {one.id: candidate_keys(one.name) for one in fresh}))
    indexed = parts.count(name_keys)
    await searched(suggester)
    assert (parts.count(name_keys), len(found(parts))) == (indexed, 1)


async def test_more_contacts_than_a_batch_holds_are_taken_in_turn(parts: Parts, suggester: Suggester) -> None:
    some = [person(number * 100, f"Павел {surname}") for number, surname in enumerate(surnames(BATCH + 7))]
    parts.take(*some)
    parts.take(*(person(900_000 + number * 100, one["name"]) for number, one in enumerate(some[:3])))
    assert await suggester.batch() == BATCH
    assert await suggester.batch() == 10
    assert await suggester.batch() == 0
    assert {(one, other) for one, other, _why in found(parts)} == {(one["name"], one["name"]) for one in some[:3]}


def surnames(count: int) -> Sequence[str]:
    """Surnames that have nothing in common."""
    parts = ["брыз", "вяхт", "гжель", "дрозд", "жмур", "зябл", "кварц", "лютн"]
    return [f"{a}о{b}ешев" for a in parts for b in parts][:count]


async def test_the_loop_looks_when_woken(parts: Parts) -> None:
    quiet = asyncio.Event()

    def is_busy() -> bool:
        quiet.set()
        return False

    await pair(parts)
    suggester = Suggester(parts.store, at_clock(NOW), is_busy, company=0.0, rest=0.0)
    running = asyncio.create_task(suggester.run())
    try:
        async with asyncio.timeout(20):
            await quiet.wait()
            suggester.wake()
            while not found(parts):
                await asyncio.sleep(0)
    finally:
        running.cancel()


@pytest.mark.parametrize("verdict", ["apart", "dismiss"])
async def test_what_was_judged_about_a_part_of_somebody_is_not_asked_again_about_the_whole(
    parts: Parts, suggester: Suggester, verdict: str
) -> None:
    parts.take(person(1, "Александр Вышеславцев"), person(2, "Vysheslavtsev Sasha"))
    await searched(suggester)
    (row,) = parts.rows(suggestions)
    parts.store.transact(lambda db: Judging(parts.merging).judge(db, row["uid"], verdict, "irina", NOW))
    parts.take(person(3, "Пётр Кузнецов"))
    _, other, third = (one["uid"] for one in parts.rows(contacts))
    parts.store.transact(lambda db: parts.merging.merge(db, third, other, "irina", NOW))
    parts.store.transact(lambda db: db.execute(sa.update(contacts).values(searched_at=None)))
    await searched(suggester)
    assert [one["uid"] for one in parts.rows(suggestions)] == [row["uid"]]
