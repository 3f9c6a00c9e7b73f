"""What leaves the outbox: by which route, as how many messages, in whose language, and when."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.assembly import Parts, assemble
from ingest.notices.route import Delivery, Message
from storage import overdue
from storage.schema import offers, outbox
from storage.store import Away, Store
from tests.daemon.process import until
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, wire

CONFIG = """\
channels: {site: {kind: webform}}
managers: {anna: {name: Анна}, boris: {name: Boris, language: en, hours: "Mon-Fri 00:00-24:00", timezone: Asia/Tokyo}}
teams: {sales: {managers: [anna, boris]}}
"""
NIGHT = NOW.replace(hour=20)  # eleven in the evening in Moscow, five in the morning in Tokyo


class Kept:
    """A route that keeps what it is given, or refuses it as it is told."""

    edits = False
    links = False

    def __init__(self, name: str, people: Sequence[str] = ("anna", "boris")) -> None:
        self.name = name
        self.people = people
        self.messages: list[Message] = []
        self.answer = Delivery(sent=True)

    def learn(self, db: sa.Connection) -> None:
        """Nothing to learn."""

    def address(self, manager: str) -> str | None:
        return f"{manager}@{self.name}" if manager in self.people else None

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        if self.answer.sent:
            self.messages += messages
        return [self.answer for _ in messages]

    def told(self, person: str) -> list[str]:
        return [m.subject for m in self.messages if m.to == person]


class Office:
    """A process over a store, its outbox and the routes that it sends by."""

    def __init__(self, parts: Parts, *routes: Kept) -> None:
        self.parts = parts
        self.routes = routes
        parts.working.sender.change(routes)

    def post(self, count: int, start: int = 0) -> None:
        people = [{"phones": [f"8 912 345-{n:04}"], "name": f"Клиент {n}"} for n in range(start, start + count)]
        wire(self.parts.core.store).take(*people, at=self.parts.core.clock.now())

    def leads_of(self, name: str) -> list[str]:
        """The ids of somebody's leads."""
        return [row["uid"] for row in wire(self.parts.core.store).leads() if row["owner"] == name]

    async def send(self) -> None:
        """All that is due now, however many bursts and routes that takes."""
        while await self.parts.working.sender._burst():
            pass

    def rows(self) -> list[Any]:
        return self.parts.core.store.peek(lambda db: list(db.execute(sa.select(outbox).order_by(outbox.c.id))))


async def opened(store: Store, folder: Path, *routes: Kept, text: str = CONFIG, at: datetime = NOW) -> Office:
    return Office(await assemble(configured(folder, text), store, at_clock(at)), *routes)


async def test_each_is_told_in_his_own_language(store: Store, tmp_path: Path) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail)
    office.post(2)
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0"]
    assert mail.told("boris") == ["New lead: Клиент 1"]


async def test_three_at_once_are_three_messages_and_four_are_one_with_a_list(store: Store, tmp_path: Path) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail)
    office.post(6)
    await office.send()
    assert len(mail.told("anna")) == len(mail.told("boris")) == 3
    office.post(8, start=6)
    await office.send()
    assert mail.told("anna")[3:] == ["Новое по лидам: 4"]
    listed = next(m.text for m in mail.messages if m.to == "boris" and "4" in m.subject)
    assert listed.splitlines()[::2] == [f"– New lead: Клиент {n}" for n in (7, 9, 11, 13)]
    assert {row.state for row in office.rows()} == {"sent"}


@pytest.mark.parametrize(("count", "said"), [(1, "with Anna"), (4, "Now with")])
async def test_a_lead_that_has_gone_to_another_while_its_notice_waited_is_told_as_it_stands(
    store: Store, tmp_path: Path, count: int, said: str
) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail, text=CONFIG.replace("Анна", "Anna"))
    office.post(2 * count)
    for lead in office.leads_of("boris"):
        await office.parts.serving.office.leads.act(lead, "assign", {"manager": "anna"}, "irina")
    await office.send()
    (told,) = [m for m in mail.messages if m.to == "boris"]
    assert said in f"{told.subject}\n{told.text}"
    assert "New lead" not in f"{told.subject}\n{told.text}"
    assert "+7" not in told.text


async def test_a_route_that_refuses_for_good_gives_way_to_the_next(store: Store, tmp_path: Path) -> None:
    bot, mail = Kept("bot"), Kept("mail")
    bot.answer = Delivery(sent=False, error="blocked by its reader", again=False)
    office = await opened(store, tmp_path, bot, mail)
    office.post(1)
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0"]
    assert [(row.state, row.route) for row in office.rows()] == [("sent", "mail")]


async def test_a_route_that_fails_again_and_again_gives_way_and_one_failure_does_not(
    store: Store, tmp_path: Path
) -> None:
    bot, mail = Kept("bot"), Kept("mail")
    bot.answer = Delivery(sent=False, error="away")
    office = await opened(store, tmp_path, bot, mail)
    office.post(1)
    for _ in range(2):
        await office.send()
        office.parts.core.clock.advance(timedelta(hours=1))
    assert mail.messages == []
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0"]


async def test_who_has_one_route_only_is_tried_there_until_it_is_a_dead_end_that_is_shown(
    store: Store, tmp_path: Path
) -> None:
    mail = Kept("mail")
    mail.answer = Delivery(sent=False, error="away")
    office = await opened(store, tmp_path, mail)
    office.post(1)
    for _ in range(12):
        await office.send()
        office.parts.core.clock.advance(timedelta(hours=6))
    (row,) = office.rows()
    assert (row.state, row.error) == ("dead", "away")
    assert (await office.parts.serving.office.running.notices())["items"][0]["state"] == "dead"


class Slow(Kept):
    """One that waits before it takes anything."""

    def __init__(self) -> None:
        super().__init__("mail")
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        self.begun.set()
        await self.goes_on.wait()
        return await super().send(messages)


async def test_what_a_slow_server_is_still_being_told_is_nobody_else_s_to_send(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.notices.sender.LEASE", timedelta(seconds=0.5))
    slow = Slow()
    office = await opened(store, tmp_path, slow)
    office.post(1)
    sending = asyncio.create_task(office.parts.working.sender._burst())
    await asyncio.wait_for(slow.begun.wait(), 20)
    (row,) = office.rows()

    async def held_longer() -> bool:
        return bool(office.rows()[0].claimed_until > row.claimed_until)

    await until(held_longer)
    slow.goes_on.set()
    assert await sending == 1
    assert [one.state for one in office.rows()] == ["sent"]


async def stopped(office: Office, slow: Slow, *, goes_on: bool) -> None:
    """Stop in the middle of a burst; with `goes_on` the server takes what it was told in that very moment."""
    sending = asyncio.create_task(office.parts.working.sender._burst())
    await asyncio.wait_for(slow.begun.wait(), 20)
    sending.cancel()
    if goes_on:
        slow.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_stop_gives_back_what_is_claimed_and_not_sent(store: Store, tmp_path: Path) -> None:
    slow = Slow()
    office = await opened(store, tmp_path, slow)
    office.post(2)
    await stopped(office, slow, goes_on=False)
    assert {(row.state, row.claim, row.claimed_until, row.attempts) for row in office.rows()} == {
        ("due", None, None, 0)
    }
    slow.goes_on.set()
    await office.send()
    assert {row.state for row in office.rows()} == {"sent"}


async def test_what_leaves_in_the_moment_of_a_stop_is_not_sent_again(store: Store, tmp_path: Path) -> None:
    slow = Slow()
    office = await opened(store, tmp_path, slow)
    office.post(1)
    await stopped(office, slow, goes_on=True)
    await office.send()
    assert len(slow.messages) == 1
    assert [row.state for row in office.rows()] == ["sent"]


async def test_what_was_sent_is_not_sent_again_because_the_store_was_away_at_its_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Last(Kept):
        async def send(self, messages: Sequence[Message]) -> list[Delivery]:
            monkeypatch.setattr(store, "run", away)
            return await super().send(messages)

    async def away(_unit: object) -> None:
        monkeypatch.undo()
        monkeypatch.setattr("ingest.notices.sender.STORE_AWAY", 0.0)
        raise Away("for a moment")

    mail = Last("mail")
    office = await opened(store, tmp_path, mail)
    monkeypatch.setattr("ingest.notices.sender.STORE_AWAY", 0.0)
    office.post(1)
    await office.send()
    assert len(mail.messages) == 1
    assert [row.state for row in office.rows()] == ["sent"]


async def test_a_route_says_how_long_to_wait(store: Store, tmp_path: Path) -> None:
    mail = Kept("mail")
    mail.answer = Delivery(sent=False, error="too many", again_in=300)
    office = await opened(store, tmp_path, mail)
    office.post(1)
    await office.send()
    office.parts.core.clock.advance(timedelta(seconds=200))
    mail.answer = Delivery(sent=True)
    await office.send()
    assert mail.messages == []
    office.parts.core.clock.advance(timedelta(seconds=120))
    await office.send()
    assert len(mail.messages) == 1


async def test_nobody_is_reached_by_no_route(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path, Kept("mail", people=()))
    office.post(1)
    await office.send()
    assert [row.state for row in office.rows()] == ["dead"]


async def test_quiet_hours_hold_back_but_spare_who_is_on_shift_and_cost_no_attempt(
    store: Store, tmp_path: Path
) -> None:
    mail = Kept("mail")
    text = CONFIG.replace("{name: Анна}", '{name: Анна, hours: "Mon-Fri 09:00-18:00"}')
    office = await opened(store, tmp_path, mail, text=text + 'notices: {quiet: "21:00-08:00"}\n')
    office.post(2)
    office.parts.core.clock.advance(NIGHT - NOW)
    await office.send()
    assert mail.told("anna") == []
    assert mail.told("boris") == ["New lead: Клиент 1"]
    (held,) = [row for row in office.rows() if row.state == "due"]
    assert held.attempts == 0
    office.parts.core.clock.advance(timedelta(hours=9, minutes=1))
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0"]


QUIET = """\
channels: {site: {kind: webform}}
directors: {irina: {name: Ирина}}
managers: {anna: {name: Анна, hours: "Mon-Fri 07:00-18:00"}}
teams: {sales: {managers: [anna]}}
notices: {quiet: "21:00-08:00"}
"""


async def test_what_the_quiet_hours_hold_back_about_one_lead_is_one_message_in_the_morning(
    store: Store, tmp_path: Path
) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail, text=QUIET)
    office.post(1)
    await office.send()
    office.parts.core.clock.advance(NIGHT - NOW)
    for _ in range(3):
        office.post(1)
        await office.send()
    office.parts.core.clock.advance(timedelta(hours=9, minutes=1))
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0", "Клиент написал снова: Клиент 0"]


async def test_the_escalations_of_a_night_are_one_message_in_the_morning(store: Store, tmp_path: Path) -> None:
    mail = Kept("mail", people=("irina",))
    office = await opened(store, tmp_path, mail, text=QUIET)
    office.post(3)
    office.parts.core.clock.advance(NIGHT - NOW)
    core = office.parts.core
    for lead in wire(store).leads():
        now = core.clock.now()
        store.transact(
            lambda db, lead=lead["id"], now=now: overdue.tell_of_many(  # type: ignore[misc] # bound defaults
                db, core.names, "escalation", "irina", [lead], store.ids.take(), now
            )
        )
        await office.send()
    core.clock.advance(timedelta(hours=9, minutes=1))
    await office.send()
    (message,) = mail.messages
    assert [f"Клиент {n}" in message.text for n in range(3)] == [True] * 3


async def test_the_quiet_hours_of_one_end_when_his_shift_begins(store: Store, tmp_path: Path) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail, text=QUIET)
    office.post(1)
    office.parts.core.clock.advance(NIGHT - NOW)
    await office.send()
    office.parts.core.clock.advance(timedelta(hours=8, minutes=1))
    await office.send()
    assert mail.told("anna") == ["Новый лид: Клиент 0"]


@pytest.mark.parametrize("route", ["mail", "bot"])
async def test_a_lead_that_was_rendered_into_a_list_is_told_once(store: Store, tmp_path: Path, route: str) -> None:
    kept = Kept(route)
    office = await opened(store, tmp_path, kept)
    office.post(12)
    await office.send()
    await office.send()
    assert len(kept.messages) == 2


OFFERING = """\
channels: {site: {kind: webform}}
managers: {anna: {name: Анна}, boris: {name: Борис}}
teams: {sales: {managers: [anna, boris], accept_within: 3m}}
"""


async def test_an_offer_that_no_route_delivers_goes_to_the_next_manager_and_is_no_refusal(
    store: Store, tmp_path: Path
) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail, text=OFFERING)
    office.post(1)
    mail.answer = Delivery(sent=False, error="no such mailbox", again=False)
    assert await office.parts.working.sender._burst()
    mail.answer = Delivery(sent=True)
    await office.send()
    assert mail.told("anna") == []
    assert len(mail.told("boris")) == 1
    states = store.peek(lambda db: dict(db.execute(sa.select(offers.c.manager_id, offers.c.state)).all()))
    assert sorted(states.values()) == ["open", "undelivered"]
    assert {row["silences"] for row in (await office.parts.serving.office.managers.all())["items"]} == {0}


async def test_an_offer_that_was_answered_meanwhile_stays_with_whoever_accepted_it(
    store: Store, tmp_path: Path
) -> None:
    mail = Kept("mail")
    office = await opened(store, tmp_path, mail, text=OFFERING)
    office.post(1)
    wanted = dict.fromkeys(("state", "owner", "team", "channel", "q"))
    (lead,) = (await office.parts.serving.office.leads.page(wanted, 9, None))["items"]
    await office.parts.serving.office.leads.act(lead["id"], "accept", {"manager": "anna"}, "anna")
    mail.answer = Delivery(sent=False, error="no such mailbox", again=False)
    await office.parts.working.sender._burst()
    assert (await office.parts.serving.office.leads.lead(lead["id"]))["owner"] == "anna"
