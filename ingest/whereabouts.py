"""Where the daemon over a SQLite file answers, noted beside that file.

So that a command finds it also where the configuration says another address by now, or the port 0. A note that a killed
daemon has left behind does no harm: nobody answers there, or somebody who does not know the token.
"""

import contextlib
from pathlib import Path
from typing import Final

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a daemon may listen, not where we do
_SQLITE: Final = "sqlite:///"


def local_address(host: str, port: int) -> str:
    """How this machine reaches what listens there."""
    near = _EVERYWHERE.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def note(storage_url: str, address: str) -> None:
    """Write down where this daemon answers; nothing over another database, where several may."""
    place = _place(storage_url)
    if place is not None:
        with contextlib.suppress(OSError):
            place.write_text(address, "ascii")


def forget(storage_url: str) -> None:
    """Take the note away: the daemon answers no more."""
    place = _place(storage_url)
    if place is not None:
        with contextlib.suppress(OSError):
            place.unlink()


def noted(storage_url: str) -> str | None:
    """Where the daemon over this store was last said to answer."""
    place = _place(storage_url)
    try:
        return None if place is None else place.read_text("ascii")
    except (OSError, ValueError):
        return None


def _place(storage_url: str) -> Path | None:
    return Path(storage_url.removeprefix(_SQLITE) + ".address") if storage_url.startswith(_SQLITE) else None
