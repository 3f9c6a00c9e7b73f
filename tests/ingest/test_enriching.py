"""Files that stay at their provider, over both databases: fetched afterwards, tried again, at last given up."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from channels.adapter import Adapter, Rejected, Unavailable
from channels.message import Attachment, Inbound
from ingest.pipeline.enriching import LEASE, PAUSES, Enriching
from ingest.pipeline.settle import Reading
from kernel.clock import Clock
from storage import fetches
from storage.files import Files
from storage.schema import contacts, interactions
from storage.schema import fetches as fetches_table
from storage.store import Store
from tests.ingest.parts import NOW, Parts, Plain, at_clock, company, envelope, wire


class Keeper(Plain):
    """A provider that keeps files; what is no file of its own is the trouble that fetching it makes."""

    fetches = True

    def __init__(self, files: Mapping[str, bytes | Exception]) -> None:
        super().__init__("site")
        self.files = dict(files)
        self.names: dict[str, str | Exception | None] = {}
        self.asked: list[str] = []

    async def profile(self, locator: str) -> str | None:
        self.asked.append(locator)
        found = self.names[locator]
        if isinstance(found, Exception):
            raise found
        return found

    async def fetch(self, locator: str, most: int) -> bytes:
        self.asked.append(locator)
        found = self.files[locator]
        if isinstance(found, Exception):
            raise found
        return found


class Fetching:
    """A fetcher over a store, and what it fetches from."""

    def __init__(self, parts: Parts, folder: Path, clock: Clock, adapters: Mapping[str, Adapter[Any]]) -> None:
        self.parts = parts
        self.clock = clock
        self.files = Files(folder)
        self.enriching = Enriching(parts.store, parts.names, self.files, adapters, clock)

    async def all(self) -> int:
        """Fetch whatever is due; how many attempts that took."""
        count = 0
        while await self.enriching.step():
            count += 1
        return count

    def receive(self, *locators: str, ref: str | None = None) -> None:
        """An approach with these files."""
        files = tuple(Attachment(f"{n}.jpg", "image/jpeg", None, locator=f"kept:{n}") for n in locators)
        (accepted,) = self.parts.append(envelope({}, NOW))
        (claimed,) = self.parts.claim()
        assert accepted.id == claimed.uid
        said = Inbound("photo", "чертёж", phones=("+79120000001",), ref=ref, attachments=files)
        self.parts.write([Reading(claimed, said)])

    def hear(self, text: str, name: str | None = None, *locators: str) -> None:
        """A message of somebody whose provider can be asked for his name."""
        self.parts.append(envelope({}, NOW))
        (claimed,) = self.parts.claim()
        files = tuple(Attachment(f"{n}.jpg", "image/jpeg", None, locator=f"kept:{n}") for n in locators)
        who = (("vk", "7"),)
        said = Inbound("text", text, name=name, identities=who, attachments=files, profile="kept:who")
        self.parts.write([Reading(claimed, said)])

    @property
    def named(self) -> list[list[Any]]:
        """What contacts and leads are called."""
        people = [row["name"] for row in self.parts.rows(contacts)]
        return [people, [row["title"] for row in self.parts.rows(interactions)]]

    @property
    def attachments(self) -> list[dict[str, Any]]:
        (row,) = self.parts.rows(interactions)
        shown: list[dict[str, Any]] = orjson.loads(row["details"])["attachments"]
        return shown

    def content(self, place: int) -> bytes:
        found = self.files.path(self.attachments[place]["file"])
        assert found is not None
        return found.read_bytes()


def fetching(store: Store, folder: Path, **files: bytes | Exception) -> tuple[Fetching, Keeper]:
    keeper = Keeper({f"kept:{name}": content for name, content in files.items()})
    made = Fetching(wire(store, company()), folder, at_clock(NOW), {"site": keeper})
    return made, keeper


async def test_a_file_is_fetched_once_its_interaction_is_there(store: Store, tmp_path: Path) -> None:
    made, keeper = fetching(store, tmp_path, a=b"one", b=b"second")
    made.receive("a", "b")
    assert [(one["file"], one["dropped"]) for one in made.attachments] == [(None, None)] * 2
    assert await made.all() == 2
    assert [made.content(place) for place in (0, 1)] == [b"one", b"second"]
    assert [one["size"] for one in made.attachments] == [3, 6]
    assert await made.all() == 0
    assert keeper.asked == ["kept:a", "kept:b"]


async def test_what_cannot_be_had_now_is_tried_again_and_at_last_given_up(store: Store, tmp_path: Path) -> None:
    made, keeper = fetching(store, tmp_path, a=Unavailable("away"))
    made.receive("a")
    for pause in PAUSES:
        assert await made.all() == 1
        assert await made.all() == 0
        made.clock.advance(pause + timedelta(seconds=1))
    keeper.files["kept:a"] = Unavailable("still away")
    assert await made.all() == 1
    assert made.attachments[0]["dropped"] == "unavailable"
    assert made.parts.rows(fetches_table) == []


async def test_what_is_gone_says_so_and_costs_its_neighbour_nothing(store: Store, tmp_path: Path) -> None:
    made, _ = fetching(store, tmp_path, a=Rejected(404, "gone", "no such file"), b=b"two", c=ValueError("a defect"))
    made.receive("a", "b", "c")
    await made.all()
    assert [one["dropped"] for one in made.attachments] == ["gone", None, None]
    assert made.content(1) == b"two"
    assert len(made.parts.rows(fetches_table)) == 1


async def test_who_dies_while_fetching_leaves_it_to_be_fetched_again(store: Store, tmp_path: Path) -> None:
    made, _ = fetching(store, tmp_path, a=b"one")
    made.receive("a")
    taken = store.transact(lambda db: fetches.take(db, made.parts.names, NOW, LEASE))
    assert taken is not None
    assert await made.all() == 0
    made.clock.advance(LEASE + timedelta(seconds=1))
    assert await made.all() == 1
    assert made.content(0) == b"one"


async def test_who_is_stopped_while_fetching_gives_it_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, keeper = fetching(store, tmp_path, a=b"one")
    made.receive("a")

    async def stopped(_locator: str, _most: int) -> bytes:
        raise asyncio.CancelledError

    with monkeypatch.context() as stopping:
        stopping.setattr(keeper, "fetch", stopped)
        with pytest.raises(asyncio.CancelledError):
            await made.enriching.step()
    assert await made.all() == 1
    assert made.content(0) == b"one"


async def test_a_file_that_arrives_after_its_message_was_changed_is_not_put_in_anothers_place(
    store: Store, tmp_path: Path
) -> None:
    made, _ = fetching(store, tmp_path, a=b"one", b=b"two")
    made.receive("a", ref="album")
    late = store.transact(lambda db: fetches.take(db, made.parts.names, NOW, LEASE))
    assert late is not None
    (row,) = made.parts.rows(interactions)
    store.transact(lambda db: fetches.want(db, [(row["id"], 0, "kept:b")], NOW))
    store.transact(lambda db: fetches.done(db, late, file="f" * 64, size=3, dropped=None))
    assert made.attachments[0]["file"] is None
    assert await made.all() == 1
    assert made.content(0) == b"two"


async def test_somebody_new_gets_his_name_afterwards_and_his_lead_is_called_by_it(store: Store, tmp_path: Path) -> None:
    made, keeper = fetching(store, tmp_path)
    keeper.names["kept:who"] = Unavailable("away")
    made.hear("Нужен цемент")
    made.hear("и песок")
    assert await made.all() == 1
    assert made.named == [[None], ["Нужен цемент", None]]
    keeper.names["kept:who"] = " Анна\0 Белова "
    made.clock.advance(PAUSES[0] + timedelta(seconds=1))
    assert await made.all() == 1
    assert made.named == [["Анна Белова"], ["Анна Белова – Нужен цемент", None]]
    # Whoever is known is not asked about again.
    made.hear("и щебень")
    assert (await made.all(), keeper.asked) == (0, ["kept:who"] * 2)
    assert orjson.loads(made.parts.rows(interactions)[0]["details"])["name"] == "Анна Белова"


async def test_whoever_said_his_name_is_not_asked_about(store: Store, tmp_path: Path) -> None:
    made, _ = fetching(store, tmp_path)
    made.hear("Нужен цемент", "Аня")
    assert (await made.all(), made.named[0]) == (0, ["Аня"])


@pytest.mark.parametrize("answer", [None, "", Rejected(404, "gone", "nobody")])
async def test_a_name_that_nobody_says_leaves_everything_as_it_is(
    store: Store, tmp_path: Path, answer: str | Exception | None
) -> None:
    made, keeper = fetching(store, tmp_path, a=b"one")
    keeper.names["kept:who"] = answer
    made.hear("Нужен цемент", None, "a")
    assert await made.all() == 2
    assert made.named == [[None], ["Нужен цемент"]]
    assert (made.content(0), made.attachments[0]["dropped"]) == (b"one", None)
    assert made.parts.rows(fetches_table) == []


async def test_a_name_that_was_said_meanwhile_is_kept(store: Store, tmp_path: Path) -> None:
    made, keeper = fetching(store, tmp_path)
    made.hear("Нужен цемент")
    made.hear("это я", "Аня")
    keeper.names["kept:who"] = "Анна Белова"
    assert await made.all() == 1
    assert made.named[0] == ["Аня"]


@pytest.mark.parametrize("adapters", [{}, {"site": Plain("site")}], ids=["none", "no fetcher"])
async def test_where_nobody_fetches_the_store_is_left_alone(
    store: Store, tmp_path: Path, adapters: Mapping[str, Adapter[Any]]
) -> None:
    made = Fetching(wire(store, company()), tmp_path, at_clock(NOW), adapters)
    made.receive("a")
    assert await made.all() == 0


def test_a_name_of_the_files_own_is_no_locator() -> None:
    assert Attachment("a", "b", 1, locator="kept:a").remote
    assert not Attachment("a", "b", 1, locator="f" * 64).remote
    assert not Attachment("a", "b", 1, content=b"x", locator="kept:a").remote
