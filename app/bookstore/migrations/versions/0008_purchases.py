"""Create the cart and the purchase of several orders; let orders keep the whole address.

The version before inserts orders without any of the new columns, so they may be empty.
"""

import sqlalchemy as sa

from bookstore.core.db import Id, UtcDateTime, exact
from bookstore.migrations.steps import add_column, create_index, create_table

revision = "0008_purchases"
down_revision = "0007_catalogue_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "cart_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("buyer_id", sa.BigInteger, nullable=False),
        sa.Column("book_id", sa.BigInteger, nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", exact(3), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cart_lines"),
        sa.UniqueConstraint("buyer_id", "book_id", name="uq_cart_lines_buyer_id_book_id"),
    )
    create_table(
        "purchases",
        sa.Column("id", Id, nullable=False),
        sa.Column("buyer_id", sa.BigInteger, nullable=False),
        sa.Column("idempotency_key", exact(64), nullable=False),
        sa.Column("request_hash", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint(
            "buyer_id", "idempotency_key", name="uq_purchases_buyer_id_idempotency_key"
        ),
    )
    add_column("orders", sa.Column("purchase_id", sa.BigInteger))
    add_column("orders", sa.Column("reservation_key", exact(64)))
    for name, length in (("line2", 200), ("region", 120), ("postal_code", 20), ("phone", 30)):
        add_column("orders", sa.Column(name, sa.String(length)))
    create_index("orders", "purchase_id")
