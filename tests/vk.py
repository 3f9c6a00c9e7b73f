"""A played VK: methods and long poll on loopback, with the people who write to its one community, and with its faults."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tests.played import Json, PlayedServer

TOKEN: Final = "vk1.a.played-token"
GROUP: Final = 123456
DATE: Final = 1_780_000_000
POLL: Final = "a_check"


def refusal(code: int, message: str = "a refusal") -> Json:
    """The answer of a method that fails. It says what was asked, the key included, as VK does."""
    asked = [{"key": "access_token", "value": TOKEN}]
    return {"error": {"error_code": code, "error_msg": message, "request_params": asked}}


UNKNOWN: Final = refusal(5, "User authorization failed: invalid access_token (4).")
NO_RIGHT: Final = refusal(15, "Access denied: no access to call this method")
SLOWER: Final = refusal(6, "Too many requests per second")
FAILED: Final = ({"failed": 1, "ts": "30"}, {"failed": 2}, {"failed": 3})


@dataclass
class Vk(PlayedServer):
    """A community's side of it.

    Events are numbered; those up to `forgotten` are no longer given. Sessions have keys, of which only the last one holds.
    """

    events: list[tuple[int, Json]] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    sent: dict[tuple[str, str], Json] = field(default_factory=dict)
    people: dict[str, tuple[str, str]] = field(default_factory=dict)
    ts: int = 100
    forgotten: int = 0
    key: int = 1
    polled: bool = True
    servers: list[Json] = field(default_factory=list)
    rights: tuple[str, ...] = ("manage", "messages")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = itertools.count(1)

    def routes(self) -> Iterable[web.RouteDef]:
        """Methods, the long poll and files."""
        return (
            web.post("/method/{method}", self._called),
            web.get("/lp/{group}", self._polled),
            web.get("/file/{name}", self._file),
            web.get("/moved/{name}", self._moved),
        )

    # --- what people do ---

    async def write(self, user: int, text: str, *, date: int | None = None, unseen: bool = False, **more: Any) -> Json:
        """Somebody writes to the community. `unseen`: its event is lost, as in a gap."""
        number = next(self._numbers)
        message = {
            "id": number, "conversation_message_id": number, "from_id": user, "peer_id": user, "out": 0,
            "date": DATE + number if date is None else date, "text": text, "version": 1, **more,
        }  # fmt: skip
        self.messages.append(message)
        if not unseen:
            await self.happens("message_new", {"message": message, "client_info": {"keyboard": True}})
        return message

    async def answer(self, user: int, text: str) -> Json:
        """The community writes to somebody from VK's own pages."""
        number = next(self._numbers)
        message = {
            "id": number, "conversation_message_id": number, "from_id": -GROUP, "peer_id": user, "out": 1,
            "date": DATE + number, "text": text, "admin_author_id": 77,
        }  # fmt: skip
        self.messages.append(message)
        await self.happens("message_reply", message)
        return message

    async def happens(self, kind: str, what: Json, **more: Any) -> Json:
        """An event, as the long poll gives it."""
        event = self._number({"type": kind, "object": what, **more})
        await self._notify()
        return event

    def _number(self, event: Json) -> Json:
        self.ts += 1
        numbered = {"event_id": f"event-{self.ts}", "v": "5.199", "group_id": GROUP, **event}
        self.events.append((self.ts, numbered))
        return numbered

    # --- what VK says ---

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = {name: str(value) for name, value in (await request.post()).items()}
        fault = await self._note(method, given)
        if fault is not None:
            return await self._fail(request, fault)
        if given.get("access_token") != TOKEN:
            return web.json_response(UNKNOWN)
        result = getattr(self, "_" + method.replace(".", "_"))(given)
        await self._notify()
        return web.json_response({"response": result})

    async def _polled(self, request: web.Request) -> web.StreamResponse:
        given = dict(request.query)
        fault = await self._note(POLL, given)
        if fault is not None:
            return await self._fail(request, fault)
        if given["key"] != f"key-{self.key}":
            return web.json_response({"failed": 2})
        after = int(given["ts"])
        if after < self.forgotten:
            return web.json_response({"failed": 1, "ts": str(self.ts)})
        if not self._after(after):
            await self._poll(int(given["wait"]), lambda: self._after(after))
        return web.json_response({"ts": str(max(self.ts, after)), "updates": self._after(after)})

    def _after(self, ts: int) -> list[Json]:
        return [event for number, event in self.events if number > ts]

    def _groups_getLongPollServer(self, given: Json) -> Json:  # noqa: N802 - VK's names, here and below
        return {"key": f"key-{self.key}", "server": f"{self.url}/lp/{given['group_id']}", "ts": str(self.ts)}

    def _groups_getById(self, given: Json) -> Json:  # noqa: N802
        return {"groups": [{"id": int(given["group_id"]), "name": "Стройка", "screen_name": "stroyka"}], "profiles": []}

    def _groups_getLongPollSettings(self, _: Json) -> Json:  # noqa: N802
        return {"api_version": "5.199", "events": {"message_new": 1}, "is_enabled": self.polled}

    def _groups_getTokenPermissions(self, _: Json) -> Json:  # noqa: N802
        return {"mask": 0, "permissions": [{"name": name, "setting": 1} for name in self.rights]}

    def _groups_getCallbackServers(self, _: Json) -> Json:  # noqa: N802
        return {"count": len(self.servers), "items": self.servers}

    def _messages_getConversations(self, given: Json) -> Json:  # noqa: N802
        last = {message["peer_id"]: message for message in self.messages}
        newest = sorted(last.values(), key=lambda message: -message["date"])
        items = [{"conversation": {"peer": {"id": one["peer_id"]}}, "last_message": one} for one in newest]
        return _page(items, given)

    def _messages_getHistory(self, given: Json) -> Json:  # noqa: N802
        said = [message for message in self.messages if message["peer_id"] == int(given["peer_id"])]
        return _page(said[::-1], given)

    def _messages_send(self, given: Json) -> int:
        """What was sent before under the same number to the same person is not sent again."""
        before = self.sent.get((given["peer_id"], given["random_id"]))
        if before is not None:
            return int(before["id"])
        number = next(self._numbers)
        quoted = json.loads(given["forward"])["conversation_message_ids"][0] if "forward" in given else None
        message = {
            "id": number, "conversation_message_id": number, "from_id": -GROUP, "peer_id": int(given["peer_id"]), "out": 1,
            "date": DATE + number, "text": given["message"], "quoted": quoted, "random_id": int(given["random_id"]),
        }  # fmt: skip
        self.sent[given["peer_id"], given["random_id"]] = message
        self._number({"type": "message_reply", "object": message})
        return number

    def _users_get(self, given: Json) -> list[Json]:
        found = [(user, self.people[user]) for user in given["user_ids"].split(",") if user in self.people]
        return [{"id": int(user), "first_name": first, "last_name": last} for user, (first, last) in found]

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self.files:
            return web.Response(status=404)
        return web.Response(body=self.files[name])

    async def _moved(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"/file/{request.match_info['name']}")


def _page(items: list[Json], given: Json) -> Json:
    start = int(given.get("offset", 0))
    return {"count": len(items), "items": items[start : start + int(given["count"])]}
