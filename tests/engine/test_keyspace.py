"""The keyspace against a dictionary; SCAN's guarantee; expiry."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nearkeep.engine.keyspace import Clock, Keyspace, Observer

NOW = 1_800_000_000_000
KEYS = [b"%d" % number for number in range(12)]
keys = st.sampled_from(KEYS)


def keyspace() -> Keyspace:
    clock = Clock()
    clock.ms = NOW
    return Keyspace(0, clock, Observer())


class KeyspaceMachine(RuleBasedStateMachine):
    """Any sequence of operations leaves the keyspace equal to a dictionary with expiries."""

    def __init__(self) -> None:
        super().__init__()
        self.db = keyspace()
        self.model: dict[bytes, tuple[object, int]] = {}

    def live(self) -> dict[bytes, tuple[object, int]]:
        now = self.db.clock.ms
        return {k: (v, at) for k, (v, at) in self.model.items() if at == 0 or at > now}

    @rule(key=keys, value=st.integers())
    def set(self, key: bytes, value: int) -> None:
        self.db.set(key, value)
        self.model[key] = (value, 0)

    @rule(key=keys, value=st.integers())
    def replace(self, key: bytes, value: int) -> None:
        self.db.replace(key, value)
        self.model[key] = (value, self.live().get(key, (0, 0))[1])

    @rule(key=keys)
    def remove(self, key: bytes) -> None:
        assert self.db.remove(key) == (key in self.live())
        self.model.pop(key, None)

    @rule(key=keys, offset=st.integers(-1000, 100_000))
    def expire(self, key: bytes, offset: int) -> None:
        if key in self.db:
            at = self.db.clock.ms + offset
            self.db.set_expiry(key, at)
            self.model[key] = (self.model[key][0], at)

    @rule(key=keys)
    def persist(self, key: bytes) -> None:
        value, at = self.live().get(key, (None, 0))
        assert self.db.persist(key) == bool(at)
        if at:
            self.model[key] = (value, 0)

    @rule(later=st.integers(0, 50_000))
    def wait(self, later: int) -> None:
        self.db.clock.ms += later

    @rule(limit=st.integers(1, 20))
    def expire_due(self, limit: int) -> None:
        self.db.expire_due(limit)

    @invariant()
    def equals_the_model(self) -> None:
        live = self.live()
        for key in KEYS:
            value, at = live.get(key, (None, 0))
            assert self.db.live(key) == (key in live)
            assert self.db.peek(key) == value
            assert self.db.expiry(key) == ((at or -1) if key in live else -2)
        assert sorted(self.db.keys()) == sorted(live)
        assert len(self.db) == len(live)
        assert self.db.volatile == sum(at != 0 for _, at in live.values())


TestKeyspace = KeyspaceMachine.TestCase
TestKeyspace.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=120),
    st.integers(1, 7),
    st.integers(0, 40),
)
def test_scan_returns_each_key_that_is_there_throughout(
    changes: list[tuple[bool, int]], count: int, initial: int
) -> None:
    db = keyspace()
    for number in range(initial):
        db.set(b"%d" % number, number)
    throughout = set(db.keys())
    seen: set[bytes] = set()
    cursor = 0
    pending = iter(changes)
    while True:
        cursor, found = db.scan(cursor, count)
        seen.update(found)
        if not cursor:
            break
        for _ in range(3):
            add, number = next(pending, (True, 999))
            key = b"%d" % number
            if add:
                db.set(key, number)
            else:
                db.remove(key)
                throughout.discard(key)
    assert throughout <= seen


def test_expired_keys_go_in_bounded_steps() -> None:
    db = keyspace()
    for number in range(10_000):
        key = b"%d" % number
        db.set(key, number)
        db.set_expiry(key, NOW + 1000)
    db.clock.ms = NOW + 2000
    assert db.expire_due(100) == 100
    assert len(db) == 9900
    while db.expire_due(1000):
        pass
    assert len(db) == 0
    assert db.expired == 10_000


def test_an_expiry_put_off_again_and_again_costs_one_place_in_the_wheel() -> None:
    db = keyspace()
    db.set(b"session", 1)
    for _ in range(1000):
        db.clock.ms += 1000
        db.set_expiry(b"session", db.clock.ms + 3_600_000)
        db.expire_due(10)
    assert db.peek(b"session") == 1
    db.clock.ms += 3_600_001
    assert db.peek(b"session") is None


def test_swapped_databases_have_each_others_keys() -> None:
    first, second = keyspace(), keyspace()
    first.set(b"a", 1)
    second.set(b"b", 2)
    second.set_expiry(b"b", NOW + 10)
    first.swap(second)
    assert (first.keys(), first.volatile) == ([b"b"], 1)
    assert (second.keys(), second.volatile) == ([b"a"], 0)
