"""Index the covers of books, to see whether a picture is used by any."""

from bookstore.migrations.steps import create_index

revision = "0009_covers"
down_revision = "0008_purchases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("books", "cover")
