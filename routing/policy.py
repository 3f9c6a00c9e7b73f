"""What the company has decided: managers, teams, rules, topics, title. Facts only, all built from the configuration."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from kernel.facts import fact
from routing.hours import Hours
from routing.words import Word

Strategy = Literal["round_robin", "least_loaded", "weighted", "first_to_accept"]

STRATEGIES: Final[tuple[Strategy, ...]] = ("round_robin", "least_loaded", "weighted", "first_to_accept")

LAST_MINUTES: Final = timedelta(minutes=15)


@fact
class Manager:
    """One who gets leads. `name` is the key in the YAML, `title` what people read; `capacity` None is no limit.

    `offers` is how many unanswered offers he holds at most, None without a limit; `weight` his share where shares differ.
    """

    name: str
    title: str
    capacity: int | None
    hours: Hours
    zone: ZoneInfo
    offers: int | None = None
    weight: float = 1.0

    def shift_left(self, now: datetime) -> timedelta | None:
        """How long he is still on shift, until a break or its end; nothing off shift, None where no shift ends."""
        return self.hours.left(now, self.zone)

    def ends_within(self, now: datetime, margin: timedelta) -> bool:
        """Whether less than `margin` of his shift is left, or he is off shift."""
        left = self.shift_left(now)
        return left is not None and left < margin


@fact
class Step:
    """A step of an escalation: whom to tell of a lead that nobody has accepted `after` it came. `to` may be "head"."""

    after: timedelta
    to: str


@fact
class Team:
    """A rotation over `members`, in the order that settles ties.

    `sticky_wait` is how long a client's lead waits for his own manager; zero gives it to him only if he is eligible at
    once, None pays no regard to whose client it is. `accept_within` makes an offer of every lead: None gives it for good.
    `owner_away` is how long a lead stays with an owner who is not there. All of them but `sticky_wait` are working time.
    """

    name: str
    members: tuple[str, ...]
    respond_within: timedelta | None
    sticky_wait: timedelta | None
    strategy: Strategy = "round_robin"
    accept_within: timedelta | None = None
    owner_away: timedelta | None = None
    head: str | None = None
    escalate: tuple[Step, ...] = ()


@fact
class OneOf:
    """The enquiry's `key` (`channel`, `source`, `city`, `to`, `language`, `utm_…`) is one of `values`.

    Channels are as they are named, addressees as `addressee` gives them, languages are tags; all others are folded.
    """

    key: str
    values: frozenset[str]


@fact
class Mentions:
    """Subject or text has one of the words."""

    words: tuple[Word, ...]


@fact
class Known:
    """Whether the client was known before."""

    answers: frozenset[bool]


@fact
class During:
    """One of the hours is open, in `zone`, when the enquiry came."""

    hours: tuple[Hours, ...]
    zone: ZoneInfo


@fact
class From:
    """A telephone number of the client's is from one of these countries (ISO 3166), or from a region so named."""

    countries: frozenset[str]
    names: tuple[Word, ...]


Condition = OneOf | Mentions | Known | During | From


@fact
class Rule:
    """All of `when` must hold. `respond_within` None leaves the team's."""

    when: tuple[Condition, ...]
    team: str
    respond_within: timedelta | None


@fact
class Topic:
    """What an enquiry is about, in the company's words, where one of `words` is mentioned."""

    name: str
    words: tuple[Word, ...]


@fact
class Policy:
    """One revision of all that routing goes by. What a team or a rule names is a key of `managers` or `teams`."""

    managers: Mapping[str, Manager]
    teams: Mapping[str, Team]
    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]
    title: str
    directors: tuple[str, ...] = ()

    def overseers(self, team: str) -> tuple[str, ...]:
        """Who is told what a team does not manage by itself: its head, or where it has none, the directors."""
        head = self.teams[team].head
        return self.directors if head is None else (head,)


def offer_margin(accept_within: timedelta | None) -> timedelta:
    """How much of his shift a manager must have left to be offered a lead; see `Manager.ends_within`.

    As long as he has to accept it, since nobody accepts after hours, and never more than a quarter of an hour, so that a
    long time to accept does not end everybody's work at noon. Nothing where a lead is given and not offered.
    """
    return timedelta(0) if accept_within is None else min(accept_within, LAST_MINUTES)
