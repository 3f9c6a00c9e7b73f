"""How often the daemon speaks to a server of PostgreSQL: each time wakes the server, and lets Python's lock go."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from storage.rows import insert
from storage.schema import bodies, channels
from storage.store import Store


@contextlib.asynccontextmanager
async def overheard(store: Store) -> AsyncIterator[tuple[Store, list[bytes]]]:
    """Another store over the same server, and every piece that it says."""
    pieces: list[bytes] = []
    lines: list[asyncio.Task[None]] = []

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                kept.append(data)
                sink.write(data)
        sink.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, beyond = await asyncio.open_connection(store.url.host, store.url.port)
        lines.extend(asyncio.create_task(one) for one in (pass_on(reader, beyond, pieces), pass_on(there, writer, [])))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as line:
        _, port = line.sockets[0].getsockname()
        beside = Store(store.url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False))
        try:
            yield beside, pieces
        finally:
            await asyncio.to_thread(beside.close)
            await asyncio.gather(*lines)


@pytest.mark.parametrize("database", ["postgresql"])
async def test_begin_leaves_with_a_question_and_each_with_what_makes_the_server_answer(store: Store) -> None:
    def unit(db: sa.Connection) -> None:
        for number in (1, 2):
            assert db.execute(sa.select(sa.literal(number))).scalar_one() == number

    async with overheard(store) as (beside, pieces):
        for _ in range(2):
            pieces.clear()
            await asyncio.to_thread(beside.transact_raw, unit)
        told = [[word for word in (b"BEGIN", b"SELECT", b"COMMIT") if word in piece] for piece in pieces]
        assert told == [[b"BEGIN", b"SELECT"], [b"SELECT"], [b"COMMIT"]]


@pytest.mark.parametrize("database", ["postgresql"])
async def test_what_fails_before_it_has_left_is_a_failure_of_its_own_unit(store: Store) -> None:
    def nothing(_db: sa.Connection) -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await store.run(nothing)
        assert (
            await store.run(lambda db: db.execute(sa.select(sa.func.count()).select_from(channels)).scalar_one()) == 0
        )


@pytest.mark.parametrize("database", ["postgresql"])
async def test_what_is_larger_than_the_way_to_the_server_holds_at_once_leaves_whole(store: Store) -> None:
    size = 32 * 1024 * 1024

    def unit(db: sa.Connection) -> int:
        insert(db, bodies, ("journal_id", "codec", "meta", "body"), [(1, 0, "{}", "x" * size)])
        kept: int = db.execute(sa.select(sa.func.length(bodies.c.body))).scalar_one()
        db.execute(sa.delete(bodies))
        return kept

    assert await store.run(unit) == size
