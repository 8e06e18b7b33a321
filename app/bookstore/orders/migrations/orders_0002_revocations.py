"""Create the table of accounts whose older tokens are not believed, for a service of its own."""

import sqlalchemy as sa

from bookstore.core.db.database import UtcDateTime
from bookstore.migrations.steps import create_index, create_table

revision = "orders_0002_revocations"
down_revision = "orders_0001_baseline"
branch_labels = None
depends_on = None
oldest_compatible = "orders_0001_baseline"


def upgrade() -> None:
    create_table(
        "orders_revocations",
        sa.Column("account_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("noted_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_orders_revocations"),
    )
    create_index("orders_revocations", "noted_at")
