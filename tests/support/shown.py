"""The resources that the repository shows to people: whole ones, parts of a spec, and patches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GROUP = "bookstore.dev/"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md")))
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PATCH = re.compile(r"patch bookstore .*?(?:-p|--patch)[ =]'(\{.*?\})'", re.DOTALL)

LEAST = {
    "image": "bookstore/app:1.0.0",
    "database": {"embedded": {}},
    "storage": {"efs": {"fileSystemId": "fs-0123456789abcdef0"}},
    "exposure": {"loadBalancer": {"host": "books.example.com"}},
}
"""A spec that is free to do what the pages show, to which parts and patches are added."""

Shown = tuple[str, Any]


def whole() -> Iterator[Shown]:
    """Yield the resources of ours in samples and pages, each with a name for its place."""
    for path in sorted((ROOT / "manifests" / "samples").glob("*/*.yaml")):
        for number, one in enumerate(ours(path.read_text())):
            yield f"{path.parent.name}-{path.stem}-{number}", one
    for page in PAGES:
        found = [one for block in blocks(page) for one in ours(block)]
        for number, one in enumerate(found):
            yield f"{page.stem}-{number}", one


def parts() -> Iterator[Shown]:
    """Yield stores made of the parts of a spec that pages show, which begin with spec."""
    for page in PAGES:
        found = [block for block in blocks(page) if block.startswith("spec:\n")]
        for number, block in enumerate(found):
            yield f"{page.stem}-part-{number}", store(yaml.safe_load(block)["spec"])


def patches() -> Iterator[Shown]:
    """Yield stores as the merge patches leave them that pages want typed."""
    for page in PAGES:
        for number, text in enumerate(PATCH.findall(page.read_text())):
            if spec := json.loads(text).get("spec"):
                yield f"{page.stem}-patch-{number}", store(spec)


def blocks(page: Path) -> list[str]:
    """Return a page's blocks of YAML; one within a list is shifted to the left."""
    found = BLOCK.findall(page.read_text())
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def ours(text: str) -> list[Any]:
    documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    return [one for one in documents if str(one.get("apiVersion")).startswith(GROUP)]


def store(spec: dict[str, Any]) -> Any:
    # What is shown of services is of a store that runs as such.
    least = LEAST | ({"topology": "Microservices"} if "services" in spec else {})
    wanted = {name: value for name, value in (least | spec).items() if value is not None}
    metadata = {"name": "shown", "namespace": "books"}
    return {
        "apiVersion": f"{GROUP}v1",
        "kind": "BookStore",
        "metadata": metadata,
        "spec": wanted,
    }
