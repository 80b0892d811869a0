"""The cache of scripts, and the one script or function that runs.

A script runs its commands in a session of its own, as its caller. All that it does is one batch of
the mutation stream.

A script that runs for longer than `busy-reply-threshold` gives way to the other clients now and
then: it runs in a greenlet, from which a count hook switches back to the host. To the caller it is
as if a blocking command had been called; the others are told BUSY meanwhile.
"""

import hashlib
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from nearkeep.engine.command import (
    COMMANDS,
    DENYOOM,
    MAY_REPLICATE,
    NOSCRIPT,
    UNMONITORED,
    WRITE,
    Command,
    find,
)
from nearkeep.engine.scripting.conversion import (
    FAILURE,
    FLAT,
    LONG,
    MOST,
    NESTED,
    STATUS,
    Tokens,
    flat,
    number_word,
    one_line,
    tokens_of,
    whole,
)
from nearkeep.engine.scripting.interpreter import Interpreter, available
from nearkeep.engine.session import (
    BUSY,
    FULL,
    IN_SCRIPT,
    MONITORED,
    OUT_OF_MEMORY,
    RESTRICTED,
    TRACKING,
    UNTOUCHING,
    UNWRITABLE,
    Blocked,
    Outlet,
    Session,
)
from nearkeep.engine.text import c_string
from nearkeep.wire.reply import NO_REPLY, NULL_ARRAY, OK, Failure, Reply, Status

try:
    from greenlet import getcurrent, greenlet
except ImportError:  # long scripts then hold up the others to their end
    greenlet = None

if TYPE_CHECKING:
    from nearkeep.engine.namespace import Namespace

VERSION: Final = b"8.2.3"
"""The version of Redis whose behaviour scripts may rely on."""

NO_WRITES: Final = 1
ALLOW_OOM: Final = 2
ALLOW_STALE: Final = 4
NO_CLUSTER: Final = 8
ALLOW_CROSS_SLOT: Final = 16
FLAGS: Final = {
    b"no-writes": NO_WRITES,
    b"allow-oom": ALLOW_OOM,
    b"allow-stale": ALLOW_STALE,
    b"no-cluster": NO_CLUSTER,
    b"allow-cross-slot-keys": ALLOW_CROSS_SLOT,
}
KEY_LOCKING: Final = b"allow-key-locking"
"""A flag of Upstash's, which its libraries set; here scripts run one after the other anyway."""

MOST_EVALUATED: Final = 500
"""Scripts that EVAL may leave in the cache; the least recently run goes first."""

MOST_MEMORY: Final = 1 << 30
"""Bytes that Lua may hold before a script is ended."""

NOSCRIPT_FOUND: Final = Failure(b"NOSCRIPT No matching script. Please use EVAL.")
NO_LUA: Final = Failure(
    b"ERR scripts can't run here: Lua is missing. Install the Python package lupa."
)
NOT_BUSY: Final = Failure(b"NOTBUSY No scripts in execution right now.")
BUSY_SCRIPT: Final = Failure(
    b"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
)
BUSY_FUNCTION: Final = Failure(
    b"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
)
_UNKILLABLE: Final = Failure(
    b"UNKILLABLE Sorry the script already executed write commands against the dataset. You can"
    b" either wait the script termination or kill the server in a hard way using the SHUTDOWN"
    b" NOSAVE command."
)
_WRITES_READ_ONLY: Final = Failure(
    b"ERR Can not execute a script with write flag using *_ro command."
)
_FULL: Final = Failure(
    b"OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"
)
_NOT_ENOUGH: Final = b"ERR not enough memory"
_SUSPENDED: Final = object()


class Script:
    """A compiled script, or a function of a library.

    Attributes:
        name: its SHA-1 digest in hexadecimal, or the function's name.
        body: the Lua function.
        strict: whether it has declared flags; where not, it may do all, and is asked later.
        straight: whether it has neither loops nor functions, so that it can't run for long.
    """

    def __init__(self, name: bytes, source: bytes, body: Any, flags: int, strict: bool) -> None:
        self.name = name
        self.source = source
        self.body = body
        self.flags = flags
        self.strict = strict
        self.straight = False
        self.is_function = False


class Running:
    """The script that runs.

    Attributes:
        wrote: whether it has called a command that writes.
        fatal: the error with which it is to end.
        suspendable: whether it runs in a greenlet.
        started: microseconds of the clock.
        calls: how many commands it has called.
    """

    def __init__(self, script: Script, caller: Session, read_only: bool, any_memory: bool) -> None:
        self.script = script
        self.caller = caller
        self.read_only = read_only
        self.any_memory = any_memory
        self.wrote = False
        self.fatal: bytes | None = None
        self.suspendable = False
        self.started: i64 = 0
        self.calls: i64 = 0
        self.args: list[bytes] = []


class Scripts:
    """The scripts of a namespace.

    Attributes:
        cache: scripts by digest.
        running: the script or function that runs, or None.
        evicted: how many scripts have left the cache to make room.
        unguarded: whether scripts may call even what they must not (DEBUG).
    """

    def __init__(self, namespace: "Namespace") -> None:
        self.namespace = namespace
        self.cache: dict[bytes, Script] = {}
        self.running: Running | None = None
        self.evicted = 0
        self.unguarded = False
        self._by_source: dict[bytes, Script] = {}
        self._evaluated: dict[bytes, None] = {}
        self._interpreter: Interpreter | None = None
        self._session: Session | None = None
        self._fetching: list[object] = []
        self._taken: list[object] = []
        self._words: list[object] = []
        self._greenlet: Any = None
        self._ms = 0

    # ---- the cache

    def script(self, source: bytes) -> Script:
        """The compiled script of a source text.

        Raises:
            Failure: it does not compile.
        """
        script = self._by_source.get(source)
        if script is None:
            script = self._compile(source)
            self.cache[script.name] = script
            self._by_source[source] = script
            if len(self._evaluated) >= MOST_EVALUATED:
                self._forget(next(iter(self._evaluated)))
                self.evicted += 1
            self._evaluated[script.name] = None
        return script

    def by_digest(self, digest: bytes) -> Script | None:
        """The cached script of a digest, in any case."""
        return self.cache.get(digest) or self.cache.get(digest.lower())

    def keep(self, source: bytes) -> bytes:
        """Caches a script until the cache is flushed; its digest."""
        name = self.script(source).name
        self._evaluated.pop(name, None)
        return name

    def used(self, script: Script) -> None:
        """Says that a script has been asked for."""
        if script.name in self._evaluated:
            del self._evaluated[script.name]
            self._evaluated[script.name] = None

    def flush(self) -> None:
        """Empties the cache; Lua starts afresh."""
        self.cache = {}
        self._by_source = {}
        self._evaluated = {}
        self._interpreter = None

    def _forget(self, name: bytes) -> None:
        del self._evaluated[name]
        script = self.cache.pop(name)
        del self._by_source[script.source]

    def _compile(self, source: bytes) -> Script:
        flags, strict, code = shebang(source)
        body, straight = self.interpreter().compile(code, b"@user_script")
        if body is None:
            raise Failure(b"ERR Error compiling script (new function): " + c_string(straight))
        name = hashlib.sha1(source, usedforsecurity=False).hexdigest().encode()
        script = Script(name, source, body, flags, strict)
        script.straight = bool(straight)
        return script

    def interpreter(self) -> Interpreter:
        """The Lua state of scripts, made when it is first needed.

        Raises:
            Failure: there is no Lua.
        """
        if self._interpreter is None:
            self._interpreter = self.new_interpreter({})
        return self._interpreter

    def new_interpreter(self, functions: dict[str, Callable[..., object]]) -> Interpreter:
        """A Lua state whose scripts call this namespace."""
        if not available():
            raise Failure(NO_LUA.message)
        return Interpreter(
            {
                "execute": self._execute,
                "fetch": self._fetch,
                "take": self._take,
                "more_words": self._more_words,
                "breathe": self.breathe,
                "log": self._log,
                "setresp": self._set_protocol,
                "acl_check": self._acl_check,
                **functions,
            },
            VERSION,
        )

    def memory(self) -> int:
        """Bytes that Lua holds."""
        return 0 if self._interpreter is None else self._interpreter.memory()

    # ---- running

    def only_reads(self, command: Command, args: list[bytes]) -> bool:
        """Whether a request asks for a script that has declared that it does not write."""
        name = command.name
        script: Script | None = None
        if name == b"eval":
            try:
                flags, strict, _ = shebang(args[1])
            except Failure:
                return False
            return strict and bool(flags & NO_WRITES)
        if name == b"evalsha":
            script = self.by_digest(args[1])
        elif name == b"fcall":
            function = self.namespace.libraries.find(args[1])
            script = None if function is None else function.script
        return script is not None and script.strict and bool(script.flags & NO_WRITES)

    def run(
        self, caller: Session, script: Script, args: list[bytes], keys: int, read_only: bool
    ) -> Reply:
        """Runs a script for a request whose keys begin at the fourth word."""
        refusal = self._refusal(script, read_only)
        if refusal is not None:
            return refusal
        flags = script.flags
        running = Running(
            script,
            caller,
            read_only or (script.strict and bool(flags & NO_WRITES)),
            script.strict and bool(flags & (ALLOW_OOM | NO_WRITES)),
        )
        running.args = args
        running.started = self.namespace.clock.microseconds()
        self._enter(running)
        if script.straight or greenlet is None or not self._may_suspend(caller):
            return self._run(running, keys)
        running.suspendable = True
        self._greenlet = greenlet(self._run)
        outcome = self._greenlet.switch(running, keys)
        if outcome is _SUSPENDED:
            return self._suspend(running)
        return outcome

    def _may_suspend(self, caller: Session) -> bool:
        return self.namespace.host.takes_turns() and not caller.executing

    def _refusal(self, script: Script, read_only: bool) -> Failure | None:
        if not script.strict:
            return None
        if not script.flags & NO_WRITES and read_only:
            return _WRITES_READ_ONLY
        namespace = self.namespace
        if (
            namespace.gate & FULL
            and not script.flags & (ALLOW_OOM | NO_WRITES)
            and not namespace.make_room()
        ):
            return _FULL
        return None

    def session(self) -> Session:
        """The session in which scripts run their commands."""
        if self._session is None:
            namespace = self.namespace
            session = Session(namespace, Outlet())
            del namespace.sessions[session.id]
            namespace.connections_received -= 1
            self._session = session
        return self._session

    def _enter(self, running: Running) -> None:
        caller = running.caller
        session = self.session()
        session.db = caller.db
        session.user = caller.user
        session.protocol = 2
        session.gate = IN_SCRIPT | (caller.gate & (RESTRICTED | UNTOUCHING))
        self.running = running

    def _run(self, running: Running, keys: int) -> Reply:
        """Runs Lua, to the end."""
        script = running.script
        args = running.args
        try:
            if script.is_function:
                lua = self.namespace.libraries.interpreter()
                result = lua.call(
                    script.body, lua.table(args[3 : 3 + keys]), lua.table(args[3 + keys :])
                )
            else:
                lua = self.interpreter()
                if len(args) < 200:
                    result = lua.run(script.body, keys, *args[3:])
                else:
                    result = lua.run_many(
                        script.body, lua.table(args[3 : 3 + keys]), lua.table(args[3 + keys :])
                    )
            return self._reply(result, script)
        finally:
            self.running = None
            self._taken = []
            self._fetching = []
            running.caller.no_effect()
            self.namespace.current = running.caller

    def _reply(self, result: object, script: Script) -> Reply:
        if isinstance(result, bytes):
            return result
        if result is None:
            return None
        if isinstance(result, tuple):
            kind = result[0]
            if kind is None:
                return [item if type(item) is bytes else whole(item) for item in result[1:]]
            if kind is False:
                return self._failure(result, script)
            if len(result) == 4 and result[3] == b"OK":
                return OK
            return Tokens([*result[1:]]).value()
        if result is True:  # what it returned has been taken
            return Tokens(self._taken).value()
        assert isinstance(result, (int, float))
        return whole(result)

    def _failure(self, result: tuple[Any, ...], script: Script) -> Failure:
        _, message, source, line, counted = [*result, None, None, None][:5]
        if counted:
            self._uncount(message)
        if source is not None:
            message = b"%s script: %s, on %s:%d." % (
                c_string(message),
                script.name,
                c_string(source),
                line,
            )
        return Failure(one_line(message))

    def _uncount(self, message: bytes) -> None:
        """An error of a command that ends the script too counts once."""
        code = message.partition(b" ")[0]
        namespace = self.namespace
        namespace.error_count -= 1
        if code in namespace.errors:
            namespace.errors[code] -= 1

    # ---- commands of a script

    def _execute(self, *words: object) -> object:
        """redis.call and redis.pcall; the reply as conversion.py has it."""
        try:
            reply = self._command(words)
        except Failure as failure:
            self.namespace.count_error(failure)
            return (failure.message, FAILURE)
        except Exception as error:  # noqa: BLE001 - Lua must not get hold of it
            return (b"ERR internal error: %r" % error, FAILURE)
        if type(reply) is bytes:
            return reply
        if type(reply) is int:
            return reply
        return self._to_lua(reply)

    def _command(self, words: tuple[object, ...]) -> Reply:
        if self._words:
            words, self._words = tuple(self._words), []
        args = words_of(words)
        running = self.running
        session = self._session
        if running is None or session is None:
            raise Failure(b"ERR redis.call can only be called by a script that runs")
        running.calls += 1
        if not running.calls & 255:
            self.breathe()
        command = COMMANDS.get(args[0])
        if command is None or command.subcommands is not None:
            command = find(args)
            if command is None:
                raise Failure(b"ERR Unknown Redis command called from script")
        count = len(args)
        if count < command.minimum or count > command.maximum:
            raise Failure(b"ERR Wrong number of args calling Redis command from script")
        self._admit(running, session, command, args)
        namespace = self.namespace
        caller = running.caller
        if session.gate & UNTOUCHING:
            reply = session.call_untouching(command, args)
        else:
            reply = session.call(command, args)
        if namespace.gate & MONITORED and not command.flags & UNMONITORED:
            namespace.monitor(session, args)
        if caller.gate & TRACKING:
            namespace.tracking.remember(caller, command, args)
        return reply

    def _admit(
        self, running: Running, session: Session, command: Command, args: list[bytes]
    ) -> None:
        """Refuses what scripts may not do, in the order in which Redis asks.

        Raises:
            Failure: the command may not run.
        """
        flags = command.flags
        namespace = self.namespace
        if flags & NOSCRIPT and not self.unguarded:
            raise Failure(b"ERR This Redis command is not allowed from script")
        if session.gate & RESTRICTED:
            denied = namespace.users.denied(session, command, args)
            if denied is not None:
                raise Failure(denied.message)
        if flags & (WRITE | MAY_REPLICATE) and running.read_only:
            raise Failure(b"ERR Write commands are not allowed from read-only scripts.")
        if flags & WRITE and namespace.gate & UNWRITABLE:
            failure = namespace.unwritable(command)
            if failure is not None:
                raise Failure(failure.message)
        if (
            flags & DENYOOM
            and namespace.gate & FULL
            and not running.any_memory
            and not running.wrote
            and not namespace.make_room()
        ):
            command.rejected += 1
            raise Failure(OUT_OF_MEMORY.message)
        if flags & WRITE:
            running.wrote = True

    def _to_lua(self, reply: Reply) -> object:
        session = self._session
        protocol = 2 if session is None else session.protocol
        if reply is None:
            return None if protocol == 3 else False
        if isinstance(reply, Status):
            return (reply.text, STATUS)
        if isinstance(reply, Failure):
            return (reply.message, FAILURE)
        if type(reply) is list and len(reply) <= MOST and flat(reply, protocol):
            return (0, FLAT, *[False if item is None else item for item in reply])
        if reply is NULL_ARRAY:
            return None if protocol == 3 else False
        tokens: list[object] = []
        tokens_of(reply, protocol, tokens)
        if len(tokens) == 1:
            return tokens[0]
        if len(tokens) <= MOST:
            return (0, NESTED, *tokens)
        self._fetching = tokens
        return (0, LONG)

    def _fetch(self) -> object:
        """The next tokens of a long reply."""
        some = self._fetching[:MOST]
        self._fetching = self._fetching[MOST:]
        return tuple(some)

    def _more_words(self, *words: object) -> None:
        """Words of a long command, ahead of its being executed."""
        self._words += words

    def _take(self, *tokens: object) -> None:
        """Tokens of a long result."""
        self._taken += tokens

    # ---- other functions of the module `redis`

    def _log(self, level: object, message: object) -> None:
        if isinstance(level, int) and isinstance(message, bytes):
            self.namespace.host.log(level, message)

    def _set_protocol(self, protocol: object) -> None:
        if self._session is not None:
            self._session.protocol = 3 if protocol == 3 else 2

    def _acl_check(self, *words: object) -> object:
        """Whether the caller may run a command; or None, and what is wrong with the question."""
        try:
            args = words_of(words)
        except Failure as failure:
            return (None, failure.message)
        command = find(args)
        session = self._session
        if command is None or session is None:
            return (None, b"ERR Invalid command passed to redis.acl_check_cmd()")
        if not session.gate & RESTRICTED:
            return True
        return session.user.denial(command, args) is None

    # ---- scripts that run for long

    def breathe(self) -> bytes | None:
        """Called by a count hook; the error with which the script is to end at once, if any."""
        running = self.running
        if running is None:
            return None
        if running.fatal is None:
            self._look(running)
        return running.fatal

    def _look(self, running: Running) -> None:
        """Ends a script that holds too much memory, and has a long one give way to others."""
        lua = self._interpreter
        if lua is not None and lua.memory() > MOST_MEMORY:
            lua.collect()
            if lua.memory() > MOST_MEMORY:
                running.fatal = _NOT_ENOUGH
                return
        if not running.suspendable or getcurrent() is not self._greenlet:
            return
        elapsed = self.namespace.clock.microseconds() - running.started
        threshold = self.namespace.settings.integer("busy-reply-threshold")
        if threshold > 0 and elapsed >= threshold * 1000:
            self._greenlet.parent.switch(_SUSPENDED)

    def _suspend(self, running: Running) -> Reply:
        """The script goes on later; until then its caller waits and others are told BUSY."""
        namespace = self.namespace
        caller = running.caller
        self._ms = namespace.clock.ms
        namespace.gate |= BUSY
        namespace.depth += 1  # nothing is committed until it ends
        caller.blocked = Blocked(running.args, [], caller.db.index, 0, None, b"script")
        caller.no_effect()
        namespace.host.take_turn(self._resume)
        return NO_REPLY

    def _resume(self) -> None:
        running = self.running
        if running is None:
            return
        namespace = self.namespace
        clock = namespace.clock
        namespace.current = running.caller
        clock.ms = self._ms
        self._greenlet.parent = getcurrent()
        outcome = self._greenlet.switch()
        namespace.current = None
        if outcome is _SUSPENDED:
            namespace.host.take_turn(self._resume)
            return
        caller = running.caller
        self._greenlet = None
        namespace.gate &= ~BUSY
        namespace.depth -= 1
        caller.effects_replaced = False
        if namespace.stream.recording and namespace.stream.commit(clock.ms):
            caller.written = namespace.stream.sequence
        end = clock.microseconds()
        namespace.stopwatch = end
        clock.ms = end // 1000
        if isinstance(outcome, Failure):
            namespace.count_error(outcome)
        if caller.last is not None:
            namespace.slow(caller, caller.last, running.args, end - running.started)
        caller.blocked = None
        caller.outlet.resume(outcome)
        if namespace.ready:
            namespace.serve_ready()

    def kill(self, function: bool) -> Reply:
        """Ends the script, or function, that runs for too long, if it has not written yet."""
        running = self.running
        if running is None:
            return NOT_BUSY
        if running.script.is_function != function:
            return self.busy_failure()
        if running.wrote:
            return _UNKILLABLE
        running.fatal = b"ERR Script killed by user with SCRIPT KILL..."
        return OK

    def busy_failure(self) -> Failure:
        """What others are told while a script runs for too long."""
        running = self.running
        if running is not None and running.script.is_function:
            return BUSY_FUNCTION
        return BUSY_SCRIPT


def words_of(values: tuple[object, ...]) -> list[bytes]:
    """The words of a command from Lua values.

    Raises:
        Failure: there are none, or some are neither strings nor numbers.
    """
    if not values:
        raise Failure(b"ERR Please specify at least one argument for this redis lib call")
    words: list[bytes] = []
    for value in values:
        if type(value) is bytes:
            words.append(value)
        elif type(value) is int or type(value) is float:
            words.append(number_word(value))
        else:
            raise Failure(b"ERR Lua redis lib command arguments must be strings or integers")
    return words


def shebang(source: bytes) -> tuple[int, bool, bytes]:
    """A script's flags, whether it declares any, and its code.

    Raises:
        Failure: the first line is not well formed.
    """
    if not source.startswith(b"#!"):
        return 0, False, source
    end = source.find(b"\n")
    if end < 0:
        raise Failure(b"ERR Invalid script shebang")
    words = split(source[:end]) or []
    if not words:
        raise Failure(b"ERR Invalid engine in script shebang")
    if words[0] != b"#!lua":
        raise Failure(b"ERR Unexpected engine in script shebang: " + words[0])
    flags = 0
    for word in words[1:]:
        if not word.startswith(b"flags="):
            raise Failure(b"ERR Unknown lua shebang option: " + word)
        for name in word[6:].split(b","):
            if name and name not in FLAGS and name != KEY_LOCKING:
                raise Failure(b"ERR Unexpected flag in script shebang: " + name)
            flags |= FLAGS.get(name, 0)
    return flags, True, source[end:]


def split(line: bytes) -> list[bytes] | None:
    """The words of a first line, which may be quoted; None where a quote has no end."""
    lexer = shlex.shlex(line.decode("latin-1"), posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    try:
        return [word.encode("latin-1") for word in lexer]
    except ValueError:
        return None
