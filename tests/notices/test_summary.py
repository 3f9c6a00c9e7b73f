"""The morning's account of the day before: made once, for those who oversee, in their languages, as things stand then."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.assembly import Parts, assemble
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, wire
from tests.notices.test_sender import Kept

CONFIG = """\
channels: {site: {kind: webform}, landing: {kind: webform}}
directors: {irina: {name: Ирина}, oleg: {name: Oleg, language: en}}
managers: {anna: {name: Анна, capacity: 1}, boris: {name: Борис}}
teams: {sales: {managers: [anna], head: anna, respond_within: 30m}, south: {managers: [boris]}}
routing: [{when: {channel: [landing]}, team: south}, {team: sales}]
"""
PEOPLE = ("irina", "oleg", "anna", "boris")


class Office:
    """A process, and the mails that its people have."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.mail = Kept("mail", PEOPLE)
        parts.working.sender.change([self.mail])

    def post(self, *said: dict[str, Any]) -> None:
        wire(self.parts.core.store).take(*said, at=self.parts.core.clock.now())

    async def morning(self) -> None:
        """Tomorrow at nine by the company's clock, a minute past."""
        now = self.parts.core.clock.now()
        nine = (now + timedelta(days=1)).replace(hour=6, minute=1)
        self.parts.core.clock.advance(nine - now)
        await self.look()

    async def look(self) -> None:
        await self.parts.core.store.run(self.parts.working.summaries.make)
        while await self.parts.working.sender._burst():
            pass

    def told(self, person: str) -> list[str]:
        return [
            m.text for m in self.mail.messages if m.to == person and ("Итоги" in m.subject or "Summary" in m.subject)
        ]


async def opened(store: Store, folder: Path, text: str = CONFIG, at: datetime = NOW) -> Office:
    office = Office(await assemble(configured(folder, text), store, at_clock(at)))
    await office.look()
    return office


ANNA: Any = {"phones": ["8 912 345-67-81"], "name": "Вера"}
BORIS: Any = {"phones": ["8 912 345-67-82"], "name": "Глеб"}
SPAM: Any = {"ignored": "honeypot", "name": "спам"}


async def test_directors_and_heads_are_told_once_in_their_languages(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path)
    office.post(ANNA, BORIS, SPAM)
    await office.morning()
    await office.look()
    (russian,), (english,), (headed,) = (office.told(person) for person in ("irina", "oleg", "anna"))
    assert office.told("boris") == []
    assert "– site: 3 (новых лидов 2, не клиенты 1)" in russian
    assert "– site: 3 (new leads 2, not clients 1)" in english
    assert "– Анна: ждут ответа 1, в работе 0, просрочено 1" in russian
    assert "– sales: 1 (у тех, кто мог бы его взять, предел открытых лидов), дольше всех — 21 ч" in headed
    assert "1. Ждёт 21 ч: Глеб http://127.0.0.1:8080/leads/" in russian
    assert "2. Просрочен на 20 ч: Вера (Анна)" in russian


async def test_a_head_is_told_of_his_own_team_only(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path)
    office.post(ANNA)
    await office.morning()
    assert "south" not in office.told("anna")[0]
    assert "Никто не ждёт." in office.told("anna")[0]


async def test_a_day_on_which_nothing_came_is_told_too(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path)
    await office.morning()
    assert "За день ничего не поступило." in office.told("irina")[0]


async def test_a_new_store_tells_nothing_of_the_day_before_it_was_there(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path)
    await office.look()
    assert office.told("irina") == []


async def test_who_starts_late_tells_late_and_once_for_the_last_day(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path)
    office.post(ANNA)
    office.parts.core.clock.advance(timedelta(days=3))
    await office.look()
    assert len(office.told("irina")) == 1
    assert "ничего не поступило" in office.told("irina")[0]


async def test_false_means_never(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path, CONFIG + "notices: {summary: false}\n")
    await office.morning()
    assert office.mail.messages == []


async def test_answers_that_took_long_are_named_the_slowest_first(store: Store, tmp_path: Path) -> None:
    office = await opened(store, tmp_path, CONFIG.replace("capacity: 1", "capacity: 9"))
    office.post(ANNA, BORIS)
    leads = (
        await office.parts.serving.office.leads.page(dict.fromkeys(("state", "owner", "team", "channel", "q")), 9, None)
    )["items"]
    for lead in leads:
        office.parts.core.clock.advance(timedelta(hours=3))
        await office.parts.serving.office.leads.act(lead["id"], "accept", {}, "anna")
    await office.morning()
    text = office.told("irina")[0]
    assert "– Вера: 6 ч (Анна)\n– Глеб: 3 ч (Анна)" in text
