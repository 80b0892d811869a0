"""Scripts and functions: https://redis.io/docs/latest/commands/?group=scripting"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command, container, help_lines
from nearkeep.engine.glob import matches
from nearkeep.engine.scripting.libraries import Library
from nearkeep.engine.scripting.scripts import NOSCRIPT_FOUND
from nearkeep.engine.session import MONITORED
from nearkeep.engine.text import c_string, integer, no_such_form, number_or
from nearkeep.wire.reply import OK, Failure, Map, Reply, SetReply, Status

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_TOO_MANY_KEYS: Final = Failure(b"ERR Number of keys can't be greater than number of args")
_NEGATIVE_KEYS: Final = Failure(b"ERR Number of keys can't be negative")
_NO_FUNCTION: Final = Failure(b"ERR Function not found")
_NO_DEBUGGER: Final = Failure(b"ERR scripts can't be debugged here")
_SCRIPT_FLUSH: Final = Failure(b"ERR SCRIPT FLUSH only support SYNC|ASYNC option")
_FUNCTION_FLUSH: Final = Failure(b"ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
_POLICIES: Final = (b"FLUSH", b"APPEND", b"REPLACE")


def _check_keys(count: int, words: int) -> None:
    if count > words:
        raise Failure(_TOO_MANY_KEYS.message)
    if count < 0:
        raise Failure(_NEGATIVE_KEYS.message)


def _show(session: Session, args: list[bytes]) -> None:
    """Shows the request to the monitors, ahead of what the script does."""
    if session.namespace.gate & MONITORED:
        session.namespace.monitor(session, args)


def _evaluate(session: Session, args: list[bytes], read_only: bool) -> Reply:
    _show(session, args)
    keys = integer(args[2])
    _check_keys(keys, len(args) - 3)
    scripts = session.namespace.scripts
    script = scripts.script(args[1])
    scripts.used(script)
    return scripts.run(session, script, args, keys, read_only)


def _evaluate_digest(session: Session, args: list[bytes], read_only: bool) -> Reply:
    _show(session, args)
    scripts = session.namespace.scripts
    script = scripts.by_digest(args[1])
    if script is None:
        if len(args[1]) == 40:
            _check_keys(integer(args[2]), len(args) - 3)
        return NOSCRIPT_FOUND
    keys = integer(args[2])
    _check_keys(keys, len(args) - 3)
    scripts.used(script)
    return scripts.run(session, script, args, keys, read_only)


def _call(session: Session, args: list[bytes], read_only: bool) -> Reply:
    _show(session, args)
    namespace = session.namespace
    function = namespace.libraries.find(args[1])
    if function is None:
        return _NO_FUNCTION
    keys = number_or(args[2], b"ERR Bad number of keys provided")
    _check_keys(keys, len(args) - 3)
    return namespace.scripts.run(session, function.script, args, keys, read_only)


@command(
    "EVAL script numkeys:integer [key ...] [arg ...]",
    group="scripting", since="2.6.0", complexity="That of the script.",
    flags="noscript stale skip_monitor no_mandatory_keys may_replicate",
    keys="2 numkeys RW access update",
    summary="Runs a Lua script.",
)
def eval_(session: Session, args: list[bytes]) -> Reply:
    return _evaluate(session, args, False)


@command(
    "EVAL_RO script numkeys:integer [key ...] [arg ...]",
    group="scripting", since="7.0.0", complexity="That of the script.",
    flags="readonly noscript stale skip_monitor no_mandatory_keys", keys="2 numkeys RO access",
    summary="Runs a Lua script that may not write.",
)
def eval_ro(session: Session, args: list[bytes]) -> Reply:
    return _evaluate(session, args, True)


@command(
    "EVALSHA sha1 numkeys:integer [key ...] [arg ...]",
    group="scripting", since="2.6.0", complexity="That of the script.",
    flags="noscript stale skip_monitor no_mandatory_keys may_replicate",
    keys="2 numkeys RW access update",
    summary="Runs a cached Lua script by its SHA-1 digest.",
)
def evalsha(session: Session, args: list[bytes]) -> Reply:
    return _evaluate_digest(session, args, False)


@command(
    "EVALSHA_RO sha1 numkeys:integer [key ...] [arg ...]",
    group="scripting", since="7.0.0", complexity="That of the script.",
    flags="readonly noscript stale skip_monitor no_mandatory_keys", keys="2 numkeys RO access",
    summary="Runs a cached Lua script that may not write, by its SHA-1 digest.",
)
def evalsha_ro(session: Session, args: list[bytes]) -> Reply:
    return _evaluate_digest(session, args, True)


@command(
    "FCALL function numkeys:integer [key ...] [arg ...]",
    group="scripting", since="7.0.0", complexity="That of the function.",
    flags="noscript stale skip_monitor no_mandatory_keys may_replicate",
    keys="2 numkeys RW access update",
    summary="Calls a function of a loaded library.",
)
def fcall(session: Session, args: list[bytes]) -> Reply:
    return _call(session, args, False)


@command(
    "FCALL_RO function numkeys:integer [key ...] [arg ...]",
    group="scripting", since="7.0.0", complexity="That of the function.",
    flags="readonly noscript stale skip_monitor no_mandatory_keys", keys="2 numkeys RO access",
    summary="Calls a function that may not write.",
)
def fcall_ro(session: Session, args: list[bytes]) -> Reply:
    return _call(session, args, True)


container(
    "FUNCTION",
    group="scripting", since="7.0.0",
    acl="-scripting",
    summary="Libraries of functions: load, list and delete them.",
)


@command(
    "FUNCTION DELETE library-name",
    group="scripting", since="7.0.0", complexity="O(1)",
    flags="write noscript", hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Deletes a library.",
)
def function_delete(session: Session, args: list[bytes]) -> Reply:
    session.namespace.libraries.delete(args[2])
    session.namespace.changes += 1
    return OK


@command(
    "FUNCTION DUMP",
    group="scripting", since="7.0.0", complexity="O(N)",
    flags="noscript",
    summary="Returns all libraries in a form that FUNCTION RESTORE reads.",
)
def function_dump(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.libraries.dump()


@command(
    "FUNCTION FLUSH [flush-type=(ASYNC | SYNC)]",
    group="scripting", since="7.0.0", complexity="O(N)",
    flags="write noscript", hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Deletes all libraries.",
)
def function_flush(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3:
        return no_such_form(args)
    if len(args) == 3 and args[2].upper() not in (b"SYNC", b"ASYNC"):
        return _FUNCTION_FLUSH
    session.namespace.libraries.flush()
    session.namespace.changes += 1
    return OK


@command(
    "FUNCTION HELP",
    group="scripting", since="7.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of FUNCTION.",
)
def function_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("function")


@command(
    "FUNCTION KILL",
    group="scripting", since="7.0.0", complexity="O(1)",
    flags="noscript allow_busy", hints="request_policy:all_shards response_policy:one_succeeded",
    summary="Stops the function that runs at the moment.",
)
def function_kill(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.scripts.kill(function=True)


@command(
    "FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]",
    group="scripting", since="7.0.0", complexity="O(N)",
    flags="noscript", hints="nondeterministic_output_order",
    summary="Describes the libraries and their functions.",
)
def function_list(session: Session, args: list[bytes]) -> Reply:
    pattern: bytes | None = None
    with_code = False
    words = iter(args[2:])
    for word in words:
        if word.upper() == b"WITHCODE" and not with_code:
            with_code = True
        elif word.upper() == b"LIBRARYNAME" and pattern is None:
            pattern = next(words, None)
            if pattern is None:
                return Failure(b"ERR library name argument was not given")
        else:
            return Failure(b"ERR Unknown argument " + c_string(word))
    return [
        _described(library, with_code)
        for name, library in session.namespace.libraries.libraries.items()
        if pattern is None or matches(pattern, name)
    ]


def _described(library: Library, with_code: bool) -> Map:
    functions: list[object] = []
    for function in library.functions.values():
        flags: list[object] = [Status(name) for name in function.flag_names()]
        functions.append(
            Map([
                b"name", function.name,
                b"description", function.description,
                b"flags", SetReply(flags),
            ])
        )  # fmt: skip
    described: list[object] = [
        b"library_name", library.name,
        b"engine", b"LUA",
        b"functions", functions,
    ]  # fmt: skip
    if with_code:
        described += (b"library_code", library.code)
    return Map(described)


@command(
    "FUNCTION LOAD [REPLACE] function-code",
    group="scripting", since="7.0.0", complexity="O(1)",
    flags="write denyoom noscript", hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Loads a library.",
)
def function_load(session: Session, args: list[bytes]) -> Reply:
    replace = False
    for word in args[2:-1]:
        if word.upper() != b"REPLACE":
            return Failure(b"ERR Unknown option given: " + c_string(word))
        replace = True
    name = session.namespace.libraries.load(args[-1], replace)
    session.namespace.changes += 1
    return name


@command(
    "FUNCTION RESTORE serialized-value [policy=(FLUSH | APPEND | REPLACE)]",
    group="scripting", since="7.0.0", complexity="O(N)",
    flags="write denyoom noscript", hints="request_policy:all_shards response_policy:all_succeeded",
    summary="Loads the libraries that FUNCTION DUMP returned.",
)
def function_restore(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 4:
        return no_such_form(args)
    policy = args[3].upper() if len(args) == 4 else b"APPEND"
    if policy not in _POLICIES:
        return Failure(
            b"ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
        )
    session.namespace.libraries.restore(args[2], policy)
    session.namespace.changes += 1
    return OK


@command(
    "FUNCTION STATS",
    group="scripting", since="7.0.0", complexity="O(1)",
    flags="noscript allow_busy",
    hints="nondeterministic_output request_policy:all_shards response_policy:special",
    summary="Tells which function runs, and what the engines hold.",
)
def function_stats(session: Session, args: list[bytes]) -> Reply:
    namespace = session.namespace
    libraries = namespace.libraries
    counts: list[object] = [
        b"libraries_count", len(libraries.libraries),
        b"functions_count", len(libraries.functions),
    ]  # fmt: skip
    running = namespace.scripts.running
    if running is not None and not running.script.is_function:
        return namespace.busy_failure()
    described: Reply = None
    if running is not None:
        elapsed = namespace.clock.microseconds() - running.started
        words: list[object] = [*running.args]
        described = Map([
            b"name", running.script.name,
            b"command", words,
            b"duration_ms", elapsed // 1000,
        ])  # fmt: skip
    return Map([b"running_script", described, b"engines", Map([b"LUA", Map(counts)])])


container(
    "SCRIPT",
    group="scripting", since="2.6.0",
    acl="-scripting",
    summary="The cache of Lua scripts.",
)


@command(
    "SCRIPT DEBUG mode=(YES | SYNC | NO)",
    group="scripting", since="3.2.0", complexity="O(1)",
    flags="noscript",
    summary="Sets the debugging mode of EVAL.",
)
def script_debug(session: Session, args: list[bytes]) -> Reply:
    if args[2].upper() not in (b"NO", b"YES", b"SYNC"):
        return Failure(b"ERR Use SCRIPT DEBUG YES/SYNC/NO")
    if args[2].upper() != b"NO":
        return _NO_DEBUGGER
    return OK


@command(
    "SCRIPT EXISTS sha1 ...",
    group="scripting", since="2.6.0", complexity="O(N)",
    flags="noscript", hints="request_policy:all_shards response_policy:agg_logical_and",
    summary="Tells for each digest whether its script is cached.",
)
def script_exists(session: Session, args: list[bytes]) -> Reply:
    scripts = session.namespace.scripts
    return [int(scripts.by_digest(digest) is not None) for digest in args[2:]]


@command(
    "SCRIPT FLUSH [flush-type=(ASYNC | SYNC)]",
    group="scripting", since="2.6.0", complexity="O(N)",
    flags="noscript", hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Empties the script cache.",
)
def script_flush(session: Session, args: list[bytes]) -> Reply:
    if len(args) > 3 or (len(args) == 3 and args[2].upper() not in (b"SYNC", b"ASYNC")):
        return _SCRIPT_FLUSH
    session.namespace.scripts.flush()
    return OK


@command(
    "SCRIPT HELP",
    group="scripting", since="5.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of SCRIPT.",
)
def script_help(session: Session, args: list[bytes]) -> Reply:
    return help_lines("script")


@command(
    "SCRIPT KILL",
    group="scripting", since="2.6.0", complexity="O(1)",
    flags="noscript allow_busy", hints="request_policy:all_shards response_policy:one_succeeded",
    summary="Stops the script that runs at the moment.",
)
def script_kill(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.scripts.kill(function=False)


@command(
    "SCRIPT LOAD script",
    group="scripting", since="2.6.0", complexity="O(N)",
    flags="noscript stale", hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Caches a script and returns its digest.",
)
def script_load(session: Session, args: list[bytes]) -> Reply:
    return session.namespace.scripts.keep(args[2])
