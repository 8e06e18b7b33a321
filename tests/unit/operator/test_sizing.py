"""What each pod runs: by its resources, and within the database's connections."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookstore.core.config.settings import Settings
from bookstore.core.db.engine import build_engine, build_reader_engine
from bookstore_operator.components.sizing import (
    CONNECTIONS_OF_POOL,
    DEFAULT_POOL,
    DEFAULT_THREADS,
    DEFAULT_WORKERS,
    sizes,
)
from tests.unit.operator.staging import store
from tests.unit.operator.strategies import resources

DEFAULTS = {
    "WEB_CONCURRENCY": DEFAULT_WORKERS,
    "WEB_THREADS": DEFAULT_THREADS,
    "DB_POOL_SIZE": DEFAULT_POOL,
}


def given_cpu(request: str, limit: str | None = None, memory: str = "4Gi") -> dict[str, Any]:
    limits = {"memory": memory} | ({"cpu": limit} if limit else {})
    return {"requests": {"cpu": request, "memory": "64Mi"}, "limits": limits}


def told(**spec: Any) -> tuple[int, int, int]:
    """Return workers, threads and pool of each pod."""
    found = DEFAULTS | {name: int(value) for name, value in sizes(store(**spec)).items()}
    return found["WEB_CONCURRENCY"], found["WEB_THREADS"], found["DB_POOL_SIZE"]


def test_the_shop_takes_what_the_operator_takes_it_to() -> None:
    shop = Settings(db_host="db", db_user="shop", db_name="shop")
    assert (shop.web_concurrency, shop.web_threads, shop.db_pool_size) == tuple(DEFAULTS.values())
    assert build_engine(shop).pool.size() == CONNECTIONS_OF_POOL * DEFAULT_POOL  # type: ignore[attr-defined]
    assert build_engine(shop).pool._max_overflow == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("spec", [{}, {"web": {}}, {"web": {"threads": 8, "workers": 2}}])
def test_what_the_shop_takes_anyway_is_not_said(spec: dict[str, Any]) -> None:
    assert sizes(store(**spec)) == {}


@pytest.mark.parametrize(
    ("given", "workers"),
    [
        (given_cpu("100m"), 2),
        (given_cpu("3"), 3),
        (given_cpu("500m", "3500m"), 4),
        (given_cpu("8", memory="256Mi"), 2),
        (given_cpu("8", memory="128Mi"), 1),
        (given_cpu("200"), 62),
    ],
)
def test_workers_are_as_many_as_cpus_as_far_as_memory_goes(
    given: dict[str, Any], workers: int
) -> None:
    assert told(resources=given, web={})[0] == workers


def test_a_pool_is_as_large_as_the_threads_that_use_it() -> None:
    assert told(web={"threads": 5}) == (2, 5, 3)


def test_a_small_budget_makes_pools_smaller_before_it_takes_workers_away() -> None:
    # 11 pods of 2 workers: 18 connections each by default.
    assert told(replicas=10, web={"connectionBudget": 11 * 18 + 1}) == (2, 8, 4)
    assert told(replicas=10, web={"connectionBudget": 11 * 18}) == (2, 8, 3)
    assert told(replicas=10, web={"connectionBudget": 11 * 10 + 1}) == (2, 8, 2)
    assert told(replicas=10, web={"connectionBudget": 11 * 10}) == (1, 8, 4)
    assert told(replicas=10, web={"connectionBudget": 11 * 3 + 1}) == (1, 8, 1)


def test_a_worker_that_reads_from_replicas_has_a_second_pool_of_the_same_size() -> None:
    shop = Settings(db_host="db", db_user="shop", db_name="shop", db_reader_host="replicas")
    late = build_reader_engine(shop)
    assert late is not None
    assert late.pool.size() == CONNECTIONS_OF_POOL * DEFAULT_POOL  # type: ignore[attr-defined]
    assert late.pool._max_overflow == 0  # type: ignore[attr-defined]
    assert late.url.host == "replicas"


def test_connections_to_replicas_count_within_the_budget() -> None:
    reading: dict[str, Any] = {"database": {"percona": {"readFromReplicas": True}}}
    # 11 pods of 2 workers: 34 connections each by default.
    assert told(**reading, replicas=10, web={"connectionBudget": 11 * 34 + 1}) == (2, 8, 4)
    assert told(**reading, replicas=10, web={"connectionBudget": 11 * 34}) == (2, 8, 3)
    assert told(**reading, replicas=10, web={"connectionBudget": 11 * 5 + 1}) == (1, 8, 1)


@settings(max_examples=200, deadline=None)
@given(
    late=st.booleans(),
    pods=st.integers(0, 50),
    scaled=st.booleans(),
    workers=st.none() | st.integers(1, 64),
    threads=st.integers(1, 64),
    spare=st.integers(0, 3000),
    given_resources=resources(),
)
def test_all_pods_together_stay_within_the_budget(
    *,
    late: bool,
    pods: int,
    scaled: bool,
    workers: int | None,
    threads: int,
    spare: int,
    given_resources: dict[str, Any],
) -> None:
    # The least that the API server accepts, and more.
    least, pools = (5, 2) if late else (3, 1)
    budget = (pods + 1) * (workers or 1) * least + 1 + spare
    web = {"workers": workers, "threads": threads, "connectionBudget": budget}
    number = {"replicas": None, "autoscaling": {"minReplicas": 1, "maxReplicas": max(pods, 1)}}
    spec = {"resources": given_resources, "web": web, **(number if scaled else {"replicas": pods})}
    if scaled and not pods:
        web["connectionBudget"] = budget = 2 * (workers or 1) * least + 1 + spare
    if late:
        spec["database"] = {"percona": {"readFromReplicas": True}}
    run, _, pool = told(**spec)
    most = max(pods, 1) if scaled else pods
    opened = (most + 1) * run * (pools * CONNECTIONS_OF_POOL * pool + 1) + 1
    assert opened <= budget
    assert workers in (None, run)
