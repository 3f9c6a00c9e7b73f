"""Durations as the YAML writes them: `30s`, `5m`, `2h`, `3d`."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHAPE: Final = re.compile(r"(\d{1,9})([smhd])")


def parse_duration(text: str) -> timedelta:
    """`5m` as a timedelta. Raises ValueError that says what a duration looks like."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 2h or 3d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def format_duration(length: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back, in whole seconds."""
    seconds = int(length.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
