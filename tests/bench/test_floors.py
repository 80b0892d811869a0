"""Floors and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import floors
from bench.floors import Floor, Speed, judge
from bench.load import Outcome
from bench.measure import Case, Result, Sample
from bench.workloads import BY_NAME

FLOOR = Floor(("GET",), pipeline=16, peer="redis", ratio=1.0, tolerance=0.05)


def result(ours: float, pipeline: int = 16) -> Result:
    def at(rps: float) -> list[Sample]:
        return [Sample(Outcome(1_000, rps, 1.0, 1.0, 1.0), cpu_seconds=1_000 / rps)]

    return Result(Case(BY_NAME["GET"], pipeline, 0), {"nearkeep": at(ours), "redis": at(100.0)})


@pytest.mark.parametrize(("ours", "passed"), ((120, True), (96, True), (94, False)))
def test_a_floor_is_reached_within_its_tolerance(ours: float, passed: bool) -> None:
    (verdict,) = judge([FLOOR], [result(ours)], "nearkeep")
    assert verdict.passed is passed
    assert verdict.reached == Speed(ours / 100, "throughput")


@pytest.mark.parametrize("results", ([], [result(200, pipeline=1)]))
def test_a_floor_that_was_not_measured_is_not_reached(results: list[Result]) -> None:
    (verdict,) = judge([FLOOR], results, "nearkeep")
    assert verdict.reached is None
    assert not verdict.passed


def test_a_server_that_could_not_be_measured_has_not_reached_its_floor() -> None:
    absent = Result(Case(BY_NAME["GET"], 16, 0), {}, {"nearkeep": "missing"})
    (verdict,) = judge([FLOOR], [absent], "nearkeep")
    assert not verdict.passed


def test_a_server_with_time_to_spare_is_judged_by_its_cpu_time() -> None:
    idle = result(ours=40)
    idle.samples["nearkeep"] = [Sample(Outcome(1_000, 40, 1.0, 1.0, 1.0), cpu_seconds=12.5)]
    (verdict,) = judge([FLOOR], [idle], "nearkeep")
    assert verdict.reached == Speed(0.8, "CPU time")


def test_every_key_space_of_a_test_must_reach_the_floor() -> None:
    verdicts = judge([FLOOR], [result(120), result(80)], "nearkeep")
    assert [verdict.passed for verdict in verdicts] == [True, False]


def test_the_floors_of_this_repository_name_tests_that_exist() -> None:
    read = floors.read()
    assert {test for floor in read for test in floor.tests} <= set(BY_NAME)
    assert {(floor.pipeline, floor.ratio) for floor in read} == {(1, 0.9), (16, 1.0), (64, 1.0)}


def test_a_floor_without_a_ratio_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "floors.toml"
    file.write_text('tolerance = 0.1\n[[floor]]\ntests = ["GET"]\npipeline = 1\npeer = "redis"\n')
    with pytest.raises(KeyError, match="ratio"):
        floors.read(file)
