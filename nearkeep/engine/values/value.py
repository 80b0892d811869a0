"""What every collection type offers to the engine."""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.footprint import Ledger, shell_bytes
from nearkeep.wire.reply import Failure

WRONG_TYPE: Final = Failure(b"WRONGTYPE Operation against a key holding the wrong kind of value")


@mypyc_attr(acyclic=True)
class Value:
    """A value that is not a string: hash, list, set, sorted set, stream, ….

    Small ones know that they are small: `encoding` is the name that OBJECT ENCODING gives.

    Attributes:
        scheduled: when the keyspace looks next at parts that expire, milliseconds since the epoch;
            0 for never.
        held: bytes that its elements take; whoever changes them calls `grow`.
        ledger: where it is counted, while a keyspace holds it.
    """

    scheduled: i64 = 0
    held: i64 = 0
    ledger: Ledger | None = None

    def type_name(self) -> bytes:
        """The type, as TYPE names it."""
        raise NotImplementedError

    def encoding(self, settings: Settings) -> bytes:
        """The name that Redis has for how a value of this size is stored."""
        raise NotImplementedError

    def copy(self) -> "Value":
        """A value of its own with equal content."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def grow(self, change: i64) -> None:
        """Notes that the elements take more bytes, or if negative less."""
        self.held += change
        ledger = self.ledger
        if ledger is not None:
            ledger.total += change

    def memory(self) -> int:
        """Bytes that the value takes, its elements included; O(1)."""
        return self.held + _shell_of(self)

    def attach(self, ledger: Ledger) -> None:
        """From now on it is counted there, however it changes."""
        self.ledger = ledger
        ledger.total += self.memory()

    def detach(self) -> None:
        """It is counted no more."""
        ledger = self.ledger
        if ledger is not None:
            ledger.total -= self.memory()
            self.ledger = None

    def part_expiry(self) -> int:
        """When the first part (a field of a hash) expires, or earlier; 0 if none does.

        Milliseconds since the epoch.
        """
        return 0

    def release(self, limit: int) -> bool:
        """Frees about `limit` elements of a value that nobody can reach; whether some are left.

        So a large value is let go of in steps.
        """
        return False


_SHELLS: Final[dict[bytes, int]] = {}


def _shell_of(value: Value) -> int:
    """Bytes of the object itself; the same for all values of a type."""
    kind = value.type_name()
    size = _SHELLS.get(kind)
    if size is None:
        size = _SHELLS[kind] = shell_bytes(value)
    return size
