"""Features that meet: a reload while somebody is asked, a hand-over, leads that change teams, a merge while a telephone rings."""

from typing import Any

from storage.store import Store
from tests.ingest.offering import MINUTE, Desk, offering
from tests.ingest.parts import NOW, Parts, company, envelope, manager, team, wire
from tests.ingest.people import Clients, phone


def of_two_teams() -> dict[str, Any]:
    """What comes by the bot is for the south, by the site for sales."""
    return company(
        channels={
            "site": {"kind": "webform", "source": "Сайт", "team": None},
            "bot": {"kind": "webform", "source": "Бот", "team": "south"},
        },
        teams={"sales": team("anna"), "south": team("boris")},
    )


def write(parts: Parts, who: int, channel: str, at: Any = NOW) -> int:
    """An approach by a channel; the lead that it came to."""
    parts.append(envelope({"phones": [phone(who)]}, at, channel=channel))
    (result,) = parts.drain(at)
    assert result.lead is not None
    return result.lead


# ---- a reload


def test_a_manager_who_becomes_a_director_while_he_is_asked_holds_nobody_up(store: Store) -> None:
    desk = Desk(store, offering())
    (lead,) = desk.post()
    document = offering({name: manager() for name in ("boris", "vera")})
    desk.parts.apply(document | {"directors": {**document["directors"], "anna": {"name": "Анна"}}})
    (other,) = desk.post()
    assert desk.lead(other)[2] == "boris"
    desk.later(3 * MINUTE)
    assert desk.lead(lead)[2] == "vera"
    assert desk.parts.balanced()


def test_a_lead_whose_team_is_gone_from_the_file_can_be_opened_again(store: Store) -> None:
    desk = Desk(store, of_two_teams())
    lead = write(desk.parts, 1, "bot")
    desk.act(lead, "lose")
    desk.parts.apply(company())
    desk.act(lead, "reopen")
    assert desk.lead(lead)[0] == "unprocessed"
    desk.act(lead, "assign", team="sales")
    assert desk.lead(lead) == ("assigned", None, "anna")


def test_a_merge_is_undone_though_a_team_of_its_leads_is_gone_from_the_file(store: Store) -> None:
    clients = Clients(wire(store, of_two_teams()))
    write(clients.parts, 1, "site")
    write(clients.parts, 2, "bot")
    merge = clients.merge(1, 2)
    write(clients.parts, 1, "bot")
    clients.parts.apply(company())
    clients.parts.store.transact(lambda db: clients.parts.parting.undo(db, merge, "irina", NOW))
    opened = [row for row in clients.parts.leads() if row["contact_id"] == clients.number(1)]
    assert [(row["team"], row["state"], row["enquiry_of"]) for row in opened] == [
        ("sales", "assigned", clients.number(1)),
        ("sales", "assigned", None),
    ]
    clients.consistent()
