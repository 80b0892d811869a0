"""Run Redis' own test suite: `python -m tests.conformance`.

The exit status is 0 when every test that is not on the list of skipped ones passed, 1 when one
failed or the list is out of date, and where the suite can't be run at all 1 if CI is set, else 0.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import queue
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.run import SUBJECTS, Report, Subject, run_unit
from tests.conformance.source import VERSION, Unavailable, suite_folder
from tests.conformance.transcript import Outcome
from tests.conformance.units import Skip, Unit, load_skips, load_units, stale

# How often a unit is run anew without the listed tests that hang, to find out about the others.
CHECK_ROUNDS = 8


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
        "--check-skips",
        action="store_true",
        help="run the skipped tests as well, and fail for each that passes",
    )
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
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
    try:
        suite = suite_folder(chosen.source)
        missing = [unit.name for unit in wanted if not (suite / f"tests/{unit.name}.tcl").is_file()]
        if missing:
            raise SystemExit(f"the suite has no unit {', '.join(missing)}")
        reports, complaints = run_all(wanted, subject, suite, chosen.jobs, chosen.check_skips)
    except (Unavailable, pytest.skip.Exception, pytest.fail.Exception) as reason:
        print(f"conformance not run: {reason}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    show(reports, complaints)
    if chosen.json:
        chosen.json.write_text(json.dumps([as_json(report) for report in reports], indent=1))
    return 1 if complaints or any(report.failed for report in reports) else 0


def _full_name(name: str) -> str:
    return name if name.startswith(("unit/", "integration/")) else f"unit/{name}"


def run_all(
    units: list[Unit], subject: Subject, suite: Path, jobs: int, check_skips: bool
) -> tuple[list[Report], list[str]]:
    """Run the units, longest limit first where several run side by side; report in given order."""
    skips = skips_of(subject, load_skips())
    slots: queue.SimpleQueue[int] = queue.SimpleQueue()
    for slot in range(jobs):
        slots.put(slot)

    def one(unit: Unit) -> tuple[Report, list[str]]:
        listed = [skip for skip in skips if skip.unit == unit.name]
        slot = slots.get()
        try:
            run = run_checking if check_skips else run_skipping
            report, complaints = run(unit, subject, suite, listed, slot)
        finally:
            slots.put(slot)
        print(line(report), flush=True)
        return report, complaints

    if jobs == 1:
        results = [one(unit) for unit in units]
    else:
        with ThreadPoolExecutor(jobs) as pool:
            results = list(pool.map(one, units))
    return [report for report, _ in results], [text for _, texts in results for text in texts]


def skips_of(subject: Subject, skips: list[Skip]) -> list[Skip]:
    """The skips that hold for a subject: all of them for Nearkeep, else those where it differs too."""
    if subject.name == "nearkeep":
        return skips
    return [skip for skip in skips if subject.name in skip.differs]


def run_skipping(
    unit: Unit, subject: Subject, suite: Path, skips: list[Skip], slot: int
) -> tuple[Report, list[str]]:
    report = run_unit(unit, subject, suite, skips, slot)
    # A unit that broke off has not reached all its tests: which skips are stale can't be told.
    complete = not report.not_run and not report.trouble
    return report, stale(skips, report.transcript.tests) if complete else []


def run_checking(
    unit: Unit, subject: Subject, suite: Path, skips: list[Skip], slot: int
) -> tuple[Report, list[str]]:
    """Run the listed tests as well. One that hangs is left out in another run, for the rest."""
    if not skips:
        return run_skipping(unit, subject, suite, skips, slot)
    left_out: list[Skip] = []
    for _ in range(CHECK_ROUNDS):
        report = run_unit(unit, subject, suite, left_out, slot)
        hung = report.transcript.hung
        guilty = [skip for skip in skips if hung is not None and skip.covers(hung)]
        if not guilty:
            break
        left_out += guilty
    complaints = stale(skips, report.transcript.tests)
    allowed = tuple(
        dataclasses.replace(test, outcome=Outcome.SKIPPED)
        if test.outcome is Outcome.FAILED and any(skip.covers(test.name) for skip in skips)
        else test
        for test in report.transcript.tests
    )
    transcript = dataclasses.replace(report.transcript, tests=allowed)
    return dataclasses.replace(report, transcript=transcript), complaints


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
