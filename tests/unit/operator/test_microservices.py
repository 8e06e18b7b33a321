"""What the operator gives the services is what the shop wants of them."""

from __future__ import annotations

import base64
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from bookstore.cli.gateway import gateway
from bookstore.core.config.settings import examine_settings
from bookstore.core.rpc.keys import read_keys
from bookstore_operator.api.services import SERVICES
from bookstore_operator.components.gatewayconfig import CONF, configuration
from bookstore_operator.components.servicekeys import KEY_FILE
from bookstore_operator.components.sizing import CONNECTIONS_OF_POOL, PROBES, sizes
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store
from tests.unit.operator.staging import play, put, seen, store

CLIENT = "192.0.2.9"


def of_services(**spec: Any) -> Store:
    wanted = {"topology": "Microservices", "database": {"embedded": {}}}
    return store(**wanted | spec)


def made(root: Store) -> dict[tuple[str, str], Manifest]:
    """Return what a store wants, by kind and name without the digests of revisions."""
    found = [one for wanted in play(root, seen(root)).values() for one in wanted]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_the_gateway_leads_as_the_shop_says() -> None:
    known = files("bookstore_operator.components").joinpath("gateway.conf")
    done = CliRunner().invoke(gateway, ["--template", "--check", str(known)])
    assert (done.exit_code, done.output) == (0, "")
    conf = configuration(of_services(), hops=1)[CONF]
    assert "@" not in conf
    assert conf.count("proxy_pass http://shop-$") == 2


@pytest.mark.parametrize("service", SERVICES)
def test_the_shop_takes_settings_and_key_of_a_service(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = made(of_services())
    secret = objects["Secret", f"shop-{service}-key"]
    file = tmp_path / "service.pem"
    file.write_bytes(base64.b64decode(secret["data"][KEY_FILE]))
    (key,) = read_keys(file)
    assert key.id
    deployment = objects["Deployment", f"shop-{service}"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    config = container["envFrom"][0]["configMapRef"]["name"]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "service-key"]
    environment = objects["ConfigMap", config]["data"]
    assert environment["SERVICE_KEY_FILE"] == f"{mount['mountPath']}/{KEY_FILE}"
    known = {**environment, "SERVICE_KEY_FILE": str(file), "SECRET_KEY": "x1y2z3w4" * 4}
    for name, value in {**known, "DB_PASSWORD": "secret"}.items():
        monkeypatch.setenv(name, value)
    told, problems = examine_settings()
    assert problems == []
    assert told.domains == (service,)
    assert told.database_url.database == told.database_url.username == f"bookstore_{service}"
    urls = {name: f"http://shop-{name}:5001" for name in SERVICES if name != service}
    assert told.internal_urls == urls
    assert all(("Service", f"shop-{name}") in objects for name in SERVICES)


def test_a_user_of_the_embedded_database_has_rights_to_its_own_schema_alone() -> None:
    secret = made(of_services())["Secret", "shop-secret"]
    statements = base64.b64decode(secret["data"]["mysql-init.sql"]).decode().splitlines()
    grants = [line for line in statements if line.startswith("GRANT")]
    own = [f"`bookstore\\_{name}`.* TO 'bookstore_{name}'@'%';" for name in SERVICES]
    assert [line.split(" ON ")[1] for line in grants if "TO 'bookstore'@" not in line] == own


def test_the_login_of_the_whole_shop_has_rights_to_the_schemas_of_all_and_to_no_others() -> None:
    secret = made(of_services())["Secret", "shop-secret"]
    statements = base64.b64decode(secret["data"]["mysql-init.sql"]).decode().splitlines()
    grants = [line for line in statements if line.endswith(" TO 'bookstore'@'%';")]
    schemas = [line.split("`")[1] for line in grants]
    assert schemas == ["bookstore", *(f"bookstore\\_{name}" for name in SERVICES)]
    objects = made(of_services(database={"percona": {}}))
    (cluster,) = (live for (kind, _), live in objects.items() if kind == "PerconaXtraDBCluster")
    users = {user["name"]: user["dbs"] for user in cluster["spec"]["users"]}
    own = {f"bookstore_{name}": [f"bookstore_{name}"] for name in SERVICES}
    assert users == {"bookstore": ["bookstore", *own], **own}


def test_the_shop_takes_the_settings_of_a_backups_job_as_those_of_the_whole_shop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objects = made(of_services(backup={"schedule": "17 3 * * *"}))
    job = objects["CronJob", "shop-backup"]["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    config = objects["ConfigMap", container["envFrom"][0]["configMapRef"]["name"]]["data"]
    assert config["SERVICE"] == "catalogue"
    said = {one["name"]: one.get("value", "") for one in container["env"]}
    secret = {"SECRET_KEY": "x1y2z3w4" * 4, "DB_PASSWORD": "secret"}
    for name, value in {**config, **said, **secret}.items():
        monkeypatch.setenv(name, value)
    told, problems = examine_settings()
    assert problems == []
    assert told.domains == SERVICES
    assert told.database_url.database == told.database_url.username == "bookstore"
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert {str(told.uploads), str(told.backups)} <= mounted
    assert "service-key" not in {one["name"] for one in job["template"]["spec"]["volumes"]}


@pytest.mark.parametrize("hops", [0, 1, 2])
@pytest.mark.parametrize(("port", "scheme"), [(5000, "http"), (5443, "https")])
def test_a_service_knows_client_and_scheme_whatever_is_in_front_of_the_gateway(
    hops: int, port: int, scheme: str
) -> None:
    """Headers are filled in as NGINX does, and read as the shop reads them."""
    passed = ["203.0.113.7", CLIENT, "10.0.0.1"][: hops + 1] if hops else ["203.0.113.7"]
    headers = {"HTTP_X_FORWARDED_FOR": ", ".join(passed)}
    if hops:
        headers["HTTP_X_FORWARDED_PROTO"] = ", ".join(["https"] * hops)
    remote = "10.0.0.2" if hops and port == 5000 else CLIENT
    environ = asked(configuration(of_services(), hops)[CONF], port, remote, headers)
    told: dict[str, Any] = {}

    def shop(seen_as: dict[str, Any], _: Any) -> list[bytes]:
        told.update(seen_as)
        return []

    ProxyFix(shop, x_for=hops + 1, x_proto=hops + 1, x_host=0)(environ, _ignored)
    assert told["REMOTE_ADDR"] == CLIENT
    assert told["wsgi.url_scheme"] == ("https" if hops else scheme)


def _ignored(*_: Any) -> Any:
    """Take the start of an answer that nobody reads."""


def asked(conf: str, port: int, remote: str, headers: dict[str, str]) -> dict[str, str]:
    """Return the environment of a request as a service gets it from the gateway's server."""
    assert f"    listen {port};\n" in conf
    maps = re.findall(r'map \$server_port \$(\w+) {\s+default "(.+)";\s+5443 "(.+)";', conf)
    said = {name: encrypted if port == 5443 else plain for name, plain, encrypted in maps}
    for header, name in (("For", "told_for"), ("Proto", "told_proto")):
        assert conf.count(f"proxy_set_header X-Forwarded-{header} ${name};") == 2
    known = headers.get("HTTP_X_FORWARDED_FOR", "")
    proto = headers.get("HTTP_X_FORWARDED_PROTO", "")
    variables = {
        "$proxy_add_x_forwarded_for": f"{known}, {remote}" if known else remote,
        "$passed_proto": f"{proto}, http" if proto else "",
        "$remote_addr": remote,
    }
    for name, value in variables.items():
        said = {each: text.replace(name, value) for each, text in said.items()}
    return {
        "REMOTE_ADDR": "10.0.0.3",
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_FOR": said["told_for"],
        "HTTP_X_FORWARDED_PROTO": said["told_proto"],
    }


counts = st.one_of(
    st.builds(lambda n: {"replicas": n}, st.integers(0, 9)),
    st.builds(lambda n: {"autoscaling": {"maxReplicas": n}}, st.integers(2, 9)),
    st.just({}),
)


# The spec's rule wants 273 connections of 27 pods and three workers, or 453; fewer are refused.
@settings(max_examples=60, deadline=None)
@given(st.tuples(counts, counts, counts), st.integers(0, 2000), st.integers(1, 3), st.booleans())
def test_all_services_together_stay_within_the_connections_of_the_database(
    own: tuple[dict[str, Any], ...], spare: int, workers: int, late: bool
) -> None:
    budget = spare + (453 if late else 273)
    services = dict(zip(SERVICES, own, strict=True))
    web = {"connectionBudget": budget, "workers": workers}
    database = {"percona": {"readFromReplicas": True}} if late else {"embedded": {}}
    root = of_services(services=services, web=web, database=database)
    opened = 0
    for part in root.parts:
        told = sizes(part)
        # The catalogue alone has reads that may be late.
        pools = 2 if late and part.part == "catalogue" else 1
        pool = int(told.get("DB_POOL_SIZE", 4)) * pools
        each = int(told.get("WEB_CONCURRENCY", 2)) * (pool * CONNECTIONS_OF_POOL + PROBES)
        opened += (part.spec.most_replicas + 1) * each + 1
    assert opened <= budget


def test_what_a_service_has_not_for_itself_is_the_stores() -> None:
    services = {"catalogue": {"replicas": 5}, "orders": {"image": "bookstore/app:9"}}
    auth, catalogue, orders = of_services(services=services).parts
    assert (auth.spec.image, auth.spec.replicas) == ("bookstore/app:1", 2)
    assert (catalogue.spec.image, catalogue.spec.replicas) == ("bookstore/app:1", 5)
    assert (orders.spec.image, orders.spec.replicas) == ("bookstore/app:9", 2)


def test_a_password_of_a_service_is_found_again_where_its_own_pods_have_it() -> None:
    root = of_services()
    objects = made(root)
    view = seen(root)
    for (kind, name), live in objects.items():
        if kind == "Secret" and "-env-" in name:
            put(view, live)
    again = next(iter(play(root, view).values()))[0]
    lost = objects["Secret", "shop-secret"]
    for service in SERVICES:
        key = f"{service}-database-password"
        assert again["data"][key] == lost["data"][key]
    assert again["data"]["secret-key"] == lost["data"]["secret-key"]
