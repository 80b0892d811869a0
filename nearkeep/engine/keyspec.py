"""Which arguments of a command are keys, and what becomes of them: key specifications.

    1 RW access update         the key is argument 1
    1..-1 RM delete            arguments 1 to the last
    1..-1/2 OW update          every other one of them
    1 numkeys RO access        argument 1 says how many keys follow it
    STORE@6 OW update          what follows the word STORE, looked for from argument 6 on
    STREAMS@1..-1%2 RO access  the first half of what follows the word
    ? RO access                cannot be told from the arguments

Several are separated by semicolons. The words behind are the key's flags.

Source: https://redis.io/docs/latest/develop/reference/key-specs/
"""

import re
from typing import Final

RO: Final = 1 << 0
RW: Final = 1 << 1
OW: Final = 1 << 2
RM: Final = 1 << 3
ACCESS: Final = 1 << 4
UPDATE: Final = 1 << 5
INSERT: Final = 1 << 6
DELETE: Final = 1 << 7
NOT_KEY: Final = 1 << 8
INCOMPLETE: Final = 1 << 9
VARIABLE_FLAGS: Final = 1 << 10

KEY_FLAGS: Final = (
    "RO", "RW", "OW", "RM", "access", "update", "insert", "delete",
    "not_key", "incomplete", "variable_flags",
)  # fmt: skip
"""The names of the bits above, in their order, which is that of COMMAND INFO."""

INDEX: Final = 0
KEYWORD: Final = 1
RANGE: Final = 2
KEYNUM: Final = 3
UNKNOWN: Final = 4

Key = tuple[int, int]
"""Where a key stands among the arguments (the command's name is 0), and its flags."""

_SPEC: Final = re.compile(
    r"(?:(?P<word>[A-Z]+)@)?(?P<start>-?\d+)(?:\.\.(?P<last>-?\d+))?"
    r"(?:/(?P<step>\d+))?(?:%(?P<limit>\d+))?(?P<keynum> numkeys)?"
)


class KeySpec:
    """Where one kind of key is found (`begin` and `find`), and its flags as bits.

    `start` is an argument's index, or where the search for `keyword` begins, from the end if
    negative. `last` counts from the first key; if negative, from the last argument. `limit`
    divides what is left: 2 is its first half.
    """

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.begin = UNKNOWN
        self.find = UNKNOWN
        self.keyword = ""
        self.start = 0
        self.last = 0
        self.step = 1
        self.limit = 0

    def is_range(self) -> bool:
        """Whether the keys stand at fixed indices, as the first, last and step of COMMAND tell."""
        return self.begin == INDEX and self.find == RANGE

    def keys(self, args: list[bytes]) -> list[Key] | None:
        """The keys; None if the arguments do not fit the specification."""
        count = len(args)
        first = self._first(args)
        if first == 0:
            return []
        if first < 0:
            return None
        if self.find == RANGE:
            if self.last >= 0:
                last = first + self.last
            elif self.limit == 0:
                last = count + self.last
            else:
                last = first + (count - first) // self.limit + self.last
        else:
            if first >= count or not args[first].isdigit() or len(args[first]) > 18:
                return None
            last = first + int(args[first])
            first += 1
        if last >= count or last < first or first >= count:
            return None
        return [(index, self.flags) for index in range(first, last + 1, self.step)]

    def _first(self, args: list[bytes]) -> int:
        """Where the keys begin: 0 if the keyword is not there, negative if it cannot be known."""
        if self.begin == INDEX:
            return self.start
        if self.begin == UNKNOWN:
            return -1
        keyword = self.keyword.encode()
        count = len(args)
        if self.start > 0:
            indices = range(self.start, count - 1)
        else:
            indices = range(count + self.start, 1, -1)
        for index in indices:
            if 0 < index < count and args[index].upper() == keyword:
                return index + 1
        return 0


def parse_key_specs(text: str) -> list[KeySpec]:
    """The specifications in the notation above. Raises ValueError where one is not well formed."""
    return [_parse(one.strip()) for one in text.split(";")] if text else []


def key_flags(words: str) -> int:
    """Flags from their names, separated by spaces. Raises ValueError for an unknown one."""
    bits = 0
    for word in words.split():
        bits |= 1 << KEY_FLAGS.index(word)
    return bits


def _parse(text: str) -> KeySpec:
    if text.startswith("? "):
        return KeySpec(key_flags(text[2:]))
    match = _SPEC.match(text)
    if match is None:
        raise ValueError(f"not a key specification: {text!r}")
    spec = KeySpec(key_flags(text[match.end() :]))
    word, last = match["word"], match["last"]
    spec.start = int(match["start"])
    spec.begin = INDEX
    if word is not None:
        spec.begin = KEYWORD
        spec.keyword = word
    spec.find = RANGE if match["keynum"] is None else KEYNUM
    if last is not None:
        spec.last = int(last) if last[0] == "-" else int(last) - spec.start
    spec.step = int(match["step"] or 1)
    spec.limit = int(match["limit"] or 0)
    return spec
