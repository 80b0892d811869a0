"""The server as a process: how it starts, serves, bears abuse, and ends."""

import contextlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resp import Connection
from tests.servers import Server, start_nearkeep


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_nearkeep(enable_debug_command=True) as running:
        yield running


def set_with_expiry(count: int, at_ms: int) -> bytes:
    words = (b"SET key:%d value PXAT %d\r\n" % (number, at_ms) for number in range(count))
    return b"".join(words)


def test_the_first_lines_say_how_to_connect(server: Server) -> None:
    assert server.has_logged(f"redis-cli -p {server.port}")
    log = server.log()
    assert f"redis://127.0.0.1:{server.port}" in log
    assert " engine)" in log


def test_sigterm_drains_and_exits_with_0() -> None:
    with start_nearkeep() as server, server.raw() as connection:
        connection.call("SET", "k", "x" * 1_000_000)
        connection.send("GET", "k")
        connection.send("GET", "k")
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        assert connection.read().value == b"x" * 1_000_000
        assert connection.read().value == b"x" * 1_000_000
        assert server.process.wait(10) == 0


def test_shutdown_exits_with_0_and_says_nothing() -> None:
    with start_nearkeep() as server, server.raw() as connection:
        connection.send("SHUTDOWN", "NOSAVE")
        data, closed = connection.read_all(5)
        assert (data, closed) == (b"", True)
        assert server.process.wait(10) == 0


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "nearkeep", "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_unix_socket_serves_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with start_nearkeep(unixsocket=path, unixsocketperm=700) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            assert client.recv(100) == b"+PONG\r\n"
        server.stop()
    assert not path.exists()


def test_clients_over_the_limit_are_told_and_closed() -> None:
    with start_nearkeep(maxclients=3) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(server.raw()).call("PING")
        with socket.create_connection(("127.0.0.1", server.port)) as late:
            assert late.recv(100) == b"-ERR max number of clients reached\r\n"
            assert late.recv(100) == b""


def test_an_idle_client_is_closed_after_the_timeout() -> None:
    with start_nearkeep(timeout=1) as server, server.raw() as idle, server.raw() as listener:
        idle.call("PING")
        listener.call("SUBSCRIBE", "c")
        data, closed = idle.read_all(5)
        assert (data, closed) == (b"", True)
        assert listener.value("PING")


def test_malformed_input_closes_one_connection_and_nobody_else_notices(server: Server) -> None:
    with server.raw() as good, socket.create_connection(("127.0.0.1", server.port)) as bad:
        good.call("SET", "k", "v")
        bad.sendall(b"*1\r\n!\r\n")
        assert bad.recv(100) == b"-ERR Protocol error: expected '$', got '!'\r\n"
        assert bad.recv(100) == b""
        assert good.value("GET", "k") in ("v", b"v")


def test_a_slow_subscriber_is_cut_off_and_slows_nobody() -> None:
    limits = "normal 0 0 0 replica 0 0 0 pubsub 1mb 0 0"
    with start_nearkeep() as server, server.raw() as publisher:
        publisher.call("CONFIG", "SET", "client-output-buffer-limit", limits)
        slow = socket.create_connection(("127.0.0.1", server.port))
        with slow, server.raw() as quick:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.sendall(b"SUBSCRIBE c\r\n")
            quick.call("SUBSCRIBE", "c")
            message = "x" * 50_000
            for _ in range(400):
                publisher.call("PUBLISH", "c", message)
                assert quick.read().value == [b"message", b"c", message.encode()]
            assert publisher.value("PUBSUB", "NUMSUB", "c") == [b"c", 1]
        stats = str(publisher.value("INFO", "stats"))
        assert "client_output_buffer_limit_disconnections:1" in stats


@pytest.mark.parametrize("requests", [b"LRANGE l 0 -1\r\n", b"LINDEX l 0\r\n" * 20])
def test_replies_over_the_hard_limit_are_not_begun(requests: bytes) -> None:
    limits = "normal 100000 0 0 replica 0 0 0 pubsub 0 0 0"
    with start_nearkeep(client_output_buffer_limit=limits) as server, server.raw() as other:
        for _ in range(20):
            other.call("RPUSH", "l", "x" * 10_000)
        greedy = socket.create_connection(("127.0.0.1", server.port))
        with greedy, contextlib.suppress(ConnectionError):
            greedy.sendall(requests)
            assert greedy.recv(100) == b""
        assert str(other.value("CLIENT", "LIST")).count("addr=") == 2


def test_who_has_quit_is_no_client_any_more(server: Server) -> None:
    with server.raw() as other:
        for _ in range(20):
            with server.raw() as leaving:
                leaving.call("CLIENT", "SETNAME", "leaving")
                leaving.call("QUIT")
                assert "leaving" not in str(other.value("CLIENT", "LIST"))


def test_many_replies_wait_for_a_client_that_reads_late(server: Server) -> None:
    with server.raw() as connection:
        connection.call("SET", "big", "x" * 10_000)
        count = 5000
        sender = threading.Thread(
            target=connection.send_bytes, args=(b"GET big\r\n" * count,), daemon=True
        )
        sender.start()
        time.sleep(0.3)
        for _ in range(count):
            assert connection.read().value == b"x" * 10_000
        sender.join()


def test_a_request_over_the_query_buffer_limit_ends_the_connection(server: Server) -> None:
    with server.raw() as connection:
        connection.call("CONFIG", "SET", "client-query-buffer-limit", 1024 * 1024)
        greedy = socket.create_connection(("127.0.0.1", server.port))
        with greedy, contextlib.suppress(OSError):
            greedy.sendall(b"*2\r\n$3\r\nGET\r\n$5000000\r\n" + b"x" * 4_000_000)
            assert greedy.recv(100) == b""
        connection.call("CONFIG", "SET", "client-query-buffer-limit", 1024**3)
        assert "client_query_buffer_limit_disconnections:1" in str(
            connection.value("INFO", "stats")
        )


def test_expired_keys_go_by_themselves(server: Server) -> None:
    count = 20_000
    with server.raw() as connection:
        connection.call("FLUSHALL")
        connection.send_bytes(set_with_expiry(count, int(time.time() * 1000) + 1500))
        for _ in range(count):
            connection.read()
        deadline = time.monotonic() + 20
        while connection.value("DBSIZE") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert connection.value("DBSIZE") == 0


def test_a_blocked_deadline_is_kept_without_traffic(server: Server) -> None:
    with server.raw() as connection:
        connection.call("CLIENT", "PAUSE", 200)
        start = time.perf_counter()
        assert connection.value("PING") in ("PONG", b"PONG")
        assert 0.15 < time.perf_counter() - start < 1.0


def test_reply_off_and_skip_are_kept_in_a_pipeline(server: Server) -> None:
    with server.raw() as connection:
        connection.send_bytes(
            b"CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\nCLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n"
        )
        data, _ = connection.read_all(0.5)
        assert data == b"$1\r\na\r\n+OK\r\n"


def test_pipelines_cut_at_any_byte_are_answered_in_order(server: Server) -> None:
    request = b"".join(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(500))
    with server.raw() as connection:
        assert isinstance(connection, Connection)
        for start in range(0, len(request), 97):
            connection.send_bytes(request[start : start + 97])
        for number in range(500):
            assert connection.read().value in (str(number), str(number).encode())


def test_the_port_can_be_changed_while_clients_stay_connected(server: Server) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with server.raw() as connection:
        assert connection.value("CONFIG", "SET", "port", port) == "OK"
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(b"PING\r\n")
            assert other.recv(100) == b"+PONG\r\n"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port)).close()
        assert connection.value("CONFIG", "SET", "port", server.port) == "OK"
        with server.raw() as again:
            assert again.value("PING") == "PONG"


def test_a_port_that_is_taken_is_refused_and_the_old_one_stays(server: Server) -> None:
    with socket.socket() as taken, server.raw() as connection:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = str(connection.value("CONFIG", "SET", "port", taken.getsockname()[1]))
        assert "Unable to listen on this port" in answer
        assert connection.value("CONFIG", "GET", "port") == [b"port", b"%d" % server.port]
        with server.raw() as again:
            assert again.value("PING") == "PONG"
