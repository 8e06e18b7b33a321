"""Values that a database may know are never made anew in silence."""

from __future__ import annotations

import base64

import pytest

from bookstore_operator.components.credentials import (
    CREDENTIALS_LOST,
    CREDENTIALS_READY,
    Credentials,
)
from bookstore_operator.components.manifests import decoded, encoded
from bookstore_operator.engine.verdict import State
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, seen, store

EMBEDDED: Manifest = {"database": {"embedded": {}}}
SERVED: Manifest = {"image": "bookstore/app:1"}


def living(**status: object) -> tuple[Store, View]:
    """Return a store that served, and all that was made for it."""
    root = store(status=SERVED | status, **EMBEDDED)
    young = store(**EMBEDDED)
    view = seen(young)
    play(young, view)
    view.root = root
    return root, view


def lose(view: View, kind: str, prefix: str) -> None:
    for ref in list(view.objects):
        if ref.kind.name == kind and ref.name.startswith(prefix):
            view.objects[ref] = None


def test_a_lost_secret_gets_its_values_back_from_a_revision_of_the_environment() -> None:
    root, view = living()
    before = view.get(root.secret)
    assert before
    lose(view, "Secret", "shop-secret")
    (again,) = Credentials().children(root, view)
    assert again["data"] == before["data"]


def test_the_newest_revision_tells_the_values() -> None:
    root, view = living()
    lose(view, "Secret", "shop-secret")
    (env,) = [ref for ref in view.objects if ref.name.startswith("shop-env-")]
    newest = view.get(env)
    assert newest
    newest["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    for name, time in (("shop-env-0", "09:00:00"), ("shop-env-z", "10:00:00")):
        metadata = newest["metadata"] | {
            "name": name,
            "creationTimestamp": f"2026-01-01T{time}Z",
        }
        data = encoded({"SECRET_KEY": "old", "DB_PASSWORD": "old"})
        view.objects[root.own_secret(name)] = newest | {"metadata": metadata, "data": data}
    (again,) = Credentials().children(root, view)
    assert again["data"]["database-password"] == newest["data"]["DB_PASSWORD"]


def test_a_secret_that_is_gone_with_every_copy_is_lost_and_not_replaced() -> None:
    root, view = living()
    lose(view, "Secret", "shop-")
    assert Credentials().children(root, view) == []
    verdict = Credentials().judge(root, view)
    assert (verdict.state, verdict.reason) == (State.FAILED, CREDENTIALS_LOST)
    assert "secret-key and database-password" in verdict.message
    assert "app.kubernetes.io/instance=shop" in verdict.message


@pytest.mark.parametrize("value", ["", base64.b64encode(b"\xff").decode()])
def test_a_value_that_is_gone_with_every_copy_is_lost_though_the_secret_is_there(
    value: str,
) -> None:
    root, view = living()
    lose(view, "Secret", "shop-env-")
    secret = view.get(root.secret)
    assert secret
    secret["data"]["database-password"] = value
    assert Credentials().children(root, view) == []
    assert Credentials().judge(root, view).reason == CREDENTIALS_LOST


def test_a_loss_is_told_until_somebody_mends_it() -> None:
    told = {
        "type": str(CREDENTIALS_READY),
        "status": "False",
        "reason": str(CREDENTIALS_LOST),
        "message": "Gone.",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T11:00:00Z",
    }
    root = store(status={"conditions": [told]}, **EMBEDDED)
    assert Credentials().children(root, seen(root)) == []


def test_a_secret_that_a_person_puts_back_is_taken() -> None:
    root, view = living()
    lose(view, "Secret", "shop-env-")
    secret = view.get(root.secret)
    assert secret
    secret["data"] = encoded({"secret-key": "new", "database-password": "known"})
    (again,) = Credentials().children(root, view)
    assert decoded(again, "database-password") == "known"
    assert "IDENTIFIED BY 'known'" in str(decoded(again, "mysql-init.sql"))
    assert Credentials().judge(root, view).ready


def test_only_a_store_that_never_had_a_value_gets_a_new_one() -> None:
    root = store(**EMBEDDED)
    (made,) = Credentials().children(root, seen(root))
    assert decoded(made, "secret-key") == "token-1"
    assert decoded(made, "database-password") == "token-2"
