"""Replies as RESP2 and RESP3 bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.double import format_double
from nearkeep.wire.reply import (
    NULL_ARRAY,
    OK,
    PARTS_FROM,
    Attribute,
    BigNumber,
    Failure,
    Map,
    Pairs,
    Push,
    SetReply,
    Status,
    Verbatim,
    Writer,
    encode,
)


@pytest.mark.parametrize(
    ("value", "resp2", "resp3"),
    [
        (b"", b"$0\r\n\r\n", b"$0\r\n\r\n"),
        (b"a\r\nb", b"$4\r\na\r\nb\r\n", b"$4\r\na\r\nb\r\n"),
        (None, b"$-1\r\n", b"_\r\n"),
        (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
        (OK, b"+OK\r\n", b"+OK\r\n"),
        (Status(b"PONG"), b"+PONG\r\n", b"+PONG\r\n"),
        (Failure(b"ERR a\r\nb"), b"-ERR a  b\r\n", b"-ERR a  b\r\n"),
        (0, b":0\r\n", b":0\r\n"),
        (-1, b":-1\r\n", b":-1\r\n"),
        (10_000, b":10000\r\n", b":10000\r\n"),
        (2**63 - 1, b":9223372036854775807\r\n", b":9223372036854775807\r\n"),
        (True, b":1\r\n", b"#t\r\n"),
        (False, b":0\r\n", b"#f\r\n"),
        (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (float("inf"), b"$3\r\ninf\r\n", b",inf\r\n"),
        ([], b"*0\r\n", b"*0\r\n"),
        ([b"a", [1, None]], b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n",
         b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n"),
        (Map([b"k", 1]), b"*2\r\n$1\r\nk\r\n:1\r\n", b"%1\r\n$1\r\nk\r\n:1\r\n"),
        (SetReply([b"k"]), b"*1\r\n$1\r\nk\r\n", b"~1\r\n$1\r\nk\r\n"),
        (Pairs([b"k", 1.0]), b"*2\r\n$1\r\nk\r\n$1\r\n1\r\n", b"*1\r\n*2\r\n$1\r\nk\r\n,1\r\n"),
        (Push([b"m", 1]), b"*2\r\n$1\r\nm\r\n:1\r\n", b">2\r\n$1\r\nm\r\n:1\r\n"),
        (Verbatim(b"hi"), b"$2\r\nhi\r\n", b"=6\r\ntxt:hi\r\n"),
        (BigNumber(b"123"), b"$3\r\n123\r\n", b"(123\r\n"),
        (Attribute([b"a", 1], 2), b":2\r\n", b"|1\r\n$1\r\na\r\n:1\r\n:2\r\n"),
    ],
)  # fmt: skip
def test_each_kind_of_reply_has_its_bytes(value: object, resp2: bytes, resp3: bytes) -> None:
    assert encode(value, 2) == resp2
    assert encode(value, 3) == resp3


@given(st.lists(st.binary(max_size=2000) | st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_replies_written_one_after_the_other_are_their_concatenation(values: list[object]) -> None:
    writer = Writer()
    for value in values:
        writer.reply(value)
    expected = b"".join(encode(value) for value in values)
    assert writer.size() == len(expected)
    assert writer.joined() == expected
    assert writer.size() == 0
    assert writer.take() == []


def test_a_long_string_is_handed_on_without_a_copy() -> None:
    long = b"x" * PARTS_FROM
    writer = Writer()
    writer.reply(1)
    writer.reply(long)
    writer.reply(2)
    parts = writer.take()
    assert parts[1] is long
    assert b"".join(parts) == b":1\r\n$%d\r\n%s\r\n:2\r\n" % (len(long), long)


def test_a_push_is_encoded_once_for_all_its_receivers() -> None:
    push = Push([b"message", b"channel", b"x" * 100])
    first, second = Writer(), Writer()
    first.reply(push)
    kept = push.resp2
    second.reply(push)
    assert push.resp2 is kept
    assert first.joined() == second.joined() == kept
    assert push.resp3 is None


def test_what_has_no_resp_is_an_error_of_ours() -> None:
    with pytest.raises(TypeError):
        encode(object())


@given(st.floats(allow_nan=False))
def test_doubles_read_back_the_same(number: float) -> None:
    assert float(format_double(number)) == number
