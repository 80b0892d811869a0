"""The server as a process: how it starts, serves, bears abuse, and ends."""

import contextlib
import os
import resource
import signal
import socket
import sqlite3
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


def test_kill_9_loses_nothing_without_any_setting() -> None:
    with start_nearkeep() as server:
        with server.raw() as connection:
            assert connection.value("CONFIG", "GET", "appendonly") == [b"appendonly", b"yes"]
            for number in range(100):
                connection.call("RPUSH", "list", number)
            connection.call("SET", "k", "v", "PX", 1)
        time.sleep(0.01)
        server.kill()
        server.restart()
        with server.raw() as connection:
            assert connection.value("LLEN", "list") == 100
            assert connection.value("GET", "k") is None
            assert connection.value("KEYS", "*") == [b"list"]


def test_appendonly_no_keeps_all_in_memory_alone() -> None:
    with start_nearkeep(appendonly=False) as server:
        with server.raw() as connection:
            connection.call("SET", "k", "v")
        server.restart()
        with server.raw() as connection:
            assert connection.value("DBSIZE") == 0
        assert not any(server.directory.iterdir())


def serve(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nearkeep", "serve", *flags],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | environment,
    )


def test_a_folder_that_another_server_uses_stops_the_start() -> None:
    with start_nearkeep() as server:
        result = serve("--port", "0", "--dir", str(server.directory))
    assert result.returncode == 1
    assert f"is in use by process {server.process.pid}" in result.stderr


def test_a_damaged_log_stops_the_start_with_the_place() -> None:
    with start_nearkeep() as server:
        with server.raw() as connection:
            for number in range(10):
                connection.call("SET", "k", number)
        server.kill()
        log = server.directory / "nearkeep" / "pipeline" / "0000000001.log"
        data = bytearray(log.read_bytes())
        place = data.index(b"$1\r\n5\r\n")
        data[place] ^= 1
        log.write_bytes(data)
        result = serve("--port", "0", "--dir", str(server.directory))
    assert result.returncode == 1
    frame = data.rindex(b"NKLF", 0, place)
    assert f"{log} is damaged at byte {frame}: batch 6 can't be read" in result.stderr


def test_without_a_folder_data_goes_to_the_users_own(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "nearkeep", "serve", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Data: "):
                break
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
    folder = Path(line.removeprefix("Data: ").strip())
    assert tmp_path in folder.parents
    assert folder.name == str(port)
    assert (folder / "pipeline").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux'")
@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_a_disk_that_refuses_stops_writes_and_not_reads(appendfsync: str) -> None:
    with start_nearkeep(appendfsync=appendfsync) as server, server.raw() as connection:
        connection.call("SET", "k", "before")
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (300, before[1]))
        with server.raw(timeout=0.5) as unlucky, server.raw() as other:
            unlucky.send("SET", "big", "x" * 1000)
            with pytest.raises(TimeoutError):
                unlucky.read()
            assert "MISCONF Errors writing to the AOF file" in str(other.value("SET", "k", "v"))
            assert other.value("GET", "k") == b"before"
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
            assert unlucky.read(timeout=5).value == "OK"
            assert other.value("SET", "k", "after") == "OK"
        server.kill()
        server.restart()
        with server.raw() as again:
            assert again.value("GET", "k") == b"after"
            assert again.value("STRLEN", "big") == 1000


def test_save_reload_and_the_others_make_checkpoints() -> None:
    with start_nearkeep(enable_debug_command=True) as server, server.raw() as connection:
        connection.pipeline([("RPUSH", f"list:{n}", *range(20)) for n in range(300)])
        connection.call("HSET", "hash", "f", "v")
        connection.call("PEXPIREAT", "hash", 99_999_999_999_999)
        connection.call("SET", "text", "grüße")
        connection.call("SET", "bytes", b"\x00\xff")
        before = int(str(connection.value("LASTSAVE")))
        time.sleep(1)
        assert connection.value("SAVE") == "OK"
        assert int(str(connection.value("LASTSAVE"))) > before
        with sqlite3.connect(server.directory / "nearkeep" / "keys.db") as database:
            rows = dict(database.execute("SELECT key, value FROM keys WHERE type = 'string'"))
            assert rows == {"text": "grüße", "bytes": b"\x00\xff"}
            count, times = database.execute("SELECT count(*), max(expires) FROM keys").fetchone()
            assert (count, times) == (303, 99_999_999_999_999)
        database.close()
        connection.call("APPEND", "text", "!")
        assert connection.value("DEBUG", "RELOAD") == "OK"
        assert connection.value("GET", "text") == "grüße!".encode()
        assert connection.value("DBSIZE") == 303
        assert connection.value("BGSAVE") == "Background saving started"
        assert "rewriting" in str(connection.value("BGREWRITEAOF"))
        assert server.stop() == 0
        server.restart()
        with server.raw() as again:
            assert again.value("DBSIZE") == 303
            assert again.value("LRANGE", "list:299", 0, -1) == [b"%d" % n for n in range(20)]
            assert again.value("PEXPIRETIME", "hash") == 99_999_999_999_999


def test_saving_what_is_in_memory_alone_is_an_error() -> None:
    with start_nearkeep(appendonly=False) as server, server.raw() as connection:
        for command in ("SAVE", "BGSAVE", "BGREWRITEAOF"):
            assert "memory alone" in str(connection.value(command))


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_waitaof_and_waittier_wait_for_the_disk(appendfsync: str) -> None:
    with start_nearkeep(appendfsync=appendfsync) as server, server.raw(timeout=20) as connection:
        assert connection.value("WAITAOF", 1, 0, 100) == [1, 0]
        connection.send("SET", "k", "v")
        assert connection.value("WAITTIER", "L2", 1) == "OK"
        assert connection.read().value == 0
        assert connection.value("WAITAOF", 1, 0, 5000) == [1, 0]
        assert connection.value("WAITTIER", "L1", 5000) == 1
        assert connection.value("WAITTIER", "L2", 10000) == 1
        assert "no such tier" in str(connection.value("WAITTIER", "L3", 1))
        with sqlite3.connect(server.directory / "nearkeep" / "keys.db") as database:
            assert database.execute("SELECT key, value FROM keys").fetchall() == [("k", "v")]
        database.close()
