"""Whole shop: what a Job about all of a store is like, also where that runs as services.

Backups, restores and drills know the whole shop's login and files, which no service has.
"""

from dataclasses import replace

from bookstore_operator.api.external import CredentialsSecretRef
from bookstore_operator.api.spec import Database
from bookstore_operator.components.credentials import (
    DATABASE_PASSWORD,
    ENV_PASSWORD,
    ENV_USER,
    missing_secret,
)
from bookstore_operator.components.initsql import EMBEDDED_SCHEMA, EMBEDDED_USER
from bookstore_operator.components.manifests import from_secret
from bookstore_operator.components.servicekeys import FOLDER, VOLUME
from bookstore_operator.components.shop import FILES, WEB_CONTAINER, mounts_of
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

MODEL = "catalogue"
"""The service whose image, settings and placement such a Job has."""

LOGIN = "database.external.credentialsSecretRef"
"""The field that names the whole shop's login, on a server whose users are not the operator's."""

LOGIN_IS = (
    f"{LOGIN} is the login of backups and restores, with all rights on the store's schema and on "
    "those of its services"
)


def model_of(store: Store) -> Store:
    """Return what of a store has the pods that a Job about all of it is like."""
    return store.of(MODEL) if store.leads_to_services else store


def whole_shop(store: Store, view: View) -> Manifest | None:
    """Return the Deployment that such a Job is made of; None while it is not there."""
    live = view.get(model_of(store).web)
    if live is None or not store.leads_to_services:
        return live
    return as_whole(live, store.spec.database, store.secret.name)


def as_whole(deployment: Manifest, database: Database, secret: str) -> Manifest:
    """Return a service's Deployment with settings, login and files of the whole shop.

    Args:
        deployment: The Deployment.
        database: The spec's word on the database.
        secret: The name of the store's generated Secret.
    """
    template = deployment["spec"]["template"]
    pod = template["spec"]
    containers = [
        _whole(one, database, secret) if one["name"] == WEB_CONTAINER else one
        for one in pod["containers"]
    ]
    volumes = [one for one in pod["volumes"] if one["name"] != VOLUME]
    changed = {**template, "spec": {**pod, "containers": containers, "volumes": volumes}}
    return {**deployment, "spec": {**deployment["spec"], "template": changed}}


def login_secret(database: Database) -> CredentialsSecretRef | None:
    """Return the Secret of the whole shop's login; None where the operator makes the user."""
    return database.external.credentials_secret_ref if database.external else None


def login_of(store: Store) -> dict[Ref, dict[str, str]]:
    """Return that Secret, with its keys and the fields naming them, where Jobs alone read it."""
    login = login_secret(store.spec.database)
    if login is None or not store.leads_to_services:
        return {}
    keys = {login.user_key: f"{LOGIN}.userKey", login.password_key: f"{LOGIN}.passwordKey"}
    return {store.own_secret(login.name): keys}


def missing_login(store: Store, view: View) -> Verdict | None:
    """Return the verdict where that Secret, or a key of it, is not there; else None."""
    missing = missing_secret(view, login_of(store))
    return replace(missing, message=f"{missing.message}; {LOGIN_IS}") if missing else None


def _whole(container: Manifest, database: Database, secret: str) -> Manifest:
    variables, paths = {ENV_USER, ENV_PASSWORD}, {FOLDER, *FILES.values()}
    kept = [one for one in container.get("env", []) if one["name"] not in variables]
    mounts = [one for one in container["volumeMounts"] if one["mountPath"] not in paths]
    return {
        **container,
        "env": [*kept, *_settings(database, secret)],
        "volumeMounts": [*mounts_of(FILES), *mounts],
    }


def _settings(database: Database, secret: str) -> list[Manifest]:
    """Return the variables that differ from a service's, which win over its ConfigMap."""
    # One without a value is empty, which counts as absent to the shop: it is no service.
    variables: list[Manifest] = [{"name": "SERVICE"}]
    external, login = database.external, login_secret(database)
    schema = external.schema_name if external else EMBEDDED_SCHEMA
    variables.append({"name": "DB_NAME", "value": schema})
    if login is None:
        user = {"name": ENV_USER, "value": EMBEDDED_USER}
        return [*variables, user, from_secret(ENV_PASSWORD, secret, DATABASE_PASSWORD)]
    user = from_secret(ENV_USER, login.name, login.user_key)
    return [*variables, user, from_secret(ENV_PASSWORD, login.name, login.password_key)]
