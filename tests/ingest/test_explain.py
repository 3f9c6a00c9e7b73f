"""Decisions in sentences: what a manager reads, that no code is without words, and that both languages say the same."""

import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any, Final, Literal, cast, get_args, get_type_hints
from zoneinfo import ZoneInfo

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import names
from dedup.enquiry import CLOSED_STATES, OPEN_STATES, Verdict
from dedup.keys import CODES, KeyRules, identify
from dedup.likeness import SUPPORTS
from dedup.people import Arrival, MatchCode, Suggestion, SuggestionCode, resolve
from ingest.explaining.explain import sentences, suggestion
from ingest.explaining.sentences import TEXTS, Vocabulary
from ingest.people.telling import PEOPLE_CODES
from ingest.pipeline.records import match_record
from ingest.turns.distribution import _told
from ingest.turns.hand import ACTIONS
from kernel.texts import LANGUAGES, Language
from routing.distribute import OBSTACLES, OFFERED_BY, REASONS, Standing, Waiting, distribute
from routing.hours import ALWAYS, parse_hours
from routing.policy import Manager, Team
from storage import decisions, people
from storage.decisions import Decision
from storage.names import Names
from storage.namesakes import CODE
from storage.schema import keys, metadata
from storage.store import Store
from tests.channels.test_mail_answering import WITHHELD

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)  # Monday, 12:00 in Moscow
RULES: Final = KeyRules("RU", ("info@*",))
MOSCOW: Final = ZoneInfo("Europe/Moscow")
TITLES: Final = {
    "anna": "Анна Петрова",
    "boris": "Борис Ким",
    "vera": "Вера Ли",
    "gleb": "Глеб Уваров",
    "irina": "Ирина Орлова",
}
VERDICTS: Final = ("known", "new", "shared", "elsewhere", "joined")
BESIDE_A_LEAD: Final = ("available", "away", "replay")
GLOSSARY: Final = Path(__file__).parents[2] / "docs" / "glossary.md"

Act = Literal["attach", "reopen", "open"]


@pytest.fixture
def db() -> Iterator[sa.Connection]:
    """An empty store in memory."""
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@dataclass(frozen=True)
class Desk:
    """Makes decisions the way the product does, one approach at a time over what the store holds."""

    db: sa.Connection
    ids: Iterator[int]

    def approach(
        self, *phones: str, emails: Sequence[str] = (), name: str | None = None, text: str = "", act: Act = "open"
    ) -> Decision:
        """What matching makes of an approach, written to the store; its decision as it comes back from there."""
        entry = next(self.ids)
        identified = identify(phones, emails, (), text, RULES)
        world = people.world(self.db, Names(), {evidence.key for evidence in identified.evidence})
        arrival = Arrival(entry, name, None, identified.evidence, identified.rejected)
        decided = resolve([arrival], world, lambda: next(self.ids))
        people.write(self.db, decided, {entry: NOW}, [next(self.ids) for _ in decided.suggestions])
        record = match_record(decided.matches[0], identified, Verdict(act, None))
        return self.kept(Decision(next(self.ids), NOW, "match", record, lead=1, entry=entry))

    def kept(self, decision: Decision) -> Decision:
        """A decision after its way through the store."""
        decisions.write(self.db, [decision])
        return decisions.of_lead(self.db, 1)[-1]


@pytest.fixture
def desk(db: sa.Connection) -> Desk:
    """A desk over the empty store."""
    return Desk(db, itertools.count(1))


def told(db: sa.Connection, decision: Decision, language: Language = "ru") -> str:
    """The text of one decision, with titles."""
    (only,) = sentences(db, [decision], language, TITLES)
    return only["text"]


def action(code: str, actor: str = "irina", **record: Any) -> Decision:
    return Decision(1, NOW, "action", {"code": code, **record}, lead=1, actor=actor)


def assignment(**record: Any) -> Decision:
    return Decision(1, NOW, "assignment", record, lead=1)


def distributed(
    standings: Sequence[Standing], *, owner: str | None = None, chosen: Mapping[str, Any] | None = None
) -> Decision:
    """What distribution says of one lead; Boris works at night, Vera has a capacity of two."""
    night = parse_hours("22:00-06:00")
    members = {
        name: Manager(name, TITLES[name], 2 if name == "vera" else None, night if name == "boris" else ALWAYS, MOSCOW)
        for name in ("anna", "boris", "vera", "gleb")
    }
    team = Team("sales", ("anna", "boris", "vera", "gleb"), None, timedelta(minutes=10))
    done = distribute(team, members, [Waiting(1, NOW, owner)], {s.manager: s for s in standings}, {}, NOW)
    what = done.given[0] if done.given else done.left[0]
    return assignment(**(chosen or {}), **orjson.loads(orjson.dumps(_told(what, "sales"))))


# Who it is


def test_a_first_approach_says_that_the_client_is_new_and_which_keys_are_his_now(db: sa.Connection, desk: Desk) -> None:
    first = desk.approach("8 (912) 345-67-89", emails=["Nikolay@Example.com"])
    assert told(db, first) == (
        "Клиент новый: по тому, что он указал, никто не известен. "
        "Новые ключи, теперь записаны за этим контактом: телефон +79123456789, почта nikolay@example.com. "
        "Открыт новый лид."
    )
    assert told(db, first, "en") == (
        "A new client: nobody is known by what was given. "
        "New keys, now this contact's: phone +79123456789, e-mail nikolay@example.com. A new lead was opened."
    )


def test_a_repeat_says_by_which_key_the_client_was_recognised_and_which_are_new(db: sa.Connection, desk: Desk) -> None:
    desk.approach("8 (912) 345-67-89")
    again = desk.approach("+7 912 345-67-89", emails=["nikolay@example.com"], act="attach")
    assert told(db, again) == (
        "Клиент узнан по ключу: телефон +79123456789. "
        "Новые ключи, теперь записаны за этим контактом: почта nikolay@example.com. "
        "Обращение добавлено к открытому лиду."
    )
    assert told(db, again, "en") == (
        "The client was recognised by phone +79123456789. New keys, now this contact's: e-mail nikolay@example.com. "
        "It was attached to the open lead."
    )


def test_a_second_known_key_of_the_same_client_is_told_beside_the_first(db: sa.Connection, desk: Desk) -> None:
    desk.approach("+79123456789", emails=["nikolay@example.com"])
    again = desk.approach("+79123456789", emails=["nikolay@example.com"], act="reopen")
    assert told(db, again) == (
        "Клиент узнан по ключу: телефон +79123456789. На этот же контакт указывают: почта nikolay@example.com. "
        "Закрытый лид открыт снова."
    )
    assert told(db, again, "en") == (
        "The client was recognised by phone +79123456789. Point to the same contact: e-mail nikolay@example.com. "
        "The closed lead was reopened."
    )


def test_a_key_of_somebody_else_is_named_with_the_advice_to_look(db: sa.Connection, desk: Desk) -> None:
    desk.approach("+79123456789")
    desk.approach(emails=["anna@example.com"])
    both = desk.approach("+79123456789", emails=["anna@example.com"], act="attach")
    assert told(db, both) == (
        "Клиент узнан по ключу: телефон +79123456789. Принадлежат другому контакту: почта anna@example.com. "
        "Стоит проверить, не один ли это человек. Обращение добавлено к открытому лиду."
    )
    assert told(db, both, "en") == (
        "The client was recognised by phone +79123456789. Belong to another contact: e-mail anna@example.com. "
        "Please check whether they are one person. It was attached to the open lead."
    )


def test_another_name_is_told_with_the_advice_to_look(db: sa.Connection, desk: Desk) -> None:
    desk.approach("+79123456789", name="Николай")
    other = desk.approach("+79123456789", name="Анна", act="attach")
    assert told(db, other) == (
        "Клиент узнан по ключу: телефон +79123456789. "
        "Указано другое имя, чем у контакта: стоит проверить, не разные ли это люди. "
        "Обращение добавлено к открытому лиду."
    )
    assert told(db, other, "en") == (
        "The client was recognised by phone +79123456789. "
        "The name given is not the contact's: please check whether these are two people. "
        "It was attached to the open lead."
    )


def test_a_shared_key_beside_a_personal_one_is_told_to_have_joined_nobody(db: sa.Connection, desk: Desk) -> None:
    mixed = desk.approach("+79123456789", emails=["info@example.com"])
    assert "Общие ключи, которые ни с кем не связывают: почта info@example.com." in told(db, mixed)
    assert "Shared keys, which therefore joined nobody: e-mail info@example.com." in told(db, mixed, "en")


def test_an_approach_from_a_shared_key_alone_belongs_to_the_company_or_the_line(db: sa.Connection, desk: Desk) -> None:
    line = desk.approach(emails=["info@example.com"], name="Секретарь")
    assert told(db, line) == (
        "Пришло с общего ключа: почта info@example.com. Он не указывает на одного человека, поэтому обращение записано "
        "на компанию или общую линию. Указанное имя сохранено во взаимодействии. Открыт новый лид."
    )
    assert told(db, line, "en") == (
        "It came from a shared key: e-mail info@example.com. That points to no single person, so the enquiry belongs "
        "to the company or the shared line. The name that was given is kept with the interaction. "
        "A new lead was opened."
    )


def test_what_could_not_be_used_is_told_with_the_reason_and_that_there_is_no_way_to_answer(
    db: sa.Connection, desk: Desk
) -> None:
    lost = desk.approach("позвоните мне", emails=["noreply@example.com"])
    assert told(db, lost) == (
        "Ответить некуда: ни телефона, ни почты, ни другого пригодного ключа нет. Создан контакт без ключей. "
        "Не использовано: телефон — прочитать не удалось; почта — похоже на вымышленное или служебное. "
        "Открыт новый лид."
    )
    assert told(db, lost, "en") == (
        "There is no way to answer: no usable phone, e-mail or other key. A contact without keys was made. "
        "Not used: phone (could not be read); e-mail (looks made up, or made by a program). A new lead was opened."
    )


def test_an_extension_is_shown_as_people_write_it(db: sa.Connection, desk: Desk) -> None:
    office = desk.approach("+7 495 123-45-67 доб. 12")
    assert "телефон +74951234567 доб. 12." in told(db, office)
    assert "phone +74951234567 ext. 12." in told(db, office, "en")


def test_a_key_that_was_erased_since_is_told_as_such(db: sa.Connection, desk: Desk) -> None:
    first = desk.approach("+79123456789")
    db.execute(sa.delete(keys))
    assert "Новые ключи, теперь записаны за этим контактом: удалённый ключ." in told(db, first)
    assert "New keys, now this contact's: an erased key." in told(db, first, "en")


# Who gets it


def test_an_assignment_says_the_rule_the_turn_who_else_was_free_and_who_was_skipped_and_why(db: sa.Connection) -> None:
    standing = [
        Standing("anna", True, 0),
        Standing("boris", True, 0),
        Standing("vera", True, 2),
        Standing("gleb", True, 0),
    ]
    made = distributed(standing, chosen={"rule": 1})
    assert told(db, made) == (
        "Отдел «sales» выбран по правилу 2. Очередь: Анна Петрова. Свободны были также: Глеб Уваров. "
        "Пропущены: Борис Ким — вне смены; Вера Ли — предел открытых лидов."
    )
    assert told(db, made, "en") == (
        "Rule 2 chose the team “sales”. It went to Анна Петрова, whose turn it was. Also free: Глеб Уваров. "
        "Skipped: Борис Ким (off shift); Вера Ли (at the limit of open leads)."
    )


def test_the_first_rule_is_number_one_and_a_lead_that_waited_names_its_team_only(db: sa.Connection) -> None:
    assert told(db, distributed([Standing("anna", True, 0)], chosen={"rule": 0})).startswith(
        "Отдел «sales» выбран по правилу 1."
    )
    assert told(db, distributed([Standing("anna", True, 0)])).startswith("Отдел «sales». Очередь: Анна Петрова.")
    assert told(db, distributed([Standing("anna", True, 0)]), "en").startswith("Team “sales”. It went to Анна Петрова")


def test_a_team_that_no_rule_chose_is_told_to_be_the_channels_or_the_first(db: sa.Connection) -> None:
    made = distributed([Standing("anna", True, 0)], chosen={"rule": None})
    assert told(db, made).startswith(
        "Правила с условием не подошли: взят отдел канала, а если он не задан, первый: «sales»."
    )
    assert told(db, made, "en").startswith(
        "No rule with a condition matched: it is the channel's team or, without one, the first: “sales”."
    )


def test_a_clients_own_manager_is_told_to_have_used_no_turn(db: sa.Connection) -> None:
    made = distributed([Standing("anna", True, 0), Standing("gleb", True, 0)], owner="gleb")
    assert told(db, made) == "Отдел «sales». Лид передан без очереди. Ответственный за клиента: Глеб Уваров."
    assert told(db, made, "en") == (
        "Team “sales”. The lead went out without a turn, to the client's own manager: Глеб Уваров."
    )


def test_a_lead_that_waits_says_why_and_what_keeps_each_of_the_managers(db: sa.Connection) -> None:
    standing = [
        Standing("anna", False, 0),
        Standing("boris", True, 0),
        Standing("vera", True, 0, on_call=True),
        Standing("gleb", True, 0, leaving=True),
    ]
    made = distributed(standing, chosen={"rule": 0})
    assert told(db, made) == (
        "Отдел «sales» выбран по правилу 1. Лид пока не обработан: свободных менеджеров нет. "
        "Взять не могут: Анна Петрова — нет на месте; Борис Ким — вне смены; Вера Ли — на звонке; "
        "Глеб Уваров — новых лидов не получает."
    )
    assert told(db, made, "en") == (
        "Rule 1 chose the team “sales”. The lead is unprocessed for now: no manager is free. Cannot take it: "
        "Анна Петрова (away); Борис Ким (off shift); Вера Ли (on a call); Глеб Уваров (gets no new leads)."
    )


def test_a_lead_that_waits_for_the_clients_own_manager_says_what_keeps_him(db: sa.Connection) -> None:
    made = distributed([Standing("anna", True, 0), Standing("vera", True, 0, on_call=True)], owner="vera")
    assert told(db, made) == (
        "Отдел «sales». Лид пока не обработан: ограниченное время ждём ответственного за клиента. "
        "Взять не могут: Вера Ли — на звонке."
    )


# What a person did


@pytest.mark.parametrize(
    ("made", "russian", "english"),
    [
        (
            action("accept", "anna", manager="anna", team="sales", reason=None, **{"from": "assigned"}),
            "Анна Петрова: лид принят в работу, ответственный — Анна Петрова. Прежнее состояние: назначен.",
            "Анна Петрова: lead accepted, the owner is Анна Петрова. Its state before: assigned.",
        ),
        (
            action("assign", "api", manager="vera", team="sales", reason="VIP", **{"from": "assigned"}),
            "api: лид передан, ответственный — Вера Ли, отдел «sales». Причина: VIP. Прежнее состояние: назначен.",
            "api: lead handed over, the owner is Вера Ли in the team “sales”. Reason: VIP. Its state before: assigned.",
        ),
        (
            action("assign", "api", manager=None, team="support", reason=None, **{"from": "in_work"}),
            "api: лид передан в отдел «support». Прежнее состояние: в работе.",
            "api: lead handed over to the team “support”. Its state before: in work.",
        ),
        (
            action("disqualify", manager="anna", team="sales", reason="спам", **{"from": "in_work"}),
            "Ирина Орлова: лид признан нецелевым. Причина: спам. Прежнее состояние: в работе.",
            "Ирина Орлова: lead disqualified. Reason: спам. Its state before: in work.",
        ),
        (
            action("lose", manager="anna", team="sales", reason="дорого", **{"from": "in_work"}),
            "Ирина Орлова: лид закрыт как упущенный. Причина: дорого. Прежнее состояние: в работе.",
            "Ирина Орлова: lead closed as lost. Reason: дорого. Its state before: in work.",
        ),
        (
            action("convert", manager="anna", team="sales", reason=None, **{"from": "in_work"}),
            "Ирина Орлова: лид успешно завершён. Прежнее состояние: в работе.",
            "Ирина Орлова: lead converted. Its state before: in work.",
        ),
        (
            action("reopen", manager=None, team="sales", reason=None, **{"from": "lost"}),
            "Ирина Орлова: лид открыт снова. Прежнее состояние: упущен.",
            "Ирина Орлова: lead reopened. Its state before: lost.",
        ),
        (
            action("available", manager="anna"),
            "Ирина Орлова: Анна Петрова снова получает лиды.",
            "Ирина Орлова: Анна Петрова gets leads again.",
        ),
        (
            action("away", manager="anna"),
            "Ирина Орлова: Анна Петрова пока не получает новых лидов.",
            "Ирина Орлова: Анна Петрова gets no new leads for now.",
        ),
        (
            action("replay", "api", envelopes=["a", "b"], as_client=True),
            "api: записи журнала отправлены на повторную обработку, всего — 2. Они считаются обращениями клиентов.",
            "api: envelopes sent through again, 2 in all. They count as approaches of clients.",
        ),
    ],
    ids=lambda value: value.record["code"] if isinstance(value, Decision) else "",
)
def test_an_action_says_who_did_what_why_and_how_the_lead_stood_before(
    db: sa.Connection, made: Decision, russian: str, english: str
) -> None:
    assert told(db, made) == russian
    assert told(db, made, "en") == english


@pytest.mark.parametrize(
    ("made", "russian", "english"),
    [
        (
            assignment(code="answered_call", manager="anna", team="sales", rule=0),
            "Отдел «sales» выбран по правилу 1. Лид без очереди у того, кто ответил на звонок клиента: Анна Петрова.",
            "Rule 1 chose the team “sales”. Without a turn it is with Анна Петрова, who answered the client's call.",
        ),
        (
            assignment(code="called_out", manager="anna", team="sales"),
            "Отдел «sales». Лид без очереди у того, кто позвонил клиенту: Анна Петрова.",
            "Team “sales”. Without a turn it is with Анна Петрова, who called the client.",
        ),
        (
            Decision(1, NOW, "call", {"code": "missed_call", "due_at": "2026-01-05T09:30:00Z"}, lead=1),
            "Звонок клиента пропущен, ему нужно перезвонить.",
            "The client's call was missed, he is to be called back.",
        ),
        (
            Decision(1, NOW, "call", {"code": "client_called", "manager": None, "owner": "vera"}, lead=1),
            "Клиент звонил, ответил не ответственный, а другой (?). Об этом знает Вера Ли.",
            "The client called, and another than the owner answered (?). Вера Ли has been told.",
        ),
        (
            action("done", kind="call_back"),
            "Ирина Орлова: клиенту перезвонили.",
            "Ирина Орлова: the client was called back.",
        ),
        (
            action("done", kind="answer"),
            "Ирина Орлова: на письмо клиента ответили.",
            "Ирина Орлова: the client's mail was answered.",
        ),
    ],
)
def test_calls_say_who_has_the_lead_and_what_is_to_be_done(
    db: sa.Connection, made: Decision, russian: str, english: str
) -> None:
    assert told(db, made) == russian
    assert told(db, made, "en") == english


# All of it together


async def test_decisions_come_back_from_a_store_with_their_keys_in_order_and_in_utc(store: Store) -> None:
    def unit(db: sa.Connection) -> list[dict[str, str]]:
        desk = Desk(db, itertools.count(1))
        desk.approach("+79123456789")
        desk.approach("+79123456789", act="attach")
        desk.kept(Decision(next(desk.ids), NOW, "assignment", {"rule": 0, **distributed([]).record}, lead=1))
        return sentences(db, decisions.of_lead(db, 1), "en")

    assert await store.run(unit) == [
        {
            "at": "2026-01-05T09:00:00Z",
            "text": "A new client: nobody is known by what was given. New keys, now this contact's: "
            "phone +79123456789. A new lead was opened.",
        },
        {
            "at": "2026-01-05T09:00:00Z",
            "text": "The client was recognised by phone +79123456789. It was attached to the open lead.",
        },
        {
            "at": "2026-01-05T09:00:00Z",
            "text": "Rule 1 chose the team “sales”. The lead is unprocessed for now: nobody is on shift now. "
            "Cannot take it: anna (gets no new leads); boris (gets no new leads); vera (gets no new leads); "
            "gleb (gets no new leads).",
        },
    ]


def traced(db: sa.Connection) -> list[str]:
    """The statements that SQLite is given from now on."""
    asked: list[str] = []
    cast("sqlite3.Connection", db.connection.dbapi_connection).set_trace_callback(asked.append)
    return asked


def test_keys_are_looked_up_in_one_statement_whatever_the_number_of_decisions(db: sa.Connection, desk: Desk) -> None:
    made = [desk.approach(f"+7912345670{n}", emails=[f"client{n}@example.com"]) for n in range(8)]
    asked = traced(db)
    assert len(sentences(db, made, "ru")) == 8
    assert len(asked) == 1


def test_no_statement_is_needed_where_no_key_is_mentioned(db: sa.Connection) -> None:
    asked = traced(db)
    assert sentences(db, [action("reopen", "anna")], "en") == [
        {"at": "2026-01-05T09:00:00Z", "text": "anna: lead reopened."}
    ]
    assert not asked


# Codes


def literals(owner: type, field: str) -> set[str]:
    """The codes that a field of a dataclass may have."""
    return set(get_args(get_type_hints(owner)[field]))


@pytest.mark.parametrize(
    ("vocabulary", "codes"),
    [
        ("match", set(get_args(MatchCode))),
        ("tried", set(VERDICTS)),
        ("suggestion", literals(Suggestion, "code") | set(get_args(SuggestionCode))),
        ("suggested", {*get_args(SuggestionCode), CODE}),
        ("likeness", {*names.REASONS, *SUPPORTS}),
        ("rejected", set(CODES)),
        ("enquiry", literals(Verdict, "code")),
        ("assignment", {*OFFERED_BY, "unprocessed", "test", "by_hand", "answered_call", "called_out"}),
        ("reason", set(REASONS)),
        ("obstacle", set(OBSTACLES)),
        ("offer", {"expired", "undelivered", "made_away", "owner_away", "escalated"}),
        ("call", {"missed_call", "client_called"}),
        ("answer", {"in_hours", "out_of_hours", "withheld"}),
        ("withheld", {*WITHHELD, "by_hand", "test", "late", "not_now", "no_key", "answered_lately", "not_the_sender"}),
        (
            "action",
            {
                "done",
                "done_answer",
                "reply",
                "answered_there",
                *ACTIONS,
                *BESIDE_A_LEAD,
                "assign_to_team",
                "hand_over",
                "hand_over_in_turn",
            },
        ),
        ("people", set(PEOPLE_CODES)),
        ("state", {*OPEN_STATES, *CLOSED_STATES, "merged"}),
    ],
)
def test_every_code_that_can_be_recorded_has_words_and_there_are_words_for_no_other(
    vocabulary: Vocabulary, codes: set[str]
) -> None:
    assert set(TEXTS[vocabulary]) == codes


def test_matching_has_no_verdict_on_a_key_but_those_that_have_words(db: sa.Connection, desk: Desk) -> None:
    desk.approach("+79123456789")
    desk.approach("+79123456780")
    made = desk.approach("+79123456789", "+79123456780", "+79123456781", emails=["info@example.com"])
    assert {verdict for _key, verdict in made.record["tried"]} == set(VERDICTS) - {"joined"}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"code": "in_hours", "interaction": 7}, "The client was sent an automatic answer."),
        (
            {"code": "withheld", "why": "reply_to"},
            "There was no automatic answer: answers are wanted at another address.",
        ),
    ],
)
def test_an_automatic_answer_and_its_absence_are_told(db: sa.Connection, record: dict[str, Any], said: str) -> None:
    assert [one["text"] for one in sentences(db, [Decision(1, NOW, "answer", record, lead=1)], "en")] == [said]


ALL: Final = [(vocabulary, code) for vocabulary, texts in TEXTS.items() for code in texts]


@pytest.mark.parametrize(("vocabulary", "code"), ALL, ids=[f"{vocabulary}.{code}" for vocabulary, code in ALL])
def test_both_languages_of_a_text_state_the_same_facts(vocabulary: Vocabulary, code: str) -> None:
    texts = TEXTS[vocabulary][code]
    assert set(texts) == set(LANGUAGES)
    russian, english = ({field for _, field, _, _ in Formatter().parse(texts[one]) if field} for one in LANGUAGES)
    assert russian == english


@pytest.mark.parametrize("vocabulary", TEXTS)
def test_each_language_is_written_in_its_own_letters(vocabulary: Vocabulary) -> None:
    for texts in TEXTS[vocabulary].values():
        plain = {one: "".join(literal for literal, *_ in Formatter().parse(texts[one])).lower() for one in LANGUAGES}
        assert not {letter for letter in plain["en"] if "а" <= letter <= "ё"}
        assert not {letter for letter in plain["ru"].replace("info@", "") if "a" <= letter <= "z"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_code_is_shown_as_itself(db: sa.Connection, language: Language) -> None:
    made = [
        Decision(1, NOW, "match", {"code": "known_face", "tried": [[7, "blurred"]], "rejected": [["fax", "jammed"]]}),
        Decision(2, NOW, "match", {"code": "known_face", "others": [5], "introduced": True, "enquiry": "fold"}),
        assignment(code="by_lot", team="sales", manager="anna", eligible=["anna"], skipped=[["boris", "asleep"]]),
        assignment(code="unprocessed", team="sales", reason="asleep"),
        action("set_on_fire", **{"from": "parked"}),
        Decision(6, NOW, "erasure", {"code": "by_request"}),
        Decision(7, NOW, "enrichment", {}),
    ]
    texts = [one["text"] for one in sentences(db, made, language)]
    expected = [
        ("known_face", "blurred", "fax", "jammed"),
        ("known_face", "fold"),
        ("by_lot", "asleep"),
        ("asleep",),
        ("set_on_fire", "parked"),
        ("by_request",),
        ("enrichment",),
    ]
    for text, codes in zip(texts, expected, strict=True):
        assert all(code in text for code in codes), (text, codes)


_names: Final = st.sampled_from(["anna-p", "boris-k", "{0}", "%s"])
_numbers: Final = st.integers(1, 6)


def _codes(*vocabularies: Vocabulary) -> st.SearchStrategy[str]:
    return st.sampled_from([*(code for one in vocabularies for code in TEXTS[one]), "another", "{key}"])


_records: Final = st.one_of(
    st.tuples(
        st.just("match"),
        st.fixed_dictionaries(
            {"code": _codes("match")},
            optional={
                "key": st.none() | _numbers,
                "tried": st.lists(st.tuples(_numbers, _codes("tried")), max_size=4),
                "others": st.lists(_numbers, max_size=2),
                "rejected": st.lists(st.tuples(_codes("kind"), _codes("rejected")), max_size=3),
                "introduced": st.booleans(),
                "enquiry": _codes("enquiry"),
            },
        ),
    ),
    st.tuples(
        st.just("assignment"),
        st.fixed_dictionaries(
            {"code": _codes("assignment")},
            optional={
                "rule": st.none() | _numbers,
                "team": _names,
                "manager": _names,
                "reason": _codes("reason"),
                "eligible": st.lists(_names, max_size=3),
                "skipped": st.lists(st.tuples(_names, _codes("obstacle")), max_size=3),
            },
        ),
    ),
    st.tuples(
        st.just("action"),
        st.fixed_dictionaries(
            {"code": _codes("action")},
            optional={
                "manager": st.none() | _names,
                "team": _names,
                "reason": st.none() | _names,
                "from": _codes("state"),
                "envelopes": st.lists(_names, max_size=2),
            },
        ),
    ),
)


def test_both_languages_name_the_same_keys_managers_and_teams_whatever_the_record(db: sa.Connection) -> None:
    stored = [(n, "telegram", f"user{n}", 1, False, "provider", 0) for n in range(1, 6)]  # 6 was erased
    names = ("id", "kind", "value", "holder_id", "shared", "origin", "created_at")
    db.execute(sa.insert(keys), [dict(zip(names, one, strict=True)) for one in stored])
    facts = (*(f"user{n}" for n in range(1, 6)), "anna-p", "boris-k", "irina-o", "{0}", "%s")

    @given(_records)
    @settings(max_examples=100, deadline=None)
    def holds(made: tuple[str, dict[str, Any]]) -> None:
        decision = Decision(1, NOW, made[0], orjson.loads(orjson.dumps(made[1])), actor="irina-o")
        russian, english = (sentences(db, [decision], language)[0]["text"] for language in LANGUAGES)
        assert {fact: russian.count(fact) for fact in facts} == {fact: english.count(fact) for fact in facts}
        assert russian.strip()

    holds()


# Suggestions


def test_a_suggestion_names_both_and_says_why() -> None:
    record = {"reasons": ["diminutive", "same_city"], "score": 0.7}
    both = ("Саша Петров", "Александр Петров")
    assert suggestion("similar_name", record, both, "ru") == (
        "Похожее имя: Саша Петров – Александр Петров; одно из имён — краткая форма другого; тот же город."
    )
    assert suggestion("similar_name", record, both, "en") == (
        "A similar name: Саша Петров – Александр Петров; one name is short for the other; the same city."
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_suggestion_without_reasons_or_names_is_a_sentence_too(language: Language) -> None:
    told = suggestion("keys_of_two", None, (None, None), language)
    assert told == f"{TEXTS['suggested']['keys_of_two'][language]}"
    assert TEXTS["phrase"]["nameless"][language] in suggestion("similar_name", {}, (None, "Анна"), language)


# The glossary


@pytest.mark.parametrize("vocabulary", ["state", "reason", "obstacle"])
def test_the_glossary_has_the_same_words_for_the_same_codes(vocabulary: Vocabulary) -> None:
    rows = [[cell.strip() for cell in line.split("|")] for line in GLOSSARY.read_text(encoding="utf-8").splitlines()]
    written = {(row[1], row[2]) for row in rows if len(row) > 3}
    assert {(f"`{code}`", texts["ru"]) for code, texts in TEXTS[vocabulary].items()} <= written
