"""The declared commands beside the oracle's: COMMAND INFO, COMMAND DOCS and the keys it finds.

Prose is Nearkeep's own and not compared: summaries, the words behind a complexity, what replaces a
deprecated command, notes on keys, and the history of commands and of single arguments.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from nearkeep.engine.command import Command, every_command, lookup, names_of, subcommands_of
from nearkeep.engine.commands.command import describe, document, keys_in
from nearkeep.engine.keyspec import KEY_FLAGS
from nearkeep.engine.syntax import Argument
from nearkeep.wire.reply import Failure, encode
from tests.resp import Reply, parse
from tests.servers import start_redis

Plain: TypeAlias = "str | int | list[Plain] | frozenset[Plain] | dict[str, Plain] | None"

PROSE = {"summary", "complexity", "replaced_by", "history", "notes"}
"""Fields of COMMAND INFO and COMMAND DOCS that Nearkeep words on its own, or leaves out."""

ARGUMENT_HISTORY = {"since", "deprecated_since"}
"""Fields of an argument that Nearkeep leaves out: what matters is what this version understands."""

ALLOWED: dict[tuple[str, str], str] = {}
"""(command, field): why Nearkeep differs."""

NEVER: dict[str, set[str]] = {
    "Nearkeep has a cluster of its own": {
        "asking", "cluster", "readonly", "readwrite", "restore-asking",
    },
    "replicas are no servers that Nearkeep streams to": {"psync", "replconf", "sync"},
    "Nearkeep loads no modules": {"module"},
    "vector sets, which are a module in the oracle": {
        "vadd", "vcard", "vdim", "vemb", "vgetattr", "vinfo", "vismember", "vlinks", "vrandmember",
        "vrem", "vsetattr", "vsim",
    },
}  # fmt: skip
"""What Nearkeep does without for good, by reason; a name stands for its subcommands too."""

OURS_ALONE: dict[str, str] = {
    "json.": "Redis 8 has JSON as a module, which the oracle's binary lacks",
    "increx": "of Redis 8.8",
    "cl.throttle": "of the module redis-cell",
    "waittier": "Nearkeep's own",
    "acl|resttoken": "of Upstash",
}
"""Commands that the oracle lacks, by name or by how their names begin, and where they are from."""

OWN_WORDS_SHORTER_THAN = 25
"""A summary of fewer characters can only be put in so many ways."""

KEY_TRIALS = 100
"""How many requests are drawn for each command that has keys."""


@dataclass(frozen=True)
class Oracle:
    info: dict[str, list[Plain]]
    docs: dict[str, dict[str, Plain]]


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    with start_redis() as server, server.raw() as connection:
        connection.call("HELLO", "3")
        info = plain(connection.call("COMMAND", "INFO"))
        docs = plain(connection.call("COMMAND", "DOCS"))
    assert isinstance(info, list)
    assert isinstance(docs, dict)
    return Oracle(dict(entries(info)), dict(documents(docs)))


def declared() -> Iterator[Command]:
    for one in every_command():
        yield one
        yield from subcommands_of(one)


def plain(reply: Reply) -> Plain:
    """A reply with maps as dictionaries, sets as sets and strings of any type as text."""
    if reply.items is None:
        if reply.payload is None:
            return None
        return int(reply.payload) if reply.kind == b":" else reply.payload.decode()
    items = [plain(item) for item in reply.items]
    if reply.kind == b"%":
        return {str(name): value for name, value in zip(items[::2], items[1::2], strict=True)}
    if reply.kind == b"~" and all(isinstance(item, str) for item in items):
        return frozenset(items)
    return items


def entries(info: list[Plain]) -> Iterator[tuple[str, list[Plain]]]:
    """COMMAND INFO by name, with the subcommands beside their containers."""
    for entry in info:
        assert isinstance(entry, list)
        *own, subcommands = entry
        yield str(entry[0]), [without(part, PROSE) for part in own]
        if isinstance(subcommands, list):
            yield from entries(subcommands)


def documents(docs: dict[str, Plain]) -> Iterator[tuple[str, dict[str, Plain]]]:
    """COMMAND DOCS by name, with the subcommands beside their containers."""
    for name, entry in docs.items():
        assert isinstance(entry, dict)
        yield name, entry
        subcommands = entry.get("subcommands")
        if isinstance(subcommands, dict):
            yield from documents(subcommands)


def without(value: Plain, fields: set[str]) -> Plain:
    """The value without those fields, however deep."""
    if isinstance(value, dict):
        return {name: without(part, fields) for name, part in value.items() if name not in fields}
    if isinstance(value, list):
        return [without(part, fields) for part in value]
    return value


def facts(entry: dict[str, Plain]) -> dict[str, Plain]:
    """An entry of COMMAND DOCS without prose and subcommands."""
    kept = {name: part for name, part in entry.items() if name not in PROSE | {"subcommands"}}
    kept["arguments"] = without(kept.get("arguments"), ARGUMENT_HISTORY)
    return kept


INFO_FIELDS = (
    "name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs",
)  # fmt: skip


def unexpected(differences: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    return {where: text for where, text in differences.items() if where not in ALLOWED}


def test_command_info_says_what_the_oracle_says(oracle: Oracle) -> None:
    differences = {}
    for one in declared():
        name = one.name.decode()
        if name not in oracle.info:
            continue
        ours = plain(parse(encode(describe(one), 3)))
        assert isinstance(ours, list)
        ((_, *_), *_) = mine = list(entries([ours]))
        for field, our_part, their_part in zip(
            INFO_FIELDS, mine[0][1], oracle.info[name], strict=True
        ):
            if our_part != their_part:
                differences[name, field] = f"{our_part} instead of {their_part}"
    assert unexpected(differences) == {}


def test_command_docs_says_what_the_oracle_says(oracle: Oracle) -> None:
    differences = {}
    for one in declared():
        name = one.name.decode()
        if name not in oracle.docs:
            continue
        ours = plain(parse(encode(document(one), 3)))
        assert isinstance(ours, dict)
        our_facts, their_facts = facts(ours), facts(oracle.docs[name])
        for field in our_facts.keys() | their_facts.keys():
            if our_facts.get(field) != their_facts.get(field):
                differences[name, field] = (
                    f"{our_facts.get(field)} instead of {their_facts.get(field)}"
                )
    assert unexpected(differences) == {}


def test_every_command_of_the_oracle_is_there(oracle: Oracle) -> None:
    never = set().union(*NEVER.values())
    ours = {one.name.decode() for one in declared()}
    missing = {name.lower() for name in oracle.info} - ours - never
    within = {name for name in missing if name.split("|")[0] in never}
    assert missing - within == set()


def test_every_command_of_ours_is_there_or_known_to_be_from_elsewhere(oracle: Oracle) -> None:
    ours = {one.name.decode() for one in declared()} - {name.lower() for name in oracle.info}
    assert [name for name in ours if not name.startswith(tuple(OURS_ALONE))] == []
    assert [start for start in OURS_ALONE if not any(name.startswith(start) for name in ours)] == []


def test_json_has_a_category_of_its_own() -> None:
    for one in declared():
        names = set(one.category_names())
        assert ("json" in names) == one.name.startswith(b"json."), one
        if "json" in names and one.subcommands is None:
            assert len(names & {"read", "write"}) == 1, one


def test_what_is_never_to_be_there_is_not_declared(oracle: Oracle) -> None:
    for names in NEVER.values():
        assert names <= {name.lower() for name in oracle.info}
        assert not [name for name in names if lookup(name.encode())]


def test_every_allowed_difference_is_of_a_declared_command() -> None:
    assert not [name for name, _ in ALLOWED if lookup(name.encode()) is None]


def test_summaries_are_in_own_words(oracle: Oracle) -> None:
    copied = [
        one.name
        for one in declared()
        if len(one.summary) >= OWN_WORDS_SHORTER_THAN
        and oracle.docs.get(one.name.decode(), {}).get("summary") == one.summary
    ]
    assert copied == []


def test_the_same_keys_are_found_in_any_words(oracle: Oracle) -> None:
    draw = random.Random(8)
    requests = [
        request(one, draw)
        for one in declared()
        if one.key_specs and one.name.decode() in oracle.info
        for _ in range(KEY_TRIALS)
    ]
    with start_redis() as server, server.raw() as connection:
        connection.call("HELLO", "3")
        theirs = connection.pipeline([("COMMAND", "GETKEYSANDFLAGS", *it) for it in requests])
    for words, their_reply in zip(requests, theirs, strict=True):
        assert found_keys(words) == plain(their_reply), b" ".join(words)


def found_keys(words: list[bytes]) -> Plain:
    """What COMMAND GETKEYSANDFLAGS answers, in the shape of `plain`."""
    try:
        keys = keys_in(words)
    except Failure as failure:
        return failure.message.decode()
    return [[words[index].decode(), frozenset(names_of(bits, KEY_FLAGS))] for index, bits in keys]


def request(one: Command, draw: random.Random) -> list[bytes]:
    """Words such as the command takes; now and then cut short, or with one that is out of place."""
    words = one.name.upper().split(b"|")
    for argument in one.arguments:
        words += some(argument, draw)
    if draw.random() < 0.2:
        words = words[: draw.randint(1, len(words))]
    if draw.random() < 0.2:
        stray = draw.choice([b"STORE", b"GET", b"KEYS", b"STREAMS", b"3", b"-1", b"", b"x"])
        words.insert(draw.randint(min(2, len(words)), len(words)), stray)
    return words


def some(argument: Argument, draw: random.Random) -> list[bytes]:
    """Words that the argument may stand for."""
    if argument.optional and draw.random() < 0.5:
        return []
    words: list[bytes] = []
    for time in range(draw.randint(1, 3) if argument.multiple else 1):
        if argument.token is not None and (time == 0 or argument.multiple_token):
            token = argument.token if draw.random() < 0.5 else argument.token.lower()
            words.append(token.encode())
        if argument.kind == "oneof":
            words += some(draw.choice(argument.arguments), draw)
        elif argument.kind == "block":
            for inner in argument.arguments:
                words += some(inner, draw)
        elif argument.kind in {"integer", "double", "unix-time"}:
            words.append(b"%d" % draw.randint(0, 4))
        elif argument.kind != "pure-token":
            words.append(b"%s%d" % (argument.name.encode(), draw.randint(0, 9)))
    return words
