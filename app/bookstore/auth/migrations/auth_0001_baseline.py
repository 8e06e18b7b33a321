"""Create the tables of the auth domain."""

import sqlalchemy as sa

from bookstore.core.db.database import Id, UtcDateTime, exact
from bookstore.migrations.steps import create_index, create_jobs_table, create_table

revision = "auth_0001_baseline"
down_revision = None
branch_labels = None
depends_on = None
oldest_compatible = "auth_0001_baseline"


def upgrade() -> None:
    create_table(
        "accounts",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("password_hash", exact(200), nullable=False),
        sa.Column("session_epoch", sa.BigInteger, nullable=False),
        sa.Column("is_moderator", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("suspended_at", UtcDateTime),
        sa.Column("language", exact(8), nullable=False),
        sa.Column("time_zone", exact(64)),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
    )
    create_index("accounts", "is_moderator")
    create_table(
        "registrations",
        sa.Column("id", Id, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("password_hash", exact(200), nullable=False),
        sa.Column("language", exact(8), nullable=False),
        sa.Column("time_zone", exact(64)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registrations"),
    )
    create_index("registrations", "email")
    create_index("registrations", "created_at")
    create_table(
        "email_change_requests",
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("old_email", exact(254), nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_email_change_requests"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_email_change_requests_account_id"
        ),
    )
    create_index("email_change_requests", "account_id")
    create_index("email_change_requests", "created_at")
    create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("actor_id", Id),
        sa.Column("language", exact(8), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("email", name="uq_invitations_email"),
        sa.ForeignKeyConstraint(["actor_id"], ["accounts.id"], name="fk_invitations_actor_id"),
    )
    create_index("invitations", "actor_id")
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
        sa.Column("account_id", Id, nullable=False),
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
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_addresses_account_id"),
    )
    create_index("addresses", "account_id", "id")
    create_table(
        "audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("actor_id", Id),
        sa.Column("action", exact(20), nullable=False),
        sa.Column("target_id", sa.BigInteger),
        sa.Column("target_name", sa.String(254), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sa.ForeignKeyConstraint(["actor_id"], ["accounts.id"], name="fk_audit_entries_actor_id"),
    )
    create_index("audit_entries", "actor_id")
    create_jobs_table("auth_jobs")
