"""Ratios, slopes and percentiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import Ratio, percentile, slope

positive = st.floats(min_value=1e-3, max_value=1e6)


def test_a_ratio_is_the_median_of_the_rounds_with_its_spread() -> None:
    ratio = Ratio.of([10, 30, 12], [10, 10, 10])
    assert ratio == Ratio(median=1.2, low=1.0, high=3.0)


@given(st.lists(st.tuples(positive, positive), min_size=1), positive)
def test_what_slows_both_servers_of_a_round_leaves_the_ratio_alone(
    rounds: list[tuple[float, float]], slowdown: float
) -> None:
    ours, theirs = zip(*rounds, strict=True)
    calm = Ratio.of(ours, theirs)
    slowed = Ratio.of([slowdown * ours[0], *ours[1:]], [slowdown * theirs[0], *theirs[1:]])
    assert slowed.median == pytest.approx(calm.median)


def test_rounds_that_do_not_pair_up_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        Ratio.of([1, 2], [1])
    with pytest.raises(ValueError, match="no rounds"):
        Ratio.of([], [])


@pytest.mark.parametrize("exponent", (0, 0.5, 1, 2))
def test_the_slope_is_the_exponent_of_the_growth(exponent: float) -> None:
    sizes = [10_000, 20_000, 40_000, 80_000]
    assert slope(sizes, [3.0 * size**exponent for size in sizes]) == pytest.approx(exponent)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = list(range(1, 1001))
    assert [percentile(values, p) for p in (0, 50, 99, 99.9, 100)] == [1, 500, 990, 999, 1000]
    assert percentile([7], 99.9) == 7
