"""One call from its events: in any order, repeated, and with some of them lost."""

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.message import Call, Inbound, Request
from channels.telephony import Adapter
from tests.channels.exchanges import adapter, mango_event, mango_post, megafon_post, zadarma_post

START = 1788253140
IVR_CALLED = {"number": "74951234567", "line_number": "74951234567"}


def mango(state: str, leg: str, seq: int, after: int, line: str = "101", **more: object) -> Request:
    called = {"extension": line, "line_number": "74951234567"}
    event = mango_event(state, leg=leg, seq=seq, timestamp=START + after, called=called)
    return mango_post({**event, **more})


def menu(state: str, seq: int, after: int) -> Request:
    return mango_post(
        mango_event(state, leg="menu", seq=seq, timestamp=START + after, location="ivr", called=IVR_CALLED)
    )


def summary(result: int, line: str = "101") -> Request:
    said = {"entry_id": "entry", "call_direction": 1, "from": {"number": "79161234567"}, "to": {"extension": line},
            "line_number": "74951234567", "create_time": START, "talk_time": START + 20 if result else 0,
            "end_time": START + 50, "entry_result": result}  # fmt: skip
    return mango_post(said, "events/summary")


GROUP = [
    menu("Appeared", 1, 0),
    menu("Disconnected", 2, 5),
    mango("Appeared", "one", 1, 6),
    mango("Appeared", "two", 1, 6, "102"),
    mango("Disconnected", "one", 2, 20),
    mango("Connected", "two", 2, 20, "102"),
    mango("Disconnected", "two", 3, 50, "102"),
    summary(1, "200"),
]
MISSED = [
    menu("Appeared", 1, 0),
    menu("Disconnected", 2, 5),
    mango("Appeared", "one", 1, 6),
    mango("Disconnected", "one", 2, 30),
    summary(0),
]
MEGAFON = [
    megafon_post("event", type="INCOMING"),
    megafon_post("event", type="INCOMING", ext="102"),
    megafon_post("event", type="ACCEPTED", ext="102"),
    megafon_post("event", type="CANCELLED"),
    megafon_post("event", type="COMPLETED", ext="102"),
    megafon_post("history", type="in", status="Success", ext="102", duration="30", start="20260901T085900Z"),
]
COMMON = {"pbx_call_id": "in_1", "call_start": "2026-09-01 12:00:00", "caller_id": "79161234567"}
ZADARMA = [
    zadarma_post("NOTIFY_START", called_did="74951234567", **COMMON),
    zadarma_post("NOTIFY_INTERNAL", called_did="74951234567", internal="101", **COMMON),
    zadarma_post("NOTIFY_INTERNAL", called_did="74951234567", internal="102", **COMMON),
    zadarma_post("NOTIFY_ANSWER", destination="102", internal="102", **COMMON),
    zadarma_post(
        "NOTIFY_END", called_did="74951234567", internal="102", duration="30", disposition="answered", is_recorded="1",
        call_id_with_rec="r1", **COMMON
    ),
]  # fmt: skip
OUTGOING = [
    megafon_post("event", type="OUTGOING"),
    megafon_post("event", type="ACCEPTED"),
    megafon_post("event", type="COMPLETED"),
    megafon_post("history", type="out", status="Success", duration="12"),
]
CALLS = {
    "group": ("mango", GROUP, "in", Call("answered", True, "102", 30)),
    "missed": ("mango", MISSED, "in", Call("missed", True, "101")),
    "megafon": ("megafon", MEGAFON, "in", Call("answered", True, "102", 30)),
    "zadarma": ("zadarma", ZADARMA, "in", Call("answered", True, "102", 30, "r1")),
    "outgoing": ("megafon", OUTGOING, "out", Call("answered", True, "101", 12)),
}


def read(dialect: str, requests: Sequence[Request]) -> tuple[Adapter, list[Inbound]]:
    channel = adapter(dialect)
    parts = [channel.parse(envelope) for request in requests for envelope in channel.receive(request)]
    assert all(isinstance(part, Inbound) for part in parts)
    return channel, [part for part in parts if isinstance(part, Inbound)]


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_events_in_any_order_however_often_make_one_call(name: str, chance: random.Random) -> None:
    dialect, requests, direction, how = CALLS[name]
    channel, parts = read(dialect, requests)
    shuffled = [*parts, *chance.choices(parts, k=chance.randrange(4))]
    chance.shuffle(shuffled)
    folded = channel.fold(shuffled)
    assert folded == channel.fold(parts)
    assert (folded.direction, folded.call) == (direction, how)
    assert (folded.phones, folded.to) == (("+79161234567",), "+74951234567")


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_events_that_are_lost_leave_a_call_that_no_order_changes(name: str, chance: random.Random) -> None:
    dialect, requests, _, _ = CALLS[name]
    channel, parts = read(dialect, requests)
    kept = [part for part in parts if chance.random() < 0.6] or parts[:1]
    folded = channel.fold(kept)
    chance.shuffle(kept)
    assert channel.fold(kept) == folded
    assert folded.call is not None
    heard = [part.call for part in kept if part.call is not None]
    assert (folded.call.phase == "answered") == any(one.phase == "answered" for one in heard)
    assert folded.call.over >= any(one.over and one.leg is None for one in heard)
    assert folded.call.leg is None
    assert (folded.call.phase == "ringing") == (not folded.call.over and folded.call.phase != "answered")


def test_how_a_call_stands_after_each_event() -> None:
    channel, parts = read("mango", GROUP)
    stood = [channel.fold(parts[: count + 1]).call for count in range(len(parts))]
    assert [(one.phase, one.over, one.extension) for one in stood if one] == [
        ("ringing", False, None),
        ("ringing", False, None),
        ("ringing", False, "101"),
        ("ringing", False, "102"),
        ("ringing", False, "101"),
        ("answered", False, "102"),
        ("answered", True, "102"),
        ("answered", True, "102"),
    ]


def test_a_line_that_has_stopped_ringing_ends_no_call() -> None:
    channel, parts = read("mango", MISSED[:-1])
    assert channel.fold(parts).call == Call("ringing", False, "101")


def test_a_call_that_is_handed_on_goes_on_with_who_took_it() -> None:
    handed = [
        mango("Connected", "one", 2, 10),
        mango("Disconnected", "one", 3, 30),
        mango("Appeared", "two", 1, 31, "102"),
        mango("Connected", "two", 2, 35, "102"),
    ]
    channel, parts = read("mango", handed)
    assert channel.fold(parts[:3]).call == Call("answered", True, "101")
    assert channel.fold(parts).call == Call("answered", False, "102")


def test_a_call_began_with_its_first_event_whatever_was_heard_first() -> None:
    channel, parts = read("mango", GROUP)
    assert parts[0].at is not None
    assert channel.fold(parts[::-1]).at == parts[0].at
    assert channel.fold(parts[2:3]).at == parts[0].at + timedelta(seconds=6)
