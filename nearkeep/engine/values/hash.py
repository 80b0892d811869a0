"""Hashes, whose fields may expire one by one.

There are two ways to hold one, each with the name that Redis has for its own:

    listpack    few and short fields and values: a dictionary, in the order of their coming
    listpackex  the same, once a field was to expire
    hashtable   all others: `Table`

A hash changes from one to the next as it grows and never back. A field whose time has come is
hidden at once and removed soon (`Hash.expire`), so all that read are told the time: `now` is
milliseconds since the epoch.
"""

from itertools import islice
from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.footprint import boxed_bytes, dict_bytes, text_bytes
from nearkeep.engine.values.indexed import Table
from nearkeep.engine.values.value import Value
from nearkeep.engine.wheel import Wheel

_WHEEL_BYTES: Final = 120  # for each field that expires, where a wheel holds them

_SEARCHED: Final = 128
"""Fields up to which those that are due are found by looking at all."""


@mypyc_attr(acyclic=True)
class FieldTimes:
    """When fields expire, milliseconds since the epoch.

    Attributes:
        times: by field; to be read only.
        earliest: no field expires before this time; 0 if none expires.
    """

    def __init__(self) -> None:
        self.times: dict[bytes, int] = {}
        self.earliest: i64 = 0
        self._wheel: Wheel | None = None  # where there are too many to look at all
        self._slots: dict[bytes, i64] = {}

    def copy(self) -> "FieldTimes":
        other = FieldTimes()
        for field, at in self.times.items():
            other.set(field, at)
        return other

    def held(self) -> i64:
        """Bytes that it takes: about."""
        each: i64 = _TIMED_BYTES if self._wheel is None else _TIMED_BYTES + _WHEEL_BYTES
        return each * len(self.times)

    def set(self, field: bytes, at: int) -> None:
        """Sets when a field expires."""
        self.times[field] = at
        if self.earliest == 0 or at < self.earliest:
            self.earliest = at
        if self._wheel is not None:
            self._place(self._wheel, field, at)
        elif len(self.times) > _SEARCHED:
            self._wheel = wheel = Wheel()
            for each, time in self.times.items():
                self._place(wheel, each, time)

    def _place(self, wheel: Wheel, field: bytes, at: int) -> None:
        slot = self._slots.get(field)
        if slot is not None:
            if at >= wheel.start(slot):
                return  # what is put off is looked at when its old slot comes due
            wheel.remove(field, slot)
        self._slots[field] = wheel.add(field, at)

    def remove(self, field: bytes) -> bool:
        """Makes a field stay for ever; whether it was to expire."""
        if self.times.pop(field, None) is None:
            return False
        if self._wheel is not None:
            self._wheel.remove(field, self._slots.pop(field))
        if not self.times:
            self.earliest = 0
        return True

    def take_due(self, now: int, limit: int) -> list[bytes]:
        """Forgets fields whose time has come, looking at about `limit`, and returns them."""
        due: list[bytes] = []
        wheel = self._wheel
        if wheel is None:
            for field, at in self.times.items():
                if at <= now:
                    due.append(field)
                    if len(due) == limit:
                        break
            for field in due:
                del self.times[field]
            self.earliest = min(self.times.values(), default=0)
            return due
        for field in wheel.due(now, limit):
            at = self.times[field]
            if at <= now:
                due.append(field)
                del self.times[field]
                del self._slots[field]
            else:
                self._slots[field] = wheel.add(field, at)
        self.earliest = wheel.earliest()
        return due


# For each field that expires: its time, and its place in a dictionary. Compiled, each has a number
# of its own for the time; else all that one command sets share it.
_TIMED_BYTES: Final = 112 - boxed_bytes(FieldTimes())


@mypyc_attr(acyclic=True)
class Hash(Value):
    """Fields with a value each.

    What gets `settings` may change how the hash is held, by Redis' limits `hash-max-listpack-…`.

    Attributes:
        small, large: one of them holds the fields, the other is None; to be read only.
        times: when fields expire; None if none ever did. To be read only.
    """

    def __init__(self) -> None:
        self.small: dict[bytes, bytes] | None = {}
        self.large: Table | None = None
        self.times: FieldTimes | None = None
        self._table: i64 = 0  # bytes of `small` itself

    def type_name(self) -> bytes:
        return b"hash"

    def encoding(self, settings: Settings) -> bytes:
        if self.small is None:
            return b"hashtable"
        return b"listpack" if self.times is None else b"listpackex"

    def copy(self) -> "Hash":
        other = Hash()
        if self.small is not None:
            other.small = self.small.copy()
        elif self.large is not None:
            other.small = None
            other.large = self.large.copy()
        if self.times is not None:
            other.times = self.times.copy()
        other._table = self._table
        other.held = self.held
        return other

    def __len__(self) -> int:
        """The number of fields, with those whose time has come and that are not removed yet."""
        if self.small is not None:
            return len(self.small)
        return 0 if self.large is None else len(self.large.names)

    def release(self, limit: int) -> bool:
        return self.large is not None and self.large.release(limit)

    def part_expiry(self) -> int:
        return 0 if self.times is None else self.times.earliest

    # ---- reading

    def get(self, field: bytes, now: int) -> bytes | None:
        """The value of a field, or None."""
        if self.times is not None and 0 < self.times.times.get(field, 0) <= now:
            return None
        if self.small is not None:
            return self.small.get(field)
        return None if self.large is None else self.large.get(field)

    def at(self, place: int) -> bytes:
        """The field at a place from 0 to the number of fields; for drawing at random."""
        if self.small is not None:
            return next(islice(self.small, place, None))
        if self.large is None:
            raise IndexError(place)
        return self.large.names[place]

    def picked(self, places: list[int]) -> list[bytes]:
        """The fields at these places."""
        if self.large is not None:
            names = self.large.names
        elif len(places) == 1:
            return [self.at(places[0])]
        else:
            names = list(self.small or ())
        return [names[place] for place in places]

    def fields(self, now: int) -> list[bytes]:
        """All fields. A new list."""
        names: list[bytes] = []
        if self.small is not None:
            names = list(self.small)
        elif self.large is not None:
            names = self.large.names.copy()
        return [name for name in names if not self._passed(name, now)] if self.hides(now) else names

    def values(self, now: int) -> list[bytes]:
        """The values of all fields, in the same order. A new list."""
        if self.hides(now):
            return self.flat(now)[1::2]
        if self.small is not None:
            return list(self.small.values())
        return [] if self.large is None else self.large.values.copy()

    def flat(self, now: int) -> list[bytes]:
        """Each field and its value in turn. A new list."""
        found: list[bytes] = []
        if self.small is not None:
            for field, value in self.small.items():
                found.append(field)
                found.append(value)
        elif self.large is not None:
            found = self.large.names * 2
            found[::2] = self.large.names
            found[1::2] = self.large.values
        if not self.hides(now):
            return found
        seen: list[bytes] = []
        for index in range(0, len(found), 2):
            if not self._passed(found[index], now):
                seen.append(found[index])
                seen.append(found[index + 1])
        return seen

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` fields from a cursor on, and the next cursor; 0 begins and ends the walk.

        A small hash comes as a whole. Among the fields may be some whose time has come.
        """
        if self.large is not None:
            return self.large.scan(cursor, count)
        return 0, list(self.small or ())

    # ---- changing

    def expect(self, count: int, settings: Settings) -> None:
        """Prepares for so many fields to be set, if they may be too many for a small hash.

        Redis counts repeated ones too, and so do we: OBJECT ENCODING shows.
        """
        if self.small is not None and count > settings.integer("hash-max-listpack-entries"):
            self._enlarge()

    def set(self, field: bytes, value: bytes, settings: Settings) -> bool:
        """Gives a field its value, for ever; whether the field is new."""
        self.persist(field)
        return self.replace(field, value, settings)

    def replace(self, field: bytes, value: bytes, settings: Settings) -> bool:
        """Gives a field its value, and lets it expire as before; whether the field is new."""
        small = self.small
        if small is not None:
            longest = settings.integer("hash-max-listpack-value")
            if len(field) <= longest and len(value) <= longest:
                count = len(small)
                old = small.get(field)
                small[field] = value
                if old is not None:
                    self.grow(text_bytes(len(value)) - text_bytes(len(old)))
                    return False
                self.grow(text_bytes(len(field)) + text_bytes(len(value)) + self._wider(count + 1))
                if count >= settings.integer("hash-max-listpack-entries"):
                    self._enlarge()
                return True
        large = self._enlarge()
        before = large.held
        new = large.set(field, value)
        self.grow(large.held - before)
        return new

    def remove(self, field: bytes) -> bool:
        """Removes a field; whether it was there."""
        self.persist(field)
        return self._remove(field)

    # ---- expiry

    def hides(self, now: int) -> bool:
        """Whether there may be fields whose time has come and that are not removed yet."""
        return self.times is not None and 0 < self.times.earliest <= now

    def expiry(self, field: bytes, now: int) -> int:
        """When a field expires; -1 for never, -2 for no field."""
        if self.get(field, now) is None:
            return -2
        return -1 if self.times is None else self.times.times.get(field, -1)

    def set_expiry(self, field: bytes, at: int) -> None:
        """Sets when a field expires; the field must be there."""
        times = self.timed()
        before = times.held()
        times.set(field, at)
        self.grow(times.held() - before)

    def persist(self, field: bytes) -> bool:
        """Makes a field stay for ever; whether it was to expire."""
        times = self.times
        if times is None:
            return False
        before = times.held()
        found = times.remove(field)
        self.grow(times.held() - before)
        return found

    def timed(self) -> FieldTimes:
        """When fields expire; a small hash is a listpackex from now on."""
        if self.times is None:
            self.times = FieldTimes()
        return self.times

    def expire(self, now: int, limit: int) -> list[bytes]:
        """Removes fields whose time has come, looking at about `limit`, and returns them."""
        if self.times is None or not self.hides(now):
            return []
        before = self.times.held()
        due = self.times.take_due(now, limit)
        self.grow(self.times.held() - before)
        for field in due:
            self._remove(field)
        return due

    # ---- how it is held

    def _passed(self, field: bytes, now: int) -> bool:
        return self.times is not None and 0 < self.times.times.get(field, 0) <= now

    def _remove(self, field: bytes) -> bool:
        if self.small is not None:
            value = self.small.pop(field, None)
            if value is None:
                return False
            self.grow(-text_bytes(len(field)) - text_bytes(len(value)))
            return True
        large = self.large
        if large is None:
            return False
        before = large.held
        found = large.remove(field)
        self.grow(large.held - before)
        return found

    def _wider(self, count: i64) -> i64:
        """Bytes by which the small dictionary grows to hold so many; it never shrinks."""
        table = dict_bytes(count)
        if table <= self._table:
            return 0
        growth = table - self._table
        self._table = table
        return growth

    def _enlarge(self) -> Table:
        large = self.large
        if large is None:
            large = self.large = Table(self.small or {})
            self.small = None
            times: i64 = 0 if self.times is None else self.times.held()
            self.grow(large.held + times - self.held)
        return large
