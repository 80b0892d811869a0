"""JSON text by the standard library, for where there is no orjson: on PyPy, or without a wheel.

Reads and writes the same as `orjson.loads` and `orjson.dumps`; the tests compare the two.
"""

import json
import re
from typing import Final

_SMALLEST: Final = -(1 << 63)
_LARGEST: Final = (1 << 64) - 1
_SURROGATE: Final = b"\\ud"
"""How an escaped surrogate begins, of which one alone is no text."""

_UNALIKE: Final = re.compile(r"\de-0\d")
"""What `json` may have written otherwise than orjson: a number such as 1e-05. Or it is a string."""


def loads(text: bytes) -> object:
    """A value from its text. Raises ValueError, or RecursionError for one nested too deeply."""
    value: object = _DECODER.decode(text.decode())
    if _SURROGATE in text.lower():
        dumps(value)
    return value


def dumps(value: object) -> bytes:
    """The text of a value, without blanks."""
    text = _ENCODER.encode(value)
    if _UNALIKE.search(text) is None:
        return text.encode()
    return "".join(_parts(value)).encode()


def _parts(value: object) -> list[str]:
    if isinstance(value, float):
        return [_float_text(value)]
    parts: list[str] = []
    if isinstance(value, list):
        for item in value:
            parts.append("," if parts else "[")
            parts += _parts(item)
        parts.append("]" if parts else "[]")
    elif isinstance(value, dict):
        for key, item in value.items():
            parts.append("," if parts else "{")
            parts.append(_ENCODER.encode(key) + ":")
            parts += _parts(item)
        parts.append("}" if parts else "{}")
    else:
        parts.append(_ENCODER.encode(value))
    return parts


def _float_text(number: float) -> str:
    text = repr(number)
    mantissa, _, exponent = text.partition("e-0")
    if not exponent:
        return text
    if exponent != "5":
        return f"{mantissa}e-{exponent}"
    sign = "-" if number < 0 else ""
    return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"


def _integer(digits: str) -> int | float:
    if len(digits) <= 20:
        number = int(digits)
        if _SMALLEST <= number <= _LARGEST:
            return number
    return _double(digits)


def _double(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_double, parse_constant=_no_constant
)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
