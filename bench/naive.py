"""The floor of the end-to-end rate: how the same is written when nobody minds. `python -m bench.naive PORT FILE`.

SQLAlchemy Core over its asynchronous engine (aiosqlite) behind aiohttp, as a program on asyncio begins; a transaction stores the
form, another makes the lead of it; the round robin is a pointer in a row. The same durability as the product: WAL,
synchronous=FULL, 202 after the commit.
"""

import asyncio
import sys
import time
import uuid
from pathlib import Path
from typing import Final

import orjson
import phonenumbers
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bench import payload
from bench.daemon import MANAGERS
from bench.watch import Queries

WORKERS: Final = 8

QUERIES: Final = Queries(
    last="SELECT coalesce(max(id), 0), (SELECT coalesce(max(id), 0) FROM leads), (SELECT count(*) FROM leads) FROM inbox",
    first="SELECT min(received_at) FROM inbox WHERE id > ?",
    pending="SELECT count(*) FROM inbox WHERE done = 0",
    waits="SELECT EXISTS (SELECT 1 FROM inbox WHERE done = 0)",
    leads="SELECT id, received_at, owner_id FROM leads WHERE id > ? AND id <= ? ORDER BY id",
)

metadata = sa.MetaData()
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False, index=True),
)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Integer, nullable=False),
    sa.UniqueConstraint("kind", "value"),
)
leads = sa.Table(
    "leads",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("inbox_id", sa.Integer, nullable=False, unique=True),
    sa.Column("contact_id", sa.Integer, nullable=False, index=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("owner_id", sa.Integer, index=True),
)
pointer = sa.Table("pointer", metadata, sa.Column("next", sa.Integer, nullable=False))


def engine_of(path: Path) -> AsyncEngine:
    """SQLite as SQLAlchemy's documentation sets it up for writers side by side."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 60.0}, pool_size=2 * WORKERS, max_overflow=0
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _open(connection: AsyncAdapt_aiosqlite_connection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def template(folder: Path, count: int) -> Path:
    """A database file with `count` known contacts, made once and kept in `folder`."""
    path = folder / f"naive-{count}.db"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        engine = sa.create_engine(f"sqlite:///{unfinished}")
        metadata.create_all(engine)
        with engine.begin() as db:
            db.execute(sa.insert(pointer), [{"next": 0}])
            db.execute(sa.insert(contacts), [{"id": person + 1, "name": "Николай"} for person in range(count)])
            db.execute(sa.insert(keys), [
                {"kind": kind, "value": value, "contact_id": person + 1}
                for person in range(count)
                for kind, value in (("phone", payload.phone(person)), ("email", payload.email(person)))
            ])  # fmt: skip
        engine.dispose()
        unfinished.rename(path)
    return path


class Naive:
    """The server: its handler stores, its workers make leads."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._stored: asyncio.Queue[int] = asyncio.Queue()
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def accept(self, request: web.Request) -> web.Response:
        """202 after the commit."""
        body = await request.read()
        orjson.loads(body)
        key = request.headers.get("Idempotency-Key") or str(uuid.uuid4())
        values = {"key": key, "received_at": time.time_ns() // 1000, "body": body.decode()}
        async with self._engine.begin() as db:
            number: int = (await db.execute(sa.insert(inbox).values(values).returning(inbox.c.id))).scalar_one()
        self._stored.put_nowait(number)
        return web.json_response({"id": number}, status=202)

    async def _work(self) -> None:
        while True:
            number = await self._stored.get()
            async with self._engine.begin() as db:
                await _make_lead(db, number)


async def _make_lead(db: AsyncConnection, number: int) -> None:
    row = (await db.execute(sa.select(inbox).where(inbox.c.id == number))).one()
    form = orjson.loads(row.body)
    phone = phonenumbers.format_number(phonenumbers.parse(form["phone"], "RU"), phonenumbers.PhoneNumberFormat.E164)
    given = [("phone", phone), ("email", form["email"].strip().lower())]
    contact = await _contact(db, given, form["name"])
    owner = (await db.execute(sa.select(pointer.c.next))).scalar_one()
    await db.execute(sa.update(pointer).values(next=(owner + 1) % MANAGERS))
    lead = {"inbox_id": number, "contact_id": contact, "received_at": row.received_at, "owner_id": owner + 1}
    await db.execute(sa.insert(leads).values(lead))
    await db.execute(sa.update(inbox).where(inbox.c.id == number).values(done=True))


async def _contact(db: AsyncConnection, given: list[tuple[str, str]], name: str) -> int:
    for kind, value in given:
        asked = sa.select(keys.c.contact_id).where(keys.c.kind == kind, keys.c.value == value)
        known: int | None = (await db.execute(asked)).scalar()
        if known is not None:
            return known
    made = await db.execute(sa.insert(contacts).values(name=name).returning(contacts.c.id))
    contact: int = made.scalar_one()
    for kind, value in given:
        await db.execute(sa.insert(keys).values(kind=kind, value=value, contact_id=contact))
    return contact


async def serve(port: int, path: Path) -> None:
    """Listen until killed."""
    application = web.Application()
    application.add_routes([web.post("/in/site", Naive(engine_of(path)).accept), web.get("/readyz", _ready)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


async def _ready(_: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        asyncio.run(serve(port, path))
    else:
        uvloop.run(serve(port, path))


if __name__ == "__main__":
    main()
