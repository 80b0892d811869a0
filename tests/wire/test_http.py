"""HTTP messages as values."""

from urllib.parse import parse_qsl, quote

from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.http import Request, chunk, head, parameters, unescaped


@given(st.binary(max_size=60))
def test_what_was_percent_encoded_comes_back(data: bytes) -> None:
    assert unescaped(quote(data, safe="").encode()) == data


def test_a_percent_sign_that_encodes_nothing_stands_for_itself() -> None:
    assert unescaped(b"100%/%4/%zz/%41%") == b"100%/%4/%zz/A%"


def test_a_plus_is_a_space_in_a_query_alone() -> None:
    assert unescaped(b"a+b") == b"a+b"
    assert parameters(b"a+b=c+d") == [(b"a b", b"c d")]


@given(st.text("ab=&+%41", max_size=20))
def test_parameters_are_those_of_the_standard_library(query: str) -> None:
    expected = [(name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
                for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape")]  # fmt: skip
    assert [(name, value or b"") for name, value in parameters(query.encode())] == expected


def test_a_target_may_be_a_whole_address() -> None:
    request = Request(b"GET", b"http://host:1/get/key?x=1&NX", {}, b"")
    assert (request.path, request.query) == (b"/get/key", [(b"x", b"1"), (b"NX", None)])


def test_a_head_and_a_chunk_end_as_they_must() -> None:
    assert head(200, [(b"A", b"b")]) == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    assert chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
