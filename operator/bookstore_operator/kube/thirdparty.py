"""Kinds of third parties, which a cluster may lack."""

from bookstore_operator.kube.objects import READ, Fields, Kind

CERTIFICATE = Kind(
    "cert-manager.io",
    "v1",
    "Certificate",
    "certificates",
    fields=Fields(exclusive=(("spec",),)),
    defaulted=True,
    provider="cert-manager (https://cert-manager.io/docs/installation)",
)

_GATEWAY_API = "the Gateway API and a controller of it (https://gateway-api.sigs.k8s.io)"

GATEWAY = Kind(
    "gateway.networking.k8s.io",
    "v1",
    "Gateway",
    "gateways",
    verbs=READ,
    provider=_GATEWAY_API,
)
HTTP_ROUTE = Kind(
    "gateway.networking.k8s.io",
    "v1",
    "HTTPRoute",
    "httproutes",
    fields=Fields(exclusive=(("spec",),)),
    defaulted=True,
    provider=_GATEWAY_API,
)
