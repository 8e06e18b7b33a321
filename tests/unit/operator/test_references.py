"""Objects of others: read once where they are followed, and each time where they are not."""

from __future__ import annotations

from typing import cast

import pytest

from bookstore_operator.engine.references import References
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.kube.thirdparty import GATEWAY
from bookstore_operator.store import BOOKSTORE

STORE = Ref(BOOKSTORE, "books", "shop")
PUBLIC = Ref(GATEWAY, "gateways", "public")


class Reads:
    """Count what is asked of the API server."""

    def __init__(self) -> None:
        self.count = 0

    async def get(self, ref: Ref) -> Manifest:
        self.count += 1
        metadata = {"name": ref.name, "namespace": ref.namespace, "resourceVersion": "7"}
        return {"metadata": {**metadata, "uid": "uid"}}


@pytest.mark.parametrize(
    ("followed", "asked"), [("", 1), ("gateways", 1), ("books", 2)], ids=["all", "its own", "other"]
)
async def test_what_nobody_follows_is_read_anew_since_nothing_tells_of_a_change(
    followed: str, asked: int
) -> None:
    reads = Reads()
    references = References(cast("Kube", reads), lambda *_: None)
    references.followed.add((GATEWAY, followed))
    references.refer(STORE, frozenset({PUBLIC}))
    for _ in range(2):
        assert await references.get(PUBLIC)
    assert reads.count == asked
