"""Marks that choose the databases of a test; without one it runs on each kind."""

from __future__ import annotations

import pytest

# For what no database can do differently: forms, sentences, mail, who may see a page.
on_sqlite = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
