"""The adapters of the configured channels: one mapping that every part shares and that a reload changes in place."""

from collections.abc import Iterator, Mapping
from typing import Any

from channels import adapter as kinds
from channels import desk
from channels.adapter import Adapter
from ingest.config.references import BUILT_IN
from ingest.config.schema import Config


class Adapters(Mapping[str, Adapter[Any]]):
    """By channel. One that a reload took away takes nothing in any more, and still reads what it had taken in."""

    def __init__(self, adapters: Mapping[str, Adapter[Any]]) -> None:
        self._present = dict(adapters)
        self._retired: dict[str, Adapter[Any]] = {}

    def __getitem__(self, name: str) -> Adapter[Any]:
        return self._present[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present)

    def __len__(self) -> int:
        return len(self._present)

    def reader(self, name: str) -> Adapter[Any] | None:
        """The adapter that reads the envelopes of a channel; None for one that this process never had."""
        return self._present.get(name) or self._retired.get(name)

    def fetches(self, name: str) -> bool:
        """Whether files of a channel's messages are still with its provider once they are settled."""
        adapter = self.reader(name)
        return adapter is not None and adapter.fetches

    def change(self, wanted: Mapping[str, Adapter[Any]]) -> None:
        """Put these in place of what there is."""
        self._retired |= {name: adapter for name, adapter in self._present.items() if name not in wanted}
        self._present = dict(wanted)


def made(config: Config, secret: bytes, before: Mapping[str, Adapter[Any]] | None = None) -> dict[str, Adapter[Any]]:
    """An adapter for each channel of a configuration, and the one that is always there.

    One of `before` whose entry is the same stays, with what it holds.
    """
    adapters: dict[str, Adapter[Any]] = {}
    for name, channel in {BUILT_IN: desk.Config(kind=BUILT_IN), **config.channels}.items():
        there = (before or {}).get(name)
        if there is not None and there.config == channel and there.language == config.language:
            adapters[name] = there
        else:
            adapters[name] = kinds.load(channel.kind).Adapter(name, channel, secret=secret, language=config.language)
    return adapters
