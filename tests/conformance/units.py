"""The units that run, those that do not, and the tests left out: the two TOML files, checked."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.conformance.transcript import Outcome, Test

HERE = Path(__file__).parent
UNIT_LIMIT = 150.0
TEST_LIMIT = 30.0


@dataclasses.dataclass(frozen=True)
class Unit:
    """One file of the suite.

    Attributes:
        name: as `--single` takes it, `unit/type/string`.
        tests: how many tests it has when nothing aborts, left-out ones and named ignored ones
            included. A run that saw fewer lost the others.
        limit: seconds until the unit is ended.
        stall: seconds without a finished test until the suite gives up.
        tls: runs over TLS.
        spawned: the suite starts and stops the servers itself, instead of testing a running one.
        as_in_7_0: settings that have a newer server do what that of the suite's version did.
        ignore_encoding: why the suite is told not to look at encodings, or "".
    """

    name: str
    tests: int = 0
    limit: float = UNIT_LIMIT
    stall: float = TEST_LIMIT
    tls: bool = False
    spawned: bool = False
    as_in_7_0: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    ignore_encoding: str = ""


@dataclasses.dataclass(frozen=True)
class Skip:
    """A test that need not pass, by its name or, with a leading slash, by a pattern of names.

    Attributes:
        differs: the servers that fail it as well: `redis` is Redis 8.2, whose answers are other
            than those of 7.0.
        run: whether it runs all the same, since others build on it or since its passing is to be
            noticed at once. One that hangs or leaves a wrong state behind does not.
    """

    unit: str
    test: str
    reason: str
    differs: tuple[str, ...] = ()
    run: bool = True

    def covers(self, name: str) -> bool:
        if self.test.startswith("/"):
            return re.search(self.test[1:], name) is not None
        return self.test == name


def load_units(path: Path = HERE / "units.toml") -> tuple[dict[str, Unit], dict[str, str]]:
    """The units that run, and for each of the others why it does not."""
    table = tomllib.loads(path.read_text())
    units = {name: Unit(name, **settings) for name, settings in table["run"].items()}
    others: dict[str, str] = table["not-run"]
    both = sorted(units.keys() & others)
    if both:
        raise ValueError(f"{path.name}: {', '.join(both)} both run and do not run")
    return units, others


def unnamed(suite: Path, units: Iterable[str], others: Iterable[str]) -> list[str]:
    """The units of a suite that neither run nor are named, with their folder or alone, as not."""
    named = {*units, *others}
    found = (file.relative_to(suite / "tests") for file in (suite / "tests/unit").rglob("*.tcl"))
    return sorted(
        path.with_suffix("").as_posix()
        for path in found
        if named.isdisjoint({path.with_suffix("").as_posix(), path.parent.as_posix()})
    )


def load_skips(path: Path = HERE / "skipped.toml") -> list[Skip]:
    """The listed tests. An entry of the file names tests of one unit that have one reason."""
    skips = []
    for entry in tomllib.loads(path.read_text()).get("skip", []):
        tests = entry.pop("tests")
        entry["differs"] = tuple(entry.get("differs", ()))
        skips += [Skip(test=test, **entry) for test in tests]
    empty = [skip.test for skip in skips if not skip.reason.strip()]
    if empty:
        raise ValueError(f"{path.name}: listed without a reason: {', '.join(empty)}")
    listed = Counter((skip.unit, skip.test) for skip in skips)
    twice = [test for (_, test), count in listed.items() if count > 1]
    if twice:
        raise ValueError(f"{path.name}: listed twice: {', '.join(twice)}")
    return skips


def prune(stale: Iterable[tuple[Skip, str]], path: Path = HERE / "skipped.toml") -> None:
    """Rewrite the list without the stale tests, and without entries that have none left."""
    gone = {(skip.unit, skip.test) for skip, _ in stale}
    head, *entries = re.split(r"^(?=\[\[skip\]\])", path.read_text(), flags=re.MULTILINE)
    kept = [head]
    for entry in entries:
        (fields,) = tomllib.loads(entry)["skip"]
        tests = [test for test in fields["tests"] if (fields["unit"], test) not in gone]
        if tests:
            lines = "".join(f"    {_quoted(test)},\n" for test in tests)
            kept.append(f"{entry[: entry.index('tests = [')]}tests = [\n{lines}]\n\n")
    path.write_text("".join(kept).rstrip("\n") + "\n")


def _quoted(text: str) -> str:
    """A string as TOML writes it, literally where it holds quotes or backslashes."""
    return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'


def stale(skips: Iterable[Skip], tests: Iterable[Test]) -> list[tuple[Skip, str]]:
    """Those of a unit's skips that cover no test, or one that passes, each with a complaint.

    A name that stands for several tests passes when all of them do.
    """
    outcomes: defaultdict[str, set[Outcome]] = defaultdict(set)
    for test in tests:
        outcomes[test.name].add(test.outcome)
    found = []
    for skip in skips:
        covered = {name: seen for name, seen in outcomes.items() if skip.covers(name)}
        if not covered:
            found.append((skip, f"{skip.unit}: no test is named {skip.test!r} (skipped.toml)"))
        found += [
            (skip, f"{skip.unit}: {name!r} passes: take it off skipped.toml")
            for name, seen in covered.items()
            if seen == {Outcome.PASSED}
        ]
    return found
