"""An implementation of a domain's interface that calls another service.

A call is repeated where the service did not answer, a few times and after a random pause: what is
called twice changes nothing the second time. An answer, also a refusal, is never asked for again.
After some calls without a good answer the circuit opens: for a while calls fail at once, so that a
service which is away costs its callers no threads, and has peace to come back.

Which circuit breaker: pybreaker, released in 2025, typed, and the one that others move to;
aiobreaker's last release is of 2021, purgatory's of 2024, and circuitbreaker takes no lock. Its
``call`` holds a lock while the guarded function runs, which would let threads call one after the
other; its ``calling`` does not, and is what is used here.
"""

import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

import httpx
import tenacity
from pybreaker import CircuitBreaker, CircuitBreakerError

from bookstore.core.errors import ServiceUnavailable
from bookstore.core.observability import trace
from bookstore.core.rpc import deadline
from bookstore.core.rpc.contract import CONFLICT, IDEMPOTENCY_KEY, Contract, Method
from bookstore.core.rpc.tokens import Signer
from bookstore.core.rpc.watch import CircuitWatch, Outcome, Watch

T = TypeVar("T")

CALL_SECONDS, CONNECT_SECONDS = 5.0, 1.0
ATTEMPTS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 3, 0.05, 0.5
FAILURES_TO_OPEN, OPEN_SECONDS = 5, 5
TOKEN_LIFETIME = timedelta(seconds=30)


class _Failed(Exception):
    """The service answered that it cannot do its work."""


def client(
    contract: Contract,
    interface: type[T],
    url: str,
    signer: Signer,
    transport: httpx.BaseTransport | None = None,
    watch: Watch | None = None,
) -> T:
    """Return an implementation of an interface that calls a service.

    :param interface: one of the contract's.
    :param url: where the service's internal application listens.
    :param signer: signs the token of each call, for the called domain alone.
    :param transport: by default HTTP with connections that are kept.
    :param watch: told of each call, and of the circuit.
    """
    if interface not in contract.interfaces:
        raise TypeError(f"the contract of {contract.domain} is not of {interface.__name__}")
    http = httpx.Client(
        base_url=f"{url.rstrip('/')}/{contract.domain}/",
        headers={"Content-Type": "application/json"},
        transport=transport,
        trust_env=False,
    )
    return cast("T", RemoteService(contract, http, signer, watch))


class RemoteService:
    """The methods of a contract, each a call of another service.

    :raise ServiceUnavailable: by each of them, when the service does not answer, or not as the
        contract has it.
    """

    def __init__(
        self, contract: Contract, http: httpx.Client, signer: Signer, watch: Watch | None = None
    ) -> None:
        self._contract = contract
        self._http = http
        self._signer = signer
        self._watch = watch
        self._circuit = CircuitBreaker(
            fail_max=FAILURES_TO_OPEN,
            reset_timeout=OPEN_SECONDS,
            throw_new_error_on_trip=False,
            listeners=[CircuitWatch(contract.domain, watch)] if watch else None,
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of the contract."""
        method = self._contract.methods.get(name)
        if method is None:
            raise AttributeError(f"the contract of {self._contract.domain} has no {name}")

        def call(*args: object, **kwargs: object) -> Any:
            return self._call(method, method.pack(args, kwargs))

        return call

    def _call(self, method: Method, body: bytes) -> Any:
        domain, began, outcome = self._contract.domain, time.perf_counter(), Outcome.FAILED
        try:
            with trace.span(f"{domain}.{method.name}", trace.Kind.CLIENT):
                answer = self._asked(method.name, body)
            refused = answer.status_code == CONFLICT
            outcome = Outcome.REFUSED if refused else Outcome.ANSWERED
        finally:
            if self._watch is not None:
                seconds = time.perf_counter() - began
                self._watch.called(domain, method.name, outcome, seconds)
        if refused:
            raise self._contract.unpack_error(json.loads(answer.content))
        return method.answer.validate_json(answer.content)

    def _asked(self, name: str, body: bytes) -> httpx.Response:
        domain = self._contract.domain
        try:
            with self._circuit.calling():
                answer = self._answer(name, body)
        except CircuitBreakerError:
            raise ServiceUnavailable(domain, "its circuit is open") from None
        except _Failed as failed:
            raise ServiceUnavailable(domain, str(failed)) from None
        except httpx.TransportError as error:
            raise ServiceUnavailable(domain, type(error).__name__) from error
        if answer.status_code not in (httpx.codes.OK, CONFLICT):
            raise ServiceUnavailable(domain, f"status {answer.status_code}")
        return answer

    def _answer(self, name: str, body: bytes) -> httpx.Response:
        ends = deadline.within(CALL_SECONDS)
        headers = {
            IDEMPOTENCY_KEY: uuid.uuid4().hex,
            deadline.HEADER: deadline.written(ends),
            trace.HEADER: trace.header(),
        }
        for attempt in _attempts(ends):
            with attempt:
                headers["Authorization"] = f"Bearer {self._token()}"
                answer = self._http.post(name, content=body, headers=headers, timeout=_wait(ends))
        if answer.is_server_error:
            raise _Failed(f"status {answer.status_code}")
        return answer

    def _token(self) -> str:
        return self._signer.sign(self._contract.domain, TOKEN_LIFETIME)


def _attempts(ends: float) -> tenacity.Retrying:
    def is_over(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or deadline.left(ends) <= state.upcoming_sleep

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(httpx.TransportError),
        stop=is_over,
        wait=tenacity.wait_random_exponential(
            multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS
        ),
        reraise=True,
    )


def _wait(ends: float) -> httpx.Timeout:
    # What is over already fails by itself, as what would be answered too late does.
    seconds = max(deadline.left(ends), 0.001)
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
