"""Who has tried too many passwords has to wait."""

from nearkeep.server.throttle import ADDRESSES, BURST, REGAIN_MS, Throttle

NOW = 1_800_000_000_000


def test_an_address_may_fail_some_times_and_then_waits() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        assert throttle.seconds_left(b"a", NOW) == 0
        throttle.fail(b"a", NOW)
    assert throttle.seconds_left(b"a", NOW) == REGAIN_MS // 1000
    assert throttle.seconds_left(b"b", NOW) == 0
    assert throttle.seconds_left(b"a", NOW + REGAIN_MS) == 0


def test_failures_are_forgotten_with_time() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        throttle.fail(b"a", NOW)
    later = NOW + BURST * REGAIN_MS
    for _ in range(BURST):
        assert throttle.seconds_left(b"a", later) == 0
        throttle.fail(b"a", later)
    assert throttle.seconds_left(b"a", later) > 0


def test_only_so_many_addresses_are_remembered() -> None:
    throttle = Throttle()
    for number in range(ADDRESSES + 10):
        throttle.fail(b"%d" % number, NOW)
    assert len(throttle._clean_at) == ADDRESSES
