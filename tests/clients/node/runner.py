"""Runs a file of node's test runner, and reports each of its tests as a subtest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.subject import Subject, program
from tests.servers import absent

HERE = Path(__file__).parent


def run_node(
    file: Path, subject: Subject, subtests: pytest.Subtests, *, limit: float, **variables: str
) -> None:
    """Runs `file` against the subject for at most `limit` seconds."""
    node = program("node")
    if not (HERE.parent / "node_modules").is_dir():
        absent("node_modules (npm ci in tests/clients)")
    environment = {
        "SERVER_PORT": str(subject.port),
        "SERVER_PASSWORD": subject.password,
        "SERVER_CA": str(subject.authority or ""),
        **variables,
    }
    run = subprocess.run(
        [node, f"--test-reporter={HERE / 'reporter.mjs'}", file],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    lines = run.stdout.splitlines()
    results = [json.loads(line) for line in lines if line.startswith('{"name"')]
    for result in results:
        with subtests.test(result["name"]):
            assert result["failure"] is None, result["failure"]
    # What goes wrong between tests, or before the first, is in the exit status alone.
    rest = "\n".join(line for line in lines if not line.startswith('{"name"')) + run.stderr
    assert results, f"node ran no tests:\n{rest}"
    assert (run.returncode == 0) == all(each["failure"] is None for each in results), rest
