"""Clients and providers at work: they deliver what the truth says, repeat until they hear a yes, and often say things twice."""

import asyncio
import contextlib
import email.utils
import json
import random
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from prove.company import GROUP, TOKEN, VK_SECRET, Json
from prove.truth import Delivery, Generator, Nature, Person, Truth
from tests.channels.exchanges import mango_body
from tests.imap import Box
from tests.telegram import Telegram

AGAIN: Final = 0.2
PATIENCE: Final = 5.0
WORKERS: Final = 40
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
JSON: Final = {"Content-Type": "application/json"}
YES: Final = {"form": (202,), "call": (200,), "vk": (200,)}


class Crowd:
    """Everybody outside. `address` names a daemon that takes requests, another one each time where there are several."""

    def __init__(
        self,
        chance: random.Random,
        session: aiohttp.ClientSession,
        address: Callable[[], str],
        bot: Telegram,
        box: Box | None,
        pace: float,
        natures: Mapping[Nature, int],
    ) -> None:
        self.chance = chance
        self.truth = Truth()
        self.generator = Generator(chance, self.truth, natures)
        self._session = session
        self._address = address
        self._bot = bot
        self._box = box
        self._pace = pace
        self._people: list[Person] = []
        self._work: asyncio.Queue[Delivery] = asyncio.Queue(maxsize=60)
        self._introductions: set[asyncio.Task[None]] = set()
        self._wanted = True
        self.updates: dict[int, str] = {}
        self.letters: dict[str, bytes] = {}
        self.mailbox = asyncio.Lock()

    async def work(self) -> None:
        """Approach the company until told to stop, and then bring home what has left."""
        workers = [asyncio.create_task(self._deliver()) for _ in range(WORKERS)]
        try:
            while self._wanted:
                for delivery in self._next():
                    await self._work.put(delivery)
                await asyncio.sleep(self.chance.uniform(0, 2 * self._pace))
            await asyncio.gather(*self._introductions)
            await self._work.join()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def stop(self) -> None:
        """Nobody approaches any more."""
        self._wanted = False

    def _next(self) -> list[Delivery]:
        """Somebody new, whose first approaches come at one time; or somebody of those who were here lately."""
        if self._people and self.chance.random() < 0.5:
            return self._possible(self.chance.choice(self._people[-400:]))
        person = self.generator.newcomer()
        if person.nature == "everywhere":
            task = asyncio.create_task(self._introduce(person))
            self._introductions.add(task)
            task.add_done_callback(self._introductions.discard)
            return []
        self._people.append(person)
        return [one for _ in range(self.chance.choice((1, 1, 2, 3))) for one in self._possible(person)]

    def _possible(self, person: Person) -> list[Delivery]:
        """His approaches, but for mail where there is no mailbox."""
        return [one for one in self.generator.approaches(person) if one.kind != "mail" or self._box is not None]

    async def _introduce(self, person: Person) -> None:
        """Somebody whose channels are one person's from the moment that his first approach is decided on."""
        first = self.generator.known(person)
        await self.send(first)
        for envelope in tuple(self.truth.accepted[first.token]):
            while self._wanted and await self._outcome(envelope) not in {"created", "attached"}:
                await asyncio.sleep(AGAIN)
        self._people.append(person)

    async def _outcome(self, envelope: str) -> str:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.get(f"{self._address()}/api/envelopes/{envelope}", headers=headers) as answer:
                if answer.status == 200:
                    return str((await answer.json())["outcome"])
        return "unknown"

    async def _deliver(self) -> None:
        while True:
            delivery = await self._work.get()
            try:
                await self.send(delivery)
            finally:
                self._work.task_done()

    async def send(self, delivery: Delivery) -> None:
        """Deliver it: by some twice at one time, by some once more afterwards."""
        self.truth.sent[delivery.token] = delivery
        match delivery.kind:
            case "form" | "call" | "vk":
                times = 2 if delivery.named and self.chance.random() < 0.2 else 1
                await asyncio.gather(*(self._post(delivery) for _ in range(times)))
                if delivery.named and self.chance.random() < 0.1:
                    await self._post(delivery)
            case "telegram":
                await self._write(delivery)
            case "mail":
                await self._mail(delivery)

    async def _post(self, delivery: Delivery) -> None:
        path, body, headers = _request(delivery)
        while True:
            try:
                async with (
                    asyncio.timeout(PATIENCE),
                    self._session.post(f"{self._address()}{path}", data=body, headers=headers) as answer,
                ):
                    said = await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(self.chance.uniform(0, AGAIN))
                continue
            if status in YES[delivery.kind]:
                self.truth.accept(delivery, json.loads(said)["id"] if delivery.kind == "form" else "")
                return
            if status not in {429, 503}:
                self.truth.strange.append(f"{delivery.token} was answered {status}: {said[:200]!r}")
            await asyncio.sleep(self.chance.uniform(AGAIN, 3 * AGAIN))

    async def _write(self, delivery: Delivery) -> None:
        """Somebody writes to the bot. Telegram keeps it until the next offset; some updates it gives twice, and late."""
        person = self.truth.people[delivery.person]
        said = json.loads(delivery.body)
        content: Json = {"text": said["text"]}
        if said["shares"]:
            contact = {"phone_number": person.phone(), "first_name": said["text"], "user_id": person.account}
            content = {"contact": contact}
        update = await self._bot.update(message=self._bot.message(person.account, **content))
        self.updates[update["update_id"]] = delivery.token
        self.truth.accept(delivery)
        if self.chance.random() < 0.1:
            await self._bot.update(update["update_id"], message=update["message"])

    async def _mail(self, delivery: Delivery) -> None:
        person = self.truth.people[delivery.person]
        headers = {
            "From": email.utils.formataddr((person.name, person.mail), "utf-8"),
            "To": "info@example.net",
            "Subject": "order",
            "Message-ID": f"<{delivery.token}@clients.example>",
            "Content-Type": "text/plain; charset=utf-8",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        letter = f"{lines}\r\nцемент {delivery.body}\r\n".encode()
        async with self.mailbox:
            assert self._box is not None
            await asyncio.to_thread(self._box.append, letter)
            self.letters[delivery.token] = letter
        self.truth.accept(delivery)


def _request(delivery: Delivery) -> tuple[str, str, dict[str, str]]:
    """Path, body and headers of what comes over HTTP."""
    match delivery.kind:
        case "call":
            return f"/in/{delivery.channel}/events/{delivery.key}", mango_body(json.loads(delivery.body)), FORM
        case "vk":
            message = {
                "id": 1,
                "conversation_message_id": int(delivery.token.split("-")[1]),
                "from_id": 1_000_000 + delivery.person,
                "peer_id": 1_000_000 + delivery.person,
                "out": 0,
                "date": 1_780_000_000,
                "text": json.loads(delivery.body)["text"],
                "version": 1,
            }
            event = {
                "type": "message_new",
                "event_id": f"event-{delivery.token}",
                "v": "5.199",
                "object": {"message": message, "client_info": {}},
                "group_id": GROUP,
                "secret": VK_SECRET,
            }
            return f"/in/{delivery.channel}", json.dumps(event), JSON
        case _:
            key = {"Idempotency-Key": delivery.key} if delivery.key else {}
            return f"/in/{delivery.channel}", delivery.body, JSON | key
