"""Notices by Telegram: one message a lead and person, with buttons, edited in place when the lead moves on.

Telegram has no name by which a message that was sent twice is known: where the answer to a call is lost, it may be there twice.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import sqlalchemy as sa
import structlog

from channels.adapter import Misconfigured, Unavailable
from channels.telegram.trouble import Undeliverable
from ingest.notices.route import Delivery, Message
from ingest.notices.texts import TEXTS
from ingest.rules.rulebook import Rulebooks
from kernel.texts import Language
from storage import chats

log = structlog.get_logger("priyom.notices.telegram")

Buttons = Sequence[tuple[str, str]]
_TROUBLE: Final = (Unavailable, Misconfigured, Undeliverable)


class Courier(Protocol):
    """The sending side of a bot: `channels.telegram.courier.Courier`."""

    async def post(self, chat: str, text: str, buttons: Buttons = (), title: str = "") -> str:
        """Send a message; by what it is edited afterwards."""

    async def edit(self, chat: str, ref: str, text: str, buttons: Buttons = (), title: str = "") -> None:
        """Let a message say something else."""


class Telegram:
    """The route: whoever has a chat is reached, configured or bound by an invitation."""

    name = "telegram"
    edits = True
    links = False

    def __init__(self, courier: Courier, rulebooks: Rulebooks, language: Language) -> None:
        self._courier = courier
        self._rulebooks = rulebooks
        self._language = language
        self._chats: Mapping[str, str] = {}

    def learn(self, db: sa.Connection) -> None:
        """Read who has which chat now."""
        rulebook = self._rulebooks.current(db)
        self._chats = chats.of_managers(db, rulebook.policy.managers, rulebook.chats)

    def address(self, manager: str) -> str | None:
        """The manager's chat, None where he has none."""
        return self._chats.get(manager)

    async def send(self, messages: Sequence[Message]) -> list[Delivery]:
        """Post or edit each message. Once Telegram cannot be reached, or asks for a pause, the rest waits for another burst."""
        deliveries: list[Delivery] = []
        stopped: Delivery | None = None
        for message in messages:
            delivery = stopped or await self._deliver(message)
            if not delivery.sent and delivery.again:
                stopped = delivery
            deliveries.append(delivery)
        return deliveries

    async def _deliver(self, message: Message) -> Delivery:
        try:
            if message.edit is not None:
                await self._edit(message, message.edit)
                return Delivery(sent=True)
            ref = await self._courier.post(message.address, message.text, _pairs(message), message.subject)
        except Undeliverable as error:
            return Delivery(sent=False, error=str(error), again=False)
        except Unavailable as error:
            return Delivery(sent=False, error=str(error), again_in=error.again_in)
        except Misconfigured as error:
            return Delivery(sent=False, error=str(error))
        if message.replaces is not None:
            await self._give_way(message, message.replaces)
        return Delivery(sent=True, ref=ref)

    async def _edit(self, message: Message, ref: str) -> None:
        try:
            await self._courier.edit(message.address, ref, message.text, _pairs(message), message.subject)
        except Undeliverable as error:
            # He has deleted it, or it is too old: there is nothing left that could be wrong.
            log.info("a message can be edited no more", action="notice.gone", notice=message.id, error=str(error))

    async def _give_way(self, message: Message, ref: str) -> None:
        """An edit would alert nobody, so a new message was sent; the old one points to it, and has no buttons."""
        try:
            await self._courier.edit(
                message.address, ref, TEXTS.say("continued_below", self._language), (), message.subject
            )
        except _TROUBLE as error:
            log.info("an old message stays as it was", action="notice.old", notice=message.id, error=str(error))


def _pairs(message: Message) -> Buttons:
    return [(button.text, button.data) for button in message.buttons]
