"""The words of the pages, in both languages, numbers and times included. What decisions and reasons say comes with the facts."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from desk.words import KINDS, LABELS, STATES
from kernel.texts import Catalogue, Language

TEXTS: Final = Catalogue(
    {
        **LABELS,
        **KINDS,
        **{f"state_{code}": words for code, words in STATES.items()},
        # The frame.
        "brand": {"ru": "Приём", "en": "Priyom"},
        "desk": {"ru": "Стол руководителя продаж", "en": "The sales desk"},
        "mine": {"ru": "Мои лиды", "en": "My leads"},
        "skip": {"ru": "К содержанию", "en": "Skip to content"},
        "live": {"ru": "обновляется само", "en": "live"},
        "lost": {"ru": "Связь потеряна, соединяемся снова…", "en": "Connection lost, reconnecting…"},
        "signed_off": {"ru": "Сеанс закончился, войдите снова", "en": "The session has ended, please sign in again"},
        "language": {"ru": "Язык", "en": "Language"},
        "sign_out": {"ru": "Выйти", "en": "Sign out"},
        "director": {"ru": "Директор", "en": "Director"},
        "back": {"ru": "Ко всем лидам", "en": "All leads"},
        # Who waits.
        "nobody_waits": {"ru": "Никто не ждёт", "en": "Nobody is waiting"},
        "nobody_waits_more": {
            "ru": "Все обращения переданы менеджерам. Новые появятся здесь сами.",
            "en": "Every enquiry has gone to a manager. New ones appear here by themselves.",
        },
        "and_more": {"ru": "и ещё {count}", "en": "and {count} more"},
        "untitled": {"ru": "Без названия", "en": "Untitled"},
        "overdue": {"ru": "просрочен", "en": "overdue"},
        "due": {"ru": "ответить до", "en": "answer by"},
        "answer_by": {"ru": "принять до", "en": "accept by"},
        # Who has what.
        "work": {"ru": "У менеджеров", "en": "With managers"},
        "nothing_at_work": {"ru": "Ни у кого нет открытых лидов", "en": "Nobody has open leads"},
        "offered_to_all": {"ru": "Предложены всем на смене", "en": "Offered to everyone on shift"},
        "assigned": {"ru": "ждёт ответа", "en": "to accept"},
        "in_work": {"ru": "в работе", "en": "in work"},
        # Managers.
        "managers": {"ru": "Менеджеры", "en": "Managers"},
        "me": {"ru": "Моя смена", "en": "My shift"},
        "team": {"ru": "Отдел «{team}»", "en": "Team “{team}”"},
        "no_team": {"ru": "Вне отделов", "en": "In no team"},
        "next": {"ru": "следующий", "en": "next"},
        "free": {"ru": "свободен", "en": "free"},
        "takes": {"ru": "Получает лиды: {name}", "en": "Gets leads: {name}"},
        "on": {"ru": "получает лиды", "en": "gets leads"},
        "off": {"ru": "не получает", "en": "paused"},
        "load": {"ru": "открыто {open} из {capacity}", "en": "{open} of {capacity} open"},
        "load_open": {"ru": "открыто {open}", "en": "{open} open"},
        "unanswered": {"ru": "{count} без ответа", "en": "{count} to accept"},
        "offers": {"ru": "{count} из {limit} без ответа", "en": "{count} of {limit} to accept"},
        "until": {"ru": "смена до {time}", "en": "on shift until {time}"},
        "from": {"ru": "смена с {time}", "en": "on shift from {time}"},
        "no_managers": {"ru": "Менеджеры ещё не настроены", "en": "No managers are configured yet"},
        # Channels and the account.
        "channels": {"ru": "Каналы", "en": "Channels"},
        "channel_today": {"ru": "сегодня {count}", "en": "{count} today"},
        "listening": {"ru": "принимает", "en": "listening"},
        "starting": {"ru": "запускается", "en": "starting"},
        "retrying": {"ru": "нет связи, пробует снова", "en": "no connection, trying again"},
        "misconfigured": {"ru": "нужна помощь", "en": "needs help"},
        "silent": {"ru": "молчит", "en": "silent"},
        "expiring": {"ru": "истекает доступ", "en": "access expires"},
        "stopped": {"ru": "остановлен", "en": "stopped"},
        "ledger": {"ru": "Сверка за сегодня", "en": "Today’s ledger"},
        "ledger_empty": {"ru": "Сегодня ещё ничего не приходило", "en": "Nothing has come in today"},
        "channel": {"ru": "Канал", "en": "Channel"},
        "received": {"ru": "Принято", "en": "Received"},
        "created": {"ru": "Новые", "en": "New"},
        "attached": {"ru": "К открытым", "en": "Attached"},
        "handled": {"ru": "Сигналы", "en": "Signals"},
        "ignored": {"ru": "Не клиенты", "en": "Ignored"},
        "failed": {"ru": "Ошибки", "en": "Failed"},
        "pending": {"ru": "В очереди", "en": "Pending"},
        "check_ledger": {"ru": "Сверить журнал целиком", "en": "Check the whole journal"},
        "whole_ledger": {"ru": "Сверка", "en": "Ledger"},
        "balanced": {
            "ru": "Сходится: счётчики, журнал и лиды говорят одно и то же.",
            "en": "Balanced: counters, journal and leads agree.",
        },
        "not_balanced": {
            "ru": "Не сходится: счётчики, журнал и лиды говорят разное. Подробности: priyom ledger.",
            "en": "Not balanced: counters, journal and leads do not agree. See: priyom ledger.",
        },
        "day": {"ru": "День", "en": "Day"},
        "duplicates": {"ru": "Повторы", "en": "Duplicates"},
        # The card.
        "goes_on": {"ru": "Продолжается в другом лиде", "en": "It goes on in another lead"},
        "owner": {"ru": "Ответственный", "en": "Owner"},
        "no_owner": {"ru": "пока никто", "en": "nobody yet"},
        "team_label": {"ru": "Отдел", "en": "Team"},
        "came": {"ru": "Поступил", "en": "Received"},
        "to_do": {"ru": "Что сделать", "en": "To do"},
        "do_answer": {"ru": "ответить на письмо до", "en": "answer the mail by"},
        "do_call_back": {"ru": "перезвонить до", "en": "call back by"},
        "done_answer": {"ru": "Ответ дан", "en": "It is answered"},
        "done_call_back": {"ru": "Клиенту перезвонили", "en": "The client was called"},
        "automatic": {"ru": "Отправлено автоматически", "en": "Sent automatically"},
        "reason": {"ru": "Причина", "en": "Reason"},
        "contact": {"ru": "Контакт", "en": "Contact"},
        "nameless": {"ru": "Имя неизвестно", "en": "Name unknown"},
        "no_keys": {
            "ru": "Телефона и почты нет: ответить некуда.",
            "en": "No phone or e-mail: there is no way to answer.",
        },
        "extension": {"ru": "доб. {extension}", "en": "ext. {extension}"},
        "timeline": {"ru": "Хронология", "en": "Timeline"},
        "kind_form": {"ru": "форма на сайте", "en": "web form"},
        "kind_message": {"ru": "сообщение", "en": "message"},
        "kind_mail": {"ru": "письмо", "en": "mail"},
        "kind_call": {"ru": "звонок", "en": "call"},
        "kind_reply": {"ru": "ответ", "en": "reply"},
        "call_ringing": {"ru": "звонит", "en": "ringing"},
        "call_answered": {"ru": "отвечен", "en": "answered"},
        "call_missed": {"ru": "пропущен", "en": "missed"},
        "recording": {"ru": "запись разговора", "en": "recording"},
        "reply_sending": {"ru": "отправляется", "en": "on its way"},
        "reply_sent": {"ru": "отправлен", "en": "sent"},
        "reply_failed": {"ru": "не доставлен", "en": "not delivered"},
        "reply": {"ru": "Ответить клиенту", "en": "Answer the client"},
        "reply_text": {"ru": "Текст ответа", "en": "What to say"},
        "reply_to": {"ru": "На что", "en": "In answer to"},
        "reply_latest": {"ru": "последнее сообщение клиента", "en": "the client’s last message"},
        "send": {"ru": "Отправить", "en": "Send"},
        "direction_in": {"ru": "от клиента", "en": "from the client"},
        "direction_out": {"ru": "клиенту", "en": "to the client"},
        "introduced_as": {"ru": "Представился как {name}", "en": "Introduced as {name}"},
        "no_text": {"ru": "Без текста", "en": "No text"},
        "sent_to": {"ru": "кому: {to}", "en": "to: {to}"},
        "left_out": {
            "ru": "Клиенту передан только текст, без файлов: {files}",
            "en": "The client got the words only, without these files: {files}",
        },
        "attachments": {"ru": "Файлы", "en": "Files"},
        "not_kept": {"ru": "не сохранён", "en": "not kept"},
        "more_fields": {"ru": "Ещё от клиента", "en": "More from the client"},
        "page": {"ru": "Страница", "en": "Page"},
        "referrer": {"ru": "Откуда пришёл", "en": "Came from"},
        "longer": {"ru": "Показано начало хронологии.", "en": "The beginning of the timeline is shown."},
        "decision": {"ru": "Почему так", "en": "Why it is so"},
        # What can be done.
        "actions": {"ru": "Действия", "en": "Actions"},
        "accept": {"ru": "Принять в работу", "en": "Accept"},
        "accept_for": {"ru": "Принять за ответственного", "en": "Accept for the owner"},
        "decline": {"ru": "Не могу взять", "en": "Can’t take it"},
        "assign": {"ru": "Передать", "en": "Hand over"},
        "assign_to": {"ru": "Кому передать", "en": "Hand over to"},
        "to_team": {"ru": "в отдел «{team}», кто свободен", "en": "team “{team}”, whoever is free"},
        "convert": {"ru": "Успешно завершить", "en": "Converted"},
        "disqualify": {"ru": "Нецелевой", "en": "Disqualify"},
        "lose": {"ru": "Упущен", "en": "Lost"},
        "reopen": {"ru": "Открыть снова", "en": "Reopen"},
        "close": {"ru": "Закрыть лид", "en": "Close the lead"},
        "no_reason": {"ru": "без причины", "en": "no reason"},
        "choose_reason": {"ru": "Выберите причину", "en": "Choose a reason"},
        "chosen_reason": {"ru": "Причина", "en": "Reason"},
        # Who is who.
        "whole_contact": {"ru": "Все обращения, объединить, разделить", "en": "All enquiries, merge, split"},
        "suggestions": {"ru": "Стоит проверить", "en": "Worth a look"},
        "suggested_with": {"ru": "{reason} Второй контакт: {name}.", "en": "{reason} The other contact: {name}."},
        "join": {"ru": "Это один человек", "en": "One person"},
        "apart": {"ru": "Разные люди", "en": "Two people"},
        "dismiss": {"ru": "Не важно", "en": "Dismiss"},
        "merges": {"ru": "Объединённые контакты", "en": "Merged contacts"},
        "merged_by": {"ru": "{name}: объединён {at}, кем — {actor}", "en": "{name}: merged {at} by {actor}"},
        "undo": {"ru": "Разъединить", "en": "Undo"},
        "merge": {"ru": "Объединить с другим контактом", "en": "Merge with another contact"},
        "merge_search": {"ru": "Телефон, почта или имя", "en": "Phone, e-mail or name"},
        "search": {"ru": "Найти", "en": "Search"},
        "nobody_found": {"ru": "Больше никого не нашлось", "en": "Nobody else was found"},
        "look_first": {"ru": "Посмотреть, что получится", "en": "See what it would be"},
        "preview": {"ru": "Получится один контакт", "en": "This would be one contact"},
        "preview_undo": {
            "ru": "Это можно отменить: разъединение вернёт всё как было.",
            "en": "It can be undone: that brings everything back as it was.",
        },
        "preview_leads": {"ru": "Открытые обращения станут одним лидом.", "en": "Open enquiries become one lead."},
        "do_merge": {"ru": "Объединить", "en": "Merge"},
        "split": {"ru": "Разделить: это разные люди", "en": "Split: these are two people"},
        "split_hint": {
            "ru": "Отметьте то, что принадлежит другому человеку. Вместе с ключом уйдёт всё, что с него пришло.",
            "en": "Tick what belongs to somebody else. A key takes with it all that came by it.",
        },
        "do_split": {"ru": "Отделить отмеченное", "en": "Split off what is ticked"},
        "leads": {"ru": "Лиды", "en": "Leads"},
        "keys": {"ru": "Ключи", "en": "Keys"},
        "described": {"ru": "Имя и ответственный", "en": "Name and owner"},
        "company_name": {"ru": "Название", "en": "Name"},
        "owner_of_company": {
            "ru": "Обращения с общих ключей компании приходят к её ответственному.",
            "en": "What comes by the company’s shared keys goes to its owner.",
        },
        "unnamed_line": {"ru": "Общая линия без названия", "en": "An unnamed shared line"},
        "no_shared_keys": {"ru": "Общих телефонов и адресов нет.", "en": "There are no shared phones or addresses."},
        "contacts": {"ru": "Контакты", "en": "Contacts"},
        "no_contacts": {"ru": "Контактов этой компании пока нет.", "en": "No contacts of this company yet."},
        "no_leads": {"ru": "Обращений пока не было.", "en": "No enquiries yet."},
        "save": {"ru": "Сохранить", "en": "Save"},
        # Taking an approach down.
        "note": {"ru": "Записать обращение", "en": "Take an approach down"},
        "note_hint": {
            "ru": "Сначала видно, от кого это может быть; записывается по второй кнопке.",
            "en": "Whom it may be from is shown first; the second button writes it down.",
        },
        "note_said": {"ru": "Кто и о чём", "en": "Who and what about"},
        "note_where": {"ru": "Куда", "en": "Where it goes"},
        "note_name": {"ru": "Имя", "en": "Name"},
        "note_phone": {"ru": "Телефон", "en": "Phone"},
        "note_email": {"ru": "Почта", "en": "E-mail"},
        "note_city": {"ru": "Город", "en": "City"},
        "note_company": {"ru": "Компания", "en": "Company"},
        "note_text": {"ru": "О чём", "en": "What about"},
        "note_source": {"ru": "Источник", "en": "Source"},
        "note_manager": {"ru": "Менеджер", "en": "Manager"},
        "note_team": {"ru": "Отдел", "en": "Team"},
        "note_channel": {"ru": "Канал", "en": "Channel"},
        "by_rules": {"ru": "по правилам", "en": "by the rules"},
        "note_look": {"ru": "Посмотреть, кто это", "en": "See who it is"},
        "note_matches": {"ru": "От кого это может быть", "en": "Whom it may be from"},
        "by_keys_known": {
            "ru": "Тот, чьи это телефон и почта",
            "en": "Whoever has this phone and e-mail",
        },
        "not_given": {"ru": "не указан", "en": "none"},
        "by_keys_new": {
            "ru": "По этим данным никто не известен: будет новый контакт.",
            "en": "Nobody is known by this: it will be a new contact.",
        },
        "somebody_new": {"ru": "Другой человек, новый контакт", "en": "Somebody else, a new contact"},
        "note_write": {"ru": "Записать", "en": "Write it down"},
        # Why it was not done.
        "refused_stale": {
            "ru": "Лид за это время изменился. Ниже он такой, как сейчас; если всё ещё нужно, повторите.",
            "en": "The lead has changed meanwhile. Below it is as it stands now; if you still want to, do it again.",
        },
        "refused_taken": {"ru": "Лид уже принял кто-то другой.", "en": "Somebody else has accepted the lead already."},
        "refused_closed": {
            "ru": "Лид закрыт; сначала откройте его снова.",
            "en": "The lead is closed; reopen it first.",
        },
        "refused_nothing_said": {
            "ru": "Напишите, кто это был или о чём шла речь.",
            "en": "Say who it was, or what it was about.",
        },
        "refused_incomplete": {"ru": "Не хватает причины или получателя.", "en": "A reason or a recipient is missing."},
        "refused_forged": {
            "ru": "Страница устарела. Обновите её и повторите.",
            "en": "This page is out of date. Reload it and try again.",
        },
        "refused_already_merged": {"ru": "Эти контакты уже объединены.", "en": "These contacts are merged already."},
        "refused_same_contact": {"ru": "Это уже один контакт.", "en": "They are one contact already."},
        "refused_answered": {"ru": "На это уже ответили.", "en": "Somebody has answered that already."},
        "refused_nothing_left": {
            "ru": "Отмечено всё, что есть у контакта: делить нечего.",
            "en": "That is all there is of this contact: nothing would be left.",
        },
        "refused_for_directors": {
            "ru": "Это может директор или руководитель.",
            "en": "That is for directors and heads.",
        },
        "refused_store_away": {
            "ru": "База данных недоступна. Повторите через минуту.",
            "en": "The database is away. Try again in a minute.",
        },
        "refused_busy": {"ru": "Слишком много изменений сразу. Повторите.", "en": "Too much at once. Try again."},
        "refused_not_offered": {"ru": "Лид больше не предложен.", "en": "The lead is no longer offered."},
        "refused_not_yours": {
            "ru": "Сначала примите лид: он вам предложен, но ещё не ваш.",
            "en": "Accept the lead first: it is offered to you, and not yours yet.",
        },
        "refused_merged": {
            "ru": "Лид продолжается в другом; с ним работают там.",
            "en": "The lead goes on in another; go on there.",
        },
        "refused_one_contact": {
            "ru": "Это об одном контакте: разделите его или отметьте «Не важно».",
            "en": "It is about one contact: split it, or dismiss the suggestion.",
        },
        "refused_key_reused": {
            "ru": "Эта форма уже отправлена с другими словами. Откройте новую.",
            "en": "This form was sent already with other words. Open a new one.",
        },
        "refused_no_lead": {"ru": "Лида из этого не вышло.", "en": "No lead came of it."},
        "refused_unreadable": {
            "ru": "Форма слишком длинная или дошла повреждённой.",
            "en": "The form is too long, or arrived damaged.",
        },
        "refused_no_such_lead": {"ru": "Такого лида нет.", "en": "There is no such lead."},
        "refused_no_such_contact": {"ru": "Такого контакта нет.", "en": "There is no such contact."},
        "refused_no_such_company": {"ru": "Такой компании нет.", "en": "There is no such company."},
        "refused_no_such_merge": {"ru": "Такого объединения нет.", "en": "There is no such merge."},
        "refused_no_such_suggestion": {"ru": "Такой подсказки нет.", "en": "There is no such suggestion."},
        "refused_no_such_activity": {"ru": "Такого дела нет.", "en": "There is no such thing to do."},
        "refused_no_such_interaction": {
            "ru": "Такого сообщения здесь нет.",
            "en": "There is no such message here.",
        },
        "refused_no_such_key": {"ru": "Такого ключа у контакта нет.", "en": "The contact has no such key."},
        "refused_no_such_file": {"ru": "Такого файла нет.", "en": "There is no such file."},
        "refused_no_such_path": {"ru": "Такой страницы нет.", "en": "There is no such page."},
        "refused_no_such_manager": {"ru": "Такого менеджера больше нет.", "en": "That manager is there no more."},
        "refused_no_such_team": {"ru": "Такого отдела больше нет.", "en": "That team is there no more."},
        "refused_no_such_channel": {"ru": "Такого канала больше нет.", "en": "That channel is there no more."},
        "refused_no_such_reason": {
            "ru": "Такой причины больше нет в настройках.",
            "en": "That reason is configured no more.",
        },
        "refused_internal": {
            "ru": "Внутренняя ошибка; подробности в журнале службы.",
            "en": "Something is wrong inside; the log says more.",
        },
        "refused": {"ru": "Не получилось: {message}", "en": "That could not be done: {message}"},
        "not_found": {"ru": "Здесь ничего нет", "en": "There is nothing here"},
        "not_here": {"ru": "Не получилось открыть", "en": "This could not be opened"},
        # Signing in.
        "enter_title": {"ru": "Вход", "en": "Sign in"},
        "enter_as": {"ru": "Войти: {name}", "en": "Sign in as {name}"},
        "enter_hint": {
            "ru": "Ссылка сработает один раз. Сеанс продлится 30 дней на этом устройстве.",
            "en": "The link works once. The session lasts 30 days on this device.",
        },
        "enter_over": {"ru": "Ссылка больше не действует", "en": "This link is no longer valid"},
        "enter_how": {
            "ru": "Вход только по одноразовой ссылке. Новую печатает команда",
            "en": "You sign in by a one-time link only. This command prints a new one:",
        },
        "enter_how_lasts": {"ru": "Она действует десять минут.", "en": "It is valid for ten minutes."},
    }
)

_NUMBERED: Final = {
    "leads": {"ru": ("{count} лид", "{count} лида", "{count} лидов"), "en": ("{count} lead", "{count} leads")},
}
_MONTHS: Final = {
    "ru": ("янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
UNITS: Final = {
    "ru": {"now": "только что", "minute": "мин", "hour": "ч", "day": "дн"},
    "en": {"now": "just now", "minute": "min", "hour": "h", "day": "d"},
}
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def number(code: str, count: int, language: Language) -> str:
    """A number with its noun: 1 лид, 2 лида, 5 лидов."""
    forms = _NUMBERED[code][language]
    return forms[_plural(count, language)].format(count=count)


def _plural(count: int, language: Language) -> int:
    """The form of a noun after a number (CLDR, plural rules of Russian and English)."""
    if language == "en":
        return 0 if count == 1 else 1
    tens, ones = count % 100, count % 10
    if ones == 1 and tens != 11:  # noqa: PLR2004 - the numerals that Russian grammar singles out
        return 0
    return 1 if ones in {2, 3, 4} and tens not in {12, 13, 14} else 2


def age(moment: datetime, now: datetime, language: Language) -> str:
    """How long ago, to the two largest units that matter; the script on the page says it the same way."""
    seconds = max(int((now - moment).total_seconds()), 0)
    unit = UNITS[language]
    if seconds < _MINUTE:
        return unit["now"]
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} {unit['minute']}"
    if seconds < _DAY:
        hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
        return f"{hours} {unit['hour']} {minutes} {unit['minute']}" if minutes else f"{hours} {unit['hour']}"
    return f"{seconds // _DAY} {unit['day']}"


def moment_text(moment: datetime, now: datetime, zone: ZoneInfo, language: Language) -> str:
    """A time of the company's clock: 14:05 today, 21 ноя, 14:05 else."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    time = f"{local:%H:%M}"
    if local.date() == today:
        return time
    day = f"{local.day} {_MONTHS[language][local.month - 1]}"
    return f"{day}, {time}" if local.year == today.year else f"{day} {local.year}, {time}"
