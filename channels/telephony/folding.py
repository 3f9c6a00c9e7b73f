"""One call from its events, in whatever order they come, however often, and whichever of them are missing.

Everything here is a choice among the parts that does not depend on their order: by the time that each of them says,
then by its content. A call was answered if any part says so; it is over when a part says so of the whole call, or when each
line that answered has hung up. A line that has rung and stopped ends nothing: another may ring next, or hold the call.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from channels.message import Call, Inbound

_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


def fold(parts: Sequence[Inbound]) -> Inbound:
    """What these parts of one call say together."""
    if any(part.call is None for part in parts):
        return min(parts, key=_place)
    unique = sorted({repr(part): part for part in parts}.values(), key=_place)
    direction = "out" if any(part.direction == "out" for part in unique) else "in"
    # A part that does not tell the direction may take the company's side for the client's: those that agree go first.
    agreeing = [part for part in unique if part.direction == direction]
    said = [*agreeing, *(part for part in unique if part.direction != direction)]
    first = said[0]
    return replace(
        first,
        name=next((part.name for part in said if part.name), None),
        phones=next((part.phones for part in said if part.phones), ()),
        to=next((part.to for part in said if part.to), None),
        at=min(part.at or _ALWAYS for part in unique),
        fields={key: value for part in reversed(said) for key, value in part.fields.items()},
        call=state([part.call for part in unique if part.call is not None]),
    )


def state(calls: Sequence[Call]) -> Call:
    """How the call stands by what is known of it, in the order of the events' times."""
    finals = [one for one in calls if one.over and one.leg is None]
    answered = [one for one in calls if one.phase == "answered"]
    hung_up = {one.leg for one in calls if one.over and one.leg is not None}
    legs = {one.leg for one in answered if one not in finals}
    over = bool(finals) or (bool(legs) and legs <= hung_up)
    seconds = [one.seconds for one in calls if one.seconds is not None]
    return Call(
        phase="answered" if answered else "missed" if over else "ringing",
        over=over,
        extension=_extension(answered, finals) if answered else _last_extension(calls),
        seconds=max(seconds, default=None),
        recording=next((one.recording for one in calls if one.recording), None),
    )


def _extension(answered: Sequence[Call], finals: Sequence[Call]) -> str | None:
    """The line that answered last. What is said of the whole call may name the group that was called."""
    return _last_extension([one for one in answered if one not in finals]) or _last_extension(answered)


def _last_extension(calls: Sequence[Call]) -> str | None:
    return next((one.extension for one in reversed(calls) if one.extension), None)


def _place(part: Inbound) -> tuple[datetime, str]:
    return part.at or _ALWAYS, repr(part)
