"""One spelling of called numbers and mailboxes, whoever wrote them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.addressee import addressee


@pytest.mark.parametrize(
    "written",
    [
        "+74951234567",
        "8 (495) 123-45-67",
        "74951234567",
        "4951234567",
        "tel:+7-495-123-45-67",
        "sip:+74951234567@pbx.example.com",
        "SIP:74951234567@pbx.example.com",
        "+7 495 123-45-67 доб. 5",
    ],
)
def test_a_called_number_is_the_same_in_every_spelling(written: str) -> None:
    assert addressee(written, "RU") == "+74951234567"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Info <Info@Example.com>", "info@example.com"),
        ("mailto:info@example.com", "info@example.com"),
        (" INFO@example.com ", "info@example.com"),
        ("@", "@"),
        ("101", "101"),
        ("sip:101@pbx.example.com", "101@pbx.example.com"),
        ("Отдел  продаж", "отдел продаж"),
        ("", ""),
        ("7" * 300, "7" * 300),
        ("375291234567", "+375291234567"),
    ],
)
def test_mailboxes_short_numbers_and_names_keep_what_they_say(written: str, read: str) -> None:
    assert addressee(written, "RU") == read


def test_a_number_that_the_plan_does_not_have_and_could_have_is_read_all_the_same() -> None:
    assert addressee("8 000 123-45-67", "RU") == "+70001234567"


def test_a_short_number_is_never_taken_for_a_telephone_of_a_town() -> None:
    assert addressee("1011", "DE") == "1011"


@given(text=st.text(max_size=40) | st.from_regex(r"\+?[0-9 ()-]{5,16}", fullmatch=True))
@settings(max_examples=80, deadline=None)
def test_reading_twice_changes_nothing(text: str) -> None:
    once = addressee(text, "RU")
    assert addressee(once, "RU") == once
