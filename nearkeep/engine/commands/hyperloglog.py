"""The HyperLogLog commands: https://redis.io/docs/latest/commands/?group=hyperloglog"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.keyspace import STRING
from nearkeep.engine.values import hyperloglog
from nearkeep.engine.values.hyperloglog import CorruptError
from nearkeep.engine.values.string import growable
from nearkeep.wire.reply import OK, Failure, Reply, Status

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_NOT_ONE: Final = b"WRONGTYPE Key is not a valid HyperLogLog string value."
_CORRUPT: Final = Failure(b"INVALIDOBJ Corrupted HLL object detected")


@command(
    "PFADD key [element ...]",
    group="hyperloglog", since="2.8.9", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW insert",
    summary="Adds elements to a HyperLogLog, creating it if need be.",
)
def pfadd(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    value = db.lookup(key)
    data = hyperloglog.empty() if value is None else _valid(value)
    limit = session.namespace.settings.integer("hll-sparse-max-bytes")
    changed = value is None
    try:
        for element in args[2:]:
            changed = hyperloglog.add(data, element, limit) or changed
    except CorruptError:
        if data is not value:  # from now on held as bytes that change in place, as in Redis
            db.replace(key, data)
        return _CORRUPT
    if not changed:
        if data is not value:
            db.replace(key, data)
        return 0
    hyperloglog.invalidate(data)
    _store(session, key, value, data)
    db.notify(STRING, b"pfadd", key)
    return 1


@command(
    "PFCOUNT key ...",
    group="hyperloglog", since="2.8.9", complexity="O(1), O(N) with several keys",
    flags="readonly may_replicate", keys="1..-1 RW access",
    summary="Estimates how many different elements were added.",
)
def pfcount(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    try:
        if len(args) > 2:
            merged = bytearray(hyperloglog.REGISTERS)
            for key in args[1:]:
                value = db.read(key)
                if value is not None:
                    hyperloglog.merge(merged, hyperloglog.registers(_valid(value)))
            return hyperloglog.estimate(merged)
        value = db.read(args[1])
        if value is None:
            return 0
        data = _valid(value)
        if data is not value:
            db.replace(args[1], data)
        known = hyperloglog.cached(data)
        if known is None:
            known = hyperloglog.estimate(hyperloglog.registers(data))
            hyperloglog.cache(data, known)
            db.changed(args[1])
    except CorruptError:
        return _CORRUPT
    return known


@command(
    "PFMERGE destkey:key [sourcekey:key ...]",
    group="hyperloglog", since="2.8.9", complexity="O(N)",
    flags="write denyoom", keys="1 RW access insert; 2..-1 RO access",
    summary="Merges HyperLogLogs into one.",
)
def pfmerge(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    merged = bytearray(hyperloglog.REGISTERS)
    dense = False
    try:
        for key in args[1:]:
            value = db.read(key)
            if value is not None:
                source = _valid(value)
                dense = dense or hyperloglog.is_dense(source)
                hyperloglog.merge(merged, hyperloglog.registers(source))
        target = args[1]
        value = db.lookup(target)
        data = hyperloglog.empty() if value is None else _valid(value)
        if dense:
            hyperloglog.to_dense(data)
        limit = session.namespace.settings.integer("hll-sparse-max-bytes")
        for register in range(hyperloglog.REGISTERS):
            if merged[register]:
                hyperloglog.raise_register(data, register, merged[register], limit)
    except CorruptError:
        return _CORRUPT
    hyperloglog.invalidate(data)
    _store(session, target, value, data)
    db.notify(STRING, b"pfadd", target)
    return OK


@command(
    "PFDEBUG subcommand key",
    group="hyperloglog", since="2.8.9",
    flags="write denyoom admin", keys="2 RW access", docflags="syscmd",
    summary="Shows the registers of a HyperLogLog, for debugging.",
)
def pfdebug(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    verb = args[1].upper()
    key = args[2]
    value = db.lookup(key)
    if value is None:
        return Failure(b"ERR The specified key does not exist")
    data = _valid(value)
    try:
        if verb == b"GETREG":
            if not hyperloglog.is_dense(data):
                hyperloglog.to_dense(data)
                _store(session, key, value, data)
            return list[object](hyperloglog.registers(data))
        if verb == b"ENCODING":
            return Status(b"dense" if hyperloglog.is_dense(data) else b"sparse")
        if verb == b"TODENSE":
            if hyperloglog.is_dense(data):
                return 0
            hyperloglog.to_dense(data)
            _store(session, key, value, data)
            return 1
        if verb == b"DECODE":
            if hyperloglog.is_dense(data):
                return Failure(b"ERR HLL encoding is not sparse")
            return hyperloglog.describe(data)
    except CorruptError:
        return _CORRUPT
    return Failure(b"ERR Unknown PFDEBUG subcommand '%s'" % args[1])


@command(
    "PFSELFTEST",
    group="hyperloglog", since="2.8.9",
    flags="admin", docflags="syscmd",
    summary="Tests the HyperLogLog implementation.",
)
def pfselftest(session: Session, args: list[bytes]) -> Reply:
    """Counts a hundred thousand elements and compares with what is true."""
    data = hyperloglog.empty()
    for number in range(1, 100_001):
        hyperloglog.add(data, b"%d" % number, 3000)
        if number in (10, 100, 1000, 10_000, 100_000):
            counted = hyperloglog.estimate(hyperloglog.registers(data))
            if abs(counted - number) > max(number * 0.04, 1):
                return Failure(b"TESTFAILED Too big error. card:%d abserr:%d" % (number, counted))
    return OK


def _valid(value: object) -> bytearray:
    """The bytes of a value that is a HyperLogLog; its own, where they can be changed in place.

    Raises:
        Failure: it is none.
    """
    data = growable(value)
    if not hyperloglog.is_hyperloglog(data):
        raise Failure(_NOT_ONE)
    return data


def _store(session: Session, key: bytes, value: object, data: bytearray) -> None:
    """Puts changed bytes in their place."""
    session.db.replace(key, data)
    session.db.changed(key)
