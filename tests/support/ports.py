"""Ports that nobody uses."""

from __future__ import annotations

import random
import socket

# Below those that Linux and macOS give to outgoing connections, of which the tests make thousands:
# one of these could be taken before the server that is to have it listens.
LISTENERS = range(15_000, 30_000)


def free_port() -> int:
    """Return a port of this machine that is free now, another one each time."""
    for port in random.sample(LISTENERS, 100):
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"of 100 ports within {LISTENERS} none is free")
