"""An operator that is updated leaves what the release before it made as it is.

``released.json`` holds a digest of each object that the last release wants for the stores of the
goldens. Where one differs, every store like it is changed by the update, and one with pods may be
rolled: say so in the release's notes, and take the digests anew when the release is made, by
``pytest tests/unit/operator/test_released.py --update-released``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from tests.unit.operator.staging import parsed, play, seen

HERE = Path(__file__).parent
STORES = sorted((HERE / "stores").glob("*.yaml"))
RELEASED = HERE / "released.json"


def digests(path: Path) -> dict[str, str]:
    """Return a digest of each object that a store wants, by kind and name."""
    body, *objects = yaml.safe_load_all(path.read_text())
    root = parsed(body)
    made = [one for wanted in play(root, seen(root, *objects)).values() for one in wanted]
    return {
        f"{one['kind']} {one['metadata']['name']}": hashlib.sha256(
            json.dumps(one, sort_keys=True).encode()
        ).hexdigest()
        for one in made
    }


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.stem)
def test_an_update_changes_no_object_of_a_store_that_is_there(
    path: Path, request: pytest.FixtureRequest
) -> None:
    now = digests(path)
    if request.config.getoption("--update-released", default=False):
        known = json.loads(RELEASED.read_text()) if RELEASED.exists() else {}
        RELEASED.write_text(json.dumps(known | {path.stem: now}, indent=2, sort_keys=True) + "\n")
    # A store of fields that came after the release was not known to it.
    released = json.loads(RELEASED.read_text()).get(path.stem, {})
    changed = {name for name, digest in released.items() if now.get(name) != digest}
    assert not changed, "the update changes or removes these; compare their goldens"
