"""What all shapes of the API are made of: single values, answers, orders, pages, refusals."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["unprocessed", "assigned", "in_work", "converted", "lost", "disqualified", "merged"]
Outcome = Literal["pending", "created", "attached", "handled", "ignored", "failed"]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]
Reason = Annotated[str | None, Field(description="A stable code, or one of the configured reasons")]
# A database refuses NUL in a text, so no answer of the office could be kept with it.
Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Passage = Annotated[str, Field(max_length=100_000, pattern=r"^[^\x00]*$")]


class Answer(BaseModel):
    """What the API says. More fields may come; none changes its meaning."""

    model_config = ConfigDict(defer_build=True)


class Order(BaseModel):
    """What the API is told. A field that it does not know is refused, so that a misspelt one is never passed over."""

    model_config = ConfigDict(defer_build=True, extra="forbid")


class Page(Answer):
    """A page of a list; `next` is the cursor of the page after it, null on the last."""

    next: str | None


class Trouble(Answer):
    """What is wrong: a stable code, and a sentence."""

    code: str
    message: str


class Refusal(Answer):
    """Every answer that is no success."""

    error: Trouble
