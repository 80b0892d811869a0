"""redis-cli against the server: one-shot commands, its own modes, and at a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass

import pytest

from tests.clients.cli.terminal import Terminal
from tests.clients.subject import Subject, program

# Seconds for one run of redis-cli.
LIMIT = 20.0
MANY = 10_000
ALL_BYTES = bytes(range(256)) * 4096


@dataclass(frozen=True)
class RedisCli:
    """redis-cli with the options that reach the server."""

    subject: Subject

    @property
    def command(self) -> list[str]:
        words = [program("redis-cli"), "-h", self.subject.host, "-p", str(self.subject.port)]
        if self.subject.authority:
            words += ["--tls", "--cacert", str(self.subject.authority)]
        return words

    @property
    def environment(self) -> dict[str, str]:
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        password = {"REDISCLI_AUTH": self.subject.password} if self.subject.password else {}
        return known | password | {"LC_ALL": "C.UTF-8"}

    def __call__(self, *words: str, stdin: bytes = b"", succeeds: bool = True) -> str:
        run = subprocess.run(
            [*self.command, *words],
            input=stdin,
            capture_output=True,
            timeout=LIMIT,
            env=self.environment,
            check=False,
        )
        assert (run.returncode == 0) == succeeds, run
        return run.stdout.decode() + run.stderr.decode()

    def terminal(self, *words: str) -> Terminal:
        return Terminal([*self.command, *words], self.environment)


@pytest.fixture
def cli(subject: Subject) -> RedisCli:
    cli = RedisCli(subject)
    assert cli("FLUSHALL") == "OK\n"
    return cli


ONE_SHOT = {
    "a status": (["SET", "k", "v"], "OK\n"),
    "a number": (["INCR", "n"], "1\n"),
    "a number for people": (["--no-raw", "INCR", "n"], "(integer) 1\n"),
    "nothing": (["GET", "none"], "\n"),
    "nothing for people": (["--no-raw", "GET", "none"], "(nil)\n"),
    "an array": (["MGET", "a", "none"], "1\n\n"),
    "an array for people": (["--no-raw", "MGET", "a", "none"], '1) "1"\n2) (nil)\n'),
    "--raw": (["--raw", "GET", "text"], 'é "x"\n'),
    "--csv": (["--csv", "MGET", "a", "none", "text"], '"1",NULL,"\\xc3\\xa9 \\"x\\""\n'),
    "--json": (["--json", "MGET", "a", "none", "text"], '["1",null,"é \\"x\\""]\n'),
    "--quoted-json": (["--quoted-json", "GET", "text"], '"\\\\xc3\\\\xa9 \\\\"x\\\\""\n'),
    "-3 with a map": (
        ["-3", "--no-raw", "CONFIG", "GET", "maxmemory"],
        '1# "maxmemory" => "0"\n',
    ),
    "-2 with a map": (
        ["-2", "--no-raw", "CONFIG", "GET", "maxmemory"],
        '1) "maxmemory"\n2) "0"\n',
    ),
    "-3 with nothing": (["-3", "--no-raw", "GET", "none"], "(nil)\n"),
    "-n": (["-n", "3", "GET", "a"], "\n"),
    "-r": (["-r", "3", "INCR", "n"], "1\n2\n3\n"),
    "--quoted-input": (["--quoted-input", "GET", '"\\x61"'], "1\n"),
}


@pytest.mark.parametrize("case", ONE_SHOT)
def test_one_command(case: str, cli: RedisCli) -> None:
    cli("MSET", "a", "1", "text", 'é "x"')
    words, output = ONE_SHOT[case]
    assert cli(*words) == output


def test_an_error_is_told_and_with_e_is_the_exit_status(cli: RedisCli) -> None:
    cli("SET", "key", "no number")
    assert cli("INCR", "key").startswith("ERR value is not an integer or out of range")
    error = cli("-e", "INCR", "key", succeeds=False)
    assert error.startswith("ERR value is not an integer or out of range")


def test_x_takes_the_last_word_from_standard_input(cli: RedisCli) -> None:
    assert cli("-x", "SET", "blob", stdin=ALL_BYTES) == "OK\n"
    assert cli("STRLEN", "blob") == f"{len(ALL_BYTES)}\n"
    assert cli("-X", "here", "SET", "here", "value", stdin=b"tagged") == "OK\n"
    assert cli("GET", "tagged") == "value\n"


def test_commands_come_from_standard_input(cli: RedisCli) -> None:
    assert cli(stdin=b"SET a 'x y'\nGET a\nNOSUCH\nSTRLEN a\n").startswith("OK\nx y\nERR unknown")


def test_pipe_loads_10_000_commands(cli: RedisCli) -> None:
    requests = b"".join(
        b"*3\r\n$3\r\nSET\r\n$%d\r\nkey:%d\r\n$1\r\nx\r\n" % (len(f"key:{number}"), number)
        for number in range(MANY)
    )
    output = cli("--pipe", stdin=requests)
    assert f"errors: 0, replies: {MANY}" in output
    assert cli("DBSIZE") == f"{MANY}\n"


def test_scan_lists_keys(cli: RedisCli) -> None:
    expected = {f"key:{number}" for number in range(1000)}
    cli("MSET", *(word for key in expected for word in (key, "x")), "other", "x")
    assert set(cli("--scan", "--pattern", "key:*").split()) == expected


def test_bigkeys_finds_the_longest_string(cli: RedisCli) -> None:
    cli("MSET", "short", "x", "long", "x" * 1000)
    output = cli("--bigkeys")
    assert re.search(r"Biggest string found .*long.* has 1000 bytes", output)
    assert "Sampled 2 keys in the keyspace!" in output


def test_memkeys_finds_the_key_that_needs_most(cli: RedisCli) -> None:
    cli("MSET", "short", "x", "long", "x" * 10_000)
    assert re.search(r"Biggest string found .*long.* has \d{5} bytes", cli("--memkeys"))


def test_latency_is_sampled(cli: RedisCli) -> None:
    low, high, mean, samples = cli("--latency", "--raw", "-i", "0.3").split()
    assert float(low) <= float(mean) <= float(high)
    assert int(samples) > 1


def test_stat_shows_keys_and_requests(cli: RedisCli) -> None:
    cli("MSET", "a", "1", "b", "2")
    with cli.terminal("--stat", "-i", "0.1") as terminal:
        terminal.wait_for(r"keys\s+mem\s+clients\s+blocked\s+requests\s+connections")
        for _ in range(2):
            terminal.wait_for(r"\n2\s+[\d.]+[BKMG]\s+\d+\s+0\s+\d+ \(\+\d+\)\s+\d+")


def test_a_subscription_prints_messages(cli: RedisCli) -> None:
    with cli.terminal("--csv", "SUBSCRIBE", "news") as terminal:
        terminal.wait_for('"subscribe","news",1')
        assert cli("PUBLISH", "news", "hello") == "1\n"
        terminal.wait_for('"message","news","hello"')


def test_monitor_prints_commands(cli: RedisCli) -> None:
    with cli.terminal("MONITOR") as terminal:
        terminal.wait_for("OK")
        cli("SET", "key", "x y")
        terminal.wait_for(r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "key" "x y"')


def test_a_person_at_the_terminal(cli: RedisCli) -> None:
    with cli.terminal() as terminal:
        prompt = rf"{cli.subject.host}:{cli.subject.port}"

        def ask(line: str, answer: str, after: str = "> ") -> None:
            terminal.enter(line)
            terminal.wait_for(answer)
            terminal.wait_for(prompt + re.escape(after))

        terminal.wait_for(f"{prompt}> ")
        ask('set greeting "hello there"', "OK")
        ask("get greeting", '"hello there"')
        ask("incr greeting", r"\(error\) ERR value is not an integer or out of range")
        ask("mget greeting none", r'1\) "hello there"\r\n2\) \(nil\)')
        ask("multi", "OK", "(TX)> ")
        ask("incr n", "QUEUED", "(TX)> ")
        ask("exec", r"1\) \(integer\) 1")
        ask("select 2", "OK", "[2]> ")
        ask("get greeting", r"\(nil\)", "[2]> ")
        ask("select 0", "OK")
        ask("hello 3", r'1# "server" => "redis"')
        ask("3 incr n", r"\(integer\) 2\r\n\(integer\) 3\r\n\(integer\) 4")


def test_the_terminal_completes_and_explains_commands(cli: RedisCli) -> None:
    with cli.terminal() as terminal:
        terminal.wait_for("> ")
        terminal.press("persi\t")
        terminal.wait_for("PERSIST")
        terminal.press("\x15")
        terminal.enter("help getdel")
        terminal.wait_for("GETDEL key")
        terminal.wait_for("summary: .+")
        terminal.wait_for("since: 6.2.0")
        terminal.wait_for("group: string")


def test_the_terminal_subscribes(cli: RedisCli) -> None:
    with cli.terminal() as terminal:
        terminal.wait_for("> ")
        terminal.enter("psubscribe n*")
        terminal.wait_for(r'1\) "psubscribe"\r\n2\) "n\*"\r\n3\) \(integer\) 1')
        cli("PUBLISH", "news", "hello")
        terminal.wait_for(r'1\) "pmessage"\r\n2\) "n\*"\r\n3\) "news"\r\n4\) "hello"')


def test_the_terminal_connects_again(cli: RedisCli) -> None:
    with cli.terminal() as terminal:
        terminal.wait_for("> ")
        terminal.enter("client id")
        number = re.findall(r"\d+", terminal.wait_for(r"\(integer\) \d+\r\n"))[-1]
        terminal.wait_for("> ")
        assert cli("CLIENT", "KILL", "ID", number) == "1\n"
        terminal.enter("ping")
        terminal.wait_for("not connected> ")
        terminal.enter("ping")
        terminal.wait_for("PONG")


def test_hello_is_json_for_scripts(cli: RedisCli) -> None:
    assert json.loads(cli("--json", "HELLO", "3"))["proto"] == 3
