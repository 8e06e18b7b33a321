"""What the catalogue is made of."""

from flask import Flask

from bookstore.catalogue.api import api as catalogue_api
from bookstore.catalogue.coverfiles import Covers
from bookstore.catalogue.coversweep import Sweeper
from bookstore.catalogue.models import CatalogueJob
from bookstore.catalogue.moderation_api import api as book_moderation_api
from bookstore.catalogue.moderation_views import blueprint as book_moderation_pages
from bookstore.catalogue.ownbooks_api import api as own_books_api
from bookstore.catalogue.ownbooks_views import blueprint as own_books_pages
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.shippingestimates import ShippingEstimates
from bookstore.catalogue.views import blueprint as catalogue_pages
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.jobs.registry import DAY_SECONDS, Jobs
from bookstore.core.services import provide, service

PAGES = (catalogue_pages, own_books_pages, book_moderation_pages)
APIS = (catalogue_api, own_books_api, book_moderation_api)
# A million files take half an hour.
SWEEP_LEASE_SECONDS = 2 * 3600
EXPIRY_SECONDS = 300


def setup(app: Flask) -> None:
    """Provide the domain's services to an app."""
    database = service(Database, app)
    catalogue = LocalCatalogue(database)
    provide(app, LocalCatalogue, catalogue)
    provide(app, CatalogueService, catalogue)
    provide(app, ShippingEstimates, ShippingEstimates())
    covers = provide(app, Covers, Covers(database, service(Settings, app).uploads))
    queue = service(Jobs, app).open("catalogue", database, CatalogueJob)
    queue.handle(
        "covers.sweep",
        Sweeper(covers).run,
        attempts=3,
        lease_seconds=SWEEP_LEASE_SECONDS,
        every_seconds=DAY_SECONDS,
    )
    queue.handle(
        "reservation.expire",
        lambda _job: catalogue.stock.release_expired(),
        attempts=3,
        every_seconds=EXPIRY_SECONDS,
    )
