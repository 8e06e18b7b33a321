"""Addresses of pages, also of those that another app of the shop serves.

Each app knows the pages of all domains, so ``url_for`` finds those that are elsewhere too: at the
same host, where a load balancer tells them apart by their paths, or at a configured address.
"""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Flask, has_request_context, request
from werkzeug.routing import Rule


class Shop(Flask):
    """A Flask app that has addresses for pages that it does not serve itself."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._bases: dict[str, str] = {}

    def link_elsewhere(self, pages: Iterable[Blueprint], base: str | None) -> None:
        """Make the addresses of pages known that another app serves.

        :param base: scheme and host of that app; None where it is behind this one's host.
        """
        other = Flask(self.import_name, static_folder=None)
        other.url_map.converters.update(self.url_map.converters)
        for blueprint in pages:
            other.register_blueprint(blueprint)
            if base is not None:
                self._bases[blueprint.name] = base.rstrip("/")
        for rule in other.url_map.iter_rules():
            known = Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods, build_only=True)
            self.url_map.add(known)

    @property
    def bases(self) -> frozenset[str]:
        """The addresses of the apps that are at hosts of their own."""
        return frozenset(self._bases.values())

    def url_for(self, /, endpoint: str, **values: Any) -> str:
        """Return the address of a page, as Flask does, wherever it is served."""
        base = self._bases.get(endpoint.partition(".")[0])
        if base is None:
            return super().url_for(endpoint, **values)
        path = super().url_for(endpoint, **{**values, "_external": False})
        return base + path.removeprefix(request.script_root if has_request_context() else "")
