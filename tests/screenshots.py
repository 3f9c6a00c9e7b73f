"""`make screenshots`: the desk with a made-up company in it, as the documentation shows it."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from playwright.async_api import Browser

from tests.daemon.browsing import DESKTOP, chromium, context_for
from tests.daemon.process import Client, Daemon

FOLDER: Final = Path(__file__).parents[1] / "docs" / "images"
ZONE: Final = ZoneInfo("Europe/Moscow")
LARGEST: Final = 250_000

Speech = Literal["ru", "en"]

DIRECTOR: Final = {"ru": "Ирина Орлова", "en": "Irene Eagle"}
PEOPLE: Final[dict[str, dict[Speech, str]]] = {
    "anna": {"ru": "Анна Петрова", "en": "Anna Peters"},
    "boris": {"ru": "Борис Ким", "en": "Boris Kim"},
    "vera": {"ru": "Вера Соколова", "en": "Vera Falconer"},
    "gleb": {"ru": "Глеб Новиков", "en": "Gleb Newman"},
}
SOURCES: Final[dict[str, dict[Speech, str]]] = {
    "site": {"ru": "Сайт", "en": "Website"},
    "ads": {"ru": "Яндекс Директ", "en": "Search ads"},
    "partners": {"ru": "Партнёры", "en": "Partners"},
}
# Minutes before the next, channel, city, name, what is wanted.
CLIENTS: Final[dict[Speech, list[tuple[int, str, str, str, str]]]] = {
    "ru": [
        (9, "site", "Саратов", "Николай", "Цемент М500, 40 мешков, доставка до пятницы"),
        (6, "ads", "Казань", "Лариса", "Расчёт кровли на дом 120 м²"),
        (8, "site", "Тула", "Тимур", "Нужен прайс на кирпич"),
        (5, "partners", "Пермь", "Алёна", "Газобетон с разгрузкой"),
        (7, "site", "Самара", "Игорь", "Утеплитель, 60 рулонов"),
        (6, "ads", "Уфа", "Светлана", "Перезвоните насчёт арматуры"),
        (4, "site", "Омск", "Пётр", "Счёт на юридическое лицо"),
        (5, "site", "Рязань", "Жанна", "Сроки поставки плитки"),
        (3, "ads", "Тверь", "Олег", "Крыша протекает, нужен замер сегодня"),
        (6, "partners", "Вологда", "Фёдор", "Дилерские условия"),
    ],
    "en": [
        (9, "site", "Bristol", "Nicholas", "Cement, 40 bags, by Friday"),
        (6, "ads", "Leeds", "Laura", "A quote for a roof of 120 m²"),
        (8, "site", "York", "Timothy", "Price list for bricks"),
        (5, "partners", "Exeter", "Alena", "Blocks, with unloading"),
        (7, "site", "Derby", "Igor", "Insulation, 60 rolls"),
        (6, "ads", "Hull", "Svetlana", "Call me about rebar"),
        (4, "site", "Oxford", "Peter", "An invoice for a company"),
        (5, "site", "Bath", "Jane", "Delivery times for tiles"),
        (3, "ads", "Dover", "Oliver", "Leaking roof, survey today"),
        (6, "partners", "Kendal", "Theo", "Terms for dealers"),
    ],
}


def company(language: Speech) -> dict[str, Any]:
    """Four managers: one next, one at his limit, one away, one whose shift begins later."""
    hours = {"gleb": "Mon-Fri 13:00-21:00"}
    limits = {"anna": 4, "boris": 3, "vera": 6, "gleb": 5}
    return {
        "language": language,
        "hours": "Mon-Fri 09:00-18:00",
        "directors": {"irina": {"name": DIRECTOR[language]}},
        "channels": {name: {"kind": "webform", "source": said[language]} for name, said in SOURCES.items()},
        "managers": {
            name: {"name": said[language], "capacity": limits[name]} | ({"hours": hours[name]} if name in hours else {})
            for name, said in PEOPLE.items()
        },
        "teams": {"sales": {"managers": list(PEOPLE), "respond_within": "2h"}},
        "routing": [{"when": {"channel": ["ads"]}, "team": "sales", "respond_within": "20m"}, {"team": "sales"}],
        "reasons": {
            "disqualified": ["спам", "дубль", "вакансия"] if language == "ru" else ["spam", "duplicate", "job"]
        },
    }


async def fill(client: Client, language: Speech) -> str:
    """A morning of that company; the id of a lead worth looking at."""
    now = datetime.now(UTC)
    monday = now.astimezone(ZONE) + timedelta(days=7 - now.astimezone(ZONE).weekday())
    begin = monday.replace(hour=9, minute=41, second=0, microsecond=0)
    await client.advance(f"{int((begin - now).total_seconds())}s")
    await client.set_available("vera", available=False)
    looked_at = ""
    for number, (minutes, channel, city, name, text) in enumerate(CLIENTS[language]):
        form = {"name": name, "city": city, "message": text, "phone": f"+7912000{number:04}"}
        lead = await client.lead(path=f"/in/{channel}", **form)
        if number in {0, 1, 3}:
            await client.ask("POST", f"/api/leads/{lead['id']}/accept")
        looked_at = lead["id"] if number == 1 else looked_at
        await client.advance(f"{minutes}m")
    more = "И ещё: можно ли оплатить частями?" if language == "ru" else "One more thing: can we pay in parts?"
    await client.lead(path="/in/site", phone="+79120000001", message=more)
    return looked_at


async def shoot(browser: Browser, language: Speech, scheme: str, size: tuple[int, int], prefix: str) -> None:
    """The live page and a card of one company."""
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), **company(language))
        daemon.start()
        try:
            async with daemon.client() as client:
                lead = await fill(client, language)
                link = (await client.ask("POST", "/api/login-links", json={})).json["url"]
            context = await context_for(browser, size, color_scheme=scheme, reduced_motion="reduce")
            page = await context.new_page()
            await page.goto(link)
            await page.get_by_role("button").click()
            for name, address in (("live", "/"), ("lead", f"/leads/{lead}")):
                await page.goto(daemon.url + address)
                await page.locator("#link:not(:empty)").wait_for()
                path = FOLDER / f"desk-{prefix}-{name}.png"
                await page.screenshot(path=path)
                weight = path.stat().st_size
                print(f"{path.relative_to(FOLDER.parents[1])}  {weight // 1000} kB")
                assert weight < LARGEST, "too heavy for a page of documentation"
        finally:
            daemon.close()


async def main() -> None:
    """All of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        await shoot(browser, "ru", "light", DESKTOP, "desktop-light-ru")
        await shoot(browser, "en", "dark", (390, 844), "phone-dark-en")


if __name__ == "__main__":
    asyncio.run(main())
