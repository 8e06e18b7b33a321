"""What pods that copy backups into a bucket have beside the shop's: its place, keys and way."""

from typing import Any

from bookstore_operator.api.objectstore import HTTPS, S3Bucket
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

AUTHORITY = "/etc/bookstore/s3"
CA_FILE = "ca.crt"

IDENTITIES = ("169.254.169.254/32", "169.254.170.23/32", "fd00:ec2::23/128")
"""Where a pod on EKS gets keys of its own: the node's metadata, and the Pod Identity Agent on both
families. Source: Amazon EKS User Guide, "Pod Identity Agent"; Amazon EC2 User Guide, "IMDS"."""


def bucket_of(store: Manifest | None) -> S3Bucket | None:
    """Return the bucket that a live BookStore has its backups copied to."""
    backup: dict[str, Any] = (store or {}).get("spec", {}).get("backup") or {}
    return S3Bucket.model_validate(backup["s3"]) if backup.get("s3") else None


def prefix_of(bucket: S3Bucket, namespace: str, store: str) -> str:
    """Return the folder in the bucket that holds a store's backups."""
    return bucket.prefix or f"{namespace}/{store}"


def secrets_of(store: Store, bucket: S3Bucket) -> dict[Ref, dict[str, str]]:
    """Return the Secrets of a bucket: each with its keys and the fields naming them."""
    wanted: dict[Ref, dict[str, str]] = {}
    path = "backup.s3"
    if login := bucket.credentials_secret_ref:
        wanted[store.own_secret(login.name)] = {
            login.access_key_id_key: f"{path}.credentialsSecretRef.accessKeyIdKey",
            login.secret_access_key_key: f"{path}.credentialsSecretRef.secretAccessKeyKey",
        }
    if authority := bucket.ca_secret_ref:
        keys = wanted.setdefault(store.own_secret(authority.name), {})
        keys[authority.key] = f"{path}.caSecretRef.key"
    return wanted


def give_bucket(job: Manifest, bucket: S3Bucket, prefix: str) -> None:
    """Have the pod of a Job of the shop know a bucket.

    Its Secrets may be absent: the shop then says so, and the backup in its own folder is whole.
    """
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    container["env"] = [*container["env"], *_variables(bucket, prefix)]
    if authority := bucket.ca_secret_ref:
        item = {"key": authority.key, "path": CA_FILE}
        secret = {"secretName": authority.name, "items": [item], "optional": True}
        pod["volumes"] = [*pod["volumes"], {"name": "s3-ca", "secret": secret}]
        mount = {"name": "s3-ca", "mountPath": AUTHORITY, "readOnly": True}
        container["volumeMounts"] = [*container["volumeMounts"], mount]


def way_to(bucket: S3Bucket) -> list[Manifest]:
    """Return the rules of a NetworkPolicy by which pods reach a bucket, and keys of their own."""
    ports = [bucket.port]
    if bucket.credentials_secret_ref:
        return [_to(ports)]
    if HTTPS not in ports:
        ports.append(HTTPS)
    return [_to(ports), _to([80]) | {"to": [{"ipBlock": {"cidr": one}} for one in IDENTITIES]}]


def _to(ports: list[int]) -> Manifest:
    return {"ports": [{"protocol": "TCP", "port": port} for port in ports]}


def _variables(bucket: S3Bucket, prefix: str) -> list[Manifest]:
    style = bucket.force_path_style
    plain = {
        "S3_BUCKET": bucket.bucket,
        "S3_PREFIX": prefix,
        "S3_REGION": bucket.region,
        "S3_ENDPOINT": bucket.endpoint,
        "S3_FORCE_PATH_STYLE": None if style is None else str(style).lower(),
        "S3_CA": f"{AUTHORITY}/{CA_FILE}" if bucket.ca_secret_ref else None,
    }
    found: list[Manifest] = [{"name": name, "value": v} for name, v in plain.items() if v]
    if login := bucket.credentials_secret_ref:
        for name, key in (
            ("S3_ACCESS_KEY_ID", login.access_key_id_key),
            ("S3_SECRET_ACCESS_KEY", login.secret_access_key_key),
        ):
            source = {"name": login.name, "key": key, "optional": True}
            found.append({"name": name, "valueFrom": {"secretKeyRef": source}})
    return found
