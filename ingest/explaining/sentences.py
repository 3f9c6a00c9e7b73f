"""The words of decisions, in both languages: one catalogue for each vocabulary of codes that a record may use.

Names of managers, teams and keys stand in these sentences in the nominative, and nothing agrees with them in gender,
since nothing is known of a name but the name: hence the colons and dashes.
"""

from collections.abc import Mapping
from typing import Final, Literal

from desk.words import KINDS, STATES
from kernel.texts import Catalogue, Language

Vocabulary = Literal[
    "match",
    "tried",
    "suggestion",
    "likeness",
    "rejected",
    "enquiry",
    "assignment",
    "reason",
    "obstacle",
    "offer",
    "call",
    "answer",
    "action",
    "withheld",
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
        "joined": {
            "ru": "Принадлежали второму контакту, который по ним и объединён с этим",
            "en": "Belonged to a second contact, which was merged with this one because of them",
        },
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
    # Why two names may be one person's, as the end of that sentence.
    "likeness": {
        "same_name": {"ru": "имя совпадает", "en": "the name is the same"},
        "diminutive": {"ru": "одно из имён — краткая форма другого", "en": "one name is short for the other"},
        "misspelt": {"ru": "возможна опечатка", "en": "possibly misspelt"},
        "initial": {"ru": "вместо имени инициал", "en": "an initial for the first name"},
        "transliterated": {"ru": "записано разными алфавитами", "en": "written in two alphabets"},
        "word_order": {"ru": "другой порядок слов", "en": "another order of words"},
        "same_patronymic": {"ru": "то же отчество", "en": "the same patronymic"},
        "other_patronymic": {"ru": "другое отчество", "en": "another patronymic"},
        "other_given": {"ru": "другое имя", "en": "another first name"},
        "other_surname": {"ru": "другая фамилия", "en": "another surname"},
        "gender_form": {"ru": "фамилия другого рода", "en": "the surname is of the other gender"},
        "no_name": {"ru": "имени нет", "en": "there is no name"},
        "same_city": {"ru": "тот же город", "en": "the same city"},
        "same_company": {"ru": "та же компания или общая линия", "en": "the same company or shared line"},
        "same_domain": {"ru": "почта в том же домене", "en": "e-mail at the same domain"},
        "near_phone": {"ru": "телефоны отличаются одной цифрой", "en": "the phones differ by one digit"},
        "same_mailbox": {
            "ru": "почтовые ящики называются одинаково",
            "en": "the mailboxes have one name at two providers",
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
        "own": {"ru": "принадлежит самой компании", "en": "the company's own"},
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
        "first": {
            "ru": "Лид предложен всем, кто может его взять: {managers}. Он у того, кто примет первым.",
            "en": "The lead was offered to all who can take it: {managers}. The first to accept has it.",
        },
        "everyone": {
            "ru": "Все, кто на месте, отказались или не ответили, поэтому лид предложен им всем сразу: {managers}. "
            "Он у того, кто примет первым.",
            "en": "All who are there refused it or did not answer, so it was put before them all at once: {managers}. "
            "The first to accept has it.",
        },
        "by_hand": {
            "ru": "Лид передан без очереди: менеджера указал тот, кто записал обращение. Ответственный: {manager}.",
            "en": "The lead went out without a turn, to whom the one named who took it down: {manager}.",
        },
        "unprocessed": {"ru": "Лид пока не обработан: {reason}.", "en": "The lead is unprocessed for now: {reason}."},
        "answered_call": {
            "ru": "Лид без очереди у того, кто ответил на звонок клиента: {manager}.",
            "en": "Without a turn it is with {manager}, who answered the client's call.",
        },
        "called_out": {
            "ru": "Лид без очереди у того, кто позвонил клиенту: {manager}.",
            "en": "Without a turn it is with {manager}, who called the client.",
        },
        "test": {
            "ru": "Это проба: лид отмечен и сразу закрыт, очередь не занята.",
            "en": "A trial: the lead was marked and closed at once, and took no turn.",
        },
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
        "refused_by_all": {
            "ru": "все, кто на месте, отказались или не ответили",
            "en": "all who are there refused it or did not answer",
        },
        "owner_away": {"ru": "ответственного давно нет на месте", "en": "its owner has been away for too long"},
        "ringing": {
            "ru": "клиент звонит, на звонок ещё не ответили",
            "en": "the client is calling, nobody has answered yet",
        },
    },
    "obstacle": {
        "leaving": {"ru": "новых лидов не получает", "en": "gets no new leads"},
        "off_shift": {"ru": "вне смены", "en": "off shift"},
        "shift_ending": {"ru": "смена вот-вот закончится", "en": "the shift is about to end"},
        "away": {"ru": "нет на месте", "en": "away"},
        "on_call": {"ru": "на звонке", "en": "on a call"},
        "at_limit": {"ru": "предел открытых лидов", "en": "at the limit of open leads"},
        "at_offers": {"ru": "предел предложений без ответа", "en": "at the limit of unanswered offers"},
        "refused": {"ru": "уже отказ по этому лиду", "en": "has refused it already"},
    },
    # What became of an offer, or of a lead that nobody answered, without anybody's hand.
    "offer": {
        "expired": {
            "ru": "Ответа на предложение не было. Лид больше не у менеджера: {manager}.",
            "en": "There was no answer to the offer. The lead is no longer with {manager}.",
        },
        "undelivered": {
            "ru": "Сообщить о предложении не удалось ни одним способом. Лид больше не у менеджера: {manager}.",
            "en": "No route could deliver the offer. The lead is no longer with {manager}.",
        },
        "made_away": {
            "ru": "Предложений подряд без ответа — {silences}. Отмечено, что менеджера нет на месте: {manager}.",
            "en": "Offers in a row without an answer: {silences}. {manager} counts as away.",
        },
        "owner_away": {
            "ru": "Ответственного слишком долго нет на месте ({manager}), поэтому лид снова ждёт свободного менеджера.",
            "en": "Its owner has been away for too long ({manager}), so the lead waits for a free manager again.",
        },
        "escalated": {
            "ru": "Лид всё ещё никем не принят. Об этом знает {manager}.",
            "en": "Nobody has accepted the lead yet. {manager} has been told.",
        },
    },
    # What calls came to, beside who has the lead.
    "call": {
        "missed_call": {
            "ru": "Звонок клиента пропущен, ему нужно перезвонить.",
            "en": "The client's call was missed, he is to be called back.",
        },
        "client_called": {
            "ru": "Клиент звонил, ответил не ответственный, а другой ({manager}). Об этом знает {owner}.",
            "en": "The client called, and another than the owner answered ({manager}). {owner} has been told.",
        },
    },
    # Whether a machine has answered a mail, and why not.
    "answer": {
        "in_hours": {"ru": "Клиенту отправлен автоответ.", "en": "The client was sent an automatic answer."},
        "out_of_hours": {
            "ru": "Клиенту отправлен автоответ для нерабочего времени.",
            "en": "The client was sent the automatic answer for out of hours.",
        },
        "withheld": {"ru": "Автоответа не было: {why}.", "en": "There was no automatic answer: {why}."},
    },
    "withheld": {
        "no_sender": {"ru": "у письма нет отправителя", "en": "the mail has no sender"},
        "several_senders": {"ru": "у письма несколько отправителей", "en": "the mail has several senders"},
        "automatic": {"ru": "письмо отправила программа", "en": "a program sent the mail"},
        "list": {"ru": "письмо из рассылки", "en": "the mail came by a list"},
        "suppressed": {
            "ru": "программа отправителя просит не отвечать автоматически",
            "en": "the sender's program asks for no automatic answers",
        },
        "spam": {"ru": "почтовый сервер считает письмо спамом", "en": "the mail server takes it for spam"},
        "forged": {"ru": "подлинность отправителя не подтверждена", "en": "the sender was not proved genuine"},
        "answers_automatic": {"ru": "письмо отвечает на автоответ", "en": "the mail answers an automatic one"},
        "null_return_path": {"ru": "у письма нет обратного адреса", "en": "the mail has no return path"},
        "return_path": {"ru": "обратный адрес письма чужой", "en": "the return path is somebody else's"},
        "reply_to": {"ru": "ответ просят слать на другой адрес", "en": "answers are wanted at another address"},
        "machine": {"ru": "адрес похож на служебный", "en": "the address looks like a machine's"},
        "own": {"ru": "это наш собственный адрес", "en": "the address is our own"},
        "not_addressed": {
            "ru": "наш адрес не указан среди получателей",
            "en": "our address is not among those that it was written to",
        },
        "not_the_sender": {
            "ru": "клиент назван в письме, но отправил его не он",
            "en": "the client stands in the mail, and has not sent it",
        },
        "by_hand": {"ru": "письмо признал клиентским человек", "en": "a person called the mail a client's"},
        "test": {"ru": "это проба", "en": "it is a trial"},
        "late": {"ru": "письмо пришло слишком давно", "en": "the mail came too long ago"},
        "not_now": {"ru": "в это время ответа не предусмотрено", "en": "there is none at this time of day"},
        "no_key": {"ru": "адрес непригоден", "en": "the address is no usable one"},
        "answered_lately": {"ru": "на этот адрес недавно уже отвечали", "en": "the address had one lately"},
    },
    # What a person did; the sentence begins with who it was.
    "action": {
        "accept": {
            "ru": "лид принят в работу, ответственный — {manager}",
            "en": "lead accepted, the owner is {manager}",
        },
        "decline": {
            "ru": "лид взять не может {manager}",
            "en": "lead declined, {manager} cannot take it",
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
        "reply": {"ru": "клиенту отправлен ответ", "en": "an answer was sent to the client"},
        "answered_there": {
            "ru": "клиенту ответили прямо в канале",
            "en": "the client was answered in the channel itself",
        },
        "done": {"ru": "клиенту перезвонили", "en": "the client was called back"},
        "done_answer": {"ru": "на письмо клиента ответили", "en": "the client's mail was answered"},
        "hand_over": {
            "ru": "лид передан вместе со всеми лидами сотрудника {left}, ответственный — {manager}",
            "en": "handed over with all leads of {left}, the owner is {manager}",
        },
        "hand_over_in_turn": {
            "ru": "лиды сотрудника {left} возвращены в очередь",
            "en": "the leads of {left} wait for whoever has the turn",
        },
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
        "similar_name": {"ru": "Похожее имя: {name} – {other}", "en": "A similar name: {name} – {other}"},
    },
    "state": STATES,
    "kind": KINDS,
    "phrase": {
        "extension": {"ru": "{key} доб. {extension}", "en": "{key} ext. {extension}"},
        "erased": {"ru": "удалённый ключ", "en": "an erased key"},
        "nameless": {"ru": "без имени", "en": "no name"},
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
        "answer_within": {
            "ru": "Это предложение: ответа ждём {within} рабочего времени.",
            "en": "It is an offer: an answer is awaited for {within} of working time.",
        },
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
