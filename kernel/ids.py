"""Names that leave the store: UUIDv7 (RFC 9562, section 5.7), ordered by time within one process."""

import os
import random
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0
# Ids are names, not secrets: seeded by the system once, then without a system call for each.
_random = random.Random(os.urandom(32))  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def uuid7() -> str:
    """A new UUIDv7 as text. Later calls in one process sort after earlier ones."""
    text = uuid7_hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid7_hex() -> str:
    """`uuid7` without its dashes, as the store takes it.

    The 12 bits after the milliseconds hold a fraction of the millisecond (RFC 9562, section 6.2, method 3); when two
    calls fall into one step of 244 ns, the second takes the next step.
    """
    global _last  # noqa: PLW0603 - the monotonic guarantee is per process, so its memory is too
    now = time.time_ns() * 4096 // 1_000_000
    with _lock:
        _last = now = now if now > _last else _last + 1
        tail = _random.getrandbits(62)
    high = (now >> 12) << 16 | 0x7000 | (now & 0xFFF)
    return (high << 64 | 0x8000_0000_0000_0000 | tail).to_bytes(16).hex()


def is_uuid(text: str) -> bool:
    """Whether a text that came from outside can be one of our ids at all."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
