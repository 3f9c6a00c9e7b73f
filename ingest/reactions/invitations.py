"""Invitations: a link, for one use within a week, by which a manager's chat with the bot becomes the way to him.

A bot cannot write first, and a manager does not know the number of his account. Only the hash of a link's word is stored.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

from channels.adapter import Misconfigured, Unavailable
from channels.telegram.updates import INVITATION
from desk.ports import Refused
from ingest.rules.rulebook import Rulebooks
from storage import chats
from storage.store import Store

VALID: Final = timedelta(days=7)


class Named(Protocol):
    """A bot that knows its name: `channels.telegram.courier.Courier`."""

    async def name(self) -> str:
        """The user name, without the @."""


def hashed(word: str) -> str:
    """What the store keeps of an invitation's word, which has 144 random bits."""
    return sha256(word.encode()).hexdigest()


async def invite(store: Store, rulebooks: Rulebooks, bot: Named | None, manager: str, now: datetime) -> dict[str, str]:
    """A new invitation: `{"manager", "link", "until"}`. Raises Refused, Away."""
    if bot is None:
        raise Refused(409, "no_bot", "no bot tells managers; add notices.telegram to the configuration")
    rulebook = await store.read(rulebooks.current)
    if manager not in rulebook.policy.managers:
        raise Refused(404, "no_such_manager", f"there is no manager {manager!r}")
    if manager in rulebook.chats:
        raise Refused(
            409, "configured", f"managers.{manager}.telegram names his account already; remove it to invite him"
        )
    try:
        name = await bot.name()
    except (Unavailable, Misconfigured) as error:
        raise Refused(503, "telegram_away", str(error)) from error
    word = secrets.token_urlsafe(18)
    await store.run(lambda db: chats.invite(db, hashed(word), manager, now + VALID))
    return {
        "manager": manager,
        "link": f"https://t.me/{name}?start={INVITATION}{word}",
        "until": (now + VALID).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
