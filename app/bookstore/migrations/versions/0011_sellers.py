"""Create the table of sellers, and pause the listings of those who are suspended already."""

import sqlalchemy as sa
from alembic import op

from bookstore.migrations.steps import create_table

revision = "0011_sellers"
down_revision = "0010_condition_prices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "sellers",
        sa.Column("seller_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("seller_id", name="pk_sellers"),
    )
    op.execute(
        "INSERT INTO sellers (seller_id, paused) SELECT id, 1 FROM users "
        "WHERE suspended_at IS NOT NULL AND id NOT IN (SELECT seller_id FROM sellers)"
    )
    op.execute(
        "UPDATE books SET state = 'paused' WHERE state = 'listed' "
        "AND seller_id IN (SELECT seller_id FROM sellers WHERE paused = 1)"
    )
