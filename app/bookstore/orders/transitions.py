"""The states of an order, and who may bring it from one to the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from bookstore.core.db.database import changed_rows, once_committed
from bookstore.core.observability.metrics import ORDERS
from bookstore.orders.models import Order, OrderState


class Role(StrEnum):
    """Who somebody is to an order."""

    BUYER = "buyer"
    SELLER = "seller"


class Verb(StrEnum):
    """What is done to an order."""

    SHIP = "ship"
    RECEIVE = "receive"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Transition:
    """A way from one state to another, and who may take it."""

    before: OrderState
    after: OrderState
    by: frozenset[Role]


TRANSITIONS: Mapping[Verb, Transition] = {
    Verb.SHIP: Transition(OrderState.PAID, OrderState.SHIPPED, frozenset({Role.SELLER})),
    Verb.RECEIVE: Transition(OrderState.SHIPPED, OrderState.DELIVERED, frozenset({Role.BUYER})),
    Verb.CANCEL: Transition(
        OrderState.PAID, OrderState.CANCELLED, frozenset({Role.BUYER, Role.SELLER})
    ),
}
SOLD = (OrderState.PAID, OrderState.SHIPPED, OrderState.DELIVERED)


def open_to(role: Role, state: str) -> list[Verb]:
    """Return what somebody may do to an order in a state."""
    return [verb for verb, step in TRANSITIONS.items() if step.before == state and role in step.by]


def move(db: Session, order_id: int, verb: Verb, values: Mapping[str, object]) -> bool:
    """Bring an order into its next state, if it still is in the one before.

    Of several at once, exactly one wins: the state is part of the UPDATE's condition.

    :param values: what else changes with it, by column.
    :return: whether this call has moved it.
    """
    step = TRANSITIONS[verb]
    moved = changed_rows(
        db,
        update(Order)
        .where(Order.id == order_id, Order.state == step.before)
        .values(state=step.after, **values),
    )
    if moved == 1:
        once_committed(db, ORDERS.labels(step.after).inc)
    return moved == 1
