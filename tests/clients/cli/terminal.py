"""A program on a pseudo-terminal: what a person would type, and what they would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from types import TracebackType
from typing import Self

# Seconds that an answer may take.
PATIENCE = 10.0
ROWS, COLUMNS = 50, 200
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs a program until the `with` block ends; `seen` is all that it wrote."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._descriptor, program_end = pty.openpty()
        fcntl.ioctl(program_end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=program_end,
            stdout=program_end,
            stderr=program_end,
            env=environment | {"TERM": "xterm"},
            start_new_session=True,
        )
        os.close(program_end)
        self._raw = b""
        self._read = 0

    @property
    def seen(self) -> str:
        return _ESCAPES.sub("", self._raw.decode(errors="replace"))

    def enter(self, line: str) -> None:
        """Types a line and Enter."""
        self.press(f"{line}\r")

    def press(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Waits for text after what was waited for before; returns all up to its end."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern).search(self.seen, self._read)):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._descriptor], [], [], max(left, 0))
            assert ready, f"no {pattern!r} in {self.seen[self._read :]!r}"
            self._raw += os.read(self._descriptor, 65536)
        text = self.seen[self._read : found.end()]
        self._read = found.end()
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
