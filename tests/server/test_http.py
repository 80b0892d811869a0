"""REST over the port that RESP has: what is answered, who may ask, and what bad input comes to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import Server, start_nearkeep, trust_anything

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse"


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


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: Server,
    target: str,
    body: str | bytes | None = None,
    method: str = "",
    **headers: str,
) -> Answer:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        return exchange(connection, target, body, method, **headers)


def exchange(
    connection: HTTPConnection,
    target: str,
    body: str | bytes | None = None,
    method: str = "",
    **headers: str,
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method or ("GET" if body is None else "POST"), target, body, named)
    response = connection.getresponse()
    return Answer(
        response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
    )


def talk(server: Server, data: bytes, *, within: float = 5.0) -> bytes:
    """All that the server says to these bytes until it closes, or is silent for a while."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=within) as connection:
        connection.sendall(data)
        heard = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := connection.recv(65536):
                heard += piece
        return heard


def statuses(heard: bytes) -> list[int]:
    return [int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:]]


# ---- commands


def test_a_command_in_the_path_a_body_and_json_are_the_same(server: Server) -> None:
    assert ask(server, "/set/a/1/EX/100").json == {"result": "OK"}
    assert ask(server, "/set/b?EX=100", "1").json == {"result": "OK"}
    assert ask(server, "/", '["SET", "c", 1, "EX", 100]').json == {"result": "OK"}
    assert ask(server, "/mget/a/b/c").json == {"result": ["1", "1", "1"]}
    assert all(99 <= ask(server, f"/ttl/{key}").json["result"] <= 100 for key in "abc")


def test_what_one_protocol_writes_the_other_reads(server: Server) -> None:
    ask(server, "/hset/h/field/value")
    with server.raw() as connection:
        assert connection.value("HGETALL", "h") == [b"field", b"value"]
        connection.call("SET", "k", b"\xff\x00")
    encoded = ask(server, "/get/k", Upstash_Encoding="base64").json
    assert encoded == {"result": b64encode(b"\xff\x00").decode()}
    assert ask(server, "/get/k").json == {"result": "\ufffd\0"}


def test_a_failure_is_400_with_redis_own_words(server: Server) -> None:
    ask(server, "/set/k/v")
    for target, error in {
        "/lpush/k/x": "WRONGTYPE Operation against a key holding the wrong kind of value",
        "/get": "ERR wrong number of arguments for 'get' command",
        "/nosuch/x": "ERR unknown command 'nosuch', with args beginning with: 'x' ",
    }.items():
        answer = ask(server, target)
        assert (answer.status, answer.json) == (400, {"error": error})


def test_resp2_is_given_where_it_is_asked_for(server: Server) -> None:
    ask(server, "/rpush/l/a/b")
    answer = ask(server, "/lrange/l/0/-1", Upstash_Response_Format="resp2")
    assert answer.body == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    assert answer.headers["content-type"] == "application/octet-stream"
    batch = ask(server, "/pipeline", '[["PING"], ["NO"]]', Upstash_Response_Format="resp2")
    assert (batch.status, batch.body[:12]) == (200, b"+PONG\r\n-ERR ")


def test_a_pipeline_answers_each_command(server: Server) -> None:
    batch = [["SET", "k", "x"], ["SETEX", "l", 13, "z"], ["INCR", "k"], ["ZADD", "s", 1, "m"]]
    assert ask(server, "/pipeline", json.dumps(batch)).json == [
        {"result": "OK"},
        {"result": "OK"},
        {"error": "ERR value is not an integer or out of range"},
        {"result": 1},
    ]


def test_a_transaction_is_one(server: Server) -> None:
    batch = [["SET", "k", "x"], ["INCR", "k"], ["GET", "k"]]
    assert ask(server, "/multi-exec", json.dumps(batch)).json == [
        {"result": "OK"},
        {"error": "ERR value is not an integer or out of range"},
        {"result": "x"},
    ]
    refused = ask(server, "/multi-exec", '[["SET", "k", "y"], ["NOSUCH"]]')
    assert refused.status == 400
    assert refused.json["error"].startswith("EXECABORT Transaction discarded because of: unknown")
    assert ask(server, "/get/k").json == {"result": "x"}


def test_a_request_leaves_nothing_behind_on_its_connection(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        for target in ("/multi", "/select/1", "/client/reply/off", "/subscribe", "/watch/k"):
            assert exchange(connection, target).status == 400
        exchange(connection, "/multi-exec", '[["NOSUCH"]]')
        assert exchange(connection, "/set/k/v").json == {"result": "OK"}
        assert exchange(connection, "/get/k").json == {"result": "v"}
        exchange(connection, "/eval?0", "redis.call('select', 1) return 1")
        assert exchange(connection, "/get/k").json == {"result": "v"}


def test_a_blocking_command_is_a_long_poll(server: Server) -> None:
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(server, "/blpop/l/5")))
    waiting.start()
    time.sleep(0.2)
    assert ask(server, "/rpush/l/x").json == {"result": 1}
    waiting.join()
    assert answers[0].json == {"result": ["l", "x"]}
    assert ask(server, "/blpop/l/0.05").json == {"result": None}
    batch = ask(server, "/pipeline", '[["BLPOP", "l", 0.05], ["PING"]]')
    assert batch.json == [{"result": None}, {"result": "PONG"}]


def test_who_hangs_up_while_waiting_takes_nothing(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /blpop/l/0 HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
    time.sleep(0.2)
    assert ask(server, "/rpush/l/x").json == {"result": 1}
    assert ask(server, "/llen/l").json == {"result": 1}


def test_requests_in_a_row_are_answered_in_order(server: Server) -> None:
    heard = talk(
        server,
        b"GET /blpop/l/0.1 HTTP/1.1\r\n\r\n"
        b"POST /rpush/l HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"
        b"GET /nosuch HTTP/1.1\r\n\r\n"
        b"GET /llen/l HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    assert statuses(heard) == [200, 200, 400, 200]
    bodies = [part.partition(b"\r\n\r\n")[2] for part in heard.split(b"HTTP/1.1 ")[1:]]
    assert bodies[0] == b'{"result":null}'
    assert bodies[3] == b'{"result":1}'


def test_a_paused_request_is_served_after_the_pause(server: Server) -> None:
    ask(server, "/client/pause/300")
    before = time.monotonic()
    assert ask(server, "/set/k/v").json == {"result": "OK"}
    assert time.monotonic() - before > 0.1


def test_large_bodies_come_in_chunks_or_whole(server: Server) -> None:
    value = b"x" * 3_000_000
    assert ask(server, "/set/k", value).json == {"result": "OK"}
    assert ask(server, "/strlen/k").json == {"result": len(value)}
    heard = talk(
        server,
        b"POST /append/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2;note=1\r\nde\r\n0\r\n\r\n",
    )
    assert heard.endswith(b'{"result":3000005}')


def test_who_expects_continue_is_told_to(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        head = b"POST /set/k HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ab")
        assert connection.recv(1000).endswith(b'{"result":"OK"}')


def test_old_clients_get_the_length_and_the_end(server: Server) -> None:
    heard = talk(server, b"GET /ping HTTP/1.0\r\n\r\n")
    assert heard.endswith(b'{"result":"PONG"}')
    assert b"Content-Length: 17\r\n" in heard
    assert b"Connection: close\r\n" in heard
    kept = b"GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /ping HTTP/1.0\r\n\r\n"
    assert statuses(talk(server, kept)) == [200, 200]


def test_head_says_all_but_the_body(server: Server) -> None:
    heard = talk(server, b"HEAD /ping HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 17\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")


def test_a_key_can_be_cached_for_as_long_as_it_lives(server: Server) -> None:
    ask(server, "/set/k/v/EX/100")
    answer = ask(server, "/get/k")
    assert answer.headers["cache-control"] in {"private, max-age=99", "private, max-age=100"}
    tag = answer.headers["etag"]
    again = ask(server, "/get/k", If_None_Match=f'"other", {tag}')
    assert (again.status, again.body) == (304, b"")
    ask(server, "/set/k/w")
    changed = ask(server, "/get/k", If_None_Match=tag)
    assert (changed.status, changed.json) == (200, {"result": "w"})
    assert changed.headers["cache-control"] == "private, no-cache"


def test_the_sync_token_grows_with_what_is_written(server: Server) -> None:
    tokens = [
        ask(server, target).headers["upstash-sync-token"] for target in ("/incr/n", "/incr/n")
    ]
    first, second = [token.split("=") for token in tokens]
    assert first[0] == second[0]
    assert int(first[1]) < int(second[1])


def test_requests_are_clients_as_others_are(server: Server) -> None:
    listed = ask(server, "/client/list").json["result"]
    assert "cmd=client|list" in listed
    with server.raw() as connection:
        before = connection.value("INFO", "stats")
    assert isinstance(before, bytes)
    assert b"total_connections_received" in before


# ---- events


def events(response: HTTPResponse, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        line = response.readline().decode()
        assert line, found
        if line.startswith("data: "):
            found.append(line[6:-1])
    return found


def stream(server: Server, target: str) -> tuple[HTTPConnection, HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", target, headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.status == 200
    assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
    return connection, response


def test_messages_are_events(server: Server) -> None:
    connection, response = stream(server, "/subscribe/news/more")
    with contextlib.closing(connection), contextlib.closing(response):
        assert events(response, 2) == ["subscribe,news,1", "subscribe,more,2"]
        assert ask(server, "/publish/news/hello,%20you").json == {"result": 1}
        with server.raw() as resp:
            assert resp.value("PUBLISH", "more", "two\nlines") == 1
        assert events(response, 3) == ["message,news,hello, you", "message,more,two", "lines"]


def test_patterns_are_events_too(server: Server) -> None:
    connection, response = stream(server, "/psubscribe/n*")
    with contextlib.closing(connection), contextlib.closing(response):
        ask(server, "/publish/news/hello")
        assert events(response, 2) == ["psubscribe,n*,1", "pmessage,n*,news,hello"]


def test_monitor_is_a_stream_of_events(server: Server) -> None:
    connection, response = stream(server, "/monitor")
    with contextlib.closing(connection), contextlib.closing(response):
        assert events(response, 1) == ['"OK"']
        ask(server, "/get/k")
        assert events(response, 1)[0].endswith('] "get" "k"')


def test_a_listener_that_leaves_is_forgotten(server: Server) -> None:
    connection, response = stream(server, "/subscribe/news")
    events(response, 1)
    response.close()
    connection.close()
    deadline = time.monotonic() + 5
    while ask(server, "/publish/news/x").json != {"result": 0}:
        assert time.monotonic() < deadline


# ---- who may


def test_without_a_token_nothing_is_served(guarded: Server) -> None:
    answer = ask(guarded, "/get/k")
    assert (answer.status, answer.json) == (401, {"error": "NOAUTH Authentication required."})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_password_is_a_token(guarded: Server) -> None:
    basic = b64encode(f":{PASSWORD}".encode()).decode()
    assert ask(guarded, "/ping", Authorization=f"Bearer {PASSWORD}").json == {"result": "PONG"}
    assert ask(guarded, "/ping", Authorization=f"Basic {basic}").json == {"result": "PONG"}
    assert ask(guarded, "/ping?_token=correct%20horse").json == {"result": "PONG"}


def test_a_token_holds_for_its_request_alone(guarded: Server) -> None:
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=10)
    with contextlib.closing(connection):
        good = exchange(connection, "/ping", Authorization=f"Bearer {PASSWORD}")
        assert good.status == 200
        assert exchange(connection, "/ping").status == 401


def test_a_users_token_allows_what_the_user_may(guarded: Server) -> None:
    with guarded.raw() as connection:
        connection.call("AUTH", PASSWORD)
        connection.call("ACL", "SETUSER", "reader", "on", ">pw", "~*", "&*", "+@read")
        token = connection.value("ACL", "RESTTOKEN", "reader", "pw")
        wrong = connection.value("ACL", "RESTTOKEN", "reader", "no")
    assert wrong == 'ERR Wrong password or user "reader" does not exist'
    assert isinstance(token, bytes)
    bearer = f"Bearer {token.decode()}"
    assert ask(guarded, "/get/k", Authorization=bearer).json == {"result": None}
    denied = ask(guarded, "/set/k/v", Authorization=bearer)
    assert denied.status == 400
    assert denied.json["error"].startswith("NOPERM User reader has no permissions to run the 'set'")
    batch = ask(guarded, "/multi-exec", '[["SET", "k", "v"]]', Authorization=bearer)
    assert batch.json["error"].startswith("NOPERM") or batch.json["error"].startswith("EXECABORT")
    assert ask(guarded, "/subscribe/c", Authorization=bearer).status == 400


def test_wrong_tokens_are_slowed_down() -> None:
    with start_nearkeep(requirepass=PASSWORD) as server:
        answers = [ask(server, "/ping", Authorization="Bearer wrong") for _ in range(25)]
        assert [answer.status for answer in answers[:20]] == [401] * 20
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) > 0
        assert ask(server, "/ping", Authorization=f"Bearer {PASSWORD}").status == 429
        with server.raw() as connection:
            assert connection.value("AUTH", PASSWORD) == "OK"


def test_a_body_without_a_token_is_not_read(guarded: Server) -> None:
    heard = talk(guarded, b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
    assert statuses(heard) == [401]


def test_pages_of_other_sites_are_refused(server: Server) -> None:
    assert ask(server, "/ping", Origin="https://evil.example").status == 403
    assert ask(server, "/ping", Origin="null").status == 403
    assert ask(server, "/ping", Sec_Fetch_Site="cross-site").status == 403
    assert ask(server, "/ping", Host="evil.example").status == 403
    own = f"http://127.0.0.1:{server.port}"
    assert ask(server, "/ping", Origin=own).status == 200
    assert ask(server, "/ping", Host=f"localhost:{server.port}").status == 200
    assert ask(server, "/ping", Host=f"[::1]:{server.port}").status == 200


def test_listed_origins_are_served_and_told_so(server: Server) -> None:
    origin = "https://app.example"
    answer = ask(server, "/ping", Origin=origin)
    assert answer.headers["access-control-allow-origin"] == origin
    preflight = ask(
        server,
        "/",
        method="OPTIONS",
        Origin=origin,
        Access_Control_Request_Headers="authorization",
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    assert "POST" in preflight.headers["access-control-allow-methods"]


# ---- bad input


@pytest.mark.parametrize(
    "request_",
    [
        b'POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n["a"]',
        b'POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n["a"]',
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        b'POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\n["a"]',
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nA: b\n\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nA: \x00\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_ends_the_connection(server: Server, request_: bytes) -> None:
    heard = talk(server, request_ + b"GET /set/smuggled/1 HTTP/1.1\r\n\r\n")
    assert statuses(heard) == [400]
    assert ask(server, "/exists/smuggled").json == {"result": 0}


def test_garbage_after_a_request_ends_the_connection(server: Server) -> None:
    assert statuses(talk(server, b"GET /ping HTTP/1.1\r\n\r\n*1\r\n$4\r\nPING\r\n")) == [200, 400]


def test_another_version_is_refused(server: Server) -> None:
    assert statuses(talk(server, b"GET /ping HTTP/2.0\r\n\r\n")) == [505]


def test_a_header_without_end_is_cut_off(server: Server) -> None:
    heard = talk(server, b"GET /ping HTTP/1.1\r\n" + b"A: " + b"x" * 200_000)
    assert statuses(heard) == [431]
    many = b"".join(b"H%d: x\r\n" % number for number in range(20_000))
    assert statuses(talk(server, b"GET /ping HTTP/1.1\r\n" + many)) == [431]


def test_a_body_over_the_limit_is_refused() -> None:
    with start_nearkeep(client_query_buffer_limit="1mb") as server:
        long = b"POST /set/k HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 2_000_000
        assert statuses(talk(server, long)) == [413]
        assert ask(server, "/get/k").json == {"result": None}


def test_who_sends_slowly_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nA: b")
        assert statuses(connection.recv(10_000)) == [408]
        assert connection.recv(10) == b""


def test_json_bombs_are_refused(server: Server) -> None:
    for body in ("[" * 1_000_000, '{"a":' * 100_000, '["GET"' + ',"x"' * 100_000 + "]"):
        assert ask(server, "/", body).status == 400


def test_an_inline_get_is_still_resp(server: Server) -> None:
    assert talk(server, b"SET k v\r\nGET k\r\nQUIT\r\n") == b"+OK\r\n$1\r\nv\r\n+OK\r\n"
    assert talk(server, b"GET k\r\nQUIT\r\n") == b"$1\r\nv\r\n+OK\r\n"


def test_a_request_may_come_byte_by_byte(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        for byte in b"GET /echo/hi HTTP/1.1\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        connection.settimeout(5)
        heard = b""
        while piece := connection.recv(1000):
            heard += piece
    assert heard.endswith(b'{"result":"hi"}')


def test_http_can_be_turned_off() -> None:
    with start_nearkeep(http=False) as server:
        assert talk(server, b"GET / HTTP/1.1\r\n", within=0.3).startswith(b"-ERR wrong number")
        with server.raw() as connection:
            connection.call("CONFIG", "SET", "http", "yes")
        assert ask(server, "/ping").json == {"result": "PONG"}


def test_an_upgrade_to_what_is_not_there_is_ignored(server: Server) -> None:
    heard = talk(
        server,
        b"GET /ping HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        b"GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    assert statuses(heard) == [200, 200]


def test_tls_serves_both_on_one_port(server: Server) -> None:
    assert server.tls_port is not None
    context = trust_anything()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = HTTPSConnection("127.0.0.1", server.tls_port, timeout=10, context=context)
    with contextlib.closing(connection):
        assert exchange(connection, "/set/k/v").json == {"result": "OK"}
        assert exchange(connection, "/get/k").json == {"result": "v"}
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
    with server.raw(tls=trust_anything()) as resp:
        assert resp.value("GET", "k") == b"v"
