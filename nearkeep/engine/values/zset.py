"""Sorted sets.

There are two ways to hold one, each with the name that Redis has for its own:

    listpack    few and short members
    skiplist    all others

A sorted set changes from the first to the second as it grows and never back. For us both are the
pairs in order (`ranked`), and from a few members on the scores by member (`buckets`).
"""

import math
from typing import Any, Final

from mypy_extensions import i64

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.buckets import Buckets
from nearkeep.engine.values.footprint import INT_BYTES, text_bytes, texts_bytes
from nearkeep.engine.values.ranked import LEAF_BYTES, Branch, Leaf, Node, Span, grown, shrunk, tree
from nearkeep.engine.values.value import Value

_SMALL_BYTES: Final = 18  # for each member: two places in lists
_LARGE_BYTES: Final = 40  # its place in a dictionary, besides

_FEW: Final = 16
"""Members that are looked at one by one to find one."""

_SHARED: Final[list[Any]] = [float(number) for number in range(1024)]
"""Scores that are often seen, so that each is one object."""


class SortedSet(Value):
    """Byte strings with a score each, a double that is not NaN.

    What gets `settings` may change how it is held, by Redis' limits `zset-max-listpack-…`.
    """

    def __init__(self) -> None:
        self._root: Node = Leaf([], [])
        self._scores: Buckets | None = None
        self._large = False
        self.held = LEAF_BYTES

    def type_name(self) -> bytes:
        return b"zset"

    def encoding(self, settings: Settings) -> bytes:
        return b"skiplist" if self._large else b"listpack"

    def copy(self) -> "SortedSet":
        members, scores = self.pairs(0, len(self))
        other = SortedSet()
        other.fill(scores, members)
        if self._large:
            other.enlarge()
        return other

    def __len__(self) -> int:
        return self._root.count

    def release(self, limit: int) -> bool:
        if self._scores is not None and self._scores.release(limit):
            return True
        self._root.shed(limit)
        return self._root.count > 0

    # ---- reading

    def score(self, member: bytes) -> float | None:
        """The score of a member, or None."""
        if self._scores is not None:
            return self._scores.get(member)
        return self._root.find(member)

    def rank(self, member: bytes, score: float) -> int:
        """How many come before a member, which is there with this score."""
        return self._root.before(score, member)

    def before_score(self, score: float, inclusive: bool) -> int:
        """How many have a lower score, or if inclusive one that is no higher."""
        return self._root.before_score(score, inclusive)

    def before_member(self, member: bytes, inclusive: bool) -> int:
        """How many come before a member, or if inclusive up to it, where all scores are equal."""
        return self._root.before_name(member + b"\0" if inclusive else member)

    def members(self, start: int, stop: int) -> list[bytes]:
        """The members of ranks from `start` to `stop`, both from 0 to the number of members."""
        found: list[bytes] = []
        for span in self._spans(start, stop):
            found += span.leaf.members[span.start : span.stop]
        return found

    def pairs(self, start: int, stop: int) -> tuple[list[bytes], list[float]]:
        """The same members and their scores."""
        members: list[bytes] = []
        scores: list[float] = []
        for span in self._spans(start, stop):
            members += span.leaf.members[span.start : span.stop]
            scores += span.leaf.scores[span.start : span.stop]
        return members, scores

    def _spans(self, start: i64, stop: i64) -> list[Span]:
        found: list[Span] = []
        if start < stop:
            self._root.spans(start, stop, found)
        return found

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """About `count` members from a cursor on, and the next cursor; 0 begins and ends the walk.

        A small sorted set comes as a whole.
        """
        if self._scores is not None and self._large:
            return self._scores.scan(cursor, count)
        return 0, self.members(0, len(self))

    # ---- changing

    def expect(self, count: int, longest: int, settings: Settings) -> None:
        """Prepares for `count` members to be added, the longest of so many bytes."""
        if not self._large and (
            count > settings.integer("zset-max-listpack-entries")
            or longest > settings.integer("zset-max-listpack-value")
        ):
            self.enlarge()

    def fill(self, scores: list[float], members: list[bytes]) -> None:
        """Makes these pairs, which are in order, its content; the lists are taken over."""
        self._root = tree(scores, members)
        self._scores = None
        taken: i64 = LEAF_BYTES + _SMALL_BYTES * len(members) + texts_bytes(members)
        for score in scores:
            taken += _score_bytes(score)
        self.grow(taken - self.held)
        if self._large or len(members) > _FEW:
            self._index()

    def add(self, member: bytes, score: float, settings: Settings) -> None:
        """Adds a member that is not there."""
        if not self._large:
            self.expect(len(self) + 1, len(member), settings)
        shared = self._shared(score)
        self._root = grown(self._root, self._root.add(score, shared, member))
        self.grow(self._pair_bytes(member, score))
        if self._scores is not None:
            self._scores.set(member, shared)
        elif self._root.count > _FEW:
            self._index()

    def move(self, member: bytes, old: float, new: float) -> None:
        """Gives a member, which is there with a score, another one."""
        shared = self._shared(new)
        self.grow(_score_bytes(new) - _score_bytes(old))
        if not self._root.move(old, new, shared, member):
            root = shrunk(self._root)
            self._root = grown(root, root.add(new, shared, member))
        if self._scores is not None:
            self._scores.set(member, shared)

    def remove(self, member: bytes) -> bool:
        """Removes a member; whether it was there."""
        score = self.score(member)
        if score is None:
            return False
        self._take(member, score)
        return True

    def pop(self, lowest: bool) -> tuple[bytes, float]:
        """Removes the first or the last member and returns it with its score; there must be one."""
        node = self._root
        while isinstance(node, Branch):
            node = node.children[0 if lowest else len(node.children) - 1]
        assert isinstance(node, Leaf)
        place = 0 if lowest else node.count - 1
        member = node.members[place]
        score = node.scores[place]
        self._take(member, score)
        return member, score

    def _take(self, member: bytes, score: float) -> None:
        self.grow(-self._pair_bytes(member, score))
        self._root.remove(score, member)
        self._root = shrunk(self._root)
        if self._scores is not None:
            self._scores.remove(member)

    def cut(self, start: int, stop: int) -> None:
        """Removes the members of ranks from `start` to `stop`, of which there is at least one."""
        members, scores = self.pairs(start, stop)
        if len(members) == 1:
            self.remove(members[0])
            return
        gone: i64 = 0
        for place in range(len(members)):
            gone += self._pair_bytes(members[place], scores[place])
        self.grow(-gone)
        if self._scores is not None:
            for member in members:
                self._scores.remove(member)
        self._root.cut(start, stop)
        self._root = shrunk(self._root)

    # ---- how it is held

    def is_large(self) -> bool:
        """Whether it is a skiplist."""
        return self._large

    def enlarge(self) -> None:
        """Makes it a skiplist."""
        self._large = True
        if self._scores is None:
            self._index()

    def _index(self) -> None:
        """Begins to hold the scores by member."""
        scores = Buckets()
        for span in self._spans(0, self._root.count):
            members = span.leaf.members
            shared: Any = span.leaf.scores
            for place in range(span.start, span.stop):
                scores.set(members[place], shared[place])
        self._scores = scores
        self.grow(_LARGE_BYTES * self._root.count)

    def _pair_bytes(self, member: bytes, score: float) -> i64:
        """Bytes that a pair takes."""
        each: i64 = _SMALL_BYTES if self._scores is None else _SMALL_BYTES + _LARGE_BYTES
        return each + text_bytes(len(member)) + _score_bytes(score)

    def _shared(self, score: float) -> Any:
        """A score as the object that is kept."""
        if -1.0 < score < 1024.0:
            whole = int(score)
            # Redis forgets the sign of -0 in a listpack.
            if whole == score and (whole or not self._large or math.copysign(1.0, score) > 0):
                return _SHARED[whole]
        return score


def _score_bytes(score: float) -> i64:
    """Bytes that the object of a score takes; those of `_SHARED` are there anyway."""
    return 0 if -1.0 < score < 1024.0 and int(score) == score else INT_BYTES


def sorted_set_of(scores: dict[bytes, float], settings: Settings) -> SortedSet:
    """The sorted set of these members with their scores."""
    made = SortedSet()
    longest = 0
    for member in scores:
        longest = max(longest, len(member))
    made.expect(len(scores), longest, settings)
    order = in_order(scores)
    members = [member for _, member in order]
    if made.is_large():
        made.fill([score for score, _ in order], members)
    else:
        made.fill([score + 0.0 for score, _ in order], members)  # no -0, see `_shared`
    return made


def in_order(scores: dict[bytes, float]) -> list[tuple[float, bytes]]:
    """Scores and members in the order of a sorted set."""
    return sorted([(score, member) for member, score in scores.items()])
