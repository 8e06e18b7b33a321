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

DB_INSTANCE = Kind(
    "rds.services.k8s.aws",
    "v1alpha1",
    "DBInstance",
    "dbinstances",
    holds_data=True,
    fields=Fields(
        # RDS writes some of them in a form of its own, such as a key's ARN, and changes none.
        frozen=(
            ("spec", "dbInstanceIdentifier"),
            ("spec", "dbName"),
            ("spec", "dbSubnetGroupName"),
            ("spec", "engine"),
            ("spec", "kmsKeyID"),
            ("spec", "masterUsername"),
            ("spec", "storageEncrypted"),
        ),
    ),
    provider="the ACK controller for Amazon RDS "
    "(https://aws-controllers-k8s.github.io/community/docs/user-docs/install)",
)

PXC = Kind(
    "pxc.percona.com",
    "v1",
    "PerconaXtraDBCluster",
    "perconaxtradbclusters",
    provider="Percona Operator for MySQL, 1.16 or newer "
    "(https://docs.percona.com/percona-operator-for-mysql/pxc/System-Requirements.html)",
)
