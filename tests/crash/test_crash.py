"""Servers killed with SIGKILL at random moments under load lose nothing that they answered.

`make crash` does so 2,000 times; here it is done in the time that CI has.
"""

from __future__ import annotations

import os
import time
from random import Random

import pytest

from tests.crash.trial import Trial
from tests.servers import start_module

KILLS = int(os.environ.get("NEARKEEP_KILLS", "200" if os.environ.get("CI") else "30"))
"""In all three modes together."""

SECONDS = float(os.environ.get("NEARKEEP_CRASH_SECONDS", "100"))
"""After which a mode is left, whatever was reached; at least a tenth of the kills must be."""

KILLS_OF_A_FOLDER = 50


@pytest.mark.timeout(SECONDS * 2 + 60)
@pytest.mark.parametrize("appendfsync", ["everysec", "always", "no"])
def test_all_that_was_answered_is_there_after_kill_9(appendfsync: str) -> None:
    seed = os.environ.get("NEARKEEP_SEED", str(Random().getrandbits(32)))
    kills, wanted = 0, max(KILLS // 3, 1)
    deadline = time.monotonic() + SECONDS
    answered = unanswered = 0
    while kills < wanted and time.monotonic() < deadline:
        name = f"{seed}/{appendfsync}/{kills}"
        with start_module(["tests.crash.hurried"], {"appendfsync": appendfsync}) as server:
            trial = Trial(server, 4, name)
            for _ in range(min(KILLS_OF_A_FOLDER, wanted - kills)):
                wrong = trial.kill(0.3)
                assert not wrong, f"seed {name}\n{wrong}"
                kills += 1
        answered += trial.answered
        unanswered += trial.unanswered
    print(f"{appendfsync}: {kills} kills, {answered} commands answered, {unanswered} not")
    assert kills >= wanted / 10
    assert answered > kills
