"""Create the tables of the catalogue domain."""

import sqlalchemy as sa

from bookstore.core.db.database import Id, UtcDateTime, exact
from bookstore.migrations.steps import (
    create_fulltext_index,
    create_index,
    create_jobs_table,
    create_table,
)

revision = "catalogue_0001_baseline"
down_revision = None
branch_labels = None
depends_on = None
oldest_compatible = "catalogue_0001_baseline"


def upgrade() -> None:
    create_table(
        "sellers",
        sa.Column("account_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_sellers"),
    )
    create_table(
        "books",
        sa.Column("id", Id, nullable=False),
        sa.Column("seller_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("isbn", exact(13)),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("condition", exact(20), nullable=False),
        sa.Column("language", exact(10), nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", exact(3), nullable=False),
        sa.Column("stock", sa.Integer, nullable=False),
        sa.Column("sold", sa.Integer, nullable=False),
        sa.Column("state", exact(20), nullable=False),
        sa.Column("cover", exact(64)),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("seed_key", exact(64)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_books"),
        sa.UniqueConstraint("seed_key", name="uq_books_seed_key"),
        sa.CheckConstraint("stock >= 0", name="ck_books_stock_not_negative"),
        sa.CheckConstraint("price_minor > 0", name="ck_books_price_positive"),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.account_id"], name="fk_books_seller_id"),
    )
    create_index("books", "state", "id")
    create_index("books", "state", "price_minor", "id")
    create_index("books", "state", "title", "id")
    create_index("books", "state", "condition", "id")
    create_index("books", "state", "condition", "price_minor", "id")
    create_index("books", "state", "language", "id")
    create_index("books", "state", "language", "price_minor", "id")
    create_index("books", "state", "language", "title", "id")
    create_index("books", "seller_id", "id")
    create_index("books", "seller_id", "sold")
    create_index("books", "isbn")
    create_index("books", "cover")
    create_fulltext_index("books", "search_text")
    create_table(
        "reservations",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", exact(64), nullable=False),
        sa.Column("book_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("state", exact(20), nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.UniqueConstraint("key", "book_id", name="uq_reservations_key_book_id"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_reservations_book_id"),
    )
    create_index("reservations", "state", "expires_at")
    create_table(
        "book_audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("actor_id", sa.BigInteger, nullable=False),
        sa.Column("actor_name", sa.String(80), nullable=False),
        sa.Column("action", exact(20), nullable=False),
        sa.Column("book_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_book_audit_entries"),
    )
    create_jobs_table("catalogue_jobs")
