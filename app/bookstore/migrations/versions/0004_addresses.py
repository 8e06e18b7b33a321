"""Create the table of shipping addresses."""

import sqlalchemy as sa

from bookstore.core.db import Id, UtcDateTime
from bookstore.migrations.steps import create_index, create_table

revision = "0004_addresses"
down_revision = "0003_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "addresses",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("recipient", sa.String(120), nullable=False),
        sa.Column("line1", sa.String(200), nullable=False),
        sa.Column("line2", sa.String(200), nullable=False),
        sa.Column("city", sa.String(120), nullable=False),
        sa.Column("region", sa.String(120), nullable=False),
        sa.Column("postal_code", sa.String(20), nullable=False),
        sa.Column("country", sa.String(80), nullable=False),
        sa.Column("phone", sa.String(30), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_addresses_user_id"),
    )
    create_index("addresses", "user_id", "id")
