"""How long blocking commands wait."""

import math
from fractions import Fraction
from typing import Final

from nearkeep.engine import longdouble
from nearkeep.wire.reply import Failure
from nearkeep.wire.request import parse_integer

_NOT_FLOAT: Final = b"ERR timeout is not a float or out of range"
_NOT_INTEGER: Final = b"ERR timeout is not an integer or out of range"
_OUT_OF_RANGE: Final = b"ERR timeout is out of range"
_NEGATIVE: Final = b"ERR timeout is negative"
_MAX: Final = 9223372036854775807


def seconds(text: bytes, now: int) -> int:
    """A timeout in seconds, as the milliseconds that it takes at least; 0 for ever.

    Raises:
        Failure: it is no number, negative, or more than can be added to `now` (milliseconds since
            the epoch).
    """
    whole = parse_integer(text)
    if whole is not None:
        return _checked(whole * 1000, now)
    try:
        number = longdouble.parse(text)
    except Failure:
        raise Failure(_NOT_FLOAT) from None
    if isinstance(number, Fraction):
        return _checked(math.ceil(number * 1000), now)
    raise Failure(_OUT_OF_RANGE if number > 0 else _NEGATIVE)


def milliseconds(text: bytes, now: int) -> int:
    """A timeout in whole milliseconds; otherwise as `seconds`."""
    number = parse_integer(text)
    if number is None:
        raise Failure(_NOT_INTEGER)
    return _checked(number, now)


def _checked(timeout: int, now: int) -> int:
    if timeout < 0:
        raise Failure(_NEGATIVE)
    if timeout > _MAX - now:
        raise Failure(_OUT_OF_RANGE)
    return timeout
