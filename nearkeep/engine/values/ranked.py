"""Members in the order of their scores, equal scores in the order of the members' bytes.

What it must do: add and remove a pair, and tell its rank or the pair of a rank, in O(log n); hand
out or cut out a range of m of them in O(log n + m).

It is a B+ tree. A leaf holds up to `LEAF` pairs in two lists, so that a pair costs two pointers and
searching stays in few cache lines; a branch holds up to `FAN` nodes. Every node knows how many pairs
are beneath it, which gives the ranks. All ranges, whether of ranks, scores or names, are told as two
ranks: the first that is in and the first that is not.

A node's `low_score` and `low_member` part it from its elder siblings: what is before that pair is in
them. It need not be in the tree any more, and in the first child of a branch it means nothing.
"""

from typing import Any, Final

from mypy_extensions import i64, mypyc_attr

from nearkeep.engine.values.footprint import shell_bytes

LEAF: Final = 256
FAN: Final = 64


@mypyc_attr(acyclic=True)
class Node:
    """A leaf or a branch.

    Attributes:
        count: how many pairs are in it.
    """

    def __init__(self) -> None:
        self.count: i64 = 0
        self.low_score = 0.0
        self.low_member = b""

    def add(self, score: float, shared: Any, member: bytes) -> "Node | None":
        """Adds a pair that is not there; a new sibling that comes next after it, if it was full.

        `shared` is the score, as the object to be kept.
        """
        raise NotImplementedError

    def remove(self, score: float, member: bytes) -> None:
        """Removes a pair, which must be there."""
        raise NotImplementedError

    def move(self, score: float, new: float, shared: Any, member: bytes) -> bool:
        """Gives a member another score, as `shared`, if it can stay where it is; else removes it.

        Returns whether it is still there.
        """
        raise NotImplementedError

    def before(self, score: float, member: bytes) -> i64:
        """How many pairs come before this one, which need not be there."""
        raise NotImplementedError

    def before_score(self, score: float, inclusive: bool) -> i64:
        """How many pairs have a lower score, or if inclusive one that is no higher."""
        raise NotImplementedError

    def before_name(self, member: bytes) -> i64:
        """How many members come before this one, where all scores are equal."""
        raise NotImplementedError

    def find(self, member: bytes) -> float | None:
        """The score of a member, by looking at each."""
        raise NotImplementedError

    def spans(self, start: i64, stop: i64, found: "list[Span]") -> None:
        """Adds to `found` where the pairs of these ranks are."""
        raise NotImplementedError

    def cut(self, start: i64, stop: i64) -> None:
        """Removes the pairs of these ranks."""
        raise NotImplementedError

    def shed(self, limit: i64) -> i64:
        """Frees about `limit` pairs at the end; how many it were."""
        raise NotImplementedError

    def width(self) -> i64:
        """How many places are taken in the node itself."""
        raise NotImplementedError

    def absorb(self, other: "Node") -> None:
        """Takes over what is in the next sibling, which is of the same kind."""
        raise NotImplementedError


@mypyc_attr(acyclic=True)
class Leaf(Node):
    """Pairs themselves.

    Attributes:
        scores, members: parallel lists; to be read only.
    """

    def __init__(self, scores: list[float], members: list[bytes]) -> None:
        super().__init__()
        self.scores = scores
        self.members = members
        self.count = len(members)
        if members:
            self.low_score = scores[0]
            self.low_member = members[0]

    def before(self, score: float, member: bytes) -> i64:
        scores = self.scores
        low: i64 = 0
        high: i64 = self.count
        while low < high:
            middle = (low + high) >> 1
            other = scores[middle]
            if other < score or (other == score and self.members[middle] < member):
                low = middle + 1
            else:
                high = middle
        return low

    def before_score(self, score: float, inclusive: bool) -> i64:
        scores = self.scores
        low: i64 = 0
        high: i64 = self.count
        while low < high:
            middle = (low + high) >> 1
            other = scores[middle]
            if other < score or (inclusive and other == score):
                low = middle + 1
            else:
                high = middle
        return low

    def before_name(self, member: bytes) -> i64:
        members = self.members
        low: i64 = 0
        high: i64 = self.count
        while low < high:
            middle = (low + high) >> 1
            if members[middle] < member:
                low = middle + 1
            else:
                high = middle
        return low

    def add(self, score: float, shared: Any, member: bytes) -> Node | None:
        scores = self.scores
        members = self.members
        place = self.before(score, member)
        scores.insert(place, shared)
        members.insert(place, member)
        self.count += 1
        if self.count <= LEAF:
            return None
        # Who only ever adds at the end leaves full leaves behind.
        half = self.count - 1 if place == LEAF else self.count >> 1
        sibling = Leaf(scores[half:], members[half:])
        self.scores = scores[:half]
        self.members = members[:half]
        self.count = half
        return sibling

    def remove(self, score: float, member: bytes) -> None:
        place = self.before(score, member)
        self.scores.pop(place)
        self.members.pop(place)
        self.count -= 1

    def move(self, score: float, new: float, shared: Any, member: bytes) -> bool:
        scores = self.scores
        place = self.before(score, member)
        if new > score:
            other = place + 1
            stays = other < self.count and (
                new < scores[other] or (new == scores[other] and member < self.members[other])
            )
        else:
            other = place - 1
            stays = place > 0 and (
                new > scores[other] or (new == scores[other] and member > self.members[other])
            )
        if stays:
            scores[place] = shared
            return True
        scores.pop(place)
        self.members.pop(place)
        self.count -= 1
        return False

    def find(self, member: bytes) -> float | None:
        members = self.members
        for place in range(self.count):
            if members[place] == member:
                return self.scores[place]
        return None

    def spans(self, start: i64, stop: i64, found: "list[Span]") -> None:
        found.append(Span(self, start, stop))

    def cut(self, start: i64, stop: i64) -> None:
        del self.scores[start:stop]
        del self.members[start:stop]
        self.count -= stop - start

    def shed(self, limit: i64) -> i64:
        freed = self.count
        self.scores = []
        self.members = []
        self.count = 0
        return freed

    def width(self) -> i64:
        return self.count

    def absorb(self, other: Node) -> None:
        assert isinstance(other, Leaf)
        self.scores += other.scores
        self.members += other.members
        self.count += other.count


LEAF_BYTES = shell_bytes(Leaf([], [])) + 2 * 72
"""What a leaf takes without its pairs: itself and two lists."""


@mypyc_attr(acyclic=True)
class Branch(Node):
    """Nodes in their order, all of the same depth."""

    def __init__(self, children: list[Node]) -> None:
        super().__init__()
        self.children = children
        for child in children:
            self.count += child.count
        self.low_score = children[0].low_score
        self.low_member = children[0].low_member

    def _place(self, score: float, member: bytes) -> i64:
        """The child in which a pair is, or would be."""
        children = self.children
        low: i64 = 1
        high: i64 = len(children)
        while low < high:
            middle = (low + high) >> 1
            child = children[middle]
            other = child.low_score
            if other < score or (other == score and child.low_member <= member):
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _place_of_score(self, score: float, inclusive: bool) -> i64:
        children = self.children
        low: i64 = 1
        high: i64 = len(children)
        while low < high:
            middle = (low + high) >> 1
            other = children[middle].low_score
            if other < score or (inclusive and other == score):
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _place_of_name(self, member: bytes) -> i64:
        children = self.children
        low: i64 = 1
        high: i64 = len(children)
        while low < high:
            middle = (low + high) >> 1
            if children[middle].low_member <= member:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _start(self, place: i64) -> i64:
        """The rank of the first pair of a child."""
        total: i64 = 0
        children = self.children
        for index in range(place):
            total += children[index].count
        return total

    def before(self, score: float, member: bytes) -> i64:
        place = self._place(score, member)
        return self._start(place) + self.children[place].before(score, member)

    def before_score(self, score: float, inclusive: bool) -> i64:
        place = self._place_of_score(score, inclusive)
        return self._start(place) + self.children[place].before_score(score, inclusive)

    def before_name(self, member: bytes) -> i64:
        place = self._place_of_name(member)
        return self._start(place) + self.children[place].before_name(member)

    def add(self, score: float, shared: Any, member: bytes) -> Node | None:
        place = self._place(score, member)
        children = self.children
        self.count += 1
        sibling = children[place].add(score, shared, member)
        if sibling is None:
            return None
        children.insert(place + 1, sibling)
        size: i64 = len(children)
        if size <= FAN:
            return None
        half = size - 1 if place == FAN - 1 else size >> 1
        other = Branch(children[half:])
        del children[half:]
        self.count -= other.count
        return other

    def remove(self, score: float, member: bytes) -> None:
        place = self._place(score, member)
        child = self.children[place]
        child.remove(score, member)
        self.count -= 1
        self._mend(place)

    def move(self, score: float, new: float, shared: Any, member: bytes) -> bool:
        place = self._place(score, member)
        if self.children[place].move(score, new, shared, member):
            return True
        self.count -= 1
        self._mend(place)
        return False

    def _mend(self, place: i64) -> None:
        """Joins a child that has become too small with a neighbour."""
        children = self.children
        child = children[place]
        if child.count == 0:
            del children[place]
            return
        most: i64 = LEAF if isinstance(child, Leaf) else FAN
        if child.width() * 4 > most or len(children) == 1:
            return
        left = place - 1 if place > 0 else place
        if children[left].width() + children[left + 1].width() <= most * 3 // 4:
            children[left].absorb(children[left + 1])
            del children[left + 1]

    def find(self, member: bytes) -> float | None:
        for child in self.children:
            score = child.find(member)
            if score is not None:
                return score
        return None

    def spans(self, start: i64, stop: i64, found: "list[Span]") -> None:
        for child in self.children:
            size = child.count
            if start < size:
                child.spans(max(start, 0), min(stop, size), found)
            start -= size
            stop -= size
            if stop <= 0:
                break

    def cut(self, start: i64, stop: i64) -> None:
        self.count -= stop - start
        first: i64 = 0
        while start >= self.children[first].count:
            start -= self.children[first].count
            stop -= self.children[first].count
            first += 1
        last = first
        while stop > 0:
            child = self.children[last]
            size = child.count
            child.cut(max(start, 0), min(stop, size))
            start -= size
            stop -= size
            last += 1
        # Of those that were cut only the outer two can have anything left.
        kept = [child for child in self.children[first:last] if child.count]
        self.children[first:last] = kept
        for place in range(first + len(kept) - 1, first - 1, -1):
            self._mend(place)

    def shed(self, limit: i64) -> i64:
        freed: i64 = 0
        children = self.children
        while children and freed < limit:
            child = children[len(children) - 1]
            freed += child.shed(limit - freed)
            if child.count == 0:
                children.pop()
        self.count -= freed
        return freed

    def width(self) -> i64:
        return len(self.children)

    def absorb(self, other: Node) -> None:
        assert isinstance(other, Branch)
        first = other.children[0]
        first.low_score = other.low_score
        first.low_member = other.low_member
        self.children += other.children
        self.count += other.count


@mypyc_attr(acyclic=True)
class Span:
    """The pairs of a leaf from one place to another."""

    def __init__(self, leaf: Leaf, start: i64, stop: i64) -> None:
        self.leaf = leaf
        self.start = start
        self.stop = stop


def grown(root: Node, sibling: Node | None) -> Node:
    """The root of a tree, after adding has made it a sibling."""
    return root if sibling is None else Branch([root, sibling])


def shrunk(root: Node) -> Node:
    """The root of a tree, after removing."""
    while isinstance(root, Branch) and len(root.children) <= 1:
        if not root.children:
            return Leaf([], [])
        root = root.children[0]
    return root


def tree(scores: list[float], members: list[bytes]) -> Node:
    """The tree of pairs that are in order."""
    if len(members) <= LEAF:
        return Leaf(scores, members)
    nodes: list[Node] = []
    for start in range(0, len(members), LEAF):
        nodes.append(Leaf(scores[start : start + LEAF], members[start : start + LEAF]))
    while len(nodes) > 1:
        nodes = [Branch(nodes[start : start + FAN]) for start in range(0, len(nodes), FAN)]
    return nodes[0]
