"""Which message a notice edits, which it replaces, and which notice says nothing new."""

from datetime import timedelta

import pytest

from ingest.notices.choices import Choices
from ingest.notices.editing import Editing, Known
from ingest.notices.route import Console, Delivery, Message
from ingest.notices.telegram import Telegram
from ingest.rules.rulebook import Rulebooks
from kernel.ids import uuid7
from storage import lead_views, messages, outbox
from storage.messages import CHANGED
from storage.outbox import Due
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, wire


class Office:
    """One lead that anna has, and what is known of her messages."""

    def __init__(self, store: Store) -> None:
        self.parts: Parts = wire(store, company())
        self.store = store
        (result,) = self.parts.take({"phones": ["8 912 345-67-81"], "name": "Вера"})
        assert result.lead is not None
        self.lead = result.lead
        choices = Choices((), {"anna": "Анна", "boris": "Борис"}, "ru")
        self.editing = Editing(self.parts.names, lambda _reader: choices, store.ids.take)
        self.route = Telegram(None, Rulebooks(self.parts.names), "ru")  # type: ignore[arg-type] # nothing is sent

    def due(self, after: timedelta = timedelta(0)) -> list[Due]:
        return self.store.transact(
            lambda db: outbox.claim(db, self.parts.names, 9, uuid7(), timedelta(minutes=1), NOW + after)
        )

    def known(self, due: list[Due]) -> Known:
        return self.store.transact(lambda db: self.editing.look(db, [self.route, Console()], due))

    def completed(self, item: Due, known: Known) -> Message:
        plain = Message(item.uid, item.manager, "701", "Лид", "Вера")
        return self.store.transact(
            lambda db: self.editing.completed(
                db, plain, lead_views.for_notices(db, [self.lead])[self.lead][0], item, known
            )
        )

    def sent(self, item: Due, message: Message, ref: str) -> None:
        delivery = Delivery(sent=True, ref=ref)
        self.store.transact(lambda db: self.editing.keep(db, self.route, [(item, message, delivery)], NOW))

    def change(self) -> None:
        self.store.transact(lambda db: messages.tell_changed(db, [self.lead], self.store.ids.take, NOW))


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def test_the_first_message_is_new_a_change_edits_it_and_an_alert_replaces_it(office: Office) -> None:
    (first,) = office.due()
    message = office.completed(first, office.known([first]))
    assert (message.edit, message.replaces, len(message.buttons)) == (None, None, 3)
    office.sent(first, message, "11")

    office.change()
    (change,) = office.due()
    known = office.known([change])
    assert change.code == CHANGED
    assert office.editing.route_of_change([Console(), office.route], change, known) is office.route
    edited = office.completed(change, known)
    assert (edited.edit, edited.replaces, edited.address) == ("11", None, "701")

    office.parts.take({"phones": ["8 912 345-67-81"], "text": "и ещё"}, at=NOW + timedelta(minutes=11))
    again = next(item for item in office.due(timedelta(hours=1)) if item.code == "wrote_again")
    replacing = office.completed(again, office.known([again]))
    assert (replacing.edit, replacing.replaces) == (None, "11")


def test_a_change_that_a_newer_message_shows_anyway_is_nothing_to_send(office: Office) -> None:
    (first,) = office.due()
    office.sent(first, office.completed(first, office.known([first])), "11")
    office.change()
    (change,) = office.due()
    both = office.known([first, change])
    assert both.obsolete == {change.id}
    assert office.editing.route_of_change([office.route], change, both) is None


def test_a_change_that_nobody_has_a_message_about_is_nothing_to_send(office: Office) -> None:
    office.change()
    assert [item.code for item in office.due()] == ["lead_assigned"]
    assert office.known([]) == Known()
