"""What a start imports; each module more is time that everyone waits for."""

from __future__ import annotations

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
