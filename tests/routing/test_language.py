"""What the letters of a text tell of its language, and what they do not."""

import pytest

from routing.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Нужен цемент", "ru"),
        ("НУЖЕН ЦЕМЕНТ М500", "ru"),
        ("Есть ли Knauf Rotband?", "ru"),
        ("Ёлка, café", "ru"),
        ("Нужно вот это: https://example.com/a/very/long/address/of/a/page me@example.com", "ru"),
        ("I need cement", "en"),
        ("privet, nuzhen tsement", "en"),
        ("Добрий день, потрібен цемент", None),
        ("Сәлеметсіз бе", None),
        ("Ich möchte bestellen", None),
        ("العربية", None),
        ("cement для of the finest quality there is", None),
        ("ok", None),
        ("+7 912 345-67-89", None),
        ("https://example.com/page", None),
        ("", None),
    ],
)
def test_a_text_is_russian_or_english_where_its_letters_say_so(text: str, language: str | None) -> None:
    assert language_of(text, None) == language


@pytest.mark.parametrize(
    ("said", "language"), [("uk", "uk"), ("pt-BR", "pt"), ("EN_us", "en"), ("", None), ("x", None)]
)
def test_where_the_letters_say_nothing_the_channel_does(said: str, language: str | None) -> None:
    assert language_of("ok", said) == language
    assert language_of("Нужен цемент", said) == "ru"
