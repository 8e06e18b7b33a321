"""Sizing: how many workers, threads and database connections a pod of the shop has."""

from collections.abc import Sequence
from decimal import Decimal
from math import ceil
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.services import SERVICES, pods_of_service
from bookstore_operator.components.database.connection import reads_replicas
from bookstore_operator.engine import quantity
from bookstore_operator.store import Store

DEFAULT_WORKERS, DEFAULT_THREADS, DEFAULT_POOL = 2, 8, 4
"""What the shop takes where nothing is said."""

CONNECTIONS_OF_POOL = 2
"""Connections that a worker opens at most in a pool, for each of ``DB_POOL_SIZE``."""

PROBES = 1
"""Connections of a worker beside its pool, by which it tells whether the database answers."""

MIGRATION = 1
"""Connections of a migration, which may run while the pods serve."""

SURGE = 1
"""Pods beside the wanted ones while they are replaced."""

LEAST_POOL, GOOD_POOL = 1, 2
"""What a worker's pool is at least; and what it has before there are more workers."""

MOST_WORKERS = 64
POD_MEMORY, WORKER_MEMORY = 128 * 2**20, 64 * 2**20
"""Bytes that a pod needs for itself, and for each worker: a worker shares most of its memory with
the process that it was forked from, and had 23 MiB of its own after some hundred pages."""

POOLS, POOLS_WITH_REPLICAS = 1, 2
"""Pools of a worker: with reads from replicas one more, of the same size. Both count against the
budget, since where one node is left it has the connections of both."""

_LEAST_OF_WORKER = POOLS * LEAST_POOL * CONNECTIONS_OF_POOL + PROBES
_LEAST_WITH_REPLICAS = POOLS_WITH_REPLICAS * LEAST_POOL * CONNECTIONS_OF_POOL + PROBES
_PERCONA = "self.database.percona"
_EACH = (
    f"(has({_PERCONA}) && has({_PERCONA}.readFromReplicas) && {_PERCONA}.readFromReplicas ? "
    f"{_LEAST_WITH_REPLICAS} : {_LEAST_OF_WORKER})"
)
_WHOLE = (
    "(has(self.autoscaling) ? self.autoscaling.maxReplicas : "
    "(has(self.replicas) ? self.replicas : 2))"
)
_OF_SERVICES = " + ".join(f"{pods_of_service(one, _WHOLE)} + {SURGE}" for one in SERVICES)
_ONE = "self.topology == 'Monolith'"
_PODS = f"({_ONE} ? {_WHOLE} + {SURGE} : {_OF_SERVICES})"
_LEAST = (
    f"({_PODS} * (has(self.web.workers) ? self.web.workers : 1) * {_EACH} + "
    f"({_ONE} ? {MIGRATION} : {MIGRATION * len(SERVICES)}))"
)


class WebServer(ApiModel):
    """What each pod runs, by its resources and by what the database allows."""

    workers: Annotated[int | None, Field(ge=1, le=MOST_WORKERS)] = None
    """Processes that serve in each pod. Where it is left out: one for each CPU of the limit, or
    else of the request, two at least; fewer where memory or connections are too few for them."""

    threads: Annotated[int, Field(ge=1, le=64)] = DEFAULT_THREADS
    """Requests that each of them works on at once."""

    connection_budget: Annotated[int | None, Field(ge=1, le=100000)] = None
    """How many connections the database has for the store; without it nothing is held to it. The
    pools are made so small that all pods together stay below it, one more than the most that the
    spec allows included, as there is during a rollout."""


class WebSpec(ApiModel):
    """The spec's word on what each pod runs."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.web) || !has(self.web.connectionBudget) || "
                f"{_LEAST} <= self.web.connectionBudget",
                "web.connectionBudget is less than all pods open at least, one more than wanted "
                f"included: {_LEAST_OF_WORKER} connections for each of web.workers, "
                f"{_LEAST_WITH_REPLICAS} with readFromReplicas, and 1 for a migration; raise it, "
                "or lower the number of pods or web.workers",
                field=".web.connectionBudget",
            )
        )
    )

    web: WebServer | None = None
    """Size what each pod runs by its resources, for example {connectionBudget: 200}; where it is
    left out it has 2 workers of 8 threads, which open up to 18 connections together, and 16 more
    to replicas that they read from."""


def sizes(store: Store) -> dict[str, str]:
    """Return the shop's settings of its size, as far as they are not what it takes anyway."""
    web = store.fragment(WebSpec).web
    if web is None:
        return {}
    parts = (store.whole or store).counted_parts
    pods = sum(part.spec.most_replicas + SURGE for part in parts)
    left = (web.connection_budget or 0) - MIGRATION * len(parts)
    share = left // pods if web.connection_budget else None
    workers = web.workers or _workers(store, share)
    pool = ceil(web.threads / CONNECTIONS_OF_POOL)
    if share is not None:
        pool = min(pool, (share // workers - PROBES) // _connections_of_pool(store))
    wanted = {
        "WEB_CONCURRENCY": (workers, DEFAULT_WORKERS),
        "WEB_THREADS": (web.threads, DEFAULT_THREADS),
        "DB_POOL_SIZE": (max(pool, LEAST_POOL), DEFAULT_POOL),
    }
    return {name: str(value) for name, (value, usual) in wanted.items() if value != usual}


def least_connections(store: Store, parts: Sequence[Store]) -> int:
    """Return how many connections parts of a store open at least, as the spec's rule counts them.

    Args:
        store: The store.
        parts: What has pods: the shop as one, services, or both.
    """
    web = store.fragment(WebSpec).web
    workers = (web.workers if web else None) or 1
    pods = sum(part.spec.most_replicas + SURGE for part in parts)
    each = LEAST_POOL * _connections_of_pool(store) + PROBES
    return pods * workers * each + MIGRATION * len(parts)


def _connections_of_pool(store: Store) -> int:
    """Return how many connections a worker opens at most, for each of ``DB_POOL_SIZE``."""
    pools = POOLS_WITH_REPLICAS if reads_replicas(store) else POOLS
    return pools * CONNECTIONS_OF_POOL


def _workers(store: Store, share: int | None) -> int:
    """Return how many workers a pod has: by CPU, as far as memory and connections suffice."""
    resources = store.spec.resources
    cpu = quantity.parse(resources.limits.cpu or resources.requests.cpu) or Decimal(1)
    memory = quantity.parse(resources.limits.memory) or Decimal(0)
    bounds = [
        max(DEFAULT_WORKERS, ceil(cpu)),
        int((memory - POD_MEMORY) // WORKER_MEMORY),
        MOST_WORKERS,
    ]
    if share is not None:
        bounds.append(share // (GOOD_POOL * _connections_of_pool(store) + PROBES))
    return max(min(bounds), 1)
