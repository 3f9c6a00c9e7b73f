"""What is wrong with the file, in plain sentences: a fault, and pydantic's errors turned into faults.

No fault ever shows a secret, nor any value that came from the environment or a file: those appear as they were written.
"""

import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from channels import adapter
from ingest.config.schema import Config
from ingest.config.tree import KeyPath, Node, Scalar, Table, dotted, find, line_of, scalars
from ingest.config.wording import choose, nearest, sentence

Level = Literal["error", "warning"]

SECRET_KEYS: Final = frozenset(
    {"token", "password", "secret", "salt", "api_key", "confirmation", "client_secret", "dsn"}
)
_PASSWORD: Final = re.compile(r"://[^@\s]*:\S*@")
_SHOWN: Final = 60
_DOCUMENTATION: Final = "see docs/configuration.md"

_MAPPING: Final = ("is not a mapping", "write `key: value`, one a line, or {key: value}")
_LIST: Final = ("is not a list", "write [one, two]")
_TEXT: Final = ("is not a single value", "write one text")
_NUMBER: Final = ("is not a whole number", "write digits only")
_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("is missing", "add it"),
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "string_type": _TEXT,
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": _NUMBER,
    "int_from_float": _NUMBER,
    "float_type": ("is not a number", "write 1 or 0.5"),
    "float_parsing": ("is not a number", "write 1 or 0.5"),
    "bool_type": ("is neither true nor false", "write true or false"),
    "bool_parsing": ("is neither true nor false", "write true or false"),
    "url_parsing": ("is not an address of the web", "write https://example.com"),
    "url_scheme": ("is not an address of the web", "write https://example.com"),
    "url_type": ("is not an address of the web", "write https://example.com"),
    "string_too_short": ("is too short", _DOCUMENTATION),
    "string_too_long": ("is too long", _DOCUMENTATION),
    "too_short": ("is empty", "name at least one, or leave the key out"),
    "too_long": ("has too many values", _DOCUMENTATION),
}
_BOUNDS: Final = {
    "greater_than": ("gt", "is too small", "write more than"),
    "greater_than_equal": ("ge", "is too small", "write at least"),
    "less_than": ("lt", "is too large", "write less than"),
    "less_than_equal": ("le", "is too large", "write at most"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the file. Neither `problem` nor `remedy` ever holds a secret's value."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str
    level: Level = "error"

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        warning = "warning: " if self.level == "warning" else ""
        return f"{self.file}:{self.line}: {key}{warning}{self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault by the path of its key; `line_of` finds the line."""

    path: KeyPath
    problem: str
    remedy: str
    level: Level = "error"


def is_secret(path: KeyPath, scalar: Scalar) -> bool:
    """Whether a value is a secret: by the name of its key, or as an address with a password in it."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return key in SECRET_KEYS or any(_PASSWORD.search(text) for text in (scalar.text, scalar.written))


def literal_secrets(root: Table) -> Iterator[Finding]:
    """A warning for each secret that stands in the file itself."""
    for path, scalar in scalars(root):
        if scalar.literal and is_secret(path, scalar):
            remedy = "write ${NAME} for an environment variable or ${file:PATH} for a file"
            yield Finding(path, "a secret is written into the file", remedy, "warning")


def shown(path: KeyPath, node: Node | None) -> str:
    """A value as a fault may show it: as it was written, and nothing of a secret."""
    if not isinstance(node, Scalar):
        return ""
    if is_secret(path, node):
        return "the value "
    text = node.written if len(node.written) <= _SHOWN else node.written[: _SHOWN - 1] + "…"
    return f"{text!r} "


def worded(path: KeyPath, node: Node | None, error: ValueError) -> Finding:
    """A fault in the words of another module, which may repeat the value: kept only where nothing in it is secret."""
    problem, remedy = sentence(error)
    if isinstance(node, Scalar):
        speakable = node.literal and not is_secret(path, node)
    else:
        inside = scalars(node, path) if node is not None else iter(())
        hidden = [value.text for at, value in inside if not value.literal or is_secret(at, value)]
        speakable = not any(_repeats(said, text) for text in hidden for said in (problem, remedy))
    if not speakable:
        return Finding(path, f"{shown(path, node)}is not accepted here", _DOCUMENTATION)
    return Finding(path, problem or "is not accepted here", remedy or _DOCUMENTATION)


def _repeats(said: str, text: str) -> bool:
    """Whether a value stands in what is said, as a word of its own: `key` does not stand in `write api_key and salt`."""
    return bool(text) and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) is not None


def translate(root: Table, errors: Sequence[ErrorDetails]) -> Iterator[Finding]:
    """The errors of a validation of `root` in plain words."""
    for error in errors:
        if error["type"] == "default_factory_not_called":  # follows from another error of the same mapping
            continue
        yield _translated(root, error)


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors at its place in the file; `context` is what the validator said beside its code."""

    root: Table
    path: KeyPath
    node: Node | None
    context: Mapping[str, Any]


def _translated(root: Table, error: ErrorDetails) -> Finding:
    path, code = _path(root, error), error["type"]
    node = Scalar(str(path[-1]), str(path[-1])) if error["loc"][-1:] == ("[key]",) else find(root, *path)
    place = _Error(root, path, node, error.get("ctx", {}))
    if code in _SAID:
        return _SAID[code](place)
    if code in _BOUNDS:
        bound, problem, remedy = _BOUNDS[code]
        return Finding(path, shown(path, node) + problem, f"{remedy} {place.context.get(bound)}")
    problem, remedy = _SENTENCES.get(code, ("is not accepted here", _DOCUMENTATION))
    return Finding(path, shown(path, node) + problem, remedy)


def _path(root: Table, error: ErrorDetails) -> KeyPath:
    """The error's place as far as the file has it: pydantic adds steps of its own, such as the branch of a union."""
    path: list[str | int] = []
    node: Node | None = root
    for step in error["loc"]:
        if find(node, step) is None:
            break
        path.append(step)
        node = find(node, step)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _kind(error: _Error) -> Finding:
    kind = find(error.node, "kind")
    built = adapter.kinds()
    at = (*error.path, "kind")
    if kind is None:
        return Finding(at, "is missing", f"add one of: {', '.join(built)}")
    word = kind.text if isinstance(kind, Scalar) else ""
    return Finding(at, f"{shown(at, kind)}is no kind of channel", choose(word, sorted(built)))


def _unknown(error: _Error) -> Finding:
    known, key = known_keys(error.root, error.path[:-1]), error.path[-1]
    near = nearest(str(key), known)
    return Finding(
        error.path, "unknown key", f"did you mean {near}?" if near else f"the keys here are {', '.join(known)}"
    )


def _unknown_condition(error: _Error) -> Finding:
    return Finding(error.path, "unknown condition", error.context["remedy"])


def _refused(error: _Error) -> Finding:
    return Finding(error.path, shown(error.path, error.node) + error.context["problem"], error.context["remedy"])


def _worded(error: _Error) -> Finding:
    return worded(error.path, error.node, ValueError(f"{error.context['problem']}; {error.context['remedy']}"))


def _raised(error: _Error) -> Finding:
    return worded(error.path, error.node, error.context.get("error", ValueError()))


def _none_of(error: _Error) -> Finding:
    remedy = "write " + str(error.context.get("expected", "")).replace("'", "")
    return Finding(error.path, f"{shown(error.path, error.node)}is not known here", remedy)


_SAID: Final[Mapping[str, Callable[[_Error], Finding]]] = {
    "kind": _kind,
    "extra_forbidden": _unknown,
    "unknown_condition": _unknown_condition,
    "refused": _refused,
    "worded": _worded,
    "value_error": _raised,
    "assertion_error": _raised,
    "literal_error": _none_of,
    "enum": _none_of,
}


def known_keys(root: Table, path: KeyPath) -> list[str]:
    """The keys that the mapping at `path` may have; empty where they are free."""
    here: Any = Config
    for index, step in enumerate(path):
        here = _inside(here, step)
        if index == 1 and path[0] == "channels":
            kind = find(root, *path[:2], "kind")
            here = adapter.load(kind.text).Config if isinstance(kind, Scalar) and kind.text in adapter.kinds() else None
    for option in _options(here):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return [field.alias or name for name, field in option.model_fields.items()]
    return []


def _options(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation allows."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    else:
        yield annotation


def _inside(annotation: Any, step: str | int) -> Any:
    """The annotation of what stands at `step` of a value with `annotation`, None where that is unknown."""
    for option in _options(annotation):
        arguments = get_args(option)
        if arguments:
            return arguments[0] if isinstance(step, int) else arguments[-1]
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, field in option.model_fields.items():
                if (field.alias or name) == step:
                    return field.annotation
    return None


def placed(finding: Finding, file: str, root: Node) -> Fault:
    """A finding at its line."""
    line = line_of(root, finding.path)
    return Fault(file, line, dotted(finding.path), finding.problem, finding.remedy, finding.level)
