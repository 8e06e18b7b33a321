"""Certificate: what the operator orders from cert-manager for the hosts of an Ingress.

It is an object of the store, and not an annotation of the Ingress that cert-manager makes one of:
so its trouble is told in a condition of the store, a cluster without cert-manager is told too, and
the certificate outlives a change of the Ingress.
"""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.ingress import Ingress, IssuerRef
from bookstore_operator.components.manifests import child
from bookstore_operator.components.shop import WEB
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.kube.thirdparty import CERTIFICATE
from bookstore_operator.store import Store

CERTIFICATE_READY = ConditionType(
    "CertificateReady", "cert-manager issued the certificate and renews it."
)
CERTIFICATE_REQUESTED = Reason(
    "CertificateRequested",
    "cert-manager is asked for a certificate.",
    fix="Wait; where it stays, run `kubectl describe certificate,order,challenge`.",
)
CERTIFICATE_NOT_ISSUED = Reason(
    "CertificateNotIssued",
    "The issuer gave no certificate; cert-manager tries again.",
    fix="Mend what the message names: mostly the host's DNS record, or the issuer.",
)


class Certificate(Component[Store]):
    """Order a certificate, where the spec names an issuer."""

    condition: ClassVar = CERTIFICATE_READY
    awaited: ClassVar = CERTIFICATE_REQUESTED
    kinds: ClassVar = (CERTIFICATE,)
    reasons: ClassVar = (CERTIFICATE_REQUESTED, CERTIFICATE_NOT_ISSUED)

    def active(self, root: Store) -> bool:
        """Return whether the spec names an issuer."""
        return _issuer(root.spec.ingress) is not None

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return the Certificate. Source: cert-manager, "Certificate resource"."""
        ingress = root.spec.ingress
        issuer = _issuer(ingress)
        if ingress is None or issuer is None:
            return []
        spec = {
            "secretName": root.certificate_secret.name,
            "dnsNames": list(ingress.hosts),
            "issuerRef": {
                "name": issuer.name,
                "kind": issuer.kind.value,
                "group": CERTIFICATE.group,
            },
            "privateKey": {"rotationPolicy": "Always"},
        }
        return [child(root, root.certificate, WEB, spec=spec)]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether there is a certificate; where its renewal fails, say so in time."""
        live = view.get(root.certificate) or {}
        found = {one["type"]: one for one in live.get("status", {}).get("conditions", [])}
        issuing, where = found.get("Issuing", {}), f"Certificate {root.certificate.name}"
        if issuing.get("status") == "False" and issuing.get("reason") == "Failed":
            message = str(issuing.get("message", "it gave no word")).strip().rstrip(".")
            return failed(
                CERTIFICATE_NOT_ISSUED,
                f"{where} was not issued: {message}; see kubectl describe certificate,order,"
                f"challenge -n {root.namespace}; cert-manager tries again",
                holds=False,
            )
        if found.get("Ready", {}).get("status") == "True":
            return ready("The certificate is issued, and renewed by cert-manager.")
        message = str(found.get("Ready", {}).get("message", "cert-manager has not seen it yet"))
        return waiting(
            CERTIFICATE_REQUESTED, f"{where}: {message.strip().rstrip('.')}.", holds=False
        )


def _issuer(ingress: Ingress | None) -> IssuerRef | None:
    return ingress.tls.issuer_ref if ingress and ingress.tls else None
