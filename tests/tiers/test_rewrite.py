"""The commands that `commands_of` gives for each key make the same key again."""

from __future__ import annotations

import os
from random import Random

import pytest

from nearkeep.engine.keyspace import Clock
from nearkeep.engine.namespace import Namespace
from nearkeep.tiers.recovery import Replay
from nearkeep.tiers.rewrite import PIECE, commands_of, time_of
from tests.oracle import family
from tests.tiers import test_effects
from tests.tiers.state import state
from tests.tiers.test_effects import EACH, FAMILIES, NOW, Subject, fresh, is_too_much


def rewritten(namespace: Namespace) -> tuple[Namespace, Replay]:
    clock = Clock()
    copy = fresh(clock, 3)
    replay = Replay(copy)
    for db in namespace.databases:
        keys = db.keys()
        for key in keys:
            for words in commands_of(key, *db.held(key)):
                replay.run(time_of(words), [(db.index, words)])
    clock.ms = namespace.clock.ms
    return copy, replay


@pytest.mark.parametrize("name", FAMILIES.keys() - {"functions"})
def test_the_commands_of_a_key_make_it_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(subject: Subject, said: list[str]) -> None:
        copy, replay = rewritten(subject.namespace)
        assert replay.failed == 0, (replay.failure, said)
        assert state(copy) == state(subject.namespace), said

    monkeypatch.setattr(family, "is_hazardous", is_too_much)
    monkeypatch.setattr(test_effects, "check", check)
    run = "ci" if os.environ.get("CI") else str(Random().random())
    for number in range(EACH):
        seed = f"{run}/{name}/{number}"
        test_effects.play(FAMILIES[name], seed, Random(seed))


def test_large_values_come_in_pieces() -> None:
    subject = Subject(1)
    count = PIECE * 3 + 7
    numbers = [b"%d" % number for number in range(count)]
    pairs = [word for number in numbers for word in (number, b"v" + number)]
    subject.run(0, (b"HSET", b"hash", *pairs))
    subject.run(0, (b"HPEXPIREAT", b"hash", b"%d" % (NOW + 5), b"FIELDS", b"2", b"3", b"700"))
    subject.run(0, (b"RPUSH", b"list", *numbers))
    subject.run(0, (b"SADD", b"set", b"word", *numbers))
    subject.run(0, (b"ZADD", b"zset", *pairs[:0], *[w for n in numbers for w in (n, n)]))
    for number in numbers:
        subject.run(0, (b"XADD", b"stream", number + b"-1", b"f", number))
    db = subject.namespace.databases[0]
    keys = db.keys()
    assert len(keys) == 5
    for key in keys:
        pieces = list(commands_of(key, *db.held(key)))
        assert len(pieces) >= 4
        assert max(map(len, pieces)) <= PIECE * 2 + 2
    copy, replay = rewritten(subject.namespace)
    assert replay.failed == 0
    assert state(copy) == state(subject.namespace)
