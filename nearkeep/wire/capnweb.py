"""Cap'n Web: object-capability RPC with promise pipelining, one peer of a session, without I/O.

A message is one JSON array. `push` evaluates an expression, whose value gets the next number; `pull` asks
for that value; an expression may refer to values that are not there yet, which is why a chain of calls
needs one round trip. Numbers are given by who imports (1, 2, …: the results of its pushes) or by who exports
(-1, -2, …: objects that it hands out); 0 is the object that a session begins with.

    exports   what the peer may refer to: our main object, results of its pushes, objects handed out
    imports   what we may refer to: results of our calls, objects of the peer

All that a peer can make grow is limited: depth, entries, work per message.

Source: https://github.com/cloudflare/capnweb, the page about the wire protocol
"""

import binascii
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final

import orjson
from mypy_extensions import mypyc_attr

DEEPEST: Final = 64
"""How deep an expression may be nested."""

MOST_ENTRIES: Final = 10_000
"""Exports, and imports, that a session may have at a time."""

MOST_STEPS: Final = 100_000
"""Values that one message may have evaluated."""

LONGEST_NUMBER: Final = 1000
"""Digits of a bigint."""

_EXACT: Final = 1 << 53


class RpcError(Exception):
    """What a call fails with: the name of a JavaScript error, and its message."""

    def __init__(self, message: str, kind: str = "Error") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


class BrokenError(Exception):
    """The peer does not keep to the protocol; the session ends."""


class Undefined:
    """JavaScript's undefined."""


UNDEFINED: Final = Undefined()


@mypyc_attr(allow_interpreted_subclasses=True)
class Target:
    """An object whose methods the peer may call. Subclasses say which there are.

    Attributes:
        holders: how many entries of export tables refer to it; at none it is disposed of.
    """

    def __init__(self) -> None:
        self.holders = 0

    def call(self, name: str, args: list[object]) -> object:
        """Calls a method; returns a value, a Target or a Promise. Raises RpcError."""
        raise RpcError(f"'{name}' is not a function.", "TypeError")

    def dispose(self) -> None:
        """Nobody refers to it any more."""


class Promise:
    """A value, or an error, that may be still to come."""

    def __init__(self) -> None:
        self.settled = False
        self.value: object = None
        self.error: RpcError | None = None
        self._callbacks: list[Callable[[Promise], None]] = []

    def resolve(self, value: object) -> None:
        """Settles with a value, or with what another promise settles with."""
        if isinstance(value, Promise):
            value.then(self._follow)
        elif not self.settled:
            self.value = value
            self._settle()

    def reject(self, error: RpcError) -> None:
        """Settles with an error."""
        if not self.settled:
            self.error = error
            self._settle()

    def then(self, callback: "Callable[[Promise], None]") -> None:
        """Has a function called once it is settled, at once if it is."""
        if self.settled:
            callback(self)
        else:
            self._callbacks.append(callback)

    def _follow(self, other: "Promise") -> None:
        if other.error is not None:
            self.reject(other.error)
        else:
            self.resolve(other.value)

    def _settle(self) -> None:
        self.settled = True
        callbacks = self._callbacks
        self._callbacks = []
        for callback in callbacks:
            callback(self)


class Stub:
    """An object of the peer.

    Attributes:
        kept: whether it is used after the call that brought it.
    """

    def __init__(self, session: "RpcSession", number: int) -> None:
        self.number = number
        self.kept = False
        self._released = False
        self._session = session

    def call(self, args: list[object]) -> Promise:
        """Calls it as a function."""
        return self._session.call_peer(self.number, args, pull=True)

    def tell(self, args: list[object]) -> None:
        """Calls it and does not wait for what it returns."""
        self._session.call_peer(self.number, args, pull=False)

    def release(self) -> None:
        """Is not used any more."""
        if not self._released:
            self._released = True
            self._session.release(self.number)


class Export:
    """An entry of the export table.

    Attributes:
        value: an object, or a Promise.
        references: how often the peer was given its number.
        pulled: whether the peer wants its value.
        streamed: whether it goes once its value was told.
    """

    def __init__(self, value: object) -> None:
        self.value = value
        self.references = 1
        self.pulled = False
        self.streamed = False


class Scope:
    """What numbers mean in a mapper function: captures, input, and results so far."""

    def __init__(self, captures: list[object], value: object) -> None:
        self.captures = captures
        self.results: list[object] = [value]

    def find(self, number: int) -> object:
        if number < 0 and -number <= len(self.captures):
            return self.captures[-number - 1]
        if 0 <= number < len(self.results):
            return self.results[number]
        raise BrokenError("a mapper function refers to what is not there")


class RpcSession:
    """Our side of a session.

    Attributes:
        closed: whether it has ended, by either side.
        unanswered: pulls whose values are still to come.
        one_way: whether the peer can't be called, as it hears us only once.
    """

    def __init__(self, main: Target, send: Callable[[bytes], None], one_way: bool = False) -> None:
        self.closed = False
        self.one_way = one_way
        self.unanswered = 0
        self._send = send
        self._exports: dict[int, Export] = {0: Export(main)}
        self._pushed = 0
        self._exported = 0
        self._called = 0
        self._calls: dict[int, Promise] = {}
        self._stubs: dict[int, int] = {}  # how often the peer has given us the number
        self._arrived: list[Stub] = []  # with the message that is being evaluated
        self._steps = 0

    # ---- messages

    def receive(self, text: bytes) -> None:
        """Takes one message. What the peer does wrong ends the session with `abort`."""
        if self.closed:
            return
        self._steps = 0
        try:
            self._take(orjson.loads(text))
        except (BrokenError, orjson.JSONDecodeError) as error:
            self._tell(["abort", ["error", "Error", f"bad RPC message: {error}"]])
            self.close()

    def close(self) -> None:
        """The session has ended: nothing is owed to the peer, and nothing will come from it."""
        if self.closed:
            return
        self.closed = True
        gone = RpcError("the RPC session has ended")
        for promise in list(self._calls.values()):
            promise.reject(gone)
        exports = self._exports
        self._exports = {}
        for export in exports.values():
            _let_go(export.value)

    def _tell(self, message: list[object]) -> None:
        if not self.closed:
            self._send(orjson.dumps(message))

    def _take(self, message: object) -> None:
        if not isinstance(message, list) or not message:
            raise BrokenError("expected an array")
        kind = message[0]
        if kind == "push":
            self._push(_at(message, 1))
        elif kind == "pull":
            export = self._exports.get(_number(message, 1))
            if export is None:
                raise BrokenError("pull of what is not there")
            self._pull(_number(message, 1), export)
        elif kind == "release":
            self._released(_number(message, 1), _number(message, 2))
        elif kind in ("resolve", "reject"):
            self._settled(_number(message, 1), _at(message, 2), failed=kind == "reject")
        elif kind == "stream":
            export = self._push(_at(message, 1))
            export.streamed = True
            self._pull(self._pushed, export)
        elif kind == "pipe":
            self._add(Export(_rejected(RpcError("streams are not served", "TypeError"))))
        elif kind == "abort":
            self.close()
        else:
            raise BrokenError(f"unknown message {kind!r}")

    def _push(self, expression: object) -> Export:
        value = self._evaluated(expression)
        if isinstance(value, Target):
            value.holders += 1
        export = Export(value)
        self._add(export)
        return export

    def _add(self, export: Export) -> None:
        if len(self._exports) > MOST_ENTRIES:
            raise BrokenError("too many results are held")
        self._pushed += 1
        self._exports[self._pushed] = export

    def _pull(self, number: int, export: Export) -> None:
        if export.pulled:
            return
        export.pulled = True
        self.unanswered += 1
        when([export.value], lambda values: self._answer(number, export, values[0])).then(
            lambda outcome: self._fail(number, export, outcome)
        )

    def _answer(self, number: int, export: Export, value: object) -> object:
        if isinstance(value, Target) and value is not export.value:
            value.holders += 1  # the entry's, whose value was a promise until now
            export.value = value
        expression = self.expression(value)
        self.unanswered -= 1
        self._tell(["resolve", number, expression])
        self._ends(number, export)
        return None

    def _fail(self, number: int, export: Export, outcome: Promise) -> None:
        if outcome.error is not None:
            self.unanswered -= 1
            self._tell(["reject", number, _error(outcome.error)])
            self._ends(number, export)

    def _ends(self, number: int, export: Export) -> None:
        if export.streamed:
            self._released(number, 1)

    def _released(self, number: int, references: int) -> None:
        export = self._exports.get(number)
        if export is None or number == 0:
            return
        export.references -= references
        if export.references <= 0:
            del self._exports[number]
            _let_go(export.value)

    def _settled(self, number: int, expression: object, failed: bool) -> None:
        promise = self._calls.pop(number, None)
        if promise is None:
            return  # we have released it, and it was on its way
        value = self._evaluated(expression)
        self._tell(["release", number, 1])
        if failed:
            promise.reject(value if isinstance(value, RpcError) else RpcError(str(value)))
        else:
            promise.resolve(value)

    # ---- what we ask of the peer

    def call_peer(self, number: int, args: list[object], pull: bool) -> Promise:
        """Calls an object of the peer as a function."""
        promise = Promise()
        if self.one_way:
            promise.reject(RpcError("a batch can't be called back"))
            return promise
        if self.closed or len(self._calls) >= MOST_ENTRIES:
            promise.reject(RpcError("the RPC session has ended"))
            return promise
        self._called += 1
        words = [self.expression(value) for value in args]
        self._tell(["push", ["pipeline", number, [], words]])
        if pull:
            self._calls[self._called] = promise
            self._tell(["pull", self._called])
        else:
            self._tell(["release", self._called, 1])
        return promise

    def release(self, number: int) -> None:
        """An object of the peer is not used any more."""
        references = self._stubs.pop(number, 0) - 1
        if references > 0:
            self._stubs[number] = references
        if references >= 0:
            self._tell(["release", number, 1])

    # ---- expressions of the peer

    def _evaluated(self, expression: object) -> object:
        """What a message's expression evaluates to; an error is a rejected promise."""
        arrived: list[Stub] = []
        self._arrived = arrived
        try:
            value = self._evaluate(expression, None, 0)
        except RpcError as error:
            value = _rejected(error)
        if arrived:
            if isinstance(value, Promise):
                value.then(lambda _: _release(arrived))
            else:
                _release(arrived)
        return value

    def _evaluate(self, expression: object, scope: Scope | None, depth: int) -> object:
        self._steps += 1
        if depth > DEEPEST or self._steps > MOST_STEPS:
            raise BrokenError("too deep or too long an expression")
        if isinstance(expression, dict):
            return {
                name: self._evaluate(value, scope, depth + 1) for name, value in expression.items()
            }
        if not isinstance(expression, list):
            return expression
        if not expression:
            raise BrokenError("an empty array is no expression")
        kind = expression[0]
        if isinstance(kind, list):
            if len(expression) != 1:
                raise BrokenError("an array expression holds one array")
            return [self._evaluate(value, scope, depth + 1) for value in kind]
        if kind in ("import", "pipeline"):
            return self._refer(expression, scope, depth)
        if kind == "remap":
            return self._remap(expression, scope, depth)
        if kind in ("export", "promise"):
            if scope is not None:
                raise BrokenError("a mapper function exports nothing")
            return self._import(_number(expression, 1), is_promise=kind == "promise")
        return _literal(kind, expression)

    def _find(self, number: int, scope: Scope | None) -> object:
        if scope is not None:
            return scope.find(number)
        export = self._exports.get(number)
        if export is None:
            raise BrokenError("an expression refers to what is not there")
        return export.value

    def _import(self, number: int, is_promise: bool) -> object:
        if number >= 0:
            raise BrokenError("who exports gives negative numbers")
        if len(self._stubs) + len(self._calls) >= MOST_ENTRIES:
            raise BrokenError("too many objects are handed over")
        if is_promise:
            promise = Promise()
            self._calls[number] = promise
            return promise
        self._stubs[number] = self._stubs.get(number, 0) + 1
        stub = Stub(self, number)
        self._arrived.append(stub)
        return stub

    def _refer(self, expression: list[object], scope: Scope | None, depth: int) -> object:
        """A property of something, or the result of calling it."""
        subject = self._find(_number(expression, 1), scope)
        path = _path(expression)
        if len(expression) < 4:
            return settled(when([subject], lambda values: _property(values[0], path)))
        words = expression[3]
        if not isinstance(words, list):
            raise BrokenError("arguments are an array")
        args = [self._evaluate(word, scope, depth + 1) for word in words]
        return settled(when([subject, args], lambda values: _called(values[0], path, values[1])))

    def _remap(self, expression: list[object], scope: Scope | None, depth: int) -> object:
        """Each element of something through a function that is told step by step."""
        subject = self._find(_number(expression, 1), scope)
        path = _path(expression)
        captures, instructions = _at(expression, 3), _at(expression, 4)
        if not isinstance(captures, list) or not isinstance(instructions, list) or not instructions:
            raise BrokenError("a mapper function has captures and instructions")
        captured = [self._evaluate(one, scope, depth + 1) for one in captures]

        def one(value: object) -> object:
            inner = Scope(captured, value)
            for instruction in instructions:
                try:
                    inner.results.append(self._evaluate(instruction, inner, depth + 1))
                except RpcError as error:
                    inner.results.append(_rejected(error))
            return inner.results[-1]

        def mapped(values: list[object]) -> object:
            value = _property(values[0], path)
            if isinstance(value, list):
                return [one(element) for element in value]
            return value if value is None or value is UNDEFINED else one(value)

        return settled(when([subject], mapped))

    # ---- our values as expressions

    def expression(self, value: object) -> object:
        """A value as the peer evaluates it; objects are exported. Raises RpcError."""
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, int):
            return value if -_EXACT <= value <= _EXACT else ["bigint", str(value)]
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            return ["nan"] if math.isnan(value) else ["inf" if value > 0 else "-inf"]
        if isinstance(value, bytes):
            return ["bytes", b64encode(value).decode().rstrip("=")]
        if isinstance(value, list):
            return [[self.expression(item) for item in value]]
        if isinstance(value, dict):
            return {str(name): self.expression(item) for name, item in value.items()}
        if value is UNDEFINED:
            return ["undefined"]
        if isinstance(value, Target):
            value.holders += 1
            self._exported -= 1
            self._exports[self._exported] = Export(value)
            return ["export", self._exported]
        if isinstance(value, Stub):
            return ["import", value.number]
        if isinstance(value, RpcError):
            return _error(value)
        raise RpcError("a value that can't be sent", "TypeError")


def when(values: list[object], use: Callable[[list[object]], object]) -> Promise:
    """What a function makes of values, once all promises in them are settled."""
    outcome = Promise()
    pending: list[Promise] = []
    _collect(values, pending)
    left = [len(pending)]

    def go_on(_: Promise) -> None:
        left[0] -= 1
        if left[0] <= 0 and not outcome.settled:
            try:
                outcome.resolve(use([_substituted(value) for value in values]))
            except RpcError as error:
                outcome.reject(error)
            except BrokenError as broken:
                outcome.reject(RpcError(str(broken)))

    if not pending:
        go_on(outcome)
    for promise in pending:
        promise.then(go_on)
    return outcome


def settled(promise: Promise) -> object:
    """A promise, or its value if that is there already. Raises RpcError."""
    if not promise.settled:
        return promise
    if promise.error is not None:
        raise promise.error
    return promise.value


def _collect(value: object, pending: list[Promise]) -> None:
    """The promises in a value that are not settled."""
    if isinstance(value, Promise):
        if not value.settled:
            pending.append(value)
        elif value.error is None:
            _collect(value.value, pending)
    elif isinstance(value, list):
        for item in value:
            _collect(item, pending)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, pending)


def _substituted(value: object) -> object:
    """A value with what its promises have settled with."""
    if isinstance(value, Promise):
        if value.error is not None:
            raise value.error
        return _substituted(value.value)
    if isinstance(value, list):
        return [_substituted(item) for item in value]
    if isinstance(value, dict):
        return {name: _substituted(item) for name, item in value.items()}
    return value


def _property(value: object, path: list[object]) -> object:
    for name in path:
        if isinstance(value, dict) and isinstance(name, str):
            value = value.get(name, UNDEFINED)
        elif isinstance(value, list) and isinstance(name, int):
            value = value[name] if 0 <= name < len(value) else UNDEFINED
        elif isinstance(value, list) and name == "length":
            value = len(value)
        elif value is None or value is UNDEFINED:
            raise RpcError(
                f"Cannot read properties of {'null' if value is None else 'undefined'}", "TypeError"
            )
        else:
            value = UNDEFINED
    return value


def _called(subject: object, path: list[object], args: object) -> object:
    words = args if isinstance(args, list) else []
    if not path and isinstance(subject, Stub):
        return subject.call(words)
    owner = _property(subject, path[:-1])
    if not path or not isinstance(owner, Target) or not isinstance(path[-1], str):
        raise RpcError(f"'{path[-1] if path else ''}' is not a function.", "TypeError")
    return owner.call(path[-1], words)


def _literal(kind: object, expression: list[object]) -> object:
    """The value of an expression that refers to nothing."""
    if kind == "undefined":
        return UNDEFINED
    if kind in ("inf", "-inf", "nan"):
        return float(str(kind))
    word = _at(expression, 1)
    if kind == "bytes" and isinstance(word, str):
        try:
            return b64decode(word + "=" * (-len(word) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise BrokenError("bytes are in base64") from None
    if kind == "bigint" and isinstance(word, str):
        if len(word) > LONGEST_NUMBER or not word.lstrip("-").isdecimal():
            raise BrokenError("not a bigint")
        return int(word)
    if kind == "date" and isinstance(word, (int, float)):
        return word
    if kind == "error" and isinstance(word, str):
        return RpcError(str(_at(expression, 2)), word)
    raise RpcError(f"values of type '{kind}' are not served", "TypeError")


def _error(error: RpcError) -> list[object]:
    return ["error", error.kind, error.message]


def _rejected(error: RpcError) -> Promise:
    promise = Promise()
    promise.reject(error)
    return promise


def _let_go(value: object) -> None:
    """An entry that referred to a value has gone."""
    if isinstance(value, Promise):
        value.then(lambda promise: _let_go(promise.value))
    elif isinstance(value, Target):
        value.holders -= 1
        if value.holders <= 0:
            value.dispose()


def _release(stubs: list[Stub]) -> None:
    for stub in stubs:
        if not stub.kept:
            stub.release()


def _at(message: list[object], index: int) -> object:
    if index >= len(message):
        raise BrokenError("something is missing")
    return message[index]


def _number(message: list[object], index: int) -> int:
    value = _at(message, index)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BrokenError("expected a number")
    return value


def _path(expression: list[object]) -> list[object]:
    path = expression[2] if len(expression) > 2 else []
    if not isinstance(path, list):
        raise BrokenError("a path is an array")
    return path
