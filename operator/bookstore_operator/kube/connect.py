"""Connect to the API server as the pod's account, or as the kubeconfig says."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Connection:
    """Send requests to the API server, with the account's token as it is renewed.

    ``kubernetes.aio`` reads the configuration and keeps the token. The session is our own: without
    a limit, since every watch holds a connection for good and their number grows with the
    namespaces; and without ``trust_env``, by which each request would wait for a thread twice to
    look for a proxy and a netrc, at twice the processor time.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._host = client.configuration.host
        connector = aiohttp.TCPConnector(limit=0, ssl=client.rest_client.ssl_context)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**18)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._client.close()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        data: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's limits, of several kinds
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and close its answer when the block ends."""
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        async with self._session.request(
            method, self._host + path, headers=headers, data=data, timeout=timeout
        ) as answer:
            yield answer


async def connect() -> Connection:
    """Return the way to the API server.

    Raises:
        kubernetes.aio.config.ConfigException: Neither an account nor a kubeconfig is there.
    """
    configuration = Configuration()
    if await asyncio.to_thread(TOKEN.is_file):
        load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    else:
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=os.environ.get("KUBECONFIG"), client_configuration=configuration
        )
    return Connection(ApiClient(configuration))


def jittered(seconds: float) -> float:
    """Return a time between half of ``seconds`` and one and a half of it."""
    return seconds * random.uniform(0.5, 1.5)
