"""One interaction from several envelopes: a call's events, an album's photos, a message that was edited."""

from collections.abc import Iterator, Sequence

import structlog

from channels.message import Ignored, Inbound, Signal
from ingest.adapters import Adapters
from storage.journal import Claimed

log = structlog.get_logger("priyom.folding")


class Folding:
    """Folds by the adapters of the channels; pure but for its log."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters

    def fold(self, channel: str, parts: Sequence[Inbound]) -> Inbound:
        """What these parts say together, in journal order. One part of a call may be about one line of it only, so it is folded."""
        adapter = self._adapters.reader(channel)
        whole = len(parts) == 1 and parts[0].call is None
        return parts[0] if whole or adapter is None else adapter.fold(parts)

    def read(self, entries: Sequence[Claimed], ref: str) -> Iterator[Inbound]:
        """What earlier entries said of the thing `ref`. One whose body is gone or unreadable by now says nothing."""
        for one in entries:
            adapter = self._adapters.reader(one.envelope.channel)
            if adapter is None:
                continue
            try:
                parsed = adapter.parse(one.envelope)
            except Exception as error:  # noqa: BLE001 - a part that cannot be read again must not hold up the new one
                log.info("an earlier part was left out", action="fold.left_out", error=type(error).__name__)
                continue
            parsed = parsed.otherwise if isinstance(parsed, Signal) and parsed.otherwise is not None else parsed
            said = parsed.inbound if isinstance(parsed, Ignored) and one.as_client else parsed
            if isinstance(said, Inbound) and said.ref == ref:
                yield said
