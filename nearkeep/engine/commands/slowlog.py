"""The slow log and the latency monitor: https://redis.io/docs/latest/commands/?group=server"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import Command, command, container, help_lines, leaves, lookup
from nearkeep.engine.latency import LatencySeries
from nearkeep.engine.text import no_such_form, number_or
from nearkeep.wire.reply import OK, Failure, Map, Reply, Verbatim

if TYPE_CHECKING:
    from nearkeep.engine.session import Session


container(
    "LATENCY",
    group="server", since="2.8.13",
    summary="How long events and commands take.",
)


@command(
    "LATENCY DOCTOR",
    group="server", since="2.8.13", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="nondeterministic_output request_policy:all_nodes response_policy:special",
    summary="Reports on latency in words.",
)
def latency_doctor(session: Session, _args: list[bytes]) -> Reply:
    namespace = session.namespace
    threshold = namespace.settings.integer("latency-monitor-threshold")
    if not threshold:
        return Verbatim(
            b"The latency monitor is off. Turn it on with CONFIG SET latency-monitor-threshold"
            b" <milliseconds>.\n"
        )
    events = namespace.latency.events
    if not events:
        return Verbatim(b"Nothing took %d ms or longer so far.\n" % threshold)
    lines = [b"What took %d ms or longer:\n" % threshold]
    for event, series in events.items():
        total = sum([duration for _, duration in series.samples])
        lines.append(
            b"- %s: %d times, %d ms on average, %d ms at worst\n"
            % (event, len(series.samples), total // len(series.samples), series.highest)
        )
    return Verbatim(b"".join(lines))


@command(
    "LATENCY GRAPH event",
    group="server", since="2.8.13", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="nondeterministic_output request_policy:all_nodes response_policy:special",
    summary="Draws the latency of an event over time.",
)
def latency_graph(session: Session, args: list[bytes]) -> Reply:
    series = session.namespace.latency.events.get(args[2])
    if series is None:
        return Failure(b"ERR No samples available for event '%s'" % args[2])
    return Verbatim(_graph(args[2], series, session.namespace.clock.ms // 1000))


@command(
    "LATENCY HELP",
    group="server", since="2.8.13", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of LATENCY.",
)
def latency_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("latency")


@command(
    "LATENCY HISTORY event",
    group="server", since="2.8.13", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="nondeterministic_output request_policy:all_nodes response_policy:special",
    summary="Returns the latency samples of an event.",
)
def latency_history(session: Session, args: list[bytes]) -> Reply:
    series = session.namespace.latency.events.get(args[2])
    return [] if series is None else [list(sample) for sample in series.samples]


@command(
    "LATENCY LATEST",
    group="server", since="2.8.13", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="nondeterministic_output request_policy:all_nodes response_policy:special",
    summary="Returns the latest latency of every event.",
)
def latency_latest(session: Session, _args: list[bytes]) -> Reply:
    return [
        [event, *series.samples[-1], series.highest]
        for event, series in session.namespace.latency.events.items()
    ]


@command(
    "LATENCY RESET [event ...]",
    group="server", since="2.8.13", complexity="O(1)",
    flags="admin noscript loading stale", hints="request_policy:all_nodes response_policy:agg_sum",
    summary="Forgets the latency samples of events.",
)
def latency_reset(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.latency.reset(args[2:])


container(
    "SLOWLOG",
    group="server", since="2.2.12",
    summary="The log of slow commands.",
)


@command(
    "SLOWLOG GET [count:integer]",
    group="server", since="2.2.12", complexity="O(N)",
    flags="admin loading stale", hints="request_policy:all_nodes nondeterministic_output",
    summary="Returns the latest slow commands.",
)
def slowlog_get(session: Session, args: list[bytes]) -> Reply:
    count = 10
    if len(args) > 3:
        return no_such_form(args)
    if len(args) > 2:
        wrong = b"ERR count should be greater than or equal to -1"
        count = number_or(args[2], wrong)
        if count < -1:
            return Failure(wrong)
    entries = list(session.namespace.slowlog.entries)
    if count >= 0:
        entries = entries[:count]
    return [
        [one.number, one.at, one.duration, list(one.args), one.address, one.name]
        for one in entries
    ]


@command(
    "SLOWLOG HELP",
    group="server", since="6.2.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of SLOWLOG.",
)
def slowlog_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("slowlog")


@command(
    "SLOWLOG LEN",
    group="server", since="2.2.12", complexity="O(1)",
    flags="admin loading stale",
    hints="request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    summary="Counts the entries of the slow log.",
)
def slowlog_len(session: Session, _args: list[bytes]) -> Reply:
    return len(session.namespace.slowlog.entries)


@command(
    "SLOWLOG RESET",
    group="server", since="2.2.12", complexity="O(N)",
    flags="admin loading stale", hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Empties the slow log.",
)
def slowlog_reset(session: Session, _args: list[bytes]) -> Reply:
    session.namespace.slowlog.entries.clear()
    return OK


@command(
    "LATENCY HISTOGRAM [command ...]",
    group="server", since="7.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    hints="nondeterministic_output request_policy:all_nodes response_policy:special",
    summary="Returns how the durations of commands are distributed.",
)
def latency_histogram(_session: Session, args: list[bytes]) -> Reply:
    flat: list[object] = []
    for one in _named(args[2:]):
        if one.latency is None:
            continue
        buckets: list[object] = []
        for upper, count in one.latency.cumulative():
            buckets += [upper, count]
        calls = sum(one.latency.counts())
        flat += [one.name, Map([b"calls", calls, b"histogram_usec", Map(buckets)])]
    return Map(flat)


def _named(names: list[bytes]) -> list[Command]:
    """The commands of these names, a container standing for its subcommands; all if none is given."""
    if not names:
        return leaves()
    found: list[Command] = []
    for name in names:
        one = lookup(name)
        if one is not None:
            found += [one] if one.subcommands is None else list(one.subcommands.values())
    return found


def _graph(event: bytes, series: LatencySeries, now: int) -> bytes:
    """Bars of the last samples, one row for an eighth of the worst, with their ages below."""
    samples = series.samples[-_COLUMNS:]
    worst = max([duration for _, duration in samples])
    best = min([duration for _, duration in samples])
    lines = [
        b"%s - high %d ms, low %d ms (all time high %d ms)"
        % (event, worst, best, series.highest),
        b"-" * 80,
    ]
    for row in range(_ROWS, 0, -1):
        lines.append(
            b"".join([b"#" if at * _ROWS > (row - 1) * worst else b" " for _, at in samples])
        )
    ages = [_age(now - at) for at, _ in samples]
    lines.append(b"")
    for place in range(max([len(age) for age in ages])):
        lines.append(b"".join([age[place : place + 1] or b" " for age in ages]))
    return b"\n".join(lines) + b"\n"


def _age(seconds: int) -> bytes:
    for size, unit in ((86400, b"d"), (3600, b"h"), (60, b"m")):
        if seconds >= size:
            return b"%d%s" % (seconds // size, unit)
    return b"%ds" % seconds


_COLUMNS: Final = 80
_ROWS: Final = 8
