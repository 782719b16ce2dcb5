"""Messages of the API as text."""

import json

from klipkit.base.endpoint import Result
from klipkit.base.faults import RequestError


def encoded(message: Result) -> str:
    """A message as JSON, in which numbers without end are null. Raises RequestError for what has no end itself."""
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return _adapted(message)


def _adapted(message: Result) -> str:
    try:
        text = json.dumps(message, default=str, skipkeys=True)
        plain = json.loads(text, parse_constant=lambda name: None)
        return json.dumps(plain, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"this cannot be told as JSON: {type(error).__name__}") from None
