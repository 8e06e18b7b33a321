"""What a person types, sees, and sends to the cluster."""

from __future__ import annotations

import base64
import tarfile
import webbrowser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubectl_bookstore.objects import Manifest
from tests.unit.plugin.conftest import STORES, Api, recorded

Kubectl = Callable[..., tuple[int, str]]
LEASE = "/apis/coordination.k8s.io/v1/namespaces/bookstore-system/leases/bookstore-operator"
PODS = "/api/v1/namespaces/bookstore-system/pods"
SECRETS = "/api/v1/namespaces/books/secrets"


def acts(api: Api) -> None:
    """Let an operator act."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    api.served[LEASE] = {"spec": {"holderIdentity": "bookstore-operator-a_1", "renewTime": now}}
    pod = {"metadata": {"name": "bookstore-operator-a"}, "spec": {"containers": []}}
    api.served[PODS] = {"kind": "PodList", "items": [pod]}


def test_status_is_a_tree_with_reasons_and_the_messages_of_what_is_ill(
    api: Api, kubectl: Kubectl
) -> None:
    api.hold(recorded("blocked"))
    code, printed = kubectl("status", "shop")
    assert code == 1
    assert printed == (
        "BookStore books/shop  bookstore/app:1  0/2 ready  no URL yet\n"
        "├─ ✗ Ready        False    SecretNotFound\n"
        "│    Secret books/login is not there; create it with the keys username and password.\n"
        "├─ … Available    False    WaitingForDatabase\n"
        "│    The shop begins after DatabaseReady.\n"
        "├─ ✓ Progressing  False    SecretNotFound\n"
        "├─ ✗ Degraded     True     SecretNotFound\n"
        "│    Secret books/login is not there; create it with the keys username and password.\n"
        "└─ Parts\n"
        "   ├─ ✓ CredentialsReady  True     Reconciled\n"
        "   ├─ ✗ DatabaseReady     False    SecretNotFound\n"
        "   │    Secret books/login is not there; create it with the keys username and password.\n"
        "   └─ … WebReady          False    WaitingForDatabase\n"
        "        The shop begins after DatabaseReady.\n"
    )


def test_status_tells_of_each_service(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("services"))
    code, printed = kubectl("status", "shop")
    assert code == 1
    assert printed == (
        "BookStore books/shop  bookstore/app:1  5/6 ready  http://192.0.2.1\n"
        "├─ ✗ Ready  False    PodsNotReady\n"
        "│    1 of 2 pods are ready.\n"
        "├─ Services\n"
        "│  ├─ ✓ auth       2/2 ready  bookstore/app:1  Reconciled\n"
        "│  ├─ ✓ catalogue  2/2 ready  bookstore/app:1  Reconciled\n"
        "│  └─ ✗ orders     1/2 ready  no image yet  PodsNotReady\n"
        "│       1 of 2 pods are ready.\n"
        "└─ Parts\n"
        "   ├─ ✓ AuthWebReady    True     Reconciled\n"
        "   └─ ✗ OrdersWebReady  False    PodsNotReady\n"
        "        1 of 2 pods are ready.\n"
    )


def test_a_store_that_moves_tells_how_far_it_is_and_why_it_waits(
    api: Api, kubectl: Kubectl
) -> None:
    store = recorded("services")
    store["spec"]["topology"] = "Monolith"
    store["status"]["move"] = {"to": "Monolith", "phase": "CuttingOver"}
    why = "The move to Monolith waits, for spec.state is Hibernated; set spec.state to Running."
    told = {"type": "TopologyCurrent", "status": "False", "reason": "MoveWaits", "message": why}
    generation = store["metadata"]["generation"]
    store["status"]["conditions"].append(told | {"observedGeneration": generation})
    api.hold(store)
    _, printed = kubectl("status", "shop")
    assert "moves to Monolith: CuttingOver" in printed.splitlines()[0]
    assert why in printed
    code, printed = kubectl("doctor", "shop")
    assert code == 1
    assert f"TopologyCurrent is False, MoveWaits: {why}" in printed
    assert "the move goes on by itself" in printed


@pytest.mark.parametrize("words", [("backup", "shop"), ("restore", "shop", "--backup=now")])
def test_a_store_of_services_is_backed_up_and_restored_as_any_other(
    api: Api, kubectl: Kubectl, words: tuple[str, ...]
) -> None:
    api.hold(recorded("services"))
    plural = f"bookstore{words[0]}s"
    api.served["/apis/bookstore.dev/v1"] = {"resources": [{"name": plural}]}
    code, _ = kubectl(*words)
    assert code == 0
    ((_, path, body),) = api.written
    assert (path.rpartition("/")[2], body["spec"]["store"]) == (plural, "shop")


def test_the_doctor_finds_a_service_that_is_meant_to_rest(api: Api, kubectl: Kubectl) -> None:
    acts(api)
    api.hold(recorded("services"))
    code, printed = kubectl("doctor", "shop")
    assert code == 1
    assert "spec.services.catalogue.replicas is 0: that part of the shop rests." in printed
    assert "OrdersWebReady is False, PodsNotReady: 1 of 2 pods are ready." in printed


def test_status_without_a_name_shows_every_store(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    code, printed = kubectl("status", "-A")
    assert code == 0
    assert "BookStore books/shop  bookstore/app:2  2/2 ready  http://192.0.2.1" in printed


def test_doctor_says_what_blocks_and_the_fix(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("blocked"))
    acts(api)
    code, printed = kubectl("doctor", "shop")
    assert code == 1
    assert "SecretNotFound: Secret books/login is not there" in printed
    assert "    Make the Secret that the message names" in printed


def test_doctor_is_silent_on_an_operator_that_one_may_not_see(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    api.served[PODS] = 403
    assert kubectl("doctor", "shop") == (0, "books/shop: nothing blocks it.\n")


@pytest.mark.parametrize(
    ("command", "state"), [("pause", "Paused"), ("resume", "Running"), ("hibernate", "Hibernated")]
)
def test_the_state_is_set(api: Api, kubectl: Kubectl, command: str, state: str) -> None:
    api.hold(recorded("well"))
    assert kubectl(command, "shop")[0] == 0
    assert api.written == [("PATCH", f"{STORES}/shop", {"spec": {"state": state}})]


def test_rollback_sets_the_image_before_the_one_of_now(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    assert kubectl("rollback", "shop")[0] == 0
    assert api.written == [("PATCH", f"{STORES}/shop", {"spec": {"image": "bookstore/app:1"}})]


def test_rollback_without_a_history_wants_the_image(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("blocked"))
    code, printed = kubectl("rollback", "shop")
    assert (code, api.written) == (2, [])
    assert "no other image in its history; name one by --image" in printed


def test_rollback_of_a_service_sets_its_own_image(api: Api, kubectl: Kubectl) -> None:
    store = recorded("services")
    store["spec"]["services"] = {"orders": {"image": "bookstore/app:3"}}
    (orders,) = [one for one in store["status"]["services"] if one["name"] == "orders"]
    orders["history"] = [{"image": f"bookstore/app:{number}"} for number in (1, 2, 3)]
    api.hold(store)
    assert kubectl("rollback", "shop", "--service", "orders")[0] == 0
    spec = {"services": {"orders": {"image": "bookstore/app:2"}}}
    assert api.written == [("PATCH", f"{STORES}/shop", {"spec": spec})]


@pytest.mark.parametrize(
    ("name", "asked", "sentence"),
    [
        ("services", [], "runs as services; name one by --service auth, catalogue or orders"),
        ("services", ["--service", "auth"], "has no other image in its history of auth"),
        ("well", ["--service", "auth"], "runs as one; leave --service out"),
    ],
)
def test_rollback_says_which_service_or_none(
    api: Api, kubectl: Kubectl, name: str, asked: list[str], sentence: str
) -> None:
    api.hold(recorded(name))
    code, printed = kubectl("rollback", "shop", *asked)
    assert (code, api.written) == (2, [])
    assert sentence in printed


def test_backup_asks_for_one_where_the_cluster_knows_the_kind(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    code, printed = kubectl("backup", "shop")
    assert (code, api.written) == (2, [])
    assert "knows no BookStoreBackup; update it" in printed
    api.served["/apis/bookstore.dev/v1"] = {"resources": [{"name": "bookstorebackups"}]}
    assert kubectl("backup", "shop")[0] == 0
    ((method, path, body),) = api.written
    assert (method, path.rpartition("/")[2], body["kind"]) == (
        "POST",
        "bookstorebackups",
        "BookStoreBackup",
    )
    assert body["spec"] == {"store": "shop"}


def test_restore_takes_a_backup_by_its_object_or_by_its_name(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    api.served["/apis/bookstore.dev/v1"] = {"resources": [{"name": "bookstorerestores"}]}
    place = "/apis/bookstore.dev/v1/namespaces/books/bookstorebackups/before-upgrade"
    api.served[place] = {"metadata": {"name": "before-upgrade"}}
    kubectl("restore", "shop", "--backup", "before-upgrade")
    kubectl("restore", "shop", "--backup", "latest", "--from-store", "old", "--replace")
    assert [body["spec"] for _, _, body in api.written] == [
        {"store": "shop", "backup": {"bookStoreBackup": "before-upgrade"}, "replace": False},
        {"store": "shop", "backup": {"name": "latest"}, "replace": True, "fromStore": "old"},
    ]


def test_restore_takes_the_bucket_of_the_store_or_of_the_one_that_the_backup_is_of(
    api: Api, kubectl: Kubectl
) -> None:
    store = recorded("well")
    api.hold(store)
    api.served["/apis/bookstore.dev/v1"] = {"resources": [{"name": "bookstorerestores"}]}
    asked = ("restore", "shop", "--backup", "latest", "--from-s3")
    code, printed = kubectl(*asked)
    assert (code, api.written) == (2, [])
    assert "has no spec.backup.s3" in printed
    store["spec"]["backup"] = {"s3": {"bucket": "own", "prefix": "prod"}}
    kubectl(*asked)
    kubectl(*asked, "--from-store", "gone")
    old = {"metadata": {"name": "old"}, "spec": {"backup": {"s3": {"bucket": "old"}}}}
    api.served[f"{STORES}/old"] = old
    kubectl(*asked, "--from-store", "old")
    assert [body["spec"]["s3"] for _, _, body in api.written] == [
        {"bucket": "own", "prefix": "prod"},
        {"bucket": "own"},
        {"bucket": "old"},
    ]


def test_open_prints_the_url_and_opens_it(
    api: Api, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    api.hold(recorded("well"))
    assert kubectl("open", "shop") == (0, "http://192.0.2.1\n")
    assert kubectl("open", "shop", "--print")[0] == 0
    assert opened == ["http://192.0.2.1"]


def test_open_says_where_to_look_while_there_is_no_url(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("blocked"))
    code, printed = kubectl("open", "shop")
    assert code == 2
    assert "kubectl bookstore doctor shop" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["status", "other"], "no BookStore other in namespace books (there: shop)"),
        (["status", "-n", "empty"], "no BookStore in namespace empty; -A looks in all"),
        (["status", "--context", "nope"], "name one by --kubeconfig or --context"),
    ],
)
def test_what_is_not_there_is_told_with_the_way_on(
    api: Api, kubectl: Kubectl, arguments: list[str], expected: str
) -> None:
    api.hold(recorded("well"))
    code, printed = kubectl(*arguments)
    assert code == 2
    assert expected in printed


def test_a_cluster_without_the_resource_is_told_as_one(api: Api, kubectl: Kubectl) -> None:
    code, printed = kubectl("status")
    assert code == 2
    assert "knows no BookStores; install them by `kubectl apply -k .`" in printed


def test_a_refusal_of_the_api_server_is_told_in_its_words(api: Api, kubectl: Kubectl) -> None:
    api.hold(recorded("well"))
    api.served[f"{STORES}/shop"] = 403
    code, printed = kubectl("status", "shop")
    assert code == 2
    assert f"{STORES}/shop is refused" in printed


def planted(api: Api) -> str:
    """Plant a secret wherever one could lie, and return it."""
    secret = "correct-horse-battery"
    encoded = base64.b64encode(secret.encode()).decode()
    live: Manifest = {"metadata": {"name": "login"}, "data": {"password": encoded}}
    api.served[SECRETS] = {"kind": "SecretList", "apiVersion": "v1", "items": [live]}
    note = {"metadata": {"name": "note"}, "data": {"uri": f"mysql://shop:{secret}@db/x"}}
    api.served["/api/v1/namespaces/books/configmaps"] = {"kind": "ConfigMapList", "items": [note]}
    env = [{"name": "DB_PASSWORD", "value": secret}]
    pod = {
        "metadata": {"name": "shop-1", "annotations": {"of-whom": secret}},
        "spec": {"containers": [{"name": "shop", "env": env}]},
        "status": {"containerStatuses": [{"name": "shop", "restartCount": 1}]},
    }
    api.served["/api/v1/namespaces/books/pods"] = {"kind": "PodList", "items": [pod]}
    api.served["/api/v1/namespaces/books/pods/shop-1/log"] = f"login with {secret} failed\n"
    told = {"metadata": {"name": "e"}, "message": f"cannot use {encoded}"}
    api.served["/api/v1/namespaces/books/events"] = {"kind": "EventList", "items": [told]}
    return secret


def test_must_gather_has_all_but_the_secrets(api: Api, kubectl: Kubectl, tmp_path: Path) -> None:
    api.hold(recorded("well"))
    acts(api)
    secret = planted(api)
    to = tmp_path / "gathered.tar.gz"
    assert kubectl("must-gather", "-o", str(to))[0] == 0
    with tarfile.open(to) as tar:
        files = {
            member.name: (tar.extractfile(member) or to.open("rb")).read().decode()
            for member in tar.getmembers()
        }
    assert {name.removeprefix("gathered/") for name in files} >= {
        "books/bookstores.json",
        "books/secrets.json",
        "books/events.json",
        "books/logs/shop-1.shop.log",
        "books/logs/shop-1.shop.previous.log",
        "bookstore-system/pods.json",
    }
    for name, content in files.items():
        assert secret not in content, name
        assert base64.b64encode(secret.encode()).decode() not in content, name
    assert "login with [redacted] failed" in files["gathered/books/logs/shop-1.shop.log"]


def test_must_gather_says_what_could_not_be_read(
    api: Api, kubectl: Kubectl, tmp_path: Path
) -> None:
    api.hold(recorded("well"))
    api.served[SECRETS] = 403
    to = tmp_path / "gathered.tar.gz"
    code, printed = kubectl("must-gather", "-o", str(to))
    assert code == 0
    assert "missing.txt in it says which" in printed
    with tarfile.open(to) as tar:
        missing = tar.extractfile("gathered/missing.txt")
        assert missing is not None
        assert f"{SECRETS}: The API server refuses it" in missing.read().decode()


def deleted(store: Manifest) -> Manifest:
    store["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    return store


def guarded(owner: str) -> Manifest:
    labels = {"app.kubernetes.io/instance": owner}
    finalizers = ["example.com/theirs", "bookstore.dev/credentials"]
    name, namespace = f"{owner}-secret", "books"
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "finalizers": finalizers,
        }
    }


def test_what_is_deleted_is_let_go_where_no_operator_is_there(api: Api, kubectl: Kubectl) -> None:
    kept = recorded("well")
    kept["metadata"] |= {"name": "kept"}
    api.hold(deleted(recorded("well")), kept)
    api.served[SECRETS] = {"kind": "SecretList", "items": [guarded("shop"), guarded("kept")]}
    code, printed = kubectl("release")
    assert code == 0
    assert printed == "BookStore books/shop let go\nSecret books/shop-secret let go\n"
    where = "/metadata/finalizers"
    assert api.written == [
        (
            "PATCH",
            f"{STORES}/shop",
            [
                {"op": "test", "path": where, "value": ["bookstore.dev/finalizer"]},
                {"op": "replace", "path": where, "value": []},
            ],
        ),
        (
            "PATCH",
            f"{SECRETS}/shop-secret",
            [
                {
                    "op": "test",
                    "path": where,
                    "value": ["example.com/theirs", "bookstore.dev/credentials"],
                },
                {"op": "replace", "path": where, "value": ["example.com/theirs"]},
            ],
        ),
    ]


def test_nothing_is_let_go_while_an_operator_acts(api: Api, kubectl: Kubectl) -> None:
    api.hold(deleted(recorded("well")))
    acts(api)
    code, printed = kubectl("release")
    assert (code, api.written) == (2, [])
    assert "bookstore-operator-a_1 acts and lets go by itself" in printed
