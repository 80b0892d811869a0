"""L0: the keys of one database in memory.

What it must do, each in O(1): find a key, hide and drop an expired one, pick one at random, and walk
all of them in steps while they change (SCAN).

Two structures hold an entry: a dictionary by key, and a list in no order. An entry that goes is
replaced in the list by the last one. SCAN walks the list from its end to its start: entries move
only towards the start, so what has not been visited stays ahead of the cursor, and a key that is
there throughout is never missed. RANDOMKEY and eviction draw from the same list.

A string is `bytes`, `int` when it is the canonical text of a 64-bit integer, or a `bytearray` that
grows in place; other types are classes of `engine/values/`.
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.values.string import as_encoded, type_name
from nearkeep.engine.values.value import Value
from nearkeep.engine.wheel import Wheel

# Classes of keyspace events, the letters of notify-keyspace-events.
KEYSPACE_EVENTS: Final = 1  # K
KEYEVENT_EVENTS: Final = 2  # E
GENERIC: Final = 4  # g
STRING: Final = 8  # $
LIST: Final = 16  # l
SET: Final = 32  # s
HASH: Final = 64  # h
ZSET: Final = 128  # z
EXPIRED: Final = 256  # x
EVICTED: Final = 512  # e
STREAM: Final = 1024  # t
KEY_MISS: Final = 2048  # m
MODULE: Final = 8192  # d
NEW: Final = 16384  # n
OVERWRITTEN: Final = 32768  # o
TYPE_CHANGED: Final = 65536  # c


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock:
    """The time as the engine sees it: `ms` stands still while a command runs.

    Attributes:
        ms: milliseconds since the epoch.
    """

    def __init__(self) -> None:
        self.ms: i64 = 0

    def microseconds(self) -> i64:
        """The true time, microseconds since the epoch, to measure how long commands take."""
        return self.ms * 1000


@mypyc_attr(acyclic=True)
class Entry:
    """A key with its value; the keyspace alone sees entries.

    Attributes:
        expiry: milliseconds since the epoch, 0 for none.
        slot: where the key stands in the wheel, -1 for nowhere.
        place: index in the list of entries.
        access: when the key was last used, milliseconds since the epoch.
    """

    def __init__(self, key: bytes, value: object, place: i64, access: i64) -> None:
        self.key = key
        self.value = value
        self.place: i64 = place
        self.access: i64 = access
        self.expiry: i64 = 0
        self.slot: i64 = -1


class Observer:
    """Who is told what happens to keys: the namespace.

    Attributes:
        changes: counts each change of a key.
    """

    def __init__(self) -> None:
        self.changes: i64 = 0

    def key_changed(self, db: int, key: bytes) -> None:
        """A key was written, removed or expired."""

    def key_ready(self, db: int, key: bytes) -> None:
        """A key that clients wait for came, went or got another value."""

    def key_expired(self, db: int, key: bytes) -> None:
        """A key was removed since its time had come."""

    def key_event(self, kind: int, event: bytes, key: bytes, db: int) -> None:
        """An event of a class that is asked for."""


class Keyspace:
    """The keys of one database.

    Attributes:
        index: number of the database.
        events: classes of keyspace events that are asked for (see the constants), 0 for none.
        observed: whether changes are to be told to the observer one by one.
        awaited: keys that blocked clients wait for, with how many.
        hits, misses: look-ups by commands that read.
        frozen: whether expired keys are hidden but not yet removed (while writes are paused).
        touching: whether look-ups count as uses (not for CLIENT NO-TOUCH).
    """

    def __init__(self, index: int, clock: Clock, observer: Observer) -> None:
        self.index = index
        self.clock = clock
        self.observer = observer
        self.events = 0
        self.observed = False
        self.awaited: dict[bytes, int] = {}
        self.hits = 0
        self.misses = 0
        self.expired = 0
        self.frozen = False
        self.touching = True
        self.volatile = 0
        self._entries: dict[bytes, Entry] = {}
        self._order: list[Entry] = []
        self._wheel = Wheel()
        self._parts = Wheel()  # keys by when parts of their values expire

    def __len__(self) -> int:
        return len(self._order)

    # ---- looking up

    def _find(self, key: bytes) -> Entry | None:
        """The entry of a live key."""
        entry = self._entries.get(key)
        if entry is not None and entry.expiry != 0 and entry.expiry <= self.clock.ms:
            self._expire(entry)
            return None
        return entry

    def read(self, key: bytes) -> object:
        """The value of a key for a command that reads, or None; counts as hit or miss."""
        entry = self._entries.get(key)
        if entry is None or (
            entry.expiry != 0 and entry.expiry <= self.clock.ms and self._expire(entry)
        ):
            self.misses += 1
            if self.events & KEY_MISS:
                self.notify(KEY_MISS, b"keymiss", key)
            return None
        self.hits += 1
        if self.touching:
            entry.access = self.clock.ms
        return entry.value

    def probe(self, key: bytes) -> bool:
        """Whether a key is there, for a command that only asks: counts as hit or miss, not as use."""
        if self._find(key) is None:
            self.misses += 1
            if self.events & KEY_MISS:
                self.notify(KEY_MISS, b"keymiss", key)
            return False
        self.hits += 1
        return True

    def lookup(self, key: bytes) -> object:
        """The value of a key for a command that writes, or None."""
        entry = self._find(key)
        if entry is None:
            return None
        if self.touching:
            entry.access = self.clock.ms
        return entry.value

    def glance(self, key: bytes) -> object:
        """The value of a key for a command that asks about it (TTL): a hit or miss, but no use."""
        value = self.peek(key)
        if value is None:
            self.misses += 1
            if self.events & KEY_MISS:
                self.notify(KEY_MISS, b"keymiss", key)
        else:
            self.hits += 1
        return value

    def peek(self, key: bytes) -> object:
        """The value of a key, or None; leaves no trace of the use."""
        entry = self._find(key)
        return None if entry is None else entry.value

    def kept(self, key: bytes) -> object:
        """The value of a key, even of one that has expired and is not removed yet."""
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def __contains__(self, key: bytes) -> bool:
        return self._find(key) is not None

    def idle_ms(self, key: bytes) -> int:
        """Milliseconds since the key was used; the key must be there."""
        return self.clock.ms - self._entries[key].access

    def set_idle_ms(self, key: bytes, idle: int) -> None:
        """Makes the key look unused for so long."""
        self._entries[key].access = self.clock.ms - idle

    # ---- changing

    def set(self, key: bytes, value: object) -> None:
        """Makes `value` the key's value; an old expiry goes."""
        entry = self._find(key)
        if entry is None:
            self._add(key, value)
            return
        if self.events & (OVERWRITTEN | TYPE_CHANGED):
            self.tell_overwritten(key, entry.value, value)
        entry.value = value
        entry.access = self.clock.ms
        if entry.expiry != 0:
            self._unschedule(entry)
        if self.awaited and key in self.awaited:
            self.observer.key_ready(self.index, key)
        if isinstance(value, Value):
            self._adopt(key, value)

    def replace(self, key: bytes, value: object) -> None:
        """Makes `value` the key's value; an old expiry stays."""
        entry = self._find(key)
        if entry is None:
            self._add(key, value)
            return
        entry.value = value
        entry.access = self.clock.ms
        if self.awaited and key in self.awaited:
            self.observer.key_ready(self.index, key)
        if isinstance(value, Value):
            self._adopt(key, value)

    def _add(self, key: bytes, value: object) -> None:
        entry = Entry(key, value, len(self._order), self.clock.ms)
        self._entries[key] = entry
        self._order.append(entry)
        if self.events & NEW:
            self.notify(NEW, b"new", key)
        if self.awaited and key in self.awaited:
            self.observer.key_ready(self.index, key)
        if isinstance(value, Value):
            self._adopt(key, value)

    def _adopt(self, key: bytes, value: Value) -> None:
        value.scheduled = 0
        self.schedule_parts(key, value)

    def remove(self, key: bytes) -> bool:
        """Removes a key; whether it was there."""
        entry = self._find(key)
        if entry is None:
            return False
        self._drop(entry)
        return True

    def take(self, key: bytes) -> object:
        """Removes a key and returns its value, or None."""
        entry = self._find(key)
        if entry is None:
            return None
        self._drop(entry)
        return entry.value

    def _drop(self, entry: Entry) -> None:
        if entry.expiry != 0:
            self._unschedule(entry)
        del self._entries[entry.key]
        last = self._order.pop()
        if last is not entry:
            last.place = entry.place
            self._order[entry.place] = last
        if self.awaited and entry.key in self.awaited:
            self.observer.key_ready(self.index, entry.key)

    def drop_all(self) -> list[object]:
        """Empties the database at once; returns what must still be freed, in steps."""
        rest: list[object] = [self._order, self._entries]
        self._entries = {}
        self._order = []
        self._wheel = Wheel()
        self._parts = Wheel()
        self.volatile = 0
        for key in self.awaited:
            self.observer.key_ready(self.index, key)
        return rest

    def swap(self, other: "Keyspace") -> None:
        """Exchanges the contents of two databases."""
        self._entries, other._entries = other._entries, self._entries  # noqa: SLF001
        self._order, other._order = other._order, self._order  # noqa: SLF001
        self._wheel, other._wheel = other._wheel, self._wheel  # noqa: SLF001
        self._parts, other._parts = other._parts, self._parts  # noqa: SLF001
        self.volatile, other.volatile = other.volatile, self.volatile

    def changed(self, key: bytes) -> None:
        """To be called after each change of a key's value or expiry."""
        self.observer.changes += 1
        if self.observed:
            self.observer.key_changed(self.index, key)

    def notify(self, kind: int, event: bytes, key: bytes) -> None:
        """Tells a keyspace event, where its class is asked for."""
        if self.events & kind:
            self.observer.key_event(kind, event, key, self.index)

    def tell_overwritten(self, key: bytes, old: object, new: object) -> None:
        """Tells that a key has got another value altogether, be it of another type."""
        self.notify(OVERWRITTEN, b"overwritten", key)
        if type_name(old) != type_name(new):
            self.notify(TYPE_CHANGED, b"type_changed", key)

    # ---- expiry

    def expiry(self, key: bytes) -> int:
        """When the key expires, milliseconds since the epoch; -1 for never, -2 for no key."""
        entry = self._find(key)
        if entry is None:
            return -2
        return entry.expiry if entry.expiry != 0 else -1

    def set_expiry(self, key: bytes, at: int) -> None:
        """Sets when a key expires, milliseconds since the epoch; the key must be there."""
        entry = self._entries[key]
        if entry.expiry == 0:
            self.volatile += 1
        # 0 means none, and whatever is at or before the epoch has passed all the same.
        entry.expiry = at if at > 0 else 1
        if entry.slot < 0:
            entry.slot = self._wheel.add(key, entry.expiry)
        elif entry.expiry < self._wheel.start(entry.slot):
            self._wheel.remove(key, entry.slot)
            entry.slot = self._wheel.add(key, entry.expiry)

    def persist(self, key: bytes) -> bool:
        """Removes the expiry of a key; whether there was one."""
        entry = self._find(key)
        if entry is None or entry.expiry == 0:
            return False
        entry.value = as_encoded(entry.value, key, True)
        self._unschedule(entry)
        return True

    def _unschedule(self, entry: Entry) -> None:
        self._wheel.remove(entry.key, entry.slot)
        entry.slot = -1
        entry.expiry = 0
        self.volatile -= 1

    def _expire(self, entry: Entry) -> bool:
        """Removes an entry whose time has come. Always true, to stand in conditions."""
        if not self.frozen:
            self._drop(entry)
            self.expired += 1
            self.observer.key_expired(self.index, entry.key)
        return True

    def average_ttl(self) -> int:
        """Milliseconds that keys with an expiry have left, by a look at some of them."""
        sample = [entry for entry in self._order[:1000] if entry.expiry > self.clock.ms]
        if not sample:
            return 0
        return sum([entry.expiry - self.clock.ms for entry in sample]) // len(sample)

    def expire_due(self, limit: int) -> int:
        """Removes keys whose time has come, looking at `limit` at most; how many it looked at."""
        if self.frozen:
            return 0
        keys = self._wheel.due(self.clock.ms, limit)
        for key in keys:
            entry = self._entries[key]
            entry.slot = -1
            if entry.expiry <= self.clock.ms:
                self._expire(entry)
            else:
                entry.slot = self._wheel.add(key, entry.expiry)
        return len(keys)

    def schedule_parts(self, key: bytes, value: Value) -> None:
        """To be called when a part of a key's value (a field of a hash) is to expire earlier."""
        at = value.part_expiry()
        if at and (value.scheduled == 0 or at < value.scheduled):
            value.scheduled = at
            self._parts.add(key, at)

    def parts_due(self, limit: int) -> list[bytes]:
        """Keys of whose values parts may have expired, `limit` at most.

        The caller removes those parts, and schedules the rest.
        """
        return [] if self.frozen else self._parts.due(self.clock.ms, limit)

    # ---- walking

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` keys from a cursor on, and the next cursor; 0 begins and ends the walk."""
        stop: i64 = len(self._order)
        if 0 < cursor < stop:
            stop = cursor
        start: i64 = max(stop - count, 0)
        found = [entry.key for entry in self._order[start:stop]]
        found.reverse()
        return start, found

    def keys(self) -> list[bytes]:
        """All keys, those too that have expired and are not removed yet."""
        return list(self._entries)

    def at(self, place: int) -> bytes:
        """The key at a place from 0 to the number of keys; for drawing at random."""
        return self._order[place].key

    def live(self, key: bytes) -> bool:
        """Whether a key is there and has not expired; never removes it."""
        entry = self._entries.get(key)
        return entry is not None and not 0 < entry.expiry <= self.clock.ms
