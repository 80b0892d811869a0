"""Unions, intersections and differences of sorted sets, and of sets as if all scores were 1.

Where infinities of both signs meet, and where an infinity is multiplied by 0, the score is 0.
"""

import math
from typing import Final

from nearkeep.engine.values.set import Set
from nearkeep.engine.values.zset import SortedSet

SUM: Final = b"SUM"
MIN: Final = b"MIN"
MAX: Final = b"MAX"

Source = SortedSet | Set | None


class Weighted:
    """A source, and what its scores are multiplied by."""

    def __init__(self, source: Source, weight: float) -> None:
        self.source = source
        self.weight = weight


def united(sources: list[Weighted], aggregate: bytes) -> dict[bytes, float]:
    """The members that any source has."""
    found: dict[bytes, float] = {}
    for one in _smallest_first(sources):
        scores = scores_of(one.source)
        for member, score in scores.items():
            weighted = _number(score * one.weight)
            known = found.get(member)
            found[member] = weighted if known is None else _joined(known, weighted, aggregate)
    return found


def shared(sources: list[Weighted], aggregate: bytes, limit: int = 0) -> dict[bytes, float]:
    """The members that all sources have; `limit` of them, 0 for all."""
    found: dict[bytes, float] = {}
    ordered = _smallest_first(sources)
    first = ordered[0]
    for member, score in scores_of(first.source).items():
        total = _number(score * first.weight)
        for other in ordered[1:]:
            another = _score_in(other.source, member)
            if another is None:
                break
            total = _joined(total, another * other.weight, aggregate)
        else:
            found[member] = total
            if len(found) == limit:
                break
    return found


def difference(sources: list[Weighted]) -> dict[bytes, float]:
    """The members of the first source that no other has."""
    found: dict[bytes, float] = {}
    for member, score in scores_of(sources[0].source).items():
        for other in sources[1:]:
            if _score_in(other.source, member) is not None:
                break
        else:
            found[member] = score
    return found


def scores_of(source: Source) -> dict[bytes, float]:
    """The scores of all members."""
    if source is None:
        return {}
    if isinstance(source, Set):
        return dict.fromkeys(source.members(), 1.0)
    members, scores = source.pairs(0, len(source))
    return dict(zip(members, scores, strict=True))


def _score_in(source: Source, member: bytes) -> float | None:
    if source is None:
        return None
    if isinstance(source, Set):
        return 1.0 if member in source else None
    return source.score(member)


def _smallest_first(sources: list[Weighted]) -> list[Weighted]:
    """In the order in which Redis adds up scores, which can tell in the last digit."""
    return sorted(sources, key=_size)


def _size(one: Weighted) -> int:
    return 0 if one.source is None else len(one.source)


def _number(score: float) -> float:
    return 0.0 if math.isnan(score) else score


def _joined(score: float, other: float, aggregate: bytes) -> float:
    if aggregate == SUM:
        return _number(score + other)
    if aggregate == MIN:
        return min(score, other)
    return max(score, other)
