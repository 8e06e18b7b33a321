"""Index the books of a condition by price."""

from bookstore.migrations.steps import create_index

revision = "0010_condition_prices"
down_revision = "0009_covers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("books", "state", "condition", "price_minor", "id")
