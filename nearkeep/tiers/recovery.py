"""The start: effects from the log run again on the engine that once told of them.

The engine's clock stands at the time that each batch saw when it ran, so whatever depended on the
time comes out as it did: a key that was alive then is alive, and nothing expires that had not.
"""

from nearkeep.engine.command import find_declared, keys_of
from nearkeep.engine.namespace import Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.stream import Effect
from nearkeep.tiers.database import Database
from nearkeep.tiers.segment import Reading
from nearkeep.wire.reply import Failure


class Replay:
    """Runs batches of the mutation stream on a namespace that no one else uses meanwhile.

    Users, limits and statistics have no part in it, and the stream tells nobody.

    Attributes:
        batches: how many were run.
        failed: how many effects answered with an error, or are of no command that there is.
        failure: the first of them with its error, for people.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.batches = 0
        self.failed = 0
        self.failure = ""
        self._namespace = namespace
        session = Session(namespace, Outlet())
        del namespace.sessions[session.id]
        namespace.connections_received -= 1
        session.executing = True  # nothing blocks
        self._session = session

    def run(self, time: int, batch: list[Effect]) -> None:
        """Runs one batch, at the time when it ran first."""
        namespace, session = self._namespace, self._session
        namespace.stream.pause()
        for db, words in batch:
            session.db = namespace.databases[db]
            # Fields that have expired are hidden from commands, and yet are to go.
            namespace.clock.ms = 0 if words[0] == b"HDEL" else time
            command = find_declared(words)
            if command is None:
                self._note(words, "there is no such command")
                continue
            try:
                reply = command.run(session, words)
            except Failure as failure:
                reply = failure
            if isinstance(reply, Failure):
                self._note(words, reply.message.decode(errors="replace"))
            session.effects_replaced = False
        self.batches += 1

    def end(self) -> None:
        """To be called once, when all is run: the time goes on, as if nothing had happened."""
        namespace = self._namespace
        namespace.ready.clear()
        namespace.changes = 0
        namespace.expired_keys = namespace.expired_subkeys = 0
        for db in namespace.databases:
            db.hits = db.misses = db.expired = 0
        namespace.begin()
        namespace.stream.resume()

    def _note(self, words: list[bytes], message: str) -> None:
        self.failed += 1
        if self.failed == 1:
            shown = b" ".join([word[:64] for word in words[:4]]).decode(errors="replace")
            self.failure = f"{shown}: {message}"


class Seen:
    """Tells which effects of the log a checkpoint has already."""

    def __init__(self, database: Database) -> None:
        self._taken = database.taken()
        self._libraries = database.libraries_sequence
        self._last = max([self._libraries, *self._taken.values()])

    def has(self, namespace: Namespace, sequence: int, db: int, words: list[bytes]) -> bool:
        """Whether it has what this effect did: then all its keys were taken after it."""
        if sequence > self._last:
            return False
        if words[0].upper() == b"FUNCTION":
            return sequence <= self._libraries
        for index, key in touched(db, words):
            if self._taken.get((namespace.databases[index].stored, key), 0) >= sequence:
                return True
        return False


def touched(db: int, words: list[bytes]) -> list[tuple[int, bytes]]:
    """The keys of an effect with their databases; none if it is about something else."""
    command = find_declared(words)
    if command is None:
        return []
    keys = [(db, key) for key in keys_of(command, words)]
    if command.name == b"move":
        keys.append((int(words[2]), words[1]))
    elif command.name == b"copy":
        for at in range(3, len(words) - 1):
            if words[at].upper() == b"DB":
                keys[1] = int(words[at + 1]), words[2]
    return keys


def recover(namespace: Namespace, reading: Reading, seen: Seen) -> Replay:
    """Runs all that a log has and a checkpoint has not.

    Raises:
        Damage, ValueError, OSError: as `Reading.frames`, or the log names a database that the
            settings have no room for.
    """
    replay = Replay(namespace)
    most = len(namespace.databases)
    for data, frame in reading.frames():
        for sequence, batch in frame.batches(data):
            if sequence <= namespace.stream.sequence:
                continue
            highest = max([db for db, _ in batch])
            if highest >= most:
                raise ValueError(
                    f"there are keys in database {highest}: start with --databases {highest + 1}"
                )
            left = [one for one in batch if not seen.has(namespace, sequence, *one)]
            replay.run(frame.time, left)
            namespace.stream.sequence = sequence
    namespace.stream.sequence = max(namespace.stream.sequence, reading.last)
    replay.end()
    return replay
