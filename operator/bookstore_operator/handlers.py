"""kopf's way in: it watches the BookStores, and starts, judges and ends the controller.

kopf's finalizer, daemons and handlers of changes are not used. Its finalizer waits for a deletion
that takes long only by touching the object in an annotation; a daemon for each store costs memory
and knows no priority, where one work queue gives both; and handlers of changes see differences,
not states.
"""

import asyncio
import logging
from typing import Any

import kopf

from bookstore_operator.api import GROUP, PLURAL, VERSION
from bookstore_operator.backups import backups, restores
from bookstore_operator.bookstore import BookStores
from bookstore_operator.config import Config
from bookstore_operator.engine.controller import Controller
from bookstore_operator.engine.resource import Resource, rights
from bookstore_operator.kube.client import Kube, Right
from bookstore_operator.kube.connect import connect
from bookstore_operator.kube.lease import Lease, NotHeldError
from bookstore_operator.task import BACKUP_TASK, RESTORE_TASK

BACKOFFS = (0.5, 1, 2, 4, 8, 15, *([30] * 20))
"""Seconds between kopf's attempts at a listing, ten minutes in all; then the pod is restarted."""

_log = logging.getLogger(__name__)


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
    resources: list[Resource] = [BookStores(), backups(), restores()]
    memo.kube = Kube(await connect(), frozenset[Right]().union(*map(rights, resources)))
    memo.lease = Lease(memo.kube, config.namespace, config.holder)
    memo.kube.fence = memo.lease.check
    memo.controllers = {
        one.kind.plural: Controller(one, memo.kube, config.namespaces, config.identity)
        for one in resources
    }
    memo.operating = asyncio.create_task(operate(memo), name="operation")


async def operate(memo: kopf.Memo) -> None:
    """Wait warm until the Lease is ours, then act; stop the operator where it is lost.

    Who lost it begins anew as one that waits: the pod is started again.
    """
    controllers = memo.controllers.values()
    await asyncio.gather(*(controller.start() for controller in controllers))
    memo.warm = True
    await memo.lease.take()
    for controller in controllers:
        controller.act()
    try:
        await memo.lease.keep()
    except NotHeldError as error:
        await asyncio.gather(*(controller.stop() for controller in controllers))
        _log.critical("%s; another operator may act now, so this one ends", error)
        memo.lost = True
        memo.stop.set()


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
    """End the controllers, give the Lease back, and close the connections."""
    memo.operating.cancel()
    await asyncio.wait([memo.operating])
    await asyncio.gather(*(controller.stop() for controller in memo.controllers.values()))
    await memo.lease.release()
    await memo.kube.close()


def alive(memo: kopf.Memo) -> None:
    """Judge that the roots are watched and that their controllers run.

    A kind of child that cannot be followed shows in the stores' conditions, and is no reason to
    restart.

    Raises:
        RuntimeError: One of them ended; ``/healthz`` then answers 500, and the pod is restarted.
    """
    names = {task.get_name() for task in asyncio.all_tasks() if not task.done()}
    for plural in memo.controllers:
        if not any(name.startswith(f"watcher for {plural}.{VERSION}") for name in names):
            raise RuntimeError(f"nothing watches {plural}; see that the CRD is installed")
    if memo.operating.done() and (error := memo.operating.exception()) is not None:
        raise RuntimeError(f"the controller does not run: {error}")
    if dead := [name for one in memo.controllers.values() for name in one.dead()]:
        raise RuntimeError(f"{', '.join(dead)} ended")


def ready(memo: kopf.Memo) -> None:
    """Judge that this operator acts, or would at once if the one that does went.

    Raises:
        RuntimeError: Its cache is not filled yet; the one before it is left to run.
    """
    if not memo.get("warm"):
        raise RuntimeError("the cache of children is not filled yet")
    alive(memo)


@kopf.on.event(GROUP, VERSION, PLURAL)
@kopf.on.event(GROUP, VERSION, BACKUP_TASK.plural)
@kopf.on.event(GROUP, VERSION, RESTORE_TASK.plural)
async def root_changed(
    event: kopf.RawEvent, resource: kopf.Resource, memo: kopf.Memo, **_: Any
) -> None:
    """Pass an event of a root on to the controller of its kind."""
    memo.controllers[resource.plural].root_changed(event["type"], dict(event["object"]))
