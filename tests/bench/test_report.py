"""Tables as a reader gets them."""

from __future__ import annotations

import io
import json

from rich.console import Console

from bench import report
from bench.load import Outcome
from bench.measure import Case, Result, Sample
from bench.report import Cell, Report, Table, markdown, ratio_cell
from bench.statistics import Ratio
from bench.workloads import BY_NAME


def result() -> Result:
    ours = Sample(Outcome(100_000, 200_000.0, 0.1, 0.2, 0.3), 0.49)
    theirs = Sample(Outcome(100_000, 100_000.0, 0.1, 0.2, 0.3), 0.4)
    return Result(
        Case(BY_NAME["GET"], 16, 100_000),
        {"nearkeep": [ours], "redis": [theirs]},
        {"valkey": "missing"},
    )


def texts(table: Table) -> list[str]:
    return [cell.text.strip() for cell in table.rows[0]]


def test_throughput_marks_servers_that_had_time_to_spare_and_those_that_lack_the_test() -> None:
    table = report.throughput([result()], "nearkeep", ["redis", "valkey"])
    assert texts(table) == ["GET", "100,000", "200,000", "100,000*", "missing", "2.00", "-"]


def test_cpu_time_below_the_peers_is_good() -> None:
    row = report.processor_time([result()], "nearkeep", ["redis"]).rows[0]
    assert [cell.text for cell in row] == ["GET", "100,000", "4.90", "4.00", "1.23"]
    assert row[-1].style == "bad"


def test_a_ratio_has_a_colour_only_when_all_rounds_agree() -> None:
    assert ratio_cell(Ratio(1.2, 1.1, 1.3)) == Cell("1.20 (1.10-1.30)", "good")
    assert ratio_cell(Ratio(1.2, 0.9, 1.3)).style == "even"
    assert ratio_cell(Ratio(0.8, 0.7, 0.9)).style == "bad"
    assert ratio_cell(Ratio(0.8, 0.7, 0.9), less_is_better=True).style == "good"


def test_markdown_is_padded_and_keeps_bars_apart() -> None:
    table = Table("Title", ("test", "n"), [[Cell("a|b"), Cell("1")], [Cell("c"), Cell("1,000")]])
    assert markdown(table).splitlines() == [
        "**Title**",
        "",
        "| test |     n |",
        "|------|------:|",
        "| a\\|b |     1 |",
        "| c    | 1,000 |",
    ]


def test_the_same_table_prints_on_a_terminal_and_in_markdown() -> None:
    table = report.latency([result()], "nearkeep", ["redis"])
    for as_markdown in (False, True):
        written = io.StringIO()
        Report(markdown=as_markdown, console=Console(file=written)).show(table)
        assert "0.10 / 0.20 / 0.30" in written.getvalue()


def test_json_holds_every_round_and_what_is_absent() -> None:
    content = json.loads(json.dumps(report.samples_as_json(result())))
    assert content["absent"] == {"valkey": "missing"}
    assert content["rounds"]["nearkeep"][0]["cpu_us_per_request"] == 4.9
