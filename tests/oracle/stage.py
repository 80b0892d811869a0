"""A sequence is played to both servers, and every reply compared; at the end, the whole keyspace."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Collection
from dataclasses import dataclass

from tests.oracle.comparisons import (
    Comparison,
    encoding,
    exactly,
    transaction,
    unordered,
    unordered_pairs,
    within,
)
from tests.oracle.family import Family, Sequence
from tests.oracle.grammar import CONTAINERS, Command
from tests.resp import Connection, Incomplete, Reply, encode, parse
from tests.servers import Server

DATABASES = (0, 1, 2)
# Seconds after which a reply counts as missing, and those that a slower server gets in step by step.
PATIENCE = 5.0
GRACE = 0.3
# A difference that time alone explains does not come back in every one of these.
REPLAYS = 3

NO_REPLY = Reply(b"?", b"(no reply)", None, b"")
CLOSED = Reply(b"?", b"(the connection was closed)", None, b"\x00")
CRASHED = Reply(b"?", b"(the server ended)", None, b"\x02")
GARBAGE = b"?"

# How the value of a key is read at the end, by its type.
READS: dict[str, list[tuple[str, Comparison]]] = {
    "string": [("GET {}", exactly)],
    "hash": [("HGETALL {}", unordered_pairs)],
    "list": [("LRANGE {} 0 -1", exactly)],
    "set": [("SMEMBERS {}", unordered)],
    "zset": [("ZRANGE {} 0 -1 WITHSCORES", exactly)],
    "stream": [("XRANGE {} - +", exactly)],
}
READS_OF_ANY: list[tuple[str, Comparison]] = [
    ("TYPE {}", exactly),
    ("OBJECT ENCODING {}", encoding),
    ("PTTL {}", within(2000)),
]


@dataclass(frozen=True)
class Difference:
    """Where the servers parted. `index` is the step, or len(sequence) for the state at the end.

    `said` and `theirs` and `ours` hold every command that was played up to there with its replies.
    """

    index: int
    command: Command
    said: tuple[tuple[int, Command], ...]
    theirs: tuple[tuple[Reply, ...], ...]
    ours: tuple[tuple[Reply, ...], ...]

    @property
    def signature(self) -> tuple[str, str, str]:
        """What makes two differences the same one: the command and the beginnings of both replies."""
        words = [word.decode("latin-1").upper() for word in self.command[:2]]
        their, our = _first_apart(self.theirs[-1], self.ours[-1])
        return (" ".join(words) if words[0] in CONTAINERS else words[0], _gist(their), _gist(our))


def _first_apart(
    theirs: tuple[Reply, ...], ours: tuple[Reply, ...]
) -> tuple[tuple[Reply, ...], tuple[Reply, ...]]:
    """The replies, or those within them, that differ: for EXEC the one command's that went wrong."""
    if len(theirs) == len(ours):
        for their, our in zip(theirs, ours, strict=True):
            if their.raw != our.raw:
                if their.items and our.items and their.kind == our.kind:
                    return _first_apart(their.items, our.items)
                return (their,), (our,)
    return theirs, ours


def _gist(replies: tuple[Reply, ...]) -> str:
    """Their types, and of errors the text without what came from the command."""
    return " ".join(
        re.sub(rb"'[^']*'|\d+", b"_", reply.payload or b"").decode("latin-1")
        if reply.is_error or reply.kind == GARBAGE
        else f"{reply.kind.decode()}{' null' if reply.is_null else ''}"
        for reply in replies
    )


class Player:
    """One server's part: a control connection and those of the clients in the sequence."""

    def __init__(self, server: Server, protocol: int) -> None:
        self.server = server
        self._protocol = protocol
        self._control: Connection | None = None
        self.clients: list[Connection] = []
        self._pending: list[bytearray] = []
        self._closed: list[bool] = []

    def connect(self) -> Connection:
        """A connection that speaks the protocol of this trial."""
        connection = self.server.raw(timeout=PATIENCE)
        connection.call("HELLO", self._protocol)
        return connection

    @property
    def control(self) -> Connection:
        if self._control is None:
            self._control = self.connect()
        return self._control

    def start(self, commands: list[Command]) -> None:
        """Send all at once; `finish` reads the replies."""
        with contextlib.suppress(OSError):
            self.control.send_bytes(b"".join(encode(*command) for command in commands))

    def finish(self, count: int) -> list[Reply]:
        """One reply for each command sent, or NO_REPLY or CLOSED from where they stop."""
        replies: list[Reply] = []
        try:
            while len(replies) < count:
                replies.append(self.control.read_reply())
        except (OSError, ValueError) as error:
            missing = CLOSED if isinstance(error, ConnectionError) else NO_REPLY
            if isinstance(error, ValueError):
                missing = Reply(GARBAGE, str(error).encode(), None, b"\x01")
            replies += [missing] * (count - len(replies))
            self.forget()
        return replies

    def forget(self) -> None:
        """Drop the control connection: what it would say next belongs to another question."""
        if self._control is not None:
            self._control.close()
            self._control = None

    def revive(self) -> bool:
        """Start the server again if it ended, and say whether it had."""
        if self.server.process.poll() is None:
            return False
        self.server.restart()
        self.forget()
        return True

    def seat(self, count: int) -> None:
        """Open fresh connections for that many clients."""
        self.leave()
        self.clients = [self.connect() for _ in range(count)]
        self._pending = [bytearray() for _ in range(count)]
        self._closed = [False] * count

    def leave(self) -> None:
        for client in self.clients:
            client.close()
        self.clients = []

    def say(self, client: int, command: Command) -> None:
        with contextlib.suppress(OSError):
            self.clients[client].send(*command)

    def settle(self) -> None:
        """Wait until the server has carried out, and answered, all that was sent before.

        It answers in rounds of its event loop: the second PING is read in a later round than the
        one in which the replies to what came before the first were written.
        """
        for _ in range(2):
            self.start([(b"PING",)])
            self.finish(1)

    def hear(self, heard: list[list[Reply]], *, wait: float = 0.0) -> None:
        """Add to `heard` what each client received, waiting up to `wait` seconds for the first."""
        for client, connection in enumerate(self.clients):
            if self._closed[client]:
                continue
            connection.socket.settimeout(wait)
            try:
                while data := connection.socket.recv(1 << 16):
                    self._pending[client] += data
                    connection.socket.settimeout(0)
                self._closed[client] = True
            except (BlockingIOError, TimeoutError):
                pass
            except OSError:
                self._closed[client] = True
            connection.socket.settimeout(PATIENCE)
            pending = self._pending[client]
            with contextlib.suppress(Incomplete):
                while pending:
                    reply = parse(pending)
                    heard[client].append(reply)
                    del pending[: len(reply.raw)]
            if self._closed[client]:
                heard[client].append(CLOSED)


class Stage:
    """Both servers with a protocol, ready to play sequences of any family."""

    def __init__(self, theirs: Server, ours: Server, protocol: int) -> None:
        self.protocol = protocol
        self._theirs = Player(theirs, protocol)
        self._ours = Player(ours, protocol)

    def close(self) -> None:
        for player in (self._theirs, self._ours):
            player.leave()
            player.forget()

    def knows(self, names: Collection[str]) -> set[str]:
        """Those of the commands that our server has, by COMMAND INFO."""
        asked = sorted(names)
        replies = self._ours.control.call("COMMAND", "INFO", *asked).items or ()
        return {name for name, reply in zip(asked, replies, strict=False) if not reply.is_null}

    def play(self, family: Family, sequence: Sequence) -> Difference | None:
        """The first difference, if there is one whenever the sequence is played, or a crash."""
        found = None
        for _ in range(REPLAYS):
            found = self._play_once(family, sequence)
            if found is None or found.ours[-1] == (CRASHED,):
                return found
        return found

    def _play_once(self, family: Family, sequence: Sequence) -> Difference | None:
        play = self._in_one_go if family.clients == 1 else self._step_by_step
        difference = play(family, sequence) or self._compare_states(sequence)
        if self._theirs.revive():
            # What crashes the oracle says nothing about us.
            self._ours.revive()
            return None
        if self._ours.revive():
            crash = (b"PING",)
            return Difference(len(sequence), crash, ((0, crash),), ((),), ((CRASHED,),))
        return difference

    def _both(self, commands: list[Command]) -> tuple[list[Reply], list[Reply]]:
        for player in (self._theirs, self._ours):
            player.start(commands)
        theirs = self._theirs.finish(len(commands))
        return theirs, self._ours.finish(len(commands))

    def _in_one_go(self, family: Family, sequence: Sequence) -> Difference | None:
        before = [(b"DISCARD",), *family.reset, (b"FLUSHALL",), (b"SELECT", b"0")]
        commands = [command for _, command in sequence]
        theirs, ours = self._both([*before, *commands])
        theirs, ours = theirs[len(before) :], ours[len(before) :]
        queued: list[Comparison] = []
        for index, command in enumerate(commands):
            name = command[0].upper()
            comparison = family.comparison(command)
            if name == b"EXEC":
                comparison = transaction(queued)
            their, our = theirs[index], ours[index]
            if their.raw != our.raw and not comparison(their, our):
                return Difference(
                    index,
                    command,
                    sequence[: index + 1],
                    tuple((reply,) for reply in theirs[: index + 1]),
                    tuple((reply,) for reply in ours[: index + 1]),
                )
            if their.raw == b"+QUEUED\r\n":
                queued.append(comparison)
            elif name in (b"EXEC", b"MULTI", b"DISCARD"):
                queued = []
        return None

    def _step_by_step(self, family: Family, sequence: Sequence) -> Difference | None:
        players = (self._theirs, self._ours)
        for player in players:
            player.seat(family.clients)
        self._both([*family.reset, (b"FLUSHALL",)])
        theirs: list[tuple[Reply, ...]] = []
        ours: list[tuple[Reply, ...]] = []
        queued: list[list[Comparison]] = [[] for _ in range(family.clients)]
        try:
            for index, (speaker, command) in enumerate(sequence):
                their, our = self._step(family.clients, speaker, command)
                theirs.append(tuple(_flat(their)))
                ours.append(tuple(_flat(our)))
                comparison = family.comparison(command)
                if command[0].upper() == b"EXEC":
                    comparison, queued[speaker] = transaction(queued[speaker]), []
                elif command[0].upper() in (b"MULTI", b"DISCARD", b"RESET"):
                    queued[speaker] = []
                elif any(reply.raw == b"+QUEUED\r\n" for reply in their[speaker]):
                    queued[speaker].append(comparison)
                for client in range(family.clients):
                    compare = comparison if client == speaker else exactly
                    if not _alike(compare, their[client], our[client]):
                        return Difference(
                            index, command, sequence[: index + 1], tuple(theirs), tuple(ours)
                        )
            return None
        finally:
            for player in players:
                player.leave()

    def _step(
        self, clients: int, speaker: int, command: Command
    ) -> tuple[list[list[Reply]], list[list[Reply]]]:
        """Say it to both; what each client of either heard by then."""
        heard: tuple[list[list[Reply]], ...] = ([], [])
        for player, replies in zip((self._theirs, self._ours), heard, strict=True):
            replies += [[] for _ in range(clients)]
            player.say(speaker, command)
        for player, replies in zip((self._theirs, self._ours), heard, strict=True):
            player.settle()
            player.hear(replies)
        their, our = heard
        deadline = time.monotonic() + GRACE
        while [*map(len, our)] != [*map(len, their)] and time.monotonic() < deadline:
            self._theirs.hear(their, wait=0.01)
            self._ours.hear(our, wait=0.01)
        return their, our

    def _compare_states(self, sequence: Sequence) -> Difference | None:
        """Compare what is in the databases: the keys, their types, values, encodings and expiries."""
        for player in (self._theirs, self._ours):
            player.start([(b"DISCARD",)])
            player.finish(1)
        for database in DATABASES:
            select = (b"SELECT", b"%d" % database)
            keys: list[tuple[Command, Comparison]] = [
                (select, exactly),
                ((b"DBSIZE",), exactly),
                ((b"KEYS", b"*"), unordered),
            ]
            difference, replies = self._ask(sequence, keys)
            if difference:
                return difference
            reads: list[tuple[Command, Comparison]] = []
            for key in sorted(item.payload or b"" for item in replies[-1].items or ()):
                reads += [(_command(line, key), how) for line, how in READS_OF_ANY]
            if not reads:
                continue
            difference, replies = self._ask(sequence, [(select, exactly), *reads])
            if difference:
                return difference
            types = [reply.payload or b"" for reply in replies[1 :: len(READS_OF_ANY)]]
            values: list[tuple[Command, Comparison]] = [(select, exactly)]
            for (read, _), kind in zip(reads[:: len(READS_OF_ANY)], types, strict=True):
                lines = READS.get(kind.decode(), [])
                values += [(_command(line, read[-1]), how) for line, how in lines]
            difference, _ = self._ask(sequence, values)
            if difference:
                return difference
        return None

    def _ask(
        self, sequence: Sequence, questions: list[tuple[Command, Comparison]]
    ) -> tuple[Difference | None, list[Reply]]:
        theirs, ours = self._both([command for command, _ in questions])
        for (command, same), their, our in zip(questions, theirs, ours, strict=True):
            if their.raw != our.raw and not same(their, our):
                difference = Difference(
                    len(sequence), command, ((0, command),), ((their,),), ((our,),)
                )
                return difference, theirs
        return None, theirs


def _command(line: str, key: bytes) -> Command:
    return tuple(key if word == "{}" else word.encode() for word in line.split())


def _flat(heard: list[list[Reply]]) -> list[Reply]:
    return [reply for replies in heard for reply in replies]


def _alike(compare: Comparison, theirs: list[Reply], ours: list[Reply]) -> bool:
    return len(theirs) == len(ours) and all(
        their.raw == our.raw or compare(their, our)
        for their, our in zip(_in_order(theirs), _in_order(ours), strict=True)
    )


def _tells_of_flush(reply: Reply) -> bool:
    return reply.is_push and reply.raw.endswith(b"$10\r\ninvalidate\r\n_\r\n")


def _in_order(replies: list[Reply]) -> list[Reply]:
    """The replies, with what one PUBLISH said to several patterns of one client in a fixed order.

    Which of them comes first is not promised; what stands before and after keeps its place. Nor is
    it whether a client that flushes is told so before or after its reply: Redis, which may flush in
    the background, replies late.
    """
    replies = sorted(replies, key=lambda reply: not _tells_of_flush(reply))

    def publication(reply: Reply) -> tuple[bytes, ...]:
        items = [item.raw for item in reply.items or ()]
        is_pmessage = len(items) == 4 and b"pmessage" in items[0]
        return tuple(items[2:]) if is_pmessage else (b"", reply.raw)

    ordered: list[Reply] = []
    for _, run in itertools.groupby(replies, publication):
        ordered += sorted(run, key=lambda reply: reply.raw)
    return ordered
