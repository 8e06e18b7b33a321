"""The key that the tests' shops sign with."""

from __future__ import annotations

SECRET_KEY = "for the tests alone, not secret"
