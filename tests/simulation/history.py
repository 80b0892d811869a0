"""A namespace on a disk that fails, is killed and loses power, all from one seed.

After each life what is found must be a state that was there, with all that was confirmed: after a kill
whatever was, after a power failure what `appendfsync` promises. What was never confirmed may be there or
not, but as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from nearkeep.tiers import checkpoint as checkpoints
from nearkeep.tiers import pipeline as pipelines
from nearkeep.tiers.segment import Damage
from nearkeep.wire.reply import Failure
from tests.oracle.families.hashes import HASHES
from tests.oracle.families.keys import KEYS
from tests.oracle.families.lists import LISTS
from tests.oracle.families.sets import SETS
from tests.oracle.families.strings import COUNTERS
from tests.oracle.families.zsets import ZSETS
from tests.oracle.family import mixture
from tests.tiers.faults import BROKEN, NO_SPACE, FakeDisk
from tests.tiers.machine import Machine
from tests.tiers.state import state

LOAD = mixture(
    "load",
    *[replace(one, neighbours="") for one in (KEYS, COUNTERS, HASHES, LISTS, SETS, ZSETS)],
)

LIVES = 4
SEGMENT = 2000

Fails = Callable[[str, int], int]


class Wrong(Exception):
    """What should never be."""


class History:
    """Some lives of one namespace.

    Attributes:
        said: what happened, for people.
        confirmed: number of the last batch whose reply has left.
        lost: whether the disk has told, by an error, that it lost what it had taken.
    """

    def __init__(
        self, seed: str, folder: Path, appendfsync: str, fails: Fails | None = None
    ) -> None:
        checkpoints.BATCH = 200  # type: ignore[misc]
        pipelines.SEGMENT = SEGMENT  # type: ignore[misc]
        pipelines.SHORT = 500  # type: ignore[misc]
        self.said: list[str] = []
        self.confirmed = 0
        self.lost = False
        self.disk = FakeDisk(Random(f"{seed}/disk"))
        self._rng = Random(seed)
        self._source = LOAD.source(LOAD.names | {"MULTI"})
        self._folder = folder
        self._appendfsync = appendfsync
        self._fails = fails
        self._states: dict[int, Any] = {}
        self._machine = self._born()

    def _born(self) -> Machine:
        self.disk.fails = lambda _deed, _number: 0
        machine = Machine(self._folder, self.disk, self._appendfsync)
        self._states = {machine.namespace.stream.sequence: state(machine.namespace)}
        rate = self._rng.choice((0, 0, 0.02, 0.2))
        errors = self._rng.choice(((NO_SPACE,), (BROKEN,), (-1,), (NO_SPACE, BROKEN, -1)))
        self.disk.fails = self._fails or (
            lambda _deed, _number: self._rng.choice(errors) if self._rng.random() < rate else 0
        )
        return machine

    def live(self, lives: int = LIVES) -> None:
        """Goes through some lives.

        Raises:
            Wrong: something was lost, or is there that never was.
        """
        for _ in range(lives):
            self._work()
            if not self._die():
                return
        self._machine.crash()

    def _work(self) -> None:
        machine, rng = self._machine, self._rng
        stream = machine.namespace.stream
        for _, words in self._source.draw(rng):
            reply = machine.session.execute(list(words))
            self.said.append(f"{words} → {str(reply)[:60]} {stream.sequence}")
            if stream.sequence not in self._states:
                self._states[stream.sequence] = state(machine.namespace)
            if rng.random() < 0.6:
                self._tick()
            if rng.random() < 0.1:
                machine.schedule.turn()
            if rng.random() < 0.05:
                self.said.append("a checkpoint begins")
                machine.store.checkpoint.begin()
            while machine.schedule.works and rng.random() < 0.5:
                machine.schedule.finish_one()
            if machine.store.pipeline.error is not None and not isinstance(reply, Failure):
                self.said.append(f"the disk refuses: {machine.store.pipeline.error}")

    def _tick(self) -> None:
        """The end of a tick: replies leave, as far as they may."""
        self.confirmed = max(self.confirmed, self._machine.store.before_replies())

    def _die(self) -> bool:
        """Ends this life and begins the next; whether there is one."""
        machine, disk = self._machine, self.disk
        pipeline = machine.store.pipeline
        death = self._rng.choice(("kill", "power", "close"))
        least = max(self.confirmed, machine.store.checkpoint.sequence)
        if death == "close":
            machine.store.close()
            disk.kill()
        else:
            machine.crash()
        self.lost = pipeline._distrusted
        if death == "power":
            safe = self.confirmed if self._appendfsync == "always" else pipeline.synced
            least = max(safe, machine.store.checkpoint.sequence)
            disk.fail_power()
        self.said.append(f"{death}; {least} to {machine.namespace.stream.sequence} may be found")
        states = self._states
        try:
            self._machine = self._born()
        except Damage as damage:
            if self.lost:
                return False
            raise Wrong(str(damage)) from None
        found = self._machine.namespace.stream.sequence
        self.said.append(f"found {found}")
        if found < least and not self.lost:
            raise Wrong(f"{least} was promised, {found} found")
        if found not in states:
            raise Wrong(f"{found} was never there")
        if self._states[found] != states[found]:
            raise Wrong(f"the state at {found} is another: {self._states[found]}, {states[found]}")
        self.confirmed = found
        return True
