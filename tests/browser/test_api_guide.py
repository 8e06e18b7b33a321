"""What docs/how-to/use-the-api.md has one type answers as it says, in each topology."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.moderators import promote
from tests.support.people import cover
from tests.support.shopper import PASSWORD, Shopper
from tests.support.topologies import Running

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-the-api.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
GUIDES_PASSWORD = "a long password"


class Terminal:
    """A shell in which blocks are typed one after the other, and its variables hold on.

    :ivar changed: what stands in the guide, and what stands for it here.
    """

    def __init__(self, running: Running) -> None:
        self._variables = running.folder / "variables.sh"
        self._variables.touch()
        self.changed = {
            "http://127.0.0.1:5000": running.url,
            "@cover.jpg": f"@{running.folder}/cover.jpg",
        }

    def type(self, block: str) -> list[dict[str, Any]]:
        """Type a block, and return the answers in JSON that it prints."""
        for guides, ours in self.changed.items():
            block = block.replace(guides, ours)
        file = self._variables
        script = f". {file}\n{block}\ndeclare -p URL ${{TOKEN+TOKEN}} > {file}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return list(_answers(done.stdout))


def _answers(printed: str) -> Iterator[dict[str, Any]]:
    # Behind headers, if there are any; and no line ends between two of them.
    start = re.search(r"^\{", printed, re.MULTILINE)
    at = start.start() if start else len(printed)
    while at < len(printed) and printed[at] == "{":
        answer, at = json.JSONDecoder().raw_decode(printed, at)
        yield answer


def test_the_guide_to_the_api_is_true(running: Running) -> None:
    find, log_in, sell, show, buy, moderate, audit, refused = BLOCK.findall(GUIDE.read_text())
    (running.folder / "cover.jpg").write_bytes(cover())
    terminal = Terminal(running)

    (found,) = terminal.type(find)
    assert "Cien años de soledad" in {book["title"] for book in found["items"]}
    terminal.type(log_in)
    (book,) = terminal.type(sell)
    assert (book["title"], book["stock"], book["state"]) == ("Rayuela", 3, "listed")
    terminal.changed["/books/21"] = f"/books/{book['id']}"
    (shown,) = terminal.type(show)
    assert len(shown["cover"]) > 0
    (purchase,) = terminal.type(buy)
    assert (purchase["state"], purchase["total_minor"]) == ("paid", 10500000)
    assert [order["lines"][0]["book_id"] for order in purchase["orders"]] == [4, 5]
    assert terminal.type(buy) == [purchase]

    eva = moderator(running)
    terminal.changed |= {"ana@example.com": eva, GUIDES_PASSWORD: PASSWORD}
    terminal.type(log_in.partition("\n")[2])
    del terminal.changed["ana@example.com"]
    terminal.changed["/accounts/4/"] = f"/accounts/{book['seller']['id']}/"
    listed, suspended = terminal.type(moderate)
    assert [account["name"] for account in listed["items"]] == ["Ana Gómez"]
    assert suspended["suspended_at"] is not None
    assert "items" in terminal.type(audit)[0]
    (problem,) = terminal.type(refused)
    assert {"field": "stock", "message": "Write a whole number."} in problem["errors"]


def moderator(running: Running) -> str:
    """Give the address of somebody who moderates."""
    eva = Shopper(running.url)
    eva.register()
    promote(eva, running.bookstore)
    return eva.email
