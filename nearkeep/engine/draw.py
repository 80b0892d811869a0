"""Drawing elements at random, for SRANDMEMBER, SPOP, HRANDFIELD and their like."""

from random import Random
from typing import TYPE_CHECKING, Final

from nearkeep.engine.text import integer
from nearkeep.wire.reply import Failure

if TYPE_CHECKING:
    from nearkeep.engine.session import Outlet

_MAX: Final = 9223372036854775807


def draw_count(text: bytes) -> int:
    """How many elements a client wants; a negative number allows repeats.

    Raises:
        Failure: it is no number, or one that can't be negated.
    """
    count = integer(text)
    if count < -_MAX:
        raise Failure(
            b"ERR value is out of range, value must between -9223372036854775807 and"
            b" 9223372036854775807"
        )
    return count


def bounded(count: int, outlet: "Outlet") -> int:
    """A negative count, but no larger than what ends the client for its output buffer's limit."""
    limit = outlet.output_limit()
    return max(count, -limit) if limit else count


def draw_place(random: Random, size: int) -> int:
    """A place from 0 to `size`, each as likely as any other."""
    return int(random.random() * size)


def draw_places(random: Random, size: int, count: int) -> list[int]:
    """`count` different places from 0 to `size`; of a negative count as many, with repeats."""
    if count >= 0:
        return random.sample(range(size), count)
    return [int(random.random() * size) for _ in range(-count)]
