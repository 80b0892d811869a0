"""What stands in the filters of a JSONPath: conditions, and operators on values.

A condition holds of several values where it holds of any. What can't be computed has no value.

Source: https://redis.io/docs/latest/develop/data-types/json/path/
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from nearkeep.engine.values.jsonpath import Condition, Path


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
    """What stands for values in a condition: none, one or, of a path, several."""

    def values(self, value: object, root: object) -> list[object]:
        raise NotImplementedError


class Literal(Operand):
    def __init__(self, literal: object) -> None:
        self.literal = [literal]

    def values(self, value: object, root: object) -> list[object]:
        return self.literal


class Query(Operand):
    """A path from the value at hand, or from the root of the document."""

    def __init__(self, path: Path, *, from_root: bool) -> None:
        self.path = path
        self.from_root = from_root

    def values(self, value: object, root: object) -> list[object]:
        return self.path.values(root if self.from_root else value, root)


Arithmetic = Callable[[Any, Any], Any]
"""Of two numbers, integers or doubles."""


class Computed(Operand):
    """The results of an operator on numbers; there is none of other values."""

    def __init__(self, left: Operand, operate: Arithmetic, right: Operand) -> None:
        self.left = left
        self.operate = operate
        self.right = right

    def values(self, value: object, root: object) -> list[object]:
        found: list[object] = []
        others = self.right.values(value, root)
        for mine in self.left.values(value, root):
            for other in others:
                if _is_number(mine) and _is_number(other):
                    try:
                        found.append(_result(self.operate, mine, other))
                    except (ArithmeticError, ValueError):
                        continue
        return found


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


COMPARISONS: Final[dict[str, Comparison]] = {
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
NEGATED: Final = ("!=", "nin")
"""These hold where the comparison above does not."""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _result(operate: Arithmetic, left: object, right: object) -> object:
    """A result of two numbers: an integer of 64 bits or a double.

    Raises:
        ArithmeticError, ValueError: there is none.
    """
    result = operate(left, right)
    if isinstance(result, int) and not -(1 << 63) <= result < 1 << 63:
        result = float(result)
    if not math.isfinite(result):
        raise OverflowError
    return result


def _sum(left: float, right: float) -> int | float:
    return left + right


def _difference(left: float, right: float) -> int | float:
    return left - right


def _product(left: float, right: float) -> int | float:
    return left * right


def _quotient(left: float, right: float) -> int | float:
    return float(left) / float(right)


def _remainder(left: float, right: float) -> int | float:
    """With the sign of the dividend."""
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) % abs(right) * (-1 if left < 0 else 1)
    return math.fmod(left, right)


SUMS: Final[dict[str, Arithmetic]] = {"+": _sum, "-": _difference}
PRODUCTS: Final[dict[str, Arithmetic]] = {"*": _product, "/": _quotient, "%": _remainder}
"""The operators of numbers, by how tightly they bind."""
