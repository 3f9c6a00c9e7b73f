"""The channel of what people take down by hand: nothing comes in from outside, and what the API wrote is read whole."""

from collections.abc import Sequence

import orjson
import pytest

from channels.adapter import Rejected
from channels.desk import Adapter, Config
from channels.message import Envelope, Inbound, Request, TakenDown, digest
from tests.channels.subjects import Subject
from tests.ingest.parts import NOW

DESK = Adapter("desk", Config(kind="desk"), secret=b"", language="ru")


def parsed(**said: object) -> Inbound:
    body = orjson.dumps(said)
    return DESK.parse(Envelope("desk", "x", body, NOW, {}, digest(body)))


def test_everything_that_was_said_and_decided_is_read() -> None:
    inbound = parsed(
        name="Анна", phones=["8 912 345-67-89"], emails=["a@example.com"], text="Цемент", city="Саратов", subject="Заказ",
        company="Ромашка", actor="irina", contact="c-1", new=False, team="sales", manager="anna", source="Выставка", channel="site",
    )  # fmt: skip
    assert inbound == Inbound(
        kind="note", name="Анна", phones=("8 912 345-67-89",), emails=("a@example.com",), text="Цемент", city="Саратов",
        subject="Заказ", company="Ромашка",
        taken_down=TakenDown("irina", "c-1", new=False, team="sales", manager="anna", source="Выставка", channel="site"),
    )  # fmt: skip


def test_what_is_left_out_is_nothing() -> None:
    assert parsed(actor="irina") == Inbound(kind="note", taken_down=TakenDown("irina"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_from_outside_it_is_as_if_there_were_no_such_channel(method: str) -> None:
    request = Request(method, "", {}, {}, b'{"actor": "irina"}', NOW)
    for ask in (lambda: DESK.receive(request), lambda: DESK.answer(request, [])):
        with pytest.raises(Rejected) as error:
            ask()
        assert (error.value.status, error.value.code) == (404, "no_such_channel")
    assert DESK.page(request) is None


def subjects() -> Sequence[Subject]:
    """What the API writes, for the contract that all kinds keep."""
    said = (
        {"actor": "irina"},
        {"name": "Анна", "phones": ["8 912 345-67-89"], "text": "Цемент", "actor": "api", "new": True},
    )
    bodies = [orjson.dumps(one) for one in said]
    return [
        Subject("desk", "desk", lambda: DESK, envelopes=[Envelope("desk", None, b, NOW, {}, digest(b)) for b in bodies])
    ]
