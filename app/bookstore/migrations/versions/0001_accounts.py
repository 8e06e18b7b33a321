"""Create the tables of accounts."""

import sqlalchemy as sa

from bookstore.core.db import Id, UtcDateTime, exact
from bookstore.migrations.steps import create_index, create_table

revision = "0001_accounts"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("password_hash", exact(200), nullable=False),
        sa.Column("session_epoch", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    create_table(
        "login_attempts",
        sa.Column("id", Id, nullable=False),
        sa.Column("account_hash", exact(64), nullable=False),
        sa.Column("address", exact(45), nullable=False),
        sa.Column("attempted_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempts"),
    )
    create_index("login_attempts", "account_hash", "attempted_at")
    create_index("login_attempts", "address", "attempted_at")
    create_index("login_attempts", "attempted_at")
