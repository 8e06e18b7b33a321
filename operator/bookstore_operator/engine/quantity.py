"""Compare quantities, which the API server writes in a form of its own (1024Mi becomes 1Gi)."""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?")
_SUFFIXES = {
    "n": Decimal(1000) ** -3,
    "u": Decimal(1000) ** -2,
    "m": Decimal(1000) ** -1,
    "k": Decimal(1000),
    **{name: Decimal(1000) ** power for power, name in enumerate("MGTPE", start=2)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", start=1)},
}


def parse(text: object) -> Decimal | None:
    """Return the value of a quantity, or None where the text is none.

    Source: Kubernetes, ``k8s.io/apimachinery/pkg/api/resource``.
    """
    match = _QUANTITY.fullmatch(str(text))
    if not match:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SUFFIXES.get(suffix, Decimal(1))


def same(one: object, other: object) -> bool:
    """Return whether two quantities have one value."""
    value = parse(one)
    return value is not None and value == parse(other)


def less(one: object, other: object) -> bool:
    """Return whether the first of two quantities is the smaller one."""
    value, limit = parse(one), parse(other)
    return value is not None and limit is not None and value < limit
