"""Contacts and companies: who is who, merges, splits, doubts, and files of contacts."""

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from desk.models.leads import Interaction, Key, Organisation, Person
from desk.models.shapes import Answer, Line, Moment, Order, Page, State

MOST_ROWS = 1_000


class Contact(Answer):
    """A known person, with the keys of every contact merged into this one; whose client he is, and where he works."""

    id: str
    version: int
    name: str | None
    keys: list[Key]
    owner: str | None
    company: Organisation | None
    created_at: Moment


class LeadOfContact(Answer):
    """A lead as the contact's page lists it."""

    id: str
    state: State
    title: str
    owner: str | None
    team: str


class Absorbed(Answer):
    """A contact that is, or was, a part of another."""

    id: str
    name: str | None


class Merge(Answer):
    """That the contact `absorbed` became a part of `into`, and since when it is not any more."""

    id: str
    into: str
    absorbed: Absorbed
    at: Moment
    actor: str
    undone_at: Moment | None


class Suggestion(Answer):
    """Two contacts that may be one person, with the reason in words; where both are the same, one that may be two."""

    id: str
    code: str
    contact: Person
    other: Person
    reason: str
    at: Moment
    state: Literal["open", "answered"]
    verdict: Literal["join", "apart", "dismiss"] | None


class Suggestions(Page):
    """A page of suggestions, newest first."""

    items: list[Suggestion]


class WholeContact(Contact):
    """A contact with its leads, newest first, and its timeline, oldest first; what it absorbed, and what is to be judged."""

    leads: list[LeadOfContact]
    interactions: list[Interaction]
    merges: list[Merge]
    suggestions: list[Suggestion]


class Company(Answer):
    """A company, or a line that several people use: the shared keys that it owns, who works there, its leads, newest first."""

    id: str
    name: str | None
    owner: str | None
    keys: list[Key]
    created_at: Moment
    contacts: list[Person]
    leads: list[LeadOfContact]


class FoldedLead(Answer):
    """A lead that goes on as a part of another."""

    lead: str
    into: str


class MergePreview(Answer):
    """What a merge would come to: the contact as it would be, and the leads that would fold."""

    contact: WholeContact
    folds: list[FoldedLead]


class Merged(Answer):
    """The merge that was made, by which it can be undone; or what it would do, where only that was asked."""

    merge: str | None
    preview: MergePreview | None = None


class Split(Answer):
    """The contact that has the keys and interactions now, and the merge that was undone, where that was all it brought."""

    contact: str
    undone: str | None


class Contacts(Page):
    """A page of contacts, newest first."""

    items: list[Contact]


class MergeOrder(Order):
    """`absorb` becomes a part of this contact. `preview`: show what would happen, change nothing."""

    absorb: Line
    preview: bool = False


class KeyOrder(Order):
    """A key as a contact shows it."""

    kind: Line
    value: Line
    extension: Line | None = None


class SplitOrder(Order):
    """Keys, as a contact shows them or as `kind:value`, with all that came by them; and single interactions by their ids."""

    keys: list[KeyOrder | Line] = Field(default=[], max_length=100)
    interactions: list[Line] = Field(default=[], max_length=1_000)


class Description(Order):
    """What a contact or company is called, and which manager's it is; null is nobody's. What is left out stays as it is."""

    name: Line | None = None
    owner: Line | None = None

    @model_serializer(mode="wrap")
    def only_what_was_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that null and nothing are told apart."""
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


class ContactRow(Order):
    """One row of a file of contacts; `line` is its number there. A manager's name as `owner`, whose client it is."""

    line: int = Field(ge=0)
    name: Line | None = None
    phones: list[Line] = Field(default=[], max_length=20)
    emails: list[Line] = Field(default=[], max_length=20)
    telegram: Line | None = None
    vk: Line | None = None
    company: Line | None = None
    owner: Line | None = None


class ContactRows(Order):
    """Rows of a file of contacts. A row that was taken before changes nothing."""

    rows: list[ContactRow] = Field(max_length=MOST_ROWS)
    preview: bool = False


class RowTaken(Answer):
    """What came of a row: it made a contact, or one is known by its keys, or a company has them, or it is refused and `why`.

    `doubts`: keys_of_two and another_name are suggestions to be judged, another_owner and another_company keep what there
    was; of a refused row, what was wrong with its numbers and addresses.
    """

    line: int
    result: Literal["created", "known", "company", "refused"]
    why: Literal["no_key", "no_such_owner", "staff"] | None
    contact: str | None
    company: str | None
    keys: list[str]
    doubts: list[str]


class BroughtIn(Answer):
    """What came of some rows, in their order; `counts` by result."""

    items: list[RowTaken]
    counts: dict[str, int]
