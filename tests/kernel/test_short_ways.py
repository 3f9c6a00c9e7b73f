"""Short ways that must come to what the long ones do."""

import sys
import unicodedata
from dataclasses import replace

from kernel.facts import fact, replaced
from kernel.ids import is_uuid, uuid7, uuid7_hex
from kernel.texts import _UNSEEN, seen


def test_what_is_seen_of_every_character_is_what_the_expression_leaves() -> None:
    differing = [hex(code) for code in range(sys.maxunicode + 1) if seen(chr(code)) != _UNSEEN.sub("", chr(code))]
    assert differing == []


def test_an_unseen_character_goes_wherever_it_stands() -> None:
    assert seen("И\u3164ван\u200b\nПетров\uffa0") == "Иван\nПетров"
    assert unicodedata.name("\u3164") == "HANGUL FILLER"


@fact
class Pair:
    left: int
    right: str | None = None


def test_a_fact_is_the_same_but_for_what_is_replaced() -> None:
    one = Pair(1, "b")
    assert replaced(one, right=None) == replace(one, right=None) == Pair(1)
    assert replaced(one) == one
    assert replaced(one) is not one


def test_ids_have_their_version_and_variant_and_grow() -> None:
    made = [uuid7() for _ in range(1000)]
    assert made == sorted(set(made))
    assert all(is_uuid(one) and one[14] == "7" and one[19] in "89ab" for one in made)
    assert len(uuid7_hex()) == 32
