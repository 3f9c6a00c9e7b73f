"""In which order what several processes wrote is read: their ids come in blocks, and only a fresh block tells of the time."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa

from storage import decisions
from storage.decisions import Decision
from storage.schema import leads
from storage.store import BLOCK, Ids, Store

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_block_that_is_not_fresh_is_left_for_a_new_one_so_that_newer_ids_are_higher() -> None:
    ends = itertools.count(BLOCK, BLOCK)

    def next_block(_unit: Any) -> int:
        return next(ends)

    first, second = Ids(fresh=0), Ids(fresh=0)
    taken = []
    for ids in (first, second, first, second):
        ids.top_up(next_block)
        taken += [ids.take(), ids.take()]
    assert taken == sorted(set(taken))
    alone = Ids()
    for _ in range(2):
        alone.top_up(next_block)
        taken.append(alone.take())
    assert taken[-1] == taken[-2] + 1


def test_decisions_of_one_lead_by_two_processes_are_told_in_the_order_of_time(store: Store) -> None:
    later = Decision(1, NOW + timedelta(seconds=1), "assignment", {}, lead=7)
    earlier = [Decision(number, NOW, "match", {}, lead=7) for number in (BLOCK + 1, BLOCK + 2)]
    for made in (earlier, [later]):
        store.transact(lambda db, made=made: decisions.write(db, made))  # type: ignore[misc] # a bound default
    told = store.peek(lambda db: [one.id for one in decisions.of_lead(db, 7)])
    assert told == [BLOCK + 1, BLOCK + 2, 1]


def test_the_last_lead_past_a_manager_is_the_last_by_time_whichever_process_gave_it_away(store: Store) -> None:
    past = {"manager": "anna", "skipped": [["boris", "away"]]}
    needed = ("team_id", "channel_id", "opened_by", "created_at", "last_at", "place_at")

    def give(db: sa.Connection) -> None:
        for lead, number, at in ((7, 1, NOW + timedelta(seconds=1)), (8, BLOCK + 1, NOW)):
            db.execute(sa.insert(leads).values(id=lead, uid=str(uuid4()), state="assigned", **dict.fromkeys(needed, 1)))
            decisions.write(db, [Decision(number, at, "assignment", past, lead=lead)])

    store.transact(give)
    last = store.peek(lambda db: decisions.last_past(db, "boris"))
    assert last is not None
    assert last.lead == 7
