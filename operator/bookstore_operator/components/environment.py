"""Environment: variables of a person's own for the shop, said or out of Secrets and ConfigMaps."""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, ClassVar, NamedTuple

from pydantic import ConfigDict, Field

from bookstore_operator.api.conditions import GOES_ON, Reason
from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.variables import EITHER, NOT_BOTH, Variable
from bookstore_operator.components.credentials import (
    SECRET_INVALID,
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
)
from bookstore_operator.components.outputs import ExtraEnvironment
from bookstore_operator.components.shop import ENVIRONMENT_READY
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import CONFIG_MAP, SECRET
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

WAITING_FOR_ENVIRONMENT = Reason(
    "WaitingForEnvironment", f"This part begins after {ENVIRONMENT_READY}.", fix=GOES_ON
)
CONFIG_MAP_NOT_FOUND = Reason(
    "ConfigMapNotFound",
    "A ConfigMap that the spec names is not there; create it.",
    fix="Make the ConfigMap that the message names, in the store's namespace.",
)
CONFIG_MAP_KEY_MISSING = Reason(
    "ConfigMapKeyMissing",
    "A ConfigMap lacks a key; add it, or name another.",
    fix=(
        "Add the key to the ConfigMap, or correct the variable that refers to it, see "
        "docs/how-to/environment.md."
    ),
)

_FIXED = "it is the same for every store"
RESERVED = {
    **dict.fromkeys(
        ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_TLS", "DB_TLS_CA"),
        "set database",
    ),
    "DB_READER_HOST": "set database.percona.readFromReplicas",
    "SQLALCHEMY_DATABASE_URI": "set database",
    "SECRET_KEY": "it is in the store's own Secret",
    **dict.fromkeys(("WEB_CONCURRENCY", "WEB_THREADS", "DB_POOL_SIZE"), "set web"),
    **dict.fromkeys(
        ("PUBLIC_URL", "TRUSTED_HOSTS", "FORWARDED_HOPS", "KEEPALIVE_SECONDS"), "set exposure"
    ),
    **dict.fromkeys(
        ("SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_USER", "SMTP_PASSWORD", "SMTP_FROM"),
        "set mail",
    ),
    **dict.fromkeys(
        (
            "FLASK_ENV",
            "PORT",
            "HTTPS_PORT",
            "METRICS_PORT",
            "UPLOADS_DIR",
            "BACKUPS_DIR",
            "DRAIN_SECONDS",
            "INSTANCE_DIR",
            "PROMETHEUS_MULTIPROC_DIR",
            "TERMINATION_LOG",
            "SERVICE",
            "SERVICE_KEY_FILE",
            "INTERNAL_PORT",
            "AUTH_INTERNAL_URL",
            "CATALOGUE_INTERNAL_URL",
            "ORDERS_INTERNAL_URL",
        ),
        _FIXED,
    ),
    **dict.fromkeys(
        (
            "S3_BUCKET",
            "S3_PREFIX",
            "S3_REGION",
            "S3_ENDPOINT",
            "S3_ACCESS_KEY_ID",
            "S3_SECRET_ACCESS_KEY",
            "S3_CA",
            "S3_FORCE_PATH_STYLE",
        ),
        "set backup.s3",
    ),
}
"""The variables that are the operator's to set, and what a person sets in their place."""

_NAMES = "{" + ", ".join(f'"{name}": "{fix}"' for name, fix in RESERVED.items()) + "}"


class ShopVariable(Variable):
    """A variable of the shop's environment."""

    model_config = ConfigDict(
        json_schema_extra={
            **NOT_BOTH,
            **rules(
                EITHER,
                rule(
                    f"!(self.name in {_NAMES})",
                    "the variable is the operator's to set; take it out",
                    field=".name",
                    expression="'the variable ' + self.name + ' is the operator\\'s to set; take "
                    f"it out: ' + {_NAMES}[self.name]",
                ),
            ),
        }
    )


class EnvSpec(ApiModel):
    """The spec's word on variables."""

    env: Annotated[
        tuple[ShopVariable, ...] | None,
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = None
    """More variables for the shop's pods. Another value, in a Secret or ConfigMap too, replaces the
    pods once."""


class _Source(NamedTuple):
    ref: Ref
    key: str


class Environment(Component[Store]):
    """Read the values that variables refer to, where there are such."""

    condition: ClassVar = ENVIRONMENT_READY
    awaited: ClassVar = WAITING_FOR_ENVIRONMENT
    spec_fields: ClassVar = EnvSpec
    reads: ClassVar = (CONFIG_MAP,)
    reasons: ClassVar = (
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
        SECRET_INVALID,
        CONFIG_MAP_NOT_FOUND,
        CONFIG_MAP_KEY_MISSING,
    )

    def active(self, root: Store) -> bool:
        """Return whether the store has variables of its own."""
        return bool(root.fragment(EnvSpec).env)

    def references(self, root: Store, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the Secrets and ConfigMaps that variables refer to."""
        return list(dict.fromkeys(source.ref for _, source in _sources(root)))

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the variables; those out of Secrets stay in Secrets."""
        said = root.fragment(EnvSpec).env or ()
        plain = {one.name: one.value for one in said if one.value is not None}
        secret: dict[str, str] = {}
        for name, source in _sources(root):
            value = _value(view, source)
            if value is not None:
                (secret if source.ref.kind is SECRET else plain)[name] = value
        return (ExtraEnvironment(plain, secret),)

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return nothing: the shop's environment holds a copy."""
        return []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether everything that variables refer to is there."""
        faults = (_fault(view, name, source) for name, source in _sources(root))
        found = next((fault for fault in faults if fault), None)
        return found or ready("All values that variables refer to are there.")


def _sources(store: Store) -> Iterator[tuple[str, _Source]]:
    """Yield the variables that refer to something, each with what that is."""
    for one in store.fragment(EnvSpec).env or ():
        if one.value_from is None:
            continue
        secret, config = one.value_from.secret_key_ref, one.value_from.config_map_key_ref
        if secret:
            yield one.name, _Source(store.own_secret(secret.name), secret.key)
        elif config:
            yield one.name, _Source(Ref(CONFIG_MAP, store.namespace, config.name), config.key)


def _value(view: View, source: _Source) -> str | None:
    """Return the value that a variable refers to; None where there is none that is text."""
    data = (view.get(source.ref) or {}).get("data") or {}
    value = data.get(source.key)
    if value is None or source.ref.kind is CONFIG_MAP:
        return value
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _fault(view: View, name: str, source: _Source) -> Verdict | None:
    live, is_secret = view.get(source.ref), source.ref.kind is SECRET
    if live is None:
        return failed(
            SECRET_NOT_FOUND if is_secret else CONFIG_MAP_NOT_FOUND,
            f"{source.ref} is not there; create it, or take {name} out of env",
        )
    if source.key not in (live.get("data") or {}):
        return failed(
            SECRET_KEY_MISSING if is_secret else CONFIG_MAP_KEY_MISSING,
            f'{source.ref} has no key "{source.key}"; add it, or take {name} out of env',
        )
    value = _value(view, source)
    if value is None or "\0" in value:
        return failed(
            SECRET_INVALID,
            f'{source.ref}: the value of "{source.key}" is not text that {name} can be; correct it',
        )
    return None
