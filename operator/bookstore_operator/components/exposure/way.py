"""What every way to the shop does alike, whatever object leads there."""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

from bookstore_operator.components.exposure.address import ADDRESS_PENDING, EXPOSED, status
from bookstore_operator.components.exposure.change import Change
from bookstore_operator.components.pods import wants_explanation
from bookstore_operator.engine.component import Component, Patch, Question
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

HELD = 30.0
"""Seconds that a new shop waits at most for what it is told of its address. Pods that start without
it would be replaced as soon as it is there, which mostly takes a few seconds."""


class Way(Component[Store]):
    """Publish the shop; the way before serves until this one has an address."""

    condition: ClassVar = EXPOSED
    awaited: ClassVar = ADDRESS_PENDING

    @abstractmethod
    def change(self, root: Store, view: View) -> Change:
        """Return what is left of former ways."""

    @abstractmethod
    def url(self, root: Store, view: View) -> str | None:
        """Return where shoppers reach the store by this way; None while it has no address."""

    @abstractmethod
    def found(self, root: Store, view: View) -> Verdict:
        """Judge what leads to the shop."""

    def is_known(self, root: Store, view: View) -> bool:  # noqa: ARG002
        """Return whether all is there that the shop is told of its address."""
        return True

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge what leads to the shop; a new one starts once its address is known, or soon."""
        verdict = self.found(root, view)
        waited = wants_explanation(root, EXPOSED, view.now, after=HELD)
        return replace(verdict, holds=not self.is_known(root, view) and not waited)

    def refused(self, root: Store, view: View, error: OperatorError) -> Verdict:
        """Judge that what leads to the shop cannot be made; the shop starts without."""
        return replace(super().refused(root, view, error), holds=False)

    def patches(self, root: Store, view: View) -> list[Patch]:
        """Return what leaves the host to this way."""
        return self.change(root, view).patches(self.url(root, view))

    def retained(self, root: Store, view: View) -> set[Ref]:
        """Return the objects of the way before, as long as they are needed."""
        return self.change(root, view).retained(self.url(root, view))

    def questions(self, root: Store, view: View) -> list[Question]:
        """Return what is asked of DNS while the way before is there."""
        return self.change(root, view).questions()

    def status(self, root: Store, view: View) -> Manifest:
        """Return where shoppers reach the store."""
        return status(self.url(root, view))
