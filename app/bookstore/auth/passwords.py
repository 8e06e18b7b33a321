"""Password hashing with argon2id, slow for a thief and bounded for us."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second profile for argon2id: 19 MiB, two passes, one lane; about 28 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Each hash takes 19 MiB; a flood of logins must not run the pod out of memory.
_slots = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and parameters."""
    with _slots:
        return _hasher.hash(password)


def verify_password(password: str, hashed: str | None) -> bool:
    """Return whether a password matches.

    :param hashed: the stored hash; None for an unknown person, which takes as long and fails.
    """
    with _slots:
        try:
            _hasher.verify(hashed or _dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


def needs_rehash(hashed: str) -> bool:
    """Return whether a stored hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(hashed)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody has this password")
