"""ioredis and node-redis go through scenarios.mjs; each of its scenarios is reported as a subtest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.subject import Subject, program
from tests.servers import absent

HERE = Path(__file__).parent
# Seconds for all scenarios of one client; they take about two.
LIMIT = 60.0


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("client", ["ioredis", "node-redis"])
def test_every_scenario_passes(
    client: str, protocol: int, subject: Subject, subtests: pytest.Subtests
) -> None:
    node = program("node")
    if not (HERE.parent / "node_modules").is_dir():
        absent("node_modules (npm ci in tests/clients)")
    run = subprocess.run(
        [node, "--test-reporter=./reporter.mjs", "clients.test.mjs"],
        cwd=HERE,
        env=os.environ
        | {
            "CLIENT": client,
            "PROTOCOL": str(protocol),
            "SERVER_PORT": str(subject.port),
            "SERVER_PASSWORD": subject.password,
            "SERVER_CA": str(subject.authority or ""),
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    results = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"name"')]
    for result in results:
        with subtests.test(result["name"]):
            assert result["failure"] is None, result["failure"]
    assert results, f"node ended with {run.returncode}:\n{run.stdout}\n{run.stderr}"
    assert (run.returncode == 0) == all(result["failure"] is None for result in results), run.stderr
