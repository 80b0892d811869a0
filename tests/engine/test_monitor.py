"""MONITOR: what is shown, and in which order."""

from __future__ import annotations

import pytest

from nearkeep.engine.session import Session
from nearkeep.engine.slowlog import shown as without_secrets
from nearkeep.wire.reply import Status
from tests.engine.conftest import Client, Listener


def shown(client: Client, *lines: str) -> list[bytes]:
    """What a monitor sees of these requests, without times and addresses."""
    listener = Listener()
    monitor = Session(client.namespace, listener)
    monitor.execute([b"MONITOR"])
    for line in lines:
        client(line)
    seen = []
    for message in listener.pushed:
        assert isinstance(message, Status)
        seen.append(message.text.partition(b"] ")[2].replace(b'"', b""))
    return seen


def test_a_transaction_is_shown_as_it_runs_and_ends(client: Client) -> None:
    assert shown(client, "MULTI", "SET k v", "EXEC") == [b"MULTI", b"SET k v", b"EXEC"]


def test_an_aborted_transaction_is_shown_without_its_commands(client: Client) -> None:
    assert shown(client, "MULTI", "SET k v", "GET", "EXEC") == [b"MULTI", b"EXEC"]


def test_a_script_is_shown_before_what_it_does(client: Client) -> None:
    script = "redis.call('set','k','v')"
    assert shown(client, f"EVAL {script} 0") == [f"EVAL {script} 0".encode(), b"set k v"]


def test_a_database_is_shown_as_selected_by_the_command_that_selects_it(client: Client) -> None:
    listener = Listener()
    Session(client.namespace, listener).execute([b"MONITOR"])
    client("SELECT 3")
    (message,) = listener.pushed
    assert isinstance(message, Status)
    assert b" [3 " in message.text


def test_administrative_commands_are_not_shown(client: Client) -> None:
    assert shown(client, "CONFIG GET port", "GET k", "MONITOR") == [b"GET k"]


@pytest.mark.parametrize(
    ("request_", "seen"),
    [
        ("auth bob pass", "auth (redacted) (redacted)"),
        ("HELLO 3 AUTH bob pass", "HELLO 3 AUTH (redacted) (redacted)"),
        ("MIGRATE h 1 k 0 9 COPY AUTH pass", "MIGRATE h 1 k 0 9 COPY AUTH (redacted)"),
        ("migrate h 1 k 0 9 auth2 bob pass", "migrate h 1 k 0 9 auth2 (redacted) (redacted)"),
        ("MIGRATE h 1 k 0 9 AUTH2 bob", "MIGRATE h 1 k 0 9 AUTH2 bob"),
        (
            "MIGRATE h 1 k 0 9 AUTH pass KEYS AUTH k",
            "MIGRATE h 1 k 0 9 AUTH (redacted) KEYS AUTH k",
        ),
        ("MIGRATE h 1 auth 0 9", "MIGRATE h 1 auth 0 9"),
        ("config set requirepass pass port 1", "config set requirepass (redacted) port 1"),
        ("GET auth", "GET auth"),
    ],
)
def test_passwords_are_not_shown(request_: str, seen: str) -> None:
    assert without_secrets(request_.encode().split()) == seen.encode().split()
