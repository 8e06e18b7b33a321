"""The way of kopf into the operator: wake-ups, one daemon for each store, its end, the probe."""

import asyncio
from collections.abc import Mapping
from typing import Any

import kopf

from bookstore_operator.api import GROUP, PLURAL, VERSION
from bookstore_operator.components.credentials import SECRET_FINALIZER
from bookstore_operator.config import Config
from bookstore_operator.keeper import Keeper
from bookstore_operator.kinds import BOOKSTORE, CHILDREN, SECRET, Kind, Ref
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.connect import connect
from bookstore_operator.kube.watch import SecretWatch
from bookstore_operator.store import MANAGED, STORE_FINALIZER, StoreKey

BACKOFFS = (0.5, 1, 2, 4, 8, 15, *([30] * 20))
"""Seconds between kopf's attempts at a listing, ten minutes in all; then the pod is restarted."""

LONGEST_PASS = 60.0
"""Seconds that the end of a store waits for the pass that is under way."""


class Stateless(kopf.ProgressStorage):
    """Keep no progress of handlers: ours end only when they are done."""

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
    """Keep no copy of the object: we look at states, not at differences."""

    def fetch(self, **_: Any) -> None:
        """Return nothing."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


class Stopped:
    """See kopf's flag as a keeper does."""

    def __init__(self, flag: kopf.DaemonStopped) -> None:
        self._flag = flag

    def in_haste(self) -> bool:
        """Return whether the operator ends."""
        reason = self._flag.reason
        return reason is not None and kopf.DaemonStoppingReason.OPERATOR_EXITING in reason

    async def wait(self) -> None:
        """Wait for the flag."""
        await self._flag.wait()


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up, connect, and begin to follow referenced Secrets."""
    configure(settings)
    config: Config = memo.config
    kube = Kube(await connect())
    keeper = Keeper(kube, config.identity)
    watches = [
        SecretWatch(kube, namespace, _secret_changed(keeper), keeper.wakes.relisted)
        for namespace in config.namespaces or ("",)
    ]
    memo.kube, memo.keeper = kube, keeper
    memo.watches = [asyncio.create_task(watch.run(), name="watch of Secrets") for watch in watches]


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf so that it writes the finalizer and nothing else, and notices a dead watch."""
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.finalizer = STORE_FINALIZER
    settings.persistence.progress_storage = Stateless()
    settings.persistence.diffbase_storage = Undiffed()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = BACKOFFS
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    settings.queueing.idle_timeout = 1
    settings.background.instant_exit_timeout = LONGEST_PASS
    settings.background.cancellation_polling = 5
    settings.process.ultimate_exiting_timeout = 20
    for kind in CHILDREN:
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = MANAGED


@kopf.on.login()
def login(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
    """Log in as the pod's account, or as the kubeconfig says."""
    return kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )


@kopf.on.cleanup()
async def finish(memo: kopf.Memo, **_: Any) -> None:
    """Close what was opened."""
    for task in memo.watches:
        task.cancel()
    await asyncio.gather(*memo.watches, return_exceptions=True)
    await memo.kube.close()


@kopf.on.probe(id="watches")
async def probe(memo: kopf.Memo, **_: Any) -> str:
    """Answer that every watch lives.

    Raises:
        RuntimeError: One does not; ``/healthz`` then answers 500, and the pod is restarted.
    """
    names = {task.get_name() for task in asyncio.all_tasks() if not task.done()}
    for kind in (BOOKSTORE, *CHILDREN):
        prefix = f"watcher for {kind.plural}.{kind.version}"
        if not any(name.startswith(prefix) for name in names):
            raise RuntimeError(f"nothing watches {kind.plural}; see that the kind is installed")
    if any(task.done() for task in memo.watches):
        raise RuntimeError("nothing watches referenced Secrets")
    return "alive"


@kopf.daemon(GROUP, VERSION, PLURAL)
async def keep(body: kopf.Body, memo: kopf.Memo, stopped: kopf.DaemonStopped, **_: Any) -> None:
    """Keep one store true until it or the operator ends."""
    await memo.keeper.keep(_key(body["metadata"]), body, Stopped(stopped))


def _key(metadata: Mapping[str, Any]) -> StoreKey:
    return StoreKey(metadata["namespace"], metadata["name"])


def _is_deleted(meta: Mapping[str, Any], **_: Any) -> bool:
    return "deletionTimestamp" in meta


@kopf.on.delete(GROUP, VERSION, PLURAL, when=_is_deleted)
async def clean_up(meta: kopf.Meta, memo: kopf.Memo, **_: Any) -> None:
    """Clean up after a store; kopf lets its finalizer go when this returns."""
    await memo.keeper.clean_up(_key(meta))


@kopf.on.event(GROUP, VERSION, PLURAL)
async def store_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Wake the store's keeper."""
    live: dict[str, Any] = dict(event["object"])
    key = _key(live["metadata"])
    memo.keeper.wakes.event(event["type"], Ref(BOOKSTORE, *key), live)
    if event["type"] == "DELETED":
        memo.keeper.forget(key)


def _follow(kind: Kind) -> None:
    """Wake the store of every child of a kind that changes."""

    @kopf.on.event(kind.group, kind.version, kind.plural, id=f"{kind.plural}_changed")
    async def changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
        live: dict[str, Any] = dict(event["object"])
        metadata = live["metadata"]
        ref = Ref(kind, metadata.get("namespace", ""), metadata["name"])
        memo.keeper.wakes.event(event["type"], ref, live)
        if kind == SECRET and event["type"] != "DELETED" and "deletionTimestamp" in metadata:
            await _let_go(memo.keeper, ref, metadata)


for _kind in CHILDREN:
    _follow(_kind)


async def _let_go(keeper: Keeper, ref: Ref, metadata: Mapping[str, Any]) -> None:
    """Let a deleted Secret go whose store is gone; a living store makes it again."""
    owners = metadata.get("ownerReferences", [])
    if SECRET_FINALIZER not in metadata.get("finalizers", []) or not owners:
        return
    owner = Ref(BOOKSTORE, ref.namespace, owners[0]["name"])
    await keeper.deletion.release_orphan(ref, owner, owners[0]["uid"])


def _secret_changed(keeper: Keeper) -> Any:
    def changed(ref: Ref, resource_version: str, deleted: bool) -> None:  # noqa: ARG001
        keeper.wakes.referenced(ref, resource_version)

    return changed
