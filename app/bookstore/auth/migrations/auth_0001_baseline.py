"""Create the tables of the auth domain."""

import sqlalchemy as sa

from bookstore.core.db import Id, UtcDateTime, exact
from bookstore.migrations.steps import create_index, create_jobs_table, create_table

revision = "auth_0001_baseline"
down_revision = None
branch_labels = None
depends_on = None
oldest_compatible = "auth_0001_baseline"


def upgrade() -> None:
    create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("password_hash", exact(200), nullable=False),
        sa.Column("session_epoch", sa.BigInteger, nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("suspended_at", UtcDateTime),
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
    create_table(
        "addresses",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("recipient", sa.String(120), nullable=False),
        sa.Column("line1", sa.String(200), nullable=False),
        sa.Column("line2", sa.String(200), nullable=False),
        sa.Column("city", sa.String(120), nullable=False),
        sa.Column("region", sa.String(120), nullable=False),
        sa.Column("postal_code", sa.String(20), nullable=False),
        sa.Column("country", sa.String(80), nullable=False),
        sa.Column("phone", sa.String(30), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_addresses_user_id"),
    )
    create_index("addresses", "user_id", "id")
    create_table(
        "audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("actor_id", Id),
        sa.Column("action", exact(20), nullable=False),
        sa.Column("target_id", sa.BigInteger, nullable=False),
        sa.Column("target_name", sa.String(254), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_audit_entries_actor_id"),
    )
    create_index("audit_entries", "actor_id")
    create_jobs_table("auth_jobs")
