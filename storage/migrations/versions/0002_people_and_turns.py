"""People who may be one, and keys that many use."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _namesakes()


def _namesakes() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    unsearched = sa.text("name IS NOT NULL AND searched_at IS NULL")
    op.add_column("keys", sa.Column("line_id", number))
    op.add_column("contacts", sa.Column("searched_at", sa.BigInteger()))
    op.add_column("suggestions", sa.Column("record", sa.Text()))
    op.create_index("contacts_unsearched", "contacts", ["id"], sqlite_where=unsearched, postgresql_where=unsearched)
    op.create_table(
        "together",
        sa.Column("key_id", number, autoincrement=False, nullable=False),
        sa.Column("other_id", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "other_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "name_keys",
        sa.Column("key", number, autoincrement=False, nullable=False),
        sa.Column("contact_id", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "contact_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("name_keys_contact", "name_keys", ["contact_id"])
