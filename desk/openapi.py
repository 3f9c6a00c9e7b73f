"""An operation of the API as data, and the OpenAPI 3.1 document of a table of them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from desk.models.leads import Conflict
from desk.models.shapes import Refusal
from desk.ports import Json, Office, Visitor

COOKIE: Final = "priyom_session"
DEFAULT_LIMIT: Final = 50
MOST: Final = 200

Stream = AsyncIterator[Sequence[Json]]
"""What a server tells as it happens, in deliveries of several events."""

_JSON: Final = "application/json"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_STATUSES: Final = {
    400: "The query or the body cannot be read",
    401: "No valid token, and no session",
    403: "Not for this session, or its X-CSRF-Token is missing",
    404: "There is no such thing",
    409: "Not as the order takes it to be; `lead` is its present state",
    413: "The body is too large",
    422: "The order makes no sense; the message names the field",
    503: "The store cannot be reached; try again after `Retry-After` seconds",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read and checked: who asks, names in the path, query (empty values are left out), page, body.

    `last_event` is what a reader of a stream has seen already, `key` the request's `Idempotency-Key`.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    limit: int
    cursor: str | None
    body: Json
    visitor: Visitor
    last_event: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: any text, or one of `choices`."""

    name: str
    means: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One row of the API's table. `answer` is a model, or the media type of what is no JSON; `guarded` asks who it is.

    `own`: a manager's session may ask it too, and `run` narrows it to what concerns him. `unready` is what a 503 with the
    usual answer means, where there is such a thing.
    """

    name: str
    method: str
    path: str
    summary: str
    run: Callable[[Office, Asked], Awaitable[Json | bytes | Path | Stream]]
    answer: type[BaseModel] | str
    parameters: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    paged: bool = False
    guarded: bool = True
    own: bool = False
    conflicts: bool = False
    unready: str | None = None

    @cached_property
    def known(self) -> Mapping[str, Parameter]:
        """The query parameters by name, those of a page included."""
        page = (
            (Parameter("limit", f"1 to {MOST}"), Parameter("cursor", "`next` of the page before")) if self.paged else ()
        )
        return {parameter.name: parameter for parameter in (*self.parameters, *page)}

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(_PLACE.findall(self.path))


def document(operations: Sequence[Operation]) -> Json:
    """The OpenAPI document. Takes some tens of milliseconds: make it once."""
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
        (Refusal, "serialization"): None,
        (Conflict, "serialization"): None,
    }
    for operation in operations:
        if operation.body is not None:
            models[operation.body, "validation"] = None
        if not isinstance(operation.answer, str):
            models[operation.answer, "serialization"] = None
    _, schemas = models_json_schema([*models], ref_template="#/components/schemas/{model}")
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "priyom", "version": _version()},
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _described(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*(_place(name) for name in operation.places), *map(_query, operation.known.values())],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        required = any(field.is_required() for field in operation.body.model_fields.values())
        described["requestBody"] = {"required": required, "content": _content(operation.body)}
    if not operation.guarded:
        described["security"] = []
    return described


def _place(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(parameter: Parameter) -> Json:
    schema: Json = {"type": "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT}
    return {"name": parameter.name, "in": "query", "description": parameter.means, "schema": schema}


def _responses(operation: Operation) -> Json:
    answer = operation.answer
    content = (
        {answer.partition(";")[0]: {"schema": {"type": "string"}}} if isinstance(answer, str) else _content(answer)
    )
    found: Json = {"200": {"description": "Done", "content": content}}
    for status in _statuses(operation):
        model = Conflict if status == 409 else Refusal  # noqa: PLR2004 - an HTTP status
        found[str(status)] = {"description": _STATUSES[status], "content": _content(model)}
    if operation.unready is not None:
        found["503"] = {"description": operation.unready, "content": content}
    return found


def _statuses(operation: Operation) -> list[int]:
    """The refusals that an operation may answer with, besides a defect's 500."""
    found = {400, 401, 403, 503} if operation.guarded else set()
    if operation.places:
        found.add(404)
    if operation.conflicts:
        found.add(409)
    if operation.body is not None:
        found |= {413, 422}
    return sorted(found)


def _content(model: type[BaseModel]) -> Json:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _version() -> str:
    try:
        return version("priyom")
    except PackageNotFoundError:
        return "0"
