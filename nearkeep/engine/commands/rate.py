"""Rate limits as commands: INCREX counts in windows, CL.THROTTLE spaces actions evenly.

Source: https://redis.io/docs/latest/commands/increx/ and https://github.com/brandur/redis-cell
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from nearkeep.engine import longdouble
from nearkeep.engine.command import command
from nearkeep.engine.commands.string import ExpiryOptions
from nearkeep.engine.keyspace import GENERIC, STRING
from nearkeep.engine.text import NOT_INTEGER, SYNTAX_ERROR, integer, number_or
from nearkeep.engine.values.string import string_of
from nearkeep.wire.reply import Failure, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_MAX: Final = 9223372036854775807
_MIN: Final = -9223372036854775808
_NS: Final = 1_000_000_000
_NS_IN_MS: Final = 1_000_000
_CROSSED: Final = b"ERR LBOUND can't be greater than UBOUND"
_INFINITE: Final = b"ERR applied increment would be Infinity"


@command(
    "INCREX key [increment=(BYFLOAT float:double | BYINT integer:integer)] [SATURATE] "
    "[LBOUND lowerbound] [UBOUND upperbound] [expiration=(EX seconds:integer "
    "| PX milliseconds:integer | EXAT unix-time-seconds:unix-time "
    "| PXAT unix-time-milliseconds:unix-time | PERSIST)] [ENX]",
    group="string", since="8.8.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds to a number within bounds and sets its expiry.",
)  # fmt: skip
def increx(session: Session, args: list[bytes]) -> Reply:
    options = IncrexOptions(args)
    if options.enx and not options.unit:
        return Failure(b"ERR ENX flag requires an expiration")
    if options.by_float:
        return _add_double(session, args[1], options)
    return _add_integer(session, args[1], options)


@command(
    "CL.THROTTLE key max-burst:integer count-per-period:integer period:integer [quantity:integer]",
    group="string", since="0.1.0", complexity="O(1)",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Limits the rate of an action and tells when to try again.",
)  # fmt: skip
def cl_throttle(session: Session, args: list[bytes]) -> Reply:
    """The generic cell rate algorithm.

    What is kept is the theoretical arrival time: when the next action would come if all had come at
    the rate, nanoseconds since the epoch. An action may come so much before it as the burst allows.
    """
    if len(args) > 6:
        return Failure(b"ERR wrong number of arguments for 'cl.throttle' command")
    limit = integer(args[2]) + 1
    count = integer(args[3])
    period = integer(args[4])
    quantity = integer(args[5]) if len(args) > 5 else 1
    if limit < 1 or count < 0 or period < 0 or quantity < 0:
        return Failure(b"ERR burst, count, period and quantity can't be negative")
    interval = period * _NS // count if count else 0
    if interval == 0:
        return Failure(b"ERR Zero rates are not supported")
    tolerance = interval * limit
    db = session.db
    now: int = session.namespace.clock.ms
    now *= _NS_IN_MS
    if now + tolerance > _MAX:
        return Failure(b"ERR the period is too long for such a burst")
    held = db.lookup(args[1])
    arrival = now if held is None else max(integer(string_of(held)), now)
    following = arrival + interval * quantity
    early = following - tolerance - now
    limited = early > 0
    if not limited:
        arrival = following
        if quantity:
            _keep_arrival(session, args[1], arrival)
    retry = _seconds(early) if limited and quantity <= limit else -1
    remaining = max(now + tolerance - arrival, 0) // interval
    return [1 if limited else 0, limit, remaining, retry, _seconds(arrival - now)]


def _keep_arrival(session: Session, key: bytes, arrival: int) -> None:
    db = session.db
    at = -(-arrival // _NS_IN_MS)
    db.set(key, arrival)
    db.set_expiry(key, at)
    db.changed(key)
    db.notify(STRING, b"set", key)
    db.notify(GENERIC, b"expire", key)
    session.effect(b"SET", key, b"%d" % arrival, b"PXAT", b"%d" % at)


def _seconds(ns: int) -> int:
    """Nanoseconds in whole seconds, rounded up: who waits so long does not come too early."""
    return -(-ns // _NS)


class IncrexOptions(ExpiryOptions):
    """The options of INCREX, each of which may be given once.

    Raises:
        Failure: one is unknown, given twice or at odds with another.
    """

    def __init__(self, args: list[bytes]) -> None:
        self.by_float = False
        self.saturate = False
        self.enx = False
        self.arguments: dict[bytes, bytes] = {}
        super().__init__(args, 2)

    def read(self, option: bytes, argument: bytes | None) -> bool:
        again = SYNTAX_ERROR.message
        if option in _WITH_ARGUMENT:
            name = _WITH_ARGUMENT[option]
            if argument is None or name in self.arguments:
                raise Failure(again)
            self.arguments[name] = argument
            self.by_float = self.by_float or option == b"BYFLOAT"
            return True
        if option == b"SATURATE" and not self.saturate:
            self.saturate = True
        elif option == b"ENX" and not self.enx and not self.persist:
            self.enx = True
        elif self.unit or self.persist or (option == b"PERSIST" and self.enx):
            raise Failure(again)
        else:
            return ExpiryOptions.read(self, option, argument)
        return False

    def integer(self, name: bytes, default: int) -> int:
        """A bound or the increment."""
        text = self.arguments.get(name)
        if text is None:
            return default
        return number_or(text, b"ERR %s is not an integer or out of range" % name)

    def double(self, name: bytes, default: Fraction) -> Fraction | float:
        """A bound or the increment; infinities as floats."""
        text = self.arguments.get(name)
        if text is None:
            return default
        try:
            return longdouble.parse(text)
        except Failure:
            raise Failure(b"ERR %s is not a valid float" % name) from None


_WITH_ARGUMENT: Final = {
    b"BYINT": b"Increment",
    b"BYFLOAT": b"Increment",
    b"LBOUND": b"LBOUND",
    b"UBOUND": b"UBOUND",
}
"""The options that have an argument, by the names that errors give them."""


def _add_integer(session: Session, key: bytes, options: IncrexOptions) -> Reply:
    increment = options.integer(b"Increment", 1)
    lower = options.integer(b"LBOUND", _MIN)
    upper = options.integer(b"UBOUND", _MAX)
    if lower > upper:
        return Failure(_CROSSED)
    at = options.expires_at(session, b"increx")
    value = session.db.lookup(key)
    old = 0 if value is None else parse_integer(string_of(value))
    if old is None:
        return NOT_INTEGER
    total = old + increment
    if not lower <= total <= upper:
        if not options.saturate:
            return [old, 0]
        total = upper if total > upper else lower
    if not _MIN <= total - old <= _MAX:
        return Failure(b"ERR applied increment would overflow")
    _keep(session, key, total, b"incrby", options, at)
    return [total, total - old]


def _add_double(session: Session, key: bytes, options: IncrexOptions) -> Reply:
    increment = options.double(b"Increment", Fraction(0))
    if isinstance(increment, float):
        return Failure(b"ERR BYFLOAT increment cannot be Infinity")
    lower = options.double(b"LBOUND", -longdouble.LARGEST)
    upper = options.double(b"UBOUND", longdouble.LARGEST)
    if lower > upper:
        return Failure(_CROSSED)
    at = options.expires_at(session, b"increx")
    value = session.db.lookup(key)
    old = longdouble.parse(b"0" if value is None else string_of(value))
    if isinstance(old, float):
        return Failure(b"ERR value cannot be Infinity")
    total: Fraction | float = longdouble.rounded(old + increment)
    if not lower <= total <= upper:
        if not options.saturate:
            return [_shown(session, old), _shown(session, Fraction(0))]
        total = upper if total > upper else lower
    if isinstance(total, float):
        return Failure(_INFINITE)
    applied = longdouble.rounded(total - old)
    if abs(applied) > longdouble.LARGEST:
        return Failure(_INFINITE)
    _keep(session, key, longdouble.text(total), b"incrbyfloat", options, at)
    return [_shown(session, total), _shown(session, applied)]


def _shown(session: Session, number: Fraction) -> Reply:
    """A long double in the client's protocol: RESP3 has doubles."""
    if session.protocol != 3:
        return longdouble.text(number)
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _keep(
    session: Session,
    key: bytes,
    total: int | bytes,
    event: bytes,
    options: IncrexOptions,
    at: int | None,
) -> None:
    """Sets the sum and its expiry; one that has passed deletes the key."""
    db = session.db
    if at is not None and options.enx and db.expiry(key) > 0:
        at = None
    if at is not None and options.absolute and at <= session.namespace.clock.ms:
        if db.remove(key):
            db.changed(key)
            db.notify(GENERIC, b"del", key)
            session.effect(b"DEL", key)
        return
    db.replace(key, total)
    db.changed(key)
    db.notify(STRING, event, key)
    told = total if isinstance(total, bytes) else b"%d" % total
    if at is not None:
        db.set_expiry(key, at)
        db.notify(GENERIC, b"expire", key)
        session.effect(b"SET", key, told, b"PXAT", b"%d" % at)
    elif options.persist:
        if db.persist(key):
            db.notify(GENERIC, b"persist", key)
        session.effect(b"SET", key, told)
    else:
        session.effect(b"SET", key, told, b"KEEPTTL")
