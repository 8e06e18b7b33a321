"""Reader of versions.env, the one file in which every version stands."""

import re
from collections.abc import Mapping
from pathlib import Path

from cluster.errors import ClusterError

LINE = re.compile(r"(?P<key>[A-Z][A-Z0-9_]*)=(?P<value>\S+)")


def parse(text: str, origin: str = "versions.env") -> dict[str, str]:
    """Parse KEY=value lines into a dictionary.

    Blank lines and lines that begin with `#` are passed over. Raises ClusterError that
    names the line when one is neither, or when a key comes twice.
    """
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ClusterError(
                f"{origin}:{number} is {line!r}; write it as KEY=value without spaces."
            )
        if match["key"] in found:
            raise ClusterError(
                f"{origin}:{number} gives {match['key']} again; keep one of the two."
            )
        found[match["key"]] = match["value"]
    return found


class Versions:
    """Answer what version of a thing the project uses."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def load(cls, path: Path) -> "Versions":
        """Read a versions.env; raises ClusterError when it is absent or malformed."""
        try:
            text = path.read_text()
        except FileNotFoundError:
            raise ClusterError(
                f"{path} is missing; restore it with `git checkout {path.name}`."
            ) from None
        return cls(parse(text, path.name))

    def __getitem__(self, key: str) -> str:
        try:
            return self._values[key]
        except KeyError:
            raise ClusterError(
                f"versions.env has no {key}; add the line {key}=<version>."
            ) from None
