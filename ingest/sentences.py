"""The words of decisions, in both languages: one catalogue for each vocabulary of codes that a record may use.

Names of managers, teams and keys stand in these sentences in the nominative, and nothing agrees with them in gender,
since nothing is known of a name but the name: hence the colons and dashes.
"""

from collections.abc import Mapping
from typing import Final, Literal

from kernel.texts import Catalogue, Language

Vocabulary = Literal[
    "match",
    "tried",
    "suggestion",
    "rejected",
    "enquiry",
    "assignment",
    "reason",
    "obstacle",
    "action",
    "people",
    "suggested",
    "state",
    "kind",
    "phrase",
]

TEXTS: Final[Mapping[Vocabulary, Mapping[str, Mapping[Language, str]]]] = {
    # Who it is.
    "match": {
        "known_key": {"ru": "Клиент узнан по ключу: {key}.", "en": "The client was recognised by {key}."},
        "new_contact": {
            "ru": "Клиент новый: по тому, что он указал, никто не известен.",
            "en": "A new client: nobody is known by what was given.",
        },
        "no_way_back": {
            "ru": "Ответить некуда: ни телефона, ни почты, ни другого пригодного ключа нет. Создан контакт без ключей.",
            "en": "There is no way to answer: no usable phone, e-mail or other key. A contact without keys was made.",
        },
        "shared_key": {
            "ru": "Пришло с общего ключа: {key}. Он не указывает на одного человека, поэтому обращение записано "
            "на компанию или общую линию.",
            "en": "It came from a shared key: {key}. That points to no single person, so the enquiry belongs "
            "to the company or the shared line.",
        },
        "by_hand": {
            "ru": "Клиента указал тот, кто записал обращение.",
            "en": "Whoever took it down said which client it is from.",
        },
        "new_by_hand": {
            "ru": "Создан новый контакт: тот, кто записал обращение, указал, что это другой человек.",
            "en": "A new contact was made: whoever took it down said that this is somebody else.",
        },
    },
    # What each key said, as the heading of a list of keys.
    "tried": {
        "known": {"ru": "На этот же контакт указывают", "en": "Point to the same contact"},
        "new": {"ru": "Новые ключи, теперь записаны за этим контактом", "en": "New keys, now this contact's"},
        "shared": {
            "ru": "Общие ключи, которые ни с кем не связывают",
            "en": "Shared keys, which therefore joined nobody",
        },
        "elsewhere": {"ru": "Принадлежат другому контакту", "en": "Belong to another contact"},
    },
    "suggestion": {
        "keys_of_two": {
            "ru": "Стоит проверить, не один ли это человек.",
            "en": "Please check whether they are one person.",
        },
        "another_name": {
            "ru": "Указано другое имя, чем у контакта: стоит проверить, не разные ли это люди.",
            "en": "The name given is not the contact's: please check whether these are two people.",
        },
    },
    # Why something is no key.
    "rejected": {
        "empty": {"ru": "не указано", "en": "left empty"},
        "unreadable": {"ru": "прочитать не удалось", "en": "could not be read"},
        "impossible": {"ru": "такого не бывает", "en": "cannot exist"},
        "short_number": {"ru": "короткий служебный номер", "en": "a short service number"},
        "machine_made": {"ru": "похоже на вымышленное или служебное", "en": "looks made up, or made by a program"},
        "too_many": {"ru": "слишком много сразу, это чей-то список", "en": "too many at once, a list of somebody's"},
        "shared": {"ru": "общий для нескольких людей", "en": "shared by several people"},
        "several_in_text": {
            "ru": "в тексте несколько, неизвестно, что из этого отправителя",
            "en": "several in the text, no telling which is the sender's",
        },
        "not_needed": {
            "ru": "в тексте не искали, хватило указанного отдельно",
            "en": "not looked for in the text, what was given apart from it was enough",
        },
    },
    # Which enquiry.
    "enquiry": {
        "open": {"ru": "Открыт новый лид.", "en": "A new lead was opened."},
        "open_after_quiet": {
            "ru": "Открыт новый лид: по прежнему слишком долго ничего не было.",
            "en": "A new lead was opened: there had been nothing on the earlier one for too long.",
        },
        "open_after_closing": {
            "ru": "Открыт новый лид: прежний закрыт слишком давно.",
            "en": "A new lead was opened: the earlier one was closed too long ago.",
        },
        "attach": {"ru": "Обращение добавлено к открытому лиду.", "en": "It was attached to the open lead."},
        "reopen": {"ru": "Закрытый лид открыт снова.", "en": "The closed lead was reopened."},
    },
    # Who gets it.
    "assignment": {
        "turn": {"ru": "Очередь: {manager}.", "en": "It went to {manager}, whose turn it was."},
        "own_client": {
            "ru": "Лид передан без очереди. Ответственный за клиента: {manager}.",
            "en": "The lead went out without a turn, to the client's own manager: {manager}.",
        },
        "by_hand": {
            "ru": "Лид передан без очереди: менеджера указал тот, кто записал обращение. Ответственный: {manager}.",
            "en": "The lead went out without a turn, to whom the one named who took it down: {manager}.",
        },
        "unprocessed": {"ru": "Лид пока не обработан: {reason}.", "en": "The lead is unprocessed for now: {reason}."},
    },
    "reason": {
        "outside_hours": {"ru": "сейчас на смене никого нет", "en": "nobody is on shift now"},
        "nobody_available": {"ru": "свободных менеджеров нет", "en": "no manager is free"},
        "all_at_limit": {
            "ru": "у тех, кто мог бы его взять, предел открытых лидов",
            "en": "those who could take it are at their limit of open leads",
        },
        "waiting_for_owner": {
            "ru": "ограниченное время ждём ответственного за клиента",
            "en": "we wait a limited time for the client's own manager",
        },
    },
    "obstacle": {
        "leaving": {"ru": "новых лидов не получает", "en": "gets no new leads"},
        "off_shift": {"ru": "вне смены", "en": "off shift"},
        "away": {"ru": "нет на месте", "en": "away"},
        "on_call": {"ru": "на звонке", "en": "on a call"},
        "at_limit": {"ru": "предел открытых лидов", "en": "at the limit of open leads"},
    },
    # What a person did; the sentence begins with who it was.
    "action": {
        "accept": {
            "ru": "лид принят в работу, ответственный — {manager}",
            "en": "lead accepted, the owner is {manager}",
        },
        "assign": {
            "ru": "лид передан, ответственный — {manager}, отдел «{team}»",
            "en": "lead handed over, the owner is {manager} in the team “{team}”",
        },
        "assign_to_team": {"ru": "лид передан в отдел «{team}»", "en": "lead handed over to the team “{team}”"},
        "disqualify": {"ru": "лид признан нецелевым", "en": "lead disqualified"},
        "lose": {"ru": "лид закрыт как упущенный", "en": "lead closed as lost"},
        "convert": {"ru": "лид успешно завершён", "en": "lead converted"},
        "reopen": {"ru": "лид открыт снова", "en": "lead reopened"},
        "available": {"ru": "{manager} снова получает лиды", "en": "{manager} gets leads again"},
        "away": {"ru": "{manager} пока не получает новых лидов", "en": "{manager} gets no new leads for now"},
        "replay": {
            "ru": "записи журнала отправлены на повторную обработку, всего — {count}",
            "en": "envelopes sent through again, {count} in all",
        },
    },
    # What became of a lead because contacts were merged or parted; the sentence begins with who did it.
    "people": {
        "merge": {
            "ru": "контакт этого лида объединён с другим",
            "en": "the contact of this lead was merged with another",
        },
        "folded": {
            "ru": "контакты объединены, и этот лид продолжается во втором лиде клиента",
            "en": "contacts were merged, and this lead goes on as a part of the client's other lead",
        },
        "took_in": {
            "ru": "контакты объединены, и второй лид клиента продолжается в этом",
            "en": "contacts were merged, and the client's other lead goes on as a part of this one",
        },
        "two_accepted": {
            "ru": "контакты объединены, оба принятых лида клиента остаются; второй ведёт {manager}",
            "en": "contacts were merged, and both leads in work stay; the other one is with {manager}",
        },
        "undo": {
            "ru": "объединение контактов отменено",
            "en": "the merge of contacts was undone",
        },
        "split": {"ru": "часть контакта отделена", "en": "a part of the contact was split off"},
        "given_away": {
            "ru": "контакты разделены, и то, что пришло от второго клиента, теперь в его лиде",
            "en": "contacts were parted, and what came from the other client is on a lead of his own now",
        },
        "got_back": {
            "ru": "контакты разделены, и то, что пришло от этого клиента, возвращено в этот лид",
            "en": "contacts were parted, and what came from this client is back on this lead",
        },
        "opened_apart": {
            "ru": "контакты разделены, и лид открыт для того, что пришло от этого клиента",
            "en": "contacts were parted, and this lead was opened for what came from this client",
        },
        "returned": {
            "ru": "контакты разделены, и лид снова стоит отдельно, как до объединения",
            "en": "contacts were parted, and this lead stands by itself again, as before they were merged",
        },
    },
    # Why somebody is asked whether two contacts are one.
    "suggested": {
        "keys_of_two": {
            "ru": "Одно обращение назвало ключи обоих контактов.",
            "en": "One approach gave keys of both contacts.",
        },
        "another_name": {
            "ru": "По ключу этого контакта представились другим именем.",
            "en": "Somebody gave another name with a key of this contact.",
        },
    },
    "state": {
        "unprocessed": {"ru": "не обработан", "en": "unprocessed"},
        "assigned": {"ru": "назначен", "en": "assigned"},
        "in_work": {"ru": "в работе", "en": "in work"},
        "converted": {"ru": "успешно завершён", "en": "converted"},
        "lost": {"ru": "упущен", "en": "lost"},
        "disqualified": {"ru": "нецелевой", "en": "disqualified"},
        "merged": {"ru": "объединён", "en": "merged"},
    },
    "kind": {
        "phone": {"ru": "телефон", "en": "phone"},
        "email": {"ru": "почта", "en": "e-mail"},
    },
    "phrase": {
        "extension": {"ru": "{key} доб. {extension}", "en": "{key} ext. {extension}"},
        "erased": {"ru": "удалённый ключ", "en": "an erased key"},
        "name_kept": {
            "ru": "Указанное имя сохранено во взаимодействии.",
            "en": "The name that was given is kept with the interaction.",
        },
        "not_used": {"ru": "Не использовано", "en": "Not used"},
        "by_rule": {"ru": "Отдел «{team}» выбран по правилу {rule}.", "en": "Rule {rule} chose the team “{team}”."},
        "by_default": {
            "ru": "Правила с условием не подошли: взят отдел канала, а если он не задан, первый: «{team}».",
            "en": "No rule with a condition matched: it is the channel's team or, without one, the first: “{team}”.",
        },
        "in_team": {"ru": "Отдел «{team}».", "en": "Team “{team}”."},
        "also_free": {"ru": "Свободны были также", "en": "Also free"},
        "skipped": {"ru": "Пропущены", "en": "Skipped"},
        "cannot_take": {"ru": "Взять не могут", "en": "Cannot take it"},
        "because": {"ru": "{what} — {why}", "en": "{what} ({why})"},
        "with_reason": {"ru": "Причина: {reason}.", "en": "Reason: {reason}."},
        "by_key": {"ru": "Основание: {key}.", "en": "Because of {key}."},
        "now": {"ru": "Состояние: {state}.", "en": "Its state: {state}."},
        "before": {"ru": "Прежнее состояние: {state}.", "en": "Its state before: {state}."},
        "as_client": {"ru": "Они считаются обращениями клиентов.", "en": "They count as approaches of clients."},
    },
}

_CATALOGUES: Final = {vocabulary: Catalogue(texts) for vocabulary, texts in TEXTS.items()}


def say(vocabulary: Vocabulary, code: str, language: Language, **values: object) -> str:
    """The text of a code of `vocabulary`; a code that is not in it is shown as itself."""
    return _CATALOGUES[vocabulary].say(code, language, **values)
