"""What the links in mails lead to, over both databases: only whoever is still with the company sees or does anything by them."""

from pathlib import Path

import pytest

from desk.ports import Refused
from ingest.config.current import Current
from ingest.notices.links import Linked, Links
from ingest.notices.people import People
from ingest.reactions.linking import StoreLinks
from storage.store import Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.parts import NOW, at_clock, company, manager, team, wire
from tests.ingest.test_presses import bot_of, data


async def test_who_has_left_sees_and_does_nothing_by_the_links_that_he_still_has(store: Store, tmp_path: Path) -> None:
    bot = bot_of(wire(store, company()))
    bot.parts.set_available("boris", available=False)
    lead = bot.lead()
    current, links = Current(configured(tmp_path, SMALL)), Links(b"secret")
    pages = StoreLinks(
        store, bot.parts.names, bot.presses, People(current), links, at_clock(NOW), on_change=lambda: None
    )
    made = (data("accept", lead), data("view", lead, "reasons"), data("convert", lead))
    tokens = [links.token(Linked("anna", said), NOW) for said in made]
    assert (await pages.press(tokens[0]))["told"] == "Лид ваш."
    taken = bot.parts.lead(lead["id"])

    left = "channels: {site: {kind: webform}}\nmanagers: {boris: {name: Борис}}\nteams: {sales: {managers: [boris]}}\n"
    current.config = configured(tmp_path, left)
    bot.parts.apply(company(managers={"boris": manager()}, teams={"sales": team("boris")}))
    for follow in (pages.linked, pages.press):
        for token in tokens:
            with pytest.raises(Refused) as refused:
                await follow(token)
            assert refused.value.status == 404
    assert bot.parts.lead(lead["id"]) == taken
