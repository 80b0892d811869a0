"""Choosing what to measure, in which order, and how often."""

from __future__ import annotations

import pytest

from bench import measure as measuring
from bench.load import Outcome
from bench.measure import Case, Plan, Result, Sample, cases, cpu_us, enough_requests, rotated, rps
from bench.servers import Server
from bench.workloads import ALL, BY_NAME, Extent

GET = BY_NAME["GET"]


def sample(rps: float, cpu_seconds: float = 0.5) -> Sample:
    return Sample(Outcome(requests=100_000, rps=rps, p50=0.2, p99=0.5, p999=1.0), cpu_seconds)


def servers(*names: str) -> list[Server]:
    return [Server(name, "1", 1, 1) for name in names]


def test_each_server_comes_first_equally_often() -> None:
    firsts = [rotated(servers("a", "b", "c"), turn)[0].name for turn in range(6)]
    assert firsts == ["a", "b", "c", "a", "b", "c"]
    assert sorted(server.name for server in rotated(servers("a", "b"), 3)) == ["a", "b"]


def test_a_test_without_keys_is_measured_once_per_depth() -> None:
    planned = list(cases([BY_NAME["PING_MBULK"], GET], [1, 16], [0, 100]))
    assert [(case.workload.name, case.pipeline, case.keys) for case in planned] == [
        ("PING_MBULK", 1, 0),
        ("GET", 1, 0),
        ("GET", 1, 100),
        ("PING_MBULK", 16, 0),
        ("GET", 16, 0),
        ("GET", 16, 100),
    ]


def test_the_fastest_server_sets_the_number_of_requests_until_another_is_far_slower() -> None:
    assert enough_requests([100_000, 90_000], 0.5) == 50_000
    assert enough_requests([100_000, 10_000], 0.5) == 15_000
    assert enough_requests([], 0.5) == 1


def test_cpu_time_is_told_per_request_and_per_second() -> None:
    one = sample(rps=100_000, cpu_seconds=0.5)
    assert one.cpu_us == 5.0
    assert one.busy == 0.5


def test_ratios_pair_the_rounds() -> None:
    result = Result(
        Case(GET, 1, 0),
        {"ours": [sample(100), sample(50)], "theirs": [sample(50, 1.0), sample(25, 1.0)]},
    )
    throughput, cpu = result.ratio("ours", "theirs", rps), result.ratio("ours", "theirs", cpu_us)
    assert throughput is not None
    assert throughput.low == throughput.high == 2.0
    assert cpu is not None
    assert cpu.median == 0.5
    assert result.ratio("ours", "absent", rps) is None
    assert result.middle("absent", rps) is None


def test_a_workload_loads_the_keys_that_redis_benchmark_will_ask_for() -> None:
    single = list(GET.prepare(Extent(keys=0, size=3, requests=10)))
    spread = list(GET.prepare(Extent(keys=2, size=3, requests=10)))
    assert single == [("SET", "key:__rand_int__", b"xxx")]
    assert spread == [("SET", "key:000000000000", b"xxx"), ("SET", "key:000000000001", b"xxx")]


def test_a_popping_workload_finds_one_element_per_request() -> None:
    extent = Extent(keys=0, size=3, requests=1_234)
    pushed = sum(len(command) - 2 for command in BY_NAME["LPOP"].prepare(extent))
    added = {command[-1] for command in BY_NAME["SPOP"].prepare(extent)}
    assert pushed == len(added) == 1_234


def test_what_consumes_or_grows_its_data_is_loaded_anew() -> None:
    fresh = {workload.name for workload in ALL if workload.fresh}
    assert fresh == {"LPUSH", "RPUSH", "LPOP", "RPOP", "SPOP", "ZPOPMIN", "XADD"}


@pytest.mark.parametrize(("case_seconds", "rounds"), ((60.0, 9), (0.0, 3)))
def test_rounds_end_with_their_time_but_not_before_the_third(
    monkeypatch: pytest.MonkeyPatch, case_seconds: float, rounds: int
) -> None:
    monkeypatch.setattr(measuring, "absence", lambda *_: None)
    monkeypatch.setattr(measuring, "_warm_up", lambda _, servers, load, *__: (servers, load))
    monkeypatch.setattr(measuring, "_sample", lambda *_: sample(100))
    plan = Plan(9, 0.5, None, 50, 3, None, case_seconds)
    result = measuring.measure(Case(GET, 1, 0), servers("a", "b"), plan)
    assert {name: len(taken) for name, taken in result.samples.items()} == {
        "a": rounds,
        "b": rounds,
    }
