"""The ladder that every kind of channel climbs, with the payloads that its own test file brings.

A new kind is here as soon as its module and its test file are: nothing in this file knows one by name.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import pytest
from pydantic import ValidationError

from channels.adapter import Adapter, ChannelConfig, Rejected, load
from channels.message import Accepted, Answer, Envelope, Ignored, Inbound, Request
from tests.channels.subjects import Subject, every, of, tried
from tests.fuzz import malformed, tallies, texts

MANY: Final = 60
"""Payloads for each part of each subject here; `make fuzz` takes many more."""
_ORDERS: Final = 24
_OUTSIDE: Final = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.remove", "os.rename")

SUBJECTS: Final = every()
each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
each_kind = pytest.mark.parametrize("kind", tried())


class Outside:
    """What the process does to the world beyond its memory, while it is watched: an audit hook can never be removed."""

    def __init__(self) -> None:
        self.watched = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watched and (event in _OUTSIDE or (event == "open" and arguments[1] not in {"r", "rb", None})):
            self.seen.append(f"{event} {arguments[:1]}")


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


# --- what a kind is ---


@each_kind
def test_a_kind_is_one_module_with_its_configuration_and_its_adapter(kind: str) -> None:
    module = load(kind)
    assert issubclass(module.Config, ChannelConfig)
    assert issubclass(module.Adapter, Adapter)
    assert module.Adapter.kind == kind
    for documented in (module, module.Config, module.Adapter):
        assert documented.__doc__, documented
    assert module.Config.model_config["extra"] == "forbid"
    assert module.Config.model_config["frozen"]
    with pytest.raises(ValidationError, match="unheard_of"):
        module.Config.model_validate({"kind": kind, "unheard_of": "x"})


@each_kind
def test_a_kind_says_what_it_can_and_can_what_it_says(kind: str) -> None:
    """Whoever is listened to implements it; whoever has files or names at the provider fetches them."""
    made = load(kind).Adapter
    for subject in of(kind):
        if subject.make().listens():
            assert made.listen is not Adapter.listen
            assert made.probe is not Adapter.probe
    fetched = made.fetch is not Adapter.fetch or made.profile is not Adapter.profile
    assert made.fetches == fetched
    assert (made.question is Adapter.question) == (made.reply_to is Adapter.reply_to)
    assert (made.send is Adapter.send) == (made.way_back is Adapter.way_back)
    assert made.writes_to is None or made.send is not Adapter.send
    assert made.quiet_after > 0


@each_kind
def test_a_kind_brings_payloads_and_all_of_them_are_its_own(kind: str) -> None:
    brought = of(kind)
    assert brought
    assert {subject.kind for subject in brought} == {kind}
    for subject in brought:
        assert subject.make().kind == kind
        assert subject.recorded()


# --- who delivers, and what he delivers ---


@each_subject
def test_whoever_cannot_prove_himself_is_refused_in_the_same_words(subject: Subject) -> None:
    said = set()
    for document in subject.documents:
        for request in subject.forged(document) if subject.forged else ():
            with pytest.raises(Rejected) as refused:
                subject.make().receive(request)
            assert (refused.value.status, refused.value.code) == (401, "not_proved"), request
            said.add(str(refused.value))
    assert len(said) <= 1
    assert not said & set(subject.secrets)


@each_subject
def test_a_delivery_that_comes_again_has_the_same_name(subject: Subject) -> None:
    for request in subject.requests():
        first, again = list(subject.make().receive(request)), list(subject.make().receive(request))
        assert [(one.identity, one.digest, one.body) for one in first] == [
            (one.identity, one.digest, one.body) for one in again
        ]
        for one in first:
            assert one.digest or one.identity
            assert one.received_at == request.at
            assert one.channel == subject.make().name


@each_subject
def test_deliveries_that_differ_have_names_that_differ(subject: Subject) -> None:
    named = [one for one in subject.recorded() if one.identity is not None]
    distinct = {(one.body, *one.meta.items()) for one in named}
    assert len({one.identity for one in named}) == len(distinct)


@each_subject
def test_what_is_taken_is_answered_and_a_repeat_too(subject: Subject) -> None:
    for request in subject.requests():
        adapter = subject.make()
        taken = adapter.receive(request)
        for duplicate in (False, True):
            answer = adapter.answer(request, [Accepted(f"e{n}", duplicate=duplicate) for n, _ in enumerate(taken)])
            assert isinstance(answer, Answer)
            assert 200 <= answer.status < 300


# --- what is read ---


@each_subject
def test_reading_is_pure(subject: Subject, outside: Outside) -> None:
    """The same envelope says the same, whoever reads it and however often; and nothing outside is touched."""
    one, other = subject.make(), subject.make()
    for envelope in subject.recorded():
        first = one.parse(envelope)
        outside.watched = True
        try:
            again, elsewhere = one.parse(envelope), other.parse(envelope)
        finally:
            outside.watched = False
        assert first == again == elsewhere
        assert malformed(first) is None
    assert outside.seen == []


@each_subject
def test_what_is_read_is_ours_to_pass_on(subject: Subject) -> None:
    for envelope in subject.recorded():
        parsed = subject.make().parse(envelope)
        inbound = parsed.inbound if isinstance(parsed, Ignored) else parsed
        assert not [text for text in texts(parsed) if "\0" in text]
        if isinstance(inbound, Inbound):
            assert all(kind and value for kind, value in inbound.identities)
            assert set(inbound.vouched) <= set(inbound.phones)
            assert not any(file.remote for file in inbound.attachments) or subject.make().fetches


@each_subject
def test_the_way_back_is_where_the_client_is_and_the_same_each_time(subject: Subject) -> None:
    adapter = subject.make()
    for envelope in subject.recorded():
        parsed = adapter.parse(envelope)
        if not isinstance(parsed, Inbound):
            continue
        way: str | None = None
        with suppress(Rejected):
            way = adapter.way_back(parsed)
        assert way is None or (way and way == subject.make().way_back(parsed))


def _wholes(subject: Subject) -> Iterator[list[Inbound]]:
    """The parts of each thing that came in several envelopes, and every other thing as its own copy."""
    parts: dict[str, list[Inbound]] = {}
    for number, envelope in enumerate(subject.recorded()):
        parsed = subject.make().parse(envelope)
        if isinstance(parsed, Inbound):
            parts.setdefault(parsed.ref or f"alone {number}", []).append(parsed)
    yield from parts.values()


def _orders(parts: Sequence[Inbound]) -> Iterator[list[Inbound]]:
    for order in itertools.islice(itertools.permutations(parts), _ORDERS):
        yield list(order)
    yield list(reversed(parts))


@each_subject
def test_a_thing_is_the_same_whatever_order_its_parts_come_in_and_however_often(subject: Subject) -> None:
    adapter = subject.make()
    for parts in _wholes(subject):
        whole = adapter.fold(parts)
        for order in _orders(parts):
            assert adapter.fold(order) == whole
            assert adapter.fold([*order, *order]) == whole
            assert adapter.fold([*order, order[0]]) == whole
        assert malformed(whole) is None


# --- what nobody may see ---


@each_subject
def test_secrets_are_never_shown_and_never_stored(subject: Subject) -> None:
    adapter = subject.make()
    shown = [repr(adapter), repr(adapter.config), str(adapter.config), repr(vars(adapter))]
    shown += [adapter.config.model_dump_json()]
    for envelope in subject.recorded():
        shown += [repr(dict(envelope.meta)), envelope.body.decode("utf-8", "replace"), repr(adapter.parse(envelope))]
    for document in subject.documents:
        for request in subject.forged(document) if subject.forged else ():
            with pytest.raises(Rejected) as refused:
                adapter.receive(request)
            shown += [str(refused.value), repr(refused.value)]
    for secret in subject.secrets:
        assert not [text for text in shown if secret in text]


# --- anything at all ---


@each_subject
def test_payloads_broken_by_chance_end_as_they_may(subject: Subject) -> None:
    for tally in tallies(subject, MANY, bombs=False):
        print(tally)
        assert tally.faults == []
        assert sum(tally.ends.values()) == MANY


def _any_request(method: str) -> Request:
    return Request(method, "", {}, {}, b"", SUBJECTS[0].recorded()[0].received_at)


@each_subject
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST"])
def test_an_empty_request_is_refused_or_asks_for_nothing(subject: Subject, method: str) -> None:
    adapter = subject.make()
    taken: Sequence[Envelope] = ()
    with suppress(Rejected):
        taken = adapter.receive(_any_request(method))
    assert all(malformed(adapter.parse(one)) is None for one in taken)
