"""The words of notices, in both languages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from desk.words import KINDS, LABELS
from ingest.outgoing.texts import refused
from ingest.outgoing.texts import standing as standing_of_reply
from kernel.texts import Catalogue, Language


def _begun(word: str) -> str:
    """As the first word of a line."""
    return word[:1].upper() + word[1:]


TEXTS: Final = Catalogue(
    {
        **LABELS,
        **{kind: {language: _begun(word) for language, word in words.items()} for kind, words in KINDS.items()},
        "lead_assigned": {"ru": "Новый лид: {title}", "en": "New lead: {title}"},
        "wrote_again": {"ru": "Клиент написал снова: {title}", "en": "The client wrote again: {title}"},
        "lead_folded": {
            "ru": "Контакты объединены, лид продолжается в другом: {title}",
            "en": "Contacts were merged, the lead goes on in another: {title}",
        },
        "lead_took_in": {
            "ru": "К лиду присоединён ещё один лид клиента: {title}",
            "en": "Another lead of the client goes on in this one: {title}",
        },
        "two_accepted": {
            "ru": "С клиентом работает ещё один менеджер: {title}",
            "en": "Another manager is at work with this client: {title}",
        },
        "lead_returned": {
            "ru": "Объединение отменено, лид снова у вас: {title}",
            "en": "The merge was undone, the lead is yours again: {title}",
        },
        "missed_call": {"ru": "Пропущенный звонок клиента: {title}", "en": "A missed call of your client: {title}"},
        "client_called": {
            "ru": "Клиент звонил, ответил другой: {title}",
            "en": "Your client called, another answered: {title}",
        },
        "do_call_back": {"ru": "Перезвонить до", "en": "Call back by"},
        "do_answer": {"ru": "Ответить на письмо до", "en": "Answer the mail by"},
        "reply_failed": {"ru": "Ответ клиенту не доставлен: {title}", "en": "Not delivered to the client: {title}"},
        "reply_refused": {"ru": "Ответ клиенту не отправлен: {title}", "en": "Not sent to the client: {title}"},
        "reply_without_files": {
            "ru": "Ответ клиенту уходит без вложений: {title}",
            "en": "Sent to the client without its attachments: {title}",
        },
        "files_left_out": {
            "ru": "Клиенту передаётся только текст. Файлов в вашем письме: {count}; отправьте их ему сами.",
            "en": "Only words are passed on to the client. Files in your mail: {count}; send them to him yourself.",
        },
        "several": {"ru": "Новое по лидам: {count}", "en": "News of leads: {count}"},
        "lead_offered": {"ru": "Вам предложен лид: {title}", "en": "A lead is offered to you: {title}"},
        "offer_expired": {
            "ru": "Время на ответ вышло, лид предложен дальше: {title}",
            "en": "The time to answer is over, the lead has gone on: {title}",
        },
        "offer_withdrawn": {
            "ru": "Лид больше не предлагается: {title}",
            "en": "The lead is no longer offered: {title}",
        },
        "taken_by": {"ru": "Лид уже взят: {title}", "en": "The lead is taken: {title}"},
        "made_away": {
            "ru": "Вы не ответили на два предложения подряд, новых лидов пока не будет",
            "en": "Two offers in a row had no answer from you, so you get no new leads for now",
        },
        "refused_by_all": {"ru": "От лида отказались все: {title}", "en": "All have refused the lead: {title}"},
        "owner_away": {
            "ru": "Вас не было на месте, лид передан дальше: {title}",
            "en": "You were away, the lead has gone on: {title}",
        },
        "escalation": {"ru": "Лиды, которые никто не принял: {count}", "en": "Leads that nobody has accepted: {count}"},
        "come_back": {
            "ru": "Отметьте, что вы на месте, и лиды снова пойдут.",
            "en": "Say that you are available, and leads come again.",
        },
        "answer_by": {"ru": "Принять до", "en": "Accept by"},
        "to_first": {
            "ru": "Лид предложен нескольким сразу: он у того, кто примет первым.",
            "en": "The lead is offered to several at once: the first to accept has it.",
        },
        "taken": {"ru": "Взял лид", "en": "Taken by"},
        "client": {"ru": "Клиент", "en": "Client"},
        "introduced_as": {"ru": "Представился как", "en": "Introduced as"},
        "no_way_back": {
            "ru": "Контактов для ответа клиент не оставил.",
            "en": "The client left no way to answer.",
        },
        "extension": {"ru": "доб.", "en": "ext."},
        # Above a message that is edited: how the lead stands for whoever has the message.
        "now_assigned": {"ru": "Ваш лид: {title}", "en": "Your lead: {title}"},
        "now_in_work": {"ru": "В работе: {title}", "en": "In work: {title}"},
        "now_offered": {"ru": "Можно взять: {title}", "en": "Free to take: {title}"},
        "now_with": {"ru": "Ответственный теперь {owner}: {title}", "en": "Now with {owner}: {title}"},
        "now_unprocessed": {"ru": "Лид снова ждёт: {title}", "en": "The lead waits again: {title}"},
        "now_converted": {"ru": "Успешно завершён: {title}", "en": "Converted: {title}"},
        "now_lost": {"ru": "Упущен: {title}", "en": "Lost: {title}"},
        "now_disqualified": {"ru": "Нецелевой: {title}", "en": "Disqualified: {title}"},
        "now_merged": {"ru": "Объединён с другим лидом: {title}", "en": "Merged into another lead: {title}"},
        "continued_below": {"ru": "Новое — в сообщении ниже.", "en": "What is new stands in a message below."},
    }
)


def standing(lead: Mapping[str, Any], manager: str, *, offered: bool) -> tuple[str, bool]:
    """The code of how a lead stands for a manager, and whether it is his, or his to take."""
    if offered:
        return "now_offered", True
    if lead["state"] in {"assigned", "in_work"}:
        own = lead["owner"] == manager
        return (f"now_{lead['state']}" if own else "now_with"), own
    return f"now_{lead['state']}", False


def render_standing(
    lead: Mapping[str, Any],
    latest: Mapping[str, Any] | None,
    manager: str,
    titles: Mapping[str, str],
    language: Language,
    due: str | None,
    *,
    offered: bool,
) -> tuple[str, str]:
    """Subject and text of a message that is edited. Whoever the lead is nothing to any more no longer reads of its client."""
    code, own = standing(lead, manager, offered=offered)
    owner = titles.get(lead["owner"], lead["owner"])
    subject = TEXTS.say(code, language, title=lead["title"], owner=owner)
    if own:
        return subject, render(code, lead, latest, language, due)[1]
    return subject, f"{TEXTS.say('lead', language)}: {lead['id']}"


def render(
    code: str,
    lead: Mapping[str, Any],
    latest: Mapping[str, Any] | None,
    language: Language,
    due: str | None,
    more: Sequence[str] = (),
) -> tuple[str, str]:
    """Subject and text of a notice about a lead as it is now; `latest` is what was received last on it, `more` goes first."""
    lines = [*more, *facts(lead, latest, language)]
    if due:
        lines.append(f"{TEXTS.say('due_by', language)}: {due}")
    if lead.get("reply"):
        lines.append(standing_of_reply(lead["reply"], language))
    if "no_way_back" in lead["marks"]:
        lines.append(TEXTS.say("no_way_back", language))
    if latest and latest["text"]:
        lines += ["", latest["text"]]
    lines += ["", f"{TEXTS.say('lead', language)}: {lead['id']}"]
    return TEXTS.say(code, language, title=lead["title"]), "\n".join(lines)


def facts(lead: Mapping[str, Any], latest: Mapping[str, Any] | None, language: Language) -> list[str]:
    """What a notice says of a client and his lead, a line each: for nobody else's eyes."""
    known = [
        ("client", lead["contact"]["name"] if lead["contact"] else None),
        ("introduced_as", latest["introduced_as"] if latest else None),
        ("company", (lead["company"] or {}).get("name")),
        *((key["kind"], _shown(key, language)) for key in (lead["contact"] or {"keys": []})["keys"]),
        ("source", lead["source"]),
    ]
    # A line of what a client calls himself would read as one of ours.
    return [f"{TEXTS.say(name, language)}: {' '.join(value.split())}" for name, value in known if value]


def render_many(code: str, leads: Sequence[Mapping[str, Any]], language: Language) -> tuple[str, str]:
    """Subject and text of one notice about several leads."""
    lines = [f"– {lead['title']} ({TEXTS.say('lead', language)} {lead['id']})" for lead in leads]
    return TEXTS.say(code, language, count=len(leads)), "\n".join(lines)


def offer_lines(
    code: str,
    record: Mapping[str, Any],
    language: Language,
    title: Callable[[str], str],
    shown: Callable[[datetime], str],
) -> list[str]:
    """What a notice about an offer says beside its lead. `shown` writes a time as its reader reads it."""
    lines: list[str] = []
    if code == "made_away":
        lines.append(TEXTS.say("come_back", language))
    if record.get("why"):
        lines.append(refused(record["why"]["code"], record["why"]["message"], language))
    if record.get("files"):
        lines.append(TEXTS.say("files_left_out", language, count=record["files"]))
    if record.get("by") in {"first", "everyone"}:
        lines.append(TEXTS.say("to_first", language))
    if record.get("answer_by"):
        lines.append(f"{TEXTS.say('answer_by', language)}: {shown(datetime.fromisoformat(record['answer_by']))}")
    if code == "taken_by" and record.get("manager"):
        lines.append(f"{TEXTS.say('taken', language)}: {title(record['manager'])}")
    return lines


def _shown(key: Mapping[str, str], language: Language) -> str:
    extension = key.get("extension")
    return key["value"] if extension is None else f"{key['value']} {TEXTS.say('extension', language)} {extension}"
