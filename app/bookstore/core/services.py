"""What an app is made of, looked up by its type: ``service(LocalCatalogue)``.

The factory provides each part once. A domain that is served elsewhere is provided under its
interface alone, so what asks for ``CatalogueService`` gets the local one or a client alike.
"""

from typing import TypeVar, cast

from flask import Flask, current_app

T = TypeVar("T")

_EXTENSION = "bookstore"


def provide(app: Flask, kind: type[T], part: T) -> T:
    """Make a part of an app known under a type, in the place of the one before.

    :param kind: a class, or the protocol that the part implements.
    :return: the part.
    """
    app.extensions.setdefault(_EXTENSION, {})[kind] = part
    return part


def service(kind: type[T], app: Flask | None = None) -> T:
    """Return the part that an app was given for a type.

    :param app: by default the one whose request or context runs.
    :raise LookupError: when the app was made without one.
    """
    parts = (app or current_app).extensions.get(_EXTENSION, {})
    if kind not in parts:
        raise LookupError(f"This app has no {kind.__name__}; provide one where the app is made.")
    return cast("T", parts[kind])
