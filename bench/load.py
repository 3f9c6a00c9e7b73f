"""Load on a server: by wrk where it is installed, else by our own client; at a given rate always by our own."""

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import payload
from bench.machine import ROOT, Broken

CONNECTIONS: Final = 64
GIVE_UP: Final = 60.0
_SCRIPT: Final = Path(__file__).with_name("post.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to. `rate` in answers a second, latencies in milliseconds, `client` in cores that the client used."""

    requests: int
    rate: float
    p50: float
    p99: float
    client: float


class Running:
    """A client at work on `/in/site`. Requests are numbered from `first`, so no run repeats another's senders."""

    def __init__(
        self, port: int, seconds: float, first: int, *, rate: float | None = None, known: int = payload.KNOWN
    ) -> None:
        self._before = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = rate is not None or wrk() is None
        command = _own(port, seconds, first, known, rate) if own else _wrk(port, seconds, first, known)
        self._seconds = seconds
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def over(self) -> bool:
        """Whether all is sent and answered."""
        return self._process.poll() is not None

    def result(self) -> Load:
        """Wait for the end. Raises Broken; any answer but 202 is a reason, since refusing is cheap."""
        try:
            output, _ = self._process.communicate(timeout=self._seconds + GIVE_UP)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise Broken(f"the server left the load client without answers for {GIVE_UP:.0f} s") from error
        if self._process.returncode != 0:
            raise Broken(f"the load client ended with {self._process.returncode}")
        told = checked(next(line for line in output.splitlines() if line.startswith("{")))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - self._before.ru_utime - self._before.ru_stime
        seconds = told["seconds"]
        return Load(told["requests"], told["requests"] / seconds, told["p50"], told["p99"], used / seconds)


def checked(line: str) -> dict[str, Any]:
    """What a client tells at its end, as JSON. Raises Broken where not all were answered with 202."""
    told: dict[str, Any] = json.loads(line)
    if told["refused"] or not told["requests"]:
        raise Broken(f"{told['refused']} of {told['requests']} requests were not answered with 202")
    return told


def wrk() -> str | None:
    """Where wrk is installed."""
    return shutil.which("wrk")


def named() -> str:
    """Which client loads the server as fast as it can."""
    return f"wrk, 1 thread, {CONNECTIONS} connections" if wrk() else f"bench.client, {CONNECTIONS} connections"


def _own(port: int, seconds: float, first: int, known: int, rate: float | None) -> list[str]:
    command = [sys.executable, "-m", "bench.client", str(port), "/in/site"]
    command += ["--first", str(first), "--known", str(known), "--connections", str(CONNECTIONS)]
    command += ["--seconds", str(seconds)]
    return command if rate is None else [*command, "--rate", str(rate)]


def _wrk(port: int, seconds: float, first: int, known: int) -> list[str]:
    # wrk takes whole seconds only.
    duration = str(max(1, round(seconds)))
    arguments = [str(first), payload.TEMPLATE.decode(), str(payload.NEWCOMERS), str(known), str(payload.STRIDE)]
    address = f"http://127.0.0.1:{port}/in/site"
    return [
        str(wrk()),
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{duration}",
        "--timeout",
        "30",
        "-s",
        str(_SCRIPT),
        address,
        "--",
        *arguments,
    ]
