"""Named crash points: where a test kills the process. Harmless unless the daemon runs with `--test-hooks`."""

import os
import signal
from collections import Counter
from typing import Final

POINTS: Final = (
    "accept.before_commit",
    "accept.after_commit",
    "claim.after_commit",
    "settle.before_write",
    "settle.before_distribute",
    "settle.before_commit",
    "settle.after_commit",
    "distribute.before_commit",
    "distribute.after_commit",
    "notice.before_send",
    "notice.after_send",
)
OF_REPLIES: Final = ("reply.before_send", "reply.after_send")
"""Passed only where somebody answers a client."""

_armed: dict[str, int] = {}
_passed: Counter[str] = Counter()


def arm(spec: str) -> None:
    """Arm these points and no others, from `name` or `name:nth`, several with commas. Raises ValueError for an unknown name."""
    _armed.clear()
    _passed.clear()
    for part in filter(None, spec.split(",")):
        name, _, nth = part.partition(":")
        if name not in {*POINTS, *OF_REPLIES}:
            raise ValueError(f"no crash point {name!r}; there are {', '.join((*POINTS, *OF_REPLIES))}")
        _armed[name] = int(nth or 1)


def crashpoint(name: str) -> None:
    """Die here by SIGKILL, without cleaning up, if a test armed this point and this is the pass it asked for."""
    if not _armed:
        return
    _passed[name] += 1
    if _armed.get(name) == _passed[name]:
        os.kill(os.getpid(), signal.SIGKILL)
