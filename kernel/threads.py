"""The ids of mails whose answers come back to us: each carries a signature, so that nobody can make one up (RFC 5322, 3.6.4)."""

import hmac
import re
from hashlib import blake2b
from typing import Final

from kernel.ids import is_uuid

_SIGNED: Final = re.compile(r"<([0-9a-f-]{36})\.([0-9a-f]{32})@")


def signed_id(uid: str, domain: str, secret: bytes) -> str:
    """A Message-ID that `read_signed` knows again."""
    return f"<{uid}.{_signature(uid, secret)}@{domain}>"


def read_signed(ids: str, secret: bytes) -> str | None:
    """The first UUID that we have signed among the ids of a header; None where there is none."""
    for uid, signature in _SIGNED.findall(ids):
        if is_uuid(uid) and hmac.compare_digest(signature, _signature(uid, secret)):
            return str(uid)
    return None


def _signature(uid: str, secret: bytes) -> str:
    return blake2b(f"answer:{uid}".encode(), digest_size=16, key=secret[:64]).hexdigest()
