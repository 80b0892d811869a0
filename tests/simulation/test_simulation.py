"""Whatever the disk does and however the end comes, what was promised is there."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from nearkeep.tiers import checkpoint, pipeline
from tests.simulation.history import History, Wrong
from tests.tiers.faults import BROKEN, NO_SPACE

HISTORIES = 60
SHORT = -1


@pytest.fixture(autouse=True)
def _constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has what a history changes put back."""
    monkeypatch.setattr(checkpoint, "BATCH", checkpoint.BATCH)
    monkeypatch.setattr(pipeline, "SEGMENT", pipeline.SEGMENT)
    monkeypatch.setattr(pipeline, "SHORT", pipeline.SHORT)


def live(history: History, lives: int) -> None:
    try:
        history.live(lives)
    except Wrong:
        print("\n".join(history.said))
        raise


@pytest.mark.parametrize("appendfsync", ["everysec", "always", "no"])
def test_histories_from_random_seeds(appendfsync: str, tmp_path: Path) -> None:
    run = "ci" if os.environ.get("CI") else str(Random().random())
    for number in range(HISTORIES):
        seed = f"{run}/{number}"
        print("seed", seed)
        live(History(seed, tmp_path / str(number), appendfsync), 4)


@pytest.mark.parametrize("error", [SHORT, BROKEN, NO_SPACE])
@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_a_fault_at_every_single_deed(appendfsync: str, error: int, tmp_path: Path) -> None:
    def never(_deed: str, _number: int) -> int:
        return 0

    tried = 0
    for seed in ("one", "two", "three", "four"):
        whole = History(seed, tmp_path / seed, appendfsync, never)
        live(whole, 1)
        for wanted in range(1, whole.disk.deeds + 1):

            def once(_deed: str, number: int, wanted: int = wanted) -> int:
                return error if number == wanted else 0

            print("seed", seed, "deed", wanted)
            live(History(seed, tmp_path / f"{seed}-{wanted}", appendfsync, once), 2)
            tried += 1
    assert tried > 30
