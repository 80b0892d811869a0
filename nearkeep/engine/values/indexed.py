"""What holds the members of a large set, and the fields of a large hash.

What it must do, each in O(1): find a name, add one, remove one, draw one at random, and walk all of
them in steps while they change (SSCAN, HSCAN). As in the keyspace, a dictionary knows each name's
place in a dense list; who leaves is replaced by the last. The walk goes from the end of the list to
its start: names move only towards the start, so none that is there throughout is missed.
"""

from sys import getsizeof
from typing import Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.values.footprint import INT_BYTES, text_bytes, texts_bytes

_LOOK: Final = 31
"""The tables' own size is asked whenever the last bits of their number are 0."""


@mypyc_attr(acyclic=True)
class Indexed:
    """Names, each once, in no order.

    Attributes:
        names: all of them; to be read only.
        places: where each stands in `names`; to be read only.
        held: bytes that all of it takes.
    """

    def __init__(self, names: list[bytes]) -> None:
        """Begins with these names, of which none occurs twice; the list is taken over."""
        self.names = names
        self.places: dict[bytes, int] = dict(zip(names, range(len(names)), strict=True))
        self.held: i64 = texts_bytes(names) + INT_BYTES * len(names)
        self._tables: i64 = 0
        self._measure()

    def tables(self) -> i64:
        """Bytes of the tables alone, without what stands in them."""
        return getsizeof(self) + getsizeof(self.names) + getsizeof(self.places)

    def _measure(self) -> None:
        tables = self.tables()
        self.held += tables - self._tables
        self._tables = tables

    def _added(self, name: bytes) -> None:
        self.held += INT_BYTES + text_bytes(len(name))
        if not len(self.names) & _LOOK:
            self._measure()

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: bytes) -> bool:
        """Adds a name; whether it was new."""
        if name in self.places:
            return False
        self.places[name] = len(self.names)
        self.names.append(name)
        self._added(name)
        return True

    def remove(self, name: bytes) -> bool:
        """Removes a name; whether it was there."""
        place = self.places.pop(name, None)
        if place is None:
            return False
        self.held -= INT_BYTES + text_bytes(len(name))
        last = self.names.pop()
        if place < len(self.names):
            self.names[place] = last
            self.places[last] = place
        return True

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` names from a cursor on, and the next cursor; 0 begins and ends the walk."""
        stop: i64 = len(self.names)
        if 0 < cursor < stop:
            stop = cursor
        start: i64 = max(stop - count, 0)
        return start, self.names[start:stop]

    def release(self, limit: int) -> bool:
        """Frees about `limit` names; whether some are left."""
        del self.names[-limit:]
        for _ in range(min(limit, len(self.places))):
            self.places.popitem()
        return bool(self.places)


@mypyc_attr(acyclic=True)
class Table(Indexed):
    """Names with a value each.

    Attributes:
        values: in the order of `names`; to be read only.
    """

    def __init__(self, content: dict[bytes, bytes]) -> None:
        self.values = list(content.values())
        super().__init__(list(content))
        self.held += texts_bytes(self.values)

    def tables(self) -> i64:
        return super().tables() + getsizeof(self.values)

    def copy(self) -> "Table":
        """A table of its own with equal content."""
        return Table(dict(zip(self.names, self.values, strict=True)))

    def get(self, name: bytes) -> bytes | None:
        """The value of a name, or None."""
        place = self.places.get(name)
        return None if place is None else self.values[place]

    def set(self, name: bytes, value: bytes) -> bool:
        """Gives a name its value; whether the name is new."""
        place = self.places.get(name)
        self.held += text_bytes(len(value))
        if place is not None:
            self.held -= text_bytes(len(self.values[place]))
            self.values[place] = value
            return False
        self.places[name] = len(self.names)
        self.names.append(name)
        self.values.append(value)
        self._added(name)
        return True

    def remove(self, name: bytes) -> bool:
        place = self.places.pop(name, None)
        if place is None:
            return False
        self.held -= INT_BYTES + text_bytes(len(name))
        last = self.names.pop()
        value = self.values.pop()
        if place < len(self.names):
            self.places[last] = place
            self.names[place] = last
            value, self.values[place] = self.values[place], value
        self.held -= text_bytes(len(value))
        return True

    def release(self, limit: int) -> bool:
        del self.values[-limit:]
        return super().release(limit)
