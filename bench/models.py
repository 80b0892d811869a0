"""Caches that hold so many keys, to compare the choice of victims by itself.

Sources: Y. Zhang et al., "SIEVE is simpler than LRU", NSDI 2024; J. Yang et al., "FIFO queues are
all you need for cache eviction", SOSP 2023.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

Cache = Callable[[int], bool]
"""Reads a key, which is put in place if it is not there; whether it was."""


def lru(capacity: int) -> Cache:
    """The key that was not used for longest goes."""
    held: OrderedDict[int, None] = OrderedDict()

    def read(key: int) -> bool:
        if key in held:
            held.move_to_end(key)
            return True
        if len(held) >= capacity:
            held.popitem(last=False)
        held[key] = None
        return False

    return read


def sieve(capacity: int) -> Cache:
    """A hand goes from the oldest key to the youngest and takes the first not used since."""
    visited: dict[int, bool] = {}
    younger: dict[int, int] = {}
    older: dict[int, int] = {}
    none = -1
    ends = {"youngest": none, "oldest": none, "hand": none}

    def evict() -> None:
        hand = ends["hand"] if ends["hand"] != none else ends["oldest"]
        while visited[hand]:
            visited[hand] = False
            hand = younger[hand] if younger[hand] != none else ends["oldest"]
        after, before = younger.pop(hand), older.pop(hand)
        ends["hand"] = after
        if after == none:
            ends["youngest"] = before
        else:
            older[after] = before
        if before == none:
            ends["oldest"] = after
        else:
            younger[before] = after
        del visited[hand]

    def read(key: int) -> bool:
        if key in visited:
            visited[key] = True
            return True
        if len(visited) >= capacity:
            evict()
        visited[key] = False
        younger[key], older[key] = none, ends["youngest"]
        if ends["youngest"] == none:
            ends["oldest"] = key
        else:
            younger[ends["youngest"]] = key
        ends["youngest"] = key
        return False

    return read


def s3_fifo(capacity: int) -> Cache:
    """A small queue for new keys, a large one for those used again, a memory of what has gone."""
    small: deque[int] = deque()
    large: deque[int] = deque()
    uses: dict[int, int] = {}
    gone: OrderedDict[int, None] = OrderedDict()
    most = max(capacity // 10, 1)

    def evict() -> None:
        if len(small) >= most or not large:
            key = small.popleft()
            if uses[key] > 1:
                uses[key] = 0
                large.append(key)
                return
            gone[key] = None
            if len(gone) > capacity - most:
                gone.popitem(last=False)
        else:
            key = large.popleft()
            if uses[key] > 0:
                uses[key] -= 1
                large.append(key)
                return
        del uses[key]

    def read(key: int) -> bool:
        if key in uses:
            uses[key] = min(uses[key] + 1, 3)
            return True
        while len(uses) >= capacity:
            evict()
        uses[key] = 0
        if key in gone:
            del gone[key]
            large.append(key)
        else:
            small.append(key)
        return False

    return read


ALL: dict[str, Callable[[int], Cache]] = {"LRU": lru, "SIEVE": sieve, "S3-FIFO": s3_fifo}
