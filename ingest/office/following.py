"""Following the revision that is in force: whoever put it there, every process reads its own file again, and goes by it.

A file that makes another revision changes nothing: its process says so, keeps its channels, and works by the rules in force.
"""

import asyncio
from http import HTTPStatus
from typing import Final

import structlog

from desk.ports import Refused
from ingest.config.current import Current
from ingest.config.policy import revision_document
from ingest.config.schema import Config
from ingest.office.reloading import Reloader
from storage.processes import Company
from storage.revisions import digest_of

PATIENCE: Final = 60.0
"""Seconds from the start for which a file that had to stand back may still be put in force, once nobody stands by the other."""

log = structlog.get_logger("priyom.following")


class Following:
    """Told of the company every second. `stood_back`: at the start others stood by another revision than our file makes."""

    def __init__(self, uid: str, current: Current, reloader: Reloader, *, stood_back: bool) -> None:
        self._uid = uid
        self._current = current
        self._reloader = reloader
        self._stood_back = stood_back
        self._mark: tuple[int | None, str | None] | None = None
        self._began: float | None = None
        self._config: Config | None = None
        self._digest = ""
        self._in_force: str | None = None

    def digest(self) -> str:
        """Of the revision that this process's file makes."""
        if self._config is not self._current.config:
            self._config = self._current.config
            self._digest = digest_of(revision_document(self._config))
        return self._digest

    @property
    def is_applied(self) -> bool:
        """Whether that is the one in force."""
        return self._in_force is None or self._in_force == self.digest()

    async def see(self, company: Company) -> None:
        """What the store says now."""
        now = asyncio.get_running_loop().time()
        began = self._began = now if self._began is None else self._began
        mark = (company.revision, company.reloaded_at)
        before, self._mark, self._in_force = self._mark, mark, company.digest
        first = before is None
        # At first, too: somebody may have put another one in force, and brought our file up to it, since we read that.
        is_other = not (self.is_applied or self._stood_back) if first else before != mark
        if is_other and not await self._follow(company):
            self._mark = before
        if self.is_applied:
            self._stood_back = False
        elif self._stood_back and not stood_by(company, self._uid):
            self._stood_back = False
            if now - began < PATIENCE:
                log.info("nobody stands by the other revision any more", action="config.taken")
                await self._reloader.reload_on_signal()
        elif first and self._stood_back:
            self._say_so(company)

    async def _follow(self, company: Company) -> bool:
        """Read our file again and go by it where it makes the revision in force; False: the store was away, so once more."""
        try:
            followed = await self._reloader.follow(company.digest or "")
        except Refused as refused:
            log.error("the file could not be followed", action="config.refused", faults=str(refused).splitlines())  # noqa: TRY400 - nothing broke
            return refused.status != HTTPStatus.SERVICE_UNAVAILABLE
        if followed:
            log.info("the revision in force is followed", action="config.followed", revision=company.revision)
        else:
            self._say_so(company)
        return True

    @staticmethod
    def _say_so(company: Company) -> None:
        log.warning(
            "this process's file makes another revision than the one in force: its channels go on, its rules and people are not"
            " applied; bring the file up to the others', or put it in force with: priyom reload",
            action="config.other",
            revision=company.revision,
        )


def stood_by(company: Company, uid: str) -> bool:
    """Whether another process that lives has a file that makes the revision in force."""
    return any(one.said.digest == company.digest for one in company.others(uid))
