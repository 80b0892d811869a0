"""Reads to replay against a cache: key numbers, each trace the same in every run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from random import Random

KEYS = 25_000
"""Keys that the popular part of a trace draws from."""

SCAN_KEYS = 1 << 40
"""Where the numbers of keys begin that a scan asks for, each once."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Reads of keys, told by their numbers."""

    name: str
    reads: Callable[[int], Iterator[int]]
    """An endless series for a seed."""


def zipf(skew: float, keys: int = KEYS) -> Callable[[int], Iterator[int]]:
    """The n-th most popular key is read with a probability of 1 / n ** skew."""
    weights = list(accumulate(1 / rank**skew for rank in range(1, keys + 1)))

    def reads(seed: int) -> Iterator[int]:
        random = Random(seed)
        numbers = list(range(keys))
        random.shuffle(numbers)
        while True:
            yield numbers[bisect_left(weights, random.random() * weights[-1])]

    return reads


def with_scans(
    usual: Callable[[int], Iterator[int]], length: int, every: int
) -> Callable[[int], Iterator[int]]:
    """After so many of the usual reads come `length` keys in a row that are read but once."""

    def reads(seed: int) -> Iterator[int]:
        series, scanned = usual(seed), SCAN_KEYS
        while True:
            yield from islice(series, every)
            yield from range(scanned, scanned + length)
            scanned += length

    return reads


def with_loop(
    usual: Callable[[int], Iterator[int]], length: int, every: int
) -> Callable[[int], Iterator[int]]:
    """After so many of the usual reads come the same `length` keys in the same order."""

    def reads(seed: int) -> Iterator[int]:
        series = usual(seed)
        while True:
            yield from islice(series, every)
            yield from range(SCAN_KEYS, SCAN_KEYS + length)

    return reads


def shifting(skew: float, every: int) -> Callable[[int], Iterator[int]]:
    """After so many reads others are popular: a tenth of all keys changes places."""
    usual = zipf(skew)

    def reads(seed: int) -> Iterator[int]:
        series, shift = usual(seed), 0
        while True:
            for number in islice(series, every):
                yield (number + shift) % KEYS if number % 10 == 0 else number
            shift += KEYS // 10

    return reads


ALL: Sequence[Trace] = (
    Trace("Zipf 0.7", zipf(0.7)),
    Trace("Zipf 0.9", zipf(0.9)),
    Trace("Zipf 1.0", zipf(1.0)),
    Trace("Zipf 1.2", zipf(1.2)),
    Trace("Zipf 0.9 and scans", with_scans(zipf(0.9), 2_500, 10_000)),
    Trace("Zipf 1.0 and scans", with_scans(zipf(1.0), 2_500, 10_000)),
    Trace("Zipf 1.0 and a loop", with_loop(zipf(1.0), 4_000, 4_000)),
    Trace("Zipf 1.0, shifting", shifting(1.0, 50_000)),
)
