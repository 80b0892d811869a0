"""The machine's clock."""

from mypy_extensions import i64

from nearkeep.engine.keyspace import Clock
from nearkeep.server.now import time


class SystemClock(Clock):
    """The machine's clock; `ms` moves when the namespace says so."""

    def __init__(self) -> None:
        super().__init__()
        self.ms = self.microseconds() // 1000

    def microseconds(self) -> i64:
        return i64(time() * 1e6)
