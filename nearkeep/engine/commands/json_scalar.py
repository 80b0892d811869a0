"""The JSON commands for numbers, strings and booleans.

Source: https://redis.io/docs/latest/commands/?group=json
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.json import (
    EXPECTED,
    NO_KEY,
    NO_PATH,
    ROOT,
    changed,
    existing,
    measured,
)
from nearkeep.engine.values.json_text import parse, text_of
from nearkeep.engine.values.jsonpath_reader import path_of
from nearkeep.wire.reply import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from nearkeep.engine.session import Session

_MAX: Final = 9223372036854775807
_MIN: Final = -9223372036854775808
_NO_NUMBER: Final = b"ERR Path does not exist or does not contains a number"
_NOT_STRING: Final = b"ERR Path does not exist or not a string"
_NOT_BOOLEAN: Final = b"ERR Path does not exist or not a bool"
_OVERFLOW: Final = b"ERR numeric overflow"
_NOT_FINITE: Final = b"ERR result is not a number"


@command(
    "JSON.NUMINCRBY key path value:double",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="write", keys="1 RW access update",
    summary="Adds to the numbers at a path.",
)  # fmt: skip
def json_numincrby(session: Session, args: list[bytes]) -> Reply:
    return _calculate(session, args, b"json.numincrby", _added)


@command(
    "JSON.NUMMULTBY key path value:double",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="write", keys="1 RW access update",
    summary="Multiplies the numbers at a path.",
)  # fmt: skip
def json_nummultby(session: Session, args: list[bytes]) -> Reply:
    return _calculate(session, args, b"json.nummultby", _multiplied)


@command(
    "JSON.NUMPOWBY key path value:double",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="write", keys="1 RW access update",
    summary="Raises the numbers at a path to a power.",
)  # fmt: skip
def json_numpowby(session: Session, args: list[bytes]) -> Reply:
    # Told in the mutation stream is what came out: elsewhere a power may differ in its last digit.
    return _calculate(session, args, b"json.numpowby", _raised, by_result=True)


@command(
    "JSON.STRAPPEND key [path] value",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="write denyoom", keys="1 RW access update",
    summary="Adds to the end of the strings at a path.",
)  # fmt: skip
def json_strappend(session: Session, args: list[bytes]) -> Reply:
    path = path_of(args[2] if len(args) > 3 else ROOT)
    held = existing(session, args[1])
    places = path.places(held.box)
    strings = [place for place in places if isinstance(place.value, str)]
    if strings:
        more = parse(args[3] if len(args) > 3 else args[2])
        if not isinstance(more, str):
            return Failure(EXPECTED % b"string")
        for place in strings:
            place.put(f"{place.value}{more}")
        changed(session, args[1], b"json.strappend")
    elif path.legacy:
        return Failure(_NOT_STRING)
    if path.legacy:
        return _bytes_in(strings[-1].value)
    return [_bytes_in(place.value) for place in places]


@command(
    "JSON.STRLEN key [path]",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="readonly", keys="1 RO access",
    summary="Returns the lengths of the strings at a path.",
)  # fmt: skip
def json_strlen(session: Session, args: list[bytes]) -> Reply:
    return measured(session, args, _bytes_in, NO_KEY, EXPECTED % b"string", Failure(NO_PATH))


@command(
    "JSON.TOGGLE key path",
    group="json", since="2.0.0", complexity="O(1), O(N) for many matches",
    flags="write denyoom", keys="1 RW access update",
    summary="Turns true into false and false into true.",
)  # fmt: skip
def json_toggle(session: Session, args: list[bytes]) -> Reply:
    held = existing(session, args[1])
    path = path_of(args[2])
    found: list[object] = []
    last: Reply = Failure(_NOT_BOOLEAN)
    toggled = False
    for place in path.places(held.box):
        value = place.value
        if isinstance(value, bool):
            place.put(not value)
            toggled = True
            last = b"false" if value else b"true"
            found.append(0 if value else 1)
        else:
            found.append(None)
    if toggled:
        changed(session, args[1], b"json.toggle")
    return last if path.legacy else found


def _bytes_in(value: object) -> Reply:
    """The length of a string in UTF-8; None of any other value."""
    if not isinstance(value, str):
        return None
    return len(value) if value.isascii() else len(value.encode())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _calculate(
    session: Session,
    args: list[bytes],
    event: bytes,
    operate: Callable[[object, object], object],
    *,
    by_result: bool = False,
) -> Reply:
    """Makes new numbers of those at a path: of all, or where one can't be made of none.

    `by_result` tells the mutation stream the numbers that came out, in place of the command.
    """
    held = existing(session, args[1])
    path = path_of(args[2])
    places = path.places(held.box)
    results: list[object] = [None] * len(places)
    numbers = [index for index, place in enumerate(places) if _is_number(place.value)]
    if numbers:
        operand = parse(args[3])
        if not _is_number(operand):
            return Failure(b"bad input number")
        for index in numbers:
            results[index] = operate(places[index].value, operand)
        for index in numbers:
            place = places[index]
            place.put(results[index])
            if by_result:
                session.effect(b"JSON.SET", args[1], place.location(), text_of(results[index]))
        changed(session, args[1], event)
    if session.protocol == 3:
        return results
    if not path.legacy:
        return text_of(results)
    return text_of(results[numbers[-1]]) if numbers else Failure(_NO_NUMBER)


def _added(left: object, right: object) -> object:
    integers = _integers(left, right)
    if integers is not None:
        return _within(integers[0] + integers[1])
    one, other = _doubles(left, right)
    return _finite(one + other)


def _multiplied(left: object, right: object) -> object:
    integers = _integers(left, right)
    if integers is not None:
        return _within(integers[0] * integers[1])
    one, other = _doubles(left, right)
    return _finite(one * other)


def _raised(left: object, right: object) -> object:
    integers = _integers(left, right)
    if integers is not None:
        base, power = integers
        if power < 0 or (power > 63 and not -1 <= base <= 1):
            raise Failure(_OVERFLOW)
        return _within(int(pow(base, power)))
    one, other = _doubles(left, right)
    try:
        return _finite(math.pow(one, other))
    except (ValueError, OverflowError):
        raise Failure(_NOT_FINITE) from None


def _integers(left: object, right: object) -> tuple[int, int] | None:
    """Both numbers, if both are signed 64-bit integers."""
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    return (left, right) if _MIN <= left <= _MAX and _MIN <= right <= _MAX else None


def _doubles(left: object, right: object) -> tuple[float, float]:
    assert isinstance(left, (int, float))
    assert isinstance(right, (int, float))
    return float(left), float(right)


def _within(number: int) -> int:
    if not _MIN <= number <= _MAX:
        raise Failure(_OVERFLOW)
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise Failure(_NOT_FINITE)
    return number
