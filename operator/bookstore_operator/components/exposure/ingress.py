"""The Ingress: hosts and certificates for a controller of the cluster, as NGINX or AWS' ALB."""

import json
from typing import ClassVar

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.ingress import Ingress
from bookstore_operator.api.loadbalancer import HTTP, HTTPS, Scheme, TargetType
from bookstore_operator.components.credentials import (
    SECRET_KEY_MISSING,
    SECRET_NOT_FOUND,
    absent_secret,
)
from bookstore_operator.components.exposure import controller
from bookstore_operator.components.exposure.address import (
    ADDRESS_PENDING,
    AWS_DRAIN,
    addresses,
    judged,
    url_of,
)
from bookstore_operator.components.exposure.backend import BACKEND_PORT, backend
from bookstore_operator.components.exposure.change import Change
from bookstore_operator.components.exposure.controller import LOAD_BALANCER_FAILED
from bookstore_operator.components.exposure.way import Way
from bookstore_operator.components.manifests import DRAIN, child
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.shop import WEB
from bookstore_operator.engine.verdict import Verdict, failed, waiting
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import EVENT, INGRESS, SERVICE
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.kube.thirdparty import CERTIFICATE
from bookstore_operator.store import Store

CERTIFICATE_PENDING = Reason(
    "CertificatePending",
    "The certificate is not issued yet; the shop serves plain http.",
    fix="Wait; where it stays, run `kubectl describe certificate,order,challenge`.",
)
TLS_KEYS = ("tls.crt", "tls.key")
"""What a Secret of type kubernetes.io/tls holds."""

ALB, NGINX = "alb.ingress.kubernetes.io/", "nginx.ingress.kubernetes.io/"
ALB_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
SLOW = 120
"""Seconds that a request or an answer may take on the way; the shop gives clients as many."""


class IngressExposure(Way):
    """Publish the shop by an Ingress."""

    kinds: ClassVar = (SERVICE, INGRESS)
    reads: ClassVar = (EVENT,)
    reasons: ClassVar = (
        ADDRESS_PENDING,
        LOAD_BALANCER_FAILED,
        CERTIFICATE_PENDING,
        SECRET_NOT_FOUND,
        SECRET_KEY_MISSING,
    )

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this way."""
        return root.spec.ingress is not None

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return the Secret that holds the certificate, whoever keeps it, and former Gateways."""
        secret = _secret(root)
        return [*([secret] if secret else []), *self.change(root, view).references()]

    def change(self, root: Store, view: View) -> Change:
        """Return what is left of former ways."""
        return Change(root, view, _ref(root), _ingress(root).hosts)

    def url(self, root: Store, view: View) -> str | None:
        """Return where shoppers reach the store, or None while it has no address."""
        return _public(root, view) if addresses(view.get(_ref(root))) else None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the public address."""
        ingress = _ingress(root)
        hops = ingress.forwarded_hops
        return (
            PublicAddress(
                url=_public(root, view),
                hosts=self.change(root, view).names(),
                hops=1 if hops is None else hops,
                drain=AWS_DRAIN if ingress.alb else DRAIN,
            ),
        )

    def children(self, root: Store, view: View) -> list[Manifest]:
        """Return the Service within the cluster, and the Ingress.

        The Ingress says https once the certificate is there: a controller that had none would show
        one of its own, which browsers refuse.
        """
        ingress = _ingress(root)
        alb = ingress.alb
        path = {
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": root.backend.name, "port": {"number": BACKEND_PORT}}},
        }
        spec: Manifest = {
            "rules": [{"host": host, "http": {"paths": [path]}} for host in ingress.hosts]
        }
        if ingress.class_name:
            spec["ingressClassName"] = ingress.class_name
        secret, secure = _secret(root), _is_secure(root, view)
        if secret and secure:
            spec["tls"] = [{"hosts": list(ingress.hosts), "secretName": secret.name}]
        manifest = child(root, _ref(root), WEB, spec=spec)
        annotations = {
            **_alb(ingress),
            **_nginx(ingress, secure=secure),
            **(ingress.annotations or {}),
        }
        if annotations:
            manifest["metadata"]["annotations"] = annotations
        through_nodes = alb is not None and alb.target_type is TargetType.INSTANCE
        return [backend(root, on_nodes=through_nodes), manifest]

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the Events of the Ingress while there is something to explain."""
        return controller.queries(root, view, _ref(root), cloud=_ingress(root).alb is not None)

    def is_known(self, root: Store, view: View) -> bool:
        """Return whether no certificate is about to come that makes the shop https."""
        tls = _ingress(root).tls
        ordered = tls is not None and tls.issuer_ref is not None and CERTIFICATE not in view.kinds
        return not ordered or _is_secure(root, view)

    def found(self, root: Store, view: View) -> Verdict:
        """Judge whether the Ingress has an address, is as it is wanted, and its certificate."""
        verdict = judged(root, _ref(root), self.url(root, view))
        cloud = _ingress(root).alb is not None
        verdict = controller.judged(root, view, _ref(root), verdict, cloud=cloud)
        return (_certificate_fault(root, view) or verdict) if verdict.ready else verdict


def _ingress(store: Store) -> Ingress:
    ingress = store.spec.ingress
    if ingress is None:
        raise LookupError("the store has no Ingress; a fault of the order")
    return ingress


def _ref(store: Store) -> Ref:
    return store.ingress(_ingress(store).class_name)


def _secret(store: Store) -> Ref | None:
    """Return the Secret that holds the certificate, where a Secret does."""
    tls = _ingress(store).tls
    if tls is None or tls.certificate_arn:
        return None
    return store.own_secret(tls.secret_ref.name) if tls.secret_ref else store.certificate_secret


def _missing_keys(secret: Manifest) -> list[str]:
    return [key for key in TLS_KEYS if not (secret.get("data") or {}).get(key)]


def _is_secure(store: Store, view: View) -> bool:
    """Return whether shoppers come by https, which they do once there is a certificate."""
    if _ingress(store).tls is None:
        return False
    ref = _secret(store)
    live = view.get(ref) if ref else None
    return ref is None or (live is not None and not _missing_keys(live))


def _public(store: Store, view: View) -> str:
    secure = _is_secure(store, view)
    return url_of(_ingress(store).hosts[0], HTTPS if secure else HTTP, secure=secure)


def _certificate_fault(store: Store, view: View) -> Verdict | None:
    """Return the verdict while the shop has an address and no certificate."""
    ref, tls = _secret(store), _ingress(store).tls
    if ref is None or tls is None or _is_secure(store, view):
        return None
    meanwhile = f"the shop serves {_public(store, view)} meanwhile"
    if tls.issuer_ref:
        return waiting(CERTIFICATE_PENDING, f"{ref} waits for the certificate; {meanwhile}.")
    live = view.get(ref)
    if live is None:
        return absent_secret(ref, "exposure.ingress.tls.secretRef.name", meanwhile)
    keys = " and ".join(f'"{key}"' for key in _missing_keys(live))
    return failed(
        SECRET_KEY_MISSING,
        f"{ref} has no key {keys}; make it by kubectl create secret tls; {meanwhile}",
    )


def _alb(ingress: Ingress) -> dict[str, str]:
    """Return the annotations by which AWS' controller makes an Application Load Balancer.

    The health check is that of the Network Load Balancer, for the same reason. Source: AWS Load
    Balancer Controller, "Ingress annotations".
    """
    if ingress.alb is None:
        return {}
    certificate = ingress.tls.certificate_arn if ingress.tls else None
    ports = [{"HTTP": HTTP}, {"HTTPS": HTTPS}] if certificate else [{"HTTP": HTTP}]
    said = {
        "scheme": "internal" if ingress.alb.scheme is Scheme.INTERNAL else "internet-facing",
        "target-type": "ip" if ingress.alb.target_type is TargetType.IP else "instance",
        "listen-ports": json.dumps(ports, separators=(",", ":")),
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": "/healthz",
        "healthcheck-interval-seconds": "10",
        "healthy-threshold-count": "2",
        "unhealthy-threshold-count": "2",
        "success-codes": "200",
        "target-group-attributes": f"deregistration_delay.timeout_seconds={AWS_DRAIN}",
    }
    if ingress.alb.group_name:
        said["group.name"] = ingress.alb.group_name
    if certificate:
        said |= {
            "certificate-arn": certificate,
            "ssl-policy": ALB_TLS_POLICY,
            "ssl-redirect": str(HTTPS),
        }
    return {f"{ALB}{name}": value for name, value in said.items()}


def _nginx(ingress: Ingress, *, secure: bool) -> dict[str, str]:
    """Return the annotations of ingress-nginx. Source: ingress-nginx, "Annotations"."""
    if ingress.nginx is None:
        return {}
    said = {
        "proxy-body-size": ingress.nginx.max_body_size,
        "proxy-connect-timeout": "5",
        "proxy-read-timeout": str(SLOW),
        "proxy-send-timeout": str(SLOW),
        "ssl-redirect": str(secure).lower(),
    }
    return {f"{NGINX}{name}": value for name, value in said.items()}
