"""Read from each step's own templates where it takes a setting of the shop from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bookstore.core.config.settings import Settings
from bookstore_operator.bookstore import BookStores
from bookstore_operator.components.manifests import decoded, encoded
from bookstore_operator.engine.resource import kinds_used
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest, ref_of

ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(name.upper() for name in Settings.model_fields)
ASSIGNED = re.compile(r"^[\s-]*(?:export |Environment=)?[\"']?([A-Z_]+)[\"']?\s*[=:]\s?(.*?)\\?$")
# Of a shell script in a template: a variable, and a key of a secret that a variable names.
VARIABLE = re.compile(r"^\$\{?([a-z_]+)\}?$")
SECRET = re.compile(r"^\$\(secret \"\$([a-z_]+)\" (\w+).*\)$")
TEMPLATES = {".conf", ".env", ".j2", ".service", ".sh", ".yaml", ".yml"}


class ComposeLoader(yaml.SafeLoader):
    """Read compose files, whose own tags say nothing of settings."""


ComposeLoader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@dataclass(frozen=True)
class Source:
    """Where a step takes a setting from: a file below the root, or a name; and the value there."""

    where: str
    value: str = ""

    @property
    def is_file(self) -> bool:
        """Tell whether a person finds the setting in a file of the repository."""
        return (ROOT / self.where).is_file()


def image() -> dict[str, Source]:
    """Return what the shop's image sets, for every step that runs it."""
    text = (ROOT / "Dockerfile").read_text()
    stage = text[text.index("FROM runtime AS app") :].replace("\\\n", " ")
    words = next(line for line in stage.splitlines() if line.startswith("ENV ")).split()[1:]
    pairs = (word.partition("=") for word in words)
    return {name: Source("Dockerfile", value) for name, _, value in pairs if name in NAMES}


def compose() -> dict[str, Source]:
    """Return what compose sets: in its own file, else in .env, whose example is committed."""
    found = assigned([ROOT / ".env.example"])
    services = yaml.load((ROOT / "compose.yaml").read_text(), Loader=ComposeLoader)["services"]  # noqa: S506 - a SafeLoader
    for name, value in services["shop"]["environment"].items():
        if name in NAMES and not str(value).startswith("${"):
            found[name] = Source("compose.yaml", str(value))
    return found


def templates(folder: str) -> dict[str, Source]:
    """Return what the templates of a step set; nothing where the step is not there yet."""
    files = (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in TEMPLATES)
    return assigned(files)


def assigned(files: Iterable[Path]) -> dict[str, Source]:
    """Return the settings that files assign, each as the first of them says it."""
    found: dict[str, Source] = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            match = ASSIGNED.match(line)
            if match and match[1] in NAMES:
                value = led_back(match[2].strip().strip("\"'"), text)
                found.setdefault(match[1], Source(str(path.relative_to(ROOT)), value))
    return found


def led_back(value: str, script: str) -> str:
    """Return what a variable of a script stands for, or which key of which secret it is."""
    if secret := SECRET.match(value):
        return f"{led_back(f'${secret[1]}', script)}, {secret[2]}"
    variable = VARIABLE.match(value)
    given = variable and re.search(rf"^\s*{variable[1]}=(.+)$", script, re.MULTILINE)
    return led_back(given[1].strip("\"'"), script) if given else value


def eks() -> dict[str, Source]:
    """Return what the operator sets, and of which field of the BookStore it makes it.

    A store is put through the operator's own components, and each value of the shop's environment
    is looked for among those of the spec and of its Secrets.
    """
    (body,) = (
        manifest
        for manifest in yaml.safe_load_all((ROOT / "manifests/samples/eks/store.yaml").read_text())
        if manifest["kind"] == "BookStore"
    )
    external = body["spec"]["database"]["external"]
    external["tls"] = {"mode": "VerifyIdentity", "caSecretRef": {"name": "authority"}}
    body["spec"]["exposure"]["loadBalancer"]["host"] = "books.example.com"
    body["spec"]["mail"] = {"smtpSecretRef": {"name": "smtp"}, "from": "books@example.com"}
    credentials = external["credentialsSecretRef"]["name"]
    server = {
        "host": "the-mail-server",
        "port": "2525",
        "tls": "disabled",
        "username": "the-mail-user",
        "password": "the-mail-password",
    }
    secrets = {
        credentials: {"username": "the-user", "password": "the-password"},
        "authority": {"ca.crt": "the-authority"},
        "smtp": server,
    }
    made = play(body, secrets)
    fields = dict(leaves(made.spec, "spec"))
    keys = {
        "the-user": "database.external.credentialsSecretRef, userKey",
        "the-password": "database.external.credentialsSecretRef, passwordKey",
    } | {value: f"mail.smtpSecretRef, {key}" for key, value in server.items()}
    found = {}
    for name, value in made.environment.items():
        if value in keys:
            found[name] = Source(f"spec.{keys[value]}")
        elif value == made.token:
            found[name] = Source("the operator", "a Secret of its own")
        elif name == "PUBLIC_URL":
            found[name] = Source("spec.exposure.loadBalancer.host")
        elif name == "DB_TLS_CA":
            found[name] = Source("spec.database.external.tls.caSecretRef")
        else:
            alike = (field for field, said in fields.items() if plain(said) == plain(value))
            field = next(alike, None)
            found[name] = Source(field) if field else Source("the operator", value)
    return {name: source for name, source in found.items() if name in NAMES}


@dataclass(frozen=True)
class Made:
    """What the operator made of a store: its environment with the secrets, and its spec in full."""

    environment: Mapping[str, str]
    spec: Mapping[str, Any]
    token: str


def play(body: Manifest, secrets: Mapping[str, Mapping[str, str]]) -> Made:
    """Let the operator's components make their objects for a store, with no API server."""
    token = "the-token-of-the-operator"  # noqa: S105 - of no store
    stores = BookStores()
    kinds = {kind.name: kind for kind in kinds_used(stores)}
    identity = {"uid": "uid", "generation": 1}
    root = stores.parse({**body, "metadata": body["metadata"] | identity, "status": None})
    view = View(root=root, now=datetime.now(UTC), token=lambda: token)

    def put(manifest: Manifest) -> None:
        view.objects[ref_of(kinds[manifest["kind"]], manifest)] = manifest

    for name, values in secrets.items():
        metadata = {"name": name, "namespace": root.namespace}
        put({"kind": "Secret", "metadata": metadata, "data": encoded(values)})
    active = [component for component in stores.components if component.active(root)]
    for component in active:
        view.give(*component.outputs(root, view))
    made: list[Manifest] = []
    for component in active:
        for manifest in component.children(root, view):
            made.append(manifest)
            put(manifest)
        view.give(*component.outputs(root, view))
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in made}
    (pods,) = (one["spec"]["template"]["spec"] for one in made if one["kind"] == "Deployment")
    (container,) = pods["containers"]
    environment: dict[str, str] = {}
    for source in container["envFrom"]:
        environment |= by_name["ConfigMap", source["configMapRef"]["name"]]["data"]
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        secret = by_name["Secret", reference["name"]]
        environment[variable["name"]] = decoded(secret, reference["key"]) or ""
    return Made(environment, root.spec.manifest(), token)


def leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Return every plain value of a document with its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}")
    elif not isinstance(node, list):
        yield path, str(node)


def plain(value: str) -> str:
    """Return a value as one that differs in the way of writing has it: VerifyIdentity."""
    return value.replace("-", "").lower()
