"""WebSocket: RESP and JSON in frames, who may open one, and how it ends."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.resp import encode, parse
from tests.servers import Server, start_nearkeep, trust_anything

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "secret"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_nearkeep(tls_port=0, http_origins="https://app.example") as running:
        yield running


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with start_nearkeep(requirepass=PASSWORD) as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        with request.getfixturevalue("server").raw() as connection:
            connection.call("FLUSHALL")


def opened(server: Server, path: str = "/", **options: Any) -> ClientConnection:
    options.setdefault("max_size", None)
    client: ClientConnection = connect(f"ws://127.0.0.1:{server.port}{path}", **options)
    return client


def ask(client: ClientConnection, **request: Any) -> Any:
    client.send(json.dumps(request))
    return heard(client)


def heard(client: ClientConnection, timeout: float = 5) -> Any:
    message = client.recv(timeout)
    assert isinstance(message, str)
    return json.loads(message)


def closing_code(client: ClientConnection, timeout: float = 5) -> int:
    """The code with which the server closes; whatever comes before is passed over."""
    deadline = time.monotonic() + timeout
    with contextlib.suppress(ConnectionClosed):
        while time.monotonic() < deadline:
            client.recv(timeout)
    assert client.protocol.close_rcvd is not None
    return client.protocol.close_rcvd.code


# ---- json


def test_replies_have_the_ids_of_their_requests(server: Server) -> None:
    with opened(server) as client:
        client.send('{"id": 1, "command": ["SET", "k", 1.5]}')
        client.send('{"id": "b", "command": ["GET", "k"]}')
        client.send('{"command": ["SET", "quiet", 1]}')
        client.send('{"id": [3], "command": ["NOSUCH"]}')
        assert heard(client) == {"id": 1, "result": "OK"}
        assert heard(client) == {"id": "b", "result": "1.5"}
        error = "ERR unknown command 'NOSUCH', with args beginning with: "
        assert heard(client) == {"id": [3], "error": error}


def test_batches_have_a_result_for_each_command(server: Server) -> None:
    with opened(server, subprotocols=["json"]) as client:
        assert client.subprotocol == "json"
        batch = [["SET", "k", "x"], ["INCR", "k"]]
        results = [{"result": "OK"}, {"error": "ERR value is not an integer or out of range"}]
        assert ask(client, id=1, pipeline=batch) == {"id": 1, "results": results}
        assert ask(client, id=2, transaction=batch) == {"id": 2, "results": results}
        assert ask(client, id=3, pipeline=[]) == {"id": 3, "results": []}
        refused = ask(client, id=4, transaction=[["NO"]])
        assert refused["error"].startswith("EXECABORT")


def test_a_connection_has_a_state(server: Server) -> None:
    with opened(server) as client:
        assert ask(client, id=1, command=["SELECT", 1])["result"] == "OK"
        assert ask(client, id=2, command=["SET", "k", "v"])["result"] == "OK"
        assert ask(client, id=3, command=["SELECT", 0])["result"] == "OK"
        assert ask(client, id=4, command=["GET", "k"])["result"] is None


def test_messages_are_events(server: Server) -> None:
    with opened(server) as client, server.raw() as resp:
        assert ask(client, id=1, subscribe=["news", "more"])["result"] == ["news", "more"]
        assert ask(client, id=2, psubscribe=["n*"])["result"] == ["n*"]
        assert resp.value("PUBLISH", "news", "hello") == 2
        assert heard(client) == {"event": "message", "channel": "news", "message": "hello"}
        assert heard(client) == {
            "event": "pmessage",
            "pattern": "n*",
            "channel": "news",
            "message": "hello",
        }
        assert ask(client, id=3, unsubscribe=["news"])["result"] == ["news"]
        assert ask(client, id=4, punsubscribe=[])["result"] == []
        assert resp.value("PUBLISH", "news", "hello") == 0
        assert ask(client, id=5, command=["PUBLISH", "more", "own"])["result"] == 1
        assert heard(client)["message"] == "own"


def test_client_side_caching_is_told_by_events(server: Server) -> None:
    with opened(server) as client, server.raw() as resp:
        ask(client, id=1, command=["CLIENT", "TRACKING", "ON"])
        ask(client, id=2, command=["GET", "k"])
        resp.call("SET", "k", "v")
        assert heard(client) == {"event": "invalidate", "keys": ["k"]}


def test_a_command_that_blocks_holds_up_its_own_connection_alone(server: Server) -> None:
    with opened(server) as client, opened(server) as other:
        client.send('{"id": 1, "command": ["BLPOP", "l", 0]}')
        client.send('{"id": 2, "command": ["LLEN", "l"]}')
        assert ask(other, id=1, command=["RPUSH", "l", "x", "y"])["result"] == 2
        assert heard(client) == {"id": 1, "result": ["l", "x"]}
        assert heard(client) == {"id": 2, "result": 1}


def test_bytes_are_kept_in_base64(server: Server) -> None:
    with opened(server, "/?encoding=base64") as client, server.raw() as resp:
        resp.call("SET", "k", b"\xff")
        assert ask(client, id=1, command=["GET", "k"])["result"] == "/w=="
        ask(client, id=2, subscribe=["c"])
        resp.call("PUBLISH", "c", b"\xfe")
        assert heard(client)["message"] == "/g=="


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        '{"id": 1}',
        '{"id": 1, "command": "GET"}',
        '{"id": 1, "command": []}',
        '{"id": 1, "command": [null]}',
        '{"id": 1, "command": ["GET", {}]}',
        '{"id": 1, "command": ["PING"], "subscribe": ["c"]}',
        '{"id": 1, "pipeline": [["GET", "k"], []]}',
        "[" * 10_000,
    ],
)
def test_what_is_no_request_gets_an_error(server: Server, message: str) -> None:
    with opened(server) as client:
        client.send(message)
        answer = heard(client)
        assert answer["error"].startswith("ERR ")
        assert answer["id"] == (1 if '"id"' in message else None)
        assert ask(client, id=2, command=["PING"])["result"] == "PONG"


# ---- resp


def test_resp_in_binary_messages_is_resp(server: Server) -> None:
    with opened(server, subprotocols=["resp"]) as client:
        assert client.subprotocol == "resp"
        client.send(encode("SET", "k", "v")[:9])
        client.send(encode("SET", "k", "v")[9:] + encode("GET", "k"))
        received = b""
        while received != b"+OK\r\n$1\r\nv\r\n":
            piece = client.recv(5)
            assert isinstance(piece, bytes)
            received += piece
        client.send(encode("SUBSCRIBE", "c"))
        subscribed = client.recv(5)
        assert isinstance(subscribed, bytes)
        assert parse(subscribed).value == [b"subscribe", b"c", 1]
        with server.raw() as resp:
            assert resp.value("PUBLISH", "c", "m") == 1
        message = client.recv(5)
        assert isinstance(message, bytes)
        assert parse(message).value == [b"message", b"c", b"m"]
        client.send(encode("QUIT"))
        assert closing_code(client) == 1000


def test_a_transport_is_no_client_of_its_own(server: Server) -> None:
    with opened(server, subprotocols=["resp"]) as client:
        client.send(encode("CLIENT", "LIST"))
        listed = client.recv(5)
        assert isinstance(listed, bytes)
        assert listed.count(b"cmd=client|list") == 1


# ---- compression


def test_long_messages_are_compressed_where_the_client_can(server: Server) -> None:
    value = "abc" * 10_000
    with opened(server) as client, opened(server, compression=None) as plain:
        for one, deflated in ((client, True), (plain, False)):
            assert bool(one.protocol.extensions) == deflated
            ask(one, id=1, command=["SET", "k", value])
            assert ask(one, id=2, command=["GET", "k"])["result"] == value
            ask(one, id=3, subscribe=["c"])
        with server.raw() as resp:
            assert resp.value("PUBLISH", "c", value) == 2
        assert heard(client)["message"] == heard(plain)["message"] == value


def test_a_message_that_swells_beyond_the_limit_is_refused(guarded: Server) -> None:
    with opened(guarded) as client:
        client.send('{"id": 1, "command": ["PING", "' + "x" * 1_000_000 + '"]}')
        assert closing_code(client) == 1009


# ---- who may


def test_a_stranger_may_do_no_more_than_log_in(guarded: Server) -> None:
    with opened(guarded) as client:
        error = "NOAUTH Authentication required."
        assert ask(client, id=1, command=["GET", "k"]) == {"id": 1, "error": error}
        assert ask(client, id=2, command=["AUTH", PASSWORD])["result"] == "OK"
        assert ask(client, id=3, command=["GET", "k"])["result"] is None
        assert ask(client, id=4, command=["SET", "k", "x" * 200_000])["result"] == "OK"


def test_a_token_logs_in(guarded: Server) -> None:
    bearer = {"Authorization": f"Bearer {PASSWORD}"}
    with opened(guarded, additional_headers=bearer) as client:
        assert ask(client, id=1, command=["PING"])["result"] == "PONG"
    with opened(guarded, f"/?_token={PASSWORD}") as client:
        assert ask(client, id=1, command=["PING"])["result"] == "PONG"
    with pytest.raises(InvalidStatus) as caught, opened(guarded, "/?_token=wrong"):
        pass
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://app.example", True), ("https://evil.example", False), ("null", False)],
)
def test_pages_of_listed_origins_alone_are_served(
    server: Server, origin: str, allowed: bool
) -> None:
    with contextlib.ExitStack() as stack:
        if allowed:
            stack.enter_context(opened(server, origin=origin))
            return
        with pytest.raises(InvalidStatus) as caught:
            stack.enter_context(opened(server, origin=origin))
        assert caught.value.response.status_code == 403


def test_the_own_origin_is_served(server: Server) -> None:
    with opened(server, origin=f"http://127.0.0.1:{server.port}") as client:
        assert ask(client, id=1, command=["PING"])["result"] == "PONG"


# ---- the end


def raw_frames(server: Server, *frames: bytes) -> bytes:
    """What the server sends after the handshake when it gets these frames."""
    head = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head + b"".join(frames[:-1]))
        time.sleep(0.1)
        connection.sendall(frames[-1])
        received = b""
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while piece := connection.recv(65536):
                received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    return rest


def masked(opcode: int, data: bytes, fin: bool = True) -> bytes:
    return bytes([opcode | 0x80 * fin, 0x80 | len(data)]) + b"\0\0\0\0" + data


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"\x81\x02{}"], 1002),  # not masked
        ([b"\xf1\x80\0\0\0\0"], 1002),  # reserved bits
        ([masked(3, b"")], 1002),  # an unknown opcode
        ([masked(0, b"x")], 1002),  # continues nothing
        ([masked(1, b"\xff")], 1007),
        ([masked(2, b"{}")], 1003),
        ([masked(8, b"\x03")], 1002),  # half a code
    ],
)
def test_broken_frames_end_with_their_code(server: Server, frames: list[bytes], code: int) -> None:
    rest = raw_frames(server, *frames)
    assert rest[0] == 0x88
    assert int.from_bytes(rest[2:4], "big") == code


def test_messages_come_in_several_frames(server: Server) -> None:
    text = b'{"id": 1, "command": ["PING"]}'
    frames = [masked(1, text[:5], fin=False), masked(9, b"?"), masked(0, text[5:]), masked(8, b"")]
    rest = raw_frames(server, *frames)
    assert b'{"id":1,"result":"PONG"}' in rest
    assert b"\x8a\x01?" in rest


def test_a_handshake_that_is_not_one_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 4")


def test_a_slow_reader_is_cut_off() -> None:
    limit = "normal 0 0 0 slave 0 0 0 pubsub 1mb 0 0"
    with (
        start_nearkeep(client_output_buffer_limit=limit) as server,
        server.raw() as resp,
        opened(server, compression=None, max_queue=1, close_timeout=1) as slow,
    ):
        ask(slow, id=1, subscribe=["c"])
        deadline = time.monotonic() + 20
        while resp.value("PUBLISH", "c", "x" * 500_000) != 0:
            assert time.monotonic() < deadline
        info = resp.value("INFO", "stats")
        assert isinstance(info, bytes)
        assert b"client_output_buffer_limit_disconnections:1" in info


def test_the_server_says_when_it_goes() -> None:
    with start_nearkeep() as server, opened(server) as client:
        ask(client, id=1, command=["PING"])
        server.process.terminate()
        assert closing_code(client) == 1001
        assert server.process.wait(10) == 0


def test_who_leaves_is_forgotten(server: Server) -> None:
    with opened(server) as client:
        ask(client, id=1, subscribe=["c"])
    with server.raw() as resp:
        deadline = time.monotonic() + 5
        while resp.value("PUBLISH", "c", "m") != 0:
            assert time.monotonic() < deadline


def test_websockets_work_over_tls(server: Server) -> None:
    address = f"wss://127.0.0.1:{server.tls_port}/"
    with connect(address, ssl=trust_anything()) as client:
        assert ask(client, id=1, command=["PING"])["result"] == "PONG"
