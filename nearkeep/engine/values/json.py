"""JSON documents: a tree of what Python's JSON libraries make of the text.

null, booleans, integers, doubles, strings, lists and dictionaries, which keep the order of their
keys. A document stands in a list of one, so that its root is changed like any other element.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.value import Value

_BOX_BYTES: Final = 64
_SAMPLE: Final = 12
"""Elements of the outermost array or object whose sizes are looked at; further in there are fewer."""

_COUNTED: Final = 100
"""Values that are counted at most."""

_TYPES: Final = {
    dict: b"object",
    list: b"array",
    str: b"string",
    bool: b"boolean",
    int: b"integer",
    float: b"number",
}


@mypyc_attr(acyclic=True)
class Json(Value):
    """A document.

    Attributes:
        box: a list whose one element is the root.
    """

    def __init__(self, root: object) -> None:
        self.box: list[object] = [root]
        self.weigh()

    def type_name(self) -> bytes:
        return b"ReJSON-RL"

    def encoding(self, settings: Settings) -> bytes:
        return b"raw"

    def copy(self) -> "Json":
        return Json(copied(self.box[0]))

    def __len__(self) -> int:
        """The number of values in it; of more than a hundred it only says that there are more."""
        count = 0
        rest = [self.box[0]]
        while rest and count < _COUNTED:
            value = rest.pop()
            count += 1
            if isinstance(value, list):
                rest += value[:_COUNTED]
            elif isinstance(value, dict):
                if len(value) > _COUNTED:
                    return len(value)
                rest += value.values()
        return count

    def weigh(self) -> None:
        """To be called when the document has changed: notes how much it takes, about."""
        self.grow(_BOX_BYTES + footprint(self.box[0], _SAMPLE) - self.held)

    def release(self, limit: int) -> bool:
        # The box becomes a stack of what is left: what an array or object held goes on top.
        rest = self.box
        while rest and limit > 0:
            limit -= 1
            last = rest[-1]
            if isinstance(last, list) and last:
                rest.append(last.pop())
            elif isinstance(last, dict) and last:
                rest.append(last.popitem()[1])
            else:
                rest.pop()
        return bool(rest)


def kind_of(value: object) -> bytes:
    """The name that JSON.TYPE has for a value's type."""
    return b"null" if value is None else _TYPES[type(value)]


def copied(value: object) -> object:
    """A value of its own with equal content."""
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


def same(left: object, right: object) -> bool:
    """Whether two values are of one type and equal: 1 is not 1.0, and neither is true."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        for mine, other in zip(left, right, strict=True):
            if not same(mine, other):
                return False
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return False
        for key, item in left.items():
            if not same(item, right[key]):
                return False
        return True
    return left == right


def merged(target: object, patch: object) -> object:
    """A value after a merge patch, RFC 7396; the target may be changed and handed back.

    Source: https://www.rfc-editor.org/rfc/rfc7396
    """
    if not isinstance(patch, dict):
        return copied(patch)
    into: dict[str, object] = target if isinstance(target, dict) else {}
    for key, item in patch.items():
        if item is None:
            into.pop(key, None)
        else:
            into[key] = merged(into.get(key), item)
    return into


def footprint(value: object, sample: int) -> int:
    """Bytes that a value takes; 0 in `sample` looks at all of it.

    Else an estimate by so many elements of an array or object, and half as many in each of them.
    """
    if isinstance(value, str):
        return 49 + len(value)
    if isinstance(value, list):
        elements = value[:sample] if sample else value
        size = sum([footprint(item, _halved(sample)) for item in elements])
        return 56 + 8 * len(value) + _scaled(size, len(elements), len(value))
    if isinstance(value, dict):
        size = looked_at = 0
        for key, item in value.items():
            size += 49 + len(key) + footprint(item, _halved(sample))
            looked_at += 1
            if looked_at == sample:
                break
        return 64 + 100 * len(value) + _scaled(size, looked_at, len(value))
    if value is None or isinstance(value, bool):
        return 0
    return 28


def _halved(sample: int) -> int:
    return max(sample // 2, 1) if sample else 0


def _scaled(size: int, part: int, whole: int) -> int:
    return size * whole // part if part else 0
