"""The section of routing tests: what is to come of approaches."""

from collections.abc import Mapping

from pydantic import Field, model_validator

from ingest.config.section import Section
from ingest.config.values import UTM, Count, Flag, LocalMoment, Span, Text, TriedReason, TriedState
from ingest.config.wording import refuse
from routing.source import CLICK_IDS


class Given(Section):
    """An approach to try the rules with. `campaign` has the `utm_*` and click ids that are written beside the others."""

    channel: Text
    at: LocalMoment | None = None
    to: Text | None = None
    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None
    city: Text | None = None
    company: Text | None = None
    subject: Text | None = None
    text: Text = ""
    language: Text | None = None
    page: Text | None = None
    referrer: Text | None = None
    known: Flag = False
    owner: Text | None = None
    campaign: Mapping[str, Text] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _marks(cls, written: object) -> object:
        if not isinstance(written, Mapping):
            return written
        marks = {key: value for key, value in written.items() if UTM.fullmatch(key) or key in CLICK_IDS}
        rest = {key: value for key, value in written.items() if key not in marks}
        return {**rest, "campaign": marks} if marks and "campaign" not in rest else rest


class Expected(Section):
    """What must come of it; what is left out may be anything. `rule` counts from 1, as `priyom explain` does."""

    team: Text | None = None
    rule: Count | None = None
    source: Text | None = None
    state: TriedState | None = None
    reason: TriedReason | None = None
    owner: Text | None = None
    respond_within: Span | None = None

    @model_validator(mode="after")
    def _something(self) -> "Expected":
        if not self.model_fields_set:
            raise refuse("expects nothing", "write {team: NAME}")
        return self


class RoutingTest(Section):
    """One trial of the rules and the managers' hours."""

    name: Text | None = None
    given: Given
    expect: Expected
