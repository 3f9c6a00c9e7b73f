"""Which enquiry: attach, reopen, or open, at the very limits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.enquiry import CLOSED_STATES, OPEN_STATES, Limits, Slot, Verdict, VerdictCode, decide

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
LIMITS = Limits(reopen_within=timedelta(days=14), new_after=timedelta(days=30))
TICK = timedelta(microseconds=1)


def test_without_a_slot_a_lead_is_opened_and_none_gives_anything_up() -> None:
    assert decide(None, NOW, LIMITS) == Verdict("open", None)


@pytest.mark.parametrize("state", OPEN_STATES)
def test_an_open_lead_takes_messages_until_new_after_without_activity(state: str) -> None:
    slot = Slot(7, state, None, NOW)
    assert decide(slot, NOW + LIMITS.new_after, LIMITS) == Verdict("attach", 7)
    assert decide(slot, NOW + LIMITS.new_after + TICK, LIMITS) == Verdict("open_after_quiet", 7)


@pytest.mark.parametrize("state", CLOSED_STATES)
def test_a_closed_lead_is_reopened_within_its_time_and_replaced_after_it(state: str) -> None:
    slot = Slot(7, state, "anna", NOW - timedelta(days=3), closed_at=NOW)
    assert decide(slot, NOW + LIMITS.reopen_within, LIMITS) == Verdict("reopen", 7)
    assert decide(slot, NOW + LIMITS.reopen_within + TICK, LIMITS) == Verdict("open_after_closing", 7)


def test_a_lead_closed_without_a_time_counts_from_its_last_activity() -> None:
    slot = Slot(7, "lost", None, NOW)
    assert decide(slot, NOW + LIMITS.reopen_within, LIMITS) == Verdict("reopen", 7)
    assert decide(slot, NOW + LIMITS.reopen_within + TICK, LIMITS) == Verdict("open_after_closing", 7)


@pytest.mark.parametrize(
    ("code", "opens"),
    [("attach", False), ("reopen", False), ("open", True), ("open_after_quiet", True), ("open_after_closing", True)],
)
def test_a_verdict_tells_whether_there_is_to_be_a_new_lead(code: VerdictCode, opens: bool) -> None:
    assert Verdict(code, None).opens is opens


@given(st.sampled_from(OPEN_STATES), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_message_that_comes_out_of_order_belongs_to_the_open_lead(state: str, earlier: timedelta) -> None:
    assert decide(Slot(7, state, None, NOW), NOW - earlier, LIMITS) == Verdict("attach", 7)
