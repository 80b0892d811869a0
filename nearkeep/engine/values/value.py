"""What every collection type offers to the engine."""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.settings import Settings
from nearkeep.wire.reply import Failure

WRONG_TYPE: Final = Failure(b"WRONGTYPE Operation against a key holding the wrong kind of value")


@mypyc_attr(acyclic=True)
class Value:
    """A value that is not a string: hash, list, set, sorted set, stream, ….

    Small ones know that they are small: `encoding` is the name that OBJECT ENCODING gives.

    Attributes:
        scheduled: when the keyspace looks next at parts that expire, milliseconds since the epoch;
            0 for never.
    """

    scheduled: i64 = 0

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

    def memory(self) -> int:
        """Bytes that the value takes, its elements included; an estimate, in O(1) or by samples."""
        raise NotImplementedError

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
