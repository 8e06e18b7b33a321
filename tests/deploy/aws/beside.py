"""What runs beside an instance: MySQL as RDS has it, ECR, and the page with RDS's authorities.

ECR is Debian's registry behind NGINX, which asks for the login that ECR gives. Both names have a
certificate of an authority that the instances trust; that of MySQL is signed by another, which is
to be had on the page alone.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.aws.machine import Built
from tests.support.mysql import docker
from tests.support.poll import eventually

TRUST = "truststore.pki.rds.amazonaws.com"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = f"{ECR}/bookstore:tests"
# What moto's ECR gives for a login.
LOGIN = ("AWS", "123456789012-auth-token")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NGINX_FILE = "/beside/nginx.conf"
NGINX = f"""
user root;
pid /tmp/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  ssl_certificate /beside/web.crt;
  ssl_certificate_key /beside/web.key;
  server {{
    listen 443 ssl default_server;
    client_max_body_size 0;
    auth_basic ECR;
    auth_basic_user_file /beside/users;
    location / {{
      proxy_pass http://127.0.0.1:5001;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
      proxy_request_buffering off;
    }}
  }}
  server {{
    listen 443 ssl;
    server_name {TRUST};
    root /beside/rds;
  }}
}}
"""
REGISTRY = """
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: "127.0.0.1:5001", relativeurls: true}
"""


def certify(folder: Path, name: str, *others: str) -> Path:
    """Write a certificate that is its own authority, and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative(each) for each in others]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.key").chmod(0o644)
    # Whole at once, for who waits for it.
    partial = folder / f"{name}.crt.partial"
    partial.write_bytes(made.public_bytes(encoding))
    return partial.rename(folder / f"{name}.crt")


def alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def gateway(network: str) -> str:
    """Give the address of this machine in a network."""
    return docker("network", "inspect", network, "--format", "{{(index .IPAM.Config 0).Gateway}}")


@dataclass(frozen=True)
class Database:
    """MySQL, its address and its administrator's password."""

    container: str
    host: str
    password: str

    def sql(self, statement: str) -> str:
        """Ask it as its administrator."""
        return docker(
            "exec", "--env", f"MYSQL_PWD={self.password}", self.container,
            "mysql", "--host=127.0.0.1", "--user=root", "-N", "-e", statement,
        )  # fmt: skip


@contextmanager
def database(built: Built, network: str, folder: Path) -> Iterator[Database]:
    """Run MySQL, which refuses who does not encrypt, and writes down what it is asked."""
    password, name = secrets.token_hex(16), f"{network}-mysql"
    # Its certificate names its address, which it has once it runs.
    wait = "until [ -e /beside/database.crt ]; do sleep 0.1; done; exec docker-entrypoint.sh mysqld"
    try:
        docker(
            "run", "--detach", "--name", name, "--network", network,
            "--env", f"MYSQL_ROOT_PASSWORD={password}", "--env", "MYSQL_ROOT_HOST=%",
            "--env", "MYSQL_DATABASE=bookstore", "--tmpfs", "/var/lib/mysql",
            "--volume", f"{folder}:/beside:ro", "--entrypoint", "sh", built.mysql, "-c",
            f"{wait} --require-secure-transport=ON --ssl-ca=/beside/database.crt "
            "--ssl-cert=/beside/database.crt --ssl-key=/beside/database.key "
            "--general-log=ON --log-output=TABLE",
        )  # fmt: skip
        host = docker(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name
        )
        certify(folder, "database", host)
        yield Database(name, host, password)
    finally:
        docker("rm", "--force", "--volumes", name)


@contextmanager
def web(built: Built, network: str, folder: Path) -> Iterator[str]:
    """Run ECR, which has the shop's image, and the page; give the image's manifest."""
    certify(folder, "web", TRUST, ECR)
    files = {
        "nginx.conf": NGINX,
        "registry.yml": REGISTRY,
        "users": f"{LOGIN[0]}:{{PLAIN}}{LOGIN[1]}\n",
        "rds/global/global-bundle.pem": (folder / "database.crt").read_text(),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    container = f"{network}-web"
    run = (
        "run", "--detach", "--name", container, "--network", network,
        "--network-alias", TRUST, "--network-alias", ECR, "--publish", "127.0.0.1::443",
        "--volume", f"{folder}:/beside:ro", "--entrypoint", "sh", built.machine, "-c",
        "docker-registry serve /beside/registry.yml & exec nginx -g 'daemon off;' -c " + NGINX_FILE,
    )  # fmt: skip
    try:
        docker(*run)
        port = docker("port", container, "443/tcp").splitlines()[0].rpartition(":")[2]
        yield push(built.shop, f"127.0.0.1:{port}", folder)
    finally:
        docker("rm", "--force", "--volumes", container)


def push(shop: str, registry: str, folder: Path) -> str:
    """Push the shop's image as its developers do, and give its manifest."""
    ask = httpx.Client(
        base_url=f"https://{registry}/v2", auth=LOGIN, verify=False, trust_env=False, timeout=30
    )

    def answers() -> None:
        assert ask.get("/").status_code == 200

    eventually(answers, within=60)
    # A configuration of one's own: the password is nobody's business but this test's.
    client = ("--config", str(folder / "docker"))
    subprocess.run(
        ["docker", *client, "login", "--username", LOGIN[0], "--password-stdin", registry],
        input=LOGIN[1], text=True, capture_output=True, check=True,
    )  # fmt: skip
    name = f"{registry}/bookstore:tests"
    docker("tag", shop, name)
    try:
        docker(*client, "push", "--quiet", name)
    finally:
        docker("rmi", name)
    told = ask.get("/bookstore/manifests/tests", headers={"Accept": MANIFEST})
    assert json.loads(told.text)["layers"]
    return told.text
