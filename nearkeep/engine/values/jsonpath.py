"""JSONPath as RedisJSON has it.

A path is read once into steps, each of which goes from values to some of their members:

    $.a  $["a"]  $["a","b"]    members by key        $..a   the same, of all that is further in
    $[0]  $[-1]  $[0,2]        elements by index     $[1:5:2]  a slice      $.*  $[*]  every member
    $[?(@.a == 1 && @.b)]      members for which a condition holds

A path that does not begin with `$` is of the older syntax, which wants one answer, not a list.

Source: https://redis.io/docs/latest/develop/data-types/json/path/ and the grammar of RedisJSON.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from mypy_extensions import mypyc_attr

from nearkeep.engine.values.json_text import text_of
from nearkeep.wire.reply import Failure

_CACHED: Final = 1024
"""Paths that are kept once read, of at most `_KEPT` bytes each."""

_KEPT: Final = 256

_NESTED: Final = 64
"""Levels of parentheses, negations, arrays and filters within one another in a path."""


@mypyc_attr(acyclic=True)
class Place:
    """Where a value stands: in a container, at a key or an index, below the place of the container."""

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


class Filter(Step):
    """Members for which a condition holds; on a scalar the scalar itself."""

    def __init__(self, condition: "Condition") -> None:
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


# ---- conditions


class Condition:
    """What a filter asks of a value."""

    def holds(self, value: object, root: object) -> bool:
        raise NotImplementedError


class Either(Condition):
    def __init__(self, parts: list[Condition]) -> None:
        self.parts = parts

    def holds(self, value: object, root: object) -> bool:
        for part in self.parts:
            if part.holds(value, root):
                return True
        return False


class Both(Condition):
    def __init__(self, parts: list[Condition]) -> None:
        self.parts = parts

    def holds(self, value: object, root: object) -> bool:
        for part in self.parts:
            if not part.holds(value, root):
                return False
        return True


class Not(Condition):
    def __init__(self, part: Condition) -> None:
        self.part = part

    def holds(self, value: object, root: object) -> bool:
        return not self.part.holds(value, root)


class Operand:
    """One side of a comparison: a literal, or a path from the value at hand or from the root."""

    def __init__(self, literal: object, path: Path | None = None, from_root: bool = False) -> None:
        self.literal = literal
        self.path = path
        self.from_root = from_root

    def values(self, value: object, root: object) -> list[object]:
        if self.path is None:
            return [self.literal]
        return self.path.values(root if self.from_root else value, root)


class There(Condition):
    """Whether an operand has a value."""

    def __init__(self, operand: Operand) -> None:
        self.operand = operand

    def holds(self, value: object, root: object) -> bool:
        return bool(self.operand.values(value, root))


Comparison = Callable[[object, object], bool]


class Compared(Condition):
    """Whether a comparison holds for any value of one operand with any of the other."""

    def __init__(self, left: Operand, compare: Comparison, right: Operand) -> None:
        self.left = left
        self.compare = compare
        self.right = right

    def holds(self, value: object, root: object) -> bool:
        others = self.right.values(value, root)
        for mine in self.left.values(value, root):
            for other in others:
                if self.compare(mine, other):
                    return True
        return False


def equal(left: object, right: object) -> bool:
    """Whether two values are equal: 1 is 1.0, true is neither."""
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        for mine, other in zip(left, right, strict=True):
            if not equal(mine, other):
                return False
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return False
        for key, item in left.items():
            if not equal(item, right[key]):
                return False
        return True
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _order(left: object, right: object) -> int:
    """-1, 0 or 1; 2 if the two have no order."""
    if isinstance(left, str) and isinstance(right, str):
        return 0 if left == right else (-1 if left < right else 1)
    if left is None or right is None:
        return 0 if left is right else 2
    if isinstance(left, bool) != isinstance(right, bool):
        return 2
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return 0 if left == right else (-1 if left < right else 1)
    return 2


def _less(left: object, right: object) -> bool:
    return _order(left, right) == -1


def _at_most(left: object, right: object) -> bool:
    return _order(left, right) <= 0


def _more(left: object, right: object) -> bool:
    return _order(left, right) == 1


def _at_least(left: object, right: object) -> bool:
    return 0 <= _order(left, right) <= 1


def _matches(left: object, right: object) -> bool:
    if not isinstance(left, str) or not isinstance(right, str):
        return False
    try:
        return re.search(right, left) is not None
    except (re.error, RecursionError):
        return False


def _in(left: object, right: object) -> bool:
    if isinstance(right, list):
        for item in right:
            if equal(left, item):
                return True
    return False


def _subset_of(left: object, right: object) -> bool:
    if not isinstance(left, list) or not isinstance(right, list):
        return False
    for item in left:
        if not _in(item, right):
            return False
    return True


def _any_of(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        for item in left:
            if _in(item, right):
                return True
    return False


def _none_of(left: object, right: object) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not _any_of(left, right)


def _has_size(left: object, right: object) -> bool:
    if isinstance(right, bool) or not isinstance(right, (int, float)):
        return False
    return isinstance(left, (str, list, dict)) and len(left) == int(right)


def _is_empty(left: object, right: object) -> bool:
    return isinstance(left, (str, list, dict)) and right is (not left)


_COMPARISONS: Final[dict[str, Comparison]] = {
    "==": equal,
    "!=": equal,
    "<": _less,
    "<=": _at_most,
    ">": _more,
    ">=": _at_least,
    "=~": _matches,
    "in": _in,
    "nin": _in,
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "size": _has_size,
    "sizeof": _has_size,
    "empty": _is_empty,
}
_NEGATED: Final = ("!=", "nin")
"""These hold where the comparison above does not."""


# ---- reading

_NAME: Final = re.compile(r"[A-Za-z0-9\-_`~+#%$^/:]+")
_STRING: Final = re.compile(r"\"((?:[^\"\\]|\\[\"\\])*)\"|'((?:[^'\\]|\\['\\])*)'")
_ESCAPED: Final = re.compile(r"\\(.)")
_INTEGER: Final = re.compile(r"-?(?:[1-9][0-9]{0,17}|0)")
_NUMBER: Final = re.compile(r"-?(?:[1-9][0-9]{0,17}|0)(\.[0-9]{1,40})?")
_SLICE: Final = re.compile(
    r"(-?[0-9]{1,18})? *: *(-?[0-9]{1,18})? *(?:: *([1-9][0-9]{0,17})?)? *(?=\])"
)
_OPERATOR: Final = re.compile(r"==|!=|=~|<=|>=|<|>|[a-z]+")
_WORD: Final = re.compile(r"(true|false|null)(?![A-Za-z0-9_])")
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}

_read_paths: Final[dict[bytes, Path]] = {}


def path_of(text: bytes) -> Path:
    """A path from its text.

    Raises:
        Failure: it is none; says where.
    """
    path = _read_paths.get(text)
    if path is None:
        path = _read(text)
        if len(text) > _KEPT:
            return path
        if len(_read_paths) >= _CACHED:
            del _read_paths[next(iter(_read_paths))]
        _read_paths[text] = path
    return path


def _read(text: bytes) -> Path:
    try:
        shown = text.decode()
    except UnicodeDecodeError:
        raise Failure(b"ERR Couldn't parse as UTF-8 string") from None
    legacy = shown != "$" and not shown.startswith(("$.", "$["))
    if shown == ".":
        shown = "$"
    elif legacy:
        shown = f"${shown}" if shown.startswith(".") else f"$.{shown}"
    reader = _Reader(shown)
    reader.at = 1
    steps = reader.steps()
    if reader.at < len(shown):
        raise reader.expected("'.', '..' or '['")
    return Path(steps, legacy)


class _Reader:
    """Reads a path from its text, from a position on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.nested = 0

    def expected(self, what: str) -> Failure:
        before, after = self.text[: self.at], self.text[self.at :]
        where = f'"{before} ---->>>> {after}"' if after else f'"{before} <<<<----"'
        return Failure(f"Error occurred on position {self.at}, {where}, expected {what}.".encode())

    def enter(self) -> None:
        self.nested += 1
        if self.nested > _NESTED:
            raise self.expected("fewer levels")

    def blanks(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def take(self, mark: str) -> bool:
        """Whether a mark follows, after blanks; goes beyond it."""
        start = self.at
        self.blanks()
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        self.at = start
        return False

    def must(self, mark: str) -> None:
        if not self.take(mark):
            self.blanks()
            raise self.expected(f"'{mark}'")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What of a pattern follows, after blanks; goes beyond it."""
        start = self.at
        self.blanks()
        found = pattern.match(self.text, self.at)
        self.at = start if found is None else found.end()
        return found

    # ---- steps

    def steps(self) -> list[Step]:
        found: list[Step] = []
        while True:
            if self.take(".."):
                step = self.bracket() if self.take("[") else self.named()
                step.deep = True
            elif self.take("."):
                step = self.bracket() if self.take("[") else self.named()
            elif self.take("["):
                step = self.bracket()
            else:
                return found
            found.append(step)

    def named(self) -> Step:
        if self.take("*"):
            return Every()
        name = self.match(_NAME)
        if name is None:
            raise self.expected("a name, '*' or '['")
        return Names([name.group()])

    def bracket(self) -> Step:
        step = self.selected()
        self.must("]")
        return step

    def selected(self) -> Step:
        if self.take("*"):
            return Every()
        if self.take("?"):
            return Filter(self.condition())
        bounds = self.match(_SLICE)
        if bounds is not None:
            start, stop, stride = bounds.groups()
            return Slice(
                None if start is None else int(start),
                None if stop is None else int(stop),
                1 if stride is None else int(stride),
            )
        name = self.string()
        if name is not None:
            names = [name]
            while self.take(","):
                names.append(self.another_string())
            return Names(names)
        indexes = [self.integer()]
        while self.take(","):
            indexes.append(self.integer())
        return Indexes(indexes)

    def string(self) -> str | None:
        found = self.match(_STRING)
        if found is None:
            return None
        quoted = found.group(1) if found.group(2) is None else found.group(2)
        return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted

    def another_string(self) -> str:
        found = self.string()
        if found is None:
            raise self.expected("a string")
        return found

    def integer(self) -> int:
        digits = self.match(_INTEGER)
        if digits is None:
            raise self.expected("a string, an index, a slice, '*' or '?'")
        return int(digits.group())

    # ---- conditions

    def condition(self) -> Condition:
        self.enter()
        either = [self.all_of()]
        while self.take("||"):
            either.append(self.all_of())
        self.nested -= 1
        return either[0] if len(either) == 1 else Either(either)

    def all_of(self) -> Condition:
        both = [self.single()]
        while self.take("&&"):
            both.append(self.single())
        return both[0] if len(both) == 1 else Both(both)

    def single(self) -> Condition:
        if self.take("!"):
            self.enter()
            inner = self.single()
            self.nested -= 1
            return Not(inner)
        if self.take("("):
            inner = self.condition()
            self.must(")")
            return inner
        left = self.operand()
        start = self.at
        operator = self.match(_OPERATOR)
        compare = None if operator is None else _COMPARISONS.get(operator.group())
        if operator is None or compare is None:
            self.at = start
            return There(left)
        compared = Compared(left, compare, self.operand())
        return Not(compared) if operator.group() in _NEGATED else compared

    def operand(self) -> Operand:
        if self.take("@"):
            return Operand(None, Path(self.steps()))
        if self.take("$"):
            return Operand(None, Path(self.steps()), from_root=True)
        return Operand(self.literal())

    def literal(self) -> object:
        word = self.match(_WORD)
        if word is not None:
            return _WORDS[word.group(1)]
        number = self.match(_NUMBER)
        if number is not None:
            return int(number.group()) if number.group(1) is None else float(number.group())
        string = self.string()
        if string is not None:
            return string
        self.enter()
        value: object
        if self.take("["):
            value = self.items()
        elif self.take("{"):
            value = self.members()
        else:
            raise self.expected("'@', '$' or a literal")
        self.nested -= 1
        return value

    def items(self) -> list[object]:
        found: list[object] = []
        if self.take("]"):
            return found
        found.append(self.literal())
        while self.take(","):
            found.append(self.literal())
        self.must("]")
        return found

    def members(self) -> dict[str, object]:
        found: dict[str, object] = {}
        more = not self.take("}")
        while more:
            name = self.another_string()
            self.must(":")
            found[name] = self.literal()
            more = self.take(",")
            if not more:
                self.must("}")
        return found
