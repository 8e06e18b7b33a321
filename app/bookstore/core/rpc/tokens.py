"""Signed tokens (JWT, Ed25519): who says something to whom, and until when it is believed.

PyJWT signs and reads them: it is well kept, its one dependency is the ``cryptography`` that PyMySQL
brings, and joserfc, as well kept, would add nothing that is used here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bookstore.core.rpc.keys import ServiceKeys

ALGORITHM = "EdDSA"
CLOCKS_DIFFER = timedelta(seconds=5)
WANTED = ["iss", "aud", "iat", "exp"]


class TokenRefused(Exception):
    """A token is not one that is believed; the message says why, and nothing of the token."""


class PublicKeys(Protocol):
    """The public keys of an issuer."""

    def find(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the key of this name, or None.

        :raise ServiceUnavailable: when that cannot be known now.
        """


class Signer:
    """Signs tokens of one issuer, such as the service ``auth``."""

    def __init__(self, issuer: str, keys: ServiceKeys) -> None:
        self._issuer = issuer
        self._keys = keys

    def sign(self, audience: str, lifetime: timedelta, **claims: object) -> str:
        """Return a token for an audience."""
        key, moment = self._keys.signing, datetime.now(UTC)
        said = {
            "iss": self._issuer,
            "aud": audience,
            "iat": moment,
            "exp": moment + lifetime,
            **claims,
        }
        return jwt.encode(said, key.private, ALGORITHM, headers={"kid": key.id})


class Verifier:
    """Checks tokens of some issuers.

    :param issuers: each issuer's public keys.
    """

    def __init__(self, issuers: Mapping[str, PublicKeys]) -> None:
        self._issuers = issuers

    def claims(self, token: str, audience: str, issuer: str | None = None) -> Mapping[str, Any]:
        """Return what a token says.

        :param issuer: who must have signed it; by default any of the known ones.
        :raise TokenRefused: when it is for another audience, has expired, or is signed by none.
        :raise ServiceUnavailable: when the issuer's keys are not known and it does not answer.
        """
        try:
            said = jwt.decode_complete(token, options={"verify_signature": False})
            named, key_id = said["payload"].get("iss"), said["header"].get("kid")
            if not isinstance(named, str) or issuer not in (None, named):
                raise TokenRefused("another issuer")
            keys = self._issuers.get(named)
            key = keys.find(key_id) if keys is not None and isinstance(key_id, str) else None
            if key is None:
                raise TokenRefused("unknown key")
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=named,
                leeway=CLOCKS_DIFFER,
                options={"require": WANTED},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from None
        return claims
