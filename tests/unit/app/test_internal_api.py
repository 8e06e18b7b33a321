"""What services ask of one another is as it was told, and as the version before can take it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from click.testing import CliRunner

from bookstore.cli.contracts import contracts
from bookstore.cli.gateway import DEFAULT, gateway, routes
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.interfaces.contracts import CONTRACTS
from bookstore.core.rpc import jwks
from bookstore.core.rpc.contract import Contract
from bookstore.core.rpc.openapi import document
from bookstore.core.rpc.schemas import breaks, described
from tests.support import revisions

ROOT = Path(__file__).parents[3]
TODAY = ROOT / "docs" / "reference" / "internal-api.json"

Told = dict[str, Any]


def test_the_committed_contracts_are_those_of_the_code() -> None:
    done = CliRunner().invoke(contracts, ["--check", str(TODAY)])
    assert (done.exit_code, done.output) == (0, "")


@pytest.mark.parametrize("domain", sorted(CONTRACTS))
def test_the_committed_document_of_an_internal_api_is_the_made_one_and_valid(domain: str) -> None:
    committed = ROOT / "docs" / "reference" / f"internal-{domain}.openapi.json"
    done = CliRunner().invoke(contracts, ["--openapi", domain, "--check", str(committed)])
    assert (done.exit_code, done.output) == (0, "")
    schemathesis.openapi.from_path(committed).validate()
    told = json.loads(committed.read_text())["paths"]
    assert set(told) == {f"/{domain}/{name}" for name in CONTRACTS[domain].methods} | {jwks.PATH}


def test_what_services_share_hides_no_method_of_a_domains_own() -> None:
    for contract in CONTRACTS.values():
        own = Contract(contract.domain, contract.interface).methods
        assert {contract.methods[name].interface for name in own} == {contract.interface}


def test_an_error_of_a_contract_is_one_of_its_document() -> None:
    contract = CONTRACTS["catalogue"]
    packed = contract.pack_error(OutOfStock(7, 2))
    refusals = document(contract)["paths"]["/catalogue/reserve"]["post"]["responses"]["409"]
    jsonschema.validate(packed, refusals["content"]["application/json"]["schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(packed | {"of": {}}, refusals["content"]["application/json"]["schema"])


def test_services_of_the_version_before_and_of_this_one_can_call_one_another(
    tmp_path: Path, release_of_services: str
) -> None:
    before = tmp_path / TODAY.name
    before.write_bytes(revisions.git("show", f"{release_of_services}:{TODAY.relative_to(ROOT)}"))
    done = CliRunner().invoke(contracts, ["--compatible-with", str(before)])
    assert (done.exit_code, done.output) == (0, "")


def method(told: Told, name: str) -> Told:
    domain, _, method = name.partition(".")
    found: Told = told[domain]["methods"][method]
    return found


def lose_a_method(told: Told) -> None:
    del told["catalogue"]["methods"]["release"]


def lose_an_argument(told: Told) -> None:
    del method(told, "catalogue.release")["arguments"]["properties"]["book_ids"]


def want_another_argument(told: Told) -> None:
    arguments = method(told, "catalogue.release")["arguments"]
    arguments["properties"]["why"] = {"type": "string"}
    arguments["required"].append("why")


def let_an_argument_be_left_out(told: Told) -> None:
    method(told, "catalogue.reserve")["arguments"]["required"].remove("expires_at")


def change_the_type_of_an_argument(told: Told) -> None:
    arguments = method(told, "auth.account")["arguments"]
    arguments["properties"]["account_id"]["type"] = "string"


def lose_a_field_of_an_answer(told: Told) -> None:
    book = method(told, "catalogue.books")["answer"]["additionalProperties"]
    del book["properties"]["stock"]


def want_another_field_of_an_answer(told: Told) -> None:
    book = method(told, "catalogue.books")["answer"]["additionalProperties"]
    book["properties"]["weight"] = {"type": "integer"}
    book["required"].append("weight")


def raise_another_error(told: Told) -> None:
    told["catalogue"]["errors"]["TooHeavy"] = {"book_id": "int"}


@pytest.mark.parametrize(
    "change",
    [
        lose_a_method,
        lose_an_argument,
        want_another_argument,
        let_an_argument_be_left_out,
        change_the_type_of_an_argument,
        lose_a_field_of_an_answer,
        want_another_field_of_an_answer,
        raise_another_error,
    ],
)
def test_a_change_that_the_version_before_cannot_take_is_told(
    change: Callable[[Told], None],
) -> None:
    before = described(CONTRACTS)
    now = copy.deepcopy(before)
    change(now)
    assert len(list(breaks(before, now))) == 1


def test_what_may_be_left_out_is_no_break() -> None:
    before = described(CONTRACTS)
    now = copy.deepcopy(before)
    now["orders"]["methods"]["another"] = method(now, "orders.shipping_estimates")
    method(now, "catalogue.release")["arguments"]["properties"]["why"] = {"type": "string"}
    book = method(now, "catalogue.books")["answer"]["additionalProperties"]
    book["properties"]["weight"] = {"type": "integer"}
    assert list(breaks(before, json.loads(json.dumps(now)))) == []


def test_the_committed_gateway_leads_to_the_routes_of_the_code() -> None:
    committed = ROOT / "deploy" / "microservices" / "nginx.conf"
    done = CliRunner().invoke(gateway, ["--check", str(committed)])
    assert (done.exit_code, done.output) == (0, "")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "catalogue"),
        ("/books/7", "catalogue"),
        ("/account/books", "catalogue"),
        ("/account", "auth"),
        ("/auth/login", "auth"),
        ("/cart", "orders"),
        ("/orders/7/cancel", "orders"),
        ("/api/v1/tokens", "auth"),
        ("/orders/seven", "catalogue"),
        ("/static/no-cover.svg", "catalogue"),
    ],
)
def test_a_path_has_one_service(path: str, name: str) -> None:
    found = {service for pattern, service in routes() if re.match(pattern, path)}
    assert found == (set() if name == DEFAULT else {name})
