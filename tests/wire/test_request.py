"""The request parser: whole, byte by byte and at random cuts it says the same."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.request import (
    INLINE_LIMIT,
    ProtocolError,
    RequestParser,
    parse_integer,
    split_words,
)

Request = list[bytes]


def resp(words: Request) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def parsed(pieces: list[bytes], parser: RequestParser | None = None) -> list[Request]:
    parser = parser or RequestParser()
    found = []
    for piece in pieces:
        parser.feed(piece)
        while (args := parser.next()) is not None:
            found.append(args)
    return found


def outcome(pieces: list[bytes]) -> tuple[list[Request], bytes]:
    """The requests before the end, and the error that ended them."""
    parser = RequestParser()
    found = []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (args := parser.next()) is not None:
                found.append(args)
    except ProtocolError as error:
        return found, error.message
    return found, b""


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


words = st.lists(st.binary(max_size=40), min_size=1, max_size=12)
requests = st.lists(words, max_size=6)


@given(requests)
def test_whole_requests_come_out_as_they_went_in(sent: list[Request]) -> None:
    assert parsed([b"".join(map(resp, sent))]) == sent


@given(requests)
def test_requests_byte_by_byte_come_out_the_same(sent: list[Request]) -> None:
    data = b"".join(map(resp, sent))
    assert parsed([data[i : i + 1] for i in range(len(data))]) == sent


@given(requests, st.lists(st.integers(min_value=0), max_size=10))
def test_requests_cut_anywhere_come_out_the_same(sent: list[Request], places: list[int]) -> None:
    assert parsed(cut(b"".join(map(resp, sent)), places)) == sent


@given(
    st.lists(st.sampled_from([31, 32767, 32768, 32769, 70_000, 200_000]), min_size=1, max_size=3),
    st.lists(st.integers(min_value=0), max_size=10),
)
def test_long_arguments_are_gathered_from_pieces(sizes: list[int], places: list[int]) -> None:
    sent = [[b"SET", b"k", bytes([65 + i]) * size] for i, size in enumerate(sizes)]
    sent.append([b"PING"])
    assert parsed(cut(b"".join(map(resp, sent)), places)) == sent


@given(st.binary(max_size=80), st.lists(st.integers(min_value=0), max_size=8))
def test_any_bytes_end_the_same_however_they_are_cut(data: bytes, places: list[int]) -> None:
    assert outcome(cut(data, places)) == outcome([data])


@given(
    st.lists(
        st.sampled_from(
            [b"*1\r\n", b"*2\r\n", b"$3\r\n", b"GET\r\n", b"$-1\r\n", b"*-1\r\n", b"PING\r\n", b"$",
             b"*", b"\r\n", b"\n", b"*0\r\n", b"$0\r\n", b'"a b" c\r\n', b"*01\r\n", b"$+3\r\n"]
        ),
        max_size=12,
    ),
    st.lists(st.integers(min_value=0), max_size=8),
)  # fmt: skip
def test_near_misses_end_the_same_however_they_are_cut(
    parts: list[bytes], places: list[int]
) -> None:
    data = b"".join(parts)
    assert outcome(cut(data, places)) == outcome([data])


def test_a_million_arguments_cost_a_linear_time() -> None:
    data = resp([b"x"] * 1_000_000)
    pieces = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    (args,) = parsed(pieces)
    assert len(args) == 1_000_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"*x\r\n", b"invalid multibulk length"),
        (b"*3000000000\r\n", b"invalid multibulk length"),
        (b"*1\r\nGET\r\n", b"expected '$', got 'G'"),
        (b"*1\r\n$x\r\n", b"invalid bulk length"),
        (b"*1\r\n$-1\r\n", b"invalid bulk length"),
        (b"*1\r\n$9999999999\r\n", b"invalid bulk length"),
        (b'set "a\r\n', b"unbalanced quotes in request"),
        (b'set "a"b\r\n', b"unbalanced quotes in request"),
        (b"a" * (INLINE_LIMIT + 1), b"too big inline request"),
        (b"*" + b"1" * (INLINE_LIMIT + 1), b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * (INLINE_LIMIT + 1), b"too big bulk count string"),
    ],
)
def test_what_is_malformed_is_told_in_the_words_of_redis(data: bytes, message: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parsed([data])
    assert caught.value.message == b"ERR Protocol error: " + message


@pytest.mark.parametrize("data", [b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"\r\n", b"   \r\n"])
def test_empty_requests_are_passed_over(data: bytes) -> None:
    assert parsed([data + resp([b"PING"])]) == [[b"PING"]]


def test_before_authentication_requests_are_small() -> None:
    for data, message in (
        (b"*11\r\n", b"unauthenticated multibulk length"),
        (b"*2\r\n$16385\r\n", b"unauthenticated bulk length"),
    ):
        parser = RequestParser()
        parser.trusted = False
        with pytest.raises(ProtocolError) as caught:
            parsed([data], parser)
        assert caught.value.message.endswith(message)


def test_an_argument_over_the_limit_is_refused() -> None:
    with pytest.raises(ProtocolError):
        parsed([b"*1\r\n$101\r\n"], RequestParser(max_bulk=100))


def test_pending_counts_what_is_held() -> None:
    parser = RequestParser()
    assert parser.idle()
    parser.feed(b"*2\r\n$3\r\nGET\r\n$100000\r\n" + b"x" * 50_000)
    assert parser.next() is None
    assert 50_000 <= parser.pending() < 50_100
    assert not parser.idle()
    parser.feed(b"x" * 50_000 + b"\r\n")
    assert parser.next() == [b"GET", b"x" * 100_000]
    assert parser.pending() == 0
    assert parser.idle()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"set key value", [b"set", b"key", b"value"]),
        (b'  set   "a b"  ', [b"set", b"a b"]),
        (rb'"\x41\n\t\r\b\a\\\"\q"', [b'A\n\t\r\b\a\\"q']),
        (rb"'a\'b\n'", [b"a'b\\n"]),
        (rb'"\x4"', [b"x4"]),
        (b'""', [b""]),
        (b'a"b c"', [b"ab c"]),
        (b"", []),
        (b"'a", None),
        (b'"a" b"', None),
    ],
)
def test_words_are_split_as_redis_splits_them(line: bytes, found: list[bytes] | None) -> None:
    assert split_words(line) == found


@given(st.integers(-(2**63), 2**63 - 1))
def test_each_64_bit_integer_is_read_back(number: int) -> None:
    assert parse_integer(str(number).encode()) == number


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b"+1", b"01", b"-0", b" 1", b"1 ", b"1.0", b"1e3", b"0x1", b"1_0", "١".encode(),
     b"9223372036854775808", b"-9223372036854775809", b"1" * 21],
)  # fmt: skip
def test_what_is_no_canonical_integer_is_none(text: bytes) -> None:
    assert parse_integer(text) is None
