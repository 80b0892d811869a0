"""What SQLite and the rest of the log hold together is what memory held, whenever the end comes."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from nearkeep.engine.command import COMMANDS
from nearkeep.engine.session import Outlet, Session
from nearkeep.tiers import checkpoint as checkpoints
from tests.oracle import family
from tests.oracle.family import Family
from tests.tiers.faults import FakeDisk
from tests.tiers.machine import Machine
from tests.tiers.state import state
from tests.tiers.test_effects import EACH, FAMILIES, is_too_much


def play(one: Family, seed: str, folder: Path) -> None:
    """Sequences with checkpoints in between, each step of which may come at any time."""
    rng = Random(seed)
    disk = FakeDisk(rng)
    machine = Machine(folder, disk)
    there = {name.decode().upper() for name in COMMANDS}
    known = {name for name in one.names | one.other_names if name.split("|")[0] in there}
    said: list[str] = []
    for _ in range(rng.randint(1, 3)):
        sessions = [Session(machine.namespace, Outlet()) for _ in range(one.clients)]
        for client, words in one.source(known).draw(rng):
            if rng.random() < 0.2:
                machine.clock.ms += rng.choice((1, 1, 2, 3, 5, 1500))
                said.append(f"time {machine.clock.ms}")
            if rng.random() < 0.1:
                machine.namespace.step(rng.choice((1, 100)))
            if rng.random() < 0.1:
                said.append(f"begin a run after {machine.namespace.stream.sequence}")
                machine.store.checkpoint.begin()
            if machine.schedule.works and rng.random() < 0.7:
                machine.schedule.finish_one()
                said.append(f"a step of the run, done: {machine.store.checkpoint.sequence}")
            if sessions[client].blocked is None:
                reply = sessions[client].execute(list(words))
                said.append(
                    f"{client}: {words} → {str(reply)[:60]} {machine.namespace.stream.sequence}"
                )
        assert machine.store.checkpoint.error == ""
        state(machine.namespace)  # to look at a hash removes what has expired, and tells the log
        expected, now = state(machine.namespace), machine.clock.ms
        machine.store.before_replies()
        if rng.random() < 0.2:
            said.append("close")
            machine.store.close()
            assert machine.store.checkpoint.sequence == machine.namespace.stream.sequence
            disk.kill()
        else:
            said.append("crash")
            machine.crash()
        machine = Machine(folder, disk, now=now)
        assert machine.store.notes == [], said
        assert state(machine.namespace) == expected, "\n".join(said)
    machine.crash()


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_is_lost_or_done_twice(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(family, "is_hazardous", is_too_much)
    monkeypatch.setattr(checkpoints, "BATCH", 1)  # a key at a time
    run = "ci" if os.environ.get("CI") else str(Random().random())
    for number in range(max(EACH // 3, 1)):
        seed = f"{run}/{name}/{number}"
        try:
            play(FAMILIES[name], seed, tmp_path / str(number))
        except Exception:
            print("seed", seed)
            raise
