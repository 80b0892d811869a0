"""A namespace with a store, as a server has it, its log on a disk in memory."""

from __future__ import annotations

from pathlib import Path
from random import Random

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.tiers.store import Store
from nearkeep.wire.reply import Reply
from tests.tiers.faults import FakeDisk, StepSchedule

NOW = 1_800_000_000_000


class Machine(Host):
    """A namespace and its store. SQLite's file is a real one.

    Attributes:
        released: how often held replies were let go.
    """

    def __init__(
        self, folder: Path, disk: FakeDisk, appendfsync: str = "everysec", now: int = NOW
    ) -> None:
        super().__init__()
        self.disk = disk
        self.schedule = StepSchedule()
        self.released = 0
        self.clock = Clock()
        self.clock.ms = now
        settings = Settings()
        settings.set("appendfsync", [appendfsync.encode()])
        settings.set("proto-max-bulk-len", [b"1mb"])
        self.namespace = Namespace(settings, self.clock, Random(1), self)
        self.store = Store(folder, self.namespace, self.schedule, disk, self._release)
        self.store.open()
        self.clock.ms = now  # as a true clock would show, whatever the log said meanwhile
        self.session = Session(self.namespace, Outlet())

    def _release(self) -> None:
        self.released += 1

    def entropy(self, count: int) -> bytes:
        return bytes(count)

    def __call__(self, line: str) -> Reply:
        return self.session.execute(line.encode().split())

    def confirmed(self) -> bool:
        """Whether the replies of this tick may leave."""
        return self.session.written <= self.store.before_replies()

    def crash(self) -> None:
        """Ends the process."""
        self.disk.kill()
        self.store.checkpoint._database._sql.close()
