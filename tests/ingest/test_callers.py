"""Who is calling: the name and the line that an exchange is told, from what the store says, in time or not at all."""

import pytest

from channels.message import Caller, Question
from ingest.intake.callers import Callers
from storage.schema import turns
from storage.store import Store
from tests.ingest.calling import CLIENT, Switchboard, telephones
from tests.ingest.parts import NOW, at_clock, manager, team

ASKED = Question(f"+{CLIENT}", "+74951234567")


def callers(board: Switchboard, within: float = 60.0) -> Callers:
    parts = board.parts
    return Callers(parts.store, parts.names, parts.rulebooks, at_clock(NOW), within)


@pytest.fixture
def board(store: Store) -> Switchboard:
    sticky = {"wait": "10m"}
    return Switchboard(store, telephones(teams={"sales": team("anna", "boris", sticky=sticky, accept_within="3m")}))


async def test_a_stranger_is_put_through_to_whose_turn_it_is_and_takes_none(board: Switchboard) -> None:
    for _ in range(2):
        assert await callers(board).find("pbx", ASKED) == Caller(None, "101")
    assert board.parts.count(turns) == 0
    assert board.parts.leads() == []
    board.write({"phones": ["79120000001"]})
    assert await callers(board).find("pbx", ASKED) == Caller(None, "102")


async def test_a_client_is_called_by_his_name_and_put_through_to_his_own_manager(board: Switchboard) -> None:
    board.write({"phones": [CLIENT], "name": "Николай"})
    assert board.only() == ("assigned", None, "anna")
    assert await callers(board).find("pbx", ASKED) == Caller("Николай", "101")
    board.event("Connected", "c9", client="79120000009")
    assert board.on_call() == {"anna"}
    assert await callers(board).find("pbx", ASKED) == Caller("Николай", "102")


async def test_where_nobody_is_free_only_the_name_is_told(board: Switchboard) -> None:
    board.write({"phones": [CLIENT], "name": "Николай"})
    for name in ("anna", "boris"):
        board.parts.set_available(name, available=False)
    assert await callers(board).find("pbx", ASKED) == Caller("Николай", None)


async def test_a_manager_without_a_line_is_not_rung(store: Store) -> None:
    board = Switchboard(store, telephones(managers={"anna": manager()}, teams={"sales": team("anna")}))
    assert await callers(board).find("pbx", ASKED) == Caller()


@pytest.mark.parametrize("phone", [None, "+79161110001"])
async def test_a_hidden_number_is_anybodys_and_a_colleague_is_nobodys(board: Switchboard, phone: str | None) -> None:
    expected = Caller(None, "101") if phone is None else Caller()
    assert await callers(board).find("pbx", Question(phone)) == expected


async def test_what_takes_too_long_is_answered_empty(board: Switchboard) -> None:
    assert await callers(board, within=0.0).find("pbx", ASKED) == Caller()
