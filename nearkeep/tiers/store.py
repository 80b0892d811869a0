"""What a namespace has below memory, in one folder: the log, and what is started from it.

`lock` is held by the process that uses the folder, `pipeline/` has the log's segments (L1), `keys.db`
is SQLite's file (L2).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from nearkeep.engine.namespace import Namespace
from nearkeep.tiers.checkpoint import Checkpoint, load
from nearkeep.tiers.database import Database
from nearkeep.tiers.disk import Disk
from nearkeep.tiers.frame import SALT
from nearkeep.tiers.pipeline import Pipeline, Sync, reason
from nearkeep.tiers.recovery import Seen, recover
from nearkeep.tiers.schedule import Schedule
from nearkeep.tiers.segment import Reading
from nearkeep.wire.reply import Failure

EVERY: Final = 1.0
"""Seconds from the beginning of one sync to that of the next (`appendfsync everysec`)."""

RETRY: Final = 0.2
"""Seconds between attempts to write while the disk refuses."""

LOOK: Final = 1.0
"""Seconds between looks at whether a checkpoint is due."""

INTERVAL: Final = 5.0
"""Seconds after which what has changed is brought to SQLite."""

KEYS: Final = 50_000
"""Changed keys with which that is done earlier."""

LOG: Final = 32 << 20
"""Bytes of log with which that is done earlier."""

DATABASE: Final = "keys.db"
PIPELINE: Final = "pipeline"
LOCK: Final = "lock"


class InUse(Exception):
    """Another process uses the folder."""

    def __init__(self, folder: Path, process: str) -> None:
        super().__init__(folder, process)
        self.folder = folder
        self.process = process

    def __str__(self) -> str:
        by = f"process {self.process}" if self.process else "another process"
        return (
            f"{self.folder} is in use by {by}: give each server a folder of its own with --dir,"
            " or let one keep all in memory with --appendonly no"
        )


class Store:
    """A namespace's folder.

    Attributes:
        pipeline: the log, from `open` on.
        checkpoint: what brings keys to SQLite, from `open` on.
        notes: what is to be told about the start.
        delayed: how often a sync was due while one was running.
    """

    def __init__(
        self,
        folder: Path,
        namespace: Namespace,
        schedule: Schedule,
        disk: Disk,
        on_released: Callable[[], None],
    ) -> None:
        """`on_released` is called when what could not be written has been."""
        self.folder = folder
        self.notes: list[str] = []
        self.delayed = 0
        self.pipeline: Pipeline
        self.checkpoint: Checkpoint
        self._namespace = namespace
        self._schedule = schedule
        self._disk = disk
        self._on_released = on_released
        self._lock = -1
        self._closed = False

    def open(self) -> None:
        """Brings back what was written, and writes from now on.

        Raises:
            InUse: another process uses the folder.
            Damage, ValueError, sqlite3.Error: what is there can't be used as it is.
            OSError: the disk refuses.
        """
        log = self.folder / PIPELINE
        self._disk.make_folder(log)
        self._lock = self._take(self.folder / LOCK)
        namespace = self._namespace
        database = Database(self.folder / DATABASE)
        load(namespace, database)
        for db in namespace.databases:
            db.tracked = True
        reading = Reading(self._disk, log, database.sequence)
        replay = recover(namespace, reading, Seen(database))
        reading.secure()
        if reading.torn is not None:
            self.notes.append(
                f"The log ended in a torn write: {reading.torn_bytes} bytes left out,"
                f" {reading.torn.path} from byte {reading.torn.offset} on"
            )
        if replay.failed:
            self.notes.append(
                f"{replay.failed} effects in the log can't be repeated, the first: {replay.failure}"
            )
        sequence = namespace.stream.sequence
        self.pipeline = Pipeline(
            self._disk, log, sequence, reading.next_number, reading.segments,
            namespace.host.entropy(SALT),
        )  # fmt: skip
        self.pipeline.on_error = self._refuse
        self.pipeline.wake = partial(self._schedule.soon, self.before_replies)
        namespace.stream.read(self.pipeline.add)
        self.checkpoint = Checkpoint(namespace, self._schedule, self.pipeline, database)
        self.checkpoint.on_sync = self._synced
        self.checkpoint.on_done = self._reached
        self.pipeline.on_synced = partial(self._schedule.soon, self._reached)
        self._reached()
        self._checkpointed_bytes = 0
        self._checkpointed_at = namespace.clock.ms
        namespace.settings.on_change("appendfsync", self._policy_changed)
        self._policy_changed()
        self._schedule.later(EVERY, self._sync_by_time)
        self._schedule.later(LOOK, self._checkpoint_by_time)

    def before_replies(self) -> int:
        """Writes what has come; returns the number of the last batch that may be confirmed."""
        return self.pipeline.flush()

    def close(self) -> None:
        """Brings all that is left to SQLite, and lets go of the folder."""
        self._closed = True
        self._schedule.settle()
        self.checkpoint.finish()
        self._schedule.settle()
        self.checkpoint.close()
        self.pipeline.close()
        self._namespace.stream.leave(self.pipeline.add)
        self._disk.close(self._lock)

    def _take(self, lock: Path) -> int:
        try:
            return self._disk.lock(lock)
        except BlockingIOError:
            raise InUse(self.folder, self._disk.read(lock).decode().strip()) from None

    def _reached(self) -> None:
        self._namespace.reached(self.pipeline.synced, self.checkpoint.sequence)

    # ---- syncing

    def _policy_changed(self) -> None:
        self._schedule.settle()
        self.pipeline.always = self._namespace.settings.string("appendfsync") == b"always"
        self.pipeline.flush()

    def _sync_by_time(self) -> None:
        if self._closed:
            return
        self._schedule.later(EVERY, self._sync_by_time)
        pipeline = self.pipeline
        if self._namespace.settings.string("appendfsync") != b"everysec":
            return
        sync = pipeline.begin_sync()
        if sync is not None:
            self._schedule.aside(sync.run, partial(self._synced, sync))
        elif pipeline.syncing:
            self.delayed += 1

    def _synced(self, sync: Sync, error: Exception | None) -> None:
        if error is not None and not isinstance(error, OSError):
            raise error
        self.pipeline.finish_sync(sync, error)

    # ---- checkpoints

    def _checkpoint_by_time(self) -> None:
        if self._closed:
            return
        self._schedule.later(LOOK, self._checkpoint_by_time)
        checkpoint, now = self.checkpoint, self._namespace.clock.microseconds() // 1000
        if checkpoint.running or not checkpoint.is_due():
            return
        if (
            now >= self._checkpointed_at + int(INTERVAL * 1000)
            or checkpoint.dirty() >= KEYS
            or self.pipeline.bytes_written - self._checkpointed_bytes >= LOG
        ):
            self.start_checkpoint()

    def start_checkpoint(self) -> None:
        """Begins to bring what has changed to SQLite."""
        self._checkpointed_at = self._namespace.clock.microseconds() // 1000
        self._checkpointed_bytes = self.pipeline.bytes_written
        self.checkpoint.begin()

    def checkpoint_now(self) -> bytes | None:
        """Brings all that has changed to SQLite, while everyone waits; why that failed, or None."""
        self.checkpoint.finish()
        if self.pipeline.error is not None:
            return reason(self.pipeline.error).encode()
        return self.checkpoint.error.encode() or None

    def reload(self) -> bytes | None:
        """Empties memory and fills it from SQLite, as a start would; why that failed, or None."""
        failure = self.checkpoint_now()
        if failure is not None:
            return failure
        namespace = self._namespace
        for db in namespace.databases:
            db.tracked = False
            namespace.discard(db.drop_all())
        self.checkpoint.load()
        for db in namespace.databases:
            db.emptied = False
            db.tracked = True
        return None

    # ---- when the disk refuses

    def _refuse(self, error: OSError) -> None:
        why = reason(error).encode()
        self._namespace.refuse_writes(Failure(b"MISCONF Errors writing to the AOF file: " + why))
        self._namespace.host.log(3, b"The log can't be written, so writes are refused: " + why)
        self._schedule.later(RETRY, self._retry)

    def _retry(self) -> None:
        if self._closed:
            return
        if not self.pipeline.retry():
            self._schedule.later(RETRY, self._retry)
            return
        self._namespace.host.log(3, b"The log can be written again")
        self._namespace.accept_writes()
        self._on_released()

    # ---- INFO

    def facts(self) -> dict[str, str]:
        """INFO fields by name."""
        pipeline, checkpoint = self.pipeline, self.checkpoint
        return {
            "aof_enabled": "1",
            "aof_last_write_status": "ok" if pipeline.error is None else "err",
            "aof_current_size": str(pipeline.size),
            "aof_buffer_length": str(pipeline.waiting_bytes),
            "aof_pending_bio_fsync": str(int(pipeline.syncing)),
            "aof_delayed_fsync": str(self.delayed),
            "pipeline_sequence": str(self._namespace.stream.sequence),
            "pipeline_written_sequence": str(pipeline.written),
            "pipeline_synced_sequence": str(pipeline.synced),
            "pipeline_segments": str(len(pipeline.segments)),
            "pipeline_bytes_written": str(pipeline.bytes_written),
            "checkpoint_sequence": str(checkpoint.sequence),
            "checkpoint_runs": str(checkpoint.runs),
            "checkpoint_rows_written": str(checkpoint.rows),
            "checkpoint_mutations": str(checkpoint.sequence - checkpoint.first),
            "checkpoint_dirty_keys": str(checkpoint.dirty()),
            "rdb_bgsave_in_progress": str(int(checkpoint.running)),
            "rdb_last_save_time": str(checkpoint.saved // 1000),
            "rdb_last_bgsave_status": "err" if checkpoint.error else "ok",
            "rdb_saves": str(checkpoint.runs),
        }
