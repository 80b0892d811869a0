"""Replies as JSON, the way REST clients of Redis expect them: in RESP2's shapes.

    bytes, Status, Verbatim, BigNumber    string           None         null
    float                                 string           int          number, beyond 2^53 string
    list, SetReply, Map, Pairs, Push      array (flat)     bool         1 or 0

JSON has no bytes: what is not UTF-8 is shown with replacement characters, unless the client wants
all strings in base64. Integers that a JavaScript number does not hold exactly are strings.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Final

import orjson

from nearkeep.wire.double import format_double
from nearkeep.wire.reply import (
    NO_REPLY,
    NULL_ARRAY,
    Attribute,
    BigNumber,
    Failure,
    Map,
    Pairs,
    Push,
    Raw,
    Reply,
    SetReply,
    Several,
    Status,
    Verbatim,
)

EXACT: Final = 1 << 53
"""Integers beyond are not exact in JavaScript."""

Text = Callable[[bytes], str]
"""How a string of bytes becomes one of JSON."""


def as_text(data: bytes) -> str:
    """UTF-8, with replacement characters for what is not."""
    return data.decode("utf-8", "replace")


def as_base64(data: bytes) -> str:
    """Base64."""
    return b64encode(data).decode("ascii")


def plain(value: Reply, text: Text) -> object:
    """A reply as what JSON has."""
    if isinstance(value, bytes):
        return text(value)
    if value is None or value is NULL_ARRAY or value is NO_REPLY:
        return None
    if isinstance(value, int):  # a bool is one, too
        return int(value) if -EXACT <= value <= EXACT else text(b"%d" % value)
    if isinstance(value, list):
        return [plain(item, text) for item in value]
    if isinstance(value, Status):
        return text(value.text)
    if isinstance(value, float):
        return text(format_double(value))
    if isinstance(value, (Map, Pairs)):
        return [plain(item, text) for item in value.flat]
    if isinstance(value, (SetReply, Push)):
        return [plain(item, text) for item in value.items]
    if isinstance(value, Several):
        return [plain(item, text) for item in value.messages]
    if isinstance(value, Verbatim):
        return text(value.text)
    if isinstance(value, BigNumber):
        return text(value.digits)
    if isinstance(value, Failure):
        return as_text(value.message)
    if isinstance(value, Attribute):
        return plain(value.reply, text)
    if isinstance(value, bytearray):
        return text(bytes(value))
    if isinstance(value, Raw):
        return text(value.resp2)
    raise TypeError(f"no JSON for {type(value).__name__}")


def outcome(value: Reply, base64: bool = False) -> dict[str, object]:
    """A command's reply as a REST client gets it: `{"result": …}` or `{"error": …}`."""
    if isinstance(value, Failure):
        return {"error": as_text(value.message)}
    if isinstance(value, Status) and value.text == b"OK":  # never in base64, at the top
        return {"result": "OK"}
    return {"result": plain(value, as_base64 if base64 else as_text)}


def error(message: str) -> bytes:
    """The body of a response that says what was wrong."""
    return orjson.dumps({"error": message})
