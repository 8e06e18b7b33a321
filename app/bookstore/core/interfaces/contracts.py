"""The interfaces as contracts, by which one service of the shop calls another."""

from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService, OutOfStock, ReservationExpired
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.rpc.contract import Contract

AUTH = Contract("auth", AuthService)
CATALOGUE = Contract("catalogue", CatalogueService, (OutOfStock, ReservationExpired))
ORDERS = Contract("orders", OrdersService)
CONTRACTS = {contract.domain: contract for contract in (AUTH, CATALOGUE, ORDERS)}
