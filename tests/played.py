"""A provider that is played: an HTTP server on loopback that keeps what it is asked, can be waited for, and fails when told to."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from aiohttp import web

WITHIN: Final = 20.0

Json = dict[str, Any]
Fault = Literal["reset", "hang", "html"] | Json


@dataclass
class PlayedServer:
    """The server while its block runs, and what was asked of it. `faults` are given once each, by method, before all else."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    files: dict[str, bytes] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self._changed = asyncio.Condition()
        self._never = asyncio.Event()
        self._rounds = 0

    def routes(self) -> Iterable[web.RouteDef]:
        """What it answers."""
        raise NotImplementedError

    def refused(self, fault: Json) -> web.Response:
        """A refusal as the provider sends it."""
        return web.json_response(fault)

    @property
    def url(self) -> str:
        """The `api_base` of a configuration."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes(self.routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._never.set()
        await self._notify()
        await self._runner.cleanup()

    async def end_polls(self) -> None:
        """The polls that hang end with nothing, as after their time."""
        self._rounds += 1
        await self._notify()

    def called(self, method: str) -> list[Json]:
        """The parameters of all calls of a method so far."""
        return [given for name, given in self.calls if name == method]

    async def until(self, condition: Callable[[], Any], within: float = WITHIN) -> Any:
        """Wait until `condition` gives something true, looking whenever something was said or done."""
        async with asyncio.timeout(within), self._changed:
            return await self._changed.wait_for(condition)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _note(self, method: str, given: Json) -> Fault | None:
        """Keep a call; how it is to fail, if it is."""
        self.calls.append((method, given))
        await self._notify()
        return self.faults[method].popleft() if self.faults[method] else None

    async def _poll(self, seconds: int, news: Callable[[], object]) -> None:
        """Hang until there are news, the polls are ended, or the time is over."""
        now = self._rounds
        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(lambda: news() or self._never.is_set() or self._rounds > now)
            except TimeoutError:
                return

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault == "hang":
            await self._never.wait()
        if fault == "html":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if not isinstance(fault, dict):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return self.refused(fault)
