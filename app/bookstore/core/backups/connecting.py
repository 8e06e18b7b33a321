"""The connection of a backup or a restore."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bookstore.core.backups.manifest import BackupFailed
from bookstore.core.config.settings import Settings
from bookstore.core.db.engine import build_engine, driver_message
from bookstore.core.db.migrate import wait_for_database
from bookstore.core.db.places import PlaceUnclear


@contextmanager
def connected(settings: Settings, wait_seconds: float) -> Iterator[Connection]:
    """Connect once the database answers.

    :raise BackupFailed: when it refuses something meanwhile.
    """
    engine = build_engine(settings, patient=True)
    try:
        wait_for_database(engine, wait_seconds)
        with engine.connect() as connection:
            yield connection
    except PlaceUnclear as unclear:
        raise BackupFailed(str(unclear)) from unclear
    except SQLAlchemyError as error:
        raise BackupFailed(f"The database refused: {driver_message(error)}.") from error
    finally:
        engine.dispose()
