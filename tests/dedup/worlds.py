"""The world between batches, without a store: what matching decided, as the store would give it back."""

from collections import defaultdict
from dataclasses import replace
from typing import Final

from dedup.people import Held, People, World

EMPTY: Final = World({}, {}, {})


def after(world: World, people: People) -> World:
    """The world as the store would give it back once the difference is written and the merges are carried out."""
    keys = dict(world.keys) | {k.key: Held(k.id, k.holder, k.shared) for k in people.keys}
    reheld, lined, beside = dict(people.reheld), dict(people.lined), defaultdict(set)
    for key, other in people.together:
        beside[key].add(other)
    keys = {
        key: replace(
            held,
            holder=reheld.get(held.id, held.holder),
            shared=held.shared or held.id in reheld,
            others=held.others | beside[held.id],
            line=lined.get(held.id, held.line),
        )
        for key, held in keys.items()
    }
    named = dict(people.named)
    persons = {holder: replace(p, name=named.get(p.id, p.name)) for holder, p in world.roots.items()}
    persons |= {person.id: person for person in people.contacts}
    apart = set(world.apart)
    for joining in people.merges:
        into, absorbed = persons[joining.into], persons[joining.contact]
        into = replace(into, owner=into.owner or absorbed.owner)
        persons = {holder: into if p.id in {into.id, absorbed.id} else p for holder, p in persons.items()}
        apart = {(pair - {absorbed.id}) | {into.id} if absorbed.id in pair else pair for pair in apart}
    companies = dict(world.companies) | {c.id: c for c in people.companies}
    return World(keys, persons, companies, frozenset(apart), world.over)
