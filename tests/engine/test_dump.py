"""RESTORE tells the mutation stream what will come to the same wherever it is run again."""

from __future__ import annotations

import pytest

from nearkeep.engine.session import Outlet, Session
from nearkeep.wire.rdb import sealed
from nearkeep.wire.reply import Failure
from tests.engine.conftest import NOW, Client

HELLO = sealed(b"\x00\x05hello")


def test_a_time_to_live_becomes_a_time(client: Client) -> None:
    client("RESTORE", "k", 1000, HELLO)
    assert client.effects == [b"RESTORE k %d %s REPLACE ABSTTL" % (NOW + 1000, HELLO)]
    assert client("PTTL k") == 1000


def test_a_time_that_has_passed_removes_what_was_there(client: Client) -> None:
    client("SET k v")
    client.effects.clear()
    client("RESTORE", "k", 1, HELLO, "REPLACE", "ABSTTL")
    assert client.effects == [b"DEL k"]
    assert client("EXISTS k") == 0
    client("RESTORE", "k", 1, HELLO, "ABSTTL")
    assert client.effects == [b"DEL k"]


def test_a_refused_value_changes_nothing(client: Client) -> None:
    client("SET k v")
    client.effects.clear()
    bad = sealed(b"\x12\x00")
    assert client("RESTORE", "k", 0, bad, "REPLACE") == Failure(b"ERR Bad data format")
    assert client("GET k") == b"v"
    assert client.effects == []


def test_blocked_clients_are_served_by_a_restored_list(client: Client) -> None:
    client("RPUSH l a b")
    payload = client("DUMP l")
    assert isinstance(payload, bytes)
    Session(client.namespace, Outlet()).execute([b"BLPOP", b"none", b"0"])
    client("RESTORE", "none", 0, payload)
    assert client("LRANGE none 0 -1") == [b"b"]


@pytest.mark.parametrize("idle", [0, 5, 1 << 40, (1 << 63) - 1])
def test_an_idle_time_is_never_longer_than_there_is_time(client: Client, idle: int) -> None:
    client("RESTORE", "k", 0, HELLO, "IDLETIME", idle)
    assert client("OBJECT IDLETIME k") == min(idle, NOW // 1000)
