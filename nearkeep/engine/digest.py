"""A signature of values and of all data: the same as Redis' DEBUG DIGEST, so that servers compare.

What is in order is mixed in, one after the other; what is in no order is gathered by XOR.
"""

import hashlib
from typing import Final

from nearkeep.engine.keyspace import Keyspace
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.json import Json
from nearkeep.engine.values.json_text import text_of
from nearkeep.engine.values.list import List
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.stream import SEQUENCE, Stream
from nearkeep.engine.values.string import string_of
from nearkeep.engine.values.value import Value
from nearkeep.engine.values.zset import SortedSet
from nearkeep.wire.double import in_digits

_BYTES: Final = 20
_KINDS: Final = {b"string": 0, b"list": 1, b"set": 2, b"zset": 3, b"hash": 4, b"stream": 6}


def digest_of_all(databases: list[Keyspace]) -> bytes:
    """The signature of all keys that have not expired, with their values."""
    total = 0
    for db in databases:
        keys = [key for key in db.keys() if db.live(key)]  # noqa: SIM118 - a keyspace is no dict
        if keys:
            total = _mixed(total, db.index.to_bytes(4, "big"))
        for key in keys:
            one = _digest(_mixed(0, key), db.peek(key), db.expiry(key))
            total ^= _hashed(_bytes(one))
    return _bytes(total)


def digest_of(value: object, expiry: int) -> bytes:
    """The signature of a value, whatever its key; None is all zeros."""
    return _bytes(0 if value is None else _digest(0, value, expiry))


def _digest(digest: int, value: object, expiry: int) -> int:
    """Mixes in a value that expires at a time, or never if that is not positive."""
    kind = value.type_name() if isinstance(value, Value) else b"string"
    digest = _mixed(digest, _KINDS.get(kind, 5).to_bytes(4, "big"))
    if isinstance(value, List):
        for block in value.blocks:
            for element in block:
                digest = _mixed(digest, element)
    elif isinstance(value, Set):
        for member in value.members():
            digest ^= _hashed(member)
    elif isinstance(value, SortedSet):
        members, scores = value.pairs(0, len(value))
        for place in range(len(members)):
            score = in_digits(scores[place])
            digest ^= _hashed(_bytes(_mixed(_mixed(0, members[place]), score)))
    elif isinstance(value, Hash):
        digest ^= _fields(value)
    elif isinstance(value, Stream):
        for entry, flat in value.range(0, value.last_id, 0, False):
            digest = _mixed(digest, b"%d.%d" % (entry >> 64, entry & SEQUENCE))
            for element in flat:
                digest = _mixed(digest, element)
    elif isinstance(value, Json):
        digest = _mixed(digest, text_of(value.box[0]))
    else:
        digest = _mixed(digest, string_of(value))
    return digest ^ _hashed(b"!!expire!!") if expiry > 0 else digest


def _fields(value: Hash) -> int:
    flat = value.flat(0)
    digest = 0
    for index in range(0, len(flat), 2):
        one = _mixed(_mixed(0, flat[index]), flat[index + 1])
        if value.times is not None and flat[index] in value.times.times:
            one ^= _hashed(b"!!hexpire!!")
        digest ^= _hashed(_bytes(one))
    return digest


def _bytes(digest: int) -> bytes:
    return digest.to_bytes(_BYTES, "big")


def _hashed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest(), "big")


def _mixed(digest: int, data: bytes) -> int:
    return _hashed(_bytes(digest ^ _hashed(data)))
