"""Templates: what is known is put in, what is not known leaves no gap, and what nobody knows is refused."""

import pytest

from kernel.templates import check, filled

NAMES = ("name", "opens")


@pytest.mark.parametrize(
    ("template", "named", "nameless"),
    [
        ("Здравствуйте, {name}!", "Здравствуйте, Анна!", "Здравствуйте!"),
        ("Dear {name},\nthank you", "Dear Анна,\nthank you", "Dear,\nthank you"),
        ("{name}, здравствуйте!", "Анна, здравствуйте!", "здравствуйте!"),
        ("Привет\n{name}, пишем", "Привет\nАнна, пишем", "Привет\nпишем"),
        ("без мест", "без мест", "без мест"),
        ("{name}", "Анна", ""),
        ("{name} {name}", "Анна Анна", ""),
    ],
)
def test_a_place_without_a_value_goes_with_what_joins_it(template: str, named: str, nameless: str) -> None:
    assert filled(template, {"name": "Анна"}) == named
    assert filled(template, {"name": ""}) == filled(template, {}) == nameless


def test_a_value_is_put_in_as_it_is_whatever_braces_it_has() -> None:
    assert filled("{name}!", {"name": "{opens}", "opens": "09:00"}) == "{opens}!"


@pytest.mark.parametrize("template", ["Hello {nmae}", "Hello {name.upper}", "Hello {}", "a } b", "{name", "{{name}}"])
def test_what_nobody_can_fill_is_refused_with_what_to_write(template: str) -> None:
    with pytest.raises(ValueError, match="; write "):
        check(template, NAMES)


def test_known_places_pass() -> None:
    check("Hello {name}, see you at {opens}", NAMES)
