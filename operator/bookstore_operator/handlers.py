"""kopf's way in: it watches the BookStores, and starts, probes and ends the controller.

kopf's finalizer, daemons and handlers of changes are not used. Its finalizer waits for a deletion
that takes long only by touching the object in an annotation; a daemon for each store costs memory
and knows no priority, where one work queue gives both; and handlers of changes see differences,
not states.
"""

import asyncio
from typing import Any

import kopf

from bookstore_operator.api import GROUP, PLURAL, VERSION
from bookstore_operator.bookstore import BookStores
from bookstore_operator.config import Config
from bookstore_operator.engine.controller import Controller
from bookstore_operator.engine.resource import rights
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.connect import connect

BACKOFFS = (0.5, 1, 2, 4, 8, 15, *([30] * 20))
"""Seconds between kopf's attempts at a listing, ten minutes in all; then the pod is restarted."""


class Stateless(kopf.ProgressStorage):
    """Keep no progress of handlers: there are none that end."""

    def fetch(self, **_: Any) -> None:
        """Return nothing."""

    def store(self, **_: Any) -> None:
        """Store nothing."""

    def purge(self, **_: Any) -> None:
        """Purge nothing."""

    def touch(self, **_: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Return the essence as it is."""
        return essence


class Undiffed(kopf.DiffBaseStorage):
    """Keep no copy of the object, and compute no difference to it."""

    def build(self, **_: Any) -> Any:
        """Return nothing, where kopf would copy the whole object at each event."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Return nothing."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up, connect, and begin to follow what stores are made of."""
    configure(settings)
    config: Config = memo.config
    resource = BookStores()
    memo.kube = Kube(await connect(), rights(resource))
    memo.controller = Controller(resource, memo.kube, config.namespaces, config.identity)
    memo.starting = asyncio.create_task(memo.controller.start(), name="start of the controller")


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf so that it writes nothing, and notices a dead watch."""
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.progress_storage = Stateless()
    settings.persistence.diffbase_storage = Undiffed()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = BACKOFFS
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    settings.queueing.idle_timeout = 1
    settings.process.ultimate_exiting_timeout = 20


@kopf.on.login()
def login(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
    """Log in as the pod's account, or as the kubeconfig says."""
    return kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )


@kopf.on.cleanup()
async def finish(memo: kopf.Memo, **_: Any) -> None:
    """End the controller, and close the connections."""
    memo.starting.cancel()
    await memo.controller.stop()
    await memo.kube.close()


@kopf.on.probe(id="watches", errors=kopf.ErrorsMode.PERMANENT)
async def probe(memo: kopf.Memo, **_: Any) -> str:
    """Answer that the stores are watched and that the controller runs.

    A kind of child that cannot be followed shows in the stores' conditions, and is no reason to
    restart. A failure is answered at once: kopf would otherwise try again for a minute, and answer
    nothing meanwhile.

    Raises:
        RuntimeError: One of them ended; ``/healthz`` then answers 500, and the pod is restarted.
    """
    names = {task.get_name() for task in asyncio.all_tasks() if not task.done()}
    if not any(name.startswith(f"watcher for {PLURAL}.{VERSION}") for name in names):
        raise RuntimeError(f"nothing watches {PLURAL}; see that the CRD is installed")
    if memo.starting.done() and memo.starting.exception() is not None:
        raise RuntimeError(f"the controller did not start: {memo.starting.exception()}")
    if dead := memo.controller.dead():
        raise RuntimeError(f"{', '.join(dead)} ended")
    return "alive"


@kopf.on.event(GROUP, VERSION, PLURAL)
async def store_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Pass an event of a store on to the controller."""
    memo.controller.root_changed(event["type"], dict(event["object"]))
