"""Bases of what the API takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bookstore.core.paging import Page, decode_cursor
from bookstore.core.web.forms import Input, refuse
from bookstore.core.web.i18n import lazy_gettext

# What `page_reply` adds, for the headers of a route.
LINK = {"Link": "The next page, as `rel=next`."}

V = TypeVar("V", bound="View")
P = TypeVar("P", bound="PageOf[Any]")


class View(BaseModel):
    """The base of what the API shows; read from the attributes of what a service returns."""

    model_config = ConfigDict(from_attributes=True)


class PageOf(View, Generic[V]):
    """Show one page of many; ``next`` leads to the one after."""

    items: list[V]
    next: str | None = Field(
        description="The address of the next page; null on the last one.",
        json_schema_extra={"format": "uri-reference"},
    )


@dataclass(frozen=True)
class Reply(Generic[V]):
    """Answer with a body and with headers of its own."""

    body: V
    headers: Mapping[str, str] = field(default_factory=dict)


def _cursor(text: str) -> str:
    if text and decode_cursor(text) is None:
        raise refuse("cursor", lazy_gettext("Take the address from the page before, as it is."))
    return text


Cursor = Annotated[
    str, Field(description="Where the page before ended; see `next`."), AfterValidator(_cursor)
]


class Paging(Input):
    """Choose a page."""

    after: Cursor = ""


def next_address(page: Page[Any]) -> str | None:
    """Return the address of the page after one that this request asked for."""
    if page.next_cursor is None:
        return None
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "after"]
    return f"{request.path}?{urlencode([*query, ('after', page.next_cursor)])}"


def page_reply(shown: P) -> Reply[P]:
    """Answer with a page, and with its next one as a link (RFC 8288)."""
    headers = {"Link": f'<{shown.next}>; rel="next"'} if shown.next else {}
    return Reply(shown, headers)
