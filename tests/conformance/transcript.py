"""What the suite prints, read back: one outcome for each test, and how the unit ended.

The suite prints a line `[ok]: NAME (N ms)`, `[skip]: NAME`, `[ignore]: NAME: WHY` or `[err]: NAME in
FILE` for each test, the last one followed by lines of detail. With `--durable` an error that no
assertion raised is an `[err]` too; outside a test it names no file and ends its block of tests.
"""

from __future__ import annotations

import dataclasses
import enum
import re

_PASSED = re.compile(r"\[ok\]: (?P<name>.*) \((?P<ms>\d+) ms\)", re.DOTALL)
_FAILED = re.compile(r"\[err\]: (?P<name>.*) in tests/\S+\.tcl")
_IGNORED = re.compile(
    r"\[ignore\]: (?:(?P<name>.*): )?"
    r"(?P<why>Not supported .*|Tag: .* denied|Tag: none .*|large memory flag not provided)"
)
_RECORD = re.compile(
    r"\[(?:ok|err|skip|ignore|ready|exception|TIMEOUT|\d+/\d+ done)\]: ?|Testing unit/"
    r"|\s*The End$|Cleanup: may|Starting test server|\*\* SLOW COMPUTER"
)
_IN_PROGRESS = re.compile(r"^\S+ => \(IN PROGRESS\) (.*)$", re.MULTILINE)
# The suite cuts this many characters off a message, taking it for "assertion:".
_CUT = len("assertion:")


class Outcome(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    IGNORED = "ignored"


@dataclasses.dataclass(frozen=True)
class Test:
    """One test of a unit. `milliseconds` is known of those that passed."""

    __test__ = False

    name: str
    outcome: Outcome
    message: str = ""
    milliseconds: int = 0


@dataclasses.dataclass(frozen=True)
class Transcript:
    """What one unit's output says.

    Attributes:
        tests: in the order they ended.
        ignored_blocks: blocks of tests that were left out by a tag; their tests have no names here.
        aborts: errors raised outside a test, each of which ended a block or the unit.
        hung: the test that made no progress, if the suite gave up on one.
        finished: whether the unit ran to its end.
    """

    tests: tuple[Test, ...] = ()
    ignored_blocks: int = 0
    aborts: tuple[str, ...] = ()
    hung: str | None = None
    finished: bool = False

    def of(self, outcome: Outcome) -> list[Test]:
        return [test for test in self.tests if test.outcome is outcome]


def read(output: str) -> Transcript:
    """Read the output of one `runtest --single`, whole or cut off anywhere."""
    tests: list[Test] = []
    aborts: list[str] = []
    hung = None
    finished = False
    ignored_blocks = 0
    for record in _records(output):
        head, _, detail = record.partition("\n")
        if passed := _PASSED.fullmatch(record.rstrip("\n")):
            tests.append(Test(passed["name"], Outcome.PASSED, milliseconds=int(passed["ms"])))
        elif head.startswith("[err]: "):
            if failed := _FAILED.fullmatch(head):
                tests.append(Test(failed["name"], Outcome.FAILED, _message(detail)))
            else:
                aborts.append(_message(record.removeprefix("[err]: ")))
        elif head.startswith("[skip]: "):
            tests.append(Test(head.removeprefix("[skip]: "), Outcome.SKIPPED))
        elif ignored := _IGNORED.fullmatch(head):
            if ignored["name"] is None:
                ignored_blocks += 1
            else:
                tests.append(Test(ignored["name"], Outcome.IGNORED, ignored["why"]))
        elif head.startswith("[exception]: "):
            aborts.append(_message(record.removeprefix("[exception]: ")))
        elif head.startswith("[TIMEOUT]: "):
            at = _IN_PROGRESS.search(record)
            hung = at[1] if at else "a step between tests"
        elif " done]: " in head:
            finished = True
    return Transcript(tuple(tests), ignored_blocks, tuple(aborts), hung, finished)


def _records(output: str) -> list[str]:
    """The output cut before each line that begins a record."""
    records: list[list[str]] = []
    for line in output.splitlines():
        if _RECORD.match(line) or not records:
            records.append([line])
        else:
            records[-1].append(line)
    return ["\n".join(lines) for lines in records]


def _message(detail: str) -> str:
    """The message at the head of a detail, with the beginning that the suite cut off restored."""
    lines = detail.strip("\n").split("\n")
    first = lines[0]
    for whole in lines[1:]:
        if whole.endswith(first) and len(whole) == len(first) + _CUT:
            return whole
        if not first and whole:
            return whole
    return first.removeprefix("Executing test client: ")
