"""What a start imports; each module more is time that everyone waits for."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = {"typer", "rich", "click", "cryptography", "argparse", "difflib"}


def test_serve_imports_nothing_heavy_before_it_is_needed() -> None:
    program = (
        "import sys; from nearkeep.cli.serve import gather, serve; gather(None, []);"
        "print(*sys.modules)"
    )
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert HEAVY.isdisjoint(modules)


def origins(**environment: str) -> dict[str, str]:
    """Where a new process takes the modules of the engine from."""
    program = (
        "import sys, nearkeep, nearkeep.server.serve;"
        "print('kind', nearkeep.engine_kind());"
        "[print(n, m.__file__) for n, m in list(sys.modules.items()) if n.startswith('nearkeep.')]"
    )
    lines = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | environment,
    ).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_the_interpreted_engine_is_made_of_sources_alone() -> None:
    found = origins(NEARKEEP_ENGINE="interpreted")
    assert found.pop("kind") == "interpreted"
    assert "nearkeep.engine.keyspace" in found
    assert {name for name, file in found.items() if not file.endswith(".py")} == set()


def test_the_engine_is_what_it_says_it_is() -> None:
    found = origins(NEARKEEP_ENGINE="")
    compiled = not found["nearkeep.engine.keyspace"].endswith(".py")
    assert found.pop("kind") == ("compiled" if compiled else "interpreted")
    hot = {name for name in found if name.startswith("nearkeep.engine.values.")}
    assert {not found[name].endswith(".py") for name in hot} == {compiled}
