"""The shop as a process has it: whole, or one of its services with clients of the others."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from bookstore.auth.access import hand_out
from bookstore.auth.service import LocalAuth
from bookstore.catalogue.models import CatalogueKeptKeys
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.config.settings import ConfigurationInvalid, Settings
from bookstore.core.db.database import Database
from bookstore.core.identity.kept import KeptKeys, KeptKeysColumns
from bookstore.core.identity.known import KnownSessions, keep_cookie
from bookstore.core.identity.revocations import Belief, Revocations
from bookstore.core.interfaces.contracts import CONTRACTS, implemented
from bookstore.core.observability.metrics import CallMetrics
from bookstore.core.rpc.client import client
from bookstore.core.rpc.jwks import PublishedKeys
from bookstore.core.rpc.keys import KeyFileInvalid, ServiceKeys
from bookstore.core.rpc.server import InternalPort, internal_app
from bookstore.core.rpc.tokens import PublicKeys, Signer, Verifier
from bookstore.core.services import provide, service
from bookstore.core.web import resting
from bookstore.core.web.security import secret_key
from bookstore.factory import Elsewhere, create_app
from bookstore.orders.models import OrdersKeptKeys
from bookstore.orders.service import LocalOrders

KEPT_KEYS: Mapping[str, type[KeptKeysColumns]] = {
    "catalogue": CatalogueKeptKeys,
    "orders": OrdersKeptKeys,
}


def make_shop(settings: Settings) -> Flask:
    """Make the application of this process, as its settings say.

    :raise ConfigurationInvalid: when the keys of a service cannot be read.
    """
    return create_app(settings) if settings.service is None else _make_service(settings)


def _make_service(settings: Settings) -> Flask:
    name = str(settings.service)
    try:
        keys = ServiceKeys(settings.service_key_file)  # type: ignore[arg-type] # checked before
    except KeyFileInvalid as invalid:
        raise ConfigurationInvalid(f"SERVICE_KEY_FILE: {invalid}") from invalid
    signer = Signer(name, keys)
    urls = {other: str(url) for other, url in settings.internal_urls.items()}
    memories: dict[str, KeptKeys] = {}
    if name in KEPT_KEYS:
        # What the others sign ends with the call; what auth signed, readers carry on without it.
        former = [each.get_secret_value() for each in reversed(settings.secret_key_fallbacks)]
        secrets = [*former, secret_key(settings)]
        kept = KeptKeys(name, lambda: service(Database, app), KEPT_KEYS[name], secrets)
        memories["auth"] = kept
    issuers: dict[str, PublicKeys] = {
        other: PublishedKeys(other, url, memory=memories.get(other)) for other, url in urls.items()
    }
    watch = CallMetrics() if settings.metrics_port else None
    clients: dict[str, Any] = {
        other: client(CONTRACTS[other], CONTRACTS[other].interface, url, signer, watch=watch)
        for other, url in urls.items()
    }
    elsewhere = {other: Elsewhere(each, each) for other, each in clients.items()}
    verifier = Verifier(issuers)
    if name == "auth":
        app = create_app(settings, {name}, elsewhere)
        provide(app, Signer, signer)
        hand_out(app, Verifier({name: keys}))
        for other, part in clients.items():
            service(LocalAuth, app).events.subscribe_sessions(other, part)
    else:

        def belief(account_id: int) -> Belief:
            return _revocations(app).belief(account_id)

        sessions = KnownSessions(clients["auth"], verifier, belief)
        elsewhere["auth"] = elsewhere["auth"]._replace(service=sessions)
        app = create_app(settings, {name}, elsewhere)
        keep_cookie(app)
    app.register_blueprint(resting.blueprint)
    contract = CONTRACTS[name]
    parts = {contract: implemented(contract, app)}
    internal = internal_app(parts, verifier, keys.published, app.app_context)
    port = InternalPort(internal.wsgi_app, app.wsgi_app, settings.internal_port)
    app.wsgi_app = port  # type: ignore[method-assign]
    return app


def _revocations(app: Flask) -> Revocations:
    if service(Settings, app).service == "catalogue":
        return service(LocalCatalogue, app).revocations
    return service(LocalOrders, app).revocations
