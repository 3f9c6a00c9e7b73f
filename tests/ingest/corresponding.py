"""A company with mailboxes over a store: mails as a server has them, taken in as the daemon takes them in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from channels.message import Envelope, digest
from ingest.pipeline.settle import Reading
from storage.journal import Result
from storage.schema import activities, decisions, interactions, outbox
from storage.store import Store
from tests.channels.mails import BOX, adapter, raw
from tests.ingest.parts import NOW, Parts, company, wire

HOUR = timedelta(hours=1)


def answering(**more: Any) -> dict[str, Any]:
    """What a revision document says of a channel's answers."""
    usual = {"in_hours": True, "out_of_hours": True, "subject": None, "per_address": "24h", "language": "ru"}
    return {"address": BOX, **usual, **more}


def mailboxes(*, answer: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A revision document: a mailbox that answers as usual unless `answer` says otherwise, and one that does not."""
    boxes: dict[str, dict[str, Any]] = {
        name: {"kind": "mail", "source": None, "team": None} for name in ("info", "quiet")
    }
    boxes["info"]["answer"] = answering(**(answer or {}))
    return company(channels=boxes, **more)


@dataclass
class Post:
    """What clients send and what goes back. `parts` may be another worker's over the same store."""

    parts: Parts
    ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def bring(self, *mails: bytes, at: datetime = NOW, channel: str = "info") -> None:
        """Mails into the journal, each under an identity of its own."""
        self.parts.append(
            *(
                Envelope(channel, f"mail-{next(self.ids)}", mail, at, {"received": at.isoformat()}, digest(mail))
                for mail in mails
            )
        )

    def settle(self, now: datetime = NOW, token: str = "worker", limit: int = 100) -> list[Result]:
        """One batch of what is pending."""
        reader = adapter()
        readings = [Reading(one, reader.parse(one.envelope)) for one in self.parts.claim(limit, token)]
        return self.parts.write(readings, now, token)

    def take(
        self, *mails: bytes, at: datetime = NOW, now: datetime | None = None, channel: str = "info"
    ) -> list[Result]:
        """From the mailbox to the leads."""
        self.bring(*mails, at=at, channel=channel)
        return self.settle(now or at)

    def answers(self) -> list[dict[str, Any]]:
        """What was said to clients, in order: the row of the timeline with its details."""
        rows = [row for row in self.parts.rows(interactions) if row["direction"] == "out"]
        return [row | orjson.loads(row["details"]) for row in rows]

    def why(self) -> list[str]:
        """What was decided about an answer, mail by mail: the hours of one that was sent, or why there is none."""
        made = [orjson.loads(row["record"]) for row in self.parts.rows(decisions) if row["stage"] == "answer"]
        return [record.get("why", record["code"]) for record in made]

    def leaving(self) -> list[int]:
        """The interactions in the outbox that are to be said."""
        return [row["interaction_id"] for row in self.parts.rows(outbox) if row["interaction_id"] is not None]

    def to_do(self) -> list[dict[str, Any]]:
        """All activities."""
        return self.parts.rows(activities)


def post(store: Store, document: Mapping[str, Any] | None = None) -> Post:
    """The mailboxes over a store."""
    return Post(wire(store, document or mailboxes()))


def letter(number: int = 1, text: str = "Нужен цемент", **headers: str | None) -> bytes:
    """A mail of Ivan's, or as the headers say, with an id of its own."""
    return raw(text, **{"Message_ID": f"<{number}@client.example>", "From": "Иван <ivan@client.example>", **headers})
