"""Latency: when something took longer than it should, and how long commands take as a rule."""

from typing import Final

from mypy_extensions import i64

HISTORY: Final = 160
"""How many seconds of each event are kept."""

BUCKETS: Final = 30
"""Buckets of a histogram; the last begins at some nine minutes."""


class LatencySeries:
    """Times at which one event took long: (seconds since the epoch, milliseconds)."""

    def __init__(self) -> None:
        self.samples: list[tuple[int, int]] = []
        self.highest = 0


class LatencyMonitor:
    """Samples by event."""

    def __init__(self) -> None:
        self.events: dict[bytes, LatencySeries] = {}

    def sample(self, event: bytes, at: int, duration: int) -> None:
        """Adds a duration, milliseconds; the worst of each second is kept."""
        series = self.events.setdefault(event, LatencySeries())
        series.highest = max(series.highest, duration)
        if series.samples and series.samples[-1][0] == at:
            series.samples[-1] = (at, max(duration, series.samples[-1][1]))
            return
        series.samples.append((at, duration))
        if len(series.samples) > HISTORY:
            del series.samples[0]

    def reset(self, events: list[bytes]) -> int:
        """Forgets some events, or all if none is named; how many there were."""
        names = events or list(self.events)
        return sum([self.events.pop(name, None) is not None for name in names])


class Histogram:
    """How long one command took, in buckets that double.

    The bounds in microseconds are those that LATENCY HISTOGRAM of Redis shows.
    """

    def __init__(self) -> None:
        self._brief: i64 = 0  # a microsecond or less: the first bucket, and the busiest
        self._longer: list[int] = [0] * BUCKETS

    def observe(self, duration: i64) -> None:
        """Counts a duration, microseconds."""
        if duration <= 1:
            self._brief += 1
            return
        bucket: i64 = 0
        while duration > 1 and bucket < BUCKETS - 1:
            duration = (duration + 1) >> 1
            bucket += 1
        self._longer[bucket] += 1

    def counts(self) -> list[int]:
        """How many fell into each bucket."""
        return [self._brief, *self._longer[1:]]

    def cumulative(self) -> list[tuple[int, int]]:
        """(bound in microseconds, how many took no longer), where the count grows."""
        total = 0
        found: list[tuple[int, int]] = []
        for bucket, count in enumerate(self.counts()):
            total += count
            if count:
                found.append((bound(bucket), total))
        return found

    def percentile(self, percent: float) -> float:
        """The duration that so many percent did not exceed, microseconds."""
        wanted = sum(self.counts()) * percent / 100
        at = 0
        for upper, total in self.cumulative():
            at = upper
            if total >= wanted:
                break
        return float(at)


def bound(bucket: int) -> int:
    """The longest duration of a bucket, microseconds."""
    return (1 << bucket) * 1032 // 1000
