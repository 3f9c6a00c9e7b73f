"""Why a client was not answered, and how an answer stands, in both languages. A code without words is told in its own message."""

from collections.abc import Mapping
from typing import Any, Final

from kernel.texts import Catalogue, Language

REASONS: Final = Catalogue(
    {
        "channel_sends_nothing": {
            "ru": "по этому каналу ответить нельзя, а почта клиента или ящик для отправки неизвестны",
            "en": "nothing can be sent by this channel, and no mail address of the client or no mailbox is known",
        },
        "no_way_back": {
            "ru": "клиент не оставил, куда ответить",
            "en": "the client left no way to answer",
        },
        "several_ways": {
            "ru": "клиента можно достичь несколькими путями; ответьте из карточки на нужное сообщение",
            "en": "there are several ways to the client; answer the right message from the card",
        },
        "no_smtp": {
            "ru": "у ящика нет сервера для отправки; добавьте smtp в его настройки",
            "en": "the mailbox has no server to send by; add smtp to its settings",
        },
        "no_token": {"ru": "у канала нет ключа доступа (token)", "en": "the channel has no access key (token)"},
        "no_channel": {"ru": "этого канала больше нет", "en": "this channel is there no more"},
        "no_address": {"ru": "это не адрес почты", "en": "that is no mail address"},
        "no_permission": {
            "ru": "клиент не разрешил писать ему; он должен написать первым",
            "en": "the client does not let us write to him; he has to write first",
        },
        "blocked": {"ru": "клиент нас заблокировал", "en": "the client has blocked us"},
        "gone": {"ru": "аккаунт клиента удалён", "en": "the client’s account is gone"},
        "too_long": {"ru": "текст слишком длинный для этого канала", "en": "the text is too long for this channel"},
        "unavailable": {
            "ru": "сервис канала не отвечает, попробуем ещё раз",
            "en": "the channel’s service is away, we try again",
        },
        "misconfigured": {
            "ru": "канал настроен неверно, попробуем ещё раз; подробности в состоянии каналов",
            "en": "the channel is misconfigured, we try again; the state of the channels says more",
        },
        "incomplete": {"ru": "в ответе нет текста", "en": "the answer has no text"},
        "merged": {
            "ru": "лид продолжается в другом; ответьте там",
            "en": "the lead goes on in another; answer there",
        },
        "not_yours": {"ru": "лид не у вас", "en": "the lead is not yours"},
        "unknown": {
            "ru": "непонятно, о каком лиде ответ; ответьте на последнее сообщение о нём",
            "en": "it is not clear which lead this is about; answer the last message about it",
        },
        "changed": {
            "ru": "ответ уже ушёл в прежнем виде, правка не отправлена",
            "en": "the answer has left as it was, the change was not sent",
        },
        "not_words": {
            "ru": "клиенту передаётся только текст; напишите его без файла и картинки",
            "en": "only words are passed on to the client; write them without a file or picture",
        },
        "forged": {
            "ru": "почтовый сервер сомневается, что письмо от вас (DMARC); ответьте из карточки",
            "en": "the mail server doubts that the mail is from you (DMARC); answer from the card",
        },
        "quoted": {
            "ru": "в письме остался текст уведомления, клиенту он не предназначен; напишите ответ над цитатой",
            "en": "the mail still has the notice’s own text, which is not for the client; write above the quotation",
        },
    }
)

STANDING: Final = Catalogue(
    {
        "sending": {"ru": "Ответ отправляется: «{text}»", "en": "The answer is on its way: “{text}”"},
        "sent": {"ru": "Ответ отправлен: «{text}»", "en": "The answer was sent: “{text}”"},
        "failed": {"ru": "Ответ не доставлен: «{text}»", "en": "The answer was not delivered: “{text}”"},
        "refused": {"ru": "Ответ не отправлен: {why}.", "en": "The answer was not sent: {why}."},
    }
)

_SHOWN: Final = 80


def reason(error: Mapping[str, str], language: Language) -> str:
    """Why not, for a person."""
    return REASONS.say(error["code"], language) if error["code"] in REASONS else error["message"]


def standing(reply: Mapping[str, Any], language: Language) -> str:
    """How the last answer to a client stands, in a line."""
    text = " ".join(reply["text"].split())
    line = STANDING.say(reply["state"], language, text=text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return line if reply["error"] is None else f"{line} ({reason(reply['error'], language)})"


def refused(code: str, message: str, language: Language) -> str:
    """What to tell whoever wanted something said that cannot be said."""
    return STANDING.say("refused", language, why=reason({"code": code, "message": message}, language))
