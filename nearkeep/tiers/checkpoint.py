"""Brings what has changed from memory into SQLite, in batches, while everything goes on.

A run takes the keys that are dirty when it begins, at batch S of the stream, each as it stands when
its turn comes, and commits them in one transaction. From then on recovery is: all keys, and the log
after S. What a key already has is not run again for it: the row says after which batch it was taken.

That is right for effects on one key. One on several keys (RENAME, ZUNIONSTORE) may meet some that were
taken after it and some that were not, so each key of such an effect is taken once more, after it. What
concerns whole databases (FLUSHALL, SWAPDB) ends the run; the next one begins anew.

The log is synced up to the end of the run before the run is committed: else a power failure could
leave some keys newer than the log, and others not.

The loop is held for `BUDGET` at a time; SQLite works in another thread.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Final

from nearkeep.engine.keyspace import Keyspace
from nearkeep.engine.namespace import Namespace
from nearkeep.engine.session import BUSY
from nearkeep.engine.stream import Effect
from nearkeep.engine.values.string import compact, is_string, string_of, type_name
from nearkeep.tiers.database import Database, Key
from nearkeep.tiers.pipeline import Pipeline, Sync
from nearkeep.tiers.recovery import Replay, touched
from nearkeep.tiers.rewrite import commands_of, time_of
from nearkeep.tiers.schedule import Schedule
from nearkeep.wire.reply import encode
from nearkeep.wire.request import RequestParser

BUDGET: Final = 0.002
"""Seconds for which the loop is held."""

BATCH: Final = 1 << 20
"""Bytes that are handed to SQLite at a time, about."""

SMALL: Final = 4096
"""Words of commands up to which a value is taken at once, and is one row; about."""

TRIES: Final = 3
"""How often a large value that changes while it is taken is begun anew; then it is taken at once."""

WAIT: Final = 0.01

_WHOLE: Final = frozenset((b"FLUSHALL", b"FLUSHDB", b"SWAPDB"))

Job = Callable[[Database], None]


class Run:
    """One run.

    Attributes:
        sequence: of the last batch when it began.
        databases: by their numbers in the file.
        captured: the keys that have been taken, and are to be dirty again if it fails, by the
            number of their database.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.sequence = namespace.stream.sequence
        self.captured: dict[int, list[bytes]] = {}
        self.again: dict[tuple[int, bytes], None] = {}
        self.stopped = False
        self.libraries: list[bytes] = []
        self.libraries_sequence = 0
        self.databases = {db.stored: db for db in namespace.databases}
        self.emptied: list[int] = []
        self.queue: list[tuple[int, Iterator[bytes]]] = []
        for db in namespace.databases:
            dirty, db.dirty = db.dirty, {}
            if dirty:
                self.queue.append((db.stored, iter(dirty)))
            if db.emptied:
                db.emptied = False
                self.emptied.append(db.stored)


class Checkpoint:
    """The checkpointer of a namespace.

    Attributes:
        sequence: all up to this batch is in SQLite.
        first: what that was at the start.
        saved: when that was brought there, milliseconds since the epoch.
        runs: how many have been committed.
        error: why the last run failed; empty if it did not.
        on_done: called after each run, committed or not.
    """

    def __init__(
        self, namespace: Namespace, schedule: Schedule, pipeline: Pipeline, database: Database
    ) -> None:
        self.sequence = self.first = database.sequence
        self.saved = namespace.clock.ms
        self.runs = 0
        self.error = ""
        self.on_done: Callable[[], None] = _nothing
        self.on_sync: Callable[[Sync, Exception | None], None] = _ignore
        self._namespace = namespace
        self._schedule = schedule
        self._pipeline = pipeline
        self._database = database
        self._run: Run | None = None
        self._large: _Large | None = None
        self._at_once = False
        self._working = False
        namespace.stream.read(self._watch)

    @property
    def running(self) -> bool:
        """Whether there is a run."""
        return self._run is not None

    @property
    def rows(self) -> int:
        """Rows written since the start."""
        return self._database.rows

    def dirty(self) -> int:
        """How many keys have changed since they were taken."""
        return sum([len(db.dirty) for db in self._namespace.databases])

    def is_due(self) -> bool:
        """Whether anything has changed since the last run began."""
        return self.sequence != self._namespace.stream.sequence

    def begin(self) -> None:
        """Begins a run, if there is none and the log can be written."""
        if self._run is not None or self._pipeline.error is not None:
            return
        if self._in_a_batch():
            return
        self._pipeline.flush()
        self._pipeline.rotate()
        run = self._run = Run(self._namespace)
        self._take_libraries(run)
        self._aside(lambda: self._database.begin(run.emptied), self._slice)

    def finish(self) -> None:
        """Does all that is left at once, and a run more if something has changed since."""
        self._at_once = True
        try:
            for _ in range(3):
                if self._run is None:
                    if not self.is_due():
                        return
                    self.begin()
                self._schedule.settle()
                while self._run is not None:
                    self._end()
                    self._schedule.settle()
                    if self._pipeline.error is not None:
                        return
        finally:
            self._at_once = False

    def load(self) -> None:
        """Brings all that is in the file into memory, which is empty. There must be no run."""
        load(self._namespace, self._database)

    def close(self) -> None:
        """Lets go of the file. There must be no run."""
        self._namespace.stream.leave(self._watch)
        for db in self._namespace.databases:
            db.tracked = False
        self._database.roll_back()
        self._database.close()

    def _in_a_batch(self) -> bool:
        """Whether something may be half done now; a command that asks for a run has done nothing."""
        namespace = self._namespace
        return bool(namespace.gate & BUSY) or (namespace.depth > 0 and not self._at_once)

    # ---- watching

    def _watch(self, _sequence: int, _now: int, batch: list[Effect]) -> None:
        run = self._run
        if run is None:
            return
        for db, words in batch:
            name = words[0].upper()
            if name in _WHOLE:
                run.stopped = True
            elif name == b"FUNCTION":
                self._take_libraries(run)
            else:
                keys = touched(db, words)
                if not keys:
                    run.stopped = True
                elif len(keys) > 1:
                    for key in keys:
                        run.again[key] = None

    def _take_libraries(self, run: Run) -> None:
        libraries = self._namespace.libraries.libraries.values()
        run.libraries = [library.code for library in libraries]
        run.libraries_sequence = self._namespace.stream.sequence

    # ---- taking

    def _slice(self) -> None:
        """Takes keys for a while and hands them to SQLite, over and over until there are none."""
        run = self._run
        if run is None or self._working:
            return
        if run.stopped:
            self._aside(self._database.roll_back, self._stop)
            return
        if self._in_a_batch():
            self._schedule.later(WAIT, self._slice)
            return
        jobs: list[Job] = []
        size = 0
        end = time.perf_counter() + (60 if self._at_once else BUDGET)
        while size < BATCH:
            if self._large is None and not self._next(run):
                break
            size += self._take(run, jobs)
            if time.perf_counter() > end:
                break
        if jobs:
            self._aside(lambda: _do(self._database, jobs), self._slice)
        elif self._large is not None:
            self._schedule.soon(self._slice)
        else:
            self._end()

    def _next(self, run: Run) -> bool:
        """Turns to the next key; whether there is one."""
        while run.queue:
            number, keys = run.queue[-1]
            key = next(keys, None)
            if key is not None:
                self._large = _Large(run.databases[number], key)
                return True
            run.queue.pop()
        if run.again:
            index, key = next(iter(run.again))
            del run.again[index, key]
            self._large = _Large(self._namespace.databases[index], key)
            return True
        return False

    def _take(self, run: Run, jobs: list[Job]) -> int:
        """Takes a key, or more of a large one; about how many bytes that were."""
        taking = self._large
        assert taking is not None
        db, key = taking.db, taking.key
        sequence = self._namespace.stream.sequence
        name: Key = (db.stored, key)
        if taking.commands is not None and key in db.dirty and taking.tries < TRIES:
            taking.commands = None  # it has changed meanwhile
            taking.tries += 1
        if taking.commands is None:
            db.dirty.pop(key, None)
            run.captured.setdefault(db.stored, []).append(key)
            value, expiry = db.held(key)
            if value is None:
                self._large = None
                jobs.append(lambda database: database.remove(name, sequence))
                return 100
            if is_string(value):
                self._large = None
                data = string_of(value)
                row = ("string", expiry or None, data)
                jobs.append(lambda database: database.put(name, sequence, row))
                return 100 + len(data)
            taking.commands = commands_of(key, value, 0)
            taking.part = 0
            taking.row = type_name(value).decode(), expiry or None
        piece, ended = _piece(taking.commands, at_once=taking.tries >= TRIES or self._at_once)
        if ended:
            self._large = None
        kind, expires = taking.row
        part, taking.part = taking.part, taking.part + 1
        if part == 0:
            jobs.append(
                lambda database: database.put(name, sequence, (kind, expires, _resp(piece)))
            )
        else:
            jobs.append(lambda database: database.put_part(name, part, _resp(piece)))
        return 100 + sum([len(word) for words in piece for word in words])

    # ---- ending

    def _end(self) -> None:
        """Commits, once the log is on disk as far as the run has seen it."""
        run, pipeline = self._run, self._pipeline
        if run is None or self._working:
            return
        if run.stopped or run.again or run.queue or self._large is not None:
            self._slice()
            return
        if pipeline.error is not None:
            run.stopped = True
            self._slice()
            return
        last = self._namespace.stream.sequence
        if pipeline.flush() < last and not pipeline.always:
            run.stopped = True
            self._slice()
        elif pipeline.synced >= last:
            self._commit(run)
        else:
            sync = pipeline.begin_sync()
            if sync is None:
                if self._at_once:
                    self._schedule.settle()
                else:
                    self._schedule.later(WAIT, self._end)
            else:
                self._working = True
                self._schedule.aside(sync.run, lambda error: self._log_synced(sync, error))

    def _log_synced(self, sync: Sync, error: Exception | None) -> None:
        self._working = False
        self.on_sync(sync, error)
        run = self._run
        if run is not None and error is None and not run.stopped and not run.again:
            # What came meanwhile is not synced, but nothing that was taken has it: all was taken.
            self._commit(run)
        else:
            self._end()

    def _commit(self, run: Run) -> None:
        databases = [db.stored for db in self._namespace.databases]
        self._aside(
            lambda: self._database.commit(
                run.sequence, databases, run.libraries, run.libraries_sequence
            ),
            self._committed,
        )

    def _committed(self) -> None:
        run = self._run
        if run is None:
            return
        self._run = None
        self.error = ""
        self.sequence = run.sequence
        self.saved = self._namespace.clock.microseconds() // 1000
        self.runs += 1
        self._pipeline.release(run.sequence)
        self.on_done()

    def _stop(self) -> None:
        """Gives the run up: what it has taken is dirty again."""
        run = self._run
        if run is None:
            return
        self._run = self._large = None
        by_number = {db.stored: db for db in self._namespace.databases}
        for number, captured in run.captured.items():
            by_number[number].dirty |= dict.fromkeys(captured)
        for number, keys in run.queue:
            for key in keys:
                by_number[number].dirty[key] = None
        for number in run.emptied:
            by_number[number].emptied = True
        self.on_done()

    def _aside(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Has SQLite work, and goes on."""

        def done(error: Exception | None) -> None:
            self._working = False
            if error is None:
                then()
            elif isinstance(error, sqlite3.Error):
                self.error = str(error)
                self._namespace.host.log(3, b"The checkpoint failed: " + self.error.encode())
                self._abandon()
            else:
                raise error

        self._working = True
        self._schedule.aside(work, done)

    def _abandon(self) -> None:
        try:
            self._database.roll_back()
        except sqlite3.Error:
            pass  # there is no transaction left
        self._stop()


class _Large:
    """A key that is being taken."""

    def __init__(self, db: Keyspace, key: bytes) -> None:
        self.db = db
        self.key = key
        self.commands: Iterator[list[bytes]] | None = None
        self.row: tuple[str, int | None] = ("", None)
        self.part = 0
        self.tries = 0


def _piece(commands: Iterator[list[bytes]], *, at_once: bool) -> tuple[list[list[bytes]], bool]:
    """Some commands, and whether they were the last."""
    piece: list[list[bytes]] = []
    size = 0
    for words in commands:
        piece.append(words)
        size += len(words)
        if size >= SMALL and not at_once:
            return piece, False
    return piece, True


def _resp(piece: list[list[bytes]]) -> bytes:
    return b"".join(map(encode, piece))


def _do(database: Database, jobs: list[Job]) -> None:
    for job in jobs:
        job(database)


def load(namespace: Namespace, database: Database) -> None:
    """Brings all that is in the file into memory.

    Raises:
        sqlite3.Error: it can't be read.
        ValueError: it has databases that the settings have no room for.
    """
    if len(database.databases) > len(namespace.databases):
        most = len(database.databases)
        raise ValueError(f"there may be keys in {most} databases: start with --databases {most}")
    by_number = {}
    unused = {*range(len(namespace.databases))} - {*database.databases}
    for index, db in enumerate(namespace.databases):
        if index < len(database.databases):
            db.stored = database.databases[index]
        else:
            db.stored = unused.pop()
        by_number[db.stored] = db
    replay = Replay(namespace)
    now = namespace.clock.ms
    for code in database.libraries:
        replay.run(0, [(0, [b"FUNCTION", b"LOAD", b"REPLACE", code])])
    for (number, key), (kind, expires, value), parts in database.contents():
        db = by_number[number]
        if kind == "string":
            namespace.clock.ms = 0
            db.set(key, compact(value))
        else:
            for data in (value, *parts):
                parser = RequestParser(1 << 62)
                parser.feed(data)
                while (words := parser.next()) is not None:
                    replay.run(time_of(words), [(db.index, words)])
        namespace.clock.ms = 0
        if expires:
            db.set_expiry(key, expires)
        db.set_idle_ms(key, -now)
    namespace.stream.sequence = database.sequence
    replay.end()
    if replay.failed:
        raise ValueError(f"what SQLite holds can't be used: {replay.failure}")


def _nothing() -> None:
    pass


def _ignore(_sync: Sync, _error: Exception | None) -> None:
    pass
