"""Reading redis-benchmark's report."""

from __future__ import annotations

import pytest

from bench.load import Load, LoadError, command_line, parse

REPORT = """\
 GET: rps=0.0 (overall: -nan) avg_msec=-nan (overall: -nan)\r\
 GET: rps=97644.0 (overall: 97644.0) avg_msec=0.266 (overall: 0.266)\r\
====== GET ======
  200000 requests completed in 2.11 seconds
  50 parallel clients
  3 bytes payload
  keep alive: 1
  multi-thread: no

Latency by percentile distribution:
0.000% <= 0.079 milliseconds (cumulative count 1)
50.000% <= 0.271 milliseconds (cumulative count 111991)
98.438% <= 0.415 milliseconds (cumulative count 196981)
99.219% <= 0.487 milliseconds (cumulative count 198551)
99.805% <= 0.711 milliseconds (cumulative count 199612)
99.902% <= 1.495 milliseconds (cumulative count 199805)
100.000% <= 4.463 milliseconds (cumulative count 200000)

Cumulative distribution of latencies:
0.011% <= 0.103 milliseconds (cumulative count 23)
99.904% <= 1.503 milliseconds (cumulative count 199809)
100.000% <= 5.103 milliseconds (cumulative count 200000)

Summary:
  throughput summary: 94696.97 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.276     0.072     0.271     0.343     0.455     4.463
"""


def test_a_report_yields_throughput_and_percentiles() -> None:
    outcome = parse(REPORT)
    assert (outcome.requests, outcome.rps) == (200_000, 94696.97)
    assert (outcome.p50, outcome.p99, outcome.p999) == (0.271, 0.455, 1.495)
    assert outcome.seconds == pytest.approx(2.112, abs=0.001)


def test_p999_of_a_short_run_is_its_largest_latency() -> None:
    short = REPORT.replace("99.902% <= 1.495 milliseconds (cumulative count 199805)\n", "")
    assert parse(short).p999 == 4.463


@pytest.mark.parametrize("broken", ("", REPORT[:600], REPORT + REPORT))
def test_a_report_that_is_not_of_one_test_is_refused(broken: str) -> None:
    with pytest.raises(LoadError, match="not the report of one"):
        parse(broken)


def test_a_single_key_is_asked_for_by_leaving_r_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "redis-benchmark")
    single = command_line(Load(("-t", "get"), 10), 6379)
    spread = command_line(Load(("-t", "get"), 10, keys=7, core=1), 6379)
    assert "-r" not in single
    assert spread[:4] == ["taskset", "--cpu-list", "1", "redis-benchmark"]
    assert spread[spread.index("-r") + 1] == "7"
    assert spread[-2:] == ["-t", "get"]
