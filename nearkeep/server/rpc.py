"""What the `$` of an RPC client can do: caches, messages, and any command.

    $.Cache(ns).get(key)                      $.PubSub(ns).subscribe(channel, callback)
    $.Cache(ns).set(key, value, {ttl: 60})    $.PubSub(ns).publish(channel, message)
    $.Cache(ns).getOrSet(key, compute)        $.command(ns, 'ZADD', 'board', 1, 'ada')

A cache has, beside the methods of its own, every command by its name: `$.Cache(ns).hget('hash', 'field')`.
All run through the session of the connection, as its user, in the order of their coming.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from nearkeep.engine.command import find
from nearkeep.engine.session import Session
from nearkeep.server.caller import Caller
from nearkeep.server.connection import Tick
from nearkeep.server.websocket import WebSocket, text_frame
from nearkeep.wire.capnweb import UNDEFINED, Promise, RpcError, RpcSession, Stub, Target, when
from nearkeep.wire.reply import (
    Attribute,
    BigNumber,
    Failure,
    Map,
    Pairs,
    Push,
    Reply,
    SetReply,
    Several,
    Status,
    Verbatim,
)
from nearkeep.wire.rest import RestError, argument, stateless

LEASE_SECONDS: Final = 30
"""Seconds that a caller of getOrSet has to compute the value."""

UNSUPPORTED: Final = 1003

_END: Final = {b"subscribe": b"unsubscribe", b"psubscribe": b"punsubscribe"}

Submit = Callable[[list[bytes]], Promise]
"""Runs a command when its turn comes; the promise settles with its reply, as a value of RPC."""


class Calls:
    """The commands of RPC calls, run one after the other by the client whose session they need."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._waiting: deque[tuple[list[bytes], Promise]] = deque()
        self._running = False

    def submit(self, args: list[bytes]) -> Promise:
        """Runs a command when its turn comes."""
        promise = Promise()
        self._waiting.append((args, promise))
        session = self._caller.session
        if session is None:
            promise.reject(RpcError("the RPC session has ended"))
        elif not self._running and self._caller.commands is None:
            self.next(session)
        return promise

    def next(self, session: Session) -> None:
        """Runs what waits, until a command blocks."""
        self._running = True
        while self._waiting and self._caller.commands is None and not self._caller.closing:
            args, promise = self._waiting.popleft()
            self._caller.run(session, [args], partial(_settle, promise))
        self._running = False


def _settle(promise: Promise, replies: list[Reply]) -> None:
    try:
        promise.resolve(value_of(replies[0]))
    except RpcError as error:
        promise.reject(error)


class Leases:
    """Who computes which missing value at the moment, and who waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, deque[Callable[[], None]]] = {}

    def take(self, key: bytes) -> bool:
        """Whether the caller is the one to compute; else it may wait."""
        if key in self._waiting:
            return False
        self._waiting[key] = deque()
        return True

    def wait(self, key: bytes, retry: Callable[[], None]) -> None:
        """Has a function called when the value is there, or is not going to be."""
        self._waiting[key].append(retry)

    def end(self, key: bytes) -> None:
        """The value is there, or is not going to be."""
        for retry in self._waiting.pop(key, ()):
            retry()


class Shared:
    """What the RPC objects of a connection work with."""

    def __init__(self, submit: Submit, leases: Leases, one_way: bool = False) -> None:
        self.one_way = one_way
        self.submit = submit
        self.leases = leases
        self.listeners: dict[tuple[bytes, bytes], list[Subscription]] = {}

    def deliver(self, message: Reply) -> None:
        """Hands a message to those callbacks that listen for it."""
        if isinstance(message, Push) and message.items[0] in (b"message", b"pmessage"):
            words = [item for item in message.items if isinstance(item, bytes)]
            kind = b"psubscribe" if words[0] == b"pmessage" else b"subscribe"
            for subscription in list(self.listeners.get((kind, words[1]), ())):
                subscription.callback.tell([_text(words[-1]), _text(words[-2])])


class Root(Target):
    """The `$` itself."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared

    def call(self, name: str, args: list[object]) -> object:
        _check_namespace(args[0] if args else UNDEFINED)
        if name == "Cache":
            return Cache(self._shared)
        if name == "PubSub":
            return PubSub(self._shared)
        if name == "command":
            return self._shared.submit(_command(args[1:]))
        return super().call(name, args)


class Cache(Target):
    """`$.Cache(ns)`."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared
        self._methods: dict[str, Callable[[list[object]], object]] = {
            "set": self._set,
            "invalidate": partial(self._spread, b"DEL"),
            "mget": partial(self._spread, b"MGET"),
            "mset": self._mset,
            "incr": self._incr,
            "keys": self._keys,
            "getOrSet": self._get_or_set,
        }

    def call(self, name: str, args: list[object]) -> object:
        method = self._methods.get(name)
        if method is not None:
            return method(args)
        if find([name.encode()]) is None:
            return super().call(name, args)
        return self._shared.submit(_command([name, *args]))

    def _spread(self, command: bytes, args: list[object]) -> Promise:
        """A command that takes keys, one by one or in an array."""
        keys = args[0] if len(args) == 1 and isinstance(args[0], list) else args
        return self._shared.submit([command, *[_word(key) for key in keys]])

    def _set(self, args: list[object]) -> Promise:
        words = [b"SET", *[_word(arg) for arg in args[:2]]]
        ttl = _milliseconds(args[2] if len(args) > 2 else UNDEFINED, "ttl")
        return self._shared.submit([*words, b"PX", b"%d" % ttl] if ttl else words)

    def _mset(self, args: list[object]) -> Promise:
        if len(args) != 1 or not isinstance(args[0], dict):
            raise RpcError("mset expects an object", "TypeError")
        words = [b"MSET"]
        for key, value in args[0].items():
            words += [_word(key), _word(value)]
        return self._shared.submit(words)

    def _incr(self, args: list[object]) -> Promise:
        amount = _word(args[1]) if len(args) > 1 and args[1] is not UNDEFINED else b"1"
        return self._shared.submit([b"INCRBY", *[_word(arg) for arg in args[:1]], amount])

    def _keys(self, args: list[object]) -> Promise:
        given = bool(args) and args[0] is not UNDEFINED
        return self._shared.submit([b"KEYS", _word(args[0]) if given else b"*"])

    def _get_or_set(self, args: list[object]) -> Promise:
        if len(args) < 2:
            raise RpcError("getOrSet expects a key and a function or a value", "TypeError")
        options = args[2] if len(args) > 2 else UNDEFINED
        return GetOrSet(self._shared, _word(args[0]), args[1], options).promise


class GetOrSet:
    """One call of getOrSet: the value, or the lease to compute it, or its turn to wait."""

    def __init__(self, shared: Shared, key: bytes, compute: object, options: object) -> None:
        self.promise = Promise()
        self._shared = shared
        self._key = key
        self._compute = compute
        self._ttl = _milliseconds(options, "ttl")
        self._stale = _milliseconds(options, "stale")
        self._timer: asyncio.TimerHandle | None = None
        self._leads = False
        if isinstance(compute, Stub):
            compute.kept = True
            self.promise.then(lambda _: compute.release())
        self._look()

    def _look(self) -> None:
        submit = self._shared.submit
        asked: list[object] = [submit([b"GET", self._key]), submit([b"PTTL", self._key])]
        when(asked, self._found).then(self._fail_on_error)

    def _found(self, values: list[object]) -> None:
        value, left = values
        fresh = not self._stale or not isinstance(left, int) or not 0 <= left <= self._stale
        if value is not None and (fresh or not self._shared.leases.take(self._key)):
            self.promise.resolve(value)
        elif value is not None or self._shared.leases.take(
            self._key
        ):  # stale, and this one sees to it
            self._lead()
        else:
            self._shared.leases.wait(self._key, self._look)

    def _lead(self) -> None:
        self._leads = True
        self._timer = asyncio.get_running_loop().call_later(LEASE_SECONDS, self._time_out)
        if isinstance(self._compute, Stub):
            self._compute.call([]).then(self._computed)
        else:
            given = Promise()
            given.resolve(self._compute)
            self._computed(given)

    def _time_out(self) -> None:
        self.promise.reject(RpcError(f"not computed within {LEASE_SECONDS} seconds"))
        self._end_lease()

    def _computed(self, computed: Promise) -> None:
        if computed.error is not None:
            self._fail_on_error(computed)
            return
        try:
            words = [b"SET", self._key, _word(computed.value)]
        except RpcError as error:
            computed = Promise()
            computed.reject(error)
            self._fail_on_error(computed)
            return
        if self._ttl:
            words += [b"PX", b"%d" % (self._ttl + self._stale)]
        stored = self._shared.submit(words)
        when([stored], lambda _: self._done(computed.value)).then(self._fail_on_error)

    def _done(self, value: object) -> None:
        self.promise.resolve(value if isinstance(value, bytes) else _text(_word(value)))
        self._end_lease()

    def _fail_on_error(self, outcome: Promise) -> None:
        if outcome.error is not None:
            self.promise.reject(outcome.error)
            self._end_lease()

    def _end_lease(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._leads:
            self._leads = False
            self._shared.leases.end(self._key)


class PubSub(Target):
    """`$.PubSub(ns)`."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared

    def call(self, name: str, args: list[object]) -> object:
        if name == "publish":
            return self._shared.submit([b"PUBLISH", *[_word(arg) for arg in args[:2]]])
        if name in ("subscribe", "psubscribe"):
            if len(args) != 2 or not isinstance(args[1], Stub):
                raise RpcError(f"{name} expects a name and a function", "TypeError")
            if self._shared.one_way:
                raise RpcError("a batch can't be called back")
            return Subscription(self._shared, name.encode(), _word(args[0]), args[1]).begin()
        return super().call(name, args)


class Subscription(Target):
    """A callback that is told messages until `unsubscribe` is called or nobody holds this object."""

    def __init__(self, shared: Shared, kind: bytes, channel: bytes, callback: Stub) -> None:
        super().__init__()
        self.callback = callback
        self._shared = shared
        self._kind = kind
        self._channel = channel
        self._ended = False
        callback.kept = True

    def begin(self) -> Promise:
        """Listens; the promise settles with this object."""
        listeners = self._shared.listeners.setdefault((self._kind, self._channel), [])
        listeners.append(self)
        subscribed = self._shared.submit([self._kind, self._channel])
        outcome = when([subscribed], lambda _: self)
        outcome.then(self._end_on_error)
        return outcome

    def _end_on_error(self, outcome: Promise) -> None:
        if outcome.error is not None:
            self._end()

    def call(self, name: str, args: list[object]) -> object:
        if name == "unsubscribe":
            self.dispose()
            return UNDEFINED
        return super().call(name, args)

    def dispose(self) -> None:
        if not self._ended and self._end():
            self._shared.submit([_END[self._kind], self._channel])

    def _end(self) -> bool:
        """Listens no more; whether nobody else of the connection listens to the channel."""
        self._ended = True
        self.callback.release()
        listeners = self._shared.listeners.get((self._kind, self._channel), [])
        if self in listeners:
            listeners.remove(self)
        if listeners:
            return False
        self._shared.listeners.pop((self._kind, self._channel), None)
        return True


class RpcOverWebSocket(Caller):
    """One RPC session on a WebSocket: each text message is one of RPC."""

    kind = "rpc"

    def __init__(self, tick: Tick, socket: WebSocket, leases: Leases) -> None:
        super().__init__(tick)
        self._socket = socket
        self._calls = Calls(self)
        self._shared = Shared(self._calls.submit, leases)
        self._rpc = RpcSession(Root(self._shared), self._send)

    def begin(self) -> None:
        """To be called once it has its session."""
        if self.session is not None:
            self.session.protocol = 3
            self._socket.limit(self.tick.query_limit)

    def message_received(self, data: bytes, is_text: bool) -> None:
        session = self.session
        if session is None or self.closing:
            return
        namespace = self.tick.namespace
        namespace.begin()
        session.input_bytes += len(data)
        namespace.input_bytes += len(data)
        if not is_text:
            self._socket.fail(UNSUPPORTED, "RPC comes in text messages")
            return
        self._rpc.receive(data)
        if self._rpc.closed:
            self.close(after_reply=True)

    def ready(self, session: Session) -> None:
        self._calls.next(session)

    def _send(self, message: bytes) -> None:
        self.write(text_frame(message, self._socket.deflates))

    def deliver(self, message: Reply) -> None:
        self._shared.deliver(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self._rpc.close()
        super().connection_lost(exc)

    def flush(self) -> None:
        self._waiting = False
        parts, self._out = self._out, []
        if parts:
            frames = b"".join(parts)
            self._socket.write_frames(frames)
            self.count_sent(len(frames))
        if self.closing:
            self._socket.close()

    def close(self, after_reply: bool) -> None:
        self.closing = True
        if after_reply:
            self.wake()
        else:
            self._socket.abort()


class RpcBatch:
    """A session that is one HTTP request: all messages come at once, all answers go at once."""

    def __init__(self, caller: Caller, leases: Leases, done: Callable[[bytes], None]) -> None:
        self.calls = Calls(caller)
        self._caller = caller
        self._done = done
        self._answers: list[bytes] = []
        root = Root(Shared(self.calls.submit, leases, one_way=True))
        self._rpc = RpcSession(root, self._send, one_way=True)

    def _send(self, message: bytes) -> None:
        self._answers.append(message)
        self._caller.tick.run(self._caller)  # which asks at the end of the tick whether it is done

    def receive(self, body: bytes) -> None:
        """Takes the request's body: a message a line."""
        for line in body.split(b"\n"):
            if line:
                self._rpc.receive(line)

    def abandon(self) -> None:
        """Nobody is there any more for whom to answer."""
        self._rpc.close()

    def end_if_done(self) -> None:
        """Answers, if no answer is still to come."""
        if self._rpc.closed or not self._rpc.unanswered:
            self._rpc.close()  # what it still said would be too late
            self._done(b"\n".join(self._answers))


def _check_namespace(name: object) -> None:
    if name not in (None, UNDEFINED, "", "default"):
        raise RpcError(f"there is no namespace '{name}'; the only one is 'default'")


def _command(words: list[object]) -> list[bytes]:
    args = [_word(word) for word in words]
    if not args:
        raise RpcError("expected the name of a command", "TypeError")
    try:
        return stateless(args)
    except RestError as error:
        raise RpcError(error.message) from None


def _word(value: object) -> bytes:
    """A value as a command's argument. Raises RpcError."""
    if isinstance(value, bytes):
        return value
    try:
        return argument(value)
    except RestError:
        raise RpcError("expected a string, a number, a boolean or bytes", "TypeError") from None


def _milliseconds(options: object, name: str) -> int:
    """A duration of the options, given in seconds; a number alone is the ttl. 0 where there is none."""
    if name == "ttl" and isinstance(options, (int, float)):
        seconds: object = options
    else:
        seconds = options.get(name) if isinstance(options, dict) else None
    if seconds is None or seconds is UNDEFINED:
        return 0
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 < seconds < 1e15:
        raise RpcError(f"{name} is a number of seconds", "TypeError")
    return max(int(seconds * 1000), 1)


def _text(data: bytes) -> object:
    """A string where it is UTF-8, else bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def value_of(reply: Reply) -> object:
    """A reply as a value of RPC. Raises RpcError if it is an error."""
    if isinstance(reply, bytes):
        return _text(reply)
    if reply is None or isinstance(reply, (int, float)):
        return reply
    if isinstance(reply, Failure):
        raise RpcError(reply.message.decode(errors="replace"))
    if isinstance(reply, Status):
        return _text(reply.text)
    if isinstance(reply, Map):
        keys = [value_of(key) for key in reply.flat[::2]]
        return {str(key): value_of(item) for key, item in zip(keys, reply.flat[1::2], strict=True)}
    if isinstance(reply, Pairs):
        pairs = zip(reply.flat[::2], reply.flat[1::2], strict=True)
        return [[value_of(one), value_of(other)] for one, other in pairs]
    if isinstance(reply, Verbatim):
        return _text(reply.text)
    if isinstance(reply, BigNumber):
        return int(reply.digits)
    if isinstance(reply, Attribute):
        return value_of(reply.reply)
    items = (
        reply
        if isinstance(reply, list)
        else reply.items
        if isinstance(reply, (SetReply, Push))
        else reply.messages
        if isinstance(reply, Several)
        else None
    )
    return None if items is None else [value_of(item) for item in items]
