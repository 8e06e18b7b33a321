"""Take secrets out of what leaves the cluster: the values of Secrets, wherever they turn up."""

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from kubectl_bookstore.objects import Manifest

REDACTED = "[redacted]"
SHORTEST = 4
"""Characters below which a value is a word that turns up by chance, such as a port."""

OPEN = re.compile(r"user|host|port|tls|database|name|\.crt$|^ca|from|engine|dir$", re.IGNORECASE)
"""Keys of a Secret whose values are no secrets, and words of every log at that."""

SECRET_NAME = re.compile(
    r"pass|secret|token|credential|private|api.?key|\.key$|dsn|_uri$", re.IGNORECASE
)
LOGIN_IN_URL = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Redactor:
    """Replace secrets by a word.

    Args:
        secrets: The Secrets whose values are looked for in all forms.
    """

    def __init__(self, secrets: Iterable[Manifest]) -> None:
        values = {form for secret in secrets for value in _values(secret) for form in _forms(value)}
        found = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        return LOGIN_IN_URL.sub(rf"\1:{REDACTED}@", text)

    def manifest(self, live: Manifest) -> Manifest:
        """Return an object without secrets; of a Secret the names of its keys stay."""
        metadata = {k: v for k, v in live["metadata"].items() if k != "managedFields"}
        notes = metadata.get("annotations", {})
        if notes:
            metadata["annotations"] = {k: v for k, v in notes.items() if k != LAST_APPLIED}
        body = {**live, "metadata": metadata}
        if live.get("kind") == "Secret":
            body["data"] = dict.fromkeys(sorted(live.get("data") or {}), REDACTED)
        walked: Manifest = self._walked(body)
        return walked

    def _walked(self, node: Any) -> Any:
        if isinstance(node, dict):
            # An environment variable has its name beside its value.
            named = str(node.get("name", "")) if isinstance(node.get("value"), str) else ""
            return {
                k: REDACTED if k == "value" and SECRET_NAME.search(named) else self._walked(v)
                for k, v in node.items()
            }
        if isinstance(node, list):
            return [self._walked(item) for item in node]
        if isinstance(node, str):
            return self.text(node)
        return node


def _values(secret: Manifest) -> Iterable[bytes]:
    for key, value in (secret.get("data") or {}).items():
        if SECRET_NAME.search(key) or not OPEN.search(key):
            yield base64.b64decode(value or "")


def _forms(value: bytes) -> Iterable[str]:
    """Yield a secret as it may turn up: plain, line by line, escaped, and encoded."""
    text = value.decode(errors="replace").strip()
    if len(text) < SHORTEST:
        return
    yield text
    yield from (line for line in text.splitlines() if len(line) >= SHORTEST * 2)
    yield quote(text, safe="")
    yield quote_plus(text)
    for encoded in (base64.b64encode(value), base64.b64encode(text.encode())):
        yield encoded.decode()
        yield encoded.decode().rstrip("=")
