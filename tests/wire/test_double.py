"""Doubles as redis-server 8.2.3 writes them; all digits below are its own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.double import format_double


@pytest.mark.parametrize(
    ("number", "text"),
    (
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-7.0, "-7"), (0.1, "0.1"), (-2.5, "-2.5"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
        (1e15, "1000000000000000"), (1e17, "100000000000000000"), (1e21, "1e+21"), (1e22, "1e+22"),
        (2.0**62, "4611686018427387904"), (2.0**63, "9223372036854776000"),
        (123456789012345680000.0, "123456789012345680000"), (1.5e300, "1.5e+300"),
        (1e-5, "0.00001"), (1e-7, "1e-7"), (1.23456789e-5, "1.23456789e-5"),
        (1647098.7667111407, "1.6470987667111408e+6"), (0.30000000000000004, "0.30000000000000004"),
        (5e-324, "5e-324"), (2.2250738585072014e-308, "2.2250738585072014e-308"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
    ),
)  # fmt: skip
def test_whole_numbers_decimals_and_exponents_stand_as_in_redis(number: float, text: str) -> None:
    assert format_double(number) == text.encode()


@pytest.mark.parametrize(
    ("number", "text"),
    (
        (0.2603138309971538, "0.26031383099715377"), (85.3571624, "85.35716240000001"),
        (0.002875189, "0.0028751890000000002"), (1e23, "99999999999999990000000"),
        (1e126, "9.999999999999999e+125"), (2.9802322387695312e-08, "2.9802322387695313e-8"),
        (2.82004996814582e-309, "2.820049968145822e-309"),
        (1820396394282551.8, "1820396394282551.7"), (998.763306, "998.7633059999999"),
    ),
)  # fmt: skip
def test_the_digits_are_not_always_the_fewest_or_nearest(number: float, text: str) -> None:
    assert format_double(number) == text.encode()
    assert repr(number) != text


@given(st.floats(allow_nan=False))
def test_a_double_is_read_back_as_itself(number: float) -> None:
    text = format_double(number)
    assert float(text) == number
    assert math.copysign(1, float(text)) == math.copysign(1, number)
