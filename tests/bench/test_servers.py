"""Starting servers, and asking the machine what they cost."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from bench import openloop
from bench.client import ReplyError
from bench.load import LoadError
from bench.memory import Weight
from bench.servers import AOF, Server, ServerError, Setup, command_line, started

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not on the PATH"
)


def test_the_cpu_clock_of_a_process_counts_what_it_computes() -> None:
    here = Server("here", "1", 1, os.getpid())
    before, own = here.cpu_seconds(), time.process_time()
    while time.process_time() - own < 0.05:
        pass
    assert here.cpu_seconds() - before == pytest.approx(0.05, abs=0.02)


def test_nearkeep_is_started_with_redis_own_flags() -> None:
    setup = Setup(durability=AOF, nearkeep_flags=("--maxmemory", "0"))
    line = command_line("nearkeep", 7000, "/data", setup)
    assert line[1:4] == ["-m", "nearkeep", "serve"]
    assert line[4:] == ["--port", "7000", "--dir", "/data", *AOF, "--maxmemory", "0"]


def test_an_unknown_server_is_named_in_the_error() -> None:
    with pytest.raises(ServerError, match="'memcached'"):
        command_line("memcached", 1, "/", Setup())


@needs_redis
def test_a_started_server_answers_and_ends_with_its_block() -> None:
    with started("system-redis", Setup()) as server:
        assert server.version.split(".")[0].isdigit()
        assert server.resident_bytes() > 1 << 20
        with server.client() as client:
            client.load(("SET", f"k{number}", number) for number in range(2_500))
            assert client.call("DBSIZE") == 2_500
            with pytest.raises(ReplyError, match="unknown command"):
                client.call("NOSUCH")
    assert not Path(f"/proc/{server.pid}").exists()


@needs_redis
def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_REDIS_SERVER", str(shutil.which("redis-server")))
    refused = Setup(durability=("--appendfsync", "sometimes"))
    with pytest.raises(ServerError, match="appendfsync"), started("redis", refused):
        pass


@needs_redis
def test_an_offered_load_is_answered_request_by_request() -> None:
    setting, getting = openloop.traffic(size=3)
    with started("system-redis", Setup()) as server:
        openloop.offer(server, setting, rate=2_000, seconds=0.2, seed=1)
        with server.client() as client:
            client.load(("SET", f"key:{number:012d}", b"xxx") for number in range(openloop.KEYS))
        measured = openloop.offer(server, getting, rate=2_000, seconds=0.2, seed=1)
    assert 250 < len(measured.latencies) < 550
    assert all(
        latency > delay >= 0
        for latency, delay in zip(measured.latencies, measured.delays, strict=True)
    )


@needs_redis
def test_an_offered_load_notices_a_wrong_answer() -> None:
    getting = openloop.traffic(size=3)[1]
    with (
        started("system-redis", Setup()) as server,
        pytest.raises(LoadError, match="expected"),
    ):
        openloop.offer(server, getting, rate=500, seconds=0.1, seed=1)


def test_weight_is_what_was_added_per_key() -> None:
    assert Weight("redis", "key", count=10, empty=1_000, full=2_000).each == 100.0
