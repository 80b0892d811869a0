"""RESP and HTTP are told apart by the first bytes, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.first_line import HTTP, RESP, UNDECIDED, protocol_of


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET /get/key HTTP/1.0\r\nHost: x\r\n\r\n",
        b"POST /pipeline?_token=x HTTP/1.1\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\n",
    ],
)
def test_a_request_line_is_http(first: bytes) -> None:
    assert protocol_of(first) == HTTP


@pytest.mark.parametrize(
    "first",
    [
        b"*1\r\n$4\r\nPING\r\n",
        b"*",
        b"PING\r\n",
        b"get key\r\n",
        b"GET key\r\n",
        b"GET HTTP/1.1x\r\n",
        b"GETEX key\r\n",
        b"PUBLISH channel HTTP/1.1\r\n",
        b"POST x\r\n",
        b"Host: example.org\r\n",
        b"\r\n",
        b"GET " + b"x" * 70_000,
    ],
)
def test_all_else_is_resp(first: bytes) -> None:
    assert protocol_of(first) == RESP


@given(st.integers(min_value=1, max_value=27))
def test_a_line_that_may_become_either_is_undecided(size: int) -> None:
    assert protocol_of(b"GET /get/key HTTP/1.1\r\nHost:"[: min(size, 22)]) == UNDECIDED
