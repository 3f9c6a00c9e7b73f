"""Signed links in mails: what a button is elsewhere. Opening one does nothing; only sending the form of its page does.

A link is bound to its reader, to what it does, to the offer that it was about and to a day. It cannot be guessed, changed or used
for anybody else; it is no key to anything but this one choice.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

import orjson

from kernel.clock import instant, micros

VALID: Final = timedelta(hours=24)
_SIGNATURE: Final = 16
_LONGEST: Final = 1_000


class Forged(Exception):
    """No link of ours."""


class Expired(Exception):
    """The link is older than a day."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link stands for: whose choice, `data` as a button carries it, and the offer that it was about, if any."""

    person: str
    data: str
    offer: int | None = None


class Links:
    """Makes and reads the tokens of links. `secret` is the store's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, linked: Linked, now: datetime) -> str:
        """What stands in the link's address."""
        payload = orjson.dumps([linked.person, linked.data, linked.offer, micros(now + VALID)])
        return f"{_text(payload)}.{_text(self._signature(payload))}"

    def read(self, token: str, now: datetime) -> Linked:
        """What a token stands for. Raises Forged and Expired."""
        written, _, signed = token.partition(".")
        payload, signature = (_bytes(written), _bytes(signed)) if len(token) <= _LONGEST else (b"", b"")
        if (
            not hmac.compare_digest(signature, self._signature(payload))
            or f"{_text(payload)}.{_text(signature)}" != token
        ):
            raise Forged
        person, data, offer, until = orjson.loads(payload)
        if instant(until) < now:
            raise Expired
        return Linked(person, data, offer)

    def _signature(self, payload: bytes) -> bytes:
        return blake2b(payload, digest_size=_SIGNATURE, key=self._secret[:64]).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """What a text encodes; nothing where it is no such text."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
