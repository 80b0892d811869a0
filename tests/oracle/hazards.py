"""Commands that two servers may rightly answer differently, and so are never drawn."""

from __future__ import annotations

import re

from tests.oracle.grammar import Command

# Commands and options with a relative time: the shortest that surely outlives a sequence, and how
# far behind the word it stands.
MILLISECONDS = {b"PX": 1, b"PEXPIRE": 2, b"PSETEX": 2, b"HPEXPIRE": 2, b"RESTORE": 2}
SECONDS = {b"EX": 1, b"EXPIRE": 2, b"SETEX": 2, b"HEXPIRE": 2}
SHORTEST = ((MILLISECONDS, 60_000), (SECONDS, 60))

WITH_REPETITIONS = (b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER")


def is_hazardous(command: Command) -> bool:
    """Whether the reply depends on the clock or on chance, or is too long to be worth a look."""
    return not command[0] or any(rule(command) for rule in RULES)


def _races_the_clock(command: Command) -> bool:
    """A key might expire while the sequence is played, on one server before the other."""
    words = [argument.upper() for argument in command]
    for table, least in SHORTEST:
        for spot, word in enumerate(words):
            if (behind := table.get(word)) and spot + behind < len(words):
                time = words[spot + behind]
                if re.fullmatch(rb"\d{1,9}", time) and 0 < int(time) < least:
                    return True
    return False


def _repeats_itself(command: Command) -> bool:
    """A large negative count asks for that many random elements."""
    return command[0].upper() in WITH_REPETITIONS and any(
        re.fullmatch(rb"-\d{4,}", argument) for argument in command
    )


def _takes_random_members(command: Command) -> bool:
    """SPOP of less than all leaves each server with another set."""
    if command[0].upper() != b"SPOP":
        return False
    count = b"".join(command[2:3])
    return len(command) == 2 or bool(re.fullmatch(rb"[1-9]\d?", count))


def _takes_the_time_as_id(command: Command) -> bool:
    return command[0].upper() == b"XADD" and b"*" in command[2:]


def _is_truncated(command: Command) -> bool:
    """LSET of Redis 8.2 takes an index modulo 2**32."""
    return command[0].upper() == b"LSET" and any(
        re.fullmatch(rb"-?\d{10,}", argument) for argument in command[2:3]
    )


def _is_answered_twice(command: Command) -> bool:
    """Redis 8.2 says that prefixes overlap and then OK, unless the first of them does."""
    return sum(argument.upper() == b"PREFIX" for argument in command) > 2


def _counts_keys_loosely(command: Command) -> bool:
    """COMMAND GETKEYS makes the best of a number of keys that the command itself would refuse."""
    return (
        len(command) > 4
        and command[0].upper() == b"COMMAND"
        and command[1].upper().startswith(b"GETKEYS")
        and command[2].upper() in (b"ZUNIONSTORE", b"EVAL")
        and not re.fullmatch(rb"0|[1-9]\d{0,3}", command[4])
    )


def _breaks_the_line(command: Command) -> bool:
    """FUNCTION LIST of Redis 8.2 puts a line break of an unknown word into its error as it is."""
    return command[0].upper() == b"FUNCTION" and any(word.endswith(b"\n") for word in command[2:])


RULES = (
    _breaks_the_line,
    _counts_keys_loosely,
    _is_answered_twice,
    _is_truncated,
    _races_the_clock,
    _repeats_itself,
    _takes_random_members,
    _takes_the_time_as_id,
)
