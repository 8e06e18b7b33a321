"""What the orders domain is made of."""

from flask import Flask

from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import provide, service
from bookstore.orders.api import api as orders_api
from bookstore.orders.cart_views import blueprint as cart_pages
from bookstore.orders.checkout_views import blueprint as checkout_pages
from bookstore.orders.fulfilment_views import blueprint as fulfilment_pages
from bookstore.orders.gateway import SimulatedGateway
from bookstore.orders.models import OrdersJob
from bookstore.orders.order_mails import OrderMails
from bookstore.orders.purchase_api import api as purchases_api
from bookstore.orders.purchase_mails import PurchaseMails
from bookstore.orders.service import LocalOrders
from bookstore.orders.views import blueprint as orders_pages

PAGES = (orders_pages, cart_pages, checkout_pages, fulfilment_pages)
APIS = (purchases_api, orders_api)


def setup(app: Flask) -> None:
    """Provide the domain's services to an app."""
    database = service(Database, app)
    catalogue = service(CatalogueService, app)
    queue = service(Jobs, app).open("orders", database, OrdersJob)
    orders = LocalOrders(database, catalogue, SimulatedGateway(database), queue)
    PurchaseMails(orders.purchases).handle(queue)
    OrderMails(orders.history).handle(queue)
    provide(app, LocalOrders, orders)
    provide(app, OrdersService, orders)
