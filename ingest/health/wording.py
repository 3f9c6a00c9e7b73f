"""How a channel is, in words for whoever can help: what is the matter, since when, and what to do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, assert_never

from ingest.health.states import (
    PROOF,
    Expiring,
    Listening,
    Misconfigured,
    Refusing,
    Retrying,
    Silent,
    Starting,
    State,
    Stopped,
)
from kernel.texts import Catalogue, Language

TEXTS: Final = Catalogue(
    {
        "unavailable": {
            "ru": "нет связи с {since}, следующая попытка в {next}; пока делать ничего не нужно ({detail})",
            "en": "no connection since {since}, the next attempt is at {next}; nothing to do so far ({detail})",
        },
        "hung": {
            "ru": "не подавал признаков жизни и перезапущен, следующая попытка в {next} ({detail})",
            "en": "gave no sign of life and is started again, the next attempt is at {next} ({detail})",
        },
        "ended": {
            "ru": "опрос прервался, следующая попытка в {next}; если повторяется, посмотрите журнал работы ({detail})",
            "en": "it stopped, the next attempt is at {next}; where that goes on, look into the log ({detail})",
        },
        "defect": {
            "ru": "ошибка в программе ({detail}), следующая попытка в {next}; подробности в журнале работы",
            "en": "a defect of the program ({detail}), the next attempt is at {next}; the log has the rest",
        },
        "not_proved": {
            "ru": "отклонено подряд: {count}, подпись или секрет не сходятся; секрет у провайдера и в config.yaml разный: "
            "возьмите нынешний в кабинете провайдера, запишите и выполните priyom reload",
            "en": "refused in a row: {count}, signature or secret do not match; the provider's secret and the one in config.yaml "
            "differ: take the present one from the provider, write it down and run priyom reload",
        },
        "refused": {
            "ru": "отклонено подряд: {count} (код {refusal}); провайдер присылает не то, что ожидает канал: проверьте вид канала "
            "и адрес у провайдера",
            "en": "refused in a row: {count} (code {refusal}); the provider sends what the channel cannot take: "
            "check the channel's kind and the address at the provider",
        },
        "silent": {
            "ru": "ничего с {since}, хотя обычно за это время приходит около {expected}; отправьте пробное обращение и "
            "проверьте настройки у провайдера",
            "en": "nothing since {since}, where usually about {expected} come in such a time; send something by it yourself and "
            "check the settings at the provider",
        },
        "certificate": {
            "ru": "сертификат {place} действует до {until}; пусть его обновит тот, кто держит этот сервер",
            "en": "the certificate of {place} is valid until {until}; let whoever runs that server renew it",
        },
        "token": {
            "ru": "токен {place} действует до {until}; выпустите новый, или проверьте то, что его обновляет",
            "en": "the token of {place} is valid until {until}; make a new one, or look at what renews it",
        },
        "stopped": {
            "ru": "никто не слушает с {since}; если это не остановка, посмотрите журнал работы",
            "en": "nobody has listened since {since}; unless priyom is being stopped, look into the log",
        },
        "not_running": {
            "ru": "никто не слушает: priyom не запущен; запустите его",
            "en": "nobody listens: priyom does not run; start it",
        },
        # What directors are told.
        "alarm_misconfigured": {"ru": "Канал «{name}» требует внимания", "en": "Channel “{name}” needs help"},
        "alarm_silent": {"ru": "Канал «{name}» молчит", "en": "Channel “{name}” is silent"},
        "alarm_retrying": {"ru": "Канал «{name}» без связи", "en": "Channel “{name}” has no connection"},
        "alarm_expiring": {"ru": "Канал «{name}»: истекает доступ", "en": "Channel “{name}”: its access expires"},
        "all_clear": {"ru": "Канал «{name}» снова работает", "en": "Channel “{name}” works again"},
        "was_since": {"ru": "Был в беде с {since}.", "en": "It was in trouble since {since}."},
    }
)

ALARM: Final = "channel_alarm"
CLEAR: Final = "channel_clear"
"""Codes of what directors are told."""

Shown = Callable[[datetime], str]
"""Writes a time as its reader reads it."""


def remedy(state: State, language: Language, shown: Shown) -> str | None:
    """What is the matter and what to do; None where all is well."""
    said: str | None = None
    match state:
        case Starting() | Listening():
            pass
        case Retrying():
            since, following = shown(state.since), shown(state.next_at)
            said = TEXTS.say(state.code, language, since=since, next=following, detail=state.detail)
        case Misconfigured():
            said = state.russian if language == "ru" else state.detail
        case Refusing():
            code = "not_proved" if state.code == PROOF else "refused"
            said = TEXTS.say(code, language, count=state.count, refusal=state.code)
        case Silent():
            said = TEXTS.say("silent", language, since=shown(state.since), expected=max(1, round(state.expected)))
        case Expiring():
            expiry = state.expiry
            said = TEXTS.say(expiry.what, language, place=expiry.place, until=shown(expiry.at))
        case Stopped():
            said = TEXTS.say("stopped", language, since=shown(state.since))
        case never:
            assert_never(never)
    return said


def not_running(language: Language) -> str:
    """What is the matter with every channel while no daemon runs."""
    return TEXTS.say("not_running", language)


def told(code: str, record: Mapping[str, Any], language: Language, desk: str) -> tuple[str, str]:
    """Subject and text of a notice about a channel. `record`: channel; state, `ru` and `en` of an alarm, `since` of its end."""
    name = record["channel"]
    if code == CLEAR:
        return TEXTS.say("all_clear", language, name=name), TEXTS.say("was_since", language, since=record["since"])
    said = record[language] or ""
    return TEXTS.say(f"alarm_{record['state']}", language, name=name), f"{said[:1].upper()}{said[1:]}.\n\n{desk}"
