"""Keys of services, and what they sign and check by them without a network."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx
from flask import Flask

from bookstore.core.interfaces.contracts import CONTRACTS, implemented
from bookstore.core.rpc import keys
from bookstore.core.rpc.keys import ServiceKeys
from bookstore.core.rpc.server import internal_app
from bookstore.core.rpc.tokens import Signer, Verifier

DOMAINS = ("auth", "catalogue", "orders")


@dataclass(frozen=True)
class Party:
    """A service: what it signs by, and what it publishes."""

    keys: ServiceKeys
    signer: Signer


def party(name: str) -> Party:
    """Make a service with a key of its own."""
    path = Path(tempfile.mkdtemp()) / f"{name}.pem"
    keys.create(path)
    held = ServiceKeys(path)
    return Party(held, Signer(name, held))


PARTIES = {name: party(name) for name in DOMAINS}


def verifier() -> Verifier:
    """Return what knows the keys of all services."""
    return Verifier({name: each.keys for name, each in PARTIES.items()})


SIGNER = PARTIES["orders"].signer


def internal(app: Flask) -> httpx.WSGITransport:
    """Give the way to an internal application that serves all domains of an app."""
    parts = {contract: implemented(contract, app) for contract in CONTRACTS.values()}
    published = PARTIES["catalogue"].keys.published
    return httpx.WSGITransport(internal_app(parts, verifier(), published, app.app_context))
