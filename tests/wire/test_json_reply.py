"""Replies as JSON, in RESP2's shapes, and so that JavaScript reads them exactly."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.json_reply import as_text, outcome, plain
from nearkeep.wire.reply import (
    NULL_ARRAY,
    OK,
    PONG,
    Attribute,
    BigNumber,
    Failure,
    Map,
    Pairs,
    Push,
    SetReply,
    Several,
    Verbatim,
)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"text", "text"),
        (b"\xff", "\ufffd"),
        (None, None),
        (NULL_ARRAY, None),
        (1, 1),
        (True, 1),
        (1.5, "1.5"),
        (float("inf"), "inf"),
        (PONG, "PONG"),
        (Map([b"a", 1, b"b", [b"c"]]), ["a", 1, "b", ["c"]]),
        (Pairs([b"m", 2.0]), ["m", "2"]),
        (SetReply([b"x"]), ["x"]),
        (Push([b"message", b"c", b"m"]), ["message", "c", "m"]),
        (Several([1, 2]), [1, 2]),
        (Verbatim(b"text"), "text"),
        (BigNumber(b"1" * 30), "1" * 30),
        (Attribute([b"a", 1], b"x"), "x"),
        ([b"a", Failure(b"ERR no")], ["a", "ERR no"]),
    ],
)
def test_each_kind_of_reply_has_its_json(reply: object, expected: object) -> None:
    assert plain(reply, as_text) == expected


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_an_integer_is_a_number_where_javascript_is_exact(number: int) -> None:
    exact = float(number) == number and abs(number) <= 1 << 53
    assert plain(number, as_text) == (number if exact else str(number))


def test_ok_alone_is_never_in_base64() -> None:
    assert outcome(OK, base64=True) == {"result": "OK"}
    assert outcome([OK, b"OK"], base64=True) == {"result": ["T0s=", "T0s="]}


@given(st.binary())
def test_base64_keeps_every_byte(data: bytes) -> None:
    encoded = outcome(data, base64=True)["result"]
    assert isinstance(encoded, str)
    assert base64.b64decode(encoded) == data


def test_a_failure_is_an_error() -> None:
    assert orjson.dumps(outcome(Failure(b"ERR \xff"))) == '{"error":"ERR \ufffd"}'.encode()
