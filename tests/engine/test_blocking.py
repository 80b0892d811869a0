"""Sessions that wait: their queues, their timeouts, and what is told and counted of them."""

from __future__ import annotations

import pytest

from nearkeep.engine.command import COMMANDS
from nearkeep.engine.session import Outlet, Session
from nearkeep.wire.reply import NO_REPLY, NULL_ARRAY, Failure, Reply
from tests.engine.conftest import Client


class Waiter(Outlet):
    """A client that keeps what it is told at last."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.heard: list[Reply] = []
        self.session = Session(client.namespace, self)

    def say(self, line: str) -> Waiter:
        assert self.session.execute([word.encode() for word in line.split()]) is NO_REPLY
        assert self.session.blocked is not None
        return self

    def resume(self, reply: Reply) -> None:
        assert self.session.blocked is None
        self.heard.append(reply)


def is_quiet(client: Client) -> bool:
    """Whether nothing is left of anyone's having waited."""
    namespace = client.namespace
    return not (
        namespace.waiting
        or namespace.waiting_sessions
        or namespace.ready
        or any(db.awaited for db in namespace.databases)
    )


def test_one_element_serves_the_first_of_many(client: Client) -> None:
    waiters = [Waiter(client).say("BLPOP l 0") for _ in range(5)]
    for turn, waiter in enumerate(waiters):
        client(f"RPUSH l {turn}")
        assert waiter.heard == [[b"l", b"%d" % turn]]
        assert client("EXISTS l") == 0
    assert is_quiet(client)


def test_timeouts_end_in_their_order(client: Client) -> None:
    late = Waiter(client).say("BLPOP a b 2")
    early = Waiter(client).say("BLMOVE a b LEFT LEFT 1.0001")
    never = Waiter(client).say("BLPOP a 0")
    client.pass_ms(1000)
    client.step()
    assert early.heard == []
    client.pass_ms(1)
    client.step()
    assert (early.heard, late.heard) == ([NULL_ARRAY], [])
    client.pass_ms(999)
    client.step()
    assert late.heard == [NULL_ARRAY]
    client.pass_ms(10**9)
    client.step()
    assert never.heard == []
    client("RPUSH a x")
    assert never.heard == [[b"a", b"x"]]
    assert is_quiet(client)


def test_a_deadline_that_was_not_needed_ends_no_later_wait(client: Client) -> None:
    waiter = Waiter(client).say("BLPOP l 1")
    client("RPUSH l x")
    waiter.say("BLPOP l 5")
    client.pass_ms(1500)
    client.step()
    assert waiter.heard == [[b"l", b"x"]]
    client.pass_ms(3500)
    client.step()
    assert waiter.heard[1:] == [NULL_ARRAY]


def test_deadlines_that_were_not_needed_do_not_pile_up(client: Client) -> None:
    waiter = Waiter(client)
    for _ in range(1000):
        waiter.say("BLPOP l 3600")
        client("RPUSH l x")
    assert len(client.namespace._deadlines) < 200


def test_a_session_that_ends_leaves_its_place(client: Client) -> None:
    first, second = Waiter(client).say("BLPOP l m 9"), Waiter(client).say("BLPOP l 0")
    first.session.end()
    client("RPUSH l x")
    assert first.heard == []
    assert second.heard == [[b"l", b"x"]]
    client.pass_ms(10_000)
    client.step()
    assert is_quiet(client)


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("", NULL_ARRAY),
        ("TIMEOUT", NULL_ARRAY),
        ("ERROR", Failure(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")),
    ],
)
def test_a_session_can_be_unblocked_by_another(client: Client, words: str, reply: Reply) -> None:
    waiter = Waiter(client).say("BLPOP l 0")
    assert client(f"CLIENT UNBLOCK {waiter.session.id} {words}") == 1
    assert waiter.heard == [reply]
    assert client(f"CLIENT UNBLOCK {waiter.session.id} {words}") == 0
    assert is_quiet(client)


def test_one_who_waits_in_vain_again_keeps_its_place(client: Client) -> None:
    client("XGROUP CREATE s g $ MKSTREAM")
    first = Waiter(client).say("XREADGROUP GROUP g alice BLOCK 0 STREAMS s >")
    second = Waiter(client).say("XREADGROUP GROUP g bob BLOCK 0 STREAMS s >")
    client("XADD s MAXLEN 0 1-1 a 1")
    assert first.heard == second.heard == []
    client("XADD s 2-1 a 1")
    assert (len(first.heard), len(second.heard)) == (1, 0)


def test_a_stream_that_expires_is_told_to_those_who_wait_as_consumers(client: Client) -> None:
    client("XGROUP CREATE s g $ MKSTREAM")
    consumer = Waiter(client).say("XREADGROUP GROUP g alice BLOCK 0 STREAMS s >")
    reader = Waiter(client).say("XREAD BLOCK 0 STREAMS s $")
    client("PEXPIRE s 100")
    client.pass_ms(200)
    client.step()
    (failure,) = consumer.heard
    assert isinstance(failure, Failure)
    assert failure.message.startswith(b"NOGROUP")
    assert reader.heard == []


def test_what_serves_stands_in_the_stream_before_what_is_served(client: Client) -> None:
    Waiter(client).say("BLMOVE a b LEFT RIGHT 0")
    Waiter(client).say("BLPOP b 0")
    Waiter(client).say("BLMPOP 0 1 a LEFT COUNT 5")
    client("RPUSH a x y")
    assert client.effects == [b"RPUSH a x y", b"LMOVE a b LEFT RIGHT", b"LPOP a 1", b"LPOP b"]


def test_a_command_counts_once_however_often_it_is_tried(client: Client) -> None:
    command = COMMANDS[b"xread"]
    calls, failed, run = command.calls, command.failed, client.namespace.commands_run
    waiter = Waiter(client).say("XREAD BLOCK 0 STREAMS s 2-0")
    assert command.calls == calls
    client("XADD s 1-1 a 1")
    client("XADD s 2-1 a 1")
    assert len(waiter.heard) == 1
    assert command.calls == calls + 1
    waiter.say("XREAD BLOCK 0 STREAMS s $")
    client(f"CLIENT UNBLOCK {waiter.session.id} ERROR")
    assert (command.calls, command.failed) == (calls + 2, failed + 1)
    assert client.namespace.commands_run == run + 5


def test_an_error_of_one_who_waited_counts_once(client: Client) -> None:
    waiter = Waiter(client).say("BLMOVE a b LEFT LEFT 0")
    client("SET b 1")
    client("RPUSH a x")
    assert isinstance(waiter.heard[0], Failure)
    assert client.namespace.errors == {b"WRONGTYPE": 1}
    assert client("LRANGE a 0 -1") == [b"x"]


def test_a_thousand_waiters_are_each_served_by_one_push(client: Client) -> None:
    waiters = [Waiter(client).say(f"BLPOP {turn} l 0") for turn in range(1000)]
    client("RPUSH", "l", *range(1000))
    assert [waiter.heard for waiter in waiters] == [[[b"l", b"%d" % n]] for n in range(1000)]
    assert is_quiet(client)
