"""Eviction: what goes when memory is full, what is told, and what memory is said to hold."""

from random import Random

import pytest

from nearkeep.wire.reply import OK, QUEUED, Failure
from tests.engine.conftest import Client

OOM = b"OOM command not allowed when used memory > 'maxmemory'."


def limit(client: Client, room: int, policy: str) -> int:
    """Lets data grow by so many bytes; returns the limit."""
    client("CONFIG", "SET", "maxmemory-policy", policy)
    most = client.namespace.used_bytes() + room
    assert client("CONFIG", "SET", "maxmemory", most) is OK
    return most


def fill(client: Client, count: int, *options: str | int) -> None:
    for number in range(count):
        client("SET", f"key:{number}", "x" * 500, *options)
        if number % 50 == 0:
            client.pass_ms(1)


def present(client: Client, numbers: range) -> int:
    return sum([client("EXISTS", f"key:{number}") == 1 for number in numbers])


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_memory_stays_within_the_limit(client: Client, policy: str) -> None:
    most = limit(client, 200_000, policy)
    fill(client, 2000)
    assert client.namespace.used_bytes() <= most + 1000
    assert client.namespace.evicted_keys > 1000
    assert 100 < len(client.namespace.databases[0]) < 600


@pytest.mark.parametrize(
    "policy", ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]
)
def test_keys_that_do_not_expire_are_not_evicted_by_volatile_policies(
    client: Client, policy: str
) -> None:
    fill(client, 100)
    limit(client, 100_000, policy)
    for number in range(1000):
        client("SET", f"volatile:{number}", "x" * 500, "EX", 1000 + number)
    assert present(client, range(100)) == 100
    assert client.namespace.evicted_keys > 500
    for number in range(1000):
        client("DEL", f"volatile:{number}")
    client.step()
    for number in range(1000):
        if client("SET", f"more:{number}", "x" * 500) is not OK:
            break
    assert client("SET", "one more", "x") == Failure(OOM)


def test_the_keys_that_expire_first_go_first_by_volatile_ttl(client: Client) -> None:
    for number in range(300):
        client("SET", f"key:{number}", "x" * 500, "EX", 1000 + (number * 37) % 300 * 100)
    limit(client, -50_000, "volatile-ttl")
    client("PING")
    client.step()
    left = [n for n in range(300) if client("EXISTS", f"key:{n}")]
    gone = [n for n in range(300) if n not in left]
    assert 30 < len(gone) < 200
    soonest = sorted(range(300), key=lambda n: (n * 37) % 300)[: len(gone)]
    assert len(set(gone) & set(soonest)) > 0.8 * len(gone)


def test_keys_put_off_are_not_taken_for_those_that_expire_first(client: Client) -> None:
    for number in range(100):
        client("SET", f"key:{number}", "x" * 500, "EX", 100)
    for number in range(50):
        client("EXPIRE", f"key:{number}", 1_000_000)
    limit(client, -15_000, "volatile-ttl")
    client.step()
    assert client.namespace.evicted_keys > 10
    assert present(client, range(50)) == 50


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu"])
def test_keys_in_use_stay(client: Client, policy: str) -> None:
    limit(client, 300_000, policy)
    fill(client, 100)
    for turn in range(40):
        for number in range(100):
            client("GET", f"key:{number}")
        for number in range(50):
            client("SET", f"scan:{turn}:{number}", "x" * 500)
        client.pass_ms(10)
    assert client.namespace.evicted_keys > 1000
    assert present(client, range(100)) > 90


def test_without_a_policy_writes_that_add_are_refused_and_others_run(client: Client) -> None:
    client("SET", "a", "x" * 1000)
    limit(client, -100, "noeviction")
    assert client("SET", "b", "x") == Failure(OOM)
    assert client("RPUSH", "l", "x") == Failure(OOM)
    assert client("GET", "a") == b"x" * 1000
    assert client("DEL", "a") == 1
    assert client("SET", "b", "x") is OK


def test_what_would_be_queued_is_refused_and_dooms_the_transaction(client: Client) -> None:
    client("SET", "a", "x" * 1000)
    client("MULTI")
    assert client("SET", "b", "x") is QUEUED
    limited = client.namespace.used_bytes() - 100
    client.namespace.settings.set("maxmemory", [b"%d" % limited])
    assert client("GET", "a") == Failure(OOM)
    reply = client("EXEC")
    assert isinstance(reply, Failure)
    assert reply.message.startswith(b"EXECABORT")


def test_exec_is_refused_if_it_would_add(client: Client) -> None:
    client("SET", "a", "x" * 1000)
    client("MULTI")
    client("SET", "b", "x")
    limited = client.namespace.used_bytes() - 100
    client.namespace.settings.set("maxmemory", [b"%d" % limited])
    reply = client("EXEC")
    assert isinstance(reply, Failure)
    assert b"OOM" in reply.message
    assert client("EXISTS", "b") == 0


def test_an_evicted_key_is_told_as_deleted(client: Client) -> None:
    fill(client, 10)
    client.listen()
    client.effects.clear()
    limit(client, -600, "allkeys-lru")
    client("PING")
    gone = [number for number in range(10) if client("EXISTS", f"key:{number}") == 0]
    assert gone
    assert sorted(client.effects) == sorted([b"DEL key:%d" % number for number in gone])
    assert sorted(client.events()) == sorted([b"evicted key:%d" % number for number in gone])


def test_an_evicted_key_breaks_a_watch(client: Client) -> None:
    client("SET", "key", "x" * 1000)
    client("WATCH", "key")
    limit(client, -500, "allkeys-lru")
    client("PING")
    client("MULTI")
    client("PING")
    assert client("EXEC") is not None
    assert client("EXISTS", "key") == 0


def test_lowering_the_limit_evicts_in_the_background_in_bounded_steps(client: Client) -> None:
    fill(client, 3000)
    most = limit(client, -1_000_000, "allkeys-random")
    client.step()
    assert client.namespace.used_bytes() <= most


def test_frequency_and_idle_time_are_told_by_the_policy_that_keeps_them(client: Client) -> None:
    client("SET", "key", "value")
    reply = client("OBJECT", "FREQ", "key")
    assert isinstance(reply, Failure)
    assert reply.message.startswith(b"ERR An LFU maxmemory policy is not selected")
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    reply = client("OBJECT", "IDLETIME", "key")
    assert isinstance(reply, Failure)
    assert reply.message.startswith(b"ERR An LFU maxmemory policy is selected")
    client("SET", "new", "value")
    assert client("OBJECT", "FREQ", "new") == 5
    client("GET", "new")
    assert client("OBJECT", "FREQ", "new") == 6


@pytest.mark.parametrize(("factor", "uses", "expected"), [
    (0, 100, 105), (1, 100, 18), (10, 100, 9), (10, 1000, 18), (100, 1000, 9), (0, 1000, 255),
])  # fmt: skip
def test_the_frequency_follows_the_logarithmic_factor(
    client: Client, factor: int, uses: int, expected: int
) -> None:
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    client("CONFIG", "SET", "lfu-log-factor", factor)
    client("SET", "key", "value")
    for _ in range(uses):
        client("GET", "key")
    assert client("OBJECT", "FREQ", "key") == pytest.approx(expected, abs=1)


def test_the_frequency_falls_with_time(client: Client) -> None:
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    client("SET", "key", "value")
    for _ in range(1000):
        client("GET", "key")
    before = client("OBJECT", "FREQ", "key")
    assert isinstance(before, int)
    client.pass_ms(3 * 60_000)
    assert client("OBJECT", "FREQ", "key") == before - 3
    client("CONFIG", "SET", "lfu-decay-time", 0)
    assert client("OBJECT", "FREQ", "key") == before
    client("CONFIG", "SET", "lfu-decay-time", 1)
    client.pass_ms(60 * 60_000)
    assert client("OBJECT", "FREQ", "key") == 0


def test_no_touch_counts_no_use(client: Client) -> None:
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    client("SET", "key", "value")
    client("CLIENT", "NO-TOUCH", "on")
    client("GET", "key")
    assert client("OBJECT", "FREQ", "key") == 5
    client("CLIENT", "NO-TOUCH", "off")
    client("GET", "key")
    assert client("OBJECT", "FREQ", "key") == 6


def test_a_key_that_returns_soon_is_remembered(client: Client) -> None:
    limit(client, 100_000, "allkeys-lfu")
    fill(client, 400)
    gone = next(n for n in range(399, -1, -1) if not client("EXISTS", f"key:{n}"))
    client("SET", f"key:{gone}", "x")
    assert client("OBJECT", "FREQ", f"key:{gone}") == 6


def test_a_script_runs_as_a_whole_with_what_memory_there_was(client: Client) -> None:
    pytest.importorskip("lupa")
    limit(client, 20_000, "allkeys-random")
    before = client.namespace.evicted_keys
    script = "for i = 1, 100 do redis.call('SET', 'key:' .. i, string.rep('x', 500)) end return 1"
    assert client("EVAL", script, 0) == 1
    assert client.namespace.evicted_keys == before
    assert len(client.namespace.databases[0]) == 100
    client("PING")
    assert client.namespace.evicted_keys > before


COMMANDS = (
    "SET k{n} {v}", "APPEND k{n} {v}", "SETRANGE k{n} {n}00 {v}", "INCR k{n}", "SETBIT k{n} 9{n}9 1",
    "DEL k{n}", "EXPIRE k{n} 100", "PERSIST k{n}", "RENAME k{n} k{m}", "COPY k{n} k{m} REPLACE",
    "HSET k{n} f{m} {v}", "HDEL k{n} f{m}", "HEXPIRE k{n} {t} FIELDS 1 f{m}", "HINCRBY k{n} c{m} 7",
    "HPERSIST k{n} FIELDS 1 f{m}", "HSETEX k{n} EX 9 FIELDS 1 f{m} {v}", "HGETDEL k{n} FIELDS 1 f{m}",
    "RPUSH k{n} {v} {m}", "LPUSH k{n} {v}", "LPOP k{n}", "RPOP k{n} 2", "LTRIM k{n} 1 -2",
    "LSET k{n} 0 {v}", "LINSERT k{n} BEFORE {m} {v}", "LREM k{n} 0 {m}", "LMOVE k{n} k{m} LEFT RIGHT",
    "SADD k{n} {m}", "SADD k{n} m{m} {v}", "SREM k{n} m{m}", "SPOP k{n}", "SMOVE k{n} k{m} m{m}",
    "SUNIONSTORE k{n} k{n} k{m}", "ZADD k{n} {m} m{m} {t}.5 {v}", "ZREM k{n} m{m}", "ZPOPMIN k{n} 2",
    "ZINCRBY k{n} 1.5 m{m}", "ZREMRANGEBYRANK k{n} 0 1", "ZUNIONSTORE k{n} 2 k{n} k{m}",
    "XADD k{n} * f {v} g {m}", "XADD k{n} MAXLEN 3 * f {v}", "XTRIM k{n} MAXLEN 2", "XDEL k{n} 1-{m}",
    "XGROUP CREATE k{n} g 0", "XREADGROUP GROUP g c{m} STREAMS k{n} >", "XGROUP DESTROY k{n} g",
    "XAUTOCLAIM k{n} g c{m} 0 0", "XGROUP DELCONSUMER k{n} g c{m}", "PFADD k{n} {v}", "SORT k{n} STORE k{m}",
    'JSON.SET k{n} $ {{"a":[{m},"{v}"]}}', "JSON.ARRAPPEND k{n} $.a {m}", "JSON.DEL k{n} $.a",
    "MOVE k{n} 1", "SWAPDB 0 1", "GETDEL k{n}", "SETEX k{n} {t} {v}", "SINTERSTORE k{n} k{n} k{m}",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_what_is_counted_is_the_sum_of_what_is_there(client: Client, seed: int) -> None:
    random = Random(seed)
    for name in ("hash-max-listpack-entries", "set-max-listpack-entries", "set-max-intset-entries"):
        client("CONFIG", "SET", name, 3)
    client("CONFIG", "SET", "list-max-listpack-size", 3)
    empty = client.namespace.ledger.total
    for turn in range(4000):
        line = random.choice(COMMANDS).format(
            n=random.randrange(8), m=random.randrange(8), t=random.randrange(1, 60),
            v="v" * random.choice((1, 5, 30, 700)),
        )  # fmt: skip
        client(line)
        if turn % 10 == 0:
            payload = client("DUMP", f"k{random.randrange(8)}")
            if isinstance(payload, bytes):
                client("RESTORE", f"k{random.randrange(8)}", 0, payload, "REPLACE")
        if turn % 400 == 0:
            client.pass_ms(2000)
            client.step()
            assert counted(client) == client.namespace.ledger.total
    client("FLUSHALL")
    client.step()
    assert client.namespace.ledger.total == pytest.approx(empty, abs=2000)


def counted(client: Client) -> int:
    """The sum of what is there, key by key."""
    total = 0
    for db in client.namespace.databases:
        total += db.tables_bytes()
        total += sum([db.memory(key) - db.slot_bytes() for key in db.keys()])  # noqa: SIM118
    return total
