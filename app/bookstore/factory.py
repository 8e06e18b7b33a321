"""The application factory: one code, as the whole shop or as one of its services."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from bookstore.auth.account import blueprint as account_pages
from bookstore.auth.admin import blueprint as admin_pages
from bookstore.auth.api import api as auth_api
from bookstore.auth.attempts import WINDOW
from bookstore.auth.email_api import api as email_api
from bookstore.auth.email_change import EmailChange
from bookstore.auth.email_views import blueprint as email_pages
from bookstore.auth.moderation import Moderation
from bookstore.auth.moderation_api import api as moderation_api
from bookstore.auth.recovery import Recovery
from bookstore.auth.recovery_views import blueprint as recovery_pages
from bookstore.auth.service import LocalAuth
from bookstore.auth.views import blueprint as auth_pages
from bookstore.catalogue.api import api as catalogue_api
from bookstore.catalogue.coverfiles import Covers
from bookstore.catalogue.covers import cover_style
from bookstore.catalogue.forms import Search
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.views import blueprint as catalogue_pages
from bookstore.core import health, http, i18n, mail, metrics, pagecache, security
from bookstore.core.api import document
from bookstore.core.config import ConfigurationInvalid, Settings, load_settings
from bookstore.core.db import Database
from bookstore.core.fragments import fragment, fragments
from bookstore.core.interfaces.auth import current_account
from bookstore.core.money import show_money
from bookstore.core.paging import LARGEST_ID
from bookstore.orders.api import api as orders_api
from bookstore.orders.cart_views import blueprint as cart_pages
from bookstore.orders.checkout_views import blueprint as checkout_pages
from bookstore.orders.fulfilment_views import blueprint as fulfilment_pages
from bookstore.orders.gateway import SimulatedGateway
from bookstore.orders.purchase_api import api as purchases_api
from bookstore.orders.service import LocalOrders
from bookstore.orders.views import blueprint as orders_pages

SERVICES = frozenset({"auth", "catalogue", "orders"})
PAGES = {
    "auth": (auth_pages, account_pages, email_pages, recovery_pages, admin_pages),
    "catalogue": (catalogue_pages,),
    "orders": (orders_pages, cart_pages, checkout_pages, fulfilment_pages),
}
APIS = {
    "auth": (auth_api, email_api, moderation_api),
    "catalogue": (catalogue_api,),
    "orders": (purchases_api, orders_api),
}


class IdConverter(IntegerConverter):
    """Match ids that a database can hold; larger numbers are addresses with nothing there."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, min=1, max=LARGEST_ID)


def create_app(
    settings: Settings | None = None,
    services: Collection[str] = SERVICES,
    elsewhere: Mapping[str, Any] | None = None,
) -> Flask:
    """Make the application; it opens no connection yet.

    :param settings: the settings; by default from the environment.
    :param services: the domains that are served here, of auth, catalogue and orders.
    :param elsewhere: for each other domain its client, an implementation of its interface.
    :raise ConfigurationInvalid: when settings are wrong or a domain has no implementation.
    """
    settings = settings or load_settings()
    app = Flask("bookstore")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.url_map.converters["id"] = IdConverter
    database = Database(settings)
    app.extensions["bookstore.database"] = database
    watches = [http.log_answer]
    if settings.metrics_port:
        metrics.watch_pool(database.engine)
        watches.append(metrics.count)
    http.install(app, watches, limit_seconds=int(WINDOW.total_seconds()))
    i18n.install(app)
    pagecache.install(app, settings.page_cache_seconds, tuple(Search.model_fields), watches)
    security.install(app, settings)
    app.extensions["bookstore.readiness"] = health.Readiness(
        health.probe_engine(settings), tuple(sorted(services))
    )
    app.register_blueprint(health.blueprint)
    app.extensions["bookstore.covers"] = Covers(database, settings.uploads)
    elsewhere = elsewhere or {}
    catalogue = elsewhere.get("catalogue", LocalCatalogue(database))
    auth = LocalAuth(database, str(app.secret_key).encode())
    app.extensions["bookstore.mail"] = mail.mailer(settings)
    keys = [*app.config["SECRET_KEY_FALLBACKS"], str(app.secret_key)]
    mailer = app.extensions["bookstore.mail"]
    app.extensions["bookstore.recovery"] = Recovery(database, auth, mailer, keys)
    app.extensions["bookstore.email_change"] = EmailChange(database, auth, mailer, keys)
    app.extensions["bookstore.moderation"] = Moderation(database, auth, catalogue)
    implementations = {
        "auth": auth,
        "catalogue": catalogue,
        "orders": LocalOrders(database, catalogue, SimulatedGateway(database)),
        **elsewhere,
    }
    for name in sorted(SERVICES):
        if name not in services and name not in elsewhere:
            raise ConfigurationInvalid(
                f"The service {name} is neither served here nor given a client; "
                "add it to services, or pass its client in elsewhere."
            )
        app.extensions[f"bookstore.{name}"] = implementations[name]
        if name in services:
            for blueprint in PAGES[name]:
                app.register_blueprint(blueprint)
    served = [api for name in sorted(APIS) if name in services for api in APIS[name]]
    for api in served:
        app.register_blueprint(api.blueprint)
    app.register_blueprint(document.serve([op for api in served for op in api.operations]))
    _give_templates_their_tools(app)
    return app


def _give_templates_their_tools(app: Flask) -> None:
    @app.template_filter("money")
    def money(minor: int, currency: str) -> str:
        return show_money(minor, currency, i18n.language())

    # Globals, not of a context: what macros use that are imported, and so made once.
    app.jinja_env.globals.update(
        current_account=current_account,
        cover_style=cover_style,
        fragment=fragment,
        fragments=fragments,
    )
