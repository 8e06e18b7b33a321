"""Whether the shop's pods stand still because the store is being restored."""

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.tasks import ENDED
from bookstore_operator.engine.verdict import Verdict, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Ref, uid_of
from bookstore_operator.store import Store
from bookstore_operator.task import RESTORE_READ, STANDSTILL

BEING_RESTORED = Reason(
    "BeingRestored",
    "A BookStoreRestore has the pods stand still.",
    fix="Wait; the BookStoreRestore that the message names tells how far it is, see "
    "docs/how-to/restore.md.",
)
SOON = 2.0


def restore_named(store: Store) -> list[Ref]:
    """Return the BookStoreRestore that the store's annotation names, if there is one."""
    name = store.annotations.get(STANDSTILL, "").partition("/")[0]
    return [Ref(RESTORE_READ, store.namespace, name)] if name else []


def being_restored(store: Store, view: View) -> Verdict | None:
    """Return the verdict while a restore is under way, else None.

    An annotation whose restore is gone or has ended says nothing, so that no store stands still
    for good.
    """
    for ref in restore_named(store):
        live, uid = view.get(ref), store.annotations[STANDSTILL].partition("/")[2]
        if live and uid_of(live) == uid and live.get("status", {}).get("phase") not in ENDED:
            text = f"The pods stand still while {ref} restores the store."
            return waiting(BEING_RESTORED, text, holds=False, again=SOON)
    return None
