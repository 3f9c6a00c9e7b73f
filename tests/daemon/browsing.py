"""A browser for tests, Debian's Chromium: pages that report whatever goes wrong in them, and let nothing out."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route, async_playwright

QUIET: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)

_REPORTS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser; without one the test is skipped, loudly."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip(
            "NO BROWSER WAS TESTED: Debian's chromium is not installed (apt install chromium fonts-dejavu-core)"
        )
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield launched
        await launched.close()


@dataclass
class Tab:
    """A page, and what went wrong in it: console, scripts, policy, requests to places that are not `allowed`."""

    page: Page
    allowed: tuple[str, ...]
    troubles: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """From now on."""
        await self.page.add_init_script(_REPORTS)
        await self.page.route("**/*", self._only_allowed)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _console(self, told: ConsoleMessage) -> None:
        if told.type in {"error", "warning"}:
            self.troubles.append(told.text)

    async def _only_allowed(self, route: Route) -> None:
        if route.request.url.startswith(tuple(f"{url}/" for url in self.allowed)):
            await route.continue_()
        else:
            self.troubles.append(f"asked for {route.request.url}")
            await route.abort()

    async def fits(self) -> bool:
        """Whether nobody has to scroll sideways."""
        fits: bool = await self.page.locator("html").evaluate("html => html.scrollWidth <= html.clientWidth")
        return fits


async def opened(context: BrowserContext, *allowed: str) -> Tab:
    """A new tab that is watched."""
    tab = Tab(await context.new_page(), allowed)
    await tab.watch()
    return tab


def context_for(browser: Browser, size: tuple[int, int] = DESKTOP, **more: Any) -> Any:
    """A browser's context of its own: cookies, width, language."""
    return browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
