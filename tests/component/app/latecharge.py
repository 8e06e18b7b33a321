"""A payment that comes when the copies have gone back on sale."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bookstore.catalogue.models import Reservation
from bookstore.catalogue.stock import Stock
from bookstore.core.db.database import Database, now
from bookstore.orders.gateway import SimulatedGateway


def charge_too_late(database: Database, patch: pytest.MonkeyPatch) -> None:
    """Let the time of all reservations be over once a card was charged."""
    charge = SimulatedGateway.charge

    def slow(*arguments: Any) -> str:
        reference = charge(*arguments)
        over = update(Reservation).values(expires_at=now() - timedelta(seconds=1))
        database.transaction(lambda db: db.execute(over).close())
        assert Stock(database).release_expired() == 1
        return reference

    patch.setattr(SimulatedGateway, "charge", slow)
