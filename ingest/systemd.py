"""What systemd is told of this process: that it is ready, that it lives, that it stops. Silent where nobody asked to be told.

The protocol is one datagram of lines to the socket in NOTIFY_SOCKET (sd_notify(3), "Standalone implementations"). It proves
that the loop turns and no more: a store that is away is mended by no restart, and `/readyz` tells of it.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final

import structlog

_BEATS: Final = 3  # in the time after which systemd gives a silent process up; one of them may come late

log = structlog.get_logger("priyom.systemd")


class Systemd:
    """The service manager as the environment of the process names it. `beat` is in seconds; None: it wants no sign of life."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watched = self._address and environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        within = int(environment.get("WATCHDOG_USEC", "0")) if watched else 0
        self.beat = within / 1_000_000 / _BEATS or None

    def ready(self) -> None:
        """The daemon listens."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The daemon takes nothing new, and finishes what it has."""
        self._tell("STOPPING=1")

    async def live(self) -> None:
        """Say that the loop turns, for as long as it does; returns at once where nobody wants to know."""
        while self.beat is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.beat)

    def _tell(self, line: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.setblocking(False)
            try:
                telling.sendto(line.encode(), self._address)
            except OSError as error:
                log.warning("systemd does not hear", action="systemd.deaf", line=line, error=error.strerror)
