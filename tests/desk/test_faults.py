"""What is wrong with a body is said by field, with what to send instead, and never in the words of a library."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from desk.faults import said
from desk.models.leads import LeadDown, LeadOrder
from desk.models.managers import Availability
from desk.models.people import SplitOrder
from desk.models.shapes import Order
from desk.operations import OPERATIONS

BODIES = [operation.body for operation in OPERATIONS if operation.body is not None]
LIBRARY = ("Input should", "Extra inputs", "Field required", "String should", "List should", "valid ", "Order")


def fault(model: type[Order], body: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        model.model_validate(body)
    return said(error.value.errors(include_url=False, include_input=False), model.model_fields)


@pytest.mark.parametrize(
    ("model", "body", "words"),
    [
        (LeadOrder, {"managr": "anna"}, "managr: is not known here; there is manager, team, reason, version"),
        (LeadOrder, {"version": "seven"}, "version: is no whole number; send digits"),
        (LeadOrder, {"reason": "a\0b"}, "reason: holds a NUL; leave it out"),
        (LeadDown, {"name": "a" * 501}, "name: is too long; send at most 500 characters"),
        (LeadDown, {"phones": ["1"] * 11}, "phones: has too many values; send at most 10"),
        (Availability, {}, "available: is missing; send it"),
        (Availability, {"available": "maybe"}, "available: is neither true nor false; send one of the two"),
        (SplitOrder, {"keys": "phone:+7"}, "keys: is no list; send [one, two]"),
        (
            SplitOrder,
            {"keys": [5]},
            "keys.0: is no object; send {name: value}; keys.0: is no text; send one in quotes",
        ),
    ],
)
def test_a_fault_names_the_field_and_what_to_send(model: type[Order], body: dict[str, Any], words: str) -> None:
    assert fault(model, body) == words


@settings(max_examples=60)
@given(
    body=st.sampled_from(BODIES),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers() | st.text()),
    data=st.data(),
)
def test_no_fault_is_in_the_words_of_a_library(body: type[Order], value: object, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([*body.model_fields, "Zzz"]))
    try:
        body.model_validate({field: value})
    except ValidationError as error:
        told = said(error.errors(include_url=False, include_input=False), body.model_fields)
        assert not [word for word in LIBRARY if word in told]
