"""The webhook: Telegram calls us, and says a secret of ours that it was given when the webhook was set.

It repeats what was not answered by 2xx "a reasonable number of times" and keeps it for a day. Whoever else sets a webhook, or
removes it, takes our updates away silently, so once a minute we look.
"""

import asyncio
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from channels.adapter import Misconfigured, Port, Rejected, Unavailable
from channels.message import Request
from channels.telegram.updates import WANTED

if TYPE_CHECKING:
    from channels.telegram.bot_api import BotApi

HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
LOOK_EVERY: Final = 60.0
RECENT: Final = timedelta(minutes=2)
PORTS: Final = frozenset({None, 443, 80, 88, 8443})
"""The ports that Telegram calls, https://core.telegram.org/bots/api#setwebhook."""


def prove(request: Request, secret: str) -> None:
    """Let only Telegram in. Raises Rejected: 405, 401."""
    if request.method != "POST":
        raise Rejected(405, "method_not_allowed", "Telegram sends updates by POST")
    said = request.headers.get(HEADER, "")
    if not hmac.compare_digest(said.encode("utf-8", "surrogateescape"), secret.encode()):
        raise Rejected(401, "not_proved", f"the header {HEADER} is not the channel's secret")


async def keep(api: "BotApi", port: Port, secret: str, *, public: bool) -> None:
    """Set the webhook, and set it again whenever it is not ours any more. Raises Unavailable, Misconfigured."""
    address = port.address
    if public:
        _require_reachable(address)
    await api.set_webhook(address, secret, WANTED)
    while True:
        info = await api.webhook()
        if info.url != address:
            raise Unavailable("somebody else set or removed this bot's webhook; it is set again")
        failed_at = info.last_error_date
        if failed_at is not None and info.pending_update_count and port.now() - failed_at < RECENT:
            raise Unavailable(f"Telegram cannot deliver to {address}: {info.last_error_message}")
        port.alive()
        await asyncio.sleep(LOOK_EVERY)


async def probe(api: "BotApi", address: str | None, *, public: bool) -> str:
    """How deliveries go, in a sentence; `address` None where the bot is polled. Raises Unavailable, Misconfigured."""
    if address is not None and public:
        _require_reachable(address)
    info = await api.webhook()
    waiting = f"{info.pending_update_count} waiting"
    if address is None:
        return f"another webhook is set, which priyom removes when it polls; {waiting}" if info.url else waiting
    if info.url != address:
        return f"the webhook is not set yet, which priyom does when it runs; {waiting}"
    if info.last_error_date is not None and info.pending_update_count:
        raise Unavailable(f"Telegram cannot deliver to {address}: {info.last_error_message}")
    return f"the webhook is set; {waiting}"


def _require_reachable(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.port not in PORTS:
        raise Misconfigured(
            "Telegram calls only https on port 443, 80, 88 or 8443; set http.public_url to such an address, "
            "or mode: polling, which needs none",
            "Telegram обращается только по https на порты 443, 80, 88 и 8443; запишите такой адрес в http.public_url или "
            "mode: polling, которому адрес не нужен",
        )
