"""The subprotocol `json`: what a message asks for, and what events look like."""

import orjson
import pytest

from nearkeep.wire.json_messages import MessageError, event, read, reply_to
from nearkeep.wire.json_reply import as_base64, as_text
from nearkeep.wire.reply import OK, Failure, Push, Status


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        (b'{"command": ["SET", "k", 1]}', [[b"SET", b"k", b"1"]]),
        (b'{"pipeline": [["A"], ["B"]]}', [[b"A"], [b"B"]]),
        (b'{"transaction": [["A"]]}', [[b"MULTI"], [b"A"], [b"EXEC"]]),
        (b'{"subscribe": ["a", "b"]}', [[b"subscribe", b"a", b"b"]]),
        (b'{"punsubscribe": []}', [[b"punsubscribe"]]),
    ],
)
def test_a_request_says_what_is_to_be_run(text: bytes, commands: list[list[bytes]]) -> None:
    assert read(text).commands == commands


@pytest.mark.parametrize("text", [b"", b"1", b"{}", b'{"command": "A"}', b"\xff", b"[" * 5000])
def test_what_is_no_request_is_an_error(text: bytes) -> None:
    with pytest.raises(MessageError):
        read(text)


def test_a_transaction_that_failed_has_one_error() -> None:
    ask = read(b'{"id": 1, "transaction": [["A"]]}')
    answer = reply_to(ask, [OK, Failure(b"ERR a"), Failure(b"EXECABORT b")], base64=False)
    assert orjson.loads(answer) == {"id": 1, "error": "EXECABORT b"}


def test_events_are_named_and_so_is_what_they_hold() -> None:
    message = Push([b"pmessage", b"n*", b"news", b"\xff"])
    assert orjson.loads(event(message, as_base64)) == {
        "event": "pmessage",
        "pattern": "n*",
        "channel": "news",
        "message": "/w==",
    }
    line = event(Status(b'1.0 [0 lua] "GET"'), as_text)
    assert orjson.loads(line) == {"event": "monitor", "line": '1.0 [0 lua] "GET"'}
    unknown = event(Push([b"invalidate", None, b"more"]), as_text)
    assert orjson.loads(unknown) == {"event": "invalidate", "data": [None, "more"]}
