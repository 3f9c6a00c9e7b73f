"""The daily summary in words: what came in and what became of it, what waits and why, who has how much, what to do first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from desk.words import LABELS
from ingest.explaining.sentences import say
from kernel.texts import Catalogue, Language
from storage.summary import Day, Load, Named, Waiting

TEXTS: Final = Catalogue(
    {
        **LABELS,
        "nobody_waits": {"ru": "Никто не ждёт.", "en": "Nobody is waiting."},
        "subject": {"ru": "Итоги за {day}", "en": "Summary of {day}"},
        "came": {"ru": "Поступило", "en": "Received"},
        "nothing_came": {"ru": "За день ничего не поступило.", "en": "Nothing came in that day."},
        "channel": {"ru": "{name}: {received}", "en": "{name}: {received}"},
        "created": {"ru": "новых лидов {count}", "en": "new leads {count}"},
        "attached": {"ru": "к известным {count}", "en": "to known ones {count}"},
        "handled": {"ru": "служебных {count}", "en": "signals {count}"},
        "ignored": {"ru": "не клиенты {count}", "en": "not clients {count}"},
        "failed": {"ru": "не прочитано {count}", "en": "unread {count}"},
        "pending": {"ru": "ещё в обработке {count}", "en": "still pending {count}"},
        "waits": {
            "ru": "{team}: {count} ({reason}), дольше всех — {age}",
            "en": "{team}: {count} ({reason}), the longest {age}",
        },
        "to_do": {"ru": "Дела", "en": "To do"},
        "to_do_answer": {"ru": "ответить на письма: {count}", "en": "mails to answer: {count}"},
        "to_do_call_back": {"ru": "перезвонить: {count}", "en": "clients to call back: {count}"},
        "loads": {"ru": "У кого сколько", "en": "Who has how much"},
        "load": {
            "ru": "{name}: ждут ответа {assigned}, в работе {in_work}",
            "en": "{name}: to accept {assigned}, in work {in_work}",
        },
        "overdue": {"ru": "просрочено {count}", "en": "overdue {count}"},
        "slowest": {"ru": "Дольше всего ждали ответа", "en": "Slowest answers"},
        "slow": {"ru": "{title}: {age} ({owner})", "en": "{title}: {age} ({owner})"},
        "first": {"ru": "Что сделать сначала", "en": "What to do first"},
        "do_failed": {
            "ru": "Прочитать вручную, что не разобрано: {count} (priyom failed)",
            "en": "Look at what could not be read: {count} (priyom failed)",
        },
        "do_channel": {"ru": "Канал «{name}»: {detail}", "en": "Channel “{name}”: {detail}"},
        "do_undelivered": {
            "ru": "Не доставлены уведомления: {count} (priyom notices)",
            "en": "Notices that were not delivered: {count} (priyom notices)",
        },
        "do_waiting": {"ru": "Ждёт {age}: {title}", "en": "Waiting for {age}: {title}"},
        "do_overdue": {"ru": "Просрочен на {age}: {title} ({owner})", "en": "Overdue by {age}: {title} ({owner})"},
        "nobody": {"ru": "никто", "en": "nobody"},
        "minutes": {"ru": "{count} мин", "en": "{count} min"},
        "hours": {"ru": "{count} ч", "en": "{count} h"},
        "days": {"ru": "{count} дн", "en": "{count} d"},
    }
)
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_OUTCOMES: Final = ("created", "attached", "handled", "ignored", "failed")


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a summary is written: his language, how he reads names of people and leads' addresses, and troubles of channels."""

    language: Language
    title: Callable[[str], str]
    address: Callable[[str], str]
    channels: Mapping[str, str]


def render(day: Day, name: str, now: datetime, reader: Reader) -> tuple[str, str]:
    """Subject and text of the summary of the day `name`."""
    parts = (
        _first(day, now, reader),
        _came(day, reader),
        _waiting(day, now, reader),
        _to_do(day, reader),
        _loads(day, reader),
        _slowest(day, reader),
    )
    text = "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)
    return TEXTS.say("subject", reader.language, day=name), text


def _came(day: Day, reader: Reader) -> Iterator[str]:
    if not day.account:
        yield _say(reader, "nothing_came")
        return
    yield _heading(reader, "came")
    for name, figures in day.account.items():
        counts = {outcome: figures[outcome] for outcome in _OUTCOMES}
        counts["pending"] = figures["received"] - sum(counts.values())
        told = [_say(reader, outcome, count=count) for outcome, count in counts.items() if count]
        yield f"– {_say(reader, 'channel', name=name, received=figures['received'])}" + (
            f" ({', '.join(told)})" if told else ""
        )


def _waiting(day: Day, now: datetime, reader: Reader) -> Iterator[str]:
    if not day.waiting:
        yield _say(reader, "nobody_waits")
        return
    yield _heading(reader, "waiting")
    yield from (f"– {_waits(one, now, reader)}" for one in day.waiting)


def _waits(one: Waiting, now: datetime, reader: Reader) -> str:
    reason = say("reason", one.reason or "unprocessed", reader.language)
    return _say(reader, "waits", team=one.team, count=one.count, reason=reason, age=_age(now, one.since, reader))


def _to_do(day: Day, reader: Reader) -> Iterator[str]:
    if day.to_do:
        yield _heading(reader, "to_do")
    for one in day.to_do:
        told = _say(reader, f"to_do_{one.kind}", count=one.count)
        yield f"– {told}, {_say(reader, 'overdue', count=one.overdue)}" if one.overdue else f"– {told}"


def _loads(day: Day, reader: Reader) -> Iterator[str]:
    if day.loads:
        yield _heading(reader, "loads")
        yield from (f"– {_load(one, reader)}" for one in day.loads)


def _load(one: Load, reader: Reader) -> str:
    told = _say(reader, "load", name=reader.title(one.manager), assigned=one.assigned, in_work=one.in_work)
    return f"{told}, {_say(reader, 'overdue', count=one.overdue)}" if one.overdue else told


def _slowest(day: Day, reader: Reader) -> Iterator[str]:
    if day.slowest:
        yield _heading(reader, "slowest")
    for one in day.slowest:
        yield f"– {_say(reader, 'slow', title=one.title, age=_span(one.seconds, reader), owner=_owner(one, reader))}"


def _first(day: Day, now: datetime, reader: Reader) -> Iterator[str]:
    """The most pressing first: what may be lost, what is broken, who waits longest, who was promised an answer."""
    todo: list[str] = []
    if day.failed:
        todo.append(_say(reader, "do_failed", count=day.failed))
    todo += [_say(reader, "do_channel", name=name, detail=detail) for name, detail in reader.channels.items()]
    if day.undelivered:
        todo.append(_say(reader, "do_undelivered", count=day.undelivered))
    todo += [_lead(reader, "do_waiting", one, now) for one in day.oldest]
    named = {one.uid for one in day.oldest}
    todo += [_lead(reader, "do_overdue", one, now) for one in day.overdue if one.uid not in named]
    if todo:
        yield _heading(reader, "first")
        yield from (f"{place}. {line}" for place, line in enumerate(todo, 1))


def _lead(reader: Reader, code: str, one: Named, now: datetime) -> str:
    told = _say(reader, code, title=one.title, age=_age(now, one.at, reader), owner=_owner(one, reader))
    return f"{told} {reader.address(one.uid)}"


def _owner(one: Named, reader: Reader) -> str:
    return _say(reader, "nobody") if one.owner is None else reader.title(one.owner)


def _age(now: datetime, then: datetime, reader: Reader) -> str:
    return _span(int((now - then).total_seconds()), reader)


def _span(seconds: int, reader: Reader) -> str:
    """A length in its largest whole unit."""
    if seconds >= 2 * _DAY:
        return _say(reader, "days", count=seconds // _DAY)
    if seconds >= 2 * _HOUR:
        return _say(reader, "hours", count=seconds // _HOUR)
    return _say(reader, "minutes", count=max(1, seconds // _MINUTE))


def _heading(reader: Reader, code: str) -> str:
    return f"{_say(reader, code)}:"


def _say(reader: Reader, code: str, **values: object) -> str:
    return TEXTS.say(code, reader.language, **values)
