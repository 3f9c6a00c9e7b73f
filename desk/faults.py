"""What is wrong with a body, in words: the field, what is wrong with it, and what to send instead."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing; send it",
    "string_type": "is no text; send one in quotes",
    "string_too_long": "is too long; send at most {max_length} characters",
    "string_pattern_mismatch": "holds a NUL; leave it out",
    "bool_type": "is neither true nor false; send one of the two",
    "bool_parsing": "is neither true nor false; send one of the two",
    "int_type": "is no whole number; send digits",
    "int_parsing": "is no whole number; send digits",
    "int_parsing_size": "is too large a number; send a smaller one",
    "int_from_float": "is no whole number; send digits",
    "list_type": "is no list; send [one, two]",
    "too_long": "has too many values; send at most {max_length}",
    "model_type": "is no object; send {{name: value}}",
    "model_attributes_type": "is no object; send {{name: value}}",
    "dict_type": "is no object; send {{name: value}}",
}


def said(faults: Iterable[Mapping[str, Any]], known: Iterable[str]) -> str:
    """Pydantic's faults of a body whose fields are `known`, each once."""
    return "; ".join(dict.fromkeys(_said(fault, known) for fault in faults))


def _said(fault: Mapping[str, Any], known: Iterable[str]) -> str:
    *outer, last = fault["loc"]
    # Between a field and what stands in it, pydantic names the shape that it tried.
    steps = [step for step in outer if isinstance(step, int) or step.islower()]
    if fault["type"] == "extra_forbidden":
        there = f"; there is {', '.join(known)}" if not steps else ""
        return f"{_place([*steps, last])}: is not known here{there}"
    if fault["type"] == "missing" or isinstance(last, int) or (last.islower() and last.isidentifier()):
        steps.append(last)
    words = _WORDS.get(fault["type"])
    return f"{_place(steps)}: {fault['msg'] if words is None else words.format_map(fault.get('ctx') or {})}"


def _place(steps: Iterable[str | int]) -> str:
    return ".".join(map(str, steps))
