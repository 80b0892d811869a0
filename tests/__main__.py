"""All tests, stage by stage: `python -m tests`, or some of them: `python -m tests style types`.

A stage that fails does not keep the others from running; the exit status is 1 then. With CI set,
nothing may be skipped.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field

import nearkeep

PYTHON = sys.executable
ENGINE_TESTS = ("tests/wire", "tests/engine", "tests/tiers", "tests/server", "tests/cli")


@dataclass(frozen=True)
class Stage:
    """One step: a command, and what it has in its environment."""

    name: str
    about: str
    commands: tuple[tuple[str, ...], ...]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self) -> bool:
        """Whether all commands succeed; all of them run."""
        environment = os.environ | self.environment
        return not sum(
            [subprocess.run(command, env=environment, check=False).returncode != 0
             for command in self.commands]
        )  # fmt: skip


STAGES = (
    Stage(
        "style",
        "ruff",
        (
            (PYTHON, "-m", "ruff", "check", "--quiet", "."),
            (PYTHON, "-m", "ruff", "format", "--quiet", "--check", "."),
        ),
    ),
    Stage("types", "mypy, strict", ((PYTHON, "-m", "mypy", "--no-error-summary"),)),
    Stage(
        "interpreted",
        "the tests of the package, as Python, and beside Redis",
        ((PYTHON, "-m", "pytest", "-q", *ENGINE_TESTS, "tests/oracle"),),
        {"NEARKEEP_ENGINE": "interpreted"},
    ),
    Stage(
        "compiled",
        "the same and all other tests, compiled, and with real clients",
        ((PYTHON, "-m", "pytest", "-q", "tests"),),
    ),
    Stage("conformance", "Redis' own tests", ((PYTHON, "-m", "tests.conformance"),)),
    Stage("bench", "a short measurement", ((PYTHON, "-m", "bench", "--quick"),)),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="stage", help=", ".join(_names()))
    chosen = parser.parse_args().stages
    if unknown := set(chosen) - set(_names()):
        parser.error(f"there is no stage {', '.join(sorted(unknown))}, only {', '.join(_names())}")
    results: list[tuple[Stage, bool, float]] = []
    for stage in STAGES:
        if chosen and stage.name not in chosen:
            continue
        print(f"\n== {stage.name}: {stage.about}", flush=True)
        start = time.monotonic()
        passed = stage.run() and _is_what_it_says(stage)
        results.append((stage, passed, time.monotonic() - start))
        print(f"== {stage.name}: {_took(*results[-1][1:])}", flush=True)
    print("\nSummary")
    for stage, passed, seconds in results:
        print(f"  {stage.name:12} {_took(passed, seconds)}")
    return 0 if all(passed for _, passed, _ in results) else 1


def _is_what_it_says(stage: Stage) -> bool:
    """Whether the stage ran the engine that it is called after."""
    if stage.name != "compiled" or nearkeep.engine_kind() == "compiled":
        return True
    print("The hot path is not compiled here, so all of this ran interpreted.")
    return not os.environ.get("CI")


def _names() -> list[str]:
    return [stage.name for stage in STAGES]


def _took(passed: bool, seconds: float) -> str:
    return f"{'passed' if passed else 'FAILED'} in {seconds:.1f} s"


if __name__ == "__main__":
    raise SystemExit(main())
