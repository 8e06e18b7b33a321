"""Index the books for every order that the catalogue is shown in, and for its filters."""

from bookstore.migrations.steps import create_index

revision = "0007_catalogue_orders"
down_revision = "0006_order_states"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("books", "state", "price_minor", "id")
    create_index("books", "state", "title", "id")
    create_index("books", "state", "condition", "id")
    create_index("books", "state", "language", "id")
    create_index("books", "state", "language", "price_minor", "id")
    create_index("books", "state", "language", "title", "id")
