"""The columns of a domain's table of jobs."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from bookstore.core.db.database import TABLE_OPTIONS, Id, UtcDateTime, exact, now

LONGEST_ERROR = 300


class JobColumns:
    """A job: waiting, leased by a worker until a moment, done, or failed.

    Each domain has such a table in its own database. Kind and key together are unique, so that
    the same job is added once however often its cause is repeated.
    """

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(exact(60))
    key: Mapped[str] = mapped_column(exact(100))
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(exact(32))
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(LONGEST_ERROR))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy hands over the class
        """Return the constraints, and the index that due jobs are found by."""
        return (
            UniqueConstraint("kind", "key"),
            Index(None, "done_at", "failed_at", "run_at", "kind"),
            TABLE_OPTIONS,
        )
