"""Run Redis' own test suite: `python -m tests.conformance`.

The exit status is 0 when every test passed that skipped.toml does not list; 1 when one failed, or a
listed one passed or is not there; and where the suite can't be run at all, 1 if CI is set, else 0.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.run import SUBJECTS, Report, Subject, run_unit
from tests.conformance.source import VERSION, Unavailable, suite_folder
from tests.conformance.transcript import Outcome
from tests.conformance.units import Skip, Unit, load_skips, load_units, prune, stale, unnamed

# How often a unit is run at most, each time without the tests that hung before.
ROUNDS = 6


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=f"Redis {VERSION}'s own test suite, each unit on a fresh server.",
    )
    parser.add_argument("--units", help="comma-separated, unit/type/string or type/string")
    parser.add_argument("--subject", choices=SUBJECTS, default="nearkeep")
    parser.add_argument("--engine", choices=("compiled", "interpreted"))
    parser.add_argument("--json", type=Path, help="write every outcome there")
    parser.add_argument("--jobs", type=int, default=1, help="units side by side")
    parser.add_argument("--source", type=Path, help="an unpacked source tree, or its tarball")
    parser.add_argument("--tls", action="store_true", help="run every unit over TLS")
    parser.add_argument(
        "--spawned", action="store_true", help="have the suite start the servers of every unit"
    )
    parser.add_argument(
        "--check-skips",
        action="store_true",
        help="run those of skipped.toml that say run = false too, and fail for each that passes",
    )
    parser.add_argument(
        "--prune", action="store_true", help="take what has become stale off skipped.toml"
    )
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    # Ended by a signal, it ends its servers and the suite as it would otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if chosen.engine:
        os.environ["NEARKEEP_ENGINE"] = chosen.engine
    subject = SUBJECTS[chosen.subject]
    units, others = load_units()
    wanted = list(units.values())
    if chosen.units:
        names = [_full_name(name) for name in chosen.units.split(",")]
        for name in names:
            if name in others:
                print(f"{name}: not among the units that run: {others[name]}")
        wanted = [units.get(name, Unit(name)) for name in names]
    if chosen.tls:
        wanted = [dataclasses.replace(unit, tls=True) for unit in wanted]
    if chosen.spawned:
        wanted = [dataclasses.replace(unit, spawned=True) for unit in wanted]
    try:
        suite = suite_folder(chosen.source)
        missing = [unit.name for unit in wanted if not (suite / f"tests/{unit.name}.tcl").is_file()]
        if missing:
            raise SystemExit(f"the suite has no unit {', '.join(missing)}")
        if forgotten := unnamed(suite, units, others):
            raise SystemExit(f"units.toml does not name {', '.join(forgotten)}")
        reports: list[Report] = []

        def note(report: Report) -> None:
            reports.append(report)
            print(line(report), flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps([as_json(one) for one in reports], indent=1))

        found = run_all(wanted, subject, suite, note, jobs=chosen.jobs, check=chosen.check_skips)
    except (Unavailable, pytest.skip.Exception, pytest.fail.Exception) as reason:
        print(f"conformance not run: {reason}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    if chosen.prune:
        prune(found)
    show(reports, [complaint for _, complaint in found])
    return 1 if (found and not chosen.prune) or any(report.failed for report in reports) else 0


def _full_name(name: str) -> str:
    return name if name.startswith(("unit/", "integration/")) else f"unit/{name}"


def run_all(
    units: list[Unit],
    subject: Subject,
    suite: Path,
    note: Callable[[Report], None],
    *,
    jobs: int,
    check: bool,
) -> list[tuple[Skip, str]]:
    """Run the units, `jobs` side by side, and `note` each when it is done.

    Returns:
        The skips that are stale, and why.
    """
    skips = skips_of(subject, load_skips())
    noting = threading.Lock()

    def one(unit: Unit) -> list[tuple[Skip, str]]:
        listed = [skip for skip in skips if skip.unit == unit.name]
        report, found = run_listed(unit, subject, suite, listed, check=check)
        with noting:
            note(report)
        return found

    if jobs == 1:
        return [each for unit in units for each in one(unit)]
    with ThreadPoolExecutor(jobs) as pool:
        return [each for found in pool.map(one, units) for each in found]


def skips_of(subject: Subject, skips: list[Skip]) -> list[Skip]:
    """The skips that hold for a subject: all of them for Nearkeep, else those where it differs too."""
    if subject.name == "nearkeep":
        return skips
    return [skip for skip in skips if subject.name in skip.differs]


def run_listed(
    unit: Unit, subject: Subject, suite: Path, skips: list[Skip], *, check: bool
) -> tuple[Report, list[tuple[Skip, str]]]:
    """Run a unit, forgive its listed tests and say which of them are stale.

    With `check`, those that are not to run do so as well. After a test that hangs the unit is run
    anew without it, for the sake of the rest.
    """
    left_out = [] if check else [skip for skip in skips if not skip.run]
    hung: dict[str, str] = {}
    for _ in range(ROUNDS):
        report = run_unit(unit, subject, suite, left_out)
        name = report.transcript.hung
        if name is None or name in hung:
            break
        hung[name] = report.trouble
        left_out.append(Skip(unit.name, name, report.trouble))
    report = with_hung(report, hung)
    # A unit that broke off has not reached all its tests: what is stale can't be told.
    complete = not report.not_run and not report.trouble
    found = stale(skips, report.transcript.tests) if complete else []
    return forgiving(report, skips), found


def with_hung(report: Report, hung: dict[str, str]) -> Report:
    """The report with the tests that hung in earlier runs, and were left out since, as failed."""
    tests = tuple(
        dataclasses.replace(test, outcome=Outcome.FAILED, message=hung[test.name])
        if test.outcome is Outcome.SKIPPED and test.name in hung
        else test
        for test in report.transcript.tests
    )
    return dataclasses.replace(
        report, transcript=dataclasses.replace(report.transcript, tests=tests)
    )


def forgiving(report: Report, skips: list[Skip]) -> Report:
    """The report with the failures of listed tests counted as skipped."""
    tests = tuple(
        dataclasses.replace(test, outcome=Outcome.SKIPPED)
        if test.outcome is Outcome.FAILED and any(skip.covers(test.name) for skip in skips)
        else test
        for test in report.transcript.tests
    )
    return dataclasses.replace(
        report, transcript=dataclasses.replace(report.transcript, tests=tests)
    )


def line(report: Report) -> str:
    state = "ok" if not report.failed else "FAILED"
    return (
        f"{report.unit.name:28} {report.passed:5} passed {report.failed:4} failed "
        f"{report.skipped:4} skipped {report.seconds:6.1f} s  {state}"
    )


def show(reports: list[Report], complaints: Iterable[str]) -> None:
    """The failures, then the table, then the sum."""
    for report in reports:
        for failure in report.failures:
            print(f"\n{report.unit.name}: {failure.name}\n    {failure.message.strip()[:600]}")
        if report.log:
            print(f"\n{report.unit.name}: the server's last words\n{report.log}")
    for complaint in complaints:
        print(f"\n{complaint}")
    print(f"\n{'unit':28} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for report in reports:
        print(
            f"{report.unit.name:28} {report.passed:7} {report.failed:7} {report.skipped:8} "
            f"{report.seconds:8.1f}"
        )
    passed, failed, skipped = (
        sum(getattr(report, count) for report in reports)
        for count in ("passed", "failed", "skipped")
    )
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")


def as_json(report: Report) -> dict[str, object]:
    return {
        "unit": report.unit.name,
        "passed": report.passed,
        "failed": report.failed,
        "skipped": report.skipped,
        "not_run": report.not_run,
        "seconds": round(report.seconds, 1),
        "trouble": report.trouble,
        "failures": [
            {"name": failure.name, "message": failure.message} for failure in report.failures
        ],
        "tests": [
            {
                "name": test.name,
                "outcome": test.outcome.value,
                "message": test.message,
                "milliseconds": test.milliseconds,
            }
            for test in report.transcript.tests
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
