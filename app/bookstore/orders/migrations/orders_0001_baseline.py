"""Create the tables of the orders domain."""

import sqlalchemy as sa

from bookstore.core.db.database import Id, UtcDateTime, exact
from bookstore.migrations.steps import create_index, create_jobs_table, create_table

revision = "orders_0001_baseline"
down_revision = None
branch_labels = None
depends_on = None
oldest_compatible = "orders_0001_baseline"


def upgrade() -> None:
    create_table(
        "cart_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("buyer_id", sa.BigInteger, nullable=False),
        sa.Column("book_id", sa.BigInteger, nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("seller_name", sa.String(120), nullable=False),
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
        sa.Column("buyer_name", sa.String(120), nullable=False),
        sa.Column("idempotency_key", exact(64), nullable=False),
        sa.Column("request_hash", exact(64), nullable=False),
        sa.Column("payment_key", exact(32), nullable=False),
        sa.Column("payment_reference", exact(64)),
        sa.Column("state", exact(20), nullable=False),
        sa.Column("currency", exact(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("line1", sa.String(200), nullable=False),
        sa.Column("line2", sa.String(200)),
        sa.Column("city", sa.String(120), nullable=False),
        sa.Column("region", sa.String(120)),
        sa.Column("postal_code", sa.String(20)),
        sa.Column("country", sa.String(80), nullable=False),
        sa.Column("phone", sa.String(30)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime),
        sa.Column("refunded_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint(
            "buyer_id", "idempotency_key", name="uq_purchases_buyer_id_idempotency_key"
        ),
        sa.UniqueConstraint("payment_key", name="uq_purchases_payment_key"),
    )
    create_index("purchases", "state", "created_at")
    create_table(
        "shipments",
        sa.Column("id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("seller_name", sa.String(120), nullable=False),
        sa.Column("carrier", exact(20), nullable=False),
        sa.Column("cost_minor", sa.BigInteger, nullable=False),
        sa.Column("days_least", sa.Integer, nullable=False),
        sa.Column("days_most", sa.Integer, nullable=False),
        sa.Column("tracking", exact(40)),
        sa.PrimaryKeyConstraint("id", name="pk_shipments"),
        sa.UniqueConstraint("purchase_id", "seller_id", name="uq_shipments_purchase_id_seller_id"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_shipments_purchase_id"),
    )
    create_table(
        "purchase_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("book_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("unit_minor", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purchase_lines"),
        sa.UniqueConstraint("purchase_id", "book_id", name="uq_purchase_lines_purchase_id_book_id"),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name="fk_purchase_lines_purchase_id"
        ),
    )
    create_table(
        "orders",
        sa.Column("id", Id, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("buyer_id", sa.BigInteger, nullable=False),
        sa.Column("buyer_name", sa.String(120), nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("seller_name", sa.String(120), nullable=False),
        sa.Column("state", exact(20), nullable=False),
        sa.Column("currency", exact(3), nullable=False),
        sa.Column("goods_minor", sa.BigInteger, nullable=False),
        sa.Column("shipping_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_at", UtcDateTime, nullable=False),
        sa.Column("shipped_at", UtcDateTime),
        sa.Column("delivered_at", UtcDateTime),
        sa.Column("cancelled_at", UtcDateTime),
        sa.Column("cancelled_by", exact(10)),
        sa.Column("refunded_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("purchase_id", "seller_id", name="uq_orders_purchase_id_seller_id"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_orders_purchase_id"),
    )
    create_index("orders", "buyer_id", "id")
    create_index("orders", "seller_id", "id")
    create_table(
        "simulated_charges",
        sa.Column("key", exact(64), nullable=False),
        sa.Column("outcome", exact(20), nullable=False),
        sa.Column("reference", exact(64)),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", exact(3), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_simulated_charges"),
    )
    create_jobs_table("orders_jobs")
