"""The interfaces as contracts, by which one service of the shop calls another."""

from collections.abc import Mapping

from flask import Flask

from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService, OutOfStock, ReservationExpired
from bookstore.core.interfaces.jobs import JobsService
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.registry import Jobs
from bookstore.core.rpc.contract import Contract
from bookstore.core.services import service

OF_EACH = (JobsService,)
REFUSALS = (OutOfStock, ReservationExpired)
AUTH = Contract("auth", AuthService, shared=OF_EACH)
CATALOGUE = Contract("catalogue", CatalogueService, REFUSALS, shared=OF_EACH)
ORDERS = Contract("orders", OrdersService, shared=OF_EACH)
CONTRACTS = {contract.domain: contract for contract in (AUTH, CATALOGUE, ORDERS)}


def implemented(contract: Contract, app: Flask) -> Mapping[type, object]:
    """Return what implements each protocol of a contract, in an app that serves its domain."""
    return {
        contract.interface: service(contract.interface, app),
        JobsService: service(Jobs, app).of(contract.domain),
    }
