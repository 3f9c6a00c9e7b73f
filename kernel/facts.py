"""Facts: dataclasses that nobody changes, and that cost no more to make than others.

A frozen dataclass calls a function for each of its fields when it is made: two microseconds for five, where others take half of
one. Some forty are made for every lead, and that was a tenth of what settling it costs. Types are checked before anything runs,
so that is where these are frozen.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=True, frozen_default=True)
def fact(cls: type[T]) -> type[T]:
    """A dataclass with slots, equal and hashed by its fields, frozen for the type checker."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
