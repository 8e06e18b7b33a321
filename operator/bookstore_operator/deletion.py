"""Take down what a store leaves behind when it is deleted, as its policy says."""

from bookstore_operator.api.spec import DeletionPolicy
from bookstore_operator.components.credentials import SECRET_FINALIZER
from bookstore_operator.errors import AbsentError, InvalidStoreError
from bookstore_operator.kinds import BOOKSTORE, JOB, Ref
from bookstore_operator.kube.client import Kube
from bookstore_operator.session import is_ours
from bookstore_operator.store import INSTANCE_LABEL, MANAGED, Store, StoreKey, generated_secret


class Deletion:
    """Clean up after stores; every step can be repeated."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def clean_up(self, key: StoreKey) -> list[Ref]:
        """Run one round of the clean-up of a store that is being deleted.

        The garbage collector takes what the store owns. The generated Secret is let go here.
        Under Retain the volumes stay; under Delete they go, and the pods that use them first.

        Returns:
            What is still there and must go first; the store may go once it is empty.

        Raises:
            ApiError: A step failed and is to be repeated.
        """
        body = await self._kube.get(Ref(BOOKSTORE, *key))
        if body is None or "deletionTimestamp" not in body["metadata"]:
            return []
        try:
            store = Store.parse(body)
        except InvalidStoreError:
            # What cannot be understood is not destroyed; its Secret may go.
            await self._release(generated_secret(key), body["metadata"]["uid"])
            return []
        await self._release(store.secret, store.uid)
        if store.spec.deletion_policy == DeletionPolicy.RETAIN:
            return []
        jobs = await self._kube.list(
            JOB, store.namespace, f"{MANAGED},{INSTANCE_LABEL}={store.name}"
        )
        for ref in (store.web, store.database, *map(Ref.of, jobs)):
            await self._delete(store, ref)
        volumes = [store.files]
        if store.spec.database.embedded:
            volumes.append(store.database_claim)
        if store.spec.storage.efs:
            volumes.append(store.volume)
        return [ref for ref in volumes if await self._delete(store, ref)]

    async def release_orphan(self, secret: Ref, owner: Ref, uid: str) -> None:
        """Let a generated Secret go whose store is gone, so that nothing hangs on our finalizer."""
        body = await self._kube.get(owner)
        if body is None or body["metadata"]["uid"] != uid:
            await self._release(secret, uid)

    async def _release(self, ref: Ref, owner_uid: str) -> None:
        live = await self._kube.get(ref)
        owners = (live or {}).get("metadata", {}).get("ownerReferences", [])
        finalizers = (live or {}).get("metadata", {}).get("finalizers", [])
        if SECRET_FINALIZER not in finalizers or all(o["uid"] != owner_uid for o in owners):
            return
        kept = [name for name in finalizers if name != SECRET_FINALIZER]
        try:
            await self._kube.merge(ref, {"metadata": {"finalizers": kept}})
        except AbsentError:
            return

    async def _delete(self, store: Store, ref: Ref) -> bool:
        """Ask for the end of an object of ours, and return whether it is still there."""
        live = await self._kube.get(ref)
        if live is None or not is_ours(store, ref, live):
            return False
        if "deletionTimestamp" not in live["metadata"]:
            await self._kube.delete(ref, live["metadata"]["uid"])
        return True
