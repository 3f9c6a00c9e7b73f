"""What managers do from a messenger, over both databases: only what is theirs to do, once, and whoever has a message sees it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from channels.message import Signal
from desk.ports import Refused
from ingest.notices.choices import Choice, Choices, mark, read
from ingest.reactions.invitations import VALID, hashed, invite
from ingest.reactions.presses import Presses
from ingest.turns.hand import Hand
from kernel.ids import uuid7
from kernel.texts import Language
from storage import chats, messages, outbox
from storage.journal import Claimed
from storage.messages import CHANGED, Sent
from storage.schema import leads, managers, offers
from storage.schema import messages as messages_table
from storage.schema import outbox as outbox_table
from storage.store import Store
from tests.ingest.parts import NOW, Parts, company, envelope, manager, wire

ANNA, BORIS, STRANGER = "701", "702", "666"
TITLES = {"anna": "Анна", "boris": "Борис"}


@dataclass
class Bot:
    """The presses of a store, as the worker runs them."""

    parts: Parts
    presses: Presses

    def press(self, who: str, data: str) -> str:
        """A press; what the presser is told."""
        signal = Signal("button", {"identity": who, "query": "q", "data": data, "chat": who, "message": "1"})
        return self._handled("button", signal)

    def command(self, who: str, name: str, argument: str = "") -> str | None:
        signal = Signal("command", {"identity": who, "name": name, "argument": argument})
        return self._handled("command", signal) or None

    def _handled(self, kind: str, signal: Signal) -> str:
        claimed = Claimed(self.parts.store.ids.take(), uuid7(), envelope({}, channel="bot"), 1, as_client=False)
        handler = self.presses.handlers()[kind]
        self.parts.store.transact(lambda db: handler(db, claimed, signal, NOW))
        return "".join(reply.text for reply in self.presses.taken([claimed.entry]))

    def lead(self, **said: Any) -> dict[str, Any]:
        """A lead that somebody has got."""
        (result,) = self.parts.take({"phones": [f"8 912 {self.parts.count(leads):07d}"], "name": "Вера", **said})
        return self.parts.lead(result.lead)

    def shown_to(self, lead: dict[str, Any], *names: str) -> None:
        """These have a message about it."""
        sent = [Sent(lead["id"], name, "telegram", name, f"{lead['id']}-{name}") for name in names]
        store = self.parts.store
        store.transact(lambda db: messages.keep(db, self.parts.names, sent, store.ids.take, NOW))

    def changes(self) -> list[str]:
        """Whose messages are to be edited."""
        rows = [row for row in self.parts.rows(outbox_table) if row["code"] == CHANGED]
        return sorted(self.parts.store.transact(lambda db: [self._name(db, row) for row in rows]))

    def _name(self, db: sa.Connection, row: dict[str, Any]) -> str:
        return self.parts.names.managers.name(db, row["manager_id"])


def bot_of(parts: Parts, language: Language = "ru") -> Bot:
    reasons = {"disqualified": ("спам", "дубль"), "declined": ("занят",)}
    hand = Hand(parts.names, parts.rulebooks, parts.distributor, lambda: reasons, parts.store.ids.take)
    choices = Choices(reasons["disqualified"], TITLES, language, reasons["declined"])
    return Bot(parts, Presses(parts.names, parts.rulebooks, hand, lambda _reader: choices, parts.store.ids.take))


@pytest.fixture
def bot(store: Store) -> Bot:
    people = {"anna": manager(telegram=ANNA), "boris": manager(telegram=BORIS)}
    document = company(managers=people)
    document["channels"]["bot"] = {"kind": "telegram", "source": None, "team": None}
    return bot_of(wire(store, document))


def data(action: str, lead: dict[str, Any], argument: str = "") -> str:
    return Choice(action, str(lead["uid"]), argument).data()


# --- buttons ---


def test_accepting_twice_is_accepting_once(bot: Bot) -> None:
    lead = bot.lead()
    assert [bot.press(ANNA, data("accept", lead)) for _ in range(2)] == ["Лид ваш."] * 2
    after = bot.parts.lead(lead["id"])
    assert (after["state"], after["owner"], after["version"]) == ("in_work", "anna", lead["version"] + 1)


def test_nobody_takes_a_lead_that_is_somebody_elses(bot: Bot) -> None:
    lead = bot.lead()
    assert bot.press(BORIS, data("accept", lead)) == "Ответственный уже другой: Анна."
    assert bot.press(STRANGER, data("accept", lead)) == "Эта кнопка не для вас."
    assert bot.parts.lead(lead["id"]) == lead


def test_a_lead_that_is_offered_to_several_is_the_first_ones_to_accept(bot: Bot) -> None:
    lead = bot.lead()
    store, names = bot.parts.store, bot.parts.names

    def offer(db: sa.Connection) -> None:
        row = {
            "id": store.ids.take(),
            "uid": uuid7(),
            "lead_id": lead["id"],
            "team_id": lead["team_id"],
            "state": "open",
        }
        db.execute(sa.insert(offers).values(**row, manager_id=names.managers.number(db, "boris"), offered_at=0))

    store.transact(offer)
    assert bot.press(BORIS, data("accept", lead)) == "Лид ваш."
    assert bot.parts.lead(lead["id"])["owner"] == "boris"


def test_whoever_has_a_message_about_a_lead_sees_what_became_of_it(bot: Bot) -> None:
    lead = bot.lead()
    bot.shown_to(lead, "anna", "boris")
    bot.press(ANNA, data("accept", lead))
    assert bot.changes() == ["anna", "boris"]


def test_a_lead_is_closed_with_the_reason_that_the_button_named_whatever_their_order_is_now(bot: Bot) -> None:
    lead = bot.lead()
    bot.press(ANNA, data("accept", lead))
    assert bot.press(ANNA, data("disqualify", lead, mark("вакансия"))) == "Эта кнопка больше не действует."
    assert bot.press(ANNA, data("disqualify", lead, mark("дубль"))) == "Лид закрыт как нецелевой."
    after = bot.parts.lead(lead["id"])
    assert (after["state"], after["reason"]) == ("disqualified", "дубль")
    assert bot.press(ANNA, data("convert", lead)) == "Лид уже закрыт."


def test_a_lead_is_refused_for_the_reason_that_the_button_named(bot: Bot) -> None:
    lead = bot.lead()
    assert bot.press(ANNA, data("decline", lead, mark("обед"))) == "Эта кнопка больше не действует."
    assert bot.parts.lead(lead["id"]) == lead
    assert bot.press(ANNA, data("decline", lead, mark("занят"))) == "Принято: лид уйдёт другому."
    assert [row["reason"] for row in bot.parts.rows(offers)] == ["занят"]
    assert bot.parts.lead(lead["id"])["owner"] == "boris"


def test_a_lead_is_handed_over_to_whom_the_button_named(bot: Bot) -> None:
    lead = bot.lead()
    number = next(row["id"] for row in bot.parts.rows(managers) if row["name"] == "boris")
    assert bot.press(ANNA, data("handover", lead, "999")) == "Эта кнопка больше не действует."
    assert bot.press(ANNA, data("handover", lead, str(number))) == "Лид передан. Ответственный: Борис."
    assert bot.parts.lead(lead["id"])["owner"] == "boris"
    assert bot.press(ANNA, data("convert", lead)) == "Ответственный уже другой: Борис."


def test_a_view_turns_the_message_and_nothing_else(bot: Bot) -> None:
    lead = bot.lead()
    bot.shown_to(lead, "anna")
    bot.press(ANNA, data("accept", lead))
    before = bot.parts.lead(lead["id"])
    for view in ("reasons", "hand_over", "", "nonsense"):
        bot.press(ANNA, data("view", lead, view))
        (row,) = bot.parts.rows(messages_table)
        assert row["shown"] == ("" if view == "nonsense" else view)
    assert bot.parts.lead(lead["id"]) == before


def test_what_cannot_be_done_is_said_and_changes_nothing(bot: Bot) -> None:
    lead = bot.lead()
    assert bot.press(ANNA, f"accept:{uuid7()}") == "Эта кнопка больше не действует."
    for nonsense in ("", "accept", "accept:1", "drop:table", "away:1", "convert:" + "x" * 36):
        assert bot.press(ANNA, nonsense) == "Эта кнопка больше не действует."
    assert bot.parts.lead(lead["id"]) == lead


def test_away_by_a_button_is_the_switch(bot: Bot) -> None:
    assert "/back" in bot.press(ANNA, "away")
    assert bot.lead()["owner"] == "boris"
    assert bot.command(ANNA, "back") == "Вы снова получаете лиды."
    assert [row["available"] for row in bot.parts.rows(managers)] == [True, True]


# --- commands ---


def test_why_tells_of_the_last_lead_that_passed_by(bot: Bot) -> None:
    assert bot.command(BORIS, "why") == "Недавно ни один лид не ушёл мимо вас."
    bot.command(BORIS, "away")
    bot.lead(name="Вера", text="цемент")
    told = bot.command(BORIS, "why") or ""
    assert told.startswith("Лид «Вера – цемент»\n")
    assert "Борис — нет на месте" in told
    english = bot_of(bot.parts, "en").command(BORIS, "why") or ""
    assert "Борис (away)" in english


def test_the_lead_that_was_ones_own_did_not_pass_one_by(bot: Bot) -> None:
    bot.lead(name="Вера")
    assert bot.command(ANNA, "why") == "Недавно ни один лид не ушёл мимо вас."
    assert "Вера" in (bot.command(BORIS, "why") or "")


def test_a_lead_that_came_to_one_in_the_end_did_not_pass_one_by(bot: Bot) -> None:
    lead = bot.lead()
    assert "Вера" in (bot.command(BORIS, "why") or "")
    bot.press(ANNA, data("decline", lead))
    assert bot.command(BORIS, "why") == "Недавно ни один лид не ушёл мимо вас."


def test_commands_of_strangers_do_nothing_and_hear_nothing(bot: Bot) -> None:
    assert [bot.command(STRANGER, name) for name in ("why", "away", "back")] == [None] * 3


# --- invitations ---


def bound(db: sa.Connection) -> dict[str, str]:
    """Who has bound which account, of those whom nothing is configured of."""
    return chats.of_managers(db, TITLES, {})


def test_an_invitation_is_for_one_use_within_a_week(store: Store) -> None:
    bot = bot_of(wire(store, company()))
    store.transact(lambda db: chats.invite(db, hashed("word"), "anna", NOW + VALID))
    store.transact(lambda db: chats.invite(db, hashed("old"), "anna", NOW))
    assert "не действует" in (bot.command(STRANGER, "start", "guess") or "")
    assert "не действует" in (bot.command(STRANGER, "start", "old") or "")
    assert "Готово, Анна" in (bot.command(ANNA, "start", "word") or "")
    assert "не действует" in (bot.command(STRANGER, "start", "word") or "")
    assert store.transact(bound) == {"anna": ANNA}
    lead = bot.lead()
    assert bot.press(ANNA, data("accept", lead)) == "Лид ваш."


def test_an_account_is_one_managers_and_the_configuration_comes_first(store: Store) -> None:
    bot = bot_of(wire(store, company()))
    for name in ("anna", "boris"):
        store.transact(lambda db, name=name: chats.bind(db, bot.parts.names, name, ANNA))  # type: ignore[misc] # a bound default
    assert store.transact(bound) == {"boris": ANNA}
    assert store.transact(lambda db: chats.by_chat(db, TITLES, {"anna": ANNA})) == {ANNA: "anna"}
    assert store.transact(lambda db: chats.by_chat(db, TITLES, {"boris": BORIS})) == {BORIS: "boris"}
    # What concerns Boris is not told in a chat that the configuration gives to Anna.
    assert store.transact(lambda db: chats.of_managers(db, TITLES, {"anna": ANNA})) == {"anna": ANNA}


def test_who_has_left_does_nothing_from_the_chat_that_he_had_bound_until_he_is_back(store: Store) -> None:
    bot = bot_of(wire(store, company()))
    store.transact(lambda db: chats.bind(db, bot.parts.names, "anna", ANNA))
    bot.parts.set_available("boris", available=False)
    lead = bot.lead()
    for employed, said in ({"boris": manager()}, "Эта кнопка не для вас."), (company()["managers"], "Лид ваш."):
        bot.parts.apply(company(managers=employed))
        assert bot.press(ANNA, data("accept", lead)) == said
        assert (bot.command(ANNA, "away") is None) is (len(employed) == 1)


async def test_whoever_is_configured_or_unknown_gets_no_invitation(bot: Bot) -> None:
    class Named:
        async def name(self) -> str:
            return "played_bot"

    store, rulebooks = bot.parts.store, bot.parts.rulebooks
    for who, known, code in (
        ("anna", Named(), "configured"),
        ("x", Named(), "no_such_manager"),
        ("anna", None, "no_bot"),
    ):
        with pytest.raises(Refused) as refused:
            await invite(store, rulebooks, known, who, NOW)
        assert refused.value.code == code


# --- what a manager writes ---


def test_what_a_manager_writes_is_no_approach_unless_a_person_says_so(bot: Bot) -> None:
    results = bot.parts.take(
        {"identities": [["telegram", ANNA]], "text": "проверка"}, {"identities": [["telegram", "9"]], "text": "клиент"}
    )
    assert [(result.outcome, result.reason) for result in results] == [("ignored", "staff"), ("created", None)]
    assert bot.parts.count(leads) == 1
    (first,) = [c for c in bot.parts.outcomes() if c[0] == "ignored"]
    assert first == ("ignored", "staff")


# --- messages ---


def test_one_message_a_lead_and_person_is_remembered_the_latest(bot: Bot) -> None:
    lead = bot.lead()
    store, names = bot.parts.store, bot.parts.names
    bot.shown_to(lead, "anna", "boris")
    again = [Sent(lead["id"], "anna", "telegram", "701", "900")]
    store.transact(lambda db: messages.keep(db, names, again, store.ids.take, NOW + timedelta(minutes=1)))
    found = store.transact(
        lambda db: messages.shown(db, names, {(lead["id"], "anna"), (lead["id"], "boris"), (1, "anna")})
    )
    assert {pair[1]: one.ref for pair, one in found.items()} == {"anna": "900", "boris": f"{lead['id']}-boris"}
    assert bot.parts.count(messages_table) == 2


def test_several_changes_before_the_message_is_edited_are_one_edit(bot: Bot) -> None:
    lead = bot.lead()
    store = bot.parts.store
    bot.shown_to(lead, "anna")
    assert store.transact(lambda db: messages.tell_changed(db, [lead["id"], lead["id"]], store.ids.take, NOW))
    assert store.transact(lambda db: messages.tell_changed(db, [lead["id"]], store.ids.take, NOW))
    assert not store.transact(lambda db: messages.tell_changed(db, [1], store.ids.take, NOW))
    assert bot.changes() == ["anna"]
    # The alerting notice of the lead is another one: neither takes the other in.
    due = store.transact(lambda db: outbox.claim(db, bot.parts.names, 9, uuid7(), timedelta(minutes=1), NOW))
    assert sorted(item.code for item in due) == ["lead_assigned", CHANGED]


@given(
    st.sampled_from(["accept", "decline", "convert", "disqualify", "handover", "view"]), st.uuids(), st.text(max_size=9)
)
def test_what_a_button_carries_is_read_back_and_fits(action: str, uid: object, argument: str) -> None:
    choice = Choice(action, str(uid), argument)
    assert read(choice.data()) == choice
    longest = Choice("disqualify", str(uid), mark("причина"))
    assert len(longest.data().encode()) <= 64
    assert len(Choice("view", str(uid), "hand_over").data().encode()) <= 64


@given(st.text())
def test_whatever_else_a_button_carries_is_none_of_ours(text: str) -> None:
    choice = read(text)
    assert choice is None or choice.data().startswith(choice.action)
