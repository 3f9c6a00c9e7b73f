"""A PostgreSQL for the run, as durable as one in use, and what pgbench says of it: the floors of what is past one machine.

The server comes with the tests' wheel; `--postgresql URL` names another one to use instead, on which databases may be made.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psycopg
import sqlalchemy as sa

from bench import known, payload
from bench.machine import Broken
from tests import postgres

# Everything else is as the server ships it: fsync, synchronous_commit and full_page_writes are on.
SETTINGS: Final = ("max_connections=100", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min")
_CLIENTS: Final = (1, 4, 8, 16, 32)
_PGBENCH_GIVES_UP: Final = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `url` ends before the database's name."""

    url: str
    version: str

    def create(self, name: str, fill: Callable[[str], None]) -> str:
        """A database of this name, filled now unless it is there already; its URL."""
        with self._administrator() as db:
            if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return self.database(name)
        unfinished = f"{name}_unfinished"
        with self._administrator() as db:
            db.execute(f'DROP DATABASE IF EXISTS "{unfinished}"')
            db.execute(f'CREATE DATABASE "{unfinished}" TEMPLATE template0')
        fill(self.database(unfinished))
        with self._administrator() as db:
            db.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
        return self.database(name)

    @contextlib.contextmanager
    def copied(self, template: str) -> Iterator[str]:
        """The URL of a copy of a database that nobody uses; it is dropped when the block ends."""
        name = "priyom_bench"
        with self._administrator() as db:
            db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
            # What filling and copying left to be written is not the next run's to write.
            db.execute("CHECKPOINT")
        try:
            yield self.database(name)
        finally:
            with self._administrator() as db:
                db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def rename(self, url: str, name: str) -> None:
        """Keep a database that nobody uses as a template of this name, in the place of an older one."""
        with self._administrator() as db:
            db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            db.execute(f'ALTER DATABASE "{sa.make_url(url).database}" RENAME TO "{name}"')

    def known(self, count: int) -> str:
        """The name of a template with so many known contacts."""
        name = f"priyom_known_{count}"
        self.create(name, lambda url: known.fill_server(url, count))
        return name

    def database(self, name: str) -> str:
        """The URL of a database."""
        return f"{self.url}/{name}"

    def _administrator(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.database("postgres"), autocommit=True, connect_timeout=10)


@contextlib.contextmanager
def running(url: str | None = None) -> Iterator[Server]:
    """The server at `url`, else one of our own for the block. Raises tests.postgres.Missing."""
    if url is not None:
        yield _server(url.rstrip("/"))
        return
    with postgres.running(SETTINGS) as ours:
        yield _server(ours.url("").rstrip("/"))


def _server(url: str) -> Server:
    with psycopg.connect(f"{url}/postgres", connect_timeout=10) as db:
        (version,) = db.execute("SHOW server_version").fetchone() or ("",)
    return Server(url, str(version))


def pgbench() -> Path:
    """Where pgbench is: beside the server of the wheel, else on the PATH. Raises Missing."""
    with contextlib.suppress(postgres.Missing):
        beside = postgres.found() / "pgbench"
        if beside.exists():
            return beside
    on_path = shutil.which("pgbench")
    if on_path is None:
        raise postgres.Missing("pgbench is not installed")
    return Path(on_path)


# One form, one commit: a row of the size of a post under a unique key.
_ONE_TABLE: Final = """
CREATE TABLE inbox (id bigserial PRIMARY KEY, channel integer NOT NULL, ext_id text NOT NULL, payload jsonb NOT NULL,
                    UNIQUE (channel, ext_id));
"""
_ONE: Final = """\
INSERT INTO inbox (channel, ext_id, payload) VALUES (1, gen_random_uuid()::text, '{form}'::jsonb);
"""

# A lead in one transaction, the way it is written first: the form kept and committed, then who it is, the lead, whose turn it is.
_LEAD_TABLES: Final = """
CREATE TABLE inbox (id bigserial PRIMARY KEY, ext_id text NOT NULL UNIQUE, payload jsonb NOT NULL, done boolean NOT NULL);
CREATE TABLE contacts (id bigserial PRIMARY KEY, name text);
CREATE TABLE keys (id bigserial PRIMARY KEY, kind text NOT NULL, value text NOT NULL, contact_id bigint NOT NULL,
                   UNIQUE (kind, value));
CREATE TABLE leads (id bigserial PRIMARY KEY, contact_id bigint NOT NULL, owner_id bigint,
                    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE pointer (next bigint NOT NULL);
INSERT INTO pointer VALUES (0);
INSERT INTO contacts (id, name) SELECT n, 'Николай' FROM generate_series(1, {known}) AS n;
INSERT INTO keys (kind, value, contact_id)
SELECT kind, value || n, n FROM generate_series(1, {known}) AS n, (VALUES ('phone', '+7'), ('email', 'c')) AS way (kind, value);
SELECT setval('contacts_id_seq', {known});
"""
_LEAD: Final = """\
\\set known random(0, 1)
\\if :known
\\set person random(1, {known})
\\else
\\set person random(10000000000, 99999999999)
\\endif
INSERT INTO inbox (ext_id, payload, done) VALUES (gen_random_uuid()::text, '{form}'::jsonb, false) RETURNING id AS entry \\gset
BEGIN;
SELECT coalesce(max(contact_id), 0) AS contact FROM keys
WHERE (kind = 'phone' AND value = '+7' || :person) OR (kind = 'email' AND value = 'c' || :person) \\gset
\\if :contact
\\else
INSERT INTO contacts (name) VALUES ('Николай') RETURNING id AS contact \\gset
INSERT INTO keys (kind, value, contact_id) VALUES ('phone', '+7' || :person, :contact), ('email', 'c' || :person, :contact)
ON CONFLICT DO NOTHING;
\\endif
INSERT INTO leads (contact_id) VALUES (:contact) RETURNING id AS lead \\gset
UPDATE pointer SET next = (next + 1) % {managers} RETURNING next AS owner \\gset
UPDATE leads SET owner_id = :owner WHERE id = :lead;
UPDATE inbox SET done = true WHERE id = :entry;
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor by pgbench: transactions a second of each run with the best number of clients, and what to tell."""

    rates: Sequence[float]
    note: str


def one_commit_inserts(server: Server, runs: int, seconds: float) -> Floor:
    """Row 2's floor: rows a second where each is one prepared INSERT and one commit, with the best number of clients."""
    return _best(server, "one-commit insert", _ONE_TABLE, _ONE.format(form=_form()), runs, seconds)


def naive_leads(server: Server, runs: int, seconds: float, contacts: int, managers: int) -> Floor:
    """Row 3's floor: leads a second where each is one transaction of plain SQL, with the best number of clients."""
    script = _LEAD.format(form=_form(), known=contacts, managers=managers)
    return _best(server, "naive lead", _LEAD_TABLES.format(known=contacts), script, runs, seconds)


def _form() -> str:
    # A colon before a word would be a variable to pgbench.
    return payload.body(1).decode().replace('":"', '": "')


def _best(server: Server, what: str, tables: str, script: str, runs: int, seconds: float) -> Floor:
    """A short try with each number of clients, then the runs with the best of them."""
    url = server.create("priyom_floor", lambda _: None)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
        db.execute(tables.encode())
        db.execute("VACUUM ANALYZE")
        db.execute("CHECKPOINT")
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        few = _CLIENTS if seconds >= 1 else _CLIENTS[:1]
        tried = {clients: _transactions(url, file.name, clients, seconds / 3) for clients in few}
        clients = max(tried, key=lambda number: tried[number])
        rates = [_transactions(url, file.name, clients, seconds) for _ in range(runs)]
    others = ", ".join(f"{number}: {rate:,.0f}" for number, rate in tried.items())
    return Floor(
        rates, f"{what} by pgbench -M prepared, {clients} clients: {median(rates):,.0f}/s (clients tried: {others})"
    )


def _transactions(url: str, script: str, clients: int, seconds: float) -> float:
    address = sa.make_url(url)
    command = [str(pgbench()), "-n", "-M", "prepared", "-f", script, "-c", str(clients), "-j", str(min(2, clients))]
    # It counts whole seconds only; a run of a blink is a few transactions.
    command += ["-T", str(max(1, round(seconds)))] if seconds >= 0.3 else ["-t", "20"]
    command += ["-h", str(address.host), "-p", str(address.port or 5432)]
    command += ["-U", str(address.username or "postgres"), str(address.database)]
    environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": address.password or "", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds + _PGBENCH_GIVES_UP, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise Broken(f"pgbench did not end within {error.timeout:.0f} s") from error
    line = next((line for line in done.stdout.splitlines() if line.startswith("tps = ")), None)
    if done.returncode != 0 or line is None:
        raise Broken(f"pgbench ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return float(line.split()[2])
