"""What goes on in three services for one request is one trace, and their calls are counted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.replicas.services import DOMAINS, Services, three_services
from tests.support.collector import Collector, Span, collecting
from tests.support.poll import eventually
from tests.support.tracepicture import drawn

SENT_WITHIN = 90


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def services(
    mysql_url: str, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    """Give the shop as three services, which send traces."""
    folder = tmp_path_factory.mktemp("traced")
    with three_services(mysql_url, folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as services:
        yield services


@pytest.fixture(scope="module")
def purchase(services: Services, collector: Collector) -> list[Span]:
    """Give the spans of a purchase, with those of the mails that follow it."""
    seller, buyer = services.shopper(), services.shopper()
    seller.register()
    book = seller.publish("Rayuela", 3)
    buyer.register()
    buyer.buy(book)

    def all_of_it() -> list[Span]:
        spans = collector.trace_of("POST /checkout")
        assert {span.service for span in spans} == set(DOMAINS), [span.name for span in spans]
        mails = [span for span in spans if span.kind == "CONSUMER" and "mail" in span.name]
        assert len(mails) == 2, [span.name for span in spans]
        return spans

    return eventually(all_of_it, within=SENT_WITHIN)


def test_a_purchase_is_one_trace_over_three_services(purchase: list[Span]) -> None:
    by_id = {span.id: span for span in purchase}
    (first,) = [span for span in purchase if not span.parent_id]
    assert (first.service, first.name, first.kind) == ("orders", "POST /checkout", "SERVER")
    assert first.attributes["http.response.status_code"] == 303
    assert not any(span.failed for span in purchase)
    above = {
        (span.service, span.name, by_id[span.parent_id].service, by_id[span.parent_id].name)
        for span in purchase
        if span is not first
    }
    pay = ("orders", "database transaction")
    for call in ("books", "reserve", "confirm"):
        name = f"catalogue.{call}"
        assert ("orders", name, "orders", "POST /checkout") in above
        assert ("catalogue", name, "orders", name) in above
    for name in ("catalogue.reserve", "catalogue.confirm"):
        assert ("catalogue", "database transaction", "catalogue", name) in above
    for job in ("orders job mail.sale", "orders job mail.purchase"):
        # Added by the transaction that wrote down the payment.
        assert ("orders", job, *pay) in above
        assert ("orders", "auth.account", "orders", job) in above
    assert ("auth", "auth.account", "orders", "auth.account") in above


def test_a_trace_holds_no_secret_and_nobody(purchase: list[Span]) -> None:
    told = " ".join(f"{span.name} {span.attributes}" for span in purchase)
    for word in ("4242", "@", "Calle", "Medellín"):
        assert word not in told


def test_what_nobody_waits_for_is_no_trace(purchase: list[Span], collector: Collector) -> None:
    # Probes, and workers that look for jobs.
    first = {span.name for span in collector.spans if not span.parent_id}
    assert not {name for name in first if "readyz" in name or "database" in name}


def test_the_trace_can_be_drawn(purchase: list[Span], tmp_path: Path) -> None:
    picture = drawn(purchase, "A purchase across three services")
    for span in purchase:
        assert f">{span.name}<" in picture
    # The picture in the documentation was made so.
    Path(os.environ.get("TRACE_PICTURE", tmp_path / "trace.svg")).write_text(picture)


def test_calls_are_counted_by_who_called_whom(services: Services, purchase: list[Span]) -> None:
    port = services.servers["orders"].environment["METRICS_PORT"]
    told = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    labels = 'called="catalogue",method="reserve"'
    counted = f'bookstore_calls_total{{{labels},outcome="answered",service="orders"}} 1.0'
    assert counted in told.splitlines()
    assert f'bookstore_call_seconds_count{{{labels},service="orders"}} 1.0' in told.splitlines()
    circuits = re.findall(r'^bookstore_circuit_open\{called="(\w+)",.*\} 0\.0$', told, re.MULTILINE)
    assert sorted(circuits) == ["auth", "catalogue"]
