"""Users, their rules, what is denied to them, and the log of it."""

from __future__ import annotations

import pytest

from nearkeep.engine.acl import UnmatchedError, merged
from nearkeep.engine.session import Outlet, Session
from nearkeep.wire.reply import OK, Failure, Map, Reply
from tests.engine.conftest import Client


class Line(Outlet):
    """Knows whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def close(self, after_reply: bool) -> None:
        self.closed = True


class Guest:
    """A session of a user with the given rules, beside the client's own."""

    def __init__(self, client: Client, rules: str, name: str = "ann") -> None:
        self.client = client
        self.name = name
        assert self.allow(f"on nopass {rules}") is OK
        self.line = Line()
        self.session = Session(client.namespace, self.line)
        assert self(f"AUTH {name} x") is OK

    def allow(self, rules: str) -> Reply:
        return self.client("ACL", "SETUSER", self.name, *rules.split())

    def __call__(self, words: str) -> Reply:
        return self.session.execute([word.encode() for word in words.split()])

    def denied(self, words: str) -> bool:
        reply = self(words)
        return isinstance(reply, Failure) and reply.message.startswith(b"NOPERM ")


def described(client: Client, name: str = "ann") -> dict[object, object]:
    reply = client(f"ACL GETUSER {name}")
    assert isinstance(reply, Map)
    return dict(zip(reply.flat[::2], reply.flat[1::2], strict=True))


@pytest.mark.parametrize(
    ("rules", "commands"),
    [
        ("", b"-@all"),
        ("+@all -get +get", b"+@all +get"),
        ("+get -@all", b"-@all"),
        ("+client|id +client -client|id", b"-@all +client -client|id"),
        ("+client|id -client", b"-@all -client"),
        ("+SELECT|0 +select|1", b"-@all +select|0 +select|1"),
        ("+@read -@READ", b"-@all -@read"),
    ],
)
def test_a_rule_makes_those_void_that_it_covers(
    client: Client, rules: str, commands: bytes
) -> None:
    client("ACL", "SETUSER", "ann", *rules.split())
    assert described(client)[b"commands"] == commands


def test_what_is_listed_makes_the_same_user_again(client: Client) -> None:
    client("ACL SETUSER ann on >secret %R~a* %W~b ~c &news -@all +@string -get (+get ~x) allkeys")
    listed = client("ACL LIST")
    assert isinstance(listed, list)
    line = next(line for line in listed if line.startswith(b"user ann "))
    client("ACL DELUSER ann")
    client(b"ACL", b"SETUSER", *line.split(b" ")[1:])
    assert line in client.namespace.users.lines()


def test_a_wrong_rule_leaves_the_user_as_it_was(client: Client) -> None:
    client("ACL SETUSER ann on +get")
    before = client.namespace.users.named[b"ann"].line()
    reply = client("ACL SETUSER ann off +set +nosuch")
    assert isinstance(reply, Failure)
    assert client.namespace.users.named[b"ann"].line() == before


def test_commands_keys_and_channels_are_checked(client: Client) -> None:
    guest = Guest(client, "+@all -flushall ~k* %R~r* %W~w* &news*")
    assert guest("SET k1 v") is OK
    refused = guest("FLUSHALL")
    assert isinstance(refused, Failure)
    assert refused.message == b"NOPERM User ann has no permissions to run the 'flushall' command"
    assert not guest.denied("GET r1")
    assert guest.denied("SET r1 v")
    assert not guest.denied("SET w1 v")
    assert guest.denied("SET w1 v GET")
    assert guest.denied("MGET k1 z")
    assert not guest.denied("PUBLISH newsroom x")
    assert guest.denied("PUBLISH other x")
    assert guest.denied("PSUBSCRIBE news1*")
    assert not guest.denied("PSUBSCRIBE news*")


def test_one_selector_must_allow_all_of_a_command(client: Client) -> None:
    guest = Guest(client, "+get ~a (+set ~b)")
    assert not guest.denied("GET a")
    assert not guest.denied("SET b 1")
    assert guest.denied("GET b")
    assert guest.denied("SET a 1")


def test_a_first_argument_allows_a_command_with_it_alone(client: Client) -> None:
    guest = Guest(client, "+select|1 +client|id")
    assert guest("SELECT 1") is OK
    assert guest.denied("SELECT 2")
    assert not guest.denied("CLIENT ID")
    assert guest.denied("CLIENT LIST")


def test_exec_asks_again(client: Client) -> None:
    guest = Guest(client, "+@all allkeys")
    guest("MULTI")
    guest("SET k v")
    guest.allow("-set")
    replies = guest("EXEC")
    assert isinstance(replies, list)
    assert isinstance(replies[0], Failure)
    assert b"ACLs rules changed between" in replies[0].message
    assert client("EXISTS k") == 0


def test_new_rules_hold_for_sessions_that_are_open(client: Client) -> None:
    guest = Guest(client, "allcommands allkeys allchannels")
    assert not guest.denied("PING")
    guest.allow("-ping")
    assert guest.denied("PING")
    guest.allow("+@all")
    assert not guest.denied("PING")


def test_sessions_of_a_deleted_user_end(client: Client) -> None:
    guest = Guest(client, "+@all")
    assert client("ACL DELUSER ann nobody") == 1
    assert guest.line.closed


def test_a_listener_ends_when_its_channel_is_taken_away(client: Client) -> None:
    guest = Guest(client, "+@all &news &other")
    guest("SUBSCRIBE news")
    guest.allow("resetchannels &news")
    assert not guest.line.closed
    guest.allow("resetchannels &n*s")
    assert not guest.line.closed
    guest.allow("resetchannels &other")
    assert guest.line.closed


def test_the_log_counts_what_is_denied_again_within_a_minute(client: Client) -> None:
    guest = Guest(client, "+get ~a")
    for _ in range(2):
        guest("GET b")
    client.pass_ms(60_001)
    guest("GET b")
    guest("SET a 1")
    guest("AUTH ann2 x")
    entries = client.namespace.users.log.entries
    assert [(entry.reason, entry.subject, entry.count) for entry in entries] == [
        (b"auth", b"AUTH", 1),
        (b"command", b"set", 1),
        (b"key", b"b", 1),
        (b"key", b"b", 2),
    ]
    assert client.namespace.users.log.denied == {b"key": 3, b"command": 1, b"auth": 1}
    client("CONFIG SET acllog-max-len 1")
    guest("GET c")
    assert len(entries) == 1
    assert client("ACL LOG RESET") is OK
    assert client("ACL LOG") == []


def test_dryrun_tells_and_logs_nothing(client: Client) -> None:
    Guest(client, "+get ~a")
    assert client("ACL DRYRUN ann GET a") is OK
    assert client("ACL DRYRUN ann GET b") == b"User ann has no permissions to access the 'b' key"
    assert client("ACL LOG") == []


def test_a_file_with_a_mistake_changes_nothing(client: Client) -> None:
    users = client.namespace.users
    before = users.lines()
    errors = users.load(b"f", b"user ann on +get\n\nuser bob +nosuch (\nann\nuser ann off\n", [])
    assert errors.startswith(b"f:3: Unmatched parenthesis in selector definition.f:4 should start")
    assert b"Duplicate user 'ann' found on line 5" in errors
    assert users.lines() == before


def test_a_file_replaces_all_users(client: Client) -> None:
    guest = Guest(client, "+@all")
    users = client.namespace.users
    sessions = list(client.namespace.sessions.values())
    assert users.load(b"f", b"user bob on nopass +get\n", sessions) == b""
    assert users.names() == [b"bob", b"default"]
    assert guest.line.closed


def test_configured_users_start_from_nothing(client: Client) -> None:
    users = client.namespace.users
    users.configure([[b"default", b"on", b">x", b"+@all"], [b"ann", b"(+get", b"~a)"]])
    assert not users.default.open
    assert not users.default.unrestricted
    with pytest.raises(ValueError, match=r"user bob: \+nosuch: Unknown command"):
        users.configure([[b"bob", b"+nosuch"]])
    with pytest.raises(ValueError, match="Duplicate user found"):
        users.configure([[b"bob"], [b"bob"]])


def test_words_in_parentheses_are_one_rule() -> None:
    words = [b"on", b"(+get", b"~a", b"~b)", b"(+set)"]
    assert merged(words) == [b"on", b"(+get ~a ~b)", b"(+set)"]
    with pytest.raises(UnmatchedError):
        merged([b"(+get", b"~a"])
