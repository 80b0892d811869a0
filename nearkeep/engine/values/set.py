"""Sets.

There are three ways to hold one, each with the name that Redis has for its own:

    intset      few members, all of them 64-bit integers: an array in ascending order
    listpack    few and short members: a dictionary, in the order of their coming
    hashtable   all others: `Indexed`

A set changes from one to the next as it grows and never back.
"""

from array import array
from bisect import bisect_left
from itertools import islice
from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.footprint import dict_bytes, text_bytes, texts_bytes
from nearkeep.engine.values.indexed import Indexed
from nearkeep.engine.values.value import Value
from nearkeep.wire.request import parse_integer

_ARRAY_BYTES: Final = 80
_NUMBER_BYTES: Final = 9
"""Of an array's element, with the room that it keeps to grow."""


@mypyc_attr(acyclic=True)
class Set(Value):
    """A set of byte strings.

    What gets `settings` may change how the set is held, by Redis' limits `set-max-…`.

    Attributes:
        numbers, small, large: one of them holds the members, the others are None; to be read only.
    """

    def __init__(self) -> None:
        self.numbers: array[int] | None = array("q")
        self.small: dict[bytes, None] | None = None
        self.large: Indexed | None = None
        self._table: i64 = 0  # bytes of `small` itself
        self.held = _ARRAY_BYTES

    def type_name(self) -> bytes:
        return b"set"

    def encoding(self, settings: Settings) -> bytes:
        if self.numbers is not None:
            return b"intset"
        return b"hashtable" if self.small is None else b"listpack"

    def copy(self) -> "Set":
        other = Set()
        other.numbers = self.numbers[:] if self.numbers is not None else None
        other.small = self.small.copy() if self.small is not None else None
        other.large = Indexed(self.large.names.copy()) if self.large is not None else None
        other._table = self._table
        other.held = self.held
        return other

    def __len__(self) -> int:
        if self.large is not None:
            return len(self.large.names)
        if self.small is not None:
            return len(self.small)
        return 0 if self.numbers is None else len(self.numbers)

    def release(self, limit: int) -> bool:
        return self.large is not None and self.large.release(limit)

    # ---- members

    def __contains__(self, member: bytes) -> bool:
        if self.large is not None:
            return member in self.large.places
        if self.small is not None:
            return member in self.small
        number = parse_integer(member)
        return number is not None and self._find(number) >= 0

    def members(self) -> list[bytes]:
        """All members: in ascending order, in the order of their coming or in none. A new list."""
        if self.large is not None:
            return self.large.names.copy()
        if self.small is not None:
            return list(self.small)
        return [] if self.numbers is None else [b"%d" % number for number in self.numbers]

    def at(self, place: int) -> bytes:
        """The member at a place from 0 to the number of members; for drawing at random."""
        if self.large is not None:
            return self.large.names[place]
        if self.small is not None:
            return next(islice(self.small, place, None))
        if self.numbers is None:
            raise IndexError(place)
        return b"%d" % self.numbers[place]

    def picked(self, places: list[int]) -> list[bytes]:
        """The members at these places."""
        if self.large is not None:
            names = self.large.names
        elif len(places) == 1:
            return [self.at(places[0])]
        else:
            names = self.members()
        return [names[place] for place in places]

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` members from a cursor on, and the next cursor; 0 begins and ends the walk.

        A small set comes as a whole.
        """
        if self.large is not None:
            return self.large.scan(cursor, count)
        return 0, self.members()

    # ---- changing

    def expect(self, first: bytes, count: int, settings: Settings) -> None:
        """Prepares for `count` members to be added, with `first` as the first of them.

        Redis chooses by their number, repeated ones included, and so do we: OBJECT ENCODING shows.
        """
        if self.numbers is not None:
            if parse_integer(first) is not None:
                if count <= settings.integer("set-max-intset-entries"):
                    return
                if len(self.numbers):
                    self._enlarge()
                    return
            elif len(self.numbers):
                return
            self.numbers = None
            self.small = {}
            self.grow(-self.held)
        if self.small is not None and count > settings.integer("set-max-listpack-entries"):
            self._enlarge()

    def add(self, member: bytes, settings: Settings) -> bool:
        """Adds a member; whether it was new."""
        if self.large is not None:
            return self._add_large(self.large, member)
        if self.numbers is not None:
            number = parse_integer(member)
            if number is not None:
                return self._add_number(number, settings)
            self._name_numbers(settings)
        small = self.small
        if small is not None:
            if member in small:
                return False
            if len(small) < settings.integer("set-max-listpack-entries") and len(
                member
            ) <= settings.integer("set-max-listpack-value"):
                small[member] = None
                self.grow(text_bytes(len(member)) + self._wider(len(small)))
                return True
        return self._add_large(self._enlarge(), member)

    def _add_large(self, large: Indexed, member: bytes) -> bool:
        before = large.held
        new = large.add(member)
        self.grow(large.held - before)
        return new

    def remove(self, member: bytes) -> bool:
        """Removes a member; whether it was there."""
        large = self.large
        if large is not None:
            before = large.held
            found = large.remove(member)
            self.grow(large.held - before)
            return found
        if self.small is not None:
            if member not in self.small:
                return False
            del self.small[member]
            self.grow(-text_bytes(len(member)))
            return True
        number = parse_integer(member)
        if number is None or self.numbers is None:
            return False
        place = self._find(number)
        if place < 0:
            return False
        del self.numbers[place]
        self.grow(-_NUMBER_BYTES)
        return True

    # ---- how it is held

    def _find(self, number: int) -> int:
        """The place of a number in the array, or less than 0."""
        numbers = self.numbers
        if numbers is None:
            return -1
        place = bisect_left(numbers, number)
        return place if place < len(numbers) and numbers[place] == number else -1

    def _add_number(self, number: int, settings: Settings) -> bool:
        numbers = self.numbers
        if numbers is None:
            return False
        count = len(numbers)
        if count and number <= numbers[count - 1]:
            place = bisect_left(numbers, number)
            if numbers[place] == number:
                return False
            numbers.insert(place, number)
        else:
            numbers.append(number)
        self.grow(_NUMBER_BYTES)
        if count >= settings.integer("set-max-intset-entries"):
            self._enlarge()
        return True

    def _name_numbers(self, settings: Settings) -> None:
        """Holds the numbers as strings, since one comes that is none."""
        numbers = self.numbers
        if numbers is None:
            return
        names = self.members()
        longest = max(len(names[0]), len(names[-1])) if names else 0
        if len(names) < settings.integer(
            "set-max-listpack-entries"
        ) and longest <= settings.integer("set-max-listpack-value"):
            self.numbers = None
            self.small = dict.fromkeys(names)
            self.grow(texts_bytes(names) + self._wider(len(names)) - self.held)
        else:
            self._enlarge()

    def _wider(self, count: i64) -> i64:
        """Bytes by which the small dictionary grows to hold so many; it never shrinks."""
        table = dict_bytes(count)
        if table <= self._table:
            return 0
        growth = table - self._table
        self._table = table
        return growth

    def _enlarge(self) -> Indexed:
        large = self.large
        if large is None:
            large = self.large = Indexed(self.members())
            self.numbers = None
            self.small = None
            self.grow(large.held - self.held)
        return large


def set_of(members: list[bytes], settings: Settings) -> Set:
    """A set of these members, of which none occurs twice; the list is taken over."""
    made = Set()
    count = len(members)
    if count > settings.integer("set-max-intset-entries") and count > settings.integer(
        "set-max-listpack-entries"
    ):
        made.numbers = None
        made.large = large = Indexed(members)
        made.held = large.held
        return made
    for member in members:
        made.add(member, settings)
    return made


def intersection_of(members: list[bytes], first: Set | None, settings: Settings) -> Set:
    """The set of these members, which `first`, the smallest, shares with others.

    Where that holds strings, Redis gathers strings, and makes them numbers if they are few.
    """
    if (
        first is None
        or first.numbers is not None
        or len(members) <= settings.integer("set-max-intset-entries")
    ):
        return set_of(members, settings)
    made = Set()
    made.expect(b"", len(members), settings)
    for member in members:
        made.add(member, settings)
    return made


def smallest(sets: list[Set | None]) -> Set | None:
    """The smallest of some sets, the first of equals; None if any is missing."""
    found = sets[0]
    for one in sets:
        if one is None or found is None:
            return None
        if len(one) < len(found):
            found = one
    return found


def shared(sets: list[Set | None], limit: int) -> list[bytes]:
    """The members that all sets have, in the order of the smallest; `limit` of them, 0 for all."""
    first = smallest(sets)
    if first is None:
        return []
    others = [one for one in sets if one is not None and one is not first]
    members = first.members()
    if not others:
        return members if limit == 0 else members[:limit]
    found: list[bytes] = []
    for member in members:
        for other in others:
            if member not in other:
                break
        else:
            found.append(member)
            if len(found) == limit:
                break
    return found


def united(sets: list[Set | None]) -> list[bytes]:
    """The members that any of some sets has."""
    found: dict[bytes, None] = {}
    for one in sets:
        if one is not None:
            found.update(dict.fromkeys(one.members()))
    return list(found)


def difference(sets: list[Set | None]) -> list[bytes]:
    """The members of the first set that no other has, in its order."""
    first = sets[0]
    if first is None:
        return []
    others = [one for one in sets[1:] if one is not None]
    if first in others:
        return []
    others.sort(key=len, reverse=True)  # the largest are likeliest to have a member
    found: list[bytes] = []
    for member in first.members():
        for other in others:
            if member in other:
                break
        else:
            found.append(member)
    return found
