"""Commands drawn at random from syntax lines in the notation of the Redis docs.

    SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]
    HSET key (field value) ...

Upper case stands for itself, lower case for a value drawn from the pool of that name (values.py),
brackets for what may be left out, bars for a choice, and `...` repeats what stands before it once
or more. Text in double quotes stands for itself too.

Now and then a choice takes two of its branches and an option comes twice, and `spoil` damages the
finished command: those are the commands that clients get wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tests.oracle import values

Command = tuple[bytes, ...]
Draw = Callable[[Random], list[bytes]]

CHANCE_OF_AN_OPTION = 0.45
CHANCE_OF_TWO_BRANCHES = 0.05
CHANCE_OF_AN_OPTION_TWICE = 0.03
MOST_REPEATS = 4

CONTAINERS = frozenset(
    "ACL CLIENT COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY OBJECT PUBSUB SCRIPT SLOWLOG XGROUP XINFO".split()  # noqa: SIM905
)

_TOKEN = re.compile(r'"[^"]*"|\.\.\.|[\[\]()|]|[^\s\[\]()|]+')


@dataclass(frozen=True, slots=True)
class Syntax:
    """One syntax line and how to draw a command from it.

    `name` is the command's, in upper case; with a subcommand, as COMMAND INFO knows it: CLIENT|ID.
    """

    line: str
    name: str
    draw: Draw


def parse(line: str, pools: Mapping[str, values.Pool]) -> Syntax:
    """Read one syntax line. Raises ValueError where it is malformed or names an unknown pool."""
    tokens = _TOKEN.findall(line)
    reader = _Reader(tokens, pools, line)
    draw = reader.alternatives()
    if reader.tokens:
        raise ValueError(f"{line!r}: unexpected {reader.tokens[0]!r}")
    name = tokens[0]
    if name in CONTAINERS and tokens[1].isupper():
        name += f"|{tokens[1]}"
    return Syntax(line, name, draw)


class _Reader:
    """A recursive-descent reader over the tokens that are left."""

    def __init__(self, tokens: list[str], pools: Mapping[str, values.Pool], line: str) -> None:
        self.tokens = tokens[:]
        self._pools = pools
        self._line = line

    def alternatives(self) -> Draw:
        branches = [self._series()]
        while self.tokens and self.tokens[0] == "|":
            self.tokens.pop(0)
            branches.append(self._series())
        return branches[0] if len(branches) == 1 else _choice(branches)

    def _series(self) -> Draw:
        parts: list[Draw] = []
        while self.tokens and self.tokens[0] not in ("|", "]", ")"):
            part = self._part()
            if self.tokens and self.tokens[0] == "...":
                self.tokens.pop(0)
                part = _repeat(part)
            parts.append(part)
        return _sequence(parts)

    def _part(self) -> Draw:
        token = self.tokens.pop(0)
        if token in ("[", "("):
            inner = self.alternatives()
            closing = self.tokens.pop(0) if self.tokens else "the end"
            if closing != {"[": "]", "(": ")"}[token]:
                raise ValueError(f"{self._line!r}: {token!r} closed by {closing}")
            return _option(inner) if token == "[" else inner
        if token.startswith('"'):
            return _literal(token[1:-1].encode("latin-1"))
        if not any(letter.islower() for letter in token):
            return _literal(token.encode("latin-1"))
        if token not in self._pools:
            raise ValueError(f"{self._line!r}: there is no pool named {token!r}")
        pool = self._pools[token]
        return lambda rng: [pool(rng)]


def _literal(text: bytes) -> Draw:
    return lambda _: [text]


def _sequence(parts: list[Draw]) -> Draw:
    def draw(rng: Random) -> list[bytes]:
        drawn: list[bytes] = []
        for part in parts:
            drawn += part(rng)
        return drawn

    return draw


def _choice(branches: list[Draw]) -> Draw:
    def draw(rng: Random) -> list[bytes]:
        drawn = rng.choice(branches)(rng)
        if rng.random() < CHANCE_OF_TWO_BRANCHES:
            drawn = drawn + rng.choice(branches)(rng)
        return drawn

    return draw


def _option(inner: Draw) -> Draw:
    def draw(rng: Random) -> list[bytes]:
        if rng.random() >= CHANCE_OF_AN_OPTION:
            return []
        drawn = inner(rng)
        if rng.random() < CHANCE_OF_AN_OPTION_TWICE:
            drawn = drawn + inner(rng)
        return drawn

    return draw


def _repeat(inner: Draw) -> Draw:
    def draw(rng: Random) -> list[bytes]:
        drawn: list[bytes] = []
        for _ in range(min(rng.randint(1, MOST_REPEATS), rng.randint(1, MOST_REPEATS))):
            drawn += inner(rng)
        return drawn

    return draw


def spoil(rng: Random, command: Command) -> Command:
    """The command with one thing wrong with it, or merely unusual, such as its case."""
    arguments = list(command)
    spot = rng.randrange(len(arguments))
    match rng.randrange(8):
        case 0:
            del arguments[rng.randrange(1, len(arguments)) if len(arguments) > 1 else 0 :]
        case 1:
            arguments.append(values.ODD(rng))
        case 2 | 3:
            arguments[max(spot, 1 if len(arguments) > 1 else 0)] = values.ODD(rng)
        case 4:
            arguments[spot] = rng.choice((bytes.lower, bytes.swapcase, bytes.title))(
                arguments[spot]
            )
        case 5:
            other = rng.randrange(len(arguments))
            if 0 not in (spot, other):
                arguments[spot], arguments[other] = arguments[other], arguments[spot]
        case 6:
            arguments += arguments[max(spot, 1) :]
        case _:
            arguments = [argument.lower() for argument in arguments]
    return tuple(arguments) or command
