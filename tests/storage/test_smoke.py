from datetime import UTC, datetime, timedelta

from channels.message import Envelope, Inbound, digest
from ingest.distribution import Distributor
from ingest.rulebook import Rulebooks
from ingest.settle import Reading, Settler
from storage import revisions, rotation
from storage.journal import Journal, account
from storage.names import Names

DOC = {
    "region": "RU",
    "timezone": "Europe/Moscow",
    "hours": None,
    "calendars": {},
    "channels": {"site": {"kind": "webform", "source": "Сайт", "team": None}},
    "matching": {
        "shared": {"emails": ["info@*"], "phones": []},
        "enquiry": {"reopen_within": "14d", "new_after": "30d"},
    },
    "title": "{city} – {name} – {topic}",
    "topics": [],
    "reasons": {},
    "managers": {
        "anna": {"name": "Анна", "email": None, "capacity": None, "hours": None, "timezone": None},
        "boris": {"name": "Борис", "email": None, "capacity": None, "hours": None, "timezone": None},
    },
    "teams": {
        "sales": {
            "managers": ["anna", "boris"],
            "strategy": "round_robin",
            "respond_within": None,
            "sticky": {"wait": "10m"},
        }
    },
    "routing": [{"when": {}, "team": "sales", "respond_within": None}],
}


async def test_smoke(store):
    names = Names()
    j = Journal(names, store.ids.take, b"k" * 32, 3)
    rb = Rulebooks(names)
    d = Distributor(names, store.ids.take)
    s = Settler(names, j, rb, d, store.ids.take)
    now = datetime.now(UTC)
    await store.run(lambda db: revisions.apply(db, names, DOC, {"site": "webform"}, "t", now))
    envs = [
        (
            Envelope("site", f"k{i % 4}", b"body%d" % (i % 4), now, {"content_type": "x"}, digest(b"%d" % (i % 4))),
            "2026-11-21",
        )
        for i in range(6)
    ]
    acc = await store.run(lambda db: j.append(db, envs))
    assert [a.duplicate for a in acc] == [False] * 4 + [True] * 2
    assert acc[4].id == acc[0].id
    claimed = await store.run(lambda db: j.claim(db, 100, "tok", timedelta(seconds=60)))
    assert len(claimed) == 4 and claimed[0].envelope.body == b"body0"
    reads = [
        Reading(
            c,
            Inbound(
                "form",
                text="hi",
                name="Иван",
                phones=("8 912 345-67-8%d" % (i % 2),),
                emails=("a@example.com",) if i == 3 else (),
            ),
        )
        for i, c in enumerate(claimed)
    ]
    settled = await store.run(lambda db: s.settle(db, "tok", reads, now))
    print(settled)
    assert [r.outcome for r in settled.results] == ["created", "created", "attached", "attached"]
    acct = await store.read(account)
    assert acct[0]["agrees"], acct
    assert await store.read(rotation.recount) == {}
