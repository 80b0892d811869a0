"""80-bit long doubles, with which Redis adds in INCRBYFLOAT and HINCRBYFLOAT.

A number is an exact fraction of two integers, rounded to a significand of 64 bits after each step,
to even; so sums come out to the digit as on x86-64, with integers alone. Their digits go through
`Decimal`, which reads and prints more of them than `int` may.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from nearkeep.engine.text import NOT_FLOAT
from nearkeep.wire.reply import Failure

_BITS: Final = 64
_LONGEST: Final = 5120
# pow and not a shift, which mypyc would fold into a literal of more digits than `int` may have.
_ABOVE_ALL: Final = pow(2, 16384)
_BELOW_ALL: Final = Fraction(1, pow(2, 16446))
LARGEST: Final = Fraction(_ABOVE_ALL - pow(2, 16384 - _BITS))
_FARTHEST: Final = 40_000
"""An exponent beyond which there can be no number of so few digits."""

_DECIMAL: Final = re.compile(rb"[+-]?(?=\.?\d)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?")
_HEX: Final = re.compile(
    rb"[+-]?0[xX](?=\.?[\da-fA-F])([\da-fA-F]*)\.?([\da-fA-F]*)(?:[pP]([+-]?\d+))?"
)
_INFINITY: Final = re.compile(rb"[+-]?inf(inity)?", re.IGNORECASE)


def parse(text: bytes) -> Fraction | float:
    """A number from text as strtold reads it; infinities as floats.

    Raises:
        Failure: it is no number, or too large or too small for a long double.
    """
    if len(text) > _LONGEST:
        raise Failure(NOT_FLOAT.message)
    if _INFINITY.fullmatch(text):
        return float(text)
    digits, base, scale = _DECIMAL.fullmatch(text), 10, 10
    if digits is None:
        digits, base, scale = _HEX.fullmatch(text), 16, 2
    if digits is None:
        raise Failure(NOT_FLOAT.message)
    whole, decimals, power = digits.groups(b"0")
    figures = whole + decimals
    number = Fraction(
        int(figures, 16) if base == 16 else int(Decimal(figures.decode())), base ** len(decimals)
    )
    if number:
        exponent = int(power[:9])
        if abs(exponent) > _FARTHEST:
            raise Failure(NOT_FLOAT.message)
        number = rounded(number * Fraction(scale) ** exponent)
        if not _BELOW_ALL < number < _ABOVE_ALL:
            raise Failure(NOT_FLOAT.message)
    return -number if text[:1] == b"-" else number


def rounded(number: Fraction) -> Fraction:
    """The nearest number with a significand of 64 bits, ties to even."""
    top = number.numerator
    bottom = number.denominator
    if top == 0:
        return number
    shift = _BITS - (abs(top).bit_length() - bottom.bit_length())
    scaled = number * Fraction(2) ** shift
    while abs(scaled) >= 1 << _BITS:
        shift -= 1
        scaled /= 2
    while abs(scaled) < 1 << (_BITS - 1):
        shift += 1
        scaled *= 2
    return Fraction(round(scaled)) / Fraction(2) ** shift


def add(left: Fraction | float, right: Fraction | float) -> Fraction:
    """The sum.

    Raises:
        Failure: it is not finite.
    """
    if isinstance(left, float) or isinstance(right, float):
        raise Failure(b"ERR increment would produce NaN or Infinity")
    total = rounded(left + right)
    if abs(total) >= _ABOVE_ALL:
        raise Failure(b"ERR increment would produce NaN or Infinity")
    return total


def text(number: Fraction) -> bytes:
    """17 decimals, without the zeros at the end."""
    scaled = round(number * 10**17)
    sign = b"-" if scaled < 0 else b""
    whole, decimals = divmod(abs(scaled), 10**17)
    figures = str(Decimal(whole)).encode()
    if decimals == 0:
        return sign + figures if whole else figures
    return b"%s%s.%s" % (sign, figures, (b"%017d" % decimals).rstrip(b"0"))
