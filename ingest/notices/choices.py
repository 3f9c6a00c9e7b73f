"""What a manager can do about a lead from a message: the buttons in their order, and what comes back when one is pressed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from ingest.notices.route import Button
from kernel.ids import is_uuid
from kernel.texts import Catalogue, Language

REASONS: Final = "reasons"
HAND_OVER: Final = "hand_over"
DECLINED: Final = "declined"
VIEWS: Final = ("", REASONS, HAND_OVER, DECLINED)
"""The views of a message: what is usual, the reasons of a disqualification, colleagues for a hand-over, reasons of a refusal."""

MOST: Final = 40
UNSAID: Final = "unsaid"
"""The reason of a disqualification where none is configured."""

_ABOUT_A_LEAD: Final = frozenset({"accept", "decline", "convert", "disqualify", "handover", "view"})

TEXTS: Final = Catalogue(
    {
        "accept": {"ru": "✅ Беру", "en": "✅ Accept"},
        "decline": {"ru": "🙅 Не могу взять", "en": "🙅 Can’t take it"},
        "away": {"ru": "🌙 Меня нет", "en": "🌙 I’m away"},
        "convert": {"ru": "🎉 Успех", "en": "🎉 Converted"},
        "disqualify": {"ru": "🚫 Нецелевой", "en": "🚫 Disqualified"},
        "hand_over": {"ru": "↪️ Передать", "en": "↪️ Hand over"},
        "back": {"ru": "← Назад", "en": "← Back"},
        UNSAID: {"ru": "без причины", "en": "no reason given"},
    }
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a press means: an action, the lead's id where it is about one, and what it is done with."""

    action: str
    lead: str | None = None
    argument: str = ""

    def data(self) -> str:
        """As a button carries it, in at most 64 bytes."""
        return ":".join(filter(None, (self.action, self.lead, self.argument)))


def read(data: str) -> Choice | None:
    """The choice that a button carried; None for what is none of ours."""
    action, _, rest = data.partition(":")
    lead, _, argument = rest.partition(":")
    if action == "away" and not rest:
        return Choice("away")
    return Choice(action, lead, argument) if action in _ABOUT_A_LEAD and is_uuid(lead) else None


def mark(reason: str) -> str:
    """A short name of a reason, which stays when the configuration puts them in another order."""
    return blake2b(reason.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of one company. `reasons` of a disqualification; `titles` of managers, `number` by which a button names one.

    `refusals`: why a lead may not be taken, asked for where there are any.
    """

    reasons: tuple[str, ...]
    titles: Mapping[str, str]
    language: Language
    refusals: tuple[str, ...] = ()

    def of(
        self, lead: Mapping[str, Any], manager: str, view: str, number: Callable[[str], int], *, offered: bool
    ) -> tuple[Button, ...]:
        """What `manager` can do about `lead` as it is now: nothing where it is neither offered to him nor his."""
        own = lead["owner"] == manager
        if offered or (own and lead["state"] == "assigned"):
            return self._answers(lead, view)
        if not own or lead["state"] != "in_work":
            return ()
        match view:
            case "reasons":
                return (*self._with_reasons("disqualify", lead, self._said()), self._view("back", lead, ""))
            case "hand_over":
                return (*self._colleagues(lead, manager, number), self._view("back", lead, ""))
            case _:
                return (
                    self._button("convert", lead),
                    self._view("disqualify", lead, REASONS),
                    *([self._view("hand_over", lead, HAND_OVER)] if len(self.titles) > 1 else []),
                )

    def reason(self, marked: str) -> str | None:
        """The reason that a button named; None where it is configured no more."""
        return _marked(self._said(), marked)

    def refusal(self, marked: str) -> str | None:
        """The same of a refusal."""
        return _marked(self.refusals, marked)

    def _answers(self, lead: Mapping[str, Any], view: str) -> tuple[Button, ...]:
        """What can be said to an offer. Reasons not to take it are asked for where there are any to choose from."""
        if not self.refusals:
            return tuple(self._button(action, lead) for action in ("accept", "decline", "away"))
        if view == DECLINED:
            return (*self._with_reasons("decline", lead, self.refusals), self._view("back", lead, ""))
        return (self._button("accept", lead), self._view("decline", lead, DECLINED), self._button("away", lead))

    def _said(self) -> tuple[str, ...]:
        return self.reasons or (TEXTS.say(UNSAID, self.language),)

    def _button(self, action: str, lead: Mapping[str, Any]) -> Button:
        return Button(TEXTS.say(action, self.language), Choice(action, None if action == "away" else lead["id"]).data())

    def _view(self, text: str, lead: Mapping[str, Any], view: str) -> Button:
        return Button(TEXTS.say(text, self.language), Choice("view", lead["id"], view).data())

    @staticmethod
    def _with_reasons(action: str, lead: Mapping[str, Any], reasons: Sequence[str]) -> list[Button]:
        return [Button(reason, Choice(action, lead["id"], mark(reason)).data()) for reason in reasons[:MOST]]

    def _colleagues(self, lead: Mapping[str, Any], manager: str, number: Callable[[str], int]) -> list[Button]:
        others = [name for name in self.titles if name != manager][:MOST]
        return [Button(self.titles[name], Choice("handover", lead["id"], str(number(name))).data()) for name in others]


def _marked(reasons: Sequence[str], marked: str) -> str | None:
    return next((reason for reason in reasons if mark(reason) == marked), None)
