"""COMMAND: what the command table says, to clients that ask.

Source: https://redis.io/docs/latest/commands/command/
"""

from typing import TYPE_CHECKING

from nearkeep.engine.command import (
    CATEGORIES,
    NO_MANDATORY_KEYS,
    Command,
    command,
    every_command,
    find,
    has_keys,
    help_lines,
    keys_with_flags,
    lookup,
    names_of,
    subcommands_of,
)
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspec import INDEX, KEY_FLAGS, KEYWORD, RANGE, UNKNOWN, Key, KeySpec
from nearkeep.engine.syntax import Argument
from nearkeep.engine.text import SYNTAX_ERROR
from nearkeep.wire.reply import Failure, Map, Reply, SetReply, Status

if TYPE_CHECKING:
    from nearkeep.engine.session import Session


@command(
    "COMMAND",
    group="server", since="2.8.13", complexity="O(N)",
    flags="loading stale", acl="connection", hints="nondeterministic_output_order", arity=-1,
    summary="Describes all commands.",
)  # fmt: skip
def command_(session: "Session", args: list[bytes]) -> Reply:
    return [describe(one) for one in every_command()]


@command(
    "COMMAND COUNT",
    group="server", since="2.8.13", complexity="O(1)",
    flags="loading stale", acl="connection",
    summary="Counts the commands.",
)  # fmt: skip
def command_count(session: "Session", args: list[bytes]) -> Reply:
    return len(list(every_command()))


@command(
    "COMMAND DOCS [command-name ...]",
    group="server", since="7.0.0", complexity="O(N)",
    flags="loading stale", acl="connection", hints="nondeterministic_output_order",
    summary="Documents commands.",
)  # fmt: skip
def command_docs(session: "Session", args: list[bytes]) -> Reply:
    asked = [lookup(name) for name in args[2:]] if len(args) > 2 else list(every_command())
    flat: list[object] = []
    for one in asked:
        if one is not None:
            flat += (one.name, document(one))
    return Map(flat)


@command(
    "COMMAND GETKEYS command [arg ...]",
    group="server", since="2.8.13", complexity="O(N)",
    flags="loading stale", acl="connection",
    summary="Finds the keys in a command's words.",
)  # fmt: skip
def command_getkeys(session: "Session", args: list[bytes]) -> Reply:
    words = args[2:]
    return [words[index] for index, _ in keys_in(words)]


@command(
    "COMMAND GETKEYSANDFLAGS command [arg ...]",
    group="server", since="7.0.0", complexity="O(N)",
    flags="loading stale", acl="connection",
    summary="Finds the keys in a command's words, and what becomes of them.",
)  # fmt: skip
def command_getkeysandflags(session: "Session", args: list[bytes]) -> Reply:
    words = args[2:]
    return [[words[index], _statuses(names_of(bits, KEY_FLAGS))] for index, bits in keys_in(words)]


@command(
    "COMMAND HELP",
    group="server", since="5.0.0", complexity="O(1)",
    flags="loading stale", acl="connection",
    summary="Lists the subcommands of COMMAND.",
)  # fmt: skip
def command_help(session: "Session", args: list[bytes]) -> Reply:
    return help_lines("command")


@command(
    "COMMAND INFO [command-name ...]",
    group="server", since="2.8.13", complexity="O(N)",
    flags="loading stale", acl="connection", hints="nondeterministic_output_order",
    summary="Describes the commands named.",
)  # fmt: skip
def command_info(session: "Session", args: list[bytes]) -> Reply:
    asked = [lookup(name) for name in args[2:]] if len(args) > 2 else list(every_command())
    return [None if one is None else describe(one) for one in asked]


@command(
    "COMMAND LIST [FILTERBY (MODULE module-name | ACLCAT category | PATTERN pattern:pattern)]",
    group="server", since="7.0.0", complexity="O(N)",
    flags="loading stale", acl="connection", hints="nondeterministic_output_order",
    summary="Lists the names of the commands.",
)  # fmt: skip
def command_list(session: "Session", args: list[bytes]) -> Reply:
    listed: list[Command] = []
    for one in every_command():
        listed.append(one)
        listed += subcommands_of(one)
    if len(args) == 2:
        return [one.name for one in listed]
    if len(args) != 5 or args[2].lower() != b"filterby":
        return SYNTAX_ERROR
    by, wanted = args[3].lower(), args[4].lower()
    if by == b"module":
        return []
    if by == b"aclcat":
        name = wanted.decode(errors="replace")
        bit = 1 << CATEGORIES.index(name) if name in CATEGORIES else 0
        return [one.name for one in listed if one.categories & bit]
    if by == b"pattern":
        return [one.name for one in listed if matches(wanted, one.name)]
    return SYNTAX_ERROR


def keys_in(words: list[bytes]) -> list[Key]:
    """The keys among the words of a whole command. Raises Failure where there can be none."""
    one = find(words)
    if one is None:
        raise Failure(b"ERR Invalid command specified")
    if not has_keys(one):
        raise Failure(b"ERR The command has no key arguments")
    if not one.accepts(len(words)):
        raise Failure(b"ERR Invalid number of arguments specified for command")
    keys = keys_with_flags(one, words)
    if not keys and not one.flags & NO_MANDATORY_KEYS:
        raise Failure(b"ERR Invalid arguments specified for command")
    return keys


def describe(one: Command) -> Reply:
    """A command's entry in COMMAND INFO."""
    subcommands: list[object] = [describe(sub) for sub in subcommands_of(one)]
    return [
        one.name,
        one.arity,
        _statuses(one.flag_names()),
        one.first_key,
        one.last_key,
        one.key_step,
        _statuses(["@" + name for name in one.category_names()]),
        SetReply([hint.encode() for hint in one.hints]),
        SetReply([_describe_keys(spec) for spec in one.key_specs]),
        subcommands or SetReply([]),
    ]


def document(one: Command) -> Reply:
    """A command's entry in COMMAND DOCS."""
    flat: list[object] = [
        b"summary", one.summary.encode(),
        b"since", one.since.encode(),
        b"group", one.group.encode(),
    ]  # fmt: skip
    if one.complexity:
        flat += (b"complexity", one.complexity.encode())
    if one.docflags:
        flat += (b"doc_flags", _statuses(one.docflags))
    if one.deprecated:
        flat += (b"deprecated_since", one.deprecated.encode())
        flat += (b"replaced_by", one.replaced_by.encode())
    if one.arguments:
        flat += (b"arguments", [_document_argument(argument) for argument in one.arguments])
    if one.subcommands:
        inner: list[object] = []
        for sub in subcommands_of(one):
            inner += (sub.name, document(sub))
        flat += (b"subcommands", Map(inner))
    return Map(flat)


def _document_argument(argument: Argument) -> Reply:
    flat: list[object] = [b"name", argument.name.encode(), b"type", argument.kind.encode()]
    if not argument.arguments:
        flat += (b"display_text", argument.display.encode())
    if argument.key_spec >= 0:
        flat += (b"key_spec_index", argument.key_spec)
    if argument.token is not None:
        flat += (b"token", argument.token.encode())
    flags = argument.flag_names()
    if flags:
        flat += (b"flags", _statuses(flags))
    if argument.arguments:
        flat += (b"arguments", [_document_argument(inner) for inner in argument.arguments])
    return Map(flat)


def _describe_keys(spec: KeySpec) -> Reply:
    begin = find_keys = b"unknown"
    where: list[object] = []
    which: list[object] = []
    if spec.begin == INDEX:
        begin = b"index"
        where = [b"index", spec.start]
    elif spec.begin == KEYWORD:
        begin = b"keyword"
        where = [b"keyword", spec.keyword.encode(), b"startfrom", spec.start]
    if spec.find == RANGE:
        find_keys = b"range"
        which = [b"lastkey", spec.last, b"keystep", spec.step, b"limit", spec.limit]
    elif spec.find != UNKNOWN:
        find_keys = b"keynum"
        which = [b"keynumidx", 0, b"firstkey", 1, b"keystep", spec.step]
    return Map([
        b"flags", _statuses(names_of(spec.flags, KEY_FLAGS)),
        b"begin_search", Map([b"type", begin, b"spec", Map(where)]),
        b"find_keys", Map([b"type", find_keys, b"spec", Map(which)]),
    ])  # fmt: skip


def _statuses(names: list[str]) -> SetReply:
    return SetReply([Status(name.encode()) for name in names])
