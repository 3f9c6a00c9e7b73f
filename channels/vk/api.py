"""The API of a community by vk_api: its methods, its long poll, its files; its errors as the three kinds of trouble.

The only module that imports vk_api, which speaks to one host without a deadline and goes on for ever where it is asked to slow
down. All calls block: `channels.vk.connection` makes them aside. No error carries a library's text, in which a key may stand.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urljoin

import requests
from jconfig import MemoryConfig
from requests.adapters import HTTPAdapter
from vk_api.exceptions import ApiError, ApiHttpError, VkApiError
from vk_api.vk_api import VkApiGroup

from channels.adapter import Unavailable
from channels.vk import wire
from channels.vk.files import is_kept_at_vk
from channels.vk.trouble import Denied, Gone, TooLarge, meaning, no_community, without_poll

HOST: Final = "https://api.vk.ru"
CONNECT_WITHIN: Final = 10.0
CALL_WITHIN: Final = 20.0
"""Seconds without a byte, for any request but the long poll, which the server holds back for as long as it is asked to."""
HOPS: Final = 5
CHUNK: Final = 64 * 1024

_REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 410})

R = TypeVar("R")


class Session(NamedTuple):
    """Where a community's events are polled, and the number of the last one so far. `key` is a secret."""

    server: str
    key: str
    ts: int


class Answer(NamedTuple):
    """What the long poll came to: events and the number to go on from; or how it `failed` (1, 2, 3), `ts` with 1 only."""

    events: tuple[dict[str, Any], ...] = ()
    ts: int | None = None
    failed: int = 0


class _Elsewhere(HTTPAdapter):
    """A request with a deadline, and where there is another server for VK's own, to that one."""

    def __init__(self, base: str | None) -> None:
        super().__init__()
        self._base = base

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:  # type: ignore[override] # as it is called
        if self._base is not None and request.url is not None and request.url.startswith(HOST):
            request.url = self._base + request.url.removeprefix(HOST)
        if given.get("timeout") is None:
            given["timeout"] = (CONNECT_WITHIN, CALL_WITHIN)
        return super().send(request, **given)


class Api:
    """One community's API. Raises Unavailable, Misconfigured and, of a method that the key may not call, Denied."""

    def __init__(self, token: str | None, api_base: str | None, version: str) -> None:
        self._api_base = api_base
        self._http = requests.Session()
        # A server of one's own is reached directly; VK's through the environment's proxy, where there is one.
        self._http.trust_env = api_base is None
        for scheme in ("https://", "http://"):
            self._http.mount(scheme, _Elsewhere(api_base))
        self._vk = VkApiGroup(token=token, api_version=version, config=MemoryConfig, session=self._http)
        self._vk.error_handlers = {}

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def session(self, group: int) -> Session:
        """Begin to poll."""
        try:
            given = self._method("groups.getLongPollServer", group_id=group)
        except Denied as error:
            raise without_poll(error.code) from None
        return _read(lambda: Session(_address(given["server"]), str(given["key"]), int(given["ts"])))

    def community(self, group: int) -> str:
        """The community's name."""
        try:
            given = self._method("groups.getById", group_id=group)
        except Denied as error:
            raise no_community(error.code) from None
        # A list before version 5.139 of the API, and under a name since then.
        return _read(lambda: str((given["groups"] if isinstance(given, dict) else given)[0]["name"]))

    def polls(self, group: int) -> bool:
        """Whether the long poll is on and tells of new messages."""
        try:
            given = self._method("groups.getLongPollSettings", group_id=group)
        except Denied as error:
            raise without_poll(error.code) from None
        return _read(lambda: bool(given["is_enabled"]) and bool(given["events"]["message_new"]))

    def rights(self) -> frozenset[str]:
        """What the key may do, by VK's names: `messages`, `manage` …. Raises Denied."""
        given = self._method("groups.getTokenPermissions")
        return _read(lambda: frozenset(str(one["name"]) for one in given["permissions"]))

    def callbacks(self, group: int) -> dict[str, tuple[str, str]]:
        """The servers of the Callback API, by address: ok, wait, failed or unconfigured, and the secret key. Raises Denied."""
        given = self._method("groups.getCallbackServers", group_id=group)
        return _read(
            lambda: {
                str(server["url"]): (str(server["status"]), str(server.get("secret_key") or ""))
                for server in given["items"]
            }
        )

    def check(self, session: Session, ts: int, wait: int) -> Answer:
        """The events after `ts`, as soon as there is one or after `wait` seconds."""
        asked: dict[str, str | int] = {"act": "a_check", "key": session.key, "ts": ts, "wait": wait}
        within = (CONNECT_WITHIN, wait + CONNECT_WITHIN)
        response = self._reached(lambda: self._http.get(session.server, params=asked, timeout=within))
        return _read(lambda: _answer(wire.read(response.content)))

    def conversations(self, group: int, offset: int, count: int) -> list[dict[str, Any]]:
        """A page of conversations, the one with the latest message first."""
        given = self._method("messages.getConversations", group_id=group, offset=offset, count=count)
        return _read(lambda: list(given["items"]))

    def history(self, group: int, peer: int, offset: int, count: int) -> list[dict[str, Any]]:
        """A page of one conversation's messages, the latest first."""
        given = self._method("messages.getHistory", group_id=group, peer_id=peer, offset=offset, count=count)
        return _read(lambda: list(given["items"]))

    def say(self, peer: str, text: str, number: int, quoted: int | None) -> None:
        """Send a message, in answer to the one of that number in its conversation."""
        values: dict[str, str | int] = {"peer_id": peer, "message": text, "random_id": number}
        if quoted is not None:
            forward = {"peer_id": int(peer), "conversation_message_ids": [quoted], "is_reply": True}
            values["forward"] = json.dumps(forward)
        self._method("messages.send", **values)

    def name(self, user: str) -> str | None:
        """What somebody calls himself; None for whoever is not there any more."""
        given = self._method("users.get", user_ids=user)
        person = _read(lambda: next(iter(given), None))
        return _read(lambda: None if person is None else _name(person))

    def file(self, address: str, most: int, within: float) -> bytes:
        """A file's content. Raises Gone, and TooLarge for more than `most` bytes."""
        until = monotonic() + within
        for _ in range(HOPS):
            if not is_kept_at_vk(address, self._api_base):
                raise Gone("foreign_host", "the file is not kept at VK")
            found = self._reached(lambda at=address: self._http.get(at, stream=True, allow_redirects=False))  # type: ignore[misc] # a bound default
            with found:
                if found.is_redirect:
                    address = urljoin(address, found.headers["Location"])
                    continue
                return self._reached(lambda found=found: _content(found, most, until))  # type: ignore[misc] # a bound default
        raise Gone("gone", "the file is passed on from place to place")

    def _method(self, method: str, **values: Any) -> Any:  # noqa: ANN401 - each method answers in a shape of its own
        return self._reached(lambda: self._vk.method(method, values))

    def _reached(self, call: Callable[[], R]) -> R:
        try:
            return call()
        except ApiError as error:
            raise meaning(error.code) from None
        except ApiHttpError as error:
            status = error.response.status_code
            if status in _REFUSALS:
                raise Denied(status) from None
            raise Unavailable(f"VK answers with the status {status}") from None
        except (ValueError, LookupError, TypeError):
            raise _unreadable() from None
        except (VkApiError, requests.RequestException, OSError) as error:
            raise Unavailable(f"VK cannot be reached ({type(error).__name__})") from None


def _unreadable() -> Unavailable:
    return Unavailable("VK answers with something that is no answer of its API")


def _read(reading: Callable[[], R]) -> R:
    try:
        return reading()
    except (ValueError, LookupError, TypeError, AttributeError):
        raise _unreadable() from None


def _answer(given: dict[str, Any]) -> Answer:
    failed = int(given.get("failed", 0))
    ts = int(given["ts"]) if "ts" in given else None
    if not failed and ts is None:
        raise ValueError("neither events nor a failure")
    return Answer(tuple(given.get("updates") or ()), ts, failed)


def _address(server: str) -> str:
    return server if "://" in server else f"https://{server}"


def _name(person: dict[str, Any]) -> str | None:
    if "deactivated" in person:
        return None
    return " ".join(filter(None, (person.get("first_name"), person.get("last_name")))) or None


def _content(found: requests.Response, most: int, until: float) -> bytes:
    if found.status_code in {requests.codes.forbidden, requests.codes.not_found, requests.codes.gone}:
        raise Gone("gone", f"VK has this file no more (status {found.status_code})")
    if not found.ok:
        raise Unavailable(f"VK's files answer with the status {found.status_code}")
    with suppress(ValueError):
        if int(found.headers.get("Content-Length", "0")) > most:
            raise TooLarge
    content = bytearray()
    for chunk in found.iter_content(CHUNK):
        content += chunk
        if len(content) > most:
            raise TooLarge
        if monotonic() > until:
            raise Unavailable("VK's file came too slowly")
    return bytes(content)
