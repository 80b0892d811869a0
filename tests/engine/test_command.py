from __future__ import annotations

from collections.abc import Iterator

import pytest

from nearkeep.engine.command import (
    COMMANDS,
    DECLARED,
    FAST,
    MAY_REPLICATE,
    MOVABLEKEYS,
    READONLY,
    WRITE,
    Command,
    command,
    container,
    every_command,
    find,
    has_keys,
    help_lines,
    keys_of,
    keys_with_flags,
    lookup,
    subcommands_of,
)
from nearkeep.engine.keyspec import NOT_KEY, OW, RO, RW, Key
from nearkeep.engine.syntax import UNBOUNDED
from nearkeep.wire.reply import Failure, Reply, Status


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """An empty command table; afterwards it is as it was."""
    tables = [(table, dict(table)) for table in (COMMANDS, DECLARED)]
    for table, _ in tables:
        table.clear()
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


def run(_session: object, args: list[bytes]) -> Reply:
    return args


def declare(syntax: str, **facts: object) -> Command:
    """Declares a command with what matters to a test, and returns it."""
    given = {"group": "generic", "since": "1.0.0", "summary": "Does this and that.", **facts}
    command(syntax, **given)(run)  # type: ignore[arg-type]
    name = "|".join(word for word in syntax.split()[:2] if word.isupper())
    found = lookup(name.encode())
    assert found is not None
    return found


def test_the_decorator_returns_the_function_itself() -> None:
    assert command("X", group="generic", since="1.0.0", summary="Does this.")(run) is run
    assert COMMANDS[b"x"].run is run


@pytest.mark.parametrize("name", (b"getex", b"GETEX", b"GetEx"))
def test_a_command_is_found_in_any_case(name: bytes) -> None:
    one = declare("GETEX key")
    assert lookup(name) is one
    assert find([name, b"k"]) is one


@pytest.mark.parametrize("name", (b"config|get", b"CONFIG|GET", b"Config|Get"))
def test_a_subcommand_is_found_by_its_full_name(name: bytes) -> None:
    one = declare("CONFIG GET parameter ...")
    assert one.name == b"config|get"
    assert lookup(name) is one


@pytest.mark.parametrize("name", (b"nope", b"config|nope", b"config|get|x", b"get|x", b"", b"|"))
def test_an_unknown_name_finds_nothing(name: bytes) -> None:
    declare("CONFIG GET parameter ...")
    declare("GET key")
    assert lookup(name) is None


def test_words_find_the_subcommand_that_would_run() -> None:
    get = declare("CONFIG GET parameter ...")
    owner = lookup(b"config")
    assert find([b"config", b"gEt", b"x"]) is get
    assert find([b"CONFIG"]) is owner
    assert find([b"CONFIG", b"nope"]) is None
    assert get.parent is owner


def test_a_container_may_be_declared_after_its_subcommands() -> None:
    get = declare("CONFIG GET parameter ...")
    container("CONFIG", group="server", since="2.0.0", summary="The settings.")
    owner = lookup(b"config")
    assert owner is not None
    assert owner.summary == "The settings."
    assert owner.arity == -2
    assert subcommands_of(owner) == [get]
    assert get.parent is owner
    assert list(every_command()) == [owner]


def test_a_container_refuses_what_it_does_not_contain() -> None:
    container("CONFIG", group="server", since="2.0.0", summary="The settings.")
    reply = COMMANDS[b"config"].run(None, [b"config", b"nope"])  # type: ignore[arg-type]
    assert reply == Failure(b"ERR unknown subcommand 'nope'. Try CONFIG HELP.")


def test_a_command_that_runs_may_have_subcommands_too() -> None:
    declare("COMMAND", arity=-1)
    declare("COMMAND COUNT")
    owner = lookup(b"command")
    assert owner is not None
    assert owner.arity == -1
    assert [one.name for one in subcommands_of(owner)] == [b"command|count"]


@pytest.mark.parametrize("syntax", ("GET key", "CONFIG GET parameter"))
def test_what_is_declared_twice_is_refused(syntax: str) -> None:
    declare(syntax)
    with pytest.raises(ValueError, match="declared twice"):
        declare(syntax)


def test_commands_are_walked_by_name() -> None:
    for syntax in ("ZADD key", "APPEND key", "GET key", "CONFIG GET x"):
        declare(syntax)
    assert [one.name for one in every_command()] == [b"append", b"config", b"get", b"zadd"]


@pytest.mark.parametrize(
    ("syntax", "arity", "least", "most"),
    (
        ("PING", 1, 1, 1),
        ("GET key", 2, 2, 2),
        ("PING [message]", -1, 1, UNBOUNDED),
        ("DEL key ...", -2, 2, UNBOUNDED),
        ("CONFIG RESETSTAT", 2, 2, 2),
        ("CONFIG GET parameter ...", -3, 3, UNBOUNDED),
        ("LMOVE from:key to:key at=(LEFT | RIGHT)", 4, 4, 4),
    ),
)
def test_the_arity_follows_from_the_syntax(syntax: str, arity: int, least: int, most: int) -> None:
    one = declare(syntax)
    assert (one.arity, one.minimum, one.maximum) == (arity, least, most)
    assert one.accepts(least)
    assert not one.accepts(least - 1)
    assert one.accepts(least + 1) == (most > least)


def test_an_irregular_arity_is_given() -> None:
    one = declare("QUIT", arity=-1)
    assert (one.arity, one.minimum, one.maximum) == (-1, 1, UNBOUNDED)


def test_the_documentation_line_is_in_the_notation_of_redis() -> None:
    one = declare("GETEX key [expiration=(EX seconds:integer | PERSIST)]")
    assert one.syntax == "GETEX key [EX seconds | PERSIST]"


def test_flags_are_bits_and_print_in_order() -> None:
    one = declare("GET key", flags="fast readonly may_replicate")
    assert one.flags == READONLY | FAST | MAY_REPLICATE
    assert one.flag_names() == ["readonly", "fast"]


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        declare("GET key", flags="quick")


@pytest.mark.parametrize(
    ("group", "flags", "acl", "categories"),
    (
        ("string", "readonly fast", "", {"read", "string", "fast"}),
        ("generic", "write", "", {"keyspace", "write", "slow"}),
        ("sorted-set", "write blocking", "", {"sortedset", "write", "slow", "blocking"}),
        ("server", "admin", "", {"admin", "dangerous", "slow"}),
        ("server", "", "", {"slow"}),
        ("pubsub", "pubsub fast", "", {"pubsub", "fast"}),
        ("transactions", "fast", "", {"transaction", "fast"}),
        ("scripting", "readonly", "", {"scripting", "slow"}),
        ("generic", "readonly", "dangerous", {"keyspace", "read", "slow", "dangerous"}),
        ("generic", "write", "-keyspace list", {"write", "slow", "list"}),
    ),
)
def test_categories_follow_from_group_and_flags(
    group: str, flags: str, acl: str, categories: set[str]
) -> None:
    assert set(declare("X key", group=group, flags=flags, acl=acl).category_names()) == categories


@pytest.mark.parametrize(
    ("keys", "first_last_step", "movable"),
    (
        ("", (0, 0, 0), False),
        ("1 RO access", (1, 1, 1), False),
        ("1..-1 RO", (1, -1, 1), False),
        ("1..-1/2 OW", (1, -1, 2), False),
        ("1 RO; 2 OW", (1, 2, 1), False),
        ("2 OW; 3..-1 RO", (2, -1, 1), False),
        ("1 OW; 2 numkeys RO", (1, 1, 1), True),
        ("1 numkeys RO", (0, 0, 0), True),
        ("1 RO; STORE@6 OW", (1, 1, 1), True),
    ),
)
def test_the_range_of_keys_covers_adjacent_specifications(
    keys: str, first_last_step: tuple[int, int, int], movable: bool
) -> None:
    one = declare("X key", keys=keys)
    assert (one.first_key, one.last_key, one.key_step) == first_last_step
    assert bool(one.flags & MOVABLEKEYS) is movable


@pytest.mark.parametrize(
    ("keys", "words", "found"),
    (
        ("", b"X a b", b""),
        ("1 RO", b"X a b", b"a"),
        ("2 RO", b"X a b", b"b"),
        ("1..-1 RO", b"X a b c", b"a b c"),
        ("1..-2 RO", b"X a b c", b"a b"),
        ("1..-1/2 OW", b"X a b c d", b"a c"),
        ("1 RO; 2 OW", b"X a b c", b"a b"),
        ("2 OW; 3..-1 RO", b"X a b c", b"b c"),
        ("1 OW; 2 numkeys RO", b"X d 2 a b c", b"d a b"),
        ("1 OW; 2 numkeys RO", b"X d 4 a b c", b""),
        ("1 RO; STORE@2 OW", b"X a COUNT 1 store d", b"a d"),
        ("1 RO; STORE@2 OW", b"X a COUNT 1", b"a"),
        ("STREAMS@1..-1%2 RO", b"X COUNT 1 STREAMS a b 0 0", b"a b"),
        ("1 not_key", b"X channel", b""),
    ),
)
def test_keys_are_found_among_the_words(keys: str, words: bytes, found: bytes) -> None:
    assert keys_of(declare("X arg", keys=keys), words.split()) == found.split()


def test_what_is_placed_like_a_key_is_told_only_to_who_asks() -> None:
    one = declare("SPUBLISH channel message", keys="1 not_key")
    assert keys_with_flags(one, [b"SPUBLISH", b"c", b"m"]) == []
    assert keys_with_flags(one, [b"SPUBLISH", b"c", b"m"], channels=True) == [(1, NOT_KEY)]
    assert not has_keys(one)


def last_word(args: list[bytes]) -> list[Key]:
    return [(len(args) - 1, OW)]


@pytest.mark.parametrize(
    "keys", ("1 RO; ? OW", "1 RW variable_flags", "1 RW; KEYS@-2..-1 OW incomplete")
)
def test_a_function_finds_the_keys_where_the_specification_is_not_reliable(keys: str) -> None:
    one = declare("X key", keys=keys, getkeys=last_word)
    assert keys_with_flags(one, [b"X", b"a", b"KEYS", b"d"]) == [(3, OW)]
    assert has_keys(one)


def test_an_incomplete_specification_serves_while_it_finds_nothing() -> None:
    one = declare("X key", keys="1 RW; KEYS@-2..-1 OW incomplete", getkeys=last_word)
    assert keys_with_flags(one, [b"X", b"a", b"b", b"d"]) == [(1, RW)]


def test_flags_come_from_the_specification_that_found_the_key() -> None:
    one = declare("RENAME key newkey:key", keys="1 RO; 2 OW", flags="write")
    assert one.flags == WRITE
    assert keys_with_flags(one, [b"RENAME", b"a", b"b"]) == [(1, RO), (2, OW)]


def test_help_lists_syntax_and_summary_of_each_subcommand() -> None:
    declare("CONFIG SET data=(parameter value) ...", summary="Changes settings.")
    declare("CONFIG GET parameter ...", summary="Returns settings.")
    assert help_lines("config") == [
        Status(b"CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"),
        Status(b"GET parameter [parameter ...]"),
        Status(b"    Returns settings."),
        Status(b"SET parameter value [parameter value ...]"),
        Status(b"    Changes settings."),
    ]
