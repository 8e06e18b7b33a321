"""Epochs: what a session, a token or a link holds of an account, void once it is another.

They are random, never counted: a restored database gives the ids of accounts that came after the
copy a second time, and what was signed for the first of them must open nothing of the second.
"""

import secrets

EPOCH_BITS = 62


def new_epoch() -> int:
    """Return an epoch that no account has had, as far as chance can tell."""
    return secrets.randbits(EPOCH_BITS)
