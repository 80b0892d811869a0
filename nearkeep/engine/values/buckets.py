"""A dictionary in pieces, which can be walked in steps while it changes.

What it must do: find, set and remove a name in O(1), never stand still to move all of them to a
larger table, and walk them from a cursor so that none that is there throughout is missed.

The pieces are dictionaries of a few hundred names each; a name is in that of its hash's low bits.
There are as many bits as needed, and while their number grows the pieces are split one by one
(linear hashing). The walk counts with the highest of the bits first, as Redis' does: what has been
visited is then a range of hashes that stays the same however many bits are looked at.

Sources: W. Litwin, "Linear Hashing", VLDB 1980; P. Noordhuis' SCAN cursor.
"""

from typing import Any, Final

from mypy_extensions import i64

LOAD: Final = 512
"""Names in a piece, on average, beyond which one is split."""

_Piece = dict[bytes, Any]
"""Scores by member. Not `float`: compiled code would make a new object of each that is moved."""


class Buckets:
    """Scores by member.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        self.count: i64 = 0
        self._pieces: list[_Piece] = [{}]
        self._mask: i64 = 0
        """Bits of the hash that tell the piece; where there is none for it, the highest is left."""

    def _piece(self, code: i64) -> _Piece:
        place = code & self._mask
        if place >= len(self._pieces):
            place &= self._mask >> 1
        return self._pieces[place]

    def get(self, member: bytes) -> float | None:
        """The score of a member, or None."""
        return self._piece(hash(member)).get(member)

    def set(self, member: bytes, score: Any) -> None:
        """Gives a member its score."""
        piece = self._piece(hash(member))
        before: i64 = len(piece)
        piece[member] = score
        if len(piece) > before:
            self.count += 1
            if self.count > len(self._pieces) * LOAD:
                self._split()

    def remove(self, member: bytes) -> None:
        """Removes a member, which must be there."""
        del self._piece(hash(member))[member]
        self.count -= 1
        if self.count * 4 < (len(self._pieces) - 1) * LOAD:
            self._join()

    def _split(self) -> None:
        """Moves half of a piece into a new one, the last."""
        place: i64 = len(self._pieces)
        if place > self._mask:
            self._mask = self._mask * 2 + 1
        source = place & (self._mask >> 1)
        staying: _Piece = {}
        moving: _Piece = {}
        for member, score in self._pieces[source].items():
            if hash(member) & self._mask == place:
                moving[member] = score
            else:
                staying[member] = score
        self._pieces[source] = staying
        self._pieces.append(moving)

    def _join(self) -> None:
        """Puts the names of the last piece back to where they came from."""
        last = self._pieces.pop()
        place: i64 = len(self._pieces)
        source = place & (self._mask >> 1)
        self._pieces[source] = {**self._pieces[source], **last}
        if place == (self._mask >> 1) + 1:
            self._mask >>= 1

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` names from a cursor on, and the next cursor; 0 begins and ends the walk."""
        size: i64 = 1  # of the walk's own table, in which a place has `count` names or more
        while self.count > size * 2 * count:
            size *= 2
        at: i64 = cursor & int(size - 1)
        found: list[bytes] = []
        while True:
            self._collect(at, size, found)
            bit = size >> 1
            while at & bit:
                at ^= bit
                bit >>= 1
            at |= bit
            if at == 0 or len(found) >= count:
                return at, found

    def _collect(self, at: i64, size: i64, found: list[bytes]) -> None:
        """Adds the names whose hash ends in `at`, of so many."""
        if size <= (self._mask >> 1) + 1:
            while at < len(self._pieces):
                found.extend(self._pieces[at])
                at += size
            return
        for member in self._piece(at):
            if hash(member) & (size - 1) == at:
                found.append(member)

    def release(self, limit: int) -> bool:
        """Frees about `limit` names; whether some are left."""
        pieces = self._pieces
        while pieces and limit > 0:
            limit -= len(pieces.pop())
        return bool(pieces)
