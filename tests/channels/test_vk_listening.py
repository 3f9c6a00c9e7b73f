"""A community that is polled, over a played VK: what is asked for when, what a gap brings back, and what follows each trouble."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from channels.adapter import Misconfigured, Rejected, Unavailable
from channels.message import Position
from channels.vk import Adapter, Config
from channels.vk.aside import aside
from channels.vk.catching_up import missed
from channels.vk.connection import Connection
from tests.channels.listening import WITHIN, Port, failure
from tests.channels.listening import listening as attempt
from tests.played import Fault
from tests.vk import DATE, GROUP, NO_RIGHT, POLL, SLOWER, TOKEN, UNKNOWN, Vk, refusal

NOW = datetime.fromtimestamp(DATE, UTC)


class Store(Port):
    """The port of a community, at the time of its messages."""

    def now(self) -> datetime:
        """When the first was written."""
        return NOW

    async def holding(self, *texts: str) -> None:
        await self.until(lambda: set(self.texts) >= set(texts))

    @property
    def texts(self) -> list[str]:
        said = [orjson.loads(e.body)["object"] for e in self.kept.values()]
        return [one.get("message", one).get("text", "") for one in said]

    @property
    def ts(self) -> int:
        return self.reached["events"].position


@pytest.fixture
async def vk() -> AsyncIterator[Vk]:
    async with Vk() as played:
        yield played


def community(vk: Vk, **config: Any) -> Adapter:
    given = {"kind": "vk", "token": TOKEN, "group_id": GROUP, "api_base": vk.url, **config}
    return Adapter("vk", Config(**given), secret=b"k" * 32, language="ru")


@asynccontextmanager
async def listening(vk: Vk, store: Store) -> AsyncIterator["asyncio.Task[None]"]:
    """An attempt to listen; inside, it has begun to poll."""
    polls = len(vk.called(POLL))
    async with attempt(community(vk), store) as task:
        await vk.until(lambda: len(vk.called(POLL)) > polls)
        yield task


async def fails(adapter: Adapter, store: Store | None = None) -> Exception:
    return await failure(adapter, store or Store(), TOKEN, "key-")


def asked(vk: Vk) -> list[int]:
    """The numbers from which it was polled."""
    return [int(call["ts"]) for call in vk.called(POLL)]


# --- events ---


async def test_the_first_time_nothing_from_before_is_taken_and_the_number_is_kept_at_once(vk: Vk) -> None:
    await vk.write(7, "давно")
    store = Store()
    async with listening(vk, store):
        assert store.ts == vk.ts
        await vk.write(7, "сейчас")
        await store.holding("сейчас")
    assert store.texts == ["сейчас"]
    (asked_for,) = vk.called("groups.getLongPollServer")
    assert (asked_for["group_id"], asked_for["v"]) == (str(GROUP), "5.199")


async def test_an_event_is_kept_as_it_came_and_asked_on_from_after_its_commit(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        await vk.write(7, "Нужен цемент", something_new={"in": ["a", "later", "version"]})
        await vk.until(lambda: len(vk.called(POLL)) == 2)
    (kept,) = store.kept.values()
    ((number, sent),) = vk.events
    assert (orjson.loads(kept.body), kept.identity, kept.received_at) == (sent, sent["event_id"], NOW)
    assert asked(vk) == [100, number]
    assert store.reached["events"] == Position("events", "1", number)
    assert vk.called(POLL)[0]["wait"] == "25"


async def test_what_could_not_be_committed_is_asked_for_again(vk: Vk) -> None:
    store = Store(refuse=[Unavailable("the store is away")])
    async with listening(vk, store) as first:
        await vk.write(7, "раз")
        with pytest.raises(Unavailable):
            await first
    assert store.texts == []
    async with listening(vk, store):
        await store.holding("раз")
    assert asked(vk)[:2] == [100, 100]


async def test_after_a_restart_it_goes_on_where_it_was(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")
    await vk.write(7, "пока нас не было")
    vk.key += 1
    async with listening(vk, store):
        await store.holding("пока нас не было")
    assert store.texts == ["раз", "пока нас не было"]
    assert (store.eras, vk.called("messages.getConversations")) == ([], [])


async def test_more_events_than_a_page_are_all_kept_before_the_next_poll(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        pass
    for number in range(450):
        await vk.happens("message_new", {"message": {"from_id": 7, "date": DATE, "text": str(number)}})
    async with listening(vk, store):
        await vk.until(lambda: asked(vk)[-1] == vk.ts)
    assert store.texts == [str(number) for number in range(450)]


async def test_one_event_that_is_none_costs_only_itself(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        pass
    vk.ts += 1
    vk.events.append((vk.ts, ["no", "event"]))  # type: ignore[arg-type] # what it is about
    await vk.write(7, "после")
    async with listening(vk, store):
        await vk.until(lambda: asked(vk)[-1] == vk.ts)
    assert len(store.kept) == 2
    assert any(b"no" in e.body for e in store.kept.values())


# --- gaps ---


async def test_a_lost_history_is_read_from_the_conversations_that_changed(vk: Vk) -> None:
    store = Store()
    await vk.write(5, "старый разговор", date=DATE - 5000)
    await vk.write(7, "давно", date=DATE - 4000)
    async with listening(vk, store):
        await vk.write(7, "раз", date=DATE + 100)
        await store.holding("раз")
    await vk.write(7, "в пропуске", date=DATE + 200, unseen=True)
    await vk.write(8, "другой в пропуске", date=DATE + 250, unseen=True)
    await vk.write(2_000_000_001, "в беседе", date=DATE + 260, unseen=True)
    vk.ts += 10
    vk.forgotten = vk.ts
    async with listening(vk, store):
        await store.holding("в пропуске", "другой в пропуске")
        await vk.until(lambda: asked(vk)[-1] == vk.ts)
        await vk.write(7, "после", date=DATE + 300)
        await store.holding("после")
    again = [e for e in store.kept.values() if e.meta]
    # The message before the gap is read once more, by the minute that is read twice: it has the same place.
    assert sorted(str(e.identity).partition(":")[2] for e in again) == [
        "7:3:1780000100", "7:4:1780000200", "8:5:1780000250",
    ]  # fmt: skip
    assert "давно" not in store.texts
    assert [call["peer_id"] for call in vk.called("messages.getHistory")] == ["8", "7"]
    assert (store.ts, store.eras) == (vk.ts, [])


async def test_a_key_that_is_over_changes_nothing(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        vk.key += 1
        await vk.end_polls()
        await vk.until(lambda: len(vk.called("groups.getLongPollServer")) == 2)
        await vk.write(7, "раз")
        await store.holding("раз")
    assert (vk.called("messages.getConversations"), store.eras) == ([], [])


async def test_numbers_that_start_anew_open_an_era_after_the_gap_is_read(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")
    await vk.write(7, "в пропуске", unseen=True)
    vk.ts, vk.events = 3, []
    vk.faults[POLL].append({"failed": 3})
    async with listening(vk, store):
        await store.holding("в пропуске")
        await store.until(lambda: store.eras)
        await vk.write(7, "после")
        await store.holding("после")
    assert store.eras == [Position("events", "2", 3)]
    assert store.reached["events"] == Position("events", "2", 4)


async def test_what_comes_as_the_numbers_start_anew_is_kept_though_it_is_no_message(vk: Vk) -> None:
    store = Store()
    form = {"type": "lead_forms_new", "event_id": "form", "v": "5.199", "group_id": GROUP, "object": {"user_id": 7}}
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")
        vk.ts, vk.events = 3, []
        vk.faults[POLL].append({"ts": "3", "updates": [form]})
        await vk.end_polls()
        await store.until(lambda: store.eras)
    assert "lead_forms_new" in [orjson.loads(one.body)["type"] for one in store.kept.values()]


async def test_everything_lost_at_once_is_read_again_within_the_era(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")
        await vk.write(7, "в пропуске", unseen=True)
        vk.ts += 5
        vk.faults[POLL].append({"failed": 3})
        await vk.end_polls()
        await store.holding("в пропуске")
        await vk.until(lambda: asked(vk)[-1] == vk.ts)
    assert store.eras == []


async def test_a_gap_that_could_not_be_kept_is_read_again(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        pass
    await vk.write(7, "в пропуске", unseen=True)
    vk.ts += 5
    vk.forgotten = vk.ts
    store.refuse = [Unavailable("the store is away")]
    assert isinstance(await fails(community(vk), store), Unavailable)
    assert store.ts < vk.ts
    async with listening(vk, store):
        await store.holding("в пропуске")
        await vk.until(lambda: asked(vk)[-1] == vk.ts)


async def test_an_era_is_not_opened_before_its_gap_is_kept(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")
    await vk.write(7, "в пропуске", unseen=True)
    vk.ts, vk.events = 3, []
    store.refuse = [Unavailable("the store is away")]
    assert isinstance(await fails(community(vk), store), Unavailable)
    assert (store.eras, store.ts) == ([], 101)
    async with listening(vk, store):
        await store.until(lambda: store.eras)
    assert "в пропуске" in store.texts


class Archive:
    """Conversations, without the pauses that VK asks for between two calls. Peer 1 has said the most."""

    def __init__(self, peers: int, messages: int) -> None:
        self.said = {
            peer: [self.message(peer, n) for n in range(messages if peer == 1 else 2)] for peer in range(1, peers + 1)
        }

    @staticmethod
    def message(peer: int, number: int) -> dict[str, Any]:
        return {"from_id": peer, "peer_id": peer, "id": number, "date": DATE + number, "text": f"{peer}:{number}"}

    async def conversations(self, offset: int, count: int) -> list[dict[str, Any]]:
        items = [{"conversation": {"peer": {"id": peer}}, "last_message": said[-1]} for peer, said in self.said.items()]
        return items[offset : offset + count]

    async def history(self, peer: int, offset: int, count: int) -> list[dict[str, Any]]:
        return self.said[peer][::-1][offset : offset + count]


async def test_a_long_gap_is_read_page_by_page_and_to_an_end() -> None:
    pages = [page async for page in missed(Archive(450, 1200), DATE + 1)]  # type: ignore[arg-type] # the two methods that it needs
    said = [one["object"]["message"]["text"] for page in pages for one in page]
    assert len(said) == len(set(said)) == 1000 + 449
    assert {"1:1199", "1:200", "450:1"} <= set(said)
    assert said[:2] == ["1:1000", "1:1001"]
    none = [page async for page in missed(Archive(450, 2), DATE + 2)]  # type: ignore[arg-type] # the two methods that it needs
    assert none == []


@pytest.mark.parametrize("method", ["messages.getConversations", "messages.getHistory"])
async def test_what_the_key_may_not_read_does_not_stop_what_comes(vk: Vk, method: str) -> None:
    store = Store()
    async with listening(vk, store):
        pass
    await vk.write(7, "в пропуске", unseen=True)
    vk.ts += 5
    vk.forgotten = vk.ts
    vk.faults[method].append(NO_RIGHT)
    async with listening(vk, store):
        await vk.until(lambda: asked(vk)[-1] == vk.ts)
        await vk.write(7, "после")
        await store.holding("после")
    assert store.texts == ["после"]


async def test_a_session_that_fails_again_and_again_is_paused(vk: Vk) -> None:
    vk.faults[POLL] += [{"failed": 2}, {"failed": 3}, {"failed": 2}]
    assert "ends every session" in str(await fails(community(vk)))


# --- trouble ---


@pytest.mark.parametrize("method", [POLL, "groups.getLongPollServer"])
@pytest.mark.parametrize(
    "fault", ["html", "reset", {"failed": "?"}, refusal(10)], ids=["502", "reset", "odd", "internal"]
)
async def test_what_passes_is_tried_again(vk: Vk, method: str, fault: Fault) -> None:
    vk.faults[method].append(fault)
    store = Store()
    assert isinstance(await fails(community(vk), store), Unavailable)
    async with listening(vk, store):
        await vk.write(7, "раз")
        await store.holding("раз")


async def test_a_request_that_hangs_is_given_up(vk: Vk) -> None:
    vk.faults["groups.getLongPollServer"].append("hang")
    async with Connection(GROUP, SecretStr(TOKEN), vk.url, "5.199", within=0.2).opened() as speaking:
        with pytest.raises(Unavailable, match="did not answer within"):
            await speaking.session()
        # The library has one call at a time: the one that hangs holds up the next of the same attempt, and no other attempt.
        with pytest.raises(Unavailable, match="did not answer within"):
            await speaking.name("7")
    async with Connection(GROUP, SecretStr(TOKEN), vk.url, "5.199").opened() as speaking:
        assert (await speaking.session()).ts == vk.ts


@pytest.mark.parametrize(("fault", "seconds"), [(SLOWER, 1.0), (refusal(9), 60.0), (refusal(29), 300.0)])
async def test_vk_is_left_alone_for_as_long_as_it_asks(vk: Vk, fault: Fault, seconds: float) -> None:
    vk.faults["groups.getLongPollServer"].append(fault)
    error = await fails(community(vk))
    assert isinstance(error, Unavailable)
    assert error.again_in == seconds
    assert len(vk.calls) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (UNKNOWN, "does not know this access key"), (refusal(27), "does not know this access key"),
        (NO_RIGHT, "rights to manage the community"), (refusal(7), "rights to manage the community"),
        (refusal(100, "longpoll for this group is not enabled"), "Long Poll API is enabled"), (refusal(17), "sign in to VK"),
    ],
)  # fmt: skip
async def test_what_a_person_must_do_is_said(vk: Vk, fault: Fault, words: str) -> None:
    vk.faults["groups.getLongPollServer"].append(fault)
    error = await fails(community(vk))
    assert isinstance(error, Misconfigured)
    assert words in str(error)


async def test_a_captcha_is_waited_out(vk: Vk) -> None:
    captcha = refusal(14)
    captcha["error"] |= {"captcha_sid": "1", "captcha_img": "https://api.vk.ru/captcha.php?sid=1"}
    vk.faults["groups.getLongPollServer"].append(captcha)
    error = await fails(community(vk))
    assert isinstance(error, Unavailable)
    assert "captcha" in str(error)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    assert isinstance(await fails(community(Vk(port=9))), Unavailable)


async def test_whoever_stops_waits_for_no_poll(vk: Vk) -> None:
    store = Store()
    async with listening(vk, store) as task:
        before = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - before < 0.5


async def test_a_call_that_is_given_up_leaves_a_thread_that_nobody_waits_for() -> None:
    go, threads = threading.Event(), []

    def call() -> None:
        threads.append(threading.current_thread())
        go.wait(WITHIN)

    with pytest.raises(Unavailable):
        await aside(call, 0.05)
    assert threads[0].daemon
    go.set()
    threads[0].join(WITHIN)
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0, WITHIN)


# --- files ---


async def test_a_file_is_fetched_over_redirects_up_to_a_size(vk: Vk) -> None:
    vk.files["f"] = b"x" * 1000
    adapter = community(vk)
    for way in ("file", "moved"):
        assert await adapter.fetch(f"vk:{vk.url}/{way}/f", 1000) == b"x" * 1000
    for address, most, code in (
        (f"{vk.url}/file/f", 999, "too_large"), (f"{vk.url}/file/gone", 9, "gone"), ("https://evil.example/f", 9, "foreign_host"),
    ):  # fmt: skip
        with pytest.raises(Rejected) as refused:
            await adapter.fetch(f"vk:{address}", most)
        assert refused.value.code == code


async def test_a_name_is_asked_for_and_may_stay_unknown(vk: Vk) -> None:
    vk.people["7"] = ("Анна", "Белова")
    assert await community(vk).profile("vk:7") == "Анна Белова"
    assert await community(vk).profile("vk:8") is None
    vk.faults["users.get"] += [NO_RIGHT, refusal(10)]
    assert await community(vk).profile("vk:7") is None
    with pytest.raises(Unavailable):
        await community(vk).profile("vk:7")
    called = community(vk, token=None, mode="callback", confirmation="c0de")
    assert await called.profile("vk:7") is None
    assert len(vk.called("users.get")) == 4


def test_whoever_has_no_community_pays_nothing_for_the_library() -> None:
    code = (
        "import sys; from channels.vk import Adapter, Config\n"
        f"a = Adapter('vk', Config(kind='vk', token='{TOKEN}', group_id=1), secret=b'', language='ru')\n"
        "assert not [m for m in sys.modules if m.startswith(('vk_api', 'requests'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
