"""Service keys: by which each service of a store signs its calls of the others."""

import base64
import hashlib

from bookstore_operator.components.manifests import child, decoded, encoded
from bookstore_operator.engine.children import SECRET_FINALIZER
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

KEY_FILE = "service.pem"
"""The key of the Secret, and the file, that holds a service's private keys."""

VOLUME, FOLDER = "service-key", "/etc/bookstore/service-key"
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
"""What comes before the 32 bytes of a private key. Source: RFC 8410, section 7."""

_HEAD, _TAIL = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


def service_keys(store: Store, view: View) -> list[Manifest]:
    """Return the Secret of each service's keys: what it holds, or held, or a new key.

    What somebody writes into it stays, so that keys can be rotated: a service reads the file again
    by itself. See docs/how-to/microservices-on-kubernetes.md.
    """
    return [_secret(one, view) for one in store.services] if store.has_services else []


def mounted(store: Store) -> tuple[list[Manifest], list[Manifest]]:
    """Return volume and mount of a service's own keys; none for the shop as one."""
    if store.part is None:
        return [], []
    items = [{"key": KEY_FILE, "path": KEY_FILE}]
    secret = {"secretName": store.service_key.name, "items": items}
    mount = {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}
    return [{"name": VOLUME, "secret": secret}], [mount]


def _secret(store: Store, view: View) -> Manifest:
    ref = store.service_key
    remembered = {"data": dict(view.remembered.get(ref, {}))}
    live = decoded(view.get(ref) or {}, KEY_FILE)
    known = live if live and _HEAD in live else decoded(remembered, KEY_FILE)
    data = encoded({KEY_FILE: known or _new_key(view.token())})
    manifest = child(store, ref, "credentials", data=data, type="Opaque")
    manifest["metadata"]["finalizers"] = [SECRET_FINALIZER]
    return manifest


def _new_key(token: str) -> str:
    """Return a private key as PEM, made of a random text of 256 bits.

    Every 32 bytes are a key of Ed25519. Source: RFC 8032, section 5.1.5.
    """
    seed = hashlib.sha256(token.encode()).digest()
    return f"{_HEAD}\n{base64.b64encode(_ED25519 + seed).decode()}\n{_TAIL}\n"
