"""The slow log: the requests that took longest lately, newest first, cut to a readable size."""

from collections import deque
from typing import Final

_ARGUMENTS: Final = 32
_ARGUMENT_BYTES: Final = 128
_TELLS_OF_USERS: Final = frozenset((b"setuser", b"getuser", b"deluser"))
_CREDENTIALS: Final = {b"auth": 1, b"auth2": 2}
"""Options of MIGRATE, and how many words after them nobody is to see."""

_SECRET_SETTINGS: Final = frozenset(
    (
        b"masteruser",
        b"masterauth",
        b"requirepass",
        b"tls-key-file-pass",
        b"tls-client-key-file-pass",
    )
)


class SlowEntry:
    """One request: when it ran (seconds since the epoch) and how long it took (microseconds)."""

    def __init__(
        self, number: int, at: int, duration: int, args: list[bytes], address: bytes, name: bytes
    ) -> None:
        self.number = number
        self.at = at
        self.duration = duration
        self.args = args
        self.address = address
        self.name = name


class SlowLog:
    """The last slow requests.

    Attributes:
        limit: how many are kept (slowlog-max-len).
    """

    def __init__(self) -> None:
        self.entries: deque[SlowEntry] = deque()
        self.limit = 128
        self._next = 0

    def add(self, at: int, duration: int, args: list[bytes], address: bytes, name: bytes) -> None:
        """Adds a request; its arguments are cut, never its time."""
        kept = [_cut(arg) for arg in args[:_ARGUMENTS]]
        if len(args) > _ARGUMENTS:
            kept[-1] = b"... (%d more arguments)" % (len(args) - _ARGUMENTS + 1)
        self.entries.appendleft(SlowEntry(self._next, at, duration, kept, address, name))
        self._next += 1
        self.trim()

    def trim(self) -> None:
        """Forgets what is over the limit."""
        while len(self.entries) > self.limit:
            self.entries.pop()


def shown(args: list[bytes]) -> list[bytes]:
    """A request as logs and monitors may show it: without passwords."""
    name = args[0].lower()
    if name == b"auth":
        return [args[0], *[b"(redacted)" for _ in args[1:]]]
    if name == b"acl" and len(args) > 2 and args[1].lower() in _TELLS_OF_USERS:
        return [*args[:2], *[b"(redacted)" for _ in args[2:]]]
    if name == b"hello":
        masked = list(args)
        for index in range(2, len(args) - 2):
            if args[index].lower() == b"auth":
                masked[index + 1] = masked[index + 2] = b"(redacted)"
                break
        return masked
    if name == b"config" and len(args) > 3 and args[1].lower() == b"set":
        masked = list(args)
        for index in range(2, len(args) - 1, 2):
            if args[index].lower() in _SECRET_SETTINGS:
                masked[index + 1] = b"(redacted)"
        return masked
    if name == b"migrate":
        return _migration(args)
    return args


def _migration(args: list[bytes]) -> list[bytes]:
    """A MIGRATE without its credentials; what follows KEYS is none."""
    masked = list(args)
    at = 6
    while at < len(args):
        option = args[at].lower()
        if option == b"keys":
            break
        words = _CREDENTIALS.get(option, 0)
        if at + words < len(args):
            masked[at + 1 : at + 1 + words] = [b"(redacted)"] * words
        at += 1 + words
    return masked


def _cut(arg: bytes) -> bytes:
    if len(arg) <= _ARGUMENT_BYTES:
        return arg
    return b"%s... (%d more bytes)" % (arg[:_ARGUMENT_BYTES], len(arg) - _ARGUMENT_BYTES)
