"""JSONPath as RedisJSON has it.

A path is read once into steps, each of which goes from values to some of their members:

    $.a  $["a"]  $["a","b"]    members by key        $..a   the same, of all that is further in
    $[0]  $[-1]  $[0,2]        elements by index     $[1:5:2]  a slice      $.*  $[*]  every member
    $[?(@.a == 1 && @.b)]      members for which a condition holds

A path that does not begin with `$` is of the older syntax, which wants one answer, not a list.
Conditions stand in jsonpath_filter.py, the grammar in jsonpath_reader.py.

Source: https://redis.io/docs/latest/develop/data-types/json/path/ and the grammar of RedisJSON.
"""

from typing import Any, Final

from nearkeep.engine.values.json_text import text_of


class Place:
    """Where a value stands: in a container, at a key or an index, below the place of the container.

    Not acyclic to mypyc: of a chain of more than fifty, CPython puts off the freeing, for which an
    object needs the collector's head.
    """

    def __init__(self, parent: "Place | None", container: object, key: object) -> None:
        self.parent = parent
        self.container = container
        self.key = key

    @property
    def value(self) -> object:
        return member(self.container, self.key)

    def is_there(self) -> bool:
        """Whether there is a value: a place may be one that is still to be filled."""
        return not isinstance(self.container, dict) or self.key in self.container

    def put(self, value: object) -> None:
        """Puts another value there."""
        container: Any = self.container
        container[self.key] = value

    def level(self) -> int:
        """How many arrays and objects are around it."""
        count = 0
        above = self.parent
        while above is not None:
            count += 1
            above = above.parent
        return count

    def location(self) -> bytes:
        """The path that leads there and nowhere else."""
        parts: list[bytes] = []
        place = self
        while place.parent is not None:
            parts.append(b"[%s]" % text_of(place.key))
            place = place.parent
        parts.append(b"$")
        parts.reverse()
        return b"".join(parts)


def member(container: object, key: object) -> object:
    """The element of an array at an index, or the member of an object with a key; it is there."""
    if isinstance(container, dict):
        return container[key]
    if isinstance(container, list) and isinstance(key, int):
        return container[key]
    raise TypeError


# ---- steps


class Step:
    """Goes from a value to some of its members.

    Attributes:
        deep: whether it does so from all values further in too.
    """

    deep = False

    def keys(self, value: object, root: object) -> list[object]:
        """The keys or indexes of the members."""
        raise NotImplementedError

    def keeps(self, value: object, root: object) -> bool:
        """Whether it stays where it is, on a value that can have no members."""
        return False

    def only(self) -> object:
        """The one key or index that it can go to, or None if there may be several."""
        return None


class Names(Step):
    """Members of an object by key."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def keys(self, value: object, root: object) -> list[object]:
        if not isinstance(value, dict):
            return []
        return [name for name in self.names if name in value]

    def only(self) -> object:
        return self.names[0] if len(self.names) == 1 else None


class Indexes(Step):
    """Elements of an array by index; one from the end that is before the start is the first."""

    def __init__(self, indexes: list[int]) -> None:
        self.indexes = indexes

    def keys(self, value: object, root: object) -> list[object]:
        found: list[object] = []
        if isinstance(value, list):
            size = len(value)
            for index in self.indexes:
                place = index if index >= 0 else max(index + size, 0)
                if place < size:
                    found.append(place)
        return found

    def only(self) -> object:
        return self.indexes[0] if len(self.indexes) == 1 else None


class Slice(Step):
    """Elements of an array from an index to before another, in steps."""

    def __init__(self, start: int | None, stop: int | None, stride: int) -> None:
        self.bounds = slice(start, stop, stride)

    def keys(self, value: object, root: object) -> list[object]:
        if not isinstance(value, list):
            return []
        start, stop, stride = self.bounds.indices(len(value))
        return list(range(start, stop, stride))


class Every(Step):
    """All elements of an array, all members of an object."""

    def keys(self, value: object, root: object) -> list[object]:
        if isinstance(value, dict):
            return list(value)
        return list(range(len(value))) if isinstance(value, list) else []


class Condition:
    """What a filter asks of a value."""

    def holds(self, value: object, root: object) -> bool:
        raise NotImplementedError


class Filter(Step):
    """Members for which a condition holds; on a scalar the scalar itself."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def keys(self, value: object, root: object) -> list[object]:
        found: list[object] = []
        if isinstance(value, dict):
            for key, item in value.items():
                if self.condition.holds(item, root):
                    found.append(key)
        elif isinstance(value, list):
            for index in range(len(value)):
                if self.condition.holds(value[index], root):
                    found.append(index)
        return found

    def keeps(self, value: object, root: object) -> bool:
        return not isinstance(value, (list, dict)) and self.condition.holds(value, root)


class Path:
    """A path that was read.

    Attributes:
        legacy: whether it is of the older syntax.
        steps: to be read only.
    """

    def __init__(self, steps: list[Step], legacy: bool = False) -> None:
        self.steps = steps
        self.legacy = legacy

    def is_root(self) -> bool:
        return not self.steps

    def is_definite(self) -> bool:
        """Whether it can lead to one place at most."""
        for step in self.steps:
            if step.deep or step.only() is None:
                return False
        return True

    def values(self, start: object, root: object) -> list[object]:
        """The values to which it leads from one of a document."""
        found: list[object] = [start]
        for step in self.steps:
            if step.deep:
                found = _with_inner(found)
            following: list[object] = []
            for value in found:
                for key in step.keys(value, root):
                    following.append(member(value, key))
                if step.keeps(value, root):
                    following.append(value)
            found = following
        return found

    def places(self, box: list[object], drop: int = 0) -> list[Place]:
        """The places to which it leads in a document that stands in a list of one.

        In the order of the document, outer ones before those within. `drop` leaves out so many
        steps at the end.
        """
        found = [Place(None, box, 0)]
        for step in self.steps[: len(self.steps) - drop]:
            if step.deep:
                found = _with_inner_places(found)
            following: list[Place] = []
            for place in found:
                value = place.value
                for key in step.keys(value, box[0]):
                    following.append(Place(place, value, key))
                if step.keeps(value, box[0]):
                    following.append(place)
            found = following
        return found


_EVERY: Final = Every()


def _with_inner(values: list[object]) -> list[object]:
    """Values, each followed by all that are in it."""
    found: list[object] = []
    rest = values[::-1]
    while rest:
        value = rest.pop()
        found.append(value)
        if isinstance(value, dict):
            rest += list(value.values())[::-1]
        elif isinstance(value, list):
            rest += value[::-1]
    return found


def _with_inner_places(places: list[Place]) -> list[Place]:
    found: list[Place] = []
    rest = places[::-1]
    while rest:
        place = rest.pop()
        found.append(place)
        value = place.value
        inner = [Place(place, value, key) for key in _EVERY.keys(value, None)]
        inner.reverse()
        rest += inner
    return found
