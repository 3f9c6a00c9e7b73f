"""What the store need not keep goes, in small steps; what somebody may still need stays; and nothing loses its account."""

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from desk.ports import Refused
from ingest.assembly import Parts as Assembled
from ingest.assembly import assemble
from ingest.upkeep.growth import Growth
from ingest.upkeep.upkeep import GONE_AFTER, Upkeep
from storage import outbox, revisions, space
from storage.files import Files
from storage.outbox import Announcement
from storage.schema import bodies, interactions, journal, links
from storage.schema import outbox as notices
from storage.statistics import FEWEST, analyse
from storage.store import Store
from tests.ingest.configured import configured
from tests.ingest.parts import NOW, Parts, at_clock, envelope, wire

CONFIG = """\
channels: {site: {kind: webform}}
managers: {anna: {name: Анна}}
teams: {sales: {managers: [anna]}}
routing: [{team: sales}]
retention: {bodies: 30d, notices: 30d}
"""
LATE = NOW + timedelta(days=31)
ANNA = {"phones": ["8 912 345-67-81"]}

Company = Callable[[], Awaitable[tuple[Parts, Assembled]]]


@pytest.fixture
def company(store: Store, tmp_path: Path) -> Company:
    """A store whose clock stands a month behind what tests put into it at NOW."""

    async def made() -> tuple[Parts, Assembled]:
        config = configured(
            tmp_path, CONFIG + f"storage: {{url: '{store.url.render_as_string(hide_password=False)}'}}\n"
        )
        assembled = await assemble(config, store, at_clock(LATE))
        return wire(store), assembled

    return made


async def sweep(assembled: Assembled, *, dry_run: bool = False) -> dict[str, int]:
    """Sweep, and how many of each kind went."""
    assembled.serving.upkeep.begin(dry_run=dry_run, whole=False)
    report = await assembled.serving.upkeep.progress(30)
    assert report is not None
    assert (report.done, report.error) == (True, None)
    return {name: getattr(report, name).count for name in ("bodies", "notices", "links", "files")}


def kept(store: Store) -> set[int]:
    """The envelopes that have their bodies."""
    return store.transact(lambda db: set(db.execute(sa.select(bodies.c.journal_id)).scalars()))


async def test_old_bodies_go_and_everything_else_stays(company: Company) -> None:
    parts, assembled = await company()
    parts.append(*(envelope(ANNA) for _ in range(250)), envelope(b"boom"), envelope(ANNA, LATE))
    parts.drain()
    parts.append(envelope(ANNA))
    before = parts.balanced()

    counted = await sweep(assembled, dry_run=True)
    assert len(kept(parts.store)) == 253
    assert await sweep(assembled) == counted == {"bodies": 251, "notices": 0, "links": 0, "files": 0}

    left = kept(parts.store)
    assert sorted(row["outcome"] for row in parts.rows(journal) if row["id"] in left) == ["created", "pending"]
    assert parts.balanced() == before
    assert (await assembled.serving.office.journal.ledger())["balanced"]


async def test_an_envelope_without_its_body_says_so_and_is_not_read_again(company: Company) -> None:
    parts, assembled = await company()
    (accepted,) = parts.append(envelope(b"boom", identity="poison"))
    parts.drain()
    await sweep(assembled)

    shown = await assembled.serving.office.journal.envelope(accepted.id)
    assert (shown["outcome"], shown["expired"], "body" in shown) == ("failed", True, False)
    for dry_run in (True, False):
        told = await assembled.serving.office.journal.replay(
            [accepted.id], as_client=False, dry_run=dry_run, actor="irina"
        )
        assert told["items"] == [{"id": accepted.id, "replayed": False, "code": "expired"}]
    (again,) = parts.append(envelope(b"boom", LATE, identity="poison"))
    assert again.duplicate
    assert (await assembled.serving.office.journal.ledger())["balanced"]


async def test_bodies_are_found_in_every_block_of_ids(company: Company) -> None:
    parts, assembled = await company()
    parts.append(*(envelope(ANNA) for _ in range(20)), *(envelope(ANNA, LATE) for _ in range(250)))
    other = Store(parts.store.url.render_as_string(hide_password=False))
    wire(other).append(*(envelope(ANNA) for _ in range(3)))
    other.close()
    parts.store.transact(lambda db: db.execute(sa.update(journal).values(outcome="ignored")))
    assert (await sweep(assembled))["bodies"] == 23


async def test_notices_that_were_sent_long_ago_go_and_those_to_be_sent_stay(company: Company) -> None:
    parts, assembled = await company()
    now = NOW

    def announce(db: sa.Connection) -> None:
        told = [Announcement("summary", "anna", {"day": "2026-09-01"})] * 3
        outbox.announce(db, parts.names, told, (parts.store.ids.take() for _ in told), now)
        first, second, _ = db.execute(sa.select(notices.c.id).order_by(notices.c.id)).scalars()
        for number, state in ((first, "sent"), (second, "dead")):
            db.execute(sa.update(notices).where(notices.c.id == number).values(state=state))
        db.execute(sa.insert(links).values(hash="h", purpose="bot", person="anna", until=1))

    parts.store.transact(announce)
    gone = await sweep(assembled)
    assert (gone["notices"], gone["links"]) == (2, 1)
    left = parts.store.transact(lambda db: db.execute(sa.select(notices.c.state)).scalars().all())
    assert left == ["due"]


async def test_old_notices_behind_many_answers_that_stay_go_too(company: Company) -> None:
    parts, assembled = await company()

    def fill(db: sa.Connection) -> None:
        words = [(parts.store.ids.take(), 1, 1) for _ in range(100)]
        outbox.say_many(db, words, NOW)
        outbox.announce(db, parts.names, [Announcement("summary", "anna", {})], iter([parts.store.ids.take()]), NOW)
        db.execute(sa.update(notices).values(state="sent"))

    parts.store.transact(fill)
    assert (await sweep(assembled))["notices"] == 1
    assert len(parts.rows(notices)) == 100


async def test_old_bodies_behind_many_that_are_still_to_be_read_go_too(company: Company) -> None:
    parts, assembled = await company()
    parts.append(*(envelope(ANNA) for _ in range(100)), envelope(b"boom"))
    parts.store.transact(
        lambda db: db.execute(
            sa.update(journal)
            .where(journal.c.id == sa.select(sa.func.max(journal.c.id)).scalar_subquery())
            .values(outcome="failed")
        )
    )
    assert (await sweep(assembled))["bodies"] == 1


async def test_files_that_no_interaction_names_go(company: Company, store: Store) -> None:
    parts, assembled = await company()
    folder = assembled.core.config.files
    files = Files(folder)
    named, orphan, fresh = files.keep(b"named"), files.keep(b"orphan"), files.keep(b"fresh")
    half = folder / orphan[:2] / "tmp123"
    half.write_bytes(b"half")
    for place in (files.path(named), files.path(orphan), half):
        assert place is not None
        os.utime(place, (NOW.timestamp(), NOW.timestamp()))
    os.utime(folder / fresh[:2] / fresh, (LATE.timestamp(), LATE.timestamp()))
    parts.take({**ANNA, "text": "see"})
    details = f'{{"fields":{{}},"attachments":[{{"name":"100%.pdf","file":"{named}"}}]}}'
    store.transact(lambda db: db.execute(sa.update(interactions).values(details=details)))

    assert (await sweep(assembled))["files"] == 1
    assert [files.path(name) is not None for name in (named, orphan, fresh)] == [True, False, True]
    assert not half.exists()


def test_a_file_that_is_kept_again_while_it_is_swept_stays(tmp_path: Path) -> None:
    files = Files(tmp_path)
    name = files.keep(b"content")
    os.utime(tmp_path / name[:2] / name, (0, 0))
    old = files.untouched(1.0)
    assert files.keep(b"content") == name
    assert files.remove(old, 1.0) == (0, 0)
    assert files.path(name) is not None


def test_a_sweep_that_was_killed_half_way_is_taken_up_by_the_next(tmp_path: Path) -> None:
    files = Files(tmp_path)
    name = files.keep(b"content")
    place = tmp_path / name[:2] / name
    os.utime(place, (0, 0))
    place.rename(place.with_suffix(".going"))
    assert files.untouched(1.0) == {bytes.fromhex(name)}
    assert files.path(name) is not None


def test_a_file_that_was_kept_again_and_half_removed_is_back_with_the_next_sweep(tmp_path: Path) -> None:
    files = Files(tmp_path)
    name = files.keep(b"content")
    place = tmp_path / name[:2] / name
    place.rename(place.with_suffix(".going"))
    assert files.untouched(1.0) == set()
    assert files.path(name) is not None


def test_what_somebody_else_keeps_in_the_folder_of_files_stays(tmp_path: Path) -> None:
    other = tmp_path / "ru" / "contract.pdf"
    other.parent.mkdir()
    other.write_bytes(b"not ours")
    os.utime(other, (0, 0))
    assert Files(tmp_path).untouched(1.0) == set()
    assert other.exists()


async def test_of_several_processes_one_sweeps_each_night(company: Company, store: Store) -> None:
    _, assembled = await company()
    upkeep, clock = assembled.serving.upkeep, assembled.core.clock
    clock.advance(timedelta(hours=-12))  # noon in Moscow becomes midnight
    assert not await upkeep.nightly()
    clock.advance(timedelta(hours=4))
    assert await upkeep.nightly()
    assert not await upkeep.nightly()
    assert store.transact(lambda db: revisions.setting(db, "swept_on")) == "2026-10-02"


async def test_a_sweep_that_comes_to_no_end_is_begun_again_the_same_night(company: Company, store: Store) -> None:
    parts, assembled = await company()
    parts.append(*(envelope(ANNA) for _ in range(20)))
    parts.drain()
    clock, healthy = assembled.core.clock, assembled.serving.upkeep

    def dies() -> bool:
        raise RuntimeError("the process is gone")

    dying = Upkeep(store, assembled.core.files, assembled.core.current, clock, dies)
    assert not await dying.nightly()
    # For all that the others know, it is still at it.
    assert not await healthy.nightly()
    assert len(kept(store)) == 20
    clock.advance(GONE_AFTER + timedelta(seconds=1))
    assert await healthy.nightly()
    assert kept(store) == set()
    clock.advance(GONE_AFTER + timedelta(seconds=1))
    assert not await healthy.nightly()


@pytest.mark.parametrize("database", ["sqlite"])
async def test_the_file_of_the_store_gets_shorter(company: Company) -> None:
    parts, assembled = await company()
    parts.append(*(envelope({**ANNA, "text": "x" * 200_000}) for _ in range(40)))
    parts.drain()
    parts.store.transact(lambda db: db.execute(sa.update(interactions).values(text="")))
    before = parts.store.transact(space.taken)
    await sweep(assembled)
    after = parts.store.transact(space.taken)
    assert (before.elastic, after.free <= space.SPARE) == (True, True)
    assert after.pages < before.pages - 1_000


async def test_only_sqlites_file_is_written_anew(company: Company, store: Store) -> None:
    _, assembled = await company()
    if store.embedded:
        assert (await assembled.serving.office.sweeps.sweep(dry_run=False, whole=True))["done"]
    else:
        with pytest.raises(Refused, match="PostgreSQL"):
            await assembled.serving.office.sweeps.sweep(dry_run=False, whole=True)


async def test_the_planner_is_told_when_a_table_has_doubled(store: Store) -> None:
    growth = Growth(store)
    if store.embedded:
        store.transact(lambda db: db.execute(sa.insert(bodies), _many(0, FEWEST)))
        assert await growth.look() == []
        return
    # Other tests have left statistics of their own.
    store.transact(lambda db: analyse(db, "bodies"))
    _insert_told(store, 0, FEWEST)
    assert "bodies" in await growth.look()
    assert "bodies" not in await growth.look()
    _insert_told(store, FEWEST, FEWEST // 2)
    assert "bodies" not in await growth.look()


def _insert_told(store: Store, start: int, count: int) -> None:
    """Insert, and have this very connection tell the server's counters at once: they lag behind otherwise."""

    def unit(db: sa.Connection) -> None:
        db.execute(sa.insert(bodies), _many(start, count))
        db.exec_driver_sql("SELECT pg_stat_force_next_flush()").close()

    store.transact(unit)


def _many(start: int, count: int) -> list[dict[str, object]]:
    return [{"journal_id": start + number, "codec": 0, "meta": "", "body": ""} for number in range(count)]
