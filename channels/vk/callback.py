"""The Callback API: VK calls us with one event at a time, and says in it a secret that the community's settings have.

It repeats an event until it is answered by `ok` and nothing else; a server that fails again and again is left alone for a
while (https://dev.vk.com/ru/api/callback/getting-started). A new server is confirmed by a code that VK shows.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final

from channels.adapter import Misconfigured, Rejected
from channels.message import Answer, Request
from channels.vk import wire

CONFIRMATION: Final = "confirmation"
TAKEN: Final = Answer(200, b"ok", "text/plain")


def event(request: Request, secret: str | None) -> dict[str, Any]:
    """The event of a call, without its secret. Raises Rejected: 405, 400, 401."""
    if request.method != "POST":
        raise Rejected(405, "method_not_allowed", "VK sends events by POST")
    try:
        said = wire.read(request.body)
    except ValueError as error:
        raise Rejected(400, "unreadable", "the body is no JSON") from error
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise Rejected(400, "unreadable", "the body is no event of VK")
    told = said.pop("secret", None)
    if secret is not None and not _same(told, secret):
        raise Rejected(401, "not_proved", "the field secret is not the channel's secret")
    return said


def described(servers: Mapping[str, tuple[str, str]], address: str, secret: str | None) -> str:
    """How VK finds our server, in words. `servers`: state and secret key of each, by address. Raises Misconfigured."""
    status, key = servers.get(address, (None, ""))
    if status is not None and secret is not None and not _same(key, secret):
        raise Misconfigured(
            f"the secret key of {address} in the community is not the channel's secret; make them equal",
            f"секретный ключ {address} в сообществе — не secret этого канала; сделайте их одинаковыми",
        )
    if status == "failed":
        raise Misconfigured(
            f"VK cannot deliver to {address}; see that it is reachable, and that confirmation and secret are the community's",
            f"VK не может доставить на {address}; проверьте, что адрес доступен и что confirmation и secret — из сообщества",
        )
    if status is None:
        raise Misconfigured(
            f"the community has no server {address}; add it (Manage, API usage, Callback API)",
            f"в сообществе нет сервера {address}; добавьте его (Управление, Работа с API, Callback API)",
        )
    return "the server is confirmed" if status == "ok" else "the server waits to be confirmed, once priyom runs"


def _same(told: object, secret: str) -> bool:
    given = told.encode("utf-8", "surrogatepass") if isinstance(told, str) else b""
    return hmac.compare_digest(given, secret.encode())
