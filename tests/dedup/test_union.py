"""Which enquiry goes on in which, when two people turn out to be one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dedup.union import Enquiry, Fold, Union, unite

T0 = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


def enquiry(lead: int, state: str = "unprocessed", age: int = 0, **more: Any) -> Enquiry:
    """A lead, `age` hours older than most."""
    return Enquiry(lead, **{"team": "sales", "owner": None, **more}, state=state, created_at=T0 - timedelta(hours=age))


def closed(lead: int, hours_ago: int, state: str = "lost") -> Enquiry:
    return enquiry(lead, state, 99, closed_at=T0 - timedelta(hours=hours_ago))


def test_leads_of_different_teams_stay_as_they_are() -> None:
    assert unite([enquiry(1)], [enquiry(2, team="south")]) == Union()
    assert unite([], [enquiry(2)]) == Union()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("state", ["unprocessed", "assigned"])
def test_the_newer_of_two_goes_on_in_the_older_while_neither_is_accepted(state: str, turned: bool) -> None:
    older, newer = enquiry(7, "unprocessed", age=1), enquiry(3, state)
    sides = ([newer], [older]) if turned else ([older], [newer])
    assert unite(*sides) == Union(folds=(Fold(3, 7),))


def test_of_two_of_one_moment_the_lower_number_is_the_older() -> None:
    assert unite([enquiry(4)], [enquiry(3)]).folds == (Fold(4, 3),)


def test_the_accepted_one_takes_the_other_in_even_where_that_is_older() -> None:
    assert unite([enquiry(1, age=5)], [enquiry(2, "in_work", owner="anna")]).folds == (Fold(1, 2),)


def test_two_accepted_ones_of_two_managers_stay_and_the_second_gives_up_the_slot() -> None:
    first, second = enquiry(1, "in_work", age=5, owner="anna"), enquiry(2, "in_work", owner="boris")
    for sides in ([first], [second]), ([second], [first]):
        assert unite(*sides) == Union(given_up=(2,), beside=((1, 2),))


def test_two_accepted_ones_of_one_manager_are_one_enquiry() -> None:
    first, second = enquiry(1, "in_work", age=5, owner="anna"), enquiry(2, "in_work", owner="anna")
    assert unite([second], [first]) == Union(folds=(Fold(2, 1),))


def test_an_open_lead_keeps_the_slot_before_a_closed_one_and_nothing_folds() -> None:
    for sides in ([closed(1, 1)], [enquiry(2)]), ([enquiry(2)], [closed(1, 1)]):
        assert unite(*sides) == Union(given_up=(1,))


def test_of_two_closed_ones_the_last_closed_can_be_reopened() -> None:
    for sides in ([closed(1, 1)], [closed(2, 5)]), ([closed(2, 5)], [closed(1, 1)]):
        assert unite(*sides) == Union(given_up=(2,))
