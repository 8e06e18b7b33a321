"""The network: who may reach the store's pods, and what those reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings

from bookstore_operator.api.spec import BookStoreSpec
from bookstore_operator.components.network import NETWORK_POLICY, Network
from bookstore_operator.components.shop import (
    GATEWAY,
    HTTPS_PORT,
    INTERNAL_PORT,
    METRICS_PORT,
    PORT,
    WEB,
)
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import parsed, play, seen, store
from tests.unit.operator.strategies import valid_specs

NAMESPACE = "kubernetes.io/metadata.name"


def policies(root: Store, *objects: Manifest) -> dict[str, Manifest]:
    """Return what is allowed, by the component of the pods."""
    view: View = seen(root, *objects)
    made = play(root, view)
    (policies,) = (found for part, found in made.items() if isinstance(part, Network))
    for policy in policies:
        assert policy["kind"] == NETWORK_POLICY.name
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"], "the rest is denied"
    selected = "app.kubernetes.io/component"
    return {
        policy["spec"]["podSelector"]["matchLabels"][selected]: policy["spec"]
        for policy in policies
    }


def allowed(rules: list[Manifest], side: str) -> Iterator[tuple[int, str, Any]]:
    """Yield port, protocol, and who is on the other side; None for anybody."""
    for rule in rules:
        for port in rule["ports"]:
            yield port["port"], port["protocol"], rule.get(side)


def ports(rules: list[Manifest], side: str) -> set[tuple[int, str]]:
    return {(port, protocol) for port, protocol, _ in allowed(rules, side)}


DNS = {(53, "UDP"), (53, "TCP")}
EMBEDDED: Manifest = {"database": {"embedded": {}}}


def test_shoppers_reach_the_shop_from_anywhere_and_nothing_else_of_it() -> None:
    shop = policies(store())[WEB]
    anybody = {port for port, _, who in allowed(shop["ingress"], "from") if who is None}
    assert anybody == {PORT, HTTPS_PORT}
    assert ports(shop["ingress"], "from") - {(METRICS_PORT, "TCP")} == {
        (PORT, "TCP"),
        (HTTPS_PORT, "TCP"),
    }


def test_the_shop_reaches_the_replicas_that_it_may_read_from_at_the_port_of_their_pods() -> None:
    def reached(**percona: Any) -> dict[str, set[tuple[int, str]]]:
        found = policies(store(database={"percona": percona}))
        return {name: ports(policy["egress"], "to") - DNS for name, policy in found.items()}

    assert reached()[WEB] == {(3306, "TCP")}
    reading = reached(readFromReplicas=True)
    assert reading.pop(WEB) == {(3306, "TCP"), (3307, "TCP")}
    assert all((3307, "TCP") not in others for others in reading.values())


def test_of_the_services_the_catalogue_alone_reaches_replicas() -> None:
    root = store(topology="Microservices", database={"percona": {"readFromReplicas": True}})
    found = policies(root)
    assert [name for name, one in found.items() if (3307, "TCP") in ports(one["egress"], "to")] == [
        "catalogue"
    ]


def test_metrics_are_read_from_within_the_cluster_or_from_the_namespaces_that_are_named() -> None:
    def readers(**wanted: Any) -> Any:
        rules = policies(store(**wanted))[WEB]["ingress"]
        (who,) = (who for port, _, who in allowed(rules, "from") if port == METRICS_PORT)
        return who

    assert readers() == [{"namespaceSelector": {}}], "and so from no address outside of it"
    named = {"key": NAMESPACE, "operator": "In", "values": ["monitoring"]}
    assert readers(networkPolicies={"metricsFrom": ["monitoring"]}) == [
        {"namespaceSelector": {"matchExpressions": [named]}}
    ]


def test_the_shop_reaches_names_its_database_and_no_more() -> None:
    external = {"host": "db", "port": 3307, "credentialsSecretRef": {"name": "login"}}
    found = policies(store(database={"external": external}))
    for component in (WEB, "migration"):
        assert ports(found[component]["egress"], "to") == {*DNS, (3307, "TCP")}


def test_a_shop_that_sends_mail_reaches_the_mail_servers_port() -> None:
    wanted = store(
        exposure={"loadBalancer": {"host": "books.example.com"}},
        mail={"smtpSecretRef": {"name": "smtp"}, "from": "books@example.com"},
    )
    secret: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "smtp", "namespace": "books"},
        "data": {"host": "c210cA==", "port": "NDY1"},
    }
    found = policies(wanted, secret)
    assert ports(found[WEB]["egress"], "to") == {*DNS, (3306, "TCP"), (465, "TCP")}
    assert ports(found["migration"]["egress"], "to") == {*DNS, (3306, "TCP")}


def test_the_embedded_database_is_reached_by_the_stores_own_pods_and_by_its_backup() -> None:
    wanted = store(**EMBEDDED)
    database = policies(wanted)["database"]
    ((port, protocol, who),) = allowed(database["ingress"], "from")
    assert (port, protocol) == (3306, "TCP")
    assert [one["podSelector"]["matchLabels"] for one in who] == [
        wanted.selector(WEB),
        wanted.selector("migration"),
        {"app.kubernetes.io/name": "bookstore", "app.kubernetes.io/component": "backup"},
    ]
    assert all(set(one) == {"podSelector"} for one in who), "and from no other namespace"


def test_backups_of_a_store_of_services_reach_its_database_and_its_bucket() -> None:
    backup = {"schedule": "17 3 * * *", "s3": {"bucket": "books", "region": "eu-west-1"}}
    wanted = store(**EMBEDDED, topology="Microservices", backup=backup)
    found = policies(wanted)
    assert {(3306, "TCP"), (443, "TCP"), *DNS} <= ports(found["backup"]["egress"], "to")
    assert found["backup"]["ingress"] == []
    ((_, _, who),) = allowed(found["database"]["ingress"], "from")
    clients = [one["podSelector"]["matchLabels"] for one in who]
    backups = {"app.kubernetes.io/name": "bookstore", "app.kubernetes.io/component": "backup"}
    assert backups in clients
    assert wanted.of("orders").selector(WEB) in clients


def test_a_service_is_reached_by_the_gateway_and_by_the_other_services_alone() -> None:
    wanted = store(topology="Microservices", **EMBEDDED)
    found = policies(wanted)
    others = [wanted.of(name).selector(WEB) for name in ("auth", "catalogue")]
    came = {
        port: [one["podSelector"]["matchLabels"] for one in who]
        for port, _, who in allowed(found["orders"]["ingress"], "from")
        if port != METRICS_PORT
    }
    assert came == {PORT: [wanted.selector(GATEWAY)], INTERNAL_PORT: others}
    called = {
        port: [one["podSelector"]["matchLabels"] for one in who]
        for port, _, who in allowed(found["orders"]["egress"], "to")
        if port not in (53, 3306)
    }
    assert called == {INTERNAL_PORT: others}


def test_the_gateway_is_reached_from_anywhere_and_reaches_the_services_pages_alone() -> None:
    wanted = store(topology="Microservices", **EMBEDDED)
    gateway = policies(wanted)[GATEWAY]
    assert {(port, who) for port, _, who in allowed(gateway["ingress"], "from")} == {
        (PORT, None),
        (HTTPS_PORT, None),
    }
    services = [{"podSelector": {"matchLabels": one.selector(WEB)}} for one in wanted.parts]
    (led,) = [to for to in allowed(gateway["egress"], "to") if to[0] != 53]
    assert led == (PORT, "TCP", services)


def test_the_shop_reaches_its_own_embedded_database_alone() -> None:
    wanted = store(**EMBEDDED)
    rules = policies(wanted)[WEB]["egress"]
    (who,) = (who for port, _, who in allowed(rules, "to") if port == 3306)
    assert who == [{"podSelector": {"matchLabels": wanted.selector("database")}}]


def test_nobody_reaches_a_migration_and_no_policy_is_there_for_pods_that_never_come() -> None:
    found = policies(store())
    assert found["migration"]["ingress"] == []
    assert set(found) == {WEB, "migration", "backup"}


def test_a_cluster_with_rules_of_its_own_goes_without() -> None:
    wanted = store(networkPolicies={"enabled": False})
    assert not Network().active(wanted)
    assert Network().active(store())


@settings(max_examples=50, deadline=None)
@given(valid_specs())
def test_every_pod_of_the_store_is_selected_and_every_port_that_a_container_opens_is_spoken_of(
    spec: BookStoreSpec,
) -> None:
    root = parsed({"spec": spec.manifest()})
    if not Network().active(root):
        return
    view = seen(root)
    made = [one for found in play(root, view).values() for one in found]
    selectors = [
        one["spec"]["podSelector"]["matchLabels"]
        for one in made
        if one["kind"] == NETWORK_POLICY.name
    ]
    for template in (one["spec"]["template"] for one in made if "template" in one.get("spec", {})):
        labels = template["metadata"]["labels"]
        (selector,) = (one for one in selectors if one.items() <= labels.items())
        (policy,) = (
            one["spec"]
            for one in made
            if one["kind"] == NETWORK_POLICY.name
            and one["spec"]["podSelector"]["matchLabels"] == selector
        )
        opened = {
            port["containerPort"]
            for container in template["spec"]["containers"]
            for port in container.get("ports", [])
        }
        assert {port for port, _ in ports(policy["ingress"], "from")} == opened


def test_backups_that_are_asked_for_have_a_way_without_a_schedule() -> None:
    external = {"host": "db", "port": 3307, "credentialsSecretRef": {"name": "login"}}
    found = policies(store(database={"external": external}))["backup"]
    assert found["ingress"] == []
    assert ports(found["egress"], "to") == {*DNS, (3307, "TCP")}


def to_bucket(**s3: Any) -> set[tuple[int, str]]:
    backup = {"schedule": "@daily", "s3": {"bucket": "bookstore-backups"} | s3}
    found = policies(store(backup=backup))
    for component in (WEB, "migration"):
        assert ports(found[component]["egress"], "to") == {*DNS, (3306, "TCP")}
    return ports(found["backup"]["egress"], "to") - {*DNS, (3306, "TCP")}


def test_backups_reach_the_bucket_and_no_other_part_does() -> None:
    login = {"credentialsSecretRef": {"name": "s3"}}
    assert to_bucket(**login) == {(443, "TCP")}
    assert to_bucket(endpoint="https://s3.example.com", **login) == {(443, "TCP")}
    assert to_bucket(endpoint="https://s3.example.com:9000", **login) == {(9000, "TCP")}


def test_a_pod_of_its_own_identity_reaches_where_its_keys_are_given_out() -> None:
    backup = {"schedule": "@daily", "s3": {"bucket": "bookstore-backups"}}
    rules = policies(store(backup=backup))["backup"]["egress"]
    (who,) = (who for port, _, who in allowed(rules, "to") if port == 80)
    assert {one["ipBlock"]["cidr"] for one in who} == {
        "169.254.169.254/32",
        "169.254.170.23/32",
        "fd00:ec2::23/128",
    }
    assert to_bucket(endpoint="https://s3.example.com:9000") == {
        (80, "TCP"),
        (443, "TCP"),
        (9000, "TCP"),
    }


def test_a_person_is_told_that_the_cluster_must_enforce_the_policies() -> None:
    root = store()
    verdict = Network().judge(root, seen(root))
    assert verdict.ready
    assert verdict.message == (
        "The policies are there; the cluster's network enforces them where it can."
    )
