"""How the installation runs: channels, notices that have not arrived, health, the document of the API."""

from typing import Literal

from pydantic import ConfigDict

from desk.models.shapes import Answer, Moment, Page


class Channel(Answer):
    """A configured channel and how it is: `state` since when, and where it is not well, the `remedy` in words.

    `next_at`: the next attempt of one that has no connection. Of one that fetches: when its provider was last heard, and how
    often it was started anew for being hung. `refusals`: deliveries refused since one was taken in. `told_at`: where another
    process listens to it, when that one last said how it is.
    """

    name: str
    kind: str
    state: Literal["starting", "listening", "retrying", "misconfigured", "silent", "expiring", "stopped"]
    since: Moment
    detail: str | None
    remedy: str | None
    next_at: Moment | None
    heard_at: Moment | None
    restarts: int
    refusals: int
    told_at: Moment | None = None


class Channels(Page):
    """The channels."""

    items: list[Channel]


class Notice(Answer):
    """A notice that has not reached its manager: `due` is tried again at `due_at`, `dead` is not. A reply is for no manager."""

    id: str
    code: str
    lead: str | None
    manager: str | None
    state: Literal["due", "dead"]
    attempts: int
    error: str | None
    created_at: Moment
    due_at: Moment


class Notices(Page):
    """Notices that have not reached their manager, the dead first."""

    items: list[Notice]


class Health(Answer):
    """The process is alive."""

    status: Literal["ok"]


class ChannelState(Answer):
    """A configured channel and its state, for whoever has no token."""

    name: str
    kind: str
    state: str
    since: Moment


class Readiness(Answer):
    """Whether the process can do its work. A channel's trouble stands here and never changes the status.

    `roles`: what it does. `configuration`: whether its file makes the revision that is in force (`applied`), or another (`other`).
    `wakes`: whether Redis carries wake-ups between processes, `off` where none is configured; work goes on in any case.
    `failing`: tasks of the process that die again and again, so that it is not ready.
    """

    ready: bool
    store: str
    channels: list[ChannelState]
    roles: list[str]
    configuration: Literal["applied", "other"]
    wakes: Literal["off", "up", "away"]
    failing: list[str]


class Document(Answer):
    """An OpenAPI document: the API in the words of OpenAPI 3.1."""

    model_config = ConfigDict(defer_build=True, extra="allow")

    openapi: str
