"""REST: which commands a request means, and who asks."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.wire.http import Request
from nearkeep.wire.rest import (
    EVENTS,
    PIPELINE,
    TRANSACTION,
    Call,
    RestError,
    call_of,
    credentials,
    make_token,
    read_token,
)


def asked(target: str, body: str | bytes = b"", method: bytes = b"POST", **headers: str) -> Call:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    return call_of(Request(method, target.encode(), named, data))


def refusal(target: str, body: str | bytes = b"", method: bytes = b"POST", **headers: str) -> int:
    with pytest.raises(RestError) as caught:
        asked(target, body, method, **headers)
    return caught.value.status


@pytest.mark.parametrize(
    ("target", "body", "words"),
    [
        ("/get/key", b"", [b"get", b"key"]),
        ("/set/a%2Fb/c%20d+e", b"", [b"set", b"a/b", b"c d+e"]),
        ("/set/key/", b"", [b"set", b"key", b""]),
        ("/set/key", b"\xffvalue", [b"set", b"key", b"\xffvalue"]),
        ("/set/key?EX=100&NX&_token=t", b"v", [b"set", b"key", b"v", b"EX", b"100", b"NX"]),
        ("/", '["SET", "k", "v", "EX", 100]', [b"SET", b"k", b"v", b"EX", b"100"]),
        ("/", '["SET", "k", true]', [b"SET", b"k", b"true"]),
        ("/", '["SET", "k", 1.5]', [b"SET", b"k", b"1.5"]),
        ("/", '["SET", "k", 1e3]', [b"SET", b"k", b"1000"]),
        ("/", '["SET", "k", "\\u00e9"]', [b"SET", b"k", "é".encode()]),
    ],
)
def test_a_command_stands_in_path_query_and_body(
    target: str, body: str | bytes, words: list[bytes]
) -> None:
    assert asked(target, body).commands == [words]


def test_batches_are_arrays_of_commands() -> None:
    batch = '[["GET", "a"], ["INCR", "b"]]'
    assert asked("/pipeline", batch).kind == PIPELINE
    assert asked("/multi-exec", batch).kind == TRANSACTION
    assert asked("/multi-exec", batch).commands == [[b"GET", b"a"], [b"INCR", b"b"]]


@pytest.mark.parametrize("target", ["/subscribe/a", "/psubscribe/a*", "/monitor"])
def test_events_are_streams_and_ignore_the_body(target: str) -> None:
    call = asked(target, "[]", Accept="text/event-stream")
    assert (call.kind, call.commands) == (EVENTS, [target[1:].encode().split(b"/")])


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/", ""),
        ("/", "[]"),
        ("/", "{}"),
        ("/", '"GET"'),
        ("/", '["GET", null]'),
        ("/", '["GET", ["x"]]'),
        ("/", '["GET", "\\ud800"]'),
        ("/", b'["GET", "\xff"]'),
        ("/", "[" * 100_000),
        ("/pipeline", '["GET", "a"]'),
        ("/pipeline", "[[]]"),
        ("/multi/x", ""),
        ("/SELECT/1", ""),
        ("/client/tracking/on", ""),
        ("/client", ""),
        ("/", '["subscribe", "c"]'),
    ],
)
def test_what_is_no_command_of_rest_is_refused(target: str, body: str | bytes) -> None:
    assert refusal(target, body) == 400


def test_formats_are_checked() -> None:
    assert asked("/get/k", upstash_encoding="base64").base64
    assert asked("/get/k", upstash_response_format="resp2").resp2
    assert refusal("/get/k", upstash_response_format="xml") == 400
    assert refusal("/get/k", upstash_response_format="resp2", upstash_encoding="base64") == 400
    assert refusal("/multi-exec", "[]", upstash_response_format="resp2") == 400


def test_other_methods_are_refused() -> None:
    assert refusal("/get/k", method=b"DELETE") == 405


def given_credentials(target: str, authorization: str = "") -> tuple[bytes, bytes] | None:
    headers = {b"authorization": authorization.encode()} if authorization else {}
    return credentials(Request(b"GET", target.encode(), headers, b""))


def test_a_token_comes_in_a_header_or_a_parameter() -> None:
    basic = base64.b64encode(b"alice:a:b").decode()
    assert given_credentials("/") is None
    assert given_credentials("/", "Bearer secret") == (b"default", b"secret")
    assert given_credentials("/", "bearer  secret ") == (b"default", b"secret")
    assert given_credentials("/?_token=a%2Bb") == (b"default", b"a+b")
    assert given_credentials("/", f"Basic {basic}") == (b"alice", b"a:b")
    assert given_credentials("/", "Basic !!") is None
    assert given_credentials("/", "Digest x") is None


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name), st.binary())
def test_a_token_stands_for_user_and_password(name: bytes, password: bytes) -> None:
    assert read_token(make_token(name, password)) == (name, password)


@given(st.binary())
def test_any_other_token_is_the_default_users_password(token: bytes) -> None:
    assert read_token(b"x" + token) == (b"default", b"x" + token)


@pytest.mark.parametrize("token", [b"nk_", b"nk_A", b"nk_!!!", b"nk_YWJj"])
def test_a_token_that_is_not_whole_is_a_password_too(token: bytes) -> None:
    assert read_token(token) == (b"default", token)
