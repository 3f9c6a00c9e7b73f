"""People and turns: pairs that stay apart, names that may be one person's, keys that many use."""

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
    _namesakes()


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
    unsearched = sa.text("name IS NOT NULL AND searched_at IS NULL")
    op.create_index("contacts_unsearched", "contacts", ["id"], sqlite_where=unsearched, postgresql_where=unsearched)
