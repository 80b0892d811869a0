"""Which key goes when memory is full.

What it must do: find, in a few microseconds and without an order that each read would have to
keep, a key whose loss costs little. Policies have Redis' names and meaning.

A victim is chosen from a sample, as in Redis: `maxmemory-samples` keys are drawn and join a pool of
the best candidates seen so far, and the best of the pool goes. All that a policy says is how good a
victim an entry is (`_rank`), so that another rule is one more branch there. Three things differ
from Redis, measured in docs/eviction.md:

- Uses are counted one by one, and told on Redis' logarithmic scale where asked for. LRU heeds them
  too, up to a few: a key that was used once is the victim of a scan before one that is used often.
- Twice as many keys are drawn.
- A key that was evicted is remembered for a while with its count (`recent.py`). If it returns soon
  it goes on from there, so what is asked for again and again stays in the end.

A policy that drops only what is held elsewhere too fits in as one more kind, whose `_drawn` offers
no other keys.

Sources: https://redis.io/docs/latest/develop/reference/eviction/; J. Yang et al., "FIFO queues are
all you need for cache eviction", SOSP 2023 (most keys are used once; remembering what has gone).
"""

from math import isqrt
from random import Random
from typing import Final

from mypy_extensions import i32, i64, mypyc_attr

from nearkeep.engine.keyspace import COUNT, TIME, Entry, Keyspace
from nearkeep.engine.recent import Recent
from nearkeep.engine.settings import Settings
from nearkeep.engine.values.footprint import Ledger

NONE: Final = 0
LRU: Final = 1
LFU: Final = 2
RANDOM: Final = 3
TTL: Final = 4

_KINDS: Final = {b"lru": LRU, b"lfu": LFU, b"random": RANDOM, b"ttl": TTL}

_DRAWS: Final = 2
"""Keys that are drawn for each of `maxmemory-samples`."""

_POOL: Final = 16
"""Candidates that are kept for the next time."""

_TOP: Final = 255
"""The highest frequency."""

_MOST_USES: Final = 1 << 30
_MOST_HEEDED: Final = 8
"""Uses beyond which LRU does not tell keys apart."""

FIRST: Final = 5
"""The frequency of a new key, so that it has a chance to be used again."""

_MINUTE: Final = 60_000
_SLOWEST: Final = 1 << 20
"""A logarithmic factor beyond which frequencies do not move."""

_LONGEST: Final = 1 << 42
"""Milliseconds; a key that was not used for longer is as old as one that was not for so long."""

_TIE: Final = 1 << 32
"""Range of the lot that LFU draws among keys that were used equally often: a loop over more keys
than there is room for then finds some of them."""

_BUDGET: Final = 500
_MOST_BUDGET: Final = 4000
"""Microseconds that a command is held up at most."""


@mypyc_attr(acyclic=True)
class Candidate:
    """A key that may be evicted.

    Attributes:
        db: the number of its database.
        rank: the higher, the better a victim.
    """

    def __init__(self, db: int, key: bytes, rank: i64) -> None:
        self.db = db
        self.key = key
        self.rank: i64 = rank


class Eviction:
    """Chooses victims by the policy of the settings.

    Attributes:
        limit: bytes that may be used, 0 for any number.
        kind: what the policy goes by: one of the constants.
        volatile: whether only keys that expire may be evicted.
        budget: microseconds that a command may be held up.
        stuck: whether at the last command there was no room and no key to evict.
    """

    def __init__(
        self, settings: Settings, databases: list[Keyspace], random: Random, ledger: Ledger
    ) -> None:
        self.limit: i64 = 0
        self.kind = NONE
        self.volatile = False
        self.budget: i64 = _BUDGET
        self.stuck = False
        self._settings = settings
        self._databases = databases
        self._random = random
        self._ledger = ledger
        self._samples = 5 * _DRAWS
        self._factor: i64 = 10
        self._decay: i64 = _MINUTE
        self._pool: list[Candidate] = []
        self._recent = Recent()
        self._turn = 0

    def configure(self) -> None:
        """Follows the settings."""
        settings = self._settings
        self.limit = min(settings.integer("maxmemory"), 1 << 62)
        words = settings.string("maxmemory-policy").split(b"-")
        self.kind = _KINDS.get(words[-1], NONE)
        self.volatile = words[0] == b"volatile"
        self.budget = _microseconds(settings.integer("maxmemory-eviction-tenacity"))
        self._samples = settings.integer("maxmemory-samples") * _DRAWS
        self._factor = min(settings.integer("lfu-log-factor"), _SLOWEST)
        self._decay = settings.integer("lfu-decay-time") * _MINUTE
        self._pool = []
        self._ledger.total -= self._recent.memory()
        self._recent.clear()
        for db in self._databases:
            db.touching = COUNT if self.by_use() else TIME

    def by_use(self) -> bool:
        """Whether the policy goes by when or how often keys are used."""
        return self.kind in (LRU, LFU)

    # ---- uses

    def used(self, entry: Entry, now: i64) -> None:
        """Counts a use of a key."""
        uses = self._uses(entry, now)
        if uses < _MOST_USES:
            uses += 1
        entry.uses = i32(uses)
        entry.access = now

    def frequency(self, entry: Entry, now: i64) -> i64:
        """How often a key is used, from 0 to 255 on Redis' scale, of which a new key has 5.

        That goes up by one with a probability that falls as it rises; here, when as many uses have
        come as that takes on average.
        """
        return min(FIRST + self._steps(self._uses(entry, now)), _TOP)

    def set_frequency(self, entry: Entry, frequency: i64) -> None:
        """Makes a key count as used as often as a frequency, from 0 to 255, says."""
        entry.uses = i32(min(self._least(frequency - FIRST), _MOST_USES))

    def _uses(self, entry: Entry, now: i64) -> i64:
        """How often a key was used: under LFU less and less, while it is not."""
        uses: i64 = i64(entry.uses)
        if self.kind != LFU or self._decay == 0:
            return uses
        periods = now // self._decay - entry.access // self._decay
        if periods <= 0:
            return uses
        steps = max(self._steps(uses) - periods, -FIRST)
        return self._least(steps)

    def _least(self, steps: i64) -> i64:
        """How many uses raise the frequency by so much."""
        return steps if steps <= 0 else steps * (steps - 1) // 2 * self._factor + steps

    def _steps(self, uses: i64) -> i64:
        """By how much so many uses raise the frequency; fewer than none have lowered it."""
        factor = self._factor
        if uses <= 0 or factor == 0:
            return uses
        # The root of: steps * (steps - 1) / 2 * factor + steps = uses
        half: i64 = factor - 2
        return (half + isqrt(int(half * half + 8 * factor * uses))) // (2 * factor)

    def first_uses(self, key: bytes) -> i32:
        """As how often used a key counts that comes."""
        return i32(self._recent.recall(key))

    def _remember(self, key: bytes, uses: i64) -> None:
        """Keeps how often an evicted key was used."""
        keys: i64 = 0
        for db in self._databases:
            keys += len(db)
        before = self._recent.memory()
        self._recent.note(key, max(uses + 1, 1), keys)
        self._ledger.total += self._recent.memory() - before

    # ---- victims

    def victim(self, now: i64) -> Candidate | None:
        """The key that is to go next; None if there is none that may."""
        if self.kind == NONE:
            return None
        if self.kind == RANDOM:
            return self._anyone()
        pool = self._pool
        for db in self._databases:
            if db.volatile if self.volatile else len(db):
                self._sample(db, now)
        while pool:
            best = pool.pop()
            db = self._databases[best.db]
            if not db.live(best.key):
                continue
            entry = db.entry(best.key)
            if self.volatile and entry.expiry == 0:
                continue
            if self.by_use():
                self._remember(best.key, self._uses(entry, now))
            return best
        return None

    def _anyone(self) -> Candidate | None:
        """A key at random, of each database in turn."""
        count = len(self._databases)
        for _ in range(count):
            self._turn = (self._turn + 1) % count
            db = self._databases[self._turn]
            if db.volatile if self.volatile else len(db):
                for entry in self._drawn(db, 1):
                    return Candidate(db.index, entry.key, 0)
        return None

    def _drawn(self, db: Keyspace, count: int) -> list[Entry]:
        if self.volatile:
            return db.volatile_some(self._random, count)
        size = len(db)
        return [db.entry_at(int(self._random.random() * size)) for _ in range(count)]

    def _sample(self, db: Keyspace, now: i64) -> None:
        """Lets some keys of a database into the pool."""
        pool = self._pool
        by_time = self.kind == TTL
        for entry in (
            db.soonest(self._random, self._samples) if by_time else self._drawn(db, self._samples)
        ):
            rank = self._rank(entry, now)
            full = len(pool) >= _POOL
            if full and rank <= pool[0].rank:
                continue
            place = len(pool)
            while place > 0 and pool[place - 1].rank > rank:
                place -= 1
            if place > 0 and pool[place - 1].key == entry.key and pool[place - 1].db == db.index:
                continue
            pool.insert(place, Candidate(db.index, entry.key, rank))
            if full:
                del pool[0]

    def _rank(self, entry: Entry, now: i64) -> i64:
        """How good a victim an entry is."""
        if self.kind == TTL:
            return -entry.expiry
        idle = min(max(now - entry.access, 0), _LONGEST)
        uses = self._uses(entry, now)
        if self.kind == LFU:
            return ((_MOST_USES - uses) << 32) + int(self._random.random() * _TIE)
        heeded = min(max(uses, 0) + 1, _MOST_HEEDED)
        return (idle << 16) // (heeded * heeded)


def _microseconds(tenacity: i64) -> i64:
    """How long `maxmemory-eviction-tenacity`, from 0 to 100, lets a command be held up."""
    if tenacity <= 10:
        return max(tenacity * _BUDGET // 10, 1)
    budget: i64 = _BUDGET
    while tenacity > 10 and budget < _MOST_BUDGET:
        budget = budget * 23 // 20
        tenacity -= 1
    return min(budget, _MOST_BUDGET)
