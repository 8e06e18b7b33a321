"""Another service's public keys: fetched from its internal port, and kept."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Protocol

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bookstore.core.errors import ServiceUnavailable

PATH = "/.well-known/jwks.json"
TIMEOUT = httpx.Timeout(2, connect=1)
# After these seconds a key that was retired is not believed any more.
FRESH_SECONDS = 300
# Who sends names of keys that nobody has makes us ask no oftener than that.
AGAIN_SECONDS = 1
# While the service is away, what it published is believed, and it is asked now and then.
AWAY_SECONDS = 30

log = logging.getLogger("bookstore.keys")


class Memory(Protocol):
    """Keeps what services published for longer than a process lives."""

    def keep(self, issuer: str, published: str) -> None:
        """Keep a JWK set of a service."""

    def last(self, issuer: str) -> str | None:
        """Return the JWK set of a service that was kept last, or None where none is to be used."""


class PublishedKeys:
    """What a service publishes; a name that is not known is a reason to fetch it again.

    :param domain: the service, such as ``auth``.
    :param url: where its internal application listens.
    :param memory: is asked where nothing was fetched yet and the service does not answer.
    """

    def __init__(
        self,
        domain: str,
        url: str,
        transport: httpx.BaseTransport | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._domain = domain
        self._memory = memory
        self._http = httpx.Client(
            base_url=url.rstrip("/"), timeout=TIMEOUT, transport=transport, trust_env=False
        )
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetched = self._tried = float("-inf")
        self._refresh_at = float("-inf")
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the key of this name, or None when the service publishes none.

        :raise ServiceUnavailable: when that cannot be known, for the service does not answer.
        """
        known = self._keys.get(key_id)
        if known is not None:
            # One asks; the others go on with what is known.
            if time.monotonic() >= self._refresh_at and self._fetching.acquire(blocking=False):
                try:
                    self._fetch()
                finally:
                    self._fetching.release()
            return self._keys.get(key_id)
        asked = time.monotonic()
        with self._fetching:
            # Others may have fetched it while this one waited.
            done = key_id in self._keys or self._fetched > asked
            failed = None
            if not done and time.monotonic() - self._tried >= AGAIN_SECONDS:
                failed = self._fetch()
            found = self._keys.get(key_id)
        if found is None and (failed or not self._keys):
            raise ServiceUnavailable(self._domain, failed or "no keys yet")
        return found

    def _fetch(self) -> str | None:
        """Fetch the keys; return what went wrong, if anything did."""
        self._tried = time.monotonic()
        self._refresh_at = self._tried + AWAY_SECONDS
        try:
            answer = self._http.get(PATH)
            answer.raise_for_status()
            self._keys = _read(answer.text)
        except (httpx.HTTPError, jwt.PyJWTError, ValueError) as error:
            log.warning(
                "keys not fetched", extra={"domain": self._domain, "error": type(error).__name__}
            )
            self._remember()
            return type(error).__name__
        if self._memory is not None:
            self._memory.keep(self._domain, answer.text)
        self._fetched = time.monotonic()
        self._refresh_at = self._fetched + FRESH_SECONDS
        return None

    def _remember(self) -> None:
        if self._keys or self._memory is None:
            return
        kept = self._memory.last(self._domain)
        if kept is not None:
            self._keys = _read(kept)
            log.warning("keys kept from before are used", extra={"domain": self._domain})


def _read(text: str) -> dict[str, Ed25519PublicKey]:
    found = {}
    for key in jwt.PyJWKSet.from_json(text).keys:
        if key.key_id and isinstance(key.key, Ed25519PublicKey):
            found[key.key_id] = key.key
    return found
