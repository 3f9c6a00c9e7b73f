"""Events as bytes. Read and written so that nothing which VK can send is refused: half a surrogate pair stays what it is."""

import json
from collections.abc import Mapping
from typing import Any


def read(body: bytes) -> Any:  # noqa: ANN401 - whatever it is
    """What a body says. Raises ValueError for what is no JSON, or nested beyond all use."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write(event: Mapping[str, Any]) -> bytes:
    """The body of an envelope. Raises ValueError for what is nested beyond all use."""
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
