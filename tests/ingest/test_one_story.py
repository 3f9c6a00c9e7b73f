"""One story: what `priyom explain`, a lead's card and `/why` say of a decision is the same text, in both languages."""

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp import web
from selectolax.lexbor import LexborHTMLParser

from channels.message import Signal
from desk.access import Access
from desk.api import add_api
from desk.frame import LANGUAGE_COOKIE
from desk.openapi import COOKIE
from desk.pages import Pages
from ingest.assembly import Parts, assemble
from ingest.cli import command
from ingest.explaining.sentences import TEXTS
from ingest.reactions.presses import Presses
from kernel.ids import uuid7
from kernel.texts import LANGUAGES, Language
from routing.distribute import OBSTACLES, REASONS
from storage import decisions, lead_views, revisions
from storage.decisions import Decision
from storage.journal import Claimed
from storage.schema import decisions as decided
from storage.store import Store
from tests.desk.served import TOKEN, SmallEntrance
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, envelope

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG: Final = """\
channels: {site: {kind: webform}}
managers:
  anna: {name: Анна Петрова, telegram: 701}
  boris: {name: Борис Ким, telegram: 702, language: en}
  vera: {name: Вера Ли}
directors: {irina: {name: Ирина Орлова}}
teams: {sales: {managers: [anna, boris, vera]}}
"""
READERS: Final[dict[Language, str]] = {"ru": "701", "en": "702"}
PASSED: Final = ["anna", "boris"]


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every code that a decision about a lead may have: its name, the stage, the record."""
    skipped = [[name, "away"] for name in PASSED]
    people = {"manager": "vera", "managers": ["vera"], "team": "sales", "rule": 0}
    for code in TEXTS["assignment"]:
        record = {**people, "code": code, "skipped": skipped, "reason": "nobody_available", "within": "3m"}
        yield f"assignment.{code}", "assignment", record
    waiting = {"code": "unprocessed", "team": "sales"}
    for reason in REASONS:
        yield f"reason.{reason}", "assignment", {**waiting, "reason": reason, "skipped": skipped}
    for obstacle in OBSTACLES:
        why = [[name, obstacle] for name in PASSED]
        yield f"obstacle.{obstacle}", "assignment", {**waiting, "reason": "nobody_available", "skipped": why}
    told = {"manager": "vera", "owner": "vera", "team": "sales", "from": "assigned", "silences": 2, "left": "anna"}
    for stage in ("match", "offer", "call", "people"):
        for code in TEXTS[stage]:
            yield f"{stage}.{code}", stage, {**told, "code": code}
    for code in TEXTS["action"]:
        yield f"action.{code}", "action", {**told, "code": code, "reason": "обед"}


@dataclass
class Told:
    """A lead that three places tell of."""

    parts: Parts
    lead: str
    number: int
    url: str
    config: Path
    session: aiohttp.ClientSession

    def decide(self, stage: str, record: dict[str, Any]) -> None:
        """Let this be the one decision about the lead."""

        def unit(db: sa.Connection) -> None:
            db.execute(sa.delete(decided))
            decisions.write(db, [Decision(1, NOW, stage, record, self.number, actor="irina")])

        self.parts.core.store.transact(unit)

    async def card(self, language: Language) -> str:
        """What the card says."""
        headers = {"Cookie": f"{COOKIE}=of-irina; {LANGUAGE_COOKIE}={language}"}
        async with self.session.get(f"{self.url}/leads/{self.lead}", headers=headers) as answer:
            page = LexborHTMLParser(await answer.text())
        return "\n".join(one.text() for one in page.css("#decision .told li p:last-child"))

    async def explained(self, language: Language) -> str:
        """What the command says."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            arguments = ("explain", self.lead, "--language", language, "--config", str(self.config))
            assert await asyncio.to_thread(command, arguments) == 0
        lines = printed.getvalue().splitlines()
        return "\n".join(line.partition("  ")[2] for line in lines[lines.index("") + 1 :])

    def why(self, language: Language) -> str:
        """What the bot answers to whoever reads this language: the title and the text."""
        presses: Presses = self.parts.serving.linking._presses
        signal = Signal("command", {"identity": READERS[language], "name": "why", "argument": ""})
        claimed = Claimed(self.parts.core.store.ids.take(), uuid7(), envelope({}, channel="site"), 1, as_client=False)
        self.parts.core.store.transact(lambda db: presses.command(db, claimed, signal, NOW))
        (reply,) = presses.taken([claimed.entry])
        title, _, text = reply.text.partition("\n")
        assert "Вера" in title
        return text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """A lead of Vera's, the desk over its store, and a configuration for the command."""
    folder: Path = tmp_path_factory.mktemp("story")
    shutil.copy(_sqlite_file, folder / "priyom.db")
    store = Store(f"sqlite:///{folder / 'priyom.db'}")
    store.transact_raw(revisions.prepare)
    parts = await assemble(configured(folder, CONFIG), store, at_clock(NOW))
    lead = (
        await parts.serving.office.approaches.take_down(
            {"name": "Вера", "manager": "vera", "preview": False}, None, "irina"
        )
    )["id"]
    application = web.Application()
    access = Access(TOKEN, SmallEntrance())
    add_api(application, parts.serving.office, access)
    application.add_routes(Pages(parts.serving.office, parts.serving.board, access, "ru").routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    config = folder / "asking.yaml"
    config.write_text(f'http: {{host: 127.0.0.1, port: {port}}}\napi: {{token: "{TOKEN}"}}\n')
    number = store.peek(lambda db: lead_views.lead_number(db, lead))
    assert number is not None
    async with aiohttp.ClientSession() as session:
        yield Told(parts, lead, number, f"http://127.0.0.1:{port}", config, session)
    await runner.cleanup()
    store.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("stage", "record"), [pytest.param(*rest, id=name) for name, *rest in cases()])
async def test_the_command_the_card_and_the_bot_say_the_same_of_every_code(
    told: Told, stage: str, record: dict[str, Any], language: Language
) -> None:
    told.decide(stage, record)
    card = await told.card(language)
    assert card
    assert await told.explained(language) == card
    if stage == "assignment":
        assert told.why(language) == card
