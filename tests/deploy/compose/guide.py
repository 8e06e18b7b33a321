"""The commands of the how-to pages on compose, so that what is tested is what a person types."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(heading: str, page: str = "compose") -> list[str]:
    """Return the blocks of commands under a heading, in the page's order."""
    sections = dict(SECTION.findall((ROOT / "docs" / "how-to" / f"{page}.md").read_text()))
    blocks = BLOCK.findall(sections[heading])
    assert blocks, f'the guide has no commands under "{heading}"'
    return blocks
