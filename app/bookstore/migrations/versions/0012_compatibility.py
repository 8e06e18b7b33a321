"""Let the database tell the oldest version of the shop that works with its schema."""

import sqlalchemy as sa

from bookstore.core.db import exact
from bookstore.core.schema import REVISION_TABLE
from bookstore.migrations.steps import add_column

revision = "0012_compatibility"
down_revision = "0011_sellers"
branch_labels = None
depends_on = None
oldest_compatible = "0011_sellers"


def upgrade() -> None:
    add_column(REVISION_TABLE, sa.Column("oldest_compatible", exact(32)))
