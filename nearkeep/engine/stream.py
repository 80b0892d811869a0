"""The mutation stream: what every write did, as deterministic commands in one order (invariant 2).

All that happens below and beside memory (log, checkpoint, replicas, history) reads this stream and
nothing else. A batch is one step: a command, a MULTI or a script, whole or absent after a crash.
"""

from collections.abc import Callable

Effect = tuple[int, list[bytes]]
"""A database's number and a command whose outcome depends on nothing but the keyspace."""

Reader = Callable[[int, int, list[Effect]], None]
"""Called with the sequence number, the time (milliseconds since the epoch) and the batch."""


class MutationStream:
    """Numbers batches of effects and hands them to its readers, in the order of their coming.

    Attributes:
        sequence: number of the last batch; the first is 1.
        recording: whether anyone reads; effects need not be made where nobody does.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.recording = False
        self._batch: list[Effect] = []
        self._readers: list[Reader] = []

    def read(self, reader: Reader) -> None:
        """Adds a reader of all batches from now on."""
        self._readers.append(reader)
        self.recording = True

    def leave(self, reader: Reader) -> None:
        """Hands this reader no more batches."""
        self._readers.remove(reader)
        self.recording = bool(self._readers)

    def add(self, db: int, effect: list[bytes]) -> None:
        """Adds an effect to the batch that is being made."""
        if self.recording:
            self._batch.append((db, effect))

    def pause(self) -> None:
        """Has nothing recorded until `resume`, as what is done now is told already."""
        self.recording = False

    def resume(self) -> None:
        """Has effects recorded again, if anyone reads."""
        self.recording = bool(self._readers)

    def commit(self, now: int) -> bool:
        """Ends the batch and hands it on; whether there was one, as an empty one is none.

        `now` is the time that the engine's clock showed while the batch ran.
        """
        if not self._batch:
            return False
        batch = self._batch
        self._batch = []
        self.sequence += 1
        for reader in self._readers:
            reader(self.sequence, now, batch)
        return True
