"""The API server's role-based access control, by the roles that the operator has.

Source: Kubernetes, "Using RBAC Authorization" and "Determine the request verb".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.server import PATH, Answer, Request, Server, failure

MANIFESTS = Path(__file__).parents[3] / "manifests" / "operator"
USER = "system:serviceaccount:bookstore-system:bookstore-operator"
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}


class Right(NamedTuple):
    """What a rule grants: a verb on a resource, or on a subresource as ``resource/subresource``."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group or 'core'}"

    @property
    def refusal(self) -> str:
        """Return the words by which the API server names it where it is lacking."""
        return f'cannot {self.verb} resource "{self.resource}" in API group "{self.group}"'


@dataclass(frozen=True)
class Role:
    """The rules of one role.

    Attributes:
        namespace: Where they hold; empty for everywhere.
        rules: The rules.
    """

    namespace: str
    rules: tuple[Manifest, ...]

    @classmethod
    def installed(cls, file: str) -> Role:
        """Read a role of the operator's manifests."""
        manifest = yaml.safe_load((MANIFESTS / file).read_text())
        return cls(manifest["metadata"].get("namespace", ""), tuple(manifest["rules"]))

    def rights(self) -> set[Right]:
        return {
            Right(group, resource, verb)
            for rule in self.rules
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }

    def grants(self, asked: Asked) -> bool:
        return self.namespace in {"", asked.namespace} and any(
            asked.right.group in rule["apiGroups"]
            and asked.right.resource in rule["resources"]
            and asked.right.verb in rule["verbs"]
            and asked.name in rule.get("resourceNames", [asked.name])
            for rule in self.rules
        )


class Asked(NamedTuple):
    """What a request needs."""

    right: Right
    namespace: str
    name: str

    @property
    def refusal(self) -> str:
        """Return the API server's sentence."""
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        what = f"{self.right.resource}.{self.right.group}".rstrip(".")
        name = f' "{self.name}"' if self.name else ""
        return f'{what}{name} is forbidden: User "{USER}" {self.right.refusal} {where}'


ROLES = (Role.installed("clusterrole.yaml"), Role.installed("role.yaml"))
GRANTED = frozenset(right for role in ROLES for right in role.rights())


@dataclass
class Guard(Server):
    """The way to the server as the operator's account, but for one right.

    Attributes:
        server: The server.
        without: The right that was removed.
        used: The rights by which something was let through.
        refused: What was refused, in the server's words.
    """

    server: Server = field(default_factory=Server)
    without: Right | None = None
    used: set[Right] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        for asked in self._asked(request):
            if asked.right == self.without or not any(role.grants(asked) for role in ROLES):
                self.refused.append(asked.refusal)
                return failure(403, asked.refusal, reason="Forbidden")
            self.used.add(asked.right)
        return await self.server.answer(request)

    def _asked(self, request: Request) -> Iterator[Asked]:
        match = PATH.fullmatch(request.path)
        if match is None:
            return
        place = (match["plural"], match["namespace"] or "", match["name"] or "")
        resource = "/".join(filter(None, (match["plural"], match["subresource"])))
        verb = VERBS.get(request.method) or ("get" if place[2] else "list")
        if request.query.get("watch"):
            verb = "watch"
        yield Asked(Right(match["group"] or "", resource, verb), *place[1:])
        if verb == "patch" and "apply-patch" in request.headers.get("Content-Type", ""):
            made = json.loads(request.body)["metadata"]["name"]
            if (place[0], place[1], made) not in self.server.cluster.objects:
                yield Asked(Right(match["group"] or "", resource, "create"), *place[1:])
