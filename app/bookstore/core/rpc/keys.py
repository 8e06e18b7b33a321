"""A service's own keys: what it signs with, and what others check that by.

A file holds the private keys (Ed25519, as PEM). The first one signs and all are published, so that
a new key is known everywhere before it signs, and an old one for as long as what it signed is good.
The file is read again when it changes: a rotation restarts nothing.
"""

import hashlib
import json
import logging
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_encode

BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----\n?", re.DOTALL)

log = logging.getLogger("bookstore.keys")


class KeyFileInvalid(Exception):
    """The file of a service's keys cannot be used; the message says why, and the fix."""


@dataclass(frozen=True)
class Key:
    """A private key, and the name of its public half (its RFC 7638 thumbprint)."""

    id: str
    private: Ed25519PrivateKey

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> "Key":
        """Name a key."""
        return cls(thumbprint(private.public_key()), private)


class ServiceKeys:
    """The keys of a service, as its file has them now."""

    def __init__(self, path: Path) -> None:
        """Make it.

        :raise KeyFileInvalid: when there is no such file, or no key in it.
        """
        self._path = path
        self._state = self._stat()
        self._keys = read_keys(path)

    @property
    def signing(self) -> Key:
        """Return the key that signs."""
        return self._current()[0]

    def find(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the public half of the key with this name, or None."""
        found = (key.private.public_key() for key in self._current() if key.id == key_id)
        return next(found, None)

    def published(self) -> dict[str, Any]:
        """Return the public halves of all keys as a JWK set (RFC 7517)."""
        return {"keys": [_public(key) for key in self._current()]}

    def _current(self) -> Sequence[Key]:
        try:
            state = self._stat()
            if state != self._state:
                self._keys = read_keys(self._path)
                self._state = state
        except KeyFileInvalid as invalid:
            # As while it is written: what was read before is as good as it was.
            log.error("keys not read again", extra={"error": str(invalid)})  # noqa: TRY400
        return self._keys

    def _stat(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise KeyFileInvalid(_absent(self._path, error)) from error
        return found.st_mtime_ns, found.st_size, found.st_ino


def read_keys(path: Path) -> list[Key]:
    """Read the keys of a file, the one that signs first.

    :raise KeyFileInvalid: when there is no such file, or no key in it, or something else.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise KeyFileInvalid(_absent(path, error)) from error
    keys = []
    for block in BLOCK.findall(text):
        try:
            private = serialization.load_pem_private_key(block, None)
        except ValueError:
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyFileInvalid(f"{path} holds what is no Ed25519 key; {_fix(path)}")
        keys.append(Key.of(private))
    if not keys:
        raise KeyFileInvalid(f"{path} holds no key; {_fix(path)}")
    return keys


def create(path: Path) -> bool:
    """Write a file with a new key, unless it is there; return whether it was written."""
    if path.exists():
        read_keys(path)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, [_new_key()])
    return True


def add(path: Path) -> Key:
    """Add a new key to a file, which is published and does not sign yet; return it."""
    key = _new_key()
    _write(path, [*read_keys(path), key])
    return key


def promote(path: Path) -> Key:
    """Let the newest key of a file sign; the others stay published. Return it."""
    *others, newest = read_keys(path)
    _write(path, [newest, *others])
    return newest


def retire(path: Path) -> int:
    """Remove all keys of a file but the one that signs; return how many went."""
    signing, *others = read_keys(path)
    _write(path, [signing])
    return len(others)


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return the name of a public key (RFC 7638, RFC 8037)."""
    canonical = json.dumps(OKPAlgorithm.to_jwk(key, True), sort_keys=True, separators=(",", ":"))
    return base64url_encode(hashlib.sha256(canonical.encode()).digest()).decode()


def _public(key: Key) -> dict[str, Any]:
    told = OKPAlgorithm.to_jwk(key.private.public_key(), True)
    return {**told, "kid": key.id, "use": "sig", "alg": "EdDSA"}


def _new_key() -> Key:
    return Key.of(Ed25519PrivateKey.generate())


def _write(path: Path, keys: Sequence[Key]) -> None:
    # A reader finds the file before or after, and nobody else can read it in between.
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    written = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(written, "wb") as file:
        for key in keys:
            file.write(
                key.private.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
    beside.replace(path)


def _absent(path: Path, error: OSError) -> str:
    return f"{path} cannot be read ({error.strerror or type(error).__name__}); {_fix(path)}"


def _fix(path: Path) -> str:
    return f"make it by bookstore keys create {path}."
