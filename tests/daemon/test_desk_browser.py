"""A head of sales with a browser: what happens appears by itself, and what is done on one screen is seen on another."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.daemon.browsing import DESKTOP, PHONE, Tab, context_for, opened
from tests.daemon.process import Client, Daemon

SECOND = 1_000
NAMES = ("Александр", "Анна", "Борис", "Ирина", "Пётр", "длинное")

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.alone("pages are the same from any process"),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(
        tmp_path_factory.mktemp("desk"),
        directors={"irina": {"name": "Ирина Орлова"}},
        managers={"anna": {"name": "Анна Петрова", "capacity": 9}, "boris": {"name": "Борис Ким"}},
        teams={"sales": {"managers": ["anna", "boris"], "respond_within": "30m"}},
        reasons={"disqualified": ["спам", "дубль"], "lost": ["дорого"]},
    )
    made.start()
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with daemon.client() as speaking:
        for name in ("anna", "boris"):
            await speaking.set_available(name, available=True)
        yield speaking


async def signed_in(
    browser: Browser,
    daemon: Daemon,
    client: Client,
    person: str = "irina",
    size: tuple[int, int] = DESKTOP,
    **more: Any,
) -> Tab:
    """The desk, reached the way that people reach it."""
    tab = await opened(await context_for(browser, size, **more), daemon.url)
    answer = await client.ask("POST", "/api/login-links", json={"person": person})
    await tab.page.goto(answer.json["url"])
    await tab.page.get_by_role("button", name="Войти").click()
    await expect(tab.page.get_by_role("heading", level=1)).to_be_attached()
    if more.get("java_script_enabled", True):
        await expect(tab.page.locator("#link")).to_have_text("обновляется само")
    return tab


def waiting(page: Page) -> Any:
    return page.locator("#waiting")


async def drained(client: Client) -> None:
    for name in ("anna", "boris"):
        await client.set_available(name, available=False)


async def test_a_post_appears_within_a_second_without_reload_and_drains_when_somebody_is_there(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    await drained(client)
    tab = await signed_in(browser, daemon, client)
    await tab.page.evaluate("window.stayed = true")
    await client.accepted(name="Мария <b>", phone="+79120000101", city="Казань")
    row = waiting(tab.page).get_by_role("link", name="Казань – Мария <b>")
    await expect(row).to_be_visible(timeout=SECOND)
    await expect(waiting(tab.page)).to_contain_text("свободных менеджеров нет")
    assert (await tab.page.title()).startswith("(")

    # Whoever is last becomes first by this: his row is moved, and the keyboard stays where it was.
    last = tab.page.locator("#managers li").last
    name = await last.get_attribute("data-key")
    switch = tab.page.locator(f"#managers li[data-key={name}]").get_by_role("switch")
    await expect(switch).not_to_be_checked()
    await switch.focus()
    await tab.page.keyboard.press("Space")
    await expect(switch).to_be_checked()
    await expect(row).to_have_count(0, timeout=SECOND)
    await expect(waiting(tab.page)).to_contain_text("Никто не ждёт")
    await expect(tab.page.locator(f"#work [data-key={name}]")).to_contain_text("Мария")
    await expect(tab.page.locator("#managers li").first).to_have_attribute("data-key", str(name))
    await expect(switch).to_be_focused()
    assert await tab.page.evaluate("window.stayed") is True
    assert tab.troubles == []


async def test_what_is_accepted_on_one_screen_is_seen_on_another(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    await client.set_available("boris", available=False)
    lead = await client.lead(name="Олег", phone="+79120000102", message="Кровля")
    head, anna = await signed_in(browser, daemon, client), await signed_in(browser, daemon, client, "anna")
    row = head.page.locator(f"#work li[data-key='{lead['id']}']")
    await expect(row).to_contain_text("ждёт ответа")
    await expect(anna.page.locator("#managers li")).to_have_count(1)
    assert await anna.page.locator("#channels, #day, #waiting").count() == 0
    await anna.page.get_by_role("link", name="Олег").click()
    await expect(anna.page.locator("#contact")).to_contain_text("+79120000102")
    await anna.page.get_by_role("button", name="Принять в работу").click()
    await expect(row).to_contain_text("в работе", timeout=SECOND)
    await expect(anna.page.locator(".head .state")).to_have_text("в работе")
    await expect(anna.page.locator("#decision")).to_contain_text("Анна Петрова: лид принят в работу")
    assert head.troubles + anna.troubles == []


async def test_a_form_that_is_filled_survives_what_happens_meanwhile_and_a_stale_one_says_so(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    await client.set_available("boris", available=False)
    lead = await client.lead(name="Светлана", phone="+79120000103")
    tab = await signed_in(browser, daemon, client)
    await tab.page.goto(f"{daemon.url}/leads/{lead['id']}")
    await tab.page.get_by_text("Закрыть лид").click()
    await tab.page.get_by_label("Причина").first.select_option("дубль")
    # The wind of a live page: somebody writes again.
    await client.lead(name="Светлана", phone="+79120000103", message="Ещё вопрос")
    await expect(tab.page.locator("#timeline li")).to_have_count(2, timeout=SECOND)
    await expect(tab.page.get_by_label("Причина").first).to_have_value("дубль")
    await expect(tab.page.locator("details.closing")).to_have_attribute("open", "")

    # A screen that does not hear: its form is older than the lead.
    await tab.page.context.route("**/api/events", lambda route: route.abort())
    await tab.page.evaluate("document.querySelectorAll('[name=version]').forEach(one => one.value = '1')")
    await tab.page.evaluate(
        "document.querySelectorAll('[name=version]').forEach(one => one.setAttribute('value', '1'))"
    )
    await tab.page.get_by_role("button", name="Нецелевой").click()
    alarm = tab.page.get_by_role("alert")
    await expect(alarm).to_contain_text("изменился")
    await expect(tab.page.locator(".head .state")).to_have_text("назначен")
    await tab.page.get_by_label("Причина").first.select_option("дубль")
    await tab.page.get_by_role("button", name="Нецелевой").click()
    await expect(tab.page.locator(".head .facts")).to_contain_text("нецелевой · дубль")
    assert [trouble for trouble in tab.troubles if "409" not in trouble and "ERR_FAILED" not in trouble] == []


async def test_the_link_that_is_printed_at_the_start_signs_in_once_and_is_in_no_log(
    daemon: Daemon, client: Client
) -> None:
    (token,) = re.findall(rf"{daemon.url}/login/(\S+)", "\n".join(daemon.printed))[-1:]
    assert (await client.ask("GET", f"/login/{token}", token=None)).status == 200
    signed = await client.ask("POST", f"/login/{token}", token=None, allow_redirects=False)
    assert (signed.status, signed.headers["Location"]) == (303, "../")
    assert (await client.ask("POST", f"/login/{token}", token=None)).status == 410
    assert token not in daemon.log


async def test_a_lost_connection_is_said_and_mended(browser: Browser, daemon: Daemon, client: Client) -> None:
    await drained(client)
    tab = await signed_in(browser, daemon, client)
    link = tab.page.locator("#link")
    await tab.page.context.set_offline(True)
    daemon.stop()
    await expect(link).to_have_text("Связь потеряна, соединяемся снова…")
    await expect(link).to_be_visible()
    daemon.start()
    await tab.page.context.set_offline(False)
    await client.accepted(name="Тимур", phone="+79120000104")
    await expect(waiting(tab.page)).to_contain_text("Тимур", timeout=10 * SECOND)
    await expect(link).to_have_text("обновляется само")


async def test_a_session_that_has_ended_elsewhere_says_so(browser: Browser, daemon: Daemon, client: Client) -> None:
    tab = await signed_in(browser, daemon, client)
    other = await opened(tab.page.context, daemon.url)
    await other.page.goto(daemon.url)
    await other.page.get_by_role("button", name="Выйти").click()
    await expect(other.page.get_by_role("main")).to_contain_text("priyom login")
    await client.set_available("anna", available=False)
    await expect(tab.page.locator("#link")).to_have_text("Сеанс закончился, войдите снова")


async def test_without_a_script_the_forms_do_the_same(browser: Browser, daemon: Daemon, client: Client) -> None:
    await client.set_available("anna", available=False)
    lead = await client.lead(name="Лариса", phone="+79120000105")
    tab = await signed_in(browser, daemon, client, java_script_enabled=False)
    await tab.page.get_by_role("switch", name="Анна Петрова").click()
    await expect(tab.page.get_by_role("switch", name="Анна Петрова")).to_be_checked()
    await tab.page.locator(f"#work li[data-key='{lead['id']}'] a").click()
    await tab.page.get_by_label("Кому передать").select_option("Анна Петрова")
    await tab.page.get_by_role("button", name="Передать").click()
    await expect(tab.page.locator("#contact")).to_contain_text("Анна Петрова")
    assert (await client.get(f"/api/leads/{lead['id']}"))["owner"] == "anna"
    assert tab.troubles == []


async def test_two_contacts_are_merged_after_a_look_and_parted_again(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    one = await client.lead(name="Жанна Орлова", phone="+79120000108", message="Плитка")
    other = await client.lead(name="Ж. Орлова", email="zhanna@example.com", message="Плитка, сроки")
    tab = await signed_in(browser, daemon, client)
    await tab.page.goto(f"{daemon.url}/leads/{one['id']}")
    await tab.page.get_by_role("link", name="Все обращения, объединить, разделить").click()
    await tab.page.get_by_label("Телефон, почта или имя").fill("zhanna@example.com")
    await tab.page.get_by_role("button", name="Найти").click()
    await tab.page.get_by_role("link", name="Посмотреть, что получится").click()
    await expect(tab.page.locator("#preview")).to_contain_text("zhanna@example.com")
    assert (await client.get(f"/api/leads/{other['id']}"))["state"] != "merged"
    await tab.page.get_by_role("button", name="Объединить").click()
    await expect(tab.page.locator("#judge")).to_contain_text("Ж. Орлова")
    assert (await client.get(f"/api/leads/{other['id']}"))["state"] == "merged"

    await tab.page.goto(f"{daemon.url}/leads/{one['id']}")
    await expect(tab.page.locator("#timeline li")).to_have_count(2)
    await tab.page.get_by_role("button", name="Разъединить").click()
    await expect(tab.page.locator("#judge")).to_have_count(0)
    after = await client.get(f"/api/leads/{other['id']}")
    assert (after["state"], after["owner"], after["contact"]["name"]) == (other["state"], other["owner"], "Ж. Орлова")
    assert tab.troubles == []


@pytest.mark.parametrize(("language", "size", "scheme"), [("ru", DESKTOP, "light"), ("en", PHONE, "dark")])
async def test_every_page_fits_is_in_its_language_and_is_usable_by_everybody(
    browser: Browser, daemon: Daemon, client: Client, language: str, size: tuple[int, int], scheme: str
) -> None:
    lead = await client.lead(
        name="Александра Константиновна", phone="+79120000106", email="a.very.long.address@some.very.long.domain.example",
        city="Санкт-Петербург", message="Очень" + "длинное" * 20, color=f"Красный {scheme}",
    )  # fmt: skip
    await drained(client)
    await client.lead(name="Пётр", phone="+79120000107", message=scheme)
    tab = await signed_in(browser, daemon, client, size=size, color_scheme=scheme)
    await tab.page.get_by_role("link", name={"ru": "Русский", "en": "English"}[language]).click()
    assert await tab.page.locator("html").get_attribute("lang") == language
    link = (await client.ask("POST", "/api/login-links", json={})).json["url"]
    contact = f"{daemon.url}/contacts/{lead['contact']['id']}"
    leads = f"{daemon.url}/leads/{lead['id']}"
    for address in (
        daemon.url,
        leads,
        f"{daemon.url}/ledger",
        f"{daemon.url}/new",
        contact,
        f"{contact}?q=9120000107",
        link,
    ):
        await tab.page.goto(address)
        assert await tab.page.locator("html").get_attribute("lang") == language
        assert await tab.fits(), address
        if language == "en":
            text = await tab.page.locator("header, h1, h2, h3, button, label, summary, dt, th").all_inner_texts()
            ours = [line for line in text if not any(name in line for name in NAMES)]
            assert [line for line in ours if re.search("[а-яё]", line.lower())] == []
        found = (await Axe().run(tab.page)).response["violations"]
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}]
        assert serious == [], address
    assert tab.troubles == []
