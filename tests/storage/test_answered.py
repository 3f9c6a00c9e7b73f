"""Who may be answered by a machine: once in a pause, three times a day, and of two who ask at once, one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from storage import answered
from storage.store import Store
from tests.ingest.parts import NOW

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)


def take(store: Store, *keys: int, pause: timedelta = DAY, after: timedelta = timedelta(0)) -> set[int]:
    return store.transact(lambda db: answered.take(db, keys, pause, NOW + after))


def test_an_address_is_answered_once_in_a_pause(store: Store) -> None:
    assert take(store, 7, 8) == {7, 8}
    assert take(store, 7, 9, after=DAY - timedelta(seconds=1)) == {9}
    assert take(store, 7, after=DAY) == {7}
    assert take(store, 7, after=DAY) == set()


def test_however_short_the_pause_there_are_three_a_day(store: Store) -> None:
    times = [hours for hours in range(48) if take(store, 7, pause=HOUR, after=hours * HOUR)]
    assert times == [0, 1, 2, 24, 25, 26]


def test_a_refused_wish_does_not_put_off_the_next_answer(store: Store) -> None:
    assert take(store, 7)
    assert not take(store, 7, after=DAY / 2)
    assert take(store, 7, after=DAY)


@pytest.mark.parametrize("round_", range(3))
def test_of_several_who_ask_at_once_one_may_answer(round_: int, store: Store) -> None:
    together = Barrier(4)

    def ask(_: int) -> set[int]:
        together.wait()
        return take(store, 1, 2, round_ + 3)

    with ThreadPoolExecutor(4) as threads:
        taken = sorted(number for numbers in threads.map(ask, range(4)) for number in numbers)
    assert taken == sorted([1, 2, round_ + 3])
