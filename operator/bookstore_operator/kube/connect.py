"""Connect to the API server as the pod's account, or as the kubeconfig says."""

import asyncio
import os
import random
from pathlib import Path

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
CONNECTIONS = 32
"""As many requests as are under way at once; more would only queue in the API server."""


async def connect() -> ApiClient:
    """Return a client with one pool of connections, whose token is read anew as it expires.

    Raises:
        kubernetes.aio.config.ConfigException: Neither an account nor a kubeconfig is there.
    """
    configuration = Configuration(connection_pool_maxsize=CONNECTIONS)
    if await asyncio.to_thread(TOKEN.is_file):
        load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    else:
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=os.environ.get("KUBECONFIG"), client_configuration=configuration
        )
    return ApiClient(configuration)


def jittered(seconds: float) -> float:
    """Return a time between half of ``seconds`` and one and a half of it."""
    return seconds * random.uniform(0.5, 1.5)
