"""The holidays of countries, as the library knows them."""

from datetime import date

import pytest

from ingest.config.holidays import public_days


def test_the_holidays_of_russia_are_known_with_those_that_were_moved() -> None:
    days = public_days("RU")
    assert {
        date(2026, 1, 1),
        date(2026, 1, 9),
        date(2026, 11, 4),
        date(2026, 12, 31),
        date(2050, 5, 9),
    } <= days.holidays
    assert date(2026, 1, 12) not in days.holidays


def test_a_saturday_that_is_worked_for_another_day_stands_for_its_friday() -> None:
    days = public_days("RU")
    assert (days.worked[date(2025, 11, 1)], days.worked[date(2027, 2, 20)]) == (4, 4)
    assert not days.worked.keys() & days.holidays


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = date(2026, 1, 6)
    assert epiphany in public_days("DE-BY").holidays
    assert epiphany not in public_days("DE").holidays


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("XX", "no holidays are known of 'XX'; write the two letters"),
        ("RU-MOW", "'MOW' is no part of RU that the holidays differ in; write RU$"),
        ("DE-XX", "'XX' is no part of DE that the holidays differ in; write DE, DE-BB"),
    ],
)
def test_what_the_library_does_not_know_is_refused_with_what_it_knows(name: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        public_days(name)
