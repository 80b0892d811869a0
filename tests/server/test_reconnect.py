"""Subscribers that are cut off and come back miss nothing, or are told that they did."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.servers import Server, start_nearkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES = 100_000
CUTS = 100


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_nearkeep(channel_history="news 200000 0 0 few 3 0 0") as running:
        yield running


class Events:
    """An event stream as a browser reads it, over a bare socket."""

    def __init__(self, server: Server, target: str, last: str = "") -> None:
        self.last = last
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        header = f"Last-Event-ID: {last}\r\n" if last else ""
        # HTTP/1.0 knows no chunks, so the body is the stream itself.
        self.socket.sendall(f"GET {target} HTTP/1.0\r\n{header}\r\n".encode())
        self.file = self.socket.makefile("rb")
        assert self.file.readline() == b"HTTP/1.1 200 OK\r\n"
        while self.file.readline() != b"\r\n":
            pass

    def next(self) -> tuple[str, str]:
        """Name and data of the next event that has data."""
        name, data, id_ = "message", list[str](), self.last
        while line := self.file.readline().decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                id_ = value
            elif not field:
                self.last = id_
                if data:
                    return name, "\n".join(data)
                name = "message"
        raise ConnectionError

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Frames:
    """A WebSocket over a bare socket, which can be cut off at any byte."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        self.file = self.socket.makefile("rb")
        while self.file.readline() != b"\r\n":
            pass

    def send(self, text: str) -> None:
        assert len(text) < 126
        data = text.encode()
        self.socket.sendall(bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data)

    def next(self) -> bytes:
        """The next text message; they are short here."""
        opcode, size = self.file.read(2)
        assert opcode == 0x81
        assert size < 126
        return self.file.read(size)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def publish(server: Server, channel: str, started: threading.Event) -> None:
    with server.raw(timeout=60) as resp:
        started.wait(10)
        for first in range(0, MESSAGES, 500):
            resp.pipeline([("PUBLISH", channel, n) for n in range(first, first + 500)])


def with_publisher(server: Server, listen: Callable[[threading.Event], list[int]]) -> list[int]:
    started = threading.Event()
    publisher = threading.Thread(target=publish, args=(server, "news", started))
    publisher.start()
    try:
        return listen(started)
    finally:
        started.set()
        publisher.join()


@pytest.mark.timeout(240)
def test_an_event_stream_that_is_cut_a_hundred_times_misses_nothing(server: Server) -> None:
    draw = random.Random(1)

    def listen(started: threading.Event) -> list[int]:
        found: list[int] = []
        last = ""
        cuts = sorted(draw.sample(range(1, MESSAGES), CUTS))
        while len(found) < MESSAGES:
            stream = Events(server, "/subscribe/news", last)
            stop = cuts.pop(0) if cuts else MESSAGES
            with contextlib.closing(stream):
                assert stream.next() == ("message", "subscribe,news,1")
                while not last and not stream.last:
                    started.set()
                    name, data = stream.next()
                    assert name == "message"
                    found.append(int(data.rpartition(",")[2]))
                while len(found) < stop:
                    name, data = stream.next()
                    assert name == "message", data
                    found.append(int(data.rpartition(",")[2]))
                last = stream.last
        return found

    assert with_publisher(server, listen) == list(range(MESSAGES))


@pytest.mark.timeout(240)
def test_a_websocket_that_is_cut_a_hundred_times_misses_nothing(server: Server) -> None:
    draw = random.Random(2)

    def listen(started: threading.Event) -> list[int]:
        found: list[int] = []
        at: str | None = None
        cuts = sorted(draw.sample(range(1, MESSAGES), CUTS))
        while len(found) < MESSAGES:
            stop = cuts.pop(0) if cuts else MESSAGES
            with contextlib.closing(Frames(server)) as client:
                client.send(json.dumps({"id": 1, "subscribe": ["news"], "since": at}))
                while len(found) < stop:
                    message = json.loads(client.next())
                    assert message.get("event") != "gap"
                    if "message" in message:
                        found.append(int(message["message"]))
                        at = message["at"]
                    elif at is None:
                        at = message["at"]
                        started.set()
        return found

    assert with_publisher(server, listen) == list(range(MESSAGES))


def test_what_is_no_longer_there_is_marked_by_a_gap(server: Server) -> None:
    with server.raw() as resp, connect(f"ws://127.0.0.1:{server.port}") as client:
        client.send('{"id": 1, "subscribe": ["few"]}')
        at = json.loads(client.recv(5))["at"]
        client.send('{"id": 2, "unsubscribe": ["few"]}')
        client.recv(5)
        for n in range(5):
            resp.call("PUBLISH", "few", n)
        client.send(json.dumps({"id": 3, "subscribe": ["few"], "since": at}))
        received = [json.loads(client.recv(5)) for _ in range(5)]
        assert received[0] == {"event": "gap", "channel": "few"}
        assert [one.get("message") for one in received[1:4]] == ["2", "3", "4"]
        assert received[4]["result"] == ["few"]
        stream = Events(server, "/subscribe/few", at)
        with contextlib.closing(stream):
            assert [stream.next() for _ in range(5)] == [
                ("message", "subscribe,few,1"),
                ("gap", "gap,few"),
                *[("message", f"message,few,{n}") for n in (2, 3, 4)],
            ]


def test_an_id_of_an_earlier_life_is_a_gap(server: Server) -> None:
    stream = Events(server, "/psubscribe/f*?since=1-1")
    with contextlib.closing(stream):
        assert stream.next() == ("message", "psubscribe,f*,1")
        assert stream.next() == ("gap", "gap,f*")


def test_resp_subscribers_get_what_redis_gives(server: Server) -> None:
    with server.raw() as listener, server.raw() as resp:
        listener.call("SUBSCRIBE", "few")
        resp.call("PUBLISH", "few", "m")
        assert listener.read().raw == b"*3\r\n$7\r\nmessage\r\n$3\r\nfew\r\n$1\r\nm\r\n"
