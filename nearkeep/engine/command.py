"""The command table: every command is declared once, beside the function that runs it.

    @command(
        "GETEX key [expiration=(EX seconds:integer | PERSIST)]",
        group="string", since="6.2.0", complexity="O(1)",
        flags="write fast", keys="1 RW access update",
        summary="Returns a string and sets or removes its expiry.",
    )
    def getex(session: Session, args: list[bytes]) -> Reply: ...

COMMAND and its subcommands, access control, the REST mapping, the console's help and the
documentation are derived from it: arity, argument tree and documentation line from the syntax line
(`nearkeep.engine.syntax`), key positions from `keys` (`nearkeep.engine.keyspec`), access
categories from flags and group. Names of flags, groups and categories are Redis'.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from nearkeep.engine.keyspec import (
    INCOMPLETE,
    NOT_KEY,
    VARIABLE_FLAGS,
    Key,
    KeySpec,
    parse_key_specs,
)
from nearkeep.engine.latency import Histogram
from nearkeep.engine.syntax import UNBOUNDED, Argument, parse_syntax, total_words
from nearkeep.wire.reply import Failure, Status

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

Run = Callable[["Session", list[bytes]], object]
"""Runs a command: gets its words, the name first, and returns its reply or raises Failure."""

GetKeys = Callable[[list[bytes]], list[Key]]
"""Finds the keys that a specification cannot."""

WRITE: Final = 1 << 0
READONLY: Final = 1 << 1
DENYOOM: Final = 1 << 2
MODULE: Final = 1 << 3
ADMIN: Final = 1 << 4
PUBSUB: Final = 1 << 5
NOSCRIPT: Final = 1 << 6
BLOCKING: Final = 1 << 7
LOADING: Final = 1 << 8
STALE: Final = 1 << 9
SKIP_MONITOR: Final = 1 << 10
SKIP_SLOWLOG: Final = 1 << 11
ASKING: Final = 1 << 12
FAST: Final = 1 << 13
NO_AUTH: Final = 1 << 14
NO_MANDATORY_KEYS: Final = 1 << 15
NO_ASYNC_LOADING: Final = 1 << 16
NO_MULTI: Final = 1 << 17
MOVABLEKEYS: Final = 1 << 18
ALLOW_BUSY: Final = 1 << 19
MAY_REPLICATE: Final = 1 << 20

FLAGS: Final = (
    "write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking", "loading",
    "stale", "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "no_mandatory_keys",
    "no_async_loading", "no_multi", "movablekeys", "allow_busy", "may_replicate",
)  # fmt: skip
"""The names of the bits above, in their order, which is that of COMMAND INFO."""

UNMONITORED: Final = ADMIN | SKIP_MONITOR
"""Flags of commands that monitors are not shown, or that show themselves."""

_UNTOLD: Final = MAY_REPLICATE
"""Flags that COMMAND INFO keeps to itself."""

CATEGORIES: Final = (
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
    "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous",
    "connection", "transaction", "scripting", "json",
)  # fmt: skip
"""The access categories, in the order of ACL CAT; a command's are bits in this order."""

_CATEGORY_BY_GROUP: Final = {
    "generic": "keyspace",
    "sorted-set": "sortedset",
    "transactions": "transaction",
    **{name: name for name in CATEGORIES},
}
_CATEGORIES_BY_FLAG: Final = (
    (WRITE, "write"),
    (ADMIN, "admin dangerous"),
    (PUBSUB, "pubsub"),
    (BLOCKING, "blocking"),
    (FAST, "fast"),
)


class Command:
    """One command, or one subcommand: what is declared of it, and how often it ran."""

    def __init__(self, name: bytes, run: Run) -> None:
        self.name: Final = name
        """In lower case; a subcommand's after its container's: `b"config|get"`."""
        self.run = run
        self.flags = 0
        self.arity = 0
        """The number of words, the name included; negative: at least so many."""
        self.minimum = 0
        self.maximum = UNBOUNDED
        self.parent: Command | None = None
        self.subcommands: dict[bytes, Command] | None = None
        """By their second word in lower case."""
        self.categories = 0
        self.one_key = 0
        """The index of the only key, for the many commands of which that is all there is to say."""
        self.first_key = 0
        self.last_key = 0
        self.key_step = 0
        self.ranged = False
        """Whether first, last and step tell of all keys, and of nothing but keys."""
        self.key_specs: list[KeySpec] = []
        self.getkeys: GetKeys | None = None

        self.calls: i64 = 0
        self.microseconds: i64 = 0
        self.rejected = 0
        """How often it was refused before it ran."""
        self.failed = 0
        self.latency: Histogram | None = None
        """The histogram of its durations, once there is one."""

        self.group = ""
        self.since = ""
        self.summary = ""
        self.complexity = ""
        self.syntax = ""
        """The line of Redis' documentation: `GETEX key [EX seconds | PERSIST]`."""
        self.arguments: list[Argument] = []
        self.hints: list[str] = []
        self.docflags: list[str] = []
        self.deprecated = ""
        """The version that deprecated it, if one did."""
        self.replaced_by = ""

    def __repr__(self) -> str:
        return f"<Command {self.name.decode()}>"

    def flag_names(self) -> list[str]:
        return names_of(self.flags & ~_UNTOLD, FLAGS)

    def category_names(self) -> list[str]:
        return names_of(self.categories, CATEGORIES)

    def accepts(self, count: int) -> bool:
        """Whether so many words, the name included, fit the arity."""
        return self.minimum <= count <= self.maximum


COMMANDS: Final[dict[bytes, Command]] = {}
"""Top-level commands by name, in lower case and in upper case."""

DECLARED: Final[dict[bytes, Command]] = {}
"""The same by the names of their declarations, in lower case, whatever `rename-command` says."""


def command(
    syntax: str,
    *,
    group: str,
    since: str,
    summary: str,
    complexity: str = "",
    flags: str = "",
    keys: str = "",
    acl: str = "",
    hints: str = "",
    docflags: str = "",
    deprecated: str = "",
    replaced_by: str = "",
    arity: int = 0,
    getkeys: GetKeys | None = None,
) -> Callable[[Run], Run]:
    """Declares the command that the decorated function runs.

    `acl` adds access categories, or with a minus takes away implied ones. `arity` overrides what
    follows from the syntax line. `getkeys` finds the keys where `keys` cannot.
    Raises ValueError where the declaration is not well formed.
    """

    def declare(run: Run) -> Run:
        words, arguments = parse_syntax(syntax)
        one = Command("|".join(words).lower().encode(), run)
        one.group = group
        one.since = since
        one.summary = summary
        one.complexity = complexity
        one.syntax = " ".join(words + [argument.notation() for argument in arguments])
        one.arguments = arguments
        one.hints = hints.split()
        one.docflags = docflags.split()
        one.deprecated = deprecated
        one.replaced_by = replaced_by
        if deprecated:
            one.docflags.insert(0, "deprecated")
        one.flags = bits_of(flags, FLAGS)
        _set_arity(one, arity, len(words))
        _set_keys(one, parse_key_specs(keys), getkeys)
        one.categories = _categories(one, acl.split())
        _register(one, words)
        return run

    return declare


def container(
    name: str,
    *,
    group: str,
    since: str,
    summary: str,
    complexity: str = "Depends on the subcommand.",
    flags: str = "",
    acl: str = "",
) -> None:
    """Declares a command that only has subcommands."""
    declare = command(
        name, group=group, since=since, summary=summary, complexity=complexity,
        flags=flags, acl=acl, arity=-2,
    )  # fmt: skip
    declare(_only_subcommands)


def lookup(name: bytes) -> Command | None:
    """The command of that name, in any case: `GET`, or a subcommand's full name, `config|get`."""
    found = COMMANDS.get(name)
    if found is None:
        words = name.lower().split(b"|")
        found = COMMANDS.get(words[0])
        if len(words) > 1:
            if len(words) > 2 or found is None or found.subcommands is None:
                return None
            found = found.subcommands.get(words[1])
    return found


def find(args: list[bytes]) -> Command | None:
    """The command or subcommand that would run these words."""
    found = COMMANDS.get(args[0])
    if found is None:
        found = COMMANDS.get(args[0].lower())
    return _that_runs(found, args)


def find_declared(args: list[bytes]) -> Command | None:
    """The command or subcommand that words of the mutation stream name."""
    return _that_runs(DECLARED.get(args[0].lower()) or COMMANDS.get(args[0].lower()), args)


def _that_runs(found: Command | None, args: list[bytes]) -> Command | None:
    """A command that was found, or its subcommand that the words name."""
    if found is None or found.subcommands is None or len(args) == 1:
        return found
    return found.subcommands.get(args[1].lower())


def every_command() -> Iterator[Command]:
    """The top-level commands, by name."""
    return iter(sorted([one for name, one in COMMANDS.items() if name == one.name], key=_name))


def subcommands_of(one: Command) -> list[Command]:
    """A container's subcommands, by name; of any other command none."""
    return sorted((one.subcommands or {}).values(), key=_name)


def leaves() -> list[Command]:
    """All commands that can run: subcommands in place of their containers."""
    found: list[Command] = []
    for one in every_command():
        if one.subcommands is None:
            found.append(one)
        else:
            found.extend(one.subcommands.values())
    return found


def keys_of(command: Command, args: list[bytes]) -> list[bytes]:
    """The keys among the arguments, none if the arguments do not fit."""
    if command.one_key:
        return args[command.one_key : command.one_key + 1]
    if command.ranged:
        last = command.last_key
        stop = (len(args) if last < 0 else 0) + last + 1
        return args[command.first_key : stop : command.key_step]
    if not command.key_specs:
        return []
    return [args[index] for index, _ in keys_with_flags(command, args)]


def keys_with_flags(command: Command, args: list[bytes], *, channels: bool = False) -> list[Key]:
    """The keys' positions and flags, none if the arguments do not fit.

    `channels` also tells of what is placed like a key and is none, such as shard channels.
    """
    found: list[Key] = []
    reliable = True
    for spec in command.key_specs:
        if spec.flags & NOT_KEY and not channels:
            continue
        keys = spec.keys(args)
        if keys is None or spec.flags & VARIABLE_FLAGS or (keys and spec.flags & INCOMPLETE):
            reliable = False
            break
        found += keys
    if reliable:
        return found
    return [] if command.getkeys is None else command.getkeys(args)


def has_keys(command: Command) -> bool:
    """Whether the command can have keys at all."""
    return command.getkeys is not None or any(
        not spec.flags & NOT_KEY for spec in command.key_specs
    )


def help_lines(name: str) -> list[object]:
    """What a container's HELP answers: its subcommands' syntax and what they do."""
    owner = COMMANDS[name.encode()]
    lines: list[object] = [
        Status(f"{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".encode())
    ]
    for one in subcommands_of(owner):
        lines.append(Status(one.syntax.removeprefix(name.upper() + " ").encode()))
        lines.append(Status(b"    " + one.summary.encode()))
    return lines


def names_of(bits: int, names: tuple[str, ...]) -> list[str]:
    """The names of the bits that are set."""
    return [name for index, name in enumerate(names) if bits >> index & 1]


def bits_of(words: str, names: tuple[str, ...]) -> int:
    """Bits from names, separated by spaces. Raises ValueError for an unknown one."""
    bits = 0
    for word in words.split():
        bits |= 1 << names.index(word)
    return bits


def _name(one: Command) -> bytes:
    return one.name


def _register(one: Command, words: list[str]) -> None:
    if len(words) == 2:
        _register_subcommand(one, words[0], words[1].lower().encode())
        return
    known = COMMANDS.get(one.name)
    if known is not None:
        if known.summary:
            raise ValueError(f"{words[0]} is declared twice")
        one.subcommands = known.subcommands
        for subcommand in subcommands_of(known):
            subcommand.parent = one
    COMMANDS[one.name] = COMMANDS[one.name.upper()] = DECLARED[one.name] = one


def _register_subcommand(one: Command, owner_name: str, name: bytes) -> None:
    if owner_name.encode() not in COMMANDS:  # its own declaration may follow
        container(owner_name, group=one.group, since=one.since, summary="")
    owner = COMMANDS[owner_name.encode()]
    if owner.subcommands is None:
        owner.subcommands = {}
    if name in owner.subcommands:
        raise ValueError(f"{one.name.decode()} is declared twice")
    one.parent = owner
    owner.subcommands[name] = one


def _set_arity(one: Command, arity: int, words: int) -> None:
    least, most = total_words(one.arguments)
    if arity == 0:
        arity = least + words if least == most else -(least + words)
    one.arity = arity
    one.minimum = abs(arity)
    one.maximum = arity if arity > 0 else UNBOUNDED


def _set_keys(one: Command, specs: list[KeySpec], getkeys: GetKeys | None) -> None:
    one.key_specs = specs
    one.getkeys = getkeys
    if not all(spec.is_range() for spec in specs):
        one.flags |= MOVABLEKEYS
    covered = _set_range(one, specs)
    if specs and covered and not any(spec.flags & NOT_KEY for spec in specs):
        one.ranged = True
        if len(specs) == 1 and specs[0].last == 0:
            one.one_key = specs[0].start


def _set_range(one: Command, specs: list[KeySpec]) -> bool:
    """Sets the one range that COMMAND tells of, and returns whether it covers all specifications.

    It is that of the only one, or of those that are adjacent.
    """
    previous = 0
    covered = True
    for spec in specs:
        if not spec.is_range() or (len(specs) > 1 and spec.step != 1):
            covered = False
            continue
        if previous and spec.start != previous + 1:
            return False
        one.first_key = one.first_key or spec.start
        one.last_key = previous = spec.last if spec.last < 0 else spec.start + spec.last
        one.key_step = spec.step
    return covered


def _categories(one: Command, words: list[str]) -> int:
    names = {_CATEGORY_BY_GROUP.get(one.group, "")}
    for flag, implied in _CATEGORIES_BY_FLAG:
        if one.flags & flag:
            names.update(implied.split())
    if not one.flags & FAST:
        names.add("slow")
    if one.flags & READONLY and one.group != "scripting":
        names.add("read")
    names.update([word for word in words if word[0] != "-"])
    names.difference_update([word[1:] for word in words if word[0] == "-"])
    names.discard("")
    return bits_of(" ".join(names), CATEGORIES)


def _only_subcommands(_session: object, args: list[bytes]) -> object:
    name = args[0].upper()
    return Failure(b"ERR unknown subcommand '%s'. Try %s HELP." % (args[1][:128], name))
