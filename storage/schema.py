"""The tables. Times are whole microseconds since 1970 in UTC, JSON is text, ids inside are integers that the program gives.

Ids of contacts, companies, keys, interactions, leads and so on come from one counter, so an id names one thing in the whole
store; `uid` is the UUIDv7 by which the outside knows it. There are no foreign keys: every child is written with its parent in
one transaction, and the ledger compares rows with their effects (docs/decisions/0003).

Personal values are in contacts, keys, interactions, bodies and files only; everything else refers to them by id.
"""

from typing import Final

import sqlalchemy as sa

metadata = sa.MetaData()
embedded = sa.MetaData()
"""What an SQLite store has beside these."""

Id: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Uid: Final = sa.Uuid(as_uuid=False)
Micros: Final = sa.BigInteger()


def _id() -> sa.Column[int]:
    return sa.Column("id", Id, primary_key=True, autoincrement=False)


def one_of(column: sa.Column[str], *values: str) -> sa.ColumnElement[bool]:
    """Written into the text of a statement, where neither database could prove of parameters that a partial index covers them.

    For our own constants only, never for what a user gave.
    """
    if len(values) == 1:
        return column == sa.literal_column(f"'{values[0]}'")
    return column.in_([sa.literal_column(f"'{value}'") for value in values])


def _uid() -> sa.Column[str]:
    return sa.Column("uid", Uid, nullable=False, unique=True)


settings = sa.Table(
    "settings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("next", Id, nullable=False),
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("applied_at", Micros, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("epoch", Id, nullable=False),
    sa.Column("until", Micros, nullable=False),
)

# What each process says of itself and of the channels that it has. `until` is measured by the store's clock; `moved` counts
# the changes that it made, so that others need only compare a number.
processes = sa.Table(
    "processes",
    metadata,
    sa.Column("uid", Uid, primary_key=True),
    sa.Column("seen_at", Micros, nullable=False),
    sa.Column("until", Micros, nullable=False),
    sa.Column("moved", Id, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
)

channels = sa.Table(
    "channels",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("channel_id", Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("era", sa.Text, nullable=False),
    sa.Column("position", Id, nullable=False),
    sa.Column("epoch", Id, nullable=False),
)

# The journal: slim rows, never partitioned. Its order is (received_at, id); ids grow with the arrivals of one process.
journal = sa.Table(
    "journal",
    metadata,
    _id(),
    _uid(),
    sa.Column("channel_id", Id, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("naming", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("format", sa.SmallInteger, nullable=False),
    sa.Column("received_at", Micros, nullable=False),
    sa.Column("occurred_at", Micros),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, server_default="pending"),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("as_client", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", Micros),
    sa.Column("decided_at", Micros),
    sa.Column("interaction_id", Id),
    sa.Column("contact_id", Id),
    sa.Column("lead_id", Id),
    sa.UniqueConstraint("channel_id", "identity", name="journal_once").ddl_if(dialect="postgresql"),
)
# On SQLite in place of that constraint: see `storage.deliveries`.
deliveries = sa.Table(
    "deliveries",
    embedded,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("journal_id", Id, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index(
    "journal_pending",
    journal.c.received_at,
    journal.c.id,
    sqlite_where=journal.c.outcome == "pending",
    postgresql_where=journal.c.outcome == "pending",
)
sa.Index(
    "journal_shown",
    journal.c.outcome,
    journal.c.id,
    sqlite_where=journal.c.outcome.in_(("ignored", "failed")),
    postgresql_where=journal.c.outcome.in_(("ignored", "failed")),
)
sa.Index(
    "journal_repeats",
    journal.c.channel_id,
    journal.c.digest,
    journal.c.received_at,
    sqlite_where=journal.c.naming == "derived",
    postgresql_where=journal.c.naming == "derived",
)
sa.Index(
    "journal_interaction",
    journal.c.interaction_id,
    sqlite_where=journal.c.interaction_id.is_not(None),
    postgresql_where=journal.c.interaction_id.is_not(None),
)

# codec 0: the body is text as it came; codec 1: base64, for bytes that are no UTF-8 or hold a NUL.
bodies = sa.Table(
    "bodies",
    metadata,
    sa.Column("journal_id", Id, primary_key=True, autoincrement=False),
    sa.Column("codec", sa.SmallInteger, nullable=False),
    sa.Column("meta", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

# A lane per process, so that two of them never wait for each other's counters; a reader sums over lanes.
OUTCOMES: Final = ("created", "attached", "handled", "ignored", "failed")
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("channel_id", Id, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("lane", sa.SmallInteger, primary_key=True, autoincrement=False),
    *(sa.Column(name, Id, nullable=False, server_default="0") for name in ("received", "duplicates", *OUTCOMES)),
)

# searched_at: when namesakes of the contact were last looked for; whoever names it anew empties this. company_id: where he
# works, as a person has said.
contacts = sa.Table(
    "contacts",
    metadata,
    _id(),
    _uid(),
    sa.Column("root_id", Id, nullable=False, index=True),
    sa.Column("name", sa.Text),
    sa.Column("owner_id", Id),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("searched_at", Micros),
    sa.Column("company_id", Id),
)
sa.Index(
    "contacts_unsearched",
    contacts.c.id,
    sqlite_where=sa.and_(contacts.c.name.is_not(None), contacts.c.searched_at.is_(None)),
    postgresql_where=sa.and_(contacts.c.name.is_not(None), contacts.c.searched_at.is_(None)),
)

sa.Index(
    "contacts_company",
    contacts.c.company_id,
    sqlite_where=contacts.c.company_id.is_not(None),
    postgresql_where=contacts.c.company_id.is_not(None),
)

companies = sa.Table(
    "companies",
    metadata,
    _id(),
    _uid(),
    sa.Column("name", sa.Text),
    sa.Column("owner_id", Id),
    sa.Column("created_at", Micros, nullable=False),
)
sa.Index("companies_name", companies.c.name)

# The holder is a contact, or for a shared key a company; it never changes by a merge. line_id: the company that approaches by
# a key go to since it has been shared by count; the holder stays, so that a higher limit makes it his again.
keys = sa.Table(
    "keys",
    metadata,
    _id(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("holder_id", Id, nullable=False, index=True),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("journal_id", Id),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("line_id", Id),
    sa.UniqueConstraint("kind", "value", name="keys_once"),
)

# Personal keys that one approach brought, each pair both ways: by their number a key is found to be shared.
together = sa.Table(
    "together",
    metadata,
    sa.Column("key_id", Id, primary_key=True, autoincrement=False),
    sa.Column("other_id", Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Hashes of surnames under hashes of what they are less a letter or two, so that looking up equals finds neighbours.
surname_keys = sa.Table(
    "surname_keys",
    metadata,
    sa.Column("key", Id, primary_key=True, autoincrement=False),
    sa.Column("surname", Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Contacts under the hash of a surname and an initial.
name_keys = sa.Table(
    "name_keys",
    metadata,
    sa.Column("key", Id, primary_key=True, autoincrement=False),
    sa.Column("contact_id", Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
sa.Index("name_keys_contact", name_keys.c.contact_id)

merges = sa.Table(
    "merges",
    metadata,
    _id(),
    _uid(),
    sa.Column("contact_id", Id, nullable=False, index=True),
    sa.Column("into_id", Id, nullable=False, index=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("undone_at", Micros),
)

# Pairs of contacts that a person has parted: they are never joined again by themselves. low_id < high_id.
apart = sa.Table(
    "apart",
    metadata,
    sa.Column("low_id", Id, primary_key=True, autoincrement=False),
    sa.Column("high_id", Id, primary_key=True, autoincrement=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", Micros, nullable=False),
)

suggestions = sa.Table(
    "suggestions",
    metadata,
    _id(),
    _uid(),
    sa.Column("contact_id", Id, nullable=False, index=True),
    sa.Column("other_id", Id, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("journal_id", Id),
    sa.Column("at", Micros, nullable=False),
    sa.Column("settled_at", Micros),
    sa.Column("verdict", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("record", sa.Text),
    sa.UniqueConstraint("contact_id", "other_id", "code", name="suggestions_once"),
)

sa.Index("suggestions_other", suggestions.c.other_id)
sa.Index(
    "suggestions_open",
    suggestions.c.id,
    sqlite_where=suggestions.c.settled_at.is_(None),
    postgresql_where=suggestions.c.settled_at.is_(None),
)

interactions = sa.Table(
    "interactions",
    metadata,
    _id(),
    _uid(),
    sa.Column("contact_id", Id, index=True),
    sa.Column("company_id", Id),
    sa.Column("lead_id", Id, nullable=False),
    sa.Column("key_id", Id),
    sa.Column("channel_id", Id, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ref", sa.Text),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("introduced_as", sa.Text),
    sa.Column("title", sa.Text),
    sa.Column("details", sa.Text, nullable=False),
    sa.UniqueConstraint("channel_id", "ref", name="interactions_once"),
)
sa.Index("interactions_lead", interactions.c.lead_id, interactions.c.at, interactions.c.id)

# A lead's title is personal, so it stands on the interaction that opened it.
# enquiry_of: the root contact, or the company, whose enquiry slot in this team the lead holds; None when it gave it up.
# had_owner_id: whose a reopened lead was before. escalated: how many steps of the chain were told, escalate_at: when the next is.
# away_at: when a lead whose owner is away goes back into distribution. refusals: how many offers of it were refused or ran out
# since it was last accepted or came to this team; where it is 0, nobody need look for them.
leads = sa.Table(
    "leads",
    metadata,
    _id(),
    _uid(),
    sa.Column("contact_id", Id),
    sa.Column("company_id", Id),
    sa.Column("enquiry_of", Id),
    sa.Column("team_id", Id, nullable=False),
    sa.Column("channel_id", Id, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("opened_by", Id, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("owner_id", Id),
    sa.Column("had_owner_id", Id),
    sa.Column("marks", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("last_at", Micros, nullable=False),
    sa.Column("place_at", Micros, nullable=False),
    sa.Column("respond_within", Micros),
    sa.Column("due_at", Micros),
    sa.Column("wait_until", Micros),
    sa.Column("closed_at", Micros),
    sa.Column("merged_into", Id),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("accepted_at", Micros),
    sa.Column("escalated", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("escalate_at", Micros),
    sa.Column("away_at", Micros),
    sa.Column("refusals", sa.SmallInteger, nullable=False, server_default="0"),
    sa.UniqueConstraint("enquiry_of", "team_id", name="leads_one_enquiry"),
)
sa.Index("leads_contact", leads.c.contact_id, leads.c.id)
sa.Index(
    "leads_company",
    leads.c.company_id,
    sqlite_where=leads.c.company_id.is_not(None),
    postgresql_where=leads.c.company_id.is_not(None),
)
sa.Index(
    "leads_waiting",
    leads.c.team_id,
    leads.c.place_at,
    leads.c.id,
    sqlite_where=leads.c.state == "unprocessed",
    postgresql_where=leads.c.state == "unprocessed",
)
sa.Index(
    "leads_open",
    leads.c.owner_id,
    sqlite_where=leads.c.state.in_(("assigned", "in_work")),
    postgresql_where=leads.c.state.in_(("assigned", "in_work")),
)

CLOSED: Final = ("converted", "lost", "disqualified", "merged")
sa.Index(
    "leads_closed",
    leads.c.state,
    leads.c.id,
    sqlite_where=leads.c.state.in_(CLOSED),
    postgresql_where=leads.c.state.in_(CLOSED),
)

for _column in ("escalate_at", "away_at", "merged_into"):
    sa.Index(
        f"leads_{_column}",
        leads.c[_column],
        sqlite_where=leads.c[_column].is_not(None),
        postgresql_where=leads.c[_column].is_not(None),
    )

# Something to do by a time: answer this mail, call back this missed call.
activities = sa.Table(
    "activities",
    metadata,
    _id(),
    _uid(),
    sa.Column("lead_id", Id, nullable=False, index=True),
    sa.Column("interaction_id", Id),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("due_at", Micros),
    sa.Column("done_at", Micros),
    sa.Column("done_by", sa.Text),
)

# To which addresses a machine has answered: the latest time, and how often since the beginning of a day of its own.
answered = sa.Table(
    "answered",
    metadata,
    sa.Column("key_id", Id, primary_key=True, autoincrement=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("since", Micros, nullable=False),
    sa.Column("count", sa.SmallInteger, nullable=False),
)

# Whoever is told: `role` is manager or director; only managers get leads. silences: offers in a row that he left unanswered.
# telegram: the chat that an invite link bound, where the configuration names none.
managers = sa.Table(
    "managers",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False, server_default="manager"),
    sa.Column("telegram", sa.Text),
    sa.Column("silences", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("available", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("leaving", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("open", sa.Integer, nullable=False, server_default="0"),
    sa.Column("on_call_until", Micros),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

# Calls that managers have on now, by their interactions: one speaks until the last of his calls is over.
speaking = sa.Table(
    "speaking",
    metadata,
    sa.Column("interaction_id", Id, primary_key=True, autoincrement=False),
    sa.Column("manager_id", Id, nullable=False, index=True),
    sa.Column("until", Micros, nullable=False),
)

teams = sa.Table(
    "teams",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("team_id", Id, primary_key=True, autoincrement=False),
    sa.Column("manager_id", Id, primary_key=True, autoincrement=False),
    sa.Column("turn", Id, nullable=False),
)

# A lead before a manager: state is open, accepted, declined, expired or withdrawn. by: turn, own_client, first, everyone, hand.
# stands: what became of it still says to whom the lead may be offered; not any more once it was accepted, closed or moved on.
offers = sa.Table(
    "offers",
    metadata,
    _id(),
    _uid(),
    sa.Column("lead_id", Id, nullable=False, index=True),
    sa.Column("manager_id", Id, nullable=False, index=True),
    sa.Column("team_id", Id, nullable=False),
    sa.Column("turn", Id),
    sa.Column("by", sa.Text, nullable=False, server_default="turn"),
    sa.Column("offered_at", Micros, nullable=False),
    sa.Column("answer_by", Micros),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("answered_at", Micros),
    sa.Column("stands", sa.Boolean, nullable=False, server_default=sa.true()),
)
sa.Index(
    "offers_open",
    offers.c.answer_by,
    sqlite_where=offers.c.state == "open",
    postgresql_where=offers.c.state == "open",
)

# What a channel's rhythm is learned from: in how many slots of five minutes it spoke in each hour (counted since 1970), the last
# of them (counted since 1970), and hours that teach nothing, since it could not speak.
rhythms = sa.Table(
    "rhythms",
    metadata,
    sa.Column("channel_id", Id, primary_key=True, autoincrement=False),
    sa.Column("hour", Id, primary_key=True, autoincrement=False),
    sa.Column("busy", sa.SmallInteger, nullable=False),
    sa.Column("last_slot", Id, nullable=False),
    sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
)

# What directors were told about a channel and have not yet been told to be over.
alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("channel_id", Id, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("since", Micros, nullable=False),
    sa.Column("told_at", Micros, nullable=False),
)

# Append only: what was decided about an envelope or a lead, by whom, with codes and ids.
decisions = sa.Table(
    "decisions",
    metadata,
    _id(),
    sa.Column("at", Micros, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("journal_id", Id),
    sa.Column("lead_id", Id),
    sa.Column("record", sa.Text, nullable=False),
)
sa.Index("decisions_lead", decisions.c.lead_id, decisions.c.id)

# slot: while a notice of this lead to this manager is still to be sent, a further one joins it. lead_id: None where it is about
# none (a summary). record: codes and ids that it is rendered from. critical: quiet hours do not hold it back.
# interaction_id: for a word to a client, what is said on the timeline; it is for no manager then.
outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    _uid(),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("lead_id", Id, index=True),
    sa.Column("manager_id", Id),
    sa.Column("interaction_id", Id),
    sa.Column("offer_id", Id),
    sa.Column("record", sa.Text),
    sa.Column("critical", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("route", sa.Text),
    sa.Column("slot", sa.Text, unique=True),
    sa.Column("state", sa.Text, nullable=False, server_default="due"),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("due_at", Micros, nullable=False),
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", Micros),
    sa.Column("sent_at", Micros),
    sa.Column("error", sa.Text),
)
sa.Index("outbox_dead", outbox.c.id, sqlite_where=outbox.c.state == "dead", postgresql_where=outbox.c.state == "dead")
sa.Index("outbox_due", outbox.c.due_at, sqlite_where=outbox.c.state == "due", postgresql_where=outbox.c.state == "due")

# What a route can edit afterwards: one message for a lead and a person, by the provider's id of it.
messages = sa.Table(
    "messages",
    metadata,
    _id(),
    sa.Column("lead_id", Id, nullable=False, index=True),
    sa.Column("manager_id", Id, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("at", Micros, nullable=False),
    sa.UniqueConstraint("route", "address", "ref", name="messages_once"),
)

# Files that are still at their provider: which attachment of an interaction each is, and where it is found.
fetches = sa.Table(
    "fetches",
    metadata,
    sa.Column("interaction_id", Id, primary_key=True, autoincrement=False),
    sa.Column("place", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("locator", sa.Text, nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False),
    sa.Column("due_at", Micros, nullable=False, index=True),
)

# One-time links (to the desk, an invitation to a bot), by the hash of what stands in them.
links = sa.Table(
    "links",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("until", Micros, nullable=False),
    sa.Column("used_at", Micros),
)

# Who is signed in to the desk, by the hash of his cookie.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("until", Micros, nullable=False),
)
