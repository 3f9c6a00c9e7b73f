"""When a mailbox's credentials end, as far as they say it themselves."""

import binascii
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from channels.adapter import Expiry

CERTIFICATE_AHEAD: Final = timedelta(days=7)
"""Certificates are renewed by machines weeks before their end: what has a week left is not renewed any more."""
TOKEN_AHEAD: Final = timedelta(days=7)
_SHARE: Final = 10


def of_certificate(place: str, until: datetime | None) -> list[Expiry]:
    """The end of a server's certificate."""
    return [] if until is None else [Expiry("certificate", place, until, CERTIFICATE_AHEAD)]


def of_token(place: str, token: str | None) -> list[Expiry]:
    """The end of a token that is a JSON Web Token (RFC 7519), as Microsoft's are; of any other, nothing is known.

    It is near in the last tenth of the token's life, and a week before the end of a long one: an hour's token is always renewed
    late, and one of half a year is forgotten early.
    """
    claims = {} if token is None else _claims(token)
    ends, begins = claims.get("exp"), claims.get("iat")
    if not isinstance(ends, int | float):
        return []
    try:
        until = datetime.fromtimestamp(ends, UTC)
        life = TOKEN_AHEAD if not isinstance(begins, int | float) else timedelta(seconds=ends - begins) / _SHARE
    except (OverflowError, ValueError, OSError):
        return []
    return [Expiry("token", place, until, min(life, TOKEN_AHEAD))]


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself; nothing where it is no JSON Web Token. Its signature is for others to check."""
    parts = token.split(".")
    try:
        middle = parts[1]
        said = json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return said if isinstance(said, dict) else {}
