"""Words that pages, messages and explanations share, each of them written once."""

from collections.abc import Mapping
from typing import Final

from kernel.texts import Language

Words = Mapping[str, Mapping[Language, str]]

STATES: Final[Words] = {
    "unprocessed": {"ru": "не обработан", "en": "unprocessed"},
    "assigned": {"ru": "назначен", "en": "assigned"},
    "in_work": {"ru": "в работе", "en": "in work"},
    "converted": {"ru": "успешно завершён", "en": "converted"},
    "lost": {"ru": "упущен", "en": "lost"},
    "disqualified": {"ru": "нецелевой", "en": "disqualified"},
    "merged": {"ru": "объединён", "en": "merged"},
}
"""The states of a lead."""

KINDS: Final[Words] = {
    "phone": {"ru": "телефон", "en": "phone"},
    "email": {"ru": "почта", "en": "e-mail"},
    "telegram": {"ru": "телеграм", "en": "Telegram"},
}
"""The kinds of keys."""

LABELS: Final[Words] = {
    "lead": {"ru": "Лид", "en": "Lead"},
    "company": {"ru": "Компания", "en": "Company"},
    "source": {"ru": "Источник", "en": "Source"},
    "due_by": {"ru": "Ответить до", "en": "Answer by"},
    "waiting": {"ru": "Не обработаны", "en": "Unprocessed"},
}
"""What stands before a value, or above a list."""
