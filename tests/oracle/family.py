"""What a family of commands states, and how sequences are drawn from it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.oracle import families, values
from tests.oracle.comparisons import Comparison, exactly
from tests.oracle.grammar import Command, Syntax, parse, spoil
from tests.oracle.hazards import is_hazardous

# One step: which client says what. Client 0 is the only one, unless the family asks for more.
Step = tuple[int, Command]
Sequence = tuple[Step, ...]

SHORTEST, LONGEST = 4, 40
CHANCE_OF_SETUP = 0.25
CHANCE_OF_A_NEIGHBOUR = 0.1
CHANCE_OF_DAMAGE = 0.15
CHANCE_OF_MULTI = 0.06
CHANCE_OF_EXEC = 0.25

# What other families do to the same keys: keys of another type, deleted, moved, with an expiry.
NEIGHBOURS = """
    SET key value
    HSET key field value
    RPUSH key element ...
    SADD key member ...
    ZADD key score member
    XADD key 1-1 field value
    DEL key
    EXPIRE key seconds
    PEXPIREAT key unix-milliseconds
    PERSIST key
    RENAME key key
    COPY key key REPLACE
"""


@dataclass(frozen=True)
class Family:
    """The commands of one family.

    commands: syntax lines (see grammar.py), each drawn as often as any other.
    setup: lines that bring about the states worth testing, drawn more often.
    pools: values of its own for names in the lines, beside those of values.py.
    comparisons: where replies may differ and how. By command, "TTL"; or by command and a word that
        occurs in it, "OBJECT IDLETIME"; or by command and number of arguments, "UNSUBSCRIBE /0".
        The first that fits counts.
    clients: how many connections take part. With one, the whole sequence goes out pipelined and
        each command has one reply; with more, step by step, whatever each connection receives.
    opening: steps with which every sequence begins.
    reset: commands that undo what FLUSHALL does not.
    """

    name: str
    commands: str
    setup: str = ""
    pools: Mapping[str, values.Pool] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    clients: int = 1
    opening: Sequence = ()
    reset: tuple[Command, ...] = ()
    neighbours: str = NEIGHBOURS
    in_multi: bool = True

    def _parse(self, lines: str) -> list[Syntax]:
        pools = values.POOLS | dict(self.pools)
        return [parse(line, pools) for line in lines.splitlines() if line.strip()]

    @property
    def names(self) -> set[str]:
        """The commands that the family is about, in upper case."""
        return {syntax.name for syntax in self._parse(self.commands + "\n" + self.setup)}

    @property
    def other_names(self) -> set[str]:
        """The commands that it borrows from other families, where they are there."""
        return {syntax.name for syntax in self._parse(self.neighbours)} | {"MULTI"}

    def comparison(self, command: Command) -> Comparison:
        words = [word.decode("latin-1").upper() for word in command[1:]]
        name = command[0].decode("latin-1").upper()
        for pattern, comparison in self.comparisons.items():
            first, _, second = pattern.partition(" ")
            if first == name and (not second or second in words or second == f"/{len(words)}"):
                return comparison
        return exactly

    def source(self, there: Collection[str]) -> Source:
        """What to draw sequences from, where the server knows only the commands in `there`."""
        commands, setup, neighbours = [
            [syntax for syntax in self._parse(lines) if syntax.name in there]
            for lines in (self.commands, self.setup, self.neighbours)
        ]
        return Source(
            self, commands, setup, neighbours, in_multi=self.in_multi and "MULTI" in there
        )


@dataclass(frozen=True)
class Mixture(Family):
    """Commands of several families on the same keys; each family must do with one client."""

    of: tuple[Family, ...] = ()

    @property
    def names(self) -> set[str]:
        return set().union(*(family.names for family in self.of))

    def source(self, there: Collection[str]) -> Source:
        sources = [family.source(there) for family in self.of]
        return Source(
            self,
            [syntax for source in sources for syntax in source.commands],
            [syntax for source in sources for syntax in source.setup],
            [syntax for source in sources[:1] for syntax in source.neighbours],
            in_multi=all(source.in_multi for source in sources),
        )


def mixture(name: str, *of: Family) -> Mixture:
    """A family of families."""
    comparisons = {command: how for family in of for command, how in family.comparisons.items()}
    reset = tuple(command for family in of for command in family.reset)
    return Mixture(name, "", comparisons=comparisons, reset=reset, of=of)


@dataclass(frozen=True)
class Source:
    """The syntaxes of a family that can be drawn."""

    family: Family
    commands: list[Syntax]
    setup: list[Syntax]
    neighbours: list[Syntax]
    in_multi: bool

    def draw(self, rng: Random) -> Sequence:
        steps: list[Step] = list(self.family.opening)
        queueing: set[int] = set()
        for _ in range(rng.randint(SHORTEST, LONGEST)):
            client = rng.randrange(self.family.clients)
            steps.append((client, self._draw_command(rng, client, queueing)))
        return tuple(steps)

    def _draw_command(self, rng: Random, client: int, queueing: set[int]) -> Command:
        if self.in_multi:
            if client in queueing and rng.random() < CHANCE_OF_EXEC:
                queueing.remove(client)
                return (rng.choice((b"EXEC", b"EXEC", b"EXEC", b"DISCARD")),)
            if client not in queueing and rng.random() < CHANCE_OF_MULTI:
                queueing.add(client)
                return (b"MULTI",)
        lines = self.commands
        chance = rng.random()
        if self.setup and chance < CHANCE_OF_SETUP:
            lines = self.setup
        elif self.neighbours and chance > 1 - CHANCE_OF_A_NEIGHBOUR:
            lines = self.neighbours
        while True:
            command = tuple(rng.choice(lines).draw(rng))
            if rng.random() < CHANCE_OF_DAMAGE:
                command = spoil(rng, command)
            if not is_hazardous(command):
                return command


def all_families() -> dict[str, Family]:
    """Every Family in the modules of families/, by name."""
    found = {}
    for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Family):
                found[value.name] = value
    return dict(sorted(found.items()))
