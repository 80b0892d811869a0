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

from random import Random
from sys import getsizeof
from typing import Final

from mypy_extensions import i32, i64, mypyc_attr

from nearkeep.engine.values.footprint import (
    Ledger,
    boxed_bytes,
    shell_bytes,
    string_bytes,
    text_bytes,
)
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


# What a use of a key leaves behind: values of Keyspace.touching.
NOTHING: Final = 0  # CLIENT NO-TOUCH
TIME: Final = 1
COUNT: Final = 2  # and how often, for the policies of eviction that ask

_SPARSE: Final = 8
_LOOKS: Final = 16
"""How often it is tried to find keys that expire soon among those that were put off."""

_RARE: Final = 8
"""One key in so many is found by looking at any."""

_SLOT_BYTES: Final = 53
"""An entry's share of the tables, on average."""

_COPIED: Final = 30_000
"""Keys of which a dictionary can be made in two or three milliseconds."""


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
        size: bytes that a string's value takes; less than 0 for other types, which know it.
        uses: how often it was used, on the scale of the policy of eviction (see `eviction.py`).
    """

    def __init__(self, key: bytes, value: object, place: i64, access: i64, uses: i32) -> None:
        self.key = key
        self.value = value
        self.access: i64 = access
        self.expiry: i64 = 0
        self.slot: i64 = -1
        self.size: i64 = 0
        self.place: i32 = i32(place)
        self.uses: i32 = uses


class Observer:
    """Who is told what happens to keys: the namespace.

    Attributes:
        changes: counts each change of a key.
        ledger: what all keys take in memory, with those that are to be freed.
    """

    def __init__(self) -> None:
        self.changes: i64 = 0
        self.ledger = Ledger()

    def key_changed(self, db: int, key: bytes) -> None:
        """A key was written, removed or expired."""

    def key_ready(self, db: int, key: bytes) -> None:
        """A key that clients wait for came, went or got another value."""

    def key_expired(self, db: int, key: bytes) -> None:
        """A key was removed since its time had come."""

    def key_used(self, entry: Entry) -> None:
        """A key is used, and that is to be counted."""

    def first_uses(self, key: bytes) -> i32:
        """How often a key that comes counts as used already."""
        return 0

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
        touching: what look-ups leave behind (see the constants).
        ledger: where the memory of all databases is counted.
        tracked: whether `dirty` is kept.
        dirty: keys that changed since someone below memory looked last.
        emptied: whether all keys that were there then have gone.
        stored: the number under which the tiers below know what is in this database, as SWAPDB
            exchanges contents.
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
        self.touching = TIME
        self.ledger = observer.ledger
        self.tracked = False
        self.dirty: dict[bytes, None] = {}
        self.emptied = False
        self.stored = index
        self.volatile = 0
        self._entries: dict[bytes, Entry] = {}
        self._order: list[Entry] = []
        self._wheel = Wheel(self.clock.ms)
        self._parts = Wheel()  # keys by when parts of their values expire
        sample = Entry(b"", None, 0, 0, 0)
        self.entry_bytes: i64 = shell_bytes(sample)
        self._expiry_bytes: i64 = 2 * boxed_bytes(sample)  # of an entry's expiry and slot
        self._tables: i64 = 0  # bytes of the structures that hold the entries, in the ledger
        self._measured_at: i64 = 0
        self.measure()

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
        touching = self.touching
        if touching == TIME:
            entry.access = self.clock.ms
        elif touching:
            self.observer.key_used(entry)
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
        entry = self.lookup_entry(key)
        return None if entry is None else entry.value

    def lookup_entry(self, key: bytes) -> Entry | None:
        """The entry of a key for a command that reads its value and puts another (`put`), or None."""
        entry = self._find(key)
        if entry is None:
            return None
        touching = self.touching
        if touching == TIME:
            entry.access = self.clock.ms
        elif touching:
            self.observer.key_used(entry)
        return entry

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
        if entry.expiry != 0:
            self._unschedule(entry)
        self.put(entry, value)

    def replace(self, key: bytes, value: object) -> None:
        """Makes `value` the key's value; an old expiry stays."""
        entry = self._find(key)
        if entry is None:
            self._add(key, value)
            return
        self.put(entry, value)

    def put(self, entry: Entry, value: object) -> None:
        """Puts a value in place of another; an expiry stays."""
        size = string_bytes(value)
        if entry.size < 0:
            self._disown(entry)
        if size < 0:
            self.ledger.total -= entry.size
            entry.size = 0
        else:
            self.ledger.total += size - entry.size
            entry.size = size
        entry.value = value
        touching = self.touching
        if touching == COUNT:
            self.observer.key_used(entry)
        else:
            entry.access = self.clock.ms
        if self.awaited and entry.key in self.awaited:
            self.observer.key_ready(self.index, entry.key)
        if size < 0:
            self._adopt(entry)

    def _add(self, key: bytes, value: object) -> None:
        count: i64 = len(self._order)
        uses: i32 = 0
        if self.touching == COUNT:
            uses = self.observer.first_uses(key)
        entry = Entry(key, value, count, self.clock.ms, uses)
        self._entries[key] = entry
        self._order.append(entry)
        size = string_bytes(value)
        self.ledger.total += self.entry_bytes + text_bytes(len(key))
        if size >= 0:
            entry.size = size
            self.ledger.total += size
        if count >= self._measured_at:
            self.measure()
        if self.events & NEW:
            self.notify(NEW, b"new", key)
        if self.awaited and key in self.awaited:
            self.observer.key_ready(self.index, key)
        if size < 0:
            self._adopt(entry)

    def _adopt(self, entry: Entry) -> None:
        """A value that is no string belongs to the keyspace from now on."""
        value = entry.value
        entry.size = -1
        if isinstance(value, Value):
            value.attach(self.ledger)
            value.scheduled = 0
            self.schedule_parts(entry.key, value)

    def _disown(self, entry: Entry) -> None:
        """A value that is no string belongs to the keyspace no more."""
        value = entry.value
        entry.size = 0
        if isinstance(value, Value):
            value.detach()

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
        if self.tracked:
            self.dirty[entry.key] = None
        last = self._order.pop()
        if last is not entry:
            last.place = entry.place
            self._order[i64(entry.place)] = last
        if entry.size < 0:
            self._disown(entry)
        self.ledger.total -= self.entry_bytes + text_bytes(len(entry.key)) + entry.size
        entry.size = 0
        if self.awaited and entry.key in self.awaited:
            self.observer.key_ready(self.index, entry.key)

    def drop_all(self) -> list[object]:
        """Empties the database at once; returns what must still be freed, in steps.

        Until then the ledger counts the entries and their values.
        """
        rest: list[object] = [self._order, self._entries]
        self._entries = {}
        self._order = []
        self._wheel = Wheel(self.clock.ms)
        self._parts = Wheel()
        self.volatile = 0
        self.dirty = {}
        self.emptied = True
        self.measure()
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
        self.dirty, other.dirty = other.dirty, self.dirty
        self.emptied, other.emptied = other.emptied, self.emptied
        self.stored, other.stored = other.stored, self.stored
        self.measure()
        other.measure()

    def changed(self, key: bytes) -> None:
        """To be called after each change of a key's value or expiry."""
        self.observer.changes += 1
        if self.tracked:
            self.dirty[key] = None
        if self.observed:
            self.observer.key_changed(self.index, key)

    def marked(self, key: bytes) -> None:
        """To be called where a value has changed and nobody else is to know."""
        if self.tracked:
            self.dirty[key] = None

    def notify(self, kind: int, event: bytes, key: bytes) -> None:
        """Tells a keyspace event, where its class is asked for."""
        if self.events & kind:
            self.observer.key_event(kind, event, key, self.index)

    def tell_overwritten(self, key: bytes, old: object, new: object) -> None:
        """Tells that a key has got another value altogether, be it of another type."""
        self.notify(OVERWRITTEN, b"overwritten", key)
        if type_name(old) != type_name(new):
            self.notify(TYPE_CHANGED, b"type_changed", key)

    # ---- memory

    def measure(self) -> None:
        """Looks again at how much the structures take that hold the entries."""
        count: i64 = len(self._order)
        tables: i64 = getsizeof(self._entries)
        if tables > 24 * _SPARSE * 2 * (count + 64) and count <= _COPIED:
            self._entries = dict(self._entries)  # a dictionary does not shrink by itself
            tables = getsizeof(self._entries)
        tables += getsizeof(self._order) + self._wheel.memory() + self._parts.memory()
        tables += self.volatile * self._expiry_bytes
        self.ledger.total += tables - self._tables
        self._tables = tables
        self._measured_at = count + count // 64 + 16

    def tables_bytes(self) -> int:
        """Bytes of the structures that hold the entries."""
        return self._tables

    def overhead_bytes(self) -> int:
        """Bytes that entries take and what holds them, if there are any, without keys and values."""
        count = len(self._order)
        return count * self.entry_bytes + self._tables if count else 0

    def memory(self, key: bytes) -> int:
        """Bytes that a key, which must be there, takes with its value."""
        entry = self._entries[key]
        value = entry.value
        taken: i64 = self.entry_bytes + text_bytes(len(key)) + _SLOT_BYTES
        if isinstance(value, Value):
            return taken + value.memory()
        return taken + entry.size

    def entry_at(self, place: int) -> Entry:
        """The entry at a place from 0 to the number of keys; for those who choose a victim."""
        return self._order[place]

    def slot_bytes(self) -> int:
        """The share of a key in `tables_bytes`, as `memory` counts it."""
        return _SLOT_BYTES

    def entry(self, key: bytes) -> Entry:
        """The entry of a key, which must be there; for those who ask how it is used."""
        return self._entries[key]

    def soonest(self, random: Random, count: int) -> list[Entry]:
        """Some of the entries that expire next."""
        found: list[Entry] = []
        put_off: list[Entry] = []
        for _ in range(_LOOKS):
            for key in self._wheel.first(random, count):
                entry = self._entries[key]
                if entry.expiry < self._wheel.end(entry.slot):
                    found.append(entry)
                    continue
                self._wheel.remove(key, entry.slot)
                entry.slot = self._wheel.add(key, entry.expiry)
                put_off.append(entry)
            if found:
                return found
        return put_off[:count]

    def volatile_some(self, random: Random, count: int) -> list[Entry]:
        """About `count` entries that expire, drawn from all of those."""
        size: i64 = len(self._order)
        found: list[Entry] = []
        if self.volatile * _RARE >= size:
            for _ in range(count * _RARE):
                entry = self._order[int(random.random() * int(size))]
                if entry.expiry != 0:
                    found.append(entry)
                    if len(found) == count:
                        break
        if not found:
            found = [self._entries[key] for key in self._wheel.draw(random, count)]
        return found

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
        if entry.size >= 0:
            size = string_bytes(entry.value)
            self.ledger.total += size - entry.size
            entry.size = size
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

    def held(self, key: bytes) -> tuple[object, int]:
        """A key's value and expiry as they stand, be it expired; None and 0 if it is not there."""
        entry = self._entries.get(key)
        return (None, 0) if entry is None else (entry.value, entry.expiry)

    def live(self, key: bytes) -> bool:
        """Whether a key is there and has not expired; never removes it."""
        entry = self._entries.get(key)
        return entry is not None and not 0 < entry.expiry <= self.clock.ms
