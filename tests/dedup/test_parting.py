"""What goes where when one person becomes two again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dedup.parting import Concern, Opening, Parting, Said, part, roots

T0 = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
ANNA, BORIS = 1, 2


def concern(lead: int, person: int, state: str = "assigned", **more: Any) -> Concern:
    return Concern(lead, **{"team": "sales", "created_at": T0, **more}, state=state, person=person)


def said(interaction: int, lead: int, person: int, hours: int = 0) -> Said:
    return Said(interaction, lead, person, T0 + timedelta(hours=hours))


def test_whom_a_contact_is_a_part_of_follows_from_the_merges_that_stand() -> None:
    assert roots([1, 2, 3, 4], {1: 2, 2: 3}) == {1: 3, 2: 3, 3: 3, 4: 4}
    assert roots([1, 2, 3], {2: 3}) == {1: 1, 2: 3, 3: 3}


def test_everybody_keeps_what_he_said_on_his_own_lead() -> None:
    leads = [concern(10, ANNA, holds=True), concern(20, BORIS, holds=True)]
    assert part(leads, [said(1, 10, ANNA), said(2, 20, BORIS)]) == Parting((), (), {10: ANNA, 20: BORIS})


def test_what_was_said_on_anothers_lead_goes_to_the_one_that_comes_back() -> None:
    leads = [
        concern(10, ANNA, holds=True),
        concern(20, BORIS, returned=True, held=True),
        concern(21, BORIS, holds=True),
    ]
    assert part(leads, [said(1, 10, BORIS)]).moves == ((1, 20),)


def test_else_to_the_one_that_takes_messages_else_to_the_latest() -> None:
    leads = [concern(10, ANNA), concern(20, BORIS, holds=True), concern(21, BORIS)]
    assert part(leads, [said(1, 10, BORIS)]).moves == ((1, 20),)
    assert part([concern(10, ANNA), concern(20, BORIS), concern(21, BORIS)], [said(1, 10, BORIS)]).moves == ((1, 21),)


def test_a_lead_is_opened_for_who_has_none_in_that_team_and_takes_the_slot() -> None:
    leads = [
        concern(10, ANNA, holds=True),
        concern(20, BORIS, "lost", holds=True, closed_at=T0),
        concern(30, BORIS, team="south"),
        concern(40, BORIS, "merged"),
    ]
    parted = part(leads, [said(2, 10, BORIS, 2), said(1, 10, BORIS, 1), said(3, 10, ANNA)])
    assert parted.moves == ()
    assert parted.openings == (Opening(BORIS, "sales", (1, 2), 10),)
    assert parted.slots == {10: ANNA}


def test_a_slot_goes_to_an_open_lead_before_a_closed_one_and_to_who_has_it_before_who_had_it() -> None:
    def holder(*leads: Concern) -> int:
        (found,) = part(leads, []).slots
        return found

    older = T0 - timedelta(hours=1)
    assert holder(concern(1, ANNA, "lost", holds=True), concern(2, ANNA, held=True)) == 2
    assert holder(concern(1, ANNA, "in_work", held=True), concern(2, ANNA, holds=True)) == 2
    assert holder(concern(1, ANNA, held=True), concern(2, ANNA, "in_work", held=True)) == 2
    assert holder(concern(1, ANNA, held=True), concern(2, ANNA, held=True, created_at=older)) == 2
    assert (
        holder(concern(1, ANNA, "lost", held=True, closed_at=older), concern(2, ANNA, "lost", held=True, closed_at=T0))
        == 2
    )
    assert holder(concern(1, ANNA, "lost", held=True, created_at=older), concern(2, ANNA, "lost", held=True)) == 2
    assert part([concern(1, ANNA), concern(2, ANNA, "merged")], []).slots == {}
