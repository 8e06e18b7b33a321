"""What the catalogue is made of."""

from flask import Flask

from bookstore.catalogue.admin import blueprint as book_moderation_pages
from bookstore.catalogue.api import api as catalogue_api
from bookstore.catalogue.coverfiles import Covers
from bookstore.catalogue.moderation_api import api as book_moderation_api
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.views import blueprint as catalogue_pages
from bookstore.core.config import Settings
from bookstore.core.db import Database
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.services import provide, service

PAGES = (catalogue_pages, book_moderation_pages)
APIS = (catalogue_api, book_moderation_api)


def setup(app: Flask) -> None:
    """Provide the domain's services to an app, and serve its pages."""
    database = service(Database, app)
    catalogue = LocalCatalogue(database)
    provide(app, LocalCatalogue, catalogue)
    provide(app, CatalogueService, catalogue)
    provide(app, Covers, Covers(database, service(Settings, app).uploads))
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
