"""What the fields of a page hold, as who sees it could send it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from html.parser import HTMLParser


class Fields(HTMLParser):
    """Read what the fields of a page hold, and what else may be chosen in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.held: dict[str, list[str]] = defaultdict(list)
        self.offered: dict[str, list[str]] = defaultdict(list)
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        name, value = told.get("name", ""), told.get("value", "")
        if tag in {"textarea", "select"}:
            self._inside = name
        if tag == "textarea":
            self.held[name].append("")
        elif tag == "option" or told.get("type") == "radio":
            name = name or self._inside
            self.offered[name].append(value)
            self.held[name] += [value] if {"selected", "checked"} & {*told} else []
        elif tag == "input" and told.get("type") != "hidden":
            self.held[name].append(value)

    def handle_data(self, data: str) -> None:
        if self.held[self._inside] and not self.offered[self._inside]:
            self.held[self._inside][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"}:
            self._inside = ""

    def lost(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Return what was typed, or chosen of what is offered, and is not held here.

        :param typed: the texts by the names of their fields.
        """
        return {
            name: text
            for name, text in typed.items()
            if (text in filter(None, self.offered[name]) or not self.offered[name])
            and _shown(text) not in map(_shown, self.held[name])
        }


def _shown(text: str) -> str:
    # The first line of a text area begins below its tag.
    return text.replace("\r\n", "\n").removeprefix("\n")
