"""CONFIG GET and CONFIG SET of every setting, value by value, as redis-server 8.2.3 has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from nearkeep.engine.settings import BY_NAME
from tests.resp import Connection, Error, Plain
from tests.servers import running, start_nearkeep, start_redis

# Redis reads some values as C strings, up to a zero byte: none of these has one.
VALUES = (
    "", "yes", "no", "YES", "maybe", "-1", "0", "1", "7", "100", "101", "501", "70000",
    "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "999999999999999999999", "-9223372036854775808",
    "1.5", "+1", "0x10", "010", " 1", "1 ", "1 2", "1  2", "1k", "1kb", "1Mb", "1gB", "1t", "1xb",
    "kb", "20000000000gb", "0%", "5%", "100%", "101%", "-5%", "%", "1kb%", "abc", "a b", "a/b", "{",
    "{title} {port}", "{titel}", "nan", "inf", "1e1", "50.123456789 0.1", "900 1 300 10", "900",
    "900 x", "0 1", "1 2 3", "1 2 3000", "normal 1 2 3", "Replica 1mb 2kb 3 pubsub 4 5 6",
    "normal 1 2 x", "normal 1 2 -3", "master 1 2 3", "normal 1 2 3 x 4 5 6", "KEA", "Ex", "g$lshzxetd",
    "mKn", "Anoc", "KX", "save now", "now save force", "save nosave", "default now", "now x",
    "allkeys-lru", "ALWAYS", "local", "optional", "clients", "relative", "swapdb", "debug",
    "hostname", "panic", "allchannels", "C", "no one", "é", "a_b", "!",
    "a" * 255, "a" * 256,
)  # fmt: skip

OF_THIS_SERVER = {
    "bind", "port", "tls-port", "unixsocket", "dir", "logfile", "pidfile",
    "enable-debug-command", "enable-protected-configs", "save",
}  # fmt: skip
"""Settings that have their present value from the tests."""

NOT_TRIED = {
    "bind": "would change where the servers listen",
    "port": "would change where the servers listen",
    "tls-port": "would change where the servers listen",
    "dir": "of two servers, one would write into the other's folder",
    "maxclients": "how many there may be depends on the system",
    "requirepass": "would lock the test out",
    "tls-cluster": "redis-server ends when it has no certificate",
    "tls-replication": "redis-server ends when it has no certificate",
    "watchdog-period": "redis-server would log its stack",
    "locale-collate": "depends on the system's locales",
}
DIFFERENT_ON_PURPOSE = {
    "tls-": "Nearkeep looks at once whether a certificate will do",
    "replicaof": "Nearkeep can't be a replica of Redis",
}


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Connection, Connection]]:
    flags = {
        "save": "",
        "appendonly": "no",  # else Nearkeep's alone would be on
        "enable_protected_configs": "yes",
        "enable_debug_command": "yes",
    }
    with (
        running(start_redis(**flags), start_nearkeep(**flags)) as (theirs, ours),
        closing(theirs.raw()) as oracle,
        closing(ours.raw()) as subject,
    ):
        yield oracle, subject


def answers(connection: Connection, *words: str) -> Plain:
    return connection.value("CONFIG", *words)


def same(pair: tuple[Connection, Connection], *words: str) -> Plain:
    theirs, ours = (answers(connection, *words) for connection in pair)
    assert ours == theirs, words
    return ours


def values(connection: Connection, *patterns: str) -> dict[str, str]:
    flat = answers(connection, "GET", *patterns)
    assert isinstance(flat, list)
    words = [word.decode() for word in flat if isinstance(word, bytes)]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_all_of_redis_settings_are_known_and_have_its_defaults(
    pair: tuple[Connection, Connection],
) -> None:
    theirs, ours = (values(connection, "*") for connection in pair)
    assert {name for name in ours if not BY_NAME[name].own} == theirs.keys()
    for name in theirs.keys() - OF_THIS_SERVER:
        assert ours[name] == theirs[name], name


def test_hidden_settings_are_found_by_name(pair: tuple[Connection, Connection]) -> None:
    hidden = [name for name, setting in BY_NAME.items() if setting.hidden]
    assert hidden
    for name in hidden:
        assert values(pair[1], name) == values(pair[0], name) != {}


@pytest.mark.parametrize(
    "patterns",
    [
        ("maxmem*",),
        ("MAXMEMORY",),
        ("max*", "maxmemory"),
        ("[st]l*",),
        ("none",),
        ("*-?",),
        ("\\*",),
    ],
)
def test_patterns_find_the_same(
    pair: tuple[Connection, Connection], patterns: tuple[str, ...]
) -> None:
    theirs, ours = (values(connection, *patterns).keys() for connection in pair)
    assert ours == theirs


def tried() -> list[str]:
    return sorted(
        name
        for name, setting in BY_NAME.items()
        if not setting.own
        and name not in NOT_TRIED
        and not name.startswith(tuple(DIFFERENT_ON_PURPOSE))
    )


@contextmanager
def put_back(pair: tuple[Connection, Connection], *names: str) -> Iterator[None]:
    """Sets settings back at the end; with some values, nobody could be served for long."""
    before = [values(connection, *names) for connection in pair]
    yield
    for connection, known in zip(pair, before, strict=True):
        for name, value in known.items():
            assert answers(connection, "SET", name, value) == "OK"


@pytest.mark.parametrize("name", tried())
def test_every_value_is_taken_or_refused_alike(
    pair: tuple[Connection, Connection], name: str
) -> None:
    if BY_NAME[name].start_only:
        same(pair, "SET", name, "no")
        return
    for value in VALUES:
        with put_back(pair, name):
            if same(pair, "SET", name, value) == "OK":
                same(pair, "GET", name)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("maxmemory",),
        ("maxmemory", "1", "hz"),
        ("nope", "1"),
        ("No Pe\xff", "1"),
        ("maxmemory", "1", "maxmemory", "1"),
        ("maxmemory", "1", "MAXMEMORY", "2", "nope", "3"),
        ("hz", "many", "nope", "1"),
        ("hz", "many", "aclfile", "x"),
        ("aclfile", "x", "nope", "1"),
        ("aclfile", "x", "aclfile", "y"),
        ("hash-max-ziplist-entries", "1", "hash-max-listpack-entries", "2"),
        ("HZ", "20", "timeout", "many"),
        ("replicaof", "no one"),
        ("slaveof", "a 1"),
        ("include", "x"),
        ("user", "x"),
        ("rename-command", "x"),
    ],
)
def test_several_are_set_together_or_none(
    pair: tuple[Connection, Connection], words: tuple[str, ...]
) -> None:
    names = ("maxmemory", "hz", "timeout", "hash-max-listpack-entries")
    with put_back(pair, *names):
        same(pair, "SET", *words)
        for name in names:
            same(pair, "GET", name)


@pytest.mark.parametrize(
    "words",
    [("GET",), ("RESETSTAT",), ("RESETSTAT", "x"), ("REWRITE",), ("REWRITE", "x"), ("NONE",)],
)
def test_other_requests_are_answered_alike(
    pair: tuple[Connection, Connection], words: tuple[str, ...]
) -> None:
    same(pair, *words)


def test_what_is_protected_can_not_be_set() -> None:
    with (
        running(start_redis(), start_nearkeep()) as (theirs, ours),
        closing(theirs.raw()) as oracle,
        closing(ours.raw()) as subject,
    ):
        for name in ("dir", "dbfilename"):
            assert isinstance(same((oracle, subject), "SET", name, "x"), Error)


def test_counters_begin_anew(pair: tuple[Connection, Connection]) -> None:
    for connection in pair:
        connection.value("GET", "absent")
        assert connection.value("NO-SUCH-COMMAND") != "OK"
        assert answers(connection, "RESETSTAT") == "OK"
        info = connection.value("INFO", "stats")
        assert isinstance(info, bytes)
        fields = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
        assert fields[b"keyspace_misses"] == b"0"
        assert fields[b"total_error_replies"] == b"0"
