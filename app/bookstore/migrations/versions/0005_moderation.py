"""Let accounts be moderators or suspended, and create the table of what moderators did."""

import sqlalchemy as sa

from bookstore.core.db import Id, UtcDateTime, exact
from bookstore.migrations.steps import add_column, create_index, create_table

revision = "0005_moderation"
down_revision = "0004_addresses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The version before inserts accounts without saying so.
    add_column("users", sa.Column("is_admin", sa.Boolean, nullable=False, server_default=sa.false()))
    add_column("users", sa.Column("suspended_at", UtcDateTime))
    create_table(
        "audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("actor_id", Id),
        sa.Column("action", exact(20), nullable=False),
        sa.Column("target_kind", exact(20), nullable=False),
        sa.Column("target_id", sa.BigInteger, nullable=False),
        sa.Column("target_name", sa.String(254), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_audit_entries_actor_id"),
    )
    create_index("audit_entries", "actor_id")
