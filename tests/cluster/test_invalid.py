"""A BookStore that does not fit is refused by the API server, with a sentence that helps.

Each file of ``invalid/`` begins with a comment that holds the sentence. The last document of a
file is the one that is refused; where one stands before it, that is the live store which the last
one would change, with its status where the refusal depends on it. Live stores are paused: nothing
is made for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.support.kube import Kube
from tests.cluster.support.namespaces import opened

FILES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
MARK = "# refused: "


@pytest.fixture(scope="module")
def shelter(kube: Kube) -> Iterator[str]:
    """Lend a namespace to all tests of the module."""
    with opened(kube, "refused") as name:
        yield name


@pytest.mark.fault(row=16)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_store_that_does_not_fit_is_refused_with_the_fix(
    kube: Kube, shelter: str, file: Path
) -> None:
    first, _, text = file.read_text().partition("\n")
    assert first.startswith(MARK), "the first line tells the sentence"
    *live, refused = yaml.safe_load_all(text)
    for store in live:
        status = store.pop("status", None)
        kube.apply({**store, "metadata": {**store["metadata"], "namespace": shelter}})
        if status:
            where = ("BookStore", shelter, store["metadata"]["name"])
            kube.patch(*where, {"status": status}, subresource="/status")
    with pytest.raises(AssertionError) as refusal:
        kube.kubectl(
            *("apply", "--server-side", "--force-conflicts", "--dry-run=server"),
            *("--namespace", shelter, "-f", "-"),
            stdin=yaml.safe_dump(refused),
        )
    assert first.removeprefix(MARK) in str(refusal.value)
