"""SORT where a mistake is easy; the rest is compared with Redis."""

from __future__ import annotations

import pytest

from nearkeep.wire.reply import Failure
from tests.engine.conftest import Client


def test_a_pattern_names_strings_and_fields_by_its_first_star(client: Client) -> None:
    client("RPUSH l 1 2 3")
    client("MSET w_1 30 w_2 20 w_3* 5")
    client("HSET h_1 f one")
    assert client("SORT l BY w_* GET # GET h_*->f") == [b"3", None, b"2", None, b"1", b"one"]
    assert client("SORT l BY w_** DESC") == [b"3", b"2", b"1"]


@pytest.mark.parametrize(("text", "is_number"), [(b"", True), (b"1e309", True), (b"1\0x", True),
                                                 (b" 1", False), (b"0x10", False), (b"nan", False)])  # fmt: skip
def test_numbers_are_read_as_redis_reads_them(client: Client, text: bytes, is_number: bool) -> None:
    client("RPUSH", "l", text)
    assert (client("SORT l") == [text]) is is_number


def test_an_unsorted_set_is_sorted_before_it_is_stored(client: Client) -> None:
    client("SADD s c b a")
    assert client("SORT s BY nosort STORE d") == 3
    assert client("LRANGE d 0 -1") == [b"a", b"b", b"c"]


def test_an_unsorted_list_goes_backwards_when_descending(client: Client) -> None:
    client("RPUSH l 5 3 9 1")
    assert client("SORT l BY nosort DESC LIMIT 1 2") == [b"9", b"3"]


def test_an_empty_result_removes_the_destination(client: Client) -> None:
    client("RPUSH d x")
    client.listen()
    assert client("SORT nosuch STORE d") == 0
    assert client.events() == [b"del d"]
    assert client("EXISTS d") == 0


def test_sort_ro_stores_nothing(client: Client) -> None:
    assert isinstance(client("SORT_RO l STORE d"), Failure)
