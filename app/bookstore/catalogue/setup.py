"""What the catalogue is made of."""

from flask import Flask

from bookstore.catalogue.api import api
from bookstore.catalogue.coverfiles import Covers
from bookstore.catalogue.service import LocalCatalogue
from bookstore.catalogue.views import blueprint
from bookstore.core.config import Settings
from bookstore.core.db import Database
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.services import provide, service

APIS = (api,)


def setup(app: Flask) -> None:
    """Provide the domain's services to an app, and serve its pages."""
    database = service(Database, app)
    catalogue = LocalCatalogue(database)
    provide(app, LocalCatalogue, catalogue)
    provide(app, CatalogueService, catalogue)
    provide(app, Covers, Covers(database, service(Settings, app).uploads))
    app.register_blueprint(blueprint)
