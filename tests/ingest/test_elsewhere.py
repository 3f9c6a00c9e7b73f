"""What processes tell each other of their channels, and what each makes of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from channels.adapter import Expiry
from ingest.health import telling
from ingest.health.elsewhere import Elsewhere, together
from ingest.health.presence import Presence
from ingest.health.refusals import Refusals
from ingest.health.states import Listening, Misconfigured, Polled, Pulse, Refusing, Retrying, Silent, Starting, Stopped
from kernel.clock import iso
from storage import processes
from storage.processes import Company, Process, Said
from storage.store import Store
from tests.ingest.parts import NOW

SPAN = timedelta(minutes=1)
LATER = NOW + timedelta(seconds=30)


def process(uid: str, *, alive: bool = True, at: Any = NOW, **report: Mapping[str, Any]) -> Process:
    return Process(uid, alive, at, Said(0, "", report))


@pytest.mark.parametrize(
    "state",
    [
        Starting(NOW),
        Listening(NOW),
        Retrying(NOW, "hung", "no sign of life", LATER),
        Misconfigured(NOW, "mend it", "почините"),
        Stopped(NOW),
    ],
)
def test_a_pulse_is_read_as_it_was_written(state: Polled) -> None:
    pulse = Pulse(state, heard_at=LATER, hung=2)
    assert telling.pulse(telling.of_pulse(pulse) | {"unknown": "of a later version"}) == pulse


def test_a_condition_that_only_a_later_version_knows_is_a_start() -> None:
    said = telling.of_pulse(Pulse(Listening(NOW))) | {"condition": "sleeping"}
    assert telling.pulse(said).state == Starting(NOW)


def test_the_end_of_a_credential_is_read_as_it_was_written() -> None:
    expiry = Expiry("token", "mail.example.com", NOW, timedelta(days=3))
    assert telling.expiry(telling.of_expiry(expiry)) == expiry


def test_a_holder_that_is_gone_shows_as_such_until_another_lives() -> None:
    listening = {"info": telling.of_pulse(Pulse(Listening(NOW), heard_at=NOW))}
    elsewhere = Elsewhere()
    elsewhere.learn([process("a", alive=False, at=LATER, channels=listening)])
    told = elsewhere.told("info")
    assert told is not None
    assert (told.pulse.state, told.pulse.heard_at, told.at) == (Stopped(LATER), NOW, LATER)
    elsewhere.learn([process("b", channels=listening), process("a", alive=False, at=LATER, channels=listening)])
    told = elsewhere.told("info")
    assert told is not None
    assert told.pulse.state == Listening(NOW)


def test_refusals_of_several_receivers_are_one_row_and_those_of_the_gone_are_forgotten() -> None:
    rows = (Refusing(NOW, LATER, 3, "not_proved"), Refusing(NOW - SPAN, NOW, 2, "unreadable"))
    first, second = ({"site": telling.of_state(row)} for row in rows)
    elsewhere = Elsewhere()
    elsewhere.learn([process("a", refusals=first), process("b", refusals=second)])
    assert together(elsewhere.refused("site"), None) == Refusing(NOW - SPAN, LATER, 5, "not_proved")
    elsewhere.learn([process("a", refusals=first), process("b", alive=False, refusals=second)])
    assert elsewhere.refused("site") == [rows[0]]


def test_what_one_receiver_takes_in_ends_the_rows_of_all_others_that_are_older() -> None:
    rows = (Refusing(NOW - SPAN, NOW, 3, "not_proved"), Refusing(NOW, LATER + SPAN, 2, "unreadable"))
    first, second = ({"site": telling.of_state(row)} for row in rows)
    elsewhere = Elsewhere()
    elsewhere.learn(
        [process("a", refusals=first), process("b", refusals=second), process("c", taken={"site": iso(LATER)})]
    )
    assert together(elsewhere.refused("site"), elsewhere.taken("site")) == rows[1]
    refusals = Refusals()
    refusals.refused("site", 401, "not_proved", NOW)
    refusals.taken_elsewhere("site", NOW)
    assert refusals.run("site") is not None
    refusals.taken_elsewhere("site", LATER)
    assert refusals.run("site") is None


def test_what_the_watching_process_finds_silent_is_so_for_all() -> None:
    silent = Silent(NOW, 4.5)
    elsewhere = Elsewhere()
    elsewhere.learn([process("a", silences={"site": telling.of_state(silent)})])
    assert (elsewhere.silent("site"), elsewhere.silent("info")) == (silent, None)


class Member:
    """One process of a company."""

    def __init__(self, store: Store, uid: str) -> None:
        self.uid = f"01990000-0000-7000-8000-{uid:>012}"
        self.heard = 0
        self.company: Company | None = None
        self.report: dict[str, Any] = {}
        self.elsewhere = Elsewhere()
        self.presence = Presence(
            store, self.uid, self.elsewhere, lambda: self.report, lambda: "d", self._moved, self._see, SPAN
        )

    def _moved(self) -> None:
        self.heard += 1

    async def _see(self, company: Company) -> None:
        self.company = company


async def test_a_process_learns_what_others_changed_and_how_their_channels_are(store: Store) -> None:
    first, second = Member(store, "1"), Member(store, "2")
    await first.presence.look()
    await second.presence.look()
    first.presence.moved()
    first.report = {"channels": {"info": telling.of_pulse(Pulse(Listening(NOW)))}}
    await first.presence.look()
    await second.presence.look()
    await second.presence.look()
    assert (first.heard, second.heard) == (0, 1)
    told = second.elsewhere.told("info")
    assert told is not None
    assert told.pulse.state == Listening(NOW)
    assert second.company is not None
    assert [one.uid for one in second.company.others(second.uid)] == [first.uid]


async def test_a_process_that_leaves_is_remembered_and_no_more_believed(store: Store) -> None:
    first, second = Member(store, "1"), Member(store, "2")
    await first.presence.look()
    store.transact(lambda db: processes.leave(db, first.uid))
    await second.presence.look()
    assert second.company is not None
    assert [(one.uid, one.alive) for one in second.company.processes] == [(first.uid, False), (second.uid, True)]
