"""The application factory: one code, as the whole shop or as one of its services."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, Flask
from werkzeug.routing import IntegerConverter, Map

from bookstore.auth import setup as auth
from bookstore.auth.attempts import WINDOW
from bookstore.catalogue import setup as catalogue
from bookstore.catalogue.coverfiles import file_name
from bookstore.catalogue.covers import cover_style
from bookstore.catalogue.pictures import WIDTHS, height_of
from bookstore.core.api import document
from bookstore.core.api.routes import Api, Operation
from bookstore.core.config.settings import ConfigurationInvalid, Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import AuthService, current_account
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.interfaces.jobs import JobsService
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.api import api as jobs_api
from bookstore.core.jobs.registry import Jobs
from bookstore.core.jobs.views import blueprint as jobs_pages
from bookstore.core.mail.mailer import Mailer, mailer
from bookstore.core.money import show_money
from bookstore.core.observability import health, metrics
from bookstore.core.observability.health import Readiness
from bookstore.core.paging import LARGEST_ID
from bookstore.core.services import provide
from bookstore.core.web import http, i18n, security, site, timezones, traced
from bookstore.core.web.links import Shop
from bookstore.core.web.pagecache import PageCache
from bookstore.orders import setup as orders


class Domain(NamedTuple):
    """What an app needs to serve a domain, or to do with a client of it."""

    interface: type
    setup: Callable[[Flask], None]
    pages: Sequence[Blueprint]
    apis: Sequence[Api]


class Elsewhere(NamedTuple):
    """What an app asks a domain by that it does not serve itself.

    :ivar service: an implementation of the domain's interface, such as a client.
    :ivar jobs: what is asked of its jobs.
    """

    service: Any
    jobs: JobsService


# In this order: a domain is set up after those that it calls.
DOMAINS = {
    "catalogue": Domain(CatalogueService, catalogue.setup, catalogue.PAGES, catalogue.APIS),
    "auth": Domain(AuthService, auth.setup, auth.PAGES, auth.APIS),
    "orders": Domain(OrdersService, orders.setup, orders.PAGES, orders.APIS),
}
SERVICES = frozenset(DOMAINS)


class IdConverter(IntegerConverter):
    """Match ids that a database can hold; larger numbers are addresses with nothing there."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, min=1, max=LARGEST_ID)


def create_app(
    settings: Settings | None = None,
    services: Collection[str] = SERVICES,
    elsewhere: Mapping[str, Elsewhere] | None = None,
) -> Flask:
    """Make the application; it opens no connection yet.

    :param settings: the settings; by default from the environment.
    :param services: the domains that are served here, of auth, catalogue and orders.
    :param elsewhere: how each other domain is asked.
    :raise ConfigurationInvalid: when settings are wrong or a domain has no implementation.
    """
    settings = settings or load_settings()
    app = Shop("bookstore")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.url_map.converters["id"] = IdConverter
    database = provide(app, Database, Database(settings))
    if settings.service is not None or settings.otel_exporter_otlp_endpoint is not None:
        traced.install(app)
    watches = [http.log_answer]
    if settings.metrics_port:
        most = None if settings.on_sqlite else settings.most_connections
        metrics.watch_pools(database.engines, most)
        watches.append(metrics.count)
        if database.reader is not None:
            database.reader.watch = metrics.count_late_read
    http.install(app, watches, limit_seconds=int(WINDOW.total_seconds()))
    i18n.install(app)
    timezones.install(app, settings.time_zone)
    provide(app, PageCache, PageCache(settings.page_cache_seconds))
    _link_elsewhere(app, settings, services)
    security.install(app, settings, app.bases)
    probe = health.probe_engine(settings)
    provide(app, Readiness, Readiness(probe, tuple(sorted(services))))
    app.register_blueprint(health.blueprint)
    provide(app, Mailer, mailer(settings))
    elsewhere = elsewhere or {}
    provide(app, Jobs, Jobs(app.app_context, {name: each.jobs for name, each in elsewhere.items()}))
    _set_up_domains(app, services, elsewhere)
    app.register_blueprint(jobs_pages)
    app.register_blueprint(jobs_api.blueprint)
    hosts = _hosts_elsewhere(settings, services)
    app.register_blueprint(document.serve(operations(), hosts))
    site.install(app)
    _give_templates_their_tools(app)
    return app


def operations() -> list[Operation]:
    """Return what the API of the whole shop can do, in the order of its document."""
    apis = [api for _, domain in sorted(DOMAINS.items()) for api in domain.apis]
    return [operation for api in (*apis, jobs_api) for operation in api.operations]


def _link_elsewhere(app: Shop, settings: Settings, services: Collection[str]) -> None:
    for name, domain in DOMAINS.items():
        if name not in services:
            app.link_elsewhere(domain.pages, settings.public_urls[name])


def _hosts_elsewhere(settings: Settings, services: Collection[str]) -> Mapping[str, str]:
    """Return the host of each API that is served at another one than this app's."""
    return {
        api.name: host.rstrip("/")
        for name, domain in DOMAINS.items()
        if name not in services and (host := settings.public_urls[name]) is not None
        for api in domain.apis
    }


def _set_up_domains(
    app: Flask, services: Collection[str], elsewhere: Mapping[str, Elsewhere]
) -> None:
    for name, domain in DOMAINS.items():
        if name in services:
            continue
        if name not in elsewhere:
            raise ConfigurationInvalid(
                f"The service {name} is neither served here nor given a client; "
                "add it to services, or pass its client in elsewhere."
            )
        provide(app, domain.interface, elsewhere[name].service)
    for name, domain in DOMAINS.items():
        if name in services:
            domain.setup(app)
            for blueprint in domain.pages:
                app.register_blueprint(blueprint)
            for api in domain.apis:
                app.register_blueprint(api.blueprint)


def _give_templates_their_tools(app: Flask) -> None:
    @app.template_filter("money")
    def money(minor: int, currency: str) -> str:
        return show_money(minor, currency, i18n.language())

    # Globals, not of a context: what macros use that are imported, and so made once.
    app.jinja_env.globals.update(
        current_account=current_account,
        cover_style=cover_style,
        cover_file=file_name,
        cover_widths=WIDTHS,
        cover_height=height_of,
    )
    app.jinja_env.globals.setdefault("cart_count", lambda: 0)
