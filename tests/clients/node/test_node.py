"""ioredis and node-redis go through scenarios.mjs, in RESP2 and RESP3."""

from __future__ import annotations

import pytest

from tests.clients.node.runner import HERE, run_node
from tests.clients.subject import Subject

# Seconds for all scenarios of one client; they take about two.
LIMIT = 60.0


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("client", ["ioredis", "node-redis"])
def test_every_scenario_passes(
    client: str, protocol: int, subject: Subject, subtests: pytest.Subtests
) -> None:
    run_node(
        HERE / "clients.test.mjs",
        subject,
        subtests,
        limit=LIMIT,
        CLIENT=client,
        PROTOCOL=str(protocol),
    )
