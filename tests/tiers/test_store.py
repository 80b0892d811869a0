"""A namespace above a disk that fails: nothing is confirmed that is not safe, reads go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from nearkeep.engine.session import Outlet, Session
from nearkeep.tiers.store import InUse
from nearkeep.wire.reply import Failure
from tests.tiers.faults import BROKEN, NO_SPACE, FakeDisk
from tests.tiers.machine import Machine
from tests.tiers.state import state

REFUSED = b"MISCONF Errors writing to the AOF file: "


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk(Random(1))


def failing(number: int, *deeds: str) -> Callable[[str, int], int]:
    return lambda deed, _number: number if deed in deeds else 0


def test_a_full_disk_refuses_writes_and_not_reads_until_there_is_room(
    tmp_path: Path, disk: FakeDisk
) -> None:
    machine = Machine(tmp_path, disk)
    machine("SET a 1")
    assert machine.confirmed()
    disk.fails = failing(NO_SPACE, "write")
    machine("SET a 2")
    assert not machine.confirmed()
    for line in ("SET b 1", "DEL a", "PING", "EVAL return(redis.call('SET','a','3')) 0"):
        reply = machine(line)
        assert isinstance(reply, Failure), line
        assert REFUSED + b"No space left on device" in reply.message, line
    assert machine("GET a") == b"2"
    assert "aof_last_write_status:err" in str(machine.store.facts()).replace("': '", ":")
    machine.schedule.turn()
    assert isinstance(machine("SET b 1"), Failure)
    disk.fails = failing(0)
    machine.schedule.turn()
    assert machine.released == 1
    assert machine.confirmed()
    assert not isinstance(machine("SET b 1"), Failure)
    assert machine.confirmed()
    machine.crash()
    assert state(Machine(tmp_path, disk).namespace) == state(machine.namespace)


def test_a_transaction_with_writes_is_refused_as_a_whole(tmp_path: Path, disk: FakeDisk) -> None:
    machine = Machine(tmp_path, disk)
    machine("MULTI")
    machine("SET a 1")
    disk.fails = failing(NO_SPACE, "write")
    other = Session(machine.namespace, Outlet())
    other.execute([b"SET", b"b", b"1"])
    assert not other.written <= machine.store.before_replies()
    reply = machine("EXEC")
    assert isinstance(reply, Failure)
    assert reply.message.startswith(b"EXECABORT Transaction discarded because of: MISCONF")
    assert machine("GET a") is None


def test_keys_do_not_expire_from_memory_while_the_disk_refuses(
    tmp_path: Path, disk: FakeDisk
) -> None:
    machine = Machine(tmp_path, disk)
    machine("SET a 1 PX 5")
    machine("SET b 1")
    assert machine.confirmed()
    disk.fails = failing(NO_SPACE, "write")
    machine("SET b 2")
    assert not machine.confirmed()
    sequence = machine.namespace.stream.sequence
    machine.namespace.clock.ms += 10
    assert machine("GET a") is None
    machine.namespace.step(100)
    assert machine.namespace.stream.sequence == sequence


def test_always_confirms_what_is_synced_and_nothing_else(tmp_path: Path, disk: FakeDisk) -> None:
    machine = Machine(tmp_path, disk, "always")
    for number in range(20):
        machine(f"SET key {number}")
        assert machine.confirmed()
        file = disk.files[tmp_path / "pipeline/0000000001.log"]
        assert file.durable == file.data
    disk.fails = failing(BROKEN, "sync")
    machine("SET key lost")
    assert not machine.confirmed()
    assert machine("SET key 1") == Failure(REFUSED + b"Input/output error")


def test_after_a_failed_sync_what_it_was_about_is_written_again(
    tmp_path: Path, disk: FakeDisk
) -> None:
    for seed in range(20):
        disk = FakeDisk(Random(seed))
        folder = tmp_path / str(seed)
        machine = Machine(folder, disk)
        for number in range(10):
            machine(f"RPUSH list {number}")
            assert machine.confirmed()
        disk.fails = failing(BROKEN, "sync")
        machine.schedule.turn()
        machine.schedule.settle()
        assert isinstance(machine("SET key 1"), Failure)
        disk.fails = failing(0)
        for _ in range(5):
            machine.schedule.turn()
        if machine.store.pipeline.error is not None:
            continue  # the system has dropped it, and says so
        assert not isinstance(machine("RPUSH list 10"), Failure)
        assert machine.confirmed()
        expected = state(machine.namespace)
        disk.fail_power()
        machine.crash()
        copy = Machine(folder, disk)
        found = copy("LRANGE list 0 -1")
        assert isinstance(found, list)
        assert found[:10] == [b"%d" % number for number in range(10)]
        if len(found) == 11:
            assert state(copy.namespace) == expected


def test_everysec_syncs_aside_and_the_folder_with_it(tmp_path: Path, disk: FakeDisk) -> None:
    machine = Machine(tmp_path, disk)
    machine("SET a 1")
    assert machine.confirmed()
    file = disk.files[tmp_path / "pipeline/0000000001.log"]
    assert len(file.durable) == 0
    machine.schedule.turn()
    assert len(machine.schedule.works) == 1
    machine("SET a 2")
    assert machine.confirmed()
    machine.schedule.turn()
    assert machine.store.delayed == 1
    machine.schedule.settle()
    assert (machine.store.pipeline.synced, machine.store.pipeline.written) == (1, 2)
    assert file.linked


def test_a_folder_serves_one_process(tmp_path: Path, disk: FakeDisk) -> None:
    machine = Machine(tmp_path, disk)
    with pytest.raises(InUse, match="is in use by"):
        Machine(tmp_path, disk)
    machine.store.close()
    Machine(tmp_path, disk)


def test_effects_without_replies_are_written_too(tmp_path: Path, disk: FakeDisk) -> None:
    machine = Machine(tmp_path, disk)
    machine("SET a 1 PX 5")
    assert machine.confirmed()
    machine.namespace.clock.ms += 5000
    while machine.namespace.step(100):
        pass
    assert machine.store.pipeline.written == 1
    machine.schedule.turn()
    assert machine.store.pipeline.written == 2
