"""The kinds of settings: how words become a value, how it is printed, what is said if they won't do.

The texts of errors and the limits of each kind are those of Redis 8.2.3, probed on it.
"""

import math
from typing import Final

from nearkeep.wire.request import parse_integer

INT_MAX: Final = 2**31 - 1
UINT_MAX: Final = 2**32 - 1
LONG_MAX: Final = 2**63 - 1
ULONG_MAX: Final = 2**64 - 1

WRONG_NUMBER: Final = "wrong number of arguments"

_UNITS: Final = {
    b"": 1, b"b": 1, b"k": 1000, b"kb": 1 << 10, b"m": 10**6, b"mb": 1 << 20, b"g": 10**9,
    b"gb": 1 << 30,
}  # fmt: skip
_MAX_DIGITS: Final = 127

_EVENTS: Final = {
    "g": 4, "$": 8, "l": 16, "s": 32, "h": 64, "z": 128, "x": 256, "e": 512, "t": 1024,
    "d": 8192, "n": 16384, "o": 32768, "c": 65536, "K": 1, "E": 2, "m": 2048,
}  # fmt: skip
_ALL_EVENTS: Final = 4 | 8 | 16 | 32 | 64 | 128 | 256 | 512 | 1024 | 8192
_HIDDEN_BY_ALL: Final = 16384 | 32768 | 65536


class Kind:
    """What a setting may be. A value is of one type, the same for all values of a kind.

    Attributes:
        expects: what is right, for people: "yes or no".
        splits: whether CONFIG SET splits its one value at spaces into several words.
        gathers: whether a file may give the setting on several lines, which add up.
    """

    expects = "text"
    splits = False
    gathers = False

    def parse(self, words: list[bytes], _before: object) -> object:
        """The value. `_before` is the present one, which some kinds only change in part.

        Raises:
            ValueError: the words won't do; the text is Redis'.
        """
        if len(words) != 1:
            raise ValueError(WRONG_NUMBER)
        return self.value(words[0])

    def value(self, word: bytes) -> object:
        """The value of a kind that takes one word."""
        return word

    def text(self, value: object) -> bytes:
        """The value as CONFIG GET prints it."""
        return value if isinstance(value, bytes) else str(value).encode()

    def lines(self, value: object) -> list[list[bytes]]:
        """The value as the words of lines in a file; mostly one line of one word."""
        return [[self.text(value)]]


class Text(Kind):
    """Any text, as bytes."""


class YesNo(Kind):
    """A bool."""

    expects = "yes or no"

    def value(self, word: bytes) -> object:
        lower = word.lower()
        if lower not in (b"yes", b"no"):
            raise ValueError("argument must be 'yes' or 'no'")
        return lower == b"yes"

    def text(self, value: object) -> bytes:
        return b"yes" if value is True else b"no"


class Number(Kind):
    """An int from `low` to `high`; an unsigned one has an error of its own for what is below 0.

    What lies outside of `at_least` and `at_most` is accepted and brought there.
    """

    def __init__(
        self,
        low: int = 0,
        high: int = INT_MAX,
        *,
        unsigned: bool = False,
        at_least: int | None = None,
        at_most: int | None = None,
    ) -> None:
        self.low: Final = low
        self.high: Final = high
        self.unsigned: Final = unsigned
        self.at_least: Final = low if at_least is None else at_least
        self.at_most: Final = high if at_most is None else at_most
        self.expects = self.describe()

    def describe(self) -> str:
        """What is right."""
        if self.high < INT_MAX:
            return f"a whole number from {self.low} to {self.high}"
        return f"a whole number from {self.low} on"

    def value(self, word: bytes) -> object:
        number = self.read(word)
        if self.unsigned and number < 0:
            raise ValueError("argument must be greater or equal to 0")
        if not self.low <= number <= self.high:
            raise ValueError(f"argument must be between {self.low} and {self.high} inclusive")
        return min(max(number, self.at_least), self.at_most)

    def read(self, word: bytes) -> int:
        """The number itself."""
        number = parse_integer(word)
        if number is None:
            raise ValueError("argument couldn't be parsed into an integer")
        return number


class Octal(Number):
    """A file mode, as an int."""

    def describe(self) -> str:
        return f"an octal number up to {self.high:o}"

    def read(self, word: bytes) -> int:
        try:
            return int(word or b"0", 8)
        except ValueError:
            raise ValueError("argument couldn't be parsed as an octal number") from None

    def text(self, value: object) -> bytes:
        return b"%o" % value if isinstance(value, int) else b""


class Memory(Number):
    """A number of bytes: 100mb, 1gb, with units of 1000 (k, m, g) or 1024 (kb, mb, gb)."""

    def describe(self) -> str:
        return "a number of bytes, such as 512, 64kb, 100mb or 2gb"

    def read(self, word: bytes) -> int:
        number = memory(word)
        if number is None:
            raise ValueError("argument must be a memory value")
        return number


class MemoryOrPercent(Kind):
    """A number of bytes, or as a negative number a percentage of `maxmemory`."""

    expects = "a number of bytes, such as 100mb, or a percentage, such as 5%"

    def value(self, word: bytes) -> object:
        number = parse_integer(word[:-1]) if word.endswith(b"%") else memory(word)
        if number is None or (number < 0 and word.endswith(b"%")):
            raise ValueError("argument must be a memory or percent value")
        if word.endswith(b"%"):
            number = -number
        if number < -100:
            raise ValueError("percentage argument must be less or equal to 100")
        return number

    def text(self, value: object) -> bytes:
        if isinstance(value, int) and value < 0:
            return b"%d%%" % -value
        return super().text(value)


class Choice(Kind):
    """One of several words, as bytes; a synonym becomes the word that it stands for."""

    def __init__(self, names: str, synonym: str = "", stands_for: str = "") -> None:
        self.names: Final = names.split()
        self.synonym: Final = synonym.encode()
        self.stands_for: Final = stands_for.encode()
        self.expects = "one of " + ", ".join(self.names)

    def value(self, word: bytes) -> object:
        lower = word.lower()
        if lower.decode("latin-1") not in self.names:
            raise ValueError("argument(s) must be one of the following: " + ", ".join(self.names))
        return self.stands_for if self.synonym and lower == self.synonym else lower


class Choices(Choice):
    """Any of several words, as a list of bytes; the first one stands for none of the others."""

    splits = True

    def parse(self, words: list[bytes], _before: object) -> object:
        chosen = [self.value(word) for word in words or [b""]]
        if b"save" in chosen and b"nosave" in chosen:
            raise ValueError("shutdown options SAVE and NOSAVE can't be used simultaneously")
        return [name.encode() for name in self.names[1:] if name.encode() in chosen]

    def text(self, value: object) -> bytes:
        return _joined(value) or self.names[0].encode()

    def lines(self, value: object) -> list[list[bytes]]:
        return [self.text(value).split()]


class Addresses(Kind):
    """Addresses to listen on, as a list of bytes; a minus before one allows it to be unavailable."""

    expects = "addresses, such as 127.0.0.1 -::1, or * for all"
    splits = True
    _most = 16

    def parse(self, words: list[bytes], _before: object) -> object:
        if words == [b""]:
            return []
        if len(words) > self._most:
            raise ValueError("Too many bind addresses specified.")
        return words

    def text(self, value: object) -> bytes:
        return _joined(value)

    def lines(self, value: object) -> list[list[bytes]]:
        return [list(value) or [b""]] if isinstance(value, list) else []


class SavePoints(Kind):
    """When to save: a flat list of ints, seconds and number of changes in turn."""

    expects = 'pairs of seconds and changes, such as 3600 1 300 100, or "" for never'
    splits = True
    gathers = True

    def parse(self, words: list[bytes], _before: object) -> object:
        if words == [b""]:
            return []
        numbers = [_decimal(word) for word in words]
        points = [number for number in numbers if number is not None]
        if (
            len(points) != len(words)
            or len(points) % 2
            or any([number < 1 for number in points[::2]])
            or any([number < 0 for number in points[1::2]])
        ):
            raise ValueError("Invalid save parameters")
        return points

    def text(self, value: object) -> bytes:
        return _joined(value)

    def lines(self, value: object) -> list[list[bytes]]:
        words = self.text(value).split()
        return [words[at : at + 2] for at in range(0, len(words), 2)] or [[b""]]


class BufferLimits(Kind):
    """Limits of what waits to be sent, for three classes of clients.

    A flat list of nine ints: for normal clients, replicas and subscribers each the hard limit and
    the soft limit in bytes, and for how many seconds the soft one may be passed.
    """

    expects = "a class (normal, replica, pubsub), hard limit, soft limit and seconds, repeatedly"
    splits = True
    gathers = True
    _classes = ("normal", "slave", "pubsub")

    def parse(self, words: list[bytes], before: object) -> object:
        limits = list(before) if isinstance(before, list) else [0] * 9
        if len(words) % 4:
            raise ValueError("Wrong number of arguments in buffer limit configuration.")
        for at in range(0, len(words), 4):
            name = words[at].lower().decode("latin-1").replace("replica", "slave")
            if name not in self._classes:
                raise ValueError("Invalid client class specified in buffer limit configuration.")
            hard = memory(words[at + 1])
            soft = memory(words[at + 2])
            seconds = _decimal(words[at + 3])
            if hard is None or soft is None or seconds is None or seconds < 0:
                raise ValueError(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                )
            first = self._classes.index(name) * 3
            limits[first : first + 3] = [hard, soft, seconds]
        return limits

    def text(self, value: object) -> bytes:
        return b" ".join([b" ".join(line) for line in self.lines(value)])

    def lines(self, value: object) -> list[list[bytes]]:
        words = _joined(value).split()
        return [
            [name.encode(), *words[at * 3 : at * 3 + 3]] for at, name in enumerate(self._classes)
        ]


class Percentiles(Kind):
    """Percentiles, as a list of floats."""

    expects = "numbers from 0 to 100"
    splits = True

    def parse(self, words: list[bytes], _before: object) -> object:
        if words == [b""]:
            return []
        return [_percentile(word) for word in words]

    def text(self, value: object) -> bytes:
        numbers = value if isinstance(value, list) else []
        return b" ".join([(b"%f" % number).rstrip(b"0").rstrip(b".") for number in numbers])

    def lines(self, value: object) -> list[list[bytes]]:
        return [self.text(value).split() or [b""]]


class ChannelHistory(Kind):
    """What channels keep: a flat list of words, patterns each with messages, bytes and seconds."""

    expects = "a pattern of channels, messages, bytes and seconds (0 for no limit), repeatedly"
    splits = True

    def parse(self, words: list[bytes], _before: object) -> object:
        if words in ([], [b""]):
            return []
        if len(words) % 4:
            raise ValueError(WRONG_NUMBER)
        rules: list[bytes] = []
        for at in range(0, len(words), 4):
            count, size, seconds = (
                _decimal(words[at + 1]),
                memory(words[at + 2]),
                _decimal(words[at + 3]),
            )
            if count is None or size is None or seconds is None:
                raise ValueError(self.expects)
            if min(count, size, seconds) < 0 or not count + size + seconds:
                raise ValueError("one of messages, bytes and seconds must be limited")
            rules += [words[at], b"%d" % count, b"%d" % size, b"%d" % seconds]
        return rules

    def text(self, value: object) -> bytes:
        return _joined(value)

    def lines(self, value: object) -> list[list[bytes]]:
        return [self.text(value).split() or [b""]]


class OomScores(Kind):
    """Three ints for the kernel's choice of whom to kill."""

    expects = "three whole numbers from -2000 to 2000"
    splits = True

    def parse(self, words: list[bytes], _before: object) -> object:
        if len(words) != 3:
            raise ValueError(WRONG_NUMBER)
        numbers = [_decimal(word) for word in words]
        if any([number is None or not -2000 <= number <= 2000 for number in numbers]):
            raise ValueError(
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
            )
        return numbers

    def text(self, value: object) -> bytes:
        return _joined(value)

    def lines(self, value: object) -> list[list[bytes]]:
        return [self.text(value).split()]


class Events(Kind):
    """Classes of keyspace events, as bits that `nearkeep.engine.keyspace` names.

    A stands for most letters, and is all that is printed of n, o and c, as in Redis.
    """

    expects = "letters of event classes, out of Ag$lshzxeKEtmdnoc"

    def value(self, word: bytes) -> object:
        bits = 0
        for letter in word.decode("latin-1"):
            bit = _ALL_EVENTS if letter == "A" else _EVENTS.get(letter, 0)
            if not bit:
                raise ValueError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            bits |= bit
        return bits

    def text(self, value: object) -> bytes:
        bits = value if isinstance(value, int) else 0
        letters = ""
        if bits & _ALL_EVENTS == _ALL_EVENTS:
            letters = "A"
            bits &= ~(_ALL_EVENTS | _HIDDEN_BY_ALL)
        letters += "".join([letter for letter, bit in _EVENTS.items() if bits & bit])
        return letters.encode()


class FileName(Kind):
    """The name of a file without a folder."""

    expects = "a file name without a folder"

    def __init__(self, name: str, *, may_be_empty: bool = False) -> None:
        self.name: Final = name
        self.may_be_empty: Final = may_be_empty

    def value(self, word: bytes) -> object:
        if not word and not self.may_be_empty:
            raise ValueError(f"{self.name} can't be empty")
        if b"/" in word:
            raise ValueError(f"{self.name} can't be a path, just a filename")
        return word


class Title(Kind):
    """A template with variables in braces."""

    expects = "text with {title}, {listen-addr}, {server-mode}, {port} and the like in it"
    _variables = (
        b"{title", b"{config-file", b"{port", b"{tls-port", b"{unixsocket", b"{listen-addr",
        b"{server-mode",
    )  # fmt: skip

    def value(self, word: bytes) -> object:
        opened = [b"{" + part for part in word.replace(b"{{", b"").split(b"{")[1:]]
        known = all([part.split(b"}")[0] in self._variables and b"}" in part for part in opened])
        if not word or not known:
            raise ValueError("template format is invalid or contains unknown variables")
        return word


class HostName(Kind):
    """A host name, or nothing."""

    expects = "a host name"
    _longest = 255

    def value(self, word: bytes) -> object:
        if len(word) > self._longest:
            raise ValueError("Hostnames must be less than 256 characters")
        if any([not (char < 128 and chr(char).isalnum()) and char not in b"-." for char in word]):
            raise ValueError("Hostnames may only contain alphanumeric characters, hyphens or dots")
        return word


class NodeName(Kind):
    """A cluster node's name for people."""

    expects = "a name without punctuation"

    def value(self, word: bytes) -> object:
        if any([char in b"!#$%&()*+:;<>?@[]^{|}~" for char in word]):
            raise ValueError("Announced human node name contained invalid character")
        return word


class Locale(Kind):
    """The order of strings; C alone, which is that of their bytes."""

    expects = "C or nothing"

    def value(self, word: bytes) -> object:
        if word not in (b"", b"C", b"POSIX"):
            raise ValueError("Invalid locale name")
        return word


class Never(Kind):
    """What Nearkeep does not do, and would be wrong to accept in silence."""

    splits = True

    def __init__(self, only: str, reason: str) -> None:
        self.only: Final = only.encode()
        self.expects = reason

    def parse(self, words: list[bytes], _before: object) -> object:
        if b" ".join(words).lower() != self.only:
            raise ValueError(self.expects)
        return self.only

    def text(self, value: object) -> bytes:
        return b"" if value == b"no one" else self.only

    def lines(self, _value: object) -> list[list[bytes]]:
        return [self.only.split()]


def memory(word: bytes) -> int | None:
    """A number of bytes, with a unit or without; None if it is none.

    Like in Redis, what does not fit into 64 bits wraps around, and beyond 63 it is negative.
    """
    digits = word.rstrip(b"bBkKmMgG")
    unit = _UNITS.get(word[len(digits) :].lower())
    if unit is None or len(digits) > _MAX_DIGITS or not (digits.isdigit() or not digits):
        return None
    number = min(int(digits or b"0"), ULONG_MAX) * unit & ULONG_MAX
    return number if number <= LONG_MAX else number - ULONG_MAX - 1


def _decimal(word: bytes) -> int | None:
    """A whole number as C's strtol reads it, for which nothing is 0; None if it is none."""
    digits = word[1:] if word[:1] in (b"-", b"+") else word
    if not word:
        return 0
    return int(word) if digits.isdigit() and len(digits) < _MAX_DIGITS else None


def _percentile(word: bytes) -> float:
    text = word.decode("latin-1")
    try:
        number = float.fromhex(text) if "x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        number = math.nan
    if math.isnan(number) or text.strip() != text or "_" in text:
        raise ValueError("Invalid latency-tracking-info-percentiles parameters")
    if not 0.0 <= number <= 100.0:
        raise ValueError(
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
        )
    return number


def _joined(value: object) -> bytes:
    words = value if isinstance(value, list) else []
    return b" ".join([word if isinstance(word, bytes) else b"%d" % word for word in words])
