"""Several processes and one revision: whoever puts it in force, the others go by it as far as their own files make it."""

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from desk.ports import Refused
from ingest.assembly import Parts, assemble
from ingest.assembly.core import _start
from ingest.config.schema import Config
from ingest.office.following import Following
from kernel.clock import Clock
from storage import leases, processes, revisions
from storage.names import Names
from storage.processes import Said
from storage.revisions import current_id
from storage.store import Away, Store
from tests.ingest.configured import SMALL, configured
from tests.ingest.parts import NOW, at_clock

OTHER = SMALL.replace("Анна", "Инна")
MORE = OTHER.replace("channels: {", "channels: {landing: {kind: webform}, ")
SPAN = timedelta(minutes=1)
US = "01990000-0000-7000-8000-000000000001"
THEM = "01990000-0000-7000-8000-000000000002"


class Process:
    """One process of several over a store, with a file of its own."""

    def __init__(self, parts: Parts, folder: Path, *, stood_back: bool = False) -> None:
        self.parts = parts
        self.file = folder / "config.yaml"
        self.following = Following(US, parts.core.current, parts.reloader, stood_back=stood_back)

    @property
    def channels(self) -> set[str]:
        return set(self.parts.core.adapters) - {"desk"}

    async def see(self) -> None:
        await self.following.see(self.parts.core.store.peek(processes.company))


async def started(store: Store, folder: Path, text: str, *, stood_back: bool = False) -> Process:
    folder.mkdir()
    config = configured(folder, text)
    return Process(await assemble(config, store, at_clock(NOW), folder / "config.yaml"), folder, stood_back=stood_back)


def live(store: Store, digest: str) -> None:
    """Another process lives, whose file makes this."""
    store.transact(lambda db: processes.beat(db, THEM, Said(0, digest, {}), SPAN))


async def test_a_revision_that_another_process_put_in_force_brings_its_channels_where_the_file_has_them(
    store: Store, tmp_path: Path
) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    await other.see()
    one.file.write_text(MORE)
    other.file.write_text(MORE)
    await one.parts.reloader.reload("irina")
    assert "landing" not in other.channels
    await other.see()
    assert "landing" in other.channels
    assert other.following.is_applied
    assert store.peek(current_id) == 2


async def test_a_file_that_makes_another_revision_changes_nothing_and_says_so(store: Store, tmp_path: Path) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    await other.see()
    before = other.channels
    one.file.write_text(MORE)
    await one.parts.reloader.reload("irina")
    with structlog.testing.capture_logs() as told:
        await other.see()
        await other.see()
    assert [line["action"] for line in told] == ["config.other"]
    assert (other.channels, other.following.is_applied, store.peek(current_id)) == (before, False, 2)


async def test_a_revision_is_followed_even_where_the_store_was_away_at_first(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    await other.see()
    one.file.write_text(MORE)
    other.file.write_text(MORE)
    await one.parts.reloader.reload("irina")

    async def away(_unit: object) -> None:
        raise Away("for a moment")

    with monkeypatch.context() as patched:
        patched.setattr(store, "read", away)
        await other.see()
    assert not other.following.is_applied
    await other.see()
    assert other.following.is_applied
    assert "landing" in other.channels


async def test_a_revision_that_was_put_in_force_before_the_first_look_is_followed(store: Store, tmp_path: Path) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    one.file.write_text(MORE)
    other.file.write_text(MORE)
    await one.parts.reloader.reload("irina")
    await other.see()
    assert other.following.is_applied
    assert "landing" in other.channels


async def test_a_reload_is_heard_of_even_where_the_clock_of_an_earlier_one_was_ahead(
    store: Store, tmp_path: Path
) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    ahead = (NOW + timedelta(days=1)).isoformat(timespec="microseconds")
    store.transact(lambda db: revisions.advance(db, processes.RELOADED, ahead))
    await other.see()
    # What no revision holds, the secret of a channel for one.
    await one.parts.reloader.reload("irina")
    with structlog.testing.capture_logs() as told:
        await other.see()
    assert [line["action"] for line in told] == ["config.followed"]


async def test_a_file_that_has_a_fault_is_not_followed(store: Store, tmp_path: Path) -> None:
    one, other = await started(store, tmp_path / "a", SMALL), await started(store, tmp_path / "b", SMALL)
    await other.see()
    one.file.write_text(MORE)
    other.file.write_text("chanels: {}")
    await one.parts.reloader.reload("irina")
    with structlog.testing.capture_logs() as told:
        await other.see()
    assert [line["action"] for line in told] == ["config.refused"]
    with pytest.raises(Refused):
        await other.parts.reloader.plan()


def start(store: Store, config: Config) -> bool:
    """Start among others; whether the file stood back."""
    return store.transact(lambda db: _start(db, config, Names(), Clock(), embedded=False)).stood_back


async def test_a_start_puts_no_other_revision_in_force_while_others_stand_by_theirs(
    store: Store, tmp_path: Path
) -> None:
    running = await started(store, tmp_path / "a", SMALL)
    (tmp_path / "b").mkdir()
    config = configured(tmp_path / "b", MORE)
    live(store, running.following.digest())
    assert start(store, config)
    assert store.peek(current_id) == 1
    assert store.peek(lambda db: Names().channels.number(db, "landing"))
    store.transact(lambda db: processes.leave(db, THEM))
    assert not start(store, config)
    assert store.peek(current_id) == 2


async def test_who_stood_back_before_processes_that_were_dead_already_comes_forward(
    store: Store, tmp_path: Path
) -> None:
    old = await started(store, tmp_path / "a", SMALL)
    newer = await started(store, tmp_path / "b", SMALL, stood_back=True)
    newer.parts.core.current.config = configured(tmp_path / "b", OTHER)
    live(store, old.following.digest())
    await newer.see()
    assert store.peek(current_id) == 1
    store.transact(lambda db: processes.leave(db, THEM))
    await newer.see()
    assert store.peek(current_id) == 2
    await newer.see()
    assert newer.following.is_applied


async def test_a_file_with_a_channel_s_old_name_makes_no_second_channel_of_it(store: Store, tmp_path: Path) -> None:
    renamed = SMALL.replace("site: {kind", "form: {was: site, kind")
    running = await started(store, tmp_path / "a", SMALL)
    running.file.write_text(renamed)
    await running.parts.reloader.reload("irina")
    live(store, running.following.digest())
    (tmp_path / "b").mkdir()
    assert start(store, configured(tmp_path / "b", SMALL))
    assert "site" not in store.peek(Names().channels.all)
    found = store.transact(lambda db: leases.renew(db, Names(), "us", [leases.of_channel("site"), "watch"], SPAN))
    assert found == {"watch": None}
