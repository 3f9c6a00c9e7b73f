"""Notices about offers: words in both languages for every code, and those about several leads leave the outbox too."""

import asyncio
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from ingest.config.current import Current
from ingest.notices.composing import Composer
from ingest.notices.editing import Editing
from ingest.notices.links import Links
from ingest.notices.people import People
from ingest.notices.route import Console
from ingest.notices.sender import Sender
from ingest.notices.texts import TEXTS, offer_lines, render, render_many
from kernel.texts import LANGUAGES, Language
from storage.store import Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.offering import MINUTE, Desk, offering
from tests.ingest.parts import at_clock, manager

CODES: Final = (
    "lead_assigned",
    "lead_offered",
    "wrote_again",
    "offer_expired",
    "offer_withdrawn",
    "taken_by",
    "made_away",
    "refused_by_all",
    "owner_away",
    "escalation",
)
MOSCOW: Final = ZoneInfo("Europe/Moscow")
LEAD: Final[dict[str, Any]] = {
    "id": "0198",
    "title": "Саратов – Николай",
    "contact": None,
    "company": None,
    "source": "Сайт",
    "marks": [],
}


def clock_time(moment: datetime) -> str:
    return f"{moment.astimezone(MOSCOW):%H:%M}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_code_has_words_in_both_languages(code: str, language: Language) -> None:
    assert code in TEXTS
    subject, text = (
        render(code, LEAD, None, language, None) if code != "escalation" else render_many(code, [LEAD], language)
    )
    assert code not in subject
    assert "0198" in text


def test_a_client_s_name_is_one_line_of_a_notice_and_makes_none_of_its_own() -> None:
    contact = {"name": "Анна\nТелефон: +79990001122", "keys": [{"kind": "phone", "value": "+79123456789"}]}
    latest = {"introduced_as": "Анна\r\nЛид: 0199", "text": ""}
    _, text = render("lead_assigned", LEAD | {"contact": contact, "source": "Сайт\u2028Лид: 0200"}, latest, "ru", None)
    assert text.splitlines() == [
        "Клиент: Анна Телефон: +79990001122",
        "Представился как: Анна Лид: 0199",
        "Телефон: +79123456789",
        "Источник: Сайт Лид: 0200",
        "",
        "Лид: 0198",
    ]


@pytest.mark.parametrize(
    ("code", "record", "expected"),
    [
        ("lead_offered", {"by": "turn", "answer_by": "2026-09-01T09:03:00Z"}, ["Accept by: 12:03"]),
        (
            "lead_offered",
            {"by": "everyone", "answer_by": None},
            ["The lead is offered to several at once: the first to accept has it."],
        ),
        ("taken_by", {"manager": "boris"}, ["Taken by: Борис Ким"]),
        ("taken_by", {"manager": "gone"}, ["Taken by: gone"]),
        ("made_away", {}, ["Say that you are available, and leads come again."]),
        ("offer_expired", {}, []),
    ],
)
def test_what_an_offer_asks_is_said_beside_its_lead(code: str, record: dict[str, str], expected: list[str]) -> None:
    titles = {"boris": "Борис Ким"}
    assert offer_lines(code, record, "en", lambda name: titles.get(name, name), clock_time) == expected


async def test_offers_and_lists_of_leads_leave_the_outbox_for_managers_and_directors(
    store: Store, tmp_path: Path
) -> None:
    chain = [{"after": "2m", "to": "head"}]
    desk = Desk(store, offering({name: manager() for name in ("anna", "boris")}, escalate=chain))
    desk.post(2)
    desk.now += 2 * MINUTE
    desk.tick()
    out = io.StringIO()
    sent: list[bool] = []
    all_sent = asyncio.Event()

    def on_sent(_route: str, done: bool) -> None:
        sent.append(done)
        if len(sent) == 3:
            all_sent.set()

    clock = at_clock(desk.now + timedelta(seconds=1))
    people = People(Current(configured(tmp_path, SMALL + "language: en\n")))
    editing = Editing(desk.parts.names, people.choices, store.ids.take)
    composer = Composer(desk.parts.names, people, editing, Links(b"secret"), clock.now, lambda _: {})
    undelivered = desk.hand.undelivered
    sender = Sender(
        store,
        desk.parts.names,
        [Console(out)],
        clock,
        composer,
        people,
        on_sent,
        lambda: False,
        undelivered,
        editing,
    )
    running = asyncio.create_task(sender.run())
    async with asyncio.timeout(20):
        await all_sent.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    shown = out.getvalue()
    assert sent == [True, True, True]
    assert "--> anna: A lead is offered to you" in shown
    assert "Accept by: 01.09.2026 12:03" in shown
    assert "--> irina: Leads that nobody has accepted: 2" in shown
