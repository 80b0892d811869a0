"""The JSON commands for documents and objects.

Those for arrays stand in json_array.py, those for numbers, strings and booleans in json_scalar.py.

Source: https://redis.io/docs/latest/commands/?group=json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import MODULE
from nearkeep.engine.text import SYNTAX_ERROR
from nearkeep.engine.values.fpha import WIDTHS, narrowed
from nearkeep.engine.values.json import Json, copied, footprint, kind_of, merged
from nearkeep.engine.values.json_text import (
    DEEPEST,
    TOO_DEEP,
    Layout,
    brackets,
    depth,
    parse,
    text_of,
)
from nearkeep.engine.values.jsonpath import Names, Path, Place
from nearkeep.engine.values.jsonpath_reader import path_of
from nearkeep.wire.reply import OK, Failure, Reply, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from nearkeep.engine.session import Session

ROOT: Final = b"."
"""The path where none is given, which is of the older syntax."""

NO_PATH: Final = b"ERR Path does not exist"
NO_KEY: Final = b"ERR could not perform this operation on a key that doesn't exist"
NOT_OBJECT: Final = b"ERR Path does not exist or not an object"
EXPECTED: Final = b"WRONGTYPE wrong type of path value - expected %s"
_WRONG_TYPE: Final = b"Existing key has wrong Redis type"
_NOT_AT_ROOT: Final = Failure(b"ERR new objects must be created at the root")
_NOT_STATIC: Final = b"Err wrong static path"
_NO_INDEX: Final = b"ERR array index out of range"


@command(
    "JSON.SET key path value [condition=(NX | XX)] "
    "[fpha=(FPHA fpha-type=(FP16 | BF16 | FP32 | FP64))]",
    group="json", since="1.0.0", complexity="O(M+N)",
    flags="write denyoom", keys="1 RW update insert",
    summary="Sets the value at a path, or a whole document.",
)  # fmt: skip
def json_set(session: Session, args: list[bytes]) -> Reply:
    condition = width = b""
    index = 4
    while index < len(args):
        option = args[index].upper()
        if option in (b"NX", b"XX") and not condition:
            condition = option
        elif option == b"FPHA" and index + 1 < len(args):
            index += 1
            width = args[index].upper()
            if width not in WIDTHS:
                return Failure(b"ERR invalid FPHA type")
        else:
            return SYNTAX_ERROR
        index += 1
    held = to_write(session, args[1])
    value = parse(args[3])
    if width:
        value = narrowed(value, width)
    path = path_of(args[2])
    if held is None and condition == b"XX":
        return None
    if held is None and not path.is_root():
        return _NOT_AT_ROOT
    if held is None:
        session.db.set(args[1], Json(value))
    elif not _set(session, held, path, value, args[3], condition):
        return None
    changed(session, args[1], b"json.set")
    return OK


@command(
    "JSON.MSET triplet=(key path value) ...",
    group="json", since="2.6.0", complexity="O(K*(M+N))",
    flags="write denyoom", keys="1..-1/3 RW update insert",
    summary="Sets values in several documents at once.",
)  # fmt: skip
def json_mset(session: Session, args: list[bytes]) -> Reply:
    if len(args) % 3 != 1:
        return Failure(b"ERR wrong number of arguments for 'json.mset' command")
    values: list[object] = []
    for index in range(1, len(args), 3):
        held = to_write(session, args[index])
        path = path_of(args[index + 1])
        if held is None and not path.is_root():
            return _NOT_AT_ROOT
        value = parse(args[index + 2])
        if held is not None:
            _targets(held, path, args[index + 2], value)
        values.append(value)
    every = True
    for index in range(1, len(args), 3):
        key = args[index]
        held = to_write(session, key)
        value = values[index // 3]
        if held is None:
            session.db.set(key, Json(value))
        elif not _set(session, held, path_of(args[index + 1]), value, args[index + 2], b""):
            every = False
            continue
        changed(session, key, b"json.mset")
    return OK if every else None


@command(
    "JSON.MERGE key path value",
    group="json", since="2.6.0", complexity="O(M+N)",
    flags="write denyoom", keys="1 RW access update",
    summary="Merges a value into a document as RFC 7396 says.",
)  # fmt: skip
def json_merge(session: Session, args: list[bytes]) -> Reply:
    held = to_write(session, args[1])
    patch = parse(args[3])
    path = path_of(args[2])
    if held is None:
        if not path.is_root():
            return _NOT_AT_ROOT
        session.db.set(args[1], Json(patch))
        changed(session, args[1], b"json.merge")
        return OK
    places = path.places(held.box)
    if places:
        check_depth(places, args[3], patch)
        for place in reversed(places):
            place.put(merged(place.value, patch))
    else:
        places = _new_places(held, path)
        check_depth(places, args[3], patch)
        for place in places:
            place.put(patch)
    if not places:
        return None
    changed(session, args[1], b"json.merge")
    return OK


@command(
    "JSON.GET key [INDENT indent] [NEWLINE newline] [SPACE space] [path ...]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the values at paths as JSON text.",
)  # fmt: skip
def json_get(session: Session, args: list[bytes]) -> Reply:
    layout = Layout()
    texts: list[bytes] = []
    index = 2
    while index < len(args):
        option = args[index].upper()
        if option in (b"INDENT", b"NEWLINE", b"SPACE"):
            if index + 1 == len(args):
                return Failure(b"ERR wrong number of arguments for 'json.get' command")
            index += 1
            if option == b"INDENT":
                layout.indent = args[index]
            elif option == b"NEWLINE":
                layout.newline = args[index]
            else:
                layout.space = args[index]
        elif option != b"NOESCAPE":  # which older clients send, and which never changed anything
            texts.append(args[index])
        index += 1
    held = to_read(session, args[1])
    if held is None:
        return None
    root = held.box[0]
    if not texts:
        return layout.text_of(root)
    if len(texts) == 1:
        return layout.text_of(_shown(path_of(texts[0]), root, legacy=True))
    paths = [path_of(text) for text in texts]
    legacy = all([path.legacy for path in paths])
    found: dict[str, object] = {}
    for text, path in zip(texts, paths, strict=True):
        found[text.decode()] = _shown(path, root, legacy=legacy)
    return layout.text_of(found)


@command(
    "JSON.MGET key ... path",
    group="json", since="1.0.0", complexity="O(M*N)",
    flags="readonly", keys="1..-2 RO access",
    summary="Returns the values at a path of several documents.",
)  # fmt: skip
def json_mget(session: Session, args: list[bytes]) -> Reply:
    found: list[object] = []
    for key in args[1:-1]:
        value = session.db.read(key)
        text: Reply = None
        if isinstance(value, Json):
            try:
                text = text_of(_shown(path_of(args[-1]), value.box[0], legacy=True))
            except Failure:
                text = None
        found.append(text)
    return found


@command(
    "JSON.DEL key [path]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="write", keys="1 RW delete",
    summary="Deletes the values at a path, or the whole document.",
)  # fmt: skip
def json_del(session: Session, args: list[bytes]) -> Reply:
    key = args[1]
    held = to_write(session, key)
    if held is None:
        return 0
    path = path_of(args[2] if len(args) > 2 else ROOT)
    if path.is_root():
        deleted = 1
    else:
        places = _outermost(path.places(held.box))
        for place in places:
            _discard(session, place.value)
        deleted = _delete(places)
    if deleted == 0:
        return 0
    root = held.box[0]
    if path.is_root() or (isinstance(root, (list, dict)) and not root):
        free(session.namespace, session.db.take(key))
    changed(session, key, b"json.del")
    return deleted


@command(
    "JSON.FORGET key [path]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="write", keys="1 RW delete",
    summary="Deletes the values at a path, or the whole document.",
)  # fmt: skip
def json_forget(session: Session, args: list[bytes]) -> Reply:
    return json_del(session, args)


@command(
    "JSON.CLEAR key [path]",
    group="json", since="2.0.0", complexity="O(N)",
    flags="write", keys="1 RW update",
    summary="Empties objects and arrays and sets numbers to 0.",
)  # fmt: skip
def json_clear(session: Session, args: list[bytes]) -> Reply:
    held = existing(session, args[1])
    path = path_of(args[2] if len(args) > 2 else ROOT)
    filled = [place for place in path.places(held.box) if _can_clear(place.value)]
    places = _outermost(filled)
    for place in places:
        value = place.value
        _discard(session, value)
        place.put([] if isinstance(value, list) else {} if isinstance(value, dict) else 0)
    if places:
        changed(session, args[1], b"json.clear")
    return len(places)


@command(
    "JSON.TYPE key [path]",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="readonly", keys="1 RO access",
    summary="Names the types of the values at a path.",
)  # fmt: skip
def json_type(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session, args[1])
    reply: Reply = None
    if held is not None:
        path = path_of(args[2] if len(args) > 2 else ROOT)
        kinds: list[object] = [kind_of(value) for value in values(held, path)]
        if not path.legacy:
            reply = kinds
        elif kinds:
            reply = kinds[0]
    return [reply] if session.protocol == 3 else reply


@command(
    "JSON.OBJKEYS key [path]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the keys of the objects at a path.",
)  # fmt: skip
def json_objkeys(session: Session, args: list[bytes]) -> Reply:
    return measured(session, args, _keys_of, NO_KEY, NOT_OBJECT, None)


@command(
    "JSON.OBJLEN key [path]",
    group="json", since="1.0.0", complexity="O(1), O(N) for many matches",
    flags="readonly", keys="1 RO access",
    summary="Counts the keys of the objects at a path.",
)  # fmt: skip
def json_objlen(session: Session, args: list[bytes]) -> Reply:
    return measured(session, args, _size_of, NOT_OBJECT, EXPECTED % b"object", None)


@command(
    "JSON.RESP key [path]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Returns the values at a path as RESP arrays and strings.",
)  # fmt: skip
def json_resp(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session, args[1])
    if held is None:
        return None
    path = path_of(args[2] if len(args) > 2 else ROOT)
    found: list[object] = [_as_resp(value) for value in values(held, path)]
    if not path.legacy:
        return found
    return found[0] if found else Failure(NO_PATH)


container(
    "JSON.DEBUG",
    group="json", since="1.0.0",
    summary="What JSON documents look like inside.",
)  # fmt: skip


@command(
    "JSON.DEBUG MEMORY key [path]",
    group="json", since="1.0.0", complexity="O(N)",
    flags="readonly", keys="2 RO access",
    summary="Estimates the bytes of memory that the values at a path take.",
)  # fmt: skip
def json_debug_memory(session: Session, args: list[bytes]) -> Reply:
    path = path_of(args[3] if len(args) > 3 else ROOT)
    held = to_read(session, args[2])
    if held is None:
        return 0 if path.legacy else []
    sizes: list[object] = [footprint(value, 0) for value in values(held, path)]
    if not path.legacy:
        return sizes
    return sizes[0] if sizes else Failure(NO_PATH)


@command(
    "JSON.DEBUG HELP",
    group="json", since="1.0.0", complexity="O(1)",
    flags="readonly",
    summary="Lists the subcommands of JSON.DEBUG.",
)  # fmt: skip
def json_debug_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("json.debug")


def measured(
    session: Session,
    args: list[bytes],
    measure: Callable[[object], Reply],
    no_key: bytes,
    other_type: bytes,
    nothing: Reply,
) -> Reply:
    """What `measure` says of each value at a path, None of those of another type.

    A legacy path asks of its first value alone: `other_type` is the error if that is of another
    type, `nothing` the reply if there is none. `no_key` is the error of any other path.
    """
    path = path_of(args[2] if len(args) > 2 else ROOT)
    held = to_read(session, args[1])
    if held is None:
        return None if path.legacy else Failure(no_key)
    found: list[object] = []
    for value in values(held, path):
        said = measure(value)
        if path.legacy:
            return Failure(other_type) if said is None else said
        found.append(said)
    return nothing if path.legacy else found


def _keys_of(value: object) -> Reply:
    return [key.encode() for key in value] if isinstance(value, dict) else None


def _size_of(value: object) -> Reply:
    return len(value) if isinstance(value, dict) else None


def to_read(session: Session, key: bytes) -> Json | None:
    """The document at a key.

    Raises:
        Failure: there is a value of another type.
    """
    return _document(session.db.read(key))


def to_write(session: Session, key: bytes) -> Json | None:
    """The same, for a command that writes."""
    return _document(session.db.lookup(key))


def existing(session: Session, key: bytes) -> Json:
    """The document at a key, for a command that changes what is there.

    Raises:
        Failure: there is none, or a value of another type.
    """
    held = to_write(session, key)
    if held is None:
        raise Failure(NO_KEY)
    return held


def values(held: Json, path: Path) -> list[object]:
    """The values to which a path leads in a document."""
    return path.values(held.box[0], held.box[0])


def changed(session: Session, key: bytes, event: bytes) -> None:
    """To be called after each change of a document."""
    document = session.db.peek(key)
    if isinstance(document, Json):
        document.weigh()
    session.db.changed(key)
    session.db.notify(MODULE, event, key)


def check_depth(places: list[Place], text: bytes, value: object, below: int = 0) -> None:
    """Checks that a value, which is given as text too, may be put at these places, or below them.

    Raises:
        Failure: the document would be nested too deeply.
    """
    most = brackets(text)
    if most == 0:
        return
    for place in places:
        level = place.level() + below
        if level + most > DEEPEST and level + depth(value) > DEEPEST:
            raise Failure(TOO_DEEP)


def _document(value: object) -> Json | None:
    if value is None or isinstance(value, Json):
        return value
    raise Failure(_WRONG_TYPE)


def _discard(session: Session, value: object) -> None:
    """Lets go of a value that is about to leave its document: a large one in steps."""
    if isinstance(value, (list, dict)):
        free(session.namespace, Json(value))


def _shown(path: Path, root: object, *, legacy: bool) -> object:
    """What JSON.GET shows of a path: all values, or of the older syntax the first one.

    Raises:
        Failure: there is none, in the older syntax.
    """
    found = path.values(root, root)
    if not (legacy and path.legacy):
        return found
    if not found:
        raise Failure(NO_PATH)
    return found[0]


def _targets(held: Json, path: Path, text: bytes, value: object) -> list[Place]:
    """The places that are to be set: those that there are, or new ones.

    Raises:
        Failure: there is none, and none can be made of such a path.
    """
    places = _outermost(path.places(held.box)) or _new_places(held, path)
    check_depth(places, text, value)
    return places


def _set(
    session: Session, held: Json, path: Path, value: object, text: bytes, condition: bytes
) -> bool:
    """Sets the value at all places of a path; whether there was one."""
    if condition == b"XX":
        places = _outermost(path.places(held.box))
        check_depth(places, text, value)
    elif condition == b"NX":
        places = [] if path.is_root() else _new_places(held, path)
        check_depth(places, text, value)
    else:
        places = _targets(held, path, text, value)
    for number, place in enumerate(places):
        if place.is_there():
            _discard(session, place.value)
        place.put(copied(value) if number else value)
    return bool(places)


def _new_places(held: Json, path: Path) -> list[Place]:
    """Where a path to a missing member of an object leads; nowhere if there is no such object.

    Raises:
        Failure: it is no path to one member.
    """
    if not path.is_definite():
        raise Failure(_NOT_STATIC)
    last = path.steps[-1]
    if not isinstance(last, Names):
        if not path.places(held.box):
            raise Failure(_NO_INDEX)
        return []
    name = last.names[0]
    found: list[Place] = []
    for parent in path.places(held.box, drop=1):
        value = parent.value
        if isinstance(value, dict) and name not in value:
            found.append(Place(parent, value, name))
    return found


def _outermost(places: list[Place]) -> list[Place]:
    """The places without those that are within another of them, or come again."""
    if len(places) < 2:
        return places
    chosen: dict[tuple[int, object], Place] = {}
    for place in places:
        chosen.setdefault((id(place.container), place.key), place)
    found: list[Place] = []
    for place in chosen.values():
        above = place.parent
        while above is not None and (id(above.container), above.key) not in chosen:
            above = above.parent
        if above is None:
            found.append(place)
    return found


def _delete(places: list[Place]) -> int:
    """Removes the values from their arrays and objects; how many."""
    indexes: dict[int, list[int]] = {}
    arrays: dict[int, list[object]] = {}
    for place in places:
        holder = place.container
        if isinstance(holder, dict):
            del holder[place.key]
        elif isinstance(holder, list) and isinstance(place.key, int):
            indexes.setdefault(id(holder), []).append(place.key)
            arrays[id(holder)] = holder
    for name, array in arrays.items():
        for index in sorted(indexes[name], reverse=True):
            del array[index]
    return len(places)


def _can_clear(value: object) -> bool:
    """Whether it is an array or an object that is not empty, or a number other than 0."""
    return not isinstance(value, (str, bool)) and bool(value)


def _as_resp(value: object) -> Reply:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return Status(b"true" if value else b"false")
    if isinstance(value, list):
        return [Status(b"["), *[_as_resp(item) for item in value]]
    if isinstance(value, dict):
        flat: list[object] = [Status(b"{")]
        for key, item in value.items():
            flat += [key.encode(), _as_resp(item)]
        return flat
    return value
