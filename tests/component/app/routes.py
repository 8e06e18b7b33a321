"""What each route of the shop is for, whose it is, and what its owner sends there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.component.app.client import Answer
from tests.component.app.scene import Scene

Sent = Callable[[Scene], Any]

IDS = {
    "book_id": "listed",
    "order_id": "paid",
    "purchase_id": "purchase",
    "address_id": "home",
    "account_id": "other",
    "invitation_id": "invitation",
    "seller_id": "seller",
    "name": "cover",
    "filename": "style",
    "part": "sitemap",
}
# What who is not logged in gets: 401 of the API, and from a page the way to the login.
LOGIN = 401


def nothing(_scene: Scene) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Route:
    """Tell of a method and a rule who reaches it, by whom it is refused, and how.

    :param by: the people who reach it, each by sending ``sent``.
    :param others: the status for people who are logged in; None where they reach their own.
    :param strangers: the status for who is not; None where they reach it too.
    :param sent: what a form or a JSON body holds, or the bytes of a file.
    :param ids: which of the scene's ids stand in the rule, where they are others than ``IDS``.
    :param shows: the id or text of the owner that nobody else is shown.
    :param to_login: whether who has reached it is led to the login.
    :param moves: the tables in which it changes rows that are another's, as it shall.
    """

    by: tuple[str, ...]
    others: int | None = None
    strangers: int | None = None
    sent: Sent = nothing
    ids: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    shows: str | None = None
    to_login: bool = False
    moves: frozenset[str] = frozenset()


def public(**more: Any) -> Route:
    """Be there for everybody."""
    return Route(by=("visitor", "buyer"), **more)


def own(person: str, **more: Any) -> Route:
    """Be there for everybody who is logged in, with what is theirs."""
    return Route(by=(person,), strangers=LOGIN, **more)


def owned(*people: str, **more: Any) -> Route:
    """Be there for who owns what stands in the rule; for others there is none."""
    return Route(by=people, others=404, strangers=LOGIN, **more)


def moderated(**more: Any) -> Route:
    """Be there for moderators; for others there is nothing."""
    return Route(by=("moderator",), others=404, **{"strangers": 404, **more})


@dataclass(frozen=True)
class Case:
    """Join a route to its method and rule."""

    method: str
    rule: str
    route: Route

    @property
    def in_api(self) -> bool:
        return self.rule.startswith("/api/")

    def __str__(self) -> str:
        which = "".join(f" of {name}" for name in self.route.ids.values())
        return f"{self.method} {self.rule}{which}"

    def id_of(self, scene: Scene, parameter: str) -> Any:
        """Return what stands for a parameter of the rule."""
        return scene.ids[{**IDS, **self.route.ids}[parameter]]

    def path(self, scene: Scene, **ids: int) -> str:
        """Return the address at which the scene has what the route is for.

        :param ids: what stands for parameters in the place of that.
        """
        return re.sub(
            r"<(?:\w+:)?(\w+)>",
            lambda found: str(ids.get(found[1]) or self.id_of(scene, found[1])),
            self.rule,
        )

    def send(self, scene: Scene, name: str, csrf_token: str = "", **ids: int) -> Answer:
        """Send in somebody's name what the route takes.

        :param csrf_token: sent with a form in the place of the right one.
        """
        path, sent = self.path(scene, **ids), self.route.sent(scene)
        if self.in_api:
            client = scene.client(name)
            return client.send(self.method, path, sent or None, **self.route.headers)
        shopper = scene.shopper(name)
        if self.method == "GET":
            return shopper.get(path, query_string=sent)
        if self.method == "HEAD":
            return shopper.client.head(path, query_string=sent)
        return shopper.post(path, sent, csrf_token or scene.people[name].csrf_token)


def cases(table: Mapping[str, Route | tuple[Route, ...]]) -> list[Case]:
    """Return a case for each entry of a table by method and rule."""
    found = []
    for key, entry in table.items():
        method, rule = key.split()
        routes = (entry,) if isinstance(entry, Route) else entry
        found += [Case(method, rule, route) for route in routes]
    return found
