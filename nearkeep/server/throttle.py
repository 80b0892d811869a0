"""Slows down those who try passwords: who has failed too often is not even asked for a while."""

from typing import Final

BURST: Final = 20
"""Failures that an address may have at once."""

REGAIN_MS: Final = 1000
"""Milliseconds until one of them is forgotten."""

ADDRESSES: Final = 10_000
"""Addresses remembered; beyond, those that failed longest ago are forgotten."""


class Throttle:
    """Failures to log in, by address."""

    def __init__(self) -> None:
        # When an address will have no failures left, milliseconds; the last to fail stand last.
        self._clean_at: dict[bytes, int] = {}

    def seconds_left(self, address: bytes, now: int) -> int:
        """How long the address is not to be asked for a password; 0 where it may try."""
        excess = self._clean_at.get(address, 0) - now - (BURST - 1) * REGAIN_MS
        return max(-(-excess // 1000), 0)

    def fail(self, address: bytes, now: int) -> None:
        """Remembers a failure."""
        clean_at = max(self._clean_at.pop(address, 0), now) + REGAIN_MS
        self._clean_at[address] = clean_at
        if len(self._clean_at) > ADDRESSES:
            del self._clean_at[next(iter(self._clean_at))]
