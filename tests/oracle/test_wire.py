"""What Nearkeep makes of bytes that are not quite RESP: the same reply as Redis, the same end.

Each text goes to a fresh connection of either server; compared are all bytes that come back and
whether the connection was closed. Then the same in two pieces, cut at every byte: a cut must change
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random, SystemRandom

import pytest
from hypothesis import settings

from tests.oracle.explore import start_oracle, start_subject
from tests.resp import Connection, encode
from tests.servers import Server, running

# Seconds that the slower server may take until it has answered as much as the other.
GRACE = 1.0

INLINE = [
    b"PING\r\n",
    b"PING\n",
    b"ping\r\n",
    b"\r\n",
    b"\n",
    b"\r\n\r\nPING\r\n",
    b"   PING   \r\n",
    b" \r\n",
    b"\t\r\n",
    b"PING\r",
    b"PING",
    b"\rPING\r\n",
    b"PING\x00\r\n",
    b"PING hello\r\n",
    b'PING "hello world"\r\n',
    b"PING 'hello world'\r\n",
    b'PING "a\\x41\\n\\r\\t\\b\\a\\\\\\"\\q"\r\n',
    b'PING "a\\xZZ"\r\n',
    b"PING 'a\\'b\\n'\r\n",
    b'PING ""\r\n',
    b"PING ''\r\n",
    b'PING "unbalanced\r\n',
    b"PING 'unbalanced\r\n",
    b'PING "a"b\r\n',
    b"PING 'a'b\r\n",
    b'PING a"b"\r\n',
    b'PING a"b\r\n',
    b"PING a'b'c\r\n",
    b'"PING"\r\n',
    b"SET k v\r\nGET k\r\n",
    b"SET k v\nGET k\n",
    b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
    b"NOSUCH\r\n",
    b"NOSUCH with arguments\r\n",
    b"\xff\xfe\r\n",
    b"PING \xff\xfe\r\n",
    b"$4\r\nPING\r\n",
    b":1\r\n",
    b"+OK\r\n",
    b"-ERR\r\n",
    b"GET / HTTP/1.0\r\nAccept: x\r\n\r\n",
    b"POST / HTTP/1.1\r\n\r\n",
    b"Host: example.org\r\n",
    b"QUIT\r\n",
    b"QUIT\r\nPING\r\n",
    b"x" * 70_000,
    b"x" * 65_000 + b"\r\n",
    b"PING " + b"x" * 64_000 + b"\r\n",
    b"x " * 40_000,
]

HEADERS = [
    b"*1\r\n$4\r\nPING\r\n",
    b"*0\r\n",
    b"*0\r\n*1\r\n$4\r\nPING\r\n",
    b"*-1\r\n",
    b"*-1\r\nPING\r\n",
    b"*-10\r\nPING\r\n",
    b"*-9223372036854775808\r\nPING\r\n",
    b"*\r\n",
    b"*\r\nPING\r\n",
    b"*abc\r\n",
    b"* 1\r\n$4\r\nPING\r\n",
    b"*1 \r\n$4\r\nPING\r\n",
    b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*-0\r\nPING\r\n",
    b"*1.0\r\n",
    b"*0x1\r\n",
    b"*1_0\r\n",
    "*\u0661\r\n".encode(),
    b"*1\n$4\r\nPING\r\n",
    b"*1\r$4\r\nPING\r\n",
    b"*1\rx$4\r\nPING\r\n",
    b"*1\r\r\n$4\r\nPING\r\n",
    b"*1048576\r\n",
    b"*1048577\r\n",
    b"*2147483647\r\n",
    b"*2147483648\r\n",
    b"*9223372036854775807\r\n",
    b"*9223372036854775808\r\n",
    b"*" + b"1" * 100 + b"\r\n",
    b"*" + b"1" * 70_000,
    b"*3\r\n" + b"$" + b"1" * 70_000,
    b"*1\r\n\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n:4\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*2\r\n$4\r\nPING\r\n$-1\r\n",
    b"*1\r\n$-2\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n",
    b"*1\r\n$\r\n",
    b"*1\r\n$abc\r\n",
    b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$4\nPING\r\n",
    b"*1\r\n$4\rxPING\r\n",
    b"*1\r\n$1048577\r\n",
    b"*1\r\n$536870912\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\r\nPING\n\r*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGPING\r\n",
    b"*1\r\n$3\r\nPING\r\n",
    b"*1\r\n$5\r\nPING\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n",
    b"*1\r\n$4\r\nPING",
    b"*1\r\n$4\r\nPIN",
    b"*2\r\n$4\r\nPING\r\n",
    b"\x00*1\r\n$4\r\nPING\r\n",
    b"\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\r\nPING\r\n\r\n\r\nPING\r\n",
    b"*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n",
    b"~1\r\n$4\r\nPING\r\n",
    b">1\r\n$4\r\nPING\r\n",
    b"%1\r\n$4\r\nPING\r\n$1\r\na\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"*1\r\n$6\r\nNOSUCH\r\n",
    b"*3\r\n$6\r\nNO\r\nSU\r\n$3\r\na\r\n\r\n$130\r\n" + b"y" * 130 + b"\r\n",
    b"*2\r\n$6\r\nNOSUCH\r\n$3\r\n\x00\xff'\r\n",
    b"*1\r\n$200\r\n" + b"C" * 200 + b"\r\n",
    b"*2\r\n$6\r\nCLIENT\r\n$8\r\nno\r\nsuch\r\n",
    encode("PING") * 50,
    encode("SET", "k", b"x" * 40_000) + encode("STRLEN", "k"),
    encode(*["DEL", *range(200)]),
]

TEXTS = [*INLINE, *HEADERS]
FRAGMENTS = [b"*1\r\n", b"*2\r\n", b"*0\r\n", b"*", b"$4\r\n", b"$0\r\n", b"$-1\r\n", b"$", b"PING", b"ECHO",
             b"\r\n", b"\r", b"\n", b'"', b"'", b" ", b"x", b"\x00", b"\xff", b"1", b"-", b"GET k",
             b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n", b"\\", b"\\x41"]  # fmt: skip
LONGEST_CUT = 200


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(start_oracle(), start_subject()) as both:
        yield both


class Listener:
    """One server's fresh connections, and a second connection that tells when it has answered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._control = server.raw()

    def close(self) -> None:
        self._control.close()

    def settle(self) -> None:
        """Two rounds of the event loop: what was sent before is read and answered (stage.py)."""
        for _ in range(2):
            self._control.call("PING")

    def tell(self, pieces: list[bytes]) -> Connection:
        """Send the pieces one by one, each after the server has read the one before."""
        connection = self._server.raw()
        for number, piece in enumerate(pieces):
            if number:
                self.settle()
            try:
                connection.send_bytes(piece)
            except OSError:
                break
        return connection


def answers(servers: tuple[Server, ...], pieces: list[bytes]) -> tuple[tuple[bytes, bool], ...]:
    """For each server what it answers, and whether it closes; the slower one is waited for."""
    listeners = [Listener(server) for server in servers]
    connections = [listener.tell(pieces) for listener in listeners]
    heard = [(b"", False) for _ in servers]
    deadline = time.monotonic() + GRACE
    pause = 0.0
    for listener in listeners:
        listener.settle()
    while True:
        for place, connection in enumerate(connections):
            if not heard[place][1]:
                more, closed = connection.read_all(pause or 0.0005)
                heard[place] = (heard[place][0] + more, closed)
        if heard[0] == heard[1] or time.monotonic() > deadline:
            break
        pause = 0.02
    for connection in connections:
        connection.close()
    for listener in listeners:
        listener.close()
    return tuple(heard)


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text[:40])[2:-1] for text in TEXTS])
def test_an_odd_text_is_answered_as_redis_does(servers: tuple[Server, ...], text: bytes) -> None:
    theirs, ours = answers(servers, [text])
    assert ours == theirs


@pytest.mark.parametrize(
    "text",
    [text for text in TEXTS if len(text) <= LONGEST_CUT],
    ids=[repr(text[:40])[2:-1] for text in TEXTS if len(text) <= LONGEST_CUT],
)
def test_a_cut_at_any_byte_changes_nothing(servers: tuple[Server, ...], text: bytes) -> None:
    for cut in range(1, len(text)):
        theirs, ours = answers(servers, [text[:cut], text[cut:]])
        assert ours == theirs, f"cut into {text[:cut]!r} and {text[cut:]!r}"


def test_a_jumble_of_fragments_is_answered_as_redis_does(servers: tuple[Server, ...]) -> None:
    profile = settings()
    seed = 0 if profile.derandomize else SystemRandom().randrange(10**9)
    for number in range(profile.max_examples * 2):
        rng = Random(f"{seed}/{number}")
        text = b"".join(rng.choices(FRAGMENTS, k=rng.randint(1, 12)))
        theirs, ours = answers(servers, [text])
        assert ours == theirs, f"seed {seed}, number {number}: {text!r}"
