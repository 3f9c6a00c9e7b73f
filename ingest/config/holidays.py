"""The holidays of countries, from the `holidays` library, which is loaded where a calendar asks for one."""

from collections.abc import Collection
from datetime import date
from functools import lru_cache
from typing import Final

from routing.calendars import PublicDays

YEARS: Final = range(2020, 2051)
"""The years whose holidays are known: fixed, so that every process compiles the same from the same document."""


@lru_cache(maxsize=64)
def public_days(name: str) -> PublicDays:
    """The holidays of `RU`, or of a part of a country, `DE-BY`. Raises ValueError for what the library does not know.

    A weekend day that is worked in exchange for another has the hours of the last day before it that is no weekend.
    """
    import holidays  # noqa: PLC0415 - a tenth of a second that only those pay who keep holidays

    country, _, part = name.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=YEARS)
    except NotImplementedError as error:
        raise ValueError(_unknown(country, part)) from error
    stands_for = {day: _weekday_before(day, found.weekend) for day in found.weekend_workdays}
    return PublicDays(frozenset(found), stands_for)


def _weekday_before(day: date, weekend: Collection[int]) -> int:
    return next(number % 7 for number in range(day.weekday() + 6, day.weekday(), -1) if number % 7 not in weekend)


def _unknown(country: str, part: str) -> str:
    import holidays  # noqa: PLC0415 - as above

    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return f"no holidays are known of {country!r}; write the two letters of ISO 3166, such as RU, KZ or BY"
    some = "".join(f", {country}-{name}" for name in known[country][:12])
    return f"{part!r} is no part of {country} that the holidays differ in; write {country}{some}"
