"""What is read of a log that was torn, cut, damaged, or has lost its middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from nearkeep.engine.stream import Effect
from nearkeep.tiers.frame import frames_beyond
from nearkeep.tiers.pipeline import Pipeline
from nearkeep.tiers.segment import HEAD, Damage, Place, Reading
from tests.tiers.faults import FakeDisk

FOLDER = Path("/log")
SALT = b"salt"


def batch(number: int) -> list[Effect]:
    return [(number % 3, [b"SET", b"key", b"%d" % number])]


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk(Random(1))


def write(
    disk: FakeDisk, numbers: range, *, always: bool = True, segment_size: int = 1 << 20
) -> Pipeline:
    """Continues the log, each batch in a frame of its own."""
    reading = Reading(disk, FOLDER, 0)
    for _ in reading.frames():
        pass
    assert reading.last == numbers.start - 1
    pipeline = Pipeline(
        disk, FOLDER, reading.last, reading.next_number, reading.segments, SALT, segment_size
    )
    pipeline.always = always
    for number in numbers:
        pipeline.add(number, 1000 + number, batch(number))
        assert pipeline.flush() == number
    return pipeline


def read(disk: FakeDisk, after: int = 0) -> tuple[list[int], Reading]:
    reading = Reading(disk, FOLDER, after)
    return list(_numbers(reading)), reading


def _numbers(reading: Reading) -> Iterator[int]:
    for data, frame in reading.frames():
        for number, effects in frame.batches(data):
            assert effects == batch(number)
            assert frame.time == 1000 + number
            yield number


def only(disk: FakeDisk) -> bytearray:
    (file,) = disk.files.values()
    return file.data


def test_what_was_written_is_read(disk: FakeDisk) -> None:
    write(disk, range(1, 100), segment_size=500)
    assert len(disk.files) > 5
    numbers, reading = read(disk)
    assert numbers == list(range(1, 100))
    assert reading.torn is None
    assert read(disk, after=60)[0] == list(range(61, 100))


def test_a_torn_end_is_left_out_and_told(disk: FakeDisk) -> None:
    write(disk, range(1, 3))
    whole = bytes(only(disk))
    frames = list(frames_beyond(whole, 0, SALT))
    for kept in range(frames[1].start + 1, len(whole)):
        only(disk)[:] = whole[:kept]
        numbers, reading = read(disk)
        assert numbers == [1]
        assert reading.torn == Place(FOLDER / "0000000001.log", frames[1].start)
        assert reading.torn_bytes == kept - frames[1].start


def test_a_segment_whose_first_line_is_torn_is_left_out(disk: FakeDisk) -> None:
    write(disk, range(1, 3))
    write(disk, range(3, 3))
    for kept in range(HEAD):
        del disk.files[FOLDER / "0000000002.log"].data[kept:]
        assert read(disk)[0] == [1, 2]


def test_a_log_goes_on_after_a_torn_end(disk: FakeDisk) -> None:
    write(disk, range(1, 4))
    del only(disk)[-5:]
    write(disk, range(3, 6))
    numbers, reading = read(disk)
    assert numbers == [1, 2, 3, 4, 5]
    assert reading.torn is None


def test_a_byte_changed_in_the_middle_stops_with_the_exact_place(disk: FakeDisk) -> None:
    write(disk, range(1, 10))
    data = only(disk)
    frames = list(frames_beyond(bytes(data), 0, SALT))
    for number, frame in enumerate(frames[:-1], 1):
        for place in (frame.start, frame.start + 9, frame.end - 1):
            data[place] ^= 4
            with pytest.raises(Damage) as caught:
                read(disk)
            data[place] ^= 4
            assert caught.value.path == FOLDER / "0000000001.log"
            assert caught.value.offset == frame.start
            assert (caught.value.missing, caught.value.beyond) == (number, number + 1)


def test_a_byte_changed_in_what_was_synced_is_damage_after_a_power_failure_too(
    disk: FakeDisk,
) -> None:
    write(disk, range(1, 10))
    disk.fail_power()
    only(disk)[HEAD + 9] ^= 1
    with pytest.raises(Damage):
        read(disk)


def test_a_hole_in_what_was_not_synced_is_the_end_after_a_power_failure(disk: FakeDisk) -> None:
    write(disk, range(1, 5))
    write(disk, range(5, 10), always=False)
    disk._boots += 1
    later = disk.files[FOLDER / "0000000002.log"].data
    later[HEAD + 3] ^= 1
    numbers, reading = read(disk)
    assert numbers == [1, 2, 3, 4]
    assert reading.torn is not None
    assert reading.torn.offset == HEAD
    assert reading.torn_bytes == len(later) - HEAD


def test_a_segment_that_is_gone_is_damage(disk: FakeDisk) -> None:
    write(disk, range(1, 100), segment_size=500)
    del disk.files[FOLDER / "0000000003.log"]
    with pytest.raises(Damage, match="batch"):
        read(disk)


def test_a_log_that_is_a_value_is_not_taken_for_the_log(disk: FakeDisk) -> None:
    other = FakeDisk(Random(2))
    write(other, range(1, 3))
    inner = bytes(only(other))
    pipeline = Pipeline(disk, FOLDER, 0, 1, [], b"pepr")
    pipeline.add(1, 1001, [(0, [b"SET", b"key", inner])])
    pipeline.flush()
    del only(disk)[-1:]
    assert read(disk)[0] == []


def test_a_segment_of_another_version_is_refused(disk: FakeDisk) -> None:
    write(disk, range(1, 3))
    only(disk)[: len(b"nearkeep log 1")] = b"nearkeep log 2"
    with pytest.raises(ValueError, match="another version"):
        read(disk)


def test_segments_are_deleted_once_all_is_safe_elsewhere(disk: FakeDisk) -> None:
    pipeline = write(disk, range(1, 100), segment_size=500)
    before = len(disk.files)
    pipeline.release(50)
    assert 1 < len(disk.files) < before
    assert read(disk, after=50)[0] == list(range(51, 100))
    pipeline.release(99)
    assert len(disk.files) == 1
