"""The form by one script tag, on a site of another origin with a strict policy of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, FilePayload, expect

from tests.daemon.browsing import PHONE, Tab, context_for, opened
from tests.daemon.process import Client, Daemon, free_port, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.alone("pages are the same from any process"),
]

SITE = free_port()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    consent = {"required": True, "version": "2026-09", "url": "https://example.com/consent"}
    channels = {
        "site": {"kind": "webform", "origins": [f"http://localhost:{SITE}"], "consent": consent},
        "closed": {"kind": "webform", "origins": ["https://example.com"]},
    }
    made = Daemon(tmp_path_factory.mktemp("embed"), channels=channels)
    made.start()
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with daemon.client() as speaking:
        yield speaking


@asynccontextmanager
async def a_site(daemon: Daemon, source: str) -> AsyncIterator[str]:
    """A company's page with the tag between two paragraphs."""
    policy = (
        f"default-src 'none'; script-src {daemon.url}; connect-src {daemon.url}; form-action 'none'; style-src 'none'"
    )
    page = (
        '<!doctype html><html lang="ru"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Стройка</title>'
        f'<p id="before">До</p><script src="{daemon.url}{source}"></script><p id="after">После</p></html>'
    )

    async def show(_: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": f"{policy}; img-src data:"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    application = web.Application()
    application.router.add_get("/", show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", SITE).start()
    try:
        yield f"http://localhost:{SITE}"
    finally:
        await runner.cleanup()


async def visit(browser: Browser, daemon: Daemon, site: str) -> Tab:
    tab = await opened(await context_for(browser, PHONE), daemon.url, site)
    await tab.page.goto(f"{site}/?utm_source=yandex&utm_campaign=roof")
    return tab


async def test_a_form_on_another_site_becomes_a_lead_with_the_sites_address_and_campaign(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    async with a_site(daemon, "/form/site.js") as site:
        tab = await visit(browser, daemon, site)
        page = tab.page
        assert await page.locator("#before + script + div + #after").count() == 1
        await expect(page.get_by_role("heading", name="Оставьте заявку")).to_be_visible()
        await page.get_by_label("Как к вам обращаться").fill("Мария <b>")
        await page.get_by_label("Телефон").fill("8 912 000-02-01")
        await page.get_by_label("Сообщение").fill("Крыша")
        plan: FilePayload = {"name": "план.txt", "mimeType": "text/plain", "buffer": b"1"}
        await page.get_by_label("Файл").set_input_files(plan)
        await client.advance("3s")
        await page.get_by_role("button", name="Отправить").click()
        assert await page.locator("#consent:invalid").count() == 1
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Отправить").click()
        await expect(page.get_by_role("heading", name="Спасибо, мы получили ваше сообщение")).to_be_focused()
        assert await page.get_by_role("textbox").count() == 0
        assert await tab.fits()
        await client.settled()
        (lead,) = await client.listed("/api/leads", q="+79120000201")
        (said,) = (await client.get(f"/api/leads/{lead['id']}"))["interactions"]
        assert (said["name"], said["text"], said["consent"]["given"]) == ("Мария <b>", "Крыша", True)
        assert said["page"] == f"{site}/?utm_source=yandex&utm_campaign=roof"
        assert said["campaign"] == {"utm_source": "yandex", "utm_campaign": "roof"}
        assert said["attachments"][0]["name"] == "план.txt"
        assert said["fields"] == {}
        assert tab.troubles == []


async def test_its_honeypot_and_fill_time_bind_as_on_the_hosted_page_and_it_speaks_english(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    async with a_site(daemon, "/form/site.js?lang=en") as site:

        async def ignored_for() -> list[str]:
            tab = await visit(browser, daemon, site)
            await tab.page.get_by_label("Phone").fill("8 912 000-02-02")
            await tab.page.get_by_role("checkbox").check()
            await tab.page.get_by_role("button", name="Send").click()
            await expect(tab.page.get_by_role("heading", name="Thank you, we have your message")).to_be_visible()
            await client.settled()
            return [one["reason"] for one in await client.listed("/api/envelopes", outcome="ignored")]

        # A busy machine may once take as long as a person.
        assert await until(ignored_for, within=60) == ["filled_too_fast"]


async def test_what_cannot_be_sent_is_said_and_nothing_that_was_typed_is_lost(
    browser: Browser, daemon: Daemon, client: Client
) -> None:
    async with a_site(daemon, "/form/closed.js") as site:
        tab = await visit(browser, daemon, site)
        await tab.page.get_by_label("Телефон").fill("8 912 000-02-03")
        await tab.page.get_by_role("button", name="Отправить").click()
        await expect(tab.page.get_by_role("alert")).to_contain_text("не можем принять сообщение")
        await expect(tab.page.get_by_label("Телефон")).to_have_value("8 912 000-02-03")
        await expect(tab.page.get_by_role("button", name="Отправить")).to_be_enabled()


async def test_a_channel_that_is_none_has_no_script(daemon: Daemon, client: Client) -> None:
    assert (await client.ask("GET", "/form/nope.js", token=None)).status == 404
    answer = await client.ask("GET", "/form/site.js", token=None)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (answer.headers["Cache-Control"], answer.headers["Cross-Origin-Resource-Policy"]) == (
        "no-store",
        "cross-origin",
    )
    assert b"{{" not in answer.body
