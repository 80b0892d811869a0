"""A client whose commands come in batches: each is run to its end, however it blocks, then answered."""

from collections.abc import Callable

from nearkeep.engine.session import Session
from nearkeep.server.client import Client
from nearkeep.server.connection import Tick
from nearkeep.wire.reply import NO_REPLY, Push, Reply, Several

Done = Callable[[list[Reply]], None]
"""Gets the replies to all commands of a batch."""


class Caller(Client):
    """Runs one batch at a time. Subclasses hand in the next one when `ready` is called."""

    def __init__(self, tick: Tick) -> None:
        super().__init__(tick)
        self.commands: list[list[bytes]] | None = None
        self._done: Done | None = None
        self._replies: list[Reply] = []
        self._running = False
        self._told: list[Reply] = []
        self._clogged = False  # whether the transport has more than it can send
        self._latest: dict[object, Push] = {}  # what is held back then, by key
        self._waiting = False
        self._out: list[bytes] = []

    # ---- what subclasses do

    def ready(self, session: Session) -> None:
        """Begins what waits, if anything: no batch is being run."""

    def deliver(self, message: Reply) -> None:
        """Sends a message that is no reply."""

    # ---- batches

    def run(self, session: Session, commands: list[list[bytes]], done: Done) -> None:
        """Begins a batch; `done` gets the replies, at once or later."""
        self.commands = commands
        self._done = done
        self._replies = []
        self._advance(session)

    def execute(self, session: Session, args: list[bytes]) -> Reply:
        """Runs one command. What answers in several messages has them as one reply."""
        self._running = True
        reply = session.execute(args)
        self._running = False
        if self._told:
            told, self._told = self._told, []
            if reply is NO_REPLY:
                return Several(told)
            for message in told:
                self.deliver(message)
        return reply

    def _advance(self, session: Session) -> None:
        """Goes on with the batch until a command blocks."""
        commands, replies, done = self.commands, self._replies, self._done
        if commands is None or done is None:
            return
        while len(replies) < len(commands):
            reply = self.execute(session, commands[len(replies)])
            if reply is NO_REPLY and session.blocked is not None:
                return
            replies.append(reply)
        self.commands = None
        self._done = None
        done(replies)
        deferred, session.deferred = session.deferred, []
        for message in deferred:
            self.deliver(message)

    # ---- what the engine and the tick call

    def send(self, message: Reply) -> None:
        if self._running:
            self._told.append(message)
        elif self._clogged and isinstance(message, Push) and message.items[0] == b"key":
            self._latest[message.items[1]] = message  # the last value is all that matters
        elif not self.closing:
            self.deliver(message)

    def pause_writing(self) -> None:
        self._clogged = True

    def resume_writing(self) -> None:
        self._clogged = False
        latest, self._latest = self._latest, {}
        for message in latest.values():
            self.send(message)

    def resume(self, reply: Reply) -> None:
        self._replies.append(reply)
        self.tick.run(self)

    def retry(self, args: list[bytes]) -> None:
        self.tick.run(self)

    def go_on(self) -> None:
        session = self.session
        if session is None or self.closing or session.blocked is not None:
            return
        self._advance(session)
        if self.commands is None:
            self.ready(session)

    # ---- writing

    def held(self) -> int:
        return sum([len(part) for part in self._out])

    def write(self, data: bytes) -> None:
        """Has bytes sent at the end of the tick."""
        self._out.append(data)
        self.wake()

    def wake(self) -> None:
        """Has `flush` called at the end of the tick."""
        if not self._waiting:
            self._waiting = True
            self.tick.write(self)

    def flush(self) -> None:
        self._waiting = False
        transport = self.transport
        parts, self._out = self._out, []
        if transport is None or transport.is_closing():  # a write would raise
            return
        if parts:
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            transport.write(data)
            self.count_sent(len(data))
        if self.closing:
            transport.close()
