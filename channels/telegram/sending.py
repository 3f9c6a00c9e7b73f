"""What a bot says to a client: in which chat, in answer to which message, and for which business account. Pure."""

from dataclasses import dataclass
from typing import Final

from channels.adapter import Rejected
from channels.message import Inbound
from channels.telegram.trouble import Undeliverable

LONGEST: Final = 4096
"""UTF-16 units of a message, https://core.telegram.org/bots/api#sendmessage."""

_ALBUM: Final = "album:"


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, the message in it that is answered, and the connection of the business account whose chat it is, if any."""

    chat: str
    message: int | None
    business: str | None


def place(said: Inbound) -> Place | None:
    """Where something was said, by its `ref`; None for what was said nowhere."""
    parts = (said.ref or "").removeprefix(_ALBUM).rsplit(":", 2)
    if len(parts) == 1:
        return None
    number = said.fields.get("message_id", "")
    return Place(parts[-2], int(number) if number.isdecimal() else None, parts[0] if len(parts) > 2 else None)  # noqa: PLR2004


def why(error: Undeliverable) -> Rejected:
    """Why a message was not taken."""
    if error.about("blocked"):
        return Rejected(403, "blocked", "the client has blocked the bot")
    if error.about("deactivated"):
        return Rejected(403, "gone", "the client's account is there no more")
    if error.about("business"):
        return Rejected(403, "no_permission", "the business account no longer lets the bot answer; connect it again")
    return Rejected(422, "refused", f"Telegram does not deliver the message ({error})")
