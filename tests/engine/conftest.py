"""A namespace in the same process, with a clock that stands still and a stream that is kept."""

from __future__ import annotations

from random import Random

import pytest

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.engine.stream import Effect
from nearkeep.wire.reply import Map, Pairs, Push, Reply, SetReply

NOW = 1_800_000_000_000


class Listener(Outlet):
    """Keeps what is pushed to a session."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed: list[object] = []

    def send(self, message: Reply) -> None:
        self.pushed.append(message)


class Client:
    """One session of a namespace of its own.

    Attributes:
        effects: what the mutation stream was told, command by command.
    """

    def __init__(self) -> None:
        clock = Clock()
        clock.ms = NOW
        self.namespace = Namespace(Settings(), clock, Random(1), Host())
        self.session = Session(self.namespace, Outlet())
        self.effects: list[bytes] = []
        self.namespace.stream.read(self._read)
        self._listener = Listener()

    def _read(self, _sequence: int, _now: int, batch: list[Effect]) -> None:
        self.effects += [b" ".join(words) for _, words in batch]

    def __call__(self, *words: bytes | str | int) -> Reply:
        """Runs a command of these words, or of one line split at blanks."""
        if len(words) == 1 and isinstance(words[0], str):
            words = tuple(words[0].split())
        args = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        return self.session.execute(args)

    def pass_ms(self, ms: int) -> None:
        """Lets time pass; nothing is done in the background."""
        self.namespace.clock.ms += ms

    def step(self) -> None:
        """Does all that is due in the background."""
        while self.namespace.step(100):
            pass

    def listen(self) -> None:
        """Keeps keyspace events from now on."""
        self.namespace.settings.set("notify-keyspace-events", [b"KEA"])
        watcher = Session(self.namespace, self._listener)
        watcher.execute([b"PSUBSCRIBE", b"__keyevent@0__:*"])

    def events(self) -> list[bytes]:
        """The events since the last call, `b"event key"`."""
        pushed, self._listener.pushed = self._listener.pushed, []
        found = []
        for message in pushed:
            assert isinstance(message, Push)
            if message.items[0] == b"pmessage":
                channel, key = message.items[2:4]
                assert isinstance(channel, bytes)
                assert isinstance(key, bytes)
                found.append(channel.split(b":", 1)[1] + b" " + key)
        return found


def strings(reply: Reply) -> list[bytes]:
    """The byte strings in an array, set, map or list of pairs."""
    if isinstance(reply, SetReply):
        reply = reply.items
    elif isinstance(reply, (Map, Pairs)):
        reply = reply.flat
    assert isinstance(reply, list)
    assert all(isinstance(item, bytes) for item in reply)
    return reply


@pytest.fixture
def client() -> Client:
    return Client()
