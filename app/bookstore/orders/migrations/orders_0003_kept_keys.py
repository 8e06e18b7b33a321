"""Create the table of keys that others published last, for a service that starts without them."""

import sqlalchemy as sa

from bookstore.core.db.database import UtcDateTime, exact
from bookstore.migrations.steps import create_table

revision = "orders_0003_kept_keys"
down_revision = "orders_0002_revocations"
branch_labels = None
depends_on = None
oldest_compatible = "orders_0001_baseline"


def upgrade() -> None:
    create_table(
        "orders_kept_keys",
        sa.Column("issuer", exact(20), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("kept_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("issuer", name="pk_orders_kept_keys"),
    )
