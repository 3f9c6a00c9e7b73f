"""People and turns: pairs that stay apart, activities, offers that are answered, messages that are edited, the desk's sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _people()
    _leads()
    _managers()
    _notices()
    _files()
    _desk()
    _namesakes()
    _health()
    _answers()
    _shown()
    _processes()


def _people() -> None:
    op.create_table(
        "apart",
        sa.Column("low_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("high_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.add_column("suggestions", sa.Column("verdict", sa.Text()))
    op.add_column("suggestions", sa.Column("actor", sa.Text()))
    op.add_column("suggestions", sa.Column("record", sa.Text()))


def _health() -> None:
    op.create_table(
        "rhythms",
        sa.Column("channel_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("hour", _id(), primary_key=True, autoincrement=False),
        sa.Column("busy", sa.SmallInteger(), nullable=False),
        sa.Column("last_slot", _id(), nullable=False),
        sa.Column("lost", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # What the journal has of the last eight weeks is learned from at once.
    op.execute(
        "INSERT INTO rhythms (channel_id, hour, busy, last_slot) "
        "SELECT channel_id, received_at / 3600000000, COUNT(DISTINCT received_at / 300000000), MAX(received_at / 300000000) "
        "FROM journal WHERE received_at > (SELECT MAX(received_at) - 4838400000000 FROM journal) "
        "GROUP BY channel_id, received_at / 3600000000"
    )
    op.create_table(
        "alarms",
        sa.Column("channel_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
    )


def _namesakes() -> None:
    op.add_column("keys", sa.Column("line_id", _id()))
    op.create_table(
        "together",
        sa.Column("key_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("other_id", _id(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "surname_keys",
        sa.Column("key", _id(), primary_key=True, autoincrement=False),
        sa.Column("surname", _id(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "name_keys",
        sa.Column("key", _id(), primary_key=True, autoincrement=False),
        sa.Column("contact_id", _id(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("name_keys_contact", "name_keys", ["contact_id"])
    op.add_column("contacts", sa.Column("searched_at", sa.BigInteger()))
    op.add_column("contacts", sa.Column("company_id", _id()))
    there = sa.text("company_id IS NOT NULL")
    op.create_index("contacts_company", "contacts", ["company_id"], sqlite_where=there, postgresql_where=there)
    op.create_index("companies_name", "companies", ["name"])
    unsearched = sa.text("name IS NOT NULL AND searched_at IS NULL")
    op.create_index("contacts_unsearched", "contacts", ["id"], sqlite_where=unsearched, postgresql_where=unsearched)


def _leads() -> None:
    op.add_column("leads", sa.Column("accepted_at", sa.BigInteger()))
    op.add_column("leads", sa.Column("escalated", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("leads", sa.Column("escalate_at", sa.BigInteger()))
    op.add_column("leads", sa.Column("away_at", sa.BigInteger()))
    op.add_column("leads", sa.Column("refusals", sa.SmallInteger(), nullable=False, server_default="0"))
    for column in ("escalate_at", "away_at", "merged_into"):
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"leads_{column}", "leads", [column], sqlite_where=there, postgresql_where=there)
    op.create_table(
        "activities",
        sa.Column("id", _id(), primary_key=True, autoincrement=False),
        sa.Column("uid", sa.Uuid(as_uuid=False), nullable=False, unique=True),
        sa.Column("lead_id", _id(), nullable=False, index=True),
        sa.Column("interaction_id", _id()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("done_by", sa.Text()),
    )


def _managers() -> None:
    op.add_column("managers", sa.Column("role", sa.Text(), nullable=False, server_default="manager"))
    op.add_column("managers", sa.Column("telegram", sa.Text()))
    op.add_column("managers", sa.Column("silences", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_table(
        "speaking",
        sa.Column("interaction_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("manager_id", _id(), nullable=False, index=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.add_column("offers", sa.Column("by", sa.Text(), nullable=False, server_default="turn"))
    op.add_column("offers", sa.Column("stands", sa.Boolean(), nullable=False, server_default=sa.true()))
    still = sa.text("state = 'open'")
    op.create_index("offers_open", "offers", ["answer_by"], sqlite_where=still, postgresql_where=still)


def _notices() -> None:
    # SQLite cannot drop a NOT NULL in place, so alembic copies the table; its partial index is made again by hand.
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("lead_id", existing_type=_id(), nullable=True)
        outbox.alter_column("manager_id", existing_type=_id(), nullable=True)
        outbox.add_column(sa.Column("interaction_id", _id()))
        outbox.add_column(sa.Column("offer_id", _id()))
        outbox.add_column(sa.Column("record", sa.Text()))
        outbox.add_column(sa.Column("critical", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "messages",
        sa.Column("id", _id(), primary_key=True, autoincrement=False),
        sa.Column("lead_id", _id(), nullable=False, index=True),
        sa.Column("manager_id", _id(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("route", "address", "ref", name="messages_once"),
    )


def _files() -> None:
    op.create_table(
        "fetches",
        sa.Column("interaction_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("place", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("locator", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False, index=True),
    )


def _desk() -> None:
    op.create_table(
        "links",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )


def _shown() -> None:
    """What lists are read by, so that no list reads a table whole."""
    closed = sa.text("state IN ('converted', 'lost', 'disqualified', 'merged')")
    dead, unsettled = sa.text("state = 'dead'"), sa.text("settled_at IS NULL")
    op.create_index("leads_closed", "leads", ["state", "id"], sqlite_where=closed, postgresql_where=closed)
    op.create_index("outbox_dead", "outbox", ["id"], sqlite_where=dead, postgresql_where=dead)
    op.create_index("suggestions_other", "suggestions", ["other_id"])
    op.create_index("suggestions_open", "suggestions", ["id"], sqlite_where=unsettled, postgresql_where=unsettled)


def _answers() -> None:
    op.create_table(
        "answered",
        sa.Column("key_id", _id(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.SmallInteger(), nullable=False),
    )


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("uid", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("moved", _id(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
    )
