"""The crash kit's own judgement, without a daemon: a world made by hand is found whole, and each thing broken in it is found."""

import random
from dataclasses import replace

import pytest

from prove import report
from prove.company import CAPACITY
from prove.found import Entry, Found, Lead, Mailed, Manager, Move, Notice, Turn
from prove.promises import SENTENCES, Verdicts, judge, poisoned
from prove.sabotage import SABOTAGES
from prove.trial import Outcome
from prove.truth import EVERYBODY, Delivery, Generator, Person, Truth

PEOPLE = {1: Person(1, "phone", "Анна"), 2: Person(2, "mail", "Анна")}


def truth() -> Truth:
    """Two people: one wrote twice, the other once, by what no provider names."""
    made = Truth(people=dict(PEOPLE))
    for number, person, named in ((1, 1, True), (2, 1, True), (3, 2, False)):
        token = f"token-{number}-"
        made.sent[token] = Delivery(token, "form", "site", person, token, named)
        made.accept(made.sent[token], f"uid-{number}")
    return made


def entry(number: int, contact: int, outcome: str = "created", reason: str | None = None) -> Entry:
    return Entry(
        f"token-{number}-", f"uid-{number}", "site", outcome, reason, "provider", number, number, contact, contact
    )


def found() -> Found:
    """The same, as a good daemon keeps it."""
    leads = [Lead(10 + one, f"lead-{one}", one, "sales", "assigned", who) for one, who in ((1, "anna"), (2, "vera"))]
    return Found(
        entries=[entry(1, 1), entry(2, 1, "attached"), entry(3, 2)],
        leads=leads,
        interactions={1: 11, 2: 11, 3: 12},
        turns=[Turn("sales", 1, "anna", ("anna", "vera"), 11), Turn("sales", 2, "vera", ("anna", "vera"), 12)],
        managers=[Manager(name, available=True, leaving=False, open=1, real=1) for name in ("anna", "vera")],
        notices=[Notice(f"n-{one.id}", "lead_assigned", one.id, one.owner or "", 1, "sent") for one in leads],
        moves=[Move("1 INBOX", (1, 1), ("7", "7"), (3, 4)), Move("1 INBOX", (1, 2), ("7", "8"), (4, 0))],
        mails=[Mailed(f"n-{one.id}", f"{one.owner}@example.com", frozenset({one.uid})) for one in leads],
    )


def broken(told: Truth, held: Found) -> dict[int, list[str]]:
    verdicts = Verdicts()
    judge(told, held, verdicts)
    return {number: verdict.broken for number, verdict in verdicts.items() if verdict.broken}


def test_in_a_good_world_nothing_is_broken_and_every_promise_was_tried() -> None:
    verdicts = Verdicts()
    judge(truth(), found(), verdicts)
    assert verdicts.broken == 0
    assert {number for number, verdict in verdicts.items() if verdict.tried} >= {1, 2, 3, 4, 5, 6, 7, 9}


GOOD = found()
WORLDS = {
    "a lost envelope": (1, replace(GOOD, entries=GOOD.entries[1:])),
    "another id than was told": (1, replace(GOOD, entries=[replace(GOOD.entries[0], uid="uid-9"), *GOOD.entries[1:]])),
    "a cursor that went back": (1, replace(GOOD, moves=[Move("1 INBOX", (1, 1), ("7", "7"), (4, 3))])),
    "a cursor of an older holder": (1, replace(GOOD, moves=[Move("1 INBOX", (2, 1), ("7", "8"), (4, 5))])),
    "a doubled envelope": (2, replace(GOOD, entries=[*GOOD.entries, replace(GOOD.entries[0], uid="uid-9")])),
    "a doubled effect": (
        2,
        replace(GOOD, entries=[*GOOD.entries, replace(GOOD.entries[2], uid="uid-9", received_at=9, interaction=9)]),
    ),
    "an envelope that nobody sent": (2, replace(GOOD, entries=[*GOOD.entries, replace(entry(4, 1), token=None)])),
    "a notice of no lead": (2, replace(GOOD, mails=[*GOOD.mails, Mailed("n-9", "anna@example.com", frozenset({"x"}))])),
    "a notice too often": (2, replace(GOOD, mails=[*GOOD.mails, GOOD.mails[0]])),
    "a lead that nobody was told of": (2, replace(GOOD, mails=GOOD.mails[:1])),
    "one person as two": (3, replace(GOOD, entries=[entry(1, 1), entry(2, 3, "attached"), entry(3, 2)])),
    "two leads of one": (3, replace(GOOD, leads=[*GOOD.leads, replace(GOOD.leads[0], id=19, uid="x", owner=None)])),
    "two people as one": (4, replace(GOOD, entries=[*GOOD.entries[:2], entry(3, 1)])),
    "a turn given twice": (5, replace(GOOD, turns=[GOOD.turns[0], replace(GOOD.turns[1], number=1)])),
    "one who has all the turns": (
        5,
        replace(GOOD, turns=[replace(GOOD.turns[0], number=n) for n in (1, 2)]),
    ),
    "somebody left out": (5, replace(GOOD, turns=[replace(GOOD.turns[0], eligible=("anna",))])),
    "a lead that waits": (
        6,
        replace(GOOD, leads=[replace(GOOD.leads[0], state="unprocessed", owner=None), GOOD.leads[1]]),
    ),
    "one over his limit": (
        6,
        replace(GOOD, managers=[replace(GOOD.managers[0], name="egor", open=CAPACITY + 1, real=CAPACITY + 1)]),
    ),
    "a count that drifts": (6, replace(GOOD, managers=[replace(GOOD.managers[0], open=2)])),
    "an envelope that stays pending": (
        7,
        replace(GOOD, entries=[replace(GOOD.entries[0], outcome="pending"), *GOOD.entries[1:]]),
    ),
    "an effect that is not there": (7, replace(GOOD, interactions={1: 11, 2: 11})),
    "a match without a reason": (
        9,
        replace(GOOD, entries=[replace(GOOD.entries[0], explained=False), *GOOD.entries[1:]]),
    ),
    "a turn without a reason": (9, replace(GOOD, leads=[replace(GOOD.leads[0], explained=False), GOOD.leads[1]])),
}


@pytest.mark.parametrize("what", WORLDS)
def test_what_is_broken_is_found_under_its_promise(what: str) -> None:
    promise, held = WORLDS[what]
    assert promise in broken(truth(), held), what


def test_a_repeat_that_no_provider_names_is_no_second_effect_when_it_is_ignored_or_late() -> None:
    ignored = replace(GOOD.entries[2], uid="uid-9", outcome="ignored", reason="repeat", interaction=None, contact=None)
    late = replace(GOOD.entries[2], uid="uid-9", received_at=10**12)
    for more in (ignored, late):
        assert 2 not in broken(truth(), replace(GOOD, entries=[*GOOD.entries, more])), more


def test_poison_must_have_failed_and_nothing_else_may() -> None:
    told = truth()
    told.sent["token-1-"] = replace(told.sent["token-1-"], poison="raises")
    failed = replace(GOOD.entries[0], outcome="failed", reason="unreadable")
    for first, second, much in ((failed, GOOD.entries[1], 0), (GOOD.entries[0], replace(failed, token="token-2-"), 2)):
        verdicts = Verdicts()
        poisoned(told, replace(GOOD, entries=[first, second]), verdicts[8])
        assert verdicts.broken == much


def test_one_seed_makes_the_same_people_with_numbers_of_their_own() -> None:
    def deliveries(seed: int) -> list[Delivery]:
        generator = Generator(random.Random(seed), Truth(), EVERYBODY)
        return [one for _ in range(300) for one in generator.approaches(generator.newcomer())]

    assert deliveries(7) == deliveries(7)
    assert deliveries(7) != deliveries(8)
    numbers = [Person(number, "phone", "").phone() for number in range(20_000)]
    assert len(set(numbers)) == len(numbers)


def test_the_table_ends_with_the_line_that_programs_read() -> None:
    verdicts = Verdicts()
    verdicts[3].hold(holds=False, otherwise="person 1 is 2 contacts")
    outcome = Outcome("sqlite", verdicts, kills=3, contacts=1200)
    outcome.faults["SIGTERM"] = 2
    assert report.summary([outcome, outcome]) == "kills 6 faults 4 contacts 2400 broken 2"
    lines = report.table([outcome]).splitlines()
    assert len(lines) == len(SENTENCES) + 1
    assert lines[3].split()[-2:] == ["1", "1"]
    assert report.examples([outcome]) == ["  3. sqlite: person 1 is 2 contacts"]


def test_every_promise_of_the_table_has_its_sabotage() -> None:
    assert {sabotage.promise for sabotage in SABOTAGES.values()} == set(SENTENCES)
