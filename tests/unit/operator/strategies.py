"""Hypothesis strategies for BookStores that the API server accepts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bookstore_operator.api.external import TlsMode
from bookstore_operator.api.ingress import IssuerKind
from bookstore_operator.api.loadbalancer import AWS_CLASSES, Scheme, TargetType, TrafficPolicy
from bookstore_operator.api.percona import Spread
from bookstore_operator.api.placement import TaintEffect, Unsatisfiable
from bookstore_operator.api.podtemplate import OURS
from bookstore_operator.api.services import SERVICES, Topology
from bookstore_operator.api.spec import (
    AccessMode,
    BookStoreSpec,
    DeletionPolicy,
    ImagePullPolicy,
    StoreState,
)
from bookstore_operator.bookstore import Spec
from bookstore_operator.components.environment import RESERVED

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
names = labels.filter(lambda name: len(name) <= 40)
keys = st.from_regex(r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
hosts = st.one_of(
    st.lists(labels, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
)
images = st.builds(
    lambda parts, tag: "/".join(parts) + tag,
    st.lists(labels, min_size=1, max_size=3),
    st.sampled_from(["", ":1.0.0", ":dev-0a1b2c3d4e5f", "@sha256:" + "0a" * 32]),
)
ports = st.integers(1, 65535)
sizes = st.builds(lambda number, unit: f"{number}{unit}", st.integers(1, 4096), st.just("Gi"))


def hexadecimals(prefix: str) -> st.SearchStrategy[str]:
    """Return AWS IDs: the prefix, then 8 to 40 hexadecimal digits."""
    return st.from_regex(rf"{prefix}-[0-9a-f]{{8,40}}", fullmatch=True)


def mappings(required: dict[str, Any], **left_out: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with all required keys and any of those that may be left out."""
    return st.fixed_dictionaries(required, optional=left_out)


secret_refs = mappings({"name": labels}, userKey=keys, passwordKey=keys)
authorities = mappings({"name": labels}, key=keys)
tls = st.one_of(
    mappings({}, mode=st.sampled_from([TlsMode.DISABLED, TlsMode.REQUIRED])),
    mappings({"mode": st.just(TlsMode.VERIFY_IDENTITY), "caSecretRef": authorities}),
)
externals = mappings(
    {"host": hosts, "credentialsSecretRef": secret_refs},
    port=ports,
    schema=st.from_regex(r"[A-Za-z0-9_]{1,64}", fullmatch=True),
    tls=tls,
)
volumes = mappings({}, size=sizes, storageClassName=labels)
modes = st.lists(st.sampled_from(list(AccessMode)), min_size=1, max_size=2, unique=True)
claims = mappings({}, size=sizes, storageClassName=labels, accessModes=modes)
identifiers = st.from_regex(r"[a-z](-?[a-z0-9]){0,30}", fullmatch=True)
rds_instances = mappings(
    {"instanceClass": st.sampled_from(["db.t4g.medium", "db.r6gd.2xlarge"])},
    engineVersion=st.sampled_from(["8.0", "8.4", "8.4.5"]),
    allocatedStorage=st.integers(20, 1000),
    maxAllocatedStorage=st.integers(1001, 65536),
    multiAZ=st.booleans(),
    subnetGroupName=labels,
    securityGroupIds=st.lists(
        st.from_regex(r"sg-[0-9a-f]{17}", fullmatch=True), min_size=1, max_size=5, unique=True
    ),
    kmsKeyId=st.just("alias/bookstore"),
    backupRetentionDays=st.integers(0, 35),
    deletionProtection=st.just(False),
    identifier=identifiers,
    caSecretRef=authorities,
)
percona_clusters = mappings(
    {},
    size=st.sampled_from([3, 5]),
    image=images,
    storage=volumes,
    resources=mappings({}, cpu=st.just("1"), memory=sizes),
    spreadOver=st.sampled_from(list(Spread)),
    haproxy=mappings({}, size=st.integers(2, 5), image=images),
    readFromReplicas=st.booleans(),
    backupImage=images,
    backupStorages=st.lists(
        st.fixed_dictionaries(
            {
                "name": labels,
                "s3": mappings(
                    {"bucket": st.just("books/prod"), "credentialsSecret": labels},
                    region=labels,
                    endpointUrl=st.just("https://minio.example.com:9000"),
                ),
            }
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda one: str(one["name"]),
    ),
    crVersion=st.just("1.18.0"),
)
embeddeds = mappings({}, image=images, storage=volumes)
paths = st.lists(labels, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
file_systems = st.one_of(
    mappings({"fileSystemId": hexadecimals("fs")}, accessPointId=hexadecimals("fsap")),
    mappings({"fileSystemId": hexadecimals("fs")}, path=paths),
)
public_hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
arns = st.from_regex(
    r"arn:aws:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f]{8}-[0-9a-f]{4}", fullmatch=True
)
notes = st.dictionaries(
    labels.map(lambda name: f"example.com/{name}"), st.text(max_size=40), max_size=8
)
hops = st.integers(0, 10)
load_balancers = mappings(
    {},
    host=public_hosts,
    port=ports,
    loadBalancerClass=labels,
    externalTrafficPolicy=st.sampled_from(list(TrafficPolicy)),
    forwardedHops=hops,
    annotations=notes,
    nodePort=st.integers(30000, 32767),
)


@st.composite
def aws_load_balancers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw load balancers of AWS, by the cloud provider or by a controller."""
    drawn = draw(
        mappings({}, externalTrafficPolicy=st.sampled_from(list(TrafficPolicy)), forwardedHops=hops)
    )
    aws = draw(mappings({}, scheme=st.sampled_from(list(Scheme))))
    if draw(st.booleans()):
        drawn["loadBalancerClass"] = draw(st.sampled_from(AWS_CLASSES))
        aws |= draw(mappings({}, targetType=st.sampled_from(list(TargetType))))
    if draw(st.booleans()):
        drawn["host"] = draw(public_hosts)
        aws |= draw(mappings({}, certificateArn=arns))
    return {**drawn, "aws": aws}


databases = st.one_of(
    st.fixed_dictionaries({"external": externals}),
    st.fixed_dictionaries({"rds": rds_instances}),
    st.fixed_dictionaries({"percona": percona_clusters}),
    st.fixed_dictionaries({"embedded": embeddeds}),
)
storages = st.one_of(
    st.fixed_dictionaries({"efs": file_systems}), st.fixed_dictionaries({"claim": claims})
)


@st.composite
def ingresses(draw: st.DrawFn) -> dict[str, Any]:
    """Draw Ingresses of any controller, of an Application Load Balancer, or of NGINX."""
    drawn = draw(
        mappings(
            {"hosts": st.lists(public_hosts, min_size=1, max_size=3, unique=True)},
            className=labels,
            forwardedHops=hops,
            annotations=notes,
        )
    )
    controller = draw(st.sampled_from(["", "alb", "nginx"]))
    if controller == "alb":
        drawn["alb"] = draw(
            mappings(
                {},
                scheme=st.sampled_from(list(Scheme)),
                targetType=st.sampled_from(list(TargetType)),
                groupName=labels,
            )
        )
        return drawn | draw(mappings({}, tls=st.fixed_dictionaries({"certificateArn": arns})))
    if controller == "nginx":
        drawn["nginx"] = draw(mappings({}, maxBodySize=st.sampled_from(["1k", "32m", "2g"])))
    secrets = st.fixed_dictionaries({"secretRef": st.fixed_dictionaries({"name": labels})})
    issuers = mappings({"name": labels}, kind=st.sampled_from(list(IssuerKind)))
    tls = st.one_of(secrets, st.fixed_dictionaries({"issuerRef": issuers}))
    return drawn | draw(mappings({}, tls=tls))


gateways = mappings(
    {
        "parentRefs": st.lists(
            mappings({"name": labels}, namespace=labels, sectionName=labels), min_size=1, max_size=3
        ),
        "hosts": st.lists(public_hosts, min_size=1, max_size=3, unique=True),
    },
    forwardedHops=hops,
)
exposures = st.one_of(
    st.fixed_dictionaries({"loadBalancer": st.one_of(load_balancers, aws_load_balancers())}),
    st.fixed_dictionaries({"ingress": ingresses()}),
    st.fixed_dictionaries({"gateway": gateways}),
)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Draw requests and limits, no request above its limit."""
    memory = draw(st.integers(64, 4096))
    cpu = draw(st.integers(10, 4000))
    drawn: dict[str, Any] = {
        "requests": {"cpu": f"{cpu}m", "memory": f"{memory}Mi"},
        "limits": {"memory": f"{memory + draw(st.integers(0, 4096))}Mi"},
    }
    if draw(st.booleans()):
        drawn["limits"]["cpu"] = f"{cpu + draw(st.integers(0, 4000))}m"
    return drawn


senders = st.one_of(
    st.builds("{}@{}".format, labels, public_hosts),
    st.builds("{} <{}@{}>".format, labels, labels, public_hosts),
)
mails = st.fixed_dictionaries(
    {"smtpSecretRef": st.fixed_dictionaries({"name": labels}), "from": senders}
)


networks = st.one_of(
    st.just({"enabled": False}),
    mappings({}, metricsFrom=st.lists(labels, min_size=1, max_size=3, unique=True)),
)


schedules = st.builds(
    "{} {} {} {} {}".format,
    st.sampled_from(["*", "17", "*/5", "0,30"]),
    st.sampled_from(["*", "3", "8-20/2"]),
    st.sampled_from(["*", "1", "*/2"]),
    st.sampled_from(["*", "1-6", "jan,JUL"]),
    st.sampled_from(["*", "0", "mon-fri"]),
)
buckets = mappings(
    {"bucket": st.from_regex(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)},
    prefix=st.lists(labels, min_size=1, max_size=3).map("/".join),
    region=labels,
    credentialsSecretRef=mappings({"name": labels}, accessKeyIdKey=keys, secretAccessKeyKey=keys),
    forcePathStyle=st.booleans(),
)
object_stores = st.one_of(
    buckets,
    st.builds(
        lambda bucket, host, port, more: bucket | {"endpoint": f"https://{host}{port}"} | more,
        buckets,
        hosts,
        st.one_of(st.just(""), ports.map(":{}".format)),
        mappings({}, caSecretRef=authorities),
    ),
)
backups = mappings(
    {"schedule": st.one_of(schedules, st.sampled_from(["@daily", "@hourly"]))},
    timeZone=st.sampled_from(["Europe/Madrid", "UTC", "America/Argentina/Buenos_Aires"]),
    keep=st.integers(1, 1000),
    suspend=st.booleans(),
    s3=object_stores,
    drill=st.fixed_dictionaries({"schedule": schedules}),
)


def has_host(spec: dict[str, Any]) -> bool:
    """Return whether the shop of a spec has a name."""
    exposure = spec.get("exposure", {"loadBalancer": {}})
    return "host" in exposure.get("loadBalancer", {"host": ""})


node_labels = st.dictionaries(
    labels.map(lambda name: f"example.com/{name}"), labels, min_size=1, max_size=3
)
tolerations = st.one_of(
    mappings(
        {"key": labels},
        operator=st.just("Equal"),
        value=labels,
        effect=st.sampled_from(list(TaintEffect)),
    ),
    mappings({"operator": st.just("Exists")}, key=labels),
    mappings(
        {"key": labels, "effect": st.just("NoExecute"), "tolerationSeconds": st.integers(0, 900)}
    ),
)
placements = mappings(
    {},
    nodeSelector=node_labels,
    tolerations=st.lists(tolerations, max_size=3),
    priorityClassName=labels,
    topologySpread=st.lists(
        mappings(
            {"topologyKey": labels},
            maxSkew=st.integers(1, 5),
            whenUnsatisfiable=st.sampled_from(list(Unsatisfiable)),
        ),
        max_size=3,
        unique_by=lambda one: str(one["topologyKey"]),
    ),
)
variables = st.one_of(
    mappings(
        {
            "value": st.text(
                st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40
            )
        }
    ),
    *(
        st.fixed_dictionaries(
            {
                "valueFrom": st.fixed_dictionaries(
                    {kind: st.fixed_dictionaries({"name": labels, "key": keys})}
                )
            }
        )
        for kind in ("secretKeyRef", "configMapKeyRef")
    ),
)
variable_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in RESERVED
)
envs = st.dictionaries(variable_names, variables, max_size=4).map(
    lambda found: [{"name": name, **rest} for name, rest in found.items()]
)


def named(one: dict[str, Any]) -> str:
    return str(one["name"])


own_labels = labels.filter(lambda name: name not in {"web", *OURS})
volumes_of_pods = st.one_of(
    mappings({"name": own_labels, "configMap": mappings({"name": labels}, optional=st.booleans())}),
    mappings({"name": own_labels, "secret": mappings({"secretName": labels})}),
    mappings({"name": own_labels, "emptyDir": mappings({}, medium=st.just("Memory"))}),
    mappings({"name": own_labels, "persistentVolumeClaim": mappings({"claimName": labels})}),
    mappings({"name": own_labels, "csi": mappings({"driver": labels}, readOnly=st.booleans())}),
)


def without(one: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}


probes = st.one_of(
    mappings({"httpGet": mappings({"port": ports}, path=labels.map("/{}".format))}),
    mappings({"tcpSocket": mappings({"port": ports})}, periodSeconds=st.integers(1, 60)),
    mappings({"exec": mappings({"command": st.lists(labels, min_size=1, max_size=2)})}),
)


@st.composite
def pod_templates(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a person adds to pods; what is mounted is there."""
    drawn = draw(
        mappings(
            {"volumes": st.lists(volumes_of_pods, max_size=3, unique_by=named)},
            labels=st.dictionaries(own_labels, labels, max_size=3),
            annotations=notes,
            securityContext=mappings(
                {}, supplementalGroups=st.lists(st.integers(1, 9999), max_size=3, unique=True)
            ),
        )
    )
    there = st.sampled_from(["files", "tmp", *map(named, drawn["volumes"])])
    mounts = st.lists(
        mappings({"name": there, "mountPath": labels.map("/mnt/{}".format)}, subPath=labels),
        max_size=3,
        unique_by=lambda one: str(one["mountPath"]),
    )
    containers = st.lists(
        mappings(
            {"name": own_labels, "image": images},
            args=st.lists(labels, max_size=2),
            env=envs,
            resources=resources(),
            volumeMounts=mounts,
            restartPolicy=st.just("Always"),
            livenessProbe=probes,
            securityContext=mappings({}, runAsUser=st.integers(1, 9999)),
        ),
        max_size=4,
        unique_by=named,
    )
    beside = draw(containers)
    cut = draw(st.integers(0, len(beside)))
    return drawn | {
        "volumeMounts": draw(mounts),
        "containers": [without(one, "restartPolicy") for one in beside[:cut]],
        "initContainers": [
            one if "restartPolicy" in one else without(one, "livenessProbe") for one in beside[cut:]
        ],
    }


@st.composite
def autoscalings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw autoscalers, whose bounds are in order."""
    least = draw(st.integers(1, 50))
    drawn = {"minReplicas": least, "maxReplicas": draw(st.integers(least, 50))}
    return drawn | draw(
        mappings({}, cpuUtilization=st.integers(1, 1000), requestsPerSecond=st.integers(1, 10000))
    )


def coherent(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec without the fields that others of it rule out."""
    ruled_out = set() if has_host(spec) else {"mail"}
    ruled_out |= {"replicas"} if "autoscaling" in spec else set()
    modes = spec["storage"].get("claim", {"accessModes": ["ReadWriteMany"]}).get("accessModes", [])
    if "topologySpread" in spec.get("placement", {}) and "ReadWriteMany" not in modes:
        ruled_out.add("placement")
    return {name: value for name, value in spec.items() if name not in ruled_out}


def valid_manifests() -> st.SearchStrategy[dict[str, Any]]:
    """Return specs as a person writes them: anything with a default may be left out."""
    return mappings(
        {"image": images, "database": databases, "storage": storages},
        replicas=st.integers(0, 50),
        resources=resources(),
        exposure=exposures,
        mail=mails,
        networkPolicies=networks,
        backup=backups,
        deletionPolicy=st.sampled_from(list(DeletionPolicy)),
        state=st.sampled_from(list(StoreState)),
        imagePullSecrets=st.lists(
            st.fixed_dictionaries({"name": labels}), max_size=3, unique_by=lambda one: one["name"]
        ),
        imagePullPolicy=st.sampled_from(list(ImagePullPolicy)),
        autoscaling=autoscalings(),
        placement=placements,
        env=envs,
        podTemplate=pod_templates(),
        web=mappings(
            {},
            workers=st.integers(1, 64),
            threads=st.integers(1, 64),
            # Enough for 51 pods of 64 workers that read from replicas too.
            connectionBudget=st.integers(16321, 100000),
        ),
    ).map(coherent)


def valid_specs() -> st.SearchStrategy[BookStoreSpec]:
    """Return specs as the operator sees them, defaults filled in."""
    return valid_manifests().map(Spec.model_validate)


def valid_services() -> st.SearchStrategy[BookStoreSpec]:
    """Return specs of stores that run as services, on a database whose users are the operator's."""
    counted = st.one_of(
        mappings({}, replicas=st.integers(0, 9)),
        st.fixed_dictionaries({"autoscaling": autoscalings()}),
    )
    service = st.builds(
        lambda count, more: count | more, counted, mappings({}, image=images, resources=resources())
    )
    wanted = mappings(
        {
            "topology": st.just(Topology.MICROSERVICES),
            "database": st.one_of(
                st.fixed_dictionaries({"percona": percona_clusters}),
                st.fixed_dictionaries({"embedded": embeddeds}),
            ),
        },
        services=mappings(
            {},
            **dict.fromkeys(SERVICES, service),
            gateway=mappings({}, image=images, replicas=st.integers(1, 9)),
        ),
    )
    return st.builds(
        lambda whole, own: Spec.model_validate(whole | own),
        valid_manifests(),
        wanted,
    )
