"""Tables for people, on a terminal (rich) or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.floors import Verdict
from bench.growth import SIZES, Growth
from bench.hits import Hits
from bench.measure import BUSY, Result, Sample, busy, cpu_us, p50, p99, p999, rps
from bench.memory import Weight
from bench.openloop import Latencies
from bench.servers import Server
from bench.statistics import Ratio

PLAIN_WIDTH = 140
"""Columns where no terminal says how many it has."""

STYLES = {"good": "green", "even": "yellow", "bad": "bold red", "faint": "dim", "": ""}


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    style: str = ""
    """A key of STYLES."""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: list[list[Cell]]
    note: str = ""
    texts: int = 1
    """How many of the leading columns hold text rather than figures."""


class Report:
    """Where the tables go."""

    def __init__(self, *, markdown: bool, console: Console | None = None) -> None:
        self._markdown = markdown
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = PLAIN_WIDTH

    def say(self, line: str) -> None:
        """A sentence of the report itself."""
        if self._markdown:
            self._console.file.write(line + "\n")
        else:
            self._console.print(line, markup=False)

    def heading(self, text: str) -> None:
        if self._markdown:
            self._console.file.write(f"\n### {text}\n")
        else:
            self._console.print()
            self._console.rule(text, align="left", style="dim")

    def show(self, table: Table) -> None:
        if not table.rows:
            return
        if self._markdown:
            self._console.file.write("\n" + markdown(table) + "\n")
        else:
            self._console.print()
            self._console.print(_rich(table))


def markdown(table: Table) -> str:
    """The table in Markdown, padded so that it reads well as it is."""
    cells = [list(table.columns), *[[cell.text for cell in row] for row in table.rows]]
    cells = [[text.replace("|", "\\|") for text in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = (
            text.ljust(width) if place < table.texts else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = (
        "-" * (width + 2) if place < table.texts else "-" * (width + 1) + ":"
        for place, width in enumerate(widths)
    )
    parts = [f"**{table.title}**", ""]
    parts += [line(cells[0]), f"|{'|'.join(rule)}|", *map(line, cells[1:])]
    if table.note:
        parts += ["", table.note]
    return "\n".join(parts)


def _rich(table: Table) -> RichTable:
    drawn = RichTable(
        title=table.title,
        title_justify="left",
        title_style="bold",
        caption=table.note or None,
        caption_justify="left",
        caption_style="dim",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for place, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if place < table.texts else "right", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*(Text(cell.text, style=STYLES[cell.style]) for cell in row))
    return drawn


def thousands(value: float) -> str:
    return f"{value:,.0f}"


def microseconds(value: float) -> str:
    return f"{value:.2f}"


def ratio_cell(ratio: Ratio | None, *, less_is_better: bool = False) -> Cell:
    """`1.12 (1.05-1.20)`, coloured by which side of 1 the whole spread lies on."""
    if ratio is None:
        return Cell("-", "faint")
    better, worse = ratio.low >= 1, ratio.high < 1
    if less_is_better:
        better, worse = ratio.high <= 1, ratio.low > 1
    style = "good" if better else "bad" if worse else "even"
    spread = f" ({ratio.low:.2f}-{ratio.high:.2f})" if ratio.low < ratio.high else ""
    return Cell(f"{ratio.median:.2f}{spread}", style)


def _case_cells(result: Result) -> list[Cell]:
    keys = thousands(result.case.keys) if result.case.keys else "one"
    return [
        Cell(result.case.workload.name),
        Cell(keys if result.case.workload.keyed else "", "faint"),
    ]


def _absent_cell(result: Result, server: str) -> Cell:
    return Cell("missing" if result.absent.get(server) == "missing" else "failed", "bad")


def throughput(results: Sequence[Result], subject: str, peers: Sequence[str]) -> Table:
    rows = []
    for result in results:
        row = _case_cells(result)
        for server in (subject, *peers):
            speed = result.middle(server, rps)
            if speed is None:
                row.append(_absent_cell(result, server))
                continue
            idle = (result.middle(server, busy) or 0.0) < BUSY
            row.append(Cell(thousands(speed) + ("*" if idle else " ")))
        row += [ratio_cell(result.ratio(subject, peer, rps)) for peer in peers]
        rows.append(row)
    return Table(
        "Requests per second",
        ("test", "keys", subject, *peers, *(f"/ {peer}" for peer in peers)),
        rows,
        "* the server had time to spare (under 90 % of one core): the load generator set the pace",
        texts=2,
    )


def processor_time(results: Sequence[Result], subject: str, peers: Sequence[str]) -> Table:
    rows = []
    for result in results:
        row = _case_cells(result)
        for server in (subject, *peers):
            cost = result.middle(server, cpu_us)
            row.append(_absent_cell(result, server) if cost is None else Cell(microseconds(cost)))
        row += [
            ratio_cell(result.ratio(subject, peer, cpu_us), less_is_better=True) for peer in peers
        ]
        rows.append(row)
    return Table(
        "CPU time of the server for one request, µs",
        ("test", "keys", subject, *peers, *(f"/ {peer}" for peer in peers)),
        rows,
        "user and system time of all threads; a ratio below 1 is the better one",
        texts=2,
    )


def latency(results: Sequence[Result], subject: str, peers: Sequence[str]) -> Table:
    rows = []
    for result in results:
        row = _case_cells(result)
        for server in (subject, *peers):
            figures = [result.middle(server, figure) for figure in (p50, p99, p999)]
            row.append(Cell(" / ".join("-" if ms is None else f"{ms:.2f}" for ms in figures)))
        rows.append(row)
    return Table(
        "Latency at saturation, ms: p50 / p99 / p99.9",
        ("test", "keys", subject, *peers),
        rows,
        "as redis-benchmark sees it, all clients sending as fast as they get answers",
        texts=2,
    )


def samples_as_json(result: Result) -> dict[str, object]:
    """Every measurement of a case, for later comparison."""

    def sample(one: Sample) -> dict[str, float]:
        outcome = one.outcome
        return {
            "requests": outcome.requests,
            "rps": outcome.rps,
            "cpu_us_per_request": one.cpu_us,
            "busy": one.busy,
            "generator_busy": outcome.generator_cpu_seconds / outcome.seconds,
            "p50_ms": outcome.p50,
            "p99_ms": outcome.p99,
            "p99.9_ms": outcome.p999,
        }

    case = result.case
    return {
        "test": case.workload.name,
        "pipeline": case.pipeline,
        "keys": case.keys,
        "rounds": {name: list(map(sample, samples)) for name, samples in result.samples.items()},
        "absent": result.absent,
    }


def verdicts(judged: Sequence[Verdict]) -> Table:
    rows = []
    for verdict in judged:
        speed = verdict.reached
        rows.append(
            [
                Cell(verdict.case),
                Cell(verdict.floor.peer, "faint"),
                Cell(f"{verdict.floor.ratio:.2f}"),
                Cell(f"{verdict.floor.tolerance:.2f}", "faint"),
                Cell("-" if speed is None else f"{speed.ratio:.2f}"),
                Cell("not measured" if speed is None else speed.figure, "faint"),
                Cell("reached", "good") if verdict.passed else Cell("below", "bad"),
            ]
        )
    return Table("Floors", ("test", "peer", "floor", "tolerance", "ratio", "by", ""), rows, texts=2)


def growth(grown: Sequence[Growth], servers: Sequence[Server]) -> Table:
    rows = []
    for one in grown:
        row = [Cell(one.name if one.server == servers[0].name else ""), Cell(one.server)]
        if one.absent:
            rows.append([*row, Cell(one.absent, "bad"), *[Cell("")] * len(SIZES)])
            continue
        slope = one.slope or 0.0
        style = "good" if slope < 0.25 else "even" if slope < 0.5 else "bad"
        row.append(Cell(f"{slope:.2f}", style))
        rows.append(row + [Cell(microseconds(cost)) for cost in one.costs.values()])
    return Table(
        "CPU time of the server for one request, µs, as the data grows",
        ("command", "server", "slope", *map(thousands, SIZES)),
        rows,
        "slope k of cost ~ size^k: 0 is constant, 1 is linear",
        texts=2,
    )


def hits(ratios: Sequence[Hits]) -> Table:
    """Hit ratios, a line for each trace."""
    caches = list(dict.fromkeys(ratio.cache for ratio in ratios))
    found = {(ratio.trace, ratio.cache): ratio.hits for ratio in ratios}
    traces = dict.fromkeys(ratio.trace for ratio in ratios)
    rows = [
        [Cell(trace), *(Cell(f"{found[trace, cache] * 100:.1f} %") for cache in caches)]
        for trace in traces
    ]
    note = "Servers at equal memory; the models hold as many keys as Nearkeep."
    return Table("Reads that found their key", ("reads", *caches), rows, note)


def memory(weights: Sequence[Weight], kinds: Sequence[str]) -> Table:
    subject, *peers = kinds
    each = {(weight.what, weight.server): weight.each for weight in weights}
    rows = []
    for what in dict.fromkeys(weight.what for weight in weights):
        row = [Cell(what), *(Cell(f"{each[what, kind]:.1f}") for kind in kinds)]
        for peer in peers:
            ratio = each[what, subject] / each[what, peer]
            row.append(ratio_cell(Ratio(ratio, ratio, ratio), less_is_better=True))
        rows.append(row)
    count = weights[0].count if weights else 0
    return Table(
        f"Resident bytes of a key, of {thousands(count)} with 16-byte names",
        ("", *kinds, *(f"/ {peer}" for peer in peers)),
        rows,
    )


def idle(weights: Sequence[Weight]) -> Table:
    rows = [
        [
            Cell(weight.server),
            Cell(thousands(weight.count)),
            Cell(f"{weight.empty / 2**20:.1f}"),
            Cell(f"{weight.full / 2**20:.1f}"),
            Cell(thousands(weight.each)),
        ]
        for weight in weights
    ]
    return Table(
        "Idle connections",
        ("server", "connections", "MiB before", "MiB after", "bytes each"),
        rows,
        "resident memory of the server; the kernel's socket buffers are not part of it",
    )


PERCENTS = (50.0, 99.0, 99.9)


def offered(measured: Sequence[Latencies]) -> Table:
    rows = []
    for one in measured:
        rows.append(
            [
                Cell(one.traffic),
                Cell(one.server),
                Cell(thousands(one.rate)),
                *(Cell(f"{one.latency_us(percent):,.0f}") for percent in PERCENTS),
                *(Cell(f"{one.delay_us(percent):,.0f}", "faint") for percent in PERCENTS),
            ]
        )
    names = [f"p{percent:g}" for percent in PERCENTS]
    return Table(
        "Latency at a fixed load, µs",
        ("test", "server", "per second", *names, *(f"sender {name}" for name in names)),
        rows,
        "from the moment a request was due; sender: how late the generator itself was, included",
        texts=2,
    )
