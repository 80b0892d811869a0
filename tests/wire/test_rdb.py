"""Redis' encodings: what is written is read, and nothing malformed does harm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire import rdb

integers = st.integers(-(1 << 63), (1 << 63) - 1)
texts = st.one_of(
    st.binary(max_size=80),
    integers.map(lambda number: b"%d" % number),
    st.sampled_from([b"x" * size for size in (63, 64, 125, 126, 4095, 4096, 16380, 16381, 16382)]),
)


def test_the_checksum_is_that_of_redis() -> None:
    assert rdb.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


@given(st.integers(0, (1 << 64) - 1))
def test_a_length_is_read_as_written(number: int) -> None:
    assert rdb.Reader(rdb.length(number)).length() == number


@given(texts)
def test_a_string_is_read_as_written(text: bytes) -> None:
    assert rdb.Reader(rdb.string(text)).string() == text


@given(st.lists(texts))
def test_a_listpack_is_read_as_written(elements: list[bytes]) -> None:
    assert rdb.listpack_elements(rdb.listpack(elements)) == elements


@given(st.sets(st.one_of(integers, st.integers(-40000, 40000)), min_size=1))
def test_an_intset_is_read_as_written(numbers: set[int]) -> None:
    assert rdb.intset_numbers(rdb.intset(sorted(numbers))) == sorted(numbers)


@given(st.binary(max_size=50))
def test_a_sealed_body_opens_and_a_damaged_one_does_not(body: bytes) -> None:
    payload = rdb.sealed(body)
    assert rdb.opened(payload) == body
    with pytest.raises(rdb.Malformed):
        rdb.opened(payload[:-1] + bytes([payload[-1] ^ 1]))


def test_lzf_copies_what_overlaps() -> None:
    assert rdb.decompressed(b"\x01ab\xe0\x09\x01", 20) == b"ab" * 10


@pytest.mark.parametrize(
    "read",
    [
        rdb.listpack_elements,
        rdb.ziplist_elements,
        rdb.zipmap_elements,
        rdb.intset_numbers,
        lambda data: rdb.decompressed(data, 1000),
        lambda data: rdb.Reader(data).string(),
    ],
)
@given(data=st.binary(max_size=60))
def test_other_bytes_are_malformed_or_read(read: Callable[[bytes], object], data: bytes) -> None:
    for given_data in (data, len(data).to_bytes(4, "little") + data[4:]):
        try:
            read(given_data)
        except rdb.Malformed:
            pass
