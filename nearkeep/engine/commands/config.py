"""CONFIG: the settings, to clients.

Source: https://redis.io/docs/latest/commands/config-get/ and its neighbours
"""

from typing import TYPE_CHECKING

from nearkeep.engine.command import command, container, every_command, help_lines
from nearkeep.engine.settings import SettingError, UnknownSettingError
from nearkeep.engine.text import SYNTAX_ERROR
from nearkeep.wire.reply import OK, Failure, Map, Reply

if TYPE_CHECKING:
    from nearkeep.engine.command import Command
    from nearkeep.engine.namespace import Namespace
    from nearkeep.engine.session import Session

container(
    "CONFIG", group="server", since="2.0.0", summary="Reads and changes the server's settings."
)


@command(
    "CONFIG GET parameter ...",
    group="server", since="2.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    summary="Shows the settings that fit any of the patterns.",
)  # fmt: skip
def config_get(session: "Session", args: list[bytes]) -> Reply:
    flat: list[object] = []
    for name, value in session.namespace.settings.match(args[2:]).items():
        flat += [name, value]
    return Map(flat)


@command(
    "CONFIG SET data=(parameter value) ...",
    group="server", since="2.0.0", complexity="O(N)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Changes settings: all that are named, or none.",
)  # fmt: skip
def config_set(session: "Session", args: list[bytes]) -> Reply:
    if len(args) % 2:
        return SYNTAX_ERROR
    pairs = [(args[at], args[at + 1]) for at in range(2, len(args), 2)]
    try:
        session.namespace.settings.set_many(pairs, local=session.is_local())
    except UnknownSettingError as unknown:
        name = unknown.name.partition("\0")[0]
        return _failure(f"Unknown option or number of arguments for CONFIG SET - '{name}'")
    except SettingError as error:
        return _failure(
            f"CONFIG SET failed (possibly related to argument '{error.name}') - {error.message}"
        )
    return OK


@command(
    "CONFIG RESETSTAT",
    group="server", since="2.0.0", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Starts all of INFO's counters again from 0.",
)  # fmt: skip
def config_resetstat(session: "Session", args: list[bytes]) -> Reply:
    for one in every_command():
        _reset(one)
        for subcommand in (one.subcommands or {}).values():
            _reset(subcommand)
    _reset_counters(session.namespace)
    return OK


@command(
    "CONFIG REWRITE",
    group="server", since="2.8.0", complexity="O(1)",
    flags="admin noscript loading stale",
    hints="request_policy:all_nodes response_policy:all_succeeded",
    summary="Writes the present settings into the file that the server was started with.",
)  # fmt: skip
def config_rewrite(session: "Session", args: list[bytes]) -> Reply:
    namespace = session.namespace
    save_file = namespace.settings.save_file
    if save_file is None:
        return Failure(b"ERR The server is running without a config file")
    namespace.settings.users = namespace.users.configured()
    try:
        save_file()
    except OSError as error:
        return _failure(f"Rewriting config file: {error.strerror}")
    return OK


@command(
    "CONFIG HELP",
    group="server", since="5.0.0", complexity="O(1)",
    flags="loading stale",
    summary="Lists the subcommands of CONFIG.",
)  # fmt: skip
def config_help(session: "Session", args: list[bytes]) -> Reply:
    return help_lines("config")


def _reset(one: "Command") -> None:
    one.calls = one.microseconds = one.rejected = one.failed = 0
    one.latency = None


def _reset_counters(namespace: "Namespace") -> None:
    namespace.commands_run = namespace.input_bytes = namespace.output_bytes = 0
    namespace.connections_received = namespace.connections_refused = 0
    namespace.protocol_errors = namespace.output_limit_hits = 0
    namespace.expired_keys = namespace.expired_subkeys = namespace.evicted_keys = 0
    namespace.freed_lazily = 0
    namespace.evicted_clients = 0
    for db in namespace.databases:
        db.hits = db.misses = 0
    namespace.errors = {}
    namespace.error_count = 0


def _failure(text: str) -> Failure:
    """An error; names from the client, which may be any bytes, are in it as latin-1."""
    return Failure(b"ERR " + text.encode("latin-1"))
