"""RESP or HTTP: what a client speaks, from the first bytes that it sends.

An HTTP request begins with `METHOD target HTTP/1.x`. RESP's inline commands are lines of words too,
and `GET` is both; so where a line begins with a method, its end decides. Nobody waits for that: an
inline command does not run before its line is whole, and what begins with `*` is known at once.
"""

from typing import Final

from nearkeep.wire.request import INLINE_LIMIT

RESP: Final = 0
HTTP: Final = 1
UNDECIDED: Final = 2

_METHODS: Final = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_VERSIONS: Final = (b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0")


def protocol_of(first: bytes) -> int:
    """RESP or HTTP, or UNDECIDED until more bytes come."""
    if not first.startswith(_METHODS):
        for method in _METHODS:
            if method.startswith(first):
                return UNDECIDED
        return RESP
    end = first.find(b"\n")
    if end < 0:
        return UNDECIDED if len(first) <= INLINE_LIMIT else RESP
    return HTTP if first[:end].rstrip(b"\r").endswith(_VERSIONS) else RESP
