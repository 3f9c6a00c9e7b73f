"""Facts: dataclasses that nobody changes, and that cost no more to make than others.

A frozen dataclass calls a function for each of its fields when it is made: two microseconds for five, where others take half of
one. Some forty are made for every lead, and that was a tenth of what settling it costs. Types are checked before anything runs,
so that is where these are frozen.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=True, frozen_default=True)
def fact(cls: type[T]) -> type[T]:
    """A dataclass with slots, equal and hashed by its fields, frozen for the type checker."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


_KINDS: Final[dict[type[Any], tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]]] = {}


def replaced(one: T, **changes: Any) -> T:
    """The same fact but for these fields: as `dataclasses.replace`, at a third of its price, if made of all its fields."""
    kind = type(one)
    if kind not in _KINDS:
        names = tuple(field.name for field in fields(cast("Any", kind)))
        _KINDS[kind] = names, attrgetter(*names)
    names, values = _KINDS[kind]
    return kind(**{**dict(zip(names, values(one), strict=True)), **changes})
