"""Configurations for tests: a small one that is whole, and what `load` says of any other."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from ingest.config.load import Loaded, load
from ingest.config.schema import Config

SMALL: Final = """\
channels: {site: {kind: webform}}
managers: {anna: {name: Анна, email: anna@example.com}, boris: {name: Борис, email: boris@example.com}}
teams: {sales: {managers: [anna, boris]}}
"""


def loaded(
    folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None, only: Collection[str] | None = None
) -> Loaded:
    """`load` of a file with this text."""
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, environ or {}, only)


def faults(folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """The faults of a file as `check` prints them, without the file's name."""
    found = loaded(folder, text, environ).faults
    return [str(fault).removeprefix(f"{folder / 'config.yaml'}:") for fault in found]


def configured(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file that must have no error."""
    found = loaded(folder, text, environ)
    assert found.config is not None, [str(fault) for fault in found.faults]
    return found.config
