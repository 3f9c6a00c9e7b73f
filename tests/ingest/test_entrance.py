"""Links and sessions over both databases: once, for so long, for those whom the configuration has, and never in the clear."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from desk.ports import Refused
from ingest.assembly import Parts as Assembled
from ingest.assembly import assemble
from ingest.office.entrance import FIRST_LINK_LASTS, LINK_LASTS, SESSION_LASTS
from storage.schema import links, sessions
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, at_clock, wire

CONFIG = """\
http: {public_url: https://leads.example.com/desk}
channels: {site: {kind: webform}}
managers: {anna: {name: Анна}}
teams: {sales: {managers: [anna]}}
"""
SECOND = timedelta(seconds=1)


async def made(store: Store, folder: Path, **more: str) -> Assembled:
    config = CONFIG + "".join(f"{name}: {text}\n" for name, text in more.items())
    return await assemble(configured(folder, config), store, at_clock(NOW))


def token(shown: dict[str, Any]) -> str:
    return str(shown["url"]).rpartition("/")[2]


async def test_a_link_signs_in_once_as_the_director_that_there_is(store: Store, tmp_path: Path) -> None:
    entrance = (await made(store, tmp_path)).serving.entrance
    shown = await entrance.invite(None)
    assert shown["url"].startswith("https://leads.example.com/desk/login/")
    assert shown["person"] == "director"
    guest = await entrance.invited(token(shown))
    assert guest is not None
    assert (guest.person, guest.role, guest.csrf) == ("director", "director", None)
    cookie = await entrance.enter(token(shown))
    assert cookie is not None
    visitor = await entrance.visitor(cookie)
    assert visitor is not None
    assert (visitor.person, visitor.role) == ("director", "director")
    assert len(visitor.csrf or "") > 20
    assert await entrance.enter(token(shown)) is None
    assert await entrance.invited(token(shown)) is None
    assert await entrance.visitor(cookie + "x") is None


async def test_of_many_who_press_at_once_one_is_let_in(store: Store, tmp_path: Path) -> None:
    entrance = (await made(store, tmp_path)).serving.entrance
    given = token(await entrance.invite(None))
    cookies = await asyncio.gather(*(entrance.enter(given) for _ in range(8)))
    assert sum(cookie is not None for cookie in cookies) == 1


@pytest.mark.parametrize(("first", "lasts"), [(False, LINK_LASTS), (True, FIRST_LINK_LASTS)])
async def test_a_link_is_over_after_its_time(store: Store, tmp_path: Path, first: bool, lasts: timedelta) -> None:
    assembled = await made(store, tmp_path)
    late, given = assembled.serving.entrance, token(await assembled.serving.entrance.invite(None, first=first))
    assembled.core.clock.advance(lasts - SECOND)
    assert await late.invited(given) is not None
    assembled.core.clock.advance(2 * SECOND)
    assert await late.invited(given) is None
    assert await late.enter(given) is None


async def test_a_session_is_over_after_its_time_and_when_it_is_ended(store: Store, tmp_path: Path) -> None:
    assembled = await made(store, tmp_path)
    entrance = assembled.serving.entrance
    one, other = [await entrance.enter(token(await entrance.invite(None))) for _ in range(2)]
    assert one is not None
    assert other is not None
    await entrance.leave(one)
    assert await entrance.visitor(one) is None
    assert await entrance.visitor(other) is not None
    assembled.core.clock.advance(SESSION_LASTS + SECOND)
    assert await entrance.visitor(other) is None


async def test_people_are_what_the_configuration_says_now(store: Store, tmp_path: Path) -> None:
    directors = "{irina: {name: Ирина Орлова}, oleg: {name: Олег}}"
    entrance = (await made(store, tmp_path, directors=directors)).serving.entrance
    assert (await entrance.invite(None))["person"] == "irina"
    cookies = {}
    for person in ("irina", "oleg", "anna"):
        cookies[person] = await entrance.enter(token(await entrance.invite(person)))
    found = [await entrance.visitor(str(cookie)) for cookie in cookies.values()]
    assert [(v.role, v.title, v.only) for v in found if v is not None] == [
        ("director", "Ирина Орлова", None),
        ("director", "Олег", None),
        ("manager", "Анна", "anna"),
    ]
    for stranger in ("director", "zorro"):
        with pytest.raises(Refused, match="there are irina, oleg, anna"):
            await entrance.invite(stranger)
    fewer = (await made(store, tmp_path, directors="{irina: {name: Ирина}}")).serving.entrance
    assert await fewer.visitor(str(cookies["oleg"])) is None
    assert await fewer.visitor(str(cookies["irina"])) is not None


async def test_neither_link_nor_cookie_is_in_the_store(store: Store, tmp_path: Path) -> None:
    entrance = (await made(store, tmp_path)).serving.entrance
    used, unused = token(await entrance.invite(None)), token(await entrance.invite(None))
    cookie = await entrance.enter(used)
    parts = wire(store)
    kept = repr(parts.rows(links)) + repr(parts.rows(sessions))
    assert len(parts.rows(sessions)) == 1
    assert not any(str(secret) in kept for secret in (used, unused, cookie))
