"""A part of a text is found whatever its case, in any alphabet; nothing in it is a pattern. Over both databases."""

import string

import sqlalchemy as sa

from storage.searching import mentions
from storage.store import Store

FOUND = [
    ("Анна Петрова", "анна"),
    ("анна петрова", "АННА П"),
    ("Пётр", "петр"),
    ("ПЕТР", "пётр"),
    ("Straße in Łódź", "ßE IN łÓ"),
    ("Цемент – 50 %", "50 %"),
    ("a_b*c?d", "B*C?"),
    ("[x] и ]y[ и a^b", "]Y[ И A^"),
    (r"C:\new", r"c:\NEW"),
    ("info@example.com", "INFO@"),
    (string.punctuation, string.punctuation),
]
NOT_FOUND = [
    ("Анна", "нин"),
    ("Цемент", "ц%т"),
    ("Цемент", "ц*т"),
    ("ab", "a.b"),
    ("axb", "a_b"),
    ("axb", "a?b"),
    ("ab", "[ab]"),
    ("axb", "a^b"),
    ("a\nb", "anb"),
    ("Анна", "***:анна"),
]


def test_a_part_is_found_in_whatever_case_and_means_itself(store: Store) -> None:
    asked = [mentions(sa.literal(text), part) for text, part in FOUND + NOT_FOUND]
    told = store.transact_raw(lambda db: list(db.execute(sa.select(*asked)).one()))
    assert [bool(one) for one in told] == [True] * len(FOUND) + [False] * len(NOT_FOUND)


def test_nothing_holds_no_text(store: Store) -> None:
    asked = sa.select(mentions(sa.cast(sa.null(), sa.Text()), "а"))
    assert store.transact_raw(lambda db: db.execute(asked).scalar()) is None
