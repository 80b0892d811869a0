"""Live keys over the wire: as events and over WebSocket, and for those who read slowly."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.servers import Server, start_nearkeep

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_nearkeep() as running:
        yield running


def test_a_browser_follows_keys_by_events(server: Server) -> None:
    with server.raw() as resp:
        resp.call("SET", "flag:dark", "on")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/live/flag:*/h")
        response = connection.getresponse()

        def event() -> Any:
            while not (line := response.readline()).startswith(b"data: "):
                assert line
            return json.loads(line[6:])

        with contextlib.closing(connection), contextlib.closing(response):
            first = [event(), event()]
            assert {"event": "key", "key": "h", "type": "none", "value": None} in first
            assert {"event": "key", "key": "flag:dark", "type": "string", "value": "on"} in first
            resp.call("SET", "flag:dark", "off", "PX", 50)
            assert event()["value"] == "off"
            assert event() == {"event": "key", "key": "flag:dark", "type": "none", "value": None}
            resp.call("HSET", "h", "a", 1)
            assert event() == {"event": "key", "key": "h", "type": "hash", "value": {"a": "1"}}
            resp.call("FLUSHALL")
            assert event() == {"event": "flush", "data": []}


def test_a_websocket_watches_and_ceases_to(server: Server) -> None:
    with server.raw() as resp, connect(f"ws://127.0.0.1:{server.port}") as client:
        client.send('{"id": 1, "watch": ["z"]}')
        assert json.loads(client.recv(5)) == {
            "event": "key",
            "key": "z",
            "type": "none",
            "value": None,
        }
        assert json.loads(client.recv(5)) == {"id": 1, "result": ["z"]}
        resp.call("ZADD", "z", 1.5, "m")
        assert json.loads(client.recv(5))["value"] == [["m", "1.5"]]
        client.send('{"id": 2, "unwatch": ["z"]}')
        assert json.loads(client.recv(5)) == {"id": 2, "result": ["z"]}
        resp.call("DEL", "z")
        client.send('{"id": 3, "command": ["PING"]}')
        assert json.loads(client.recv(5)) == {"id": 3, "result": "PONG"}


def test_who_reads_slowly_gets_the_last_value_and_not_all(server: Server) -> None:
    with server.raw() as resp, socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"GET /live/big HTTP/1.0\r\n\r\n")
        time.sleep(0.1)
        for n in range(400):
            resp.call("SET", "big", f"{n:05}" + "x" * 100_000)
        info = resp.value("CLIENT", "LIST")
        assert isinstance(info, bytes)
        held = [int(word[5:]) for word in info.split() if word.startswith(b"omem=")]
        assert max(held) < 2_000_000
        slow.settimeout(5)
        received = b""
        while b"00399" not in received:
            received += slow.recv(1 << 20)
        seen = [line[len(b'data: {"event":"key","key":"big","type":"string","value":"') :][:5]
                for line in received.split(b"\n") if b'"string"' in line]  # fmt: skip
        assert seen == sorted(seen)
        assert len(seen) < 400


def test_strangers_watch_nothing() -> None:
    with (
        start_nearkeep(requirepass="secret") as server,
        connect(f"ws://127.0.0.1:{server.port}") as client,
    ):
        client.send('{"id": 1, "watch": ["k"]}')
        assert json.loads(client.recv(5))["error"] == "NOAUTH Authentication required."
        connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/live/k")
        assert connection.getresponse().status == 401
        connection.close()
