"""The latency monitor: when something took longer than it should, second by second."""

from typing import Final

HISTORY: Final = 160
"""How many seconds of each event are kept."""


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
