"""On SQLite what was delivered has a table of its own in place of the journal's unique constraint (`storage.deliveries`)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "deliveries",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("journal_id", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO deliveries SELECT identity || channel_id, id FROM journal ORDER BY 1")
    op.execute("INSERT INTO counters (name, next) SELECT 'deliveries', coalesce(max(id), 0) FROM journal")
    with op.batch_alter_table("journal") as journal:
        journal.drop_constraint("journal_once", type_="unique")
