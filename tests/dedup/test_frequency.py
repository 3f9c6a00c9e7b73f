"""How common given names are among those that begin alike."""

import pytest

from dedup.frequency import share
from dedup.given_names import ENGLISH, MEN, WOMEN
from dedup.names import read_word
from dedup.skeleton import skeleton


def _named(name: str) -> float:
    return max(share(full) for full in read_word(name).names)


def test_a_popular_name_is_a_quarter_of_those_that_begin_like_it_and_a_rare_one_little() -> None:
    assert 0.25 < _named("анна") < 0.45
    assert _named("игнат") < 0.05 < _named("иван")
    assert _named("agnes") < _named("andrew")


def test_names_that_sound_alike_count_together() -> None:
    assert _named("анна") == _named("яна")


@pytest.mark.parametrize("table", [MEN, WOMEN, ENGLISH])
def test_every_name_of_the_tables_has_a_share(table: str) -> None:
    for line in filter(None, table.split("\n")):
        assert 0.0 < share(skeleton(line.split()[0].casefold())) < 1.0
