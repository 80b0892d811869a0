"""The runner's own tests: how it reads the suite's output, and how it keeps the list of skips."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.conformance import __main__ as command
from tests.conformance.run import SUBJECTS, Report
from tests.conformance.source import newest_of, source_entries
from tests.conformance.transcript import Outcome, Test, Transcript, read
from tests.conformance.units import Skip, Unit, load_skips, load_units, prune, stale, unnamed

WHOLE = """\
Cleanup: may take some time... OK
Starting test server at port 21079
[ready]: 4711
Testing unit/type/herb
[ok]: SOW and REAP (12 ms)
[skip]: REAP in winter
[ignore]: WEED the disk: Not supported on external server
[ignore]: Tag: needs:rain denied
[err]: REAP (twice) in one day in tests/unit/type/herb.tcl
Expected '1' to be equal to '2' (context: type eval line 3 cmd {assert_equal 1 2} proc ::test)
[ok]: REAP (again) [with brackets] (0 ms)
[1/1 done]: unit/type/herb (3 seconds)

                   The End

Execution time of different units:
  3 seconds - unit/type/herb

!!! WARNING The following tests failed:

*** [err]: REAP (twice) in one day in tests/unit/type/herb.tcl
Expected '1' to be equal to '2' (context: type eval line 3 cmd {assert_equal 1 2} proc ::test)
Cleanup: may take some time... OK
"""

ERROR_IN_A_TEST = """\
Testing unit/type/herb
[err]: SOW fails in tests/unit/type/herb.tcl
n command 'sow'
ERR unknown command 'sow'
    while executing
"r sow x"
[ok]: REAP (0 ms)
[1/1 done]: unit/type/herb (0 seconds)
"""

ERROR_BETWEEN_TESTS = """\
Testing unit/type/herb
[ok]: SOW (0 ms)
[err]: n command 'plough'
ERR unknown command 'plough'
    while executing
"r plough"
[1/1 done]: unit/type/herb (0 seconds)
"""

EXCEPTION = """\
Testing unit/type/herb
[ok]: SOW (0 ms)
[exception]: Executing test client: ERR no such field.
ERR no such field
    while executing
"r plough"
"""

HANG = """\
Testing unit/type/herb
[ok]: SOW (0 ms)
[TIMEOUT]: clients state report follows.
sock55d0 => (IN PROGRESS) REAP waits for rain
                   The End
"""

CUT_OFF = """\
Testing unit/type/herb
[ok]: SOW (0 ms)
[err]: REAP in tests/unit/type/herb.tcl
"""


def report_of(output: str, tests: int = 0, trouble: str = "") -> Report:
    return Report(Unit("unit/type/herb", tests), read(output), 1.0, trouble)


def test_every_test_of_a_whole_run_is_found_once_with_its_outcome() -> None:
    transcript = read(WHOLE)
    assert transcript.finished
    assert [(test.name, test.outcome) for test in transcript.tests] == [
        ("SOW and REAP", Outcome.PASSED),
        ("REAP in winter", Outcome.SKIPPED),
        ("WEED the disk", Outcome.IGNORED),
        ("REAP (twice) in one day", Outcome.FAILED),
        ("REAP (again) [with brackets]", Outcome.PASSED),
    ]
    assert transcript.tests[0].milliseconds == 12
    assert transcript.tests[3].message.startswith("Expected '1' to be equal to '2'")
    assert transcript.ignored_blocks == 1


def test_the_counts_of_a_report_are_those_of_its_tests() -> None:
    report = report_of(WHOLE, tests=5)
    assert (report.passed, report.failed, report.skipped) == (2, 1, 3)


def test_an_error_in_a_test_fails_it_and_the_message_is_restored() -> None:
    transcript = read(ERROR_IN_A_TEST)
    assert transcript.of(Outcome.FAILED) == [
        Test("SOW fails", Outcome.FAILED, "ERR unknown command 'sow'")
    ]
    assert len(transcript.of(Outcome.PASSED)) == 1
    assert transcript.finished
    assert not transcript.aborts


def test_an_error_between_tests_is_an_abort_and_what_it_kept_from_running_has_failed() -> None:
    report = report_of(ERROR_BETWEEN_TESTS, tests=4)
    assert report.transcript.aborts == ("ERR unknown command 'plough'",)
    assert report.not_run == 3
    assert report.failed == 1 + 3
    assert [failure.name for failure in report.failures] == [
        "(outside a test)",
        "(3 tests not run)",
    ]


def test_an_exception_that_ends_the_suite_is_an_abort() -> None:
    report = report_of(EXCEPTION, tests=2, trouble="ended early")
    assert report.transcript.aborts == ("ERR no such field.",)
    assert not report.transcript.finished
    assert report.failed == 3


def test_a_hang_names_the_test_that_made_no_progress() -> None:
    report = report_of(HANG, tests=3, trouble="no progress in 60 s")
    assert report.transcript.hung == "REAP waits for rain"
    assert report.failures[0] == Test("REAP waits for rain", Outcome.FAILED, "no progress in 60 s")
    assert report.not_run == 2


def test_output_that_was_cut_off_counts_as_not_finished() -> None:
    transcript = read(CUT_OFF)
    assert not transcript.finished
    assert [test.name for test in transcript.of(Outcome.FAILED)] == ["REAP"]


@pytest.mark.parametrize("length", range(0, len(WHOLE), 7))
def test_output_cut_anywhere_is_read_without_inventing_tests(length: int) -> None:
    whole = {(test.name, test.outcome) for test in read(WHOLE).tests}
    kept = WHOLE[:length].rpartition("\n")[0]
    assert {(test.name, test.outcome) for test in read(kept).tests} <= whole


SKIP = Skip("unit/type/herb", "REAP", "no harvest yet")


def test_a_skip_that_covers_no_test_is_stale() -> None:
    assert stale([SKIP], [Test("SOW", Outcome.PASSED)]) == [
        (SKIP, "unit/type/herb: no test is named 'REAP' (skipped.toml)")
    ]


def test_a_skip_whose_test_passes_is_stale() -> None:
    ((_, complaint),) = stale([SKIP], [Test("REAP", Outcome.PASSED)])
    assert "passes" in complaint


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.FAILED])
def test_a_skip_whose_test_was_left_out_or_fails_stands(outcome: Outcome) -> None:
    assert not stale([SKIP], [Test("REAP", outcome)])


def test_a_skipped_name_shared_by_several_tests_stands_while_one_of_them_fails() -> None:
    tests = [Test("REAP", Outcome.PASSED), Test("REAP", Outcome.FAILED)]
    assert not stale([SKIP], tests)


def test_a_pattern_covers_the_names_it_matches_and_each_that_passes_is_stale() -> None:
    skip = dataclasses.replace(SKIP, test="/^REAP with \\d")
    tests = [
        Test("REAP with 1", Outcome.PASSED),
        Test("REAP with 2", Outcome.FAILED),
        Test("REAP", Outcome.PASSED),
    ]
    assert stale([skip], tests) == [
        (skip, "unit/type/herb: 'REAP with 1' passes: take it off skipped.toml")
    ]


def test_another_server_is_spared_only_what_it_differs_in() -> None:
    differing = dataclasses.replace(SKIP, differs=("redis",))
    assert command.skips_of(SUBJECTS["nearkeep"], [SKIP, differing]) == [SKIP, differing]
    assert command.skips_of(SUBJECTS["redis"], [SKIP, differing]) == [differing]
    assert command.skips_of(SUBJECTS["valkey"], [SKIP, differing]) == []


def run_with(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str]) -> list[list[str]]:
    """Have the command get `outputs`, by the name that is left out; return what it left out."""
    asked: list[list[str]] = []

    def run_unit(unit: Unit, _subject: object, _suite: Path, skips: list[Skip]) -> Report:
        asked.append([skip.test for skip in skips])
        output = outputs[",".join(skip.test for skip in skips)]
        transcript = read(output)
        return Report(unit, transcript, 1.0, "no progress" if transcript.hung else "")

    monkeypatch.setattr(command, "run_unit", run_unit)
    return asked


LISTED = Unit("unit/type/herb")


def test_a_listed_test_runs_and_its_failure_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = run_with(monkeypatch, {"": ERROR_IN_A_TEST})
    skips = [Skip(LISTED.name, "SOW fails", "a reason")]
    report, found = command.run_listed(LISTED, SUBJECTS["nearkeep"], Path(), skips, check=False)
    assert asked == [[]]
    assert (report.passed, report.failed, report.skipped) == (1, 0, 1)
    assert not found


def test_a_listed_test_that_passes_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(monkeypatch, {"": ERROR_IN_A_TEST})
    report, found = command.run_listed(LISTED, SUBJECTS["nearkeep"], Path(), [SKIP], check=False)
    assert [failure.name for failure in report.failures] == ["SOW fails"]
    assert found == [(SKIP, "unit/type/herb: 'REAP' passes: take it off skipped.toml")]


REST = "[skip]: REAP waits for rain\n[ok]: SOW (0 ms)\n[1/1 done]: unit/type/herb (0 seconds)\n"


def test_a_listed_test_that_hangs_is_left_out_of_a_second_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skips = [Skip(LISTED.name, "REAP waits for rain", "it hangs")]
    asked = run_with(monkeypatch, {"": HANG, "REAP waits for rain": REST})
    report, found = command.run_listed(LISTED, SUBJECTS["nearkeep"], Path(), skips, check=False)
    assert asked == [[], ["REAP waits for rain"]]
    assert not report.failed
    assert not found


def test_what_comes_after_an_unlisted_test_that_hangs_is_run_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = run_with(monkeypatch, {"": HANG, "REAP waits for rain": REST})
    report, found = command.run_listed(LISTED, SUBJECTS["nearkeep"], Path(), [], check=False)
    assert asked == [[], ["REAP waits for rain"]]
    assert (report.passed, report.failed) == (1, 1)
    assert report.failures == [Test("REAP waits for rain", Outcome.FAILED, "no progress")]
    assert not found


@pytest.mark.parametrize("check", [False, True])
def test_a_test_that_must_not_run_does_so_only_to_be_checked(
    monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    skips = [dataclasses.replace(SKIP, run=False)]
    asked = run_with(monkeypatch, {"": WHOLE, "REAP": WHOLE})
    command.run_listed(LISTED, SUBJECTS["nearkeep"], Path(), skips, check=check)
    assert asked == [[] if check else ["REAP"]]


def test_the_two_lists_are_well_formed_and_agree() -> None:
    units, others = load_units()
    assert all(reason.strip() for reason in others.values())
    for skip in load_skips():
        assert skip.unit in units, f"{skip.unit} is not among the units that run"
        assert set(skip.differs) <= SUBJECTS.keys() - {"nearkeep"}


def test_every_unit_that_runs_declares_how_many_tests_it_has() -> None:
    units, _ = load_units()
    assert not [name for name, unit in units.items() if not unit.tests]


def test_pruning_takes_off_what_is_stale_and_leaves_all_else_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "skipped.toml"
    entry = '[[skip]]\nunit = "unit/scan"\nreason = "why"\nrun = false\ntests = [\n{}]\n'
    quoted = "    'a \"b\"',\n"
    before = (
        "# About.\n\n" + entry.format('    "a",\n' + quoted) + "\n" + entry.format('    "c",\n')
    )
    file.write_text(before)
    skips = load_skips(file)
    prune([], file)
    assert file.read_text() == before
    prune([(skip, "") for skip in skips if skip.test in {"a", "c"}], file)
    assert file.read_text() == "# About.\n\n" + entry.format(quoted)
    assert load_skips(file) == [skip for skip in skips if skip.test == 'a "b"']


def test_the_list_has_the_form_that_pruning_writes(tmp_path: Path) -> None:
    copy = tmp_path / "skipped.toml"
    copy.write_text((Path(__file__).parent / "skipped.toml").read_text())
    prune([], copy)
    assert copy.read_text() == (Path(__file__).parent / "skipped.toml").read_text()


def test_units_that_are_not_named_are_found(tmp_path: Path) -> None:
    for name in ("scan", "type/list", "cluster/links", "moon"):
        file = tmp_path / "tests/unit" / f"{name}.tcl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert unnamed(tmp_path, ["unit/scan", "unit/type/list"], ["unit/cluster"]) == ["unit/moon"]


def test_a_skip_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "skipped.toml"
    file.write_text('[[skip]]\nunit = "unit/scan"\ntests = ["SCAN basic"]\nreason = " "\n')
    with pytest.raises(ValueError, match="without a reason"):
        load_skips(file)


def test_a_unit_can_not_both_run_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "units.toml"
    file.write_text('[run]\n"unit/scan" = { tests = 1 }\n[not-run]\n"unit/scan" = "why"\n')
    with pytest.raises(ValueError, match="unit/scan"):
        load_units(file)


def test_apt_sources_of_both_formats_are_turned_into_source_archives() -> None:
    assert source_entries("# deb x\ndeb [signed-by=/k] http://m/debian s main\n") == (
        "# deb x\ndeb-src [signed-by=/k] http://m/debian s main\n"
    )
    assert source_entries("Types: deb\nURIs: http://m/debian\n") == (
        "Types: deb-src\nURIs: http://m/debian\n"
    )


def test_the_last_package_of_the_wanted_upstream_version_is_taken() -> None:
    listing = "".join(
        f"Package: redis\nVersion: {version}\n\n"
        for version in ("5:7.0.15-1~deb12u7", "5:7.0.15-1~deb12u10", "5:8.0.2-3", "5:7.0.150-1")
    )
    assert newest_of("7.0.15", listing) == "5:7.0.15-1~deb12u10"
    assert newest_of("7.4.0", listing) is None


def test_an_empty_transcript_is_one_of_a_unit_that_never_started() -> None:
    report = Report(LISTED, Transcript(), 0.0, "the server did not start")
    assert report.failed == 1
