"""Who is it: a fold over a batch of arrivals, in journal order, that gives each its person or company, or makes a new one.

A personal key that is known decides. A shared key never joins people: it belongs to a company or an unnamed line. Evidence
that would link two known people joins nothing, unless providers vouch for all of it; it becomes a suggestion for a person to
judge. The second arrival of a person sees what the first one made, so a batch and one arrival at a time end alike.

A key is shared by the rules, or by count: seen together with more than so many others, it joins nobody from then on, and its
approaches go to a line. It keeps its holder, whose personal key it is again when the limit is raised or goes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from dedup.keys import Evidence, Key, Rejection
from dedup.names import compare
from kernel.facts import fact
from kernel.texts import seen

MatchCode = Literal["known_key", "new_contact", "no_way_back", "shared_key", "by_hand", "new_by_hand"]
SuggestionCode = Literal["keys_of_two", "another_name"]

_MAY_BE_ONE_NAME: Final = 0.5
"""From this likeness on, two names may be one person's: forms of one name, one of them shorter, slips of the pen."""


@fact
class Person:
    """A contact as it is known: `id` is the root of its merges, `owner` the manager whose client he is."""

    id: int
    name: str | None = None
    owner: str | None = None


@fact
class Company:
    """An organisation or an unnamed line that owns shared keys."""

    id: int
    name: str | None = None
    owner: str | None = None


@fact
class Held:
    """A key that the store knows: who holds it, and whether the rules call it shared.

    `others`: ids of the personal keys that came together with it, read only where there is a limit and only just beyond it.
    `line`: the company that its approaches go to since it is shared by count.
    """

    id: int
    holder: int
    shared: bool
    others: frozenset[int] = frozenset()
    line: int | None = None


@fact
class World:
    """What the store knows of a batch's keys. `roots` leads from a key's holder to its person.

    `apart`: pairs of those people, by their ids, whose merge was undone: they are never joined again by themselves.
    `over`: with how many others a personal key may have been seen before it counts as shared; None without limit.
    `edition`: of people, under which all this was read; None where nobody was known.
    """

    keys: Mapping[Key, Held]
    roots: Mapping[int, Person]
    companies: Mapping[int, Company]
    apart: frozenset[frozenset[int]] = frozenset()
    over: int | None = None
    edition: int | None = None


@fact
class Arrival:
    """One inbound as matching sees it.

    `contact`: the root of whom a person has named as its sender, one of `World.roots`. `fresh`: a person has said that it is
    somebody new, whoever holds its keys.
    """

    entry: int
    name: str | None
    company: str | None
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejection, ...] = ()
    contact: int | None = None
    fresh: bool = False


@fact
class NewKey:
    """A key to be stored with its first holder."""

    id: int
    key: Key
    holder: int
    shared: bool
    origin: str
    entry: int


@fact
class Match:
    """Whose an arrival is: a person, or where only shared keys came, a company. `key` is the id of the key that joined it.

    `origin` is the contact that holds that key, itself or as a part of `contact`: what the arrival says stays with it.
    `tried` lists each key's id with what it said: known, new, shared, elsewhere (it is another person's), joined (it was).
    """

    entry: int
    code: MatchCode
    contact: int | None
    company: int | None
    key: int | None
    owner: str | None
    known: bool
    introduced_as: str | None
    tried: tuple[tuple[int, str], ...]
    others: tuple[int, ...] = ()
    origin: int | None = None


@fact
class Suggestion:
    """Something for a person to judge: two contacts that may be one, or one that may be two."""

    entry: int
    contact: int
    other: int
    code: SuggestionCode


@fact
class Joining:
    """A merge by evidence: everything that proved who sent `entry` is a provider's word, and it named two people.

    `contact` is absorbed by `into`, the older of the two roots; `key` is the id of the key by which `contact` was known.
    """

    contact: int
    into: int
    entry: int
    key: int


@fact
class People:
    """The outcome of a batch: its matches, and the difference to be written.

    `named`: contacts that get a name. `reheld`: keys that the rules have come to call shared, with the company that now holds them.
    `merges`: in the order in which they are to be carried out; a contact that one of them absorbs may be new in this batch.
    `lined`: keys that have come to be shared by count, with the company that their approaches go to. `together`: ids of keys
    that one approach brought, each pair both ways; some of them may be known.
    """

    matches: tuple[Match, ...]
    contacts: tuple[Person, ...]
    companies: tuple[Company, ...]
    keys: tuple[NewKey, ...]
    named: tuple[tuple[int, str], ...]
    reheld: tuple[tuple[int, int], ...]
    suggestions: tuple[Suggestion, ...]
    merges: tuple[Joining, ...] = ()
    lined: tuple[tuple[int, int], ...] = ()
    together: tuple[tuple[int, int], ...] = ()


def resolve(arrivals: Sequence[Arrival], world: World, new_id: Callable[[], int]) -> People:
    """Fold `arrivals` over `world`, in their order. `new_id` names what is made."""
    fold = _Fold(world, new_id)
    matches = tuple(fold.take(arrival) for arrival in arrivals)
    return People(
        matches,
        tuple(fold.people[i] for i in fold.made),
        tuple(fold.companies[i] for i in fold.founded),
        tuple(fold.new_keys),
        tuple((i, fold.people[i].name or "") for i in fold.named if i not in fold.made),
        tuple(fold.reheld),
        tuple(fold.suggestions),
        tuple(fold.merges),
        tuple(fold.lined),
        tuple(fold.together),
    )


class _Fold:
    """The batch's world as it grows."""

    def __init__(self, world: World, new_id: Callable[[], int]) -> None:
        self.new_id = new_id
        self.keys = dict(world.keys)
        self.roots = {holder: person.id for holder, person in world.roots.items()}
        self.people = {person.id: person for person in world.roots.values()}
        self.companies = dict(world.companies)
        self.made: dict[int, None] = {}
        self.founded: dict[int, None] = {}
        self.named: dict[int, None] = {}
        self.new_keys: list[NewKey] = []
        self.reheld: list[tuple[int, int]] = []
        self.suggestions: list[Suggestion] = []
        self.apart = set(world.apart)
        self.over = world.over
        self.merges: list[Joining] = []
        self.lined: list[tuple[int, int]] = []
        self.together: dict[tuple[int, int], None] = {}

    def take(self, arrival: Arrival) -> Match:
        if arrival.name is not None and not seen(arrival.name).strip():
            arrival = replace(arrival, name=None)
        match = self._match(arrival)
        self._remember_together(arrival)
        return match

    def _match(self, arrival: Arrival) -> Match:
        personal: list[Evidence] = []
        shared: list[Evidence] = []
        for evidence in arrival.evidence:
            (personal if self._is_personal(evidence, arrival) else shared).append(evidence)
        founded = len(self.founded)
        company = self._company(arrival, shared)
        hits = [(e.key, self._root(self.keys[e.key])) for e in personal if e.key in self.keys]
        if arrival.contact is not None or (hits and not arrival.fresh):
            return self._joined(arrival, personal, shared, hits, company)
        if company is not None and not personal and not arrival.fresh:
            return self._line(arrival, shared, company, known=len(self.founded) == founded)
        return self._new(arrival, personal, shared, hits, company)

    def _new(
        self,
        arrival: Arrival,
        personal: Sequence[Evidence],
        shared: Sequence[Evidence],
        hits: Sequence[tuple[Key, int]],
        company: Company | None,
    ) -> Match:
        person = Person(self.new_id(), arrival.name)
        self.people[person.id] = person
        self.made[person.id] = None
        self.roots[person.id] = person.id
        held = dict.fromkeys(key for key, _root in hits)
        tried = [(self.keys[key].id, "elsewhere") for key in held]
        tried += self._add(arrival, [e for e in personal if e.key not in held], person.id)
        tried += [(self.keys[e.key].id, "shared") for e in shared]
        code: MatchCode = "new_contact" if personal else "no_way_back"
        if held or (arrival.fresh and shared):
            code = "new_by_hand"
        company_id = None if company is None else company.id
        return Match(
            arrival.entry, code, person.id, company_id, None, None, False, None, tuple(tried), origin=person.id
        )

    def _joined(
        self,
        arrival: Arrival,
        personal: Sequence[Evidence],
        shared: Sequence[Evidence],
        hits: Sequence[tuple[Key, int]],
        company: Company | None,
    ) -> Match:
        joined = self._join(arrival, personal, hits)
        contact = arrival.contact or (hits[0][1] if joined is None else joined.into)
        key = next((k for k, root in hits if root == contact), None)
        origin = contact if key is None else self.keys[key].holder
        others = () if joined is not None else tuple(dict.fromkeys(root for _key, root in hits if root != contact))
        self._suggest(arrival, contact, others)
        elsewhere = "elsewhere" if joined is None else "joined"
        said = {k: "known" if root == contact else elsewhere for k, root in hits}
        tried = [(self.keys[k].id, verdict) for k, verdict in said.items()]
        tried += self._add(arrival, [e for e in personal if e.key not in said], origin)
        tried += [(self.keys[e.key].id, "shared") for e in shared]
        introduced = self._introduce(arrival, contact)
        person = self.people[contact]
        company_id = None if company is None else company.id
        return Match(
            arrival.entry,
            "known_key" if arrival.contact is None else "by_hand",
            contact,
            company_id,
            None if key is None else self.keys[key].id,
            person.owner,
            True,
            introduced,
            tuple(tried),
            others,
            origin,
        )

    def _join(self, arrival: Arrival, personal: Sequence[Evidence], hits: Sequence[tuple[Key, int]]) -> Joining | None:
        """Two people become one where every key is a provider's word for who sent this, and nobody has parted them."""
        roots = frozenset(root for _key, root in hits)
        vouched = all(evidence.origin == "provider" for evidence in personal)
        if arrival.contact is not None or len(roots) != 2 or not vouched or roots in self.apart:  # noqa: PLR2004 - of three at once none is sure
            return None
        into, contact = sorted(roots)
        key = next(key for key, root in hits if root == contact)
        joining = Joining(contact, into, arrival.entry, self.keys[key].id)
        self.merges.append(joining)
        self.roots = {holder: into if root == contact else root for holder, root in self.roots.items()}
        self.people[into] = replace(self.people[into], owner=self.people[into].owner or self.people[contact].owner)
        self.apart |= {(pair - {contact}) | {into} for pair in self.apart if contact in pair}
        return joining

    def _suggest(self, arrival: Arrival, contact: int, others: Sequence[int]) -> None:
        self.suggestions += [
            Suggestion(arrival.entry, contact, other, "keys_of_two")
            for other in others
            if frozenset((contact, other)) not in self.apart
        ]

    def _line(self, arrival: Arrival, shared: Sequence[Evidence], company: Company, *, known: bool) -> Match:
        tried = tuple((self.keys[e.key].id, "shared") for e in shared)
        return Match(
            arrival.entry, "shared_key", None, company.id, tried[0][0], company.owner, known, arrival.name, tried
        )

    def _company(self, arrival: Arrival, shared: Sequence[Evidence]) -> Company | None:
        """The company of an arrival's shared keys, founded where the first of them is new."""
        if not shared:
            return None
        company = next(filter(None, (self._line_of(e.key) for e in shared)), None)
        if company is None:
            company = Company(self.new_id(), arrival.company)
            self.companies[company.id] = company
            self.founded[company.id] = None
        for evidence in shared:
            held_by = self.keys.get(evidence.key)
            if held_by is None:
                self._store(arrival, evidence, company.id, shared=True)
            elif not held_by.shared and not evidence.personal:
                self.keys[evidence.key] = replace(held_by, holder=company.id, shared=True)
                self.reheld.append((held_by.id, company.id))
            elif not held_by.shared and held_by.line is None:
                self.keys[evidence.key] = replace(held_by, line=company.id)
                self.lined.append((held_by.id, company.id))
        return company

    def _line_of(self, key: Key) -> Company | None:
        """The company or line that has a key; None for a key that a person holds, or nobody."""
        held = self.keys.get(key)
        owners = () if held is None else (held.holder, held.line)
        return next((self.companies[owner] for owner in owners if owner in self.companies), None)

    def _add(self, arrival: Arrival, evidence: Sequence[Evidence], contact: int) -> list[tuple[int, str]]:
        return [(self._store(arrival, e, contact, shared=False), "new") for e in evidence]

    def _store(self, arrival: Arrival, evidence: Evidence, holder: int, *, shared: bool) -> int:
        new = NewKey(self.new_id(), evidence.key, holder, shared, evidence.origin, arrival.entry)
        self.new_keys.append(new)
        self.keys[evidence.key] = Held(new.id, holder, shared)
        return new.id

    def _introduce(self, arrival: Arrival, contact: int) -> str | None:
        """The name that an arrival gives, where it is written otherwise than the contact's; a contact without one takes it.

        Only a name that says somebody else is a question for a person: Саша is Александр, and Анна may be Анна Петрова.
        """
        person = self.people[contact]
        if not arrival.name:
            return None
        if not person.name:
            self.people[contact] = Person(contact, arrival.name, person.owner)
            self.named[contact] = None
            return None
        if _plain(arrival.name) == _plain(person.name):
            return None
        if compare(person.name, arrival.name).score < _MAY_BE_ONE_NAME:
            self.suggestions.append(Suggestion(arrival.entry, contact, contact, "another_name"))
        return arrival.name

    def _is_personal(self, evidence: Evidence, arrival: Arrival) -> bool:
        return self._may_join(evidence) and not self._is_crowded(evidence.key, arrival)

    def _may_join(self, evidence: Evidence) -> bool:
        held = self.keys.get(evidence.key)
        return evidence.personal and not (held is not None and held.shared)

    def _is_crowded(self, key: Key, arrival: Arrival) -> bool:
        """Whether a known key has now been seen with more others than the limit; those of this arrival count."""
        held = self.keys.get(key)
        if self.over is None or held is None:
            return False
        beside = [self.keys.get(e.key) for e in arrival.evidence if e.key != key and self._may_join(e)]
        known = {other.id for other in beside if other is not None}
        return len(held.others | known) + beside.count(None) > self.over

    def _remember_together(self, arrival: Arrival) -> None:
        keys = [e.key for e in arrival.evidence if self._may_join(e)]
        if len(keys) < 2:  # noqa: PLR2004 - alone, it is with none
            return
        ids = {self.keys[key].id for key in keys}
        for key in keys:
            held = self.keys[key]
            others = ids - held.others - {held.id}
            for other in sorted(others):
                self.together[held.id, other] = None
            self.keys[key] = Held(held.id, held.holder, held.shared, held.others | others, held.line)

    def _root(self, held: Held) -> int:
        return self.roots[held.holder]


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("ё", "е").split())
