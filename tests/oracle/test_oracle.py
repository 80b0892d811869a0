"""The oracle itself: it sees what differs, reduces it to the least, and lets pass what may differ."""

from __future__ import annotations

from contextlib import closing
from random import Random

import pytest

from tests.oracle import comparisons
from tests.oracle.explore import SETTINGS, explore, start_oracle
from tests.oracle.family import Family, all_families
from tests.oracle.grammar import parse
from tests.oracle.stage import CRASHED, Stage
from tests.oracle.values import POOLS
from tests.resp import Reply
from tests.resp import parse as reply
from tests.servers import running, start_redis, start_valkey

LENGTHS = Family(
    "lengths",
    """
    APPEND key value
    SETRANGE key 0 value
    STRLEN key
    """,
    setup="SET key value",
)


def test_it_finds_what_valkey_does_otherwise_and_shows_no_more_than_needed() -> None:
    """Valkey keeps strings of 45 bytes and more in place that Redis does not."""
    with (
        running(start_oracle(), start_valkey(**SETTINGS)) as (theirs, ours),
        closing(Stage(theirs, ours, 2)) as stage,
    ):
        findings = explore(stage, LENGTHS, seed=1, sequences=100)
    (finding,) = [it for it in findings if it.signature[0] == "OBJECT ENCODING"]
    _, said, asked, our, their = finding.transcript.splitlines()
    assert said.startswith("> ")
    assert asked.startswith("> OBJECT ENCODING")
    assert "embstr" in our
    assert "raw" in their


def test_it_finds_commands_that_an_older_redis_does_not_know() -> None:
    strings = all_families()["field expiry"]
    with (
        running(start_oracle(), start_redis("7.0")) as (theirs, ours),
        closing(Stage(theirs, ours, 3)) as stage,
    ):
        assert strings.names - stage.knows(strings.names) > {"HEXPIRE", "HGETEX", "HSETEX"}


def test_it_says_when_the_server_on_trial_ends_and_goes_on() -> None:
    ping = ((0, (b"PING",)),)
    with (
        running(start_oracle(), start_oracle()) as (theirs, ours),
        closing(Stage(theirs, ours, 2)) as stage,
    ):
        ours.kill()
        difference = stage.play(LENGTHS, ping)
        assert difference
        assert difference.ours[-1] == (CRASHED,)
        assert stage.play(LENGTHS, ping) is None


def test_it_holds_against_nobody_what_ends_the_real_server() -> None:
    ping = ((0, (b"PING",)),)
    with (
        running(start_oracle(), start_oracle()) as (theirs, ours),
        closing(Stage(theirs, ours, 2)) as stage,
    ):
        theirs.kill()
        assert stage.play(LENGTHS, ping) is None
        assert theirs.process.poll() is None


@pytest.mark.parametrize(
    ("line", "drawn"),
    [
        ("SET key value [NX | XX]", {2 + 1, 2 + 2, 2 + 3, 2 + 4}),
        ("MSET (key value) ...", {3, 5, 7, 9}),
        ("CLIENT ID", {2}),
    ],
)
def test_a_syntax_line_draws_commands_of_its_shape(line: str, drawn: set[int]) -> None:
    syntax = parse(line, POOLS)
    commands = [syntax.draw(Random(seed)) for seed in range(300)]
    assert {command[0].decode() for command in commands} == {syntax.name.partition("|")[0]}
    assert {len(command) for command in commands} <= drawn
    assert len({len(command) for command in commands}) >= min(2, len(drawn))


@pytest.mark.parametrize("line", ["GET nosuchpool", "SET [key", "SET key ]", "SET (key]"])
def test_a_malformed_syntax_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"GET|SET"):
        parse(line, POOLS)


def of(raw: bytes) -> Reply:
    return reply(raw)


@pytest.mark.parametrize(
    ("compare", "theirs", "ours", "same"),
    [
        (comparisons.exactly, b"+OK\r\n", b"$2\r\nOK\r\n", False),
        (comparisons.unordered, b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n", True),
        (comparisons.unordered, b"*2\r\n:1\r\n:2\r\n", b"~2\r\n:2\r\n:1\r\n", False),
        (comparisons.unordered, b"*2\r\n:1\r\n:1\r\n", b"*2\r\n:1\r\n:2\r\n", False),
        (comparisons.unordered_pairs, b"%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", b"%2\r\n:3\r\n:4\r\n:1\r\n:2\r\n", True),
        (comparisons.unordered_pairs, b"%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", b"%2\r\n:3\r\n:2\r\n:1\r\n:4\r\n", False),
        (comparisons.within(2), b":10\r\n", b":12\r\n", True),
        (comparisons.within(2), b":10\r\n", b":13\r\n", False),
        (comparisons.within(2), b":-1\r\n", b":-2\r\n", False),
        (comparisons.within(2), b"-ERR a\r\n", b"-ERR b\r\n", False),
        (comparisons.within(2, at=1), b"*2\r\n:1\r\n:5\r\n", b"*2\r\n:1\r\n:6\r\n", True),
        (comparisons.within(2, at=1), b"*2\r\n:1\r\n:5\r\n", b"*2\r\n:2\r\n:5\r\n", False),
        (comparisons.same_shape, b"$1\r\na\r\n", b"$1\r\nb\r\n", True),
        (comparisons.same_shape, b"$1\r\na\r\n", b"$-1\r\n", False),
        (comparisons.same_shape, b"-ERR a\r\n", b"-ERR b\r\n", False),
        (comparisons.scan, b"*2\r\n$1\r\n0\r\n*2\r\n:1\r\n:2\r\n", b"*2\r\n$1\r\n0\r\n*2\r\n:2\r\n:1\r\n", True),
        (comparisons.scan, b"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", b"*2\r\n$1\r\n0\r\n*0\r\n", False),
        (comparisons.except_fields(b"id"), b"*4\r\n+id\r\n:1\r\n+a\r\n:1\r\n", b"*4\r\n+id\r\n:2\r\n+a\r\n:1\r\n", True),
        (comparisons.except_fields(b"id"), b"*4\r\n+id\r\n:1\r\n+a\r\n:1\r\n", b"*4\r\n+id\r\n:1\r\n+a\r\n:2\r\n", False),
    ],
)  # fmt: skip
def test_a_comparison_lets_pass_just_what_it_says(
    compare: comparisons.Comparison, theirs: bytes, ours: bytes, *, same: bool
) -> None:
    assert compare(of(theirs), of(ours)) is same
