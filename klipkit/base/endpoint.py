"""How an endpoint of the API is declared: a method with typed, documented parameters, from which all checks come.

    class Meshes(Part):
        @endpoint("bed_mesh/dump_mesh")
        async def dump_mesh(self, *, mesh_args: Annotated[dict[str, Any] | None, "..."] = None) -> Result:
            '''The mesh and its settings.'''

        @endpoint("adxl345/dump_adxl345")
        async def dump(self, client: Client, *, sensor: str, response_template: Template = None) -> Result:
            '''Samples, from now on.'''      # client.send(message_of(response_template, {"data": ...})) later

A parameter's type is str, bool, int, float, dict[str, Any] or list[Any], with None when it may be missing. What a
client gives and nobody declared is passed over.
"""

import inspect
import math
import types
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from klipkit.base.faults import RequestError
from klipkit.base.text import sanitise

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
_MARK = "endpoint_name"
_CLIENT = "client"
_SHOWN = 60  # characters of a method's name in an error

Result = Mapping[str, Any]
Template = Annotated[dict[str, Any] | None, "what later messages have besides their `params`"]

_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    types.NoneType: "null",
}


class Client(ABC):
    """Who asks. `send` gives it a message; what is in `parting` is called once when it has gone."""

    def __init__(self) -> None:
        self.is_gone = False
        self.parting: dict[
            object, Callable[[], None]
        ] = {}  # by whose it is, so that asking again replaces it

    @abstractmethod
    def send(self, message: Result) -> None:
        """A message to it, unless it has gone. Never raises: what cannot be told ends the conversation."""

    @abstractmethod
    def hang_up(self) -> None:
        """What was sent still reaches it; it is to ask anew then, of another machine."""

    def gone(self) -> None:
        """It has gone."""
        self.is_gone = True
        partings, self.parting = list(self.parting.values()), {}
        for parting in partings:
            parting()


def message_of(template: Mapping[str, Any] | None, params: Result) -> Result:
    """A later message as the client wants to have it."""
    return {**(template or {}), "params": params}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter: its name, type, whether it must be given, whether it may be null, and one phrase."""

    name: str
    kind: type
    required: bool
    optional: bool
    text: str

    def read(self, params: Mapping[str, Any]) -> Any:
        """The value given; None when it is missing and may be. Raises RequestError."""
        value = params.get(self.name)
        if value is None:
            if self.required or (not self.optional and self.name in params):
                raise RequestError(f"'{self.name}' must be given", hint=self.text)
            return None
        if not _fits(value, self.kind):
            what = f"'{self.name}' must be {_WORDS[self.kind]}, not {_said(value)}"
            raise RequestError(what, hint=self.text)
        return float(value) if self.kind is float else value


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A declared endpoint: its name, what it does, its parameters, and the method that does it."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    takes_client: bool
    run: Callable[..., Awaitable[Any]]

    async def call(self, client: Client, params: Mapping[str, Any]) -> Result:
        """What comes of it. Raises KlipkitError."""
        read = ((parameter.name, parameter.read(params)) for parameter in self.parameters)
        values = {name: value for name, value in read if value is not None}
        if self.takes_client:
            values[_CLIENT] = client
        result: Result | None = await self.run(**values)
        return {} if result is None else result


def endpoint(name: str) -> Callable[[F], F]:
    """Declares a method as the endpoint of that name."""

    def mark(function: F) -> F:
        setattr(function, _MARK, name)
        return function

    return mark


def endpoints_of(owner: object) -> Iterator[Endpoint]:
    """The endpoints that an object declares."""
    for attribute, function in inspect.getmembers(type(owner), inspect.isfunction):
        name = getattr(function, _MARK, None)
        if name is not None:
            yield _declared(name, getattr(owner, attribute))


def _declared(name: str, method: Callable[..., Awaitable[Any]]) -> Endpoint:
    hints = get_type_hints(method, include_extras=True)
    given = inspect.signature(method).parameters
    parameters = tuple(
        _parameter(each, hints[each], about.default is inspect.Parameter.empty)
        for each, about in given.items()
        if each != _CLIENT
    )
    return Endpoint(name, inspect.cleandoc(method.__doc__ or ""), parameters, _CLIENT in given, method)


def _parameter(name: str, hint: Any, required: bool) -> Parameter:
    text = ""
    if get_origin(hint) is Annotated:
        hint, text = get_args(hint)[0], get_args(hint)[1]
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kind = next(each for each in kinds if each is not types.NoneType)
    return Parameter(name, get_origin(kind) or kind, required, types.NoneType in kinds, text)


def _fits(value: Any, kind: type) -> bool:
    if kind in (int, float) and isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, (int, float)) and _is_finite(value)
    return isinstance(value, kind)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _said(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not _is_finite(value):
        return "one without end"
    return _WORDS.get(type(value), sanitise(type(value).__name__, _SHOWN))
