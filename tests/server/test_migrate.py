"""MIGRATE moves keys between two servers, and loses none whatever goes wrong on the way."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.resp import Connection, Error
from tests.servers import Server, free_port, running, start_nearkeep, start_redis

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(
        start_nearkeep(), start_nearkeep(requirepass="secret"), start_redis("8.2.3")
    ) as all_three:
        yield all_three


@pytest.fixture
def here(servers: tuple[Server, ...]) -> Iterator[Connection]:
    with servers[0].raw() as connection:
        connection.call("FLUSHALL")
        yield connection


@pytest.fixture
def there(servers: tuple[Server, ...]) -> Iterator[Connection]:
    with servers[1].raw() as connection:
        connection.call("AUTH", "secret")
        connection.call("FLUSHALL")
        yield connection


@pytest.fixture
def redis(servers: tuple[Server, ...]) -> Iterator[Connection]:
    with servers[2].raw() as connection:
        connection.call("FLUSHALL")
        yield connection


class Target:
    """A server that receives and answers as a test tells it to.

    `answer` gets the number of the connection, from 0, and of the request on it; None hangs up.
    """

    def __init__(self, answer: Callable[[int, int], bytes | None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                self._talk(number, file)
            number += 1
            self.connections = number

    def _talk(self, number: int, file: io.BufferedRWPair[Any, Any]) -> None:
        request = 0
        while line := file.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(file.readline()[1:])
                words.append(file.read(size + 2)[:-2])
            self.requests.append(b" ".join(words[:2]))
            reply = self._answer(number, request)
            if reply is None:
                return
            file.write(reply)
            file.flush()
            request += 1

    def close(self) -> None:
        self._listener.close()


def always(reply: bytes | None) -> Callable[[int, int], bytes | None]:
    return lambda _connection, request: b"+OK\r\n" if request == 0 else reply


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    made = Target(request.param)
    yield made
    made.close()


def test_a_key_moves_with_its_expiry(
    here: Connection, redis: Connection, servers: tuple[Server, ...]
) -> None:
    here.call("HSET", "h", "f", "v")
    here.call("PEXPIRE", "h", 100_000)
    assert here.value("MIGRATE", HOST, servers[2].port, "h", 3, 1000) == "OK"
    assert here.value("EXISTS", "h") == 0
    redis.call("SELECT", 3)
    assert redis.value("HGETALL", "h") == [b"f", b"v"]
    assert redis.value("PTTL", "h") == pytest.approx(100_000, abs=5000)


def test_keys_come_from_redis(
    here: Connection, redis: Connection, servers: tuple[Server, ...]
) -> None:
    redis.call("RPUSH", "l", *range(1000))
    redis.call("SET", "s", "x" * 1000)
    moved = redis.value("MIGRATE", HOST, servers[0].port, "", 0, 5000, "KEYS", "l", "s", "none")
    assert moved == "OK"
    assert redis.value("DBSIZE") == 0
    assert here.value("LLEN", "l") == 1000
    assert here.value("STRLEN", "s") == 1000


def test_many_keys_move_at_once_behind_a_password(
    here: Connection, there: Connection, servers: tuple[Server, ...]
) -> None:
    keys = [f"k{number}" for number in range(500)]
    here.pipeline([("SET", key, "v" * 2000) for key in keys])
    moved = here.value(
        "MIGRATE", HOST, servers[1].port, "", 0, 5000, "AUTH", "secret", "KEYS", *keys, "k1"
    )
    assert moved == "OK"
    assert here.value("DBSIZE") == 0
    assert there.value("DBSIZE") == 500
    here.call("SET", "more", "v")
    answer = here.value(
        "MIGRATE", HOST, servers[1].port, "more", 0, 5000, "AUTH2", "default", "secret"
    )
    assert answer == "OK"
    assert there.value("GET", "more") == b"v"


def test_a_copy_leaves_the_key_and_replace_takes_the_place_of_another(
    here: Connection, redis: Connection, servers: tuple[Server, ...]
) -> None:
    here.call("SET", "k", "new")
    redis.call("SET", "k", "old")
    arguments = ("MIGRATE", HOST, servers[2].port, "k", 0, 1000)
    refused = here.value(*arguments)
    assert (
        refused == "ERR Target instance replied with error: BUSYKEY Target key name already exists."
    )
    assert here.value(*arguments, "COPY", "REPLACE") == "OK"
    assert here.value("GET", "k") == redis.value("GET", "k") == b"new"
    assert here.value(*arguments, "REPLACE") == "OK"
    assert here.value("EXISTS", "k") == 0


def test_what_is_wrong_is_told_in_the_words_of_redis(
    here: Connection, redis: Connection, servers: tuple[Server, ...]
) -> None:
    for connection in (here, redis):
        connection.call("SET", "k", "v")
    protected, closed = servers[1].port, free_port()
    for arguments in (
        (HOST, protected, "none", 0, 1000),
        (HOST, protected, "k", 0, 1000),
        (HOST, protected, "k", 0, 1000, "AUTH", "wrong"),
        (HOST, protected, "k", 0, 1000, "AUTH2", "nobody", "wrong"),
        (HOST, protected, "k", 99, 1000, "AUTH", "secret"),
        (HOST, protected, "k", 0, 1000, "AUTH"),
        (HOST, protected, "k", 0, 1000, "AUTH2", "default"),
        (HOST, protected, "k", 0, 1000, "KEYS", "k"),
        (HOST, protected, "k", 0, 1000, "NOSUCH"),
        (HOST, protected, "k", "x", 1000),
        (HOST, protected, "k", 0, "x"),
        (HOST, closed, "k", 0, 1000),
        (HOST, "x", "k", 0, 1000),
        ("nosuch.invalid", closed, "k", 0, 1000),
        (HOST, closed, "", 0, 1000, "KEYS"),
        (HOST,),
    ):
        assert here.call("MIGRATE", *arguments).raw == redis.call("MIGRATE", *arguments).raw
    assert here.value("GET", "k") == b"v"


@pytest.mark.parametrize("target", [always(None)], indirect=True)
def test_a_key_stays_where_the_other_side_hangs_up(here: Connection, target: Target) -> None:
    here.call("SET", "k", "v")
    answer = here.value("MIGRATE", HOST, target.port, "k", 0, 1000)
    assert answer == "IOERR error or timeout reading to target instance"
    assert here.value("GET", "k") == b"v"


@pytest.mark.parametrize("target", [always(b"")], indirect=True)
def test_a_key_stays_where_no_answer_comes_in_time(here: Connection, target: Target) -> None:
    here.call("SET", "k", "v")
    began = time.monotonic()
    answer = here.value("MIGRATE", HOST, target.port, "k", 0, 200)
    assert answer == "IOERR error or timeout reading to target instance"
    assert time.monotonic() - began < 5
    assert here.value("GET", "k") == b"v"


def some_refused(_connection: int, request: int) -> bytes | None:
    return (b"+OK\r\n", b"+OK\r\n", b"-ERR no\r\n", b"+OK\r\n", None)[request]


@pytest.mark.parametrize("target", [some_refused], indirect=True)
def test_only_what_was_confirmed_is_removed(here: Connection, target: Target) -> None:
    here.call("MSET", "a", 1, "b", 2, "c", 3, "d", 4)
    keys = ("KEYS", "a", "b", "c", "d")
    answer = here.value("MIGRATE", HOST, target.port, "", 0, 1000, *keys)
    assert answer == "ERR Target instance replied with error: ERR no"
    assert here.value("MGET", "a", "b", "c", "d") == [None, b"2", None, b"4"]


@pytest.fixture
def other(servers: tuple[Server, ...]) -> Iterator[Connection]:
    with servers[0].raw() as connection:
        yield connection


def slowly(_connection: int, _request: int) -> bytes | None:
    time.sleep(0.2)
    return b"+OK\r\n"


@pytest.mark.parametrize("target", [slowly], indirect=True)
def test_others_are_served_meanwhile_and_what_they_change_is_sent_again(
    here: Connection, other: Connection, target: Target
) -> None:
    here.call("MSET", "a", 1, "b", 2, "c", 3)
    here.send("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", "a", "b", "c")
    began = time.monotonic()
    assert other.value("SET", "a", "changed") == "OK"
    assert other.value("DEL", "b") == 1
    assert time.monotonic() - began < 0.2
    assert here.read().raw == b"+OK\r\n"
    assert other.value("DBSIZE") == 0
    assert target.requests == [
        b"SELECT 0", b"RESTORE a", b"RESTORE b", b"RESTORE c", b"SELECT 0", b"RESTORE a", b"DEL b",
    ]  # fmt: skip


@pytest.mark.parametrize("target", [slowly], indirect=True)
def test_the_keys_stay_when_the_client_is_gone(
    here: Connection, servers: tuple[Server, ...], target: Target
) -> None:
    here.call("SET", "k", "v")
    with servers[0].raw() as leaving:
        leaving.send("MIGRATE", HOST, target.port, "k", 0, 5000)
        while not target.requests:
            time.sleep(0.01)
    time.sleep(1)
    assert here.value("GET", "k") == b"v"


@pytest.mark.parametrize("target", [slowly], indirect=True)
def test_watchers_and_listeners_learn_that_a_key_has_moved(
    here: Connection, other: Connection, target: Target
) -> None:
    here.call("CONFIG", "SET", "notify-keyspace-events", "KEg")
    here.call("SET", "k", "v")
    other.call("WATCH", "k")
    assert here.value("MIGRATE", HOST, target.port, "k", 0, 5000) == "OK"
    other.call("MULTI")
    assert other.call("EXEC").is_null


def test_it_does_not_wait_in_a_transaction_or_a_script(here: Connection) -> None:
    here.call("SET", "k", "v")
    here.call("MULTI")
    here.call("MIGRATE", HOST, free_port(), "k", 0, 1000)
    (failure,) = here.call("EXEC").items or ()
    assert failure.is_error
    script = "return redis.call('MIGRATE', '127.0.0.1', '1', KEYS[1], '0', '100')"
    assert isinstance(here.value("EVAL", script, 1, "k"), Error)
    assert here.value("GET", "k") == b"v"


def kept_connections(connection: Connection) -> bytes:
    stats = connection.value("INFO", "stats")
    assert isinstance(stats, bytes)
    return stats.partition(b"migrate_cached_sockets:")[2].split(b"\r\n")[0]


def twice(connection: int, request: int) -> bytes | None:
    return b"+OK\r\n" if request < 4 or connection == 1 else None


@pytest.mark.parametrize("target", [twice], indirect=True)
def test_a_connection_is_used_again_and_a_closed_one_replaced(target: Target) -> None:
    with start_nearkeep() as server, server.raw() as connection:
        for number in range(4):
            connection.call("SET", "k", number)
            assert connection.value("MIGRATE", HOST, target.port, "k", 0, 2000) == "OK"
            assert kept_connections(connection) == b"1"
    assert target.connections == 2


def test_logs_show_no_password(here: Connection) -> None:
    here.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
    here.call("SLOWLOG", "RESET")
    here.call("SET", "k", "v")
    for option in (("AUTH", "pw", "COPY"), ("AUTH2", "me", "pw"), ("KEYS", "auth", "k")):
        here.call("MIGRATE", HOST, free_port(), "k", 0, 100, *option)
    entries = here.value("SLOWLOG", "GET", 10)
    assert isinstance(entries, list)
    logged = [entry[3] for entry in entries if isinstance(entry, list)]
    options = [words[6:] for words in logged if isinstance(words, list) and words[0] == b"MIGRATE"]
    assert options == [
        [b"KEYS", b"auth", b"k"],
        [b"AUTH2", b"(redacted)", b"(redacted)"],
        [b"AUTH", b"(redacted)", b"COPY"],
    ]
    here.call("CONFIG", "SET", "slowlog-log-slower-than", -1)
