"""Upgrade: go back to the last good image where a new one does not get ready."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.components.outputs import ServingImage
from bookstore_operator.components.pods import explain
from bookstore_operator.components.shop import (
    AVAILABLE_PODS,
    GIVEN_UP,
    GIVEN_UP_CAUSE,
    image_field,
    image_of,
    is_stalled,
    web_pods,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, failed, ready
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

IMAGE_CURRENT = ConditionType(
    "ImageCurrent", "spec.image is rolled out, and was not given up for the one before."
)
ROLLED_BACK = Reason(
    "RolledBack",
    "spec.image did not get ready; the image before serves.",
    fix=(
        "Set the image that serves, or a corrected one: the message says why the new image "
        "did not get ready."
    ),
)


class Upgrade(Component[Store]):
    """Give an image up that does not get ready while the one before it serves.

    That it was given up is noted on the Deployment, in the very write that takes it back: whoever
    is killed before or after it finds one or the other, and never tries the image a second time.
    """

    condition: ClassVar = IMAGE_CURRENT
    reads: ClassVar = (POD,)
    reasons: ClassVar = (ROLLED_BACK,)

    def active(self, root: Store) -> bool:
        """Return whether the spec wants a bad image to be taken back."""
        return root.is_part and root.spec.upgrade.auto_rollback

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the last good image in the place of one that was given up, or is given up now."""
        serving = _taken_back(root, view)
        return (serving,) if serving else ()

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return nothing: the Deployment is another's."""
        return []

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the pods where an image is given up now, to tell why."""
        live = view.get(root.web)
        stalls = live is not None and image_of(live) == root.spec.image and is_stalled(live)
        return [web_pods(root)] if stalls else []

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the wanted image was given up."""
        serving = _taken_back(root, view)
        if serving is None:
            return ready("spec.image was not given up.")
        text = (
            f"image {serving.given_up} did not get ready and was taken back, {serving.image} "
            f"serves: {serving.cause}; set spec.image to {serving.image}, or to a corrected image"
        )
        return failed(ROLLED_BACK, text, holds=False)


def _taken_back(store: Store, view: View) -> ServingImage | None:
    live, good, wanted = view.get(store.web), store.status.image, store.spec.image
    if live is None or good is None or good == wanted:
        return None
    noted = live["metadata"].get("annotations", {})
    if noted.get(GIVEN_UP) == wanted:
        return ServingImage(good, wanted, noted.get(GIVEN_UP_CAUSE, ""))
    # Where no pod serves, what keeps the new ones from it keeps the old ones too.
    serves = live.get("status", {}).get(AVAILABLE_PODS)
    if image_of(live) == wanted and is_stalled(live) and serves:
        return ServingImage(good, wanted, _cause(store, view))
    return None


def _cause(store: Store, view: View) -> str:
    """Return what keeps the pods of the wanted image from getting ready."""
    pods = view.found(web_pods(store)) or []
    fault = explain(pods, store.spec.image, image_field(store), view.now)
    seconds = store.spec.upgrade.progress_deadline_seconds
    return fault.message if fault else f"no new pod of it got ready within {seconds} s"
