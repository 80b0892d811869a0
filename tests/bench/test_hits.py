"""Replays of reads: the traces, and the caches that the engine is compared with."""

from itertools import islice

import pytest

from bench import models
from bench.hits import _engine, _model
from bench.traces import ALL, SCAN_KEYS, Trace, with_loop, with_scans, zipf


@pytest.mark.parametrize("trace", ALL, ids=lambda trace: trace.name)
def test_a_trace_is_the_same_each_time(trace: Trace) -> None:
    assert list(islice(trace.reads(1), 500)) == list(islice(trace.reads(1), 500))


def test_scans_never_come_back_and_loops_do() -> None:
    scanned = (
        islice(with_scans(zipf(1.0), 5, 5)(1), 5, 10),
        islice(with_scans(zipf(1.0), 5, 5)(1), 15, 20),
    )
    assert [list(part) for part in scanned] == [
        list(range(SCAN_KEYS, SCAN_KEYS + 5)),
        list(range(SCAN_KEYS + 5, SCAN_KEYS + 10)),
    ]
    again = list(islice(with_loop(zipf(1.0), 5, 5)(1), 20))
    assert again[5:10] == again[15:20]


def test_lru_drops_what_was_not_used_for_longest() -> None:
    read = models.lru(2)
    assert [read(key) for key in (1, 2, 1, 3, 1, 2)] == [False, False, True, False, True, False]


def test_sieve_keeps_what_was_visited() -> None:
    read = models.sieve(3)
    assert [read(key) for key in (1, 2, 3, 1, 4, 1, 2)] == [False] * 3 + [True, False, True, False]


def test_s3_fifo_remembers_what_has_gone() -> None:
    read = models.s3_fifo(10)
    for key in range(12):
        read(key)
    assert [read(key) for key in (0, 0, 11)] == [False, True, True]


@pytest.mark.parametrize("name", models.ALL)
def test_a_model_with_room_for_all_misses_once_per_key(name: str) -> None:
    numbers = [number % 50 for number in range(1000)]
    assert _model(models.ALL[name](50), numbers) == 1.0


def test_the_engine_finds_popular_keys_by_both_policies() -> None:
    numbers = list(islice(zipf(1.2)(1), 8000))
    for policy in ("allkeys-lru", "allkeys-lfu"):
        ratio, held = _engine(numbers, policy)
        assert 0.5 < ratio < 1.0
        assert held > 500
