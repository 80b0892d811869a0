"""The timing wheel against a plain dictionary of due times."""

from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.wheel import TICK, Wheel

NOW = 1_800_000_000_000
times = st.integers(-(10**6), 10**6) | st.integers(-(10**12), 10**12)


def drain(wheel: Wheel, now: int, limit: int = 7) -> list[bytes]:
    """All that has come due, in steps; keys not yet due go back, as the keyspace does it."""
    found: list[bytes] = []
    while batch := wheel.due(now, limit):
        found += batch
    return found


@given(st.dictionaries(st.binary(min_size=1, max_size=3), times, max_size=30), times)
def test_each_key_comes_due_once_and_within_a_tick(due: dict[bytes, int], later: int) -> None:
    wheel = Wheel()
    wheel.due(NOW, 1)
    for key, offset in due.items():
        wheel.add(key, NOW + offset)
    end = NOW + max(later, 0)
    seen: set[bytes] = set()
    # A key may be handed out early, from a wide slot, and is then added again.
    for _ in range(100):
        batch = drain(wheel, end)
        if not batch:
            break
        for key in batch:
            assert key not in seen
            if NOW + due[key] <= end:
                seen.add(key)
            else:
                wheel.add(key, NOW + due[key])
    missed = {k for k, at in due.items() if NOW + at <= end - TICK} - seen
    # What was due before it was added waits for the present tick to end.
    assert all(NOW + due[key] > end - 2 * TICK or due[key] <= 0 for key in missed)
    assert not {k for k in missed if due[k] > 0}
    assert set(drain(wheel, end + 2 * TICK)) >= missed


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=2), times), max_size=30))
def test_a_removed_key_never_comes_due(operations: list[tuple[bytes, int]]) -> None:
    wheel = Wheel()
    wheel.due(NOW, 1)
    slots: dict[bytes, int] = {}
    for key, offset in operations:
        if key in slots:
            wheel.remove(key, slots.pop(key))
        else:
            slots[key] = wheel.add(key, NOW + offset)
    found = []
    while batch := wheel.due(NOW + 2 * 10**12, 5):
        found += batch
    assert sorted(found) == sorted(slots)


def test_nothing_is_due_in_an_empty_wheel() -> None:
    wheel = Wheel()
    assert wheel.due(NOW, 10) == []
    wheel.add(b"k", NOW + 1000)
    assert wheel.due(NOW, 10) == []
    assert wheel.due(NOW + 1000 + TICK, 10) == [b"k"]
    assert wheel.due(NOW + 10**9, 10) == []


def test_a_million_keys_of_one_second_are_found_in_bounded_steps() -> None:
    wheel = Wheel()
    wheel.due(NOW, 1)
    for number in range(100_000):
        wheel.add(b"%d" % number, NOW + 5000)
    steps = 0
    while batch := wheel.due(NOW + 6000, 200):
        assert len(batch) <= 200
        steps += 1
    assert steps == 500


def test_keys_of_a_wide_slot_that_go_back_are_not_due_again_at_once() -> None:
    wheel = Wheel()
    for number in range(1000):
        wheel.add(b"%d" % number, NOW + 100_000)
    looked = 0
    while batch := wheel.due(NOW, 100):
        looked += len(batch)
        for key in batch:
            wheel.add(key, NOW + 100_000)
        assert looked <= 6000
