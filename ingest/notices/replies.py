"""What a manager hears at once when he presses a button or sends a command, in both languages."""

from typing import Final

from kernel.texts import Catalogue

TEXTS: Final = Catalogue(
    {
        "accept": {"ru": "Лид ваш.", "en": "The lead is yours."},
        "decline": {"ru": "Принято: лид уйдёт другому.", "en": "Noted: the lead goes to somebody else."},
        "convert": {"ru": "Поздравляем!", "en": "Well done!"},
        "disqualify": {"ru": "Лид закрыт как нецелевой.", "en": "The lead is closed as disqualified."},
        "handover": {"ru": "Лид передан. Ответственный: {manager}.", "en": "The lead is handed over to {manager}."},
        "view": {"ru": "", "en": ""},
        "away": {
            "ru": "Новых лидов пока не будет. Вернуться: /back",
            "en": "You get no new leads for now. To come back: /back",
        },
        "back": {"ru": "Вы снова получаете лиды.", "en": "You get leads again."},
        "stranger": {"ru": "Эта кнопка не для вас.", "en": "This button is not for you."},
        "unknown": {"ru": "Эта кнопка больше не действует.", "en": "This button does nothing any more."},
        "not_possible": {"ru": "Так сделать нельзя.", "en": "This cannot be done."},
        "with_other": {"ru": "Ответственный уже другой: {owner}.", "en": "The lead is with {owner} already."},
        "not_yours": {"ru": "Лид больше не у вас.", "en": "The lead is not yours any more."},
        "closed": {"ru": "Лид уже закрыт.", "en": "The lead is closed already."},
        "bound": {
            "ru": "Готово, {manager}. Лиды будут приходить сюда.\n/away — меня нет, /back — я снова здесь, "
            "/why — почему последний лид не мой.",
            "en": "Done, {manager}. Your leads will come here.\n/away: I’m away, /back: I’m back, "
            "/why: why the last lead was not mine.",
        },
        "bad_invitation": {
            "ru": "Приглашение не действует: оно одноразовое и живёт неделю. Попросите новое.",
            "en": "The invitation does not work: it is for one use within a week. Ask for a new one.",
        },
        "why_nothing": {
            "ru": "Недавно ни один лид не ушёл мимо вас.",
            "en": "No lead has passed you by lately.",
        },
        "why_lead": {"ru": "Лид «{title}»", "en": "The lead “{title}”"},
    }
)
