"""Tables for people."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.cli.tables import clipped, printable, table, width


def test_numbers_stand_at_the_right_and_what_is_missing_is_a_dash() -> None:
    assert (
        table(("name", "open"), [("анна", 7), ("b", 12), (None, -1)])
        == "name  open\nанна     7\nb       12\n-       -1"
    )


def test_wide_letters_take_two_columns_and_accents_none() -> None:
    assert (width("Цемент"), width("日本"), width("e\u0301")) == (6, 4, 1)
    assert table(("a", "b"), [("日本", "x"), ("e\u0301", "y")]).splitlines()[1:] == ["日本  x", "e\u0301     y"]


def test_only_the_last_column_may_be_long() -> None:
    line = table(("a", "b"), [("x" * 100, "y" * 100)]).splitlines()[1]
    assert line == "x" * 59 + "…  " + "y" * 100


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    assert printable("a\x1b[31m\u202eb\r\nc\td\x00\u200f") == "a[31mb c d"


@given(st.text(), st.integers(1, 20))
def test_a_clipped_text_fits_and_begins_as_the_text(text: str, widest: int) -> None:
    short = clipped(text, widest)
    assert width(short) <= widest
    assert text.startswith(short.removesuffix("…"))


@given(st.lists(st.tuples(st.text(), st.text(), st.integers()), max_size=5))
def test_a_table_has_a_line_for_each_row_whatever_stands_in_it(rows: list[tuple[str, str, int]]) -> None:
    shown = table(("one", "two", "three"), rows)
    assert len(shown.split("\n")) == len(rows) + 1
    assert all(character.isprintable() for character in shown.replace("\n", ""))
