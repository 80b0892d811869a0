"""80-bit long doubles, with which Redis adds in INCRBYFLOAT and HINCRBYFLOAT.

A number is an exact fraction of two integers, rounded to a significand of 64 bits after each step,
to even; so sums come out to the digit as on x86-64, with integers alone.
"""

from fractions import Fraction
from typing import Final

from nearkeep.engine.text import NOT_FLOAT
from nearkeep.wire.reply import Failure

_BITS: Final = 64
_LONGEST: Final = 5120


def parse(text: bytes) -> Fraction | float:
    """A number from text as strtold reads it; infinities as floats.

    Raises:
        Failure: it is no number.
    """
    if not text or len(text) > _LONGEST or text[:1].isspace() or b"_" in text:
        raise Failure(NOT_FLOAT.message)
    try:
        if text.lower().lstrip(b"+-").startswith(b"0x"):
            return rounded(Fraction(float.fromhex(text.decode("ascii"))))
        number = float(text)
        if number in (float("inf"), float("-inf")):
            if b"i" in text.lower():
                return number
            raise Failure(NOT_FLOAT.message)
        if number != number or text[-1:].isspace():
            raise Failure(NOT_FLOAT.message)
        return rounded(Fraction(text.decode("ascii")))
    except (ValueError, UnicodeDecodeError):
        raise Failure(NOT_FLOAT.message) from None


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
    return rounded(left + right)


def text(number: Fraction) -> bytes:
    """17 decimals, without the zeros at the end."""
    scaled = round(number * 10**17)
    sign = b"-" if scaled < 0 else b""
    whole, decimals = divmod(abs(scaled), 10**17)
    if decimals == 0:
        return b"%s%d" % (sign if whole else b"", whole)
    return b"%s%d.%s" % (sign, whole, (b"%017d" % decimals).rstrip(b"0"))
