"""What stands for `key`, `value`, `integer` and the like in a syntax line.

Most draws are sensible, so that commands get past their first check; the others are what has
broken servers before: limits of 64 bits, numbers that only some languages can read, empty and
binary strings, sizes at which an encoding changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

Pool = Callable[[Random], bytes]
Words = str | Sequence[bytes | str]

CHANCE_OF_AN_ODD_VALUE = 0.12


def pool(sensible: Words, odd: Words = "") -> Pool:
    """A pool from words (a string is split at blanks); repeat a word to draw it more often."""
    often, seldom = _words(sensible), _words(odd)

    def draw(rng: Random) -> bytes:
        if seldom and rng.random() < CHANCE_OF_AN_ODD_VALUE:
            return rng.choice(seldom)
        return rng.choice(often)

    return draw


def _words(given: Words) -> list[bytes]:
    words = given.split() if isinstance(given, str) else given
    return [word.encode() if isinstance(word, str) else word for word in words]


LIMITS: list[str] = """
    9223372036854775807 9223372036854775806 9223372036854775808 -9223372036854775808
    -9223372036854775807 -9223372036854775809 18446744073709551615 18446744073709551616
    4294967295 4294967296 2147483647 -2147483648 2147483648 4611686018427387904
""".split()  # noqa: SIM905

NOT_INTEGERS = ["", " ", "abc", "1.0", "+1", " 1", "1 ", "-0", "00", "01", "0x10", "1e3", "1_000",
                "\u0663", "\uff11", "-", "--1", "1\x00", "9" * 25, "nan", "1\r\n"]  # fmt: skip

ODD_FLOATS = ["1e308", "1e309", "-1e309", "inf", "-inf", "+inf", "INF", "Infinity", "infinity",
              "nan", "NaN", "-nan", "0x1p3", "0x10", "1e-320", "5e-324", "1e-400", " 1", "1 ", "1e",
              ".5", "5.", "", ".", "abc", "1_0", "\u0663", "+1", "+.5e+1", "1,5", "1d", "1f",
              "179769313486231570000e289", "9" * 40, "0." + "3" * 40, "1\x00", "-0", "-0.0"]  # fmt: skip

STRINGS = ["", "x", "y", "hello", "hello world", "10", "11", "-1", "0", "1.5", "007", "abc" * 5]
ODD_STRINGS: list[bytes] = [
    b"\x00",
    b"\xff\xfe",
    b"a\r\nb",
    "ß€".encode(),
    b" 1",
    b"1 ",
    b"3.0e3",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"12345678901234567890",
    b"e" * 44,
    b"r" * 45,
    b"L" * 64,
    b"M" * 65,
    b"z" * 300,
]

ODD = pool(
    ["", "0", "-1", "abc", "*", "a", "b", "NX", "GET", "COUNT", "LIMIT", "-", "+", "(", "[", "nan"],
    ["100000000", *LIMITS, *NOT_INTEGERS, *ODD_FLOATS],
)

_SMALL = "0 1 2 3 -1 -2 -3 5 10 -10"

POOLS: dict[str, Pool] = {
    "key": pool(
        [b"a", b"a", b"a", b"a", b"b", b"b", b"b", b"c", b"c", b"{t}d"],
        [b"", b"\x00\xff\r\n", b"A", b"*"],
    ),
    "value": pool(STRINGS, ODD_STRINGS),
    "integer": pool(_SMALL, [*LIMITS, *NOT_INTEGERS]),
    "index": pool(_SMALL, [*LIMITS, *NOT_INTEGERS]),
    "count": pool("1 1 2 2 3 5 10 0 -1 -2", [*LIMITS[:4], *NOT_INTEGERS]),
    # Within what a string may hold at the limit that the trials set (1 MB), and beyond it.
    "offset": pool("0 1 2 3 5 8 20 100", ["1048575", "1048576", "-1", *LIMITS, *NOT_INTEGERS]),
    "float": pool("0 1 -1 1.5 -2.25 0.1 3 10 100 1e3 1e10 1e-5 3.14159265358979", ODD_FLOATS),
    "seconds": pool("100 1000 5000 100000", ["0", "-1", *LIMITS, *NOT_INTEGERS]),
    "milliseconds": pool("100000 200000 5000000", ["0", "-1", *LIMITS, *NOT_INTEGERS]),
    "unix-seconds": pool(
        "33177117420 33177117421 4000000000 1", ["0", "-1", *LIMITS, *NOT_INTEGERS]
    ),
    "unix-milliseconds": pool(
        "33177117420000 33177117420001 4000000000000 1", ["0", "-1", *LIMITS, *NOT_INTEGERS]
    ),
    "pattern": pool(
        ["*", "*", "a*", "?", "[a-c]", "b", "[^a]", "*d", "h?llo"],
        [
            b"",
            b"[",
            b"[a",
            b"[a-",
            b"\\a",
            b"\\",
            b"{*}*",
            b"[^",
            b"[c-a]",
            b"**a**",
            b"[\\]a]",
            b"\x00*",
            b"[]",
            b"a[]b",
            b"*\\",
        ],
    ),
    "cursor": pool(
        "0", ["1", "abc", "-1", "", "18446744073709551615", "18446744073709551616", " 0"]
    ),
    "database": pool(
        "0 1 2 0 1", ["15", "16", "-1", "abc", "", "9223372036854775807", "99999999999"]
    ),
    "type": pool("string hash list set zset stream", ["nosuch", "", "STRING", "module"]),
    "field": pool("f g h i 1 2", ["", b"\x00", b"F", b"q" * 64, b"Q" * 65]),
    "member": pool("m n o p 1 2 3", ["", b"\x00", b"w" * 64, b"W" * 65, b"-5", b"01"]),
    "element": pool(STRINGS, ODD_STRINGS),
    "score": pool("0 1 2 3 -1 1.5 10", ODD_FLOATS),
}
