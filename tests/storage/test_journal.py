"""The journal over both databases: verbatim, once, claimed by one, decided by who has it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.message import Accepted, Envelope, digest
from kernel.clock import micros
from storage.cursors import Cursor, Stale
from storage.dialects import StoreClock
from storage.journal import ATTEMPTS, REPEAT_WINDOW, Journal, Result
from storage.schema import bodies, contacts, interactions, journal, keys, leads, ledger
from storage.store import Conflict, Store
from tests.ingest.parts import DAY, GONE, NOW, Parts, company, envelope, read, wire

PHONE = {"phones": ["8 912 345-67-89"]}


@pytest.fixture
def parts(store: Store) -> Parts:
    return wire(store, company())


def figures(parts: Parts) -> dict[str, int]:
    (item,) = parts.account()
    assert item["agrees"]
    return {name: number for name, number in item.items() if isinstance(number, int) and number and name != "agrees"}


# --- once ---


def test_the_same_identity_is_one_row_and_the_repeat_is_told_the_first_ones_id(parts: Parts) -> None:
    (first,) = parts.append(envelope(PHONE, identity="a"))
    (again,) = parts.append(envelope(PHONE, identity="a"))
    assert (first.duplicate, again.duplicate, again.conflict) == (False, True, False)
    assert again.id == first.id
    assert figures(parts) == {"received": 1, "duplicates": 1, "pending": 1}
    assert parts.count(bodies) == 1


def test_repeats_within_one_group_are_duplicates_of_the_one_that_came_first(parts: Parts) -> None:
    accepted = parts.append(*(envelope(PHONE, identity=name) for name in "abab"))
    assert [a.duplicate for a in accepted] == [False, False, True, True]
    assert [a.id for a in accepted[2:]] == [a.id for a in accepted[:2]]
    assert figures(parts) == {"received": 2, "duplicates": 2, "pending": 2}


def test_another_body_under_a_known_identity_is_a_conflict_and_changes_nothing(parts: Parts) -> None:
    first, *_ = parts.append(envelope(b"one", identity="a"), envelope(b"other", identity="b"))
    in_group = parts.append(
        envelope(b"two", identity="a"), envelope(b"three", identity="c"), envelope(b"four", identity="c")
    )
    assert [(a.duplicate, a.conflict) for a in in_group] == [(True, True), (False, False), (True, True)]
    assert in_group[0].id == first.id
    assert {c.envelope.body for c in parts.claim()} == {b"one", b"other", b"three"}


def test_the_same_identity_on_another_channel_is_another_delivery(store: Store) -> None:
    both = {name: {"kind": "webform", "source": None, "team": None} for name in ("site", "shop")}
    parts = wire(store, company(channels=both))
    accepted = parts.append(envelope(PHONE, identity="a"), envelope(PHONE, identity="a", channel="shop"))
    assert [a.duplicate for a in accepted] == [False, False]
    assert {item["channel"] for item in parts.account()} == {"site", "shop"}


def test_an_empty_group_is_accepted_and_counts_nothing(parts: Parts) -> None:
    assert parts.append() == []
    assert parts.account() == []


def test_the_provider_id_itself_is_not_stored(parts: Parts) -> None:
    parts.append(envelope(b"x", identity="anna@example.com"))
    assert "anna" not in str(parts.rows(journal))


async def test_many_groups_at_once_with_the_same_envelopes_make_each_row_once(store: Store) -> None:
    parts = wire(store, company())
    dated = [(envelope(PHONE, identity=f"i{n}"), DAY) for n in range(30)]
    orders = [dated, dated[::-1], dated[10:] + dated[:10], dated[::3] + dated[1::3] + dated[2::3]]

    def group(order: list[tuple[Envelope, str]]) -> Callable[[sa.Connection], list[Accepted]]:
        return lambda db: parts.journal.append(db, order)

    groups = await asyncio.gather(*(store.run(group(order)) for order in orders * 3))
    assert sum(not a.duplicate for group in groups for a in group) == 30
    assert len({a.id for group in groups for a in group}) == 30
    assert figures(parts) == {"received": 30, "duplicates": 330, "pending": 30}


# --- verbatim ---

NASTY = [
    b"",
    b"plain",
    "кириллица \U0001f600 \u2028 \ufeff".encode(),
    b"\0",
    b"a\0b",
    b"\xff\xfe\x80",
    b"\xed\xa0\x80",  # a lone surrogate, which UTF-8 forbids
    b"\\u0000 \\ud800 \x7f \x1f",
    b'{"a": "\\u0000"}',
    bytes(range(256)),
]


def test_a_body_comes_back_byte_by_byte(parts: Parts) -> None:
    parts.append(*(envelope(body) for body in NASTY))
    assert [c.envelope.body for c in parts.claim()] == NASTY


def test_five_megabytes_come_back_byte_by_byte(parts: Parts) -> None:
    text, binary = "ы".encode() * 2_500_000, bytes(range(256)) * 20_000
    parts.append(envelope(text), envelope(binary))
    assert [c.envelope.body for c in parts.claim()] == [text, binary]


def test_headers_that_a_database_refuses_lose_only_what_it_refuses(parts: Parts) -> None:
    meta = {"nul\0": "a\0b", "lone": "\ud800x", "long": "z" * 100_000, "": "", "кл": "\u2028\x01'\"\\"}
    parts.append(Envelope("site", "a", b"x", NOW, meta, b""))
    (claimed,) = parts.claim()
    kept = {"nul": "ab", "lone": "\ufffdx", "long": "z" * 100_000, "": "", "кл": "\u2028\x01'\"\\"}
    assert claimed.envelope.meta == kept


def test_any_text_is_an_identity(parts: Parts) -> None:
    names = ["", "a\0b", "ab", "\ud800", "\udcff", "x" * 10_000, "ключ"]
    odd = [Envelope("site", name, b"x", NOW, {}, b"") for name in names]
    assert [a.duplicate for a in parts.append(*odd, *odd)] == [False] * len(names) + [True] * len(names)
    assert {c.envelope.naming for c in parts.claim()} == {"provider"}


def test_the_facts_of_an_envelope_come_back(parts: Parts) -> None:
    occurred = NOW - timedelta(days=3, microseconds=1)
    sent = Envelope("site", None, b"x", NOW + timedelta(microseconds=7), {"a": "b"}, digest(b"x"), occurred, 2)
    (accepted,) = parts.append(sent)
    (claimed,) = parts.claim()
    assert claimed.envelope == sent
    assert (claimed.uid, claimed.attempts, claimed.as_client) == (accepted.id, 1, False)


@given(
    st.lists(
        st.tuples(st.binary(max_size=40), st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2)),
        max_size=6,
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_delivered_comes_back(parts: Parts, delivered: list[tuple[bytes, dict[str, str]]]) -> None:
    sent = [Envelope("site", None, body, NOW, meta, digest(body)) for body, meta in delivered]
    accepted = parts.append(*sent)
    kept: dict[str, bytes] = {}
    while claimed := parts.claim():
        kept |= {c.uid: c.envelope.body for c in claimed}
        parts.decide([Result(c.entry, "handled") for c in claimed])
    assert [kept[a.id] for a in accepted] == [body for body, _ in delivered]


# --- repeats of what the provider does not name ---


def outcomes_at(parts: Parts, *minutes: float, batch: int = 100, body: bytes = b'{"text": "hi"}') -> list[str]:
    """The reasons of derived deliveries of one body at these minutes, all there before the first is settled."""
    parts.append(*(envelope(body, NOW + timedelta(minutes=m), identity=None) for m in minutes))
    parts.drain(NOW, batch)
    return [reason or outcome for outcome, reason in parts.outcomes()]


def test_the_same_body_within_ten_minutes_is_a_repeat_and_stays_listed(parts: Parts) -> None:
    assert outcomes_at(parts, 0, 10) == ["created", "repeat"]
    assert figures(parts) == {"received": 2, "created": 1, "ignored": 1}
    assert parts.count(bodies) == 2


def test_the_same_body_after_ten_minutes_is_another_approach(parts: Parts) -> None:
    beyond = (REPEAT_WINDOW + timedelta(microseconds=1)) / timedelta(minutes=1)
    assert outcomes_at(parts, 0, beyond) == ["created", "created"]


def test_another_body_or_another_channel_is_no_repeat(store: Store) -> None:
    both = {name: {"kind": "webform", "source": None, "team": None} for name in ("site", "shop")}
    parts = wire(store, company(channels=both))
    parts.append(
        envelope(b'{"text": "a"}', identity=None),
        envelope(b'{"text": "b"}', identity=None),
        envelope(b'{"text": "a"}', identity=None, channel="shop"),
        envelope(b'{"text": "a"}', identity="named"),
    )
    parts.drain()
    assert [outcome for outcome, _ in parts.outcomes()] == ["created"] * 4


def test_two_of_one_instant_are_a_delivery_and_its_repeat(parts: Parts) -> None:
    assert outcomes_at(parts, 0, 0) == ["created", "repeat"]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_a_repeat_is_measured_from_what_was_no_repeat_itself_whatever_the_batch(parts: Parts, batch: int) -> None:
    reasons = outcomes_at(parts, 0, 6, 12, 18, 24, batch=batch)
    assert reasons == ["created", "repeat", "created", "repeat", "created"]


def test_a_repeat_that_a_person_overrules_is_taken(parts: Parts) -> None:
    outcomes_at(parts, 0, 1)
    repeat = parts.rows(journal)[1]["uid"]
    assert parts.store.transact(lambda db: parts.journal.reopen(db, [repeat], as_client=True)) == [repeat]
    assert [r.outcome for r in parts.drain()] == ["created"]
    assert parts.balanced()


# --- cursors ---


def cursor(position: int, *, era: str = "1", epoch: int = 0) -> Cursor:
    return Cursor("site", "INBOX", era, position, epoch)


def test_a_cursor_moves_with_its_envelopes_and_only_forward(parts: Parts) -> None:
    assert parts.store.peek(lambda db: parts.journal.cursor(db, "site", "INBOX")) is None
    parts.append(envelope(PHONE), cursor=cursor(5))
    parts.append(envelope(PHONE), cursor=cursor(5))
    parts.append(envelope(PHONE), cursor=cursor(9))
    with pytest.raises(Stale):
        parts.append(envelope(PHONE), cursor=cursor(8))
    assert parts.store.peek(lambda db: parts.journal.cursor(db, "site", "INBOX")) == cursor(9)
    assert parts.count(journal) == 3
    assert figures(parts)["received"] == 3


def test_another_era_is_not_entered_by_moving(parts: Parts) -> None:
    parts.append(envelope(PHONE), cursor=cursor(5))
    with pytest.raises(Stale):
        parts.append(envelope(PHONE), cursor=cursor(9, era="2"))
    assert parts.count(journal) == 1


def test_a_new_era_is_opened_and_may_start_lower(parts: Parts) -> None:
    parts.append(envelope(PHONE), cursor=cursor(5))
    parts.store.transact(lambda db: parts.journal.open_era(db, cursor(0, era="2")))
    parts.append(envelope(PHONE), cursor=cursor(1, era="2"))
    assert parts.store.peek(lambda db: parts.journal.cursor(db, "site", "INBOX")) == cursor(1, era="2")
    with pytest.raises(Stale):
        parts.append(envelope(PHONE), cursor=cursor(9, era="1"))


def test_an_era_opens_a_cursor_that_was_not_there(parts: Parts) -> None:
    parts.store.transact(lambda db: parts.journal.open_era(db, cursor(3, era="2")))
    assert parts.store.peek(lambda db: parts.journal.cursor(db, "site", "INBOX")) == cursor(3, era="2")


# --- claims ---


def test_claims_go_by_receipt_and_count_the_attempt(parts: Parts) -> None:
    parts.append(*(envelope({"text": str(n)}, NOW + timedelta(seconds=5 - n)) for n in range(5)))
    claimed = parts.claim(3)
    assert [c.envelope.received_at for c in claimed] == [NOW + timedelta(seconds=n) for n in (1, 2, 3)]
    assert {c.attempts for c in claimed} == {1}
    assert len(parts.claim(3, "other")) == 2
    assert parts.claim(3, "third") == []


def test_what_was_tried_before_comes_alone_so_that_it_costs_its_neighbours_nothing(parts: Parts) -> None:
    parts.append(*(envelope(PHONE, NOW + timedelta(seconds=n)) for n in range(4)))
    parts.claim(2, "died", GONE)
    parts.append(*(envelope(PHONE, NOW + timedelta(seconds=n)) for n in range(4, 6)))
    taken = [[c.attempts for c in parts.claim(100, f"w{n}")] for n in range(4)]
    assert taken == [[2], [2], [1, 1, 1, 1], []]


def test_an_attempt_after_the_last_is_still_claimed_so_that_it_can_be_failed(parts: Parts) -> None:
    parts.append(envelope(PHONE))
    attempts = [parts.claim(1, f"w{n}", GONE)[0].attempts for n in range(ATTEMPTS + 1)]
    assert attempts == [1, 2, 3, 4]


def test_a_claim_ends_by_the_stores_clock(parts: Parts) -> None:
    parts.append(envelope(PHONE))
    parts.claim(1, "first", timedelta(hours=1))
    assert parts.claim(1, "second") == []
    asked = sa.select(journal.c.claimed_until - StoreClock())
    left = parts.store.transact(lambda db: db.execute(asked).scalar_one())
    assert 3_590_000_000 < left <= 3_600_000_000
    past = sa.update(journal).values(claimed_until=StoreClock() - 1_000)
    parts.store.transact(lambda db: db.execute(past))
    assert [c.attempts for c in parts.claim(1, "second")] == [2]


def test_released_claims_are_free_at_once_and_the_attempt_stays_or_goes_as_said(parts: Parts) -> None:
    parts.append(envelope(PHONE), envelope(PHONE), envelope(PHONE))
    parts.claim(1, "one")
    parts.claim(1, "two")
    parts.claim(1, "three")
    parts.store.transact(lambda db: parts.journal.release(db, "one"))
    parts.store.transact(lambda db: parts.journal.release(db, "two", uncount=True))
    assert [row["attempts"] for row in parts.rows(journal)] == [1, 0, 1]
    assert [row["claim"] for row in parts.rows(journal)] == [None, None, "three"]
    parts.store.transact(lambda db: Journal.release(db, None))
    assert [row["claim"] for row in parts.rows(journal)] == [None, None, None]


def test_held_are_only_those_that_are_pending_and_ours(parts: Parts) -> None:
    parts.append(*(envelope(PHONE) for _ in range(3)))
    mine, others = parts.claim(2, "mine"), parts.claim(1, "other")
    parts.decide([Result(mine[0].entry, "handled")], "mine")
    asked = [c.entry for c in (*mine, *others)] + [10**9]
    assert parts.store.peek(lambda db: parts.journal.held(db, "mine", asked)) == {mine[1].entry}


# --- decisions ---


def test_what_a_worker_decided_too_late_is_not_kept(parts: Parts) -> None:
    parts.append(envelope(PHONE), envelope({"phones": ["8 912 345-67-80"]}))
    slow = parts.claim(2, "slow", GONE)
    fast = [*parts.claim(2, "fast"), *parts.claim(2, "fast")]
    assert [c.entry for c in fast] == [c.entry for c in slow]
    before = parts.everything()
    readings = [read(one) for one in slow]
    with pytest.raises(Conflict):
        parts.store.transact(lambda db: parts.settler.write(db, readings, NOW, "slow"))
    assert parts.everything() == before
    assert parts.settle(slow, token="slow") == []
    assert [r.outcome for r in parts.settle(fast, token="fast")] == ["created", "created"]
    with pytest.raises(Conflict):
        parts.store.transact(lambda db: parts.settler.write(db, readings, NOW, "fast"))
    assert [parts.count(table) for table in (contacts, keys, leads, interactions)] == [2, 2, 2, 2]
    assert parts.balanced()


def test_one_entry_that_somebody_took_over_keeps_the_whole_batch_from_being_written(parts: Parts) -> None:
    parts.append(envelope(PHONE), envelope({"phones": ["8 912 345-67-80"]}))
    mine = parts.claim(2, "mine")
    parts.store.transact(
        lambda db: db.execute(sa.update(journal).where(journal.c.id == mine[1].entry).values(claim="other"))
    )
    with pytest.raises(Conflict):
        parts.store.transact(
            lambda db: parts.journal.decide(db, [Result(c.entry, "handled") for c in mine], NOW, "mine")
        )
    assert figures(parts) == {"received": 2, "pending": 2}


def test_an_outcome_is_counted_under_the_day_of_receipt_not_of_the_decision(parts: Parts) -> None:
    parts.append(envelope(PHONE))
    parts.drain(NOW + timedelta(days=3))
    assert [(item["day"], item["created"]) for item in parts.account()] == [(DAY, 1)]
    assert parts.rows(journal)[0]["decided_at"] == micros(NOW + timedelta(days=3))


def test_nothing_to_decide_writes_nothing(parts: Parts) -> None:
    parts.store.transact(lambda db: parts.journal.decide(db, [], NOW, "worker"))
    assert parts.count(ledger) == 0


# --- replay ---


def test_a_replay_keeps_received_and_the_balance_and_runs_only_what_had_no_effect(parts: Parts) -> None:
    parts.append(
        envelope(b"boom"),
        envelope({"ignored": "honeypot", **PHONE}),
        envelope({"text": "x"}),
        envelope({"signal": "presence"}),
    )
    parts.drain()
    assert figures(parts) == {"received": 4, "failed": 1, "ignored": 1, "created": 1, "handled": 1}
    uids = [row["uid"] for row in parts.rows(journal)]
    again = parts.store.transact(lambda db: parts.journal.reopen(db, uids, as_client=True))
    assert again == uids[:2]
    assert figures(parts) == {"received": 4, "pending": 2, "created": 1, "handled": 1}
    claimed = parts.claim()
    assert {(c.attempts, c.as_client) for c in claimed} == {(1, True)}
    parts.settle(claimed)
    assert figures(parts) == {"received": 4, "failed": 1, "created": 2, "handled": 1}
    assert parts.balanced()


def test_a_replay_without_overruling_ignores_again(parts: Parts) -> None:
    parts.append(envelope({"ignored": "honeypot", **PHONE}))
    parts.drain()
    uid = parts.rows(journal)[0]["uid"]
    parts.store.transact(lambda db: parts.journal.reopen(db, [uid], as_client=False))
    assert [(r.outcome, r.reason) for r in parts.drain()] == [("ignored", "honeypot")]


def test_what_is_looked_at_for_a_dry_run_is_not_claimed(parts: Parts) -> None:
    (accepted,) = parts.append(envelope(PHONE))
    (stored,) = parts.store.peek(lambda db: parts.journal.stored(db, [accepted.id]))
    assert (stored.uid, stored.attempts) == (accepted.id, 0)
    assert parts.rows(journal)[0]["claim"] is None
