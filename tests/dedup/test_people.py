"""Who is it: one person, one contact; nobody joined by accident; a batch and one arrival at a time end alike."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.keys import Evidence, Key, Rejection
from dedup.people import (
    Arrival,
    Company,
    Held,
    Joining,
    Match,
    NewKey,
    People,
    Person,
    Suggestion,
    World,
    resolve,
)
from tests.dedup.worlds import EMPTY, after

PHONE, OTHER_PHONE = Key("phone", "+79123456789"), Key("phone", "+79123456780")
MAIL, OTHER_MAIL = Key("email", "anna@example.com"), Key("email", "boris@example.com")
LINE, OTHER_LINE = Key("email", "info@example.com"), Key("phone", "+74951234567")


def arrival(
    *personal: Key,
    entry: int = 1,
    shared: Iterable[Key] = (),
    vouched: Iterable[Key] = (),
    name: str | None = None,
    company: str | None = None,
) -> Arrival:
    evidence = [Evidence(key, personal=True, origin="provider") for key in vouched]
    evidence += [Evidence(key, personal=True, origin="field") for key in personal]
    evidence += [Evidence(key, personal=False, origin="field") for key in shared]
    return Arrival(entry, name, company, tuple(evidence))


def entries(*arrivals: Arrival) -> list[Arrival]:
    return [replace(one, entry=number) for number, one in enumerate(arrivals, 1)]


def settled(arrivals: Sequence[Arrival], world: World = EMPTY, first: int = 100) -> People:
    counter = itertools.count(first)
    return resolve(arrivals, world, lambda: next(counter))


def world_of(person: Person, *keys: Key) -> World:
    return World(
        {key: Held(number, person.id, shared=False) for number, key in enumerate(keys, 50)}, {person.id: person}, {}
    )


def test_a_stranger_becomes_a_contact_that_holds_all_his_keys() -> None:
    people = settled([arrival(PHONE, MAIL, name="Анна")])
    assert people.contacts == (Person(100, "Анна"),)
    assert people.keys == (
        NewKey(101, PHONE, 100, shared=False, origin="field", entry=1),
        NewKey(102, MAIL, 100, shared=False, origin="field", entry=1),
    )
    tried = ((101, "new"), (102, "new"))
    assert people.matches == (Match(1, "new_contact", 100, None, None, None, False, None, tried, origin=100),)
    assert (people.companies, people.named, people.reheld, people.suggestions) == ((), (), (), ())


def test_a_known_key_decides_and_brings_the_new_keys_and_the_owner_with_it() -> None:
    people = settled([arrival(PHONE, MAIL)], world_of(Person(7, "Анна", "boris"), PHONE))
    assert people.contacts == ()
    assert people.keys == (NewKey(100, MAIL, 7, shared=False, origin="field", entry=1),)
    tried = ((50, "known"), (100, "new"))
    assert people.matches == (Match(1, "known_key", 7, None, 50, "boris", True, None, tried, origin=7),)


def test_a_key_leads_to_the_root_of_its_holders_merges() -> None:
    root = Person(3, "Анна", "boris")
    world = World({PHONE: Held(50, 7, shared=False), MAIL: Held(51, 3, shared=False)}, {7: root, 3: root}, {})
    people = settled([arrival(PHONE, MAIL)], world)
    assert people.matches[0].contact == 3
    assert people.suggestions == ()


def test_keys_of_two_people_join_nothing_and_are_suggested_to_a_person() -> None:
    world = World(
        {PHONE: Held(50, 7, shared=False), MAIL: Held(51, 8, shared=False), OTHER_MAIL: Held(52, 8, shared=False)},
        {7: Person(7, "Анна"), 8: Person(8, "Борис")},
        {},
    )
    people = settled([arrival(PHONE, MAIL, OTHER_MAIL)], world)
    match = people.matches[0]
    assert (match.contact, match.key, match.others) == (7, 50, (8,))
    assert match.tried == ((50, "known"), (51, "elsewhere"), (52, "elsewhere"))
    assert people.suggestions == (Suggestion(1, 7, 8, "keys_of_two"),)
    assert (people.keys, people.contacts) == ((), ())


def test_another_name_stays_one_contact_introduced_as_and_suggested_for_a_split() -> None:
    people = settled([arrival(PHONE, name="Борис")], world_of(Person(7, "Анна"), PHONE))
    assert people.matches[0].introduced_as == "Борис"
    assert people.named == ()
    assert people.suggestions == (Suggestion(1, 7, 7, "another_name"),)


@pytest.mark.parametrize("name", ["Аня", "Анна", "А. Петрова", "Anna Petrova"])
def test_what_may_be_another_form_of_the_name_is_kept_and_nobody_is_asked(name: str) -> None:
    people = settled([arrival(PHONE, name=name)], world_of(Person(7, "Анна Петрова"), PHONE))
    assert people.matches[0].introduced_as == name
    assert people.suggestions == ()


def test_the_same_name_in_other_case_spacing_or_yo_is_the_same_name() -> None:
    people = settled([arrival(PHONE, name=" семён  ИВАНОВ ")], world_of(Person(7, "Семен Иванов"), PHONE))
    assert people.matches[0].introduced_as is None
    assert people.suggestions == ()


def test_a_contact_without_a_name_takes_the_first_that_is_given() -> None:
    people = settled(
        entries(arrival(PHONE), arrival(PHONE, name="Анна"), arrival(PHONE, name="Борис")),
        world_of(Person(7, None, "anna"), PHONE),
    )
    assert people.named == ((7, "Анна"),)
    assert [m.introduced_as for m in people.matches] == [None, None, "Борис"]
    assert {m.owner for m in people.matches} == {"anna"}


def test_a_name_of_which_nothing_can_be_seen_is_none_and_asks_nobody() -> None:
    found = settled(entries(arrival(PHONE, name="\u3164"), arrival(PHONE, name="Анна"), arrival(PHONE, name=" \u200b")))
    assert [contact.name for contact in found.contacts] == ["Анна"]
    assert [match.introduced_as for match in found.matches] == [None, None, None]
    assert found.suggestions == ()


def test_a_contact_made_in_the_batch_is_written_with_the_name_that_came_later() -> None:
    people = settled(entries(arrival(PHONE), arrival(PHONE, name="Анна")))
    assert people.contacts == (Person(100, "Анна"),)
    assert people.named == ()


def test_who_leaves_no_way_back_becomes_a_contact_of_his_own_each_time() -> None:
    nobody = Arrival(1, "Анна", None, (), (Rejection("phone", "machine_made", "field"),))
    people = settled(entries(nobody, nobody))
    assert [m.code for m in people.matches] == ["no_way_back", "no_way_back"]
    assert len(people.contacts) == 2
    assert people.keys == ()


def test_only_a_shared_key_belongs_to_a_line_and_makes_no_contact() -> None:
    people = settled([arrival(shared=[LINE], name="Анна", company="Ромашка")])
    assert people.contacts == ()
    assert people.companies == (Company(100, "Ромашка"),)
    assert people.keys == (NewKey(101, LINE, 100, shared=True, origin="field", entry=1),)
    assert people.matches == (Match(1, "shared_key", None, 100, 101, None, False, "Анна", ((101, "shared"),)),)


def test_a_line_is_founded_once_and_takes_the_other_shared_keys_that_come_with_it() -> None:
    people = settled(entries(arrival(shared=[LINE]), arrival(shared=[LINE, OTHER_LINE]), arrival(shared=[OTHER_LINE])))
    assert len(people.companies) == 1
    assert {m.company for m in people.matches} == {100}
    assert [(k.key, k.holder) for k in people.keys] == [(LINE, 100), (OTHER_LINE, 100)]


def test_a_line_that_the_batch_has_founded_is_known_to_the_next_approach() -> None:
    people = settled(entries(arrival(shared=[LINE]), arrival(shared=[LINE])))
    assert [m.known for m in people.matches] == [False, True]


def test_a_known_line_brings_its_owner() -> None:
    world = World({LINE: Held(50, 9, shared=True)}, {}, {9: Company(9, "Ромашка", "anna")})
    match = settled([arrival(shared=[LINE])], world).matches[0]
    assert (match.company, match.owner, match.known) == (9, "anna", True)


def test_people_behind_one_shared_key_stay_apart_and_remember_the_line() -> None:
    people = settled(entries(arrival(PHONE, shared=[LINE]), arrival(OTHER_PHONE, shared=[LINE])))
    assert len({m.contact for m in people.matches}) == 2
    assert {m.company for m in people.matches} == {100}
    known = settled([arrival(PHONE, shared=[LINE])], after(EMPTY, people), first=200)
    assert (known.matches[0].code, known.matches[0].company) == ("known_key", 100)
    assert known.companies == ()


def test_a_key_that_the_store_has_as_shared_joins_nobody_though_the_rules_forgot_it() -> None:
    world = World({LINE: Held(50, 9, shared=True)}, {}, {9: Company(9)})
    people = settled(entries(arrival(LINE, PHONE), arrival(LINE, OTHER_PHONE), arrival(LINE)), world)
    assert [m.code for m in people.matches] == ["new_contact", "new_contact", "shared_key"]


def test_a_key_that_comes_to_be_listed_leaves_its_contact_for_a_line() -> None:
    people = settled([arrival(shared=[LINE])], world_of(Person(7, "Анна"), LINE, PHONE))
    assert people.companies == (Company(100),)
    assert people.reheld == ((50, 100),)
    assert people.keys == ()
    assert people.matches[0].code == "shared_key"
    again = settled([arrival(PHONE)], after(world_of(Person(7, "Анна"), LINE, PHONE), people), first=200)
    assert again.matches[0].contact == 7


def test_a_newly_listed_key_goes_to_the_line_that_another_key_of_the_approach_has() -> None:
    world = World(
        {OTHER_LINE: Held(50, 9, shared=True), LINE: Held(51, 7, shared=False)}, {7: Person(7)}, {9: Company(9)}
    )
    people = settled([arrival(shared=[LINE, OTHER_LINE])], world)
    assert people.companies == ()
    assert people.reheld == ((51, 9),)


# --- merges by evidence ---

CHAT = Key("telegram", "7654321")
STRANGERS = World(
    {PHONE: Held(50, 7, shared=False), CHAT: Held(51, 8, shared=False), MAIL: Held(52, 9, shared=False)},
    {7: Person(7, "Анна"), 8: Person(8, None, "boris"), 9: Person(9, "Вера")},
    {},
)


def test_keys_that_a_provider_vouches_for_join_two_people_into_the_older() -> None:
    people = settled([arrival(vouched=[CHAT, PHONE])], STRANGERS)
    assert people.merges == (Joining(8, 7, 1, 51),)
    match = people.matches[0]
    assert (match.contact, match.key, match.others) == (7, 50, ())
    assert match.tried == ((51, "joined"), (50, "known"))
    assert people.suggestions == ()


def test_whom_the_batch_has_joined_is_one_person_with_the_owner_of_either_to_the_next_arrival() -> None:
    people = settled(entries(arrival(vouched=[PHONE, CHAT]), arrival(vouched=[CHAT]), arrival(PHONE)), STRANGERS)
    assert [m.contact for m in people.matches] == [7, 7, 7]
    assert [m.owner for m in people.matches] == ["boris", "boris", "boris"]
    assert len(people.merges) == 1


def test_a_contact_that_is_new_in_the_batch_can_be_absorbed_by_it() -> None:
    people = settled(entries(arrival(PHONE), arrival(vouched=[CHAT]), arrival(vouched=[CHAT, PHONE])))
    first, second = (person.id for person in people.contacts)
    assert [(j.contact, j.into) for j in people.merges] == [(second, first)]
    assert people.matches[2].contact == first


def test_one_key_that_nobody_vouches_for_makes_the_merge_a_suggestion() -> None:
    people = settled([arrival(OTHER_PHONE, vouched=[CHAT, PHONE])], STRANGERS)
    assert people.merges == ()
    assert people.suggestions == (Suggestion(1, 8, 7, "keys_of_two"),)


def test_three_people_at_once_are_never_joined_by_evidence() -> None:
    people = settled([arrival(vouched=[CHAT, PHONE, MAIL])], STRANGERS)
    assert people.merges == ()
    assert [s.other for s in people.suggestions] == [7, 9]


def test_people_whose_merge_was_undone_are_neither_joined_nor_suggested_again() -> None:
    parted = replace(STRANGERS, apart=frozenset({frozenset({7, 8})}))
    people = settled([arrival(vouched=[CHAT, PHONE])], parted)
    assert (people.merges, people.suggestions) == ((), ())
    assert people.matches[0].tried == ((51, "known"), (50, "elsewhere"))


def test_who_is_parted_from_somebody_stays_so_when_he_is_absorbed() -> None:
    parted = replace(STRANGERS, apart=frozenset({frozenset({8, 9})}))
    people = settled(entries(arrival(vouched=[CHAT, PHONE]), arrival(vouched=[PHONE, MAIL])), parted)
    assert [(j.contact, j.into) for j in people.merges] == [(8, 7)]
    assert people.suggestions == ()


# --- shared by count ---


def with_limit(world: World, over: int | None) -> World:
    return replace(world, over=over)


def mails(count: int) -> list[Key]:
    return [Key("email", f"guest{n}@example.com") for n in range(count)]


def test_a_key_seen_with_more_others_than_the_limit_joins_nobody_from_then_on() -> None:
    guests = entries(*(arrival(PHONE, mail) for mail in mails(5)), arrival(PHONE))
    people = settled(guests, with_limit(EMPTY, 3))
    assert [m.contact for m in people.matches[:3]] == [people.contacts[0].id] * 3
    assert [m.code for m in people.matches[3:]] == ["new_contact", "new_contact", "shared_key"]
    assert len({m.contact for m in people.matches[:5]}) == 3
    line = people.companies[0].id
    assert [m.company for m in people.matches] == [None, None, None, line, line, line]
    phone = next(k for k in people.keys if k.key == PHONE)
    assert (phone.holder, phone.shared) == (people.contacts[0].id, False)
    assert people.lined == ((phone.id, line),)
    assert people.reheld == ()


def test_repeats_and_names_are_no_other_keys() -> None:
    guests = [arrival(PHONE, MAIL, name=f"Имя {n}") for n in range(10)]
    people = settled(entries(*guests), with_limit(EMPTY, 1))
    assert {m.contact for m in people.matches} == {people.contacts[0].id}
    assert len(people.together) == 2


def test_keys_that_came_together_before_are_not_written_again() -> None:
    world = with_limit(
        World({PHONE: Held(50, 7, False, frozenset({51})), MAIL: Held(51, 7, False)}, {7: Person(7)}, {}), 8
    )
    people = settled([arrival(PHONE, MAIL)], world)
    assert people.together == ((51, 50),)


@pytest.mark.parametrize("over", [8, None])
def test_a_limit_that_is_raised_or_removed_gives_the_key_back_to_its_holder(over: int | None) -> None:
    crowd = settled(entries(*(arrival(PHONE, mail) for mail in mails(5))), with_limit(EMPTY, 3))
    world = after(with_limit(EMPTY, 3), crowd)
    assert settled([arrival(PHONE)], world, first=500).matches[0].code == "shared_key"
    again = settled([arrival(PHONE)], with_limit(world, over), first=500).matches[0]
    assert (again.code, again.contact) == ("known_key", crowd.contacts[0].id)


def test_a_key_that_is_new_is_nobody_elses_however_low_the_limit() -> None:
    people = settled([arrival(PHONE, MAIL, OTHER_MAIL)], with_limit(EMPTY, 1))
    assert people.matches[0].code == "new_contact"
    assert people.companies == ()


def test_a_shared_key_is_no_other_key() -> None:
    people = settled(entries(arrival(PHONE, shared=[LINE]), arrival(PHONE, shared=[OTHER_LINE])), with_limit(EMPTY, 0))
    assert people.together == ()
    assert [m.code for m in people.matches] == ["new_contact", "known_key"]


def test_a_key_shared_by_count_that_comes_to_be_listed_goes_to_the_line_that_it_has() -> None:
    crowd = settled(entries(*(arrival(PHONE, mail) for mail in mails(5))), with_limit(EMPTY, 3))
    listed = settled([arrival(shared=[PHONE])], after(with_limit(EMPTY, 3), crowd), first=500)
    assert [(k, c) for k, c in listed.reheld] == [(k, c) for k, c in crowd.lined]
    assert listed.companies == ()


# --- properties ---

PERSONAL = [Key("phone", f"+7912345678{n}") for n in range(5)] + [Key("email", f"p{n}@example.com") for n in range(3)]
SHARED = [Key("email", f"info@{n}.example.com") for n in range(3)]
NAMES = st.sampled_from([None, None, "", "Анна", "анна ", "Борис", "Семён"])


@st.composite
def some_arrivals(draw: st.DrawFn, listed: frozenset[Key]) -> list[Arrival]:
    """Arrivals over a few keys, so that they collide; `listed` says which are shared by the rules."""
    made = []
    for entry in range(1, draw(st.integers(0, 8)) + 1):
        keys = draw(st.lists(st.sampled_from(PERSONAL + SHARED), max_size=3, unique=True))
        origin = draw(st.sampled_from(["field", "provider"]))
        evidence = tuple(Evidence(key, key not in listed, origin) for key in keys)  # type: ignore[arg-type] # two of three
        made.append(Arrival(entry, draw(NAMES), draw(st.sampled_from([None, "Ромашка"])), evidence))
    return made


@st.composite
def histories(draw: st.DrawFn) -> tuple[World, list[Arrival]]:
    """A world that earlier arrivals made under one list of shared keys, and arrivals under another."""
    before = frozenset(SHARED[:2]) | draw(st.frozensets(st.sampled_from(PERSONAL), max_size=1))
    now = frozenset(SHARED) | draw(st.frozensets(st.sampled_from(PERSONAL), max_size=2))
    world = after(EMPTY, settled(draw(some_arrivals(before)), first=1000))
    owners = draw(
        st.lists(st.sampled_from([None, "anna", "boris"]), min_size=len(world.roots), max_size=len(world.roots))
    )
    roots = {holder: replace(p, owner=o) for (holder, p), o in zip(world.roots.items(), owners, strict=True)}
    people = sorted({p.id for p in roots.values()})
    pairs = draw(st.sets(st.sampled_from(people), min_size=2, max_size=2)) if len(people) > 1 else ()
    apart = frozenset({frozenset(pairs)}) if pairs and draw(st.booleans()) else frozenset()
    over = draw(st.sampled_from([None, 1, 2]))
    return replace(world, roots=roots, apart=apart, over=over), draw(some_arrivals(now))


@given(histories())
@settings(max_examples=100, deadline=None)
def test_a_batch_and_one_arrival_at_a_time_end_alike(history: tuple[World, list[Arrival]]) -> None:
    world, arrivals = history
    counter = itertools.count(5000)
    whole = resolve(arrivals, world, lambda: next(counter))
    counter = itertools.count(5000)
    matches: list[Match] = []
    suggestions: list[Suggestion] = []
    merges: list[Joining] = []
    single = world
    for one in arrivals:
        people = resolve([one], single, lambda: next(counter))
        single = after(single, people)
        matches += people.matches
        suggestions += people.suggestions
        merges += people.merges
    assert after(world, whole) == single
    assert list(whole.matches) == matches
    assert list(whole.suggestions) == suggestions
    assert list(whole.merges) == merges


@given(
    st.lists(st.lists(st.sampled_from(PERSONAL[1:]), max_size=2, unique=True), min_size=1, max_size=6).flatmap(
        lambda others: st.tuples(st.just(others), st.permutations(range(len(others))))
    )
)
@settings(max_examples=60, deadline=None)
def test_arrivals_that_share_a_personal_key_are_one_contact_in_any_order(
    case: tuple[list[list[Key]], list[int]],
) -> None:
    others, order = case
    people = settled(entries(*(arrival(*others[i], PERSONAL[0]) for i in order)))
    # Whoever comes second with the shared key and a key of his own meets one contact: the first comer's.
    assert len(people.contacts) == 1
    assert {m.contact for m in people.matches} == {people.contacts[0].id}
    assert {k.holder for k in people.keys} == {people.contacts[0].id}


@given(st.permutations(range(len(PERSONAL))), st.lists(st.sampled_from(SHARED), max_size=3, unique=True), NAMES)
@settings(max_examples=40, deadline=None)
def test_strangers_stay_apart_whatever_lines_and_names_they_share(
    order: list[int], shared: list[Key], name: str | None
) -> None:
    people = settled(entries(*(arrival(PERSONAL[i], shared=shared, name=name) for i in order)))
    assert len({m.contact for m in people.matches}) == len(order)
    assert people.suggestions == ()
    assert len(people.companies) == (1 if shared else 0)


@given(histories())
@settings(max_examples=60, deadline=None)
def test_no_shared_key_is_ever_held_by_a_contact_or_named_as_what_joined_one(
    history: tuple[World, list[Arrival]],
) -> None:
    world, arrivals = history
    people = settled(arrivals, world, first=5000)
    then = after(world, people)
    assert all((held.holder in then.companies) == held.shared for held in then.keys.values())
    shared = {held.id for held in then.keys.values() if held.shared}
    assert not shared & {m.key for m in people.matches if m.contact is not None}


@given(histories())
@settings(max_examples=60, deadline=None)
def test_every_key_is_stored_once_and_every_match_names_somebody(history: tuple[World, list[Arrival]]) -> None:
    world, arrivals = history
    people = settled(arrivals, world, first=5000)
    assert len({k.key for k in people.keys}) == len(people.keys)
    assert not {k.key for k in people.keys} & world.keys.keys()
    assert [m.entry for m in people.matches] == [a.entry for a in arrivals]
    assert all(m.contact is not None or m.company is not None for m in people.matches)
    assert all(len(m.tried) == len(a.evidence) for m, a in zip(people.matches, arrivals, strict=True))


def test_what_comes_by_a_key_of_a_merged_contact_stays_with_that_contact() -> None:
    root = Person(3, "Анна")
    world = World({PHONE: Held(50, 7, shared=False)}, {7: root, 3: root}, {})
    people = settled([arrival(PHONE, MAIL)], world)
    assert (people.matches[0].contact, people.matches[0].origin) == (3, 7)
    assert [(key.key, key.holder) for key in people.keys] == [(MAIL, 7)]


def test_whom_a_person_named_is_the_sender_whatever_the_keys_say() -> None:
    world = World({PHONE: Held(50, 7, shared=False)}, {7: Person(7, "Анна"), 8: Person(8, "Борис")}, {})
    people = settled([replace(arrival(PHONE, MAIL), contact=8)], world)
    match = people.matches[0]
    assert (match.code, match.contact, match.origin, match.key) == ("by_hand", 8, 8, None)
    assert match.tried == ((50, "elsewhere"), (100, "new"))
    assert [(s.contact, s.other, s.code) for s in people.suggestions] == [(8, 7, "keys_of_two")]
    assert people.merges == ()


def test_whom_a_person_calls_new_is_new_and_takes_no_key_of_another() -> None:
    world = World({PHONE: Held(50, 7, shared=False)}, {7: Person(7, "Анна")}, {})
    people = settled([replace(arrival(PHONE, MAIL), fresh=True)], world)
    match = people.matches[0]
    assert (match.code, match.contact, match.known) == ("new_by_hand", 100, False)
    assert match.tried == ((50, "elsewhere"), (101, "new"))
    assert [(key.key, key.holder) for key in people.keys] == [(MAIL, 100)]
    assert people.suggestions == ()


def test_somebody_new_behind_a_shared_key_is_a_contact_and_not_the_line() -> None:
    people = settled([replace(arrival(shared=[LINE]), fresh=True)])
    assert (people.matches[0].code, people.matches[0].contact is not None) == ("new_by_hand", True)
