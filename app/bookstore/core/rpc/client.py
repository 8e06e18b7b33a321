"""An implementation of a domain's interface that calls another service."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import httpx

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.rpc.contract import CONFLICT, Contract, Method

T = TypeVar("T")

TIMEOUT = httpx.Timeout(5, connect=1)


def client(
    contract: Contract,
    interface: type[T],
    url: str,
    token: str,
    transport: httpx.BaseTransport | None = None,
) -> T:
    """Return an implementation of an interface that calls a service.

    A call that the service did not answer is sent once more, since what is called twice changes
    nothing the second time.

    :param interface: the contract's.
    :param url: where the service's internal application listens.
    :param transport: by default HTTP with connections that are kept.
    """
    if interface is not contract.interface:
        raise TypeError(f"the contract of {contract.domain} is not of {interface.__name__}")
    http = httpx.Client(
        base_url=f"{url.rstrip('/')}/{contract.domain}/",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=TIMEOUT,
        transport=transport,
    )
    return cast("T", RemoteService(contract, http))


class RemoteService:
    """The methods of a contract, each a call of another service.

    :raise ServiceUnavailable: by each of them, when the service does not answer, or not as the
        contract has it.
    """

    def __init__(self, contract: Contract, http: httpx.Client) -> None:
        self._contract = contract
        self._http = http

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of the contract."""
        method = self._contract.methods.get(name)
        if method is None:
            raise AttributeError(f"{self._contract.interface.__name__} has no {name}")

        def call(*args: object, **kwargs: object) -> Any:
            return self._call(method, method.pack(args, kwargs))

        return call

    def _call(self, method: Method, body: bytes) -> Any:
        answer = self._answer(method.name, body)
        if answer.status_code == CONFLICT:
            raise self._contract.unpack_error(json.loads(answer.content))
        if answer.status_code != httpx.codes.OK:
            raise ServiceUnavailable(self._contract.domain, f"status {answer.status_code}")
        return method.answer.validate_json(answer.content)

    def _answer(self, name: str, body: bytes) -> httpx.Response:
        with suppress(httpx.TransportError):
            return self._http.post(name, content=body)
        try:
            return self._http.post(name, content=body)
        except httpx.TransportError as error:
            raise ServiceUnavailable(self._contract.domain, type(error).__name__) from error
