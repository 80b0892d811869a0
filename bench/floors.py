"""The floors that a build must not fall below, and whether a run stays above them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import BUSY, Result, busy, cpu_us, rps

FILE = Path(__file__).with_name("floors.toml")


@dataclass(frozen=True, slots=True)
class Floor:
    """Least speed relative to a peer, for some tests at one pipeline depth."""

    tests: tuple[str, ...]
    pipeline: int
    peer: str
    ratio: float
    tolerance: float
    """How far noise alone may carry the median below the floor."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the subject is relative to a peer."""

    ratio: float
    figure: str
    """What it rests on: `throughput` or `CPU time`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a floor for one test."""

    case: str
    floor: Floor
    reached: Speed | None
    """None when it was not measured."""

    @property
    def passed(self) -> bool:
        least = self.floor.ratio - self.floor.tolerance
        return self.reached is not None and self.reached.ratio >= least


def read(path: Path = FILE) -> list[Floor]:
    """Raises KeyError or ValueError when the file is not as its own comment says."""
    content = tomllib.loads(path.read_text())
    tolerance = float(content["tolerance"])
    return [
        Floor(
            tuple(map(str, entry["tests"])),
            int(entry["pipeline"]),
            str(entry["peer"]),
            float(entry["ratio"]),
            tolerance,
        )
        for entry in content["floor"]
    ]


def judge(floors: Sequence[Floor], results: Sequence[Result], subject: str) -> list[Verdict]:
    """One verdict per floor and case; a floor whose test was not run is not reached."""
    verdicts = []
    for floor in floors:
        for test in floor.tests:
            concerned = [
                result
                for result in results
                if (result.case.workload.name, result.case.pipeline) == (test, floor.pipeline)
            ]
            if not concerned:
                verdicts.append(Verdict(f"{test} P{floor.pipeline}", floor, None))
            for result in concerned:
                verdicts.append(
                    Verdict(result.case.label, floor, speed(result, subject, floor.peer))
                )
    return verdicts


def speed(result: Result, subject: str, peer: str) -> Speed | None:
    """The ratio of throughputs where both servers were the limit, else that of CPU times.

    A server with time to spare was slowed by the load generator or by other processes, and so
    would its throughput ratio pass or fail by accident.
    """
    used = result.middle(subject, busy), result.middle(peer, busy)
    throughput = result.ratio(subject, peer, rps)
    cost = result.ratio(peer, subject, cpu_us)
    if throughput is None or cost is None:
        return None
    if all(share is not None and share >= BUSY for share in used):
        return Speed(throughput.median, "throughput")
    return Speed(cost.median, "CPU time")
