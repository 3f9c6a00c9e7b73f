"""A person with a browser: Debian's Chromium fills the hosted form, and the lead is there. Skipped loudly where there is none."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.daemon.browsing import DESKTOP, PHONE
from tests.daemon.process import Client, Daemon

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.alone("pages are the same from any process"),
]

WORDS: Final = {
    "ru": {
        "title": "Оставьте заявку",
        "name": "Как к вам обращаться",
        "phone": "Телефон",
        "email": "Электронная почта",
        "message": "Сообщение",
        "send": "Отправить",
        "thanks": "Спасибо, мы получили ваше сообщение",
        "consent": "согласие на обработку персональных данных",
        "again": "отметьте согласие",
    },
    "en": {
        "title": "Get in touch",
        "name": "Your name",
        "phone": "Phone",
        "email": "Email",
        "message": "Message",
        "send": "Send",
        "thanks": "Thank you, we have your message",
        "consent": "consent to the processing of my personal data",
        "again": "please tick the consent",
    },
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    consent = {"required": True, "version": "2026-09", "url": "https://example.com/consent"}
    channels = {"site": {"kind": "webform"}, "asking": {"kind": "webform", "consent": consent}}
    made = Daemon(tmp_path_factory.mktemp("browser"), channels=channels)
    made.start()
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with daemon.client() as speaking:
        yield speaking


@dataclass
class Visit:
    """A tab and what went wrong in it."""

    page: Page
    words: dict[str, str]
    troubles: list[str] = field(default_factory=list)

    async def fill(self, **typed: str) -> None:
        """Type into the fields that a person finds by their labels."""
        for name, text in typed.items():
            await self.page.get_by_label(self.words[name], exact=True).fill(text)

    async def send(self) -> None:
        """Press the button."""
        await self.page.get_by_role("button", name=self.words["send"], exact=True).click()

    async def heading(self) -> str:
        """What the page calls itself."""
        return await self.page.get_by_role("heading", level=1).inner_text()

    async def fits(self) -> bool:
        """Whether nobody has to scroll sideways."""
        fits: bool = await self.page.locator("html").evaluate("html => html.scrollWidth <= html.clientWidth")
        return fits


async def visit(
    browser: Browser, daemon: Daemon, path: str, language: str, size: tuple[int, int], *, script: bool
) -> Visit:
    """Open a page of the daemon; what asks for another host is a trouble and gets no answer."""
    context = await browser.new_context(
        java_script_enabled=script, viewport={"width": size[0], "height": size[1]}, locale=language
    )
    made = Visit(await context.new_page(), WORDS[language])

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(f"{daemon.url}/"):
            await route.continue_()
        else:
            made.troubles.append(f"asked for {route.request.url}")
            await route.abort()

    await context.route("**/*", only_ours)
    made.page.on("console", lambda told: made.troubles.append(told.text) if told.type in {"error", "warning"} else None)
    made.page.on("pageerror", lambda error: made.troubles.append(str(error)))
    await made.page.goto(f"{daemon.url}{path}")
    assert await made.heading() == made.words["title"]
    assert await made.page.locator("html").get_attribute("lang") == language
    return made


@pytest.mark.parametrize(
    ("language", "path", "size", "script"),
    [
        ("ru", "/form/site?utm_source=yandex", PHONE, False),
        ("en", "/form/site?lang=en&utm_source=yandex", DESKTOP, False),
        ("ru", "/form/site?utm_source=yandex", DESKTOP, True),
    ],
)
async def test_a_person_fills_the_form_is_thanked_and_becomes_a_lead_with_an_owner(
    browser: Browser, daemon: Daemon, client: Client, language: str, path: str, size: tuple[int, int], script: bool
) -> None:
    visited = await visit(browser, daemon, path, language, size, script=script)
    assert await visited.fits()
    name = f"Мария {language} {size[0]} {script}"
    await visited.fill(name=name, phone="8 (912) 000-00-01", email="maria@example.org", message="\nпервая\nвторая <b>")
    drawing = {"name": "чертёж.txt", "mimeType": "text/plain", "buffer": "кирпич".encode()}
    await visited.page.locator("input[type=file]").set_input_files(drawing)  # type: ignore[arg-type] # a FilePayload
    await client.advance("3s")
    await visited.send()
    assert await visited.heading() == visited.words["thanks"]
    assert await visited.fits()
    await client.settled()
    (listed,) = await client.listed("/api/leads")
    lead = await client.get(f"/api/leads/{listed['id']}")
    assert lead["owner"] is not None
    assert {"kind": "phone", "value": "+79120000001"} in lead["contact"]["keys"]
    said = lead["interactions"][-1]
    assert said["text"].replace("\r\n", "\n") == "\nпервая\nвторая <b>"
    assert (said["name"], said["campaign"]) == (name, {"utm_source": "yandex"})
    assert said["attachments"][0]["name"] == "чертёж.txt"
    assert visited.troubles == []


@pytest.mark.parametrize(("language", "path"), [("ru", "/form/asking"), ("en", "/form/asking?lang=en")])
async def test_a_person_who_forgot_the_consent_is_asked_again_and_loses_nothing(
    browser: Browser, daemon: Daemon, client: Client, language: str, path: str
) -> None:
    visited = await visit(browser, daemon, path, language, PHONE, script=False)
    phone = {"ru": "+79120000002", "en": "+79120000003"}[language]
    await visited.fill(name="Олег <i>", phone=phone, message="первая\nвторая")
    await client.advance("3s")
    await visited.send()
    assert await visited.page.locator("#consent:invalid").count() == 1
    assert await visited.heading() == visited.words["title"]

    # An old browser sends it all the same.
    before = await client.listed("/api/envelopes", channel="asking")
    await visited.page.locator("form").evaluate("form => { form.noValidate = true }")
    await visited.send()
    alarm = visited.page.get_by_role("alert")
    assert visited.words["again"] in await alarm.inner_text()
    await expect(alarm).to_be_in_viewport()
    assert await visited.fits()
    assert await visited.page.get_by_label(visited.words["name"], exact=True).input_value() == "Олег <i>"
    assert await visited.page.get_by_label(visited.words["message"], exact=True).input_value() == "первая\nвторая"
    assert await client.listed("/api/envelopes", channel="asking") == before

    await visited.page.get_by_role("checkbox").check()
    await visited.send()
    assert await visited.heading() == visited.words["thanks"]
    await client.settled()
    (lead,) = await client.listed("/api/leads", q=phone)
    assert lead["owner"] is not None
    (said,) = (await client.get(f"/api/leads/{lead['id']}"))["interactions"]
    assert (said["consent"]["given"], said["consent"]["version"]) == (True, "2026-09")
    assert said["consent"]["url"] == "https://example.com/consent"
    # That the browser tells of our 422 is no fault of the page.
    assert [trouble for trouble in visited.troubles if "422" not in trouble] == []
