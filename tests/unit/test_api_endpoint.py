"""How endpoints of the API are declared: what a client gives is of the declared type, or refused."""

import asyncio
import json
import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.endpoint import Client, Result, Template, endpoint, endpoints_of, message_of
from klipkit.base.faults import RequestError
from klipkit.daemon.apitext import encoded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = {"text": str, "truth": bool, "whole": int, "number": float, "object": dict, "list": list}


class Silent(Client):
    """Hears nothing."""

    def send(self, message: Result) -> None:
        """A message."""

    def hang_up(self) -> None:
        """It ends."""


class Echo:
    """Gives back what it is given."""

    @endpoint("echo/all")
    async def echo(
        self,
        *,
        text: str,
        truth: bool,
        whole: int,
        number: Annotated[float, "a length, mm"],
        object: dict[str, Any],
        list: list[Any],
    ) -> Result:
        """All types."""
        return {"got": (text, truth, whole, number, object, list)}

    @endpoint("echo/client")
    async def client(
        self, client: Client, *, much: float | None = None, response_template: Template = None
    ) -> Result:
        """Who asks, and what may be missing."""
        return {"client": client, "much": much, "template": response_template}

    @endpoint("echo/nothing")
    async def nothing(self) -> None:
        """No result is an empty one."""


ENDPOINTS = {each.name: each for each in endpoints_of(Echo())}
RIGHT = {"text": "x", "truth": True, "whole": 7, "number": 1.5, "object": {}, "list": []}


def call(name: str, params: dict[str, Any]) -> Result:
    return asyncio.run(ENDPOINTS[name].call(Silent(), params))


def test_an_endpoint_is_declared_by_its_method() -> None:
    assert sorted(ENDPOINTS) == ["echo/all", "echo/client", "echo/nothing"]
    assert ENDPOINTS["echo/all"].text == "All types."
    assert [each.text for each in ENDPOINTS["echo/all"].parameters if each.text] == ["a length, mm"]
    assert call("echo/all", RIGHT)["got"] == ("x", True, 7, 1.5, {}, [])
    assert call("echo/nothing", {"what": "nobody declared"}) == {}


def test_what_may_be_missing_may_be_null() -> None:
    client = Silent()
    given = asyncio.run(ENDPOINTS["echo/client"].call(client, {"much": None}))
    assert given == {"client": client, "much": None, "template": None}
    assert call("echo/client", {"much": 3})["much"] == 3.0


@given(st.sampled_from(sorted(KINDS)), JSON)
def test_a_value_is_of_its_type_or_refused_by_name(name: str, value: Any) -> None:
    kind = KINDS[name]
    is_number = kind in (int, float) and not isinstance(value, bool)
    fits = isinstance(value, kind) if kind is not float else isinstance(value, (int, float)) and finite(value)
    try:
        call("echo/all", {**RIGHT, name: value})
    except RequestError as error:
        assert f"'{name}' must be" in error.what
        assert not (fits and (is_number or kind not in (int, float)))
    else:
        assert fits and not (kind in (int, float) and isinstance(value, bool))


def finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(RequestError, match=f"'{name}' must be given"):
        call("echo/all", {key: value for key, value in RIGHT.items() if key != name})


@given(JSON)
def test_every_message_is_json_that_any_client_reads(value: Any) -> None:
    heard = json.loads(encoded(message_of({"a": 1}, {"value": value})), parse_constant=pytest.fail)
    assert heard["a"] == 1
    assert no_nan(heard["params"]["value"]) == no_nan(value)


def no_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: no_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [no_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_what_has_no_end_cannot_be_told() -> None:
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(RequestError, match="cannot be told as JSON"):
        encoded({"ring": ring})
    assert encoded({"odd": {1}, "key": {(1, 2): 3}}) == '{"odd":"{1}","key":{}}'


def test_partings_are_called_once() -> None:
    client, called = Silent(), []
    client.parting["a"] = lambda: called.append(1)
    client.parting["a"] = lambda: called.append(2)
    client.gone()
    client.gone()
    assert called == [2] and client.is_gone
