"""Doubles as Redis writes them, to the digit.

Redis takes the digits from Grisu2: they always read back the same and are nearly always, not
always, the shortest that do. Where they are not, Python's `repr` says something else; so the
algorithm is here, in integers of 63 bits.

Source: Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers",
PLDI 2010, section 5.
"""

import math
from typing import Final

from mypy_extensions import i64

_EXACT: Final = float(1 << 62)
"""Up to here Redis writes whole numbers as integers."""


def format_double(number: float) -> bytes:
    """A double as Redis writes it in replies."""
    if -_EXACT <= number <= _EXACT:
        whole = int(number)
        if whole == number:
            if whole == 0 and math.copysign(1.0, number) < 0:
                return b"-0"
            return b"%d" % whole
    return in_digits(number)


def in_digits(number: float) -> bytes:
    """A double as its digits say, so that 1e10 is `1e+10`."""
    if number == 0.0:
        return b"-0" if math.copysign(1.0, number) < 0 else b"0"
    if number != number:  # noqa: PLR0124 - NaN is the only value unlike itself
        return b"nan"
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    digits, exponent = _decimal(abs(number))
    text = _laid_out(b"%d" % digits, exponent)
    return b"-" + text if number < 0 else text


def _laid_out(digits: bytes, exponent: int) -> bytes:
    """Digits times a power of ten: plain if that is not too long, else in scientific notation."""
    count = len(digits)
    scale = exponent + count - 1
    if exponent >= 0 and scale < count + 7:
        return digits + b"0" * exponent
    if exponent < 0 and (exponent > -7 or -4 < scale < 4):
        point = count + exponent
        if point <= 0:
            return b"0." + b"0" * -point + digits
        return digits[:point] + b"." + digits[point:]
    fraction = b"." + digits[1:] if count > 1 else b""
    return b"%s%se%s%d" % (digits[:1], fraction, b"-" if scale < 0 else b"+", abs(scale))


# ---- Grisu2

_BITS: Final = 53  # of a significand
_FIRST: Final = -348  # the least power of ten in the table
_STEP: Final = 8
_LOG: Final = 0.30102999566398114  # decimal logarithm of 2
_LOW27: Final = (1 << 27) - 1
_LOW28: Final = (1 << 28) - 1
_LOW32: Final = (1 << 32) - 1


def _decimal(number: float) -> tuple[i64, i64]:
    """A positive finite number as an integer, and the power of ten to multiply it by."""
    fraction, binary = math.frexp(number)
    exponent: i64 = binary - _BITS
    significand: i64 = int(math.ldexp(fraction, _BITS))
    spare: i64 = 0  # leading zeros of a denormal
    if exponent < -1074:
        spare = -1074 - exponent
        significand >>= spare
    # Half-way to the neighbours begin the decimals that are read back as another number. These two
    # and the number itself are scaled to 55 bits, and by a power of ten so that the integer part
    # has 32 bits at most.
    upper: i64 = (2 * significand + 1) << (spare + 1)
    if significand == 1 << (_BITS - 1):
        lower: i64 = 4 * significand - 1
    else:
        lower = (2 * significand - 1) << (spare + 1)
    exponent -= 11
    index: i64 = (int(-float(exponent + len(_EXPONENTS)) * _LOG) - _FIRST) // _STEP
    shift: i64 = -(exponent + _EXPONENTS[index] + 64)
    while shift < 32 or shift > 60:
        index += 1 if shift > 60 else -1
        shift = -(exponent + _EXPONENTS[index] + 64)
    high, low = _scaled(upper, index)
    lower_high, lower_low = _scaled(lower, index)
    middle_high, middle_low = _scaled(significand << (spare + 2), index)
    # One less at both ends, since the products are rounded.
    width = _apart(high - lower_high, low - lower_low) - 2
    distance = _apart(high - middle_high, low - middle_low) - 1
    if low == 0:
        high -= 1
        low = 1 << 32
    whole: i64 = high >> (shift - 32)
    rest: i64 = ((high - (whole << (shift - 32))) << 32) + low - 1
    digits, kappa = _digits(whole, rest, width, distance, shift)
    return digits, kappa - (_FIRST + index * _STEP)


def _scaled(number: i64, index: i64) -> tuple[i64, i64]:
    """The upper 64 bits, rounded, of 55 bits times a power of ten; in halves of 32 bits."""
    left: i64 = number >> 27
    right: i64 = number & _LOW27
    power_left: i64 = _LEFT_HALVES[index]
    power_right: i64 = _RIGHT_HALVES[index]
    carry: i64 = right * power_right + (1 << 54)
    carry = left * power_right + (carry >> 27)
    carry = right * power_left + (carry >> 5)
    high: i64 = left * power_left
    low: i64 = ((high & _LOW28) << 4) + (carry >> 23)
    return (high >> 28) + (low >> 32), low & _LOW32


def _apart(high: int, low: int) -> int:
    """A difference from that of the halves; of denormals it can have 64 bits."""
    return (high << 32) + low


def _digits(whole: i64, rest: i64, width: int, distance: int, shift: i64) -> tuple[i64, i64]:
    """The fewest digits of a number in an interval, and the power of ten of the last of them.

    The interval ends at `whole` and `rest`, and is `width` wide; `distance` below that end lies the
    number that is meant. All but `whole` are in units of 2 ** -shift.
    """
    digits: i64 = 0
    kappa: i64 = 10
    limit: i64 = width >> int(shift)
    while kappa > 0:
        kappa -= 1
        unit: i64 = _TENS[kappa]
        digits = digits * 10 + whole // unit
        whole %= unit
        if whole <= limit:
            left = _shifted(whole, shift) + int(rest)
            if left <= width:
                return _nearest(digits, left, _shifted(unit, shift), width, distance), kappa
    # From here on times 5 and one bit less instead of times 10, which could need 64 bits.
    shift -= 1
    narrow: i64 = width
    scale = 1
    while True:
        rest *= 5
        narrow *= 5
        scale *= 5
        kappa -= 1
        digit: i64 = rest >> shift
        digits = digits * 10 + digit
        rest -= digit << shift
        if rest < narrow:
            return _nearest(digits, rest, _shifted(1, shift), narrow, distance * scale), kappa
        rest *= 2
        narrow *= 2
        scale *= 2


def _shifted(number: int, bits: int) -> int:
    """A shift beyond 63 bits."""
    return number << bits


def _nearest(digits: i64, left: int, unit: int, width: int, distance: int) -> i64:
    """Lowers the last digit as long as that comes nearer and stays within the interval."""
    while (
        left < distance
        and width - left >= unit
        and (left + unit < distance or distance - left > left + unit - distance)
    ):
        digits -= 1
        left += unit
    return digits


def _power(exponent: int) -> tuple[int, int]:
    """10 ** exponent as a significand of 64 bits, rounded, and a binary exponent."""
    if exponent >= 0:
        exact = 10**exponent << 64
        shift = exact.bit_length() - 64
        return (exact + (1 << (shift - 1))) >> shift, shift - 64
    divisor = 10**-exponent
    shift = divisor.bit_length() + 63
    return ((1 << (shift + 1)) // divisor + 1) >> 1, -shift


_TENS: Final = [10**exponent for exponent in range(10)]
_POWERS: Final = [_power(exponent) for exponent in range(_FIRST, 341, _STEP)]
_LEFT_HALVES: Final = [power >> 32 for power, _ in _POWERS]
_RIGHT_HALVES: Final = [power & _LOW32 for power, _ in _POWERS]
_EXPONENTS: Final = [exponent for _, exponent in _POWERS]
