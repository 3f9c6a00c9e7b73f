"""Words that rules and topics look for."""

import pytest

from routing.words import mentions, parse_word, searchable


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("цемент", "Нужен ЦЕМЕНТ, срочно"),
        ("цемент", "цемент"),
        ("м500", "Цемент М500."),
        ("ёлка", "елка"),
        ("елка", "ЁЛКА"),
        ("елка", "Е\u0308лка"),
        ("достав*", "с доставкой"),
        ("достав*", "достав"),
        ("*бетон", "нужен газобетон"),
        ("*кирпич*", "огнекирпичный"),
        ("не отвечает", "телефон НЕ\n  отвечает!"),
        ("опт", "лоптом, опт"),
        ("c++", "пишем на C++"),
        ("strasse", "Große Straße 5"),
    ],
)
def test_a_word_is_found_whole_in_any_case_and_spelling(word: str, text: str) -> None:
    assert mentions(searchable(None, text), [parse_word(word)])


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("опт", "оптом"),
        ("опт", "лопт"),
        ("опт*", "лоптом"),
        ("*опт", "лоптом"),
        ("опт", "опт_2"),
        ("опт", "опт5"),
        ("опт", "2опт опта"),
        ("цемент", ""),
        ("не отвечает", "неотвечает"),
        ("да", "да\u0301"),
    ],
)
def test_a_part_of_another_word_is_not_the_word(word: str, text: str) -> None:
    assert not mentions(searchable(None, text), [parse_word(word)])


def test_the_subject_counts_too_but_no_phrase_reaches_from_it_into_the_text() -> None:
    assert mentions(searchable("Цемент", "сколько?"), [parse_word("цемент")])
    assert not mentions(searchable("Он не", "отвечает"), [parse_word("не отвечает")])


@pytest.mark.parametrize("text", ["", " ", "*", "**", "м*500", "* *", "***опт"])
def test_a_star_that_stands_alone_or_within_a_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a word to look for"):
        parse_word(text)
