"""How commands reach data: through the API of the daemon that runs, else through one of their own over the same store.

Synchronous, with nothing but the standard library: a command asks a question or two and ends.
"""

import asyncio
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from ingest import whereabouts
from ingest.config.load import load

if TYPE_CHECKING:
    from ingest.config.schema import Config
    from ingest.daemon import Local

Json = dict[str, Any]

PAGE: Final = 200
_WITHIN: Final = 60.0
_GREETING_WITHIN: Final = 2.0
_SECTIONS: Final = ("http", "api", "storage", "timezone")


class Misconfigured(Exception):
    """The configuration has faults: one a line."""


class Unreachable(Exception):
    """No answer that is one, and what to do about it."""


class Refusal(Exception):
    """The API said no: the HTTP status, the code, and for a 409 the lead as it is."""

    def __init__(self, status: int, code: str, message: str, lead: Json | None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.lead = lead


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `url`. Methods raise Refusal and Unreachable."""

    url: str
    token: str

    def get(self, *path: str, **query: str | int | None) -> Json:
        """What is at a path; segments are quoted here, and what is None is left out of the query."""
        return self._ask("GET", path, query, None)

    def post(self, *path: str, order: Mapping[str, Any]) -> Json:
        """Order something."""
        return self._ask("POST", path, {}, order)

    def put(self, *path: str, order: Mapping[str, Any]) -> Json:
        """Set something."""
        return self._ask("PUT", path, {}, order)

    def listed(self, name: str, most: int | None, **query: str | None) -> Json:
        """The first `most` items of a list, or all of them, over as many pages as it takes; `next` where there are more."""
        items: list[Json] = []
        cursor: str | None = None
        while True:
            limit = PAGE if most is None else min(PAGE, most - len(items))
            page = self.get(name, **query, limit=limit, cursor=cursor)
            items += page["items"]
            cursor = page["next"]
            if cursor is None or (most is not None and len(items) >= most):
                return {"items": items, "next": cursor}

    def _ask(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str | int | None], order: Mapping[str, Any] | None
    ) -> Json:
        given = urlencode({name: value for name, value in query.items() if value is not None})
        address = "/".join(("/api", *(quote(segment, safe="") for segment in path))) + ("?" + given if given else "")
        body = None if order is None else json.dumps(order).encode()
        headers: dict[str, str | bytes] = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {self.token}".encode()
        status, answer = _exchange(self.url, method, address, body, headers, _WITHIN)
        if status == http.client.OK:
            return answer
        error = answer.get("error") or {"code": "unknown", "message": f"HTTP {status}"}
        if status == http.client.UNAUTHORIZED:
            raise Unreachable(
                f"the daemon at {self.url} does not accept the token of this configuration; "
                "is it another company's, or is PRIYOM_API_TOKEN not set here as it is there?"
            )
        raise Refusal(status, error["code"], error["message"], answer.get("lead"))


@dataclass(frozen=True, slots=True)
class Reached:
    """An API that answers, and the zone in whose time people are shown what happened."""

    api: Client
    zone: tzinfo


@contextmanager
def reach(config_path: Path) -> Iterator[Reached]:
    """The API of the daemon that this configuration describes; where none runs, one of our own until the block ends.

    Raises Misconfigured and Unreachable.
    """
    config = _configuration(config_path)
    zone = ZoneInfo(config.timezone)
    api = _of_daemon(config)
    if api is not None:
        yield Reached(api, zone)
        return
    with _own(config_path) as local:
        yield Reached(Client(local.url, local.token), zone)


def running(config_path: Path) -> Reached | None:
    """The API of the daemon that this configuration describes; None where none runs. Raises Misconfigured and Unreachable."""
    config = _configuration(config_path)
    api = _of_daemon(config)
    return None if api is None else Reached(api, ZoneInfo(config.timezone))


def _configuration(path: Path) -> "Config":
    loaded = load(path, os.environ, _SECTIONS)
    if loaded.config is None:
        raise Misconfigured("\n".join(str(fault) for fault in loaded.faults if fault.level == "error"))
    return loaded.config


def _of_daemon(config: "Config") -> Client | None:
    """The API of the daemon that runs: where the configuration says, else where the daemon of this store has noted."""
    url = whereabouts.local_address(config.http.host, config.http.port)
    if config.http.port and _alive(url):
        return Client(url, _token(config, url))
    url = whereabouts.noted(config.storage.url.get_secret_value()) or ""
    if not url or not _alive(url):
        return None
    try:
        client = Client(url, _token(config, url))
        client.get("openapi.json")
    except Unreachable:
        return None
    return client


def _alive(url: str) -> bool:
    """Whether a daemon of ours has its API there: not something else that has the port, nor a process with other roles."""
    try:
        if _exchange(url, "GET", "/healthz", None, {}, _GREETING_WITHIN) != (http.client.OK, {"status": "ok"}):
            return False
    except Unreachable:
        return False
    return not _has_no_api(url)


def _has_no_api(url: str) -> bool:
    """Whether a daemon of ours says itself that there is nothing at the API's address."""
    try:
        status, answer = _exchange(url, "GET", "/api/openapi.json", None, {}, _GREETING_WITHIN)
    except Unreachable:
        return False
    error = answer.get("error")
    return status == http.client.NOT_FOUND and isinstance(error, dict) and error.get("code") == "no_such_path"


def _token(config: "Config", url: str) -> str:
    if config.api.token is not None:
        return config.api.token.get_secret_value()
    from ingest.token import stored_token

    token = stored_token(config)
    if token is None:
        raise Unreachable(
            f"a daemon answers at {url}, but this configuration's store has no token; is it another one's?"
        )
    return token


@contextmanager
def _own(config_path: Path) -> Iterator["Local"]:
    """An API of our own, served by a thread: its loop must run while this one waits for answers."""
    from ingest.daemon import opened
    from ingest.opening import CannotStart

    ready: Future[tuple[Local, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with opened(config_path) as local:
            ready.set_result((local, asyncio.get_running_loop(), stop))
            await stop.wait()

    with ThreadPoolExecutor(1) as thread:
        served = thread.submit(lambda: asyncio.run(serve()))
        either: list[Future[Any]] = [ready, served]
        wait(either, return_when=FIRST_COMPLETED)
        try:
            if not ready.done():
                served.result()
            local, loop, stop = ready.result()
        except CannotStart as error:
            raise Unreachable(str(error)) from error
        try:
            yield local
        finally:
            if not served.done():
                loop.call_soon_threadsafe(stop.set)
            served.result()


def _exchange(
    url: str, method: str, address: str, body: bytes | None, headers: Mapping[str, str | bytes], within: float
) -> tuple[int, Json]:
    """One request on a connection of its own, past any proxy; `within` in seconds for each wait. Raises Unreachable."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=within)
    try:
        connection.request(method, address, body, dict(headers))
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no answer from {url} ({str(error) or type(error).__name__}); is the daemon running?"
        ) from error
    except ValueError as error:
        raise Unreachable(f"what answers at {url} is not priyom; check http.host and http.port") from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise Unreachable(f"what answers at {url} is not priyom; check http.host and http.port")
    return response.status, answer
