"""What commands tell the mutation stream brings about, on an empty namespace, all that they did.

The sequences are the oracle's, with all that it must leave out: short expiries, time that passes,
random members, IDs made of the time.
"""

from __future__ import annotations

import os
from random import Random

import pytest

import nearkeep.engine.commands  # noqa: F401 - declares the commands
from nearkeep.engine.command import COMMANDS
from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Host, Namespace
from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.engine.stream import Effect
from nearkeep.tiers.frame import Framer, frames_beyond
from nearkeep.tiers.recovery import Replay
from tests.oracle import family, hazards
from tests.oracle.family import Family, all_families
from tests.oracle.values import pool
from tests.tiers.state import state

NOW = 1_800_000_000_000
SALT = b"salt"
EACH = int(os.environ.get("NEARKEEP_EFFECTS", "60"))
"""Sequences of each family."""

# Families about what is no data, or about limits that change while they run.
OTHERS = {"acl", "connection", "server", "pubsub", "tracking"}

CLOCKED = (
    Family(
        "clocked keys",
        """
        SET key value EX "1"
        SET key value PX "5" [GET]
        SET key value EXAT unix-seconds
        GETEX key PX "3"
        GETEX key PERSIST
        PSETEX key "2" value
        SETEX key "1" value
        EXPIRE key "1" [NX | XX | GT | LT]
        PEXPIRE key "4" [NX | XX | GT | LT]
        PEXPIRE key "-1"
        APPEND key value
        INCR key
        INCRBYFLOAT key float
        SETRANGE key "1" value
        RPUSH key element
        GET key
        TTL key
        COPY key key [REPLACE]
        RENAME key key
        SORT key BY "nosort" STORE key
        """,
        setup='SET key integer PX "3"',
        neighbours="",
    ),
    Family(
        "clocked fields",
        """
        HSET key field value
        HPEXPIRE key "3" FIELDS 1 field
        HPEXPIRE key "5" [NX | XX | GT | LT] FIELDS 2 field field
        HEXPIRE key "0" FIELDS 1 field
        HGETEX key PX "4" FIELDS 1 field
        HGETEX key PERSIST FIELDS 1 field
        HSETEX key [FNX | FXX] [PX "2" | KEEPTTL] FIELDS 1 field value
        HINCRBY key field "1"
        HINCRBYFLOAT key field "0.5"
        HSETNX key field value
        HPERSIST key FIELDS 1 field
        HGET key field
        HLEN key
        HDEL key field
        HGETDEL key FIELDS 1 field
        COPY key key [REPLACE]
        RENAME key key
        """,
        setup="""
        HSET key field integer field integer field integer
        HSETEX key PX "3" FIELDS 2 field integer field integer
        """,
        neighbours="",
    ),
    Family(
        "documents",
        """
        JSON.SET key path json [NX | XX]
        JSON.SET key "$" json
        JSON.MSET key "$" json key "$" json
        JSON.MERGE key path json
        JSON.DEL key path
        JSON.CLEAR key path
        JSON.NUMINCRBY key path float
        JSON.NUMMULTBY key path float
        JSON.STRAPPEND key path text
        JSON.TOGGLE key path
        JSON.ARRAPPEND key path json json
        JSON.ARRINSERT key path "0" json
        JSON.ARRPOP key path
        JSON.ARRTRIM key path "0" "1"
        COPY key key [REPLACE]
        RENAME key key
        PEXPIREAT key unix-milliseconds
        """,
        setup='JSON.SET key "$" document',
        neighbours="",
        pools={
            "path": pool("$ $.a $..b $.c[0] $.* .a ."),
            "json": pool(["1", "1.5", "true", "null", '"x"', "[1, 2.0]", '{"a": 1e3}']),
            "text": pool(['"x"', '"\\u00e9"']),
            "document": pool(['{"a": 1, "b": "t", "c": [1, {"b": 2.5}], "d": true}']),
        },
    ),
    Family(
        "drawn members",
        """
        SPOP key
        SPOP key "2"
        SRANDMEMBER key
        SADD key member ...
        XADD key "*" field value
        XADD key MAXLEN "~" "2" "*" field value
        XADD key "5-*" field value
        SMOVE key key member
        SUNIONSTORE key key key
        SORT key ALPHA STORE key
        SORT key LIMIT "0" "2" ALPHA STORE key
        """,
        setup="SADD key member member member member member",
        neighbours="",
    ),
)


class Subject:
    """A namespace with some clients, whose stream is kept as a log."""

    def __init__(self, clients: int) -> None:
        self.clock = Clock()
        self.clock.ms = NOW
        self.namespace = fresh(self.clock, 1)
        self.framer = Framer(0, SALT)
        self.batches: list[tuple[int, int, list[Effect]]] = []
        self.namespace.stream.read(self.framer.add)
        self.namespace.stream.read(lambda *batch: self.batches.append(batch))
        self.sessions = [Session(self.namespace, Outlet()) for _ in range(clients)]

    def run(self, client: int, words: tuple[bytes, ...]) -> object:
        session = self.sessions[client]
        if session.blocked is not None:
            return None
        return session.execute(list(words))

    def replayed(self) -> tuple[Namespace, Replay]:
        """A namespace made of the log alone."""
        clock = Clock()
        namespace = fresh(clock, 2)
        replay = Replay(namespace)
        data = b"".join(self.framer.take())
        sequence = 0
        for frame in frames_beyond(data, 0, SALT):
            for number, batch in frame.batches(data):
                sequence += 1
                assert number == sequence
                replay.run(frame.time, batch)
        assert sequence == self.namespace.stream.sequence
        clock.ms = self.clock.ms
        return namespace, replay


def fresh(clock: Clock, seed: int) -> Namespace:
    settings = Settings()
    settings.set("proto-max-bulk-len", [b"1mb"])
    settings.set("hash-max-listpack-entries", [b"8"])
    settings.set("set-max-listpack-entries", [b"8"])
    return Namespace(settings, clock, Random(seed), Quiet())


class Quiet(Host):
    """Says nothing of commands that fail in a way of their own: here it matters what they did."""

    def entropy(self, count: int) -> bytes:
        return b"e" * count


def check(subject: Subject, said: list[str]) -> None:
    try:
        copy, replay = subject.replayed()
        assert replay.failed == 0, replay.failure
        assert state(copy) == state(subject.namespace)
    except AssertionError:
        print("\n".join(said))
        for batch in subject.batches:
            print(batch)
        raise


def play(one: Family, seed: str, rng: Random) -> None:
    subject = Subject(one.clients)
    there = {name.decode().upper() for name in COMMANDS}
    names = one.names | one.other_names
    known = {name for name in names if name.split("|")[0] in there}
    said: list[str] = []
    for client, words in one.source(known).draw(Random(seed)):
        if rng.random() < 0.3:
            subject.clock.ms += rng.choice((1, 1, 2, 3, 5, 1500))
            said.append(f"time {subject.clock.ms - NOW}")
        if rng.random() < 0.1:
            subject.namespace.step(rng.choice((1, 100)))
            said.append("step")
        reply = subject.run(client, words)
        said.append(f"{client}: {words} → {str(reply)[:80]}")
    check(subject, said)


def is_too_much(command: tuple[bytes, ...]) -> bool:
    return (
        not command[0]
        or hazards._repeats_itself(command)
        or command[0].upper() in (b"DEBUG", b"CONFIG", b"SHUTDOWN")
    )


FAMILIES = {name: one for name, one in all_families().items() if name not in OTHERS}
FAMILIES |= {one.name: one for one in CLOCKED}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_namespace_made_of_the_effects_alone_is_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "is_hazardous", is_too_much)
    fixed = os.environ.get("CI")
    run = "ci" if fixed else str(Random().random())
    for number in range(EACH):
        seed = f"{run}/{name}/{number}"
        try:
            play(FAMILIES[name], seed, Random(seed))
        except Exception:
            print("seed", seed)
            raise


@pytest.mark.parametrize("name", FAMILIES)
def test_every_key_that_changes_is_known_to_have_changed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "is_hazardous", is_too_much)
    run = "ci" if os.environ.get("CI") else str(Random().random())
    one = FAMILIES[name]
    there = {word.decode().upper() for word in COMMANDS}
    known = {word for word in one.names | one.other_names if word.split("|")[0] in there}
    for number in range(max(EACH // 6, 1)):
        rng = Random(f"{run}/{name}/{number}")
        subject = Subject(one.clients)
        for db in subject.namespace.databases:
            db.tracked = True
        for client, words in one.source(known).draw(rng):
            subject.clock.ms += rng.choice((0, 0, 0, 1, 2))
            by_number(subject.namespace)  # to look at a hash removes what has expired
            before = by_number(subject.namespace)
            for db in subject.namespace.databases:
                db.dirty, db.emptied = {}, False
            subject.run(client, words)
            after = by_number(subject.namespace)
            for db in subject.namespace.databases:
                old, new = before.get(db.stored, {}), after.get(db.stored, {})
                changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
                missing = changed - db.dirty.keys()
                assert not missing or db.emptied, (words, missing, run)


def by_number(namespace: Namespace) -> dict[int, dict[bytes, object]]:
    """What is in each database, by the number that goes with its contents."""
    found = state(namespace)
    return {db.stored: found.get(db.index, {}) for db in namespace.databases}
