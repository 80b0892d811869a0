"""JSON as text: read with what RedisJSON allows, and written plain or laid out.

Numbers without a fraction or an exponent are integers as far as 64 bits go, all others doubles. Of
keys that come twice the last one counts. NaN, infinities, lone surrogates and control characters
are refused, and so is nesting beyond 128 levels. Source of the texts of errors: serde_json, whose
errors RedisJSON hands on.
"""

import json
import re
from typing import Final

from nearkeep.wire.reply import Failure

try:
    from orjson import dumps, loads
except ImportError:  # no wheel for this platform
    from nearkeep.engine.values.json_plain import dumps, loads  # type: ignore[assignment]

DEEPEST: Final = 128
"""Levels of arrays and objects within one another."""

TOO_DEEP: Final = b"ERR recursion limit exceeded"
_SIGNED_EXPONENT: Final = re.compile(rb"\de\+\d")
"""What RedisJSON writes as 1e16 and orjson, by its version, as 1e+16. Or it is in a string."""

_NOT_UTF8: Final = b"ERR Couldn't parse as UTF-8 string"


def parse(text: bytes) -> object:
    """A value from its text.

    Raises:
        Failure: it is no JSON, or nested too deeply.
    """
    try:
        value: object = loads(text)
    except (ValueError, RecursionError):
        raise Failure(_complaint(text)) from None
    if brackets(text) > DEEPEST and depth(value) > DEEPEST:
        raise Failure(TOO_DEEP)
    return value


def brackets(text: bytes) -> int:
    """How deep the value of a text can be at most, quickly."""
    return text.count(b"[") + text.count(b"{")


def depth(value: object) -> int:
    """Levels of arrays and objects within one another: 0 for a scalar."""
    level: list[object] = [value]
    count = -1
    while level:
        count += 1
        below: list[object] = []
        for each in level:
            if isinstance(each, list):
                below += each or [None]
            elif isinstance(each, dict):
                below += each.values() or [None]
        level = below
    return count


def text_of(value: object) -> bytes:
    """The text of a value, without blanks."""
    text: bytes = dumps(value)
    return text if _SIGNED_EXPONENT.search(text) is None else _PLAIN.laid_out(value)


class Layout:
    """What JSON.GET puts between the parts: before each level, at ends of lines and after colons."""

    def __init__(self) -> None:
        self.indent = b""
        self.newline = b""
        self.space = b""

    def text_of(self, value: object) -> bytes:
        """The text of a value, laid out."""
        if not (self.indent or self.newline or self.space):
            return text_of(value)
        return self.laid_out(value)

    def laid_out(self, value: object) -> bytes:
        """The same, always part by part."""
        parts: list[bytes] = []
        self._write(value, self.newline, parts)
        return b"".join(parts)

    def _write(self, value: object, line: bytes, parts: list[bytes]) -> None:
        """`line` is what begins a line on the level of the value."""
        inner = line + self.indent
        if isinstance(value, list) and value:
            mark = b"["
            for item in value:
                parts.append(mark + inner)
                self._write(item, inner, parts)
                mark = b","
            parts.append(line + b"]")
        elif isinstance(value, dict) and value:
            mark = b"{"
            for key, item in value.items():
                parts.append(mark + inner + dumps(key) + b":" + self.space)
                self._write(item, inner, parts)
                mark = b","
            parts.append(line + b"}")
        elif isinstance(value, float):
            parts.append(dumps(value).replace(b"e+", b"e"))
        else:
            parts.append(dumps(value))


_PLAIN: Final = Layout()

_COMPLAINTS: Final = {
    "Expecting value": b"expected value",
    "Expecting property name enclosed in double quotes": b"key must be a string",
    "Illegal trailing comma before end of object": b"trailing comma",
    "Illegal trailing comma before end of array": b"trailing comma",
    "Expecting ':' delimiter": b"expected `:`",
    "Expecting ',' delimiter": b"expected `,` or a closing bracket",
    "Extra data": b"trailing characters",
    "Unterminated string starting at": b"EOF while parsing a string",
    "Invalid control character at": b"control character (\\u0000-\\u001F) found while parsing "
    b"a string",
    "Invalid \\escape": b"invalid escape",
    "Invalid \\uXXXX escape": b"invalid escape",
}
"""What RedisJSON says where Python's own parser says something else."""


def _complaint(text: bytes) -> bytes:
    """What is wrong with a text that could not be read, and where."""
    try:
        shown = text.decode()
        json.JSONDecoder(parse_constant=_constant, parse_int=float).decode(shown)
    except UnicodeDecodeError:
        return _NOT_UTF8
    except RecursionError:
        return TOO_DEEP
    except json.JSONDecodeError as error:
        what = _COMPLAINTS.get(error.msg.split(": ")[0], b"expected value")
        place = error.pos
        if not shown[place:].strip():
            what = b"EOF while parsing a value"
            place = max(len(shown) - 1, 0)
        line = shown.count("\n", 0, place) + 1
        column = place - shown.rfind("\n", 0, place) if shown else 0
        return b"%s at line %d column %d" % (what, line, column)
    except ValueError:
        return b"expected value at line 1 column 1"
    return b"number out of range" if _overflows(text) else b"lone surrogate in hex escape"


def _overflows(text: bytes) -> bool:
    """Whether what can be read but is no JSON is so for a number, not for a string."""
    return b"\\ud" not in text.lower()


def _constant(name: str) -> object:
    raise ValueError(name)
