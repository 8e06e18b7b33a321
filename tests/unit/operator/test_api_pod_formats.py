"""What a person says of pods is of the form that Kubernetes takes, and of no other.

Each format is compared with the rule as Kubernetes writes it, on values near the edge.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_operator.api import containers, placement, podtemplate, variables
from tests.unit.operator.openapi import Schema, fits, schema_of
from tests.unit.operator.test_api_formats import (
    ALNUM,
    CASES,
    LOWER,
    Texts,
    changed,
    is_label,
    is_qualified_name,
    joined,
    qualified,
    words,
)

PATHS = ALNUM | set("-_.")
SHOP = ("/etc", "/mnt", "/run", "/srv", "/var")


def is_value(text: str) -> bool:
    """Kubernetes, ``IsValidLabelValue``."""
    ends = not text or (text[0] in ALNUM and text[-1] in ALNUM)
    return len(text) <= 63 and set(text) <= ALNUM | set("-_.") and ends


def is_variable(text: str) -> bool:
    """Kubernetes, ``IsCIdentifier``, with at most 128 characters."""
    known = set(text) <= ALNUM | {"_"}
    return 1 <= len(text) <= 128 and known and text[0] not in string.digits


def is_path(text: str) -> bool:
    """Kubernetes, ``validateLocalNonReservedPath``, in characters that no tool reads otherwise."""
    parts = text.split("/")
    named = all(part and set(part) <= PATHS and part != "." for part in parts)
    return named and len(text) <= 128 and not any(part.startswith("..") for part in parts)


def is_mount(text: str) -> bool:
    """An absolute path of the same kind."""
    return text.startswith("/") and len(text) <= 128 and is_path(text[1:])


def is_mount_of_shop(text: str) -> bool:
    """One that lies beside the shop's own files."""
    below = any(text.startswith(f"{root}/") for root in SHOP)
    own = text == "/etc/bookstore" or text.startswith("/etc/bookstore/")
    return is_mount(text) and below and not own


def is_port_name(text: str) -> bool:
    """Kubernetes, ``IsValidPortName``, with a letter first and none of the shop's names."""
    formed = 1 <= len(text) <= 15 and is_label(text, LOWER) and "--" not in text
    return formed and text[0] in string.ascii_lowercase and text not in {"http", "https", "metrics"}


def is_container(text: str) -> bool:
    """Kubernetes, ``IsDNS1123Label``, and not the shop's."""
    return is_label(text, LOWER) and len(text) <= 63 and text != "web"


roots = st.sampled_from(["", *SHOP, "/etc/bookstore", "/etc/bookstores", "/app", "/usr"])
parts = words("aZ0-_.", 1, 2, 3)
FORMATS: dict[str, tuple[Schema, Callable[[str], bool], Texts]] = {
    "label-key": (schema_of(placement.LabelKey), is_qualified_name, qualified),
    "label-value": (schema_of(placement.LabelValue), is_value, words("aZ0-_.", 62, 63, 64)),
    "variable": (schema_of(variables.VariableName), is_variable, words("aZ0_", 127, 128, 129)),
    "volume-path": (schema_of(containers.VolumePath), is_path, joined(parts, "/", 3)),
    "mount-path": (
        schema_of(containers.MountPath),
        is_mount,
        joined(parts, "/", 3).map("/{}".format),
    ),
    "mount-path-of-the-shop": (
        schema_of(podtemplate.WebMountPath),
        is_mount_of_shop,
        st.builds("{}/{}".format, roots, joined(parts, "/", 2)),
    ),
    "port": (
        schema_of(containers.PortName),
        is_port_name,
        st.one_of(words("a0-", 14, 15, 16), st.just("http")),
    ),
    "container": (
        schema_of(containers.ContainerName),
        is_container,
        st.one_of(words("a0-", 62, 63, 64), st.sampled_from(["web", "web2", "we"])),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
@CASES
@given(st.data())
def test_a_format_takes_what_kubernetes_takes(name: str, data: st.DataObject) -> None:
    schema, reference, texts = FORMATS[name]
    text = data.draw(changed(texts))
    assert fits(schema, text) == reference(text), text
