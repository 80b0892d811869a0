"""L2: one SQLite file for each namespace, in WAL mode, to be read with any SQLite.

    keys     db, key, type, expires, value, sequence
    parts    db, key, part, commands
    removed  db, key, sequence
    meta     name, value

`expires` is in milliseconds since the epoch, NULL for never. Keys, and the values of strings, are TEXT
where they are UTF-8 and BLOB where not. The value of another type is the RESP commands that make it, as
in an append-only file; those of a large one go on in `parts`.

`sequence` says after which batch of the mutation stream a key was taken. All that came up to batch
`sequence` of `meta` is there; a key that was taken later is newer, and stands in `removed` if it was
gone at some time later. `databases` of `meta` says by which `db` the contents of databases 0, 1, … go.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

VERSION: Final = 1
"""Of the schema, SQLite's user_version."""

_SCHEMA: Final = """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE keys (
        db INTEGER NOT NULL, key NOT NULL, type TEXT NOT NULL, expires INTEGER, value,
        sequence INTEGER NOT NULL, PRIMARY KEY (db, key)
    );
    CREATE TABLE parts (
        db INTEGER NOT NULL, key NOT NULL, part INTEGER NOT NULL, commands BLOB NOT NULL,
        PRIMARY KEY (db, key, part)
    ) WITHOUT ROWID;
    CREATE TABLE removed (
        db INTEGER NOT NULL, key NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (db, key)
    ) WITHOUT ROWID;
"""

Key = tuple[int, bytes]
"""A database by its number in the file, and a key."""

Row = tuple[str, int | None, bytes]
"""Type, expiry and value."""


class Database:
    """The file. All methods may raise sqlite3.Error; one thread at a time may call them.

    Attributes:
        sequence: all up to this batch is there.
        databases: the number in the file of each database that has ever been in use.
        rows: how many were written since the start.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it.

        Raises:
            ValueError: it is of a later version.
        """
        self.rows = 0
        self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")
        version = self._sql.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            self._sql.close()
            raise ValueError(f"{path} was written by a later version of Nearkeep")
        if version == 0:
            self._sql.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        known = dict(self._sql.execute("SELECT name, value FROM meta"))
        self.sequence = int(known.get("sequence", 0))
        self.databases: list[int] = json.loads(known.get("databases", "[]"))
        self.libraries: list[bytes] = [
            _bytes(code) for code in json.loads(known.get("libraries", "[]"))
        ]
        self.libraries_sequence = int(known.get("libraries_sequence", 0))

    def close(self) -> None:
        """Lets go of the file."""
        self._sql.close()

    # ---- reading

    def contents(self) -> Iterator[tuple[Key, Row, list[bytes]]]:
        """All keys, each with the rest of a large value's commands."""
        rows = self._sql.execute("SELECT db, key, type, expires, value FROM keys")
        large = set(self._sql.execute("SELECT DISTINCT db, key FROM parts"))
        for db, key, kind, expires, value in rows:
            parts: list[bytes] = []
            if (db, key) in large:
                found = self._sql.execute(
                    "SELECT commands FROM parts WHERE db = ? AND key = ? ORDER BY part", (db, key)
                )
                parts = [part[0] for part in found]
            yield (db, _bytes(key)), (kind, expires, _bytes(value)), parts

    def taken(self) -> dict[Key, int]:
        """The keys that are newer than `sequence`, gone ones too, with the batch each was taken after."""
        found = self._sql.execute(
            "SELECT db, key, max(sequence) FROM ("
            " SELECT db, key, sequence FROM keys WHERE sequence > ?1 UNION ALL"
            " SELECT db, key, sequence FROM removed WHERE sequence > ?1) GROUP BY db, key",
            (self.sequence,),
        )
        return {(db, _bytes(key)): sequence for db, key, sequence in found}

    # ---- writing

    def begin(self, emptied: list[int]) -> None:
        """Begins a transaction, and empties databases."""
        self._sql.execute("BEGIN IMMEDIATE")
        self._sql.execute("DELETE FROM removed")
        for db in emptied:
            self._sql.execute("DELETE FROM keys WHERE db = ?", (db,))
            self._sql.execute("DELETE FROM parts WHERE db = ?", (db,))

    def put(self, key: Key, sequence: int, row: Row) -> None:
        """Writes a key."""
        name, (kind, expires, value) = _text(key[1]), row
        self._sql.execute("DELETE FROM parts WHERE db = ? AND key = ?", (key[0], name))
        self._sql.execute(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?)",
            (key[0], name, kind, expires, _text(value) if kind == "string" else value, sequence),
        )
        self.rows += 1

    def put_part(self, key: Key, part: int, commands: bytes) -> None:
        """Writes more of a large value, after its key."""
        name = _text(key[1])
        self._sql.execute("INSERT INTO parts VALUES (?, ?, ?, ?)", (key[0], name, part, commands))
        self.rows += 1

    def remove(self, key: Key, sequence: int) -> None:
        """Notes that a key is gone."""
        name = _text(key[1])
        self._sql.execute("DELETE FROM parts WHERE db = ? AND key = ?", (key[0], name))
        self._sql.execute("DELETE FROM keys WHERE db = ? AND key = ?", (key[0], name))
        self._sql.execute(
            "INSERT OR REPLACE INTO removed VALUES (?, ?, ?)", (key[0], name, sequence)
        )
        self.rows += 1

    def commit(
        self, sequence: int, databases: list[int], libraries: list[bytes], libraries_sequence: int
    ) -> None:
        """Ends the transaction; it is on disk then."""
        texts = [code.decode("utf-8", "surrogateescape") for code in libraries]
        self._sql.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (
                ("sequence", sequence),
                ("databases", json.dumps(databases)),
                ("libraries", json.dumps(texts)),
                ("libraries_sequence", libraries_sequence),
            ),
        )
        self._sql.execute("COMMIT")
        self.sequence = sequence

    def roll_back(self) -> None:
        """Undoes the transaction, if there is one."""
        if self._sql.in_transaction:
            self._sql.execute("ROLLBACK")


def _text(data: bytes) -> str | bytes:
    """As SQLite is to hold it; the same bytes always in the same way."""
    if b"\0" in data:  # would end the text in the sqlite3 shell
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
