"""A whole shop on a MySQL whose tables a root may move, and that commands are run for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine, make_url

from tests.support.keys import SECRET_KEY


@dataclass
class WholeShop:
    """The shop's own database, its folder, and a root's way to the server."""

    uri: str
    folder: Path
    root: Engine

    @property
    def name(self) -> str:
        """Return the name of its schema."""
        return str(make_url(self.uri).database)

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the settings of its commands."""
        return {
            "SQLALCHEMY_DATABASE_URI": self.uri,
            "SECRET_KEY": SECRET_KEY,
            "INSTANCE_DIR": str(self.folder),
        }
