"""An interface's methods, and how their arguments and answers are written as JSON."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic_core import to_json

Json = dict[str, Any]

CONFLICT = 409
"""The status of an answer that is an error of the contract."""

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header that names a call; a call that is sent again has the name of the first."""


@dataclass(frozen=True)
class Method:
    """A method of an interface, seen from outside."""

    interface: type
    name: str
    signature: inspect.Signature
    arguments: type[BaseModel]
    answer: TypeAdapter[Any]

    def pack(self, args: Sequence[object], kwargs: Mapping[str, object]) -> bytes:
        """Return the JSON of a call's arguments."""
        # Any collection will do, such as the keys of a dictionary.
        return to_json(self.signature.bind(*args, **kwargs).arguments, fallback=list)

    def unpack(self, body: bytes) -> Json:
        """Return the arguments of a call.

        :raise pydantic.ValidationError: when they are not what the method takes.
        """
        parsed = self.arguments.model_validate_json(body)
        return {name: getattr(parsed, name) for name in parsed.model_fields_set}


@dataclass(frozen=True)
class Contract:
    """What may be asked of a domain.

    :ivar interface: the domain's protocol; all its methods take and return what pydantic can write
        as JSON.
    :ivar errors: what its methods raise. An error keeps what it is made of in attributes that are
        named like the parameters of its constructor.
    :ivar shared: protocols that every domain serves, each for itself; no two methods of a contract
        have one name.
    """

    domain: str
    interface: type
    errors: Sequence[type[Exception]] = ()
    shared: Sequence[type] = ()

    @property
    def interfaces(self) -> tuple[type, ...]:
        """All its protocols, the domain's own first."""
        return (self.interface, *self.shared)

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """Return the methods of all its protocols by their names."""
        return {
            name: _method(interface, method)
            for interface in self.interfaces
            for name, method in inspect.getmembers(interface, inspect.isfunction)
            if not name.startswith("_")
        }

    def pack_error(self, error: Exception) -> Json:
        """Return an error of the contract as what JSON can hold."""
        return {"error": type(error).__name__, "of": vars(error)}

    def unpack_error(self, packed: Json) -> Exception:
        """Return the error that was packed on the other side.

        :raise KeyError: when it is none of this contract's.
        """
        kinds = {kind.__name__: kind for kind in self.errors}
        error: Exception = kinds[packed["error"]](**packed["of"])
        return error


def _method(interface: type, method: Callable[..., Any]) -> Method:
    hints = get_type_hints(method)
    _, *parameters = inspect.signature(method).parameters.values()
    fields: dict[str, Any] = {
        each.name: (
            _as_array(hints[each.name]),
            ... if each.default is each.empty else each.default,
        )
        for each in parameters
    }
    arguments = create_model(method.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    signature = inspect.Signature(parameters)
    return Method(interface, method.__name__, signature, arguments, TypeAdapter(hints["return"]))


def _as_array(hint: Any) -> Any:
    """Return the type of an argument once it has come as JSON, which knows no sets."""
    inner = tuple(_as_array(each) for each in get_args(hint))
    if get_origin(hint) is Collection:
        return Sequence[inner[0]]  # type: ignore[valid-type]
    if get_origin(hint) in (UnionType, Union):
        return Union[inner]  # noqa: UP007 - of types that are known when it runs
    return hint
