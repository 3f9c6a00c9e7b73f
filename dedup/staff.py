"""Whose approaches are no client's: the company's own people, addresses and numbers; and whose are trials.

Owns the rule only; who the staff are is the configuration's to say. A key that is both a trial's and the company's own is a
trial's: `qa@example.com` of the own domain example.com tries the way of a lead.
"""

from collections.abc import Collection, Iterable
from dataclasses import field

from dedup.address import parse_address
from dedup.keys import Evidence, Identified, Key, Rejection, normalise
from kernel.facts import fact


@fact
class StaffRules:
    """Staff, own domains and own numbers; phones and addresses of trials. Phones in any spelling, read from `region`.

    `domains` own every address below them. `identities` are the staff's ids with providers, as (kind, value); `extensions`
    the short numbers under which they call. What is no phone and no address names nobody.
    """

    region: str = ""
    domains: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    extensions: tuple[str, ...] = ()
    test_phones: tuple[str, ...] = ()
    test_emails: tuple[str, ...] = ()
    _own: frozenset[Key] = field(init=False, repr=False, compare=False)
    _tests: frozenset[Key] = field(init=False, repr=False, compare=False)
    _domains: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = [("phone", phone) for phone in self.phones] + [("email", email) for email in self.emails]
        tests = [("phone", phone) for phone in self.test_phones] + [("email", email) for email in self.test_emails]
        object.__setattr__(self, "_own", self._keys([*own, *self.identities]))
        object.__setattr__(self, "_tests", self._keys(tests, trial=True))
        object.__setattr__(self, "_domains", frozenset(filter(None, map(_domain, self.domains))))

    def is_test(self, evidence: Iterable[Evidence]) -> bool:
        """Whether one of these keys is a trial's."""
        return any(e.key in self._tests for e in evidence)

    def sift(self, found: Identified, numbers: Collection[str] = ()) -> Identified | None:
        """What identifies a client, without the company's own keys; None where none but staff can have sent it.

        `numbers` are what a telephone system showed of the caller: an extension is staff where nothing else was given.
        Own keys in a text are no sign of its sender, and no key of his either.
        """
        if not (self._own or self._domains or self.extensions):
            return found
        own = [e for e in found.evidence if self._is_own(e.key)]
        given = [e for e in found.evidence if e.origin != "text"]
        inside = any(number.strip() in self.extensions for number in numbers)
        if (given or inside) and all(e in own for e in given):
            return None
        if not own:
            return found
        rejected = dict.fromkeys((*found.rejected, *(Rejection(e.key.kind, "own", e.origin) for e in own)))
        return Identified(tuple(e for e in found.evidence if e not in own), tuple(rejected))

    def _is_own(self, key: Key) -> bool:
        if key in self._tests:
            return False
        if key.kind == "phone":
            return key in self._own or Key("phone", key.e164 or "") in self._own
        if key.kind == "email":
            return key in self._own or not self._domains.isdisjoint(_above(key.value.rpartition("@")[2]))
        return key in self._own

    def _keys(self, written: Iterable[tuple[str, str]], *, trial: bool = False) -> frozenset[Key]:
        keys = (normalise(kind, value, self.region, trial=trial) for kind, value in written)
        return frozenset(key for key in keys if key is not None)


def _domain(written: str) -> str | None:
    """The domain in the spelling of keys; None where there can be no such domain."""
    address = parse_address(f"anybody@{written.strip().removeprefix('@').rstrip('.')}")
    return None if address is None else address.domain


def _above(domain: str) -> Iterable[str]:
    """A domain and those that it is part of."""
    parts = domain.split(".")
    return (".".join(parts[place:]) for place in range(len(parts)))
