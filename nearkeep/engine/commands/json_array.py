"""The JSON commands for arrays.

Where a path leads to arrays within one another, the inner ones are changed first.

Source: https://redis.io/docs/latest/commands/?group=json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.json import (
    EXPECTED,
    NO_KEY,
    NO_PATH,
    ROOT,
    changed,
    check_depth,
    existing,
    measured,
    to_read,
    values,
)
from nearkeep.engine.text import integer
from nearkeep.engine.values.json import Json, copied, same
from nearkeep.engine.values.json_text import parse, text_of
from nearkeep.engine.values.jsonpath import Path
from nearkeep.engine.values.jsonpath_reader import path_of
from nearkeep.wire.reply import Failure, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

NOT_ARRAY: Final = b"ERR Path does not exist or not an array"


@command(
    "JSON.ARRAPPEND key [path] value ...",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="write denyoom", keys="1 RW access update",
    summary="Appends values to the arrays at a path.",
)  # fmt: skip
def json_arrappend(session: Session, args: list[bytes]) -> Reply:
    if len(args) < 4:
        return Failure(b"ERR wrong number of arguments for 'json.arrappend' command")
    new = [parse(text) for text in args[3:]]
    held = existing(session, args[1])
    path = path_of(args[2])
    arrays = _to_grow(held, path, args[3:], new)
    for array in reversed(arrays):
        if array is not None:
            array += [copied(value) for value in new]
    return _lengths(session, args[1], b"json.arrappend", path, arrays)


@command(
    "JSON.ARRINSERT key path index:integer value ...",
    group="json", since="1.0.0", complexity="O(N)",
    flags="write denyoom", keys="1 RW access update",
    summary="Inserts values before an index of the arrays at a path.",
)  # fmt: skip
def json_arrinsert(session: Session, args: list[bytes]) -> Reply:
    index = integer(args[3])
    new = [parse(text) for text in args[4:]]
    held = existing(session, args[1])
    path = path_of(args[2])
    arrays = _to_grow(held, path, args[4:], new)
    for array in arrays:
        if array is not None and not -len(array) <= index <= len(array):
            return Failure(b"ERR index out of bounds")
    for array in reversed(arrays):
        if array is not None:
            place = index if index >= 0 else index + len(array)
            array[place:place] = [copied(value) for value in new]
    return _lengths(session, args[1], b"json.arrinsert", path, arrays)


@command(
    "JSON.ARRTRIM key path start:integer stop:integer",
    group="json", since="1.0.0", complexity="O(N)",
    flags="write", keys="1 RW access delete",
    summary="Keeps only the elements between two indices of the arrays at a path.",
)  # fmt: skip
def json_arrtrim(session: Session, args: list[bytes]) -> Reply:
    start = integer(args[3])
    stop = integer(args[4])
    held = existing(session, args[1])
    path = path_of(args[2])
    arrays = _arrays(held, path)
    for array in reversed(arrays):
        if array is None:
            continue
        size = len(array)
        first = start if start >= 0 else max(start + size, 0)
        last = min(stop, size - 1) if stop >= 0 else max(stop + size, 0)
        if first > last:
            array.clear()
        else:
            del array[last + 1 :]
            del array[:first]
    return _lengths(session, args[1], b"json.arrtrim", path, arrays)


@command(
    "JSON.ARRPOP key [path=(path [index:integer])]",
    group="json", since="1.0.0", complexity="O(N), O(1) at the end",
    flags="write", keys="1 RW access delete",
    summary="Removes an element of the arrays at a path and returns it.",
)  # fmt: skip
def json_arrpop(session: Session, args: list[bytes]) -> Reply:
    path = path_of(args[2] if len(args) > 2 else ROOT)
    given = parse_integer(args[3]) if len(args) > 3 else -1
    index = -1 if given is None else given  # RedisJSON takes anything else for the end, too
    held = existing(session, args[1])
    found: list[object] = []
    popped = False
    arrays = _arrays(held, path)
    for array in reversed(arrays):
        element: Reply = None
        if array:
            place = index if index >= 0 else max(index + len(array), 0)
            element = text_of(array.pop(min(place, len(array) - 1)))
            popped = True
        found.append(element)
    if popped:
        changed(session, args[1], b"json.arrpop")
    found.reverse()
    if not path.legacy:
        return found
    return [element for element, array in zip(found, arrays, strict=True) if array is not None][-1]


@command(
    "JSON.ARRLEN key [path]",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="readonly", keys="1 RO access",
    summary="Returns the lengths of the arrays at a path.",
)  # fmt: skip
def json_arrlen(session: Session, args: list[bytes]) -> Reply:
    return measured(session, args, _length_of, NO_KEY, NOT_ARRAY, Failure(NO_PATH))


def _length_of(value: object) -> Reply:
    return len(value) if isinstance(value, list) else None


@command(
    "JSON.ARRINDEX key path value [range=(start:integer [stop:integer])]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Finds the first place of a value in the arrays at a path.",
)  # fmt: skip
def json_arrindex(session: Session, args: list[bytes]) -> Reply:
    wanted = parse(args[3])
    start = integer(args[4]) if len(args) > 4 else 0
    stop = integer(args[5]) if len(args) > 5 else 0
    held = to_read(session, args[1])
    if held is None:
        return Failure(NO_PATH)
    path = path_of(args[2])
    found: list[object] = []
    for value in values(held, path):
        place: Reply = _index(value, wanted, start, stop) if isinstance(value, list) else None
        if path.legacy:
            return Failure(EXPECTED % b"array") if place is None else place
        found.append(place)
    return Failure(NO_PATH) if path.legacy else found


def _index(array: list[object], wanted: object, start: int, stop: int) -> int:
    """The first place from `start` to before `stop`, where 0 is the end; -1 if there is none.

    A start beyond the end means the last element.
    """
    size = len(array)
    first = max(start + size, 0) if start < 0 else min(start, max(size - 1, 0))
    last = size if stop == 0 else max(stop + size, 0) if stop < 0 else min(stop, size)
    for place in range(first, last):
        if same(array[place], wanted):
            return place
    return -1


def _arrays(held: Json, path: Path) -> list[list[object] | None]:
    """The arrays to which a path leads, None for other values.

    Raises:
        Failure: there is none, in the older syntax.
    """
    return _checked(path, values(held, path))


def _to_grow(
    held: Json, path: Path, texts: list[bytes], new: list[object]
) -> list[list[object] | None]:
    """The same, of which each may get such elements.

    Raises:
        Failure: also where the document would be nested too deeply.
    """
    places = path.places(held.box)
    for text, value in zip(texts, new, strict=True):
        check_depth(places, text, value, below=1)
    return _checked(path, [place.value for place in places])


def _checked(path: Path, found: list[object]) -> list[list[object] | None]:
    arrays = [value if isinstance(value, list) else None for value in found]
    if path.legacy and all([array is None for array in arrays]):
        raise Failure(NOT_ARRAY)
    return arrays


def _lengths(
    session: Session,
    key: bytes,
    event: bytes,
    path: Path,
    arrays: list[list[object] | None],
) -> Reply:
    """The lengths of arrays that were changed; in the older syntax of the last one."""
    lengths = [len(array) for array in arrays if array is not None]
    if lengths:
        changed(session, key, event)
    if path.legacy:
        return lengths[-1]
    return [None if array is None else len(array) for array in arrays]
