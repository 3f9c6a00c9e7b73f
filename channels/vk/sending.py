"""What a community says to a client: where to, under which number that VK knows a repeat by, and what its refusals mean. Pure."""

import re
from hashlib import blake2b
from typing import Final

from channels.adapter import Misconfigured, Rejected
from channels.message import Inbound
from channels.vk.trouble import Denied

LONGEST: Final = 4096
"""Characters of a message, https://dev.vk.com/ru/method/messages.send."""

NO_MESSAGE: Final = 100
"""VK's error for what is answered and is there no more, among other things."""

_PLACE: Final = re.compile(r"([1-9][0-9]{0,9}):([0-9]{1,12})")

# https://dev.vk.com/ru/method/messages.send, https://dev.vk.com/ru/reference/errors
_REASONS: Final = {
    900: ("blocked", "the client is on the community's black list"),
    901: ("no_permission", "the client does not let the community write to him; he has to write to it first"),
    902: ("no_permission", "the client's privacy settings do not let the community write to him"),
    914: ("too_long", "VK does not take a message of this length"),
}
_NO_RIGHT: Final = frozenset({7, 15})


def place(said: Inbound) -> tuple[str, int] | None:
    """The conversation that a message stands in and its number there; None for what is no message of a conversation."""
    found = _PLACE.fullmatch(said.ref or "")
    return None if found is None else (found[1], int(found[2]))


def random_id(word: str) -> int:
    """The number by which VK knows that a message was sent before: the same for the same word, positive, 31 bits."""
    return int.from_bytes(blake2b(word.encode(), digest_size=4).digest()) >> 1 or 1


def echo(to: object, number: object) -> str:
    """What a message that was sent under such a number is called where VK tells of it, which it does of every one that is sent."""
    return f"sent:{to}:{number}"


def why(name: str, error: Denied) -> Rejected | Misconfigured:
    """Why a message was not taken."""
    if error.code in _NO_RIGHT:
        return Misconfigured(
            f"this access key may not write messages (VK's error {error.code}); make one with the right to the community's "
            f"messages (Manage, API usage, Access tokens) and set token of {name}"
        )
    code, reason = _REASONS.get(error.code, ("refused", f"VK does not deliver the message (its error {error.code})"))
    return Rejected(422, code, reason)
