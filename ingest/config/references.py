"""What the keys say of each other: names that must exist, keys that need each other, and what is allowed but unwise.

The checks read the tree and not the typed configuration, so that one wrong value hides no other fault; what has the
wrong shape is passed over here, since the schema speaks of it.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dedup.keys import KeyRules
from ingest.config.addresses import HOST, is_loopback
from ingest.config.faults import Finding, shown, worded
from ingest.config.tree import KeyPath, Listing, Node, Scalar, Table, find, scalars
from ingest.config.values import DEFAULT_REGION, NOTICES_CHANNEL
from ingest.config.wording import choose, nearest
from kernel.durations import parse_duration
from routing.addressee import addressee
from routing.hours import parse_hours
from routing.rules import conditions_from

_OFF: Final = frozenset({"false", "no", "off"})
_ANY_ZONE: Final = ZoneInfo("UTC")

BUILT_IN: Final = "desk"

Check = Callable[[Table], Iterator[Finding]]


def check(root: Table, sections: Collection[str] | None) -> Iterator[Finding]:
    """The faults between keys; with `sections`, only those that need no other sections."""
    for needed, one in _CHECKS:
        if sections is None or needed <= set(sections):
            yield from one(root)


def _names(root: Table, section: str) -> list[str]:
    found = find(root, section)
    return list(found.entries) if isinstance(found, Table) else []


def _entries(root: Table, section: str) -> Iterator[tuple[KeyPath, Table]]:
    for name in _names(root, section):
        entry = find(root, section, name)
        if isinstance(entry, Table):
            yield (section, name), entry


def _rules(root: Table) -> Iterator[tuple[KeyPath, Table]]:
    rules = find(root, "routing")
    for index, rule in enumerate(rules.items if isinstance(rules, Listing) else ()):
        if isinstance(rule, Table):
            yield ("routing", index), rule


def _texts(root: Table, path: KeyPath) -> Iterator[tuple[KeyPath, Scalar]]:
    """The one text at `path` or those of the list there."""
    node = find(root, *path)
    if node is not None and not isinstance(node, Table):
        yield from scalars(node, path)


def _named(root: Table, path: KeyPath, section: str, what: str) -> Iterator[Finding]:
    """Each text at `path` must be a name of `section`."""
    known = _names(root, section)
    for at, scalar in _texts(root, path):
        if scalar.text.strip() not in known:
            yield Finding(at, f"{shown(at, scalar)}is no {what}", choose(scalar.text, known))


def _something_to_do(root: Table) -> Iterator[Finding]:
    examples = {
        "channels": "channels: {site: {kind: webform}}",
        "managers": "managers: {anna: {name: Anna Petrova, email: anna@example.com}}",
        "teams": "teams: {sales: {managers: [anna]}}",
    }
    for section, example in examples.items():
        if find(root, section) is None or find(root, section) == Table():
            yield Finding((section,), "there is none", f"add at least one, such as {example}")


def _members(root: Table) -> Iterator[Finding]:
    listed: set[str] = set()
    for path, _ in _entries(root, "teams"):
        listed |= {scalar.text.strip() for _, scalar in _texts(root, (*path, "managers"))}
        yield from _named(root, (*path, "managers"), "managers", "manager")
    if find(root, "teams") is None:
        return
    for name in _names(root, "managers"):
        if name not in listed:
            yield Finding(("managers", name), "is in no team and gets no leads", "add the name to a team", "warning")


def _two_roles(root: Table) -> Iterator[Finding]:
    for name in _names(root, "directors"):
        if name in _names(root, "managers"):
            yield Finding(("directors", name), "is the name of a manager too", "give one of them another name")


def _built_in_channel(root: Table) -> Iterator[Finding]:
    """What people take down by hand has a channel of its own, which may be described and not be another."""
    for path, channel in _entries(root, "channels"):
        kind = find(channel, "kind")
        named, meant = path[-1] == BUILT_IN, isinstance(kind, Scalar) and kind.text.strip() == BUILT_IN
        if named and not meant:
            problem = "is the name of the channel for what people take down by hand"
            yield Finding(path, problem, f"take another name, or write kind: {BUILT_IN}")
        if meant and not named:
            problem = f"there is one channel of the kind {BUILT_IN}, and that is its name too"
            yield Finding(path, problem, f"call it {BUILT_IN}")


def _former_names(root: Table) -> Iterator[Finding]:
    """`was` names what an entry was called before: nobody else may be called so now, and no two can have been the same."""
    for section in ("channels", "managers"):
        taken: set[str] = set()
        for path, entry in _entries(root, section):
            was = find(entry, "was")
            if not isinstance(was, Scalar):
                continue
            name = was.text.strip()
            if name in _names(root, section):
                yield Finding((*path, "was"), f"{shown(path, was)}is still there under this name", "remove one of them")
            elif name in taken:
                yield Finding((*path, "was"), f"{shown(path, was)}is claimed twice", "leave it with one of them")
            taken.add(name)


def _told_people(root: Table) -> Iterator[Finding]:
    """Heads, and who hears of what nobody accepts: they are in `directors` or `managers`."""
    people = [*_names(root, "directors"), *_names(root, "managers")]
    for path, team in _entries(root, "teams"):
        steps = find(team, "escalate")
        places = [(*path, "head")]
        places += [(*path, "escalate", at, "to") for at in range(len(steps.items) if isinstance(steps, Listing) else 0)]
        for place in places:
            for at, scalar in _texts(root, place):
                name = scalar.text.strip()
                if place[-1] == "to" and name == "head":
                    if find(team, "head") is None:
                        yield Finding(at, "is the team's head, and it has none", "add head: NAME to the team")
                elif name not in people:
                    yield Finding(at, f"{shown(at, scalar)}is neither a director nor a manager", choose(name, people))


def _escalation_order(root: Table) -> Iterator[Finding]:
    for path, team in _entries(root, "teams"):
        steps = find(team, "escalate")
        latest = timedelta(0)
        for index, step in enumerate(steps.items if isinstance(steps, Listing) else ()):
            after = find(step, "after")
            try:
                span = parse_duration(after.text) if isinstance(after, Scalar) else latest
            except ValueError:
                continue
            if span <= latest and isinstance(after, Scalar):
                problem = f"{shown((*path, 'escalate', index, 'after'), after)}is not after the step before"
                yield Finding(
                    (*path, "escalate", index, "after"), problem, "write the steps in the order of their times"
                )
            latest = max(span, latest)


def _acceptance(root: Table) -> Iterator[Finding]:
    """What means something only where leads are offered and not given."""
    asks: set[str] = set()
    for path, team in _entries(root, "teams"):
        if find(team, "accept_within") is not None:
            asks |= {scalar.text.strip() for _, scalar in _texts(root, (*path, "managers"))}
            continue
        strategy = find(team, "strategy")
        if isinstance(strategy, Scalar) and strategy.text.strip() == "first_to_accept":
            problem = "leads go to the first to accept, and accept_within is missing"
            yield Finding((*path, "strategy"), problem, "add accept_within: 3m to the team")
    for path, manager in _entries(root, "managers"):
        if find(manager, "offers") is not None and path[1] not in asks:
            problem = "has no effect: none of his teams has accept_within"
            yield Finding((*path, "offers"), problem, "add accept_within: 3m to a team, or remove offers", "warning")


def _channel_teams(root: Table) -> Iterator[Finding]:
    for path, _ in _entries(root, "channels"):
        yield from _named(root, (*path, "team"), "teams", "team")


def _channel_accounts(root: Table) -> Iterator[Finding]:
    for path, channel in _entries(root, "channels"):
        at = (*path, "account")
        yield from _named(root, at, "accounts", "account")
        account = find(channel, "account")
        holder = find(root, "accounts", account.text.strip()) if isinstance(account, Scalar) else None
        if isinstance(holder, Table) and find(holder, "imap") is None:
            yield Finding(at, f"{shown(at, account)}has no imap", "add imap to the account")


def _plain_mail_channels(root: Table) -> Iterator[Finding]:
    for path, channel in _entries(root, "channels"):
        for server in ("imap", "smtp"):
            yield from _in_the_open((*path, server), find(channel, server))


def _rule_teams(root: Table) -> Iterator[Finding]:
    for path, _ in _rules(root):
        yield from _named(root, (*path, "team"), "teams", "team")


def _rule_channels(root: Table) -> Iterator[Finding]:
    for path, _ in _rules(root):
        yield from _named(root, (*path, "when", "channel"), "channels", "channel")


def _rule_values(root: Table) -> Iterator[Finding]:
    """Words, answers and hours of conditions, each in the words of the module that reads it."""
    calendars = _names(root, "calendars")
    for path, _ in _rules(root):
        for key in ("hours", "keyword", "known", "language", "region"):
            for at, scalar in _texts(root, (*path, "when", key)):
                if key == "hours":
                    yield from _hours(at, scalar, calendars)
                else:
                    yield from _value(at, scalar, key)


def _value(path: KeyPath, scalar: Scalar, key: str) -> Iterator[Finding]:
    try:
        conditions_from({key: [scalar.text]}, {}, _ANY_ZONE, DEFAULT_REGION)
    except ValueError as error:
        problem = str(error).removeprefix(f"{key}: ")
        yield worded(path, scalar, ValueError(problem if "; " in problem else f"{problem}; write true or false"))


def _tests(root: Table) -> Iterator[tuple[KeyPath, Table]]:
    tests = find(root, "routing_tests")
    for index, test in enumerate(tests.items if isinstance(tests, Listing) else ()):
        if isinstance(test, Table):
            yield ("routing_tests", index), test


def _test_names(root: Table) -> Iterator[Finding]:
    """Channels, teams and managers that routing tests name."""
    for path, _ in _tests(root):
        yield from _named(root, (*path, "given", "channel"), "channels", "channel")
        yield from _named(root, (*path, "given", "owner"), "managers", "manager")
        yield from _named(root, (*path, "expect", "team"), "teams", "team")
        yield from _named(root, (*path, "expect", "owner"), "managers", "manager")


def _extensions(root: Table) -> Iterator[Finding]:
    """A call that rings at a line must be one manager's."""
    owners: dict[str, str] = {}
    for path, _ in _entries(root, "managers"):
        for at, scalar in _texts(root, (*path, "extension")):
            number = addressee(scalar.text, DEFAULT_REGION)
            owner = owners.setdefault(number, str(path[1]))
            if owner != path[1]:
                yield Finding(at, f"{shown(at, scalar)}is the extension of {owner} too", "give it to one of the two")


def _accounts_of_managers(root: Table) -> Iterator[Finding]:
    """Whoever presses a button is known by his account alone."""
    owners: dict[str, str] = {}
    for path, manager in _entries(root, "managers"):
        at, account = (*path, "telegram"), find(manager, "telegram")
        if not isinstance(account, Scalar) or not account.text.strip():
            continue
        owner = owners.setdefault(account.text.strip(), str(path[1]))
        if owner != path[1]:
            problem = (
                f"{shown(at, account)}is the account of {owner} too, so what either presses is taken for one man's"
            )
            yield Finding(at, problem, "give each his own", "warning")


def _last_rule(root: Table) -> Iterator[Finding]:
    rules = find(root, "routing")
    if not isinstance(rules, Listing):
        if len(_names(root, "teams")) > 1:
            remedy = "add routing: [{team: NAME}], with lines that have a `when` above it"
            yield Finding(("routing",), "is missing, and there is more than one team", remedy)
        return
    last = len(rules.items) - 1
    if last < 0:
        yield Finding(("routing",), "is empty", "write [{team: NAME}], or leave it out where there is one team")
    for path, rule in _rules(root):
        index = path[1]
        if index == last and find(rule, "when") is not None:
            yield Finding(path, "the last line has a `when`", "add a line with a team alone, for all the rest")
        if index != last and find(rule, "when") is None:
            yield Finding(path, "a line without `when` takes everything", "move it to the end, or give it a `when`")


def _working_hours(root: Table) -> Iterator[Finding]:
    calendars = _names(root, "calendars")
    for path in [("hours",), *((*path, "hours") for path, _ in _entries(root, "managers"))]:
        node = find(root, *path)
        if isinstance(node, Scalar):
            yield from _hours(path, node, calendars)


def _hours(path: KeyPath, scalar: Scalar, calendars: list[str]) -> Iterator[Finding]:
    if scalar.text.strip() in calendars:
        return
    try:
        parse_hours(scalar.text)
    except ValueError as error:
        near = nearest(scalar.text, calendars)
        if near is not None:
            yield Finding(path, f"{shown(path, scalar)}is no calendar", f"did you mean {near}?")
            return
        yield worded(path, scalar, error)


def _shared_phones(root: Table) -> Iterator[Finding]:
    yield from _phones(root, ("matching", "shared", "phones"))


def _own_phones(root: Table) -> Iterator[Finding]:
    yield from _phones(root, ("own", "phones"))


def _test_phones(root: Table) -> Iterator[Finding]:
    yield from _phones(root, ("test", "phones"))


def _phones(root: Table, path: KeyPath) -> Iterator[Finding]:
    region = find(root, "region")
    for at, scalar in _texts(root, path):
        try:
            KeyRules(region.text.strip().upper() if isinstance(region, Scalar) else DEFAULT_REGION, (), (scalar.text,))
        except ValueError as error:
            yield worded(at, scalar, error)


def _mail_route(root: Table) -> Iterator[Finding]:
    path = ("notices", "email")
    email = find(root, *path)
    if email is None:
        for at, scalar in _texts(root, ("notices", "order")):
            if scalar.text.strip() == "email":
                yield Finding(at, "notices go by email, and notices.email is missing", "add it, or take email out")
        return
    yield from _named(root, (*path, "account"), "accounts", "account")
    account = find(email, "account")
    holder = find(root, "accounts", account.text.strip()) if isinstance(account, Scalar) else email
    if isinstance(account, Scalar) and isinstance(holder, Table) and find(holder, "smtp") is None:
        yield Finding((*path, "account"), f"{shown(path, account)}has no smtp", "add smtp to the account")
    user = find(holder, "user")
    if find(email, "from") is None and not (isinstance(user, Scalar) and "@" in user.text):
        yield Finding((*path, "from"), "is missing, and no user is an address", "add from: leads@example.com")


def _telegram_route(root: Table) -> Iterator[Finding]:
    path = ("notices", "telegram")
    telegram = find(root, *path)
    if telegram is None:
        for at, scalar in _texts(root, ("notices", "order")):
            if scalar.text.strip() == "telegram":
                yield Finding(at, "notices go by telegram, and notices.telegram is missing", "add it, or take it out")
        return
    at, named = (*path, "channel"), find(telegram, "channel")
    if isinstance(named, Scalar):
        yield from _named(root, at, "channels", "channel")
        kind = find(root, "channels", named.text.strip(), "kind")
        if isinstance(kind, Scalar) and kind.text.strip() != "telegram":
            yield Finding(at, f"{shown(at, named)}is no bot", "name a channel of the kind telegram")
    elif find(root, "channels", NOTICES_CHANNEL) is not None:
        problem = f"a bot of the notices' own becomes the channel {NOTICES_CHANNEL}, and there is one of that name"
        yield Finding(path, problem, "give that channel another name, or write channel: NAME")


def _bots(root: Table) -> Iterator[Finding]:
    """Two that poll as one bot take each other's updates."""
    first: dict[str, str] = {}
    entries = [path for path, entry in _entries(root, "channels") if _is(find(entry, "kind"), "telegram")]
    for path in [*entries, ("notices", "telegram")]:
        token = find(root, *path, "token")
        if not isinstance(token, Scalar):
            continue
        name = first.setdefault(token.text.strip(), str(path[1]))
        if name != path[1]:
            remedy = f"write channel: {name}" if path[0] == "notices" else "make another bot, or remove this channel"
            yield Finding((*path, "token"), f"is the token of channels.{name} too", remedy)


def _is(node: Node | None, word: str) -> bool:
    return isinstance(node, Scalar) and node.text.strip() == word


def _called_from_outside(root: Table) -> Iterator[Finding]:
    if find(root, "http", "public_url") is not None:
        return
    for path, entry in _entries(root, "channels"):
        if _is(find(entry, "mode"), "webhook"):
            problem = "a webhook is called from outside, and http.public_url is missing"
            yield Finding((*path, "mode"), problem, "add public_url: https://leads.example.com, or write polling")


def _unproved(root: Table) -> Iterator[Finding]:
    for path, entry in _entries(root, "channels"):
        if _is(find(entry, "mode"), "callback") and find(entry, "secret") is None:
            problem = "takes calls without a secret: whoever knows the address can send events"
            yield Finding(
                (*path, "mode"), problem, "add secret, the same here and in the community's settings", "warning"
            )


def _without_address(root: Table) -> Iterator[Finding]:
    # Where there is a bot, an invitation is enough.
    if find(root, "notices", "email") is None or find(root, "notices", "telegram") is not None:
        return
    for path, manager in _entries(root, "managers"):
        if find(manager, "email") is None:
            yield Finding(path, "has no email, and notices go by mail", "add email: name@example.com", "warning")


def _plain_mail_accounts(root: Table) -> Iterator[Finding]:
    for path, account in _entries(root, "accounts"):
        for server in ("imap", "smtp"):
            yield from _in_the_open((*path, server), find(account, server))


def _plain_mail_notices(root: Table) -> Iterator[Finding]:
    path = ("notices", "email", "smtp")
    return _in_the_open(path, find(root, *path))


def _in_the_open(path: KeyPath, server: Node | None) -> Iterator[Finding]:
    tls, host = find(server, "tls"), find(server, "host")
    if not (isinstance(tls, Scalar) and isinstance(host, Scalar)):
        return
    if tls.text.strip().lower() in _OFF and not is_loopback(host.text.strip()):
        problem = "passwords and mail cross the network in the clear"
        remedy = "write true" if path[-1] == "imap" else "write true or starttls"
        yield Finding((*path, "tls"), problem, remedy, "warning")


def _reachable(root: Table) -> Iterator[Finding]:
    host = find(root, "http", "host")
    if not isinstance(host, Scalar) or not HOST.fullmatch(host.text.strip()) or is_loopback(host.text.strip()):
        return
    if find(root, "http", "public_url") is None:
        problem = "listens beyond this machine, and http.public_url is missing: links in notices will lead nowhere"
        yield Finding(("http", "host"), problem, "add public_url: https://leads.example.com", "warning")


def _useless_redis(root: Table) -> Iterator[Finding]:
    redis, store = find(root, "redis", "url"), find(root, "storage", "url")
    alone = not isinstance(store, Scalar) or store.text.strip().startswith("sqlite:")
    if isinstance(redis, Scalar) and redis.text.strip() and alone:
        problem = "brings nothing on SQLite, where one process does everything"
        yield Finding(("redis", "url"), problem, "leave it out, or set storage.url to a postgresql:// one", "warning")


_CHECKS: Final[tuple[tuple[frozenset[str], Check], ...]] = (
    (frozenset({"channels", "managers", "teams"}), _something_to_do),
    (frozenset({"managers", "teams"}), _members),
    (frozenset({"directors", "managers"}), _two_roles),
    (frozenset({"channels"}), _built_in_channel),
    (frozenset({"channels", "managers"}), _former_names),
    (frozenset({"directors", "managers", "teams"}), _told_people),
    (frozenset({"teams"}), _escalation_order),
    (frozenset({"managers", "teams"}), _acceptance),
    (frozenset({"channels", "teams"}), _channel_teams),
    (frozenset({"routing", "teams"}), _rule_teams),
    (frozenset({"routing", "teams"}), _last_rule),
    (frozenset({"channels", "routing"}), _rule_channels),
    (frozenset({"channels", "managers", "routing_tests", "teams"}), _test_names),
    (frozenset({"managers"}), _extensions),
    (frozenset({"managers"}), _accounts_of_managers),
    (frozenset({"calendars", "routing"}), _rule_values),
    (frozenset({"calendars", "hours", "managers"}), _working_hours),
    (frozenset({"matching", "region"}), _shared_phones),
    (frozenset({"own", "region"}), _own_phones),
    (frozenset({"region", "test"}), _test_phones),
    (frozenset({"accounts", "channels"}), _channel_accounts),
    (frozenset({"channels"}), _plain_mail_channels),
    (frozenset({"accounts", "notices"}), _mail_route),
    (frozenset({"channels", "notices"}), _telegram_route),
    (frozenset({"channels", "notices"}), _bots),
    (frozenset({"channels", "http"}), _called_from_outside),
    (frozenset({"channels"}), _unproved),
    (frozenset({"managers", "notices"}), _without_address),
    (frozenset({"accounts"}), _plain_mail_accounts),
    (frozenset({"notices"}), _plain_mail_notices),
    (frozenset({"http"}), _reachable),
    (frozenset({"redis", "storage"}), _useless_redis),
)
