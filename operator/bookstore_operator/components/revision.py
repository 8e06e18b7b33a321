"""Revision: the environment that the shop's pods start with, and those of former revisions."""

from bookstore_operator.api.services import SERVICES
from bookstore_operator.components.credentials import config_hash
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.outputs import (
    PublicAddress,
    extra_environment,
    mail_settings,
)
from bookstore_operator.components.servicekeys import FOLDER, KEY_FILE
from bookstore_operator.components.shop import (
    FILES,
    HTTPS_PORT,
    INTERNAL_PORT,
    METRICS_PORT,
    PORT,
    WEB,
)
from bookstore_operator.components.sizing import sizes
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import CONFIG_MAP, REPLICA_SET, SECRET
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import COMPONENT_LABEL, Store


def environment(store: Store, view: View) -> dict[str, str]:
    """Return the shop's environment as far as it is not secret."""
    connection = view.output(Connection)
    return {
        **extra_environment(view).plain,
        **connection.settings(),
        **connection.reader_settings(),
        **view.output(PublicAddress).settings(),
        **mail_settings(view).plain,
        **sizes(store),
        "FLASK_ENV": "production",
        "PORT": str(PORT),
        # The gateway says by a header what came to it by https.
        **({} if store.part else {"HTTPS_PORT": str(HTTPS_PORT)}),
        **service_settings(store),
        "METRICS_PORT": str(METRICS_PORT),
        "UPLOADS_DIR": FILES["uploads"],
        "BACKUPS_DIR": FILES["backups"],
    }


def service_settings(store: Store) -> dict[str, str]:
    """Return who a service is, and where it calls the others; nothing for the shop as one."""
    if store.whole is None:
        return {}
    urls = {
        f"{name.upper()}_INTERNAL_URL": f"http://{store.whole.of(name).reached.name}:{INTERNAL_PORT}"
        for name in SERVICES
        if name != store.part
    }
    return {
        "SERVICE": str(store.part),
        "SERVICE_KEY_FILE": f"{FOLDER}/{KEY_FILE}",
        "INTERNAL_PORT": str(INTERNAL_PORT),
        **urls,
    }


def revision_of(store: Store, view: View) -> str:
    """Return what changes when a running pod's environment is no longer the wanted one."""
    content = [environment(store, view), confidential(store, view)]
    return config_hash(store, view, content)[:10]


def confidential(store: Store, view: View) -> dict[str, str]:
    """Return the shop's environment as far as it is secret, and the database's authority."""
    own = view.output(Connection).confidential(store, view) | mail_settings(view).secret
    return extra_environment(view).secret | own


def former_environments(store: Store, view: View) -> set[Ref]:
    """Return the environments that are there beside the wanted one; of a service, its own."""
    revision, own = revision_of(store, view), store.labels(WEB)[COMPONENT_LABEL]
    wanted = {store.config(revision), store.env(revision)}
    return {
        ref
        for kind in (CONFIG_MAP, SECRET)
        for ref, live in view.owned(kind).items()
        if live["metadata"].get("labels", {}).get(COMPONENT_LABEL) == own and ref not in wanted
    }


def replica_sets(store: Store) -> Query:
    """Return the query for the shop's ReplicaSets, each of which is a revision."""
    return Query.of(REPLICA_SET, store.selector(WEB))


def environments_of(pod: Manifest) -> set[str]:
    """Return the names of the ConfigMaps and Secrets that a pod's containers start with."""
    names = set()
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            names |= {one["name"] for one in source.values() if isinstance(one, dict)}
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            names |= {reference["name"]} if reference else set()
    return names
