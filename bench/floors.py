"""The floors that a build must not fall below, and whether a run stays above them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Result, rps

FILE = Path(__file__).with_name("floors.toml")


@dataclass(frozen=True, slots=True)
class Floor:
    """Least ratio of throughput to a peer, for some tests at one pipeline depth."""

    tests: tuple[str, ...]
    pipeline: int
    peer: str
    ratio: float
    tolerance: float
    """How far noise alone may carry the median below the floor."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a floor for one test."""

    case: str
    floor: Floor
    reached: float | None
    """Median of the throughput ratios; None when it was not measured."""

    @property
    def passed(self) -> bool:
        return self.reached is not None and self.reached >= self.floor.ratio - self.floor.tolerance


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
                ratio = result.ratio(subject, floor.peer, rps)
                verdicts.append(Verdict(result.case.label, floor, ratio.median if ratio else None))
    return verdicts
