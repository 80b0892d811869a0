"""Recent messages of channels, for subscribers that come back.

Each channel that a rule of `channel-history` matches keeps a ring of its newest messages, bounded by
count, bytes and age. A message's id is `epoch-number`: numbers go up by one over all channels, so that one
id tells a subscriber's place in all of them, and the epoch tells this life of the server from another.
What a ring has let go of is remembered as a number alone, which is enough to say that there is a gap.

Publishing costs one look-up more; coming back costs the messages that are given.
"""

from collections import deque
from typing import Final

from nearkeep.engine.glob import matches
from nearkeep.engine.keyspace import Clock
from nearkeep.wire.reply import Push
from nearkeep.wire.request import parse_integer

MOST_RINGS: Final = 10_000
"""Channels that keep messages; beyond, those that were silent for longest are forgotten."""


class Rule:
    """What the channels that match a pattern keep; 0 is no limit."""

    def __init__(self, pattern: bytes, count: int, size: int, age_ms: int) -> None:
        self.pattern = pattern
        self.count = count
        self.size = size
        self.age_ms = age_ms


class Kept:
    """A message in a ring."""

    def __init__(self, number: int, at: int, channel: bytes, message: bytes) -> None:
        self.number = number
        self.at = at
        self.channel = channel
        self.message = message


class Ring:
    """The newest messages of one channel.

    Attributes:
        gone: the number of the last message that is no longer there.
    """

    def __init__(self, rule: Rule, gone: int) -> None:
        self.rule = rule
        self.gone = gone
        self.kept: deque[Kept] = deque()
        self.size = 0

    def add(self, one: Kept) -> None:
        self.kept.append(one)
        self.size += len(one.message)
        rule = self.rule
        while (rule.count and len(self.kept) > rule.count) or (rule.size and self.size > rule.size):
            self._drop()

    def age(self, now: int) -> None:
        """Lets go of what is too old."""
        if self.rule.age_ms:
            oldest = now - self.rule.age_ms
            while self.kept and self.kept[0].at < oldest:
                self._drop()

    def _drop(self) -> None:
        one = self.kept.popleft()
        self.size -= len(one.message)
        self.gone = one.number


class History:
    """The rings of a namespace."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: list[Rule] = []
        self._rings: dict[bytes, Ring] = {}  # the last to be published to stand last
        self._epoch = 0
        self._number = 0
        self._past: dict[bytes, int] = {}  # the last message of channels that keep none any more
        self._gone = 0  # the last message of those that are not even in there

    def configure(self, words: list[bytes]) -> None:
        """Follows `channel-history`: pattern, messages, bytes and seconds, repeatedly."""
        rules: list[Rule] = []
        for index in range(0, len(words) - 3, 4):
            numbers = [parse_integer(word) or 0 for word in words[index + 1 : index + 4]]
            rules.append(Rule(words[index], numbers[0], numbers[1], numbers[2] * 1000))
        self._rules = rules
        for channel in list(self._rings):
            rule = self._rule(channel)
            if rule is None:
                self._forget(channel)
            else:
                self._rings[channel].rule = rule

    def active(self) -> bool:
        """Whether any channel keeps messages."""
        return bool(self._rules)

    def _rule(self, channel: bytes) -> Rule | None:
        for rule in self._rules:
            if matches(rule.pattern, channel):
                return rule
        return None

    def _forget(self, channel: bytes) -> None:
        ring = self._rings.pop(channel)
        self._past[channel] = ring.kept[-1].number if ring.kept else ring.gone
        if len(self._past) > MOST_RINGS:
            eldest = next(iter(self._past))
            self._gone = max(self._gone, self._past.pop(eldest))

    def keep(self, channel: bytes, message: bytes) -> bytes:
        """Keeps a message, if its channel does; returns its id, else nothing."""
        ring = self._rings.pop(channel, None)
        if ring is None:
            rule = self._rule(channel)
            if rule is None:
                return b""
            ring = Ring(rule, self._past.pop(channel, self._gone))
            if len(self._rings) >= MOST_RINGS:
                self._forget(next(iter(self._rings)))
        self._rings[channel] = ring
        self._number += 1
        ring.add(Kept(self._number, self._clock.ms, channel, message))
        return self._id(self._number)

    def _id(self, number: int) -> bytes:
        if not self._epoch:
            self._epoch = self._clock.ms
        return b"%d-%d" % (self._epoch, number)

    def position(self) -> bytes:
        """The id of the last message, to come back with."""
        return self._id(self._number)

    def since(self, id_: bytes, channels: list[bytes], patterns: list[bytes]) -> list[Push]:
        """What subscribers have missed after an id, oldest first, and ahead of it gap markers.

        A gap marker, `gap <channel or pattern>`, says that messages may be missing there.
        """
        epoch, _, digits = id_.partition(b"-")
        number = parse_integer(digits)
        mine = self._id(self._number).partition(b"-")[0] == epoch
        if number is None or not mine or number > self._number:
            number = -1  # from another life: all that there is, and surely not all that was
        gaps: list[Push] = []
        found: list[tuple[int, Push]] = []
        for channel in channels:
            ring = self._rings.get(channel)
            if ring is not None:
                ring.age(self._clock.ms)
                self._gather(found, ring, number, b"")
            gone = self._past.get(channel, self._gone) if ring is None else ring.gone
            if number < gone or number < 0 or (ring is None and self._rule(channel) is None):
                gaps.append(Push([b"gap", channel]))
        for pattern in patterns:
            lacking = number < self._gone or number < 0 or not self._rules
            for channel, gone in self._past.items():
                lacking = lacking or (number < gone and matches(pattern, channel))
            for channel, ring in self._rings.items():
                if matches(pattern, channel):
                    ring.age(self._clock.ms)
                    self._gather(found, ring, number, pattern)
                    lacking = lacking or number < ring.gone
            if lacking:
                gaps.append(Push([b"gap", pattern]))
        found.sort(key=_number)
        return gaps + [push for _, push in found]

    def _gather(
        self, found: list[tuple[int, Push]], ring: Ring, number: int, pattern: bytes
    ) -> None:
        for one in reversed(ring.kept):
            if one.number <= number:
                break
            items: list[object] = [b"message", one.channel, one.message]
            if pattern:
                items = [b"pmessage", pattern, one.channel, one.message]
            push = Push(items)
            push.id = self._id(one.number)
            found.append((one.number, push))

    def step(self, limit: int) -> None:
        """Lets go of old messages of some channels, the longest silent first."""
        now = self._clock.ms
        emptied: list[bytes] = []
        for channel, ring in self._rings.items():
            limit -= 1
            if limit < 0:
                break
            ring.age(now)
            if not ring.kept:
                emptied.append(channel)
        for channel in emptied:
            self._forget(channel)


def _number(one: tuple[int, Push]) -> int:
    return one[0]
