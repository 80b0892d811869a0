"""A server is killed under load, started again, and compared with what its clients know.

Each client has a database of its own, sends commands of all types in pipelines, with MULTI and
scripts, and counts the replies. After the kill the same commands are run one by one on an engine in
this process, the model: what was answered, and then what was sent, until the model holds what the
server holds. If it never does, something answered was lost, or something is half there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from tests.oracle.families.hashes import FIELD_EXPIRY, HASHES
from tests.oracle.families.hyperloglog import HYPERLOGLOG
from tests.oracle.families.keys import EXPIRY, KEYS
from tests.oracle.families.lists import LISTS
from tests.oracle.families.sets import SETS
from tests.oracle.families.streams import GROUPS, STREAMS
from tests.oracle.families.strings import COUNTERS, STRINGS
from tests.oracle.families.zsets import ZSETS
from tests.oracle.family import Family, mixture
from tests.oracle.grammar import Command
from tests.resp import Connection, encode
from tests.servers import Server
from tests.tiers.state import Database, alike, asking, asking_server, database

SLACK = 30_000
"""Milliseconds by which times may differ that were made of the clock."""

MOST_PIPELINED = 16

# Two keys that always change together, by a script that can stop between them and one that fails.
SCRIPTS = Family(
    "scripts of two steps",
    """
    EVAL "redis.call('INCR', KEYS[1]) redis.call('RPUSH', KEYS[2], ARGV[1])" "2" "n" "l" value
    EVAL "redis.call('INCR', KEYS[1]) redis.call('LPUSH', KEYS[1], 1)" "1" "n"
    EVAL "for i=1,50 do redis.call('HINCRBY', KEYS[1], 'f' .. i, 1) end" "1" "h"
    """,
)

LOAD = mixture(
    "load",
    *[
        replace(family, neighbours="")
        for family in (
            KEYS, EXPIRY, STRINGS, COUNTERS, HASHES, FIELD_EXPIRY, LISTS, SETS, ZSETS, STREAMS,
            GROUPS, HYPERLOGLOG, SCRIPTS,
        )
    ],
)  # fmt: skip


class Client:
    """One connection's part of the load, its model, and what has been answered.

    Attributes:
        sent: commands since the last start of the server, in order.
        answered: how many of them have been answered.
    """

    def __init__(self, number: int, seed: str) -> None:
        self.number = number
        self.sent: list[Command] = []
        self.answered = 0
        self._commands = self._draw(Random(f"{seed}/{number}"))
        self._rng = Random(f"{seed}/{number}/pipelines")
        self._clock = Clock()
        self._model = Namespace(Settings(), self._clock, Random(1), Host())
        self._session = Session(self._model, Outlet())

    def _draw(self, rng: Random) -> Iterator[Command]:
        source = LOAD.source(LOAD.names | {"MULTI"})
        while True:
            for _, command in source.draw(rng):
                if not _leaves_its_database(command):
                    yield command

    def load(self, port: int) -> None:
        """Sends and counts until the server is gone."""
        try:
            with Connection(port) as connection:
                connection.call("SELECT", self.number)
                while True:
                    batch = [
                        next(self._commands) for _ in range(self._rng.randint(1, MOST_PIPELINED))
                    ]
                    self.sent += batch
                    connection.send_bytes(b"".join(encode(*command) for command in batch))
                    for _ in batch:
                        connection.read_reply()
                        self.answered += 1
        except OSError:
            pass

    def difference(self, server: Server) -> str:
        """What the server has that no number of commands from those answered on explains."""
        with server.raw() as connection:
            connection.call("SELECT", self.number)
            theirs = database(asking_server(connection))
        for command in self.sent[: self.answered]:
            self._run(command)
        tried: list[Database] = [self._state()]
        left = self.sent[self.answered :]
        while not alike(tried[-1], theirs, SLACK) and left:
            self._run(left.pop(0))
            tried.append(self._state())
        if not alike(tried[-1], theirs, SLACK):
            return self._explain(theirs, tried[0])
        self._session.end()
        self._session = Session(self._model, Outlet())
        self.sent, self.answered = [], 0
        return ""

    def _run(self, command: Command) -> None:
        self._clock.ms = int(time.time() * 1000)
        self._session.execute(list(command))

    def _state(self) -> Database:
        self._clock.ms = int(time.time() * 1000)
        return database(asking(Session(self._model, Outlet())))

    def _explain(self, theirs: Database, ours: Database) -> str:
        lines = [f"client {self.number}: {self.answered} of {len(self.sent)} answered"]
        for key in sorted(theirs.keys() | ours.keys()):
            if not alike(theirs.get(key), ours.get(key), SLACK):
                lines.append(
                    f"  {key!r} is {theirs.get(key)}, after what was answered {ours.get(key)}"
                )
        lines += [f"    {command}" for command in self.sent[self.answered - 5 :]]
        return "\n".join(lines)


def _leaves_its_database(command: Command) -> bool:
    words = [word.upper() for word in command]
    return words[0] in (b"SELECT", b"MOVE") or (words[0] == b"COPY" and b"DB" in words)


class Trial:
    """A server and its clients, to be killed any number of times.

    Attributes:
        answered: how many commands were answered in all.
        unanswered: how many were sent and never answered.
    """

    def __init__(self, server: Server, clients: int, seed: str) -> None:
        self.answered = 0
        self.unanswered = 0
        self._server = server
        self._rng = Random(seed)
        self._clients = [Client(number, seed) for number in range(clients)]

    def kill(self, longest: float) -> str:
        """Loads, kills after `longest` seconds at most, and restarts; what is wrong then, or ""."""
        threads = [
            threading.Thread(target=client.load, args=(self._server.port,), daemon=True)
            for client in self._clients
        ]
        for thread in threads:
            thread.start()
        time.sleep(self._rng.uniform(0, longest))
        self._server.kill()
        for thread in threads:
            thread.join(30)
        for client in self._clients:
            self.answered += client.answered
            self.unanswered += len(client.sent) - client.answered
        self._server.restart()
        return "\n".join(filter(None, [one.difference(self._server) for one in self._clients]))
