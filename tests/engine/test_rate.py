"""INCREX and CL.THROTTLE: what their documentation and their own tests say, and real limits."""

from __future__ import annotations

import random

import pytest

from nearkeep.wire.reply import Failure, Reply, encode
from tests.engine.conftest import NOW, Client

MAX = (1 << 63) - 1
MIN = -(1 << 63)


def numbers(reply: Reply) -> list[float]:
    assert isinstance(reply, list)
    return [float(item) for item in reply]


# ---- CL.THROTTLE


def test_the_example_of_redis_cell(client: Client) -> None:
    assert client("CL.THROTTLE user123 15 30 60") == [0, 16, 15, -1, 2]


# The cases of redis-cell: milliseconds since the start, quantity, limited, remaining, retry after
# and reset after, for 5 actions of which one comes back each second.
CASES = [
    (0, 6, 1, 5, -1, 0),
    (0, 1, 0, 4, -1, 1),
    (0, 1, 0, 3, -1, 2),
    (0, 1, 0, 2, -1, 3),
    (0, 1, 0, 1, -1, 4),
    (0, 1, 0, 0, -1, 5),
    (0, 1, 1, 0, 1, 5),
    (3000, 1, 0, 2, -1, 3),
    (3100, 1, 0, 1, -1, 4),
    (4000, 1, 0, 1, -1, 4),
    (8000, 1, 0, 4, -1, 1),
    (9500, 1, 0, 4, -1, 1),
    (9500, 0, 0, 4, -1, 1),
    (9500, 2, 0, 2, -1, 3),
    (9500, 5, 1, 2, 3, 3),
]


def test_the_cases_of_redis_cell(client: Client) -> None:
    for at, quantity, limited, remaining, retry, reset in CASES:
        client.namespace.clock.ms = NOW + at
        reply = client(f"CL.THROTTLE key 4 1 1 {quantity}")
        assert reply == [limited, 5, remaining, retry, reset], (at, quantity)


def test_an_action_is_limited_to_n_in_each_period(client: Client) -> None:
    """Seven logins a minute: someone tries all the time, and always as soon as it is said."""
    count, period = 7, 60
    burst = count - 1
    allowed: list[int] = []
    draw = random.Random(3)
    clock = client.namespace.clock
    for _ in range(2000):
        limited, limit, remaining, retry, reset = numbers(
            client("CL.THROTTLE", "login:ann", burst, count, period)
        )
        assert limit == count
        assert 0 <= remaining < count
        assert 0 < reset <= period
        if not limited:
            assert retry == -1
            allowed.append(clock.ms)
        else:
            assert 0 < retry <= period / count + 1
        clock.ms += int(retry * 1000) if limited and draw.random() < 0.5 else draw.randrange(4000)
    # The burst at first, then what has come back: never more than both together in any period.
    for index, start in enumerate(allowed):
        within = [at for at in allowed[index:] if at < start + period * 1000]
        assert len(within) <= burst + 1 + count
    whole = (clock.ms - NOW) / 1000
    assert burst + whole * count / period * 0.9 < len(allowed) <= count + whole * count / period


def test_who_waits_as_told_is_not_limited_again(client: Client) -> None:
    for _ in range(50):
        client("CL.THROTTLE key 2 3 10")
    limited, _, _, retry, _ = numbers(client("CL.THROTTLE key 2 3 10"))
    assert limited
    client.pass_ms(int(retry * 1000))
    assert numbers(client("CL.THROTTLE key 2 3 10"))[0] == 0


def test_limits_of_many_in_a_second_are_kept_to_the_millisecond(client: Client) -> None:
    for _ in range(10):
        assert numbers(client("CL.THROTTLE key 9 100 1"))[0] == 0
    assert client("CL.THROTTLE key 9 100 1") == [1, 10, 0, 1, 1]
    client.pass_ms(9)
    assert numbers(client("CL.THROTTLE key 9 100 1"))[0] == 1
    client.pass_ms(1)
    assert numbers(client("CL.THROTTLE key 9 100 1"))[0] == 0


def test_a_limit_is_told_as_what_is_kept_and_goes_when_it_is_over(client: Client) -> None:
    client.listen()
    client("CL.THROTTLE key 1 1 2")
    client("CL.THROTTLE key 1 1 2")
    told = [b"SET key %d PXAT %d" % ((NOW + ms) * 1_000_000, NOW + ms) for ms in (2000, 4000)]
    assert client.effects == told
    assert client("CL.THROTTLE key 1 1 2") == [1, 2, 0, 2, 4]
    assert client("CL.THROTTLE key 1 1 2 0") == [0, 2, 0, -1, 4]
    assert client.effects == told
    assert client.events() == [b"set key", b"expire key"] * 2
    client.pass_ms(4000)
    assert client("EXISTS key") == 0
    assert client("CL.THROTTLE key 1 1 2 0") == [0, 2, 2, -1, 0]
    assert client("EXISTS key") == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("CL.THROTTLE key 1 0 60", b"ERR Zero rates are not supported"),
        ("CL.THROTTLE key 1 60 0", b"ERR Zero rates are not supported"),
        ("CL.THROTTLE key x 1 60", b"ERR value is not an integer or out of range"),
        ("CL.THROTTLE key 1 1 60 x", b"ERR value is not an integer or out of range"),
        ("CL.THROTTLE key 1 1 60 -1", b"ERR burst, count, period and quantity can't be negative"),
        ("CL.THROTTLE key -1 1 60", b"ERR burst, count, period and quantity can't be negative"),
        (f"CL.THROTTLE key {MAX} 1 1", b"ERR the period is too long for such a burst"),
        (f"CL.THROTTLE key 1 1 {MAX}", b"ERR the period is too long for such a burst"),
        ("CL.THROTTLE key 1 1", b"ERR wrong number of arguments for 'cl.throttle' command"),
        ("CL.THROTTLE key 1 1 1 1 1", b"ERR wrong number of arguments for 'cl.throttle' command"),
        ("CL.THROTTLE text 1 1 1", b"ERR value is not an integer or out of range"),
        (
            "CL.THROTTLE list 1 1 1",
            b"WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ],
)
def test_what_is_no_limit_is_refused(client: Client, line: str, message: bytes) -> None:
    client("SET text x")
    client("RPUSH list x")
    reply = client(line)
    assert isinstance(reply, Failure)
    assert reply.message == message
    assert client("EXISTS key") == 0


def test_any_quantity_can_be_asked_for(client: Client) -> None:
    assert client(f"CL.THROTTLE key 1 1 60 {MAX}") == [1, 2, 2, -1, 0]


# ---- INCREX

# What the key holds (None: nothing), the options, the reply, and what it holds then.
STEPS: list[tuple[str | None, str, list[int], str | None]] = [
    (None, "", [1, 1], "1"),
    ("100", "BYINT 5", [105, 5], "105"),
    ("105", "byint -10", [95, -10], "95"),
    ("99", "BYINT 5 UBOUND 100", [99, 0], "99"),
    ("99", "BYINT 5 UBOUND 100 SATURATE", [100, 1], "100"),
    ("10", "BYINT -10 LBOUND 5", [10, 0], "10"),
    ("10", "BYINT -10 LBOUND 5 SATURATE", [5, -5], "5"),
    ("5", "LBOUND 0 BYINT 100 UBOUND 10 SATURATE", [10, 5], "10"),
    ("5", "BYINT 5 UBOUND 10", [10, 5], "10"),
    ("50", "BYINT 5 UBOUND 30", [50, 0], "50"),
    ("50", "BYINT 5 UBOUND 30 SATURATE", [30, -20], "30"),
    ("-50", "BYINT -5 LBOUND -30 SATURATE", [-30, 20], "-30"),
    ("50", "BYINT -25 UBOUND 30", [25, -25], "25"),
    (None, "BYINT 15 UBOUND 10", [0, 0], None),
    (None, "BYINT 5 LBOUND 10", [0, 0], None),
    (None, "UBOUND 0 SATURATE", [0, 0], "0"),
    (None, "LBOUND 5 SATURATE", [5, 5], "5"),
    (str(MAX), "", [MAX, 0], str(MAX)),
    (str(MAX - 7), "BYINT 10 SATURATE", [MAX, 7], str(MAX)),
    (str(MIN + 8), f"BYINT {-MAX} SATURATE", [MIN, -8], str(MIN)),
    ("10", f"BYINT {MAX} UBOUND 100 SATURATE", [100, 90], "100"),
]


@pytest.mark.parametrize(("held", "options", "reply", "then"), STEPS)
def test_increx_adds_integers_within_bounds(
    client: Client, held: str | None, options: str, reply: list[int], then: str | None
) -> None:
    if held is not None:
        client("SET", "key", held)
    assert client(f"INCREX key {options}") == reply
    assert client("GET key") == (None if then is None else then.encode())


FLOATS: list[tuple[str | None, str, list[float], str | None]] = [
    ("1.5", "BYFLOAT 0.25", [1.75, 0.25], "1.75"),
    ("1.8", "BYFLOAT 0.7 UBOUND 2 SATURATE", [2, 0.2], "2"),
    ("10", "BYFLOAT 10.0 UBOUND 15.5", [10, 0], "10"),
    ("50.5", "BYFLOAT 5.5 UBOUND 30 SATURATE", [30, -20.5], "30"),
    ("10", "BYFLOAT 1 UBOUND +inf LBOUND -inf", [11, 1], "11"),
    ("10", "BYFLOAT 1 LBOUND inf UBOUND inf", [10, 0], "10"),
    (None, "BYFLOAT -0.5 UBOUND -1.5", [0, 0], None),
    ("0.5", "BYFLOAT -0.5", [0, -0.5], "0"),
]


@pytest.mark.parametrize(("held", "options", "reply", "then"), FLOATS)
def test_increx_adds_decimals_within_bounds(
    client: Client, held: str | None, options: str, reply: list[float], then: str | None
) -> None:
    for protocol, kind in ((2, bytes), (3, float)):
        client("DEL key")
        client.session.protocol = protocol
        if held is not None:
            client("SET", "key", held)
        answer = client(f"INCREX key {options}")
        assert numbers(answer) == pytest.approx(reply)
        assert isinstance(answer, list)
        assert all(type(item) is kind for item in answer)
        assert client("GET key") == (None if then is None else then.encode())


def test_increx_never_leaves_the_range_of_a_long_double(client: Client) -> None:
    large = "1" + "0" * 4932
    client("SET", "key", large)
    assert client(f"INCREX key BYFLOAT {large}") != client(f"INCREX key BYFLOAT {large} SATURATE")
    largest = client("GET key")
    assert isinstance(largest, bytes)
    assert largest.startswith(b"11897314953572317650")
    client.session.protocol = 3
    assert encode(client("INCREX key BYFLOAT 0"), 3) == b"*2\r\n,inf\r\n,0\r\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("FOO", b"ERR syntax error"),
        ("BYINT", b"ERR syntax error"),
        ("LBOUND", b"ERR syntax error"),
        ("EX", b"ERR syntax error"),
        ("BYINT 1 BYFLOAT 1.5", b"ERR syntax error"),
        ("BYFLOAT 1.0 BYFLOAT 2.0", b"ERR syntax error"),
        ("LBOUND 0 LBOUND 1", b"ERR syntax error"),
        ("SATURATE SATURATE", b"ERR syntax error"),
        ("EX 10 PX 5000", b"ERR syntax error"),
        ("EX 10 EX 20", b"ERR syntax error"),
        ("PERSIST PERSIST", b"ERR syntax error"),
        ("EX 10 PERSIST", b"ERR syntax error"),
        ("PERSIST EX 10", b"ERR syntax error"),
        ("PERSIST ENX", b"ERR syntax error"),
        ("ENX PERSIST", b"ERR syntax error"),
        ("ENX ENX EX 10", b"ERR syntax error"),
        ("ENX", b"ERR ENX flag requires an expiration"),
        ("BYINT 1.5", b"ERR Increment is not an integer or out of range"),
        ("BYFLOAT abc", b"ERR Increment is not a valid float"),
        ("UBOUND 12.5", b"ERR UBOUND is not an integer or out of range"),
        ("BYFLOAT 1 LBOUND abc", b"ERR LBOUND is not a valid float"),
        ("LBOUND 10 UBOUND 5", b"ERR LBOUND can't be greater than UBOUND"),
        ("BYFLOAT 1 UBOUND -inf", b"ERR LBOUND can't be greater than UBOUND"),
        ("BYFLOAT -inf", b"ERR BYFLOAT increment cannot be Infinity"),
        ("BYFLOAT 1 LBOUND inf UBOUND inf SATURATE", b"ERR applied increment would be Infinity"),
        ("EX 0", b"ERR invalid expire time in 'increx' command"),
        ("PX -1", b"ERR invalid expire time in 'increx' command"),
    ],
)
def test_increx_refuses(client: Client, options: str, message: bytes) -> None:
    client("SET key 1")
    reply = client(f"INCREX key {options}")
    assert isinstance(reply, Failure)
    assert reply.message == message
    assert client("GET key") == b"1"
    assert client("TTL key") == -1


@pytest.mark.parametrize(
    ("held", "options", "message"),
    [
        ("abc", "", b"ERR value is not an integer or out of range"),
        ("1.5", "EXAT 1", b"ERR value is not an integer or out of range"),
        ("abc", "BYFLOAT 1", b"ERR value is not a valid float"),
        ("inf", "BYFLOAT 1", b"ERR value cannot be Infinity"),
        (str(MAX), f"BYINT -5 UBOUND {MIN} SATURATE", b"ERR applied increment would overflow"),
        (f"-1{'0' * 4932}", f"BYFLOAT 1 LBOUND 1{'0' * 4932} SATURATE",
         b"ERR applied increment would be Infinity"),
    ],
)  # fmt: skip
def test_increx_wants_a_number(client: Client, held: str, options: str, message: bytes) -> None:
    client("SET", "key", held)
    reply = client(f"INCREX key {options}")
    assert isinstance(reply, Failure)
    assert reply.message == message
    assert client("GET key") == held.encode()


def test_increx_sets_the_expiry_and_is_told_as_set(client: Client) -> None:
    client.listen()
    client("INCREX key")
    assert client("TTL key") == -1
    client("INCREX key EX 100")
    assert client("TTL key") == 100
    client("INCREX key PX 50000 ENX")
    assert client("TTL key") == 100
    client("INCREX key BYFLOAT 0.5")
    assert client("TTL key") == 100
    client("INCREX key BYFLOAT 0.5 PERSIST")
    assert client("TTL key") == -1
    client("INCREX key PX 50000 ENX")
    assert client("TTL key") == 50
    client("INCREX key UBOUND 3 EX 9")
    assert client("TTL key") == 50
    client("INCREX key EXAT 1 ENX")
    assert client("INCREX key EXAT 1") == [7, 1]
    assert client("EXISTS key") == 0
    assert client("INCREX key PXAT 1") == [1, 1]
    assert client("EXISTS key") == 0
    assert client.effects == [
        b"SET key 1 KEEPTTL",
        b"SET key 2 PXAT %d" % (NOW + 100_000),
        b"SET key 3 KEEPTTL",
        b"SET key 3.5 KEEPTTL",
        b"SET key 4",
        b"SET key 5 PXAT %d" % (NOW + 50_000),
        b"SET key 6 KEEPTTL",
        b"DEL key",
    ]
    assert client.events() == [
        b"incrby key",
        *[b"incrby key", b"expire key"],
        b"incrby key",
        b"incrbyfloat key",
        *[b"incrbyfloat key", b"persist key"],
        *[b"incrby key", b"expire key"],
        b"incrby key",
        b"del key",
    ]


def test_increx_limits_to_n_in_a_window(client: Client) -> None:
    """The limiter of the documentation: a hundred requests in each minute."""
    window = 60_000
    accepted: dict[int, int] = {}
    started = NOW
    for _ in range(20_000):
        if client.namespace.clock.ms >= started + window:
            started = client.namespace.clock.ms
        _, applied = numbers(client("INCREX limit:ann BYINT 1 UBOUND 100 EX 60 ENX"))
        accepted[started] = accepted.get(started, 0) + int(applied)
        client.pass_ms(37)
    assert len(accepted) == 13
    assert set(list(accepted.values())[:-1]) == {100}
