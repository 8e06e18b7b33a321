"""Let orders tell when they were shipped, delivered, cancelled and refunded; list a seller's."""

import sqlalchemy as sa

from bookstore.core.db import UtcDateTime, exact
from bookstore.migrations.steps import add_column, create_index

revision = "0006_order_states"
down_revision = "0005_moderation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for moment in ("shipped_at", "delivered_at", "cancelled_at", "refunded_at"):
        add_column("orders", sa.Column(moment, UtcDateTime))
    add_column("orders", sa.Column("cancelled_by", exact(10)))
    create_index("orders", "state", "refunded_at")
    create_index("shipments", "seller_id", "order_id")
