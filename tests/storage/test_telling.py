"""Which notices about one lead to one person become one message, and which never do."""

import itertools
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from storage.names import Names
from storage.rotation import Notice, tell
from storage.schema import managers, outbox
from storage.store import Store

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OFFER = Notice("lead_offered", 1, "anna", 7, {"by": "turn", "answer_by": "2026-01-05T09:03:00Z"})
TAKEN = Notice("taken_by", 1, "anna", 7, {"manager": "boris"})


def told(store: Store, *notices: Notice, at_once: bool = False) -> list[tuple[str, int | None]]:
    """(code, offer) of what is to be sent when these came one after the other, or in one transaction, and none was sent yet."""

    def unit(db: sa.Connection) -> list[tuple[str, int | None]]:
        db.execute(sa.insert(managers).values(id=1, name="anna"))
        ids = itertools.count(1)
        for some in [notices] if at_once else [[one] for one in notices]:
            tell(db, Names(), some, ids, NOW)
        rows = db.execute(sa.select(outbox.c.code, outbox.c.offer_id).order_by(outbox.c.id))
        return [(code, offer) for code, offer in rows]

    return store.transact(unit)


def plain(*codes: str) -> list[Notice]:
    return [Notice(code, 1, "anna") for code in codes]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("came", "said"),
    [
        (("lead_assigned", "wrote_again"), ["lead_assigned"]),
        (("wrote_again", "lead_assigned"), ["lead_assigned"]),
        (("wrote_again", "missed_call", "wrote_again"), ["missed_call"]),
        (("lead_assigned", "missed_call"), ["lead_assigned"]),
        (("lead_assigned", "two_accepted"), ["lead_assigned", "two_accepted"]),
        (("lead_assigned", "lead_took_in", "wrote_again"), ["lead_assigned", "lead_took_in"]),
        (("wrote_again", "client_called", "client_called"), ["wrote_again", "client_called"]),
    ],
)
def test_a_notice_joins_another_only_where_its_message_says_as_much(
    store: Store, came: tuple[str, ...], said: list[str], at_once: bool
) -> None:
    assert [code for code, _ in told(store, *plain(*came), at_once=at_once)] == said


def test_a_lead_that_is_given_for_good_is_no_offer_any_more(store: Store) -> None:
    assert told(store, OFFER, *plain("lead_assigned")) == [("lead_assigned", None)]


def test_an_offer_stays_one_when_the_client_writes_again(store: Store) -> None:
    assert told(store, OFFER, *plain("wrote_again")) == [("lead_offered", 7)]


def test_how_the_lead_stands_now_is_said_last(store: Store) -> None:
    assert told(store, *plain("wrote_again"), OFFER, TAKEN) == [("taken_by", 7)]


def test_what_is_over_gives_way_to_whatever_comes(store: Store) -> None:
    assert told(store, TAKEN, *plain("wrote_again")) == [("wrote_again", None)]
