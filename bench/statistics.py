"""Figures that stand up on a noisy machine: medians, ratios within a round, slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of per-round ratios, and how far the rounds lie apart.

    The two servers of one round ran within seconds of each other, so what the machine did
    to both cancels out; the ratio of two medians would keep it.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
        """Ratio of paired measurements. Raises ValueError when they do not pair up."""
        pairs = zip(numerators, denominators, strict=True)
        ratios = [numerator / denominator for numerator, denominator in pairs]
        if not ratios:
            raise ValueError("no rounds to take a ratio of")
        return cls(median(ratios), min(ratios), max(ratios))


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent k of cost ~ size^k by least squares: 0 is constant, 1 linear."""
    return linear_regression(list(map(math.log, sizes)), list(map(math.log, costs))).slope


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the (sorted) values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
