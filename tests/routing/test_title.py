"""What a lead is called."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.policy import Topic
from routing.title import PLACEHOLDERS, check_template, make_title
from routing.words import parse_word

USUAL: Final = "{city} – {name} – {topic}"
CEMENT: Final = Topic("Цемент", (parse_word("цемент"), parse_word("м500")))
DELIVERY: Final = Topic("Доставка", (parse_word("достав*"),))


def title(
    template: str = USUAL,
    *,
    name: str | None = None,
    city: str | None = None,
    company: str | None = None,
    text: str = "",
    subject: str | None = None,
    source: str | None = None,
) -> str:
    return make_title(
        template,
        name=name,
        city=city,
        company=company,
        text=text,
        subject=subject,
        topics=(CEMENT, DELIVERY),
        source=source,
        channel="site",
    )


def test_a_title_is_the_city_the_name_and_the_topic() -> None:
    assert title(city="Саратов", name="Николай", text="Почём М500?") == "Саратов – Николай – Цемент"


@pytest.mark.parametrize(
    ("city", "name", "text", "expected"),
    [
        ("", "Николай", "цемент", "Николай – Цемент"),
        ("Саратов", None, "цемент", "Саратов – Цемент"),
        ("Саратов", "Николай", "", "Саратов – Николай"),
        ("Саратов", " ", " \n ", "Саратов"),
        (None, None, "цемент", "Цемент"),
        (None, None, "", ""),
    ],
)
def test_an_empty_part_vanishes_with_its_dash(city: str | None, name: str | None, text: str, expected: str) -> None:
    assert title(city=city, name=name, text=text) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{city} - {name} | {topic}", "Саратов | Цемент"),
        ("{city}—{name}—{topic}", "Саратов—Цемент"),
        ("{name} · {city}", "Саратов"),
        ("Заявка: {name} – {topic}", "Цемент"),
        ("Веб-заявка – {name} – {topic}", "Веб-заявка – Цемент"),
        ("{city} {name} – {channel}/{source}", "Саратов – site"),
        ("{topic} ({city})", "Цемент (Саратов)"),
    ],
)
def test_dashes_of_any_kind_divide_a_title_and_hyphens_of_words_do_not(template: str, expected: str) -> None:
    assert title(template, city="Саратов", text="цемент") == expected


@pytest.mark.parametrize("name", ["\u3164", "\u200b\u200e", "\u2800 \u2800", "\u202e", "\x1b"])
def test_a_name_of_which_nothing_can_be_seen_is_none(name: str) -> None:
    assert title(name=name, city="Саратов") == "Саратов"
    assert title(name=name) == ""


def test_nothing_in_a_title_turns_or_commands_what_is_shown_behind_it() -> None:
    assert title(name="Ан\u202eна\u2066", city="\x1b[31mСаратов\u200b", text="Где\u2069\x07 👨\u200d👩\u200d👧?") == (
        "[31mСаратов – Анна – Где 👨\u200d👩\u200d👧?"
    )


def test_the_first_topic_that_subject_or_text_mention_is_the_topic() -> None:
    assert title(text="доставка цемента? цемент!") == "Цемент"
    assert title(subject="О доставке", text="добрый день") == "Доставка"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n  Добрый   день,\tсколько стоит\nкирпич?", "Добрый день, сколько стоит"),
        ("я" * 60, "я" * 60),
        ("я" * 61, "я" * 59 + "…"),
        ("Добрый день! " + "я" * 80, "Добрый день! " + "я" * 46 + "…"),
        ("слово " * 12, "слово слово слово слово слово слово слово слово слово слово…"),
        (
            "Здравствуйте, подскажите пожалуйста, сколько будет стоить , кирпич",
            "Здравствуйте, подскажите пожалуйста, сколько будет стоить…",
        ),
    ],
)
def test_without_a_topic_the_text_begins_to_speak_for_itself(text: str, expected: str) -> None:
    assert title("{topic}", text=text) == expected
    assert len(expected) <= 60


def test_without_a_text_the_subject_speaks() -> None:
    assert title(name="Анна", subject="Прайс на кирпич") == "Анна – Прайс на кирпич"


def test_without_topics_in_the_configuration_the_text_speaks() -> None:
    assert (
        make_title(
            "{topic}",
            name="",
            city="",
            company="",
            text="цемент м500",
            subject="",
            topics=(),
            source="",
            channel="site",
        )
        == "цемент м500"
    )


@pytest.mark.parametrize("name", ["{0.__class__}", "{city}", "{", "%s", r"\1", "a – b"])
def test_a_name_is_never_read_as_a_template(name: str) -> None:
    assert title(city="Тула", name=name) == f"Тула – {name}"


VALUE: Final = st.text("аЯ1 –-.{}%\n\t\u2028", max_size=150)


@given(name=VALUE, city=VALUE, text=VALUE)
@settings(max_examples=100, deadline=None)
def test_a_title_is_one_line_without_a_dash_at_its_ends_that_nobody_wrote(name: str, city: str, text: str) -> None:
    made = make_title(
        USUAL, name=name, city=city, company="", text=text, subject="", topics=(), source="", channel="site"
    )
    assert made == " ".join(made.split())
    assert len(made) <= 3 * 60 + 6
    parts = [part for part in (city, name, text) if part.strip()]
    assert bool(made) == bool(parts)


def test_every_placeholder_that_is_offered_is_filled() -> None:
    template = " – ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    check_template(template)
    made = title(template, name="Анна", city="Тула", company="ООО Ромашка", text="кирпич", source="Сайт")
    assert made == "Тула – Анна – ООО Ромашка – кирпич – Сайт – site"


@pytest.mark.parametrize("template", ["{town} – {name}", "{}", "{ city }", "{name.upper}", "{0}"])
def test_an_unknown_placeholder_is_refused_by_its_name_with_the_known_ones(template: str) -> None:
    with pytest.raises(ValueError, match=r"no placeholder \{.*\}; there are \{city\}, \{name\}, "):
        check_template(template)


@pytest.mark.parametrize("template", ["{city", "city}", "{{city}}", "{city} – }{"])
def test_a_brace_without_its_partner_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="a brace without its partner"):
        check_template(template)
