"""When keys expire: a hierarchical timing wheel (Varghese and Lauck, 1987).

A key stands in one slot. A slot of level 0 is one tick wide, a slot of level n 64 times as wide as
one of level n - 1, so that a few hundred slots span years; when a wide slot comes due its keys move
to narrower ones. Adding, moving and removing a key are O(1), and so is finding what is due, per
key. A key whose expiry is put off stays in its early slot and is moved when that comes due: a
session that is prolonged with each request costs nothing here.

The wheel may be late by a tick and never matters for what a client sees: an expired key is hidden
at once by the keyspace itself.
"""

from itertools import islice
from random import Random
from sys import getsizeof
from typing import Final

from mypy_extensions import i64

TICK: Final = 128
"""Width of a slot of level 0, milliseconds."""

_FAN: Final = 64
_LEVELS: Final = 6
_FAR: Final = 1 << 62
_NEAR: Final = 64
"""Keys at the beginning of a slot among which one is drawn."""

_SLOT_BYTES: Final = 80
"""A slot's number and its place in its level's dictionary."""


class Wheel:
    """Keys by the time that they are due, milliseconds since the epoch."""

    def __init__(self, now: i64 = 0) -> None:
        self._slots: list[dict[int, set[bytes]]] = [{} for _ in range(_LEVELS)]
        self._tick: i64 = now >> 7  # slots of level 0 before this one are done
        self._earliest: i64 = _FAR  # no slot is due before this tick

    def memory(self) -> int:
        """Bytes that the wheel takes, without the keys."""
        total = 0
        for slots in self._slots:
            for slot in slots.values():
                total += getsizeof(slot) + _SLOT_BYTES
        return total

    def clear(self) -> None:
        """Forgets all keys."""
        self._slots = [{} for _ in range(_LEVELS)]
        self._earliest = _FAR

    def add(self, key: bytes, due: i64) -> i64:
        """Puts a key in the slot of its due time; returns the slot's number, to be kept with it."""
        tick: i64 = (due >> 7) + 1
        if tick < self._tick:
            tick = self._tick
        level: i64 = 0
        distance: i64 = tick - self._tick
        number: i64 = tick
        while distance >= _FAN and level < _LEVELS - 1:
            distance >>= 6
            number >>= 6
            level += 1
        slots = self._slots[level]
        slot = slots.get(number)
        if slot is None:
            slots[number] = {key}
        else:
            slot.add(key)
        start: i64 = number << (6 * level)
        if start < self._earliest:
            self._earliest = start
        return number * _LEVELS + level

    def start(self, slot_number: i64) -> i64:
        """When a slot comes due, milliseconds since the epoch."""
        level: i64 = slot_number % _LEVELS
        number: i64 = slot_number // _LEVELS
        return (number << (6 * level)) << 7

    def end(self, slot_number: i64) -> i64:
        """When the next slot comes due, milliseconds since the epoch."""
        return self.start(slot_number + _LEVELS)

    def first(self, random: Random, count: int) -> list[bytes]:
        """About `count` keys of the slot that comes due next; none only if there is no key."""
        best: set[bytes] | None = None
        earliest: i64 = _FAR
        for level in range(_LEVELS):
            slots = self._slots[level]
            if slots:
                number: i64 = min(slots)
                start: i64 = number << (6 * level)
                if start < earliest:
                    earliest = start
                    best = slots[number]
        if best is None:
            return []
        place = int(random.random() * max(min(len(best), _NEAR * 4) - count + 1, 1))
        return list(islice(best, place, place + count))

    def draw(self, random: Random, count: int) -> list[bytes]:
        """About `count` keys, roughly at random; none only if there is no key."""
        slots = [slot for level in self._slots for slot in level.values()]
        if not slots:
            return []
        weights = [len(slot) for slot in slots]
        found: list[bytes] = []
        for slot in random.choices(slots, weights, k=count):
            place = int(random.random() * min(len(slot), _NEAR))
            found += islice(slot, place, place + 1)
        return found

    def earliest(self) -> int:
        """A time before which no key is due, milliseconds since the epoch; 0 if there is no key."""
        if self._earliest == _FAR:
            return 0
        return max((self._earliest - 1) << 7, 1)

    def remove(self, key: bytes, slot_number: i64) -> None:
        """Takes a key out of the slot that `add` named."""
        level: i64 = slot_number % _LEVELS
        number: i64 = slot_number // _LEVELS
        slots = self._slots[level]
        slot = slots.get(number)
        if slot is not None:
            slot.discard(key)
            if not slot:
                del slots[number]

    def due(self, now: int, limit: int) -> list[bytes]:
        """Takes out up to `limit` keys whose slots have come due, in no order within a slot.

        The caller looks at each key's true expiry: it may be later, then the key is added again.
        """
        tick: i64 = now >> 7
        if tick < self._earliest:
            self._tick = max(self._tick, tick)
            return []
        found: list[bytes] = []
        earliest: i64 = _FAR
        for level in range(_LEVELS):
            slots = self._slots[level]
            shift: i64 = 6 * level
            for number in sorted(slots):
                first: i64 = number
                start: i64 = first << shift
                if start > tick:
                    earliest = min(earliest, start)
                    break
                slot = slots[number]
                # What comes back from a wide slot must find a narrower one.
                self._tick = max(self._tick, start if level == 0 else tick)
                while slot and len(found) < limit:
                    found.append(slot.pop())
                if slot:
                    self._earliest = start
                    return found
                del slots[number]
        self._tick = max(self._tick, tick)
        self._earliest = earliest
        return found
