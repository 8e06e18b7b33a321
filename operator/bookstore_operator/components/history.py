"""History: the images that served, for those who want to go back to one."""

from bookstore_operator.api.status import LONGEST_HISTORY
from bookstore_operator.components.shop import complete_rollout
from bookstore_operator.engine.conditions import timestamp
from bookstore_operator.engine.view import View
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store


def history(store: Store, view: View) -> list[Manifest]:
    """Return the rollouts so far, the newest last, with the one that is whole now.

    An image is told again where another served in between. A store without pods rolls nothing out.
    """
    past = [one.manifest() for one in store.status.history or []]
    image = complete_rollout(store, view)
    if image is None or not store.spec.least_replicas:
        return past
    if past and past[-1]["image"] == image:
        return past
    database = store.status.database
    revision = database.schema_revision if database else None
    entry = {"image": image, "rolledOutAt": timestamp(view.now)}
    return [*past, entry | ({"schemaRevision": revision} if revision else {})][-LONGEST_HISTORY:]
